"""一处资源的账：此刻有多少空闲，将来何时归还，哪些已经许给了别人。

资源是一列整数（向量）：节点的第 0 项是 CPU，第 1 项是内存，其余是各种通用资源；
许可证合成一处，各项是各种许可证。
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from math import inf
from operator import add, sub

from scns.planner.cpus import to_mask

Vector = tuple[int, ...]

#: 归还最早在这么多秒以后：过了预计结束时刻还在的作业，也当作这时才结束。
OVERDUE = 1.0


class Slot:
    """一处资源的账。

    有许诺（`promise`）时 `times` 与 `rooms` 是从现在起空闲量的阶梯；没有许诺时 `times` 为空，
    空闲量只会因归还而增加，用 `idle` 与 `releases` 就够。许诺在下一轮开始时抹去；情形没有变的
    （`standing`），阶梯留着，作业按时归还不改动它。

    参数：
        order：在快照里的次序
        weight：`Weight=`，小的先用
        up：接受新作业
        releases：按时刻排好的归还：（时刻，作业号，资源）；没有时限的作业，时刻是无穷大
        walls：预留，（开始，结束，名字）；不在预留里的作业不能与之重叠
    """

    __slots__ = (
        "_ids",
        "_mask",
        "features",
        "idle",
        "name",
        "order",
        "releases",
        "rooms",
        "times",
        "total",
        "up",
        "walls",
        "weight",
    )

    def __init__(self, name: str, order: int, total: Vector) -> None:
        self.name = name
        self.order = order
        self.total = total
        self.idle = total
        self.weight = 1
        self.up = True
        self.features: frozenset[str] = frozenset()
        self.releases: list[tuple[float, int, Vector]] = []
        self.times: list[float] = []
        self.rooms: list[Vector] = []
        self.walls: list[tuple[float, float, str]] = []
        self._ids: Iterable[int] | None = None
        self._mask = 0

    def load(self, idle: Vector, ids: Iterable[int]) -> None:
        """从头记起：空闲的资源与空闲 CPU 的编号，没有将来的归还与许诺。"""
        self.idle = idle
        self.releases = []
        self.forget_promises()
        # 编号到真要用时才换成位图：大多数节点在一轮里用不到
        self._ids = ids

    @property
    def mask(self) -> int:
        """空闲 CPU 的位图。"""
        if self._ids is not None:
            self._mask = to_mask(self._ids)
            self._ids = None
        return self._mask

    def room(self, now: float, start: float, end: float) -> Vector:
        """从 `start` 到 `end` 自始至终空闲的资源；许诺出去太多时可以是负数。"""
        if self.times:
            at = bisect_right(self.times, start) - 1
            until = bisect_left(self.times, end, at + 1)
            if until == at + 1:
                return self.rooms[at]
            return tuple(map(min, *self.rooms[at:until]))
        room = self.idle
        if start >= now + OVERDUE:
            for moment, _, amount in self.releases:
                if moment > start:
                    break
                room = tuple(map(add, room, amount))
        return room

    def closed(self, start: float, end: float, reservation: str | None) -> bool:
        """这段时间是否被别人的预留挡住，或不全在自己的预留之内。"""
        inside = reservation is None
        for begin, until, name in self.walls:
            if name == reservation:
                inside = inside or (begin <= start and end <= until)
            elif begin < end and start < until:
                return True
        return not inside

    def changes(self, now: float) -> Iterable[float]:
        """空闲量可能变多的时刻，都晚于现在；不保证有序，可以重复。"""
        if self.times:
            yield from self.times[1:]
        else:
            yield from (max(end, now + OVERDUE) for end, _, _ in self.releases if end < inf)
        yield from (edge for wall in self.walls for edge in wall[:2] if edge > now)

    def promise(self, now: float, start: float, end: float, amount: Vector) -> None:
        """把一段时间的资源许给一个作业。"""
        if not self.times:
            self._unfold(now)
        first = self._cut(start)
        last = len(self.times) if end == inf else self._cut(end)
        rooms = self.rooms
        rooms[first:last] = [tuple(map(sub, room, amount)) for room in rooms[first:last]]

    def withdraw(self, start: float, end: float, amount: Vector) -> None:
        """收回一份许诺；各项同许诺时的，`start` 不早于阶梯的起点。"""
        first = self._cut(start)
        last = len(self.times) if end == inf else self._cut(end)
        rooms = self.rooms
        rooms[first:last] = [tuple(map(add, room, amount)) for room in rooms[first:last]]

    def start(self, now: float, end: float, job_id: int, amount: Vector, cpus: int = 0) -> None:
        """一个作业现在启动；`cpus` 是它所用 CPU 的位图。"""
        if self.times:
            self.promise(now, now, end, amount)
        self.idle = tuple(map(sub, self.idle, amount))
        self._mask = self.mask & ~cpus
        insort(self.releases, (end, job_id, amount))

    def end(self, end: float, job_id: int, amount: Vector, cpus: int = 0) -> None:
        """一个作业结束，归还它的资源；`end` 是启动时预计的时刻。"""
        self.idle = tuple(map(add, self.idle, amount))
        self._mask = self.mask | cpus
        del self.releases[bisect_left(self.releases, (end, job_id, amount))]

    def forget_promises(self) -> None:
        """抹去许诺。"""
        self.times = []
        self.rooms = []

    def foreseen(self, now: float) -> bool:
        """将来的归还是否都在预计的时刻：没有一次因为过期而推到 `OVERDUE` 秒以后。"""
        return not self.releases or self.releases[0][0] >= now + OVERDUE

    def trim(self, now: float) -> None:
        """时间走到现在，许诺照旧：去掉阶梯上已经过去的部分。"""
        past = bisect_right(self.times, now) - 1
        if past >= 0:
            del self.times[:past]
            del self.rooms[:past]
            self.times[0] = now

    def _unfold(self, now: float) -> None:
        self.times, self.rooms = [now], [self.idle]
        for end, _, amount in self.releases:
            if end == inf:
                break
            moment = max(end, now + OVERDUE)
            room = tuple(map(add, self.rooms[-1], amount))
            if moment == self.times[-1]:
                self.rooms[-1] = room
            else:
                self.times.append(moment)
                self.rooms.append(room)

    def _cut(self, moment: float) -> int:
        """让阶梯在此刻分开，返回此刻起那一级的序号。"""
        at = bisect_left(self.times, moment)
        if at == len(self.times) or self.times[at] != moment:
            self.times.insert(at, moment)
            self.rooms.insert(at, self.rooms[at - 1])
        return at
