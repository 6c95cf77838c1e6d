"""门铃的编号：作业有了动静时响哪一个，由作业号决定。

铃是 `run/bell/` 里的 FIFO，等着的客户端打开读端，scnsd 打开写端又合上，读端就全都得到 POLLHUP：
一次响铃两个系统调用，不论多少人等着；没有人等时打开就失败（ENXIO），连响都不必。等的人因此不占
数据库的连接。不用 LISTEN 的原因：PostgreSQL 每次 NOTIFY 要给同一个库里每个在听的后端发信号，
不论频道；两百个在听时，吞吐量从每秒 75 个作业落到 29 个。

作业分到 64 个铃：等一个作业的，别人的作业有动静时多半不必醒来。
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: 分给作业的铃有几个；`functions.sql` 的 `ring_event` 用同一个数。
COUNT = 64

#: 不论哪个作业有动静都响的铃。
EVERY = "every"


def directory(run: str) -> str:
    """铃所在的目录；`run` 见 `scns.home.run_dir`。"""
    return os.path.join(run, "bell")


def names(jobs: Iterable[int]) -> list[str]:
    """这些作业与数组的铃；一个都没有指名就是 `EVERY`。"""
    return sorted({str(job % COUNT) for job in jobs}) or [EVERY]


def every_name() -> list[str]:
    """全部的铃。"""
    return [*map(str, range(COUNT)), EVERY]
