"""预测：从一份快照出发，用同一个规划器把虚拟时间往前推，看一个作业何时启动。

每个作业都用满时限，此后没有新的提交；没有时限的永不结束。不读时钟，同样的快照总得同样的预测。
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from math import inf
from typing import TYPE_CHECKING

from scns.planner.cpus import pick
from scns.planner.demand import Compiler
from scns.planner.ledger import Booking, Ledger
from scns.planner.limits import Limiter
from scns.planner.plan import decide
from scns.planner.queue import Queue
from scns.planner.slot import OVERDUE
from scns.planner.snapshot import Running, Use

if TYPE_CHECKING:
    from scns.planner.decision import Start
    from scns.planner.snapshot import Snapshot, Waiting

#: 至多推进多少轮：再远的预测不值得算。
MOST_ROUNDS = 1000


@dataclass(slots=True)
class Throttle:
    """一个数组还没启动的部分。

    参数：
        left：还没启动的个数；`active` 是占着节点的个数
        limit：`--array=…%N` 的 N；None 不限
    """

    left: int
    active: int = 0
    limit: int | None = None

    @property
    def count(self) -> int:
        """此刻还可以启动几个。"""
        if self.limit is None:
            return self.left
        return max(0, min(self.left, self.limit - self.active))


@dataclass(order=True, slots=True)
class _End:
    """将来的一次结束；`at` 不早于此刻，`order` 只为排序不比别的。"""

    at: float
    order: int
    booking: Booking = field(compare=False)
    running: Running | None = field(compare=False)


def forecast(
    snapshot: Snapshot,
    job_id: int,
    *,
    nth: int = 1,
    arrays: Mapping[int, Throttle] | None = None,
    rounds: int = MOST_ROUNDS,
) -> float | None:
    """一个等待的作业预计何时启动；算不出时为 None。

    算不出：挡着它的没有时限，它永远放不下，或者在 `rounds` 轮之外。快照不被改动。

    参数：
        nth：作业号是数组时，它第几个启动的元素
        arrays：快照里各数组的余量；不在其中的按快照里的个数
    """
    run = _Forecast(snapshot, arrays or {})
    for _ in range(rounds):
        nth -= run.plan().count(job_id)
        if nth <= 0:
            return run.now
        if not run.advance():
            return None
    return None


class _Forecast:
    """一次预测的经过。"""

    def __init__(self, snapshot: Snapshot, arrays: Mapping[int, Throttle]) -> None:
        self.now = snapshot.now
        self._snapshot = snapshot
        self._ledger = Ledger(snapshot)
        self._compiler = Compiler(self._ledger, snapshot.partitions, snapshot.reservations)
        self._waiting = {job.job_id: replace(job) for job in snapshot.waiting}
        self._arrays = {
            job.job_id: replace(arrays.get(job.job_id) or Throttle(job.count))
            for job in self._waiting.values()
        }
        for job in self._waiting.values():
            job.count = self._arrays[job.job_id].count
        # 分得更细不改变决定，只是慢一些
        self._queue = Queue(
            self._waiting.values(), now=self.now, tier=self._compiler.tier, owners=True
        )
        known = {job.job_id: job for job in snapshot.running}
        edges = [edge for each in snapshot.reservations for edge in (each.start, each.end)]
        edges += [job.eligible for job in self._waiting.values()]
        self._later = [edge for edge in edges if edge > self.now]
        heapify(self._later)
        self._ends = [
            _End(max(booking.end, self.now + OVERDUE), at, booking, known.get(booking.job_id))
            for at, booking in enumerate(_bookings(self._ledger))
            if booking.end < inf
        ]
        heapify(self._ends)
        self._order = len(self._ends)
        self._limited = bool(snapshot.account_limits or snapshot.user_limits or snapshot.qos_limits)
        # 没有上限时不必记着谁在跑
        self._running = list(snapshot.running) if self._limited else []

    def plan(self) -> list[int]:
        """规划此刻的一轮，返回启动的作业号，按决定的次序。"""
        self._ledger.begin(self.now)
        self._queue.advance(self.now)
        limiter = None
        if self._limited:
            limiter = Limiter(replace(self._snapshot, running=self._running))
        decided = decide(self._ledger, self._compiler, self._queue, self._snapshot.policy, limiter)
        for start in decided.starts:
            self._start(start)
        return [start.job_id for start in decided.starts]

    def advance(self) -> bool:
        """时间走到下一次结束、下一个 `eligible` 或预留的边缘；没有这样的时刻时返回 False。"""
        at = min(self._later[0] if self._later else inf, self._ends[0].at if self._ends else inf)
        if at == inf:
            return False
        self.now = at
        while self._later and self._later[0] <= at:
            heappop(self._later)
        while self._ends and self._ends[0].at <= at:
            self._end(heappop(self._ends))
        return True

    def _start(self, start: Start) -> None:
        job = self._waiting[start.job_id]
        array = self._arrays[start.job_id]
        array.left -= 1
        array.active += 1
        running = _running(job, start)
        if array.left:
            job.count = array.count
        else:
            self._queue.remove(job)
        self._order += 1
        if self._limited:
            self._running.append(running)
        if start.booking.end < inf:
            heappush(self._ends, _End(start.booking.end, self._order, start.booking, running))

    def _end(self, end: _End) -> None:
        self._ledger.end(end.booking)
        self._running = [job for job in self._running if job is not end.running]
        array_id = end.running.array_id if end.running else None
        if array_id is not None and array_id in self._arrays:
            array = self._arrays[array_id]
            array.active = max(0, array.active - 1)
            self._waiting[array_id].count = array.count


def _running(job: Waiting, start: Start) -> Running:
    """启动了的作业，此后是占着资源的作业。"""
    uses = tuple(
        Use(place.node, place.cpus.bit_count(), place.memory, place.gres) for place in start.places
    )
    return Running(
        job.job_id,
        job.uid,
        job.account,
        start.booking.end,
        uses,
        job.request.licenses,
        array_id=job.job_id,
        qos=job.qos,
    )


def _bookings(ledger: Ledger) -> list[Booking]:
    """账本里将来的各次归还，按作业归拢；用哪几个 CPU 无关紧要，从占着的里挑。"""
    found: dict[tuple[float, int], Booking] = {}

    def booking(end: float, job_id: int) -> Booking:
        return found.setdefault((end, job_id), Booking(job_id, end, [], ()))

    for slot in ledger.slots:
        busy = ((1 << slot.total[0]) - 1) & ~slot.mask
        for end, job_id, amount in slot.releases:
            cpus = pick(busy, min(amount[0], busy.bit_count()))
            busy &= ~cpus
            booking(end, job_id).parts.append((slot, amount, cpus))
    for end, job_id, licenses in ledger.pool.releases:
        booking(end, job_id).licenses = licenses
    return list(found.values())
