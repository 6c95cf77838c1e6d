"""与本节点 stepd 的连接：送出启动与结束，收下报告，断了重连。

stepd 是进程的父亲，它说的“在跑”“结束”是进程的事实；落到数据库之前，结束的报告留在这里，
也留在 stepd 的日记里，直到 `acknowledge`。
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from scns.stepd import protocol

log = logging.getLogger(__name__)

#: 作业与第几次启动：stepd 与数据库对得上号的钥匙。
Key = tuple[int, int]

#: 作业、第几次启动与步号。
StepKey = tuple[int, int, int]

#: 按摘要取脚本或环境的正文；已被清理时返回 None。
Loader = Callable[[str], bytes | None]


@dataclass(slots=True)
class StepdLink:
    """一条可以断、可以重连的连接。

    参数：
        run_dir：stepd 套接字所在目录
        running：stepd 承认在跑、尚未报告结束的
        ended：报告了结束、数据库还没有记下的
        refused：stepd 拒绝启动的，连同理由
        steps：作业步的报告里数据库还没有记下的，同一步只留最新的
        boot_id：stepd 报告的启动标识；还没有应答时为 None
        welcomed：收到了完整的名单，还没有与数据库核对
    """

    run_dir: str
    running: set[Key] = field(default_factory=set)
    ended: dict[Key, dict[str, Any]] = field(default_factory=dict)
    refused: dict[Key, str] = field(default_factory=dict)
    starting: dict[Key, dict[str, Any]] = field(default_factory=dict)
    steps: dict[StepKey, dict[str, Any]] = field(default_factory=dict)
    boot_id: str | None = None
    welcomed: bool = False
    client: protocol.Client | None = None
    _scripts: set[tuple[int, str]] = field(default_factory=set)
    _environments: set[str] = field(default_factory=set)
    _missing: list[Key] = field(default_factory=list)

    def connect(self) -> bool:
        """连上并要名单；连不上返回 False，稍后再试。"""
        if self.client is not None:
            return True
        try:
            self.client = protocol.Client(self.run_dir)
            self.client.send([{"op": "hello"}])
        except OSError as error:
            log.debug("stepd does not answer: %s", error)
            self._lost()
            return False
        self.welcomed = False
        return True

    def ask_again(self) -> None:
        """再要一次名单：数据库重连之后要重新核对。"""
        self._send([{"op": "hello"}])

    def receive(self) -> None:
        """读入到达的报告，不等待。"""
        if self.client is None:
            return
        try:
            messages = self.client.receive()
        except (OSError, protocol.ProtocolError) as error:
            log.warning("lost stepd: %s", error)
            self._lost()
            return
        for message in messages:
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["op"]
        if kind == "welcome":
            self._welcome(message)
            return
        if "job" not in message:
            return
        key = (message["job"], message["attempt"])
        if kind in ("step_started", "step_ended"):
            self.steps[*key, message["step"]] = message
        elif kind == "started":
            self.running.add(key)
            self.starting.pop(key, None)
        elif kind == "ended":
            self.running.discard(key)
            self.starting.pop(key, None)
            self.ended[key] = message
        elif kind == "missing":
            self._missing.append(key)
        elif kind == "refused":
            if self.starting.pop(key, None) is None:
                # 拒绝的不是启动，是送给刚结束的作业的信号之类
                log.info("stepd refused an order for job %d: %s", key[0], message["error"])
            else:
                self.refused[key] = message["error"]

    def _welcome(self, message: dict[str, Any]) -> None:
        self.boot_id = message["boot"]
        self.running = set()
        for job in message["jobs"]:
            key = (job["job"], job["attempt"])
            if job.get("op") == "ended" or job.get("state") == "ended":
                self.ended[key] = job
            else:
                self.running.add(key)
        for step in message["steps"]:
            self.steps[step["job"], step["attempt"], step["step"]] = step
        self.welcomed = True

    def start(
        self, messages: Iterable[dict[str, Any]], script: Loader, environment: Loader
    ) -> None:
        """送出一批启动；没送过的脚本与环境排在前面，一次写出。"""
        batch: list[dict[str, Any]] = []
        for message in messages:
            key = (message["job"], message["attempt"])
            if message["op"] == "start":
                batch += self._bodies(message, script, environment)
            self.starting[key] = message
            batch.append(message)
        self._send(batch)

    def _bodies(
        self, message: dict[str, Any], script: Loader, environment: Loader
    ) -> list[dict[str, Any]]:
        bodies: list[dict[str, Any]] = []
        known = (message["uid"], message["script"])
        if known not in self._scripts:
            body = script(message["script"]) or b""
            bodies.append(
                {"op": "script", "uid": known[0], "key": known[1], "body": _as_text(body)}
            )
            self._scripts.add(known)
        if message["environment"] not in self._environments:
            body = environment(message["environment"]) or b""
            bodies.append(
                {"op": "environment", "key": message["environment"], "body": _as_text(body)}
            )
            self._environments.add(message["environment"])
        return bodies

    def resend_missing(self, script: Loader, environment: Loader) -> None:
        """stepd 清掉了脚本或环境：补发再启动。"""
        if not self._missing:
            return
        again = [self.starting[key] for key in self._missing if key in self.starting]
        self._missing.clear()
        for message in again:
            self._scripts.discard((message["uid"], message["script"]))
            self._environments.discard(message["environment"])
        self.start(again, script, environment)

    def acknowledge(self, keys: Iterable[Key]) -> None:
        """数据库已记下：stepd 可以忘掉。"""
        keys = list(keys)
        for key in keys:
            self.ended.pop(key, None)
        self._send([{"op": "ack", "job": job, "attempt": attempt} for job, attempt in keys])

    def acknowledge_steps(self, reports: Iterable[dict[str, Any]]) -> None:
        """数据库已记下这些步的报告；结束了的 stepd 可以忘掉。"""
        done = []
        for report in reports:
            key = (report["job"], report["attempt"], report["step"])
            self.steps.pop(key, None)
            if report["op"] == "step_ended":
                done.append(dict(zip(("job", "attempt", "step"), key, strict=True)))
        self._send([{"op": "step_ack", **identity} for identity in done])

    def kill(self, key: Key, grace: float, message: str | None) -> None:
        """TERM、宽限、KILL 作业的全部进程；`message` 写进作业的输出。"""
        self._order(key, {"op": "kill", "grace": grace, "message": message})

    def signal(self, key: Key, number: int, scope: str | int) -> None:
        """送一个信号；范围是 batch、steps、all，或一个步号。"""
        where = {"scope": scope} if isinstance(scope, str) else {"step": scope}
        self._order(key, {"op": "signal", "signal": number, **where})

    def suspend(self, key: Key) -> None:
        """停住整个进程树。"""
        self._order(key, {"op": "suspend"})

    def resume(self, key: Key) -> None:
        """让停住的继续。"""
        self._order(key, {"op": "resume"})

    def _order(self, key: Key, message: dict[str, Any]) -> None:
        self._send([{**message, "job": key[0], "attempt": key[1]}])

    def _send(self, messages: list[dict[str, Any]]) -> None:
        if self.client is None or not messages:
            return
        try:
            self.client.send(messages)
        except OSError as error:
            log.warning("lost stepd: %s", error)
            self._lost()

    def _lost(self) -> None:
        """断了：名单与送过的正文都不再算数，重连后从 welcome 重新得知。"""
        if self.client is not None:
            self.client.close()
        self.client = None
        self.boot_id = None
        self.welcomed = False
        self.running.clear()
        self.starting.clear()
        self._scripts.clear()
        self._environments.clear()
        self._missing.clear()

    def close(self) -> None:
        """断开；作业不受影响。"""
        if self.client is not None:
            self.client.close()
            self.client = None


def _as_text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")
