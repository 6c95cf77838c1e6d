"""`scontrol show node`：节点的全部字段，次序与 22.05 版相同。来源：scontrol(1) “NODES”。"""

from __future__ import annotations

from scns.cli.scontrol.record import epoch, layout, moment, record, select
from scns.cli.scontrol.session import Session
from scns.nodestate import base_state, flags
from scns.sizes import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Node = dict[str, Any]

_COLUMNS = {
    **{
        name: f"n.{name}"
        for name in (
            "name cpus sockets cores_per_socket threads_per_core memory tmp_disk weight address"
            " cpus_alloc memory_alloc drain down silent reason reason_uid cpu_load free_memory"
            " architecture operating_system version"
        ).split()
    },
    "features": "array_to_string(n.features, ',')",
    "partitions": "array_to_string(n.partitions, ',')",
    "gres": "(SELECT string_agg(g.key || ':' || g.value, ',' ORDER BY g.key)"
    " FROM jsonb_each_text(n.gres) g)",
    "gres_used": "(SELECT string_agg(u.name || ':' || u.used, ',' ORDER BY u.name) FROM"
    " (SELECT g.key AS name, sum(g.value::int) AS used FROM scns.allocation_list a,"
    " jsonb_each_text(a.gres) g WHERE a.node = n.name GROUP BY g.key) u)",
    "completing": "EXISTS (SELECT FROM scns.allocation_list a JOIN scns.queue q ON q.id = a.job_id"
    " WHERE a.node = n.name AND q.state = 'COMPLETING')",
    **{name: epoch(f"n.{name}") for name in ("reason_time", "boot_time")},
    **{name: epoch(f"n.{name}") for name in ("daemon_start", "last_busy")},
}

_BASE = select(_COLUMNS, "scns.node_list n")
_ALL = _BASE + " ORDER BY n.position, n.name"
_SOME = _BASE + " WHERE n.name = ANY (%s)"


def show_nodes(session: Session, text: str | None) -> None:
    """打印名单里的节点，或全部节点；不认识的各说一声。"""
    if text is None:
        rows = session.rows(_ALL)
        if not rows and not session.quiet:
            session.say("No nodes in the system\n")
        for row in rows:
            session.say(format_node(record(_COLUMNS, row), one_line=session.one_line))
        return
    from scns.hostlist import expand

    names = expand(text)
    found = {row[0]: row for row in session.rows(_SOME, (names,))}
    for name in names:
        if name in found:
            node = record(_COLUMNS, found[name])
            session.say(format_node(node, one_line=session.one_line))
            continue
        session.exit_code = 1
        if not session.quiet:
            session.say(f"Node {name} not found\n")


def state(node: Node) -> str:
    """基本状态与标志，例如 `IDLE+DRAIN`。"""
    base = base_state(node["cpus"], node["cpus_alloc"], node["down"])
    marks = flags(drain=node["drain"], completing=node["completing"], silent=node["silent"])
    return "+".join([base, *marks])


def format_node(node: Node, *, one_line: bool = False) -> str:
    """排好一个节点的记录。"""
    load = "N/A" if node["cpu_load"] is None else f"{node['cpu_load'] / 100:.2f}"
    free = "N/A" if node["free_memory"] is None else node["free_memory"]
    features = node["features"] or "(null)"
    cpus = node["cpus"]
    lines = [
        f"NodeName={node['name']} Arch={node['architecture'] or 'unknown'}"
        f" CoresPerSocket={node['cores_per_socket']} ",
        f"CPUAlloc={node['cpus_alloc']} CPUEfctv={cpus} CPUTot={cpus} CPULoad={load}",
        f"AvailableFeatures={features}",
        f"ActiveFeatures={features}",
        f"Gres={node['gres'] or '(null)'}",
        *([f"GresUsed={node['gres_used']}"] if node["gres_used"] else []),
        f"NodeAddr={node['address'] or node['name']} NodeHostName={node['name']}"
        f" Version={node['version'] or 'unknown'}",
        f"OS={node['operating_system'] or 'unknown'} ",
        f"RealMemory={node['memory']} AllocMem={node['memory_alloc']} FreeMem={free}"
        f" Sockets={node['sockets']} Boards=1",
        f"State={state(node)} ThreadsPerCore={node['threads_per_core']}"
        f" TmpDisk={node['tmp_disk']} Weight={node['weight']} Owner=N/A MCS_label=N/A",
        *([f"Partitions={node['partitions']} "] if node["partitions"] else []),
        f"BootTime={moment(node['boot_time'], 'None')}"
        f" SlurmdStartTime={moment(node['daemon_start'], 'None')}",
        f"LastBusyTime={moment(node['last_busy'], 'Unknown')}",
        f"CfgTRES={_configured(node)}",
        f"AllocTRES={_allocated(node)}",
        "CapWatts=n/a",
        "CurrentWatts=0 AveWatts=0",
        "ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s",
        *_reason(node),
    ]
    return layout(lines, one_line=one_line)


def _configured(node: Node) -> str:
    words = [f"cpu={node['cpus']}", f"mem={format_size(node['memory'])}", f"billing={node['cpus']}"]
    return ",".join([*words, *_gres(node["gres"])])


def _allocated(node: Node) -> str:
    """占用着的；什么也没有占用时是空的。"""
    words = []
    if node["cpus_alloc"]:
        words.append(f"cpu={node['cpus_alloc']}")
    if node["memory_alloc"]:
        words.append(f"mem={format_size(node['memory_alloc'])}")
    return ",".join([*words, *_gres(node["gres_used"])])


def _gres(text: str | None) -> list[str]:
    return ["gres/" + "=".join(item.rsplit(":", 1)) for item in (text or "").split(",") if item]


def _reason(node: Node) -> list[str]:
    """状态的缘由，谁在何时给的；多行的缘由各占一行。"""
    if not node["reason"]:
        return []
    first, *rest = node["reason"].split("\n")
    if node["reason_time"] is not None:
        first += f" [{_user(node['reason_uid'] or 0)}@{moment(node['reason_time'])}]"
    return [f"Reason={first}", *(f"       {line}" for line in rest)]


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
