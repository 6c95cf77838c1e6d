"""作业步：一个 srun 在作业里起的一组任务；任务的启动与样子。

任务与作业的脚本一样是 stepd 的孩子，各成一个会话。srun 的描述符经套接字递过来，直接成为任务的
输入输出，没有人在中间抄写；要按任务分开的文件由任务自己以用户的身份打开。
"""

from __future__ import annotations

import os
import signal

from scns.stepd import launch
from scns.stepd.files import read_bytes
from scns.stepd.processes import MARK, stat
from scns.stepd.spec import read_limits
from scns.stepd.taskprolog import TaskPrologError, prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scns.stepd.job import Job
    from scns.stepd.protocol import Message
    from scns.stepd.spec import Field

    #: 任务的一个流：递来的描述符的序号，要打开的路径，或者什么也不接。
    Stream = int | str | None

#: 任务环境里的记号，值是 `作业的记号.步号`：脱离了会话的也认得出来。
STEP_MARK = "SCNS_STEP"

#: 一步最多多少个任务。
MAX_TASKS = 65_536

_ENVIRON_LIMIT = 4 << 20


class Launch:
    """`launch` 消息：各任务运行什么，输入输出接到哪里。

    参数：
        count：应有的任务数
        descriptors：随消息递来的描述符；头一个是 srun 的 stderr，启动不了时往那里写

    异常：
        ValueError：缺字段，类型不对，或任务数不对
    """

    def __init__(self, field: Field, count: int, descriptors: Sequence[int]) -> None:
        self.descriptors = list(descriptors)
        self.programs = [
            [os.fsencode(word.text("programs")) for word in program.items("programs")]
            for program in field.items("programs")
        ]
        if not all(self.programs):
            raise ValueError("programs has an empty command")
        self.tasks = [self._task(item.items("tasks")) for item in field.items("tasks")]
        if len(self.tasks) != count or not descriptors:
            raise ValueError("tasks or descriptors are not as many as the step has")
        self.environment = _split(field.body("environment"))
        self.directory = field.text("directory")
        self.umask = field.integer("umask") & 0o777
        self.append = field.flag("append")
        self.limits = read_limits(field.table("limits"))

    def _task(self, values: list[Field]) -> tuple[int, tuple[Stream, Stream, Stream]]:
        if len(values) != 4:
            raise ValueError("a task has a program and three streams")
        program = values[0].integer("tasks")
        if program >= len(self.programs):
            raise ValueError("a task has no program")
        first, second, third = (self._stream(value) for value in values[1:])
        return program, (first, second, third)

    def _stream(self, value: Field) -> Stream:
        try:
            index = value.integer("tasks")
        except ValueError:
            return value.optional_text("tasks")
        if index >= len(self.descriptors):
            raise ValueError("a stream has no descriptor")
        return index

    def kept_by(self, task: int) -> set[int]:
        """这个任务要留着的描述符。"""
        named = (stream for stream in self.tasks[task][1] if isinstance(stream, int))
        return {self.descriptors[index] for index in (0, *named)}


def _split(block: bytes) -> dict[bytes, bytes]:
    pairs = (entry.partition(b"=") for entry in block.split(b"\0"))
    return {name: value for name, equals, value in pairs if name and equals}


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
        #: 有人要求结束它，不是任务自己结束的。
        self.killed = False
        #: 宽限终点，单调时钟；没有要求结束时为 None。
        self.until: float | None = None
        #: 下次查看的时刻，单调时钟。
        self.check = 0.0
        self.user = 0.0
        self.system = 0.0
        self.max_rss = 0
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
            "started": self.started,
        }

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
            "user": round(self.user, 6),
            "system": round(self.system, 6),
            "max_rss": self.max_rss,
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


def run_task(step: Step, asked: Launch, number: int, gate: int, node: str) -> None:
    """任务的全程，在 fork 出的子进程里；不返回。

    参数：
        gate：stepd 记好日记之后写一个字节的管道；读到文件尾是 stepd 死了，没有人知道这一步
    """
    if not os.read(gate, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(gate)
    complaints = asked.descriptors[0]
    try:
        os.setsid()
        launch.become(step.job.owner)
        os.umask(asked.umask)
        _settle(step.job, asked, number, node)
        environment = _environment(step, asked, number)
        if step.job.task_prolog is not None:
            environment = prepare(step.job.task_prolog, environment)
        words = asked.programs[asked.tasks[number][0]]
        _execute(words, environment, node)
    except (launch.LaunchError, OSError, ValueError, OverflowError) as error:
        os.write(complaints, launch.error_line(node, str(error)))
    except TaskPrologError as error:
        os.write(complaints, launch.error_line(node, str(error)))
        os._exit(error.code)
    os._exit(1)


def _settle(job: Job, asked: Launch, number: int, node: str) -> None:
    complaint = launch.change_directory(asked.directory)
    streams = asked.tasks[number][1]
    opened = [_open(asked, stream, target) for target, stream in enumerate(streams[:2])]
    # 同一个文件只打开一次，两个流的位置才一致
    same = isinstance(streams[2], str) and streams[2] == streams[1]
    opened.append(opened[1] if same else _open(asked, streams[2], 2))
    # 递来的描述符号码都大于 2，不会互相盖住
    for target, fd in enumerate(opened):
        os.dup2(fd, target)
    if complaint is not None:
        os.write(2, launch.error_line(node, complaint))
    if job.cpus:
        launch.attempt(os.sched_setaffinity, 0, job.cpus)
    launch.apply_limits(asked.limits)


def _open(asked: Launch, stream: Stream, target: int) -> int:
    if isinstance(stream, int):
        return asked.descriptors[stream]
    if stream is None:
        return os.open(os.devnull, os.O_RDWR)
    if target == 0:
        flags = os.O_RDONLY
    else:
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if asked.append else os.O_TRUNC)
    return launch.open_stream(stream, flags, ("stdin", "stdout", "stderr")[target])


def _environment(step: Step, asked: Launch, number: int) -> dict[bytes, bytes]:
    own = {
        "SLURM_PROCID": str(number),
        "SLURM_LOCALID": str(number),
        "SLURM_NODEID": "0",
        "SLURM_TASK_PID": str(os.getpid()),
        MARK: step.job.mark,
        STEP_MARK: f"{step.job.mark}.{step.number}",
    }
    changed = dict(asked.environment)
    changed.update((name.encode(), value.encode()) for name, value in own.items())
    return changed


def _execute(words: list[bytes], environment: dict[bytes, bytes], node: str) -> None:
    """换成程序；换不成时照 Slurm 的样子写一行，以错误号退出。"""
    try:
        os.execve(words[0], words, environment)  # noqa: S606
    except OSError as error:
        name = os.fsdecode(words[0])
        os.write(2, launch.error_line(node, f"execve(): {name}: {error.strerror}"))
        os._exit(error.errno or 1)
