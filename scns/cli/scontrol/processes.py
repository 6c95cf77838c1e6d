"""`scontrol listpids`：本节点上作业的进程。来源：scontrol(1)。

进程属于哪个作业由它的环境得知：Slurm 的变量由父进程传给子进程。读得到自己的进程，
root 读得到全部的。
"""

from __future__ import annotations

import os

from scns.cli.scontrol.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_HEADER = f"{'PID':<8} {'JOBID':<8} {'STEPID':<8} {'LOCALID':<7} {'GLOBALID':<8}\n"


class Process:
    """一个进程。

    属性：
        step：步号；批处理脚本的是 `batch`
        local、rank：任务在节点上与全局的序号
    """

    __slots__ = ("job", "local", "parent", "pid", "rank", "step")

    def __init__(self, pid: int, parent: int, environment: dict[bytes, bytes]) -> None:
        self.pid = pid
        self.parent = parent
        self.job = int(environment[b"SLURM_JOB_ID"])
        self.step = environment.get(b"SLURM_STEP_ID", b"batch").decode("ascii", "replace")
        self.local = environment.get(b"SLURM_LOCALID", b"0").decode("ascii", "replace")
        self.rank = environment.get(b"SLURM_PROCID", b"0").decode("ascii", "replace")


def list_pids(session: Session, words: list[str]) -> None:
    """列出一个作业、一个步或全部作业的进程。"""
    text = words[0] if words else "*"
    job_text, _, step = text.partition(".")
    if text[:1] != "*" and not (job_text.isascii() and job_text.isdigit()):
        session.insist(f'"{job_text}" does not look like a jobid')
        return
    session.say(_HEADER)
    job = None if text[:1] == "*" else int(job_text)
    found = [
        process
        for process in processes()
        if (job is None or process.job == job) and step in ("", process.step)
    ]
    session.say("".join(rows(found)))
    if found:
        return
    node = os.uname().nodename.partition(".")[0]
    if job is None:
        session.insist("No job steps exist on this node.")
    elif step:
        session.insist(f"StepId={text} does not exist on node {node}.")
    else:
        session.insist(f"There are no steps for job {job} on node {node}.")


def rows(found: list[Process]) -> Iterable[str]:
    """各行：每个步里先是任务自己，再是它们的后代。"""
    steps = {(process.job, process.step) for process in found}
    for key in sorted(steps):
        members = [process for process in found if (process.job, process.step) == key]
        pids = {process.pid for process in members}
        tasks = [process for process in members if process.parent not in pids]
        others = [process for process in members if process.parent in pids]
        for process in tasks:
            yield _row(process, process.local, process.rank)
        for process in others:
            yield _row(process, "-", "-")


def _row(process: Process, local: str, rank: str) -> str:
    return f"{process.pid:<8} {process.job:<8} {process.step:<8} {local:<7} {rank:<8}\n"


def processes() -> Iterable[Process]:
    """读得到的、属于作业的进程，按进程号。"""
    with os.scandir("/proc") as entries:
        pids = sorted(int(entry.name) for entry in entries if entry.name.isdigit())
    for pid in pids:
        try:
            with open(f"/proc/{pid}/environ", "rb") as stream:
                pairs = stream.read().split(b"\0")
            with open(f"/proc/{pid}/stat", "rb") as stream:
                # 名字里可以有空格与括号，所以从最后一个括号数起
                parent = int(stream.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue  # 已经结束，或是别人的
        environment = dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)
        if environment.get(b"SLURM_JOB_ID", b"").isdigit():
            yield Process(pid, parent, environment)
