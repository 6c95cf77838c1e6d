"""启动一个作业：fork，过关口，降成用户，接好输入输出，exec 脚本。

用户指名的一切（目录、输入、输出、解释器）都在降成用户之后才碰，而且都在子进程里：打开 FIFO
可以一直等下去，网络文件系统可以没有回应，stepd 照常运转。

关口：子进程先停在一根管道上，等 stepd 把 `started` 写进日记才放行；stepd 在这中间死去时管道
读到文件尾，子进程去看日记的末行是不是自己那一条，是就照常执行（继任者会认领），不是就退出
（继任者不知道有它，重发的 `start` 会再启动一次）。不论 stepd 死在哪一句，作业都恰好执行一次。
"""

from __future__ import annotations

import errno
import gc
import os
import pwd
import resource
import signal
from functools import partial

from scns.stepd.kernel import close_descriptors, restore_open_files
from scns.stepd.processes import MARK
from scns.stepd.protocol import LAUNCH_FAILED
from scns.stepd.taskepilog import stay_behind
from scns.stepd.taskprolog import TaskPrologError, prepare

#: 没有 PATH 时各种外壳的默认值。
_DEFAULT_PATH = b"/usr/local/bin:/usr/bin:/bin"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import NoReturn

    from scns.stepd.spec import Owner, Spec

_FALLBACK_DIRECTORY = "/tmp"  # noqa: S108  Slurm 也是退到这里
_MAX_FAULT = 1024

# 不要把旧的屏蔽字换成枚举：fork 之后每多碰一页内存都要复制一页
_set_mask = getattr(signal.pthread_sigmask, "__wrapped__", signal.pthread_sigmask)
_HEAD = 256  # Slurm 也只看脚本的头 256 字节


class LaunchError(Exception):
    """作业启动不了；文本进 `ended` 的 `error`。"""


class Context:
    """各次启动共用的东西。

    参数：
        node：节点名，出现在写给用户的行里
        faults：子进程写下启动失败原因的管道，不阻塞
        mark：由作业号与第几次得出环境里的记号
        prologue：脚本之前、降成用户之前要做的；None 为没有
    """

    def __init__(
        self,
        node: str,
        faults: int,
        mark: Callable[[int, int], str],
        prologue: Callable[[Spec], None] | None = None,
    ) -> None:
        self.node = node
        self.faults = faults
        self.mark = mark
        self.prologue = prologue

    def line(self, text: str) -> bytes:
        """写给用户的一行，样子与 slurmstepd 的相同。"""
        return error_line(self.node, text)


def error_line(node: str, text: str) -> bytes:
    """写给用户的一行，样子与 slurmstepd 的相同。"""
    return f"slurmstepd-{node}: error: {text}\n".encode("utf-8", "surrogateescape")


class Gate:
    """关口：日记里有了，才放行。

    参数：
        journal：此刻日记文件的描述符
        ending：由进程号得出 `started` 那一行的结尾，含换行
    """

    def __init__(self, journal: int, ending: Callable[[int], bytes]) -> None:
        self._journal = journal
        self._ending = ending
        self._inner, self._outer = os.pipe()

    def descriptors(self) -> set[int]:
        """子进程过关之前要留着的描述符。"""
        return {self._inner, self._journal}

    def wait(self) -> bool:
        """子进程：等放行；假是 stepd 已死而且没有来得及记下。

        写端在清理描述符时已经关掉，不然永远读不到文件尾。
        """
        try:
            if os.read(self._inner, 1):
                return True
            ending = self._ending(os.getpid())
            start = os.fstat(self._journal).st_size - len(ending)
            return start >= 0 and os.pread(self._journal, len(ending), start) == ending
        finally:
            os.close(self._inner)
            os.close(self._journal)  # 从这里往后就是用户的进程了

    def open(self) -> None:
        """stepd：放行。"""
        try:
            os.write(self._outer, b"+")
        except BrokenPipeError:
            return  # 子进程已经死了，等着收尸就是

    def close(self) -> None:
        """stepd：关掉两端；没有放行过的子进程会退出。"""
        os.close(self._inner)
        os.close(self._outer)


