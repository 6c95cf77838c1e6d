"""`scns wait`：等作业结束，退出码与 `sbatch --wait` 相同；等的时候可以看着进度。"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scns import arrays
from scns.cli.bell import Bell
from scns.cli.own.progress import Gauge
from scns.cli.slurm.wait import PATIENCE, ended
from scns.db import connect

if TYPE_CHECKING:
    from scns.arrays import JobRef

#: 到了 `--timeout` 还没有结束的退出码，同 timeout(1)。
TIMED_OUT = 124


def wait(
    jobs: Annotated[
        list[str], typer.Argument(metavar="JOB", help="Job ids: 42, 42_7 or 42_[1-9].")
    ],
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", "-t", min=0, help="Seconds to wait at most; then exit 124."),
    ] = None,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress", help="Show progress on stderr. Default: on a terminal."
        ),
    ] = None,
) -> int:
    """等到列出的作业都结束，返回其中最大的退出码。"""
    refs = [arrays.parse_job_ref(word) for word in jobs]
    deadline = None if timeout is None else time.monotonic() + timeout
    connection = connect.connect()
    shown = sys.stderr.isatty() if progress is None else progress
    with Gauge(connection, refs, enabled=shown) as gauge:
        return until_all_ended(connection, refs, gauge, deadline)


def until_all_ended(
    connection: Any, refs: list[JobRef], gauge: Gauge, deadline: float | None
) -> int:
    """等到都结束，返回最大的退出码；过了 `deadline`（`time.monotonic` 的秒）是 `TIMED_OUT`。"""
    # 要看进度时，启动也算动静
    bell = Bell(connection, "scns_event" if gauge.enabled else "scns_end")
    open_refs, worst = list(refs), 0
    while True:
        codes = [ended(connection, ref.job_id, tasks_of(ref)) for ref in open_refs]
        worst = max([worst, *(code for code in codes if code is not None)])
        gauge.show()
        open_refs = [ref for ref, code in zip(open_refs, codes, strict=True) if code is None]
        if not open_refs:
            return worst
        left = PATIENCE if deadline is None else min(PATIENCE, deadline - time.monotonic())
        if left <= 0:
            return TIMED_OUT
        bell.wait(left)


def tasks_of(ref: JobRef) -> str | None:
    """指名的数组下标，int4multirange 的写法；没有说下标时为 None。"""
    return None if ref.ranges is None else arrays.to_multirange(ref.ranges)
