"""服务器的日志：追加、让位、引用。"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from scns.db import serverlog
from scns.db.serverlog import ServerLog


@pytest.fixture
def log(tmp_path: Path) -> ServerLog:
    (tmp_path / "log").mkdir()
    return ServerLog(str(tmp_path))


def test_log_is_private_and_appended_to(log):
    assert log.size() == 0
    log.note("first")
    log.note("second")
    assert Path(log.path).read_text() == "scns: first\nscns: second\n"
    assert stat.S_IMODE(os.stat(log.path).st_mode) == 0o600
    assert log.size() == len("scns: first\nscns: second\n")


def test_large_log_makes_room_once(log, monkeypatch):
    monkeypatch.setattr(serverlog, "SIZE_LIMIT", 20)
    for word in ("first", "second", "third", "fourth"):
        log.note(word)
    assert Path(log.path + ".1").read_text() == "scns: first\nscns: second\n"
    assert Path(log.path).read_text() == "scns: third\nscns: fourth\n"


def test_log_is_never_written_through_a_link(log, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    Path(log.path).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        log.note("gotcha")
    assert victim.read_text() == "precious"


def test_complaint_quotes_the_end_of_this_start_only(log):
    log.note("FATAL: of an earlier start")
    offset = log.size()
    for number in range(20):
        log.note(f"line {number}")
    said = log.complaint(offset).splitlines()
    assert said[0] == f"PostgreSQL did not start; see {log.path}"
    assert said[1:] == [f"scns: line {number}" for number in range(12, 20)]


def test_complaint_of_a_silent_server_still_names_the_log(log):
    log.note("before")
    assert log.complaint(log.size()) == f"PostgreSQL did not start; see {log.path}"


def test_full_disk_is_said_when_the_server_could_not_say_it(log, monkeypatch):
    log.note("before")

    class Full:
        f_bavail = 0

    monkeypatch.setattr(os, "statvfs", lambda path: Full)
    assert log.complaint(log.size()).endswith(f"No space left on device: {log.home}")


def test_bytes_that_are_no_text_are_quoted_all_the_same(log):
    log.note("x")
    with open(log.path, "ab") as stream:
        stream.write(b"FATAL: \xff\n")
    assert "FATAL: \ufffd" in log.complaint(0)
