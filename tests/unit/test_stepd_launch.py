"""启动的几个关节：关口、子进程的开头、身份；整个启动在 integration 里测。"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from scns.stepd import launch
from scns.stepd.journal import started_ending
from scns.stepd.launch import Context, Gate, LaunchError, become, fork_child
from scns.stepd.spec import Owner


def owner(**changes: object) -> Owner:
    """自己的作业。"""
    fields: dict[str, object] = {
        "label": "1",
        "uid": os.geteuid(),
        "gid": os.getegid(),
        "user": "x",
        "groups": None,
        "directory": "/",
        "stdout": None,
        "stderr": None,
        "grace": 1,
        **changes,
    }
    return Owner(fields)


class Starter:
    """一个在关口上等着的子进程；过了关以 5 退出，没过以 6。"""

    def __init__(self, journal: Path) -> None:
        self.journal = os.open(journal, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self.gate = Gate(self.journal, lambda pid: started_ending(1, 1, pid))
        keep = self.gate.descriptors()
        self.pid = fork_child(os.fork, keep, lambda: os._exit(5 if self.gate.wait() else 6))

    def record(self, text: bytes) -> None:
        """像 stepd 那样写日记。"""
        os.write(self.journal, text)

    def code(self) -> int:
        """子进程的退出码。"""
        os.close(self.journal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_gate_opens(tmp_path: Path):
    starter = Starter(tmp_path / "journal")
    starter.gate.open()
    starter.gate.close()
    assert starter.code() == 5


def test_gate_holds_the_child_until_then(tmp_path: Path):
    starter = Starter(tmp_path / "journal")
    time.sleep(0.05)
    assert os.waitpid(starter.pid, os.WNOHANG) == (0, 0)
    starter.gate.open()
    starter.gate.close()
    assert starter.code() == 5


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("whole", 5),  # 记下了才死的：继任者会认领，要执行
        ("nothing", 6),  # 没来得及记：继任者不知道，不许执行
        ("torn", 6),
        ("another", 6),
        ("earlier", 6),
    ],
)
def test_child_of_a_dead_stepd_asks_the_journal(tmp_path: Path, written: str, code: int):
    starter = Starter(tmp_path / "journal")
    own = b'{"event":"started",' + started_ending(1, 1, starter.pid)
    other = b'{"event":"started",' + started_ending(2, 1, starter.pid)
    text = {
        "whole": other + own,
        "nothing": b"",
        "torn": own[:-1],
        "another": other,
        "earlier": own + other,
    }
    starter.record(text[written])
    starter.gate.close()  # 没有放行就关上，与死了一样
    assert starter.code() == code


def test_opening_the_gate_of_a_dead_child_is_harmless(tmp_path: Path):
    starter = Starter(tmp_path / "journal")
    os.kill(starter.pid, signal.SIGKILL)
    assert starter.code() == -signal.SIGKILL
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.close(starter.gate._inner)
    starter.gate.open()
    signal.signal(signal.SIGPIPE, before)
    os.close(starter.gate._outer)


def test_child_keeps_only_the_descriptors_it_was_told_to(tmp_path: Path):
    kept = os.open(tmp_path, os.O_RDONLY)
    other = os.open(tmp_path, os.O_RDONLY)

    def look() -> None:
        found = {name for name in os.listdir("/proc/self/fd") if int(name) > 2}  # noqa: PTH208
        os._exit(0 if str(kept) in found and str(other) not in found else 1)

    pid = fork_child(os.fork, {kept}, look)
    os.close(kept)
    os.close(other)
    assert os.waitpid(pid, 0)[1] == 0


def test_child_dies_of_a_signal_that_came_before_it_was_ready():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        for _ in range(20):
            pid = fork_child(os.fork, (), signal.pause)
            os.kill(pid, signal.SIGTERM)
            assert os.waitpid(pid, 0)[1] == signal.SIGTERM
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_child_that_fails_does_not_return_into_stepd():
    def fail() -> None:
        raise RuntimeError("boom")

    pid = fork_child(os.fork, (), fail)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


def test_own_identity_needs_no_change():
    become(owner(user="no such user", gid=12345))
    assert os.getegid() != 12345


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"user": "no such user"}, "user no such user does not exist"),
        ({"user": "root"}, "user root has uid 0 now, not 65534"),
        ({"user": "nobody", "gid": 0}, "user nobody is not in group 0"),
        ({"user": "nobody", "gid": 65534, "groups": [65534, 0]}, "user nobody is not in group 0"),
    ],
)
def test_wrong_identity_is_refused_before_anything_changes(
    changes: dict[str, object], complaint: str
):
    with pytest.raises(LaunchError, match=complaint):
        become(owner(uid=65534, **changes))
    assert os.geteuid() == 0


def test_line_for_the_user_looks_like_slurmstepd():
    context = Context("n1", 1, lambda job, attempt: "")
    assert context.line("x\udcff") == b"slurmstepd-n1: error: x\xff\n"


def in_child(body: object) -> int:
    pid = fork_child(os.fork, (), body)  # type: ignore[arg-type]
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_line_is_appended_to_what_exists_and_nothing_is_created(tmp_path: Path):
    (tmp_path / "out").write_text("before\n")
    there = owner(stdout=str(tmp_path / "out"))
    missing = owner(stdout=str(tmp_path / "missing"))
    assert in_child(lambda: launch.append_line(there, b"line\n")) == 0
    assert in_child(lambda: launch.append_line(missing, b"line\n")) == 0
    assert (tmp_path / "out").read_text() == "before\nline\n"
    assert not (tmp_path / "missing").exists()


def test_line_does_not_wait_for_a_reader(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    fifo = owner(stdout=str(tmp_path / "fifo"))
    assert in_child(lambda: launch.append_line(fifo, b"line\n")) == 0
