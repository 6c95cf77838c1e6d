"""收尸时内核给的账：用了多少 CPU 与内存。"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resource import struct_rusage

    from scns.stepd.protocol import Message


class Usage:
    """一组进程连同它们收过尸的孩子的用量。

    属性：
        user、system：CPU 秒数
        max_rss：最大的常驻内存，KiB
    """

    __slots__ = ("max_rss", "system", "user")

    def __init__(self) -> None:
        self.user = 0.0
        self.system = 0.0
        self.max_rss = 0

    def add(self, reaped: struct_rusage) -> None:
        """记上刚收尸的一个：时间相加，内存取大。"""
        self.user += reaped.ru_utime
        self.system += reaped.ru_stime
        self.max_rss = max(self.max_rss, reaped.ru_maxrss)

    def raise_to(self, user: float, system: float, max_rss: int = 0) -> None:
        """另有一本账：各项取大的。"""
        self.user = max(self.user, user)
        self.system = max(self.system, system)
        self.max_rss = max(self.max_rss, max_rss)

    def report(self) -> Message:
        """`ended` 与 `step_ended` 里的三个字段。"""
        return {
            "user": round(self.user, 6),
            "system": round(self.system, 6),
            "max_rss": self.max_rss,
        }
