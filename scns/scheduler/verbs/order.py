"""把作业排到属主别的作业前面。来源：scontrol(1) “top”。"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scns.db import control, nodes
from scns.scheduler.requests import ENDED, answer, own_rows
from scns.states import JobState

if TYPE_CHECKING:
    from scns.scheduler.requests import Asked, Row


def top(cursor: Any, asked: Asked) -> list[Any]:
    """点名的作业依次排到同一用户的别的作业前面；别人的作业不受影响。

    属主自己要做，先要有 `SchedulerParameters=enable_user_top`。
    """
    allowed = asked.operator or _users_may(cursor)

    def judge(row: Row) -> str | None:
        if not allowed or not (asked.operator or asked.uid == row.uid):
            return "Access/permission denied"
        if row.state in ENDED:
            return "Job has already finished"
        if row.state != JobState.PENDING:
            return "Job is no longer pending execution"
        return "Job is in held (priority == 0) state" if row.hold is not None else None

    results, rows = answer(cursor, asked, judge)
    # 从后往前一个个放到最前面，头一个最后放
    for job_id in reversed(own_rows(cursor, rows)):
        cursor.execute(control.TOP, {"id": job_id})
    return results


def _users_may(cursor: Any) -> bool:
    cursor.execute(nodes.SETTING, {"name": "SchedulerParameters"})
    row = cursor.fetchone()
    return row is not None and "enable_user_top" in row[0].split(",")
