"""从数据库读出规划器的快照：一次全部读出，或者一部分一部分地读。"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scns import hostlist
from scns.arrays import from_multirange
from scns.db import accounts, jobs, nodes
from scns.errors import ScnsError
from scns.planner.features import Features
from scns.planner.snapshot import (
    Kind,
    Node,
    Partition,
    Policy,
    Request,
    Snapshot,
    Waiting,
)
from scns.scheduler.holdings import Holdings, counts

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scns.config import Config
    from scns.planner.snapshot import Limits

#: 不看 `bf_*` 的排程器；值是策略。
_KINDS: Mapping[str, Kind] = {"sched/builtin": "fifo", "sched/firstfit": "firstfit"}

#: 每个形状至多取出多少个候选；空闲 CPU 更少时只取那么多。
MAX_DEPTH = 256

#: 缓存几个形状的要求；超出时整个清掉，重读不过一次查询。
CACHE_SIZE = 20_000


def policy_of(settings: Config) -> Policy:
    """配置里的排程策略。

    `SchedulerType=sched/builtin` 是严格先来先服务；`sched/firstfit` 是首次适应，自己的词，Slurm
    没有；其余有预约地回填，`SchedulerParameters` 里认得 `bf_max_job_test`、`bf_window`（分钟），
    以及自己的两个：`bf_conservative`，每个放不下的作业都有预约；`age_bound`（秒），没有预约的
    队首等了这么久，就替它守住节点，见 `Policy`。不是整数的值不理会，与 Slurm 相同。
    来源：slurm.conf(5) “SchedulerParameters”。
    """
    given = settings.scheduler_parameters
    policy = Policy("conservative" if "bf_conservative" in given else "easy")
    if settings.scheduler_type in _KINDS:
        policy.kind = _KINDS[settings.scheduler_type]
    if given.get("bf_max_job_test", "").isdecimal():
        policy.bf_max_job_test = int(given["bf_max_job_test"])
    if given.get("bf_window", "").isdecimal():
        policy.bf_window = int(given["bf_window"]) * 60.0
    if given.get("age_bound", "").isdecimal():
        policy.age_bound = float(given["age_bound"])
    return policy


@dataclass(slots=True)
class Head:
    """一个候选在计划之外还要知道的。

    参数：
        reason、expected：数据库里写着的原因与预计启动的时刻（epoch 秒）
        waiting：数组还没启动的序号；不是数组，或是数组里的一个元素时为 None
        array_id：所属数组；`throttle` 是它 `--array=…%N` 的 N，`active` 是它占着节点的元素数
    """

    reason: str
    waiting: list[tuple[int, int]] | None
    expected: float | None = None
    array_id: int | None = None
    throttle: int | None = None
    active: int = 0

    @property
    def size(self) -> int:
        """还有几个要启动。"""
        return 1 if self.waiting is None else sum(stop - start for start, stop in self.waiting)


#: 一个候选：规划要知道的，与其余的。
Found = tuple[Waiting, Head]


@dataclass(slots=True)
class Submission:
    """缓存的要求。"""

    request: Request
    account: str
    qos: str


@dataclass(slots=True)
class Reader:
    """把数据库的行读成规划器的数据；一个形状的要求只读一遍，形状里已经包含了要求的每一项。

    参数：
        half_life：用量的半衰期，秒；None 不衰减
    """

    policy: Policy
    licenses: Mapping[str, int] = field(default_factory=dict)
    half_life: float | None = None
    _cache: dict[int, Submission] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> Reader:
        """照配置。"""
        return cls(policy_of(config), config.licenses, config.priority_decay_half_life or None)

    def read(
        self, cursor: Any, now: float, depth: int | None = None
    ) -> tuple[Snapshot, dict[int, Head]]:
        """从头读出此刻的快照。

        参数：
            now：epoch 秒
            depth：每个形状取出多少个候选；None 时取这一轮启动得了的那么多

        返回：
            快照，以及候选作业号到 `Head`
        """
        holdings = Holdings()
        holdings.replace((), self.running(cursor, None))
        cluster = [node for _, node in sorted(self.nodes(cursor, None, holdings), key=_first)]
        idle = sum(len(node.idle) for node in cluster if node.up)
        partitions = self.partitions(cursor)
        found = self.heads(cursor, self.shapes(cursor), depth or min(idle, MAX_DEPTH) + 1, now)
        throttle(found, holdings.active)
        snapshot = Snapshot(
            now=now,
            nodes=cluster,
            partitions=partitions,
            running=list(holdings.jobs.values()),
            waiting=[job for job, _ in found],
            licenses=self.licenses,
            policy=self.policy,
        )
        self.put_limits(cursor, snapshot)
        self.put_usage(cursor, snapshot)
        return snapshot, {job.job_id: head for job, head in found}

    def read_job(self, cursor: Any, job_id: int, now: float) -> Found | None:
        """读一个排队的作业，被扣住、依赖未满足的也算；不在排队时为 None。"""
        found = self.jobs(cursor, [job_id], now, hindered=True)
        used = Holdings()
        used.replace((), self.running(cursor, None))
        throttle(found, used.active)
        return found[0] if found else None

    def running(self, cursor: Any, ids: list[int] | None) -> list[Any]:
        """占着节点的作业的行，给 `Holdings`；`ids` 为 None 时是全部。"""
        if ids is None:
            cursor.execute(jobs.RUNNING)
        else:
            cursor.execute(jobs.RUNNING_OF, {"ids": ids})
        return list(cursor.fetchall())

    def nodes(
        self, cursor: Any, names: list[str] | None, holdings: Holdings
    ) -> list[tuple[Any, Node]]:
        """节点，各带着它在集群里的次序；`names` 为 None 时是全部。"""
        cursor.execute(nodes.NODES, {"names": names})
        return [
            (
                (row[7], row[9], row[0]),
                _node(row, holdings.gres_used(row[0]), holdings.exclusive_by(row[0])),
            )
            for row in cursor.fetchall()
        ]

    def partitions(self, cursor: Any) -> list[Partition]:
        """全部分区。"""
        cursor.execute(nodes.PARTITIONS)
        return [_partition(row) for row in cursor.fetchall()]

    def shapes(self, cursor: Any) -> list[int]:
        """有作业可以启动的各个形状。"""
        cursor.execute(jobs.SHAPES)
        return [shape for (shape,) in cursor.fetchall()]

    def heads(self, cursor: Any, shapes: list[int], depth: int, now: float) -> list[Found]:
        """这些形状各自的前 `depth` 个候选。"""
        cursor.execute(jobs.HEADS, {"shapes": shapes, "depth": depth})
        return self._waiting(cursor, cursor.fetchall(), now)

    def jobs(
        self, cursor: Any, ids: list[int], now: float, *, hindered: bool = False
    ) -> list[Found]:
        """这些作业里可以启动的；`hindered` 为真时，还不可以的也算。"""
        cursor.execute(jobs.WAITING_JOBS, {"ids": ids, "hindered": hindered})
        return self._waiting(cursor, cursor.fetchall(), now)

    def put_limits(self, cursor: Any, snapshot: Snapshot) -> None:
        """把设了的上限放进快照；没有见过的用户没有作业，不必管。"""
        cursor.execute(accounts.LIMITS)
        associations, qos, parents, enforced = cursor.fetchone()
        snapshot.safe = "safe" in enforced.split(",")
        if not associations and not qos:
            return
        snapshot.parents = parents
        snapshot.qos_limits = {row["name"]: accounts.limits_of(row) for row in qos}
        snapshot.account_limits = {
            row["account"]: accounts.limits_of(row) for row in associations if not row["user_name"]
        }
        snapshot.user_limits = {
            (row["account"], row["known_uid"]): accounts.limits_of(row)
            for row in associations
            if row["user_name"] and row["known_uid"] is not None
        }

    def put_usage(self, cursor: Any, snapshot: Snapshot) -> None:
        """有管着用量的上限，就把此刻的用量放进快照；用量时时在变，每次规划都读。"""
        if any(one.grp_tres_mins for one in _association_limits(snapshot)):
            cursor.execute(accounts.USAGE)
            usage = accounts.read_usage(cursor.fetchall(), self.half_life, snapshot.now)
            snapshot.usage = {owner: seconds / 60 for owner, seconds in usage.items()}

    def _waiting(self, cursor: Any, rows: list[Any], now: float) -> list[Found]:
        """候选的各行，列见 `WAITING_JOBS`。"""
        submissions = self._submissions(cursor, {row[2]: row[1] for row in rows})
        found = []
        for row in rows:
            job_id, _, shape, priority, eligible, uid, reason, left, expected, array_id, limit = row
            submission = submissions[shape]
            head = Head(
                reason, None if left is None else from_multirange(left), expected, array_id, limit
            )
            job = Waiting(
                job_id,
                shape,
                priority,
                # 这一轮里才放行的，时刻比 now 还晚一点点
                min(eligible or now, now),
                submission.request,
                head.size,
                uid,
                submission.account,
                submission.qos,
            )
            found.append((job, head))
        return found

    def _submissions(self, cursor: Any, wanted: Mapping[int, int]) -> Mapping[int, Submission]:
        """各形状的要求。

        参数：
            wanted：形状到它的任意一次提交
        """
        if len(self._cache) > CACHE_SIZE:
            self._cache.clear()
        missing = {one: shape for shape, one in wanted.items() if shape not in self._cache}
        if missing:
            cursor.execute(jobs.SUBMISSIONS, {"ids": list(missing)})
            for row in cursor.fetchall():
                found = dict(zip(_COLUMNS, row, strict=True))
                self._cache[missing[row[0]]] = Submission(
                    _request(found), found["account"], found["qos"]
                )
        return self._cache


def throttle(found: Iterable[Found], active: Mapping[int, int]) -> None:
    """照 `%N` 定下数组的各行此刻还能启动几个。

    同一数组的几行（各自成行的元素与余下的）分享 %N，先后照排计划的次序。

    参数：
        active：数组到它占着节点的元素数
    """
    rooms: dict[int, int] = {}
    for job, head in sorted(found, key=lambda one: (-one[0].priority, one[0].job_id)):
        job.count = head.size
        if head.array_id is None:
            continue
        head.active = active.get(head.array_id, 0)
        if head.throttle is not None:
            room = rooms.setdefault(head.array_id, max(0, head.throttle - head.active))
            job.count = min(job.count, room)
            rooms[head.array_id] = room - job.count


def _association_limits(snapshot: Snapshot) -> Iterator[Limits]:
    yield from snapshot.account_limits.values()
    yield from snapshot.user_limits.values()


def _first(pair: tuple[Any, Node]) -> Any:
    return pair[0]


def _node(row: Any, gres_used: dict[str, int], exclusive: int | None) -> Node:
    name, cpus, idle, memory, idle_memory, features, gres, weight, up, _ = row
    ids = tuple(cpu for start, stop in from_multirange(idle) for cpu in range(start, stop))
    return Node(
        name=name,
        cpus=cpus,
        idle=ids,
        memory=memory,
        idle_memory=idle_memory,
        up=up,
        features=frozenset(features),
        gres=gres,
        idle_gres={kind: count - gres_used.get(kind, 0) for kind, count in gres.items()},
        weight=weight,
        exclusive_by=exclusive,
    )


def _partition(row: Any) -> Partition:
    name, members, state, max_time, min_nodes, max_nodes, tier, options = row
    accounts = options.get("allow_accounts")
    return Partition(
        name=name,
        nodes=tuple(members),
        up=state in ("UP", "DRAIN"),
        inactive=state == "INACTIVE",
        max_time=max_time,
        max_nodes=max_nodes,
        min_nodes=min_nodes,
        tier=tier,
        allow_accounts=None if accounts is None else frozenset(accounts),
        exclusive=options.get("oversubscribe") == "EXCLUSIVE",
    )


#: SUBMISSIONS 的列，与语句一一对应。
_COLUMNS = (
    "id partition tasks cpus_per_task nodes_min nodes_max tasks_per_node mincpus "
    "memory_per_node memory_per_cpu time_limit time_min exclusive overcommit constraint node_list "
    "exclude gres licenses account qos cpus"
).split()


def _request(submission: Mapping[str, Any]) -> Request:
    """一次提交要的资源；写得读不懂的（没有经过客户端检查的）不放在任何分区，永远等着。"""
    try:
        return request_of(submission)
    except ScnsError as error:
        log.warning("submission %s cannot be read: %s", submission["id"], error)
        return Request(partitions=("",))


def request_of(submission: Mapping[str, Any]) -> Request:
    """一次提交要的资源；键是 `submission` 的列。"""
    constraint, names, excluded = (
        submission[column] for column in ("constraint", "node_list", "exclude")
    )
    return Request(
        partitions=tuple(submission["partition"].split(",")),
        tasks=submission["tasks"],
        cpus_per_task=submission["cpus_per_task"],
        nodes_min=submission["nodes_min"],
        nodes_max=submission["nodes_max"],
        tasks_per_node=submission["tasks_per_node"],
        mincpus=_least_cpus(submission),
        memory_per_node=submission["memory_per_node"],
        memory_per_cpu=submission["memory_per_cpu"],
        time_limit=submission["time_limit"],
        time_min=submission["time_min"],
        exclusive=submission["exclusive"] == "node",
        overcommit=submission["overcommit"],
        features=Features(constraint) if constraint else None,
        nodelist=frozenset(hostlist.expand(names)) if names else frozenset(),
        exclude=frozenset(hostlist.expand(excluded)) if excluded else frozenset(),
        gres=counts(submission["gres"]),
        licenses=counts(submission["licenses"]),
    )


def _least_cpus(submission: Mapping[str, Any]) -> int | None:
    """每个节点至少几个 CPU。

    `scontrol update NumCPUs=` 可以要得比任务用的多，多出来的摊到各节点。
    """
    asked: int | None = submission["mincpus"]
    cpus: int = submission["cpus"]
    least: int = submission["nodes_min"]
    used = max(submission["tasks"] * submission["cpus_per_task"], least)
    if submission["overcommit"] or cpus <= used:
        return asked
    return max(asked or 1, -(-cpus // least))
