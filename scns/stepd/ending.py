"""作业的结束：收尸、清除剩下的进程、得出结局。

脚本的状态有三个来处：自己的孩子（`reap`）；guardian 的孩子（`inherited`，上一任 stepd 启动的）；
别人的孩子（`departed`，两者都换过，父进程已是 init，只能看 pidfd）。三者都先记 `exited` 再放手，
stepd 死在中间时继任者接着清除，状态不丢。
"""

from __future__ import annotations

import os
import signal
import time

from scns.stepd import kernel
from scns.stepd.cgroup import Cgroup
from scns.stepd.job import FIRST_PAUSE, LAST_PAUSE, Job, next_step, wait_status
from scns.stepd.log import log
from scns.stepd.processes import send, stat
from scns.stepd.protocol import LAUNCH_FAILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scns.stepd.hooks import Hooks
    from scns.stepd.journal import Journal
    from scns.stepd.step import Step
    from scns.stepd.tree import Census

#: 脚本由别人收尸时，等内核交出状态的上限，秒。
_STATUS_PATIENCE = 5.0

_FAULTS_SIZE = 1 << 16


class Ending:
    """等作业结束，把它收拾干净。

    参数：
        faults：启动失败的子进程写原因的管道的读端，不阻塞
        parents：stepd 与 guardian 的进程号；脚本的父进程通常是其中之一
        finished：收拾完一个作业时调用；此时 `final` 已经有了
        hooks：Epilog 在 `final` 之前做完
    """

    def __init__(
        self,
        journal: Journal,
        census: Census,
        faults: int,
        parents: tuple[int, int],
        finished: Callable[[Job], None],
        hooks: Hooks,
    ) -> None:
        self._journal = journal
        self._census = census
        self._faults = faults
        self._parents = parents
        self._finished = finished
        self._hooks = hooks
        self._reasons: dict[int, str] = {}
        self._scripts: dict[int, Job] = {}
        self._busy: set[Job] = set()
        #: 父进程不是我们的脚本，以 pidfd 为键；可读时调用 `departed`。
        self.watched: dict[int, Job] = {}
        self._departed: dict[Job, tuple[int, float]] = {}
        #: 死去的孩子不是脚本时问它：是不是作业步的任务。
        self.task_exited: Callable[[int, int | None], Step | None] = lambda pid, status: None

    def await_exit(self, job: Job) -> None:
        """等这个作业的脚本结束。"""
        self._scripts[job.script.pid] = job

    def adopt(self, job: Job) -> None:
        """接手前任的作业：脚本已结束的接着收拾，还在的就等它，不见了的当场收拾。"""
        now = stat(job.script.pid)
        if job.ended is not None:
            self._census.forget(job.script.pid)
            self._busy.add(job)
        elif now is None or now.ticks != job.script.ticks:
            self._census.forget(job.script.pid)
            self._exit(job, None)
        elif now.parent in self._parents:
            self.await_exit(job)
        else:
            self._watch(job)
        if job.until is not None:
            self._busy.add(job)

    def reap(self) -> None:
        """收走所有已死的孩子；不阻塞。"""
        options = os.WEXITED | os.WNOHANG
        while True:
            try:
                # 先看后收：状态进了日记才收尸，之前死去的话 guardian 还能再看到它
                info = os.waitid(os.P_ALL, 0, options | os.WNOWAIT)
            except ChildProcessError:
                return
            if info is None:
                return
            job = self._scripts.get(info.si_pid)
            step = None
            if job is not None:
                self._exit(job, wait_status(info))
            else:
                self._cleaned(info.si_pid, wait_status(info))
                step = self.task_exited(info.si_pid, wait_status(info))
            _, _, usage = os.wait4(info.si_pid, 0)
            ours = step or job
            if ours is not None:
                ours.usage.add(usage)
            self._census.forget(info.si_pid)

    def inherited(self, pid: int, status: int) -> None:
        """guardian 的一个孩子死了，它等我们记下状态再收尸。"""
        job = self._scripts.get(pid)
        if job is not None:
            now = stat(pid)
            if now is not None:
                job.usage.raise_to(now.user, now.system)
            self._exit(job, status)
        else:
            self.task_exited(pid, status)
        self._census.forget(pid)

    def departed(self, handle: int) -> None:
        """别人的一个孩子死了；状态要等它的父进程收尸之后才问得到。"""
        job = self.watched.pop(handle)
        self._departed[job] = (handle, time.monotonic() + _STATUS_PATIENCE)
        job.check = 0.0
        self._busy.add(job)

    def terminate(self, job: Job, grace: float) -> None:
        """TERM 全部进程，宽限之后 KILL；已经在宽限中的只会提前，不会推迟。"""
        if self._hooks.deadline(job, 0.0) is not None:
            return  # 进程都没有了，正在做 Epilog：它不归作业的主人管
        until = time.monotonic() + grace
        job.until = until if job.until is None else min(job.until, until)
        job.check, job.pause = 0.0, FIRST_PAUSE
        self._record("stopping", job, until=time.time() + job.until - time.monotonic())
        pids = job.processes.pids()
        for number in (signal.SIGCONT, signal.SIGTERM):
            send(number, pids, job.processes.holds)
        self._busy.add(job)

    def attend(self) -> float | None:
        """推进每个正在结束的作业；返回几秒之后要再来，None 为不必。"""
        self._census.expire()  # 这一轮里启动与杀死过进程，先前的照片不作数
        now = time.monotonic()
        for job in list(self._busy):
            if now >= job.check:
                if job in self._departed:
                    self._inquire(job, now)
                self._advance(job, now)
        self._census.expire()
        return min((max(0.0, job.check - now) for job in self._busy), default=None)

    def close(self) -> None:
        """放开所有 pidfd。"""
        for handle in [*self.watched, *(handle for handle, _ in self._departed.values())]:
            os.close(handle)

    def _cleaned(self, pid: int, status: int) -> None:
        """一个孩子死了；是 Epilog 的话，它的作业这就可以收尾。"""
        job = self._hooks.exited(pid, status)
        if job is not None:
            job.check = 0.0

    def _advance(self, job: Job, now: float) -> None:
        deadline = self._hooks.deadline(job, now)
        if deadline is not None:
            job.check = deadline
            return
        exited = job.ended is not None
        empty = exited and job.processes.empty()
        step = next_step(exited, empty, job.until, now)
        if step == "finish":
            if self._hooks.cleaned(job):
                self._finish(job)
            else:
                self._census.helpers.update(self._hooks.helpers())
                job.check = self._hooks.deadline(job, now) or 0.0
            return
        if exited and not job.leftover:
            job.leftover = len(job.processes.pids())
        if step == "terminate":
            self.terminate(job, job.owner.grace)
        elif step == "kill":
            job.processes.kill()
        until = now if job.until is None else job.until
        if now < until:
            # 脚本还在的话，它一结束就会来；不在了，只能过一会儿看一眼
            job.check = min(until, now + job.pause) if exited else until
        else:
            job.check = now + job.pause
        job.pause = FIRST_PAUSE if job.check == until else min(job.pause * 2, LAST_PAUSE)

    def _watch(self, job: Job) -> None:
        try:
            handle = os.pidfd_open(job.script.pid)
        except OSError:
            self._exit(job, None)
            return
        self.watched[handle] = job
        now = stat(job.script.pid)
        if now is None or now.ticks != job.script.ticks:
            self.departed(handle)

    def _inquire(self, job: Job, now: float) -> None:
        """问别人收走的脚本的状态；问到了，或者再等也没有用，就当它结束。"""
        handle, until = self._departed[job]
        gone = stat(job.script.pid) is None
        status = kernel.exit_status(handle)
        if gone or status is not None or now >= until:
            del self._departed[job]
            os.close(handle)
            self._exit(job, status)

    def _exit(self, job: Job, status: int | None) -> None:
        """脚本结束了；记下，开始清除剩下的进程。"""
        self._scripts.pop(job.script.pid, None)
        if job.tenure.verdict is not None:
            status = job.tenure.verdict
        elif status == LAUNCH_FAILED:
            job.error = self._reason(job.script.pid)
        job.status, job.ended = status, time.time()
        job.check, job.pause = 0.0, FIRST_PAUSE
        self._record("exited", job, status=status, ended=job.ended, error=job.error)
        self._busy.add(job)

    def _finish(self, job: Job) -> None:
        self._busy.discard(job)
        complaint = self._hooks.complaint(job.key)
        if complaint is not None:
            job.unprepared, job.error = True, complaint
        job.final = job.conclude()
        self._record("ended", job, message=job.final)
        if isinstance(job.processes, Cgroup):
            job.processes.close()
        self._census.strike(job.mark)
        self._finished(job)

    def _reason(self, pid: int) -> str | None:
        """启动失败的原因；子进程先写下它才死，所以此时一定已在管道里。"""
        try:
            text = os.read(self._faults, _FAULTS_SIZE).decode("utf-8", "replace")
        except BlockingIOError:
            text = ""
        for line in text.splitlines():
            number, _, reason = line.partition(" ")
            if number.isdecimal():
                self._reasons[int(number)] = reason
        return self._reasons.pop(pid, None)

    def _record(self, event: str, job: Job, **fields: object) -> None:
        try:
            self._journal.append(event, {**job.identity(), **fields})
        except OSError as error:
            # 磁盘满了：内存里的仍然作数，只有此后 stepd 又死才会丢
            log(f"job {job.owner.label}: cannot record {event}: {error}")
