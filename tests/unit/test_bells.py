"""铃：编号，拉响，等着的人全都听见；没有人等、伪造的号数、名额紧，都有交代。"""

from __future__ import annotations

import os
import re
import shutil
import stat
import threading
import time
from importlib import resources
from types import SimpleNamespace
from typing import Any

import pytest

from scns import bells
from scns.cli import bell as bell_
from scns.cli.bell import LONGEST_SPACING, SPACING, Bell, spacing_after
from scns.db import connect
from scns.scheduler.ringer import Ringer
from scns.scheduler.wakeup import Wakeup

FOREVER = 20.0


class Connection:
    """不通向任何地方的连接；`crowded` 是名额紧不紧。"""

    def __init__(self, crowded: bool = False) -> None:
        self.crowded = crowded
        self.closed = 0
        self.notifies: list[Any] = []

    def close(self) -> None:
        self.closed = 1


@pytest.fixture
def connections(monkeypatch) -> list[Connection]:
    """门铃自己打开的连接；数据库总在。"""
    opened: list[Connection] = []

    def opening(**_: Any) -> Connection:
        opened.append(Connection())
        return opened[-1]

    monkeypatch.setattr(connect, "connect", opening)
    monkeypatch.setattr(connect, "call", lambda connection, *_: [(connection.crowded,)])
    return opened


@pytest.fixture
def ringer(tmp_path, monkeypatch) -> Ringer:
    """一个状态目录的铃。"""
    monkeypatch.delenv("SCNS_DSN", raising=False)
    monkeypatch.setenv("SCNS_HOME", str(tmp_path))
    (tmp_path / "run").mkdir()
    made = Ringer(str(tmp_path / "run"))
    made.install()
    return made


def notice(payload: str, channel: str = "scns_event") -> Any:
    return SimpleNamespace(channel=channel, payload=payload)


def heard(bell: Bell) -> bool:
    return bell.wait(0)


# ---- 编号 ----


def test_jobs_share_a_fixed_number_of_bells():
    assert bells.names([7, 71, 8]) == ["7", "8"]
    assert bells.names([]) == ["every"]
    assert {name for job in range(1000) for name in bells.names([job])} < {*bells.every_name()}


def test_the_database_counts_the_bells_alike():
    text = resources.files("scns.db").joinpath("functions.sql").read_text("utf-8")
    body = text[text.index("FUNCTION scns.ring_event") : text.index("TRIGGER event_appended")]
    assert {int(number) for number in re.findall(r"% (\d+)", body)} == {bells.COUNT}


# ---- 拉 ----


def test_bells_are_fifos_that_only_their_owner_rings(ringer, tmp_path):
    before = os.umask(0o077)
    try:
        shutil.rmtree(tmp_path / "run" / "bell")
        ringer.install()
    finally:
        os.umask(before)
    directory = tmp_path / "run" / "bell"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    found = {path.name: path.stat().st_mode for path in directory.iterdir()}
    assert set(found) == {*bells.every_name()}
    assert all(stat.S_ISFIFO(mode) and stat.S_IMODE(mode) == 0o644 for mode in found.values())


def test_installing_again_keeps_the_bells_and_replaces_what_is_none(ringer, tmp_path):
    kept, foreign = (tmp_path / "run" / "bell" / name for name in ("1", "2"))
    inode = kept.stat().st_ino
    foreign.unlink()
    foreign.write_text("not a bell")
    ringer.install()
    assert kept.stat().st_ino == inode
    assert stat.S_ISFIFO(foreign.stat().st_mode)


def test_without_bells_the_daemon_goes_on(tmp_path, caplog):
    ringer = Ringer(str(tmp_path / "missing"))
    ringer.install()
    ringer.ring_all()
    assert "no bells in" in caplog.text


def test_one_ring_reaches_everybody_who_waits_for_it(ringer, connections):
    waiting = [Bell(jobs=[42]) for _ in range(3)]
    others = [Bell(jobs=[43]), Bell()]
    ringer.ring(bells.names([42]))
    assert [heard(one) for one in waiting] == [True] * 3
    assert [heard(one) for one in others] == [False] * 2
    assert [heard(one) for one in waiting] == [False] * 3
    ringer.ring_all()
    assert [heard(one) for one in waiting + others] == [True] * 5


def test_a_ring_between_looking_and_waiting_is_kept(ringer, connections):
    bell = Bell()
    ringer.ring([bells.EVERY])
    ringer.ring([bells.EVERY])
    assert heard(bell)
    ringer.ring([bells.EVERY])
    assert heard(bell)
    assert not heard(bell)


def test_notices_of_events_ring_bells_and_leave_the_daemon_asleep(ringer, connections):
    job, other, every = Bell(jobs=[42]), Bell(jobs=[43]), Bell()
    connection = Connection()
    connection.notifies = [notice("42"), notice("42")]
    assert ringer.take(connection) is False
    assert connection.notifies == []
    assert (heard(job), heard(other), heard(every)) == (True, False, True)
    connection.notifies = [notice("42"), notice("", "scns")]
    assert ringer.take(connection) is True
    assert ringer.take(connection) is False


