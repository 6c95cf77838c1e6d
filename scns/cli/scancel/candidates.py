"""找出还没结束的、点了名的或符合筛选的作业。"""

from __future__ import annotations

from scns.arrays import JobRef, format_indices, from_multirange, intersect
from scns.cli.scancel.order import FILTERS, Order
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from scns.arrays import Ranges

    #: 要发的一份，与它在消息里的写法。
    Item = tuple[JobRef, str]

#: 排队的在前：先取消它们，免得腾出的资源让它们启动。
_CANDIDATES = """
SELECT q.id, q.array_job_id, q.array_task_id, q.waiting::text, q.array_limit, q.state,
       q.name, q.partition, {wanted}
  FROM scns.queue q
 WHERE q.state IN ('PENDING', 'RUNNING', 'SUSPENDED') AND {where}
 ORDER BY q.state <> 'PENDING', q.id
"""


class Candidate:
    """一行还没结束的作业；数组里还没启动的元素合成一行。

    属性：
        job：打印给用户的作业号；数组的元素是数组的号
        ranges：这一行有哪些元素；不是数组时是 None
        wanted：符合全部筛选
    """

    __slots__ = ("job", "limit", "name", "partition", "ranges", "row_id", "state", "wanted")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.row_id, array, task, waiting, self.limit, *rest = row
        self.state, self.name, self.partition, self.wanted = rest
        self.job: int = array or self.row_id
        self.ranges: Ranges | None = None
        if waiting is not None:
            self.ranges = from_multirange(waiting)
        elif array is not None:
            self.ranges = [(task, task + 1)]
            self.limit = None

    def whole(self) -> Item:
        """这一行的全部。"""
        ref = JobRef(self.job, self.ranges)
        if self.ranges is None:
            return ref, str(ref)
        indices = format_indices(self.ranges, self.limit, length=0)
        return ref, f"{self.job}_{indices}" if indices.isdigit() else f"{self.job}_[{indices}]"

    def share(self, reference: JobRef) -> Item | None:
        """点名的作业落在这一行的部分；不在这一行时返回 None。"""
        if reference.ranges is None:
            if reference.job_id not in (self.row_id, self.job):
                return None
            ref, label = self.whole()
        elif reference.job_id != self.job or self.ranges is None:
            return None
        else:
            part = intersect(self.ranges, reference.ranges)
            if not part:
                return None
            ref = JobRef(self.job, part)
            label = str(ref)
        if reference.step is not None:
            return JobRef(ref.job_id, ref.ranges, reference.step), str(self.row_id)
        return ref, label


def find(connection: Any, order: Order) -> list[Candidate]:
    """点名的，或符合筛选的，还没结束的作业。"""
    conditions = " AND ".join(FILTERS[name][0] for name in order.filters) or "true"
    parameters = list(order.filters.values())
    if order.references:
        jobs = [ref.job_id for ref in order.references]
        where = "(q.id = ANY (%s) OR q.array_job_id = ANY (%s))"
        statement = _CANDIDATES.format(wanted=conditions, where=where)
        parameters += [jobs, jobs]
    else:
        statement = _CANDIDATES.format(wanted="true", where=conditions)
    return [Candidate(row) for row in connect.call(connection, statement, parameters)]


def items(candidate: Candidate, references: Sequence[JobRef]) -> list[Item]:
    """一行里要发的；点名的步只在启动了的作业里。"""
    if not references:
        return [candidate.whole()]
    shares = [
        candidate.share(ref)
        for ref in references
        if ref.step is None or candidate.state != "PENDING"
    ]
    return [share for share in shares if share is not None]
