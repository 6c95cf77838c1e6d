"""`scns stats` 把存下的预计与后来真的启动相比。"""

from __future__ import annotations

import json

import pytest

from scns.cli.app import run
from tests.integration.world import World


@pytest.fixture
def world(database, cursor, site):
    return World(database, cursor)


@pytest.fixture
def stats(database, monkeypatch, capsys):
    def one(*words: str):
        monkeypatch.setenv("SCNS_DSN", database.dsn("u:alice"))
        assert run(["stats", *words]) == 0
        return capsys.readouterr().out

    return one


def test_nothing_has_happened_yet(stats, site):
    assert stats().splitlines()[1:] == [
        "No job has run.",
        "No estimate of a start has been put to the test.",
    ]


def test_estimates_are_compared_with_what_happened(stats, world):
    world.submit(tasks=8, time_limit=600)
    world.run()
    kept = world.submit(tasks=8, time_limit=1200)
    world.run()
    world.until(lambda: world.value(kept, "state") == "RUNNING")
    early = world.submit(tasks=8, time_limit=60)
    world.run()
    world.pass_time(300)
    world.end(kept)
    world.run()
    assert world.value(early, "state") == "RUNNING"
    found = json.loads(stats("--json"))
    assert found["waits"]["jobs"] == 3
    assert found["waits"]["longest"] == pytest.approx(600, abs=3)
    rows = {row["label"]: row for row in found["estimates"]}
    assert rows["under 10 min"]["on_time"] == 100
    assert rows["under 1 h"]["earlier"] == 100
    assert rows["under 1 h"]["median"] == pytest.approx(-900, abs=3)


def test_lines_for_people(stats, world):
    world.submit(tasks=8, time_limit=600)
    world.run()
    job = world.submit(tasks=8)
    world.until(lambda: world.value(job, "state") == "RUNNING")
    lines = stats().splitlines()
    assert lines[1].startswith("2 jobs ran; a job waited 5 min in the median")
    assert lines[3].split()[:2] == ["AHEAD", "ESTIMATES"]
    assert lines[4].startswith("under 10 min")


def test_only_since_a_moment(stats, world):
    world.submit(tasks=8, time_limit=600)
    world.run()
    job = world.submit(tasks=8, time_limit=60)
    world.until(lambda: world.value(job, "end_time IS NOT NULL"))
    world.pass_time(86_400)
    assert json.loads(stats("--json", "-S", "now-1hour")) == {
        "waits": {"jobs": 0, "mean": 0.0, "median": 0.0, "longest": 0.0},
        "estimates": [],
    }


def test_waits_below_a_second_are_told_in_milliseconds(stats, world):
    world.submit()
    world.run()
    world.cursor.execute("UPDATE scns.job SET start_time = eligible_time + interval '12 ms'")
    assert stats().splitlines()[1] == (
        "1 job ran; a job waited 12 ms in the median, 12 ms on average, 12 ms at most."
    )
