"""门铃：历史里添了什么时数据库就响一声；响了才去读，不响就等着，什么也不做。

铃声没有内容，也可以丢：真相总在 `scns.event_list` 里。
"""

from __future__ import annotations

import select
import time

from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: 接连响的时候，两次之间至少隔这么多秒：一千次改变不值得看一千遍。
SPACING = 0.04

#: 不响也隔这么多秒看一眼：铃声丢了不过晚这么久。
PATIENCE = 30.0

_LISTEN = {"scns_event": "LISTEN scns_event", "scns_end": "LISTEN scns_end"}


class Bell:
    """一个连接上的门铃。

    先装铃再读：读的时候到的铃声留着，下一次 `wait` 立刻返回。

    参数：
        channel：`scns_event` 是历史添了什么，`scns_end` 是有作业结束
    """

    def __init__(self, connection: Any, channel: str = "scns_event") -> None:
        self._connection = connection
        self._last = 0.0
        connect.call(connection, _LISTEN[channel])

    def wait(self, seconds: float = PATIENCE, *others: int) -> bool:
        """等到铃响，别的描述符可读，或过了 `seconds` 秒；铃响了返回 True。"""
        deadline = time.monotonic() + seconds
        if not self._connection.notifies:
            self._poll(deadline, others)
        rang = bool(self._connection.notifies)
        if rang:
            self._pause(deadline, others)
        self._connection.notifies.clear()
        self._last = time.monotonic()
        return rang

    def _poll(self, deadline: float, others: tuple[int, ...]) -> None:
        poller = select.poll()
        for descriptor in (self._connection.fileno(), *others):
            poller.register(descriptor, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            ready = {descriptor for descriptor, _ in poller.poll(max(0, int(left * 1000) + 1))}
            if self._connection.fileno() in ready:
                connect.poll(self._connection)
            if self._connection.notifies or ready & set(others) or time.monotonic() >= deadline:
                return

    def _pause(self, deadline: float, others: tuple[int, ...]) -> None:
        """刚看过不久的，等一等再看；这期间的铃声并作一次。"""
        left = min(self._last + SPACING, deadline) - time.monotonic()
        if left <= 0:
            return
        poller = select.poll()
        for descriptor in others:
            poller.register(descriptor, select.POLLIN)
        poller.poll(int(left * 1000) + 1)
        connect.poll(self._connection)
