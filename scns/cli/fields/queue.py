"""squeue 的字段：每个字段一条 SQL 表达式，整行由服务器排好。

表达式都是 text，写在 `SOURCE` 的别名 `q` 上；NULL 在这里就换成 Slurm 的说法。

来源：squeue(1) 的“--format”“--Format”；缺省值照 22.05 版的输出。
"""

from __future__ import annotations

from scns.cli.columns import Field

#: 活动的状态；写成与部分索引 `job_active` 同样的条件，服务器才用得上它。
ACTIVE = ("COMPLETING", "PENDING", "RUNNING", "SUSPENDED")

#: 状态的全名到缩写，`-t` 也认缩写。来源：squeue(1) “JOB STATE CODES”。
SHORT = {
    "PENDING": "PD",
    "RUNNING": "R",
    "SUSPENDED": "S",
    "COMPLETED": "CD",
    "CANCELLED": "CA",
    "FAILED": "F",
    "TIMEOUT": "TO",
    "NODE_FAIL": "NF",
    "PREEMPTED": "PR",
    "BOOT_FAIL": "BF",
    "DEADLINE": "DL",
    "OUT_OF_MEMORY": "OOM",
    "COMPLETING": "CG",
    "CONFIGURING": "CF",
    "RESIZING": "RS",
    "RESV_DEL_HOLD": "RD",
    "REQUEUED": "RQ",
    "REQUEUE_FED": "RF",
    "REQUEUE_HOLD": "RH",
    "REVOKED": "RV",
    "SIGNALING": "SI",
    "SPECIAL_EXIT": "SE",
    "STAGE_OUT": "SO",
    "STOPPED": "ST",
}


def duration(seconds: str) -> str:
    """把整数秒的表达式排成 `M:SS`、`H:MM:SS` 或 `D-HH:MM:SS`。"""
    clock = f"make_interval(secs => ({seconds}) %% 86400)"
    return (
        f"CASE WHEN ({seconds}) < 0 OR ({seconds}) > 31536000 THEN 'INVALID'"
        f" WHEN ({seconds}) < 3600 THEN to_char({clock}, 'FMMI:SS')"
        f" WHEN ({seconds}) < 86400 THEN to_char({clock}, 'FMHH24:MI:SS')"
        f" ELSE ({seconds}) / 86400 || to_char({clock}, '-HH24:MI:SS') END"
    )


def moment(time: str) -> str:
    """把 timestamptz 的表达式排成会话时区的 ISO 时刻；NULL 是 N/A。"""
    return f"""coalesce(to_char({time}, 'YYYY-MM-DD"T"HH24:MI:SS'), 'N/A')"""


def _or_null(expression: str) -> str:
    return f"coalesce({expression}, '(null)')"


_STATE_SHORT = (
    "CASE q.state "
    + " ".join(f"WHEN '{state}' THEN '{short}'" for state, short in SHORT.items())
    + " END"
)

#: 等待中的数组还没启动的序号，照 Slurm 折叠：步长整齐的长列表写成 `首-末:步长`。
_FOLDED = (
    "(SELECT CASE WHEN n > 1 AND most - least > 10 AND width = 1 AND gap = gap_most AND gap > 1"
    " THEN least || '-' || most || ':' || gap ELSE listed END"
    " FROM (SELECT count(*) AS n, min(lower(r)) AS least, max(upper(r)) - 1 AS most,"
    " max(upper(r) - lower(r)) AS width, min(gap) AS gap, max(gap) AS gap_most,"
    " string_agg(CASE WHEN upper(r) - lower(r) = 1 THEN lower(r)::text"
    " ELSE lower(r) || '-' || upper(r) - 1 END, ',' ORDER BY lower(r)) AS listed"
    " FROM (SELECT r, lower(r) - lag(lower(r)) OVER (ORDER BY lower(r)) AS gap"
    " FROM unnest(q.waiting) r) ranges) folded)"
)
_TASKS = f"{_FOLDED} || coalesce('%%' || nullif(q.array_limit, 0), '')"

_USED = (
    "CASE WHEN q.start_time IS NULL OR q.state = 'PENDING' THEN 0 ELSE"
    " extract(epoch FROM coalesce(q.end_time, CASE q.state WHEN 'SUSPENDED' THEN q.suspend_time"
    " END, now()) - q.start_time)::int - q.suspended_seconds END"
)

#: 报告的启动时刻：已启动的是真的，等待中的是预计的，且不早于现在。
#: 来源：slurmctld 对未启动作业报告的 StartTime。
_START = (
    "CASE WHEN q.state <> 'PENDING' THEN coalesce(q.start_time, q.end_time)"
    " WHEN q.expected_start IS NOT NULL THEN greatest(q.expected_start, now())"
    " WHEN q.begin_time > now() THEN q.begin_time END"
)
_END = (
    "CASE WHEN q.end_time IS NOT NULL THEN q.end_time WHEN q.state = 'PENDING'"
    f" THEN {_START} + make_interval(secs => q.time_limit) ELSE q.limit_time END"
)
_PRIORITY = "CASE WHEN q.hold IS NULL THEN q.priority ELSE 0 END"
_NODES = "coalesce(q.nodes_alloc, q.nodes_min)"
_CPUS = "coalesce(q.cpus_alloc, q.cpus)"
_WAITS = "q.state IN ('PENDING', 'TIMEOUT', 'OUT_OF_MEMORY', 'DEADLINE', 'FAILED')"

_JOB_ID = Field(
    "JOBID",
    f"CASE WHEN q.waiting IS NOT NULL THEN q.array_job_id || '_[' || {_TASKS} || ']'"
    " WHEN q.array_task_id IS NOT NULL THEN q.array_job_id || '_' || q.array_task_id"
    " ELSE q.id::text END",
)

#: 字母到字段。
CODES = {
    "A": Field("JOBID", "q.id::text"),
    "C": Field("CPUS", f"({_CPUS})::text"),
    "D": Field("NODES", f"({_NODES})::text"),
    "i": _JOB_ID,
    "j": Field("NAME", "q.name"),
    "l": Field(
        "TIME_LIMIT",
        f"CASE WHEN q.time_limit IS NULL THEN 'UNLIMITED' ELSE {duration('q.time_limit')} END",
    ),
    "M": Field("TIME", duration(_USED)),
    "N": Field("NODELIST", "coalesce(q.nodes, '')"),
    "P": Field("PARTITION", "q.partition"),
    "Q": Field("PRIORITY", f"({_PRIORITY})::text"),
    "r": Field("REASON", "q.reason"),
    "R": Field(
        "NODELIST(REASON)",
        f"CASE WHEN {_WAITS} THEN '(' || q.reason || ')' ELSE coalesce(q.nodes, '') END",
    ),
    "S": Field("START_TIME", moment(_START)),
    "t": Field("ST", _STATE_SHORT),
    "T": Field("STATE", "q.state"),
    "u": Field("USER", "q.owner"),
    "U": Field("UID", "q.uid::text"),
    "V": Field("SUBMIT_TIME", moment("q.submit_time")),
    "Y": Field("SCHEDNODES", "'(null)'"),
}

#: 排序键的字母到表达式；不在表中的字母是错误。
SORT = {
    "i": "coalesce(q.array_job_id, q.id), q.array_task_id",
    "P": "q.partition",
    "p": _PRIORITY,
    "Q": _PRIORITY,
    "t": _STATE_SHORT,
    "T": "q.state",
    "u": "q.owner",
    "j": "q.name",
    "S": _START,
}
