"""`scontrol show partition`：分区的全部字段，次序与 22.05 版相同。来源：scontrol(1)。"""

from __future__ import annotations

from scns.cli.scontrol.record import layout, record, select
from scns.cli.scontrol.session import Session
from scns.sizes import format_size
from scns.times import elapsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Partition = dict[str, Any]

#: 只供显示的键与没有写时的值；配置里写了的存在 `options`。
_TEXTS = {
    "AllowGroups": "ALL",
    "AllowAccounts": "ALL",
    "AllowQos": "ALL",
    "AllocNodes": "ALL",
    "QoS": "N/A",
    "DisableRootJobs": "NO",
    "ExclusiveUser": "NO",
    "GraceTime": "0",
    "Hidden": "NO",
    "LLN": "NO",
    "RootOnly": "NO",
    "ReqResv": "NO",
    "OverSubscribe": "NO",
    "OverTimeLimit": "NONE",
    "PreemptMode": "OFF",
}

_COLUMNS = {
    **{
        name: f"p.{name}"
        for name in (
            "name is_default state max_time default_time min_nodes max_nodes max_cpus_per_node"
            " default_memory_per_cpu default_memory_per_node max_memory_per_cpu"
            " max_memory_per_node priority_tier priority_job_factor"
        ).split()
    },
    "nodes": "array_to_string(p.nodes, ',')",
    **{name: f"p.options ->> '{name}'" for name in _TEXTS},
    "total_cpus": "(SELECT coalesce(sum(n.cpus), 0)::bigint FROM scns.node_list n"
    " WHERE n.name = ANY (p.nodes))",
    "total_memory": "(SELECT coalesce(sum(n.memory), 0)::bigint FROM scns.node_list n"
    " WHERE n.name = ANY (p.nodes))",
    "total_nodes": "cardinality(p.nodes)",
}

_BASE = select(_COLUMNS, "scns.partition_list p")
_ALL = _BASE + " ORDER BY p.position, p.name"
_ONE = _BASE + " WHERE p.name = %s"


def show_partitions(session: Session, name: str | None) -> None:
    """打印一个或全部分区。"""
    rows = session.rows(_ALL) if name is None else session.rows(_ONE, (name,))
    for row in rows:
        session.say(format_partition(record(_COLUMNS, row), one_line=session.one_line))
    if rows:
        return
    if name is not None:
        session.exit_code = 1
    if not session.quiet:
        nothing = "No partitions in the system" if name is None else f"Partition {name} not found"
        session.say(nothing + "\n")


def format_partition(partition: Partition, *, one_line: bool = False) -> str:
    """排好一个分区的记录。"""
    from scns.hostlist import compress

    text = {key: partition[key] or default for key, default in _TEXTS.items()}
    nodes = compress((partition["nodes"] or "").split(","))
    cpus, count = partition["total_cpus"], partition["total_nodes"]
    memory = format_size(partition["total_memory"])
    lines = [
        f"PartitionName={partition['name']}",
        _words(text, "AllowGroups", "AllowAccounts", "AllowQos"),
        f"AllocNodes={text['AllocNodes']} Default={'YES' if partition['is_default'] else 'NO'}"
        f" QoS={text['QoS']}",
        f"DefaultTime={elapsed(partition['default_time'], 'NONE')} "
        + _words(text, "DisableRootJobs", "ExclusiveUser", "GraceTime", "Hidden"),
        f"MaxNodes={_limit(partition['max_nodes'])} MaxTime={elapsed(partition['max_time'])}"
        f" MinNodes={partition['min_nodes']} LLN={text['LLN']}"
        f" MaxCPUsPerNode={_limit(partition['max_cpus_per_node'])}",
        f"Nodes={nodes or '(null)'}",
        f"PriorityJobFactor={partition['priority_job_factor']}"
        f" PriorityTier={partition['priority_tier']} "
        + _words(text, "RootOnly", "ReqResv", "OverSubscribe"),
        _words(text, "OverTimeLimit", "PreemptMode"),
        f"State={partition['state']} TotalCPUs={cpus} TotalNodes={count} SelectTypeParameters=NONE",
        "JobDefaults=(null)",
        f"{_memory(partition, 'Def', 'default')} {_memory(partition, 'Max', 'max')}",
        f"TRES=cpu={cpus},mem={memory},node={count},billing={cpus}",
    ]
    return layout(lines, one_line=one_line)


def _words(text: dict[str, str], *keys: str) -> str:
    return " ".join(f"{key}={text[key]}" for key in keys)


def _limit(value: int | None) -> str:
    return "UNLIMITED" if value is None else str(value)


def _memory(partition: Partition, label: str, column: str) -> str:
    """默认或最大的内存，按 CPU 或按节点。"""
    per_cpu = partition[f"{column}_memory_per_cpu"]
    if per_cpu is not None:
        return f"{label}MemPerCPU={per_cpu}"
    return f"{label}MemPerNode={_limit(partition[f'{column}_memory_per_node'])}"
