"""`scns eff`：要了多少，用了多少：CPU、内存、时间；一个作业、一个数组、一个用户、一段时间。"""

from __future__ import annotations

import json
import os
import pwd
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scns import arrays, sizes, times
from scns.cli.own.efficiency import LOW, Efficiency, Grouping, Run, advice, group
from scns.db import connect
from scns.errors import RequestRefused, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: 用了百分之这么多以上是好的，用绿色；不到 `LOW` 用红色，之间用黄色。
HIGH = 80.0

_WIDE = 300

#: 一行一个作业的账。内存是 MiB，CPU 是毫秒，时间是秒；没有账的步是 NULL。
_RUNS = """
SELECT q.id, q.array_job_id, q.array_task_id, q.owner, q.name, q.state, q.cpus_alloc,
       q.memory_alloc, q.time_limit,
       greatest(floor(extract(epoch FROM coalesce(q.end_time, now()) - q.start_time))::bigint
                - q.suspended_seconds, 0),
       (SELECT sum(t.user_milliseconds + t.system_milliseconds)::bigint
          FROM scns.step_list t WHERE t.job_id = q.id AND t.attempt = q.attempt),
       (SELECT max(t.max_rss) / 1024.0
          FROM scns.step_list t WHERE t.job_id = q.id AND t.attempt = q.attempt)::float8
  FROM scns.queue q
 WHERE q.start_time IS NOT NULL
"""

_BY_IDS = _RUNS + (
    " AND (q.id = ANY (%(ids)s) OR q.array_job_id = ANY (%(ids)s)) ORDER BY q.submission_id, q.id"
)

_BY_PERIOD = _RUNS + (
    " AND (%(owner)s::text IS NULL OR q.owner = %(owner)s)"
    " AND q.end_time >= to_timestamp(%(start)s) AND q.end_time <= to_timestamp(%(end)s)"
    " ORDER BY q.submission_id, q.id"
)


def eff(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="JOB", help="Job ids: 42 or 42_7.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Jobs of this user.")] = None,
    everybody: Annotated[bool, typer.Option("--all", "-a", help="Jobs of all users.")] = False,
    start: Annotated[
        str, typer.Option("--start", "-S", help="Jobs that ended after then.")
    ] = "today",
    end: Annotated[str, typer.Option("--end", "-E", help="Jobs that ended before then.")] = "now",
    by: Annotated[
        Grouping | None, typer.Option("--by", help="One line for each. Default: array.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> int:
    """打印各行；没有列出作业时是自己今日结束的。"""
    if user is not None and everybody:
        raise UsageError("--user and --all exclude each other")
    connection = connect.connect()
    if jobs:
        runs = _named(connection, [arrays.parse_job_ref(word) for word in jobs])
    else:
        owner = user or (None if everybody else pwd.getpwuid(os.geteuid()).pw_name)
        runs = _ended(connection, owner, start, end)
    rows = group(runs, by or Grouping.ARRAY)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return 0
    # 不是终端时不截：读的是程序
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    if not rows:
        console.print("No jobs in that period.")
        return 0
    console.print(table(rows, console.width))
    for sentence in advice(rows[0]) if len(rows) == 1 and rows[0].name else ():
        console.print(Text(sentence), soft_wrap=True)
    return 0


def _named(connection: Any, refs: list[arrays.JobRef]) -> list[Run]:
    rows = connect.call(connection, _BY_IDS, {"ids": [ref.job_id for ref in refs]})
    runs = [run for run in (Run(*row) for row in rows) if any(_is(ref, run) for ref in refs)]
    if not runs:
        raise RequestRefused("None of these jobs has started")
    return runs


def _is(ref: arrays.JobRef, run: Run) -> bool:
    if ref.ranges is None:
        return ref.job_id in (run.job_id, run.array_job_id)
    task = run.array_task_id
    return ref.job_id == run.array_job_id and task is not None and arrays.contains(ref.ranges, task)


def _ended(connection: Any, owner: str | None, start: str, end: str) -> list[Run]:
    now = time.time()
    values = {
        "owner": owner,
        "start": times.parse_moment(start, now, "--start", past=True),
        "end": times.parse_moment(end, now, "--end", past=True) + 1,
    }
    return [Run(*row) for row in connect.call(connection, _BY_PERIOD, values)]


def table(rows: Sequence[Efficiency], width: int = _WIDE) -> Table:
    """要的、用的与百分比并排；比 `width` 宽时只截名字。"""
    several = any(row.jobs > 1 for row in rows)
    named = any(row.name for row in rows)
    heads = (["JOBID", "USER", "NAME"] if named else ["USER"]) if rows[0].label else []
    heads += [
        *(["JOBS"] if several else ["STATE"]),
        *("ELAPSED", "LIMIT", "TIME%", "CPUS", "CPU%", "MEM", "USED", "MEM%", "WASTED"),
    ]
    lines = []
    for row in rows:
        first = [row.label, row.owner, row.name] if named else [row.label][: len(row.label)]
        count = str(row.jobs) if several else row.state
        lines.append([*map(Text, [*first, count]), *_figures(row)])
    widths = [
        max(len(head), *map(len, column))
        for head, column in zip(heads, zip(*lines, strict=True), strict=True)
    ]
    if named:
        excess = sum(widths) + len(widths) - 1 - width
        widths[2] = max(widths[2] - max(excess, 0), len("NAME"))
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for head, cells in zip(heads, widths, strict=True):
        left = head in ("JOBID", "USER", "NAME", "STATE")
        grid.add_column(head, justify="left" if left else "right", no_wrap=True, width=cells)
    for line in lines:
        grid.add_row(*line)
    return grid


def _figures(row: Efficiency) -> list[Text]:
    used = "-" if row.memory_used is None else sizes.format_size(round(row.memory_used) or 1)
    return [
        Text(times.elapsed(row.seconds)),
        Text("-" if row.limit is None else times.elapsed(row.limit)),
        _percent(row.time, plain=True),
        Text(str(row.cpus)),
        _percent(row.cpu),
        Text(sizes.format_size(row.memory) if row.memory else "-"),
        Text(used),
        _percent(row.memory_share),
        Text(f"{row.wasted:.1f}h"),
    ]


def _percent(share: float | None, *, plain: bool = False) -> Text:
    if share is None:
        return Text("-", "dim")
    style = "" if plain else "red" if share < LOW else "green" if share >= HIGH else "yellow"
    return Text(f"{share:.0f}%", style)
