"""规划：快照进，计划出；不碰数据库、时钟与进程，同样的快照总得同样的计划。

一轮按名次走过队列（`queue.Walk`）：放得下、又不耽误已有许诺的，启动；放不下的，按策略或得许诺，或挡住
后面的，或什么也没有。每个没启动的作业都有原因；没有逐个看过的，问 `Plan.reason_of`。
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from scns.planner.decision import Blocked, Place, Start
from scns.planner.demand import Compiler
from scns.planner.ledger import Ledger
from scns.planner.limits import Limiter, tres_of
from scns.planner.queue import Queue
from scns.planner.round import Round
from scns.planner.snapshot import Partition, Reservation, Snapshot, Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scns.planner.queue import Line
    from scns.planner.snapshot import Node, Policy, Request
    from scns.planner.standing import Standing

__all__ = ["Blocked", "Place", "Plan", "Planner", "Start", "decide", "feasible", "plan"]

_PARTITION = tuple(each.name for each in fields(Partition))
_RESERVATION = tuple(each.name for each in fields(Reservation))


@dataclass(slots=True)
class Plan:
    """一轮的决定。

    参数：
        starts：现在启动的，按决定的次序；一个数组可以有几项
        first：各分区（车道，见 `Need`）里第一个放不下的作业，后面的都在等它
        ended：走到了尽头的列，按走到的先后；队列里若没有放全，后面的也许还能启动
        compiler：配置不变时，各轮的是同一个对象
    """

    starts: list[Start]
    first: dict[str, int]
    ended: list[Line] = field(repr=False, compare=False)
    compiler: Compiler = field(repr=False, compare=False)
    _noted: dict[int, Blocked]
    _standing: Standing | None = field(repr=False, compare=False)
    _ledger: Ledger = field(repr=False, compare=False)
    _queue: Queue = field(repr=False, compare=False)
    _limiter: Limiter | None = field(repr=False, compare=False)
    _told: dict[int, Blocked] | None = field(default=None, repr=False, compare=False)

    @property
    def blocked(self) -> dict[int, Blocked]:
        """逐个看过而没有启动的，按作业号；其余的问 `blocked_of`。

        保守回填从上一轮留下的许诺也在其中，问时才写成这个样子，因此下一轮之前问完。
        """
        if self._told is None:
            promised = self._standing.promised if self._standing else ()
            told = (each.told(self._ledger, self.first) for each in promised)
            self._told = {each.job_id: each for each in told} | self._noted
        return self._told

    def blocked_of(self, job: Waiting) -> Blocked:
        """一个没有启动的作业为什么没有启动；用时才算，因此不必为每个作业各存一份。"""
        found = self.blocked.get(job.job_id)
        if found is not None:
            return found
        if job.eligible > self._ledger.now:
            return Blocked(job.job_id, "BeginTime", expected_start=job.eligible)
        if job.count <= 0:
            return Blocked(job.job_id, "JobArrayTaskLimit")
        line = self._queue.line_of(job)
        demand = self.compiler.demand(line, job) if line else self.compiler.compile(job)
        if demand.reason:
            return Blocked(job.job_id, demand.reason, unavailable=demand.unavailable)
        excess = self._limiter.check(job, tres_of(job.request)) if self._limiter else None
        if excess is not None:
            return Blocked(job.job_id, excess.reason, excess=excess)
        ahead = {self.first[name] for name in job.request.partitions if name in self.first}
        return Blocked(job.job_id, "Priority", blockers=tuple(sorted(ahead)))

    def reason_of(self, job: Waiting) -> str:
        """一个没有启动的作业的等待原因，Slurm 的说法。"""
        return self.blocked_of(job).text


class Planner:
    """长期保留的规划器：配置不变时，编译好的要求接着用。

    配置是节点（空闲量除外）、分区、许可证与预留；变了就重来，调用者不必理会。
    """

    def __init__(self) -> None:
        self._config: object = None
        self._ledger: Ledger | None = None
        self._compiler: Compiler | None = None

    def plan(self, snapshot: Snapshot, queue: Queue | None = None) -> Plan:
        """为一个快照规划一轮。

        参数：
            queue：长期保留的队列；给出时不看 `snapshot.waiting`。规划不改动它，
                但计划里没有逐个看过的作业要问它，因此下一轮之前问完
        """
        config = _config(snapshot)
        if self._ledger is None or self._compiler is None or config != self._config:
            self._ledger, self._config = Ledger(snapshot), config
            self._compiler = Compiler(self._ledger, snapshot.partitions, snapshot.reservations)
        else:
            self._ledger.load(snapshot)
        limited = bool(snapshot.account_limits or snapshot.user_limits or snapshot.qos_limits)
        if queue is None:
            queue = Queue(
                snapshot.waiting,
                now=snapshot.now,
                tier=self._compiler.tier,
                owners=limited or any(map(_choosy, snapshot.partitions)),
            )
        limiter = Limiter(snapshot) if limited else None
        return decide(self._ledger, self._compiler, queue, snapshot.policy, limiter)


def plan(snapshot: Snapshot, queue: Queue | None = None) -> Plan:
    """为一个快照规划一轮；同 `Planner.plan`，不保留什么。"""
    return Planner().plan(snapshot, queue)


def decide(
    ledger: Ledger,
    compiler: Compiler,
    queue: Queue,
    policy: Policy,
    limiter: Limiter | None = None,
) -> Plan:
    """在账本上规划一轮；启动的作业已经记进账本与上限的用量，队列不动。

    参数：
        limiter：None 时没有上限；有上限时，队列必须把不同的用户排进不同的列（`owners`）
    """
    done = Round(ledger, compiler, queue, policy, limiter)
    done.run()
    return Plan(
        done.starts,
        done.first,
        done.ended,
        compiler,
        done.blocked,
        done.standing,
        ledger,
        queue,
        limiter,
    )


def feasible(
    request: Request, nodes: Sequence[Node], partitions: Sequence[Partition]
) -> str | None:
    """这份请求在此配置下，所有资源都空闲时能否启动；不能时返回原因。

    节点此刻可用与否、分区的状态与准入、许可证都不看：提交时的检查与 `--test-only` 用它。
    """
    ledger = Ledger(Snapshot(0.0, nodes, partitions))
    for slot in ledger.slots:
        slot.up = True
    opened = [replace(part, up=True, allow_accounts=None, allow_uids=None) for part in partitions]
    asked = replace(request, licenses={}, reservation=None)
    return Compiler(ledger, opened).compile(Waiting(0, 0, 0, 0.0, asked)).reason or None


def _config(snapshot: Snapshot) -> object:
    nodes = [
        (n.name, n.cpus, n.memory, n.up, n.features, tuple(n.gres.items()), n.weight)
        for n in snapshot.nodes
    ]
    partitions = [tuple(getattr(each, name) for name in _PARTITION) for each in snapshot.partitions]
    walls = [tuple(getattr(each, name) for name in _RESERVATION) for each in snapshot.reservations]
    return nodes, partitions, walls, dict(snapshot.licenses)


def _choosy(partition: Partition) -> bool:
    """分区是否挑用户或账户。"""
    return partition.allow_accounts is not None or partition.allow_uids is not None
