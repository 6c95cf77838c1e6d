"""寄信：哪些事写信，数组怎样只写一封，以及真的程序收到什么。"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from scns.scheduler.mail import Mailer, subject
from tests.conftest import wait_until
from tests.integration.world import World

EVERYTHING = ["INVALID_DEPEND", "BEGIN", "END", "FAIL", "REQUEUE"]


class Outbox(Mailer):
    """只记下要寄什么。"""

    sent: list[tuple[str, str]]

    def deliver(self, cursor: Any) -> bool:
        cursor.execute("DELETE FROM scns.mail RETURNING id, kind, detail")
        rows = sorted(cursor.fetchall())
        self.sent += [(kind, subject(kind, facts)) for _, kind, facts in rows]
        return False


@pytest.fixture
def world(database, cursor, site):
    made = World(database, cursor)
    made.scheduler.mailer = Outbox("none")
    made.scheduler.mailer.sent = []
    return made


def kinds(world: World) -> list[str]:
    return [kind for kind, _ in world.scheduler.mailer.sent]


def submit(world: World, *events: str, **asked: Any) -> int:
    options = {"mail_type": list(events) or EVERYTHING} | asked.pop("options", {})
    return world.submit(options=options, **asked)


def test_beginning_and_end_are_told(world):
    job_id = submit(world)
    world.run()
    world.end(job_id)
    assert world.scheduler.mailer.sent == [
        ("BEGIN", f"Slurm Job_id={job_id} Name=job.sh Began, Queued time 00:00:00"),
        (
            "END",
            f"Slurm Job_id={job_id} Name=job.sh Ended, Run time 00:00:00, COMPLETED, ExitCode 0",
        ),
    ]


def test_nothing_is_told_unasked(world):
    job_id = world.submit()
    world.run()
    world.end(job_id)
    assert kinds(world) == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(["END", "FAIL"], "FAIL"), (["END"], "END"), (["FAIL"], "FAIL"), (["BEGIN"], None)],
)
def test_failure_is_told_as_failure_or_as_end(world, asked, expected):
    job_id = submit(world, *asked, hold=True)
    world.ask("release", {"job": job_id})
    world.stepd.end(job_id, status=3 << 8)
    world.run()
    assert [kind for kind in kinds(world) if kind != "BEGIN"] == ([expected] if expected else [])
    if expected:
        assert world.scheduler.mailer.sent[-1][1].endswith("FAILED, ExitCode 3")


def test_cancelled_while_waiting_is_an_end(world):
    job_id = submit(world, "END", "FAIL", hold=True)
    world.ask("cancel", {"job": job_id})
    assert kinds(world) == ["END"]


def test_requeue_is_told_instead_of_the_end(world):
    job_id = submit(world)
    world.run()
    world.ask("requeue", {"job": job_id})
    assert kinds(world) == ["BEGIN", "REQUEUE"]


def test_suspension_is_not_told(world):
    job_id = submit(world)
    world.run()
    world.ask("suspend", {"job": job_id})
    world.ask("resume", {"job": job_id})
    assert kinds(world) == ["BEGIN"]


def test_dependency_that_never_holds_is_told(world):
    parent = world.submit()
    submit(world, "INVALID_DEPEND", edges=[{"kind": "afterok", "job": parent}])
    world.run()
    world.stepd.end(parent, status=256)
    world.run()
    assert kinds(world) == ["INVALID_DEPEND"]


def test_shares_of_the_time_limit_are_told_once_each(world):
    submit(world, "TIME_LIMIT_50", "TIME_LIMIT_90", "TIME_LIMIT", time_limit=1000)
    world.run()
    for passed, expected in ((490, 0), (20, 1), (300, 1), (95, 2), (96, 3)):
        world.pass_time(passed)
        assert len(kinds(world)) == expected
    assert kinds(world) == ["TIME_LIMIT_50", "TIME_LIMIT_90", "TIME_LIMIT"]


def test_changed_limit_moves_the_letters(world):
    job_id = submit(world, "TIME_LIMIT_50", time_limit=1000)
    world.run()
    world.ask("update", {"job": job_id}, changes={"time_limit": 2000})
    world.pass_time(600)
    assert kinds(world) == []
    world.pass_time(401)
    assert kinds(world) == ["TIME_LIMIT_50"]


def test_array_is_told_as_one_job(world):
    array = submit(world, array_indices="{[0,12)}")
    while True:
        world.run()
        world.cursor.execute("SELECT id FROM scns.job WHERE state = 'RUNNING'")
        elements = [job_id for (job_id,) in world.cursor.fetchall()]
        if not elements:
            break
        for job_id in elements:
            world.stepd.end(job_id, status=0 if job_id % 2 else 256)
    assert kinds(world) in (["BEGIN", "END"], ["BEGIN", "FAIL"])
    assert world.scheduler.mailer.sent[0][1].startswith(f"Slurm Array Summary Job_id={array}_* (")
    assert world.scheduler.mailer.sent[1][1].endswith("Mixed, ExitCode [0-1]")


def test_array_tasks_are_told_one_by_one_when_asked(world):
    submit(world, "ARRAY_TASKS", "BEGIN", array_indices="{[0,3)}")
    world.run()
    assert kinds(world) == ["BEGIN"] * 3


def test_changed_mail_type_counts_from_now_on(world):
    job_id = world.submit(hold=True)
    world.ask("update", {"job": job_id}, changes={"mail_type": ["BEGIN"]})
    world.ask("release", {"job": job_id})
    world.end(job_id)
    assert kinds(world) == ["BEGIN"]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """记下参数与环境的 MailProg。"""
    path = tmp_path / "mailprog"
    path.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" "$SLURM_JOB_ID" "$HOME" > {tmp_path}/got.tmp\n'
        f"mv {tmp_path}/got.tmp {tmp_path}/got\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def put(cursor: Any, kind: str = "BEGIN", **given: Any) -> None:
    detail = {"job_id": 42, "array_job_id": None, "array_task_id": None, "summary": False}
    detail |= {"name": "x", "owner": "alice", "recipient": "a@b.org", "state": "RUNNING"}
    detail |= {"exit_code": None, "exit_signal": None, "lowest": None, "highest": None}
    detail |= {"queued": 1, "run": None} | given
    cursor.execute(
        "INSERT INTO scns.mail (kind, detail) VALUES (%s, %s)", (kind, json.dumps(detail))
    )


def test_program_gets_the_subject_and_the_recipient_and_no_shell(cursor, program, tmp_path):
    mailer = Mailer(str(program))
    put(cursor, name="$(touch /tmp/x); `id`")
    assert mailer.deliver(cursor) is False
    wait_until(lambda: not mailer.busy(), what="the mail program to end")
    got = (tmp_path / "got").read_text().splitlines()
    assert got == [
        "-s",
        "Slurm Job_id=42 Name=$(touch /tmp/x); `id` Began, Queued time 00:00:01",
        "a@b.org",
        "42",
        "",
    ]
    cursor.execute("SELECT count(*) FROM scns.mail")
    assert cursor.fetchone() == (0,)


def test_sendmail_gets_a_letter(cursor, tmp_path):
    path = tmp_path / "sendmail"
    path.write_text(f"#!/bin/sh\ncat > {tmp_path}/tmp; mv {tmp_path}/tmp {tmp_path}/letter\n")
    path.chmod(0o700)
    mailer = Mailer(str(path))
    put(cursor)
    mailer.deliver(cursor)
    wait_until(lambda: not mailer.busy(), what="sendmail to end")
    assert (tmp_path / "letter").read_text() == (
        "To: a@b.org\nSubject: Slurm Job_id=42 Name=x Began, Queued time 00:00:01\n\n"
    )


def test_few_programs_run_at_a_time_and_nothing_waits_for_them(cursor, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o700)
    mailer = Mailer(str(slow))
    for _ in range(12):
        put(cursor)
    assert mailer.deliver(cursor) is True
    cursor.execute("SELECT count(*) FROM scns.mail")
    assert cursor.fetchone() == (4,)
    for child in list(mailer._running):
        child.kill()
    wait_until(lambda: not mailer.busy(), what="the programs to be reaped")
    slow.write_text("#!/bin/sh\n")
    assert mailer.deliver(cursor) is False


@pytest.mark.parametrize("given", [{"recipient": "-x"}, {"recipient": "|sh"}])
def test_letter_to_nobody_is_dropped(cursor, program, tmp_path, given):
    put(cursor, **given)
    mailer = Mailer(str(program))
    assert mailer.deliver(cursor) is False
    assert not mailer.busy()
    assert not (tmp_path / "got").exists()


def test_missing_program_is_said_once_and_stops_nothing(cursor, caplog, monkeypatch):
    monkeypatch.setattr("scns.scheduler.mail.shutil.which", lambda *_, **__: None)
    mailer = Mailer("/nonexistent/mail")
    for _ in range(2):
        put(cursor)
        assert mailer.deliver(cursor) is False
    assert [record.levelname for record in caplog.records] == ["ERROR"]
