"""从数据库读出规划器的快照。"""

from __future__ import annotations

import logging
from collections.abc import Mapping
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
    Running,
    Snapshot,
    Use,
    Waiting,
)

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scns.config import Config
    from scns.planner.snapshot import Limits

#: 不看 `bf_*` 的排程器；值是策略。
_KINDS: Mapping[str, Kind] = {"sched/builtin": "fifo", "sched/firstfit": "firstfit"}

#: 每个形状至多取出多少个候选；空闲 CPU 更少时只取那么多。
MAX_DEPTH = 256

#: 缓存的要求数；超出时整个清掉，重读不过一次查询。
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
        waiting：数组还没启动的序号；不是数组时为 None
        throttle：`--array=…%N` 的 N；`active` 是数组占着节点的元素数
    """

    reason: str
    waiting: list[tuple[int, int]] | None
    expected: float | None = None
    throttle: int | None = None
    active: int = 0


@dataclass(slots=True)
class Submission:
    """缓存的要求。"""

    request: Request
    account: str
    qos: str
    array_limit: int | None


@dataclass(slots=True)
class Reader:
    """读快照，缓存解析过的要求。

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
        """读出此刻的快照。

        参数：
            now：epoch 秒
            depth：每个形状取出多少个候选；None 时取这一轮启动得了的那么多

        返回：
            快照，以及候选作业号到 `Head`
        """
        cursor.execute(jobs.RUNNING)
        running, gres_used, exclusive = _running(cursor.fetchall())
        cursor.execute(nodes.NODES)
        cluster = [
            _node(row, gres_used.get(row[0], {}), exclusive.get(row[0]))
            for row in cursor.fetchall()
        ]
        cursor.execute(nodes.PARTITIONS)
        partitions = [_partition(row) for row in cursor.fetchall()]
        idle = sum(len(node.idle) for node in cluster if node.up)
        cursor.execute(jobs.WAITING_HEADS, {"depth": depth or min(idle, MAX_DEPTH) + 1})
        found = self._waiting(cursor, cursor.fetchall(), now)
        waiting = [job for job, _ in found]
        details = {job.job_id: head for job, head in found}
        snapshot = Snapshot(
            now=now,
            nodes=cluster,
            partitions=partitions,
            running=running,
            waiting=waiting,
            licenses=self.licenses,
            policy=self.policy,
        )
        cursor.execute(accounts.LIMITS)
        _put_limits(snapshot, *cursor.fetchone())
        if any(one.grp_tres_mins for one in _association_limits(snapshot)):
            cursor.execute(accounts.USAGE)
            usage = accounts.read_usage(cursor.fetchall(), self.half_life, now)
            snapshot.usage = {owner: seconds / 60 for owner, seconds in usage.items()}
        return snapshot, details

    def read_job(self, cursor: Any, job_id: int, now: float) -> tuple[Waiting, Head] | None:
        """读一个排队的作业，被扣住、依赖未满足的也算；不在排队时为 None。"""
        cursor.execute(jobs.WAITING_JOB, {"id": job_id})
        found = self._waiting(cursor, cursor.fetchall(), now)
        return found[0] if found else None

    def _waiting(self, cursor: Any, rows: list[Any], now: float) -> list[tuple[Waiting, Head]]:
        """候选的各行，列见 `WAITING_HEADS`。"""
        submissions = self._submissions(cursor, {row[1] for row in rows})
        active = _array_active(cursor, sorted({row[9] for row in rows if row[9] is not None}))
        rooms: dict[int, int] = {}
        found = []
        # 同一数组的几行（各自成行的元素与余下的）分享 %N，先后照排计划的次序
        for row in sorted(rows, key=lambda row: (-row[3], row[0])):
            job_id, submission_id, shape, priority, eligible, uid, reason, left, expected = row[:9]
            submission = submissions[submission_id]
            ranges = None if left is None else from_multirange(left)
            limit, running = submission.array_limit, active.get(row[9], 0)
            count = 1 if ranges is None else sum(stop - start for start, stop in ranges)
            if limit is not None and row[9] is not None:
                room = rooms.setdefault(row[9], max(0, limit - running))
                count = min(count, room)
                rooms[row[9]] = room - count
            job = Waiting(
                job_id,
                shape,
                priority,
                # 这一轮里才放行的，时刻比 now 还晚一点点
                min(eligible or now, now),
                submission.request,
                count,
                uid,
                submission.account,
                submission.qos,
            )
            found.append((job, Head(reason, ranges, expected, limit, running)))
        return found

    def _submissions(self, cursor: Any, ids: set[int]) -> dict[int, Submission]:
        if len(self._cache) > CACHE_SIZE:
            self._cache.clear()
        missing = [one for one in ids if one not in self._cache]
        if missing:
            cursor.execute(jobs.SUBMISSIONS, {"ids": missing})
            for row in cursor.fetchall():
                found = dict(zip(_COLUMNS, row, strict=True))
                self._cache[row[0]] = Submission(
                    _request(found), found["account"], found["qos"], found["array_limit"]
                )
        return self._cache

    def forget(self) -> None:
        """要求可能被改过（`scontrol update`、重新配置）：下次重读。"""
        self._cache.clear()


def _put_limits(
    snapshot: Snapshot,
    associations: list[Any],
    qos: list[Any],
    parents: dict[str, str],
    enforced: str,
) -> None:
    """把设了的上限放进快照；没有见过的用户没有作业，不必管。"""
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


def _association_limits(snapshot: Snapshot) -> Iterator[Limits]:
    yield from snapshot.account_limits.values()
    yield from snapshot.user_limits.values()


def _array_active(cursor: Any, ids: list[int]) -> dict[int, int]:
    if not ids:
        return {}
    cursor.execute(jobs.ARRAY_ACTIVE, {"ids": ids})
    return dict(cursor.fetchall())


def _running(
    rows: list[Any],
) -> tuple[list[Running], dict[str, dict[str, int]], dict[str, int]]:
    """按作业归拢占用；另给出各节点用掉的 gres 与独占者。"""
    found: dict[int, Running] = {}
    gres_used: dict[str, dict[str, int]] = {}
    exclusive: dict[str, int] = {}
    for row in rows:
        job_id, uid, account, end, node, cpus, memory, gres, licenses, array_id, alone, qos = row
        used = {name: len(ids) if isinstance(ids, list) else ids for name, ids in gres.items()}
        use = Use(node, cpus, memory, used)
        known = found.get(job_id)
        if known is None:
            held = _counts(licenses)
            found[job_id] = Running(job_id, uid, account, end, (use,), held, array_id, qos)
        else:
            known.uses += (use,)
        for name, count in used.items():
            totals = gres_used.setdefault(node, {})
            totals[name] = totals.get(name, 0) + count
        if alone == "node":
            exclusive[node] = job_id
    return list(found.values()), gres_used, exclusive


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
    "exclude gres licenses account array_limit qos deadline cpus"
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
        gres=_counts(submission["gres"]),
        licenses=_counts(submission["licenses"]),
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


def _counts(text: str | None) -> dict[str, int]:
    """`gpu:a100:2,disk:1` 或 `matlab:2` 这样的名单：名字到个数，省略个数是 1。"""
    counts: dict[str, int] = {}
    for item in (text or "").split(","):
        if not item or item == "none":
            continue
        name, _, last = item.rpartition(":")
        if name and last.isdigit():
            counts[name] = counts.get(name, 0) + int(last)
        else:
            counts[item] = counts.get(item, 0) + 1
    return counts
