"""stepd 与 guardian 的日志：一行一事，写到 stderr。"""

from __future__ import annotations

import os
import time


def log(message: str) -> None:
    """记一行，前面是本地时刻与进程号；写不出去就算了，日志不该拖垮作业。"""
    line = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} stepd[{os.getpid()}]: {message}\n"
    try:
        os.write(2, line.encode("utf-8", "backslashreplace"))
    except OSError:
        return
