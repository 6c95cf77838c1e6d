"""日记：追加、读回、忘掉、重写，以及写到一半的行。"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.stepd import journal as module
from scns.stepd.journal import Journal, read, recall, started_ending


@pytest.fixture
def path(tmp_path: Path) -> str:
    """日记的路径。"""
    return str(tmp_path / "journal")


def opened(path: str) -> Journal:
    """像 stepd 启动时那样打开：先读，再换新文件。"""
    return Journal(path, read(path))


def events(path: str) -> dict[tuple[int, int], list[str]]:
    """读回的各作业的事件。"""
    return {key: [json.loads(line)["event"] for line in lines] for key, lines in read(path).items()}


def test_journal_that_does_not_exist_is_empty(path: str):
    assert read(path) == {}


def test_unacknowledged_jobs_are_read_back_in_order(path: str):
    journal = opened(path)
    journal.started(1, 1, 100, {"label": "1"})
    journal.started(2, 1, 200, {"label": "2"})
    journal.append("exited", {"job": 1, "attempt": 1, "status": 0, "ended": 1.0})
    journal.started(3, 4, 300, {})
    journal.forget(2, 1)
    journal.close()
    assert events(path) == {(1, 1): ["started", "exited"], (3, 4): ["started"]}


def test_started_line_ends_the_way_the_gate_expects(path: str):
    journal = opened(path)
    journal.started(12, 3, 4567, {"label": "12", "boot": "b"})
    journal.close()
    assert Path(path).read_bytes().endswith(started_ending(12, 3, 4567))
    assert Path(path).read_bytes().count(b"\n") == 1
    assert not Path(path).read_bytes().endswith(started_ending(2, 3, 4567))


def test_opening_replaces_the_file_and_leaves_the_old_one_alone(path: str):
    first = opened(path)
    first.started(1, 1, 100, {})
    second = opened(path)
    second.started(2, 1, 200, {})
    assert os.fstat(first.fileno()).st_ino != os.fstat(second.fileno()).st_ino
    # 等在关口上的子进程握着旧文件，看到的末行不变
    assert os.pread(first.fileno(), 1000, 0).endswith(started_ending(1, 1, 100))
    assert events(path) == {(1, 1): ["started"], (2, 1): ["started"]}
    first.close()
    second.close()


@given(cut=st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_any_torn_end_is_ignored(tmp_path_factory: pytest.TempPathFactory, cut: int):
    path = str(tmp_path_factory.mktemp("torn") / "journal")
    journal = opened(path)
    for job in range(1, 5):
        journal.started(job, 1, job * 100, {"label": str(job)})
    journal.close()
    whole = Path(path).read_bytes()
    kept = whole[: max(0, len(whole) - cut)]
    Path(path).write_bytes(kept)
    assert list(read(path)) == [(job, 1) for job in range(1, kept.count(b"\n") + 1)]


def test_line_after_a_short_write_is_whole(path: str, monkeypatch: pytest.MonkeyPatch):
    journal = opened(path)
    real = os.write
    monkeypatch.setattr(module.os, "write", lambda fd, data: real(fd, data[:20]))
    with pytest.raises(OSError, match="short write"):
        journal.started(1, 1, 100, {})
    monkeypatch.undo()
    journal.started(2, 1, 200, {})
    journal.close()
    assert events(path) == {(2, 1): ["started"]}


def test_record_that_could_not_be_written_is_not_kept(path: str, monkeypatch: pytest.MonkeyPatch):
    journal = opened(path)

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        journal.started(1, 1, 100, {})
    journal.forget(1, 1)
    monkeypatch.undo()
    journal.started(2, 1, 200, {})
    journal.close()
    assert events(path) == {(2, 1): ["started"]}


def test_waste_is_thrown_away_without_losing_live_jobs(path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_MAX_WASTE", 10)
    journal = opened(path)
    journal.started(1, 1, 100, {})
    for job in range(2, 30):
        journal.started(job, 1, job * 100, {})
        journal.forget(job, 1)
        journal.tidy()
    journal.append("exited", {"job": 1, "attempt": 1, "status": 0, "ended": 1.0})
    journal.close()
    assert Path(path).read_bytes().count(b"\n") < 20
    assert events(path) == {(1, 1): ["started", "exited"]}


def test_rewrite_that_fails_leaves_the_file_in_use(path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_MAX_WASTE", 0)
    journal = opened(path)
    journal.started(1, 1, 100, {})
    journal.started(2, 1, 200, {})
    journal.forget(2, 1)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_all", refuse)
    journal.tidy()
    monkeypatch.undo()
    journal.append("exited", {"job": 1, "attempt": 1, "status": 0, "ended": 1.0})
    journal.close()
    assert events(path) == {(1, 1): ["started", "exited"]}


def lines(*records: dict[str, object]) -> list[bytes]:
    """一个作业的各行。"""
    return [json.dumps({"job": 1, "attempt": 1, **record}).encode() for record in records]


STARTED = {"event": "started", "pid": 5}


def test_past_of_a_running_job_is_only_its_start():
    past = recall(lines(STARTED))
    assert past.started["pid"] == 5
    assert (past.killed, past.until, past.exited, past.status, past.final) == (
        False,
        None,
        None,
        None,
        None,
    )


def test_kill_before_the_exit_marks_the_job_and_the_sweep_after_it_does_not():
    stopping = {"event": "stopping", "until": 9.5}
    exited = {"event": "exited", "ended": 8.5, "status": 15, "error": None}
    killed = recall(lines(STARTED, stopping, exited))
    swept = recall(lines(STARTED, exited, stopping))
    assert (killed.killed, killed.until, killed.status) == (True, 9.5, 15)
    assert (swept.killed, swept.until, swept.exited) == (False, 9.5, 8.5)


def test_past_keeps_the_final_message():
    final = {"op": "ended", "job": 1, "attempt": 1, "status": None}
    exited = {"event": "exited", "ended": 8.5, "status": None, "error": "why"}
    past = recall(lines(STARTED, exited, {"event": "ended", "message": final}))
    assert (past.final, past.status, past.error) == (final, None, "why")


@pytest.mark.parametrize(
    "records",
    [
        [{"event": "exited", "ended": 1.0}],
        [STARTED, {"event": "exited", "ended": "late"}],
        [STARTED, {"event": "stopping"}],
        [STARTED, {"event": "ended", "message": 3}],
    ],
)
def test_past_that_makes_no_sense_is_refused(records: list[dict[str, object]]):
    with pytest.raises(ValueError, match=r"is not|no started"):
        recall(lines(*records))


def test_boot_id_is_the_one_of_the_kernel():
    assert len(module.boot_id()) == 36
    assert module.boot_id() == module.boot_id()
