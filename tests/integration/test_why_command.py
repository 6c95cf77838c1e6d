"""`scns why` 的命令：问谁、怎样等回答、scnsd 不在时怎样。"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from scns.cli.app import run
from tests.integration.answering import answering, start, submit


@pytest.fixture
def why(database, monkeypatch, capsys):
    """在进程内执行 `scns why`，返回退出码、stdout、stderr。"""

    def one(*words: str, user: str = "u:root") -> tuple[int, str, str]:
        monkeypatch.setenv("SCNS_DSN", database.dsn(user))
        code = run(["why", *words])
        return (code, *capsys.readouterr())

    return one


def facts(job: str = "42", **more: Any) -> dict[str, Any]:
    """被属主扣住的作业的事实。"""
    return {
        "now": time.time(),
        "job": job,
        "name": "train",
        "owner": "alice",
        "state": "PENDING",
        "states": {"PENDING": 1},
        "partition": "main",
        "reason": "JobHeldUser",
        "hold": "user",
        "dependencies": [],
        "begin": None,
    } | more


SAID = "Its owner holds it; 'scontrol release 42' lets it go."


def test_sentences_a_line_each(database, why):
    with answering(database, lambda asked: [facts()]) as daemon:
        code, out, err = why("42")
    assert (code, err) == (0, "")
    assert out.splitlines() == ["Job 42 (train, alice) waits in partition main: JobHeldUser.", SAID]
    assert (daemon.last.verb, daemon.last.target) == ("why", [{"job": 42}])


def test_several_jobs_are_asked_at_once(database, why):
    with answering(database, lambda asked: [facts(), facts("43_7")]) as daemon:
        code, out, _ = why("42", "43_7")
    assert code == 0
    assert out.count("\n\n") == 1
    assert daemon.last.target == [{"job": 42}, {"job": 43, "tasks": "{[7,8)}"}]
    assert len(daemon.asked) == 1


def test_json_is_the_facts(database, why):
    with answering(database, lambda asked: [facts(), {"error": "Invalid job id specified"}]):
        code, out, _ = why("--json", "42", "43")
    assert code == 1
    assert [one.get("job") for one in json.loads(out)] == ["42", None]


def test_refusals_name_the_job(database, why):
    with answering(database, lambda asked: [{"error": "Invalid job id specified"}]):
        assert why("4711") == (1, "", "scns: error: Invalid job id specified 4711\n")
    assert why("x") == (1, "", "scns: error: Invalid job id x\n")


def test_a_busy_daemon_is_asked_again(database, why):
    later = {"error": "Too many questions at once, ask again"}
    answers = [[facts("42"), later], [later], [facts("43")]]
    with answering(database, lambda asked: answers.pop(0)) as daemon:
        code, out, _ = why("42", "43")
    assert code == 0
    assert [asked.target for asked in daemon.asked] == [
        [{"job": 42}, {"job": 43}],
        [{"job": 43}],
        [{"job": 43}],
    ]
    assert out.index("Job 42") < out.index("Job 43")


def test_without_a_scheduler_that_is_the_reason(database, cursor, site, why):
    job = submit(database, hold=True, name="train")
    code, out, err = why(str(job), user="u:alice")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"Job {job} (train, root) is PENDING.",
        "scnsd is not running, and nothing starts until it does ('scns up').",
        "The last reason it gave: JobHeldUser.",
    ]
    start(cursor, job)
    assert why(str(job))[1] == f"Job {job} (train, root) is RUNNING.\n"
    assert why("4711")[2] == "scns: error: Invalid job id specified 4711\n"
