"""表格里的时刻：本地时区，`SLURM_TIME_FORMAT` 的写法。"""

from __future__ import annotations

import sys

from scns.times import format_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: strftime 的结果至多这么长，含结尾的 NUL；与 Slurm 的缓冲区一样。
_BUFFER = 32


class Clock:
    """把 epoch 秒印成文字；同一秒只算一次，成批提交的作业多在同一秒里。

    格式不成格式时说一声，改用默认的写法，与 Slurm 相同。

    参数：
        command：说话的命令
    """

    __slots__ = ("_format", "_known")

    def __init__(self, command: str, environ: Mapping[str, str]) -> None:
        self._known: dict[int, str] = {}
        self._format = environ.get("SLURM_TIME_FORMAT")
        text = self._format
        if text in (None, "", "standard", "relative"):
            return
        if "%" not in text or len(text) >= _BUFFER:
            sys.stderr.write(f"{command}: error: invalid SLURM_TIME_FORMAT = '{text}'\n")
            self._format = None

    def __call__(self, epoch: int) -> str:
        text = self._known.get(epoch)
        if text is None:
            text = self._known[epoch] = format_moment(epoch, time_format=self._format)
        return text


def today() -> str:
    """`-l` 与 `-i` 的表格前的一行，例如 `Tue Nov 24 10:57:03 2026`。"""
    import time

    return time.strftime("%a %b %d %H:%M:%S %Y")
