"""作业与数组的进度：几个结束了，几个在跑，几个在等；终端上一条线，别处一行字。"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from scns import arrays
from scns.db import connect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from scns.arrays import JobRef

_TALLY = """
SELECT coalesce(sum(size) FILTER (WHERE state = 'COMPLETED'), 0),
       coalesce(sum(size) FILTER (WHERE ended AND state <> 'COMPLETED'), 0),
       coalesce(sum(size) FILTER (WHERE NOT ended AND state <> 'PENDING'), 0),
       coalesce(sum(size) FILTER (WHERE state = 'PENDING'), 0), min(name)
  FROM (SELECT q.state, q.end_time IS NOT NULL AS ended, q.name,
               CASE WHEN q.waiting IS NULL THEN 1
                    ELSE (SELECT coalesce(sum(upper(r) - lower(r)), 0)
                            FROM unnest(CASE WHEN %(tasks)s::int4multirange IS NULL THEN q.waiting
                                        ELSE q.waiting * %(tasks)s::int4multirange END) r)
               END AS size
          FROM scns.queue q
         WHERE (q.id = %(job)s OR q.array_job_id = %(job)s)
           AND (%(tasks)s::int4multirange IS NULL OR q.array_task_id <@ %(tasks)s::int4multirange
                OR q.waiting && %(tasks)s::int4multirange)) rows
"""

#: 线的宽度，字符。
WIDTH = 30


@dataclass(frozen=True, slots=True)
class Tally:
    """一个作业或数组此刻的进度。

    参数：
        completed：以 0 退出的；`failed` 是其余结束了的
    """

    job: str
    name: str
    completed: int
    failed: int
    running: int
    waiting: int

    @property
    def total(self) -> int:
        """一共几个。"""
        return self.completed + self.failed + self.running + self.waiting

    @property
    def words(self) -> str:
        """一行字：`7/10 done, 1 failed, 2 running, 1 waiting`。"""
        parts = [f"{self.completed + self.failed}/{self.total} done"]
        for number, word in (
            (self.failed, "failed"),
            (self.running, "running"),
            (self.waiting, "waiting"),
        ):
            if number:
                parts.append(f"{number} {word}")
        return ", ".join(parts)


def tally(connection: Any, ref: JobRef) -> Tally:
    """数一个作业或数组的进度。"""
    tasks = None if ref.ranges is None else arrays.to_multirange(ref.ranges)
    [(completed, failed, running, waiting, name)] = connect.call(
        connection, _TALLY, {"job": ref.job_id, "tasks": tasks}
    )
    job = str(ref.job_id)
    if ref.ranges is not None:
        indices = arrays.format_indices(ref.ranges)
        job += f"_{indices}" if indices.isdigit() else f"_[{indices}]"
    return Tally(job, name or "", int(completed), int(failed), int(running), int(waiting))


def bar(one: Tally, width: int = WIDTH) -> Text:
    """一条线：结束的、失败的、在跑的、在等的依次排开；没有颜色也分得清。"""
    text = Text()
    left, of = width, max(one.total, 1)
    for number, mark, style in (
        (one.completed, "█", "green"),
        (one.failed, "▓", "red"),
        (one.running, "▒", "cyan"),
    ):
        # 有就至少看得见一格
        cells = min(left, max(round(width * number / of), 1) if number else 0)
        text.append(mark * cells, style)
        left -= cells
    return text.append("░" * left, "dim")


class Gauge:
    """等的时候看着的进度。

    终端上原地更新；不是终端时有变化才写一行。
    """

    def __init__(self, refs: Sequence[JobRef]) -> None:
        self._refs = refs
        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._told: list[Tally] = []

    def __enter__(self) -> Gauge:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, connection: Any) -> None:
        """画上此刻的进度。"""
        tallies = [tally(connection, ref) for ref in self._refs]
        if tallies == self._told:
            return
        self._told = tallies
        if self._live is not None:
            self._live.update(table(tallies), refresh=True)
            return
        for one in tallies:
            self._console.print(f"{one.job} {one.name}: {one.words}", markup=False)


def table(tallies: Sequence[Tally]) -> Table:
    """每个作业一行：号、名字、线、几个字。"""
    grid = Table.grid(padding=(0, 1))
    for _ in range(4):
        grid.add_column(no_wrap=True)
    for one in tallies:
        grid.add_row(one.job, Text(one.name, "bold"), bar(one), one.words)
    return grid
