"""多因素的优先级：定期重算所有排队作业的，新提交的随到随算。

只在 `PriorityType=priority/multifactor` 且有一个 `PriorityWeight*` 不为零时用；否则优先级是常数，
先来先服务。来源：slurm.conf(5)，slurm.schedmd.com/priority_multifactor.html。
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from scns.db import accounts
from scns.planner.priority import Subject, Weights, priority_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.config import Config
    from scns.planner.fairshare import Association


def weights_of(config: Config) -> Weights | None:
    """配置的权重；None 是不用多因素的优先级。"""
    weights = Weights(
        age=config.priority_weight_age,
        fairshare=config.priority_weight_fairshare,
        job_size=config.priority_weight_job_size,
        partition=config.priority_weight_partition,
        qos=config.priority_weight_qos,
        max_age=inf if config.priority_max_age is None else float(config.priority_max_age),
        favor_small=config.priority_favor_small,
    )
    used = (weights.age, weights.fairshare, weights.job_size, weights.partition, weights.qos)
    return weights if config.priority_type == "priority/multifactor" and any(used) else None


@dataclass(slots=True)
class Ranker:
    """排优先级的人；配置变了就换一个。

    参数：
        weights：None 是不用多因素
        half_life：用量的半衰期，秒；None 不衰减
        period：`PriorityCalcPeriod`，秒；None 只算新来的
        next_time：下一次全部重算的时刻，epoch 秒
    """

    weights: Weights | None
    half_life: float | None
    period: float | None
    next_time: float = 0.0
    _factors: dict[Association, float] = field(default_factory=dict)
    _settled: bool = False

    @classmethod
    def of(cls, config: Config) -> Ranker:
        """照配置。"""
        half_life, period = config.priority_decay_half_life, config.priority_calc_period
        return cls(weights_of(config), half_life or None, float(period) if period else None)

    def rank(self, cursor: Any, now: float) -> None:
        """到了时候就全部重算，否则只算没有算过的。

        参数：
            now：epoch 秒
        """
        if self.weights is None:
            if not self._settled:
                cursor.execute(accounts.FORGET_PRIORITIES)
                self._settled = True
            return
        everything = now >= self.next_time
        if everything:
            self.next_time = now + self.period if self.period else inf
            self._factors.clear()
        cursor.execute(accounts.SUBJECTS, {"fresh": not everything})
        rows = cursor.fetchall()
        if rows:
            self._write(cursor, rows, self.weights, now)

    def estimate(self, cursor: Any, submission: Mapping[str, Any], now: float) -> int | None:
        """此刻提交这份要求会得到的优先级；不用多因素时为 None。

        参数：
            submission：`scns.check_submission` 填好默认值的提交
        """
        if self.weights is None:
            return None
        owner = (submission["account"], submission["uid"])
        if self.weights.fairshare and owner not in self._factors:
            self._share(cursor, {owner}, now)
        cursor.execute(accounts.FACTORS, submission)
        partition, qos = cursor.fetchone()
        cursor.execute(accounts.SCALE)
        scale = accounts.scale_of(cursor.fetchone())
        subject = Subject(
            now,
            submission["nodes_min"],
            submission["cpus"],
            self._factors.get(owner, 0.0),
            partition,
            qos,
            submission["nice"],
        )
        return priority_of(subject, self.weights, scale, now).total

    def due(self) -> float | None:
        """下一次全部重算的时刻；不用重算时为 None。"""
        return None if self.weights is None or self.next_time == inf else self.next_time

    def _write(self, cursor: Any, rows: list[Any], weights: Weights, now: float) -> None:
        owners = {(row[1], row[2]) for row in rows}
        if weights.fairshare and not owners <= self._factors.keys():
            self._share(cursor, owners, now)
        cursor.execute(accounts.SCALE)
        scale = accounts.scale_of(cursor.fetchone())
        factors = [self._factors.get((row[1], row[2]), 0.0) for row in rows]
        priorities = [
            priority_of(accounts.subject_of(row, factor), weights, scale, now).total
            for row, factor in zip(rows, factors, strict=True)
        ]
        cursor.execute(
            accounts.SET_PRIORITIES,
            {
                "now": now,
                "ids": [row[0] for row in rows],
                "priorities": priorities,
                "fairshares": factors,
            },
        )

    def _share(self, cursor: Any, owners: set[Association], now: float) -> None:
        """此刻各用户的公平份额。"""
        cursor.execute(accounts.USAGE)
        usage = accounts.read_usage(cursor.fetchall(), self.half_life, now)
        cursor.execute(accounts.SHARES)
        tree = accounts.build_tree(cursor.fetchall(), owners | usage.keys())
        self._factors = {owner: share.factor for owner, share in tree.shares(usage).items()}
