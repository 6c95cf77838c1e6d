"""`scontrol show job`：作业的全部字段，次序与 22.05 版相同。来源：scontrol(1) “JOBS”。"""

from __future__ import annotations

import time

from scns.arrays import from_multirange
from scns.cli.fields.dependency import UNMET
from scns.cli.scontrol.job_lines import format_job
from scns.cli.scontrol.record import clock, epoch, moment, record, select
from scns.cli.scontrol.session import Session
from scns.cli.squeue.selection import VISIBLE, min_job_age
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.scontrol.record import Moment

    Job = dict[str, Any]

#: 一次取几行：十万个作业也不会占满内存。
_PAGE = 2000

#: 只供显示的选项；键见 `scns.cli.request.build`。
_OPTIONS = (
    "contiguous oversubscribe core_spec thread_spec sockets_per_node cores_per_socket"
    " threads_per_core tasks_per_core tasks_per_socket delay_boot network prefer reservation"
    " switches tmp cpus_per_gpu memory_per_gpu gpus gpus_per_node gpus_per_socket gpus_per_task"
    " tasks_per_gpu burst_buffer mail_user"
).split()

#: 起止之间真正运行的秒数，去掉挂起的时间。
_UNTIL = "coalesce(q.end_time, CASE q.state WHEN 'SUSPENDED' THEN q.suspend_time END, now())"
_RUN_TIME = (
    "CASE WHEN q.state = 'PENDING' OR q.start_time IS NULL THEN 0"
    f" ELSE {epoch(_UNTIL)} - {epoch('q.start_time')} - q.suspended_seconds END"
)

_COLUMNS = {
    **{
        name: f"q.{name}"
        for name in (
            "id array_job_id array_task_id array_limit name owner uid gid group_name nice account"
            " qos state reason hold requeue restarts batch exit_code exit_signal time_limit"
            " time_min partition submit_host required_nodes exclude nodes batch_host nodes_min"
            " nodes_max nodes_alloc cpus cpus_alloc tasks cpus_per_task tasks_per_node mincpus"
            " memory_per_node memory_per_cpu memory_alloc exclusive licenses gres command directory"
            " comment standard_input standard_output standard_error kill_on_invalid_dep"
            " suspended_seconds"
        ).split()
    },
    **{name: f"q.options ->> '{name}'" for name in _OPTIONS},
    "option_gres": "q.options ->> 'gres'",
    # 要另外查的，都只在要印时才查
    "mail_type": "CASE WHEN q.options ? 'mail_type' THEN (SELECT string_agg(e.type, ',' ORDER BY"
    " e.n) FROM jsonb_array_elements_text(q.options -> 'mail_type') WITH ORDINALITY"
    " AS e(type, n)) END",
    "features": 'q."constraint"',
    "waiting": "q.waiting::text",
    "priority": "CASE WHEN q.hold IS NULL THEN q.priority ELSE 0 END",
    "dependency": UNMET,
    "derived_code": "CASE WHEN q.attempt > 0 THEN (SELECT max(t.exit_code) FROM scns.step_list t"
    " WHERE t.job_id = q.id AND t.attempt = q.attempt AND t.step_id >= 0) END",
    "run_time": _RUN_TIME,
    "largest_memory": "CASE WHEN 0 IN (q.memory_per_cpu, q.memory_per_node)"
    " THEN (SELECT max(n.memory) FROM scns.node_list n WHERE q.partition = ANY (n.partitions)) END",
    "arguments": "(SELECT array_to_string(m.arguments, ' ') FROM scns.my_job m WHERE m.id = q.id)",
    **{
        name: epoch(f"q.{name}")
        for name in (
            "submit_time eligible_time begin_time start_time end_time limit_time expected_start"
            " suspend_time deadline"
        ).split()
    },
}

#: 活动的，与结束了而在 MinJobAge 之内的：写得两个索引都用得上，不读旧的作业。
_VISIBLE = f"(q.state IN ('COMPLETING', 'PENDING', 'RUNNING', 'SUSPENDED') OR {VISIBLE})"

_IDS = select({"id": "q.id"}, "scns.queue q") + f" WHERE {_VISIBLE} ORDER BY q.id"
_PAGE_OF = select(_COLUMNS, "scns.queue q") + " WHERE q.id = ANY (%s) ORDER BY q.id"
_ONE = select(_COLUMNS, "scns.queue q") + (
    f" WHERE {_VISIBLE} AND (q.id = %s OR q.array_job_id = %s)"
    " AND (%s::int IS NULL OR q.array_task_id = %s::int OR q.waiting @> %s::int) ORDER BY q.id"
)

_ALLOCATIONS = """
SELECT a.node,
       (SELECT string_agg(CASE WHEN upper(r) - lower(r) = 1 THEN lower(r)::text
                               ELSE lower(r) || '-' || upper(r) - 1 END, ',' ORDER BY lower(r))
          FROM unnest(a.cpu_ids) r),
       a.memory,
       (SELECT coalesce(string_agg(g.key || ':' || g.value, ',' ORDER BY g.key), '')
          FROM jsonb_each_text(a.gres) g)
  FROM scns.allocation_list a WHERE a.job_id = %s ORDER BY a.node
"""


def show_jobs(session: Session, text: str | None) -> None:
    """打印一个作业、数组的一个元素，或看得见的全部作业。"""
    if text is None:
        _show_all(session)
        return
    if not text or text.strip("0123456789_+"):
        session.complain("scontrol_print_job error: Invalid job id specified")
        return
    job_text, underscore, task_text = text.partition("_")
    job_id = _leading(job_text)
    task = _leading(task_text) if underscore else None
    if not job_id:
        _show_all(session)
        return
    named = (min_job_age(session.connection), job_id, job_id)
    rows = session.rows(_ONE, (*named, task, task, task))
    if not rows and (task is None or not session.rows(_ONE, (*named, None, None, None))):
        session.complain("slurm_load_jobs error: Invalid job id specified")
        return
    _announce(session, len(rows))
    for row in rows:
        _print(session, record(_COLUMNS, row), task, moment)
    if not rows:
        session.exit_code = 1
        if not session.quiet:
            session.say(f"Job {job_id}_{task} not found\n")


def _leading(text: str) -> int:
    """开头的数字；像 C 的 strtol，没有就是 0，太大就当作没有这个作业。"""
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return min(int(digits[:18] or 0), 2**31 - 1)


def _show_all(session: Session) -> None:
    ids = [job_id for (job_id,) in session.rows(_IDS, (min_job_age(session.connection),))]
    _announce(session, len(ids))
    if not ids and not session.quiet:
        session.say("No jobs in the system\n")
    show = clock()
    connect.join_one_by_one(session.connection)
    for start in range(0, len(ids), _PAGE):
        for row in session.rows(_PAGE_OF, (ids[start : start + _PAGE],)):
            _print(session, record(_COLUMNS, row), None, show)


def _announce(session: Session, count: int) -> None:
    if session.verbose:
        session.say(f"last_update_time={moment(time.time())}, records={count}\n")


def _print(session: Session, job: Job, task: int | None, show: Moment) -> None:
    """打印一行；点名了元素时，合成一行的数组只显示那一个。"""
    job["ranges"] = None
    if job["waiting"] is not None and task is None:
        job["ranges"] = from_multirange(job["waiting"])
    elif job["waiting"] is not None:
        job["array_task_id"] = task
    allocations = []
    if session.details and job["nodes_alloc"]:
        allocations = [(*row,) for row in session.rows(_ALLOCATIONS, (job["id"],))]
    session.say(
        format_job(job, allocations, show, one_line=session.one_line, details=session.details)
    )
