"""测试里的一对真的 guardian 与 stepd，以及与它说话的客户端。"""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scns.stepd import cgroup, protocol

Message = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent.parent

#: 没有特别说明时，作业看见的环境。
ENVIRONMENT = "PATH=/usr/local/bin:/usr/bin:/bin\0HOME=/\0KEPT=yes\0GONE=no"


@cache
def has_cgroups() -> bool:
    """这台机器上能不能用 cgroup；各个测试进程各用自己的目录去试，不会互相删掉。"""
    hierarchy = cgroup.prepare(f"scns-test-{os.getpid()}")
    if hierarchy is not None:
        hierarchy.close()
    return hierarchy is not None


#: 测试的两种情形；用不了 cgroup 的，到运行时才跳过：各个测试进程收集到的必须相同。
MODES = ["tree", "cgroup"]


def words_of(mode: str) -> list[str]:
    """一种情形的命令行选项；用不了 cgroup 就跳过。"""
    if mode == "cgroup" and not has_cgroups():
        pytest.skip("cgroup2 is not usable here")
    return ["--no-cgroup"] if mode == "tree" else []


def key_of(text: str) -> str:
    """内容的键。"""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def wait_for(condition: Callable[[], Any], seconds: float = 10.0, what: str = "condition") -> Any:
    """等到条件成立并返回它的值；过了期限就失败。"""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"timed out waiting for {what}")
        time.sleep(0.005)
    return value


def is_alive(pid: int) -> bool:
    """进程活着；僵尸不算。"""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


