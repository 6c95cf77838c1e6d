"""账本：整个集群的资源账，由快照一次建成，也可随作业的启动与结束一步步更新。"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from scns.planner.slot import Slot, Vector

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scns.planner.snapshot import Node, Reservation, Running, Snapshot
    from scns.planner.standing import Standing


@dataclass(slots=True)
class Booking:
    """一个启动了的作业占的资源，归还时原样交回。

    参数：
        parts：各节点的账、资源与 CPU 位图
        licenses：许可证的向量；不用许可证时为空
    """

    job_id: int
    end: float
    parts: list[tuple[Slot, Vector, int]]
    licenses: Vector


class Ledger:
    """整个集群的账。

    参数：
        dims：节点向量各项的名字：`cpu`、`mem`，然后是各种通用资源
        pool：许可证的账，各项的名字是 `license_names`
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.now = snapshot.now
        names = {kind for node in snapshot.nodes for name in node.gres for kind in _kinds(name)}
        self.dims = ("cpu", "mem", *sorted(names))
        self._dim = {name: at for at, name in enumerate(self.dims)}
        self.slots = [self._slot(order, node) for order, node in enumerate(snapshot.nodes)]
        self.by_name = {slot.name: slot for slot in self.slots}
        self.license_names = tuple(sorted(snapshot.licenses))
        licenses = tuple(snapshot.licenses[name] for name in self.license_names)
        self.pool = Slot("", -1, licenses)
        self._build_walls(snapshot.reservations)
        #: 有没有预留。
        self.walled = any(slot.walls for slot in self.slots)
        self._promised: dict[Slot, None] = {}
        self._ends: set[float] = set()
        #: 上一轮的许诺，这一轮仍然成立；None 时要从头许诺。
        self.standing: Standing | None = None
        #: 上一次归还以来的记号；还是同一个时，空闲的只会更少。
        self.mark = object()
        self.load(snapshot)

    def load(self, snapshot: Snapshot) -> None:
        """换成另一个快照的占用；它的节点、许可证与预留必须与建成时的相同。"""
        self.standing = None
        self.begin(snapshot.now)
        self.mark = object()
        self.pool.load(self.pool.total, ())
        for slot, node in zip(self.slots, snapshot.nodes, strict=True):
            idle = self.vector(len(node.idle), node.idle_memory, node.idle_gres)
            slot.load(idle, node.idle)
        for job in snapshot.running:
            self._record(job)
        self._close_exclusive(snapshot.nodes, snapshot.running)

    def vector(self, cpus: int, memory: int, gres: Mapping[str, int]) -> Vector:
        """换成节点的向量；`gpu:a100` 也算进 `gpu` 一项。没有节点有的资源不算。"""
        amount = [0] * len(self.dims)
        amount[0], amount[1] = cpus, memory
        for name, count in gres.items():
            for kind in _kinds(name):
                if kind in self._dim:
                    amount[self._dim[kind]] += count
        return tuple(amount)

    def license_vector(self, licenses: Mapping[str, int]) -> Vector:
        """换成许可证的向量；不用许可证时为空。"""
        if not licenses:
            return ()
        return tuple(licenses.get(name, 0) for name in self.license_names)

    def begin(self, now: float) -> None:
        """开始一轮：时间走到现在，抹去上一轮的许诺；仍然成立的（`standing`）留着。

        成立的条件：上一轮以来的归还都正在预计的时刻，即现在，还没有归还的也都没有过期。
        """
        self.now = now
        on_time = all(end == now for end in self._ends)
        self._ends.clear()
        if self.standing is not None and on_time and self.foreseen():
            for slot in self._promised:
                slot.trim(now)
        else:
            self.forget()

    def forget(self) -> None:
        """抹去所有的许诺。"""
        self.standing = None
        for slot in self._promised:
            slot.forget_promises()
        self._promised.clear()

    def foreseen(self) -> bool:
        """有许诺的各处，将来的归还是否都在预计的时刻，见 `Slot.foreseen`。"""
        return all(slot.foreseen(self.now) for slot in self._promised)

    def promise(self, slot: Slot, start: float, end: float, amount: Vector) -> None:
        """把一段时间的资源许给一个还没启动的作业。"""
        slot.promise(self.now, start, end, amount)
        self._promised[slot] = None

    def start(self, booking: Booking) -> None:
        """一个作业现在启动。"""
        for slot, amount, cpus in booking.parts:
            slot.start(self.now, booking.end, booking.job_id, amount, cpus)
        if booking.licenses:
            self.pool.start(self.now, booking.end, booking.job_id, booking.licenses)

    def end(self, booking: Booking) -> None:
        """一个作业结束。"""
        self.mark = object()
        if self.standing is not None:
            self._ends.add(booking.end)
        for slot, amount, cpus in booking.parts:
            slot.end(booking.end, booking.job_id, amount, cpus)
        if booking.licenses:
            self.pool.end(booking.end, booking.job_id, booking.licenses)

    def concrete(self, slot: Slot, gres: Mapping[str, int]) -> dict[str, int]:
        """把不指明型号的通用资源落到具体的型号：先用没有型号的，再按型号的名字。

        节点上空闲的必须够数。
        """
        chosen: dict[str, int] = {name: count for name, count in gres.items() if ":" in name}
        for name, count in gres.items():
            if ":" in name:
                continue
            typed = [kind for kind in self.dims if kind.startswith(name + ":")]
            idle = {kind: slot.idle[self._dim[kind]] - chosen.get(kind, 0) for kind in typed}
            untyped = (
                slot.idle[self._dim[name]]
                - sum(idle.values())
                - sum(chosen.get(kind, 0) for kind in typed)
            )
            for kind, free in ((name, untyped), *idle.items()):
                taken = min(count, free)
                if taken > 0:
                    chosen[kind] = chosen.get(kind, 0) + taken
                    count -= taken
        return chosen

    def all_gres(self, slot: Slot) -> dict[str, int]:
        """一个节点上全部的通用资源，落到具体的型号。"""
        bases_of = {name for name in self.dims[2:] if ":" not in name}
        free = Slot(slot.name, slot.order, slot.total)
        return self.concrete(free, {name: slot.total[self._dim[name]] for name in bases_of})

    def _slot(self, order: int, node: Node) -> Slot:
        slot = Slot(node.name, order, self.vector(node.cpus, node.memory, node.gres))
        slot.weight = node.weight
        slot.up = node.up
        slot.features = node.features
        return slot

    def _record(self, job: Running) -> None:
        """记下快照里一个运行中的作业将来的归还；它占的节点资源快照已经扣掉，许可证没有。"""
        licenses = self.license_vector(job.licenses)
        end = inf if job.end is None else job.end
        if licenses:
            self.pool.start(self.now, end, job.job_id, licenses)
        for use in job.uses:
            slot = self.by_name.get(use.node)
            if slot is not None:
                amount = self.vector(use.cpus, use.memory, use.gres)
                slot.releases.append((end, job.job_id, amount))

    def _close_exclusive(self, nodes: Iterable[Node], running: Iterable[Running]) -> None:
        """独占的节点上余下的 CPU 也归独占它的作业，到它结束才放开。"""
        ends = {job.job_id: job.end for job in running}
        for node in nodes:
            slot = self.by_name[node.name]
            if node.exclusive_by is not None and slot.idle[0]:
                rest = (slot.idle[0], *(0 for _ in slot.idle[1:]))
                slot.idle = (0, *slot.idle[1:])
                end = ends.get(node.exclusive_by)
                slot.releases.append((inf if end is None else end, node.exclusive_by, rest))
        for slot in self.slots:
            slot.releases.sort()

    def _build_walls(self, reservations: Iterable[Reservation]) -> None:
        for reservation in reservations:
            for name in reservation.nodes:
                if name in self.by_name:
                    wall = (reservation.start, reservation.end, reservation.name)
                    self.by_name[name].walls.append(wall)


def _kinds(name: str) -> tuple[str, ...]:
    """`gpu:a100` 也算 `gpu`。"""
    base = name.partition(":")[0]
    return (name,) if base == name else (base, name)
