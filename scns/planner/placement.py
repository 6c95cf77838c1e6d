"""摆放：一个作业的任务落在哪些节点上，每个节点几个，占多少资源。

规则（slurm.conf(5) `Weight`，sbatch(1) `-N`）：从权重小的节点起，凑够为止才动用下一级权重；
在凑够的这些节点里，节点数尽量少；同样少时取次序靠前的。
"""

from __future__ import annotations

from bisect import bisect_left
from operator import ge
from typing import TYPE_CHECKING

from scns.planner.slot import Slot, Vector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scns.planner.demand import Need
    from scns.planner.ledger import Ledger

#: 一种摆法：各节点与落在其上的任务数。
Spread = list[tuple[Slot, int]]


def capacity(need: Need, room: Vector, slot: Slot) -> int:
    """空闲量是 `room` 时，一个节点放得下几个任务；不考虑作业一共几个任务。"""
    cpus, memory = room[0], room[1]
    for dim, count in need.gres:
        if room[dim] < count:
            return 0
    if need.exclusive and not all(map(ge, room, amount_of(need, 1, slot))):
        return 0
    if need.memory_per_cpu:
        # 独占时按全部 CPU 要内存，不超过节点所有的；任务数只看装得下几个
        cpus = min(cpus, (slot.total[1] if need.exclusive else memory) // need.memory_per_cpu)
    elif memory < memory_of(need, cpus, slot):
        return 0
    if cpus < need.mincpus:
        return 0
    tasks = need.tasks if need.overcommit else cpus // need.cpus_per_task
    return min(tasks, need.tasks_per_node)


def cpus_of(need: Need, tasks: int, slot: Slot) -> int:
    """一个节点上放这么多任务，分几个 CPU。"""
    if need.exclusive:
        return slot.total[0]
    return need.mincpus if need.overcommit else max(need.mincpus, tasks * need.cpus_per_task)


def memory_of(need: Need, cpus: int, slot: Slot) -> int:
    """一个节点上分这么多 CPU，分多少内存。"""
    if need.memory_per_cpu:
        asked = need.memory_per_cpu * cpus
        return min(asked, slot.total[1]) if need.exclusive else asked
    if need.memory_per_node is None:
        return 0
    return need.memory_per_node or slot.total[1]


def amount_of(need: Need, tasks: int, slot: Slot) -> Vector:
    """一个节点上放这么多任务，占多少资源；独占的节点连同全部通用资源。"""
    if tasks == need.tasks and (known := need.wholes.get(slot.total)) is not None:
        return known
    cpus = cpus_of(need, tasks, slot)
    if need.exclusive:
        return (cpus, memory_of(need, cpus, slot), *slot.total[2:])
    amount = [cpus, memory_of(need, cpus, slot), *(0 for _ in slot.total[2:])]
    for dim, count in need.gres:
        amount[dim] = count
    return tuple(amount)


def whole(need: Need, slot: Slot) -> Vector | None:
    """整个作业放在一个节点上占多少；再空也放不下时为 None。只看节点的配置，因此算一次就记住。"""
    total = slot.total
    if total not in need.wholes:
        fits = capacity(need, total, slot) >= need.tasks
        need.wholes[total] = amount_of(need, need.tasks, slot) if fits else None
    return need.wholes[total]


def place(need: Need, ledger: Ledger, start: float, end: float, first: int = 0) -> Spread | None:
    """从 `start` 到 `end` 自始至终放得下的摆法；放不下时为 None。

    参数：
        first：`need.slots` 里从第几个看起；前面的已知放不下什么
    """
    now = ledger.now
    single = need.single
    caps: list[tuple[int, Slot]] = []
    for slot in need.slots[first:] if first else need.slots:
        room = slot.idle if start == now and not slot.times else slot.room(now, start, end)
        if room[0] < need.least_cpus:
            continue
        if slot.walls and slot.closed(start, end, need.reservation):
            continue
        if single:
            amount = whole(need, slot)
            if amount is not None and all(map(ge, room, amount)):
                return [(slot, need.tasks)]
        elif (tasks := capacity(need, room, slot)) > 0:
            caps.append((tasks, slot))
    return None if single else choose(need, caps)


def choose(need: Need, caps: Sequence[tuple[int, Slot]]) -> Spread | None:
    """从放得下至少一个任务的节点里挑选；放不下时为 None。

    参数：
        caps：各节点放得下的任务数，按（权重，次序）排好
    """
    for upto in range(1, len(caps) + 1):
        if upto < len(caps) and caps[upto][1].weight == caps[upto - 1][1].weight:
            continue
        chosen = _choose_among(need, caps[:upto])
        if chosen is not None:
            return _deal(need.tasks, chosen)
    return None


def _choose_among(need: Need, caps: Sequence[tuple[int, Slot]]) -> list[tuple[int, Slot]] | None:
    """同一批节点里挑：先定节点数，再从前往后取，余下的仍凑得够才跳过一个。"""
    must = [pair for pair in caps if pair[1].order in need.required]
    rest = [pair for pair in caps if pair[1].order not in need.required]
    if len(must) < len(need.required):
        return None
    free = sorted(cap for cap, _ in rest)
    have = sum(cap for cap, _ in must)
    more = _count_more(need, len(must), have, free)
    if more is None:
        return None
    chosen = []
    for cap, slot in rest:
        if more == 0:
            break
        del free[bisect_left(free, cap)]
        best_after = sum(free[len(free) - more + 1 :]) if more > 1 else 0
        if len(free) >= more - 1 and have + cap + best_after >= need.tasks:
            chosen.append((cap, slot))
            have += cap
            more -= 1
    return sorted(must + chosen, key=lambda pair: (pair[1].weight, pair[1].order))


def _count_more(need: Need, must: int, have: int, free: list[int]) -> int | None:
    """必须的节点之外还要几个节点；凑不够时为 None。

    参数：
        have：必须的节点放得下的任务数
        free：其余节点放得下的任务数，从小到大
    """
    most = min(need.nodes_max, need.tasks, must + len(free))
    least = max(need.nodes_min, must)
    for count in range(least, most + 1):
        more = count - must
        if have + sum(free[len(free) - more :]) >= need.tasks:
            return most - must if need.spread else more
    return None


def _deal(tasks: int, chosen: list[tuple[int, Slot]]) -> Spread:
    """每个节点先放一个任务，余下的从前往后放满。"""
    left = tasks - len(chosen)
    spread = []
    for cap, slot in chosen:
        extra = min(left, cap - 1)
        left -= extra
        spread.append((slot, 1 + extra))
    return spread
