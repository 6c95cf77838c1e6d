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
from scns.stepd.processes import send, stat
from scns.stepd.spec import Field
from scns.stepd.step import MAX_TASKS, Launch, Step, Task, run_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scns.stepd.cgroup import Hierarchy
    from scns.stepd.job import Job
    from scns.stepd.journal import Past
    from scns.stepd.protocol import Message
    from scns.stepd.tree import Census

#: 清除剩下的进程时查看的间隔，秒。
_PAUSE = 0.02

TOO_BIG = "More processors requested than permitted"
BUSY = "Requested nodes are busy"


class Refused(Exception):
    """要求不合规矩，或眼下做不到；文本进 `refused` 的 `error`，是 Slurm 的句子或给管理员看的话。"""


class Peer:
    """带着一个作业步或一个分配的连接；由服务器的连接继承。

    参数：
        uid：对端的 uid，内核说的
    """

    def __init__(self, uid: int) -> None:
        self.uid = uid
        #: 它带着的步；没有时为 None。
        self.step: Step | None = None
        #: 它在等 CPU 的要求；没有时为 None。
        self.wish: Wish | None = None
        #: 它握着的分配；没有时为 None。
        self.held: Job | None = None

    def send(self, message: Message) -> None:
        """发一条消息；由子类实现。"""
        raise NotImplementedError


class Wish:
    """想建立的一步。

    参数：
        field：`step` 消息
        job：在哪个作业里

    异常：
        ValueError：缺字段，或类型不对
    """

    def __init__(self, field: Field, job: Job) -> None:
        self.job = job
        self.name = field.text("name")[:1024]
        self.count = field.integer("tasks", 1)
        self.cpus = field.integer("cpus", 1)
        #: 占着不许别的步用的 CPU；None 是作业的全部，0 是可以与别的步重叠。
        self.held = None if field.optional_text("hold") == "all" else field.integer("held")
        self.immediate = field.flag("immediate")
        if self.count > MAX_TASKS:
            raise ValueError("tasks is out of range")


