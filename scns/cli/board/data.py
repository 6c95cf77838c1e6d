"""看板的数据：节点、作业与总数，一次读齐。"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from scns import arrays, nodestate
from scns.db import connect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.cli.board.usage import Usage

#: 一次至多读多少个作业：屏幕放不下更多，排在后面的等排到前面再看。
MOST_JOBS = 500

_NODES = """
SELECT n.name, n.cpus, n.cpus_alloc, n.memory, n.memory_alloc, n.cpu_load::float8 / 100,
       n.drain, n.down, n.silent OR NOT n.stepd,
       (SELECT count(*) FROM scns.allocation_list a WHERE a.node = n.name)
  FROM scns.node_list n
 ORDER BY n.position, n.name
"""

#: 在跑的在前，其余按谁先轮到；数组没有行的元素算进 `size`。
_JOBS = """
SELECT q.id, q.array_job_id, q.array_task_id, q.waiting::text, q.array_limit, q.owner, q.name,
       q.partition, q.account, q.state, q.reason, coalesce(q.cpus_alloc, q.cpus),
       coalesce(q.memory_alloc, q.memory_per_node, q.memory_per_cpu * q.cpus),
       extract(epoch FROM coalesce(q.suspend_time, now()) - q.start_time)::float8
         - q.suspended_seconds,
       q.time_limit, q.nodes, q.priority::float8,
       extract(epoch FROM q.expected_start)::float8, q.uid,
       extract(epoch FROM q.start_time)::float8,
       CASE WHEN q.waiting IS NULL THEN 1
            ELSE (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(q.waiting) r) END::int
  FROM scns.queue q
 WHERE q.state IN ('PENDING', 'RUNNING', 'SUSPENDED', 'COMPLETING')
   AND (%(owner)s::text IS NULL OR q.owner = %(owner)s)
 ORDER BY q.state = 'PENDING', CASE WHEN q.state = 'PENDING' THEN q.priority END DESC, q.id
 LIMIT %(limit)s
"""

_TOTALS = """
SELECT (SELECT max(v.value) FROM scns.setting_list v WHERE v.name = 'ClusterName'),
       coalesce((SELECT bool_or(c.alive) FROM scns.controller c), false),
       extract(epoch FROM now())::float8,
       count(*) FILTER (WHERE q.state <> 'PENDING'),
       coalesce(sum(CASE WHEN q.waiting IS NULL THEN 1
                    ELSE (SELECT sum(upper(r) - lower(r)) FROM unnest(q.waiting) r) END)
                FILTER (WHERE q.state = 'PENDING'), 0)::bigint
  FROM scns.queue q
 WHERE q.state IN ('PENDING', 'RUNNING', 'SUSPENDED', 'COMPLETING')
"""

#: 还没启动完的数组，已有自己行的元素里几个结束了、几个在跑。
_ARRAYS = """
SELECT q.array_job_id, count(*) FILTER (WHERE q.end_time IS NOT NULL),
       count(*) FILTER (WHERE q.end_time IS NULL AND q.waiting IS NULL)
  FROM scns.queue q WHERE q.array_job_id = ANY (%s) GROUP BY q.array_job_id
"""


@dataclass(frozen=True, slots=True)
class Node:
    """一个节点。内存是 MiB；`load` 是负载，没有报告过时为 None。"""

    name: str
    cpus: int
    cpus_alloc: int
    memory: int
    memory_alloc: int
    load: float | None
    drain: bool
    down: bool
    silent: bool
    jobs: int

    @property
    def state(self) -> str:
        """sinfo 的说法，没有应答的带 `*`。"""
        base = nodestate.base_state(self.cpus, self.cpus_alloc, self.down)
        shown = nodestate.shown_state(base, drain=self.drain, completing=False)
        return shown + nodestate.mark(base, drain=self.drain, completing=False, silent=self.silent)


@dataclass(frozen=True, slots=True)
class Job:
    """一个作业，或数组里还没启动的部分。内存是 MiB，时间是秒。

    参数：
        seconds：跑了多久；没启动是 None
        size：几个元素；普通作业是 1
        done、running：数组里结束了的与在跑的元素数
        usage：此刻的用量；看不到它的进程时为 None
    """

    job_id: int
    array_job_id: int | None
    array_task_id: int | None
    waiting: str | None
    array_limit: int | None
    owner: str
    name: str
    partition: str
    account: str
    state: str
    reason: str
    cpus: int
    memory: int | None
    seconds: float | None
    limit: int | None
    nodes: str | None
    priority: float
    expected: float | None
    uid: int
    start: float | None
    size: int
    done: int = 0
    running: int = 0
    usage: Usage | None = None

    @property
    def label(self) -> str:
        """作业号的写法：`42`、`42_7`、`42_[8-20]`。"""
        if self.waiting is not None:
            indices = arrays.format_indices(arrays.from_multirange(self.waiting), self.array_limit)
            return f"{self.job_id}_[{indices}]"
        if self.array_job_id is not None and self.array_task_id is not None:
            return f"{self.array_job_id}_{self.array_task_id}"
        return str(self.job_id)

    @property
    def target(self) -> dict[str, Any]:
        """请求里指名它的写法；数组只指还没启动的部分。"""
        if self.waiting is not None:
            return {"job": self.job_id, "tasks": self.waiting}
        if self.array_job_id is not None and self.array_task_id is not None:
            task = self.array_task_id
            return {"job": self.array_job_id, "tasks": f"{{[{task},{task + 1})}}"}
        return {"job": self.job_id}


@dataclass(frozen=True, slots=True)
class Board:
    """某一刻的全部。

    参数：
        alive：有 scnsd 在排计划
        running、waiting：在跑的作业数，在等的作业与元素数；不受 `owner` 的限制
    """

    cluster: str
    alive: bool
    now: float
    running: int
    waiting: int
    nodes: list[Node] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    def measured(self, usage: Mapping[int, Usage]) -> Board:
        """加上各作业的用量。"""
        jobs = [replace(job, usage=usage.get(job.job_id)) for job in self.jobs]
        return replace(self, jobs=jobs)


def read(connection: Any, owner: str | None = None) -> Board:
    """读出此刻的看板；`owner` 是只看谁的作业。"""
    [totals] = connect.call(connection, _TOTALS)
    nodes = [Node(*row) for row in connect.call(connection, _NODES)]
    rows = connect.call(connection, _JOBS, {"owner": owner, "limit": MOST_JOBS})
    jobs = [Job(*row) for row in rows]
    waiting = [job.job_id for job in jobs if job.waiting is not None]
    if waiting:
        counts = {row[0]: row[1:] for row in connect.call(connection, _ARRAYS, (waiting,))}
        jobs = [
            replace(job, done=counts[job.job_id][0], running=counts[job.job_id][1])
            if job.job_id in counts
            else job
            for job in jobs
        ]
    name, alive, now, running, still = totals
    return Board(name or "", alive, now, running, still, nodes, jobs)