def fork_child(fork: Callable[[], int], keep: Collection[int], body: Callable[[], None]) -> int:
    """fork 出执行 `body` 的子进程，返回它的进程号。

    stepd 的信号都是默认处置，只是屏蔽着（见 `scns.stepd.server`）；子进程放开就干净了。

    参数：
        fork：`os.fork` 或同类
        keep：除 0、1、2 以外子进程还要用的描述符

    异常：
        OSError：进程数到了上限等
    """
    pid = fork()
    if pid == 0:
        _be_child(keep, body)
    return pid


def _be_child(keep: Collection[int], body: Callable[[], None]) -> NoReturn:
    try:
        gc.disable()
        _set_mask(signal.SIG_SETMASK, ())
        # exec 会关掉它们，但打开 FIFO 可能永远等不到 exec：
        # 监听的套接字、锁与通往 guardian 的连接都不能留在这里
        close_descriptors(keep)
        restore_open_files()
        body()
    finally:
        os._exit(1)


def run(
    spec: Spec, path: str, environment: Mapping[bytes, bytes], gate: Gate, context: Context
) -> None:
    """子进程的全程：成功就成了脚本，失败就死于 `LAUNCH_FAILED` 号信号，总之不返回。

    参数：
        path：脚本在作业目录里的路径
        environment：提交时的环境；不改动
    """
    me = os.getpid()
    try:
        if gate.wait():
            os.setsid()
            if context.prologue is not None:
                context.prologue(spec)
            become(spec.owner)
            os.umask(spec.umask)
            _settle(spec, context)
            of_pid = partial(_environ, spec, environment, context)
            stay_behind([(spec.around.epilog, None)], of_pid, context.line)
            changed = of_pid(os.getpid())
            if spec.around.prolog is not None:
                changed = prepare(spec.around.prolog, changed)
            _execute(spec, path, changed, context)
    except TaskPrologError as error:
        os.write(2, context.line(str(error)))
        os._exit(error.code)
    except (LaunchError, OSError, ValueError, OverflowError) as error:
        fault = f"{me} {error}".replace("\n", " ")
        os.write(context.faults, fault.encode("utf-8", "backslashreplace")[:_MAX_FAULT] + b"\n")
    os.kill(os.getpid(), LAUNCH_FAILED)


def become(owner: Owner) -> None:
    """永远变成作业的主人。

    scnsd 没有特权，所以它说的组不能全信：只许是这个用户真有的组，否则谁控制了它，谁就能以
    root 组或 docker 组的身份运行。

    异常：
        LaunchError：名字与 uid 对不上，或组不是他的
        OSError：内核不许
    """
    if owner.uid == os.geteuid():
        return
    try:
        entry = pwd.getpwnam(owner.user)
    except KeyError:
        raise LaunchError(f"user {owner.user} does not exist") from None
    if entry.pw_uid != owner.uid:
        raise LaunchError(f"user {owner.user} has uid {entry.pw_uid} now, not {owner.uid}")
    allowed = os.getgrouplist(owner.user, entry.pw_gid)
    groups = allowed if owner.groups is None else owner.groups
    foreign = {owner.gid, *groups}.difference(allowed)
    if foreign:
        raise LaunchError(f"user {owner.user} is not in group {min(foreign)}")
    os.setgroups(groups)
    os.setresgid(owner.gid, owner.gid, owner.gid)
    os.setresuid(owner.uid, owner.uid, owner.uid)


