"""脚本的副本与作业的路径；环境的缓存。"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from scns.stepd import spool as module
from scns.stepd.spool import Environments, Spool

UID = os.geteuid()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """存储目录，还没有建立。"""
    return tmp_path / "spool"


def test_script_is_kept_once_and_seen_under_the_name_of_the_job(root: Path):
    spool = Spool(str(root))
    assert not spool.has_script(UID, "ab")
    spool.keep_script(UID, "ab", b"#!/bin/sh\n\xff")
    spool.keep_script(UID, "ab", b"something else")
    assert spool.has_script(UID, "ab")
    assert not spool.has_script(UID + 1, "ab")
    path = spool.place(42, UID, "ab")
    assert path == f"{root}/jobs/job00042/slurm_script"
    assert Path(path).read_bytes() == b"#!/bin/sh\n\xff"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o500


def test_path_is_good_until_the_job_is_cleared_and_then_serves_the_next(root: Path):
    spool = Spool(str(root))
    spool.keep_script(UID, "ab", b"one")
    spool.keep_script(UID, "cd", b"two")
    first, second = spool.place(1, UID, "ab"), spool.place(2, UID, "cd")
    spool.clear(1)
    third = spool.place(123456, UID, "ab")
    assert Path(third).read_text() == "one"
    assert third.endswith("/job123456/slurm_script")
    assert not Path(first).exists()
    assert Path(second).read_text() == "two"
    spool.clear(77)  # 不认识的不理


def test_job_number_used_again_gets_the_new_script(root: Path):
    spool = Spool(str(root))
    spool.keep_script(UID, "ab", b"one")
    spool.keep_script(UID, "cd", b"two")
    spool.place(1, UID, "ab")
    spool.clear(1)
    assert Path(spool.place(1, UID, "cd")).read_text() == "two"
    assert Path(spool.place(2, UID, "ab")).read_text() == "one"
    assert Path(spool.place(1, UID, "cd")).read_text() == "two"


def test_only_a_few_links_are_left_over(root: Path):
    spool = Spool(str(root))
    spool.keep_script(UID, "ab", b"one")
    for job in range(100):
        spool.place(job, UID, "ab")
    for job in range(100):
        spool.clear(job)
    assert len(list((root / "jobs").iterdir())) <= 16


def test_next_stepd_keeps_what_is_in_use_and_trusts_nothing_else(root: Path):
    spool = Spool(str(root))
    for key in ("ab", "cd"):
        spool.keep_script(UID, key, key.encode())
    kept, dropped = spool.place(1, UID, "ab"), spool.place(2, UID, "cd")
    spool = Spool(str(root))
    spool.inherit([1])
    assert not spool.has_script(UID, "ab")
    assert Path(kept).read_text() == "ab"
    assert not Path(dropped).exists()
    assert [path.name for path in (root / "scripts" / str(UID)).iterdir()] == ["ab"]
    spool.keep_script(UID, "ab", b"again")
    assert Path(spool.place(3, UID, "ab")).read_text() == "again"
    spool.clear(1)


def test_half_written_script_is_thrown_away(root: Path):
    spool = Spool(str(root))
    spool.keep_script(UID, "ab", b"one")
    directory = root / "scripts" / str(UID) / "ab"
    (directory / "slurm_script").rename(directory / ".partial")
    spool = Spool(str(root))
    spool.keep_script(UID, "ab", b"two")
    assert Path(spool.place(1, UID, "ab")).read_text() == "two"
    Spool(str(root)).inherit([])
    assert not directory.exists()


def test_oldest_unused_scripts_are_thrown_away(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_MAX_SCRIPTS", 3)
    spool = Spool(str(root))
    for key in ("aa", "bb", "cc"):
        spool.keep_script(UID, key, key.encode())
    used = spool.place(1, UID, "aa")
    spool.place(2, UID, "bb")
    spool.clear(2)
    spool.keep_script(UID, "dd", b"dd")
    spool.keep_script(UID, "ee", b"ee")
    assert [key for key in ("aa", "bb", "cc", "dd", "ee") if spool.has_script(UID, key)] == [
        "aa",
        "dd",
        "ee",
    ]
    assert Path(used).read_text() == "aa"
    assert sorted(path.name for path in (root / "scripts" / str(UID)).iterdir()) == [
        "aa",
        "dd",
        "ee",
    ]
    assert [path.name for path in (root / "jobs").iterdir()] == ["job00001"]


def test_scripts_are_bounded_in_bytes_but_the_newest_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_MAX_SCRIPT_BYTES", 100)
    spool = Spool(str(root))
    spool.keep_script(UID, "aa", b"x" * 60)
    spool.keep_script(UID, "bb", b"x" * 60)
    assert not spool.has_script(UID, "aa")
    spool.keep_script(UID, "cc", b"x" * 500)
    assert spool.has_script(UID, "cc")


def test_directories_let_others_pass_but_not_look_or_write(root: Path):
    spool = Spool(str(root))
    spool.keep_script(UID, "ab", b"one")
    for path in [root, root / "scripts", root / "jobs", root / "scripts" / str(UID)]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o711


def test_directory_that_others_can_write_is_refused(root: Path):
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(PermissionError, match="must belong to uid"):
        Spool(str(root))


def test_link_in_place_of_a_directory_is_refused(root: Path, tmp_path: Path):
    Spool(str(root))
    (root / "scripts").rmdir()
    (root / "scripts").symlink_to(tmp_path)
    with pytest.raises(PermissionError, match="must belong to uid"):
        Spool(str(root))


@pytest.mark.skipif(UID != 0, reason="needs root")
def test_directory_of_another_user_is_refused(root: Path):
    root.mkdir(mode=0o755)
    os.chown(root, 65534, 65534)
    with pytest.raises(PermissionError, match="must belong to uid 0"):
        Spool(str(root))


@pytest.mark.skipif(UID != 0, reason="needs root")
def test_script_of_another_user_belongs_to_him(root: Path):
    spool = Spool(str(root))
    spool.keep_script(65534, "ab", b"#!/bin/sh\n")
    found = os.stat(spool.place(1, 65534, "ab"))
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (65534, 0o500)


def test_environment_is_taken_apart_once():
    kept = Environments()
    kept.keep("a", b"A=1\0B=x=y\0C=\0=weird\0nothing\0F=two\nlines\0D=\xff")
    assert kept.get("a") == {
        b"A": b"1",
        b"B": b"x=y",
        b"C": b"",
        b"F": b"two\nlines",
        b"D": b"\xff",
    }
    assert kept.get("a") is kept.get("a")
    assert kept.get("b") is None


def test_environments_unused_for_longest_go_first():
    kept = Environments(limit=3000)
    for key in ("a", "b", "c"):
        kept.keep(key, b"X=" + b"x" * 700)
    assert kept.get("a") is not None
    kept.keep("d", b"X=" + b"x" * 700)
    assert [key for key in "abcd" if kept.get(key) is not None] == ["a", "c", "d"]


def test_same_key_again_counts_once():
    kept = Environments(limit=3000)
    for _ in range(10):
        kept.keep("a", b"X=" + b"x" * 1000)
    kept.keep("b", b"X=" + b"x" * 1000)
    assert kept.get("a") is not None


def test_single_environment_over_the_limit_is_still_usable():
    kept = Environments(limit=10)
    kept.keep("a", b"X=" + b"x" * 1000)
    assert kept.get("a") is not None
    kept.keep("b", b"X=1")
    assert kept.get("a") is None
