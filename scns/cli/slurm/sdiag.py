"""sdiag：调度的近况。来源：sdiag(1) 22.05 版。

只说数据库里查得到的真数：今天（UTC）或 `-r` 以来提交、启动、结束了多少，此刻排队与运行的有多少。
"""

from __future__ import annotations

import os
import sys
import time

from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.cli.tables.sdiag import TABLE
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COUNTS = """
WITH since AS (
    SELECT greatest(date_trunc('day', now(), 'UTC'),
                    (SELECT r.time FROM scns.reset_list r WHERE r.name = 'statistics')) AS at
)
SELECT floor(extract(epoch FROM now()))::bigint, floor(extract(epoch FROM since.at))::bigint,
       coalesce(sum(n) FILTER (WHERE q.submit_time >= since.at), 0)::bigint,
       count(*) FILTER (WHERE q.start_time >= since.at),
       count(*) FILTER (WHERE q.end_time >= since.at AND q.state = 'COMPLETED'),
       count(*) FILTER (WHERE q.end_time >= since.at AND q.state = 'CANCELLED'),
       count(*) FILTER (WHERE q.end_time >= since.at
                          AND q.state NOT IN ('COMPLETED', 'CANCELLED')),
       coalesce(sum(n) FILTER (WHERE q.state = 'PENDING'), 0)::bigint,
       count(*) FILTER (WHERE q.state IN ('RUNNING', 'COMPLETING')),
       count(*) FILTER (WHERE q.state = 'SUSPENDED')
  FROM since, scns.queue q
 CROSS JOIN LATERAL (
    SELECT CASE WHEN q.waiting IS NULL THEN 1 ELSE
             (SELECT sum(upper(r) - lower(r)) FROM unnest(q.waiting) r) END AS n) counted
 WHERE q.end_time IS NULL OR q.end_time >= since.at
 GROUP BY since.at
"""

#: 一个作业也没有时。
_NONE = """
SELECT floor(extract(epoch FROM now()))::bigint,
       floor(extract(epoch FROM greatest(date_trunc('day', now(), 'UTC'),
               (SELECT r.time FROM scns.reset_list r WHERE r.name = 'statistics'))))::bigint
"""

_NAMES = (
    ("jobs_submitted", "Jobs submitted:"),
    ("jobs_started", "Jobs started:  "),
    ("jobs_completed", "Jobs completed:"),
    ("jobs_canceled", "Jobs canceled: "),
    ("jobs_failed", "Jobs failed:   "),
    ("jobs_pending", "Jobs pending:  "),
    ("jobs_running", "Jobs running:  "),
    ("jobs_suspended", "Jobs suspended:"),
)

# 从这一项起说的是此刻
_PRESENT = 5

_RULE = "*" * 55


def run(words: list[str]) -> int:
    """打印各数，返回退出码。"""
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is not None:
        sys.stdout.write(text)
        return 0
    chosen = collect(TABLE, parsed, environ=os.environ)
    connection = connect.connect()
    if chosen.text("clusters") is not None:
        from scns.cli.control import check_clusters

        check_clusters(connection, chosen.text("clusters") or "")
    if "reset" in chosen.chosen:
        connect.call(connection, "SELECT scns.reset_statistics()")
        sys.stdout.write("Reset scheduling statistics\n")
        return 0
    now, since, counts = _counts(connection)
    if "json" in chosen.chosen or "yaml" in chosen.chosen:
        _dump(now, since, counts, yaml="yaml" in chosen.chosen)
        return 0
    lines = [
        _RULE,
        f"sdiag output at {time.ctime(now)} ({now})",
        f"Data since      {time.ctime(since)} ({since})",
        _RULE,
    ]
    lines += [f"{title} {count}" for (_, title), count in zip(_NAMES, counts, strict=True)]
    # 此刻的状态之前有它的时刻
    lines.insert(4 + _PRESENT, f"\nJob states ts:  {time.ctime(now)} ({now})")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _counts(connection: Any) -> tuple[int, int, list[int]]:
    rows = connect.call(connection, _COUNTS)
    if not rows:
        ((now, since),) = connect.call(connection, _NONE)
        return now, since, [0] * len(_NAMES)
    ((now, since, *counts),) = rows
    return now, since, counts


def _dump(now: int, since: int, counts: list[int], *, yaml: bool) -> None:
    figures = {name: count for (name, _), count in zip(_NAMES, counts, strict=True)}
    figures = {"req_time": now, "req_time_start": since, **figures}
    if yaml:
        lines = ["---", "statistics:", *(f"  {name}: {count}" for name, count in figures.items())]
        sys.stdout.write("\n".join(lines) + "\n")
        return
    import json

    sys.stdout.write(json.dumps({"statistics": figures, "errors": []}, indent=2) + "\n")