class Steps:
    """本节点的全部作业步。

    参数：
        hierarchy：cgroup；None 为用不了
        node：节点名，出现在写给用户的行里
        announce：把 `step_started` 与 `step_ended` 发给所有下命令的客户端
    """

    def __init__(
        self,
        journal: Journal,
        census: Census,
        hierarchy: Hierarchy | None,
        node: str,
        announce: Callable[[Message], None],
    ) -> None:
        self._journal = journal
        self._census = census
        self._hierarchy = hierarchy
        self._node = node
        self._announce = announce
        self._of: dict[Job, dict[int, Step]] = {}
        self._next: dict[Job, int] = {}
        self._tasks: dict[int, tuple[Step, Task]] = {}
        self._peers: dict[Step, Peer] = {}
        self._waiting: list[Peer] = []
        #: 要收拾的，与接手的、要看着的步。
        self._busy: set[Step] = set()

    # ---- srun 要求的 ----

    def create(self, peer: Peer, job: Job, field: Field) -> None:
        """`step`：建立一步；CPU 不够就等，等到了再回 `created`。

        异常：
            Refused：太大，或不肯等
            ValueError：消息不合规矩
        """
        if peer.step is not None or peer.wish is not None:
            raise ValueError("a connection carries one step")
        wish = Wish(field, job)
        if wish.cpus > self._total(job):
            raise Refused(TOO_BIG)
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
        peer.send({"op": "launched", **step.identity(), "pids": [task.pid for task in step.tasks]})

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
        step = self._of.get(job, {}).get(number)
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
        for step in list(self._of.get(job, {}).values()):
            if step.final is None:
                step.killed = True
                self._conclude(step)

    def forget(self, job: Job) -> None:
        """作业的结局已经记好，连同它的步一起忘掉。"""
        for step in self._of.pop(job, {}).values():
            self._busy.discard(step)
        self._next.pop(job, None)

    def acknowledge(self, job: Job, number: int) -> None:
        """`step_ack`：客户端记好了一步。"""
        step = self._of.get(job, {}).get(number)
        if step is not None and step.final is not None:
            del self._of[job][number]
            self._journal.forget_step(*job.key, number)

    def reports(self) -> list[Message]:
        """`welcome` 里的 `steps`：在跑的与没有确认的。"""
        steps = [step for steps in self._of.values() for step in steps.values()]
        return [step.final or {"op": "step_started", **step.facts()} for step in steps]

    # ---- 收尸与收拾 ----

    def exited(self, pid: int, status: int | None) -> Step | None:
        """一个孩子死了；是任务就记下，在收尸之前，返回它的步，好记它的用量。"""
        found = self._tasks.pop(pid, None)
        if found is None:
            return None
        step, task = found
        task.ended, task.status = True, status
        self._record("task", step, task=task.number, status=status)
        peer = self._peers.get(step)
        if peer is not None:
            peer.send({"op": "exited", "task": task.number, "status": status})
        if step.over():
            step.check = 0.0
            self._busy.add(step)
        return step

    def attend(self) -> float | None:
        """推进每个要收拾的步，再看等着的够不够 CPU；返回几秒之后要再来，None 为不必。"""
        now = time.monotonic()
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

    def recover(self, job: Job, past: Past) -> None:
        """接手日记里的步；没有收拾完的由 `adopt` 结束。

        异常：
            ValueError：记录的字段不对
        """
        for record in past.steps:
            self._replay(job, Field(record), record)

    def adopt(self, parents: Iterable[int]) -> None:
        """前任的步没有人带着了：结束它们。死去的任务里，不归我们收尸的当场算作结束。"""
        for step in [step for steps in self._of.values() for step in steps.values()]:
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
        total = self._total(wish.job)
        if wish.held == 0:
            return True
        used = sum(step.held for step in self._of.get(wish.job, {}).values() if step.final is None)
        return used + (total if wish.held is None else min(wish.held, total)) <= total

    def _grant(self, peer: Peer, wish: Wish) -> None:
        job = wish.job
        number = self._next.get(job, 0)
        whole = wish.held is None
        held = self._total(job) if wish.held is None else wish.held
        cpus = held if whole else wish.cpus
        step = Step(job, number, wish.name, wish.count, cpus, held, time.time())
        self._next[job] = number + 1
        self._of.setdefault(job, {})[number] = step
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
        if over and (not self._census.strangers() or not step.members()):
            self._conclude(step)
            return
        if over or (step.until is not None and now >= step.until):
            send(signal.SIGKILL, step.members(), step.job.processes.holds)
            step.check = now + _PAUSE
        else:
            step.check = now + FIRST_PAUSE if step.until is None else step.until

    def _conclude(self, step: Step) -> None:
        self._busy.discard(step)
        step.final = step.conclude(time.time())
        self._record("step_ended", step, message=step.final)
        peer = self._peers.pop(step, None)
        if peer is not None:
            peer.step = None
            peer.send({"op": "finished"})
        self._announce(step.final)

    def _turn_away(self, job: Job) -> None:
        for peer in list(self._waiting):
            if peer.wish is not None and peer.wish.job is job:
                self._waiting.remove(peer)
                peer.wish = None
                peer.send({"op": "refused", "error": "Job/step already completing or completed"})

    def _replay(self, job: Job, field: Field, record: Message) -> None:
        if record["event"] == "next_step":
            self._next[job] = max(self._next.get(job, 0), field.integer("next"))
            return
        number = field.integer("step")
        self._next[job] = max(self._next.get(job, 0), number + 1)
        steps = self._of.setdefault(job, {})
        if record["event"] == "step":
            sizes = (field.integer("tasks"), field.integer("cpus"), field.integer("held"))
            steps[number] = Step(job, number, field.text("name"), *sizes, field.moment("started"))
        elif number not in steps:
            return
        elif record["event"] == "tasks":
            pairs = [pair.optional_integers("pids") or [0, 0] for pair in field.items("pids")]
            steps[number].tasks = [Task(at, *pair) for at, pair in enumerate(pairs)]
        elif record["event"] == "task":
            task = steps[number].tasks[field.integer("task")]
            task.ended = True
            task.status = None if record.get("status") is None else field.integer("status")
        else:
            steps[number].final = field.table("message")

    def _record(self, event: str, step: Step, /, **fields: object) -> None:
        try:
            self._journal.append(event, {**step.identity(), **fields})
        except OSError as error:
            log(f"step {step.label}: cannot record {event}: {error}")
