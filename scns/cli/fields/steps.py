"""squeue -s 的作业步字段；写在 `jobs` 的一行 `q` 与视图 `step_list` 的一行 `t` 上。

来源：squeue(1) 的“--format”“--Format”；缺省值照 22.05 版的输出。
"""

from __future__ import annotations

from scns.cli.columns import Field
from scns.cli.fields import sql
from scns.cli.fields.queue import CLUSTER, both

#: 作业步号的负数。来源：slurm.h “SLURM_BATCH_SCRIPT”等。
NAMED = {"interactive": -6, "batch": -5, "extern": -4}

_STEP = (
    "CASE t.step_id "
    + " ".join(f"WHEN {number} THEN '{name}'" for name, number in NAMED.items())
    + " ELSE t.step_id::text END"
)
_NOTHING = "'(null)'::text"
_USED = "floor(extract(epoch FROM now() - t.start_time))::int"

_ID = Field(
    "STEPID",
    "CASE WHEN q.array_task_id IS NULL THEN q.id::text"
    f" ELSE q.array_job_id || '_' || q.array_task_id END || '.' || {_STEP}",
)
_TASKS = Field("TASKS", "t.tasks::text")
_NAME = Field("NAME", "t.name")
_LIMIT = Field("TIME_LIMIT", "'UNLIMITED'::text")
_TIME = Field("TIME", sql.duration(_USED), uncut="true")
_NODES = Field("NODELIST", "t.node_list", whole=True, uncut="true")
_PARTITION = Field("PARTITION", "q.partition")
_START = Field("START_TIME", "t.start_time", moment=True)
_USER = Field("USER", "q.owner")
_UID = Field("UID", "q.uid::text")
_PER_STEP = Field("TRES_PER_STEP", _NOTHING)
# 表头照 22.05 版的样子
_PER_JOB = Field("TRES_PER_JOB", _NOTHING)

#: 字母到字段。
CODES = {
    "A": _TASKS,
    "b": _PER_JOB,
    "i": _ID,
    "j": _NAME,
    "l": _LIMIT,
    "M": _TIME,
    "N": _NODES,
    "P": _PARTITION,
    "S": _START,
    "u": _USER,
    "U": _UID,
}

#: `-O` 的小写名字到字段。
NAMES = {
    "arrayjobid": Field("ARRAY_JOB_ID", "coalesce(q.array_job_id, 0)::text"),
    "arraytaskid": Field("ARRAY_TASK_ID", "coalesce(q.array_task_id::text, 'N/A')"),
    "cluster": Field("CLUSTER", CLUSTER),
    "container": Field("CONTAINER", _NOTHING),
    "cpufreq": Field("CPU_FREQ", "'0-0:0'::text"),
    "cpus-per-tres": Field("CPUS_PER_TRES", _NOTHING),
    "gres": _PER_JOB,
    "jobid": Field("JOB_ID", "q.id::text"),
    "mem-per-tres": Field("MEM_PER_TRES", _NOTHING),
    "network": Field("NETWORK", _NOTHING),
    "nodes": _NODES,
    # 批处理步不另占 CPU
    "numcpus": Field("NUM_CPUS", "CASE WHEN t.step_id < 0 THEN '0' ELSE t.cpus::text END"),
    "numtasks": _TASKS,
    "partition": _PARTITION,
    "resvports": Field("RESERVED_PORTS", _NOTHING),
    "starttime": _START,
    "stepid": _ID,
    "stepname": _NAME,
    "stepstate": Field("STATE", "t.state"),
    "timelimit": _LIMIT,
    "timeused": _TIME,
    "tres-bind": Field("TRES_BIND", _NOTHING),
    "tres-freq": Field("TRES_FREQ", _NOTHING),
    "tres-per-job": _PER_STEP,
    "tres-per-node": _PER_JOB,
    "tres-per-socket": Field("TRES_PER_SOCKET", _NOTHING),
    "tres-per-step": _PER_STEP,
    "tres-per-task": Field("TRES_PER_TASK", _NOTHING),
    "userid": _UID,
    "username": _USER,
}

#: 排序键的字母到（升序，降序）；批处理步排在编号的后面。
SORT = {
    "i": both("q.id", "t.step_id < 0", "t.step_id"),
    "l": ("", ""),
    "M": both(_USED),
    "N": both('t.node_list COLLATE "C"'),
    "P": both('q.partition COLLATE "C"'),
    "S": both("t.start_time"),
    "u": both('q.owner COLLATE "C"'),
    "U": both("q.uid"),
}

#: 分不出先后时的次序。
TIE = "q.id, t.step_id"
