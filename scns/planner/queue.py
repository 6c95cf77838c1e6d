"""队列：等待的作业按形状排成若干列，一轮只看每列的头。

次序：分区的 `PriorityTier` 从高到低，然后优先级从高到低，然后作业号从小到大。
增、删、改各是 O(log n) 加一次数组移动；十万个作业十个形状，一轮只比较十次。
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scns.planner.demand import Compiler, Demand
    from scns.planner.snapshot import Request, Waiting

#: 在全队里的名次，小的在前。
Rank = tuple[int, int, int]
Key = tuple[object, ...]


class Line:
    """同一形状的作业，按名次排好；`jobs[first:]` 才是还在的。"""

    __slots__ = (
        "compiler",
        "demand",
        "failed",
        "failed_job",
        "first",
        "jobs",
        "key",
        "partitions",
        "tier",
    )

    def __init__(self, key: Key, tier: int, partitions: Iterable[str]) -> None:
        self.key = key
        self.tier = tier
        self.partitions = frozenset(partitions)
        self.jobs: list[Waiting] = []
        self.first = 0
        # 以下由规划器填：编译好的要求与编译它的，最近一次放不下时的情形与那个作业
        self.demand: Demand | None = None
        self.compiler: Compiler | None = None
        self.failed: tuple[object, ...] | None = None
        self.failed_job = -1

    def __len__(self) -> int:
        return len(self.jobs) - self.first

    def rank(self, job: Waiting) -> Rank:
        """作业的名次。"""
        return (-self.tier, -job.priority, job.job_id)

    def find(self, job: Waiting) -> int:
        """作业在 `jobs` 里的位置；不在时 -1。"""
        at = bisect_left(self.jobs, self.rank(job), lo=self.first, key=self.rank)
        found = at < len(self.jobs) and self.jobs[at].job_id == job.job_id
        return at if found else -1

    def drop_first(self) -> None:
        """去掉头一个。"""
        self.first += 1
        # 头部的空位攒到一半才真的移动，均摊下来是 O(1)
        if self.first > 64 and self.first * 2 > len(self.jobs):
            del self.jobs[: self.first]
            self.first = 0


class Queue:
    """等待的作业；可以长期保留，随提交、取消与启动更新。

    参数：
        now：此刻；`eligible` 更晚的先放在一边
        tier：一份请求的 `PriorityTier`；None 时都是 1
        owners：把不同的用户、账户与 QOS 排进不同的列；有上限管着他们时必须如此
    """

    def __init__(
        self,
        waiting: Iterable[Waiting] = (),
        *,
        now: float = inf,
        tier: Callable[[Request], int] | None = None,
        owners: bool = False,
    ) -> None:
        self._tier = tier
        self._owners = owners
        self._lines: dict[Key, Line] = {}
        self._future: list[tuple[float, int, Waiting]] = []
        #: 各列之头，按名次排好。
        self.heads: list[tuple[Rank, Line]] = []
        #: 各分区有几列作业在等。
        self.partitions: Counter[str] = Counter()
        #: 增删的记录：名次，是不是增；None 时不记。
        self.changes: list[tuple[Rank, bool]] | None = None
        for job in waiting:
            if job.eligible > now:
                heappush(self._future, (job.eligible, job.job_id, job))
            else:
                self._line(job).jobs.append(job)
        for line in self._lines.values():
            line.jobs.sort(key=line.rank)
            self.heads.append((line.rank(line.jobs[0]), line))
        self.heads.sort(key=_rank_of)

    def __len__(self) -> int:
        return sum(map(len, self._lines.values())) + len(self._future)

    def __iter__(self) -> Iterator[Waiting]:
        for line in self._lines.values():
            yield from line.jobs[line.first :]
        yield from (job for _, _, job in self._future)

    def key(self, job: Waiting) -> Key:
        """作业属于哪一列。"""
        if self._owners:
            return (job.shape, job.uid, job.account, job.qos)
        return (job.shape,)

    def line_of(self, job: Waiting) -> Line | None:
        """作业所在的列；没有与它同形状的作业在等时为 None。"""
        return self._lines.get(self.key(job))

    def add(self, job: Waiting, now: float = inf) -> None:
        """加进一个作业；还不到 `eligible` 的先放在一边，由 `advance` 放进来。

        参数：
            now：无穷大时不论 `eligible`，直接排进去
        """
        if job.eligible > now:
            heappush(self._future, (job.eligible, job.job_id, job))
            return
        line = self._line(job)
        if self.changes is not None:
            self.changes.append((line.rank(job), True))
        if not len(line) or line.rank(job) < line.rank(line.jobs[line.first]):
            self._drop_head(line)
            line.jobs.insert(line.first, job)
            self._put_head(line)
        else:
            insort(line.jobs, job, lo=line.first, key=line.rank)

    def remove(self, job: Waiting) -> None:
        """移去一个作业；不在队里时什么也不做。"""
        line = self._lines.get(self.key(job))
        at = -1 if line is None else line.find(job)
        if line is None or at < 0:
            # 从有序的列表里去掉几个仍是堆
            self._future = sorted(item for item in self._future if item[1] != job.job_id)
            return
        if self.changes is not None:
            self.changes.append((line.rank(job), False))
        if at > line.first:
            del line.jobs[at]
        else:
            self._drop_head(line)
            line.drop_first()
            self._put_head(line)

    def set_priority(self, job: Waiting, priority: int) -> None:
        """改一个作业的优先级，同时改变它的名次。"""
        line = self._lines.get(self.key(job))
        waiting = line is not None and line.find(job) >= 0
        if waiting:
            self.remove(job)
        job.priority = priority
        if waiting:
            self.add(job)

    def adopt(self, other: Queue) -> None:
        """接着用另一个队列里相同的列编译好的要求。"""
        for key, line in self._lines.items():
            known = other._lines.get(key)
            if known is not None:
                line.demand, line.compiler = known.demand, known.compiler

    def advance(self, now: float) -> None:
        """时间走到现在：放进到了 `eligible` 的作业。"""
        while self._future and self._future[0][0] <= now:
            self.add(heappop(self._future)[2])

    def _line(self, job: Waiting) -> Line:
        key = self.key(job)
        line = self._lines.get(key)
        if line is None:
            tier = 1 if self._tier is None else self._tier(job.request)
            line = self._lines[key] = Line(key, tier, job.request.partitions)
            self.partitions.update(line.partitions)
        return line

    def _drop_head(self, line: Line) -> None:
        if len(line):
            rank = line.rank(line.jobs[line.first])
            del self.heads[bisect_left(self.heads, rank, key=_rank_of)]

    def _put_head(self, line: Line) -> None:
        if len(line):
            insort(self.heads, (line.rank(line.jobs[line.first]), line), key=_rank_of)
        else:
            # 空了的列不留着：形状可以有无穷多种
            del self._lines[line.key]
            self.partitions.subtract(line.partitions)


class Walk:
    """按名次走过队列一遍；一列的头启动了才轮到它后面的。

    参数：
        after：从这个名次以后走起；头在它以前、也要走到的列由 `resume` 放进来
    """

    def __init__(self, queue: Queue, after: Rank | None = None) -> None:
        self._heads = queue.heads
        self._further: list[tuple[Rank, int, Line]] = []
        self._after = after
        #: 走到了尽头的列：每个作业都已有着落。
        self.ended: list[Line] = []

    def __iter__(self) -> Iterator[tuple[Line, int]]:
        heads, further = self._heads, self._further
        at = 0 if self._after is None else bisect_right(heads, self._after, key=_rank_of)
        while at < len(heads) or further:
            if further and (at >= len(heads) or further[0][0] < heads[at][0]):
                _, index, line = heappop(further)
                yield line, index
            else:
                line = heads[at][1]
                at += 1
                yield line, line.first

    def go_on(self, line: Line, index: int) -> None:
        """这一列的第 `index` 个已有着落，轮到它的下一个。"""
        if index + 1 < len(line.jobs):
            heappush(self._further, (line.rank(line.jobs[index + 1]), index + 1, line))
        else:
            self.ended.append(line)

    def resume(self, line: Line, after: Rank) -> None:
        """一列的头在 `after` 以前：从它在那以后的第一个作业走起。"""
        index = bisect_right(line.jobs, after, lo=line.first, key=line.rank)
        self.go_on(line, index - 1)


def _rank_of(head: tuple[Rank, Line]) -> Rank:
    return head[0]
