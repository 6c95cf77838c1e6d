"""让作业重新排队。来源：scontrol(1) “requeue”“requeuehold”。"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scns.db import jobs
from scns.db import requests as sql
from scns.scheduler.requests import ENDED, answer, may
from scns.states import Hold, JobState

if TYPE_CHECKING:
    from scns.scheduler.requests import Asked, Row


def requeue(cursor: Any, asked: Asked) -> list[Any]:
    """让在跑的、收尾的或已结束的批处理作业重新排队。"""

    def judge(row: Row) -> str | None:
        if not may(asked, row):
            return "Access/permission denied"
        if row.state == JobState.PENDING:
            return "Job is pending execution"
        if not row.requeue or not row.batch:
            return "Requested operation is presently disabled"
        return None

    results, rows = answer(cursor, asked, judge)
    held = Hold.REQUEUE.value if asked.argument.get("hold") else None
    running = [row.job_id for row in rows if row.state not in ENDED]
    ended = [row.job_id for row in rows if row.state in ENDED]
    cursor.execute(
        sql.END_RUNNING, {"ids": running, "uid": asked.uid, "outcome": "REQUEUE", "hold": held}
    )
    cursor.execute(sql.REDIRECT_COMPLETING, {"ids": running, "uid": asked.uid, "hold": held})
    cursor.execute(
        jobs.REQUEUE_ENDED,
        {
            "job_ids": ended,
            "holds": [held for _ in ended],
            "delays": [0 if held else jobs.REQUEUE_DELAY for _ in ended],
        },
    )
    return results
