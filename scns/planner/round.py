"""一轮规划的经过：走过队列，决定启动、许诺与原因。"""

from __future__ import annotations

from math import inf
from operator import ge
from typing import TYPE_CHECKING

from scns.planner.backfill import Chance, earliest, licensed, shelter
from scns.planner.cpus import pick
from scns.planner.decision import Blocked, Place, Start
from scns.planner.ledger import Booking, Ledger
from scns.planner.placement import Spread, amount_of, cpus_of, memory_of, place
from scns.planner.queue import Key, Line, Queue, Walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.planner.demand import Compiler, Demand, Need
    from scns.planner.slot import Slot
    from scns.planner.snapshot import Policy, Waiting

_MINUTE = 60


class Round:
    """一轮规划；`run` 之后，结果在 `starts`、`blocked` 与 `shapes` 里。"""

    def __init__(self, ledger: Ledger, compiler: Compiler, queue: Queue, policy: Policy) -> None:
        self.ledger = ledger
        self.starts: list[Start] = []
        self.blocked: dict[int, Blocked] = {}
        self.shapes: dict[Key, Blocked] = {}
        # 各分区里第一个放不下的作业；排在它后面的，原因是 Priority
        self.first: dict[str, int] = {}
        self._compiler = compiler
        self._queue = queue
        self._policy = policy
        self._walk = Walk(queue)
        window = policy.bf_window
        self._horizon = inf if window is None else ledger.now + window
        self._tests = policy.bf_max_job_test
        self._idle_cpus = sum(slot.idle[0] for slot in ledger.slots if slot.up)
        # 归还的次数与至此的许诺：这些相同，上一轮放不下的这一轮也放不下。预留随时间推移会放开资源，
        # 有预留时永不相同
        walled = any(slot.walls for slot in ledger.slots)
        self._context: tuple[object, ...] = (object() if walled else ledger.releases,)
        # 已经有作业得到许诺的分区
        self._promised: set[str] = set()
        # 严格先来先服务时，被挡住的分区
        self._closed: set[str] = set()
        # 这一轮里失败过的要求：资源只减不增，不比它们小的不必再试
        self._failures: dict[object, list[tuple[float, ...]]] = {}

    def run(self) -> None:
        """走过队列一遍。"""
        for line, index in self._walk:
            self._consider(line, index)
            if self._settled():
                break

    def _settled(self) -> bool:
        """再看下去是否不会有新的决定。"""
        kind = self._policy.kind
        if kind == "fifo":
            decided = self._closed
        elif self._idle_cpus > 0:
            return False
        elif kind == "conservative":
            return self._tests <= 0
        else:
            decided = self._promised if kind == "easy" else self.first.keys()
        partitions = self._queue.partitions
        return all(name in decided or not lines for name, lines in partitions.items())

    def _consider(self, line: Line, index: int) -> None:
        """为一列里轮到的作业作决定。"""
        job = line.jobs[index]
        if job.eligible > self.ledger.now or job.count <= 0:
            # 原因不必记：由作业自己看得出
            self._walk.go_on(line, index)
            return
        demand = self._compiler.demand(line.key, job)
        if demand.reason:
            self._note(line, Blocked(job.job_id, demand.reason, shared=True))
            self.shapes[line.key].unavailable = demand.unavailable
            return
        left = job.count
        if line.failed == (job.job_id, self._context):
            # 上一轮就放不下，这以后没有归还过资源，许诺也相同
            self._hold(line, job, demand)
            return
        while left and self._try(job, demand):
            left -= 1
        if left:
            line.failed = (job.job_id, self._context)
            self._hold(line, job, demand)
        else:
            self._walk.go_on(line, index)

    def _try(self, job: Waiting, demand: Demand) -> bool:
        """放得下就启动。"""
        if self._idle_cpus <= 0:
            return False
        for need in demand.needs:
            if need.partition in self._closed:
                continue
            limits = (need.limit,) if need.least == need.limit else (need.limit, need.least)
            for limit in limits:
                spread = self._fit(need, limit)
                end = self.ledger.now + limit
                if spread and licensed(demand, self.ledger, self.ledger.now, end):
                    self._start(job, demand, need, spread, limit)
                    return True
        return False

    def _fit(self, need: Need, limit: float) -> Spread | None:
        """现在启动、用到时限为止，放不放得下；放不下的记住。"""
        if need.whole_cpus > self._idle_cpus:
            return None
        size = (limit, *need.size)
        failures = self._failures.setdefault(need.family, [])
        if any(all(map(ge, size, failed)) for failed in failures):
            return None
        now = self.ledger.now
        spread = place(need, self.ledger, now, now + limit)
        if spread is None:
            failures[:] = [failed for failed in failures if not all(map(ge, failed, size))]
            failures.append(size)
        return spread

    def _start(
        self, job: Waiting, demand: Demand, need: Need, spread: Spread, limit: float
    ) -> None:
        ledger = self.ledger
        request = job.request
        if limit < need.limit:
            limit = _stretch(need, ledger, spread, limit)
        places, parts = [], []
        for slot, tasks in spread:
            cpus = pick(slot.mask, cpus_of(need, tasks, slot))
            memory = memory_of(need, cpus.bit_count(), slot)
            gres = _given(ledger, need, slot, request.gres)
            places.append(Place(slot.name, cpus, memory, tasks, gres))
            parts.append((slot, ledger.vector(cpus.bit_count(), memory, gres), cpus))
        booking = Booking(job.job_id, ledger.now + limit, parts, demand.licenses)
        ledger.start(booking)
        self._idle_cpus -= sum(part[1][0] for part in parts)
        seconds = None if limit == inf else int(limit)
        self.starts.append(Start(job.job_id, need.partition, tuple(places), seconds, booking))

    def _hold(self, line: Line, job: Waiting, demand: Demand) -> None:
        """放不下的作业：记下原因，按策略许诺。"""
        names = demand.partitions
        kind = self._policy.kind
        if names <= self.first.keys() and (
            kind in ("fifo", "firstfit") or (kind == "easy" and names <= self._promised)
        ):
            # 绝大多数作业走到这里：排在别人后面，也轮不到许诺，不必记
            return
        ahead = next((self.first[name] for name in sorted(names) if name in self.first), None)
        for name in names:
            self.first.setdefault(name, job.job_id)
        blocked = Blocked(job.job_id, "Resources" if ahead is None else "Priority")
        if ahead is not None:
            blocked.blockers = (ahead,)
        elif not self._license_left(demand):
            blocked.reason = "Licenses"
        if kind == "fifo":
            for name in names:
                self._closed |= self._compiler.overlaps[name]
        else:
            self._promise(job, demand, names, blocked)
        self._note(line, blocked)

    def _promise(
        self, job: Waiting, demand: Demand, names: frozenset[str], blocked: Blocked
    ) -> None:
        """轮到它得许诺时，许给它最早的机会；没有机会而又等得太久，守住它最有指望的节点。"""
        kind = self._policy.kind
        if kind != "conservative" and not names.isdisjoint(self._promised):
            return
        chance = None
        if kind != "firstfit" and self._tests > 0:
            self._tests -= 1
            chance = earliest(demand, self.ledger, self._horizon)
        if chance is None:
            bound = self._policy.age_bound
            if bound is None or self.ledger.now - job.eligible < bound:
                return
            if not names.isdisjoint(self._promised):
                return
            chance = shelter(demand, self.ledger)
            if chance is None:
                return
            chance_end = inf
        else:
            chance_end = chance.end
            blocked.expected_start = chance.start
        blocked.nodes = tuple(slot.name for slot, _ in chance.spread)
        blocked.blockers = self._blockers(chance)
        self._promised |= names
        self._context = (*self._context, job.job_id, chance.start, blocked.nodes)
        for slot, tasks in chance.spread:
            amount = amount_of(chance.need, tasks, slot)
            self.ledger.promise(slot, chance.start, chance_end, amount)
        if demand.licenses:
            self.ledger.promise(self.ledger.pool, chance.start, chance_end, demand.licenses)

    def _blockers(self, chance: Chance) -> tuple[int, ...]:
        """机会落在的节点上，到那时为止会让出资源的作业；守住节点时是其上所有的作业。"""
        until = inf if chance.start <= self.ledger.now else chance.start
        jobs = {
            job_id for slot, _ in chance.spread for end, job_id, _ in slot.releases if end <= until
        }
        return tuple(sorted(jobs))

    def _license_left(self, demand: Demand) -> bool:
        now = self.ledger.now
        least = min((need.least for need in demand.needs), default=inf)
        return licensed(demand, self.ledger, now, now + least)

    def _note(self, line: Line, blocked: Blocked) -> None:
        self.shapes[line.key] = blocked
        self.blocked[blocked.job_id] = blocked


def _stretch(need: Need, ledger: Ledger, spread: Spread, least: float) -> float:
    """缩短了时限的作业，在不碍着别人的前提下能用多久；整分钟，不短于 `least`。"""
    longest = need.limit
    for slot, tasks in spread:
        amount = amount_of(need, tasks, slot)
        for moment, room in zip(slot.times, slot.rooms, strict=True):
            if moment > ledger.now and any(
                have < want for have, want in zip(room, amount, strict=True)
            ):
                longest = min(longest, moment - ledger.now)
        for begin, _, name in slot.walls:
            if begin > ledger.now and name != need.reservation:
                longest = min(longest, begin - ledger.now)
    return max(least, longest // _MINUTE * _MINUTE)


def _given(ledger: Ledger, need: Need, slot: Slot, gres: Mapping[str, int]) -> Mapping[str, int]:
    """在这个节点上得到的通用资源，落到具体型号；独占的得到全部。"""
    if need.exclusive:
        return ledger.all_gres(slot)
    return ledger.concrete(slot, gres) if gres else gres
