"""等：数据库的通知、stepd 的报告、停止的信号，或者到了时候。"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Wakeup:
    """信号变成描述符上的字节，与套接字放在一起等；没有事时不醒来。"""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.stopped = False
        self.reloaded = False

    def install(self) -> None:
        """SIGTERM、SIGINT 要求停止，SIGHUP 要求重读配置。"""
        signal.set_wakeup_fd(self._write)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)

    def _stop(self, _: int, __: FrameType | None) -> None:
        self.stopped = True

    def _reload(self, _: int, __: FrameType | None) -> None:
        self.reloaded = True

    def wait(
        self,
        connection: Any,
        stepd: int | None,
        seconds: float,
        take: Callable[[Any], bool] = lambda _: True,
    ) -> None:
        """等到有事或过了 `seconds` 秒。

        参数：
            connection：听着通知的数据库连接；None 时不等它
            stepd：stepd 连接的描述符；没连上时为 None
            take：取走连接上已到的通知；都是与本进程无关的返回 False，接着等
        """
        poller = select.poll()
        listening = None if connection is None else connection.fileno()
        for descriptor in (self._read, listening, stepd):
            if descriptor is not None:
                poller.register(descriptor, select.POLLIN)
        deadline = time.monotonic() + seconds
        while True:
            # 向上取整：早醒半毫秒就会空转一轮
            left = max(0, int((deadline - time.monotonic()) * 1000) + 1)
            ready = {fd for fd, _ in poller.poll(left)}
            if self._read in ready:
                self.drain()
            if listening in ready:
                connection.poll()
                if not take(connection) and ready == {listening}:
                    continue
            return

    def fileno(self) -> int:
        """信号到来时可读的描述符。"""
        return self._read

    def drain(self) -> None:
        """读掉信号留下的字节。"""
        with suppress(BlockingIOError):
            os.read(self._read, 4096)

    def close(self) -> None:
        """放开描述符。"""
        signal.set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._write)
