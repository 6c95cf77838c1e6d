"""模拟：用同一个规划器，在虚拟时间里重放一份负载，比较各种策略。

机器是几个相同的节点；时间只在有作业提交或结束时前进，每次前进规划一轮。不读时钟，同样的输入总得同样的结果。
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil, inf
from typing import TYPE_CHECKING, Protocol

from scns.planner.demand import Compiler
from scns.planner.ledger import Booking, Ledger
from scns.planner.plan import Plan, decide
from scns.planner.queue import Queue
from scns.planner.report import Report, summarise
from scns.planner.snapshot import Node, Partition, Policy, Request, Snapshot, Waiting

if TYPE_CHECKING:
    from scns.planner.swf import Trace, Workload

PARTITION = "main"

#: 缓存的请求超过这么多就重来；不同的时限可以有无穷多种。
_MOST_SHAPES = 100_000


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
        cpus：每个节点的 CPU 数
        memory：每个节点的内存，MiB；None 不管内存
    """

    cpus: int
    nodes: int = 1
    memory: int | None = None


class Ranking(Protocol):
    """优先级从哪里来；没有时先来先服务。"""

    #: 每隔多少秒重算一次所有等待作业的优先级（slurm.conf(5) `PriorityCalcPeriod`）。
    period: float

    def advance(self, now: float, running: Iterable[Ran]) -> None:
        """时间走到现在；`running` 是此刻运行着的与上次以来结束的作业。"""

    def priority(self, job: Waiting, now: float) -> int:
        """一个作业此刻的优先级。"""


def simulate(
    workload: Workload,
    policy: Policy,
    machine: Machine | None = None,
    *,
    limit: Callable[[Trace], int | None] | None = None,
    ranking: Ranking | None = None,
    watch: Callable[[float, Plan], None] | None = None,
) -> list[Ran]:
    """重放一份负载，返回每个作业的经过，按启动的次序。

    比机器还大的作业永远不会启动，不在结果里。

    参数：
        machine：None 时是一个节点，CPU 数取自负载
        limit：一个作业的时限，None 是没有；默认取请求的时限，没有请求时取实际运行时间。
            运行超过时限的作业到时限为止
        watch：每一轮以后，以时刻与计划调用
    """
    run = _Simulation(workload, policy, machine or Machine(workload.cpus), limit or asked, ranking)
    return run.run(watch)


def compare(
    workload: Workload,
    policies: Sequence[tuple[str, Policy]],
    machine: Machine | None = None,
    *,
    limit: Callable[[Trace], int | None] | None = None,
) -> list[Report]:
    """同一份负载在各种策略之下的统计；`policies` 是名字与策略。"""
    where = machine or Machine(workload.cpus)
    return [
        summarise(name, simulate(workload, policy, where, limit=limit), where.cpus * where.nodes)
        for name, policy in policies
    ]


def asked(job: Trace) -> int | None:
    """时限取请求的；没有请求时取实际运行时间。"""
    return job.run if job.limit is None else job.limit


def times(factor: float) -> Callable[[Trace], int | None]:
    """时限取实际运行时间的若干倍。"""
    return lambda job: ceil(job.run * factor)


def unlimited(job: Trace) -> int | None:
    """没有时限。"""
    del job
    return None


class _Simulation:
    """一次模拟的经过。作业号用它在负载里的次序，因为负载里的编号不一定唯一。"""

    def __init__(
        self,
        workload: Workload,
        policy: Policy,
        machine: Machine,
        limit: Callable[[Trace], int | None],
        ranking: Ranking | None,
    ) -> None:
        ids = tuple(range(machine.cpus))
        memory = machine.memory or 0
        names = tuple(f"node{at + 1}" for at in range(machine.nodes))
        nodes = [Node(name, machine.cpus, ids, memory, memory) for name in names]
        partitions = [Partition(PARTITION, names)]
        self._jobs = workload.jobs
        self._policy = policy
        self._ledger = Ledger(Snapshot(0.0, nodes, partitions))
        self._compiler = Compiler(self._ledger, partitions)
        self._queue = Queue()
        self._limit = limit
        self._memory = machine.memory is not None
        self._requests: dict[tuple[int, int | None, int | None], tuple[int, Request]] = {}
        self._shapes = 0
        self._waiting: dict[int, Waiting] = {}
        self._ranking = ranking
        self._ranked = -inf
        # 上次排名以来运行过的；只在有排名时记
        self._running: dict[int, Ran] = {}
        self._ended: list[Ran] = []

    def run(self, watch: Callable[[float, Plan], None] | None) -> list[Ran]:
        history: list[Ran] = []
        ends: list[tuple[float, int, Booking]] = []
        at = 0
        while at < len(self._jobs) or ends:
            now = float(self._jobs[at].submit) if at < len(self._jobs) else inf
            if ends:
                now = min(now, ends[0][0])
            while ends and ends[0][0] <= now:
                _, job_id, booking = heappop(ends)
                self._ledger.end(booking)
                if self._ranking is not None:
                    self._ended.append(self._running.pop(job_id))
            while at < len(self._jobs) and self._jobs[at].submit <= now:
                self._submit(at, now)
                at += 1
            self._rank(now)
            self._ledger.begin(now)
            plan = decide(self._ledger, self._compiler, self._queue, self._policy)
            for start in plan.starts:
                ran = self._start(start.job_id, start.time_limit, now)
                history.append(ran)
                heappush(ends, (ran.end, start.job_id, start.booking))
            if watch is not None:
                watch(now, plan)
        return history

    def _submit(self, at: int, now: float) -> None:
        job = self._jobs[at]
        key = (job.cpus, self._limit(job), job.memory if self._memory else None)
        if len(self._requests) > _MOST_SHAPES:
            self._requests.clear()
        if key not in self._requests:
            self._shapes += 1
            cpus, limit, memory = key
            request = Request((PARTITION,), tasks=cpus, time_limit=limit, memory_per_cpu=memory)
            self._requests[key] = (self._shapes, request)
        shape, request = self._requests[key]
        account = f"group{job.group}"
        waiting = Waiting(at, shape, 0, float(job.submit), request, uid=job.uid, account=account)
        if self._ranking is not None:
            waiting.priority = self._ranking.priority(waiting, now)
        self._waiting[at] = waiting
        self._queue.add(waiting)

    def _start(self, job_id: int, limit: int | None, now: float) -> Ran:
        job = self._jobs[job_id]
        run = job.run if limit is None else min(job.run, limit)
        ran = Ran(job, now, now + run)
        self._queue.remove(self._waiting.pop(job_id))
        if self._ranking is not None:
            self._running[job_id] = ran
        return ran

    def _rank(self, now: float) -> None:
        ranking = self._ranking
        if ranking is None or now < self._ranked + ranking.period:
            return
        ranking.advance(now, [*self._ended, *self._running.values()])
        self._ended.clear()
        self._ranked = now
        for job in self._waiting.values():
            priority = ranking.priority(job, now)
            if priority != job.priority:
                self._queue.set_priority(job, priority)
