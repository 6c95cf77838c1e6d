"""账目从哪里来：先按条件选出作业号，再一页一页取。

分两步取，是因为一次取一百万行要占着旧快照，拖慢调度，也容易撞上会话的时限。
"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

from scns.cli.fields import sql
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Sequence
    from typing import Any

    Record = dict[str, Any]
    Window = tuple[int, int] | None

    #: SQL 的条件与它的参数。
    Part = tuple[str, list[Any]]

#: 一页几个作业。
PAGE = 5000

#: 结局已定、进程还在退出的作业：Slurm 从这一刻起就把它的结局与结束时刻记入账目。
_DECIDED = "q.state = 'COMPLETING' AND q.outcome IS NOT NULL AND q.outcome <> 'REQUEUE'"

#: 此刻，epoch 秒。
NOW = sql.epoch("now()")

_LIMIT = "coalesce('%%' || nullif(q.array_limit, 0), '')"

#: 作业一次运行的各列；时刻是 epoch 秒，没有的是 NULL。排队的作业还没有这一次，`attempt` 是 NULL。
_JOB = {
    **{
        name: f"q.{name}"
        for name in (
            "id array_job_id array_task_id array_limit name owner uid gid group_name partition"
            " account qos outcome_uid reason exit_code exit_signal nodes nodes_alloc cpus_alloc"
            " memory_alloc nodes_min cpus memory_per_cpu memory_per_node time_limit comment"
            " directory gres suspended_seconds"
        ).split()
    },
    "label": "CASE WHEN q.array_job_id IS NULL THEN q.id::text WHEN q.waiting IS NOT NULL"
    f" THEN q.array_job_id || '_[' || {sql.indices('q.waiting', 'true', '64')} || {_LIMIT} || ']'"
    " ELSE q.array_job_id || '_' || q.array_task_id END",
    "attempt": "CASE WHEN q.state <> 'PENDING' THEN q.attempt END",
    "constraint_": 'q."constraint"',
    "waiting": "q.waiting",
    "priority": "CASE WHEN q.hold IS NULL THEN q.priority ELSE 0 END",
    "wckey": "q.options ->> 'wckey'",
    "reservation": "q.options ->> 'reservation'",
    "state": f"CASE WHEN {_DECIDED} THEN q.outcome ELSE q.state END",
    "submit": sql.epoch("q.submit_time"),
    "eligible": sql.epoch("q.eligible_time"),
    "begun": sql.epoch("q.start_time"),
    "ended": sql.epoch(f"CASE WHEN {_DECIDED} THEN q.kill_time ELSE q.end_time END"),
    "suspend": sql.epoch("q.suspend_time"),
    "submit_line": "(SELECT m.submit_line FROM scns.my_job m WHERE m.id = q.id)",
    "largest_memory": "(SELECT max(n.memory) FROM scns.node_list n"
    " WHERE q.partition = ANY (n.partitions))",
    "derived_code": "max(t.exit_code) FILTER (WHERE t.step_id >= 0)",
    "user_ms": "sum(t.user_milliseconds)::bigint",
    "system_ms": "sum(t.system_milliseconds)::bigint",
}
_SUMS = ("derived_code", "user_ms", "system_ms")

#: 重新排队之前的一次运行；作业行里已经没有它，由批处理步得出。
_EARLIER = {
    "attempt": "e.attempt",
    "state": "'REQUEUED'::text",
    "begun": sql.epoch("e.start_time"),
    "ended": sql.epoch("e.end_time"),
    "nodes": "e.nodes",
    "nodes_alloc": "1",
    "cpus_alloc": "e.cpus",
    "memory_alloc": "coalesce(nullif(q.memory_per_cpu * e.cpus, 0), q.memory_per_node)",
    "reason": "'None'::text",
    "outcome_uid": "NULL::int",
    "exit_code": "0",
    "exit_signal": "0",
    "suspended_seconds": "0",
    "suspend": "NULL::bigint",
    **{name: f"e.{name}" for name in _SUMS},
}
_EARLIER_RUNS = (
    "scns.queue q CROSS JOIN LATERAL (SELECT t.attempt, min(t.start_time) AS start_time,"
    " max(t.end_time) AS end_time, (array_agg(t.node_list ORDER BY t.step_id))[1] AS nodes,"
    " (array_agg(t.cpus ORDER BY t.step_id))[1] AS cpus, "
    + ", ".join(f"{_JOB[name]} AS {name}" for name in _SUMS)
    + " FROM scns.step_list t WHERE t.job_id = q.id"
    " AND (q.state = 'PENDING' OR t.attempt <> q.attempt) GROUP BY t.attempt) e"
)

_STEP = {
    **{
        name: f"t.{name}"
        for name in (
            "job_id attempt step_id name state node_list tasks cpus exit_code exit_signal"
        ).split()
    },
    # 数据库与内核一样以 KiB 计
    "max_rss": "t.max_rss * 1024",
    "user_ms": "t.user_milliseconds",
    "system_ms": "t.system_milliseconds",
    "begun": sql.epoch("t.start_time"),
    "ended": sql.epoch("t.end_time"),
}

#: 没有条件。
ALL: Part = ("true", [])

#: 一页的作业，依次。
PAGE_OF = "unnest(%s::bigint[]) WITH ORDINALITY AS page(id, place)"

#: 一行起止之间真正运行的秒数，去掉挂起的时间；还没启动是 0。
_ELAPSED = "CASE WHEN begun IS NULL THEN 0 ELSE greatest({until} - begun{less}, 0) END"

#: 与 Slurm 一样按提交的先后；数组里还没启动的排在元素后面。
_ORDER = "ORDER BY q.submission_id, q.array_task_id NULLS LAST, q.id"


class Rows:
    """要作业的哪些运行、哪些步。

    参数：
        jobs、steps：作业的行 `j` 与步的行 `t` 各要满足的条件
        with_steps：False 时不要步
        window：`-T` 把起止截在其中的两个时刻；None 不截
        duplicates：重新排队之前的各次运行也要
    """

    __slots__ = ("duplicates", "jobs", "steps", "window", "with_steps")

    def __init__(
        self,
        jobs: Part,
        steps: Part,
        *,
        with_steps: bool = True,
        window: Window = None,
        duplicates: bool = False,
    ) -> None:
        self.jobs = jobs
        self.steps = steps
        self.with_steps = with_steps
        self.window = window
        self.duplicates = duplicates


def select_ids(connection: Any, where: str, parameters: Sequence[Any]) -> array[int]:
    """符合条件的作业号，照打印的次序；一百万个占 8 MB。"""
    from array import array

    ids = array("q")
    statement = f"SELECT q.id::text FROM scns.queue q WHERE {where} {_ORDER}"
    connect.each(connection, statement, parameters, lambda line: ids.append(int(line)))
    return ids


def pages(ids: Sequence[int]) -> Iterator[list[int]]:
    """把作业号分成页。"""
    for start in range(0, len(ids), PAGE):
        yield list(ids[start : start + PAGE])


def runs(rows: Rows) -> str:
    """一页的作业的各次运行，语句里叫 `j`。"""
    sums = {name: _of_steps(_JOB[name]) for name in _SUMS}
    arms = [_arm(_JOB | sums, "scns.queue q", "page.id = q.id", rows.window)]
    if rows.duplicates:
        arms.append(_arm(_JOB | _EARLIER, _EARLIER_RUNS, "page.id = q.id", rows.window))
    less = " - suspended_seconds"
    until = f"coalesce(ended, CASE WHEN state = 'SUSPENDED' THEN suspend END, {NOW})"
    return (
        f"(SELECT r.*, {_ELAPSED.format(until=until, less=less)} AS elapsed,"
        " suspended_seconds + CASE WHEN state = 'SUSPENDED'"
        f" THEN coalesce({NOW} - suspend, 0) ELSE 0 END AS suspended"
        f" FROM ({' UNION ALL '.join(arms)}) r) j"
    )


def steps(rows: Rows) -> str:
    """作业步，语句里叫 `t`。"""
    arm = _arm(_STEP, "scns.step_list t", "true", rows.window)
    until = f"coalesce(ended, {NOW})"
    return f"(SELECT r.*, {_ELAPSED.format(until=until, less='')} AS elapsed FROM ({arm}) r) t"


def _of_steps(expression: str) -> str:
    """这一次运行的各步汇总成一个值。"""
    return (
        f"(SELECT {expression} FROM scns.step_list t"
        " WHERE t.job_id = q.id AND t.attempt = q.attempt)"
    )


def _arm(columns: dict[str, str], source: str, where: str, window: Window) -> str:
    if window is not None:
        # 还没启动的没有起止可截
        begun, ended = columns["begun"], columns["ended"]
        cut = f"CASE WHEN {begun} IS NOT NULL THEN least(coalesce({ended}, {NOW}), {window[1]:d})"
        columns = columns | {
            "begun": f"greatest({begun}, CASE WHEN {begun} IS NOT NULL THEN {window[0]:d} END)",
            "ended": f"{cut} ELSE {ended} END",
        }
    listed = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    return f"SELECT {listed} FROM {source} WHERE {where}"


def labels(connection: Any, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """作业号与印给用户的写法，依次。"""
    statement = f"SELECT q.id, {_JOB['label']} FROM scns.queue q WHERE q.id = ANY (%s)"
    for page in pages(ids):
        found = dict(connect.call(connection, statement, (page,)))
        yield from ((job_id, found[job_id]) for job_id in page if job_id in found)


def documents(
    connection: Any, page: Sequence[int], rows: Rows
) -> Iterator[tuple[Record, list[Record]]]:
    """一页的作业的各次运行与它们的步；期间被清掉的作业略过。"""
    names = [*_JOB, "elapsed", "suspended"]
    listed = ", ".join(f"j.{name}" for name in names).replace("j.waiting", "j.waiting::text")
    statement = (
        f"SELECT {listed} FROM {PAGE_OF} CROSS JOIN LATERAL {runs(rows)}"
        f" WHERE {rows.jobs[0]} ORDER BY page.place, j.attempt"
    )
    found: dict[tuple[int, int], list[Record]] = {}
    if rows.with_steps:
        of_step = [*_STEP, "elapsed"]
        listed = ", ".join(f"t.{name}" for name in of_step)
        query = f"SELECT {listed} FROM {steps(rows)} WHERE t.job_id = ANY (%s) ORDER BY t.step_id"
        for row in connect.call(connection, query, (page,)):
            found.setdefault((row[0], row[1]), []).append(dict(zip(of_step, row, strict=True)))
    for row in connect.call(connection, statement, (page, *rows.jobs[1])):
        job = dict(zip(names, row, strict=True))
        yield job, found.get((job["id"], job["attempt"]), [])