@pytest.mark.parametrize("payload", ["", "64", "-1", "../../etc", "every\0", "9" * 5000, "四"])
def test_forged_notices_only_make_people_look(ringer, connections, payload):
    bell = Bell(jobs=[1])
    connection = Connection()
    connection.notifies = [notice(payload)]
    assert ringer.take(connection) is False
    assert not heard(bell)


def test_the_daemon_sleeps_on_when_only_bells_were_to_ring():
    reading, writing = os.pipe()
    answers = [False, False, True]

    class Source:
        def fileno(self) -> int:
            return reading

        def poll(self) -> None:
            os.read(reading, 1)

    os.write(writing, b"xyz")
    wakeup = Wakeup()
    try:
        wakeup.wait(Source(), None, FOREVER, lambda _: answers.pop(0))
        assert answers == []
        wakeup.wait(Source(), None, 0.01, lambda _: False)
    finally:
        wakeup.close()
        os.close(reading)
        os.close(writing)


# ---- 等 ----


def test_waiting_ends_when_the_bell_rings(ringer, connections):
    bell = Bell(jobs=[42])
    told: list[bool] = []
    thread = threading.Thread(target=lambda: told.append(bell.wait(FOREVER)))
    thread.start()
    while not told:
        ringer.ring(bells.names([42]))
        time.sleep(0.001)
    thread.join()
    assert told == [True]


def test_waiting_gives_way_to_other_descriptors(ringer, connections):
    reading, writing = os.pipe()
    os.write(writing, b"q")
    began = time.monotonic()
    assert not Bell().wait(FOREVER, reading)
    assert time.monotonic() - began < FOREVER / 2
    os.close(reading)
    os.close(writing)


def test_a_connection_is_kept_while_it_rings_and_given_back_when_quiet(
    ringer, connections, monkeypatch
):
    bell = Bell()
    assert bell.look(lambda connection: connection) is connections[0]
    heard(bell)
    assert bell.look(lambda connection: connection) is connections[0]
    monkeypatch.setattr(bell_, "QUIET", 0.0)
    bell.wait(0.05)
    assert connections[0].closed
    assert bell.look(lambda connection: connection) is connections[1]


def test_a_connection_is_given_back_at_once_when_they_are_scarce(ringer, connections):
    given = Connection(crowded=True)
    bell = Bell(given)
    assert bell.look(lambda connection: connection) is given
    heard(bell)
    assert given.closed
    assert bell.look(lambda connection: connection) is connections[0]


def test_looking_waits_until_a_connection_is_free(ringer, connections, monkeypatch):
    monkeypatch.setattr(bell_, "SCARCE_SPACING", 0.001)
    refusals = [connect.Crowded("full"), connect.Crowded("full")]
    free = connect.connect

    def opening(**named: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return free(**named)

    monkeypatch.setattr(connect, "connect", opening)
    assert Bell().look(lambda connection: connection) is connections[0]


def test_looking_again_when_the_database_went_away(ringer, connections, monkeypatch, capsys):
    monkeypatch.setattr(bell_, "_SILENCE", 0.0)
    failures = [connect.NoServer("restarting"), connect.NoServer("restarting")]

    def look(connection: Any) -> Any:
        if failures:
            raise failures.pop()
        return connection

    bell = Bell(command="sbatch")
    assert bell.look(look) is connections[2]
    assert [one.closed for one in connections] == [1, 1, 0]
    # 说一次就够
    assert capsys.readouterr().err == (
        "sbatch: error: Currently unable to load job state information, retrying: restarting\n"
    )


def test_a_connection_given_dead_is_replaced(ringer, connections, monkeypatch):
    answering = connect.call

    def call(connection: Any, *words: Any) -> Any:
        if connection is given:
            raise connect.NoServer("lost")
        return answering(connection, *words)

    given = Connection()
    monkeypatch.setattr(connect, "call", call)
    assert Bell(given).look(lambda connection: connection) is connections[0]
    assert given.closed


def test_looking_has_an_end(ringer, connections, tmp_path):
    def gone(_: Any) -> None:
        raise connect.NoServer("gone")

    bell = Bell()
    with pytest.raises(connect.NoServer):
        bell.look(gone, deadline=time.monotonic())
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(connect.NoServer):
        bell.look(gone)
    with pytest.raises(connect.NoServer, match="cannot open"):
        bell.wait(0)


def test_storms_are_looked_at_less_and_less_but_calm_is_seen_at_once():
    calm = [spacing_after(streak, 0.5) for streak in range(6)]
    assert set(calm) == {SPACING}
    storm = [spacing_after(streak, 0.5) for streak in range(40)]
    assert storm == sorted(storm)
    assert storm[-1] == LONGEST_SPACING
    # 数据库应付得来的，响个不停也看得勤
    assert spacing_after(1000, 0.001) == pytest.approx(0.05)
