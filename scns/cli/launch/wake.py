"""把信号变成可以与别的描述符一起等的事。"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: 要结束的信号；INT 另有规矩。
ENDING = (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)


class Wake:
    """收着来过的信号；`fileno()` 可读时 `take` 取走。

    参数：
        numbers：要收的信号
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._inner, outer = os.pipe()
        os.set_blocking(self._inner, False)
        os.set_blocking(outer, False)
        for number in numbers:
            if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGINT:
                signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(outer, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """有信号来过时可读的描述符。"""
        return self._inner

    def take(self) -> list[int]:
        """取走来过的信号，照先后。"""
        try:
            return list(os.read(self._inner, 4096))
        except BlockingIOError:
            return []
