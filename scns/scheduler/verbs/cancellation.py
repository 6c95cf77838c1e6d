"""取消作业，或向它送信号。来源：scancel(1)。"""

from __future__ import annotations

import signal as signals
from typing import TYPE_CHECKING, Any

from scns.db import requests as sql
from scns.db import steps
from scns.scheduler.requests import ENDED, answer, may
from scns.states import JobState

if TYPE_CHECKING:
    from scns.scheduler.requests import Asked, Row


#: 批处理脚本自己的步号。
BATCH_STEP = -5

#: SIGKILL：送给一个步就是要它结束。
KILL = 9


def cancel(cursor: Any, asked: Asked) -> list[Any]:
    """取消作业，或向它送一个信号。"""
    signal = asked.argument.get("signal")
    scope = asked.argument.get("scope", "all")
    states = asked.argument.get("states")
    number = 15 if signal is None else int(signal)
    if number not in signals.valid_signals() or scope not in ("all", "batch", "steps"):
        raise ValueError(f"signal {number} to {scope}")
    # KILL 送给整个作业就是取消；别的信号只是送到
    ends = signal is None or (number == 9 and scope != "batch")

    def judge(row: Row) -> str | None:
        if not may(asked, row):
            return "Access/permission denied"
        if _step_of(asked, row) is not None:
            return _refuse_step(cursor, asked, row)
        if row.state in ENDED or row.state == JobState.COMPLETING:
            return "Job/step already completing or completed"
        if states and row.state not in states:
            return "Job/step already completing or completed"
        if not ends and row.state == JobState.PENDING:
            return "Job is pending execution"
        return None

    results, rows = answer(cursor, asked, judge)
    for row in rows:
        step = _step_of(asked, row)
        if step is not None:
            # 不说信号是要这一步结束
            sent = KILL if signal is None else number
            asked.effects.signals.append(
                (row.job_id, row.attempt, sent, "batch" if step == BATCH_STEP else step)
            )
    rows = [row for row in rows if _step_of(asked, row) is None]
    if not ends:
        asked.effects.signals += [(row.job_id, row.attempt, number, scope) for row in rows]
        return results
    _end(cursor, asked, rows)
    return results


def _step_of(asked: Asked, row: Row) -> int | None:
    """这一行是为哪个作业步点的名；None 是整个作业。"""
    step = asked.target[row.position - 1].get("step")
    return None if step is None else int(step)


def _refuse_step(cursor: Any, asked: Asked, row: Row) -> str | None:
    """作业步不在跑的理由；在跑时为 None。"""
    if row.state in ENDED or row.state == JobState.COMPLETING:
        return "Job/step already completing or completed"
    step = _step_of(asked, row)
    if step == BATCH_STEP:
        return None if row.batch else "Invalid job id specified"
    cursor.execute(steps.RUNNING, {"job_id": row.job_id, "attempt": row.attempt, "step_id": step})
    return None if cursor.fetchone() is not None else "Invalid job id specified"


def _end(cursor: Any, asked: Asked, rows: list[Row]) -> None:
    pending = [row for row in rows if row.state == JobState.PENDING]
    part = [row for row in pending if row.whole is False]
    whole = [row.job_id for row in pending if row.whole is not False]
    for row in part:
        values = {"id": row.job_id, "tasks": row.tasks, "uid": asked.uid}
        cursor.execute(sql.CANCEL_RANGE, values)
        cursor.execute(sql.NOTE_CANCELLED_RANGE, values)
    if whole:
        cursor.execute(sql.CANCEL_PENDING, {"ids": whole, "uid": asked.uid})
    running = [row.job_id for row in rows if row.state != JobState.PENDING]
    if running:
        cursor.execute(
            sql.END_RUNNING,
            {"ids": running, "uid": asked.uid, "outcome": "CANCELLED", "hold": None},
        )
    for row in pending:
        asked.effects.touched += [row.job_id, *filter(None, [row.array_job_id])]
