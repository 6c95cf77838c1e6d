"""每轮都要执行的语句只分析一次：服务器上准备好，以后只送参数。

psycopg2 每次执行都把参数填进文本，服务器每次从头分析、作计划；一轮的十几条语句，分析与计划要用去
服务器一半的 CPU。准备过的跟着连接走，换了连接从头准备。

计划照此刻表的大小而作，表长大了会过时，所以每执行 `RENEWAL` 条，与慢定时器到了的时候，都作废
（`FORGET_PLANS`），下一次用时重作：空的表一秒钟可以长出几百行。
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

from psycopg2 import extensions

from scns.db import accounts, changes, control, jobs, nodes, requests, steps

if TYPE_CHECKING:
    from collections.abc import Mapping

#: 值得准备的：每轮都执行的，与每批作业一次的。
STATEMENTS = frozenset(
    (
        accounts.CHARGE,
        changes.TAKE,
        control.ORDERS,
        jobs.ALLOCATE,
        jobs.CANCEL_INVALID_DEPENDENCY,
        jobs.FENCE,
        jobs.KEEP_TIME,
        jobs.LAUNCHES,
        jobs.LOCK_NODES,
        jobs.NEXT_DUE,
        jobs.OUTCOMES,
        jobs.RECORD_ENDED,
        jobs.RUNNING_OF,
        jobs.SET_REASONS,
        jobs.SPLIT_ARRAY,
        jobs.WAITING_JOBS,
        nodes.NODES,
        requests.OPEN_REQUESTS,
        steps.RECORD,
    )
)

#: 让这个会话的计划都作废，函数里的也是。
FORGET_PLANS = "DISCARD PLANS"

#: 一个参数至多这么多项才用准备好的：准备时以为每个数组十项，上千项的批要照它的大小另作计划。
FEW = 64

#: 执行这么多条就重作计划：重作一遍约用 5 毫秒，执行这么多条要几百毫秒。
RENEWAL = 1000

_PLACE = re.compile(r"%\((\w+)\)s(?:::(\w+(?:\[\])?))?")

_names = count(1)


class PreparedCursor(extensions.cursor):
    """替 `STATEMENTS` 里的语句先 PREPARE 再 EXECUTE 的游标；别的照常。

    参数：
        args：见 psycopg2 的 `cursor`
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._prepared: dict[str, str] = {}
        self._left = RENEWAL

    def execute(self, query: Any, vars: Any = None) -> None:
        """执行一条语句；参数怎样写与准备不准备无关。"""
        if query in STATEMENTS and _small(vars or {}):
            execution = self._prepared.get(query)
            if execution is None:
                preparation, execution = prepare(f"scns_{next(_names)}", query)
                super().execute(preparation)
                self._prepared[query] = execution
            query = execution
            self._left -= 1
            if not self._left:
                super().execute(FORGET_PLANS)
                self._left = RENEWAL
        super().execute(query, vars)


def prepare(name: str, statement: str) -> tuple[str, str]:
    """一条语句的 PREPARE，与执行它的 EXECUTE：后者的占位还是 psycopg2 的。

    EXECUTE 的参数不知道自己要成为什么类型，所以语句里写明了的类型也跟着写。
    """
    types: dict[str, str | None] = {}
    for key, kind in _PLACE.findall(statement):
        types[key] = types.get(key) or kind or None
    numbers = {key: number for number, key in enumerate(types, 1)}

    def number(match: re.Match[str]) -> str:
        return f"${numbers[match[1]]}" + (f"::{match[2]}" if match[2] else "")

    text = _PLACE.sub(number, statement).replace("%%", "%")
    declared = ", ".join(kind or "unknown" for kind in types.values())
    given = ", ".join(f"%({key})s" + (f"::{kind}" if kind else "") for key, kind in types.items())
    if not types:
        return f"PREPARE {name} AS {text}", f"EXECUTE {name}"
    return f"PREPARE {name} ({declared}) AS {text}", f"EXECUTE {name} ({given})"


def _small(values: Mapping[str, Any]) -> bool:
    return all(len(value) <= FEW for value in values.values() if isinstance(value, list))
