"""扣住与放开作业。来源：scontrol(1) “hold”“uhold”“release”。"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scns.db import requests as sql
from scns.scheduler.requests import ENDED, answer, may, own_rows
from scns.states import Hold

if TYPE_CHECKING:
    from scns.scheduler.requests import Asked, Row


def hold(cursor: Any, asked: Asked) -> list[Any]:
    """扣住作业：管理员扣的只有管理员能放。"""
    return _hold(cursor, asked, Hold.ADMIN if asked.operator else Hold.USER)


def uhold(cursor: Any, asked: Asked) -> list[Any]:
    """以用户的名义扣住，属主自己能放。"""
    return _hold(cursor, asked, Hold.USER)


def _hold(cursor: Any, asked: Asked, who: Hold) -> list[Any]:
    def judge(row: Row) -> str | None:
        if not may(asked, row):
            return "Invalid user id"
        return "Job has already finished" if row.state in ENDED else None

    results, rows = answer(cursor, asked, judge)
    cursor.execute(sql.HOLD, {"ids": own_rows(cursor, rows), "hold": who.value})
    return results


def release(cursor: Any, asked: Asked) -> list[Any]:
    """放开扣住的作业。"""

    def judge(row: Row) -> str | None:
        if not may(asked, row):
            return "Invalid user id"
        if row.state in ENDED:
            return "Job has already finished"
        if row.hold == Hold.ADMIN and not asked.operator:
            return "Access/permission denied"
        return None

    results, rows = answer(cursor, asked, judge)
    cursor.execute(sql.RELEASE, {"ids": own_rows(cursor, rows)})
    return results
