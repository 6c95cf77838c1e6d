"""到了时刻的事：时限前的信号、--deadline、OverTimeLimit，以及 scnsd 该在何时醒来。"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.world import World

USR1 = 10


@pytest.fixture
def world(database, cursor, site):
    return World(database, cursor)


def running(world: World, **asked: Any) -> int:
    job_id = world.submit(**asked)
    world.run()
    assert world.value(job_id, "state") == "RUNNING"
    return job_id


def moment(world: World, seconds: float) -> str:
    """从现在起若干秒的时刻。"""
    world.cursor.execute("SELECT (now() + %s * interval '1 second')::text", (seconds,))
    return str(world.cursor.fetchone()[0])


def signals(world: World) -> list[tuple[int, int, str]]:
    return [(one["job"], one["signal"], one["scope"]) for one in world.stepd.of("signal")]


def wakes_in(world: World) -> float:
    return world.scheduler.wait_seconds(time.time())


@pytest.mark.parametrize(("given", "scope"), [({}, "steps"), ({"signal_scope": "batch"}, "batch")])
def test_warning_comes_once_and_that_long_before_the_limit(world, given, scope):
    options = {"signal": USR1, "signal_seconds": 120} | given
    job_id = running(world, time_limit=600, options=options)
    assert wakes_in(world) == pytest.approx(480, abs=5)
    world.pass_time(470)
    assert signals(world) == []
    world.pass_time(11)
    assert signals(world) == [(job_id, USR1, scope)]
    world.pass_time(60)
    assert signals(world) == [(job_id, USR1, scope)]
    assert wakes_in(world) == pytest.approx(59, abs=5)
    world.pass_time(60)
    assert world.value(job_id, "state") == "TIMEOUT"


def test_warning_asked_earlier_than_the_start_comes_at_once(world):
    job_id = running(world, time_limit=60, options={"signal": USR1, "signal_seconds": 600})
    assert signals(world) == [(job_id, USR1, "steps")]


def test_job_without_a_limit_is_warned_once_it_gets_one(world):
    job_id = running(world, options={"signal": USR1, "signal_seconds": 60})
    world.pass_time(100_000)
    assert signals(world) == []
    world.ask("update", {"job": job_id}, changes={"time_limit": 100_020})
    assert signals(world) == [(job_id, USR1, "steps")]


def test_warning_waits_for_stepd(world):
    job_id = running(world, time_limit=600, options={"signal": USR1, "signal_seconds": 300})
    client, world.stepd.client = world.stepd.client, None
    world.pass_time(301)
    assert signals(world) == []
    world.stepd.client = client
    world.run()
    assert signals(world) == [(job_id, USR1, "steps")]


def test_requeued_job_is_warned_again(world):
    job_id = running(world, time_limit=600, options={"signal": USR1, "signal_seconds": 300})
    world.pass_time(301)
    world.ask("requeue", {"job": job_id})
    world.pass_time(5)
    world.pass_time(301)
    assert len(signals(world)) == 2


def test_suspended_job_is_not_warned(world):
    job_id = running(world, time_limit=600, options={"signal": USR1, "signal_seconds": 300})
    world.ask("suspend", {"job": job_id})
    world.pass_time(10_000)
    assert (signals(world), world.value(job_id, "state")) == ([], "SUSPENDED")


def test_job_that_cannot_end_by_its_deadline_is_dropped(world):
    running(world, tasks=8)
    job_id = world.submit(time_limit=600, deadline=moment(world, 700))
    child = world.submit(edges=[{"kind": "afterany", "job": job_id}])
    world.run()
    assert world.value(job_id, "state") == "PENDING"
    assert wakes_in(world) <= 100
    world.pass_time(90)
    assert world.value(job_id, "state") == "PENDING"
    world.cursor.execute("UPDATE scns.job SET start_by = start_by - interval '10 seconds'")
    world.run()
    assert (world.value(job_id, "state"), world.value(job_id, "reason")) == ("DEADLINE", "DeadLine")
    assert world.value(child, "dependency_state") == "MET"


def test_deadline_earlier_than_the_limit_is_accepted_and_then_missed(world):
    job_id = world.submit(time_limit=3600, deadline=moment(world, 60))
    world.run()
    assert world.value(job_id, "state") == "DEADLINE"
    assert not world.stepd.of("start")


def test_shorter_least_time_meets_the_deadline(world):
    job_id = running(world, time_limit=3600, time_min=60, deadline=moment(world, 600))
    world.cursor.execute("SELECT limit_time = (SELECT deadline FROM scns.submission) FROM scns.job")
    assert world.cursor.fetchone() == (True,)
    assert world.value(job_id, "state") == "RUNNING"


def test_job_without_a_limit_runs_until_its_deadline(world):
    job_id = running(world, deadline=moment(world, 600))
    assert wakes_in(world) == pytest.approx(600, abs=5)
    world.cursor.execute("UPDATE scns.submission SET deadline = deadline - interval '601 seconds'")
    world.pass_time(601)
    assert (world.value(job_id, "state"), world.value(job_id, "reason")) == ("DEADLINE", "DeadLine")


@pytest.mark.parametrize("hindered", [{"hold": True}, {"begin_time": "2100-01-01"}])
def test_deadline_is_not_looked_at_before_the_job_may_start(world, hindered):
    job_id = world.submit(time_limit=3600, deadline=moment(world, 60), **hindered)
    world.run()
    assert world.value(job_id, "state") == "PENDING"


def test_waiting_array_misses_its_deadline_as_a_whole(world):
    array = world.submit(array_indices="{[0,9)}", time_limit=600, deadline=moment(world, 60))
    world.run()
    assert world.value(array, "state") == "DEADLINE"
    world.cursor.execute("SELECT count(*) FROM scns.job")
    assert world.cursor.fetchone() == (1,)


def test_new_deadline_gives_more_time(world):
    job_id = world.submit(time_limit=600, deadline=moment(world, 30), hold=True)
    later = moment(world, 6000)
    world.ask("update", {"job": job_id}, changes={"deadline": later})
    world.ask("release", {"job": job_id})
    assert world.value(job_id, "state") == "RUNNING"


def test_over_time_limit_lets_jobs_run_on_for_a_while(world):
    world.scheduler.config = replace(world.scheduler.config, over_time_limit=2)
    job_id = running(world, time_limit=60)
    world.pass_time(70)
    assert world.value(job_id, "state") == "RUNNING"
    assert wakes_in(world) == pytest.approx(110, abs=5)
    world.pass_time(111)
    assert world.value(job_id, "state") == "TIMEOUT"


def test_over_time_limit_of_the_partition_comes_first(world):
    world.scheduler.config = replace(world.scheduler.config, over_time_limit=2)
    world.ask("update_partition", {"partition": "main"}, changes={"over_time_limit": 0})
    job_id = running(world, time_limit=60)
    world.pass_time(61)
    assert world.value(job_id, "state") == "TIMEOUT"


def test_unlimited_over_time_never_ends_a_job(world):
    world.scheduler.config = replace(world.scheduler.config, over_time_limit=None)
    job_id = running(world, time_limit=60)
    world.pass_time(100_000)
    assert world.value(job_id, "state") == "RUNNING"
    assert wakes_in(world) > 100


def test_nothing_due_means_a_long_sleep(world):
    world.run()
    assert world.scheduler.due is None
    assert wakes_in(world) > 100
