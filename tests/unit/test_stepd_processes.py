"""从 /proc 看进程，给进程发信号，以及几个系统调用；都是真的进程。"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scns.stepd import kernel, processes
from scns.stepd.processes import MARK, Stat, children, scan, send, stat


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """一个带记号、自成会话的进程。"""
    child = subprocess.Popen(
        ["sleep", "60"], start_new_session=True, env={"A": "1", MARK: "i.1.1", "PATH": os.defpath}
    )
    while stat(child.pid) is None or MARK.encode() not in environ(child.pid):
        time.sleep(0.001)
    yield child
    child.kill()
    child.wait()


def environ(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_program_name_cannot_forge_the_fields():
    line = b"7 (a) R 1 1 (b) S 5 6 7 0 -1 0 0 0 0 0 100 50 200 25 20 0 1 0 999 0\n"
    found = Stat(line)
    assert (found.state, found.parent, found.session, found.ticks) == ("S", 5, 7, 999)
    hertz = os.sysconf("SC_CLK_TCK")
    assert (found.user, found.system) == (300 / hertz, 75 / hertz)
    assert not found.dead


def test_stat_of_a_process(sleeper: subprocess.Popen[bytes]):
    found = stat(sleeper.pid)
    assert found is not None
    assert (found.parent, found.session) == (os.getpid(), sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    zombie = stat(sleeper.pid)
    assert zombie is not None
    assert zombie.dead
    assert zombie.ticks == found.ticks
    sleeper.wait()
    assert stat(sleeper.pid) is None


def test_scan_reads_marks_of_the_wanted_users_only(sleeper: subprocess.Popen[bytes]):
    own = os.geteuid()
    found = scan({own})[sleeper.pid]
    assert (found.mark, found.uid, found.parent) == ("i.1.1", own, os.getpid())
    assert scan({own + 1})[sleeper.pid].mark is None
    assert scan({own})[os.getpid()].mark is None


def test_scan_leaves_out_zombies(sleeper: subprocess.Popen[bytes]):
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert sleeper.pid not in scan(set())


def test_children_are_listed_by_the_kernel(sleeper: subprocess.Popen[bytes]):
    found = children(os.getpid())
    assert found is None or sleeper.pid in found
    assert children(2**22 + 1) is None


def test_signal_goes_to_what_still_holds_only(sleeper: subprocess.Popen[bytes]):
    send(signal.SIGKILL, [sleeper.pid], lambda pid: False)
    assert sleeper.poll() is None
    send(signal.SIGKILL, [2**22 + 1, sleeper.pid], lambda pid: True)
    assert sleeper.wait() == -signal.SIGKILL
    send(signal.SIGKILL, [sleeper.pid], lambda pid: True)  # 已经没有了


def test_signals_work_without_pidfd(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
):
    def refuse(pid: int) -> int:
        raise PermissionError

    monkeypatch.setattr(processes.os, "pidfd_open", refuse)
    send(signal.SIGTERM, [sleeper.pid], lambda pid: True)
    assert sleeper.wait() == -signal.SIGTERM


def in_child(code: str) -> str:
    """在一个新的解释器里执行，返回它的输出。"""
    result = subprocess.run(
        [sys.executable, "-c", f"import os, time\nfrom scns.stepd import kernel\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(kernel.__file__).parents[2],
    )
    return result.stdout


def test_subreaper_gets_the_orphans():
    code = (
        "kernel.adopt_orphans()\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0: time.sleep(.05); os._exit(9)\n"
        "    os._exit(0)\n"
        "print(sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2)))\n"
    )
    assert in_child(code) == "[0, 9]\n"


def test_signals_are_read_from_a_descriptor():
    # 在单线程的子进程里：测试进程可能有别的线程没有屏蔽这些信号，会被它们结束
    code = (
        "import signal\n"
        "numbers = (signal.SIGUSR1, signal.SIGCHLD, signal.SIGRTMAX)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, numbers)\n"
        "descriptor = kernel.signal_descriptor(numbers)\n"
        "first = kernel.read_signals(descriptor)\n"
        "for number in (signal.SIGUSR1, signal.SIGUSR1, signal.SIGRTMAX):\n"
        "    os.kill(os.getpid(), number)\n"
        "got = sorted(kernel.read_signals(descriptor))\n"
        "print(first, got == [signal.SIGUSR1, signal.SIGRTMAX], kernel.read_signals(descriptor))\n"
    )
    assert in_child(code) == "[] True []\n"


@pytest.mark.parametrize("broken", [False, True])
def test_descriptors_are_closed_but_for_those_to_keep(broken: bool):
    code = (
        "fds = [os.open('/dev/null', 0) for _ in range(20)]\n"
        f"if {broken}: kernel._close_range = lambda *_: -1\n"
        "kernel.close_descriptors([fds[3], fds[10], fds[11]])\n"
        "left = [fd for fd in range(3, 100) if os.path.exists(f'/proc/self/fd/{fd}')]\n"
        "print(left == [fds[3], fds[10], fds[11]])\n"
    )
    assert in_child(code) == "True\n"


def test_status_of_somebody_elses_child_is_known_after_it_was_reaped():
    child = subprocess.Popen(["sh", "-c", "read line; exit 7"], stdin=subprocess.PIPE)
    handle = os.pidfd_open(child.pid)
    try:
        assert kernel.exit_status(handle) is None
        child.communicate(b"go\n")
        # 6.15 以前的内核不知道
        assert kernel.exit_status(handle) in (7 << 8, None)
    finally:
        os.close(handle)
