"""srun：在作业里运行一步；不在作业里时先取得分配。来源：srun(1) 22.05 版。"""

from __future__ import annotations

import os
import signal
import sys

from scns import filenames
from scns.cli import context, request
from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.cli.tables.srun import TABLE
from scns.errors import RequestRefused, ScnsError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.launch.channel import Channel
    from scns.cli.launch.plan import Size
    from scns.cli.launch.step import Manners
    from scns.cli.launch.wake import Wake
    from scns.cli.options import Parsed

_EXIT_ERROR = "SLURM_EXIT_ERROR"

#: 送给 srun 就转给任务的信号；结束它的几个与 Ctrl-C 另有规矩。
_FORWARDED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGCONT)


def run(words: list[str]) -> int:
    """运行一步，返回最坏的任务的退出码。"""
    try:
        return _run(words)
    except ScnsError as error:
        text = os.environ.get(_EXIT_ERROR, "")
        if text.isascii() and text.isdigit():
            error.exit_code = int(text) & 0xFF
        raise


def _run(words: list[str]) -> int:
    given = parse(TABLE, words)
    text = answer(TABLE, given)
    if text is not None:
        sys.stdout.write(text)
        return 0
    merged = collect(TABLE, given, (), os.environ)
    if not merged.operands:
        raise UsageError("No command given to execute.", style="fatal")
    here = context.here("srun", words, name=os.path.basename(merged.operands[0]))
    try:
        built = request.build(merged, here)
    except RequestRefused as refused:
        raise RequestRefused(f"Unable to allocate resources: {refused.message}") from None
    for warning in here.warnings:
        sys.stderr.write(f"srun: {warning}\n")
    if "test-only" in merged.chosen:
        from scns.cli.slurm import estimate
        from scns.db import connect

        return estimate.report("srun", connect.connect(), built)
    order = Order(given, merged, built, here)
    job = merged.text("jobid")
    return order.in_job(int(job)) if job is not None else _alone(order)


def _alone(order: Order) -> int:
    """先取得分配，运行，交还；中途断了，stepd 会收回。"""
    from scns.cli.launch import allocation
    from scns.cli.launch.wake import ENDING, Wake

    wake = Wake((signal.SIGINT, *ENDING, *_FORWARDED))
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
        given：命令行上的选项
        merged、built：连同环境变量的选项，与由它得出的请求
    """

    def __init__(
        self, given: Parsed, merged: Parsed, built: dict[str, Any], here: context.Context
    ) -> None:
        self.given = given
        self.merged = merged
        self.built = built
        self._here = here

    def in_job(self, job: int) -> int:
        """在已有的作业里运行，返回退出码。"""
        from scns.cli.launch.wake import ENDING, Wake

        return self.step(job, Wake((signal.SIGINT, *ENDING, *_FORWARDED)))[0]

    def step(self, job: int, wake: Wake) -> tuple[int, int]:
        """运行一步，返回退出码与最坏的等待状态。

        异常：
            ScnsError：建立不了
        """
        from scns.cli.launch.channel import Channel
        from scns.cli.launch.plan import Size

        size = Size(self.merged, self.built, self.given)
        self._around("prolog")
        channel = Channel()
        created = self._create(channel, job, size)
        try:
            return self._launch(channel, created, size, wake)
        finally:
            channel.close()
            self._around("epilog")

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
        self, channel: Channel, created: dict[str, Any], size: Size, wake: Wake
    ) -> tuple[int, int]:
        from scns.cli.launch import plan, programs, streams
        from scns.cli.launch.step import Watch

        merged, directory = self.merged, self.built["directory"]
        variables = plan.environment(merged, size, created, self._here.umask)
        name = os.fsdecode(variables.get(b"SLURM_JOB_NAME", b""))
        wiring = streams.connect(
            size.tasks,
            (merged.text("input"), merged.text("output"), merged.text("error")),
            labelled="label" in merged.chosen,
            append=self.built["options"].get("open_mode") == "append",
            directory=directory,
            facts=lambda task: _facts(created, task, name, variables),
        )
        if "multi-prog" in merged.chosen:
            commands = programs.read_file(merged.operands[0], size.tasks, directory)
            chosen = list(range(size.tasks))
        else:
            commands = [[programs.find(merged.operands[0], directory), *merged.operands[1:]]]
            chosen = [0] * size.tasks
        message = {
            "op": "launch",
            "programs": commands,
            "tasks": [
                [program, *flows] for program, flows in zip(chosen, wiring.streams, strict=True)
            ],
            "environment": os.fsdecode(
                b"\0".join(key + b"=" + value for key, value in variables.items())
            ),
            "directory": directory,
            "umask": self._here.umask,
            "append": self.built["options"].get("open_mode") == "append",
            "limits": self.built["limits"],
        }
        sys.stdout.flush()
        channel.send(message, wiring.descriptors)
        channel.expect("launched")
        wiring.passed()
        label = f"{created['job']}.{created['step']}"
        watch = Watch(channel, wiring, wake, self._manners(), label, created["node"])
        code = watch.until_over()
        return code, watch.worst or 0

    def _manners(self) -> Manners:
        from scns.cli.launch.step import Manners

        chosen = self.merged.chosen
        bad = chosen.get("kill-on-bad-exit")
        return Manners(
            int(self.merged.text("wait") or 0),
            kill_on_bad_exit=bad is True or (isinstance(bad, str) and int(bad) > 0),
            interrupt_ends=not chosen.keys().isdisjoint(("disable-status", "quit-on-interrupt")),
        )

    def _around(self, option: str) -> None:
        """`--prolog`、`--epilog`：在这里运行的程序，等它结束。"""
        path = self.merged.text(option)
        if path is None or path.lower() == "none":
            return
        try:
            pid = os.posix_spawn(path, [path], os.environ)
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
