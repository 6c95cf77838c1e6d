"""本节点的全部作业：启动、发信号、结束、确认，以及接手前任留下的。

会影响继任者的每一步都先进日记，再做；`_recover` 就是从日记里接着做。
"""

from __future__ import annotations

import os
import signal
import time
from functools import partial

from scns.stepd import launch
from scns.stepd.cgroup import Cgroup
from scns.stepd.ending import Ending
from scns.stepd.holding import Holding, wait_for_end
from scns.stepd.hooks import Hooks
from scns.stepd.job import Job
from scns.stepd.journal import Journal, boot_id, read, recall, started_ending
from scns.stepd.log import log
from scns.stepd.processes import send, stat
from scns.stepd.spec import Field, Grant, Owner, Spec
from scns.stepd.spool import Environments, Spool
from scns.stepd.steps import Refused, Steps
from scns.stepd.tree import Census, Script, Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scns.stepd.cgroup import Hierarchy
    from scns.stepd.journal import Key, Past
    from scns.stepd.options import Options
    from scns.stepd.protocol import Message
    from scns.stepd.steps import Peer

_JOURNAL_NAME = "journal"

#: 停住全部进程时最多扫几遍；每一遍之间可能又 fork 出新的。
_STOP_ROUNDS = 10


class Missing(Exception):
    """缺脚本或环境；`what` 列出缺的。"""

    def __init__(self, what: list[str]) -> None:
        super().__init__(", ".join(what))
        self.what = what