def _settle(spec: Spec, context: Context) -> None:
    """进目录，接上输入输出，设好优先级、CPU 与限制。"""
    complaint = change_directory(spec.owner.directory)
    owner = spec.owner
    os.dup2(open_stream(spec.stdin, os.O_RDONLY, "stdin"), 0)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if spec.append else os.O_TRUNC)
    os.dup2(open_stream(owner.stdout, flags, "stdout"), 1)
    os.dup2(1 if owner.stderr == owner.stdout else open_stream(owner.stderr, flags, "stderr"), 2)
    if complaint is not None:
        os.write(2, context.line(complaint) * 2)  # Slurm 也写两遍
    if spec.nice:
        attempt(os.setpriority, os.PRIO_PROCESS, 0, spec.nice)
    if spec.cpus:
        # 声称的 CPU 可以比真的多；内核只取真有的，一个也没有就不动
        attempt(os.sched_setaffinity, 0, spec.cpus)
    apply_limits(spec.limits)


def apply_limits(limits: Mapping[int, int]) -> None:
    """设软限制；超过硬限制的取硬限制。

    参数：
        limits：`resource` 的编号到值
    """
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        infinite = resource.RLIM_INFINITY
        beyond = hard != infinite and (value == infinite or value > hard)
        resource.setrlimit(kind, (hard if beyond else value, hard))


def attempt(call: Callable[..., object], *arguments: object) -> None:
    """做得到就做，做不到就算了。"""
    try:
        call(*arguments)
    except OSError:
        return


def change_directory(directory: str) -> str | None:
    """进入作业的目录；进不去就退到 /tmp，返回要告诉用户的话。"""
    try:
        os.chdir(directory)
    except OSError as error:
        os.chdir(_FALLBACK_DIRECTORY)
        return (
            f"couldn't chdir to `{directory}': {error.strerror}: "
            f"going to {_FALLBACK_DIRECTORY} instead"
        )
    return None


def open_stream(path: str, flags: int, what: str) -> int:
    """打开用户指名的输入或输出。

    异常：
        LaunchError：打不开
    """
    try:
        return os.open(path, flags | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise LaunchError(f"Could not open {what} file {path}: {error.strerror}") from None


def _environ(
    spec: Spec, environment: Mapping[bytes, bytes], context: Context, pid: int
) -> dict[bytes, bytes]:
    changed = dict(environment)
    for name, value in spec.variables.items():
        if value is None:
            changed.pop(name, None)
        else:
            changed[name] = value
    changed[b"SLURM_TASK_PID"] = str(pid).encode()
    changed[MARK.encode()] = context.mark(spec.job, spec.attempt).encode()
    home = changed.get(b"SCNS_HOME")
    if home is not None:
        # 脚本里的 srun 要找得到；排在最后，机器上别的同名命令优先
        path = changed.get(b"PATH", _DEFAULT_PATH)
        changed[b"PATH"] = path + b":" + os.path.join(home, b"bin")
    return changed


def _execute(
    spec: Spec, path: str, environment: Mapping[bytes, bytes], context: Context
) -> NoReturn:
    """换成脚本；换不成时照 Slurm 的样子写一行，以错误号退出。"""
    try:
        os.execve(path, [os.fsencode(path), *spec.arguments], environment)  # noqa: S606
    except OSError as error:
        culprit = path
        if error.errno == errno.ENOENT:
            with open(path, "rb") as script:
                head = script.read(_HEAD - 1).split(b"\n", 1)[0]
            if head.startswith(b"#!"):
                culprit = f"bad interpreter({head[2:].decode('utf-8', 'surrogateescape')})"
        os.write(2, context.line(f"execve(): {culprit}: {error.strerror}"))
        os._exit(error.errno or 1)


def append_line(owner: Owner, line: bytes) -> None:
    """以用户的身份在作业的 stderr 末尾加上一行；子进程的正文。

    不建立文件；没有人读的 FIFO 不等。
    """
    become(owner)
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        fd = os.open(owner.stderr, flags)
    except OSError:
        os._exit(0)
    os.write(fd, line)
    os._exit(0)
