"""srun：在作业里运行一步；不在作业里时先取得分配。来源：srun(1) 22.05 版。"""

from __future__ import annotations

import errno
import os
import signal
import sys

from scns import filenames
from scns.cli.launch import demand
from scns.cli.tables.srun import TABLE
from scns.errors import RequestRefused, ScnsError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.launch import streams
    from scns.cli.launch.channel import Channel
    from scns.cli.launch.demand import Demand
    from scns.cli.launch.plan import Size
    from scns.cli.launch.step import Manners
    from scns.cli.launch.wake import Wake
    from scns.cli.options import Parsed

#: 送给 srun 就转给任务的信号；结束它的几个与 Ctrl-C 另有规矩。
_FORWARDED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGCONT)


def run(words: list[str]) -> int:
    """运行一步，返回最坏的任务的退出码。"""
    return demand.run(_run, words)


def _run(words: list[str]) -> int:
    asked = demand.read(TABLE, words, _name)
    if asked is None:
        return 0
    if "test-only" in asked.merged.chosen:
        from scns.cli.slurm import estimate
        from scns.db import connect

        return estimate.report("srun", connect.connect(), asked.built)
    order = Order(asked)
    job = asked.merged.text("jobid")
    return order.in_job(int(job)) if job is not None else _alone(order)


def _name(merged: Parsed) -> str:
    if not merged.operands:
        raise UsageError("No command given to execute.", style="fatal")
    return os.path.basename(merged.operands[0])


def _alone(order: Order) -> int:
    """先取得分配，运行，交还；中途断了，stepd 会收回。"""
    from scns.cli.launch import allocation

    wake = order.wake()
    held = allocation.obtain("srun", order.merged, order.built, wake)
    for name, value in held.variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    status = 0
    try:
        code, status = order.step(held.job, wake)
    finally:
        held.release(status)
    return code


