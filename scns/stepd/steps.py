"""本节点的全部作业步：排队等 CPU，启动任务，发信号，收拾，报告。

一步由一条连接带着：建立它的 srun 断开了，这一步就结束。步号、任务的进程号与各自的状态都先进日记
再生效，换过 stepd 之后接着收拾；那时没有人带着它，srun 又接不回来，所以由接手的 stepd 结束它。
"""

from __future__ import annotations

import os
import signal
import time
from functools import partial

from scns.stepd import launch
from scns.stepd.cgroup import Cgroup
from scns.stepd.job import FIRST_PAUSE
from scns.stepd.journal import Journal
from scns.stepd.log import log
from scns.stepd.peer import Refused, Wish
from scns.stepd.processes import send, stat
from scns.stepd.roll import Roll
from scns.stepd.step import Step, Task
from scns.stepd.task import Launch, run_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scns.stepd.cgroup import Hierarchy
    from scns.stepd.job import Job
    from scns.stepd.peer import Audience, Peer
    from scns.stepd.protocol import Message
    from scns.stepd.spec import Field
    from scns.stepd.tree import Census

#: 清除剩下的进程时查看的间隔，秒。
_PAUSE = 0.02

TOO_BIG = "More processors requested than permitted"
BUSY = "Requested nodes are busy"
NO_SUCH_GRES = "Invalid generic resource (gres) specification"
COMPLETED = "Job/step already completing or completed"


