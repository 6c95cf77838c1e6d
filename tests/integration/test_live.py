"""看着状态变：历史一件不漏，门铃一响就知道，wait 与 tail 在作业结束时结束。"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from random import Random
from typing import Any

import psycopg2
import pytest

from scns.arrays import parse_job_ref
from scns.cli.bell import Bell
from scns.cli.own.history import Event, History
from scns.cli.own.progress import Tally, tally
from scns.db import connect
from tests.clusters import REPOSITORY
from tests.conftest import wait_until
from tests.integration.answering import end, start, submit

MARK = "INSERT INTO scns.event (job_id, kind, after) VALUES (%s, 'state', %s)"


@pytest.fixture
def alice(database):
    connection = database.connect("u:alice")
    yield connection
    connection.close()


@pytest.fixture
def job(database, site) -> int:
    return submit(database)


@pytest.fixture
def named(database, monkeypatch):
    """数据库是指名的：门铃在连接上听。"""
    monkeypatch.setenv("SCNS_DSN", database.dsn("u:alice"))


def scns(database: Any, *words: str, **options: Any) -> subprocess.Popen[str]:
    """另一个进程里的 `scns`。"""
    environ = os.environ | {
        "SCNS_DSN": database.dsn(options.pop("user", "u:root")),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "200",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "scns", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        cwd="/",
        **options,
    )


def asked(cursor: Any, fragment: str) -> None:
    """等到有客户端问完了含有 `fragment` 的一句：它已经看过一遍，正等着。"""
    wait_until(
        lambda: (
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename LIKE 'u:%%' AND state = 'idle' AND query LIKE %s",
                (f"%{fragment}%",),
            )
            or cursor.fetchone()[0]
        ),
        what="the client to look once",
    )


class Reading:
    """一个连接上的历史。"""

    def __init__(self, connection: Any, *words: Any, **named: Any) -> None:
        self.history = History(*words, **named)
        self.history.begin(connection)
        self.connection = connection

    def read(self) -> list[Event]:
        return self.history.read(self.connection)


def test_every_event_is_read_once(cursor, job, alice):
    history = Reading(alice)
    assert history.read() == []
    cursor.execute(MARK, (job, "RUNNING"))
    cursor.execute(MARK, (job, "COMPLETED"))
    assert [event.after for event in history.read()] == ["RUNNING", "COMPLETED"]
    assert history.read() == []


def test_what_commits_late_is_not_missed(database, cursor, job, alice):
    history = Reading(alice)
    late = database.connect("scns")
    late.autocommit = False
    late.cursor().execute(MARK, (job, "RUNNING"))
    cursor.execute(MARK, (job, "COMPLETED"))
    assert [event.after for event in history.read()] == ["COMPLETED"]
    assert history.read() == []
    late.commit()
    assert [event.after for event in history.read()] == ["RUNNING"]
    assert history.read() == []
    late.close()


def test_what_is_rolled_back_is_not_read(database, cursor, job, alice):
    history = Reading(alice)
    undone = database.connect("scns")
    undone.autocommit = False
    undone.cursor().execute(MARK, (job, "RUNNING"))
    undone.rollback()
    cursor.execute(MARK, (job, "COMPLETED"))
    assert [event.after for event in history.read()] == ["COMPLETED"]
    undone.close()


def test_interleaved_transactions_are_each_read_once(database, job, alice):
    random = Random(7)
    history = Reading(alice)
    writers = [database.connect("scns") for _ in range(4)]
    for writer in writers:
        writer.autocommit = False
    written, seen, open_marks = [], [], {at: [] for at in range(4)}
    for step in range(200):
        at = random.randrange(4)
        if random.random() < 0.6:
            writers[at].cursor().execute(MARK, (job, f"m{step}"))
            open_marks[at].append(f"m{step}")
        elif random.random() < 0.8:
            writers[at].commit()
            written += open_marks[at]
            open_marks[at] = []
        else:
            writers[at].rollback()
            open_marks[at] = []
        if random.random() < 0.5:
            seen += [event.after for event in history.read()]
    seen += [event.after for event in history.read()]
    for writer in writers:
        writer.close()
    assert sorted(seen) == sorted(written)


def test_a_new_connection_reads_on_where_the_old_one_ended(database, cursor, job, alice):
    history = Reading(alice)
    cursor.execute(MARK, (job, "RUNNING"))
    assert [event.after for event in history.read()] == ["RUNNING"]
    history.connection = database.connect("u:alice")
    cursor.execute(MARK, (job, "COMPLETED"))
    assert [event.after for event in history.read()] == ["COMPLETED"]
    assert history.read() == []
    history.connection.close()


def test_after_a_crash_events_of_reused_transaction_ids_are_read(database, cursor, job, alice):
    cursor.execute(MARK, (job, "RUNNING"))
    history = Reading(alice)
    assert history.read() == []
    # 好像崩溃之前的游标走到了恢复之后又要用一遍的号码
    history.history._cursor += 50
    history.history._checkpoint = "0/0"
    history.connection = database.connect("u:alice")
    cursor.execute(MARK, (job, "COMPLETED"))
    assert [event.after for event in history.read()] == ["COMPLETED"]
    assert history.read() == []
    history.connection.close()


def test_an_answer_that_was_lost_is_read_again(cursor, job, alice, monkeypatch):
    history = Reading(alice)
    cursor.execute(MARK, (job, "RUNNING"))
    with monkeypatch.context() as broken:
        broken.setattr(
            History, "_names", lambda *_: (_ for _ in ()).throw(connect.NoServer("lost"))
        )
        with pytest.raises(connect.NoServer):
            history.read()
    assert [event.after for event in history.read()] == ["RUNNING"]


def test_sessions_are_crowded_when_three_quarters_are_taken(database, cursor, site):
    cursor.execute('ALTER ROLE "u:alice" CONNECTION LIMIT 4')
    try:
        opened, found = [], []
        for _ in range(4):
            opened.append(database.connect("u:alice"))
            with opened[0].cursor() as asking:
                asking.execute("SELECT scns.crowded()")
                found.append(asking.fetchone()[0])
        assert found == [False, False, False, True]
        with pytest.raises(psycopg2.OperationalError) as refused:
            database.connect("u:alice")
        assert connect.is_crowded(refused.value)
    finally:
        for one in opened:
            one.close()
        cursor.execute('ALTER ROLE "u:alice" CONNECTION LIMIT -1')


def test_history_since_a_moment_and_of_some_jobs(database, cursor, job, alice):
    other = submit(database)
    since = time.time() - 3600
    assert [event.job_id for event in Reading(alice, since=since).read()] == [job, other]
    assert [event.job_id for event in Reading(alice, [other], since).read()] == [other]
    assert Reading(alice, since=time.time() + 3600).read() == []


def test_history_shows_the_public_part_to_everybody(database, cursor, job, alice):
    history = Reading(alice, since=time.time() - 3600)
    start(cursor, job)
    end(cursor, job, state="FAILED", exit_code=3)
    last = history.read()[-1]
    assert (last.owner, last.name, last.before, last.after, last.exit_code, last.nodes) == (
        "root",
        "job.sh",
        "RUNNING",
        "FAILED",
        3,
        "n1",
    )


def test_bell_rings_for_the_jobs_it_is_for(database, cursor, job, alice, named):
    bell = Bell(alice)
    other = Bell(database.connect("u:alice"), [job + 1])
    assert not bell.wait(0.05)
    assert not other.wait(0.05)
    cursor.execute(MARK, (job, "RUNNING"))
    assert bell.wait(5)
    assert not bell.wait(0.05)
    assert not other.wait(0.05)
    cursor.execute(MARK, (job + 1, "RUNNING"))
    assert other.wait(5)
    other.release()


def test_bell_rings_at_once_and_storms_are_one_ring(database, cursor, job, alice, named):
    bell = Bell(alice)
    waited = []

    def listen() -> None:
        waited.append(bell.wait(20))
        waited.append(time.time())

    thread = threading.Thread(target=listen)
    thread.start()
    time.sleep(0.2)
    rung = time.time()
    for _ in range(50):
        cursor.execute(MARK, (job, "RUNNING"))
    thread.join()
    assert waited[0] is True
    assert waited[1] - rung < 1
    rings = 0
    while bell.wait(0.2):
        rings += 1
    assert rings <= 3


def test_bell_on_a_lost_connection_makes_look_again(database, cursor, job, named):
    given = database.connect("u:alice")
    bell = Bell(given)
    assert not bell.wait(0)
    cursor.execute("SELECT pg_terminate_backend(%s)", (given.info.backend_pid,))
    assert bell.wait(20)
    assert given.closed
    assert bell.look(lambda connection: connect.call(connection, "SELECT 1")) == [(1,)]
    cursor.execute(MARK, (job, "RUNNING"))
    assert bell.wait(5)
    bell.release()


def test_bell_gives_way_to_other_descriptors(alice, named):
    bell = Bell(alice)
    reading, writing = os.pipe()
    os.write(writing, b"q")
    before = time.monotonic()
    assert not bell.wait(20, reading)
    assert time.monotonic() - before < 10
    os.close(reading)
    os.close(writing)


def test_watch_prints_changes_as_they_happen(database, cursor, job):
    watching = scns(database, "watch", "-n", "3", "--json")
    asked(cursor, "pg_current_snapshot")
    start(cursor, job)
    first = json.loads(watching.stdout.readline())
    assert (first["job"], first["before"], first["after"]) == (str(job), "PENDING", "RUNNING")
    assert abs(time.time() - first["time"]) < 60
    end(cursor, job)
    submit(database, user="u:alice")
    out, err = watching.communicate(timeout=20)
    assert [json.loads(line)["after"] for line in out.splitlines()] == ["COMPLETED", "PENDING"]
    assert (watching.returncode, err) == (0, "")


def test_watch_can_tell_what_happened_before(database, cursor, job):
    other = submit(database, user="u:alice")
    start(cursor, job)
    watching = scns(database, "watch", "--since", "now-1hour", "-n", "1", "--user", "alice")
    out, _ = watching.communicate(timeout=20)
    assert out.split()[1:] == [str(other), "alice", "job.sh", "PENDING"]
    watching = scns(database, "watch", "--since", "now-1hour", "-n", "2", str(job))
    out, _ = watching.communicate(timeout=20)
    assert [line.split()[1] for line in out.splitlines()] == [str(job)] * 2


def test_watch_refuses_two_kinds_of_user(database, job):
    watching = scns(database, "watch", "--me", "--user", "alice")
    assert watching.communicate(timeout=20)[1] == (
        "scns: error: --me and --user exclude each other\n"
    )
    assert watching.returncode == 1


@pytest.mark.parametrize(
    ("state", "columns", "code"),
    [
        ("COMPLETED", {}, 0),
        ("FAILED", {"exit_code": 3}, 3),
        ("CANCELLED", {"exit_signal": 15}, 1),
        ("TIMEOUT", {}, 1),
    ],
)
def test_wait_has_the_exit_code_of_the_job(database, cursor, job, state, columns, code):
    start(cursor, job)
    waiting = scns(database, "wait", str(job))
    asked(cursor, "bool_and")
    end(cursor, job, state, **columns)
    assert waiting.communicate(timeout=20) == ("", "")
    assert waiting.returncode == code


def test_wait_for_several_jobs_has_the_largest_code(database, cursor, job):
    others = [submit(database) for _ in range(2)]
    start(cursor, job)
    end(cursor, job, "FAILED", exit_code=5)
    for one in others:
        end(cursor, one, "CANCELLED")
    waiting = scns(database, "wait", *map(str, [job, *others]))
    waiting.communicate(timeout=20)
    assert waiting.returncode == 5


def test_wait_for_part_of_an_array(database, cursor, site):
    array = submit(database, array_indices="{[0,10)}")
    cursor.execute("SELECT id, task FROM scns.split_array(%s, '{3}')", (array,))
    [(element, _)] = cursor.fetchall()
    start(cursor, element)
    end(cursor, element, "FAILED", exit_code=9)
    waiting = scns(database, "wait", f"{array}_3")
    waiting.communicate(timeout=20)
    assert waiting.returncode == 9
    waiting = scns(database, "wait", "--timeout", "0.2", f"{array}_[3-4]")
    waiting.communicate(timeout=20)
    assert waiting.returncode == 124


def test_wait_refuses_unknown_jobs(database, site):
    waiting = scns(database, "wait", "4711")
    assert waiting.communicate(timeout=20) == ("", "scns: error: Invalid job id specified\n")
    assert waiting.returncode == 1
    waiting = scns(database, "wait", "x")
    assert waiting.communicate(timeout=20)[1] == "scns: error: Invalid job id x\n"


def test_wait_tells_its_progress_without_a_terminal(database, cursor, site):
    array = submit(database, array_indices="{[0,3)}")
    waiting = scns(database, "wait", "--progress", str(array))
    asked(cursor, "size")
    cursor.execute("SELECT id FROM scns.split_array(%s, '{0,1,2}') ORDER BY task", (array,))
    for (element,) in cursor.fetchall():
        start(cursor, element)
        end(cursor, element, "COMPLETED" if element != array else "FAILED")
    out, err = waiting.communicate(timeout=20)
    lines = err.splitlines()
    assert lines[0] == f"{array} job.sh: 0/3 done, 3 waiting"
    assert lines[-1] == f"{array} job.sh: 3/3 done, 1 failed"
    assert (out, waiting.returncode) == ("", 1)


def test_progress_counts_elements_with_and_without_rows(database, cursor, site, alice):
    array = submit(database, array_indices="{[0,10)}")
    cursor.execute("SELECT id FROM scns.split_array(%s, '{0,1,2}') ORDER BY task", (array,))
    first, second, _ = [row[0] for row in cursor.fetchall()]
    start(cursor, first)
    end(cursor, first)
    start(cursor, second)
    assert tally(alice, parse_job_ref(str(array))) == Tally(str(array), "job.sh", 1, 0, 1, 8)
    part = parse_job_ref(f"{array}_[1-4]")
    assert tally(alice, part) == Tally(f"{array}_[1-4]", "job.sh", 0, 0, 1, 3)
    assert tally(alice, parse_job_ref(f"{array}_0")).job == f"{array}_0"


def test_tail_follows_a_job_from_before_its_start_to_its_end(database, cursor, site, tmp_path):
    job = submit(database, directory=str(tmp_path), standard_output="%x-%j.out", name="t")
    output = tmp_path / f"t-{job}.out"
    tailing = scns(database, "tail", str(job))
    asked(cursor, "standard_error")
    output.write_text("".join(f"line {at}\n" for at in range(20)))
    start(cursor, job)
    assert [tailing.stdout.readline() for _ in range(20)][-1] == "line 19\n"
    with output.open("a") as stream:
        stream.write("last\n")
    end(cursor, job, "FAILED", exit_code=4)
    assert tailing.communicate(timeout=20) == ("last\n", "")
    assert tailing.returncode == 4


def test_tail_of_a_running_job_begins_with_the_last_lines(database, cursor, site, tmp_path):
    job = submit(database, directory=str(tmp_path), standard_output="out", standard_error="err")
    (tmp_path / "out").write_text("a\nb\nc\n")
    (tmp_path / "err").write_text("wrong\n")
    start(cursor, job)
    end(cursor, job)
    for words, text in (
        (["-n", "2"], "b\nc\n"),
        (["-n", "-1"], "a\nb\nc\n"),
        (["--error"], "wrong\n"),
    ):
        tailing = scns(database, "tail", *words, str(job))
        assert tailing.communicate(timeout=20) == (text, "")
        assert tailing.returncode == 0


def test_tail_of_a_job_cancelled_before_its_start(database, cursor, job):
    tailing = scns(database, "tail", str(job))
    asked(cursor, "standard_error")
    end(cursor, job, "CANCELLED")
    assert tailing.communicate(timeout=20) == ("", "")
    assert tailing.returncode == 1


def test_tail_wants_one_element_of_an_array(database, cursor, site):
    array = submit(database, array_indices="{[0,3)}")
    tailing = scns(database, "tail", str(array))
    assert tailing.communicate(timeout=20)[1] == (
        f"scns: error: job {array} is an array; name one element, for example {array}_0\n"
    )
    tailing = scns(database, "tail", "4711")
    assert tailing.communicate(timeout=20)[1] == "scns: error: Invalid job id specified\n"


def test_tail_refuses_jobs_whose_output_is_not_in_a_file(database, cursor, site):
    job = submit(database, script=None, batch=False)
    start(cursor, job)
    tailing = scns(database, "tail", str(job))
    assert tailing.communicate(timeout=20)[1] == (
        f"scns: error: job {job} is not a batch job, its output is not in a file\n"
    )


def test_squeue_lists_again_at_every_change(database, cursor, job):
    watching = scns(database, "squeue", "--watch", "-h", "-o", "%i %T")
    assert watching.stdout.readline() == f"{job} PENDING\n"
    assert watching.stdout.readline() == "\n"
    start(cursor, job)
    assert watching.stdout.readline() == f"{job} RUNNING\n"
    watching.kill()
    watching.communicate()


@pytest.mark.parametrize(
    ("words", "fragment"),
    [("watch", "pg_current_snapshot"), ("wait {}", "bool_and"), ("tail {}", "standard_error")],
)
def test_interrupted_clients_end_quietly(database, cursor, job, words, fragment):
    client = scns(database, *words.format(job).split())
    asked(cursor, fragment)
    client.send_signal(signal.SIGINT)
    assert client.communicate(timeout=20) == ("", "")
    assert client.returncode == 130
