"""模拟：用同一个规划器，在虚拟时间里重放一份负载，比较各种策略。

机器是一个有若干 CPU 的节点，或几个相同的节点；作业按先来后到排队。时间只在有作业提交或结束时前进，每次前进
规划一轮。
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, inf
from typing import TYPE_CHECKING, Literal

from scns.planner.demand import Compiler
from scns.planner.ledger import Booking, Ledger
from scns.planner.plan import decide
from scns.planner.queue import Queue
from scns.planner.snapshot import Node, Partition, Policy, Request, Snapshot, Waiting

if TYPE_CHECKING:
    from scns.planner.swf import Trace, Workload

PARTITION = "main"


@dataclass(slots=True)
class Ran:
    """一个作业在模拟里的经过；时刻与负载同一起点。"""

    job: Trace
    start: float
    end: float

    @property
    def wait(self) -> float:
        """从提交到启动的秒数。"""
        return self.start - self.job.submit


@dataclass(slots=True)
class Machine:
    """模拟的机器：几个相同的节点。

    参数：
        memory：每个节点的内存，MiB；None 不管内存
    """

    cpus: int
    nodes: int = 1
    memory: int | None = None


def simulate(
    workload: Workload,
    policy: Policy,
    machine: Machine | None = None,
    limit: Callable[[Trace], int | None] | None = None,
) -> list[Ran]:
    """重放一份负载，返回每个作业的经过，按启动的次序。

    比机器还大的作业永远不会启动，不在结果里。

    参数：
        machine：None 时是一个节点，CPU 数取自负载
        limit：一个作业的时限，None 是没有；默认取请求的时限，没有请求时取实际运行时间。
            运行超过时限的作业到时限为止
    """
    return _Simulation(workload, policy, machine or Machine(workload.cpus), limit).run()


def limit_times(factor: float) -> Callable[[Trace], int | None]:
    """时限取实际运行时间的若干倍。"""
    return lambda job: ceil(job.run * factor)


def _asked(job: Trace) -> int | None:
    return job.run if job.limit is None else job.limit


class _Simulation:
    def __init__(
        self,
        workload: Workload,
        policy: Policy,
        machine: Machine,
        limit: Callable[[Trace], int | None] | None,
    ) -> None:
        ids = tuple(range(machine.cpus))
        memory = machine.memory or 0
        names = [f"node{at + 1}" for at in range(machine.nodes)]
        nodes = [Node(name, machine.cpus, ids, memory, memory) for name in names]
        partitions = [Partition(PARTITION, tuple(names))]
        self.workload = workload
        self.policy = policy
        self.ledger = Ledger(Snapshot(0.0, nodes, partitions))
        self.compiler = Compiler(self.ledger, partitions)
        self.queue = Queue()
        self.limit = limit or _asked
        self.memory = machine.memory is not None
        self.shapes: dict[tuple[int, int | None, int | None], Request] = {}
        self.waiting: dict[int, Waiting] = {}

    def run(self) -> list[Ran]:
        ran: list[Ran] = []
        ends: list[tuple[float, int, Booking]] = []
        jobs = self.workload.jobs
        at = 0
        while at < len(jobs) or ends:
            arrival = jobs[at].submit if at < len(jobs) else inf
            now = min(arrival, ends[0][0]) if ends else arrival
            while ends and ends[0][0] <= now:
                self.ledger.end(heappop(ends)[2])
            while at < len(jobs) and jobs[at].submit <= now:
                self._submit(at)
                at += 1
            self.ledger.begin(now)
            for start in decide(self.ledger, self.compiler, self.queue, self.policy).starts:
                job = jobs[start.job_id]
                run = job.run if start.time_limit is None else min(job.run, start.time_limit)
                heappush(ends, (now + run, start.job_id, start.booking))
                ran.append(Ran(job, now, now + run))
                self.queue.remove(self.waiting.pop(start.job_id))
        return ran

    def _submit(self, at: int) -> None:
        """作业号用它在负载里的次序：负载里的编号不一定唯一。"""
        job = self.workload.jobs[at]
        limit = self.limit(job)
        memory = job.memory if self.memory else None
        shape = (job.cpus, limit, memory)
        request = self.shapes.get(shape)
        if request is None:
            request = self.shapes[shape] = Request(
                (PARTITION,), tasks=job.cpus, time_limit=limit, memory_per_cpu=memory
            )
        waiting = Waiting(at, id(request), 0, float(job.submit), request, uid=job.uid)
        self.waiting[at] = waiting
        self.queue.add(waiting)
