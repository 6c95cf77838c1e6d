"""挂起与继续。来源：scontrol(1) “suspend”“resume”。

挂起交还 CPU，别的作业可以用；内存仍归它。继续时拿回的是原来那几个 CPU：进程绑在上面，
脚本也可能记住了编号。它们还被别人占着时，作业仍是 SUSPENDED，原因 Resources，等它们空出来
自己继续；在等的 CPU 不再给新的作业，所以不会一直等下去。Slurm 此时直接超额使用。

这里只改行；停住与放开进程，由作业所在节点的 scnsd 看着行去做。
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scns.db import control
from scns.scheduler.requests import ENDED, answer
from scns.states import JobState

if TYPE_CHECKING:
    from scns.scheduler.requests import Asked, Row


def suspend(cursor: Any, asked: Asked) -> list[Any]:
    """停住作业的全部进程，交还 CPU；只有管理员可以，属主也不行。"""
    results, rows = answer(cursor, asked, lambda row: _refusal(asked, row, JobState.RUNNING))
    cursor.execute(control.SUSPEND, {"ids": [row.job_id for row in rows]})
    return results


def resume(cursor: Any, asked: Asked) -> list[Any]:
    """让挂起的作业继续；CPU 还被别人占着的，等它们空出来。"""
    results, rows = answer(cursor, asked, lambda row: _refusal(asked, row, JobState.SUSPENDED))
    cursor.execute(control.WANT_RESUMED, {"ids": [row.job_id for row in rows]})
    asked.effects.resuming = resume_waiting(cursor)
    return results


def resume_waiting(cursor: Any) -> bool:
    """让等着继续的作业继续，直到没有一个拿得齐 CPU；还有在等的返回 True。"""
    while True:
        cursor.execute(control.RESUME)
        if cursor.fetchone() is None:
            break
    cursor.execute(control.RESUMING)
    (waiting,) = cursor.fetchone()
    return bool(waiting)


def _refusal(asked: Asked, row: Row, state: JobState) -> str | None:
    if not asked.operator:
        return "Access/permission denied"
    if row.state == JobState.PENDING:
        return "Job is pending execution"
    if row.state in ENDED or row.state == JobState.COMPLETING:
        return "Job/step already completing or completed"
    if row.state == state:
        return None
    return "Job is not running" if state == JobState.RUNNING else "Job is not suspended"
