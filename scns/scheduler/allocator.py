"""把计划写进数据库：在租约与行锁之下再核对一遍，一次一批。"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scns import gpus
from scns.arrays import from_multirange, to_multirange
from scns.db import jobs
from scns.scheduler.starter import node_list_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scns.planner.plan import Start
    from scns.scheduler.reader import Head


#: ALLOCATE 的参数：前者每个（作业，节点）一项，后者每个作业一项。
_PLACE_COLUMNS = ("job_ids", "nodes", "cpu_ids", "cpus", "memory", "tasks", "gres", "gpu_ids")
_JOB_COLUMNS = ("listed", "node_lists", "batch_hosts", "partitions", "limits")


class LostLeaseError(Exception):
    """租约已被别的 scnsd 取代；这份计划作废。"""


def allocate(
    cursor: Any, owner: str, epoch: int, starts: Sequence[Start], heads: dict[int, Head]
) -> list[tuple[int, int]]:
    """在一个事务里写下计划的启动，返回真正分配到的（作业号，第几次）。

    计划之后被取消、扣住的作业不在结果里，也不占任何东西。

    异常：
        LostLeaseError：租约不在手里，什么也没有写
    """
    cursor.execute("BEGIN")
    try:
        cursor.execute(jobs.FENCE, {"owner": owner, "epoch": epoch})
        if cursor.fetchone() is None:
            raise LostLeaseError
        nodes = {place.node for start in starts for place in start.places}
        cursor.execute(jobs.LOCK_NODES, {"nodes": sorted(nodes)})
        wishes = _wishes(cursor, starts, heads)
        cursor.execute(jobs.ALLOCATE, wishes)
        started = cursor.fetchall()
        # 各节点的 scnsd 听着：提交了才送到
        cursor.execute("NOTIFY scns_node; COMMIT")
    except BaseException:
        if not cursor.connection.closed:
            cursor.connection.rollback()
        raise
    return [(int(job_id), int(attempt)) for job_id, attempt in started]


def _wishes(cursor: Any, starts: Sequence[Start], heads: dict[int, Head]) -> dict[str, list[Any]]:
    """ALLOCATE 的参数；数组先分出元素，各给一行。"""
    wishes: dict[str, list[Any]] = {name: [] for name in (*_PLACE_COLUMNS, *_JOB_COLUMNS)}
    numbers = _Gpus(cursor, starts)
    starts = [start for start in starts if numbers.take(start)]
    elements = _split_arrays(cursor, starts, heads)
    for start in starts:
        job_id = start.job_id
        if heads[job_id].waiting is not None:
            if not elements[start.job_id]:
                continue
            job_id = elements[start.job_id].pop(0)
        wishes["listed"].append(job_id)
        wishes["node_lists"].append(node_list_of([place.node for place in start.places]))
        wishes["batch_hosts"].append(start.places[0].node)
        wishes["partitions"].append(start.partition)
        wishes["limits"].append(start.time_limit)
        for place in start.places:
            wishes["job_ids"].append(job_id)
            wishes["nodes"].append(place.node)
            wishes["cpu_ids"].append(to_multirange(ranges_of(place.cpu_ids)))
            wishes["cpus"].append(len(place.cpu_ids))
            wishes["memory"].append(place.memory)
            wishes["tasks"].append(place.tasks)
            wishes["gres"].append(json.dumps(dict(place.gres)))
            taken = numbers.taken.get((id(start), place.node))
            wishes["gpu_ids"].append(taken and to_multirange(ranges_of(taken)))
    return wishes


class _Gpus:
    """这一批各占哪几块 GPU；`taken` 以启动与节点为键。"""

    def __init__(self, cursor: Any, starts: Sequence[Start]) -> None:
        self.taken: dict[tuple[int, str], list[int]] = {}
        nodes = {
            place.node
            for start in starts
            for place in start.places
            if any(map(gpus.is_gpu, place.gres))
        }
        self._gres: dict[str, dict[str, int]] = {}
        self._used: dict[str, set[int]] = {}
        if not nodes:
            return
        cursor.execute(jobs.GPUS, {"nodes": sorted(nodes)})
        for name, gres, used in cursor.fetchall():
            self._gres[name] = gres
            ranges = from_multirange(used or "{}")
            self._used[name] = {one for first, stop in ranges for one in range(first, stop)}

    def take(self, start: Start) -> bool:
        """为一个启动的各节点挑好 GPU；计划之后节点少了 GPU，挑不出时为假。"""
        found = {}
        for place in start.places:
            if not any(map(gpus.is_gpu, place.gres)):
                continue
            used = self._used[place.node]
            picked = gpus.pick(place.gres, self._gres[place.node], used)
            if picked is None:
                return False
            found[place.node] = picked
        for node, picked in found.items():
            self._used[node].update(picked)
            self.taken[id(start), node] = picked
        return True


def _split_arrays(
    cursor: Any, starts: Sequence[Start], heads: dict[int, Head]
) -> dict[int, list[int]]:
    """数组号到分出的元素作业号，按序号从小到大。"""
    counts: dict[int, int] = {}
    for start in starts:
        if heads[start.job_id].waiting is not None:
            counts[start.job_id] = counts.get(start.job_id, 0) + 1
    elements = {}
    for array_id, count in sorted(counts.items()):
        ranges = heads[array_id].waiting or []
        cursor.execute(jobs.SPLIT_ARRAY, {"id": array_id, "tasks": first_indices(ranges, count)})
        elements[array_id] = [int(job_id) for job_id, _ in cursor.fetchall()]
    return elements


def first_indices(ranges: list[tuple[int, int]], count: int) -> list[int]:
    """还没启动的序号里最小的 `count` 个。"""
    found: list[int] = []
    for start, stop in ranges:
        found += range(start, min(stop, start + count - len(found)))
        if len(found) >= count:
            break
    return found


def ranges_of(ids: Sequence[int]) -> list[tuple[int, int]]:
    """CPU 编号合成升序、不相交的（起，止）区间，止不含在内。"""
    ranges: list[tuple[int, int]] = []
    for cpu in sorted(ids):
        if ranges and ranges[-1][1] == cpu:
            ranges[-1] = (ranges[-1][0], cpu + 1)
        else:
            ranges.append((cpu, cpu + 1))
    return ranges