class Steps:
    """本节点的全部作业步。

    参数：
        hierarchy：cgroup；None 为用不了
        audience：旁听的
        node：节点名，出现在写给用户的行里
        announce：把 `step_started` 与 `step_ended` 发给所有下命令的客户端
    """

    def __init__(
        self,
        journal: Journal,
        census: Census,
        hierarchy: Hierarchy | None,
        audience: Audience,
        node: str,
        announce: Callable[[Message], None],
    ) -> None:
        self._journal = journal
        self._census = census
        self._hierarchy = hierarchy
        self._node = node
        self._announce = announce
        self.roll = Roll()
        self._audience = audience
        self._tasks: dict[int, tuple[Step, Task]] = {}
        self._peers: dict[Step, Peer] = {}
        self._waiting: list[Peer] = []
        #: 要收拾的，与接手的、要看着的步。
        self._busy: set[Step] = set()

    # ---- srun 要求的 ----

    def create(self, peer: Peer, job: Job, field: Field) -> None:
        """`step`：建立一步；CPU 或 GPU 不够就等，等到了再回 `created`。

        异常：
            Refused：太大，或不肯等
            ValueError：消息不合规矩
        """
        if peer.step is not None or peer.wish is not None or peer.heard is not None:
            raise ValueError("a connection carries one step")
        wish = Wish(field, job)
        if wish.cpus > self._total(job):
            raise Refused(TOO_BIG)
        if (wish.gpus or 0) > len(_gpus_of(job)):
            raise Refused(NO_SUCH_GRES)
        if self._fits(wish):
            self._grant(peer, wish)
        elif wish.immediate:
            raise Refused(BUSY)
        else:
            peer.wish = wish
            self._waiting.append(peer)
            peer.send({"op": "waiting", "job": job.key[0], "reason": BUSY})

    def launch(self, peer: Peer, field: Field, descriptors: list[int]) -> None:
        """`launch`：启动已经建立的一步的任务。

        异常：
            Refused：启动不了，这一步随即结束
            ValueError：消息不合规矩
        """
        step = peer.step
        if step is None or step.tasks or step.until is not None:
            raise ValueError("there is no step to launch")
        asked = Launch(field, step.count, descriptors)
        try:
            self._fork(step, asked)
        except OSError as error:
            step.tasks.clear()
            raise Refused(f"cannot start: {error.strerror}") from None
        step.outputs = asked.outputs()
        peer.send({"op": "launched", **step.identity(), "pids": [task.pid for task in step.tasks]})

    def attach(self, peer: Peer, job: Job, number: int) -> None:
        """`attach` 一步：说明它的样子，此后告诉这条连接它的任务怎样结束。

        异常：
            Refused：没有这一步，或已经结束了
            ValueError：连接已经在做别的
        """
        step = self.known(job, number)
        if step is None:
            known = number < self.roll.next_number(job)
            raise Refused(COMPLETED if known else "Invalid job id specified")
        if not step.tasks:
            raise Refused("Job step has not been launched yet")
        self._audience.join(peer, step)
        files, tasks = step.layout()
        identity = {**step.identity(), "node": self._node}
        peer.send({"op": "attached", **identity, "files": files, "tasks": tasks})
        for task in step.tasks:
            if task.ended:
                peer.send({"op": "exited", "task": task.number, "status": task.status})

    def signal(self, step: Step, number: int) -> None:
        """给一步的全部进程发信号。"""
        if number in signal.valid_signals():
            send(number, step.members(), step.job.processes.holds)

    def terminate(self, step: Step, grace: float) -> None:
        """TERM 全部进程，宽限之后 KILL；已经在结束的只会提前。"""
        if step.final is not None:
            return
        step.killed = True
        until = time.monotonic() + grace
        step.until = until if step.until is None else min(step.until, until)
        step.check = 0.0
        members = step.members()
        for number in (signal.SIGCONT, signal.SIGTERM):
            send(number, members, step.job.processes.holds)
        self._busy.add(step)

    def disconnected(self, peer: Peer) -> None:
        """连接断了：它在等的作罢，它带着的步结束。"""
        if peer.wish is not None:
            self._waiting.remove(peer)
            peer.wish = None
        step, peer.step = peer.step, None
        if step is not None:
            del self._peers[step]
            self.terminate(step, step.job.owner.grace)

    # ---- 作业怎样了 ----

    def known(self, job: Job, number: int) -> Step | None:
        """作业的一个还没结束的步；没有时为 None。"""
        step = self.roll.find(job, number)
        return step if step is not None and step.final is None else None

    def warn(self, job: Job, line: str | None) -> None:
        """作业要结束了：告诉它的各个 srun，等着的不必再等。"""
        for step, peer in self._peers.items():
            if step.job is job:
                step.killed = True
                spoken = line and line.replace(f"JOB {job.owner.label} ON", f"STEP {step.label} ON")
                peer.send({"op": "ending", "line": spoken, "step": step.number})
        self._turn_away(job)

    def job_over(self, job: Job) -> None:
        """作业的进程都没有了：还没结束的步到此为止。"""
        self._turn_away(job)
        for step in self.roll.of(job):
            if step.final is None:
                step.killed = True
                self._conclude(step)

    def forget(self, job: Job) -> None:
        """作业的结局已经记好，连同它的步一起忘掉。"""
        self._busy.difference_update(self.roll.forget(job))

    def acknowledge(self, job: Job, number: int) -> None:
        """`step_ack`：客户端记好了一步。"""
        step = self.roll.find(job, number)
        if step is not None and step.final is not None:
            self.roll.strike(step)
            self._journal.forget_step(*job.key, number)

    # ---- 收尸与收拾 ----

    def exited(self, pid: int, status: int | None) -> Step | None:
        """一个孩子死了；是任务就记下，在收尸之前，返回它的步，好记它的用量。"""
        found = self._tasks.pop(pid, None)
        if found is None:
            return None
        step, task = found
        task.ended, task.status = True, status
        self._record("task", step, task=task.number, status=status)
        told: Message = {"op": "exited", "task": task.number, "status": status}
        peer = self._peers.get(step)
        if peer is not None:
            peer.send(told)
        self._audience.tell(step, told)
        if step.over():
            step.check = 0.0
            self._busy.add(step)
        return step

    def attend(self) -> float | None:
        """推进每个要收拾的步，再看等着的够不够 CPU；返回几秒之后要再来，None 为不必。"""
        now = time.monotonic()
        if self._busy:
            self._census.expire()  # 这一轮里收过尸、发过信号，先前的照片不作数
        for step in list(self._busy):
            if now >= step.check:
                self._advance(step, now)
        for peer in list(self._waiting):
            wish = peer.wish
            if wish is not None and self._fits(wish):
                self._waiting.remove(peer)
                peer.wish = None
                self._grant(peer, wish)
        return min((max(0.0, step.check - now) for step in self._busy), default=None)

    def adopt(self, parents: Iterable[int]) -> None:
        """前任的步没有人带着了：结束它们。死去的任务里，不归我们收尸的当场算作结束。"""
        for step in self.roll:
            if step.final is not None:
                continue
            for task in step.tasks:
                now = stat(task.pid)
                if task.ended:
                    continue
                if now is None or now.ticks != task.ticks or now.parent not in parents:
                    task.ended = True
                else:
                    self._tasks[task.pid] = (step, task)
                    self._census.claim(step.job.mark, task.pid, task.ticks)
            self.terminate(step, step.job.owner.grace)

    # ---- 内里 ----

    def _total(self, job: Job) -> int:
        return len(job.cpus) if job.cpus else os.cpu_count() or 1

    def _fits(self, wish: Wish) -> bool:
        job = wish.job
        if wish.gpus and wish.gpus > len(_gpus_of(job)) - len(self.roll.held_gpus(job)):
            return False
        total = self._total(job)
        if wish.held == 0:
            return True
        held = total if wish.held is None else min(wish.held, total)
        return self.roll.held(job) + held <= total

    def _grant(self, peer: Peer, wish: Wish) -> None:
        job = wish.job
        whole = wish.held is None
        held = self._total(job) if wish.held is None else wish.held
        cpus = held if whole else wish.cpus
        number = self.roll.next_number(job)
        step = Step(job, number, wish.name, wish.count, cpus, held, time.time())
        gpus = _gpus_of(job)
        if wish.gpus is not None:
            used = self.roll.held_gpus(job)
            step.gpus = gpus = [one for one in gpus if one not in used][: wish.gpus]
        self.roll.add(step)
        self._record("step", step, **step.facts())
        self._peers[step] = peer
        peer.step = step
        variables = {
            os.fsdecode(name): os.fsdecode(value)
            for name, value in job.variables.items()
            if value is not None
        }
        peer.send(
            {
                "op": "created",
                **step.identity(),
                "node": self._node,
                "label": job.owner.label,
                "cpus": self._total(job),
                "gpus": gpus,
                "variables": variables,
            }
        )

    def _fork(self, step: Step, asked: Launch) -> None:
        job = step.job
        fork = os.fork
        if self._hierarchy is not None and isinstance(job.processes, Cgroup):
            fork = partial(self._hierarchy.fork, job.processes)
        inner, outer = os.pipe()
        try:
            for number in range(step.count):
                body = partial(run_task, step, asked, number, inner, self._node)
                pid = launch.fork_child(fork, {inner, *asked.kept_by(number)}, body)
                now = stat(pid)
                task = Task(number, pid, 0 if now is None else now.ticks)
                step.tasks.append(task)
                self._census.claim(job.mark, pid, task.ticks)
            listed = [[task.pid, task.ticks] for task in step.tasks]
            self._journal.append("tasks", {**step.identity(), "pids": listed})
            self._tasks.update((task.pid, (step, task)) for task in step.tasks)
            for start in range(0, step.count, 4096):
                os.write(outer, b"+" * min(4096, step.count - start))
        finally:
            os.close(inner)
            os.close(outer)
        self._announce({"op": "step_started", **step.facts()})

    def _advance(self, step: Step, now: float) -> None:
        over = step.over()
        if over and not self._left(step):
            self._conclude(step)
            return
        if over or (step.until is not None and now >= step.until):
            send(signal.SIGKILL, step.members(), step.job.processes.holds)
            step.check = now + _PAUSE
        else:
            step.check = now + FIRST_PAUSE if step.until is None else step.until

    def _left(self, step: Step) -> bool:
        """任务都结束了的步还有活的进程；先看名单，名单上有可疑的才去数。"""
        job = step.job
        expected = {pid for pid, (other, _) in self._tasks.items() if other.job is job}
        expected.add(job.script.pid)
        return self._census.suspects(job.mark, expected) and bool(step.members())

    def _conclude(self, step: Step) -> None:
        self._busy.discard(step)
        step.final = step.conclude(time.time())
        self._record("step_ended", step, message=step.final)
        peer = self._peers.pop(step, None)
        if peer is not None:
            peer.step = None
            peer.send({"op": "finished"})
        self._audience.dismiss(step)
        self._announce(step.final)

    def _turn_away(self, job: Job) -> None:
        for peer in list(self._waiting):
            if peer.wish is not None and peer.wish.job is job:
                self._waiting.remove(peer)
                peer.wish = None
                peer.send({"op": "refused", "error": COMPLETED})

    def _record(self, event: str, step: Step, /, **fields: object) -> None:
        try:
            self._journal.append(event, {**step.identity(), **fields})
        except OSError as error:
            log(f"step {step.label}: cannot record {event}: {error}")


def _gpus_of(job: Job) -> list[int]:
    """作业的 GPU，从它的变量得知；没有时为空。"""
    listed = job.variables.get(b"SLURM_JOB_GPUS") or b""
    return [int(one) for one in listed.split(b",") if one.isdigit()]
