"""squeue -s：正在运行的作业步。来源：squeue(1) 22.05 版。

手册没有说而 22.05 版如此：`-t`、`-n`、`-A`、`-q` 对作业步不起作用。
"""

from __future__ import annotations

from scns.cli.fields import queue, steps
from scns.cli.squeue.selection import Sql, items, leading_number
from scns.errors import UsageError

_NAMED = (
    "EXISTS (SELECT FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS named(job, task, step)"
    " WHERE named.step = t.step_id AND (named.job = q.id AND named.task IS NULL"
    " OR named.job = q.array_job_id AND coalesce(named.task = q.array_task_id, true)))"
)

#: 从哪里读：还占着节点的作业的这一次运行。`OFFSET 0` 不让子查询并上来：一个作业一个作业地
#: 问，不读早已结束的作业的步。
FROM = (
    "jobs q CROSS JOIN LATERAL (SELECT s.* FROM scns.step_list s"
    " WHERE s.job_id = q.id AND s.attempt = q.attempt AND s.end_time IS NULL OFFSET 0) t"
)


def running() -> Sql:
    """没有结束的作业步。"""
    built = Sql()
    on_node = [state for state in queue.ACTIVE if state != "PENDING"]
    built.add("q.state = ANY (%s::text[])", on_node)
    return built


def add_names(built: Sql, text: str) -> None:
    """`-s 42.0,43_1.batch`：只要这些作业步。

    异常：
        UsageError：没有写作业步，或不是作业号
    """
    named = [_parse(item) for item in items(text)]
    built.add(_NAMED, *([row[place] for row in named] for place in range(3)))


def _parse(item: str) -> tuple[int, int | None, int]:
    """作业号、下标、作业步号；不认识的作业步名当作 0，与 strtol 一样。"""
    job_text, dot, step_text = item.partition(".")
    if not dot or not step_text:
        raise UsageError(f"Invalid job_step id: {job_text}.??")
    job_id, rest = leading_number(job_text)
    if job_id == 0:
        raise UsageError(f"Invalid job_step id: {item}")
    task = leading_number(rest[1:])[0] if rest[:1] == "_" else None
    number = steps.NAMED.get(step_text)
    return job_id, task, leading_number(step_text)[0] if number is None else number
