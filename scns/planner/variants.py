"""假如：作业要得少一点，会不会早些启动；每种改法都交给规划器重排一遍。"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scns.planner.demand import Compiler
from scns.planner.ledger import Ledger
from scns.planner.plan import plan

if TYPE_CHECKING:
    from scns.planner.snapshot import Request, Snapshot, Waiting

#: 至多重排多少遍：一次询问不许占住 scnsd。
MOST_PLANS = 40

#: 时限、内存各试几个值，从大到小。
MOST_VALUES = 4

_MINUTE = 60

#: 改过的作业自成一个形状。
_CHANGED = 1 << 62


@dataclass(frozen=True, slots=True)
class Change:
    """一种改法；不改的项是 None。

    参数：
        start：改了以后何时启动；None 是能启动，何时算不出
        cpus：改了以后一共几个 CPU；`tasks` 或 `cpus_per_task` 是由此要改的选项
        dropped：不再要求的：`exclusive`、`nodelist`、`constraint`
    """

    start: float | None
    cpus: int | None = None
    tasks: int | None = None
    cpus_per_task: int | None = None
    memory_per_node: int | None = None
    memory_per_cpu: int | None = None
    time_limit: int | None = None
    partition: str | None = None
    dropped: str | None = None


def changes(snapshot: Snapshot, job: Waiting) -> list[Change]:
    """哪些改法能让作业现在就启动；永远启动不了的作业，哪些改法能让它启动。

    参数：
        snapshot：`waiting` 里没有这个作业；排在它后面的有没有都一样
    """
    trials = _Trials(snapshot, job)
    found = [
        *_fewer_cpus(trials, trials.request),
        *_less_memory(trials),
        *_less_time(trials),
    ]
    if not found and not trials.never:
        found += _both(trials)
    return [*found, *_dropped(trials), *_elsewhere(trials)]


class _Trials:
    """一次次地试；用完了次数就一概当作不成。"""

    def __init__(self, snapshot: Snapshot, job: Waiting) -> None:
        self.snapshot = snapshot
        self.request = job.request
        self._job = replace(job, shape=_CHANGED, count=1)
        self._left = MOST_PLANS
        #: 照现在的样子，何时都启动不了。
        self.never = not self.possible(job.request)
        decided = plan(self._with(job.request))
        #: 排在它前面的作业得到的许诺，从早到晚。
        self.promises = sorted(
            blocked.expected_start
            for blocked in decided.blocked.values()
            if blocked.expected_start is not None and blocked.job_id != job.job_id
        )

    def works(self, request: Request) -> bool:
        """这样改够不够好：现在就启动；永远启动不了的，只求有朝一日能启动。"""
        if self.never:
            return self.possible(request)
        return self.start(request) == self.snapshot.now

    def when(self, request: Request) -> float | None:
        """够好的改法何时启动；None 是说不准。"""
        return self.start(request) if self.never else self.snapshot.now

    def possible(self, request: Request) -> bool:
        """资源都空闲时能不能启动。"""
        ledger = Ledger(self.snapshot)
        compiler = Compiler(ledger, self.snapshot.partitions, self.snapshot.reservations)
        return bool(compiler.compile(replace(self._job, request=request)).needs)

    def start(self, request: Request) -> float | None:
        """这样改了以后何时启动：现在，许诺的时刻，或者不知道。"""
        if self._left <= 0:
            return None
        self._left -= 1
        decided = plan(self._with(request))
        if any(start.job_id == self._job.job_id for start in decided.starts):
            return self.snapshot.now
        blocked = decided.blocked.get(self._job.job_id)
        return blocked.expected_start if blocked else None

    def _with(self, request: Request) -> Snapshot:
        changed = replace(self._job, request=request)
        return replace(self.snapshot, waiting=[*self.snapshot.waiting, changed])


def _fewer_cpus(trials: _Trials, request: Request) -> Iterator[Change]:
    """少要 CPU：先少几个任务，只有一个任务时少几个 CPU；取够好的里面最多的。"""
    if request.exclusive or request.overcommit:
        return
    if request.tasks > max(request.nodes_min, 1):
        count = _largest(
            max(request.nodes_min, 1),
            request.tasks - 1,
            lambda tasks: trials.works(replace(request, tasks=tasks)),
        )
        if count is not None:
            changed = replace(request, tasks=count)
            cpus = count * request.cpus_per_task
            yield Change(trials.when(changed), cpus=cpus, tasks=count)
    elif request.cpus_per_task > 1:
        count = _largest(
            1,
            request.cpus_per_task - 1,
            lambda cpus: trials.works(replace(request, cpus_per_task=cpus)),
        )
        if count is not None:
            changed = replace(request, cpus_per_task=count)
            cpus = count * max(request.tasks, request.nodes_min)
            yield Change(trials.when(changed), cpus=cpus, cpus_per_task=count)


def _less_memory(trials: _Trials) -> Iterator[Change]:
    """少要内存：各节点空闲的量里，够好的最大的一个。"""
    request = trials.request
    nodes = trials.snapshot.nodes
    free = [node.memory if trials.never else node.idle_memory for node in nodes]
    if request.memory_per_node is not None:
        asked = request.memory_per_node or max((node.memory for node in nodes), default=0)
        for amount in _below(free, asked):
            changed = replace(request, memory_per_node=amount)
            if trials.works(changed):
                yield Change(trials.when(changed), memory_per_node=amount)
                return
    elif request.memory_per_cpu:
        cpus = max(request.tasks * request.cpus_per_task // max(request.nodes_min, 1), 1)
        shares = [amount // cpus for amount in free]
        for amount in _below(shares, request.memory_per_cpu):
            changed = replace(request, memory_per_cpu=amount)
            if trials.works(changed):
                yield Change(trials.when(changed), memory_per_cpu=amount)
                return


def _less_time(trials: _Trials) -> Iterator[Change]:
    """时限短到不耽误前面的作业，或者分区允许。"""
    for seconds in _shorter(trials):
        changed = replace(trials.request, time_limit=seconds, time_min=None)
        if trials.works(changed):
            yield Change(trials.when(changed), time_limit=seconds)
            return


def _both(trials: _Trials) -> Iterator[Change]:
    """CPU 与时限都要少。"""
    for seconds in _shorter(trials)[:2]:
        request = replace(trials.request, time_limit=seconds, time_min=None)
        for change in _fewer_cpus(trials, request):
            yield replace(change, time_limit=seconds)
            return


def _shorter(trials: _Trials) -> list[int]:
    """值得一试的时限，从长到短，整分钟。"""
    snapshot = trials.snapshot
    if trials.never:
        wanted = trials.request.partitions
        limits = [part.max_time or 0 for part in snapshot.partitions if part.name in wanted]
    else:
        edges = [*trials.promises, *(each.start for each in snapshot.reservations)]
        limits = [int(edge - snapshot.now) // _MINUTE * _MINUTE for edge in edges]
    return _below(limits, trials.request.time_limit)


def _dropped(trials: _Trials) -> Iterator[Change]:
    """不再坚持的条件，一次一个。"""
    request = trials.request
    without = {
        "exclusive": request.exclusive and replace(request, exclusive=False),
        "nodelist": request.nodelist and replace(request, nodelist=frozenset()),
        "constraint": request.features and replace(request, features=None),
    }
    for name, changed in without.items():
        if changed and trials.works(changed):
            yield Change(trials.when(changed), dropped=name)


def _elsewhere(trials: _Trials) -> Iterator[Change]:
    """换一个分区；几个都行时只说头一个。"""
    request = trials.request
    for partition in trials.snapshot.partitions:
        if partition.name in request.partitions:
            continue
        changed = replace(request, partitions=(partition.name,))
        if trials.possible(changed) and trials.works(changed):
            yield Change(trials.when(changed), partition=partition.name)
            return


def _largest(low: int, high: int, works: Callable[[int], bool]) -> int | None:
    """`low` 到 `high` 里成立的最大的数；小的比大的容易成立。都不成时为 None。"""
    if not works(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if works(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _below(values: list[int], asked: int | None) -> list[int]:
    """比要的少的正数，从大到小，至多 `MOST_VALUES` 个；`asked` 为 None 时不限。"""
    chosen = {value for value in values if value > 0 and (asked is None or value < asked)}
    return sorted(chosen, reverse=True)[:MOST_VALUES]
