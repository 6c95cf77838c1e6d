"""TaskEpilog 的等待与时限：不必真的起一对 stepd 的。"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from scns.stepd import taskepilog
from tests.integration.stepd_pair import is_alive, wait_for


@pytest.fixture(autouse=True)
def _blocked() -> Iterator[None]:
    """留下的进程屏蔽着全部信号；这里只屏蔽它要等的。"""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def write(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


ENVIRONMENT = {b"PATH": b"/usr/bin:/bin", b"SEEN": b"yes"}


@pytest.mark.parametrize(
    ("body", "status"), [("exit 0", 0), ("exit 9", 9 << 8), ("kill -TERM $$", signal.SIGTERM)]
)
@pytest.mark.parametrize("limit", [None, 60.0])
def test_status_is_that_of_the_program(tmp_path: Path, body: str, status: int, limit: float | None):
    assert taskepilog._run(write(tmp_path / "p", body), ENVIRONMENT, limit) == status


def test_program_sees_its_environment_and_no_input(tmp_path: Path):
    note = tmp_path / "note"
    body = f'test "$(cat)" = "" && echo $SEEN > {note}'
    assert taskepilog._run(write(tmp_path / "p", body), ENVIRONMENT, None) == 0
    assert note.read_text() == "yes\n"


def test_program_that_does_not_end_is_killed_with_its_descendants(tmp_path: Path):
    note = tmp_path / "note"
    program = write(tmp_path / "p", f"sleep 100 & echo $! > {note}; wait")
    status = taskepilog._run(program, ENVIRONMENT, 1.0)
    assert status == signal.SIGKILL
    pid = int(wait_for(lambda: note.exists() and note.read_text()))
    wait_for(lambda: not is_alive(pid), what="the descendant to be gone")


def test_program_that_is_not_there_is_told(capfd: pytest.CaptureFixture[str]):
    assert taskepilog._run("/nonexistent/p", ENVIRONMENT, None) == 127 << 8
    assert capfd.readouterr().err == "/nonexistent/p: No such file or directory\n"


def test_nothing_stays_behind_without_a_program():
    before = os.getpid()
    taskepilog.stay_behind([(None, None), (None, 5.0)], lambda pid: {}, lambda text: b"")
    assert os.getpid() == before


def ending(status: int) -> int:
    """照 `status` 结束的子进程的等待状态。"""
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            taskepilog._end_like(status)
        finally:
            os._exit(99)
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize(
    "status",
    [0, 1 << 8, 255 << 8, signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGPIPE, 53],
)
def test_what_stayed_ends_as_the_task_did(status: int):
    assert ending(int(status)) == status


def test_core_of_the_task_is_not_written_twice():
    assert ending(signal.SIGSEGV | 0x80) == signal.SIGSEGV
