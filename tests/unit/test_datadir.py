"""状态目录的布局、设置与认证规则。"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scns.db import datadir
from scns.db.account import Account
from scns.errors import ScnsError

#: 不换身份：像普通用户那样。
SELF = Account("me", os.geteuid(), os.getegid(), switch=False)

#: 换成 nobody：像 root 那样。
SERVER = Account("nobody", 65534, 65534, switch=True)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def top() -> Iterator[Path]:
    """别人进得来的临时目录；pytest 的只有自己进得去。"""
    path = Path(tempfile.mkdtemp(prefix="scns-layout-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


# ── 布局 ──────────────────────────────────────────────────────────────────────


def test_home_of_an_ordinary_user_is_private(tmp_path):
    home = tmp_path / "a" / "b" / "home"
    datadir.lay_out(str(home), SELF)
    assert mode_of(home) == 0o700
    assert {path.name: mode_of(path) for path in home.iterdir()} == {
        "bin": 0o755,
        "pg": 0o755,
        "log": 0o755,
        "run": 0o755,
        "postgresql.conf": 0o644,
    }


@needs_root
def test_shared_home_lets_everyone_through_to_the_socket(top):
    home = top / "home"
    datadir.lay_out(str(home), SERVER)
    assert mode_of(home) == 0o711
    owners = {path.name: path.stat().st_uid for path in home.iterdir()}
    # 日志与副本属于 root：服务账户不能引它写到别处，也不能换掉 root 要运行的程序
    assert owners == {"bin": 0, "pg": 0, "log": 0, "run": SERVER.uid, "postgresql.conf": 0}


@needs_root
def test_run_directory_made_by_root_is_handed_over(top):
    (top / "home" / "run").mkdir(parents=True)
    (top / "home").chmod(0o711)
    datadir.lay_out(str(top / "home"), SERVER)
    assert (top / "home" / "run").stat().st_uid == SERVER.uid


def test_layout_can_be_repeated(tmp_path):
    home = tmp_path / "home"
    datadir.lay_out(str(home), SELF)
    (home / "postgresql.conf").write_text("max_connections = 33\n")
    before = {path: path.stat() for path in (home, *home.rglob("*"))}
    datadir.lay_out(str(home), SELF)
    assert {path: path.stat() for path in (home, *home.rglob("*"))} == before


def test_empty_directory_made_for_it_gets_the_right_mode(tmp_path):
    home = tmp_path / "home"
    home.mkdir(0o755)
    datadir.lay_out(str(home), SELF)
    assert mode_of(home) == 0o700


def test_mode_of_a_directory_in_use_is_left_alone(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o750)
    (home / "scns.conf").write_text("")
    datadir.lay_out(str(home), SELF)
    assert mode_of(home) == 0o750


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775])
def test_home_others_can_write_is_refused_with_the_cure(tmp_path, mode):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(mode)
    with pytest.raises(ScnsError, match=f"run: chmod go-w {home}"):
        datadir.lay_out(str(home), SELF)
    assert mode_of(home) == mode


@needs_root
def test_home_of_somebody_else_is_refused(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    for uid, name in ((65534, "nobody"), (54321, "user id 54321")):
        os.chown(home, uid, uid)
        with pytest.raises(ScnsError, match=f"{home} belongs to {name}, who alone can start it"):
            datadir.lay_out(str(home), SELF)


def test_home_that_is_a_file_is_refused(tmp_path):
    home = tmp_path / "home"
    home.write_text("")
    with pytest.raises(ScnsError, match=f"{home} is not a directory"):
        datadir.lay_out(str(home), SELF)


def test_home_may_be_a_link_to_a_larger_disk(tmp_path):
    (tmp_path / "disk").mkdir(0o700)
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    datadir.lay_out(str(tmp_path / "home"), SELF)
    assert (tmp_path / "disk" / "run").is_dir()


@needs_root
@pytest.mark.parametrize("blocked", ["", "outer"])
def test_ancestor_that_stops_the_server_is_named(top, blocked):
    home = top / "outer" / "home"
    home.mkdir(parents=True)
    (home / "scns.conf").write_text("")
    closed = top / blocked if blocked else home
    closed.chmod(0o700)
    with pytest.raises(ScnsError) as caught:
        datadir.lay_out(str(home), SERVER)
    assert f"User nobody cannot enter {closed}" in str(caught.value)
    assert f"Run: chmod o+x {closed}" in str(caught.value)


@needs_root
def test_closed_ancestor_behind_a_link_is_found(top):
    (top / "closed" / "disk").mkdir(parents=True)
    (top / "home").symlink_to(top / "closed" / "disk")
    (top / "closed").chmod(0o700)
    with pytest.raises(ScnsError, match=f"cannot enter {top / 'closed'}"):
        datadir.lay_out(str(top / "home"), SERVER)


# ── 数据目录 ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "major"), [("18\n", 18), ("15", 15)])
def test_major_version_is_read_from_the_directory(tmp_path, text, major):
    (tmp_path / "PG_VERSION").write_text(text)
    assert datadir.data_major(str(tmp_path)) == major


def test_missing_or_empty_directory_has_no_version(tmp_path):
    assert datadir.data_major(str(tmp_path)) is None
    assert datadir.data_major(str(tmp_path / "missing")) is None


@pytest.mark.parametrize("text", ["9.6\n", "", "eighteen\n"])
def test_directory_with_another_content_is_refused(tmp_path, text):
    (tmp_path / "PG_VERSION").write_text(text)
    with pytest.raises(ScnsError, match="is not a PostgreSQL data directory; move it away"):
        datadir.data_major(str(tmp_path))


# ── 设置与规则 ──────────────────────────────────────────────────────────────────


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if not line.startswith("#")]


def test_access_rules_end_in_reject():
    assert lines(datadir.HBA) == [
        "local all postgres peer map=super",
        "local scns scns peer map=super",
        "local scns +scns_user peer map=users",
        "local all all reject",
    ]


def test_root_and_the_server_account_may_be_the_superuser():
    assert lines(datadir.ident("scns")) == [
        "super root postgres",
        "super root scns",
        'super "scns" postgres',
        'super "scns" scns',
        'users /^(.*)$ "u:\\1"',
    ]


@pytest.mark.parametrize(
    ("name", "quoted"),
    [("Odd.User@corp", '"Odd.User@corp"'), ('x"y', '"x""y"'), ("a b", '"a b"'), ("#", '"#"')],
)
def test_name_of_the_server_account_is_quoted(name, quoted):
    assert f"super {quoted} postgres" in lines(datadir.ident(name))


def test_settings_fit_the_major_version():
    assert "io_method = sync" in lines(datadir.settings(18))
    assert "io_method = sync" not in lines(datadir.settings(17))
    assert "synchronous_commit = on" in lines(datadir.settings(16))


def test_no_setting_is_given_twice():
    names = [line.split(" = ")[0] for line in lines(datadir.settings(18))]
    assert len(names) == len(set(names))


def test_settings_are_written_privately(tmp_path):
    datadir.write_settings(str(tmp_path), SELF, 18)
    assert {path.name: mode_of(path) for path in tmp_path.iterdir()} == {
        "postgresql.scns.conf": 0o600,
        "pg_hba.conf": 0o600,
        "pg_ident.conf": 0o600,
    }


# ── initdb ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "creating configuration files ... ok\n"
            "running bootstrap script ... 2026-11-24 FATAL:  could not write: No space left\n"
            "child process exited with exit code 1\n"
            "initdb: removing contents of data directory\n",
            "running bootstrap script ... 2026-11-24 FATAL:  could not write: No space left",
        ),
        (
            "initdb: error: invalid locale name\ninitdb: hint: x\n",
            "initdb: error: invalid locale name",
        ),
        ("only this\n\n", "only this"),
        ("", "it gave no reason"),
    ],
)
def test_last_words_are_those_that_explain(output, expected):
    assert datadir.last_words(output) == expected


def fake_programs(directory: Path, initdb: str):
    from scns.db.binaries import Binaries

    directory.mkdir()
    (directory / "initdb").write_text(f"#!/bin/sh\n{initdb}")
    (directory / "initdb").chmod(0o755)
    return Binaries("system", (18,), str(directory))


def test_failing_initdb_leaves_nothing_and_is_quoted(tmp_path):
    programs = fake_programs(tmp_path / "bin", "echo 'initdb: error: no such locale' >&2\nexit 1\n")
    with pytest.raises(
        ScnsError, match=f"Could not create {tmp_path}/data: initdb: error: no such"
    ):
        datadir.initialise(str(tmp_path / "data"), SELF, programs, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_new_directory_appears_only_when_complete(tmp_path):
    seen = tmp_path / "seen"
    programs = fake_programs(
        tmp_path / "bin",
        f"ls {tmp_path} > {seen}\n"
        "directory=${1#--pgdata=}\n"
        "echo '# from initdb' > $directory/postgresql.conf\n"
        "echo 18 > $directory/PG_VERSION\n",
    )
    data = tmp_path / "data"
    data.mkdir()
    datadir.initialise(str(data), SELF, programs, 0)
    assert seen.read_text().split() == ["bin", "data", "data.new", "seen"]
    assert datadir.data_major(str(data)) == 18
    assert mode_of(data) == 0o700
    assert (data / "postgresql.conf").read_text() == (
        "# from initdb\n\ninclude 'postgresql.scns.conf'\ninclude_if_exists '../postgresql.conf'\n"
    )
    assert not (tmp_path / "data.new").exists()


def test_lock_stays_with_initdb_when_its_starter_is_killed(tmp_path):
    with open(tmp_path / "lock", "w", encoding="ascii") as lock:
        found = tmp_path / "found"
        programs = fake_programs(
            tmp_path / "bin", f"readlink /proc/$$/fd/{lock.fileno()} > {found}\nexit 1\n"
        )
        with pytest.raises(ScnsError):
            datadir.initialise(str(tmp_path / "data"), SELF, programs, lock.fileno())
    assert found.read_text().strip() == str(tmp_path / "lock")
