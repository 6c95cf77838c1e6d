"""TaskEpilog：每个任务之后，以作业主人的身份运行的程序。

分出一个进程去成为任务，原来的留下，等任务结束，运行程序，再照任务的样子结束。stepd、日记与换班
因此只认得留下的那个，任务的环境与输出也不必记住。留下的不理会信号：那是给任务的；宽限过后的 KILL
连它一起。

程序的输入与标准输出是 /dev/null，标准错误是任务的；失败了说一声，任务的结局不变。

来源：slurm.conf(5) `TaskEpilog`，srun(1) `--task-epilog`。
"""

from __future__ import annotations

import os
import resource
import signal
import time

from scns.stepd.processes import kill_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn

#: 用户自己要的至多运行这么久，秒；管理员的不限。
PATIENCE = 5.0


def stay_behind(
    programs: Iterable[tuple[str | None, float | None]],
    environment: Callable[[int], dict[bytes, bytes]],
    line: Callable[[str], bytes],
) -> None:
    """在分出来的任务里返回；留下的不返回。一个程序也没有时不分。

    已经降成用户，接好了输入输出。

    参数：
        programs：依次运行的程序与各自的秒数；None 是没有，不限
        environment：由任务的进程号得出它的环境
        line：把话写成给用户看的一行

    异常：
        OSError：进程数到了上限
    """
    chosen = [(program, limit) for program, limit in programs if program is not None]
    if not chosen:
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    try:
        _, status = os.waitpid(pid, 0)
        context = {**environment(pid), b"SLURM_SCRIPT_CONTEXT": b"epilog_task"}
        for program, limit in chosen:
            failed = _run(program, context, limit)
            if failed:
                _say(line(f"TaskEpilog failed status={failed}"))
        _end_like(status)
    finally:
        os._exit(1)


def _run(program: str, environment: dict[bytes, bytes], limit: float | None) -> int:
    """运行到结束，或到了时限连同它的同组一起杀死；返回等待状态。"""
    try:
        pid = os.fork()
    except OSError:
        return 127 << 8
    if pid == 0:
        _become(program, environment)
    until = float("inf") if limit is None else time.monotonic() + limit
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        left = until - time.monotonic()
        if left <= 0:
            kill_group(pid)
            return os.waitpid(pid, 0)[1]
        # SIGCHLD 屏蔽着，来过就留着，不会错过
        signal.sigtimedwait({signal.SIGCHLD}, min(left, 86400.0))


def _become(program: str, environment: dict[bytes, bytes]) -> NoReturn:
    try:
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.execve(program, [program], environment)  # noqa: S606
    except OSError as error:
        _say(f"{program}: {error.strerror}\n".encode("utf-8", "surrogateescape"))
    finally:
        os._exit(127)


def _say(line: bytes) -> None:
    """写到任务的 stderr；写不进去就算了。"""
    try:
        os.write(2, line)
    except OSError:
        return


def _end_like(status: int) -> None:
    """照任务的样子结束：同样的退出码，或死于同样的信号；不再留一份内存转储。"""
    if os.WIFEXITED(status):
        os._exit(os.WEXITSTATUS(status))
    number = os.WTERMSIG(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
