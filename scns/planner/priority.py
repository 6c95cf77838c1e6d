"""优先级：各因素加权之和，每一项都说得清。

来源：slurm.schedmd.com/priority_multifactor.html，slurm.conf(5) `PriorityWeight*`、
`PriorityFlags`、`PriorityMaxAge`、`PriorityFavorSmall`；算法照 22.05 版的
priority_multifactor.c。各因素都在 0 与 1 之间（`NO_NORMAL_*` 的除外），乘以权重相加，再减去
`--nice`；至少是 1，因为 0 是扣住。
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_DAY = 86400.0

#: 优先级以 32 位存。
HIGHEST = 0xFFFF_FFFF


@dataclass(slots=True)
class Weights:
    """各因素的权重，slurm.conf 里的 `PriorityWeightAge` 等。

    参数：
        tres：`PriorityWeightTRES`，键是 `cpu`、`mem`、`node`、`gres/NAME`、`license/NAME`
        max_age：`PriorityMaxAge`，秒；等了这么久，年龄的因素到 1
        favor_small：`PriorityFavorSmall`，小作业的大小因素大
        flags：`PriorityFlags` 的词，大写
    """

    age: int = 0
    assoc: int = 0
    fairshare: int = 0
    job_size: int = 0
    partition: int = 0
    qos: int = 0
    tres: Mapping[str, float] = field(default_factory=dict)
    max_age: float = 7 * _DAY
    favor_small: bool = False
    flags: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """有没有不为零的权重。"""
        plain = (
            self.age, self.assoc, self.fairshare, self.job_size, self.partition, self.qos
        )  # fmt: skip
        return any(plain) or any(self.tres.values())


@dataclass(slots=True)
class Scale:
    """归一化用的最大值；为 0 的因素一律是 0。

    参数：
        nodes、cpus：整个集群的
        partition：各分区 `PriorityJobFactor` 里最大的；`qos`、`assoc` 是各 QOS、各关系里最大的
    """

    nodes: int
    cpus: int
    partition: int = 0
    qos: int = 0
    assoc: int = 0


@dataclass(slots=True)
class Subject:
    """一个作业与优先级有关的方面。

    参数：
        eligible：从何时起可以启动；None：还不能，年龄不算
        fairshare：公平份额的系数，见 `fairshare`
        partition：所在分区的 `PriorityJobFactor`；几个分区里取最大的
        site：管理员直接加的数（`SiteFactor`）
        assoc：账户里的关系的 `Priority=`
        submitted：提交的时刻；`ACCRUE_ALWAYS` 时年龄从它算起，不论能不能启动
        minutes：时限；None 是没有时限
        tres：要的资源，键同 `Weights.tres`；`available` 是分区里（许可证是全部）有多少
    """

    eligible: float | None
    nodes: int
    cpus: int
    fairshare: float = 0.0
    partition: int = 0
    qos: int = 0
    nice: int = 0
    site: int = 0
    assoc: int = 0
    submitted: float | None = None
    minutes: float | None = None
    tres: Mapping[str, int] = field(default_factory=dict)
    available: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Factors:
    """一个作业的各因素，名字同 sprio(1)：归一化的，或乘过权重的。

    参数：
        tres：每种有权重的资源一项；是 0 的不列
    """

    age: float
    fairshare: float
    job_size: float
    partition: float
    qos: float
    assoc: float = 0.0
    tres: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Priority:
    """一个作业的优先级与它的由来；`weighted` 各项加 `site` 减 `nice` 就是 `total`。"""

    total: int
    factors: Factors
    weighted: Factors
    nice: int
    site: int


def priority_of(subject: Subject, weights: Weights, scale: Scale, now: float) -> Priority:
    """一个作业此刻的优先级。"""
    flags = weights.flags
    factors = Factors(
        age=_age(subject, weights, now),
        fairshare=subject.fairshare,
        job_size=_size(subject, weights, scale),
        partition=_share(subject.partition, scale.partition, "PART", flags),
        qos=_share(subject.qos, scale.qos, "QOS", flags),
        assoc=_share(subject.assoc, scale.assoc, "ASSOC", flags),
        tres=_tres(subject, weights) if weights.tres else {},
    )
    weighted = Factors(
        age=factors.age * weights.age,
        fairshare=factors.fairshare * weights.fairshare,
        job_size=factors.job_size * weights.job_size,
        partition=factors.partition * weights.partition,
        qos=factors.qos * weights.qos,
        assoc=factors.assoc * weights.assoc,
        tres={kind: factor * weights.tres[kind] for kind, factor in factors.tres.items()}
        if factors.tres
        else {},
    )
    gained = (
        weighted.age
        + weighted.fairshare
        + weighted.job_size
        + weighted.partition
        + weighted.qos
        + weighted.assoc
        + sum(weighted.tres.values())
        + subject.site
    )
    # 先取整再减：nice 差 1，优先级就差 1
    total = min(HIGHEST, max(1, int(gained) - subject.nice))
    return Priority(total, factors, weighted, subject.nice, subject.site)


def top(
    chosen: Sequence[int], priorities: Mapping[int, int], nice: Mapping[int, int]
) -> dict[int, int]:
    """`scontrol top`：把选中的作业排到同一用户的其他作业前面，返回要改成的 nice。

    选中的按所给次序在最前，其余的一律降低，相互的次序不变；降低的总数正好是选中的提高的总数，
    用户因此没有从别人那里得到什么。

    参数：
        priorities：同一用户、分区、账户与 QOS 的所有等待的作业的优先级；不在其中的选中者略过
    """
    first = [job for job in dict.fromkeys(chosen) if job in priorities]
    rest = [job for job in priorities if job not in first]
    order = sorted(priorities, key=lambda job: (-priorities[job], job))
    if order[: len(first)] == first:
        return {}
    count, gained = len(first), len(first) * (len(first) - 1) // 2
    own = sum(priorities[job] for job in first)
    highest = max((priorities[job] for job in rest), default=0)
    # 其余的各降 lowered，选中的从 best 起依次少 1，最后一个仍高于其余的；lowered 取最小的
    lowered = max(0, -((own + gained - count * (highest + count)) // (len(rest) + count)))
    lowered = lowered if rest else 0
    best, spare = divmod(own + lowered * len(rest) + gained, count)
    targets = {job: best - at for at, job in enumerate(first)}
    targets[first[0]] += spare
    targets.update((job, priorities[job] - lowered) for job in rest)
    return {
        job: nice.get(job, 0) + priorities[job] - target
        for job, target in targets.items()
        if target != priorities[job]
    }


def _age(subject: Subject, weights: Weights, now: float) -> float:
    always = "ACCRUE_ALWAYS" in weights.flags
    since = subject.submitted if always else subject.eligible
    if since is None or weights.max_age <= 0:
        return 0.0
    return min(1.0, max(0.0, now - since) / weights.max_age)


def _size(subject: Subject, weights: Weights, scale: Scale) -> float:
    """节点的比例与 CPU 的比例的平均；`SMALL_RELATIVE_TO_TIME` 时是 CPU 的比例除以时限的分钟数。"""
    if "SMALL_RELATIVE_TO_TIME" in weights.flags:
        average = subject.nodes * scale.cpus / scale.nodes if scale.nodes else 0.0
        # 没有时限的当作时间无穷长
        minutes = subject.minutes
        size = 0.0 if minutes is None else max(average, subject.cpus) / max(minutes, 1.0)
        size = min(1.0, size / scale.cpus) if scale.cpus else 0.0
    else:
        size = (_ratio(subject.nodes, scale.nodes) + _ratio(subject.cpus, scale.cpus)) / 2
    return 1.0 - size if weights.favor_small else size


def _tres(subject: Subject, weights: Weights) -> dict[str, float]:
    """要的资源占分区的比例；`NO_NORMAL_TRES` 时是要的数目本身。"""
    plain = not weights.flags.isdisjoint(("NO_NORMAL_TRES", "NO_NORMAL_ALL"))
    found = {}
    for kind in weights.tres:
        asked, most = subject.tres.get(kind, 0), subject.available.get(kind, 0)
        factor = float(asked) if plain else asked / most if most > 0 else 0.0
        if factor:
            found[kind] = factor
    return found


def _share(value: int, most: int, name: str, flags: frozenset[str]) -> float:
    """占最大值的比例；`NO_NORMAL_NAME` 时是数目本身。"""
    if flags and not flags.isdisjoint((f"NO_NORMAL_{name}", "NO_NORMAL_ALL")):
        return float(value)
    return _ratio(value, most)


def _ratio(value: int, most: int) -> float:
    return min(1.0, value / most) if most > 0 else 0.0
