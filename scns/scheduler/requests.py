"""读取与执行请求：找出目标牵涉的行，交给 `scns.scheduler.verbs` 里的动词，写回结果。

权限只看请求行里由数据库记下的 uid 与 operator；目标里写什么都不能让 scnsd 替别人做事。
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from scns.db import control
from scns.db import requests as sql
from scns.errors import ScnsError
from scns.states import TERMINAL

log = logging.getLogger(__name__)

#: 一轮最多执行的请求数；其余下一轮继续，免得别的事等太久。
BATCH = 500

#: 结束了的状态。
ENDED = frozenset(state.value for state in TERMINAL)


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
    nice: int
    time_limit: int | None


@dataclass(slots=True)
class Effects:
    """执行请求之后，这一轮还要做的事。

    参数：
        touched：状态变了、可能放行依赖者的作业号
        signals：（作业号，第几次，信号，范围）要送到本节点 stepd 的；范围也可以是一个步号
        lost：（作业号，第几次）节点停用了而那里的 stepd 连不上的，当作随节点没了
        resuming：有挂起的作业在等它的 CPU 空出来
        reconfigure、shutdown：管理员要求重读配置、停止守护进程
    """

    touched: list[int] = field(default_factory=list)
    signals: list[tuple[int, int, int, str | int]] = field(default_factory=list)
    lost: list[tuple[int, int]] = field(default_factory=list)
    resuming: bool = False
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
        except (psycopg2.Error, ScnsError, ValueError, TypeError, KeyError):
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


def own_rows(cursor: Any, rows: list[Row]) -> list[int]:
    """要单独动手的行，与 `rows` 一一对应；数组里只点到一部分时，那一部分先单独成行。"""
    ids = []
    for row in rows:
        if row.whole is False:
            cursor.execute(control.SPLIT_PART, {"id": row.job_id, "tasks": row.tasks})
            (job_id,) = cursor.fetchone()
            ids.append(job_id)
        else:
            ids.append(row.job_id)
    return ids
