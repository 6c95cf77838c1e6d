"""取得一个分配并握着它：`srun` 与 `salloc` 在作业之外做的事。

提交一个没有脚本的作业，等它启动，连上 stepd 握住。握着它的是这条连接：这个进程不论怎样没了，
stepd 都会收回分配；还没启动时没有连接，那时的 Ctrl-C 取消排队的作业，连取消都来不及的，启动之后
没有人来握，也会收回。
"""

from __future__ import annotations

import signal
import sys
import time

from scns.cli import control
from scns.cli.bell import Bell
from scns.cli.launch.channel import Channel, Closed
from scns.cli.launch.demand import REFUSED
from scns.db import connect
from scns.errors import RequestRefused, ScnsError, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.launch.wake import Wake
    from scns.cli.options import Parsed

_SUBMIT = "SELECT scns.submit(%s::jsonb, NULL, '')"

_STATE = "SELECT q.state FROM scns.queue q WHERE q.id = %s"

#: 多久没有启动才说在排队，秒：多半立刻就启动了。
_SILENCE = 0.3

#: 数据库不在时隔这么久再看，秒。
_RETRY = 0.5

#: 数据库说启动了之后，等 stepd 准备好的上限，秒。
_PREPARING = 10.0

#: 交还之后等 stepd 收拾好的上限，秒；多半只要几毫秒。
_TIDYING = 2.0

_ACTIVE = ("RUNNING", "SUSPENDED", "COMPLETING")


class Interrupted(ScnsError):
    """等着的时候有人不要了；句子已经说过。"""

    def lines(self, command: str) -> list[str]:
        """没有要再说的。"""
        return []


class Held:
    """握着的分配。

    参数：
        job：作业号
        variables：作业的变量；值为 None 的要去掉
        channel：握着它的连接；`--no-shell` 的没有
    """

    def __init__(self, job: int, variables: dict[str, str | None], channel: Channel | None) -> None:
        self.job = job
        self.variables = variables
        self.channel = channel

    def release(self, status: int) -> None:
        """交还；`status` 是等待状态，就是作业的结局。"""
        if self.channel is None:
            return
        try:
            self.channel.send({"op": "release", "status": status})
            self.channel.expect("revoked", seconds=_TIDYING)
        except (Closed, RequestRefused):
            pass
        self.channel.close()


def obtain(command: str, merged: Parsed, built: dict[str, Any], wake: Wake) -> Held:
    """提交，等到启动，握住。

    参数：
        command：`srun` 或 `salloc`
        wake：收着信号的；等的时候来了要结束的信号就取消

    异常：
        ScnsError：提交被拒，等不及，被取消，或不要了
    """
    connection = connect.connect()
    cluster = merged.text("clusters")
    if cluster is not None:
        control.check_clusters(connection, cluster)
    job = _submit(command, connection, built)
    waiting = Waiting(command, connection, job, quiet="quiet" in merged.chosen)
    waiting.until_started(wake, _seconds(merged))
    if built["options"].get("no_shell"):
        return Held(job, {}, None)
    channel, held = _hold(command, job)
    return Held(job, held["variables"], channel)


def _seconds(merged: Parsed) -> float | None:
    """`--immediate` 的秒数；没有给时为 None，没有带值是 1。"""
    if "immediate" not in merged.chosen:
        return None
    return float(merged.text("immediate") or 1)


def _submit(command: str, connection: Any, built: dict[str, Any]) -> int:
    try:
        [(job,)] = connect.call(connection, _SUBMIT, (control.encode(built),))
    except connect.Refused as refused:
        lead = "" if refused.detail is None else refused.detail + "\n"
        raise ScnsError(f"{lead}{REFUSED[command]}: {refused.message}") from None
    return int(job)


class Waiting:
    """等一个作业启动，把等的情形说给用户。"""

    def __init__(self, command: str, connection: Any, job: int, *, quiet: bool) -> None:
        self._command = command
        self._bell = Bell(connection, (job,), command=command)
        self._job = job
        self._quiet = quiet
        self._told = self._away = False

    def until_started(self, wake: Wake, seconds: float | None) -> None:
        """等到启动；见 `obtain`。

        参数：
            seconds：至多等这么久；None 为一直等
        """
        began = time.monotonic()
        deadline = None if seconds is None else began + seconds
        while not self._started():
            now = time.monotonic()
            if any(number in _ENDING for number in wake.take()):
                self._give_up()
            if deadline is not None and now >= deadline:
                self._cancel()
                raise ScnsError(f"{REFUSED[self._command]}: Requested nodes are busy")
            if now - began >= _SILENCE:
                self._tell()
            limits = [] if self._told else [_SILENCE - (now - began)]
            limits += [] if deadline is None else [deadline - now]
            limits += [_RETRY] if self._away else []
            self._bell.wait(min(limits, default=None), wake.fileno())
        self._bell.release()
        if self._told:
            self._say(f"job {self._job} has been allocated resources")

    def _started(self) -> bool:
        try:
            [(state,)] = connect.call(self._bell.connection, _STATE, (self._job,))
            self._away = False
        except connect.NoServer:
            # 等它回来；等的时候 Ctrl-C 照样管用
            self._bell.release()
            self._away = True
            return False
        if state == "PENDING":
            return False
        if state not in _ACTIVE:
            sys.stderr.write(f"{self._command}: Job allocation {self._job} has been revoked\n")
            raise Interrupted("revoked")
        return True

    def _tell(self) -> None:
        if self._told:
            return
        self._told = True
        if self._command == "salloc":
            self._say(f"Pending job allocation {self._job}")
        self._say(f"job {self._job} queued and waiting for resources")

    def _give_up(self) -> None:
        self._cancel()
        if self._command == "srun":
            sys.stderr.write(f"srun: Force Terminated job {self._job}\n")
        else:
            sys.stderr.write("salloc: Job aborted due to signal\n")
            sys.stderr.write(f"salloc: Job allocation {self._job} has been revoked.\n")
        raise Interrupted("interrupted")

    def _cancel(self) -> None:
        argument: dict[str, control.Json] = {"signal": None, "scope": "all", "states": []}
        control.ask(
            self._bell.connection, "cancel", [{"job": self._job}], argument, command=self._command
        )

    def _say(self, text: str) -> None:
        if not self._quiet:
            sys.stderr.write(f"{self._command}: {text}\n")
            sys.stderr.flush()


_ENDING = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)


def _hold(command: str, job: int) -> tuple[Channel, dict[str, Any]]:
    """连上 stepd 握住；数据库先说启动，stepd 稍后才准备好。"""
    channel = Channel()
    deadline = time.monotonic() + _PREPARING
    pause = 0.001
    while True:
        try:
            return channel, channel.ask({"op": "hold", "job": job}, "held")
        except RequestRefused as refused:
            if refused.message != "Invalid job id specified" or time.monotonic() > deadline:
                raise ScnsError(
                    f"Unable to confirm allocation for job {job}: {refused.message}"
                ) from None
        except Closed:
            if time.monotonic() > deadline:
                raise
            channel = _reconnect(deadline)
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def _reconnect(deadline: float) -> Channel:
    """stepd 正在换班：等到它又在监听。"""
    while True:
        try:
            return Channel()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
