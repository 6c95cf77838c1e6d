"""squeue `-O` 的字段名；有字母的字段就是 `queue.CODES` 的那一个。

来源：squeue(1) 的“--Format”；手册没有写而 22.05 版认得的旧名也在。
"""

from __future__ import annotations

from scns.cli.columns import Field
from scns.cli.fields import queue, sql

#: 名字到字母。
_LETTERS = {
    "account": "a",
    "arrayjobid": "F",
    "arraytaskid": "K",
    "batchhost": "B",
    "command": "o",
    "comment": "k",
    "contiguous": "O",
    "cores": "I",
    "corespec": "X",
    "dependency": "E",
    "endtime": "e",
    "feature": "f",
    "gres": "b",
    "groupid": "G",
    "groupname": "g",
    "jobarrayid": "i",
    "jobid": "A",
    "licenses": "W",
    "mincpus": "c",
    "minmemory": "m",
    "mintmpdisk": "d",
    "name": "j",
    "nice": "y",
    "nodelist": "N",
    "numcpus": "C",
    "numnodes": "D",
    "oversubscribe": "h",
    "partition": "P",
    "priority": "p",
    "prioritylong": "Q",
    "qos": "q",
    "reason": "r",
    "reasonlist": "R",
    "reqnodes": "n",
    "reservation": "v",
    "schednodes": "Y",
    "sct": "z",
    "selectjobinfo": "s",
    "shared": "h",
    "sockets": "H",
    "starttime": "S",
    "state": "T",
    "statecompact": "t",
    "submittime": "V",
    "threads": "J",
    "timeleft": "L",
    "timelimit": "l",
    "timeused": "M",
    "tres-per-node": "b",
    "userid": "U",
    "username": "u",
    "wckey": "w",
    "workdir": "Z",
}

_NOTHING = "'(null)'::text"
_ABSENT = "'N/A'::text"
_ZERO = "'0'::text"


def _tasks_per(what: str) -> str:
    return queue.option(f"tasks_per_{what}", "N/A")


