"""作业收拾的步骤与结局，纯函数。"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from scns.stepd.job import Job, cause, next_step, wait_status
from scns.stepd.protocol import LAUNCH_FAILED
from scns.stepd.spec import Owner
from scns.stepd.tree import Census, Script, Tree


@pytest.mark.parametrize(
    ("exited", "empty", "until", "step"),
    [
        (False, False, None, "wait"),  # 在跑，没有人要它结束
        (False, False, 11.0, "wait"),  # 在宽限中
        (False, False, 10.0, "kill"),  # 宽限到了
        (True, True, None, "finish"),
        (True, True, 11.0, "finish"),
        (True, False, None, "terminate"),  # 有遗留，还没有打过招呼
        (True, False, 11.0, "wait"),
        (True, False, 9.0, "kill"),
    ],
)
def test_next_step(exited: bool, empty: bool, until: float | None, step: str):
    assert next_step(exited, empty, until, now=10.0) == step


@pytest.mark.parametrize(
    ("status", "killed", "oom", "expected"),
    [
        (0, False, False, None),
        (7 << 8, False, False, None),
        (signal.SIGKILL, False, False, None),
        (signal.SIGKILL, False, True, "oom"),
        (signal.SIGTERM, True, False, "killed"),
        (0, True, True, "killed"),
        (LAUNCH_FAILED, False, False, "launch"),
        (LAUNCH_FAILED, True, False, "killed"),
        (LAUNCH_FAILED << 8, False, False, None),
        (None, False, False, "lost"),
        (None, True, True, "lost"),
    ],
)
def test_cause(status: int | None, killed: bool, oom: bool, expected: str | None):
    assert cause(status, killed, oom) == expected


@pytest.mark.parametrize("end", ["exit(0)", "exit(255)", "kill(15)", "kill(53)", "kill(6)"])
def test_wait_status_is_what_waitpid_says(end: str):
    code = (
        "import os, resource\n"
        "def kill(number): os.kill(os.getpid(), number)\n"
        f"{end.replace('exit', 'os._exit')}"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    info = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert info is not None
    assert wait_status(info) == os.waitpid(child.pid, 0)[1]
    child.returncode = 0


def job() -> Job:
    """一个没有 cgroup 的作业。"""
    owner = Owner(
        {
            "label": "42_7",
            "uid": 1,
            "gid": 1,
            "user": "x",
            "groups": None,
            "directory": "/",
            "stdout": None,
            "stderr": None,
            "grace": 1,
        }
    )
    script = Script(100, 5, 1)
    return Job((42, 1), "i.42.1", owner, script, Tree(Census([1]), "i.42.1"), 1000.5)


def test_running_job_reports_its_start_in_two_forms():
    running = job()
    assert running.report() == {
        "op": "started",
        "job": 42,
        "attempt": 1,
        "pid": 100,
        "time": 1000.5,
    }
    assert running.summary() == {
        "job": 42,
        "attempt": 1,
        "state": "running",
        "pid": 100,
        "started": 1000.5,
    }


def test_ended_job_reports_its_end_everywhere():
    over = job()
    over.status, over.ended = 3 << 8, 1010.0
    over.usage.raise_to(0.25, 0.125, 4096)
    over.leftover = 2
    over.final = over.conclude()
    assert over.report() == over.summary() == over.final
    assert over.final == {
        "op": "ended",
        "job": 42,
        "attempt": 1,
        "status": 3 << 8,
        "started": 1000.5,
        "ended": 1010.0,
        "cause": None,
        "error": None,
        "user": 0.25,
        "system": 0.125,
        "max_rss": 4096,
        "leftover": 2,
    }
