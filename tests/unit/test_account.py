"""服务进程的系统账户。"""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from scns.db import account
from scns.db.account import Account
from scns.errors import ScnsError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@needs_root
def test_root_uses_the_system_user():
    found = account.server_account()
    entry = pwd.getpwnam(account.SYSTEM_USER)
    assert found == Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
    assert found.uid != 0
    assert found.identity() == {"user": found.uid, "group": found.gid, "extra_groups": []}
    assert "nologin" in entry.pw_shell or entry.pw_shell == "/bin/false"


def test_ordinary_user_is_its_own_account(monkeypatch):
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(os, "geteuid", lambda: nobody.pw_uid)
    found = account.server_account()
    assert (found.name, found.uid, found.switch) == ("nobody", nobody.pw_uid, False)
    assert found.identity() == {}


def test_user_without_a_name_is_refused(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(ScnsError, match="User id 54321 has no name in the user database"):
        account.server_account()


def test_giving_away_does_nothing_for_oneself(tmp_path):
    Account("other", 12345, 12345, switch=False).give(str(tmp_path))
    assert tmp_path.stat().st_uid == os.geteuid()


@needs_root
def test_giving_away_a_link_spares_its_target(tmp_path):
    (tmp_path / "target").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    Account("other", 12345, 12345, switch=True).give(str(tmp_path / "link"))
    assert (tmp_path / "target").stat().st_uid == 0
    assert (tmp_path / "link").lstat().st_uid == 12345


@needs_root
def test_program_runs_as_the_account_with_a_bare_environment(monkeypatch):
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("LD_PRELOAD_NOT_REALLY", "x")
    nobody = pwd.getpwnam("nobody")
    who = Account("nobody", nobody.pw_uid, nobody.pw_gid, switch=True)
    shown = account.run_as(who, ["/bin/sh", "-c", "id -u; id -G; pwd; env"]).stdout.splitlines()
    assert shown[:3] == [str(nobody.pw_uid), str(nobody.pw_gid), "/"]
    assert {line.split("=")[0] for line in shown[3:]} <= {"PATH", "LC_ALL", "PWD", "SHLVL", "_"}


def test_program_that_fails_is_not_an_exception():
    me = Account("me", os.geteuid(), os.getegid(), switch=False)
    result = account.run_as(me, ["/bin/sh", "-c", "printf a; printf '\\377' >&2; exit 3"])
    assert (result.returncode, result.stdout) == (3, "a\ufffd")


# ── 建立 ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def useradd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """代替真的 useradd：记下参数。"""
    program = tmp_path / "useradd"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n')
    program.chmod(0o755)
    which = account.shutil.which
    monkeypatch.setattr(
        account.shutil,
        "which",
        lambda name, path: str(program) if name == "useradd" else which(name, path=path),
    )
    return program


def test_missing_useradd_names_the_command_to_run(monkeypatch):
    monkeypatch.setattr(account.shutil, "which", lambda name, path: None)
    with pytest.raises(ScnsError) as caught:
        account.create_system_user("scns-test-user")
    assert str(caught.value) == (
        "System user scns-test-user does not exist and could not be created: "
        "useradd is not installed\n"
        "Run as root: useradd --system --no-create-home --shell /bin/false --user-group "
        "scns-test-user"
    )


def test_failing_useradd_is_quoted(useradd, monkeypatch):
    monkeypatch.setattr(account, "_CREATION_PATIENCE", 0.1)
    useradd.write_text("#!/bin/sh\necho 'useradd: Permission denied.' >&2\nexit 1\n")
    with pytest.raises(ScnsError) as caught:
        account.create_system_user("scns-test-user")
    assert "could not be created: useradd: Permission denied.\n" in str(caught.value)


def test_silent_useradd_is_reported_by_its_exit_code(useradd, monkeypatch):
    monkeypatch.setattr(account, "_CREATION_PATIENCE", 0.0)
    useradd.write_text("#!/bin/sh\nexit 10\n")
    with pytest.raises(ScnsError, match="useradd exited with 10"):
        account.create_system_user("scns-test-user")


def test_existing_group_becomes_the_primary_group(useradd, monkeypatch):
    monkeypatch.setattr(account, "_CREATION_PATIENCE", 0.0)
    monkeypatch.setattr(account, "_entry", lambda name: None)
    group = account.grp.getgrall()[0].gr_name
    with pytest.raises(ScnsError):
        account.create_system_user(group)
    called = (useradd.parent / "called").read_text()
    assert f"--gid {group} {group}" in called
    assert "--user-group" not in called


def test_user_created_by_somebody_else_meanwhile_is_taken(useradd, monkeypatch):
    useradd.write_text("#!/bin/sh\necho 'cannot lock /etc/passwd; try again later.' >&2\nexit 1\n")
    entry = pwd.getpwnam("nobody")
    answers = iter([None, None, entry])
    monkeypatch.setattr(account, "_entry", lambda name: next(answers))
    assert account.create_system_user("nobody-else") is entry


@needs_root
def test_system_user_is_really_created():
    name = f"scns-test-{os.getpid()}"
    try:
        entry = account.create_system_user(name)
        assert entry.pw_uid < 1000
        assert not os.path.exists(entry.pw_dir)
        assert account.grp.getgrgid(entry.pw_gid).gr_name == name
    except ScnsError as error:
        pytest.skip(str(error))
    finally:
        subprocess.run(["userdel", name], capture_output=True)
    with pytest.raises(KeyError):
        pwd.getpwnam(name)
