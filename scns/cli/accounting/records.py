"""取出作业与作业步的记录：先按条件选出次序，再一页一页取内容。

分两步取，是因为一次取一百万行会占满内存，而开着游标慢慢取会留住旧快照，拖慢调度。
"""

from __future__ import annotations

from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    Record = dict[str, Any]

#: 一页几个作业。
PAGE = 2000


def _epoch(expression: str) -> str:
    return f"extract(epoch FROM {expression})::bigint"


#: 结局已定、进程还在退出的作业：Slurm 从这一刻起就把它的结局与结束时刻记入账目。
_DECIDED = "q.state = 'COMPLETING' AND q.outcome IS NOT NULL AND q.outcome <> 'REQUEUE'"

_JOB = {
    **{
        name: f"q.{name}"
        for name in (
            "id submission_id array_job_id array_task_id array_limit name owner uid gid group_name"
            " partition account qos outcome_uid reason exit_code exit_signal attempt nodes"
            " nodes_alloc cpus_alloc memory_alloc nodes_min cpus memory_per_cpu memory_per_node"
            " time_limit comment directory gres batch suspended_seconds"
        ).split()
    },
    "constraint_": 'q."constraint"',
    "waiting": "q.waiting::text",
    "priority": "CASE WHEN q.hold IS NULL THEN q.priority ELSE 0 END",
    "wckey": "q.options ->> 'wckey'",
    "reservation": "q.options ->> 'reservation'",
    "state": f"CASE WHEN {_DECIDED} THEN q.outcome ELSE q.state END",
    "submit": _epoch("q.submit_time"),
    "eligible": _epoch("q.eligible_time"),
    "start": _epoch("q.start_time"),
    "end": _epoch(f"CASE WHEN {_DECIDED} THEN q.kill_time ELSE q.end_time END"),
    "suspend": _epoch("q.suspend_time"),
}


def _of_steps(expression: str) -> str:
    """这一次运行的各步汇总成一个值。"""
    steps = "scns.step_list t WHERE t.job_id = q.id AND t.attempt = q.attempt"
    return " ".join(("(SELECT", expression, "FROM", steps, ")"))


#: 要另外查的列，与用到它们的字段：用到才取。
_COSTLY = {
    "submit_line": (
        "(SELECT m.submit_line FROM scns.my_job m WHERE m.id = q.id)",
        ("SubmitLine",),
    ),
    "largest_memory": (
        "(SELECT max(n.memory) FROM scns.node_list n WHERE q.partition = ANY (n.partitions))",
        ("ReqMem", "ReqTRES"),
    ),
    "derived_code": (
        _of_steps("max(t.exit_code) FILTER (WHERE t.step_id >= 0)"),
        ("DerivedExitCode",),
    ),
    "user_ms": (
        _of_steps("sum(t.user_milliseconds)::bigint"),
        ("UserCPU", "TotalCPU"),
    ),
    "system_ms": (
        _of_steps("sum(t.system_milliseconds)::bigint"),
        ("SystemCPU", "TotalCPU"),
    ),
}

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
    "start": _epoch("t.start_time"),
    "end": _epoch("t.end_time"),
}

_STEPS = " ".join(
    (
        "SELECT",
        ", ".join(f'{expression} AS "{name}"' for name, expression in _STEP.items()),
        "FROM scns.step_list t WHERE t.job_id = ANY (%s) ORDER BY t.job_id, t.attempt, t.step_id",
    )
)

#: 与 Slurm 一样按提交的先后；数组里还没启动的排在元素后面。
_ORDER = "ORDER BY q.submission_id, q.array_task_id NULLS LAST, q.id"


def select_ids(connection: Any, where: str, parameters: Sequence[Any]) -> list[int]:
    """符合条件的作业号，照打印的次序。"""
    statement = " ".join(("SELECT q.id FROM scns.queue q WHERE", where, _ORDER))
    return [job_id for (job_id,) in connect.call(connection, statement, parameters)]


def pages(
    connection: Any,
    ids: Sequence[int],
    fields: Sequence[str] | None,
    *,
    steps: bool,
    duplicates: bool = False,
) -> Iterator[tuple[Record, list[Record]]]:
    """逐个给出作业与它的步；期间被清掉的作业略过。

    参数：
        fields：要打印的字段，决定取哪些列；None 取全部
        steps：False 时不取步
        duplicates：重新排队之前的各次运行也给出，从早到晚
    """
    columns = _JOB | {
        name: expression
        for name, (expression, users) in _COSTLY.items()
        if fields is None or any(field in users for field in fields)
    }
    statement = " ".join(
        (
            "SELECT",
            ", ".join(f'{expression} AS "{name}"' for name, expression in columns.items()),
            "FROM scns.queue q WHERE q.id = ANY (%s)",
        )
    )
    for start in range(0, len(ids), PAGE):
        page = list(ids[start : start + PAGE])
        jobs = {
            row[0]: dict(zip(columns, row, strict=True))
            for row in connect.call(connection, statement, (page,))
        }
        found: dict[int, list[Record]] = {}
        for row in connect.call(connection, _STEPS, (page,)) if steps or duplicates else ():
            found.setdefault(row[0], []).append(dict(zip(_STEP, row, strict=True)))
        for job_id in page:
            if job_id in jobs:
                for job, own in _runs(jobs[job_id], found.get(job_id, []), duplicates):
                    yield job, own if steps else []


def _runs(
    job: Record, steps: list[Record], duplicates: bool
) -> Iterator[tuple[Record, list[Record]]]:
    """一个作业的各次运行，从早到晚；等着的那一次还没有步。"""
    current = None if job["state"] == "PENDING" else job["attempt"]
    earlier: dict[int, list[Record]] = {}
    for step in steps:
        if step["attempt"] != current:
            earlier.setdefault(step["attempt"], []).append(step)
    if duplicates:
        for own in earlier.values():
            yield _earlier_run(job, own), own
    yield job, [step for step in steps if step["attempt"] == current]


def _earlier_run(job: Record, steps: list[Record]) -> Record:
    """重新排队之前的一次运行；作业行里已经没有它，由批处理步得出。"""
    batch = steps[0]
    return job | {
        "state": "REQUEUED",
        "start": min(step["start"] for step in steps),
        "end": max((step["end"] for step in steps if step["end"] is not None), default=None),
        "nodes": batch["node_list"],
        "nodes_alloc": 1,
        "cpus_alloc": batch["cpus"],
        "memory_alloc": (job["memory_per_cpu"] or 0) * batch["cpus"] or job["memory_per_node"],
        "reason": "None",
        "outcome_uid": None,
        "exit_code": 0,
        "exit_signal": 0,
        "suspended_seconds": 0,
        "suspend": None,
        "derived_code": max(
            (step["exit_code"] or 0 for step in steps if step["step_id"] >= 0), default=0
        ),
        "user_ms": sum(step["user_ms"] or 0 for step in steps),
        "system_ms": sum(step["system_ms"] or 0 for step in steps),
    }
