"""各轮之间留着的快照：数据库里与排计划有关的行，每轮只重读变了的。

库里的行才是真相，这里只是它的影子：`refresh` 收走变化（为什么不会漏见 `scns.db.changes`），把点到的
作业与节点重读一遍。刚连上、租约易了主、分区或上限变了、时钟倒退、变得太多，以及慢定时器（留着的很多时
隔几次），都全部重读；全部重读也只读各形状的头，与队列长度无关。

每个形状只留名次最前的若干个，后面还有的记在 `_more`。不变的是：一个形状里，名次不低于留着的最后一个
的，全都留着；因此变了的一行，排在那之前就放进来，排在那之后就不管，留着的总是真队列的一段开头。
整段用完了再向后读（`deepen`），所以规划的结果与看着整个队列时相同：代价随变化而定，内存有界。
"""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import TYPE_CHECKING, Any

from scns.db import changes
from scns.planner.queue import Queue
from scns.planner.snapshot import Snapshot
from scns.scheduler.holdings import Holdings
from scns.scheduler.reader import MAX_DEPTH, throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scns.planner.decision import Blocked
    from scns.planner.plan import Plan
    from scns.planner.queue import Line
    from scns.planner.snapshot import Node, Partition, Request, Waiting
    from scns.scheduler.reader import Found, Head, Reader

#: 全部重读时一共大约读这么多个候选，各形状平分，但各不少于 `LEAST`、不多于 `DEEPEST` 个。
ROWS, LEAST, DEEPEST = 10_000, 2, MAX_DEPTH + 1

#: 慢定时器全部重读，只为防着绕过触发器的改动；留着的多于 `FEW` 个时，每个摊到 `EACH` 秒才重读一次。
FEW, EACH = 1_000, 0.03

#: 一轮里向后再读的，加起来不超过这么多。
FURTHER = 10_000

#: 不必写下的原因：`squeue` 把没有原因的候选显示成 Priority。
UNTOLD = frozenset({"None", "Priority"})


