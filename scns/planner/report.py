"""模拟的结果：平均等待、平均有界减速、利用率，以及每个用户的。

有界减速：（等待 + 运行）÷ max（运行，阈值），不小于 1。来源：Feitelson，“Metrics for Parallel Job
Scheduling and Their Convergence”（JSSPP 2001）。
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scns.planner.simulate import Ran

#: 有界减速的阈值，秒。
THRESHOLD = 10.0


@dataclass(slots=True)
class Figures:
    """一批作业的统计。

    参数：
        mean_wait、longest_wait：秒
        mean_slowdown：平均有界减速
        cpu_seconds：用了多少 CPU 秒
    """

    jobs: int = 0
    mean_wait: float = 0.0
    longest_wait: float = 0.0
    mean_slowdown: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """一次模拟的统计。

    参数：
        utilisation：用掉的 CPU 秒，占从第一个提交到最后一个结束之间全部 CPU 秒的比例
        makespan：那一段的秒数
        users：每个用户的统计，按用户号
    """

    name: str
    all: Figures
    utilisation: float
    makespan: float
    users: dict[int, Figures] = field(default_factory=dict)


def bounded_slowdown(ran: Ran) -> float:
    """一个作业的有界减速。"""
    run = ran.end - ran.start
    return max(1.0, (ran.wait + run) / max(run, THRESHOLD))


def summarise(name: str, history: Sequence[Ran], cpus: int) -> Report:
    """统计一次模拟。

    参数：
        name：策略的名字
        cpus：整个机器的 CPU 数
    """
    by_user: dict[int, list[Ran]] = {}
    for ran in history:
        by_user.setdefault(ran.job.uid, []).append(ran)
    everyone = _figures(history)
    begin = min((ran.job.submit for ran in history), default=0)
    makespan = max((ran.end for ran in history), default=0.0) - begin
    capacity = makespan * cpus
    return Report(
        name,
        everyone,
        everyone.cpu_seconds / capacity if capacity else 0.0,
        makespan,
        {uid: _figures(by_user[uid]) for uid in sorted(by_user)},
    )


def course(history: Iterable[Ran]) -> list[tuple[float, int, int]]:
    """随时间的变化：（时刻，在用的 CPU 数，等待的作业数），每有变化一项；画图用。"""
    changes: dict[float, tuple[int, int]] = {}
    for ran in history:
        cpus = ran.job.cpus
        for moment, busy, waiting in (
            (float(ran.job.submit), 0, 1),
            (ran.start, cpus, -1),
            (ran.end, -cpus, 0),
        ):
            before = changes.get(moment, (0, 0))
            changes[moment] = before[0] + busy, before[1] + waiting
    busy = waiting = 0
    rows = []
    for moment in sorted(changes):
        busy, waiting = busy + changes[moment][0], waiting + changes[moment][1]
        rows.append((moment, busy, waiting))
    return rows


def table(reports: Iterable[Report]) -> str:
    """各策略并排的表，英文，以换行结尾。"""
    rows = [
        (
            report.name,
            f"{report.all.jobs}",
            f"{report.all.mean_wait:.0f}",
            f"{report.all.longest_wait:.0f}",
            f"{report.all.mean_slowdown:.2f}",
            f"{report.utilisation * 100:.1f}",
            f"{report.makespan:.0f}",
        )
        for report in reports
    ]
    header = ("POLICY", "JOBS", "MEAN_WAIT", "MAX_WAIT", "MEAN_BSLD", "UTIL%", "MAKESPAN")
    return _align([header, *rows])


def user_table(report: Report) -> str:
    """一种策略之下每个用户的表，英文，以换行结尾。"""
    rows = [
        (
            f"{uid}",
            f"{figures.jobs}",
            f"{figures.mean_wait:.0f}",
            f"{figures.longest_wait:.0f}",
            f"{figures.mean_slowdown:.2f}",
            f"{figures.cpu_seconds / 3600:.1f}",
        )
        for uid, figures in report.users.items()
    ]
    return _align([("UID", "JOBS", "MEAN_WAIT", "MAX_WAIT", "MEAN_BSLD", "CPU_HOURS"), *rows])


def _figures(history: Sequence[Ran]) -> Figures:
    count = len(history)
    if not count:
        return Figures()
    return Figures(
        count,
        sum(ran.wait for ran in history) / count,
        max(ran.wait for ran in history),
        sum(map(bounded_slowdown, history)) / count,
        sum((ran.end - ran.start) * ran.job.cpus for ran in history),
    )


def _align(rows: Sequence[Sequence[str]]) -> str:
    """第一列靠左，其余靠右。"""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append(" ".join((first, *rest)).rstrip())
    return "\n".join(lines) + "\n"
