"""`scontrol show step`：运行中的作业步。来源：scontrol(1) “STEPS”。"""

from __future__ import annotations

from scns.arrays import InvalidJobRef, parse_job_ref
from scns.cli.scontrol.record import epoch, layout, moment, record, select
from scns.cli.scontrol.session import Session
from scns.times import elapsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.arrays import JobRef

    Step = dict[str, Any]

_COLUMNS = {
    **{name: f"t.{name}" for name in "job_id step_id name state node_list tasks cpus".split()},
    **{name: f"q.{name}" for name in "array_job_id array_task_id uid partition".split()},
    "time_limit": "q.time_limit",
    "submit_host": "q.submit_host",
    "start_time": epoch("t.start_time"),
}

_BASE = (
    select(_COLUMNS, "scns.step_list t JOIN scns.queue q ON q.id = t.job_id")
    + " WHERE t.attempt = q.attempt AND t.end_time IS NULL AND q.state <> 'PENDING'"
)
_ALL = _BASE + " ORDER BY t.job_id, t.step_id"
_SOME = _BASE + (
    " AND (q.id = %s OR q.array_job_id = %s)"
    " AND (%s::int4multirange IS NULL OR q.array_task_id <@ %s::int4multirange)"
    " AND (%s::int IS NULL OR t.step_id = %s::int) ORDER BY t.job_id, t.step_id"
)

_NAMES = {-5: "batch", -4: "extern", -6: "interactive"}
_NUMBERS = {name: number for number, name in _NAMES.items()}


def show_steps(session: Session, text: str | None) -> None:
    """打印一个步、一个作业的各步，或全部运行中的步。"""
    if text is None:
        rows = session.rows(_ALL)
        if not rows and not session.quiet:
            session.say("No job steps in the system\n")
    else:
        rows = session.rows(_SOME, _parameters(_reference(text)))
        if not rows:
            session.exit_code = 1
            if not session.quiet:
                session.say(f"Job step {text} not found\n")
    for row in rows:
        session.say(format_step(record(_COLUMNS, row), one_line=session.one_line))


def _reference(text: str) -> JobRef | None:
    try:
        return parse_job_ref(text)
    except InvalidJobRef:
        return None


def _parameters(ref: JobRef | None) -> tuple[Any, ...]:
    if ref is None:
        return (0, 0, None, None, None, None)
    from scns.arrays import to_multirange

    tasks = None if ref.ranges is None else to_multirange(ref.ranges)
    step = None if ref.step is None else _NUMBERS.get(ref.step)
    if ref.step is not None and step is None:
        step = int(ref.step)
    return (ref.job_id, ref.job_id, tasks, tasks, step, step)


def format_step(step: Step, *, one_line: bool = False) -> str:
    """排好一个步的记录。"""
    from scns.hostlist import count

    number = _NAMES.get(step["step_id"], step["step_id"])
    job = step["job_id"]
    if step["array_job_id"] is not None:
        job = f"{step['array_job_id']}_{step['array_task_id']}"
    nodes = count(step["node_list"])
    lines = [
        f"StepId={job}.{number} UserId={step['uid']}"
        f" StartTime={moment(step['start_time'], 'Unknown')}"
        f" TimeLimit={elapsed(step['time_limit'])}",
        f"State={step['state']} Partition={step['partition']} NodeList={step['node_list']}",
        f"Nodes={nodes} CPUs={step['cpus']} Tasks={step['tasks']} Name={step['name']}"
        " Network=(null)",
        f"TRES=cpu={step['cpus']},node={nodes}",
        "ResvPorts=(null)",
        f"CPUFreqReq=Default Dist={'Unknown' if step['step_id'] < 0 else 'Cyclic'}",
        f"SrunHost:Pid={step['submit_host'] or 'unknown'}:0",
    ]
    return layout(lines, one_line=one_line)
