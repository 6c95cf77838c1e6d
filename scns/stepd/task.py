"""作业步的一个任务：`launch` 消息要求的样子，与从 fork 到 exec 的全程。

srun 的描述符经套接字递过来，直接成为任务的输入输出，没有人在中间抄写；要按任务分开的文件由任务
自己以用户的身份打开。`--pty` 的终端也是 srun 开的：它留着主的一端，从的一端递过来，成为零号任务的
控制终端。
"""

from __future__ import annotations

import fcntl
import os
import signal
import termios
from functools import partial

from scns.stepd import launch
from scns.stepd.processes import MARK
from scns.stepd.spec import Around, Field, read_limits
from scns.stepd.step import STEP_MARK
from scns.stepd.taskepilog import PATIENCE, stay_behind
from scns.stepd.taskprolog import TaskPrologError, prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scns.stepd.job import Job
    from scns.stepd.step import Output, Step

    #: 任务的一个流：递来的描述符的序号，要打开的路径，或者什么也不接。
    Stream = int | str | None


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
        #: 各任务不同的变量：名字到每个任务的值。
        self.each = _each(field, count)
        #: 零号任务的控制终端是第几个描述符；没有终端为 None。
        self.terminal = field.integer("terminal") if field.has("terminal") else None
        if self.terminal is not None and self.terminal >= len(self.descriptors):
            raise ValueError("the terminal has no descriptor")
        #: 用户自己要的 `--task-prolog` 与 `--task-epilog`。
        self.around = Around(field)

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

    def outputs(self) -> list[tuple[Output, Output]]:
        """各任务的 stdout 与 stderr 在哪里。

        递来的描述符只问内核它的名字，不碰文件本身：网络文件系统可以没有回应。
        """
        names = [_name_of(descriptor) for descriptor in self.descriptors]

        def where(stream: Stream) -> Output:
            if isinstance(stream, str):
                return os.path.join(self.directory, stream)
            return None if stream is None else names[stream]

        return [(where(streams[1]), where(streams[2])) for _, streams in self.tasks]

    def kept_by(self, task: int) -> set[int]:
        """这个任务要留着的描述符。"""
        named = [stream for stream in self.tasks[task][1] if isinstance(stream, int)]
        if task == 0 and self.terminal is not None:
            named.append(self.terminal)
        return {self.descriptors[index] for index in (0, *named)}


def _each(field: Field, count: int) -> dict[bytes, list[bytes]]:
    table = field.table("each") if field.has("each") else {}
    found = {
        os.fsencode(name): [os.fsencode(value.text(name)) for value in Field(table).items(name)]
        for name in table
    }
    if any(len(values) != count for values in found.values()):
        raise ValueError("each has not as many values as the step has tasks")
    if any(not name or b"=" in name or b"\0" in name for name in found):
        raise ValueError("each has a name that is not valid")
    return found


def _name_of(descriptor: int) -> Output:
    """描述符所指的文件的路径；见 `Output`。"""
    try:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return False
    if name == os.devnull:
        return None
    return name if name.startswith("/") and not name.startswith("/dev/") else False


def _split(block: bytes) -> dict[bytes, bytes]:
    pairs = (entry.partition(b"=") for entry in block.split(b"\0"))
    return {name: value for name, equals, value in pairs if name and equals}


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
        _take_terminal(asked, number)
        of_pid = partial(_environment, step, asked, number)
        site, own = step.job.around, asked.around
        # 次序照 slurm.conf(5)：管理员的在外，用户的在内
        epilogs = [(own.epilog, PATIENCE), (site.epilog, None)]
        stay_behind(epilogs, of_pid, partial(launch.error_line, node))
        environment = of_pid(os.getpid())
        for program in (site.prolog, own.prolog):
            if program is not None:
                environment = prepare(program, environment)
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


def _take_terminal(asked: Launch, number: int) -> None:
    """零号任务取得它的控制终端；已经降成用户，别人的终端抢不来。

    异常：
        LaunchError：递来的不是终端，或它已经是别的会话的
    """
    if asked.terminal is None or number != 0:
        return
    try:
        fcntl.ioctl(asked.descriptors[asked.terminal], termios.TIOCSCTTY, 0)
    except OSError as error:
        raise launch.LaunchError(f"cannot take the terminal: {error.strerror}") from None


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


def _environment(step: Step, asked: Launch, number: int, pid: int) -> dict[bytes, bytes]:
    own = {
        "SLURM_PROCID": str(number),
        "SLURM_LOCALID": str(number),
        "SLURM_NODEID": "0",
        "SLURM_TASK_PID": str(pid),
        MARK: step.job.mark,
        STEP_MARK: f"{step.job.mark}.{step.number}",
    }
    changed = dict(asked.environment)
    changed.update((name, values[number]) for name, values in asked.each.items())
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
