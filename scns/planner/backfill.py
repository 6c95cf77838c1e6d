"""回填：一个现在放不下的作业最早何时能启动，以及该替它守住哪些资源。

来源：Lifka 的 EASY 与 Mu'alem、Feitelson 的保守回填；在这里二者只差替几个作业许诺。
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import inf
from operator import add, ge
from sys import float_info
from typing import TYPE_CHECKING

from scns.planner.placement import Spread, amount_of, capacity, choose, place, whole
from scns.planner.slot import OVERDUE, Slot

if TYPE_CHECKING:
    from scns.planner.demand import Demand, Need
    from scns.planner.ledger import Ledger

#: “所有会结束的作业都结束以后”。
_FAR = float_info.max


@dataclass(slots=True)
class Chance:
    """一个作业的一次机会：何时、用多久、哪种要求、落在哪里。"""

    start: float
    limit: float
    need: Need
    spread: Spread

    @property
    def end(self) -> float:
        """到时限为止的时刻。"""
        return self.start + self.limit


def earliest(demand: Demand, ledger: Ledger, horizon: float) -> Chance | None:
    """现在放不下的作业最早的机会，不碍着任何已有的许诺；看不到 `horizon` 以后。

    返回：
        各分区里最早的；同样早时取靠前的分区。None：挡着它的作业没有时限，算不出
    """
    best: Chance | None = None
    for need in demand.needs:
        found = _moment(need, demand, ledger, min(horizon, best.start if best else inf))
        if found is None or (best and found[0] >= best.start):
            continue
        start, slot = found
        spread = [(slot, need.tasks)] if slot else place(need, ledger, start, start + need.limit)
        if spread is not None:
            best = Chance(start, need.limit, need, spread)
    return best


def blockers(chance: Chance, ledger: Ledger, *, licensed: bool) -> tuple[int, ...]:
    """机会落在的节点上（以及许可证），到那时为止会让出资源的作业；守住节点时是其上所有的作业。"""
    until = inf if chance.start <= ledger.now else chance.start
    where = [slot for slot, _ in chance.spread]
    if licensed:
        where.append(ledger.pool)
    jobs = {job_id for slot in where for end, job_id, _ in slot.releases if end <= until}
    return tuple(sorted(jobs))


def licensed(demand: Demand, ledger: Ledger, start: float, end: float) -> bool:
    """从 `start` 到 `end` 许可证够不够。"""
    if not demand.licenses:
        return True
    room = ledger.pool.room(ledger.now, start, end)
    return all(free >= count for free, count in zip(room, demand.licenses, strict=True))


def _moment(
    need: Need, demand: Demand, ledger: Ledger, horizon: float
) -> tuple[float, Slot | None] | None:
    """这种要求最早何时满足，已知时还有在哪个节点；不晚于 `horizon`，否则 None。"""
    walled = ledger.walled and any(slot.walls for slot in need.slots)
    if need.single and not demand.licenses and not walled:
        start, where = inf, None
        for slot in need.slots:
            first = _first_on(need, slot, ledger.now, start)
            if first < start:
                start, where = first, slot
        return (start, where) if start <= horizon and start < inf else None

    def fits(start: float) -> bool:
        end = start + need.limit
        return licensed(demand, ledger, start, end) and place(need, ledger, start, end) is not None

    moments = {moment for slot in need.slots for moment in slot.changes(ledger.now)}
    if demand.licenses:
        moments.update(ledger.pool.changes(ledger.now))
    times = sorted(moment for moment in moments if ledger.now < moment <= horizon)
    if not walled and not ledger.pool.times and not any(slot.times for slot in need.slots):
        # 没有许诺时空闲只增不减：满足与否随时间单调
        at = bisect_left(times, True, key=fits)
        return (times[at], None) if at < len(times) else None
    return next(((start, None) for start in times if fits(start)), None)


def _first_on(need: Need, slot: Slot, now: float, before: float) -> float:
    """一个节点上最早何时放得下整个作业；不早于 `before` 时是无穷大。"""
    amount = whole(need, slot)
    if amount is None:
        return inf
    cpus = amount[0]
    if not slot.times:
        room = slot.idle
        for end, _, freed in slot.releases:
            if end >= before:
                break
            room = tuple(map(add, room, freed))
            if room[0] >= cpus and all(map(ge, room, amount)):
                return max(end, now + OVERDUE)
        return inf
    start = inf
    for moment, room in zip(slot.times, slot.rooms, strict=True):
        if moment >= start + need.limit or (start == inf and moment >= before):
            break
        # 先只比 CPU：一级级看过去，绝大多数在这一项就有结果
        if room[0] < cpus or not all(map(ge, room, amount)):
            start = inf
        elif start == inf:
            start = moment
    return start


def shelter(demand: Demand, ledger: Ledger) -> Chance | None:
    """算不出机会的作业，守住哪些节点最有指望。

    先看所有会结束的作业都结束以后还缺多少，再看现在还缺多少，缺得少的先选。守住的节点不再放进会
    拿走所需资源的作业，所缺只减不增，因此总会轮到它。
    """
    for need in demand.needs:
        spread = _choose_shelter(need, ledger)
        if spread is not None:
            return Chance(ledger.now, inf, need, spread)
    return None


def _choose_shelter(need: Need, ledger: Ledger) -> Spread | None:
    now = ledger.now
    ranked = []
    for slot in need.slots:
        tasks = min(capacity(need, slot.total, slot), need.tasks)
        if tasks < 1 or slot.closed(now, inf, need.reservation):
            continue
        amount = amount_of(need, tasks, slot)
        lacking = tuple(
            tuple(max(0, want - have) for want, have in zip(amount, room, strict=True))
            for room in (slot.room(now, _FAR, _FAR), slot.room(now, now, now + need.limit))
        )
        ranked.append((slot.order not in need.required, -tasks, lacking, slot.order, tasks, slot))
    ranked.sort(key=lambda item: item[:4])
    spread: Spread = []
    left = need.tasks
    for *_, tasks, slot in ranked:
        if left <= 0 and len(spread) >= need.nodes_min:
            break
        spread.append((slot, max(1, min(tasks, left))))
        left -= tasks
    if left <= 0 and need.nodes_min <= len(spread) <= need.nodes_max:
        return spread
    caps = [(capacity(need, slot.total, slot), slot) for slot in need.slots]
    return choose(need, [pair for pair in caps if pair[0] > 0])
