"""从 postmaster.pid 与 /proc 认出服务器。"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.db import postmaster
from scns.db.postmaster import PidFile, parse_pid_file
from tests.conftest import wait_until

READY = b"10144\n/home/data\n1795516476\n5432\n../run\n\n  2147347         9\nready   \n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (READY, PidFile(10144, "ready")),
        (READY.replace(b"ready   ", b"starting"), PidFile(10144, "starting")),
        (READY.replace(b"ready   ", b"stopping"), PidFile(10144, "stopping")),
        # 刚建立，还没写全
        (b"10144\n/home/data\n", PidFile(10144, "")),
        (b"10144", PidFile(10144, "")),
        # 独立后端
        (b"-10144\n/home/data\n", PidFile(10144, "")),
        (b"", None),
        (b"\n", None),
        (b"0\n", None),
        (b"ten\n", None),
        (b"--5\n", None),
        ("１２\n".encode(), None),
    ],
)
def test_pid_file_is_read_line_by_line(content, expected):
    assert parse_pid_file(content) == expected


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_content_of_the_pid_file_is_an_error(content):
    found = parse_pid_file(content)
    assert found is None or found.pid > 0


def test_missing_pid_file_is_no_server(tmp_path):
    assert postmaster.read_pid_file(str(tmp_path)) is None
    assert postmaster.read_pid_file(str(tmp_path / "missing")) is None


def test_pid_file_that_is_a_link_is_no_server(tmp_path):
    (tmp_path / "elsewhere").write_bytes(READY)
    (tmp_path / "postmaster.pid").symlink_to(tmp_path / "elsewhere")
    assert postmaster.read_pid_file(str(tmp_path)) is None


# ── 进程 ──────────────────────────────────────────────────────────────────────


@contextmanager
def process(directory: Path, name: str = "postgres") -> Iterator[subprocess.Popen[bytes]]:
    """一个叫 `name`、工作目录是 `directory` 的进程：改了名的 sleep。"""
    program = directory / name
    shutil.copyfile("/bin/sleep", program)
    program.chmod(0o755)
    running = subprocess.Popen([program, "60"], cwd=directory)
    # exec 之后 /proc 里才是新名字
    wait_until(lambda: Path(f"/proc/{running.pid}/comm").read_text() == f"{name}\n")
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def test_server_is_known_by_name_owner_and_directory(tmp_path):
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    other.mkdir()
    with process(data) as ours, process(data, "sleeper") as renamed, process(other) as elsewhere:
        assert postmaster.is_server(ours.pid, str(data))
        assert not postmaster.is_server(renamed.pid, str(data))
        assert not postmaster.is_server(elsewhere.pid, str(data))
        assert not postmaster.is_server(ours.pid, str(tmp_path / "missing"))
        assert postmaster.leftovers(str(data)) == [ours.pid]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_process_of_another_user_is_not_the_server(tmp_path):
    with process(tmp_path) as running:
        assert postmaster.is_server(running.pid, str(tmp_path))
        # 服务账户在 postmaster.pid 里写下别人的 pid，也不能让 root 去杀它
        os.chown(tmp_path, 65534, 65534)
        assert not postmaster.is_server(running.pid, str(tmp_path))


def test_zombie_is_gone(tmp_path):
    with process(tmp_path) as running:
        deadline = time.monotonic() + 0.05
        assert not postmaster.wait_gone(running.pid, str(tmp_path), deadline)
        running.kill()
        assert postmaster.wait_gone(running.pid, str(tmp_path), time.monotonic() + 10)
        assert "State:\tZ" in Path(f"/proc/{running.pid}/status").read_text()
    assert not postmaster.is_server(running.pid, str(tmp_path))


def test_command_line_decides_where_the_directory_cannot_be_seen(tmp_path, monkeypatch):
    program = tmp_path / "postgres"
    shutil.copyfile("/bin/sleep", program)
    program.chmod(0o755)
    real_stat = os.stat

    def no_ptrace(path, *arguments, **options):
        if str(path).endswith("/cwd"):
            raise PermissionError(13, "Permission denied", path)
        return real_stat(path, *arguments, **options)

    with process(tmp_path) as running:
        monkeypatch.setattr(os, "stat", no_ptrace)
        monkeypatch.setattr(
            postmaster, "_command_line", lambda pid: [b"postgres", b"-D", b"/other"]
        )
        assert not postmaster.is_server(running.pid, str(tmp_path))
        ours = [b"postgres", b"-D", os.fsencode(tmp_path)]
        monkeypatch.setattr(postmaster, "_command_line", lambda pid: ours)
        assert postmaster.is_server(running.pid, str(tmp_path))


def test_command_line_of_a_process_that_left_is_empty():
    assert postmaster._command_line(os.getpid())[0]
    assert postmaster._command_line(2**22 + 1) == []
