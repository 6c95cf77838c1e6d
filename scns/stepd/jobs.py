"""本节点的全部作业：启动、发信号、结束、确认，以及接手前任留下的。

会影响继任者的每一步都先进日记，再做；`_recover` 就是从日记里接着做。
"""

from __future__ import annotations

import os
import time
from functools import partial

from scns.stepd import launch
from scns.stepd.cgroup import Cgroup
from scns.stepd.control import Control
from scns.stepd.ending import Ending
from scns.stepd.holding import Holding, wait_for_end
from scns.stepd.hooks import Hooks
from scns.stepd.job import Job
from scns.stepd.journal import Journal, boot_id, read, recall, started_ending
from scns.stepd.log import log
from scns.stepd.peer import Audience, Refused
from scns.stepd.processes import stat
from scns.stepd.register import Register
from scns.stepd.spec import Around, Field, Grant, Owner, Spec
from scns.stepd.spool import Environments, Spool
from scns.stepd.steps import Steps
from scns.stepd.tree import Census, Script, Tree
from scns.stepd.visits import Visits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scns.stepd.cgroup import Hierarchy
    from scns.stepd.journal import Key, Past
    from scns.stepd.options import Options
    from scns.stepd.protocol import Message

_JOURNAL_NAME = "journal"


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
        self.register = Register()
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
        audience = Audience()
        self._steps = Steps(
            self._journal, self._census, hierarchy, audience, options.node, announce
        )
        self._holding = Holding(self._journal, self.ending, options.node)
        running = (self.register, self._steps, self._holding)
        #: 下命令的一方对在跑的作业做的事，与作业的主人自己做的事。
        self.control = Control(*running, self.ending, self._hooks, self._census)
        self.visits = Visits(*running, audience, options.node)
        self.ending.task_exited = self._steps.exited
        self._inherit(past, parents)

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
        jobs = [job.summary() for job in self.register]
        steps = self._steps.roll.reports()
        return {"boot": self._boot, "controllers": controllers, "jobs": jobs, "steps": steps}

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
        known = self.register.get(key)
        if known is not None:
            return known.report()
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
        known = self.register.get(key)
        if known is not None:
            return known.report()
        self._admit(grant)
        grant.kept["granted"] = held
        try:
            job = self._launch(grant, lambda gate: partial(wait_for_end, gate))
        except OSError as error:
            raise Refused(f"cannot start: {error}") from None
        job.tenure.granted = True
        if held:
            self._holding.expect(job)
        self._announce(job.report())
        return None

    def _admit(self, spec: Grant) -> None:
        """看规矩许不许；不许就抛出 Refused。"""
        if self.register.closing:
            raise Refused("stepd is shutting down")
        reason = self._options.refusal(spec.owner.uid)
        if reason is not None:
            raise Refused(reason)
        latest = self.register.latest(spec.job)
        if latest is None:
            return
        attempt = latest.key[1]
        if attempt > spec.attempt:
            raise Refused(f"attempt {attempt} is known, {spec.attempt} is out of date")
        if latest.final is None:
            raise Refused(f"attempt {attempt} is still running")

    def acknowledge(self, key: Key) -> None:
        """`ack`：客户端记好了结局，忘掉它；没有结束的、不认识的都不理。"""
        job = self.register.get(key)
        if job is not None and job.final is not None:
            self.register.strike(job)
            self._steps.forget(job)
            self._journal.forget(*key)

    def acknowledge_step(self, key: Key, step: int) -> None:
        """`step_ack`：客户端记好了一个步。"""
        job = self.register.get(key)
        if job is not None:
            self._steps.acknowledge(job, step)

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
            job.variables, job.around = spec.variables, spec.around
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
        self.register.add(job)
        # 有 cgroup 的也登记：没有的那些靠排除法认孤儿，漏了谁都会认错
        self._census.enrol(job.mark, job.script)
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

    # ---- 结束与接手 ----

    def _finished(self, job: Job) -> None:
        self._spool.clear(job.key[0])
        self._hooks.forget(job.key)
        self._steps.job_over(job)
        self._holding.over(job)
        self.visits.over(job)
        if job.final is not None:
            self._announce(job.final)

    def _inherit(self, past: Mapping[Key, list[bytes]], parents: tuple[int, int]) -> None:
        """接手前任留下的全部；它的别的东西都收走。"""
        for key, lines in past.items():
            try:
                self._recover(key, recall(lines))
            except ValueError as error:
                log(f"journal: job {key[0]} attempt {key[1]} is unreadable: {error}")
        self._steps.adopt(parents)
        alive = self.register.alive()
        self._spool.inherit(job.key[0] for job in alive)
        self._hooks.inherit(job.key for job in alive)
        if self._hierarchy is not None:
            groups = [job.processes for job in alive]
            self._hierarchy.tidy({group.path for group in groups if isinstance(group, Cgroup)})

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
        job.around = Around(field)
        if field.has("facts"):
            kept = field.table("facts")
            job.facts = {name: Field(kept).text(name) for name in kept}
        tenure = job.tenure
        tenure.granted = "granted" in past.started
        tenure.verdict, tenure.unheld = past.verdict, past.unheld
        job.killed, job.final = past.killed, past.final
        job.status, job.ended, job.error = past.status, past.exited, past.error
        if past.until is not None:
            job.until = time.monotonic() + max(0.0, past.until - time.time())
        if job.final is None and past.started.get("boot") != self._boot:
            job.ended = job.ended or time.time()
            job.final = job.conclude()
            self._journal.append("ended", {**job.identity(), "message": job.final})
        self.register.add(job)
        self._steps.roll.recover(job, past)
        if job.final is None:
            self._census.enrol(job.mark, job.script)
            self.ending.adopt(job)
            if past.started.get("granted") and not tenure.over:
                self._holding.expect(job)
