"""状态目录：谁用哪一个，锁与 pid 文件。"""

from __future__ import annotations

import os
import socket

import pytest

from scns import home


@pytest.fixture
def user(monkeypatch, tmp_path):
    """一个普通用户，自己还没有状态目录。"""
    monkeypatch.delenv("SCNS_HOME", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(home, "SYSTEM_HOME", str(tmp_path / "system"))
    return tmp_path


def test_named_home_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCNS_HOME", "here")
    assert home.state_home() == home.own_home() == str(tmp_path / "here")


def test_user_without_any_instance_gets_his_own(user):
    assert home.state_home() == str(user / "state" / "scns")


def test_user_finds_the_running_system_instance(user):
    run = user / "system" / "run"
    run.mkdir(parents=True)
    assert home.state_home() == str(user / "state" / "scns")
    (run / ".s.PGSQL.5432").touch()
    assert home.state_home() == str(user / "system")


def test_own_instance_comes_before_the_system_one(user):
    run = user / "system" / "run"
    run.mkdir(parents=True)
    (run / ".s.PGSQL.5432").touch()
    (user / "state" / "scns").mkdir(parents=True)
    assert home.state_home() == str(user / "state" / "scns")


def test_up_never_starts_the_system_instance_for_a_user(user):
    run = user / "system" / "run"
    run.mkdir(parents=True)
    (run / ".s.PGSQL.5432").touch()
    assert home.own_home() == str(user / "state" / "scns")


def test_configuration_named_by_the_environment_is_returned_even_when_missing(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("SCNS_CONF", str(tmp_path / "nosuch.conf"))
    assert home.conf_path(str(tmp_path)) == str(tmp_path / "nosuch.conf")


def test_long_directories_get_a_short_socket_path(tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    path, held = home.socket_path(str(deep), "s")
    assert held is not None
    assert len(path) < home.SOCKET_PATH_LIMIT
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
    os.close(held)
    assert (deep / "s").exists()


def test_pid_file_names_its_holder_only_while_locked(tmp_path):
    held = home.take_pid_file(str(tmp_path / "x.pid"))
    assert held is not None
    assert home.holder(str(tmp_path), "x") == os.getpid()
    assert home.take_pid_file(str(tmp_path / "x.pid")) is None
    os.close(held)
    assert home.holder(str(tmp_path), "x") is None


def test_pid_file_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "x.pid").symlink_to(tmp_path / "elsewhere")
    assert home.holder(str(tmp_path), "x") is None
    with pytest.raises(OSError):
        home.take_pid_file(str(tmp_path / "x.pid"))