#: 没有字母的字段：小写的名字到字段。
_OTHERS = {
    "accruetime": Field("ACCRUE_TIME", queue.ELIGIBLE, moment=True),
    "admin_comment": Field("ADMIN_COMMENT", _NOTHING),
    "allocnodes": Field("ALLOC_NODES", "coalesce(nullif(q.submit_host, ''), '(null)')"),
    "allocsid": Field("ALLOC_SID", _ZERO),
    "associd": Field("ASSOC_ID", _ZERO),
    "batchflag": Field("BATCH_FLAG", "q.batch::int::text"),
    "boardspernode": Field("BOARDS_PER_NODE", _ZERO),
    "burstbuffer": Field("BURST_BUFFER", queue.option("burst_buffer", "(null)")),
    "burstbufferstate": Field("BURST_BUFFER_STATE", _NOTHING),
    "cluster": Field("CLUSTER", queue.CLUSTER),
    "clusterfeature": Field("CLUSTER_FEATURES", _NOTHING),
    "container": Field("CONTAINER", _NOTHING),
    "cpus-per-task": Field("CPUS_PER_TASK", "q.cpus_per_task::text"),
    "cpus-per-tres": Field("CPUS_PER_TRES", queue.tres(("cpus_per_gpu", "gres:gpu:"))),
    "deadline": Field("DEADLINE", "q.deadline", moment=True),
    "delayboot": Field("DELAY_BOOT", sql.duration(f"{queue.option('delay_boot', '0')}::int")),
    "derivedec": Field(
        "DERIVED_EC",
        "coalesce((SELECT max(t.exit_code * 256) FROM scns.step_list t WHERE t.job_id = q.id"
        " AND t.attempt = q.attempt AND t.step_id >= 0), 0)::text",
    ),
    "eligibletime": Field("ELIGIBLE_TIME", queue.ELIGIBLE, moment=True),
    # wait(2) 的状态字，与 22.05 版一样原样印出
    "exit_code": Field(
        "EXIT_CODE", "(coalesce(q.exit_code, 0) * 256 + coalesce(q.exit_signal, 0))::text"
    ),
    "hetjobid": Field("HET_JOB_ID", _ABSENT),
    "hetjobidset": Field("HET_JOB_ID_SET", _ABSENT),
    "hetjoboffset": Field("HET_JOB_OFFSET", _ABSENT),
    "lastschedeval": Field(
        "LAST_SCHED_EVAL", "coalesce(q.start_time, q.end_time, q.submit_time)", moment=True
    ),
    "maxcpus": Field("MAX_CPUS", "q.cpus::text"),
    "maxnodes": Field("MAX_NODES", "coalesce(q.nodes_max, q.nodes_min)::text"),
    "mcslabel": Field("MCSLABEL", queue.option("mcs_label", "(null)")),
    "mem-per-tres": Field("MEM_PER_TRES", queue.tres(("memory_per_gpu", "gres:gpu:"))),
    "mintime": Field("TIME_MIN", sql.duration("coalesce(q.time_min, 0)")),
    "network": Field("NETWORK", queue.option("network", "(null)")),
    "ntperboard": Field("NTASKS_PER_BOARD", _ZERO),
    "ntpercore": Field("NTASKS_PER_CORE", _tasks_per("core")),
    "ntpernode": Field("NTASKS_PER_NODE", "coalesce(q.tasks_per_node, 0)::text"),
    "ntpersocket": Field("NTASKS_PER_SOCKET", _tasks_per("socket")),
    "numtasks": Field("TASKS", "q.tasks::text"),
    "origin": Field("ORIGIN", "'NA'::text"),
    "originraw": Field("ORIGIN_RAW", "'NA'::text"),
    "pendingtime": Field(
        "PENDING_TIME",
        "floor(extract(epoch FROM coalesce(q.start_time, q.end_time, now())"
        " - q.submit_time))::int::text",
    ),
    "preempttime": Field("PREEMPT_TIME", _ABSENT),
    "prefer": Field("PREFER", queue.option("prefer", "(null)")),
    "profile": Field("PROFILE", "coalesce(initcap(q.options ->> 'profile'), 'NotSet')"),
    "reboot": Field("REBOOT", _ZERO),
    "reqswitch": Field(
        "REQ_SWITCH", "coalesce(nullif(split_part(q.options ->> 'switches', '@', 1), ''), '0')"
    ),
    "requeue": Field("REQUEUE", "q.requeue::int::text"),
    "resizetime": Field("RESIZE_TIME", _ABSENT),
    "restartcnt": Field("RESTART_COUNT", "q.restarts::text"),
    "siblingsactive": Field("ACTIVE_SIBLINGS", "'NA'::text"),
    "siblingsactiveraw": Field("ACTIVE_SIBLINGS_RAW", "'NA'::text"),
    "siblingsviable": Field("VIABLE_SIBLINGS", "'NA'::text"),
    # 表头照 22.05 版的拼法
    "siblingsviableraw": Field("VIALBLE_SIBLINGS_RAW", "'NA'::text"),
    "sperboard": Field("SOCKETS_PER_BOARD", _ZERO),
    "stderr": Field("STDERR", queue.path(f"coalesce(q.standard_error, {queue.OUTPUT})")),
    "stdin": Field("STDIN", queue.path("coalesce(q.standard_input, '/dev/null')")),
    "stdout": Field("STDOUT", queue.path(queue.OUTPUT)),
    "system_comment": Field("SYSTEM_COMMENT", _NOTHING),
    "tres-alloc": Field("TRES_ALLOC", queue.TRES),
    "tres-bind": Field("TRES_BIND", queue.option("gpu_bind", "N/A")),
    "tres-freq": Field("TRES_FREQ", queue.option("gpu_freq", "N/A")),
    "tres-per-job": Field("TRES_PER_JOB", queue.tres(("gpus", "gres:gpu:"))),
    "tres-per-socket": Field("TRES_PER_SOCKET", queue.tres(("gpus_per_socket", "gres:gpu:"))),
    "tres-per-task": Field("TRES_PER_TASK", queue.tres(("gpus_per_task", "gres:gpu:"))),
    "wait4switch": Field("WAIT4SWITCH", sql.duration(queue.SWITCH_WAIT)),
}

#: 旧名到现在的名字。
_ALIASES = {
    "cpuspertask": "cpus-per-task",
    "numtask": "numtasks",
    "packjobid": "hetjobid",
    "packjobidset": "hetjobidset",
    "packjoboffset": "hetjoboffset",
    "tres": "tres-alloc",
}

#: `-O` 的小写名字到字段。
NAMES = {
    **{name: queue.CODES[letter] for name, letter in _LETTERS.items()},
    **_OTHERS,
    **{alias: _OTHERS[name] for alias, name in _ALIASES.items()},
}