class Pair:
    """一对 guardian 与 stepd；目录、套接字与作业的输出都在 `home` 下。

    参数：
        options：加在命令行上的选项
        package：从哪里装载 scns
        command：代替 `-m scns.stepd` 的命令
    """

    def __init__(
        self,
        *options: str,
        shared: bool = False,
        package: Path = ROOT,
        command: tuple[str, ...] = ("-m", "scns.stepd"),
        run_dir: str | None = None,
    ) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="stepd-"))
        self.home.chmod(0o755)
        self.work = self.home / "work"
        self.work.mkdir(mode=0o777)
        self.work.chmod(0o777)
        self.run_dir = self.home / (run_dir or "run")
        self.log = self.home / "log"
        rule = ["--shared"] if shared else ["--jobs-of", str(os.geteuid())]
        self._words = [
            *command,
            *("--run", str(self.run_dir), "--spool", str(self.home / "spool")),
            *("--client-uid", str(os.geteuid()), "--node", "n1", "--log", str(self.log)),
            *(*rule, *options),
        ]
        self._package = package
        self.client: protocol.Client
        self.messages: list[Message] = []
        self.start()

    @classmethod
    def in_mode(cls, mode: str, **options: Any) -> Pair:
        """按 `MODES` 里的一种启动；用不了 cgroup 就跳过。"""
        return cls(*words_of(mode), **options)

    def start(self) -> None:
        """启动，等到它监听，连上。"""
        result = self.launch()
        assert result.returncode == 0, result.stderr + self.log.read_text()
        self.connect()

    def launch(self) -> subprocess.CompletedProcess[str]:
        """只启动，不管成不成。"""
        return subprocess.run(
            [sys.executable, *self._words],
            cwd=self._package,
            env={**os.environ, "PYTHONPATH": str(self._package), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
        )

    def connect(self) -> None:
        """连上，stepd 正在换人时等到新的监听。"""
        self.client = wait_for(self._try_connect, what="stepd to listen")
        self.messages = []

    def _try_connect(self) -> protocol.Client | None:
        try:
            return protocol.connect(str(self.run_dir))
        except OSError:
            return None

    def pid(self, name: str) -> int:
        """`stepd` 或 `guardian` 此刻的进程号。"""
        return int((self.run_dir / f"{name}.pid").read_text())

    def kill(self, name: str) -> None:
        """kill -9 一个，等到它的接替者写下进程号，重新连上。"""
        old = {each: self.pid(each) for each in ("guardian", "stepd")}
        os.kill(old[name], signal.SIGKILL)
        wait_for(lambda: not is_alive(old[name]), what=f"{name} to die")
        wait_for(lambda: self.pid("stepd") != old["stepd"], what="a new stepd")
        self.client.close()
        self.connect()

    def close(self) -> None:
        """停下，连作业一起；什么也不留下。"""
        self.client.close()
        pids = []
        for name in ("guardian", "stepd"):
            try:
                pids.append(self.pid(name))
            except OSError:
                continue
        pids = [pid for pid in pids if is_alive(pid)]
        for _ in range(2):
            for pid in pids[:1]:
                os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not any(map(is_alive, pids)), what="the pair to stop")
        shutil.rmtree(self.home)

    # ---- 说话 ----

    def spec(self, job: int, script: str, /, **changes: Any) -> Message:
        """一条 `start` 消息。"""
        message: Message = {
            "op": "start",
            "job": job,
            "attempt": 1,
            "label": str(job),
            "uid": os.geteuid(),
            "gid": os.getegid(),
            "user": getpass.getuser(),
            "groups": None,
            "script": key_of(script),
            "environment": key_of(ENVIRONMENT),
            "variables": {"SLURM_JOB_ID": str(job)},
            "arguments": [],
            "directory": str(self.work),
            "stdin": None,
            "stdout": str(self.work / f"out{job}"),
            "stderr": None,
            "append": False,
            "umask": 0o022,
            "limits": {},
            "nice": 0,
            "cpus": None,
            "memory": None,
            "grace": 0.5,
        }
        return {**message, **changes}

    def bodies(self, script: str, uid: int | None = None) -> list[Message]:
        """脚本与环境的正文。"""
        owner = os.geteuid() if uid is None else uid
        return [
            {"op": "script", "uid": owner, "key": key_of(script), "body": script},
            {"op": "environment", "key": key_of(ENVIRONMENT), "body": ENVIRONMENT},
        ]

    def submit(self, job: int, script: str, /, **changes: Any) -> Message:
        """送出正文与 `start`，返回头一个关于它的回答。"""
        message = self.spec(job, script, **changes)
        self.client.send([*self.bodies(script, message["uid"]), message])
        return self.expect(lambda m: m.get("job") == job)

    def run(self, job: int, script: str, /, **changes: Any) -> Message:
        """启动，等它结束，确认，返回 `ended`。"""
        self.submit(job, script, **changes)
        ended = self.ended(job)
        self.order("ack", job)
        return ended

    def order(self, operation: str, job: int, attempt: int = 1, **fields: Any) -> None:
        """下一条关于作业的命令。"""
        self.client.send([{"op": operation, "job": job, "attempt": attempt, **fields}])

    def hello(self) -> Message:
        """要一份 `welcome`。"""
        self.client.send([{"op": "hello"}])
        return self.expect(lambda m: m["op"] == "welcome")

    def ended(self, job: int, attempt: int = 1, seconds: float = 10.0) -> Message:
        """等到作业结束。"""
        return self.expect(
            lambda m: m["op"] == "ended" and (m["job"], m["attempt"]) == (job, attempt), seconds
        )

    def expect(self, matches: Callable[[Message], bool], seconds: float = 10.0) -> Message:
        """等到一条符合的消息，从收到的里取走；别的留着。"""
        deadline = time.monotonic() + seconds
        while True:
            for message in self.messages:
                if matches(message):
                    self.messages.remove(message)
                    return message
            left = deadline - time.monotonic()
            if left <= 0:
                pytest.fail(f"timed out; got {self.messages}\n{self.log.read_text()}")
            self.messages += self.client.receive(left)

    def output(self, job: int) -> str:
        """作业的输出。"""
        path = self.work / f"out{job}"
        return path.read_text(errors="surrogateescape") if path.exists() else ""

    def pids_in(self, job: int, count: int = 1) -> list[int]:
        """作业在输出里报了 `count` 个进程号之后，返回它们。"""

        def found() -> list[int] | None:
            words = [int(word) for word in self.output(job).split() if word.isdigit()]
            return words if len(words) >= count else None

        result: list[int] = wait_for(found, what=f"{count} pids in the output of {job}")
        return result
