"""信的标题与收信人；标题照 Slurm 22.05 的 agent.c。"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.scheduler.mail import recipient, subject


def facts(**given: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "job_id": 42,
        "array_job_id": None,
        "array_task_id": None,
        "summary": False,
        "name": "x",
        "owner": "alice",
        "recipient": None,
        "state": "COMPLETED",
        "exit_code": 0,
        "exit_signal": 0,
        "lowest": None,
        "highest": None,
        "queued": 1,
        "run": 7,
    }
    return values | given


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("BEGIN", {}, "Slurm Job_id=42 Name=x Began, Queued time 00:00:01"),
        ("END", {}, "Slurm Job_id=42 Name=x Ended, Run time 00:00:07, COMPLETED, ExitCode 0"),
        (
            "FAIL",
            {"state": "FAILED", "exit_code": 3, "run": 90_061},
            "Slurm Job_id=42 Name=x Failed, Run time 1-01:01:01, FAILED, ExitCode 3",
        ),
        (
            "END",
            {"state": "CANCELLED", "exit_signal": 15},
            "Slurm Job_id=42 Name=x Ended, Run time 00:00:07, CANCELLED",
        ),
        (
            "END",
            {"state": "CANCELLED", "run": None},
            "Slurm Job_id=42 Name=x Ended, CANCELLED, ExitCode 0",
        ),
        (
            "REQUEUE",
            {"state": "CANCELLED", "exit_signal": 15},
            "Slurm Job_id=42 Name=x Requeued, Run time 00:00:07, CANCELLED",
        ),
        ("INVALID_DEPEND", {"run": None}, "Slurm Job_id=42 Name=x Invalid dependency"),
        ("TIME_LIMIT", {}, "Slurm Job_id=42 Name=x Reached time limit, Run time 00:00:07"),
        (
            "TIME_LIMIT_80",
            {},
            "Slurm Job_id=42 Name=x Reached 80% of time limit, Run time 00:00:07",
        ),
        (
            "END",
            {"array_job_id": 40, "array_task_id": 7},
            "Slurm Array Task Job_id=40_7 (42) Name=x Ended, Run time 00:00:07, COMPLETED,"
            " ExitCode 0",
        ),
        (
            "BEGIN",
            {"array_job_id": 40, "array_task_id": 7, "summary": True},
            "Slurm Array Summary Job_id=40_* (42) Name=x Began",
        ),
        (
            "END",
            {"array_job_id": 40, "summary": True, "lowest": 0, "highest": 3},
            "Slurm Array Summary Job_id=40_* (42) Name=x Ended, Mixed, ExitCode [0-3]",
        ),
        (
            "FAIL",
            {"array_job_id": 40, "summary": True, "lowest": 2, "highest": 3, "state": "FAILED"},
            "Slurm Array Summary Job_id=40_* (42) Name=x Failed, FAILED, ExitCode [2-3]",
        ),
    ],
)
def test_subject_is_the_one_of_slurm(kind, given, expected):
    assert subject(kind, facts(**given)) == expected


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_no_name_breaks_the_line(name):
    title = subject("BEGIN", facts(name=name))
    assert title.isprintable()
    assert len(title.splitlines()) == 1


@pytest.mark.parametrize(
    ("named", "domain", "expected"),
    [
        (None, None, "alice"),
        (None, "site.org", "alice@site.org"),
        ("bob", "site.org", "bob"),
        ("a.b+c@d.org", None, "a.b+c@d.org"),
        ("a@d.org,b", None, "a@d.org,b"),
    ],
)
def test_recipient_is_the_named_one_or_the_owner(named, domain, expected):
    assert recipient(facts(recipient=named), domain) == expected


@pytest.mark.parametrize(
    "named",
    [
        "",
        "-a/etc/passwd",
        "x,-a/etc/passwd",
        "|/bin/sh",
        "/etc/passwd",
        "./file",
        "a b",
        "a\nBcc: b",
        "a;b",
        "$(id)",
        "a@b@c",
        "a,,b",
        "@b",
        "ä@b",
    ],
)
def test_what_is_no_address_is_never_written_to(named):
    assert recipient(facts(recipient=named), None) is None
