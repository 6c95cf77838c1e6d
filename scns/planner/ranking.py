"""模拟用的优先级：多因素，连同公平份额与它的衰减。"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from scns.planner.fairshare import Association, Tree, Usage
from scns.planner.priority import Scale, Subject, Weights, priority_of

if TYPE_CHECKING:
    from scns.planner.simulate import Ran
    from scns.planner.snapshot import Waiting


class Multifactor:
    """`simulate` 的 `ranking`：按多因素排名，公平份额随用量更新。

    参数：
        half_life：`PriorityDecayHalfLife`，秒
        period：`PriorityCalcPeriod`，秒
    """

    def __init__(
        self,
        weights: Weights,
        scale: Scale,
        tree: Tree,
        *,
        half_life: float = 7 * 86400.0,
        period: float = 300.0,
    ) -> None:
        self.period = period
        self._weights = weights
        self._scale = scale
        self._tree = tree
        self._usage = Usage(half_life, 0.0)
        self._factors: Mapping[Association, float] = {}

    def advance(self, now: float, running: Iterable[Ran]) -> None:
        """把上次以来的运行记到用量上，重算各用户的份额。"""
        since = self._usage.now
        self._usage.advance(now)
        for ran in running:
            begin, end = max(ran.start, since), min(ran.end, now)
            if end > begin:
                owner = (f"group{ran.job.group}", ran.job.uid)
                self._usage.charge(owner, ran.job.cpus, begin, end)
        shares = self._tree.shares(self._usage.values)
        self._factors = {owner: share.factor for owner, share in shares.items()}

    def priority(self, job: Waiting, now: float) -> int:
        """一个作业此刻的优先级。"""
        fairshare = self._factors.get((job.account, job.uid), 0.0)
        request = job.request
        subject = Subject(job.eligible, 1, request.tasks * request.cpus_per_task, fairshare)
        return priority_of(subject, self._weights, self._scale, now).total
