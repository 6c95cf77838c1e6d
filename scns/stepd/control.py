"""对在跑的作业下的命令：发信号，结束，停住，继续，列出进程。"""

from __future__ import annotations

import os
import signal
from functools import partial

from scns.stepd import launch
from scns.stepd.log import log
from scns.stepd.peer import Refused
from scns.stepd.processes import send, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.stepd.ending import Ending
    from scns.stepd.holding import Holding
    from scns.stepd.hooks import Hooks
    from scns.stepd.job import Job
    from scns.stepd.journal import Key
    from scns.stepd.register import Register
    from scns.stepd.spec import Owner
    from scns.stepd.steps import Steps
    from scns.stepd.tree import Census

#: 停住全部进程时最多扫几遍；每一遍之间可能又 fork 出新的。
_STOP_ROUNDS = 10


class Control:
    """下命令的一方能对在跑的作业做的事；没有这样的作业时都抛出 Refused。"""

    def __init__(
        self,
        register: Register,
        steps: Steps,
        holding: Holding,
        ending: Ending,
        hooks: Hooks,
        census: Census,
    ) -> None:
        self._register = register
        self._steps = steps
        self._holding = holding
        self._ending = ending
        self._hooks = hooks
        self._census = census

    def signal(self, key: Key, number: int, scope: str) -> None:
        """`signal`：给作业的进程发信号；范围见 `scns.stepd.protocol`。"""
        job = self._register.running(key)
        if self._hooks.preparing(key):
            raise Refused("the prolog is still running")  # 它不归作业的主人管
        if number not in signal.valid_signals():
            raise Refused(f"signal {number} does not exist")
        send(number, self._chosen(job, scope), job.processes.holds)

    def _chosen(self, job: Job, scope: str) -> list[int]:
        if scope == "batch":
            return [] if job.ended is not None else self._script(job)
        everyone = job.processes.pids()
        if scope == "all":
            return everyone
        if scope == "steps":
            found = ((pid, stat(pid)) for pid in everyone)
            return [pid for pid, now in found if now is not None and now.session != job.script.pid]
        raise Refused(f"scope {scope} does not exist")

    def _script(self, job: Job) -> list[int]:
        """脚本自己；有 TaskEpilog 的，会话领头的在等它，它是领头的孩子。

        领头的还没有分出它的时候，信号给领头的：已经分出了的不理会信号。
        """
        if job.around.epilog is None:
            return [job.script.pid]
        found = ((pid, stat(pid)) for pid in job.processes.pids())
        born = [pid for pid, now in found if now is not None and now.parent == job.script.pid]
        return born or [job.script.pid]

    def signal_step(self, key: Key, number: int, step: int) -> None:
        """`signal` 只给一个步：KILL 是结束它，宽限照作业的。"""
        job = self._register.running(key)
        found = self._steps.known(job, step)
        if found is None:
            raise Refused("no such step is running")
        if number == signal.SIGKILL:
            self._steps.terminate(found, job.owner.grace)
        else:
            self._steps.signal(found, number)

    def kill(self, key: Key, grace: float, line: str | None) -> None:
        """`kill`：TERM 全部进程，宽限之后 KILL；已经在结束的只会提前，不会推迟。"""
        job = self._register.running(key)
        if line is not None:
            self._tell(job.owner, line)
        if job.ended is None:
            job.killed = True
        self._steps.warn(job, line)
        self._holding.warn(job, line)
        self._ending.terminate(job, grace)

    def stop_all(self, grace: float | None) -> None:
        """不再接受作业，结束全部作业；`grace` 为 None 时各按自己的宽限。"""
        self._register.closing = True
        for job in self._register.alive():
            self.kill(job.key, job.owner.grace if grace is None else grace, None)

    def suspend(self, key: Key) -> None:
        """`suspend`：停住全部进程，扫到没有新面孔为止。"""
        job = self._register.running(key)
        stopped: set[int] = set()
        for _ in range(_STOP_ROUNDS):
            self._census.expire()
            fresh = set(job.processes.pids()) - stopped
            if not fresh:
                return
            send(signal.SIGSTOP, fresh, job.processes.holds)
            stopped |= fresh

    def resume(self, key: Key) -> None:
        """`resume`：让全部进程继续。"""
        job = self._register.running(key)
        send(signal.SIGCONT, job.processes.pids(), job.processes.holds)

    def pids(self, key: Key) -> list[int]:
        """`pids`：列出作业的活进程。"""
        return self._register.running(key).processes.pids()

    def _tell(self, owner: Owner, line: str) -> None:
        """在作业的 stderr 末尾加一行；由降成用户的子进程去写。"""
        data = f"{line}\n".encode("utf-8", "surrogateescape")
        try:
            pid = launch.fork_child(os.fork, (), partial(launch.append_line, owner, data))
        except OSError as error:
            log(f"job {owner.label}: cannot write to its output: {error}")
            return
        self._census.helpers.add(pid)