class Mirror:
    """留着的快照。

    参数：
        queue：留着的候选，给规划器；`heads` 是它们在计划之外的各项
        stale：上一次规划以来有变化
    """

    def __init__(self, reader: Reader) -> None:
        self.stale = True
        self.queue = Queue()
        self.heads: dict[int, Head] = {}
        self._reader = reader
        self._jobs: dict[int, Waiting] = {}
        self._arrays: dict[int, set[int]] = {}
        self._holdings = Holdings()
        self._nodes: dict[str, tuple[Any, Node]] = {}
        # 分区与上限；其余各项规划前才填
        self._rules = Snapshot(0.0, (), ())
        # 后面还有的形状；留着的用完了、要接着读的形状
        self._more: set[int] = set()
        self._hungry: set[int] = set()
        self._depth = LEAST
        self._budget = FURTHER
        # 凭哪一份租约读的；None 是要全部重读
        self._epoch: int | None = None
        self._now = self._read_time = -inf
        # 原因也许变了的：刚读到的，与库里写着特别的原因或预计的
        self._unread: set[int] = set()
        self._told: set[int] = set()
        # 写着特别的原因或预计，却排到没留的里面去了的
        self._left: set[int] = set()
        self._compiler: object = None

    def forget(self) -> None:
        """下次全部重读。"""
        self._epoch = None

    def refresh(
        self, cursor: Any, owner: str, epoch: int, now: float, *, slow: bool = False
    ) -> bool:
        """跟上数据库；返回上一次规划以来有没有变化。

        参数：
            owner、epoch：手里的租约
            now：epoch 秒
            slow：到了慢定时器，没有变化也要规划一次：挡着别的作业的，时候到了也会变
        """
        # 收走了的记号不会再来：没有读完就全部重读
        known, self._epoch = self._epoch, None
        changed = changes.take(cursor, owner, epoch)
        aged = len(self.heads) <= FEW or now >= self._read_time + EACH * len(self.heads)
        renewed = known != epoch or now < self._now
        if renewed or changed.everything or (slow and aged):
            self._read_all(cursor, now)
            self._read_time = now
        elif changed:
            self._read(cursor, changed, now)
        self.stale = self.stale or slow or renewed or bool(changed)
        self._epoch, self._now = epoch, now
        return self.stale

    def snapshot(self, cursor: Any, now: float) -> Snapshot:
        """此刻的快照；候选在 `queue` 里。"""
        self._budget = FURTHER
        rules = self._rules
        snapshot = Snapshot(
            now=now,
            nodes=[node for _, node in sorted(self._nodes.values(), key=lambda pair: pair[0])],
            partitions=rules.partitions,
            running=list(self._holdings.jobs.values()),
            licenses=self._reader.licenses,
            account_limits=rules.account_limits,
            user_limits=rules.user_limits,
            qos_limits=rules.qos_limits,
            parents=rules.parents,
            policy=self._reader.policy,
            safe=rules.safe,
        )
        self._reader.put_usage(cursor, snapshot)
        return snapshot

    def deepen(self, cursor: Any, ended: Iterable[Line], now: float) -> bool:
        """规划走到了尽头、其实后面还有的列，向后再读；读了返回 True，要重新规划。

        参数：
            ended：走到了尽头的列，先走到的先读
        """
        wanted: dict[int, list[Line]] = {}
        idle = sum(len(node.idle) for _, node in self._nodes.values() if node.up)
        for line in ended:
            # 到了 `%N` 的数组不占名额，再多也挡不住后面的
            throttled = sum(job.count <= 0 for job in line.jobs[line.first :])
            depth = min(max(4 * len(line), idle + 1), DEEPEST + throttled)
            if _shape_of(line) in self._more and len(line) < depth <= self._budget:
                self._budget -= depth
                wanted.setdefault(depth, []).append(line)
        for depth, lines in wanted.items():
            self._load(cursor, {_shape_of(line): _kept(line) for line in lines}, depth, now)
        self._feed(cursor, now)
        return bool(wanted)

    def unsettled(self, decided: Plan) -> list[Waiting]:
        """原因或预计也许与库里不同了的候选。"""
        rules = self._rules
        limited = rules.account_limits or rules.user_limits or rules.qos_limits
        if limited or decided.compiler is not self._compiler:
            ids: Iterable[int] = self._jobs
        else:
            ids = self._unread | self._told | (decided.blocked.keys() & self._jobs.keys())
        return [self._jobs[job_id] for job_id in ids]

    def overtaken(self) -> list[int]:
        """库里写着特别的原因或预计、如今却排在留着的之后的候选：它们只是还没轮到。"""
        return sorted(self._left - self._jobs.keys())

    def settled(self, decided: Plan) -> None:
        """这一次规划的原因都写下了。"""
        self._compiler = decided.compiler
        self._unread.clear()
        self._left.clear()

    def tell(self, blocked: Iterable[Blocked]) -> None:
        """这些原因与预计写进库里了。"""
        for one in blocked:
            head = self.heads.get(one.job_id)
            if head is None:
                continue
            head.reason, head.expected = one.text, one.expected_start
            self._sort(one.job_id, head)

    def _read_all(self, cursor: Any, now: float) -> None:
        reader = self._reader
        self._holdings = Holdings()
        self._holdings.replace((), reader.running(cursor, None))
        self._nodes = {pair[1].name: pair for pair in reader.nodes(cursor, None, self._holdings)}
        self._rules = Snapshot(0.0, (), reader.partitions(cursor))
        reader.put_limits(cursor, self._rules)
        shapes = reader.shapes(cursor)
        self._depth = max(LEAST, min(DEEPEST, ROWS // max(1, len(shapes))))
        found = reader.heads(cursor, shapes, self._depth, now)
        throttle(found, self._holdings.active)
        self._left |= self._told
        settled = {
            job_id: _told_of(self._jobs[job_id], head)
            for job_id, head in self.heads.items()
            if job_id not in self._unread
        }
        # 形状里已有属主、账户与 QOS，上限管着的各在各的列
        queue = Queue((job for job, _ in found), tier=_tier_of(self._rules.partitions))
        queue.adopt(self.queue)
        self.queue, self.heads, self._jobs, self._arrays = queue, {}, {}, {}
        self._unread, self._told, self._hungry = set(), set(), set()
        for job, head in found:
            self._register(job, head)
            if settled.get(job.job_id) == _told_of(job, head):
                # 原因早已写下，也没有变
                self._unread.discard(job.job_id)
        self._more = _full(found, self._depth)

    def _read(self, cursor: Any, changed: changes.Changes, now: float) -> None:
        ids = sorted(changed.jobs)
        arrays: set[int] = set()
        names = set(changed.nodes)
        if ids:
            found = self._reader.jobs(cursor, ids, now)
            touched, arrays = self._holdings.replace(ids, self._reader.running(cursor, ids))
            names |= touched
            for job_id in ids:
                self._drop(job_id, arrays)
            for job, head in found:
                self._put(job, head, arrays)
        if names:
            for name in names:
                self._nodes.pop(name, None)
            for pair in self._reader.nodes(cursor, sorted(names), self._holdings):
                self._nodes[pair[1].name] = pair
        self._feed(cursor, now, arrays)

    def _feed(self, cursor: Any, now: float, arrays: Iterable[int] = ()) -> None:
        """留着的用完了、后面还有的形状，接着读；然后重新定下 `%N`。

        参数：
            arrays：另外还有哪些数组变了
        """
        while self._hungry:
            shapes: dict[int, list[int]] = {shape: [] for shape in self._hungry}
            self._hungry.clear()
            self._load(cursor, shapes, self._depth, now)
        # 读进来的都在 `_unread` 里
        changed = {self.heads[job_id].array_id for job_id in self._unread} | set(arrays)
        for array_id in changed:
            members = self._arrays.get(array_id, ()) if array_id is not None else ()
            throttle([(self._jobs[one], self.heads[one]) for one in members], self._holdings.active)
            self._unread.update(members)

    def _load(self, cursor: Any, shapes: dict[int, list[int]], depth: int, now: float) -> None:
        """这些形状的候选换成重新读到的前 `depth` 个。

        参数：
            shapes：形状到留着的作业号
        """
        found = self._reader.heads(cursor, list(shapes), depth, now)
        self._more -= shapes.keys()
        left: set[int] = set()
        for job_id in (one for kept in shapes.values() for one in kept):
            if job_id in self._told:
                self._left.add(job_id)
            self._drop(job_id, left)
        for job, head in found:
            # 也许刚换了形状，还留在原来那一列
            self._drop(job.job_id, left)
            self.queue.add(job)
            self._register(job, head)
        self._more |= _full(found, depth)

    def _put(self, job: Waiting, head: Head, arrays: set[int]) -> None:
        """放进一个变了的候选；排在留着的之后，而其间还有没留的，就不放。"""
        line = self.queue.line_of(job)
        if job.shape in self._more and (line is None or line.rank(job) > line.rank(line.jobs[-1])):
            if _special(head):
                self._left.add(job.job_id)
            return
        self.queue.add(job)
        self._register(job, head)
        if head.array_id is not None:
            arrays.add(head.array_id)
        line = self.queue.line_of(job)
        if line is not None and len(line) > 2 * DEEPEST:
            last = line.jobs[-1].job_id
            self._more.add(job.shape)
            if last in self._told:
                self._left.add(last)
            self._drop(last, arrays)

    def _register(self, job: Waiting, head: Head) -> None:
        self._jobs[job.job_id], self.heads[job.job_id] = job, head
        if head.array_id is not None:
            self._arrays.setdefault(head.array_id, set()).add(job.job_id)
        self._unread.add(job.job_id)
        self._sort(job.job_id, head)

    def _sort(self, job_id: int, head: Head) -> None:
        if _special(head):
            self._told.add(job_id)
        else:
            self._told.discard(job_id)

    def _drop(self, job_id: int, arrays: set[int]) -> None:
        """不再留着；没有留着的什么也不做。"""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return
        self.queue.remove(job)
        head = self.heads.pop(job_id)
        if head.array_id is not None:
            arrays.add(head.array_id)
            members = self._arrays[head.array_id]
            members.discard(job_id)
            if not members:
                del self._arrays[head.array_id]
        self._unread.discard(job_id)
        self._told.discard(job_id)
        if job.shape in self._more and self.queue.line_of(job) is None:
            self._hungry.add(job.shape)


def _special(head: Head) -> bool:
    """库里写着特别的原因，或者预计。"""
    return head.reason not in UNTOLD or head.expected is not None


def _told_of(job: Waiting, head: Head) -> object:
    """库里写着的原因与预计，与它们因之而定的；时刻在库里只到微秒。"""
    return job.shape, job.count, head.reason, head.expected and round(head.expected, 3)


def _shape_of(line: Line) -> int:
    return line.jobs[line.first].shape


def _kept(line: Line) -> list[int]:
    return [job.job_id for job in line.jobs[line.first :]]


def _full(found: Iterable[Found], depth: int) -> set[int]:
    """读到了 `depth` 个的形状：后面也许还有。"""
    counts = Counter(job.shape for job, _ in found)
    return {shape for shape, count in counts.items() if count >= depth}


def _tier_of(partitions: Iterable[Partition]) -> Callable[[Request], int]:
    """一份请求的 `PriorityTier`，与 `Compiler.tier` 相同。"""
    tiers = {partition.name: partition.tier for partition in partitions}

    def tier(request: Request) -> int:
        return max((tiers[name] for name in request.partitions if name in tiers), default=1)

    return tier
