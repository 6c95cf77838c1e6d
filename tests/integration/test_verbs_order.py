"""重新排队、排到前头与停止守护进程。"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scns.db import jobs
from tests.integration.world import World


@pytest.fixture
def world(database, cursor, site):
    return World(database, cursor)


def running(world: World, **asked: Any) -> int:
    job_id = world.submit(**asked)
    world.run()
    assert world.value(job_id, "state") == "RUNNING"
    return job_id


def queue(world: World) -> list[int]:
    world.cursor.execute(
        "SELECT id FROM scns.job WHERE state = 'PENDING' ORDER BY priority DESC, id"
    )
    return [job_id for (job_id,) in world.cursor.fetchall()]


def test_requeued_job_waits_a_little_and_says_so(world):
    job_id = running(world)
    assert world.ask("requeue", {"job": job_id}) == [None]
    assert (world.value(job_id, "state"), world.value(job_id, "reason")) == ("PENDING", "BeginTime")
    assert world.value(job_id, "restarts") == 1
    world.pass_time(jobs.REQUEUE_DELAY - 1)
    assert world.value(job_id, "state") == "PENDING"
    world.pass_time(1)
    assert world.value(job_id, "state") == "RUNNING"


def test_ended_job_is_requeued_like_a_running_one(world):
    job_id = running(world)
    world.stepd.end(job_id, status=256)
    world.run()
    world.ask("requeue", {"job": job_id})
    assert (world.value(job_id, "state"), world.value(job_id, "reason")) == ("PENDING", "BeginTime")
    world.pass_time(jobs.REQUEUE_DELAY)
    assert world.value(job_id, "state") == "RUNNING"
    assert world.stepd.of("start")[-1]["attempt"] == 2


@pytest.mark.parametrize("ended", [False, True])
def test_requeuehold_waits_for_a_release(world, ended):
    job_id = running(world)
    if ended:
        world.end(job_id)
    world.ask("requeue", {"job": job_id}, hold=True)
    assert world.value(job_id, "reason") == "job requeued in held state"
    assert world.value(job_id, "priority") == 0
    world.ask("release", {"job": job_id})
    assert world.value(job_id, "state") == "RUNNING"


def test_lost_with_its_node_it_runs_again_at_once(world):
    job_id = running(world)
    world.stepd.end(job_id, cause="lost")
    world.run()
    world.run()
    assert (world.value(job_id, "state"), world.value(job_id, "restarts")) == ("RUNNING", 1)


def test_job_going_away_can_still_be_requeued(world):
    job_id = running(world)
    world.stepd.running.clear()  # stepd 还没有应答，作业停在收尾
    world.ask("cancel", {"job": job_id})
    assert world.value(job_id, "state") == "COMPLETING"
    assert world.ask("requeue", {"job": job_id}) == [None]
    world.stepd.end(job_id, status=15, cause="killed")
    world.run()
    assert world.value(job_id, "state") == "PENDING"


def test_report_repeated_after_the_requeue_changes_nothing(world):
    job_id = running(world)
    world.ask("requeue", {"job": job_id})
    world.stepd.end(job_id, status=15, cause="killed")
    world.run()
    assert (world.value(job_id, "state"), world.value(job_id, "restarts")) == ("PENDING", 1)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"requeue": False}, "Requested operation is presently disabled"),
        ({"batch": False}, "Requested operation is presently disabled"),
    ],
)
def test_jobs_that_cannot_run_again_are_not_requeued(world, asked, sentence):
    job_id = world.submit(**asked)
    world.run()
    assert world.ask("requeue", {"job": job_id}) == [{"error": sentence}]


def test_top_job_comes_before_the_own_others_in_the_given_order(world):
    running(world, tasks=8)
    mine = [world.submit() for _ in range(4)]
    theirs = world.submit("u:alice")
    assert world.ask("top", {"job": mine[3]}, {"job": mine[2]}) == [None, None]
    order = queue(world)
    assert [one for one in order if one in mine] == [mine[3], mine[2], mine[0], mine[1]]
    assert order.index(theirs) <= 1


def test_top_of_the_first_job_changes_nothing(world):
    running(world, tasks=8)
    first, second = world.submit(), world.submit()
    before = queue(world), world.value(second, "priority")
    world.ask("top", {"job": first})
    assert (queue(world), world.value(second, "priority")) == before


def test_top_leaves_other_partitions_alone(world):
    running(world, tasks=8)
    elsewhere, here, chosen = world.submit(partition="short"), world.submit(), world.submit()
    before = world.value(elsewhere, "priority")
    world.ask("top", {"job": chosen})
    assert world.value(elsewhere, "priority") == before
    assert queue(world).index(chosen) < queue(world).index(here)


def test_users_need_leave_to_reorder_their_jobs(world):
    running(world, tasks=8)
    jobs_ = [world.submit("u:alice") for _ in range(2)]
    denied = {"error": "Access/permission denied"}
    assert world.ask("top", {"job": jobs_[1]}, user="u:alice") == [denied]
    world.cursor.execute(
        "INSERT INTO scns.setting VALUES ('SchedulerParameters', 'defer,enable_user_top')"
    )
    assert world.ask("top", {"job": jobs_[1]}, user="u:bob") == [denied]
    assert world.ask("top", {"job": jobs_[1]}, user="u:alice") == [None]
    assert queue(world) == [jobs_[1], jobs_[0]]


def test_only_waiting_jobs_that_are_not_held_come_to_the_top(world):
    active, held = running(world), world.submit(hold=True)
    ended = running(world)
    world.end(ended)
    assert world.ask("top", *({"job": one} for one in (active, held, ended, 999))) == [
        {"error": "Job is no longer pending execution"},
        {"error": "Job is in held (priority == 0) state"},
        {"error": "Job has already finished"},
        {"error": "Invalid job id specified"},
    ]


@pytest.mark.parametrize("verb", ["shutdown", "reconfigure"])
def test_daemons_obey_operators_only(world, verb):
    assert world.ask(verb, user="u:alice") == [{"error": "Invalid user id"}]
    assert not world.scheduler.stopping


def test_shutdown_stops_scnsd_and_no_job(world):
    job_id = running(world)
    assert world.ask("shutdown", daemons="controller") == [None]
    assert world.scheduler.stopping
    assert world.value(job_id, "state") == "RUNNING"
    assert not world.stepd.of("kill")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (3, ("PENDING", "BeginTime")),
        (7, ("PENDING", "job requeued in held state")),
        (4, ("FAILED", "NonZeroExitCode")),
        (0, ("COMPLETED", "None")),
    ],
)
def test_exit_code_can_send_a_job_back(world, code, expected):
    world.scheduler.config = replace(
        world.scheduler.config, requeue_exit=(3,), requeue_exit_hold=(7,)
    )
    job_id = running(world)
    world.stepd.end(job_id, status=code << 8)
    world.run()
    assert (world.value(job_id, "state"), world.value(job_id, "reason")) == expected
    assert world.value(job_id, "restarts") == (1 if expected[0] == "PENDING" else 0)


def test_exit_code_does_not_send_back_what_may_not_or_was_ended(world):
    world.scheduler.config = replace(
        world.scheduler.config, requeue_exit=tuple(range(256)), requeue_exit_hold=(0,)
    )
    fixed, cancelled, killed = running(world, requeue=False), running(world), running(world)
    world.stepd.end(fixed, status=3 << 8)
    world.ask("cancel", {"job": cancelled})
    world.stepd.end(killed, status=9)
    world.run()
    states = [world.value(one, "state") for one in (fixed, cancelled, killed)]
    assert states == ["FAILED", "CANCELLED", "FAILED"]


def test_jobs_are_not_requeued_where_the_site_says_so(world):
    world.cursor.execute("INSERT INTO scns.setting VALUES ('JobRequeue', '0')")
    silent, asking = running(world), running(world, requeue=True)
    assert world.ask("requeue", {"job": silent}, {"job": asking}) == [
        {"error": "Requested operation is presently disabled"},
        None,
    ]


def test_refused_orders_are_no_failed_starts(world):
    job_id = running(world)
    world.stepd._take({"op": "refused", "job": job_id, "attempt": 1, "error": "no such signal"})
    world.run()
    assert world.value(job_id, "state") == "RUNNING"


@pytest.mark.parametrize("argument", [{"signal": 99}, {"signal": -1}, {"signal": 10, "scope": "x"}])
def test_signals_that_do_not_exist_are_not_sent(world, argument):
    job_id = running(world)
    assert world.ask("cancel", {"job": job_id}, **argument) == [{"error": "Unspecified error"}]
    assert not world.stepd.of("signal")
