"""一轮规划的经过：走过队列，决定启动、许诺与原因。"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from scns.planner.backfill import Chance, blockers, earliest, licensed, shelter
from scns.planner.booking import book, tres_taken
from scns.planner.decision import Blocked, Start
from scns.planner.failures import Failures
from scns.planner.ledger import Ledger
from scns.planner.limits import Excess, Limiter, tres_of
from scns.planner.placement import Spread, amount_of, place
from scns.planner.queue import Line, Queue, Walk
from scns.planner.standing import Promised, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from scns.planner.demand import Compiler, Demand, Need
    from scns.planner.slot import Slot, Vector
    from scns.planner.snapshot import Policy, Waiting


class Round:
    """一轮规划；`run` 之后，结果在 `starts`、`blocked`、`first` 与保守回填的 `standing` 里。"""

    def __init__(
        self,
        ledger: Ledger,
        compiler: Compiler,
        queue: Queue,
        policy: Policy,
        limiter: Limiter | None,
    ) -> None:
        self.ledger = ledger
        self.starts: list[Start] = []
        self.blocked: dict[int, Blocked] = {}
        # 各分区里第一个放不下的作业；排在它后面的，原因是 Priority
        self.first: dict[str, int] = {}
        self._compiler = compiler
        self._queue = queue
        self._policy = policy
        self._limiter = limiter
        self._walk = Walk(queue)
        window = policy.bf_window
        self._horizon = inf if window is None else ledger.now + window
        self._tests = policy.bf_max_job_test
        self._idle_cpus = sum(slot.idle[0] for slot in ledger.slots if slot.up)
        # 保守回填的许诺：上一轮的仍然成立就接着用，否则从头来
        self.standing: Standing | None = None
        self._kept = ledger.standing
        if self._kept is not None and (
            limiter or not self._kept.holds(queue, compiler, policy, ledger.now)
        ):
            self._kept = None
            ledger.forget()
        if policy.kind == "conservative":
            whole = limiter is None and window is None and not ledger.walled
            self.standing = self._kept or Standing(queue, compiler, policy, whole=whole)
        # 归还的记号与至此的许诺：这些相同，上一轮放不下的这一轮也放不下。预留随时间推移会放开资源，
        # 有预留时永不相同；留着的许诺只添不减，轮到的启动在许给它的地方，所以还是同一个
        mark = object() if ledger.walled else ledger.mark
        self._context: tuple[object, ...] = (mark, self.standing)
        # 已经有作业得到许诺的分区
        self._promised: set[str] = set()
        # 严格先来先服务时，被挡住的分区
        self._closed: set[str] = set()
        # 各组节点里排在最前的、占满的有多少个，见 `_full`
        self._fulls: dict[int, int] = {}
        # 现在放不下的与算不出机会的要求；资源只减不增，不比它们小的不必再试
        self._misfits = Failures()
        self._hopeless = Failures()

    @property
    def ended(self) -> list[Line]:
        """走到了尽头的列。"""
        return self._walk.ended

    def run(self) -> None:
        """走过队列一遍。"""
        if self._kept is not None:
            self._resume(self._kept)
        if self._kept is None or not self._settled():
            self._go_through()
        if self.standing is not None:
            keep = self.standing.settle(start.job_id for start in self.starts)
            self.ledger.standing = self.standing if keep and self.ledger.foreseen() else None

    def _go_through(self) -> None:
        decided = self._decided()
        for line, index in self._walk:
            if self._sure_to_fail(line, index, decided):
                # 绝大多数作业到此为止，原因有人问时再说
                continue
            self._consider(line, index)
            if self._settled():
                break
            decided = self._decided()

    def _resume(self, kept: Standing) -> None:
        """接着用上一轮的许诺：轮到的启动，然后从最后一份许诺以后走起。"""
        last = kept.promised[-1].rank
        due = kept.take(self.ledger.now)
        for each in due:
            for slot, amount in each.parts:
                slot.withdraw(each.chance.start, each.chance.end, amount)
            self._start(each.job, each.demand, each.chance)
        lanes = sum(1 for lines in self._queue.partitions.values() if lines)
        for each in kept.promised:
            for name in each.demand.lanes:
                self.first.setdefault(name, each.job.job_id)
            if len(self.first) == lanes:
                break
        self._tests -= len(kept.promised)
        self._walk = Walk(self._queue, last)
        if self._tests > 0:
            # 没有余下的次数时，与放不下的同一形状的也都放不下，不必看
            for line in {each.line: None for each in (*due, *kept.promised)}:
                if len(line.jobs) - line.first > 1:
                    self._walk.resume(line, last)

    def _sure_to_fail(self, line: Line, index: int, decided: Set[str]) -> bool:
        """不必细看就知道放不下，也轮不到它得许诺。

        空闲的 CPU 不够，或者上一轮放不下，而情形没有变。
        """
        demand = line.demand
        if demand is None or line.compiler is not self._compiler or not demand.lanes <= decided:
            return False
        if demand.whole_cpus > self._idle_cpus:
            return True
        return line.failed == self._context and line.failed_job == line.jobs[index].job_id

    def _decided(self) -> Set[str]:
        """哪些分区里再有放不下的作业，也不会得到许诺；随规划的进行增多。"""
        if self._policy.kind == "easy":
            return self._promised
        if self._policy.kind == "conservative" and self._tests > 0:
            return frozenset()
        return self.first.keys()

    def _settled(self) -> bool:
        """再看下去是否不会有新的决定。"""
        kind = self._policy.kind
        if kind == "fifo":
            decided: Set[str] = self._closed
        elif self._idle_cpus > 0:
            return False
        elif kind == "conservative":
            return self._tests <= 0
        else:
            decided = self._decided()
        partitions = self._queue.partitions
        return all(name in decided or not lines for name, lines in partitions.items())

    def _consider(self, line: Line, index: int) -> None:
        """为一列里轮到的作业作决定。"""
        job = line.jobs[index]
        if self.standing is not None and (job.eligible > self.ledger.now or job.count != 1):
            # 还有几个、何时轮到，会不经队列而变
            self.standing.whole = False
        if job.eligible > self.ledger.now or job.count <= 0:
            # 原因不必记：由作业自己看得出
            self._walk.go_on(line, index)
            return
        demand = self._compiler.demand(line, job)
        if demand.reason:
            unavailable = demand.unavailable
            self._note(Blocked(job.job_id, demand.reason, unavailable=unavailable))
            return
        for _ in range(job.count):
            excess = self._excess(job, tres_of(job.request)) if self._limiter else None
            found = None if excess else self._find(demand)
            if found is not None and found.need.exclusive and self._limiter:
                excess = self._excess(job, tres_taken(found, job.request, self.ledger))
            if excess is not None:
                self._note(Blocked(job.job_id, excess.reason, excess=excess))
                return
            if found is None:
                line.failed, line.failed_job = self._context, job.job_id
                self._hold(line, job, demand)
                if self._policy.kind == "conservative" and self._tests > 0:
                    # 同一形状的也各得许诺
                    self._walk.go_on(line, index)
                return
            self._start(job, demand, found)
        self._walk.go_on(line, index)

    def _excess(self, job: Waiting, tres: Mapping[str, int]) -> Excess | None:
        return None if self._limiter is None else self._limiter.check(job, tres)

    def _find(self, demand: Demand) -> Chance | None:
        """现在就能启动的机会；各分区依次试，时限能缩短的再按缩短的试。"""
        if demand.whole_cpus > self._idle_cpus:
            return None
        now = self.ledger.now
        for need in demand.needs:
            if need.lane in self._closed:
                continue
            limits = (need.limit,) if need.least == need.limit else (need.limit, need.least)
            for limit in limits:
                spread = self._fit(need, limit)
                if spread and licensed(demand, self.ledger, now, now + limit):
                    return Chance(now, limit, need, spread)
        return None

    def _fit(self, need: Need, limit: float) -> Spread | None:
        """现在启动、用到时限为止，放不放得下；放不下的记住。"""
        if need.whole_cpus > self._idle_cpus:
            return None
        if self._misfits.cover(need, limit):
            return None
        now = self.ledger.now
        spread = place(need, self.ledger, now, now + limit, self._full(need.slots))
        if spread is None:
            self._misfits.add(need, limit)
        return spread

    def _full(self, slots: Sequence[Slot]) -> int:
        """排在最前的节点里有多少个已经没有空闲的 CPU；一轮之内只增不减。"""
        key = id(slots)
        count = self._fulls.get(key, 0)
        while count < len(slots) and slots[count].idle[0] <= 0:
            count += 1
        self._fulls[key] = count
        return count

    def _start(self, job: Waiting, demand: Demand, chance: Chance) -> None:
        start = book(job, demand, chance, self.ledger)
        self.starts.append(start)
        self._idle_cpus -= sum(place.cpus.bit_count() for place in start.places)
        if self._limiter is not None:
            self._limiter.add(job, tres_taken(chance, job.request, self.ledger))

    def _hold(self, line: Line, job: Waiting, demand: Demand) -> None:
        """放不下的作业：记下原因，按策略许诺。"""
        names = demand.lanes
        if names <= self.first.keys() and names <= self._decided():
            # 绝大多数作业走到这里：排在别人后面，也轮不到许诺，不必记
            return
        ahead = next((self.first[name] for name in sorted(names) if name in self.first), None)
        for name in names:
            self.first.setdefault(name, job.job_id)
        reason = "Resources" if ahead is None else "Priority"
        if ahead is None and demand.licenses and not self._license_left(demand):
            reason = "Licenses"
        if self.ledger.walled and self._not_begun(demand):
            reason = "Reservation"
        if self._promise_each(line, job, demand, reason):
            return
        blocked = Blocked(job.job_id, reason, blockers=() if ahead is None else (ahead,))
        if self._policy.kind == "fifo":
            for name in names:
                self._closed |= self._compiler.overlaps.get(name, {name})
        else:
            self._promise(job, demand, names, blocked)
        self._note(blocked)

    def _promise_each(self, line: Line, job: Waiting, demand: Demand, reason: str) -> bool:
        """保守回填：许给一个放不下的作业它最早的机会；没有机会时返回 False。"""
        standing = self.standing
        if standing is None or self._tests <= 0:
            return False
        chance = self._earliest(demand)
        if chance is None:
            standing.whole = False
            return False
        parts = self._reserve(chance, demand)
        rank = line.rank(job)
        standing.add(Promised(rank, line, job, demand, chance, parts, reason))
        return True

    def _promise(
        self, job: Waiting, demand: Demand, names: frozenset[str], blocked: Blocked
    ) -> None:
        """轮到它得许诺时，许给它最早的机会；没有机会而又等得太久，守住它最有指望的节点。"""
        if self.standing is None and not names.isdisjoint(self._promised):
            return
        chance = self._earliest(demand) if self._policy.kind == "easy" else None
        if chance is not None:
            blocked.expected_start = chance.start
        elif not blocked.blockers:
            chance = shelter(demand, self.ledger)
        if chance is None:
            return
        blocked.blockers = blockers(chance, self.ledger, licensed=bool(demand.licenses))
        bound = self._policy.age_bound
        waited = self.ledger.now - job.eligible
        if blocked.expected_start is None and (bound is None or waited < bound):
            # 只为说明它在等谁；还不到替它守住的时候
            return
        blocked.nodes = tuple(slot.name for slot, _ in chance.spread)
        self._promised |= names
        self._context = (*self._context, job.job_id, chance.start, blocked.nodes)
        self._reserve(chance, demand)
        if self.standing is not None:
            self.standing.whole = False

    def _reserve(self, chance: Chance, demand: Demand) -> list[tuple[Slot, Vector]]:
        """在账本上许下一次机会，返回各节点上许出的资源。"""
        need = chance.need
        parts = [(slot, amount_of(need, tasks, slot)) for slot, tasks in chance.spread]
        for slot, amount in parts:
            self.ledger.promise(slot, chance.start, chance.end, amount)
        if demand.licenses:
            self.ledger.promise(self.ledger.pool, chance.start, chance.end, demand.licenses)
        return parts

    def _earliest(self, demand: Demand) -> Chance | None:
        """最早的机会；算不出，或者这一轮算得够多了，为 None。"""
        if self._tests <= 0 or self._hopeless.cover_all(demand.needs):
            return None
        self._tests -= 1
        chance = earliest(demand, self.ledger, self._horizon)
        if chance is None and not demand.licenses:
            for need in demand.needs:
                self._hopeless.add(need, need.limit)
        return chance

    def _not_begun(self, demand: Demand) -> bool:
        """作业的预留是否还没有开始。"""
        now = self.ledger.now
        return all(
            need.reservation is not None
            and all(begin > now for begin, _, name in slot.walls if name == need.reservation)
            for need in demand.needs
            for slot in need.slots
        )

    def _license_left(self, demand: Demand) -> bool:
        now = self.ledger.now
        least = min((need.least for need in demand.needs), default=inf)
        return licensed(demand, self.ledger, now, now + least)

    def _note(self, blocked: Blocked) -> None:
        self.blocked[blocked.job_id] = blocked
