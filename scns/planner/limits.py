"""上限：一个用户、账户或 QOS 的作业是否已经到了管理员定的数。

来源：sacctmgr(1) 的 Grp*、Max*、Min*，slurm.schedmd.com/resource_limits.html；原因的说法取自
squeue(1) “JOB REASON CODES”。先看 QOS，再看用户，再从账户往上看到顶层；QOS 写了的取代用户与账户的
同一条，用户写了的 `Max*` 取代账户的。这里只管启动；提交的个数与 `DenyOnLimit` 由提交时管。
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from scns.planner.limit_reasons import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scns.planner.snapshot import Limits, Request, Running, Snapshot, Waiting

#: 资源的数量，键是 `cpu`、`mem`（MiB）、`node`、`gres/NAME`、`license/NAME`。
Tres = dict[str, int]

#: 没有时限的作业要用的分钟数：多到哪一条上限都超。
_ENDLESS = 1 << 40

# 下面写了就取代上面的：关系之间的，与 QOS 对关系的
_MAX = ("max_jobs", "max_wall", "max_tres_per_job", "max_tres_mins_per_job")
_QOS_FIRST = (*_MAX, "grp_jobs", "grp_tres", "grp_tres_run_mins")


@dataclass(slots=True)
class Excess:
    """超出的一条上限。

    参数：
        reason：等待原因，Slurm 的说法
        owner：谁的上限，例如 `account phys`、`user 1000`、`qos long`
        limit：哪一条，例如 `GrpTRES=cpu`
        most：上限；`used` 是已经用着的，`asked` 是这个作业还要的
    """

    reason: str
    owner: str
    limit: str
    most: int
    used: int
    asked: int


def tres_of(request: Request) -> Tres:
    """一份请求至少要的资源；独占的节点另按实际分到的算。"""
    nodes = max(request.nodes_min, len(request.nodelist), 1)
    tasks = max(request.tasks, nodes)
    cpus = nodes * (request.mincpus or 1)
    if not request.overcommit:
        cpus = max(cpus, tasks * request.cpus_per_task)
    memory = (request.memory_per_node or 0) * nodes
    if request.memory_per_cpu is not None:
        memory = request.memory_per_cpu * cpus
    tres = {"cpu": cpus, "mem": memory, "node": nodes}
    tres.update((f"gres/{name}", count * nodes) for name, count in request.gres.items())
    tres.update((f"license/{name}", count) for name, count in request.licenses.items())
    return tres


class Limiter:
    """谁用了多少，再启动一个作业超不超。"""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._used: dict[object, Counter[str]] = {}
        every = (snapshot.qos_limits, snapshot.user_limits, snapshot.account_limits)
        self._minutes = any(
            one.grp_tres_run_mins or (snapshot.safe and one.grp_tres_mins)
            for limits in every
            for one in limits.values()
        )
        self._spent: dict[object, float] = {}
        for (account, uid), minutes in snapshot.usage.items():
            for owner in ((account, uid), *self._ancestors(account)):
                self._spent[owner] = self._spent.get(owner, 0.0) + minutes
        for job in snapshot.running:
            left = inf if job.end is None else max(0.0, job.end - snapshot.now)
            self._add(job, _running_tres(job), left)

    def add(self, job: Waiting, tres: Mapping[str, int]) -> None:
        """一个作业占上了这些资源。"""
        limit = job.request.time_limit
        self._add(job, tres, inf if limit is None else limit)

    def _add(self, job: Waiting | Running, tres: Mapping[str, int], seconds: float) -> None:
        """参数：
        seconds：到时限还有多久
        """
        minutes = _run_minutes(tres, seconds) if self._minutes else {}
        for owner in self._owners(job):
            used = self._used.setdefault(owner, Counter())
            used.update(tres)
            used.update(minutes)
            used["job"] += 1

    def check(self, job: Waiting, tres: Mapping[str, int]) -> Excess | None:
        """启动这个作业会超出哪一条上限；不超时为 None。"""
        snapshot = self._snapshot
        qos = snapshot.qos_limits.get(job.qos)
        found = None if qos is None else self._check_qos(job, tres, qos)
        # 每一层的主人、它的上限、已用的记在谁名下，由近及远
        levels: list[tuple[str, Limits | None, object]] = [
            (f"user {job.uid}", snapshot.user_limits.get((job.account, job.uid)),
             (job.account, job.uid))
        ]  # fmt: skip
        for name in self._ancestors(job.account):
            levels.append((f"account {name}", snapshot.account_limits.get(name), name))
        nearer = None
        for owner, limits, key in levels:
            if found is not None:
                return found
            if limits is None:
                continue
            own = limits if nearer is None else _without(limits, nearer, _MAX)
            own = own if qos is None else _without(own, qos, _QOS_FIRST)
            found = self._check_assoc(job, tres, own, owner, key)
            nearer = limits if nearer is None else _inherit(nearer, limits)
        return found

    def _check_qos(self, job: Waiting, tres: Mapping[str, int], limits: Limits) -> Excess | None:
        whole = self._usage(("qos", job.qos))
        mine = self._usage(("qos", job.qos, job.uid))
        ours = self._usage(("qos", job.qos, job.account))
        check = _Check("QOS", f"qos {job.qos}", job, tres)
        return (
            check.wall(limits.max_wall)
            or check.least(limits.min_tres_per_job)
            or check.tres("MaxTRESPerJob", limits.max_tres_per_job)
            or check.minutes("MaxTRESMinsPerJob", limits.max_tres_mins_per_job)
            or check.jobs("QOSGrpJobsLimit", "GrpJobs", limits.grp_jobs, whole)
            or check.jobs("QOSMaxJobsPerUserLimit", "MaxJobsPerUser", limits.max_jobs, mine)
            or check.jobs(
                "MaxJobsPerAccount", "MaxJobsPerAccount", limits.max_jobs_per_account, ours
            )
            or check.tres("MaxTRESPerUser", limits.max_tres_per_user, mine)
            or check.tres("MaxTRESPerAccount", limits.max_tres_per_account, ours)
            or check.tres("GrpTRES", limits.grp_tres, whole)
            or check.minutes("GrpTRESRunMins", limits.grp_tres_run_mins, whole)
        )

    def _check_assoc(
        self, job: Waiting, tres: Mapping[str, int], limits: Limits, owner: str, key: object
    ) -> Excess | None:
        whole, mine = self._usage(key), self._usage((job.account, job.uid))
        check = _Check("Assoc", owner, job, tres)
        return (
            check.wall(limits.max_wall)
            or check.tres("MaxTRESPerJob", limits.max_tres_per_job)
            or check.minutes("MaxTRESMinsPerJob", limits.max_tres_mins_per_job)
            or check.jobs("AssocGrpJobsLimit", "GrpJobs", limits.grp_jobs, whole)
            or check.jobs("AssocMaxJobsLimit", "MaxJobs", limits.max_jobs, mine)
            or check.tres("GrpTRES", limits.grp_tres, whole)
            or self._check_spent(check, limits, key)
            or check.minutes("GrpTRESRunMins", limits.grp_tres_run_mins, whole)
        )

    def _check_spent(self, check: _Check, limits: Limits, key: object) -> Excess | None:
        """`GrpTRESMins`：用完了就不再启动；`safe` 时连同这个作业与在跑的都用得完才启动。"""
        for kind, most in limits.grp_tres_mins.items():
            spent, asked = int(self._spent.get(key, 0.0)), 0
            if self._snapshot.safe:
                spent += self._usage(key)[f"run/{kind}"]
                asked = check.asked_minutes(kind)
            if spent >= most or spent + asked > most:
                return check.excess("GrpTRESMins", kind, most, spent, asked)
        return None

    def _usage(self, owner: object) -> Counter[str]:
        return self._used.get(owner) or Counter()

    def _owners(self, job: Waiting | Running) -> Iterator[object]:
        yield (job.account, job.uid)
        yield from self._ancestors(job.account)
        if job.qos:
            yield ("qos", job.qos)
            yield ("qos", job.qos, job.uid)
            yield ("qos", job.qos, job.account)

    def _ancestors(self, account: str) -> Iterator[str]:
        """账户自己与它的各级上级。"""
        seen: set[str] = set()
        name: str | None = account
        while name is not None and name not in seen:
            yield name
            seen.add(name)
            name = self._snapshot.parents.get(name)


@dataclass(slots=True)
class _Check:
    """一个作业对着一个主人的各条上限。

    参数：
        prefix：原因的前一半，`Assoc` 或 `QOS`
        asked：作业要的资源
    """

    prefix: str
    owner: str
    job: Waiting
    asked: Mapping[str, int]

    def wall(self, most: int | None) -> Excess | None:
        """时限；`--time-min` 缩得到的不算超。"""
        request = self.job.request
        least = request.time_limit if request.time_min is None else request.time_min
        if most is None or (least is not None and least <= most):
            return None
        reason = f"{self.prefix}MaxWallDurationPerJobLimit"
        return Excess(reason, self.owner, "MaxWall", most, 0, least or 0)

    def jobs(self, reason: str, limit: str, most: int | None, used: Counter[str]) -> Excess | None:
        """作业的个数。"""
        if most is None or used["job"] < most:
            return None
        return Excess(reason, self.owner, limit, most, used["job"], 1)

    def tres(
        self, limit: str, limits: Mapping[str, int], used: Counter[str] | None = None
    ) -> Excess | None:
        """各种资源；作业不要的那种不看。"""
        for kind, most in limits.items():
            asked, before = self.asked.get(kind, 0), used[kind] if used else 0
            if asked and before + asked > most:
                return self.excess(limit, kind, most, before, asked)
        return None

    def minutes(
        self, limit: str, limits: Mapping[str, int], used: Counter[str] | None = None
    ) -> Excess | None:
        """各种资源乘以时限的分钟数。"""
        for kind, most in limits.items():
            asked, before = self.asked_minutes(kind), used[f"run/{kind}"] if used else 0
            if asked and before + asked > most:
                return self.excess(limit, kind, most, before, asked)
        return None

    def least(self, limits: Mapping[str, int]) -> Excess | None:
        """每个作业至少要用的。"""
        for kind, least in limits.items():
            asked = self.asked.get(kind, 0)
            if asked < least:
                return self.excess("MinTRESPerJob", kind, least, 0, asked)
        return None

    def asked_minutes(self, kind: str) -> int:
        """按时限要用多少分钟的这种资源。"""
        limit = self.job.request.time_limit
        return _run_minutes(self.asked, inf if limit is None else limit).get(f"run/{kind}", 0)

    def excess(self, limit: str, kind: str, most: int, used: int, asked: int) -> Excess:
        """超出的一条。"""
        reason = reason_of(self.prefix, limit, kind)
        return Excess(reason, self.owner, f"{limit}={kind}", most, used, asked)


def _run_minutes(tres: Mapping[str, int], seconds: float) -> Tres:
    """这些资源用这么久是多少分钟；键是 `run/` 加种类。"""
    return {
        f"run/{kind}": min(_ENDLESS, int(count * seconds / 60)) if seconds < inf else _ENDLESS
        for kind, count in tres.items()
        if count
    }


def _without(limits: Limits, over: Limits, names: tuple[str, ...]) -> Limits:
    """去掉别处已经写了的；资源逐种看。"""
    changes: dict[str, object] = {}
    for name in names:
        own, other = getattr(limits, name), getattr(over, name)
        if isinstance(own, Mapping):
            changes[name] = {kind: most for kind, most in own.items() if kind not in other}
        elif other is not None:
            changes[name] = None
    return replace(limits, **changes)  # type: ignore[arg-type]


def _inherit(nearer: Limits, above: Limits) -> Limits:
    """下面的 `Max*`，没有写的用上面的。"""
    changes: dict[str, object] = {}
    for name in _MAX:
        own, other = getattr(nearer, name), getattr(above, name)
        changes[name] = (
            {**other, **own} if isinstance(own, Mapping) else other if own is None else own
        )
    return replace(nearer, **changes)  # type: ignore[arg-type]


def submit_excess(
    limits: Limits, owner: str, *, mine: int, everyone: int, asked: int = 1
) -> Excess | None:
    """再提交 `asked` 个作业，超不超 `MaxSubmitJobs` 与 `GrpSubmitJobs`；不超时为 None。

    参数：
        mine：这个用户在此账户里排队与运行的作业数，`MaxSubmitJobs` 管它
        everyone：此账户名下所有人的，`GrpSubmitJobs` 管它
    """
    for most, used, reason, name in (
        (limits.max_submit, mine, "AssocMaxSubmitJobLimit", "MaxSubmitJobs"),
        (limits.grp_submit, everyone, "AssocGrpSubmitJobsLimit", "GrpSubmitJobs"),
    ):
        if most is not None and used + asked > most:
            return Excess(reason, owner, name, most, used, asked)
    return None


def _running_tres(job: Running) -> Tres:
    tres = Counter({"cpu": 0, "mem": 0, "node": len(job.uses)})
    for use in job.uses:
        tres["cpu"] += use.cpus
        tres["mem"] += use.memory
        for name, count in use.gres.items():
            for kind in {name, name.partition(":")[0]}:
                tres[f"gres/{kind}"] += count
    tres.update({f"license/{name}": count for name, count in job.licenses.items()})
    return dict(tres)
