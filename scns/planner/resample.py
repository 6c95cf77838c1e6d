"""由一份记录下来的负载抽出任意长的一份：作业有放回地抽，提交的间隔也是，再缩放到要的负荷。

同样的种子总得同样的负载。作业之间的先后关系（一天里的忙闲、一个用户接连提交）不保留，
大小、时长与间隔的分布保留。
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

from scns.planner.swf import Workload

if TYPE_CHECKING:
    from scns.planner.swf import Trace


def resample(
    workload: Workload, count: int, *, load: float | None = None, seed: int = 0
) -> Workload:
    """抽出 `count` 个作业，机器照旧，头部不沿用。

    参数：
        load：要的负荷：各作业的 CPU 秒之和，占提交的那段时间里全部 CPU 秒的比例；None 照原来的
    """
    jobs = list(_draw(workload, count, load, seed))
    return Workload(jobs, workload.cpus)


def _draw(workload: Workload, count: int, load: float | None, seed: int) -> Iterator[Trace]:
    rng = Random(seed)  # noqa: S311 只为可重复，不作密码用
    known = workload.jobs
    gaps = [later.submit - job.submit for job, later in pairwise(known)] or [1]
    work = sum(job.run * job.cpus for job in known) / len(known)
    pause = sum(gaps) / len(gaps)
    # 平均间隔正好让要做的与做得了的成 `load` 之比
    scale = work / (workload.cpus * load) / max(pause, 1e-9) if load else 1.0
    clock = 0.0
    for number in range(1, count + 1):
        job = known[int(rng.random() * len(known))]
        yield replace(job, job_id=number, submit=int(clock))
        clock += gaps[int(rng.random() * len(gaps))] * scale
