"""句子的零件：多久、何时、多少、哪个作业。"""

from __future__ import annotations

import time

import pytest

from scns.cli.own.spoken import amount, capital, count, ends, job, listed, moment, span


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 s"),
        (0.4, "1 s"),
        (42.4, "42 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (565, "9 min 25 s"),
        (600, "10 min"),
        (1199, "19 min"),
        (3600, "1 h"),
        (7530, "2 h 5 min"),
        (86_400, "1 d"),
        (273_600, "3 d 4 h"),
        (86_400 * 400 + 100, "400 d"),
    ],
)
def test_spans_have_at_most_two_units(seconds, text):
    assert span(seconds) == text


def test_moments_to_come_say_how_long_it_takes():
    assert moment(1000.4, 400) == "1970-01-01T00:16:40 (in 10 min)"
    assert moment(1000, 1000) == "1970-01-01T00:16:40"
    assert moment(1000, 2000) == "1970-01-01T00:16:40"


def test_ends_of_running_jobs():
    assert ends(None, 0) == "has no time limit"
    assert ends(60, 0) == "ends by 1970-01-01T00:01:00 (in 1 min)"
    assert ends(60, 60) == "is about to end"


@pytest.mark.parametrize(
    ("what", "number", "text"),
    [
        ("cpu", 1, "1 CPU"),
        ("cpu", 2, "2 CPUs"),
        ("mem", 1500, "1500M of memory"),
        ("mem", 2048, "2G of memory"),
        ("node", 1, "1 node"),
        ("task", 3, "3 tasks"),
        ("job", 2, "2 jobs"),
        ("license/matlab", 1, "1 matlab license"),
        ("license/matlab", 2, "2 matlab licenses"),
        ("gres/gpu:a100", 2, "2 gpu:a100"),
    ],
)
def test_amounts(what, number, text):
    assert amount(what, number) == text


def test_irregular_plurals():
    assert count(1, "box", "boxes") == "1 box"
    assert count(2, "box", "boxes") == "2 boxes"


def test_jobs_lists_and_capitals():
    assert job({"job": "42_7", "name": "train", "owner": "alice"}) == "job 42_7 (train, alice)"
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert capital("job NASA") == "Job NASA"
    assert capital("") == ""
