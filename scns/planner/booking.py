"""启动：把一次机会落实成具体的 CPU、内存与通用资源，记进账本。"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from scns.planner.cpus import pick
from scns.planner.decision import Place, Start
from scns.planner.ledger import Booking, Ledger
from scns.planner.placement import amount_of, cpus_of, memory_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.planner.backfill import Chance
    from scns.planner.demand import Demand, Need
    from scns.planner.limits import Tres
    from scns.planner.slot import Slot
    from scns.planner.snapshot import Request, Waiting

_MINUTE = 60


def book(job: Waiting, demand: Demand, chance: Chance, ledger: Ledger) -> Start:
    """在账本上启动一个作业；机会必须是现在的，且放得下。"""
    need = chance.need
    limit = chance.limit
    if limit < need.limit:
        limit = _stretch(chance, ledger)
    places, parts = [], []
    for slot, tasks in chance.spread:
        cpus = pick(slot.mask, cpus_of(need, tasks, slot))
        count = cpus.bit_count()
        memory = memory_of(need, count, slot)
        gres = _given(ledger, need, slot, job.request)
        places.append(Place(slot.name, cpus, memory, tasks, gres))
        parts.append((slot, ledger.vector(count, memory, gres), cpus))
    booking = Booking(job.job_id, ledger.now + limit, parts, demand.licenses)
    ledger.start(booking)
    seconds = None if limit == inf else int(limit)
    return Start(job.job_id, need.partition, tuple(places), seconds, booking)


def tres_taken(chance: Chance, request: Request, ledger: Ledger) -> Tres:
    """一次机会实际占多少资源，按上限的算法；独占的节点按整个节点。"""
    amounts = [amount_of(chance.need, tasks, slot) for slot, tasks in chance.spread]
    cpus, memory, *gres = (sum(column) for column in zip(*amounts, strict=True))
    tres = {"cpu": cpus, "mem": memory, "node": len(amounts)}
    tres.update({f"gres/{name}": n for name, n in zip(ledger.dims[2:], gres, strict=True)})
    tres.update({f"license/{name}": n for name, n in request.licenses.items()})
    return tres


def _stretch(chance: Chance, ledger: Ledger) -> float:
    """缩短了时限的作业，在不碍着别人的前提下能用多久；整分钟，不短于缩到的时限。"""
    need = chance.need
    longest = need.limit
    for slot, tasks in chance.spread:
        amount = amount_of(need, tasks, slot)
        for moment, room in zip(slot.times, slot.rooms, strict=True):
            short = any(have < want for have, want in zip(room, amount, strict=True))
            if moment > ledger.now and short:
                longest = min(longest, moment - ledger.now)
        for begin, until, name in slot.walls:
            edge = until if name == need.reservation else begin
            if edge > ledger.now:
                longest = min(longest, edge - ledger.now)
    return max(chance.limit, longest // _MINUTE * _MINUTE)


def _given(ledger: Ledger, need: Need, slot: Slot, request: Request) -> Mapping[str, int]:
    """在这个节点上得到的通用资源，落到具体型号；独占的得到全部。"""
    if need.exclusive:
        return ledger.all_gres(slot)
    return ledger.concrete(slot, request.gres) if request.gres else request.gres
