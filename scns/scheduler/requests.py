"""执行请求：每个动词一个函数，准不准在这里判定，落库的语句在 `scns.db.requests`。

权限只看请求行里由数据库记下的 uid 与 operator；目标里写什么都不能让 scnsd 替别人做事。
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from scns.db import requests as sql
from scns.states import TERMINAL, Hold, JobState

log = logging.getLogger(__name__)

#: 一轮最多执行的请求数；其余下一轮继续，免得别的事等太久。
BATCH = 500

_ENDED = {state.value for state in TERMINAL}


@dataclass(frozen=True, slots=True)
class Row:
    """一个目标牵涉到的一行作业。

    `whole` 在带 tasks 的数组行上说明这些 tasks 是否就是剩下的全部；其余为 None。
    """

    position: int
    job_id: int
    uid: int
    state: str
    attempt: int
    array_job_id: int | None
    array_task_id: int | None
    is_array: bool
    tasks: str | None
    hold: str | None
    requeue: bool
    batch_host: str | None
    batch: bool
    whole: bool | None
    submission_id: int


@dataclass(slots=True)
class Effects:
    """执行请求之后，这一轮还要做的事。

    参数：
        touched：状态变了、可能放行依赖者的作业号
        signals：（作业号，第几次，信号，范围）要送到本节点 stepd 的
        suspended、resumed：（作业号，第几次）要停住、继续的
        reconfigure、shutdown：管理员要求重读配置、停止守护进程
    """

    touched: list[int] = field(default_factory=list)
    signals: list[tuple[int, int, int, str]] = field(default_factory=list)
    suspended: list[tuple[int, int]] = field(default_factory=list)
    resumed: list[tuple[int, int]] = field(default_factory=list)
    reconfigure: bool = False
    shutdown: bool = False
    count: int = 0


@dataclass(slots=True)
class Asked:
    """一条请求：谁，要什么。"""

    uid: int
    operator: bool
    target: list[dict[str, Any]]
    argument: dict[str, Any]
    effects: Effects


Verb = Callable[[Any, Asked], list[Any]]


def apply_requests(cursor: Any, verbs: dict[str, Verb]) -> Effects:
    """执行等着的请求，每条一个事务；一条出错不连累别的。"""
    effects = Effects()
    cursor.execute(sql.OPEN_REQUESTS, {"limit": BATCH})
    for request_id, verb, target, argument, uid, operator in cursor.fetchall():
        asked = Asked(uid, operator, target, argument, effects)
        cursor.execute("BEGIN")
        try:
            action = verbs.get(verb)
            if action is None:
                result: list[Any] = [{"error": f"Invalid request {verb}"}]
            else:
                result = action(cursor, asked)
            sql.finish(cursor, request_id, json.dumps(result))
            cursor.execute("COMMIT")
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            raise
        except (psycopg2.Error, ValueError, TypeError, KeyError):
            # 一条坏请求若让整轮失败，就会一再重来，堵住所有人；记下它，继续
            log.exception("request %d (%s) failed", request_id, verb)
            cursor.execute("ROLLBACK")
            sql.finish(cursor, request_id, json.dumps([{"error": "Unspecified error"}]))
        effects.count += 1
    return effects


def rows_of(cursor: Any, asked: Asked) -> dict[int, list[Row]]:
    """目标序号（从 1 起）到它牵涉的作业行；没有的序号就是不存在的作业。"""
    cursor.execute(sql.TARGETS, {"target": json.dumps(asked.target)})
    found: dict[int, list[Row]] = {}
    for values in cursor.fetchall():
        row = Row(*values)
        found.setdefault(row.position, []).append(row)
    return found


def answer(
    cursor: Any, asked: Asked, judge: Callable[[Row], str | None]
) -> tuple[list[Any], list[Row]]:
    """逐个目标判定。

    一个目标的全部行都被拒才算拒绝，说头一行的理由；有一行可做就做那一行。

    返回：
        给客户端的结果（None 或 `{"error": …}`），以及要动手的行
    """
    found = rows_of(cursor, asked)
    results: list[Any] = []
    chosen: list[Row] = []
    for position in range(1, len(asked.target) + 1):
        rows = found.get(position)
        if not rows:
            results.append({"error": "Invalid job id specified"})
            continue
        refusals = [judge(row) for row in rows]
        willing = [row for row, refusal in zip(rows, refusals, strict=True) if refusal is None]
        results.append(None if willing else {"error": refusals[0]})
        chosen += willing
    return results, chosen


def may(asked: Asked, row: Row) -> bool:
    """请求者是属主或管理员。"""
    return asked.operator or asked.uid == row.uid


def cancel(cursor: Any, asked: Asked) -> list[Any]:
    """取消作业，或向它送一个信号。来源：scancel(1)。"""
    signal = asked.argument.get("signal")
    scope = asked.argument.get("scope", "all")
    states = asked.argument.get("states")
    number = 15 if signal is None else int(signal)
    # KILL 送给整个作业就是取消；别的信号只是送到
    ends = signal is None or (number == 9 and scope != "batch")

    def judge(row: Row) -> str | None:
        if not may(asked, row):
            return "Access/permission denied"
        if row.state in _ENDED or row.state == JobState.COMPLETING:
            return "Job/step already completing or completed"
        if states and row.state not in states:
            return "Job/step already completing or completed"
        if not ends and row.state == JobState.PENDING:
            return "Job is pending execution"
        return None

    results, rows = answer(cursor, asked, judge)
    if not ends:
        asked.effects.signals += [(row.job_id, row.attempt, number, scope) for row in rows]
        return results
    _end(cursor, asked, rows)
    return results


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


def hold(cursor: Any, asked: Asked) -> list[Any]:
    """扣住作业：管理员扣的只有管理员能放。来源：scontrol(1) “hold”。"""
    return _hold(cursor, asked, Hold.ADMIN if asked.operator else Hold.USER)


def uhold(cursor: Any, asked: Asked) -> list[Any]:
    """以用户的名义扣住，属主自己能放。来源：scontrol(1) “uhold”。"""
    return _hold(cursor, asked, Hold.USER)


def _hold(cursor: Any, asked: Asked, who: Hold) -> list[Any]:
    def judge(row: Row) -> str | None:
        if not may(asked, row):
            return "Invalid user id"
        return "Job has already finished" if row.state in _ENDED else None

    results, rows = answer(cursor, asked, judge)
    cursor.execute(sql.HOLD, {"ids": _own_rows(cursor, rows), "hold": who.value})
    return results


def release(cursor: Any, asked: Asked) -> list[Any]:
    """放开扣住的作业。来源：scontrol(1) “release”。"""

    def judge(row: Row) -> str | None:
        if not may(asked, row):
            return "Invalid user id"
        if row.state in _ENDED:
            return "Job has already finished"
        if row.hold == Hold.ADMIN and not asked.operator:
            return "Access/permission denied"
        return None

    results, rows = answer(cursor, asked, judge)
    cursor.execute(sql.RELEASE, {"ids": _own_rows(cursor, rows)})
    return results


def requeue(cursor: Any, asked: Asked) -> list[Any]:
    """让在跑的或已结束的批处理作业重新排队。来源：scontrol(1) “requeue”“requeuehold”。"""

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
    running = [row.job_id for row in rows if row.state not in _ENDED]
    ended = [row.job_id for row in rows if row.state in _ENDED]
    cursor.execute(
        sql.END_RUNNING, {"ids": running, "uid": asked.uid, "outcome": "REQUEUE", "hold": held}
    )
    cursor.execute(sql.REQUEUE_FINISHED, {"ids": ended, "hold": held})
    return results


def _own_rows(cursor: Any, rows: list[Row]) -> list[int]:
    """要单独动手的行；数组里只点到一部分元素时，先让它们各有一行。"""
    ids = []
    for row in rows:
        if row.whole is False:
            cursor.execute(sql.SPLIT_PART, {"id": row.job_id, "tasks": row.tasks})
            ids += [element for (element,) in cursor.fetchall()]
        else:
            ids.append(row.job_id)
    return ids


def reconfigure(_: Any, asked: Asked) -> list[Any]:
    """重读配置文件，只有管理员可以。来源：scontrol(1) “reconfigure”。"""
    if not asked.operator:
        return [{"error": "Access/permission denied"}]
    asked.effects.reconfigure = True
    return [None]


#: 动词到函数。
VERBS: dict[str, Verb] = {
    "cancel": cancel,
    "hold": hold,
    "uhold": uhold,
    "release": release,
    "requeue": requeue,
    "reconfigure": reconfigure,
}
