"""照着作业行去要求本节点的 stepd：结束已有结局的，停住挂起的，放开继续的，送时限前的信号。

每一轮都从行出发，已经要求过的不再要求；scnsd 或 stepd 重来之后从头再要求一遍，做两次也没有
第二次的效果。只有时限前的信号例外：先送再记，死在中间会多送一次，而不会一次也不送。
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scns.db import control
from scns.scheduler import endings
from scns.states import JobState

if TYPE_CHECKING:
    from scns.scheduler.link import Key, StepdLink


@dataclass(slots=True)
class Orders:
    """已经要求过的。

    参数：
        killing：要求结束了的；stopped：要求停住了的
    """

    killing: set[Key] = field(default_factory=set)
    stopped: set[Key] = field(default_factory=set)

    def forget(self) -> None:
        """连接重来了：都当作没有要求过。"""
        self.killing.clear()
        self.stopped.clear()

    def give(self, cursor: Any, node: str, link: StepdLink, grace: float) -> None:
        """看一遍作业行，把还没要求的要求下去。

        参数：
            grace：结束作业时从 TERM 到 KILL 的秒数
        """
        cursor.execute(control.ORDERS, {"node": node})
        suspended: set[Key] = set()
        warned = []
        for job_id, attempt, state, outcome, asked_at, signal, scope in cursor.fetchall():
            key = (job_id, attempt)
            if state == JobState.SUSPENDED:
                suspended.add(key)
            if key not in link.running and key not in link.starting:
                continue
            if state == JobState.COMPLETING:
                self._end(link, key, grace, node, outcome, asked_at)
            elif state == JobState.SUSPENDED:
                self._stop(link, key)
            else:
                link.signal(key, signal, scope)
                warned.append(job_id)
        self._let_go(link, suspended)
        if warned and link.client is not None:
            cursor.execute(control.WARNED, {"ids": warned})

    def _end(
        self,
        link: StepdLink,
        key: Key,
        grace: float,
        node: str,
        outcome: str | None,
        asked_at: float | None,
    ) -> None:
        if key in self.killing or key in link.ended:
            return
        link.kill(key, grace, endings.notice(key[0], node, outcome, asked_at or time.time()))
        self.killing.add(key)

    def _stop(self, link: StepdLink, key: Key) -> None:
        if key not in self.stopped:
            link.suspend(key)
            self.stopped.add(key)

    def _let_go(self, link: StepdLink, suspended: set[Key]) -> None:
        """停住过、如今不再挂起的；要结束的不必，结束时自会放开。"""
        for key in self.stopped - suspended:
            self.stopped.discard(key)
            if key in link.running and key not in self.killing:
                link.resume(key)
