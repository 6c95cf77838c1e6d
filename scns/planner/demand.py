"""要求：一份请求对照集群配置编译成可以直接摆放的样子，或者说明为什么永远摆不下。

同一形状的作业只编译一次；配置（节点、分区）不变，编译的结果就不变。
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from scns.planner.features import matches
from scns.planner.placement import capacity
from scns.planner.slot import Slot, Vector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scns.planner.features import Tree
    from scns.planner.ledger import Ledger
    from scns.planner.queue import Line
    from scns.planner.snapshot import Partition, Request, Reservation, Waiting

_MANY = 1 << 60

#: 至多记住这么多种要求配不配得上。
_MOST_VERDICTS = 10_000


@dataclass(slots=True)
class Need:
    """一份请求在一个分区里的样子。

    参数：
        lane：与谁排一条队：同一分区的；用预留的作业，是同一分区同一预留的
        slots：可以用的节点，按（权重，次序）排好
        required：必须用上的节点的次序号
        limit：时限，没有时是无穷大；`least` 是为了早些启动可以缩到的时限
        spread：节点数在范围之内尽量多
        single：只会落在一个节点上
        least_cpus：一个节点上至少要有几个空闲 CPU 才值得细看；`whole_cpus` 是整个集群要有几个
        family、size：失败的备忘用：同一族里各项都不小于它的要求，在它失败以后也必失败
        wholes：`placement.whole` 的备忘，按节点的配置
    """

    partition: str
    lane: str
    slots: Sequence[Slot]
    required: frozenset[int]
    tasks: int
    cpus_per_task: int
    mincpus: int
    tasks_per_node: int
    memory_per_node: int | None
    memory_per_cpu: int | None
    gres: tuple[tuple[int, int], ...]
    nodes_min: int
    nodes_max: int
    spread: bool
    exclusive: bool
    overcommit: bool
    limit: float
    least: float
    reservation: str | None
    single: bool = False
    least_cpus: int = 1
    whole_cpus: int = 1
    family: tuple[object, ...] = ()
    size: Vector = ()
    wholes: dict[Vector, Vector | None] = field(default_factory=dict, repr=False, compare=False)


@dataclass(slots=True)
class Demand:
    """一个形状在各个分区里的样子。

    参数：
        needs：可以尝试的，按先后排好；空的时候 `reason` 说明为什么
        unavailable：原因是节点不可用时，是哪些节点
        licenses：许可证的向量；不用时为空
        tier：各分区里最高的 `PriorityTier`
        lanes：`needs` 涉及的车道
        whole_cpus：整个集群至少要有几个空闲 CPU 才值得细看
    """

    needs: list[Need] = field(default_factory=list)
    reason: str = ""
    unavailable: tuple[str, ...] = ()
    licenses: Vector = ()
    tier: int = 1
    lanes: frozenset[str] = frozenset()
    whole_cpus: int = 1


class Candidates:
    """满足同样条件的节点，按（权重，次序）排好。

    参数：
        up：其中此刻接受新作业的
        kinds：配置互不相同的各种节点，每种取一个代表与个数；配得上与否只看它们
    """

    __slots__ = ("kinds", "names", "slots", "up", "up_kinds")

    def __init__(self, slots: Iterable[Slot]) -> None:
        self.slots = sorted(slots, key=lambda slot: (slot.weight, slot.order))
        self.up = [slot for slot in self.slots if slot.up]
        self.names = frozenset(slot.name for slot in self.slots)
        self.kinds = _kinds(self.slots)
        self.up_kinds = _kinds(self.up)


def _kinds(slots: Iterable[Slot]) -> list[tuple[Slot, int]]:
    counts: dict[Vector, tuple[Slot, int]] = {}
    for slot in slots:
        first, count = counts.get(slot.total, (slot, 0))
        counts[slot.total] = first, count + 1
    return list(counts.values())


class Compiler:
    """对照一份配置编译请求；可以用的节点按条件缓存。"""

    def __init__(
        self,
        ledger: Ledger,
        partitions: Sequence[Partition],
        reservations: Iterable[Reservation] = (),
    ) -> None:
        self._ledger = ledger
        self._partitions = {partition.name: partition for partition in partitions}
        self._reservations = {each.name: each for each in reservations}
        self._candidates: dict[object, Candidates] = {}
        # 除时限外相同的要求，配不配得上也相同；不同的时限可以有无穷多种
        self._verdicts: dict[object, str] = {}
        self.overlaps = _overlaps(partitions)

    def tier(self, request: Request) -> int:
        """请求的各分区里最高的 `PriorityTier`。"""
        known = (self._partitions.get(name) for name in request.partitions)
        return max((partition.tier for partition in known if partition), default=1)

    def demand(self, line: Line, job: Waiting) -> Demand:
        """一列的要求，编译一次，存在列上；`job` 是其中任意一个作业。"""
        if line.demand is None or line.compiler is not self:
            line.demand, line.compiler = self.compile(job), self
        return line.demand

    def compile(self, job: Waiting) -> Demand:
        """编译一个作业的请求；各分区按 `PriorityTier` 从高到低，同级按提交时的次序。"""
        request = job.request
        demand = Demand(tier=self.tier(request))
        names = self._ledger.license_names
        if any(name not in names for name in request.licenses):
            demand.reason = "Licenses"
            return demand
        demand.licenses = self._ledger.license_vector(request.licenses)
        if any(
            count > total
            for count, total in zip(demand.licenses, self._ledger.pool.total, strict=False)
        ):
            demand.reason = "Licenses"
            return demand
        if request.reservation is not None and not self._may_use(job, request.reservation):
            demand.reason = "Reservation"
            return demand
        for partition in self._in_order(request):
            self._try_partition(demand, job, partition)
        if demand.needs:
            demand.reason = ""
            demand.lanes = frozenset(need.lane for need in demand.needs)
            demand.whole_cpus = min(need.whole_cpus for need in demand.needs)
        return demand

    def _may_use(self, job: Waiting, name: str) -> bool:
        reservation = self._reservations.get(name)
        if reservation is None:
            return False
        return job.uid in reservation.uids or job.account in reservation.accounts

    def _in_order(self, request: Request) -> list[Partition | None]:
        found = [self._partitions.get(name) for name in request.partitions]
        return sorted(found, key=lambda partition: -partition.tier if partition else 0)

    def _try_partition(self, demand: Demand, job: Waiting, partition: Partition | None) -> None:
        reason = "PartitionConfig" if partition is None else _refusal(job, partition)
        if partition is not None and not reason:
            reason = self._fit(demand, job.request, partition)
        if reason and not demand.reason:
            demand.reason = reason

    def _fit(self, demand: Demand, request: Request, partition: Partition) -> str:
        """配得上就加进 `demand.needs`；永远配不上时返回原因。"""
        reasons = [
            self._fit_one(demand, request, partition, tree)
            for tree in (request.features.alternatives if request.features else (None,))
        ]
        return "" if "" in reasons else reasons[0]

    def _fit_one(
        self, demand: Demand, request: Request, partition: Partition, tree: Tree | None
    ) -> str:
        found = self._find(request, partition, tree)
        if not found.slots or not request.nodelist <= found.names:
            return "BadConstraints"
        required = frozenset(self._ledger.by_name[name].order for name in request.nodelist)
        gres = self._gres(request)
        if gres is None:
            return "PartitionConfig"
        need = _need(request, partition, found, required, gres)
        verdict = self._verdict(need, found)
        if verdict == "ReqNodeNotAvail":
            demand.unavailable = tuple(slot.name for slot in found.slots if not slot.up)
        elif not verdict:
            demand.needs.append(need)
        return verdict

    def _verdict(self, need: Need, found: Candidates) -> str:
        """节点都空闲时配得上就是空的，否则是原因。"""
        key = (need.family, need.size)
        verdict = self._verdicts.get(key)
        if verdict is None:
            if not _hosts(need, found.slots, found.kinds):
                verdict = "PartitionConfig"
            else:
                verdict = "" if _hosts(need, found.up, found.up_kinds) else "ReqNodeNotAvail"
            if len(self._verdicts) >= _MOST_VERDICTS:
                self._verdicts.clear()
            self._verdicts[key] = verdict
        return verdict

    def _gres(self, request: Request) -> tuple[tuple[int, int], ...] | None:
        """各种通用资源的项与个数；有集群里没有的资源时为 None。"""
        dims = self._ledger.dims
        if any(name not in dims for name in request.gres):
            return None
        vector = self._ledger.vector(0, 0, request.gres)
        return tuple((at, count) for at, count in enumerate(vector) if count)

    def _find(self, request: Request, partition: Partition, tree: Tree | None) -> Candidates:
        """分区里满足特性、不在排除之列的节点，不论此刻可用与否。"""
        key = (partition.name, tree, request.exclude, request.reservation)
        found = self._candidates.get(key)
        if found is None:
            by_name = self._ledger.by_name
            found = Candidates(
                by_name[name]
                for name in partition.nodes
                if name in by_name
                and name not in request.exclude
                and (tree is None or matches(tree, by_name[name].features))
                and (request.reservation is None or _in(by_name[name], request.reservation))
            )
            self._candidates[key] = found
        return found


def _overlaps(partitions: Sequence[Partition]) -> dict[str, frozenset[str]]:
    """每个分区与哪些分区有共同的节点，包括它自己。"""
    members = {partition.name: frozenset(partition.nodes) for partition in partitions}
    return {
        name: frozenset(other for other in members if members[other] & nodes) | {name}
        for name, nodes in members.items()
    }


def _in(slot: Slot, reservation: str) -> bool:
    return any(name == reservation for _, _, name in slot.walls)


def _refusal(job: Waiting, partition: Partition) -> str:
    """分区的状态与规矩是否挡住这个作业；不挡时为空。"""
    request = job.request
    least = request.time_limit if request.time_min is None else request.time_min
    if not partition.up:
        return "PartitionInactive" if partition.inactive else "PartitionDown"
    if partition.allow_accounts is not None and job.account not in partition.allow_accounts:
        return "AccountNotAllowed"
    if partition.allow_uids is not None and job.uid not in partition.allow_uids:
        return "PartitionConfig"
    if partition.max_time is not None and (least is None or least > partition.max_time):
        return "PartitionTimeLimit"
    most = request.nodes_max
    wanted = max(request.nodes_min, len(request.nodelist))
    if wanted > len(partition.nodes) or (most is not None and most < partition.min_nodes):
        return "PartitionNodeLimit"
    if partition.max_nodes is not None and wanted > partition.max_nodes:
        return "PartitionNodeLimit"
    return ""


def _need(
    request: Request,
    partition: Partition,
    found: Candidates,
    required: frozenset[int],
    gres: tuple[tuple[int, int], ...],
) -> Need:
    nodes_min = max(request.nodes_min, partition.min_nodes, len(required), 1)
    limits = (request.nodes_max, partition.max_nodes)
    nodes_max = min((most for most in limits if most is not None), default=_MANY)
    limit = inf if request.time_limit is None else float(request.time_limit)
    need = Need(
        partition=partition.name,
        lane=f"{partition.name}@{request.reservation}" if request.reservation else partition.name,
        slots=found.up,
        required=required,
        tasks=max(request.tasks, nodes_min),
        cpus_per_task=max(request.cpus_per_task, 1),
        mincpus=max(request.mincpus or 1, 1),
        tasks_per_node=request.tasks_per_node or _MANY,
        memory_per_node=request.memory_per_node,
        memory_per_cpu=request.memory_per_cpu,
        gres=gres,
        nodes_min=nodes_min,
        nodes_max=nodes_max,
        spread=request.nodes_max is not None and request.nodes_max > request.nodes_min,
        exclusive=request.exclusive or partition.exclusive,
        overcommit=request.overcommit,
        limit=limit if partition.max_time is None else min(limit, partition.max_time),
        least=limit if request.time_min is None else float(request.time_min),
        reservation=request.reservation,
    )
    need.least = min(need.least, need.limit)
    _mark(need, request)
    return need


def _mark(need: Need, request: Request) -> None:
    """填上由其余各项算得出的几项。"""
    alone = need.nodes_max == 1 or need.tasks == 1
    need.single = (alone and not need.required) or len(need.slots) == 1
    tasks = need.tasks if need.single else 1
    need.least_cpus = max(need.mincpus, 1 if need.overcommit else tasks * need.cpus_per_task)
    packed = 0 if need.overcommit else need.tasks * need.cpus_per_task
    need.whole_cpus = max(packed, need.nodes_min * need.mincpus)
    need.family = (
        id(need.slots), need.required, need.tasks_per_node, need.gres, need.nodes_max, need.spread,
        need.exclusive, need.overcommit, need.memory_per_node is None, need.memory_per_node == 0,
        need.memory_per_cpu is None,
    )  # fmt: skip
    need.size = (
        need.tasks, need.cpus_per_task, need.mincpus, need.nodes_min,
        need.memory_per_node or 0, need.memory_per_cpu or 0,
    )  # fmt: skip


def _hosts(need: Need, slots: Sequence[Slot], kinds: Sequence[tuple[Slot, int]]) -> bool:
    """这些节点全部空闲时放不放得下。

    参数：
        kinds：`slots` 的各种配置，见 `Candidates`
    """
    named = [slot for slot in slots if slot.order in need.required] if need.required else []
    must = [capacity(need, slot.total, slot) for slot in named]
    if len(must) < len(need.required) or 0 in must:
        return False
    spared = Counter(slot.total for slot in named)
    caps = [(capacity(need, slot.total, slot), count - spared[slot.total]) for slot, count in kinds]
    left, tasks = min(need.nodes_max, need.tasks) - len(must), need.tasks - sum(must)
    nodes = len(must)
    for cap, count in sorted(caps, reverse=True):
        taken = min(count, left) if cap else 0
        left, tasks, nodes = left - taken, tasks - taken * cap, nodes + taken
    return tasks <= 0 and left >= 0 and nodes >= need.nodes_min
