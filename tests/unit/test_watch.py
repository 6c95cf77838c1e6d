"""`scns watch` 的一行，与哪些事值得说。"""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from scns.arrays import parse_job_ref
from scns.cli.own.history import Event
from scns.cli.own.watch import line, number, wanted


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def event(**more: Any) -> Event:
    fields: dict[str, Any] = dict.fromkeys(Event.__annotations__)
    fields |= {
        "time": 3723.456,
        "job_id": 42,
        "kind": "state",
        "before": "PENDING",
        "after": "RUNNING",
        "owner": "alice",
        "name": "train",
        "partition": "main",
    }
    return Event(*(fields | more).values())


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"nodes": "n1"}, "PENDING -> RUNNING  n1"),
        ({"before": None, "after": "PENDING", "reason": "None"}, "PENDING"),
        ({"before": None, "after": "PENDING", "reason": "Dependency"}, "PENDING  (Dependency)"),
        ({"before": "RUNNING", "after": "COMPLETED", "exit_code": 0}, "RUNNING -> COMPLETED"),
        (
            {"before": "RUNNING", "after": "FAILED", "exit_code": 3, "exit_signal": 0},
            "RUNNING -> FAILED  exit code 3:0",
        ),
        (
            {"before": "COMPLETING", "after": "TIMEOUT", "exit_signal": 15},
            "COMPLETING -> TIMEOUT  exit code 0:15",
        ),
        (
            {"kind": "cancel", "before": None, "after": None, "tasks": "{[3,6),[9,10)}"},
            "CANCELLED  tasks 3-5,9",
        ),
        (
            {"kind": "estimate", "before": None, "after": None, "expected": 7200.0},
            "expected start 1970-01-01T02:00:00",
        ),
    ],
)
def test_a_line_says_when_who_and_what(facts, text):
    head = "01:02:03.456  42         alice      train                 "
    assert line(event(**facts)) == head + text


def test_elements_are_named_by_their_array():
    assert number(event(job_id=50, array_job_id=42, array_task_id=7)) == "42_7"
    assert number(event(array_job_id=42)) == "42"
    assert number(event()) == "42"


def says(one: Event, *refs: str, owner: str | None = None, estimates: bool = False) -> bool:
    return wanted(one, [parse_job_ref(ref) for ref in refs], owner, estimates=estimates)


def test_estimates_only_when_asked_for():
    assert not says(event(kind="estimate"))
    assert says(event(kind="estimate"), estimates=True)


def test_users():
    assert says(event(), owner="alice")
    assert not says(event(), owner="bob")


def test_jobs_and_elements():
    element = event(job_id=50, array_job_id=42, array_task_id=7)
    assert says(element)
    assert says(element, "42")
    assert says(element, "42_7")
    assert says(element, "41", "42_[5-9]")
    assert not says(element, "42_8")
    assert not says(element, "43")
    assert says(event(), "42")
    assert not says(event(), "43")
    assert says(element, "50")


def test_splitting_an_element_off_its_array_is_no_change():
    assert not says(event(job_id=50, array_job_id=42, array_task_id=7, before=None))
    assert says(event(before=None, array_job_id=42))


def test_colours_are_added_without_changing_the_words():
    plain, painted = line(event()), line(event(), colour=True)
    assert re.sub(r"\033\[[0-9;]*m", "", painted) == plain
    assert "\033[32mRUNNING\033[0m" in painted


def test_a_record_takes_all_its_columns_in_order():
    one = event(nodes="n1")
    assert list(one.as_dict()) == list(Event.__annotations__)
    assert (one.as_dict()["job_id"], one.nodes) == (42, "n1")
    with pytest.raises(ValueError):
        Event(1.0, 2)
