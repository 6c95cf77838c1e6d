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

#: `options` 里的名单、真假与文本；没有的是默认值，见 `scns.conf_model.PartitionConfig`。
_LISTS = ("allow_groups", "allow_accounts", "deny_accounts")
_SWITCHES = ("disable_root_jobs", "exclusive_user", "hidden", "root_only")
_TEXTS = ("oversubscribe", "over_time_limit")

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
    # 名单存成 JSON 的数组；名字里没有引号与括号
    **{name: f"translate(p.options ->> '{name}', '[]\" ', '')" for name in _LISTS},
    **{name: f"coalesce((p.options ->> '{name}')::boolean, false)" for name in _SWITCHES},
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

    nodes = compress((partition["nodes"] or "").split(","))
    cpus, count = partition["total_cpus"], partition["total_nodes"]
    memory = format_size(partition["total_memory"])
    switches = {name: "YES" if partition[name] else "NO" for name in _SWITCHES}
    accounts = f"AllowAccounts={partition['allow_accounts'] or 'ALL'}"
    if partition["deny_accounts"] and not partition["allow_accounts"]:
        accounts = f"DenyAccounts={partition['deny_accounts']}"
    lines = [
        f"PartitionName={partition['name']}",
        f"AllowGroups={partition['allow_groups'] or 'ALL'} {accounts} AllowQos=ALL",
        f"AllocNodes=ALL Default={'YES' if partition['is_default'] else 'NO'} QoS=N/A",
        f"DefaultTime={elapsed(partition['default_time'], 'NONE')}"
        f" DisableRootJobs={switches['disable_root_jobs']}"
        f" ExclusiveUser={switches['exclusive_user']} GraceTime=0 Hidden={switches['hidden']}",
        f"MaxNodes={_limit(partition['max_nodes'])} MaxTime={elapsed(partition['max_time'])}"
        f" MinNodes={partition['min_nodes']} LLN=NO"
        f" MaxCPUsPerNode={_limit(partition['max_cpus_per_node'])}",
        f"Nodes={nodes or '(null)'}",
        f"PriorityJobFactor={partition['priority_job_factor']}"
        f" PriorityTier={partition['priority_tier']} RootOnly={switches['root_only']} ReqResv=NO"
        f" OverSubscribe={partition['oversubscribe'] or 'NO'}",
        f"OverTimeLimit={partition['over_time_limit'] or 'NONE'} PreemptMode=OFF",
        f"State={partition['state']} TotalCPUs={cpus} TotalNodes={count} SelectTypeParameters=NONE",
        "JobDefaults=(null)",
        f"{_memory(partition, 'Def', 'default')} {_memory(partition, 'Max', 'max')}",
        f"TRES=cpu={cpus},mem={memory},node={count},billing={cpus}",
    ]
    return layout(lines, one_line=one_line)


def _limit(value: int | None) -> str:
    return "UNLIMITED" if value is None else str(value)


def _memory(partition: Partition, label: str, column: str) -> str:
    """默认或最大的内存，按 CPU 或按节点。"""
    per_cpu = partition[f"{column}_memory_per_cpu"]
    if per_cpu is not None:
        return f"{label}MemPerCPU={per_cpu}"
    return f"{label}MemPerNode={_limit(partition[f'{column}_memory_per_node'])}"
