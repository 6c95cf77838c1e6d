"""会在指定的一句上 kill -9 自己的 stepd；测试用它代替 `-m scns.stepd`。

`CRASH_AFTER` 文件里是一个数 N：下一个 stepd 从收到头一条 `start` 起，执行 scns.stepd 里的 N 句
之后杀死自己，并删掉这个文件，接替者就不再死。
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from scns.stepd import guardian, jobs
from scns.stepd.__main__ import main

PACKAGE = str(Path(guardian.__file__).parent)


class Fuse:
    """数够了句数就杀死这个进程。"""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pid = os.getpid()
        self.left = int(path.read_text())

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        """`sys.settrace` 的回调；fork 出的子进程不算。"""
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line" and os.getpid() == self.pid:
            self.left -= 1
            if self.left <= 0:
                self.path.unlink()
                os.kill(self.pid, signal.SIGKILL)
        return self.trace


def arm(path: Path) -> None:
    """让 `Jobs.start` 头一次被调用时点上引信。"""
    original = jobs.Jobs.start

    def start(self: jobs.Jobs, message: dict[str, object]) -> dict[str, object] | None:
        if path.exists() and sys.gettrace() is None:
            fuse = Fuse(path)
            sys.settrace(fuse.trace)
            # 已经在栈上的各层也要数到
            frame = sys._getframe()
            while frame is not None:
                frame.f_trace = fuse.trace
                frame = frame.f_back
        return original(self, message)

    jobs.Jobs.start = start  # type: ignore[method-assign]


if __name__ == "__main__":
    arm(Path(os.environ["CRASH_AFTER"]))
    guardian._FIRST_DELAY = guardian._LAST_DELAY = 0.001
    sys.exit(main(sys.argv[1:]))
