"""sinfo 的字段：一行是看不出差别的一组节点。

每个字段说怎样从一组得出文字，以及谁的什么不同就不能在一行：分区的（`part`）、节点的（`node`）、
要 `-e` 才分开的节点的（`exact`）；`-S` 按 `order` 排。

来源：sinfo(1) 的“--format”“--Format”“--sort”；缺省值照 22.05 版的输出。
"""

from __future__ import annotations

from scns import hostlist, nodestate, times
from scns.cli.columns import Field
from scns.cli.sinfo.model import Group, Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    #: 从分区或节点得出比较用的值。
    Key = Callable[[Any], Any]


def _of(name: str) -> Key:
    return lambda record: getattr(record, name)


def _slashed(numbers: Iterable[int]) -> str:
    return "/".join(map(str, numbers))


def _amount(number: int, convert: bool) -> str:
    """个数；1024 的整数倍换成 K，与 22.05 版相同。"""
    if convert and number >= 1024 and number % 512 == 0:
        return f"{number // 1024}K" if number % 1024 == 0 else f"{number / 1024:.2f}K"
    return str(number)


def _range(group: Group, name: str, *, convert: bool = False) -> str:
    """一组的值：都一样就是它，否则是最小的后面带 `+`。"""
    values = [getattr(node, name) for node in group.nodes]
    low = min(values, default=0)
    return _amount(low, convert and group.convert) + ("+" if values and max(values) > low else "")


def _span(group: Group, name: str, scale: float) -> str:
    """负载与空闲内存：一样就是它，否则是 `最小-最大`；不知道的是 N/A，算最大。"""
    known = sorted({v for n in group.nodes if (v := getattr(n, name)) is not None})
    texts = [str(value) if scale == 1 else f"{value / scale:.2f}" for value in known]
    if any(getattr(node, name) is None for node in group.nodes) or not group.nodes:
        texts.append("N/A")
    return texts[0] if len(texts) == 1 else f"{texts[0]}-{texts[-1]}"


def _first(name: str, empty: str) -> Callable[[Group], str]:
    """一组里都一样的值，取第一个节点的。"""
    return lambda group: str((group.nodes and getattr(group.nodes[0], name)) or empty)


def _state(group: Group, *, short: bool) -> str:
    if not group.nodes:
        return "n/a"
    node = group.nodes[0]
    return (nodestate.SHORT[node.state] if short else node.state) + node.mark


def user_name(uid: int) -> str:
    """用户名；没有这个用户就是 uid 本身。"""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _reason_user(group: Group, *, long: bool) -> str:
    if not group.nodes or not group.nodes[0].reason or group.nodes[0].reason_uid is None:
        return "Unknown"
    uid = group.nodes[0].reason_uid
    return f"{user_name(uid)}({uid})" if long else user_name(uid)


def _reason_time(group: Group) -> str:
    known = group.nodes and group.nodes[0].reason and group.nodes[0].reason_time
    return group.clock(known) if known else "Unknown"


def _sct(group: Group) -> str:
    names = ("sockets", "cores_per_socket", "threads_per_core")
    return ":".join(_range(group, name, convert=True) for name in names)


def _sockets_cores_threads(node: Node) -> tuple[int, int, int]:
    return node.sockets, node.cores_per_socket, node.threads_per_core


def _marked(node: Node) -> str:
    return str(node.state) + node.mark


class NodeField(Field):
    """sinfo 的一个字段。

    参数：
        part、node、exact：见模块的说明；None 表示不因它分开
        order：`-S` 的值；None 表示不起作用
        whole：见 `Field`
    """

    __slots__ = ("exact", "node", "order", "part")

    def __init__(
        self,
        header: str,
        value: Callable[[Group], str],
        *,
        part: Key | None = None,
        node: Key | None = None,
        exact: Key | None = None,
        order: Key | None = None,
        whole: bool = False,
    ) -> None:
        super().__init__(header, value, whole=whole)
        self.part = part
        self.node = node
        self.exact = exact
        self.order = order


