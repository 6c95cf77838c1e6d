"""管理员的 Prolog 与 Epilog：作业之前与之后，以 stepd 自己的身份运行的程序。

运行什么只看 stepd 自己的命令行：scnsd 没有特权，不能由它决定 root 运行什么。程序不经过 shell，
环境从头做起，标准输入与输出是 /dev/null，标准错误进 stepd 的日志。

Prolog 由过了关口、还没有降成用户的子进程启动并等待，stepd 的循环不受影响。`SPOOL/hooks` 里的
一个文件说明它做到哪里：空的是还没有做完，有内容的是失败及其原因，没有是做好了。用户碰不到
这个目录，换过 stepd 也还在；作业结束时文件还在，脚本就一定没有运行过。

Epilog 在作业的进程都没有之后由 stepd 启动。stepd 死在其间它也死（PR_SET_PDEATHSIG），由继任者
从头再做，所以 Epilog 要经得起重做。

来源：slurm.conf(5) `Prolog`、`Epilog`、`PrologEpilogTimeout`，与 Slurm 的 Prolog and Epilog Guide。
"""

from __future__ import annotations

import os
import signal
import time
from functools import partial

from scns.stepd import launch
from scns.stepd.files import names, read_bytes, remove, write_all
from scns.stepd.kernel import die_with_parent
from scns.stepd.log import log
from scns.stepd.processes import kill_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scns.stepd.job import Job
    from scns.stepd.journal import Key
    from scns.stepd.options import Options
    from scns.stepd.spec import Grant, Owner

#: 从作业的变量抄给 Prolog 与 Epilog 的。
COPIED = ("SLURM_JOB_PARTITION", "SLURM_JOB_NODELIST", "SLURM_JOB_NAME", "SLURM_CLUSTER_NAME")

_PATH = "/usr/bin:/bin"
_DIRECTORY = "hooks"
_UNFINISHED = "Prolog did not finish"

#: 作业的 Prolog 与 Epilog 看见的变量。
Facts = dict[str, str]


class Hooks:
    """本节点的 Prolog 与 Epilog。

    参数：
        own_cgroup：stepd 自己的 cgroup.procs；Prolog 搬到那里去，不受作业的内存上限管。
            None 为没有 cgroup

    异常：
        OSError：`SPOOL/hooks` 建不了
    """

    def __init__(self, options: Options, own_cgroup: str | None) -> None:
        self._prolog = options.prolog
        self._epilog = options.epilog
        self._limit = options.hook_timeout
        self._node = options.node
        self._own_cgroup = own_cgroup
        self._directory = os.path.join(options.spool, _DIRECTORY)
        os.makedirs(self._directory, 0o700, exist_ok=True)
        #: 正在运行的 Epilog：进程号到作业；作业到（进程号，期限）。
        self._jobs: dict[int, Job] = {}
        self._running: dict[Job, tuple[int, float]] = {}

    def inherit(self, keys: Iterable[Key]) -> None:
        """接手前任的：除了这些作业，别的记号都删掉。"""
        wanted = {os.path.basename(self._marker(key)) for key in keys}
        for name in names(self._directory):
            if name not in wanted:
                remove(os.path.join(self._directory, name))

    def facts(self, spec: Grant) -> Facts | None:
        """要记进日记、留给 Epilog 的变量；没有 Epilog 时为 None。"""
        return None if self._epilog is None else _copied(spec)

    # ---- Prolog ----

    def expect(self, key: Key) -> None:
        """作业要启动了：放下“还没有做完”的记号。

        异常：
            OSError：磁盘满了等
        """
        if self._prolog is not None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            os.close(os.open(self._marker(key), flags, 0o600))

    def preparing(self, key: Key) -> bool:
        """Prolog 还没有做好，或者失败了；脚本还没有运行。"""
        return os.path.exists(self._marker(key))

    def complaint(self, key: Key) -> str | None:
        """脚本没有运行过的原因；运行过的为 None。"""
        try:
            text = read_bytes(self._marker(key)).decode("utf-8", "replace")
        except OSError:
            return None
        return text or _UNFINISHED

    def forget(self, key: Key) -> None:
        """作业结束了，收起记号。"""
        remove(self._marker(key))

    def prepare(self, spec: Grant) -> None:
        """在将要成为脚本的子进程里运行 Prolog，等它结束。

        异常：
            LaunchError：失败了，脚本不能运行
        """
        if self._prolog is None:
            return
        key = (spec.job, spec.attempt)
        environment = self._environment(key, spec.owner, _copied(spec), "prolog_slurmd")
        fault = _run(self._prolog, environment, self._limit, self._own_cgroup)
        if fault is None:
            os.unlink(self._marker(key))
            return
        text = f"Prolog {self._prolog} {fault}"
        log(f"job {spec.owner.label}: {text}")
        fd = os.open(self._marker(key), os.O_WRONLY | os.O_CLOEXEC)
        write_all(fd, text.encode("utf-8", "surrogateescape"))
        os.close(fd)
        raise launch.LaunchError(text)

    # ---- Epilog ----

    def cleaned(self, job: Job) -> bool:
        """Epilog 做完了，或者不用做；还没有启动的，这就启动。"""
        if self._epilog is None or job.epilog is not None:
            return True
        if job in self._running:
            return False
        environment = self._environment(job.key, job.owner, job.facts, "epilog_slurmd")
        environment |= exit_variables(job.status)
        body = partial(_become_program, self._epilog, environment, os.getpid(), None)
        try:
            pid = launch.fork_child(os.fork, (), body)
        except OSError as error:
            log(f"job {job.owner.label}: cannot start the Epilog: {error}")
            job.epilog = "failed"
            return True
        until = float("inf") if self._limit is None else time.monotonic() + self._limit
        self._jobs[pid] = job
        self._running[job] = (pid, until)
        return False

    def deadline(self, job: Job, now: float) -> float | None:
        """这个作业的 Epilog 的期限，单调时钟，过了期限的杀掉；没有在运行为 None。"""
        found = self._running.get(job)
        if found is None:
            return None
        pid, until = found
        if now < until:
            return until
        log(f"job {job.owner.label}: the Epilog takes too long, killing it")
        kill_group(pid)
        self._running[job] = (pid, float("inf"))
        return float("inf")

    def helpers(self) -> Iterable[int]:
        """正在运行的 Epilog 的进程号。"""
        return self._jobs.keys()

    def exited(self, pid: int, status: int) -> Job | None:
        """一个孩子死了；是 Epilog 就返回它的作业。"""
        job = self._jobs.pop(pid, None)
        if job is not None:
            del self._running[job]
            job.epilog = "done" if status == 0 else "failed"
            if status != 0:
                log(f"job {job.owner.label}: Epilog {self._epilog} {describe(status)}")
        return job

    def _environment(self, key: Key, owner: Owner, facts: Facts, context: str) -> Facts:
        return {
            **facts,
            "SLURM_JOB_ID": str(key[0]),
            "SLURM_JOB_USER": owner.user,
            "SLURM_JOB_UID": str(owner.uid),
            "SLURM_JOB_GID": str(owner.gid),
            "SLURMD_NODENAME": self._node,
            "SLURM_SCRIPT_CONTEXT": context,
            "PATH": _PATH,
        }

    def _marker(self, key: Key) -> str:
        return os.path.join(self._directory, f"{key[0]}.{key[1]}")


