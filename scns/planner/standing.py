"""保守回填的许诺从一轮留到下一轮：没有作业提早结束时，从头再算一遍只会得到同样的许诺。

为什么同样：一个作业的许诺只取决于在跑的与排在它前面的。在跑的都正在预计的时刻结束，空闲量的阶梯就没有变；
上一轮排在所有许诺之后启动的，用的是许诺剩下的，不碍着任何许诺，而机会与摆法都取候选里最先的一个，
去掉没有选中的候选不改变选择。因此旧的许诺原样成立，轮到的正好启动，只需从最后一份许诺以后走起。
情形不在这里说得清的（预留、许可证、上限、可缩短的时限、数组、算不出的机会）一律从头许诺。
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scns.planner.backfill import Chance, blockers
from scns.planner.decision import Blocked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scns.planner.demand import Compiler, Demand
    from scns.planner.ledger import Ledger
    from scns.planner.queue import Line, Queue, Rank
    from scns.planner.slot import Slot, Vector
    from scns.planner.snapshot import Policy, Waiting


@dataclass(slots=True)
class Promised:
    """一份许诺。

    参数：
        parts：各节点上许给它的资源
        reason：不是排在最前时的等待原因
    """

    rank: Rank
    line: Line
    job: Waiting
    demand: Demand
    chance: Chance
    parts: list[tuple[Slot, Vector]]
    reason: str

    def told(self, ledger: Ledger, first: Mapping[str, int]) -> Blocked:
        """说给人听的样子。

        参数：
            first：各分区里第一个放不下的作业
        """
        job_id = self.job.job_id
        ahead = any(first.get(name) != job_id for name in self.demand.lanes)
        reason = "Resources" if self.reason == "Priority" and not ahead else self.reason
        return Blocked(
            job_id,
            reason,
            self.chance.start,
            blockers(self.chance, ledger, licensed=bool(self.demand.licenses)),
            tuple(slot.name for slot, _ in self.chance.spread),
        )


class Standing:
    """一轮的许诺，按名次排好。

    参数：
        whole：许诺了的是不是队列里最前的那些，一个不漏，而且都可以留到下一轮
    """

    __slots__ = ("_compiler", "_policy", "_queue", "_started", "promised", "whole")

    def __init__(self, queue: Queue, compiler: Compiler, policy: Policy, *, whole: bool) -> None:
        self._queue = queue
        self._compiler = compiler
        self._policy = policy.kind, policy.bf_max_job_test, policy.bf_window
        self._started: set[int] = set()
        self.promised: list[Promised] = []
        self.whole = whole

    def add(self, promised: Promised) -> None:
        """又一份许诺，名次在已有的之后。"""
        self.promised.append(promised)
        demand = promised.demand
        if self.whole and (demand.licenses or any(n.least < n.limit for n in demand.needs)):
            self.whole = False

    def settle(self, started: Iterable[int]) -> bool:
        """一轮结束，此后队列的变化都记下；返回这些许诺能不能留。

        参数：
            started：这一轮启动的，它们随后会从队列里移去
        """
        keep = self.whole and bool(self.promised)
        self._started = set(started)
        self._queue.changes = [] if keep else None
        return keep

    def holds(self, queue: Queue, compiler: Compiler, policy: Policy, now: float) -> bool:
        """队列与策略至今的变化，是否都不影响这些许诺。"""
        asked = policy.kind, policy.bf_max_job_test, policy.bf_window
        if queue is not self._queue or compiler is not self._compiler or asked != self._policy:
            return False
        last = self.promised[-1].rank
        removed = 0
        for rank, added in queue.changes or ():
            if not added and rank[2] in self._started:
                removed += 1
            elif rank <= last:
                return False
        if removed != len(self._started):
            return False
        return all(each.chance.start >= now and each.job.count == 1 for each in self.promised)

    def take(self, now: float) -> list[Promised]:
        """取走轮到现在的许诺，按名次。"""
        due = [each for each in self.promised if each.chance.start <= now]
        if due:
            self.promised = [each for each in self.promised if each.chance.start > now]
        return due