class Jobs:
    """本节点的全部作业；建立时读日记，接手前任留下的。

    参数：
        hierarchy：cgroup；None 为用不了，靠进程树
        guardian：guardian 的进程号
        announce：把 `started`、`ended` 发给所有客户端

    异常：
        OSError：存储目录或日记用不了
    """

    def __init__(
        self,
        options: Options,
        hierarchy: Hierarchy | None,
        guardian: int,
        announce: Callable[[Message], None],
    ) -> None:
        self._options = options
        self._instance = options.instance
        self._hierarchy = hierarchy
        self._announce = announce
        self._spool = Spool(options.spool)
        self._environments = Environments()
        self._jobs: dict[Key, Job] = {}
        #: 每个作业号最后一次启动的；更早的若还在，只是在等确认。
        self._latest: dict[int, Job] = {}
        #: 不再接受新的作业。
        self.closing = False
        self._boot = boot_id()
        path = os.path.join(options.spool, _JOURNAL_NAME)
        past = read(path)
        self._journal = Journal(path, past)
        parents = (os.getpid(), guardian)
        self._census = Census(parents)
        outlet, inlet = os.pipe()
        os.set_blocking(outlet, False)
        os.set_blocking(inlet, False)
        self._pipe = (outlet, inlet)
        self._hooks = Hooks(options, None if hierarchy is None else hierarchy.own_procs())
        self._context = launch.Context(options.node, inlet, self._mark, self._hooks.prepare)
        #: 等作业结束的一方；事件循环把收尸与计时交给它。
        self.ending = Ending(
            self._journal, self._census, outlet, parents, self._finished, self._hooks
        )
        self._steps = Steps(self._journal, self._census, hierarchy, options.node, announce)
        self._holding = Holding(self._journal, self.ending, options.node)
        self.ending.task_exited = self._steps.exited
        for key, lines in past.items():
            try:
                self._recover(key, recall(lines))
            except ValueError as error:
                log(f"journal: job {key[0]} attempt {key[1]} is unreadable: {error}")
        self._steps.adopt(parents)
        alive = [job for job in self._jobs.values() if job.final is None]
        self._spool.inherit(job.key[0] for job in alive)
        self._hooks.inherit(job.key for job in alive)
        if hierarchy is not None:
            groups = [job.processes for job in alive]
            hierarchy.tidy({group.path for group in groups if isinstance(group, Cgroup)})

    def close(self) -> None:
        """放下一切，不动作业；继任者从日记接手。"""
        self.ending.close()
        self._journal.close()
        for fd in self._pipe:
            os.close(fd)

    def turn(self) -> float | None:
        """事件循环每一轮的末尾：推进正在结束的作业；返回几秒之后要再来，None 为不必。"""
        waits = (self._steps.attend(), self._holding.attend(), self.ending.attend())
        self._journal.tidy()
        return min((wait for wait in waits if wait is not None), default=None)

    def welcome(self) -> Message:
        """`welcome` 里由作业决定的字段。"""
        controllers = None if self._hierarchy is None else list(self._hierarchy.controllers)
        jobs = [job.summary() for job in self._jobs.values()]
        steps = self._steps.reports()
        return {"boot": self._boot, "controllers": controllers, "jobs": jobs, "steps": steps}

    def idle(self) -> bool:
        """没有在跑与正在收拾的作业。"""
        return all(job.final is not None for job in self._jobs.values())

    # ---- 客户端要求的 ----

    def keep_script(self, field: Field) -> None:
        """`script`：存下一份脚本。"""
        uid = field.uid("uid")
        reason = self._options.refusal(uid)
        if reason is not None:
            raise Refused(reason)
        self._spool.keep_script(uid, field.key("key"), field.body("body"))

    def keep_environment(self, field: Field) -> None:
        """`environment`：存下一份环境。"""
        self._environments.keep(field.key("key"), field.body("body"))

    def start(self, message: Message) -> Message | None:
        """`start`：启动作业；已经启动过的返回它此刻的样子。

        异常：
            Refused、Missing、ValueError：没有启动，也没有留下什么
        """
        spec = Spec(message)
        key = (spec.job, spec.attempt)
        if key in self._jobs:
            return self._jobs[key].report()
        self._admit(spec)
        environment = self._environments.get(spec.environment)
        what = [] if self._spool.has_script(spec.owner.uid, spec.script) else ["script"]
        if what or environment is None:
            raise Missing(what if environment is not None else [*what, "environment"])
        try:
            path = self._spool.place(spec.job, spec.owner.uid, spec.script)
        except OSError as error:
            raise Refused(f"cannot prepare the script: {error}") from None
        try:
            self._hooks.expect(key)
            run = partial(launch.run, spec, path, environment)
            job = self._launch(spec, lambda gate: partial(run, gate, self._context))
        except OSError as error:
            self._spool.clear(spec.job)
            self._hooks.forget(key)
            raise Refused(f"cannot start: {error}") from None
        self._announce(job.report())
        return None

    def allocate(self, message: Message) -> Message | None:
        """`allocate`：给 `srun` 或 `salloc` 准备一个没有脚本的作业；已经有的返回它此刻的样子。

        异常：
            Refused、ValueError：没有准备，也没有留下什么
        """
        grant = Grant(message)
        held = Field(message).flag("held")
        key = (grant.job, grant.attempt)
        if key in self._jobs:
            return self._jobs[key].report()
        self._admit(grant)
        grant.kept["granted"] = held
        try:
            job = self._launch(grant, lambda gate: partial(wait_for_end, gate))
        except OSError as error:
            raise Refused(f"cannot start: {error}") from None
        job.granted = True
        if held:
            self._holding.expect(job)
        self._announce(job.report())
        return None

    def _admit(self, spec: Grant) -> None:
        """看规矩许不许；不许就抛出 Refused。"""
        if self.closing:
            raise Refused("stepd is shutting down")
        reason = self._options.refusal(spec.owner.uid)
        if reason is not None:
            raise Refused(reason)
        latest = self._latest.get(spec.job)
        if latest is None:
            return
        attempt = latest.key[1]
        if attempt > spec.attempt:
            raise Refused(f"attempt {attempt} is known, {spec.attempt} is out of date")
        if latest.final is None:
            raise Refused(f"attempt {attempt} is still running")

    def signal_step(self, key: Key, number: int, step: int) -> None:
        """`signal` 只给一个步：KILL 是结束它，宽限照作业的。"""
        job = self._running(key)
        found = self._steps.known(job, step)
        if found is None:
            raise Refused("no such step is running")
        if number == signal.SIGKILL:
            self._steps.terminate(found, job.owner.grace)
        else:
            self._steps.signal(found, number)

    def signal(self, key: Key, number: int, scope: str) -> None:
        """`signal`：给作业的进程发信号；范围见 `scns.stepd.protocol`。"""
        job = self._running(key)
        if self._hooks.preparing(key):
            raise Refused("the prolog is still running")  # 它不归作业的主人管
        if number not in signal.valid_signals():
            raise Refused(f"signal {number} does not exist")
        script = job.script.pid
        if scope == "batch":
            chosen = [] if job.ended is not None else [script]
        elif scope == "all":
            chosen = job.processes.pids()
        elif scope == "steps":
            sessions = ((pid, stat(pid)) for pid in job.processes.pids())
            chosen = [pid for pid, now in sessions if now is not None and now.session != script]
        else:
            raise Refused(f"scope {scope} does not exist")
        send(number, chosen, job.processes.holds)

    def kill(self, key: Key, grace: float, line: str | None) -> None:
        """`kill`：TERM 全部进程，宽限之后 KILL；已经在结束的只会提前，不会推迟。"""
        job = self._running(key)
        if line is not None:
            self._tell(job.owner, line)
        if job.ended is None:
            job.killed = True
        self._steps.warn(job, line)
        self._holding.warn(job, line)
        self.ending.terminate(job, grace)

    def stop_all(self, grace: float | None) -> None:
        """不再接受作业，结束全部作业；`grace` 为 None 时各按自己的宽限。"""
        self.closing = True
        for job in self._jobs.values():
            if job.final is None:
                self.kill(job.key, job.owner.grace if grace is None else grace, None)

    def suspend(self, key: Key) -> None:
        """`suspend`：停住全部进程，扫到没有新面孔为止。"""
        job = self._running(key)
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
        job = self._running(key)
        send(signal.SIGCONT, job.processes.pids(), job.processes.holds)

    def pids(self, key: Key) -> list[int]:
        """`pids`：列出作业的活进程。"""
        return self._running(key).processes.pids()

    def acknowledge(self, key: Key) -> None:
        """`ack`：客户端记好了结局，忘掉它；没有结束的、不认识的都不理。"""
        job = self._jobs.get(key)
        if job is not None and job.final is not None:
            del self._jobs[key]
            if self._latest.get(key[0]) is job:
                del self._latest[key[0]]
            self._steps.forget(job)
            self._journal.forget(*key)

    def acknowledge_step(self, key: Key, step: int) -> None:
        """`step_ack`：客户端记好了一个步。"""
        job = self._jobs.get(key)
        if job is not None:
            self._steps.acknowledge(job, step)

    # ---- 作业的主人要求的 ----

    def obey(self, peer: Peer, operation: str, field: Field, descriptors: list[int]) -> None:
        """执行 srun 与 salloc 的一条消息；`operation` 在 `protocol.OWNER_OPERATIONS` 里。

        异常：
            Refused、ValueError：没有做，也没有留下什么
        """
        if operation == "step":
            self._steps.create(peer, self._owned(peer, field), field)
        elif operation == "hold":
            self._holding.hold(peer, self._owned(peer, field))
        elif operation == "launch":
            self._steps.launch(peer, field, descriptors)
        elif operation == "release":
            self._holding.release(peer, field)
        elif peer.step is None:
            return  # 刚结束
        elif operation == "forward":
            self._steps.signal(peer.step, field.integer("signal"))
        else:
            own = peer.step.job.owner.grace
            self._steps.terminate(peer.step, field.seconds("grace") if field.has("grace") else own)

    def disconnected(self, peer: Peer) -> None:
        """连接断了：它带着的步、握着的分配都到此为止。"""
        self._steps.disconnected(peer)
        self._holding.disconnected(peer)

    def _owned(self, peer: Peer, field: Field) -> Job:
        """消息说的作业，只许是对端自己的；root 的也行。"""
        job = self._latest.get(field.integer("job"))
        if job is None or job.final is not None or job.ended is not None:
            raise Refused("Invalid job id specified")
        if peer.uid not in (job.owner.uid, 0):
            raise Refused("Access/permission denied")
        if self.closing or job.until is not None:
            raise Refused("Job/step already completing or completed")
        return job

    def _running(self, key: Key) -> Job:
        job = self._jobs.get(key)
        if job is None or job.final is not None:
            raise Refused("no such job is running")
        return job

    # ---- 启动 ----

    def _mark(self, number: int, attempt: int) -> str:
        return f"{self._instance}.{number}.{attempt}"

    def _launch(self, spec: Grant, child: Callable[[launch.Gate], Callable[[], None]]) -> Job:
        number, attempt = key = (spec.job, spec.attempt)
        mark = self._mark(*key)
        cgroup = None
        fork: Callable[[], int] = os.fork
        if self._hierarchy is not None:
            cgroup = self._hierarchy.create(f"{number}.{attempt}")
            cgroup.limit(spec.memory, spec.cpus)
            fork = partial(self._hierarchy.fork, cgroup)
        gate = launch.Gate(self._journal.fileno(), partial(started_ending, number, attempt))
        try:
            keep = gate.descriptors() | {self._context.faults}
            pid = launch.fork_child(fork, keep, child(gate))
            now = stat(pid)
            script = Script(pid, 0 if now is None else now.ticks, spec.owner.uid)
            processes = cgroup or Tree(self._census, mark)
            job = Job(key, mark, spec.owner, script, processes, time.time(), spec.cpus)
            job.variables, job.task_prolog = spec.variables, spec.task_prolog
            facts = self._hooks.facts(spec)
            if facts is not None:
                job.facts = spec.kept["facts"] = facts
            self._record_start(job, spec)
            gate.open()
        except OSError:
            if cgroup is not None:
                cgroup.close()
            raise
        finally:
            gate.close()
        self._know(job)
        self.ending.await_exit(job)
        return job

    def _record_start(self, job: Job, spec: Grant) -> None:
        cgroup = job.processes.path if isinstance(job.processes, Cgroup) else None
        extra = {"ticks": job.script.ticks, "time": job.started, "cgroup": cgroup}
        fields = {**spec.kept, **extra, "boot": self._boot}
        try:
            self._journal.started(*job.key, job.script.pid, fields)
        except OSError:
            # 关口不会开，子进程自己会退出
            self._census.helpers.add(job.script.pid)
            raise

    def _know(self, job: Job) -> None:
        self._jobs[job.key] = job
        number, attempt = job.key
        if number not in self._latest or self._latest[number].key[1] < attempt:
            self._latest[number] = job
        if job.final is None:
            # 有 cgroup 的也登记：没有的那些靠排除法认孤儿，漏了谁都会认错
            self._census.enrol(job.mark, job.script)

    # ---- 结束与接手 ----

    def _finished(self, job: Job) -> None:
        self._spool.clear(job.key[0])
        self._hooks.forget(job.key)
        self._steps.job_over(job)
        self._holding.over(job)
        if job.final is not None:
            self._announce(job.final)

    def _tell(self, owner: Owner, line: str) -> None:
        """在作业的 stderr 末尾加一行；由降成用户的子进程去写。"""
        data = f"{line}\n".encode("utf-8", "surrogateescape")
        try:
            pid = launch.fork_child(os.fork, (), partial(launch.append_line, owner, data))
        except OSError as error:
            log(f"job {owner.label}: cannot write to its output: {error}")
            return
        self._census.helpers.add(pid)

    def _recover(self, key: Key, past: Past) -> None:
        """接手日记里的一个作业；上次开机的进程都没有了。

        异常：
            ValueError：记录的字段不对
        """
        field = Field(past.started)
        owner = Owner(past.started)
        script = Script(field.integer("pid", 1), field.integer("ticks"), owner.uid)
        path = field.optional_text("cgroup")
        mark = self._mark(*key)
        tree = Tree(self._census, mark, detached=True)
        group = Cgroup(path) if path else tree
        cpus = field.optional_integers("cpus")
        job = Job(key, mark, owner, script, group, field.moment("time"), cpus)
        job.task_prolog = field.optional_text("task_prolog")
        if field.has("facts"):
            kept = field.table("facts")
            job.facts = {name: Field(kept).text(name) for name in kept}
        job.granted, job.verdict, job.unheld = "granted" in past.started, past.verdict, past.unheld
        job.killed, job.final = past.killed, past.final
        job.status, job.ended, job.error = past.status, past.exited, past.error
        if past.until is not None:
            job.until = time.monotonic() + max(0.0, past.until - time.time())
        if job.final is None and past.started.get("boot") != self._boot:
            job.ended = job.ended or time.time()
            job.final = job.conclude()
            self._journal.append("ended", {**job.identity(), "message": job.final})
        self._know(job)
        self._steps.recover(job, past)
        if job.final is None:
            self.ending.adopt(job)
            if past.started.get("granted") and not past.verdict and not past.unheld:
                self._holding.expect(job)
