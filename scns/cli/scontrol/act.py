"""对作业动手的关键词：hold、release、requeue、suspend、resume、top。来源：scontrol(1)。"""

from __future__ import annotations

from scns.arrays import InvalidJobRef, JobRef, parse_job_refs, to_multirange
from scns.cli import control
from scns.cli.scontrol.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.control import Json

_UNKNOWN = "Invalid job id specified"

#: 按名字找只找排队的，与 Slurm 相同。
_NAMED = """
SELECT q.id, q.array_job_id, q.array_task_id FROM scns.queue q
 WHERE q.name = %s AND q.state = 'PENDING' ORDER BY q.id
"""


def hold(session: Session, verb: str, words: list[str]) -> None:
    """扣住或放开；一个词里有任何错误，最后再说一遍。

    参数：
        verb：`hold`、`uhold` 或 `release`
        words：作业号的列表，或 `jobname=NAME`
    """
    for word in words:
        said = _apply(session, verb, word, {})
        if said:
            session.complain(f"slurm_suspend error: {said[-1]}")


def requeue(session: Session, words: list[str], *, held: bool) -> None:
    """重新排队，或同时扣住；开头的 `State=SpecialExit` 照收，没有作用。"""
    control.outlive_own_end()
    while words and words[0].lower() in ("state=specialexit", "state=se"):
        words = words[1:]
    for word in words:
        _apply(session, "requeue", word, {"hold": held})


def suspend(session: Session, verb: str, words: list[str]) -> None:
    """停住或继续；不存在的作业有它自己的句子。"""
    for word in words:
        _apply(session, verb, word, {}, "Unexpected message received")


def top(session: Session, word: str) -> None:
    """排到属主别的作业前面；逗号隔开的几个依次排。"""
    _apply(session, "top", word, {})


def _apply(
    session: Session, verb: str, word: str, argument: dict[str, Json], unknown: str = _UNKNOWN
) -> list[str]:
    """对一个词指的各作业做一件事，逐个说错误；返回说过的句子。"""
    for prefix in ("jobid=", "job="):
        if word.lower().startswith(prefix):
            word = word[len(prefix) :]
    refs = find(session, word)
    if refs is None:
        session.complain(f"{_UNKNOWN} for job {word}")
        return [_UNKNOWN]
    if not refs:
        return []
    results = control.ask(session.connection, verb, [target(ref) for ref in refs], argument)
    said = []
    for ref, sentence in zip(refs, results, strict=True):
        if sentence is not None:
            said.append(unknown if sentence == _UNKNOWN else sentence)
            session.complain(f"{said[-1]} for job {ref}")
    return said


def find(session: Session, word: str) -> list[JobRef] | None:
    """一个词指的作业：作业号的列表，或 `name=NAME`；都不是时返回 None。"""
    key, equals, name = word.partition("=")
    if equals and key.lower() in ("name", "jobname"):
        return [
            JobRef(array or job_id, None if task is None else [(task, task + 1)])
            for job_id, array, task in session.rows(_NAMED, (name,))
        ]
    try:
        refs = parse_job_refs(word)
    except InvalidJobRef:
        return None
    return refs if refs and all(ref.step is None for ref in refs) else None


def target(ref: JobRef) -> dict[str, Json]:
    """请求里的一个目标。"""
    if ref.ranges is None:
        return {"job": ref.job_id}
    return {"job": ref.job_id, "tasks": to_multirange(ref.ranges)}
