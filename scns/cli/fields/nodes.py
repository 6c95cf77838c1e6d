"""sinfo 的字段：一行是一个分区里看不出差别的一组节点。

来源：sinfo(1) 的“--format”“--Format”；缺省值照 22.05 版的输出。
"""

from __future__ import annotations

from scns import hostlist, nodestate, times
from scns.cli.columns import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


#: 读视图 `node_list` 的哪些列；属性与列同名。
NODE_COLUMNS = ("name", "cpus", "cpus_alloc", "drain", "down", "silent")

#: 读视图 `partition_list` 的哪些列。
PARTITION_COLUMNS = ("name", "nodes", "is_default", "state", "max_time")


class Node:
    """一个节点；属性见 `NODE_COLUMNS`。"""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.__dict__.update(zip(NODE_COLUMNS, row, strict=True))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @property
    def base(self) -> str:
        """基本状态，见 `nodestate.base_state`。"""
        return nodestate.base_state(self.cpus, self.cpus_alloc, self.down)

    @property
    def state(self) -> str:
        """sinfo 打印的状态，不带 `*`。"""
        return nodestate.shown_state(self.base, drain=self.drain, completing=False)

    @property
    def marked_state(self) -> str:
        """带 `*` 的状态；没有心跳的节点带星。"""
        return self.state + ("*" if self.silent else "")


class Partition:
    """一个分区；属性见 `PARTITION_COLUMNS`。"""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.__dict__.update(zip(PARTITION_COLUMNS, row, strict=True))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class Group:
    """sinfo 的一行。

    参数：
        partition：所属分区
        nodes：看不出差别的节点；空的是没有合格节点的分区
    """

    __slots__ = ("nodes", "partition")

    def __init__(self, partition: Partition, nodes: list[Node]) -> None:
        self.partition = partition
        self.nodes = nodes

    @property
    def names(self) -> str:
        """折叠的节点名单。"""
        return hostlist.compress(node.name for node in self.nodes)

    def counts(self) -> tuple[int, int, int, int]:
        """已分配、空闲、其他、合计的节点数。"""
        allocated = idle = 0
        for node in self.nodes:
            if node.drain or node.down:
                continue
            allocated += node.base in ("ALLOCATED", "MIXED")
            idle += node.base == "IDLE"
        total = len(self.nodes)
        return allocated, idle, total - allocated - idle, total

    def cpus(self) -> tuple[int, int, int, int]:
        """已分配、空闲、其他、合计的 CPU 数；停用节点上没分配的算其他。"""
        allocated = sum(node.cpus_alloc for node in self.nodes)
        total = sum(node.cpus for node in self.nodes)
        other = sum(node.cpus - node.cpus_alloc for node in self.nodes if node.drain or node.down)
        return allocated, total - allocated - other, other, total


def _state(group: Group, short: bool) -> str:
    if not group.nodes:
        return "n/a"
    node = group.nodes[0]
    return (nodestate.SHORT[node.state] if short else node.state) + ("*" if node.silent else "")


def _starred(group: Group) -> str:
    return str(group.partition.name) + ("*" if group.partition.is_default else "")


#: 字母到字段。
CODES = {
    "a": Field("AVAIL", lambda g: g.partition.state.lower()[:5]),
    "C": Field("CPUS(A/I/O/T)", lambda g: "/".join(map(str, g.cpus()))),
    "A": Field("NODES(A/I)", lambda g: "/".join(map(str, g.counts()[:2]))),
    "D": Field("NODES", lambda g: str(len(g.nodes))),
    "F": Field("NODES(A/I/O/T)", lambda g: "/".join(map(str, g.counts()))),
    "l": Field("TIMELIMIT", lambda g: times.squeue_duration(g.partition.max_time, "infinite")),
    "N": Field("NODELIST", lambda g: g.names),
    "P": Field("PARTITION", _starred),
    "R": Field("PARTITION", lambda g: g.partition.name),
    "t": Field("STATE", lambda g: _state(g, True)),
    "T": Field("STATE", lambda g: _state(g, False)),
}
