"""守着一个作业步：经手要抄写的流，转发信号，报告任务怎样结束，得出退出码。

来源：srun(1) 22.05 版的行为；句子与 Slurm 逐字相同。
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

from scns.arrays import format_indices
from scns.cli.launch.channel import Closed
from scns.cli.launch.wake import ENDING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.launch.channel import Channel
    from scns.cli.launch.streams import Wiring
    from scns.cli.launch.wake import Wake

#: 结束得差不多同时的任务合成一行来报告：头一个之后等这么久，秒。
_GATHER = 0.02

#: 两次 Ctrl-C 之间不超过这么久，秒，才算是要结束。
_TWICE = 1.0


class Manners:
    """怎样对待失败与中断。

    参数：
        wait：头一个任务结束之后等别的多少秒；0 是一直等
        kill_on_bad_exit：有任务失败就结束这一步
        interrupt_ends：一次 Ctrl-C 就结束
        grace：结束时从 TERM 到 KILL 的秒数
    """

    def __init__(
        self, wait: int = 0, *, kill_on_bad_exit: bool = False, interrupt_ends: bool = False
    ) -> None:
        self.wait = wait
        self.kill_on_bad_exit = kill_on_bad_exit
        self.interrupt_ends = interrupt_ends


class Watch:
    """守到一步结束。

    参数：
        label：`42.0`
        node：任务所在的节点
    """

    def __init__(
        self, channel: Channel, wiring: Wiring, wake: Wake, manners: Manners, label: str, node: str
    ) -> None:
        self._channel = channel
        self._wiring = wiring
        self._wake = wake
        self._manners = manners
        self._label = label
        self._node = node
        self._running = set(range(len(wiring.streams)))
        self._finished = False
        #: 结束了还没有报告的任务，以等待状态分组。
        self._unreported: dict[int | None, list[int]] = {}
        self._report_at: float | None = None
        self._first_exit: float | None = None
        self._interrupted: float | None = None
        #: 有人要求结束：作业被取消，到了时限，或用户按了 Ctrl-C。
        self._forced = False
        #: 最坏的等待状态；没有任务报告过为 None。
        self.worst: int | None = None

    def until_over(self) -> int:
        """守到任务都结束、管道都读尽，返回退出码。

        异常：
            Closed：stepd 断开了
        """
        if self._channel.pending:
            self._listen()
        while not self._finished or self._wiring.labels:
            self._turn()
        self._report()
        if self.worst is None:
            return 0 if not self._forced else 1
        if os.WIFSIGNALED(self.worst) and not self._forced:
            self._say(f"Force Terminated StepId={self._label}")
        return shell_code(self.worst)

    # ---- 等 ----

    def _turn(self) -> None:
        poller = select.poll()
        wiring, feed = self._wiring, self._wiring.feed
        if not self._finished:
            poller.register(self._channel.fileno(), select.POLLIN)
        poller.register(self._wake.fileno(), select.POLLIN)
        for descriptor in wiring.labels:
            poller.register(descriptor, select.POLLIN)
        if feed is not None and feed.wants_input():
            poller.register(0, select.POLLIN)
        for descriptor in feed.blocked() if feed is not None else ():
            poller.register(descriptor, select.POLLOUT)
        ready = {descriptor for descriptor, _ in poller.poll(self._timeout())}
        for descriptor in ready & wiring.labels.keys():
            if not wiring.labels[descriptor].pump(descriptor):
                del wiring.labels[descriptor]
                os.close(descriptor)
        if feed is not None:
            if 0 in ready:
                feed.read()
            for descriptor in ready & set(feed.blocked()):
                feed.write(descriptor)
        if self._wake.fileno() in ready:
            for number in self._wake.take():
                self._heed(number)
        if self._channel.fileno() in ready and not self._finished:
            self._listen()
        self._keep_time()

    def _timeout(self) -> int | None:
        moments = [] if self._report_at is None else [self._report_at]
        if self._first_exit is not None and self._manners.wait:
            moments.append(self._first_exit + self._manners.wait)
        if not moments:
            return None
        return max(0, int((min(moments) - time.monotonic()) * 1000) + 1)

    def _keep_time(self) -> None:
        now = time.monotonic()
        if self._report_at is not None and now >= self._report_at:
            self._report()
        wait = self._manners.wait
        if self._first_exit is not None and wait and now >= self._first_exit + wait:
            self._first_exit = None
            if self._running:
                self._give_up_waiting(wait)

    def _give_up_waiting(self, seconds: int) -> None:
        done = set(range(len(self._wiring.streams))) - self._running
        self._say(f"First task exited {seconds}s ago")
        self._say(f"StepId={self._label} {tasks(done)}: exited")
        self._say(f"StepId={self._label} {tasks(self._running)}: running")
        self._terminate()

    # ---- stepd 说的 ----

    def _listen(self) -> None:
        for message in self._channel.receive():
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["op"]
        if kind == "exited":
            self._exited(message["task"], message["status"])
        elif kind == "finished":
            self._finished = True
            self._wiring.hang_up()
        elif kind == "ending":
            self._forced = True
            if message["line"]:
                self._write(message["line"])
            self._say("Job step aborted: Waiting up to 32 seconds for job step to finish.")

    def _exited(self, task: int, status: int | None) -> None:
        self._running.discard(task)
        if status is not None and (
            self.worst is None or shell_code(status) > shell_code(self.worst)
        ):
            self.worst = status
        if self._first_exit is None:
            self._first_exit = time.monotonic()
        if status == 0:
            return
        self._unreported.setdefault(status, []).append(task)
        if self._report_at is None:
            self._report_at = time.monotonic() + _GATHER
        if self._manners.kill_on_bad_exit and self._running and not self._forced:
            self._report()
            self._terminate()

    def _report(self) -> None:
        """报告失败了的任务，同样结局的合成一行。"""
        self._report_at = None
        for status, numbers in self._unreported.items():
            self._say(f"error: {self._node}: {tasks(numbers)}: {describe(status)}")
        self._unreported.clear()

    def _say(self, text: str) -> None:
        """srun 的一行话。"""
        self._write(f"srun: {text}")

    def _write(self, line: str) -> None:
        raw = self._wiring.terminal is not None and os.isatty(2)
        sys.stderr.write(line + ("\r\n" if raw else "\n"))
        sys.stderr.flush()

    # ---- 信号 ----

    def _heed(self, number: int) -> None:
        if number == signal.SIGINT:
            self._interrupt()
        elif number in ENDING:
            if not self._forced:
                self._say("forcing job termination")
            self._forced = True
            if self._wiring.terminal is not None:
                self._forward(signal.SIGHUP)  # 交互的 shell 不理会 TERM，挂断才走
            self._end(0.0 if number == signal.SIGQUIT else None)
        elif number in (signal.SIGCHLD, signal.SIGPIPE):
            return
        elif number == signal.SIGWINCH:
            self._fit()
        else:
            if number == signal.SIGCONT:
                self._fit()
            self._forward(number)

    def _fit(self) -> None:
        """自己的窗口变了，或从停住里继续：任务的终端跟上。"""
        terminal = self._wiring.terminal
        if terminal is not None:
            terminal.take()
            terminal.fit()

    def _interrupt(self) -> None:
        """头一次 Ctrl-C 只说怎么样了，一秒之内的第二次送到任务，再一次就结束。"""
        now = time.monotonic()
        before, self._interrupted = self._interrupted, now
        if self._forced:
            self._say("forcing job termination")
            self._end(0.0)
        elif self._manners.interrupt_ends or (before is not None and now - before <= _TWICE):
            self._say(f"sending Ctrl-C to StepId={self._label}")
            self._forced = True
            self._forward(signal.SIGINT)
        else:
            self._say("interrupt (one more within 1 sec to abort)")
            if self._running:
                self._say(f"StepId={self._label} {tasks(self._running)}: running")

    def _forward(self, number: int) -> None:
        self._tell({"op": "forward", "signal": int(number)})

    def _terminate(self) -> None:
        self._say(f"Terminating StepId={self._label}")
        self._forward(signal.SIGKILL)

    def _end(self, grace: float | None) -> None:
        self._tell({"op": "finish", "grace": grace})

    def _tell(self, message: dict[str, Any]) -> None:
        if not self._finished:
            try:
                self._channel.send(message)
            except Closed:
                self._finished = True


def tasks(numbers: Any) -> str:
    """`task 0` 或 `tasks 0-2,5`。"""
    listed = sorted(numbers)
    ranges = [(number, number + 1) for number in listed]
    merged: list[tuple[int, int]] = []
    for start, stop in ranges:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    word = "task" if len(listed) == 1 else "tasks"
    return f"{word} {format_indices(merged, None, length=0)}"


def describe(status: int | None) -> str:
    """等待状态的说法。"""
    if status is None:
        return "Unknown"
    if os.WIFEXITED(status):
        return f"Exited with exit code {os.WEXITSTATUS(status)}"
    dumped = " (core dumped)" if os.WCOREDUMP(status) else ""
    return f"{signal.strsignal(os.WTERMSIG(status))}{dumped}"


def shell_code(status: int) -> int:
    """等待状态在 shell 里的退出码。"""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