class Order:
    """命令行要求的一步。

    参数：
        asked：命令行要的

    异常：
        ScnsError：`--pty` 与改变输入输出的选项合不到一起
    """

    def __init__(self, asked: Demand) -> None:
        self.given = asked.given
        self.merged = asked.merged
        self.built = asked.built
        self._umask = asked.here.umask
        self._pty = "pty" in asked.merged.chosen
        for option in ("input", "output", "error") if self._pty else ():
            if option in asked.given.chosen:
                raise ScnsError(f"--{option} incompatible with --pty option")

    def wake(self) -> Wake:
        """收着信号；有终端的还要知道窗口变了。"""
        from scns.cli.launch.wake import ENDING, Wake

        resized = (signal.SIGWINCH,) if self._pty else ()
        return Wake((signal.SIGINT, *ENDING, *_FORWARDED, *resized))

    def in_job(self, job: int) -> int:
        """在已有的作业里运行，返回退出码。"""
        return self.step(job, self.wake())[0]

    def step(self, job: int, wake: Wake) -> tuple[int, int]:
        """运行一步，返回退出码与最坏的等待状态。

        异常：
            ScnsError：建立不了
        """
        from scns.cli.launch import plan
        from scns.cli.launch.channel import Channel

        size = plan.Size(self.merged, self.built, self.given)
        channel = Channel()
        created = self._create(channel, job, size)
        variables = plan.environment(self.merged, size, created, self._umask)
        self._around("prolog", variables)
        try:
            return self._launch(channel, created, size, variables, wake)
        finally:
            channel.close()
            self._around("epilog", variables)

    def _create(self, channel: Channel, job: int, size: Size) -> dict[str, Any]:
        named = self.given.text("job-name")
        wish = {
            "op": "step",
            "job": job,
            "name": named or os.path.basename(self.merged.operands[0]),
            "tasks": size.tasks,
            "cpus": size.cpus,
            "hold": "all" if size.held is None else None,
            "held": size.held,
            "gpus": size.gpus,
            "immediate": "immediate" in self.merged.chosen,
        }
        quiet = "quiet" in self.merged.chosen
        try:
            found = channel.ask(wish, "created", "waiting")
            if found["op"] == "waiting":
                if not quiet:
                    _say(
                        f"Job {job} step creation temporarily disabled,"
                        f" retrying ({found['reason']})"
                    )
                found = channel.expect("created")
                if not quiet:
                    _say(f"Step created for job {job}")
        except RequestRefused as refused:
            raise _cannot_create(job, refused.message) from None
        return found

    def _launch(
        self,
        channel: Channel,
        created: dict[str, Any],
        size: Size,
        variables: dict[bytes, bytes],
        wake: Wake,
    ) -> tuple[int, int]:
        from scns.cli.launch import plan
        from scns.cli.launch.step import Watch

        wiring = self._wire(created, size, variables)
        terminal = wiring.terminal
        message = {
            "op": "launch",
            **self._programs(size, wiring.streams),
            "environment": os.fsdecode(
                b"\0".join(key + b"=" + value for key, value in variables.items())
            ),
            "directory": self.built["directory"],
            "umask": self._umask,
            "append": self._appends(),
            "limits": self.built["limits"],
            "each": plan.own_gpus(size, created),
            "terminal": None if terminal is None else wiring.index(terminal.slave),
        }
        label = f"{created['job']}.{created['step']}"
        sys.stdout.flush()
        try:
            if terminal is not None:
                terminal.take()
            channel.send(message, wiring.descriptors)
            channel.expect("launched")
            wiring.passed()
            watch = Watch(channel, wiring, wake, self._manners(), label, created["node"])
            return watch.until_over(), watch.worst or 0
        finally:
            if terminal is not None:
                terminal.restore()

    def _wire(
        self, created: dict[str, Any], size: Size, variables: dict[bytes, bytes]
    ) -> streams.Wiring:
        """接好各任务的输入输出；有终端的，在变量里加上它的。"""
        from scns.cli.launch import streams

        merged = self.merged
        if self._pty:
            from scns.cli.launch.terminal import Terminal

            wiring = streams.Wiring(size.tasks)
            wiring.attach(terminal := Terminal())
            variables.update(terminal.variables())
            return wiring
        name = os.fsdecode(variables.get(b"SLURM_JOB_NAME", b""))
        return streams.connect(
            size.tasks,
            (merged.text("input"), merged.text("output"), merged.text("error")),
            labelled="label" in merged.chosen,
            append=self._appends(),
            directory=self.built["directory"],
            facts=lambda task: _facts(created, task, name, variables),
        )

    def _programs(self, size: Size, flows: list[list[Any]]) -> dict[str, Any]:
        """`launch` 里各任务运行什么，以及它们前后的程序。"""
        from scns.cli.launch import programs

        merged, directory = self.merged, self.built["directory"]
        if "multi-prog" in merged.chosen:
            commands = programs.read_file(merged.operands[0], size.tasks, directory)
            chosen = list(range(size.tasks))
        else:
            commands = [[programs.find(merged.operands[0], directory), *merged.operands[1:]]]
            chosen = [0] * size.tasks
        around = {}
        for option in ("task-prolog", "task-epilog"):
            path = merged.text(option)
            if path is not None:
                around[option.replace("-", "_")] = programs.find(path, directory)
        tasks = [[program, *streams] for program, streams in zip(chosen, flows, strict=True)]
        return {"programs": commands, "tasks": tasks, **around}

    def _appends(self) -> bool:
        return bool(self.built["options"].get("open_mode") == "append")

    def _manners(self) -> Manners:
        from scns.cli.launch.step import Manners

        chosen = self.merged.chosen
        bad = chosen.get("kill-on-bad-exit")
        return Manners(
            int(self.merged.text("wait") or 0),
            kill_on_bad_exit=bad is True or (isinstance(bad, str) and int(bad) > 0),
            interrupt_ends=not chosen.keys().isdisjoint(("disable-status", "quit-on-interrupt")),
        )

    def _around(self, option: str, variables: dict[bytes, bytes]) -> None:
        """`--prolog`、`--epilog`：在这里运行的程序，等它结束；看见的是 srun 的环境与步的变量。"""
        path = self.merged.text(option)
        if path is None or path.lower() == "none":
            return
        if not os.access(path, os.R_OK | os.X_OK):
            reason = os.strerror(errno.EACCES if os.path.exists(path) else errno.ENOENT)
            _say(f"Access denied for {path}: {reason}")
            return
        ours = {name: value for name, value in variables.items() if name.startswith(b"SLURM_")}
        context = {**os.environb, **ours, b"SLURM_SCRIPT_CONTEXT": f"{option}_srun".encode()}
        try:
            pid = os.posix_spawn(path, [path], context, setsigdef=[signal.SIGPIPE])
        except OSError as error:
            _say(f"error: cannot run {option} {path}: {error.strerror}")
            return
        os.waitpid(pid, 0)


def _facts(
    created: dict[str, Any], task: int, name: str, variables: dict[bytes, bytes]
) -> filenames.Facts:
    array = variables.get(b"SLURM_ARRAY_JOB_ID"), variables.get(b"SLURM_ARRAY_TASK_ID")
    return filenames.Facts(
        job_id=created["job"],
        name=name,
        user=os.fsdecode(variables.get(b"SLURM_JOB_USER", b"")),
        array_job_id=None if array[0] is None else int(array[0]),
        array_task_id=None if array[1] is None else int(array[1]),
        node=created["node"],
        step=created["step"],
        task=task,
    )


def _cannot_create(job: int, sentence: str) -> ScnsError:
    """建立不了一步时的句子。"""
    if sentence in ("Invalid job id specified", "Access/permission denied"):
        return ScnsError(
            f"Unable to confirm allocation for job {job}: {sentence}",
            notes=(f"srun: Check SLURM_JOB_ID environment variable. Expired or invalid job {job}",),
        )
    return ScnsError(f"Unable to create step for job {job}: {sentence}")


def _say(text: str) -> None:
    sys.stderr.write(f"srun: {text}\n")
    sys.stderr.flush()
