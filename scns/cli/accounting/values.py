"""sacct 各字段的值：作业一行，作业步一行，都是 SQL 表达式；没有列出的字段是空的。

表达式写在 `scns.cli.accounting.records` 的一行 `j`（作业的一次运行）与 `t`（步）上，类型是
text，不会是 NULL。

来源：sacct(1) “Job Accounting Fields”；空着与不空着照 22.05 版的输出。
"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

from scns.cli.accounting.records import NOW
from scns.cli.fields import sql
from scns.cli.fields.queue import CLUSTER

#: 作业步号的负数。来源：slurm.h “SLURM_BATCH_SCRIPT”等。
STEP_NAMES = {"batch": -5, "extern": -4, "interactive": -6}

#: 值是时刻的字段：表达式给出 epoch 秒的十进制数字，或照印的一个词；由客户端按自己的时区与
#: `SLURM_TIME_FORMAT` 印出。
MOMENTS = frozenset(("Eligible", "End", "Start", "Submit"))


class Sizes:
    """怎样印大小。

    参数：
        unit：`--units` 的单位；None 是不失真的最大单位
        convert：`--noconvert` 时为假
    """

    __slots__ = ("_raw", "_unit")

    def __init__(self, unit: str | None = None, *, convert: bool = True) -> None:
        self._unit = unit
        self._raw = "false" if convert else "true"

    def __call__(self, amount: str, base: str) -> str:
        """大小的表达式；`base` 是它的单位。"""
        if self._unit is not None:
            return sql.size_in(amount, self._unit, base)
        return sql.size(amount, self._raw, base)


def _text(expression: str) -> str:
    return f"coalesce({expression}, '')"


def _moment(epoch: str, empty: str = "'Unknown'") -> str:
    return f"coalesce({epoch}::text, {empty})"


def _exit_code(row: str) -> str:
    """`码:信号`；脚本以大于 127 的码退出时减去 128，与 sacct 相同。"""
    code = f"coalesce({row}.exit_code, 0)"
    return (
        f"CASE WHEN {code} >= 128 THEN {code} - 128 ELSE {code} END"
        f" || ':' || coalesce({row}.exit_signal, 0)"
    )


def _cpu(row: str, *names: str) -> str:
    spent = " + ".join(f"coalesce({row}.{name}_ms, 0)" for name in names)
    return sql.cpu_time(spent)


#: 分到的 CPU；还没有分到时是要求的。节点数也是。
_CPUS = "coalesce(nullif(j.cpus_alloc, 0), j.cpus)"
_NODES = "coalesce(nullif(j.nodes_alloc, 0), j.nodes_min)"
#: 要求的内存总数，MiB；0 是节点的全部，没有要求时也是 0。
ASKED_MEMORY = (
    "CASE WHEN j.memory_per_cpu > 0 THEN j.memory_per_cpu::bigint * j.cpus"
    " ELSE CASE j.memory_per_node WHEN 0 THEN coalesce(j.largest_memory, 0)"
    " ELSE coalesce(j.memory_per_node, 0) END::bigint * j.nodes_min END"
)
#: 从够格到启动（或放弃、或此刻）等了多少秒。
_RESERVED = (
    "CASE WHEN j.eligible IS NULL THEN 0"
    f" ELSE greatest(coalesce(j.begun, j.ended, {NOW}) - j.eligible, 0) END"
)
_MINUTES = "coalesce(((j.time_limit + 59) / 60)::text, 'UNLIMITED')"
# 没有启动就结束了的作业，Slurm 说 None 而不是 Unknown
_NOT_BEGUN = "CASE WHEN j.ended IS NULL THEN 'Unknown' ELSE 'None' END"


def _gres(nodes: str) -> str:
    """通用资源的总数，按名字排，每项前面有逗号。"""
    return (
        "CASE WHEN j.gres IS NULL THEN '' ELSE coalesce((SELECT string_agg(',gres/' || name || '='"
        f" || amount * {nodes}, '' ORDER BY name COLLATE \"C\") FROM (SELECT substring(item FROM"
        " '^(.+):[0-9]+$') AS name, substring(item FROM '[0-9]{1,18}$')::bigint AS amount"
        " FROM string_to_table(j.gres, ',') item) g WHERE amount > 0), '') END"
    )


def _tres(sizes: Sizes, cpus: str, nodes: str, memory: str) -> str:
    """可计量资源，按名字排；没有的不印。"""
    size = sizes(memory, "M")
    return (
        f"ltrim(coalesce('billing=' || nullif({cpus}, 0) || ',cpu=' || {cpus}, '')"
        f" || {_gres(nodes)} || CASE WHEN coalesce({memory}, 0) > 0 THEN ',mem=' || {size}"
        f" ELSE '' END || coalesce(',node=' || nullif({nodes}, 0), ''), ',')"
    )


def job_values(sizes: Sizes) -> dict[str, str]:
    """作业一行的值。"""
    allocated = _tres(sizes, "j.cpus_alloc", "j.nodes_alloc", "j.memory_alloc")
    return {
        "Account": "j.account",
        "AllocCPUS": f"{_CPUS}::text",
        "AllocNodes": "coalesce(j.nodes_alloc, 0)::text",
        "AllocTRES": f"CASE WHEN j.nodes_alloc IS NULL THEN '' ELSE {allocated} END",
        "Cluster": CLUSTER,
        "Comment": _text("j.comment"),
        "Constraints": _text("j.constraint_"),
        "ConsumedEnergy": "'0'::text",
        "ConsumedEnergyRaw": "'0'::text",
        "CPUTime": sql.elapsed(f"j.elapsed * {_CPUS}"),
        "CPUTimeRAW": f"(j.elapsed * {_CPUS})::text",
        "DBIndex": "j.id::text",
        "DerivedExitCode": "coalesce(j.derived_code, 0) || ':0'",
        "Elapsed": sql.elapsed("j.elapsed"),
        "ElapsedRaw": "j.elapsed::text",
        "Eligible": _moment("j.eligible"),
        "End": _moment("j.ended"),
        # 被取消或超时的作业，信号只记在它的步上
        "ExitCode": "CASE WHEN j.state IN ('CANCELLED', 'TIMEOUT') THEN '0:0'"
        f" ELSE {_exit_code('j')} END",
        "Flags": "CASE WHEN j.begun IS NULL THEN '' ELSE 'SchedMain' END",
        "GID": "j.gid::text",
        "Group": "j.group_name",
        "JobID": "j.label",
        "JobIDRaw": "j.id::text",
        "JobName": "j.name",
        "NCPUS": f"{_CPUS}::text",
        "NNodes": f"{_NODES}::text",
        "NodeList": "coalesce(nullif(j.nodes, ''), 'None assigned')",
        "Partition": "j.partition",
        "Priority": "j.priority::text",
        "QOS": "j.qos",
        "QOSRAW": "'1'::text",
        "Reason": "j.reason",
        "ReqCPUS": "j.cpus::text",
        "ReqMem": sizes(ASKED_MEMORY, "M"),
        "ReqNodes": "j.nodes_min::text",
        "ReqTRES": _tres(sizes, "j.cpus", "j.nodes_min", ASKED_MEMORY),
        "Reservation": _text("j.reservation"),
        "Reserved": sql.elapsed(_RESERVED),
        "ResvCPU": sql.elapsed(f"({_RESERVED}) * j.cpus"),
        "ResvCPURAW": f"(({_RESERVED}) * j.cpus)::text",
        "Start": _moment("j.begun", _NOT_BEGUN),
        # 谁取消的写在后面；收尾中的还算在运行
        "State": "CASE j.state WHEN 'CANCELLED' THEN 'CANCELLED'"
        " || coalesce(' by ' || j.outcome_uid, '') WHEN 'COMPLETING' THEN 'RUNNING'"
        " ELSE j.state END",
        "Submit": _moment("j.submit"),
        "SubmitLine": _text("j.submit_line"),
        "Suspended": sql.elapsed("j.suspended"),
        "SystemCPU": _cpu("j", "system"),
        "Timelimit": sql.elapsed("j.time_limit"),
        "TimelimitRaw": _MINUTES,
        "TotalCPU": _cpu("j", "user", "system"),
        "UID": "j.uid::text",
        "User": "j.owner",
        "UserCPU": _cpu("j", "user"),
        "WCKey": _text("j.wckey"),
        "WorkDir": "j.directory",
    }


_STEP_NAME = (
    "CASE t.step_id "
    + " ".join(f"WHEN {number} THEN '{name}'" for name, number in STEP_NAMES.items())
    + " ELSE t.step_id::text END"
)
_STEP_NODES = sql.host_count("t.node_list")
_SPENT = "(t.user_ms + coalesce(t.system_ms, 0)) / 1000"
_AVERAGE_CPU = (
    "CASE WHEN t.user_ms IS NULL THEN ''"
    f" ELSE {sql.elapsed(f'{_SPENT} / greatest(t.tasks, 1)')} END"
)


def _one_task(text: str) -> str:
    """只有一个任务时，最大、最小与平均都是它的。"""
    return f"CASE WHEN t.tasks = 1 AND t.max_rss IS NOT NULL THEN {text} ELSE '' END"


def step_values(sizes: Sizes) -> dict[str, str]:
    """作业步一行的值；`j` 是它的作业。"""
    memory = _text(sizes("t.max_rss", ""))
    usage = (
        f"CASE WHEN t.user_ms IS NULL THEN '' ELSE 'cpu=' || {sql.elapsed(_SPENT)}"
        f" || coalesce(',mem=' || {sizes('t.max_rss', '')}, '') END"
    )
    cpus = "t.cpus::text"
    unknown = "'Unknown'::text"
    return {
        "Account": "j.account",
        "AllocCPUS": cpus,
        "AllocNodes": f"({_STEP_NODES})::text",
        "AllocTRES": f"'cpu=' || t.cpus || ',node=' || {_STEP_NODES}",
        "AveCPU": _AVERAGE_CPU,
        "AveRSS": _one_task(memory),
        "Cluster": CLUSTER,
        "ConsumedEnergy": "'0'::text",
        "ConsumedEnergyRaw": "'0'::text",
        "CPUTime": sql.elapsed("t.elapsed * t.cpus"),
        "CPUTimeRAW": "(t.elapsed * t.cpus)::text",
        "DBIndex": "j.id::text",
        "Elapsed": sql.elapsed("t.elapsed"),
        "ElapsedRaw": "t.elapsed::text",
        "Eligible": _moment("t.begun"),
        "End": _moment("t.ended"),
        "ExitCode": _exit_code("t"),
        "JobID": f"j.label || '.' || {_STEP_NAME}",
        "JobIDRaw": f"j.id || '.' || {_STEP_NAME}",
        "JobName": "t.name",
        "Layout": "CASE WHEN t.step_id < 0 THEN 'Unknown' ELSE 'Cyclic' END",
        "MaxRSS": memory,
        "MaxRSSNode": _one_task("t.node_list"),
        "MaxRSSTask": _one_task("'0'"),
        "MinCPU": f"CASE WHEN t.tasks = 1 THEN {_AVERAGE_CPU} ELSE '' END",
        "MinCPUNode": _one_task("t.node_list"),
        "MinCPUTask": _one_task("'0'"),
        "NCPUS": cpus,
        "NNodes": f"({_STEP_NODES})::text",
        "NodeList": "t.node_list",
        "NTasks": "t.tasks::text",
        "ReqCPUFreq": unknown,
        "ReqCPUFreqGov": unknown,
        "ReqCPUFreqMax": unknown,
        "ReqCPUFreqMin": unknown,
        "ReqCPUS": cpus,
        "ReqNodes": f"({_STEP_NODES})::text",
        "Start": _moment("t.begun"),
        "State": "t.state",
        "Submit": _moment("t.begun"),
        "Suspended": "'00:00:00'::text",
        "SystemCPU": _cpu("t", "system"),
        "TotalCPU": _cpu("t", "user", "system"),
        "TRESUsageInAve": _one_task(usage),
        "TRESUsageInMax": _one_task(usage),
        "TRESUsageInMin": _one_task(usage),
        "TRESUsageInTot": usage,
        "UserCPU": _cpu("t", "user"),
    }
