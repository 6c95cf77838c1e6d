"""作业的账归拢成行：要了多少，用了多少，下一次可以怎样少要；纯函数。"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scns import sizes, times

#: 用了不到百分之这么多，就值得提醒。
LOW = 50.0


class Grouping(StrEnum):
    """按什么归拢。"""

    ARRAY = "array"  # 一次提交一行，数组的元素合在一起
    JOB = "job"  # 每个元素一行
    USER = "user"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Run:
    """一个启动过的作业；列同 `scns.cli.own.eff` 的查询。None 是没有账，或没有要求。"""

    job_id: int
    array_job_id: int | None
    array_task_id: int | None
    owner: str
    name: str
    state: str
    cpus: int
    memory: int | None
    time_limit: int | None
    seconds: int
    milliseconds: int | None
    rss: float | None

    @property
    def label(self) -> str:
        """作业号的写法。"""
        if self.array_job_id is not None and self.array_task_id is not None:
            return f"{self.array_job_id}_{self.array_task_id}"
        return str(self.job_id)


@dataclass(frozen=True, slots=True)
class Efficiency:
    """一行：几个作业合在一起的账。

    参数：
        cpus、memory：要了多少，几个作业的取最大的
        cpus_used：平均同时用着几个 CPU；`memory_used` 是峰值，MiB
        cpu、memory_share、time：用了要的百分之几；没有账时为 None
        wasted：要了没有用的 CPU 小时
    """

    label: str
    owner: str
    name: str
    jobs: int
    state: str
    seconds: int
    cpus: int
    cpus_used: float | None
    cpu: float | None
    memory: int
    memory_used: float | None
    memory_share: float | None
    limit: int | None
    time: float | None
    wasted: float


_KEYS: dict[Grouping, Callable[[Run], str]] = {
    Grouping.JOB: lambda run: run.label,
    Grouping.ARRAY: lambda run: str(run.array_job_id or run.job_id),
    Grouping.USER: lambda run: run.owner,
    Grouping.TOTAL: lambda run: "",
}


def group(runs: Sequence[Run], by: Grouping) -> list[Efficiency]:
    """归拢成各行；按用户的，浪费最多的在前，其余照给出的次序。"""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(_KEYS[by](run), []).append(run)
    rows = [_efficiency(label, members, by) for label, members in groups.items()]
    return sorted(rows, key=lambda row: -row.wasted) if by is Grouping.USER else rows


def _efficiency(label: str, runs: Sequence[Run], by: Grouping) -> Efficiency:
    """一组作业的账；各项都按时间加权，一小时的作业比一分钟的要紧。"""
    known = [run for run in runs if run.milliseconds is not None]
    asked = sum(run.cpus * run.seconds for run in known)
    used = sum((run.milliseconds or 0) / 1000 for run in known)
    measured = [run for run in runs if run.rss is not None and run.memory]
    held = sum((run.memory or 0) * run.seconds for run in measured)
    filled = sum((run.rss or 0) * run.seconds for run in measured)
    limited = [run for run in runs if run.time_limit]
    seconds = sum(run.seconds for run in runs)
    states = {run.state for run in runs}
    single = by in (Grouping.JOB, Grouping.ARRAY)
    return Efficiency(
        label=label,
        owner=runs[0].owner if by is not Grouping.TOTAL else "",
        name=runs[0].name if single else "",
        jobs=len(runs),
        state=states.pop() if len(states) == 1 else "",
        seconds=seconds,
        cpus=max(run.cpus for run in runs),
        cpus_used=used / sum(run.seconds for run in known) if asked else None,
        cpu=100 * used / asked if asked else None,
        memory=max(run.memory or 0 for run in runs),
        memory_used=max((run.rss or 0 for run in measured), default=None),
        memory_share=100 * filled / held if held else None,
        limit=max((run.time_limit or 0 for run in limited), default=None),
        time=_share(limited),
        wasted=max(asked - used, 0) / 3600,
    )


def _share(limited: Sequence[Run]) -> float | None:
    """用了时限的百分之几。"""
    allowed = sum(run.time_limit or 0 for run in limited)
    return 100 * sum(run.seconds for run in limited) / allowed if allowed else None


def advice(row: Efficiency) -> list[str]:
    """下一次可以怎样少要；用得差不多的什么也不说。"""
    found = []
    if row.cpus_used is not None and row.cpu is not None and row.cpu < LOW and row.cpus > 1:
        enough = max(1, -(-row.cpus_used // 1))
        if enough < row.cpus:
            found.append(
                f"It kept {row.cpus_used:.1f} of {row.cpus} CPUs busy; {enough:.0f} would do."
            )
    if row.memory_used is not None and row.memory and row.memory_used < row.memory * LOW / 100:
        # 留两成余地，取整到 100M
        enough = max(100, -(-row.memory_used * 1.2 // 100) * 100)
        if enough < row.memory:
            used = sizes.format_size(round(row.memory_used) or 1)
            found.append(
                f"It used at most {used} of {sizes.format_size(row.memory)} of memory;"
                f" {sizes.format_size(int(enough))} would do."
            )
    if row.time is not None and row.time < LOW and row.limit and row.jobs == 1:
        # 短的时限更容易回填
        enough = max(60, -(-row.seconds * 1.5 // 60) * 60)
        if enough < row.limit:
            found.append(
                f"It ran {times.elapsed(row.seconds)} of {times.elapsed(row.limit)};"
                f" --time={times.squeue_duration(enough)} would let it start sooner by backfill."
            )
    return found
