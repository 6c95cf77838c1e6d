"""看板的作业表：有哪些列，各列怎样显示，多宽的屏幕才有。"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from scns import times
from scns.cli.board.bars import bar, size
from scns.cli.board.keys import Sort, View, window
from scns.states import SHORT, JobState

if TYPE_CHECKING:
    from scns.cli.board.data import Job

#: 名字这一列至多多宽。
_NAME_WIDTH = 32

_STYLES = {
    "RUNNING": "green",
    "PENDING": "yellow",
    "COMPLETING": "cyan",
    "SUSPENDED": "magenta",
}


@dataclass(frozen=True, slots=True)
class Column:
    """作业表的一列。

    参数：
        width：字符；0 是有弹性的，与别的平分余下的地方
        least：屏幕至少这么宽才有这一列
        sort：按它排时表头标出来
    """

    title: str
    width: int
    show: Callable[[Job], Text]
    right: bool = False
    least: int = 0
    sort: Sort | None = None


def _where(job: Job) -> Text:
    """在哪里，或为什么等。"""
    if job.state != "PENDING":
        return Text(job.nodes or "")
    if job.waiting is not None and job.done + job.running:
        total = job.size + job.done + job.running
        return Text(f"{job.done}/{total} ").append(bar(job.done, total, 8, "green"))
    return Text(f"({job.reason})", "dim")


def _time(job: Job) -> Text:
    return Text("" if job.seconds is None else times.squeue_duration(max(job.seconds, 0)))


def _left(job: Job) -> Text:
    """在跑的还剩多久；在等的要多久。"""
    if job.limit is None:
        return Text("-", "dim")
    if job.seconds is None:
        return Text(times.squeue_duration(job.limit), "dim")
    left = max(job.limit - job.seconds, 0)
    return Text(times.squeue_duration(left), "red" if left < job.limit / 10 else "")


def _start(job: Job) -> Text:
    if job.expected is None or job.seconds is not None:
        return Text()
    return Text(time.strftime("%d %H:%M", time.localtime(job.expected)))


def _cpu(job: Job) -> Text:
    if job.usage is None or job.usage.cpu is None:
        return Text("-", "dim") if job.seconds is not None else Text()
    return Text(f"{job.usage.cpu:.0f}")


def _used(job: Job) -> Text:
    if job.usage is None:
        return Text("-", "dim") if job.seconds is not None else Text()
    over = job.memory is not None and job.usage.memory > job.memory
    return Text(size(round(job.usage.memory) or 1), "bold red" if over else "")


def _memory(job: Job) -> Text:
    return Text("" if not job.memory else size(job.memory))


def _state(job: Job) -> Text:
    return Text(SHORT[JobState(job.state)], _STYLES.get(job.state, ""))


_COLUMNS = (
    Column("JOBID", 12, lambda job: Text(job.label), sort=Sort.JOBID),
    Column("USER", 8, lambda job: Text(job.owner), sort=Sort.USER),
    Column("PARTITION", 10, lambda job: Text(job.partition), least=120),
    Column("ACCOUNT", 10, lambda job: Text(job.account), least=160),
    Column("NAME", 0, lambda job: Text(job.name)),
    Column("ST", 2, _state),
    Column("TIME", 10, _time, right=True, sort=Sort.TIME),
    Column("LEFT", 10, _left, right=True, least=100),
    Column("CPUS", 4, lambda job: Text(str(job.cpus)), right=True, sort=Sort.CPUS),
    Column("CPU%", 5, _cpu, right=True, sort=Sort.CPU),
    Column("MEM", 5, _memory, right=True, least=100),
    Column("USED", 5, _used, right=True, sort=Sort.MEMORY),
    Column("START", 8, _start, least=140),
    Column("NODES(REASON)", 0, _where),
)


def job_lines(jobs: Sequence[Job], view: View, width: int, rows: int) -> list[Text]:
    """表头与一屏作业。"""
    columns = [column for column in _COLUMNS if width >= column.least]
    widths = _widths(columns, width)
    head = Text(style="reverse")
    for column, cells in zip(columns, widths, strict=True):
        style = "bold underline" if column.sort is view.sort else ""
        _put(head, Text(column.title, style), cells, column.right)
    head.truncate(width, pad=True)
    lines = [head]
    first = window(view, jobs, rows)
    for job in jobs[first : first + rows]:
        line = Text()
        for column, cells in zip(columns, widths, strict=True):
            _put(line, column.show(job), cells, column.right)
        line.truncate(width, pad=True)
        # 选中的一行只反白，颜色与反白叠在一起看不清
        lines.append(Text(line.plain, "reverse") if job.job_id == view.selected else line)
    if not jobs:
        lines.append(Text("No jobs." if not view.text else "No job matches.", "dim"))
    return lines


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """各列的宽；有弹性的两列分余下的，名字不超过够用的。"""
    fixed = sum(column.width for column in columns) + len(columns) - 1
    left = max(width - fixed, 16)
    name = min(left * 9 // 20, _NAME_WIDTH)
    return [column.width or (name if column.title == "NAME" else left - name) for column in columns]


def _put(line: Text, cell: Text, width: int, right: bool) -> None:
    """接上一格，不够宽就截，格之间空一个。"""
    if line.plain:
        line.append(" ")
    cell.truncate(width, overflow="ellipsis")
    space = " " * (width - cell_len(cell.plain))
    line.append(Text(space).append(cell) if right else cell.append(space))
