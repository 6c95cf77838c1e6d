"""作业步：一个 srun 在作业里起的一组任务；任务与作业的脚本一样是 stepd 的孩子，各成一个会话。"""

from __future__ import annotations

import os

from scns.stepd.files import read_bytes
from scns.stepd.processes import stat
from scns.stepd.usage import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from scns.stepd.job import Job
    from scns.stepd.protocol import Message

    #: 一个输出在哪里：文件的路径，/dev/null 是 None，说不出名字的（管道、终端）是 False。
    Output = str | Literal[False] | None

#: 任务环境里的记号，值是 `作业的记号.步号`：脱离了会话的也认得出来。
STEP_MARK = "SCNS_STEP"

_ENVIRON_LIMIT = 4 << 20


class Task:
    """一个任务的进程。

    参数：
        ticks：启动时刻，与进程号合起来认得准
    """

    __slots__ = ("ended", "number", "pid", "status", "ticks")

    def __init__(self, number: int, pid: int, ticks: int) -> None:
        self.number = number
        self.pid = pid
        self.ticks = ticks
        #: 等待状态；没有结束或无从知道时为 None。
        self.status: int | None = None
        self.ended = False


class Step:
    """一个作业步。

    参数：
        number：步号，同一个作业的同一次运行里不重复
        name：给人看的名字
        count：任务数
        cpus：占着作业里的几个 CPU；可以与别的步重叠的不占
        started：建立的时刻，Unix 秒
    """

    def __init__(
        self, job: Job, number: int, name: str, count: int, cpus: int, held: int, started: float
    ) -> None:
        self.job = job
        self.number = number
        self.name = name
        self.count = count
        self.cpus = cpus
        self.held = held
        self.started = started
        self.tasks: list[Task] = []
        #: 占着作业的哪几块 GPU。
        self.gpus: list[int] = []
        #: 各任务的 stdout 与 stderr 在哪里，见 `Launch.outputs`；还没有启动时是空的。
        self.outputs: list[tuple[Output, Output]] = []
        #: 有人要求结束它，不是任务自己结束的。
        self.killed = False
        #: 宽限终点，单调时钟；没有要求结束时为 None。
        self.until: float | None = None
        #: 下次查看的时刻，单调时钟。
        self.check = 0.0
        self.usage = Usage()
        #: `step_ended` 消息；没有收拾完时为 None。
        self.final: Message | None = None

    @property
    def label(self) -> str:
        """`42.0` 这样的称呼。"""
        return f"{self.job.key[0]}.{self.number}"

    def identity(self) -> Message:
        """`job`、`attempt` 与 `step` 三个字段。"""
        return {**self.job.identity(), "step": self.number}

    def facts(self) -> Message:
        """记进数据库与日记的事实。"""
        return {
            **self.identity(),
            "name": self.name,
            "tasks": self.count,
            "cpus": self.cpus,
            "held": self.held,
            "gpus": self.gpus,
            "started": self.started,
        }

    def layout(self) -> tuple[list[str], list[list[object]]]:
        """各输出的文件，与每个任务的（stdout，stderr）是其中第几个。"""
        files: dict[str, int] = {}

        def place(output: Output) -> object:
            return files.setdefault(output, len(files)) if isinstance(output, str) else output

        tasks = [[place(output) for output in pair] for pair in self.outputs]
        return list(files), tasks

    def over(self) -> bool:
        """每个任务都结束了。"""
        return all(task.ended for task in self.tasks)

    def members(self) -> list[int]:
        """这一步还活着的进程：任务、它们的会话里的、环境里有记号的。"""
        sessions = {task.pid for task in self.tasks}
        mark = f"{self.job.mark}.{self.number}"
        found = []
        for pid in self.job.processes.pids():
            now = stat(pid)
            if now is not None and (now.session in sessions or _mark_of(pid) == mark):
                found.append(pid)
        return found

    def conclude(self, ended: float) -> Message:
        """都收拾好了：得出 `step_ended` 消息。"""
        return {
            "op": "step_ended",
            **self.facts(),
            "ended": ended,
            "status": worst(task.status for task in self.tasks),
            "killed": self.killed,
            **self.usage.report(),
        }


def worst(statuses: object) -> int | None:
    """各任务里最坏的等待状态；照 shell 的退出码比大小，都不知道时为 None。"""
    known = [status for status in statuses if status is not None]  # type: ignore[attr-defined]
    return max(known, key=shell_code, default=None)


def shell_code(status: int) -> int:
    """等待状态在 shell 里的退出码。"""
    return status >> 8 if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _mark_of(pid: int) -> str | None:
    try:
        environ = b"\0" + read_bytes(f"/proc/{pid}/environ", _ENVIRON_LIMIT)
    except OSError:
        return None
    _, found, rest = environ.partition(b"\0" + STEP_MARK.encode() + b"=")
    return rest.split(b"\0", 1)[0].decode("ascii", "replace") if found else None
