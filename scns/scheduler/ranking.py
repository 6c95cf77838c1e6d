"""多因素的优先级：定期重算所有排队作业的，新提交的随到随算；也管用量何时清零。

只在 `PriorityType=priority/multifactor` 且有一个 `PriorityWeight*` 不为零时用；否则优先级是常数，
先来先服务。来源：slurm.conf(5)，slurm.schedmd.com/priority_multifactor.html。
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from scns.db import accounts, priorities
from scns.planner.fairshare import Algorithm
from scns.planner.priority import Weights, priority_of
from scns.planner.reset import period_start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.config import Config
    from scns.planner.fairshare import Association


def weights_of(config: Config) -> Weights | None:
    """配置的权重；None 是不用多因素的优先级。"""
    weights = Weights(
        age=config.priority_weight_age,
        assoc=config.priority_weight_assoc,
        fairshare=config.priority_weight_fairshare,
        job_size=config.priority_weight_job_size,
        partition=config.priority_weight_partition,
        qos=config.priority_weight_qos,
        tres=config.priority_weight_tres,
        max_age=inf if config.priority_max_age is None else float(config.priority_max_age),
        favor_small=config.priority_favor_small,
        flags=frozenset(config.priority_flags),
    )
    return weights if config.priority_type == "priority/multifactor" and weights else None


@dataclass(slots=True)
class Ranker:
    """排优先级的人；配置变了就换一个。

    参数：
        weights：None 是不用多因素
        half_life：用量的半衰期，秒；None 不衰减
        period：`PriorityCalcPeriod`，秒；None 只算新来的
        algorithm：公平份额怎样算
        reset_period：`PriorityUsageResetPeriod`
        next_time：下一次全部重算的时刻，epoch 秒
    """

    weights: Weights | None
    half_life: float | None
    period: float | None
    algorithm: Algorithm = field(default_factory=Algorithm)
    reset_period: str = "NONE"
    next_time: float = 0.0
    _factors: dict[Association, float] = field(default_factory=dict)
    _settled: bool = False
    _reset: float = 0.0

    @classmethod
    def of(cls, config: Config) -> Ranker:
        """照配置。"""
        half_life, period = config.priority_decay_half_life, config.priority_calc_period
        return cls(
            weights_of(config),
            half_life or None,
            float(period) if period else None,
            Algorithm.of(config.priority_flags, float(config.fair_share_dampening_factor)),
            config.priority_usage_reset_period,
        )

    def rank(self, cursor: Any, now: float) -> None:
        """到了时候就全部重算，否则只算没有算过的。

        参数：
            now：epoch 秒
        """
        self.reset_usage(cursor, now)
        if self.weights is None:
            if not self._settled:
                cursor.execute(priorities.FORGET_PRIORITIES)
                self._settled = True
            return
        everything = now >= self.next_time
        if everything:
            self.next_time = now + self.period if self.period else inf
            self._factors.clear()
        cursor.execute(priorities.SUBJECTS if everything else priorities.FRESH_SUBJECTS)
        rows = cursor.fetchall()
        if everything and "CALCULATE_RUNNING" in self.weights.flags:
            cursor.execute(priorities.RUNNING_SUBJECTS)
            rows += cursor.fetchall()
        if rows:
            self._write(cursor, rows, self.weights, now)

    def reset_usage(self, cursor: Any, now: float) -> None:
        """到了 `PriorityUsageResetPeriod` 的一段的开头，用量清零；`NOW` 只在读了配置之后做一次。"""
        if self.reset_period == "NONE" or (self.reset_period == "NOW" and self._reset):
            return
        start = now if self.reset_period == "NOW" else period_start(self.reset_period, now)
        if start != self._reset:
            self._reset = start
            cursor.execute(accounts.RESET_USAGE, {"at": start})
            self._factors.clear()

    def estimate(self, cursor: Any, submission: Mapping[str, Any], now: float) -> int | None:
        """此刻提交这份要求会得到的优先级；不用多因素时为 None。

        参数：
            submission：`scns.check_submission` 填好默认值的提交
        """
        weights = self.weights
        if weights is None:
            return None
        owner = (submission["account"], submission["uid"])
        if weights.fairshare and owner not in self._factors:
            self._share(cursor, {owner}, now)
        cursor.execute(priorities.SUBMISSION, {**submission, "now": now})
        row = cursor.fetchone()
        measures = self._measures(cursor, weights)
        subject = priorities.subject_of(row, weights, measures, self._factors.get(owner, 0.0))
        return priority_of(subject, weights, measures.scale, now).total

    def due(self) -> float | None:
        """下一次全部重算的时刻；不用重算时为 None。"""
        return None if self.weights is None or self.next_time == inf else self.next_time

    def _measures(self, cursor: Any, weights: Weights) -> priorities.Measures:
        def ask(statement: str) -> Any:
            cursor.execute(statement)
            return cursor.fetchall()

        return priorities.read_measures(ask, weights)

    def _write(self, cursor: Any, rows: list[Any], weights: Weights, now: float) -> None:
        owners = {(row[1], row[2]) for row in rows}
        if weights.fairshare and not owners <= self._factors.keys():
            self._share(cursor, owners, now)
        measures = self._measures(cursor, weights)
        factors = [self._factors.get((row[1], row[2]), 0.0) for row in rows]
        totals = [
            priority_of(
                priorities.subject_of(row, weights, measures, factor), weights, measures.scale, now
            ).total
            for row, factor in zip(rows, factors, strict=True)
        ]
        cursor.execute(
            priorities.SET_PRIORITIES,
            {
                "now": now,
                "ids": [row[0] for row in rows],
                "priorities": totals,
                "fairshares": factors,
                "only_up": "INCR_ONLY" in weights.flags,
                "running": "CALCULATE_RUNNING" in weights.flags,
            },
        )

    def _share(self, cursor: Any, owners: set[Association], now: float) -> None:
        """此刻各用户的公平份额。"""
        cursor.execute(accounts.USAGE)
        usage = accounts.read_usage(cursor.fetchall(), self.half_life, now)
        cursor.execute(accounts.SHARES)
        tree = accounts.build_tree(cursor.fetchall(), owners | usage.keys(), self.algorithm)
        self._factors = {owner: share.factor for owner, share in tree.shares(usage).items()}
