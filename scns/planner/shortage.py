"""缺什么：一个作业此刻放不下，差在哪种资源，是谁占着。"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scns.planner.demand import Compiler
from scns.planner.ledger import Ledger
from scns.planner.placement import amount_of, capacity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scns.planner.demand import Need
    from scns.planner.slot import Slot
    from scns.planner.snapshot import Running, Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class Shortage:
    """缺的一种资源。

    参数：
        what：`cpu`、`mem`（MiB）、`node`、`gres/NAME`、`license/NAME`；总数够而摆不下的是 `task`
        node：最接近够用的是哪个节点；None 是各节点合计，或许可证
        asked：要多少；`free` 是此刻空闲的，`total` 是全部，都空闲也不够时二者相等
    """

    what: str
    node: str | None
    asked: int
    free: int
    total: int


def shortages(snapshot: Snapshot, job: Waiting) -> list[Shortage]:
    """一个作业此刻缺的各种资源，不管排在它前面的；够用时是空的。"""
    ledger = Ledger(snapshot)
    demand = Compiler(ledger, snapshot.partitions, snapshot.reservations).compile(job)
    found = list(_licenses(ledger, job))
    if not demand.needs:
        return found or list(_never(snapshot, ledger, job))
    lacking = [
        _on_one(need, ledger) if need.single else _on_many(need, ledger) for need in demand.needs
    ]
    # 有一个分区够用就是够用
    return found + ([] if [] in lacking else lacking[0])


def holders(snapshot: Snapshot, lacking: Sequence[Shortage], among: Sequence[int]) -> list[Running]:
    """占着所缺资源的作业，先结束的在前，没有时限的在最后。

    参数：
        among：规划器说在等的作业；空的时候看所有运行着的
    """
    kinds = {one.what for one in lacking}
    nodes = {one.node for one in lacking if one.node is not None}
    chosen = [
        job
        for job in snapshot.running
        if (not among or job.job_id in among) and not kinds.isdisjoint(_held(job, nodes))
    ]
    return sorted(chosen, key=lambda job: (job.end is None, job.end or 0.0, job.job_id))


def _held(job: Running, nodes: set[str]) -> Iterator[str]:
    """一个作业占着哪几种资源；`nodes` 非空时只看这些节点上的。"""
    yield from (f"license/{name}" for name, count in job.licenses.items() if count)
    for use in job.uses:
        if nodes and use.node not in nodes:
            continue
        yield from ("node", "task")
        if use.cpus:
            yield "cpu"
        if use.memory:
            yield "mem"
        for name in (name for name, count in use.gres.items() if count):
            yield f"gres/{name}"
            yield f"gres/{name.partition(':')[0]}"


def _licenses(ledger: Ledger, job: Waiting) -> Iterator[Shortage]:
    pool = ledger.pool
    known = {
        name: (free, total)
        for name, free, total in zip(ledger.license_names, pool.idle, pool.total, strict=True)
    }
    for name, asked in job.request.licenses.items():
        free, total = known.get(name, (0, 0))
        if asked > free:
            yield Shortage(f"license/{name}", None, asked, min(free, total), total)


def _never(snapshot: Snapshot, ledger: Ledger, job: Waiting) -> Iterator[Shortage]:
    """都空闲也放不下的，超出的是什么；不是超出资源的（例如特性不符）什么也没有。"""
    request = job.request
    names = {
        name
        for partition in snapshot.partitions
        if partition.name in request.partitions
        for name in partition.nodes
    }
    slots = [slot for slot in ledger.slots if slot.name in names - request.exclude]
    if not slots:
        return
    alone = slots[0].name if len(slots) == 1 else None
    if request.nodes_min > len(slots):
        yield Shortage("node", None, request.nodes_min, len(slots), len(slots))
    tasks = max(request.tasks, request.nodes_min)
    cpus = tasks * request.cpus_per_task
    every = sum(slot.total[0] for slot in slots)
    if not request.overcommit and cpus > every:
        yield Shortage("cpu", alone, cpus, every, every)
    # 一个任务、一个节点的量，要有一个节点装得下
    least = ledger.vector(
        max(request.cpus_per_task, request.mincpus or 1),
        max(request.memory_per_node or 0, (request.memory_per_cpu or 0) * request.cpus_per_task),
        request.gres,
    )
    for at, (name, asked) in enumerate(zip(ledger.dims, least, strict=True)):
        best = max(slots, key=lambda slot: slot.total[at])
        if asked > best.total[at] and not (at == 0 and cpus > every):
            yield Shortage(_kind(name), best.name, asked, best.total[at], best.total[at])
    for name, asked in request.gres.items():
        if name not in ledger.dims:
            yield Shortage(f"gres/{name}", None, asked, 0, 0)


def _on_one(need: Need, ledger: Ledger) -> list[Shortage]:
    """要落在一个节点上的：最接近够用的节点缺什么。"""
    best: tuple[float, list[Shortage]] | None = None
    for slot in need.slots:
        if capacity(need, slot.total, slot) < need.tasks:
            continue
        amount = amount_of(need, need.tasks, slot)
        lacking = [
            Shortage(_kind(name), slot.name, asked, free, total)
            for name, asked, free, total in zip(
                ledger.dims, amount, slot.idle, slot.total, strict=True
            )
            if asked > free
        ]
        distance = sum((one.asked - one.free) / one.total for one in lacking)
        if best is None or distance < best[0]:
            best = distance, lacking
    if best is None:
        return []
    # 独占的要节点上的一切，说 CPU 就够了
    return best[1][:1] if need.exclusive else _typed(best[1])


def _on_many(need: Need, ledger: Ledger) -> list[Shortage]:
    """可以分在几个节点上的：各节点合计缺什么；补上哪一种就放得下更多任务，缺的就是哪一种。"""
    fits = [_capped(need, slot, slot.idle) for slot in need.slots]
    usable = sorted(fits, reverse=True)[: need.nodes_max]
    nodes = sum(1 for tasks in usable if tasks)
    if sum(usable) >= need.tasks and nodes >= need.nodes_min:
        return []
    found = []
    for at, name in enumerate(ledger.dims):
        more = [
            _capped(need, slot, (*slot.idle[:at], slot.total[at], *slot.idle[at + 1 :]))
            for slot in need.slots
        ]
        if more != fits:
            asked = _asked_of_many(need, at)
            free = sum(slot.idle[at] for slot in need.slots)
            total = sum(slot.total[at] for slot in need.slots)
            if asked > free:
                found.append(Shortage(_kind(name), None, asked, free, total))
    if not found and nodes < need.nodes_min:
        found.append(Shortage("node", None, need.nodes_min, nodes, len(need.slots)))
    elif not found:
        every = sum(capacity(need, slot.total, slot) for slot in need.slots)
        found.append(Shortage("task", None, need.tasks, sum(usable), every))
    return _typed(found)


def _asked_of_many(need: Need, dim: int) -> int:
    """分在几个节点上时，一种资源至少要多少。"""
    cpus = need.tasks * need.cpus_per_task
    if dim == 0:
        return cpus
    if dim == 1:
        per_node = (need.memory_per_node or 0) * need.nodes_min
        return need.memory_per_cpu * cpus if need.memory_per_cpu else per_node
    return dict(need.gres).get(dim, 0) * need.nodes_min


def _capped(need: Need, slot: Slot, room: tuple[int, ...]) -> int:
    return max(0, min(capacity(need, room, slot), need.tasks))


def _typed(lacking: list[Shortage]) -> list[Shortage]:
    """`gpu:a100` 也算 `gpu`：两项都缺时只说有型号的。"""
    typed = {one.what.partition(":")[0] for one in lacking if ":" in one.what}
    return [one for one in lacking if one.what not in typed]


def _kind(dim: str) -> str:
    return dim if dim in ("cpu", "mem") else f"gres/{dim}"
