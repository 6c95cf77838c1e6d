"""一个在伪终端里的交互外壳：像人那样按键，看它印出什么。"""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest


class Terminal:
    """伪终端的主端；`shown` 是到此刻为止印出的一切。"""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.shown = ""

    def type(self, keys: str) -> None:
        """按下这些键。"""
        os.write(self._descriptor, keys.encode())

    def see(self, text: str, seconds: float = 30.0) -> str:
        """等到又印出 `text`，返回从上次以来印出的。"""
        start = len(self.shown)
        deadline = time.monotonic() + seconds
        while text not in self.shown[start:]:
            left = deadline - time.monotonic()
            if left <= 0:
                pytest.fail(f"{text!r} was not shown; the terminal has {self.shown!r}")
            ready, _, _ = select.select([self._descriptor], [], [], left)
            if ready:
                self.shown += os.read(self._descriptor, 65536).decode(errors="replace")
        return self.shown[start:]


@contextmanager
def terminal(words: list[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    """在伪终端里运行一个外壳；离开时连同它的进程组一起结束。"""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        words,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        cwd="/",
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(master)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        os.close(master)