def _of_partition(header: str, text: Key, *, order: Key | None = None) -> NodeField:
    """只看分区的字段。"""
    return NodeField(
        header,
        lambda group: str(text(group.partition)),
        part=text,
        order=order or (lambda group: text(group.partition)),
    )


def _of_node(header: str, name: str, empty: str, *, whole: bool = False) -> NodeField:
    """一行里的节点都一样的字段。"""
    text = _first(name, empty)
    return NodeField(header, text, node=_of(name), order=text, whole=whole)


def _ranged(header: str, name: str, *, convert: bool = False) -> NodeField:
    """一行里的节点可以不一样的字段。"""
    return NodeField(
        header,
        lambda group: _range(group, name, convert=convert),
        exact=_of(name),
        order=lambda group: group.least(_of(name)),
    )


def _spanned(header: str, name: str, scale: float) -> NodeField:
    return NodeField(
        header,
        lambda group: _span(group, name, scale),
        exact=_of(name),
        order=lambda group: group.least(lambda node: getattr(node, name) or 0),
    )


def _nodes_by_name(group: Group) -> tuple[str, int, str]:
    return min((hostlist.sort_key(node.name) for node in group.nodes), default=("", 0, ""))


def _rank(group: Group) -> int:
    node = group.nodes[0] if group.nodes else None
    return nodestate.rank(node.base, **node.flags) if node else 0


_PARTITION_NAME = _of_partition("PARTITION", _of("name"))
#: `-o` 的字母到字段。
CODES: dict[str, NodeField] = {
    "a": _of_partition("AVAIL", lambda p: "inactive" if p.state == "INACTIVE" else p.state.lower()),
    "A": NodeField("NODES(A/I)", lambda g: _slashed(g.counts()[:2]), order=lambda g: g.counts()[0]),
    "b": _of_node("ACTIVE_FEATURES", "features", "(null)"),
    "B": _of_partition(
        "MAX_CPUS_PER_NODE",
        lambda p: "UNLIMITED" if p.max_cpus_per_node is None else p.max_cpus_per_node,
        order=lambda g: g.partition.max_cpus_per_node or 2**32,
    ),
    "c": _ranged("CPUS", "cpus", convert=True),
    "C": NodeField("CPUS(A/I/O/T)", lambda g: _slashed(g.cpus()), order=lambda g: g.cpus()[0]),
    "d": _ranged("TMP_DISK", "tmp_disk"),
    "D": NodeField("NODES", lambda g: str(len(g.nodes)), order=lambda g: len(g.nodes)),
    "e": _spanned("FREE_MEM", "free_memory", 1),
    "E": _of_node("REASON", "reason", "none"),
    "f": _of_node("AVAIL_FEATURES", "features", "(null)"),
    "F": NodeField("NODES(A/I/O/T)", lambda g: _slashed(g.counts()), order=lambda g: g.counts()[0]),
    "g": _of_partition("GROUPS", lambda p: p.allow_groups or "all"),
    "G": _of_node("GRES", "gres", "(null)"),
    "h": _of_partition("OVERSUBSCRIBE", lambda p: p.oversubscribe or "NO"),
    "H": NodeField(
        "TIMESTAMP",
        _reason_time,
        node=_of("reason_time"),
        order=lambda g: (g.nodes and g.nodes[0].reason_time) or 0,
    ),
    "I": _of_partition("PRIO_JOB_FACTOR", _of("priority_job_factor")),
    "l": _of_partition(
        "TIMELIMIT",
        lambda p: times.squeue_duration(p.max_time, "infinite"),
        order=lambda g: g.partition.max_time or 2**32,
    ),
    "L": _of_partition(
        "DEFAULTTIME",
        lambda p: times.squeue_duration(p.default_time, "n/a"),
        order=lambda g: g.partition.default_time or 2**32,
    ),
    "m": _ranged("MEMORY", "memory"),
    "M": _of_partition("PREEMPT_MODE", lambda p: "OFF"),
    "n": _of_node("HOSTNAMES", "name", "", whole=True),
    "N": NodeField("NODELIST", Group.names, order=_nodes_by_name, whole=True),
    "o": _of_node("NODE_ADDR", "address", "", whole=True),
    "O": _spanned("CPU_LOAD", "cpu_load", 100),
    "p": _of_partition("PRIO_TIER", _of("priority_tier")),
    "P": NodeField(
        "PARTITION",
        lambda g: str(g.partition.name) + "*" * g.partition.is_default,
        part=_of("name"),
        order=lambda g: g.partition.name,
    ),
    "r": _of_partition("ROOT", lambda p: "yes" if p.root_only else "no"),
    "R": _PARTITION_NAME,
    "s": _of_partition("JOB_SIZE", _of("size"), order=lambda g: max(g.partition.min_nodes, 1)),
    "S": _of_partition("ALLOCNODES", lambda p: "all"),
    "t": NodeField("STATE", lambda g: _state(g, short=True), node=_marked, order=_rank),
    "T": NodeField("STATE", lambda g: _state(g, short=False), node=_marked, order=_rank),
    "u": NodeField(
        "USER",
        lambda g: _reason_user(g, long=False),
        node=_of("reason_uid"),
        order=lambda g: _reason_user(g, long=False),
    ),
    "U": NodeField(
        "USER",
        lambda g: _reason_user(g, long=True),
        node=_of("reason_uid"),
        order=lambda g: (g.nodes and g.nodes[0].reason_uid) or 0,
    ),
    "v": NodeField("VERSION", _first("version", "N/A"), order=_first("version", "N/A")),
    "V": NodeField("CLUSTER", lambda g: "N/A"),
    "w": _ranged("WEIGHT", "weight"),
    "X": _ranged("SOCKETS", "sockets", convert=True),
    "Y": _ranged("CORES", "cores_per_socket", convert=True),
    "z": NodeField(
        "S:C:T",
        _sct,
        exact=_sockets_cores_threads,
        order=lambda g: g.least(_sockets_cores_threads) or (0, 0, 0),
    ),
    "Z": _ranged("THREADS", "threads_per_core", convert=True),
}

