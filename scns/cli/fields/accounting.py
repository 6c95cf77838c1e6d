"""sacct 的字段：名字、默认宽度与排法，次序就是 `--helpformat` 的，也是缩写的先后。

来源：sacct(1) “--format”与“--helpformat”，22.05 版。
"""

from __future__ import annotations

# 放不下时怎样截断。
TEXT = "text"  # 截断处是 `+`
DATE = "date"  # 截断，不加记号
NUMBER = "number"  # 不截断
CLOCK = "clock"  # 不截断

#: 名字、宽度（负数靠左）、排法。
FIELDS: tuple[tuple[str, int, str], ...] = (
    ("Account", 10, TEXT),
    ("AdminComment", 15, TEXT),
    ("AllocCPUS", 10, NUMBER),
    ("AllocNodes", 10, TEXT),
    ("AllocTRES", 10, TEXT),
    ("AssocID", 7, NUMBER),
    ("AveCPU", 10, TEXT),
    ("AveCPUFreq", 10, TEXT),
    ("AveDiskRead", 14, TEXT),
    ("AveDiskWrite", 14, TEXT),
    ("AvePages", 10, TEXT),
    ("AveRSS", 10, TEXT),
    ("AveVMSize", 10, TEXT),
    ("BlockID", 16, TEXT),
    ("Cluster", 10, TEXT),
    ("Comment", 14, TEXT),
    ("Constraints", 19, TEXT),
    ("ConsumedEnergy", 14, TEXT),
    ("ConsumedEnergyRaw", 17, NUMBER),
    ("Container", 19, TEXT),
    ("CPUTime", 10, CLOCK),
    ("CPUTimeRAW", 10, NUMBER),
    ("DBIndex", 10, NUMBER),
    ("DerivedExitCode", 15, TEXT),
    ("Elapsed", 10, CLOCK),
    ("ElapsedRaw", 10, NUMBER),
    ("Eligible", 19, DATE),
    ("End", 19, DATE),
    ("ExitCode", 8, TEXT),
    ("Flags", 19, TEXT),
    ("GID", 6, NUMBER),
    ("Group", 9, TEXT),
    ("JobID", -12, TEXT),
    ("JobIDRaw", -12, TEXT),
    ("JobName", 10, TEXT),
    ("Layout", 9, TEXT),
    ("MaxDiskRead", 12, TEXT),
    ("MaxDiskReadNode", 15, TEXT),
    ("MaxDiskReadTask", 15, NUMBER),
    ("MaxDiskWrite", 12, TEXT),
    ("MaxDiskWriteNode", 16, TEXT),
    ("MaxDiskWriteTask", 16, NUMBER),
    ("MaxPages", 8, TEXT),
    ("MaxPagesNode", 12, TEXT),
    ("MaxPagesTask", 14, NUMBER),
    ("MaxRSS", 10, TEXT),
    ("MaxRSSNode", 10, TEXT),
    ("MaxRSSTask", 10, NUMBER),
    ("MaxVMSize", 10, TEXT),
    ("MaxVMSizeNode", 14, TEXT),
    ("MaxVMSizeTask", 14, NUMBER),
    ("McsLabel", 12, TEXT),
    ("MinCPU", 10, TEXT),
    ("MinCPUNode", 10, TEXT),
    ("MinCPUTask", 10, NUMBER),
    ("NCPUS", 10, NUMBER),
    ("NNodes", 8, NUMBER),
    ("NodeList", 15, TEXT),
    ("NTasks", 8, NUMBER),
    ("Partition", 10, TEXT),
    ("Priority", 10, NUMBER),
    ("QOS", 10, TEXT),
    ("QOSRAW", 6, NUMBER),
    ("Reason", 22, TEXT),
    ("ReqCPUFreq", 10, TEXT),
    ("ReqCPUFreqGov", 13, TEXT),
    ("ReqCPUFreqMax", 13, TEXT),
    ("ReqCPUFreqMin", 13, TEXT),
    ("ReqCPUS", 8, NUMBER),
    ("ReqMem", 10, TEXT),
    ("ReqNodes", 8, TEXT),
    ("ReqTRES", 10, TEXT),
    ("Reservation", 20, TEXT),
    ("ReservationId", 8, NUMBER),
    ("Reserved", 10, CLOCK),
    ("ResvCPU", 10, CLOCK),
    ("ResvCPURAW", 10, NUMBER),
    ("Start", 19, DATE),
    ("State", 10, TEXT),
    ("Submit", 19, DATE),
    ("SubmitLine", 20, TEXT),
    ("Suspended", 10, CLOCK),
    ("SystemComment", 15, TEXT),
    ("SystemCPU", 10, TEXT),
    ("Timelimit", 10, TEXT),
    ("TimelimitRaw", 10, TEXT),
    ("TotalCPU", 10, TEXT),
    ("TRESUsageInAve", 14, TEXT),
    ("TRESUsageInMax", 14, TEXT),
    ("TRESUsageInMaxNode", 18, TEXT),
    ("TRESUsageInMaxTask", 18, TEXT),
    ("TRESUsageInMin", 14, TEXT),
    ("TRESUsageInMinNode", 18, TEXT),
    ("TRESUsageInMinTask", 18, TEXT),
    ("TRESUsageInTot", 14, TEXT),
    ("TRESUsageOutAve", 15, TEXT),
    ("TRESUsageOutMax", 15, TEXT),
    ("TRESUsageOutMaxNode", 19, TEXT),
    ("TRESUsageOutMaxTask", 19, TEXT),
    ("TRESUsageOutMin", 15, TEXT),
    ("TRESUsageOutMinNode", 19, TEXT),
    ("TRESUsageOutMinTask", 19, TEXT),
    ("TRESUsageOutTot", 15, TEXT),
    ("UID", 6, NUMBER),
    ("User", 9, TEXT),
    ("UserCPU", 10, TEXT),
    ("WCKey", 10, TEXT),
    ("WCKeyID", 10, NUMBER),
    ("WorkDir", 20, TEXT),
)

#: 没有写 `-o` 时的列。
DEFAULT = "jobid,jobname,partition,account,alloccpus,state,exitcode"

#: `-b` 添上的列。
BRIEF = "jobid,state,exitcode"

#: `-l` 的列。
LONG = (
    "jobid,jobidraw,jobname,partition,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,"
    "maxrssnode,maxrsstask,averss,maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,"
    "mincputask,avecpu,ntasks,alloccpus,elapsed,state,exitcode,avecpufreq,reqcpufreqmin,"
    "reqcpufreqmax,reqcpufreqgov,reqmem,consumedenergy,maxdiskread,maxdiskreadnode,"
    "maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,maxdiskwritetask,avediskwrite,"
    "reqtres,alloctres,tresusageinave,tresusageinmax,tresusageinmaxnode,tresusageinmaxtask,"
    "tresusageinmin,tresusageinminnode,tresusageinmintask,tresusageintot,tresusageoutmax,"
    "tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutave,tresusageouttot"
)
