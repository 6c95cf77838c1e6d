"""上限：一个用户、账户或 QOS 的作业是否已经到了管理员定的数。

来源：sacctmgr(1) 的 Grp*、Max*；原因的说法取自 squeue(1) “JOB REASON CODES”。先看 QOS，再看用户，
再从账户往上看到顶层。这里只管启动；`MaxSubmitJobs` 由提交时的 `submit_excess` 管。
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scns.planner.snapshot import Limits, Request, Running, Snapshot, Waiting

#: 资源的数量，键是 `cpu`、`mem`（MiB）、`node`、`gres/NAME`、`license/NAME`。
Tres = dict[str, int]

# 资源种类到原因里的词：（Grp，每个作业，每个用户）；Assoc 与 QOS 的说法不尽相同
_ASSOC = {
    "cpu": ("GrpCpuLimit", "MaxCpuPerJobLimit"),
    "mem": ("GrpMemLimit", "MaxMemPerJob"),
    "node": ("GrpNodeLimit", "MaxNodePerJobLimit"),
    "gres": ("GrpGRES", "MaxGRESPerJob"),
    "license": ("GrpLicense", "MaxLicensePerJob"),
}
_QOS = {
    "cpu": ("GrpCpuLimit", "MaxCpuPerJobLimit", "MaxCpuPerUserLimit"),
    "mem": ("GrpMemLimit", "MaxMemoryPerJob", "MaxMemoryPerUser"),
    "node": ("GrpNodeLimit", "MaxNodePerJobLimit", "MaxNodePerUserLimit"),
    "gres": ("GrpGRES", "MaxGRESPerJob", "MaxGRESPerUser"),
    "license": ("GrpLicense", "MaxLicensePerJob", "MaxLicensePerUser"),
}


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
        for job in snapshot.running:
            self.add(job, _running_tres(job))

    def add(self, job: Waiting | Running, tres: Mapping[str, int]) -> None:
        """一个作业占上了这些资源。"""
        for owner in self._owners(job):
            used = self._used.setdefault(owner, Counter())
            used.update(tres)
            used["job"] += 1

    def check(self, job: Waiting, tres: Mapping[str, int]) -> Excess | None:
        """启动这个作业会超出哪一条上限；不超时为 None。"""
        snapshot = self._snapshot
        qos = snapshot.qos_limits.get(job.qos)
        found = None
        if qos is not None:
            found = self._check_qos(job, tres, qos)
        nearer = snapshot.user_limits.get((job.account, job.uid))
        if found is None and nearer is not None:
            found = self._check_assoc(job, tres, nearer, f"user {job.uid}", (job.account, job.uid))
        for name in self._ancestors(job.account):
            account = snapshot.account_limits.get(name)
            if found is None and account is not None:
                account = account if nearer is None else _yield(account, nearer)
                found = self._check_assoc(job, tres, account, f"account {name}", name)
                nearer = account if nearer is None else _inherit(nearer, account)
        return found

    def _check_qos(self, job: Waiting, tres: Mapping[str, int], limits: Limits) -> Excess | None:
        whole, mine = self._usage(("qos", job.qos)), self._usage(("qos", job.qos, job.uid))
        words, owner = _QOS, f"qos {job.qos}"
        return (
            _wall(job, limits, "QOS", owner)
            or _tres(tres, limits.max_tres_per_job, Counter(), words, 1, "QOS", owner)
            or _jobs(limits.grp_jobs, whole, "QOSGrpJobsLimit", "GrpJobs", owner)
            or _jobs(limits.max_jobs, mine, "QOSMaxJobsPerUserLimit", "MaxJobsPerUser", owner)
            or _tres(tres, limits.max_tres_per_user, mine, words, 2, "QOS", owner)
            or _tres(tres, limits.grp_tres, whole, words, 0, "QOS", owner)
        )

    def _check_assoc(
        self, job: Waiting, tres: Mapping[str, int], limits: Limits, owner: str, key: object
    ) -> Excess | None:
        whole = self._usage(key)
        mine = self._usage((job.account, job.uid))
        return (
            _wall(job, limits, "Assoc", owner)
            or _tres(tres, limits.max_tres_per_job, Counter(), _ASSOC, 1, "Assoc", owner)
            or _jobs(limits.grp_jobs, whole, "AssocGrpJobsLimit", "GrpJobs", owner)
            or _jobs(limits.max_jobs, mine, "AssocMaxJobsLimit", "MaxJobs", owner)
            or _tres(tres, limits.grp_tres, whole, _ASSOC, 0, "Assoc", owner)
        )

    def _usage(self, owner: object) -> Counter[str]:
        return self._used.get(owner) or Counter()

    def _owners(self, job: Waiting | Running) -> Iterator[object]:
        yield (job.account, job.uid)
        yield from self._ancestors(job.account)
        if job.qos:
            yield ("qos", job.qos)
            yield ("qos", job.qos, job.uid)

    def _ancestors(self, account: str) -> Iterator[str]:
        """账户自己与它的各级上级。"""
        seen: set[str] = set()
        name: str | None = account
        while name is not None and name not in seen:
            yield name
            seen.add(name)
            name = self._snapshot.parents.get(name)


def _yield(limits: Limits, nearer: Limits) -> Limits:
    """下面自己写了的 `Max*` 取代上面的。来源：sacctmgr(1)，子关系不写时才沿用上级的。"""
    return replace(
        limits,
        max_jobs=limits.max_jobs if nearer.max_jobs is None else None,
        max_wall=limits.max_wall if nearer.max_wall is None else None,
        max_tres_per_job={
            kind: most
            for kind, most in limits.max_tres_per_job.items()
            if kind not in nearer.max_tres_per_job
        },
    )


def _inherit(nearer: Limits, above: Limits) -> Limits:
    """下面的 `Max*`，没有写的用上面的。"""
    return replace(
        nearer,
        max_jobs=above.max_jobs if nearer.max_jobs is None else nearer.max_jobs,
        max_wall=above.max_wall if nearer.max_wall is None else nearer.max_wall,
        max_tres_per_job={**above.max_tres_per_job, **nearer.max_tres_per_job},
    )


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


def _wall(job: Waiting, limits: Limits, prefix: str, owner: str) -> Excess | None:
    request = job.request
    least = request.time_limit if request.time_min is None else request.time_min
    if limits.max_wall is None or (least is not None and least <= limits.max_wall):
        return None
    reason = f"{prefix}MaxWallDurationPerJobLimit"
    return Excess(reason, owner, "MaxWall", limits.max_wall, 0, least or 0)


def _jobs(
    most: int | None, used: Counter[str], reason: str, limit: str, owner: str
) -> Excess | None:
    if most is None or used["job"] < most:
        return None
    return Excess(reason, owner, limit, most, used["job"], 1)


def _tres(
    tres: Mapping[str, int],
    limits: Mapping[str, int],
    used: Counter[str],
    words: Mapping[str, tuple[str, ...]],
    scope: int,
    prefix: str,
    owner: str,
) -> Excess | None:
    for kind, most in limits.items():
        asked = tres.get(kind, 0)
        if asked and used[kind] + asked > most:
            known = words.get(kind.partition("/")[0], ("GrpUnknown", "MaxUnknownPerJob") * 2)
            limit = ("GrpTRES", "MaxTRESPerJob", "MaxTRESPerUser")[scope]
            return Excess(prefix + known[scope], owner, f"{limit}={kind}", most, used[kind], asked)
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
