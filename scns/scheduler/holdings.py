"""占着节点的作业：谁占着什么，各节点上用掉的通用资源，各数组在跑几个元素。"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from scns.planner.snapshot import Running, Use

if TYPE_CHECKING:
    from collections.abc import Iterable


class Holdings:
    """占用，可以长期保留，一部分一部分地换成新读到的。"""

    def __init__(self) -> None:
        self.jobs: dict[int, Running] = {}
        #: 数组到它占着节点的元素数，给 `%N` 限额用。
        self.active: Counter[int] = Counter()
        self._alone: set[int] = set()
        self._on_node: dict[str, set[int]] = {}

    def replace(self, ids: Iterable[int], rows: Iterable[Any]) -> tuple[set[str], set[int]]:
        """这些作业的占用换成读到的各行；没有行的不再占着什么。

        参数：
            rows：`scns.db.jobs.RUNNING` 的行，只有 `ids` 里的作业

        返回：
            因此变了的节点与数组
        """
        nodes: set[str] = set()
        arrays: set[int] = set()
        for job_id in ids:
            self._drop(job_id, nodes, arrays)
        for row in rows:
            self._add(row, nodes, arrays)
        return nodes, arrays

    def gres_used(self, node: str) -> dict[str, int]:
        """节点上用掉的通用资源。"""
        used: Counter[str] = Counter()
        for job_id in self._on_node.get(node, ()):
            for use in self.jobs[job_id].uses:
                if use.node == node:
                    used.update(use.gres)
        return dict(used)

    def exclusive_by(self, node: str) -> int | None:
        """独占节点的作业；没有时为 None。"""
        return next((one for one in self._on_node.get(node, ()) if one in self._alone), None)

    def _drop(self, job_id: int, nodes: set[str], arrays: set[int]) -> None:
        job = self.jobs.pop(job_id, None)
        if job is None:
            return
        self._alone.discard(job_id)
        for use in job.uses:
            nodes.add(use.node)
            self._on_node[use.node].discard(job_id)
        if job.array_id is not None:
            arrays.add(job.array_id)
            self.active[job.array_id] -= 1
            if not self.active[job.array_id]:
                del self.active[job.array_id]

    def _add(self, row: Any, nodes: set[str], arrays: set[int]) -> None:
        job_id, uid, account, end, node, cpus, memory, gres, licenses, array_id, alone, qos = row
        used = {name: len(ids) if isinstance(ids, list) else ids for name, ids in gres.items()}
        use = Use(node, cpus, memory, used)
        known = self.jobs.get(job_id)
        if known is None:
            owned = counts(licenses)
            self.jobs[job_id] = Running(job_id, uid, account, end, (use,), owned, array_id, qos)
            if array_id is not None:
                arrays.add(array_id)
                self.active[array_id] += 1
        else:
            known.uses += (use,)
        nodes.add(node)
        self._on_node.setdefault(node, set()).add(job_id)
        if alone == "node":
            self._alone.add(job_id)


def counts(text: str | None) -> dict[str, int]:
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