#: `-O` 的小写名字到字段。
NAMES: dict[str, NodeField] = {
    "allocmem": NodeField("ALLOCMEM", _first("memory_alloc", "0"), node=_of("memory_alloc")),
    "allocnodes": CODES["S"],
    "available": CODES["a"],
    "cluster": CODES["V"],
    "comment": NodeField("COMMENT", lambda g: "(null)"),
    "cores": CODES["Y"],
    "cpus": CODES["c"],
    "cpusload": CODES["O"],
    "cpusstate": CODES["C"],
    "defaulttime": CODES["L"],
    "disk": CODES["d"],
    "extra": NodeField("EXTRA", lambda g: "(null)"),
    "features": CODES["f"],
    "features_act": CODES["b"],
    "freemem": CODES["e"],
    "gres": CODES["G"],
    "gresused": _of_node("GRES_USED", "gres_used", "(null)"),
    "groups": CODES["g"],
    "maxcpuspernode": CODES["B"],
    "memory": CODES["m"],
    "nodeaddr": CODES["o"],
    "nodeai": CODES["A"],
    "nodeaiot": CODES["F"],
    "nodehost": CODES["n"],
    "nodelist": CODES["N"],
    "nodes": CODES["D"],
    "oversubscribe": CODES["h"],
    "partition": CODES["P"],
    "partitionname": CODES["R"],
    "port": NodeField("PORT", lambda g: "0"),
    "preemptmode": CODES["M"],
    "priorityjobfactor": CODES["I"],
    "prioritytier": CODES["p"],
    "reason": CODES["E"],
    "root": CODES["r"],
    "share": CODES["h"],
    "size": CODES["s"],
    "socketcorethread": CODES["z"],
    "sockets": CODES["X"],
    "statecompact": CODES["t"],
    "statecomplete": NodeField(
        "STATECOMPLETE", _first("complete_state", "n/a"), node=_of("complete_state")
    ),
    "statelong": CODES["T"],
    "threads": CODES["Z"],
    "time": CODES["l"],
    "timestamp": CODES["H"],
    "user": CODES["u"],
    "userlong": CODES["U"],
    "version": CODES["v"],
    "weight": CODES["w"],
}
