"""改作业的要求。来源：scontrol(1) “update”。

每个目标要么全改、要么一点不改。数组里只点到一部分时，它们先单独成行；只有它们变，
别的元素的要求不动（`scns.revise` 另存一份）。
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

import psycopg2

from scns.db import control
from scns.db import requests as sql
from scns.scheduler.requests import own_rows, rows_of
from scns.scheduler.verbs import revision as rules
from scns.states import Hold, JobState

if TYPE_CHECKING:
    from scns.scheduler.requests import Asked, Row
    from scns.scheduler.verbs.revision import Revision

#: 数据库函数以这些 SQLSTATE 拒绝，MESSAGE 是 Slurm 的句子。
_REFUSED = frozenset({"SC001", "SC002"})


def update(cursor: Any, asked: Asked) -> list[Any]:
    """逐个目标去改；有一行可改就改那一行，全部被拒才算拒绝。"""
    revision = rules.sort_out(asked.argument.get("changes", {}))
    if isinstance(revision, str):
        return [{"error": revision} for _ in asked.target]
    found = rows_of(cursor, asked)
    return [
        _revise_target(cursor, asked, revision, found.get(position, []))
        for position in range(1, len(asked.target) + 1)
    ]


def _revise_target(cursor: Any, asked: Asked, revision: Revision, rows: list[Row]) -> Any:
    if not rows:
        return {"error": "Invalid job id specified"}
    refusals = [
        rules.refusal(row, revision, operator=asked.operator, uid=asked.uid) for row in rows
    ]
    willing = [row for row, refusal in zip(rows, refusals, strict=True) if refusal is None]
    if not willing:
        return {"error": refusals[0]}
    cursor.execute("SAVEPOINT revision")
    try:
        refused = _revise(cursor, asked, revision, willing)
    except psycopg2.Error as error:
        if error.pgcode not in _REFUSED:
            raise
        refused = error.diag.message_primary
    if refused is None:
        return None
    cursor.execute("ROLLBACK TO SAVEPOINT revision")
    return {"error": refused}


def _revise(cursor: Any, asked: Asked, revision: Revision, rows: list[Row]) -> str | None:
    """动手；返回拒绝的句子，改成了为 None。"""
    own = list(zip(own_rows(cursor, rows), rows, strict=True))
    ids = [job_id for job_id, _ in own]
    refused = _limit_refusal(cursor, asked, revision, rows)
    if refused is not None:
        return refused
    if revision.end_time is not None:
        return _move_ends(cursor, asked, revision, own)
    if revision.columns or revision.options:
        own.sort(key=lambda pair: pair[1].submission_id)
        for _, group in groupby(own, key=lambda pair: pair[1].submission_id):
            _revise_group(cursor, asked, revision, list(group))
    if revision.edges is not None:
        edges = json.dumps(revision.edges)
        cursor.execute(control.REPLACE_DEPENDENCIES, {"ids": ids, "edges": edges})
    if revision.priority is not None:
        _set_priority(cursor, asked, revision.priority, own)
    if revision.about_eligibility:
        cursor.execute(control.SETTLE_ELIGIBILITY, {"ids": ids})
    return None


def _revise_group(
    cursor: Any, asked: Asked, revision: Revision, group: list[tuple[int, Row]]
) -> None:
    """改同一次提交的几行。"""
    pending = all(row.state == JobState.PENDING for _, row in group)
    cursor.execute(
        control.REVISE,
        {
            "ids": [job_id for job_id, _ in group],
            "columns": json.dumps(revision.columns),
            "options": json.dumps(revision.options),
            "checked": pending and revision.checked(operator=asked.operator),
        },
    )


def _limit_refusal(cursor: Any, asked: Asked, revision: Revision, rows: list[Row]) -> str | None:
    """属主把时限加到分区的上限之外，不论 EnforcePartLimits。"""
    limit = revision.columns.get("time_limit")
    if asked.operator or limit is None:
        return None
    longer = [row.submission_id for row in rows if rules.longer_limit(limit, row.time_limit)]
    if not longer:
        return None
    cursor.execute(control.OVER_PARTITION_LIMIT, {"ids": longer, "limit": limit})
    if cursor.fetchone() is None:
        return None
    return "Requested time limit is invalid (missing or exceeds some limit)"


def _set_priority(cursor: Any, asked: Asked, priority: int, own: list[tuple[int, Row]]) -> None:
    """0 是扣住；别的数定下优先级，扣住的因此放开。"""
    ids = [job_id for job_id, _ in own]
    if priority == 0:
        held = Hold.ADMIN if asked.operator else Hold.USER
        cursor.execute(sql.HOLD, {"ids": ids, "hold": held.value})
        return
    cursor.execute(control.SET_PRIORITY, {"ids": ids, "priority": priority})
    cursor.execute(sql.RELEASE, {"ids": ids})


def _move_ends(
    cursor: Any, asked: Asked, revision: Revision, own: list[tuple[int, Row]]
) -> str | None:
    """`EndTime=`：在跑的作业到那个时刻为止；时限照此折算，各行不同。"""
    for job_id, row in own:
        values = {"id": job_id, "until": revision.end_time}
        cursor.execute(control.LIMIT_UNTIL, values)
        limit, past, later = cursor.fetchone()
        if past:
            return "Invalid time specified"
        if later and not asked.operator:
            return rules.DENIED
        changed = rules.Revision(
            revision.keys - {"end_time"},
            {**revision.columns, "time_limit": limit},
            revision.options,
        )
        _revise_group(cursor, asked, changed, [(job_id, row)])
        cursor.execute(control.SET_LIMIT_TIME, values)
    return None
