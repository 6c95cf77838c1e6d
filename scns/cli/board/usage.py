"""作业此刻的用量：从本机的进程看，不必谁报告；看不到的（别人的、别的节点上的）就没有。"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scns.cli.board.data import Job

#: 进程的启动时刻比作业的早这么多秒以内仍算作业的：两个时钟不是一处来的。
_SLACK = 2.0


@dataclass(frozen=True, slots=True)
class Usage:
    """一个作业的用量。

    参数：
        cpu：这一刻用着几个 CPU 的百分数，两个 CPU 全忙是 200；头一次看时为 None
        memory：MiB
    """

    cpu: float | None
    memory: float


@dataclass(slots=True)
class _Seen:
    """一个进程上次看时的样子；`job` 为 None 是不属于任何作业。"""

    job: int | None
    started: float
    cpu: float


class Meter:
    """一遍遍地量；CPU 的百分数由前后两遍之差得出。"""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._at: float | None = None

    def measure(self, jobs: Iterable[Job]) -> Mapping[int, Usage]:
        """量各作业此刻的用量；只有看得到进程的在其中。"""
        wanted = {job.job_id: job for job in jobs if job.start is not None}
        now = time.monotonic()
        elapsed = None if self._at is None else now - self._at
        spent: dict[int, float] = {}
        memory: dict[int, int] = {}
        seen: dict[int, _Seen] = {}
        for process in psutil.process_iter():
            found = self._look(process, wanted, seen)
            if found is None:
                continue
            job, cpu, rss = found
            spent[job] = spent.get(job, 0.0) + cpu
            memory[job] = memory.get(job, 0) + rss
        self._seen, self._at = seen, now
        return {
            job: Usage(None if not elapsed else 100 * spent[job] / elapsed, rss / (1 << 20))
            for job, rss in memory.items()
        }

    def _look(
        self, process: psutil.Process, wanted: Mapping[int, Job], seen: dict[int, _Seen]
    ) -> tuple[int, float, int] | None:
        """一个进程属于哪个作业、上次以来用了多少秒 CPU、占多少字节内存；不属于的为 None。"""
        try:
            started = process.create_time()
            known = self._seen.get(process.pid)
            if known is None or known.started != started:
                known = _Seen(_job_of(process, started, wanted), started, 0.0)
            if known.job is None or known.job not in wanted:
                seen[process.pid] = known
                return None
            with process.oneshot():
                times, rss = process.cpu_times(), process.memory_info().rss
        except psutil.Error:
            return None
        cpu = times.user + times.system
        seen[process.pid] = _Seen(known.job, started, cpu)
        return known.job, max(cpu - known.cpu, 0.0), rss


def _job_of(process: psutil.Process, started: float, wanted: Mapping[int, Job]) -> int | None:
    """进程的环境说它属于哪个作业；属主与时刻都对得上才信。"""
    try:
        number = process.environ().get("SLURM_JOB_ID", "")
        uid = process.uids().real
    except (psutil.Error, OSError):
        return None
    job = wanted.get(int(number)) if number.isdigit() else None
    if job is None or job.uid != uid or job.start is None or started < job.start - _SLACK:
        return None
    return job.job_id
