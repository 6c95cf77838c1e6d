"""`scns wait`：等作业结束，退出码与 `sbatch --wait` 相同；等的时候可以看着进度。"""

from __future__ import annotations

import time

from scns import arrays
from scns.cli.bell import Bell
from scns.cli.slurm.wait import ended
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from scns.arrays import JobRef

#: 到了 `--timeout` 还没有结束的退出码，同 timeout(1)。
TIMED_OUT = 124


def wait(jobs: Sequence[str], *, timeout: float | None, progress: bool) -> int:
    """等到列出的作业都结束，返回其中最大的退出码；过了 `timeout` 秒是 `TIMED_OUT`。"""
    refs = [arrays.parse_job_ref(word) for word in jobs]
    deadline = None if timeout is None else time.monotonic() + timeout
    bell = Bell(connect.connect(), [ref.job_id for ref in refs], command="scns wait")
    if not progress:
        return until_all_ended(bell, refs, deadline, lambda _: None)
    from scns.cli.own.progress import Gauge

    with Gauge(refs) as gauge:
        return until_all_ended(bell, refs, deadline, gauge.show)


def until_all_ended(
    bell: Bell, refs: list[JobRef], deadline: float | None, show: Callable[[Any], None]
) -> int:
    """等到都结束，返回最大的退出码；过了 `deadline`（`time.monotonic` 的秒）是 `TIMED_OUT`。

    参数：
        show：每看一次就叫它一声，给它连接
    """
    open_refs, worst = list(refs), 0
    while True:
        try:
            codes = bell.look(_codes, open_refs, deadline=deadline)
            bell.look(show, deadline=deadline)
        except connect.NoServer:
            if deadline is not None and time.monotonic() >= deadline:
                return TIMED_OUT
            raise
        worst = max([worst, *(code for code in codes if code is not None)])
        open_refs = [ref for ref, code in zip(open_refs, codes, strict=True) if code is None]
        if not open_refs:
            return worst
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return TIMED_OUT
        bell.wait(left)


def _codes(connection: Any, refs: Sequence[JobRef]) -> list[int | None]:
    return [ended(connection, ref.job_id, tasks_of(ref)) for ref in refs]


def tasks_of(ref: JobRef) -> str | None:
    """指名的数组下标，int4multirange 的写法；没有说下标时为 None。"""
    return None if ref.ranges is None else arrays.to_multirange(ref.ranges)