def _copied(spec: Grant) -> Facts:
    found = {}
    for name in COPIED:
        value = spec.variables.get(name.encode())
        if value is not None:
            found[name] = os.fsdecode(value)
    return found


def exit_variables(status: int | None) -> Facts:
    """Epilog 看见的脚本的结局；无从知道时没有。来源：Slurm 的 Prolog and Epilog Guide。"""
    if status is None:
        return {}
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return {"SLURM_JOB_EXIT_CODE": str(status), "SLURM_JOB_EXIT_CODE2": f"{code}:{number}"}


def describe(status: int) -> str:
    """等待状态的说法，接在程序名之后。"""
    if os.WIFSIGNALED(status):
        return f"was killed by signal {os.WTERMSIG(status)}"
    return f"exited with {os.WEXITSTATUS(status)}"


def _run(
    program: str, environment: Mapping[str, str], limit: float | None, own_cgroup: str | None
) -> str | None:
    """运行程序，等到它结束或超时；成功返回 None，否则返回怎样了。

    作业这时被结束（TERM），程序随之被杀，自己也以 TERM 结束。
    """
    awaited = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    body = partial(_become_program, program, environment, os.getpid(), own_cgroup)
    pid = launch.fork_child(os.fork, (), body)
    until = None if limit is None else time.monotonic() + limit
    fault = None
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            break
        left = 86400.0 if until is None else max(0.0, until - time.monotonic())
        heard = signal.sigtimedwait(awaited, left)
        if heard is not None and heard.si_signo == signal.SIGTERM:
            kill_group(pid)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)
            os.kill(os.getpid(), signal.SIGTERM)
        if heard is None and until is not None:
            kill_group(pid)
            _, status = os.waitpid(pid, 0)
            fault = f"took longer than {limit:g} seconds"
            break
    signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)
    return fault or (None if status == 0 else describe(status))


def _become_program(
    program: str, environment: Mapping[str, str], parent: int, own_cgroup: str | None
) -> None:
    """子进程的全程：自成一组，换成程序；换不成时以 127 退出。"""
    os.setpgid(0, 0)
    die_with_parent()
    if os.getppid() != parent:
        return
    if own_cgroup is not None:
        launch.attempt(_join, own_cgroup)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(null, 1)
    try:
        os.execve(program, [program], environment)  # noqa: S606
    except OSError as error:
        log(f"cannot run {program}: {error.strerror}")
        os._exit(127)


def _join(procs: str) -> None:
    fd = os.open(procs, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"0")
    finally:
        os.close(fd)
