"""`scns stats`：等了多久，预计准不准；都出自历史，事后算。"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from scns import times
from scns.cli.own.accuracy import Accuracy, Waits, accuracy, waits
from scns.cli.own.spoken import count, span
from scns.db import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

#: 每个预计，和此后头一次启动相比；数组的是它下一个启动的元素。
_ESTIMATES = """
SELECT extract(epoch FROM t.expected_start - t.time)::float8,
       extract(epoch FROM s.start - t.expected_start)::float8
  FROM scns.event_list t
 CROSS JOIN LATERAL (
    SELECT min(q.start_time) AS start FROM scns.queue q
     WHERE (q.id = t.job_id OR q.array_job_id = t.job_id) AND q.start_time >= t.time) s
 WHERE t.kind = 'estimate' AND t.expected_start IS NOT NULL
   AND t.time >= to_timestamp(%(since)s) AND s.start IS NOT NULL
"""

_WAITS = """
SELECT extract(epoch FROM q.start_time - coalesce(q.eligible_time, q.submit_time))::float8
  FROM scns.queue q
 WHERE q.start_time IS NOT NULL
   AND (q.end_time >= to_timestamp(%(since)s)
        OR q.state IN ('RUNNING', 'SUSPENDED', 'COMPLETING'))
"""


def stats(
    since: Annotated[
        str, typer.Option("--since", "-S", help="What happened since then.")
    ] = "now-7days",
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> int:
    """打印等待的时间与预计的误差。"""
    start = times.parse_moment(since, time.time(), "--since", past=True)
    connection = connect.connect()
    waited = waits([row[0] for row in connect.call(connection, _WAITS, {"since": start})])
    pairs = [(row[0], row[1]) for row in connect.call(connection, _ESTIMATES, {"since": start})]
    errors = accuracy(pairs)
    if as_json:
        print(json.dumps({"waits": asdict(waited), "estimates": [asdict(one) for one in errors]}))
        return 0
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Since {times.format_moment(start)}:")
    console.print(_waits(waited))
    if not errors:
        console.print("No estimate of a start has been put to the test.")
        return 0
    console.print("Estimates of starts, against what then happened (by how far ahead):")
    console.print(table(errors))
    return 0


def _waits(waited: Waits) -> str:
    if not waited.jobs:
        return "No job has run."
    return (
        f"{count(waited.jobs, 'job')} ran; a job waited {_took(waited.median)} in the median,"
        f" {_took(waited.mean)} on average, {_took(waited.longest)} at most."
    )


def _took(seconds: float) -> str:
    """量得的一段时间；不足一秒的以毫秒说。"""
    return f"{seconds * 1000:.0f} ms" if 0 <= seconds < 1 else span(seconds)


def table(errors: Sequence[Accuracy]) -> Table:
    """每段提前量一行：几个预计，早晚各几成，误差的中位与九成以内。"""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("AHEAD")
    for head in ("ESTIMATES", "EARLIER", "ON TIME", "LATER", "MEDIAN ERROR", "90% WITHIN"):
        grid.add_column(head, justify="right")
    for one in errors:
        sign = "-" if one.median < 0 else "+"
        grid.add_row(
            one.label,
            str(one.estimates),
            f"{one.earlier:.0f}%",
            f"{one.on_time:.0f}%",
            f"{one.later:.0f}%",
            f"{sign}{_took(abs(one.median))}",
            _took(one.within),
        )
    return grid
