"""sinfo 的节点、分区与一行。"""

from __future__ import annotations

from scns import hostlist, nodestate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Node:
    """一个节点；属性见 `scns.cli.sinfo.read.NODE`。"""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.__dict__.update(columns)
        self.base = nodestate.base_state(self.cpus, self.cpus_alloc, self.down)
        self.flags = {name: getattr(self, name) for name in ("drain", "completing", "silent")}
        self.state = nodestate.shown_state(self.base, drain=self.drain, completing=self.completing)
        self.mark = nodestate.mark(self.base, **self.flags)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @property
    def complete_state(self) -> str:
        """基本状态与全部标志，小写，以 `+` 相连。"""
        return "+".join([self.base, *nodestate.flags(**self.flags)]).lower()


class Partition:
    """一个分区；属性见 `scns.cli.sinfo.read.PARTITION`。"""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.__dict__.update(columns)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @property
    def size(self) -> str:
        """一个作业能有几个节点。"""
        most = "infinite" if self.max_nodes is None else self.max_nodes
        least = max(self.min_nodes, 1)
        return str(least) if least == most else f"{least}-{most}"


class Group:
    """sinfo 的一行。

    属性：
        partition：第一个归进来的分区
        place：它是配置里的第几个
        nodes：看不出差别的节点；空的是没有合格节点的分区
        convert：CPU 数可以换成 `1K`
        clock：印一个 epoch 秒
    """

    __slots__ = ("clock", "convert", "nodes", "partition", "place")

    def __init__(
        self, partition: Partition, place: int, *, convert: bool, clock: Callable[[int], str]
    ) -> None:
        self.partition = partition
        self.place = place
        self.nodes: list[Node] = []
        self.convert = convert
        self.clock = clock

    def names(self) -> str:
        """折叠的节点名单，按名字排好。"""
        return hostlist.compress(sorted((node.name for node in self.nodes), key=hostlist.sort_key))

    def counts(self) -> tuple[int, int, int, int]:
        """已分配、空闲、其他、合计的节点数；在收尾的算已分配，停用的算其他。"""
        busy = idle = 0
        for node in self.nodes:
            if node.drain or node.down:
                continue
            is_busy = node.completing or node.base != "IDLE"
            busy += is_busy
            idle += not is_busy
        total = len(self.nodes)
        return busy, idle, total - busy - idle, total

    def cpus(self) -> tuple[int, int, int, int]:
        """已分配、空闲、其他、合计的 CPU 数；停用节点上没分配的算其他。"""
        allocated = sum(node.cpus_alloc for node in self.nodes)
        total = sum(node.cpus for node in self.nodes)
        other = sum(node.cpus - node.cpus_alloc for node in self.nodes if node.drain or node.down)
        return allocated, total - allocated - other, other, total

    def least(self, key: Callable[[Node], Any]) -> Any:
        """组里最小的值；没有节点时是 0。"""
        return min(map(key, self.nodes), default=0)
