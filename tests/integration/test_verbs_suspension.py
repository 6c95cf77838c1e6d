"""挂起与继续：CPU 交还与拿回，时刻顺延，等 CPU 的，以及在任何一步死掉之后。"""

from __future__ import annotations

from typing import Any

import pytest

from scns.scheduler import recover
from tests.integration.world import World

NEW_BOOT = "boot-2"


@pytest.fixture
def world(database, cursor, site):
    return World(database, cursor)


def running(world: World, **asked: Any) -> int:
    job_id = world.submit(**asked)
    world.run()
    assert world.value(job_id, "state") == "RUNNING"
    return job_id


def node(world: World) -> tuple[Any, ...]:
    world.cursor.execute("SELECT cpus_alloc, memory_alloc, idle_cpus::text FROM scns.node")
    return tuple(world.cursor.fetchone())


def allocation(world: World, job_id: int) -> tuple[Any, ...]:
    world.cursor.execute(
        "SELECT cpu_ids::text, cpus, memory, suspended_cpus::text FROM scns.allocation"
        " WHERE job_id = %s",
        (job_id,),
    )
    return tuple(world.cursor.fetchone())


def job(world: World, job_id: int, columns: str) -> tuple[Any, ...]:
    world.cursor.execute(f"SELECT {columns} FROM scns.job WHERE id = %s", (job_id,))
    return tuple(world.cursor.fetchone())


def orders(world: World, kind: str) -> list[int]:
    return [message["job"] for message in world.stepd.of(kind)]


def test_suspended_job_gives_its_cpus_back_and_keeps_its_memory(world):
    job_id = running(world, tasks=3)
    assert world.ask("suspend", {"job": job_id}) == [None]
    assert world.value(job_id, "state") == "SUSPENDED"
    assert node(world) == (0, 192, "{[0,8)}")
    assert allocation(world, job_id) == ("{}", 0, 192, "{[0,3)}")
    assert orders(world, "suspend") == [job_id]


def test_cpus_of_a_suspended_job_are_given_to_others(world):
    suspended = running(world, tasks=8)
    waiting = world.submit(tasks=8)
    world.ask("suspend", {"job": suspended})
    assert world.value(waiting, "state") == "RUNNING"
    assert node(world) == (8, 1024, "{}")


def test_resumed_job_takes_back_the_same_cpus(world):
    first, second = running(world, tasks=2), running(world, tasks=2)
    world.ask("suspend", {"job": second})
    assert world.ask("resume", {"job": second}) == [None]
    assert world.value(second, "state") == "RUNNING"
    assert allocation(world, second) == ("{[2,4)}", 2, 128, None)
    assert node(world) == (4, 256, "{[4,8)}")
    assert orders(world, "resume") == [second]
    assert world.value(first, "state") == "RUNNING"


def test_resumed_job_waits_until_its_own_cpus_are_free(world):
    suspended = running(world, tasks=8)
    world.ask("suspend", {"job": suspended})
    other = running(world, tasks=2)
    assert world.ask("resume", {"job": suspended}) == [None]
    assert (world.value(suspended, "state"), world.value(suspended, "reason")) == (
        "SUSPENDED",
        "Resources",
    )
    assert orders(world, "resume") == []
    world.end(other)
    assert world.value(suspended, "state") == "RUNNING"
    assert orders(world, "resume") == [suspended]


def test_nobody_else_gets_the_cpus_that_a_resumed_job_waits_for(world):
    suspended = running(world, tasks=4)
    world.ask("suspend", {"job": suspended})
    other = running(world, tasks=2)  # 占着 0 与 1
    world.ask("resume", {"job": suspended})
    small, large = world.submit(tasks=4), world.submit(tasks=2)
    world.run()
    assert world.value(small, "state") == "RUNNING"  # 4 到 7
    assert world.value(large, "state") == "PENDING"  # 2 与 3 空着，留给等着继续的
    world.end(other)
    assert world.value(suspended, "state") == "RUNNING"
    assert world.value(large, "state") == "PENDING"


def test_first_suspended_is_first_resumed(world):
    jobs = [running(world, tasks=8)]
    for _ in range(2):
        world.ask("suspend", {"job": jobs[-1]})
        jobs.append(running(world, tasks=8))
    world.ask("resume", {"job": jobs[1]}, {"job": jobs[0]})
    world.end(jobs[2])
    assert [world.value(one, "state") for one in jobs[:2]] == ["RUNNING", "SUSPENDED"]
    world.end(jobs[0])
    assert world.value(jobs[1], "state") == "RUNNING"


def test_time_limit_stands_still_while_suspended(world):
    job_id = running(world, time_limit=600, options={"signal": 10, "signal_seconds": 60})
    before = job(world, job_id, "limit_time, warn_time")
    world.ask("suspend", {"job": job_id})
    world.cursor.execute(
        "UPDATE scns.job SET suspend_time = suspend_time - interval '1000 seconds',"
        " start_time = start_time - interval '1000 seconds',"
        " limit_time = limit_time - interval '1000 seconds',"
        " warn_time = warn_time - interval '1000 seconds'"
    )
    world.run()
    assert world.value(job_id, "state") == "SUSPENDED"
    world.ask("resume", {"job": job_id})
    after = job(world, job_id, "limit_time, warn_time")
    assert all(
        0 <= (late - early).total_seconds() < 5 for late, early in zip(after, before, strict=True)
    )
    assert job(world, job_id, "suspended_seconds")[0] in (1000, 1001, 1002)


def test_only_operators_suspend_even_their_own_jobs(world):
    job_id = running(world)
    world.cursor.execute("UPDATE scns.job SET uid = 60001 WHERE id = %s", (job_id,))
    for verb in ("suspend", "resume"):
        assert world.ask(verb, {"job": job_id}, user="u:alice") == [
            {"error": "Access/permission denied"}
        ]
    assert world.value(job_id, "state") == "RUNNING"


def test_only_running_jobs_are_suspended_and_only_suspended_ones_resumed(world):
    pending, ended, active = world.submit(hold=True), running(world), running(world)
    world.end(ended)
    suspended = running(world)
    world.ask("suspend", {"job": suspended})
    assert world.ask("suspend", *({"job": one} for one in (pending, ended, suspended, 999))) == [
        {"error": "Job is pending execution"},
        {"error": "Job/step already completing or completed"},
        {"error": "Job is not running"},
        {"error": "Invalid job id specified"},
    ]
    assert world.ask("resume", *({"job": one} for one in (pending, ended, active))) == [
        {"error": "Job is pending execution"},
        {"error": "Job/step already completing or completed"},
        {"error": "Job is not suspended"},
    ]


def test_cancelled_while_suspended_frees_everything_and_counts_the_pause(world):
    job_id = running(world, tasks=2)
    world.ask("suspend", {"job": job_id})
    world.cursor.execute("UPDATE scns.job SET suspend_time = suspend_time - interval '50 seconds'")
    world.ask("cancel", {"job": job_id})
    assert world.value(job_id, "state") == "CANCELLED"
    assert node(world) == (0, 0, "{[0,8)}")
    assert job(world, job_id, "suspended_seconds")[0] >= 50
    assert orders(world, "resume") == []


def test_killed_from_outside_while_suspended_is_recorded(world):
    job_id = running(world, tasks=2)
    world.ask("suspend", {"job": job_id})
    world.stepd.end(job_id, status=9)
    world.run()
    assert world.value(job_id, "state") == "FAILED"
    assert node(world) == (0, 0, "{[0,8)}")


def test_requeued_while_suspended_starts_anew(world):
    job_id = running(world, tasks=2)
    world.ask("suspend", {"job": job_id})
    world.ask("requeue", {"job": job_id})
    world.cursor.execute("UPDATE scns.job SET begin_time = now()")
    world.run()
    assert world.value(job_id, "state") == "RUNNING"
    assert job(world, job_id, "suspended_seconds, suspend_time") == (0, None)
    assert allocation(world, job_id)[:2] == ("{[0,2)}", 2)


def test_suspended_array_elements_come_back_one_by_one(world):
    array = world.submit(array_indices="{[0,3)}")
    world.run()
    assert world.ask("suspend", {"job": array, "tasks": "{[1,3)}"}) == [None]
    world.cursor.execute("SELECT array_task_id, state FROM scns.job ORDER BY array_task_id")
    assert world.cursor.fetchall() == [(0, "RUNNING"), (1, "SUSPENDED"), (2, "SUSPENDED")]
    world.ask("resume", {"job": array, "tasks": "{[2,3)}"})
    world.cursor.execute("SELECT state FROM scns.job ORDER BY array_task_id")
    assert world.cursor.fetchall() == [("RUNNING",), ("SUSPENDED",), ("RUNNING",)]


def test_new_scnsd_stops_what_should_be_suspended_and_lets_go_on_what_was(world):
    stopped, resumed, plain = running(world), running(world), running(world)
    world.ask("suspend", {"job": stopped}, {"job": resumed})
    world.ask("resume", {"job": resumed})
    world.stepd.sent.clear()
    recover.reconcile(world.cursor, "n1", world.stepd, world.scheduler.start)
    world.scheduler.orders.forget()
    world.run()
    assert orders(world, "suspend") == [stopped]
    assert orders(world, "resume") == [resumed]
    assert orders(world, "kill") == []
    assert plain not in orders(world, "resume")


def test_each_order_is_given_once(world):
    job_id = running(world)
    world.ask("suspend", {"job": job_id})
    world.run()
    world.run()
    assert orders(world, "suspend") == [job_id]


@pytest.mark.parametrize(("requeue", "state"), [(True, "PENDING"), (False, "NODE_FAIL")])
def test_suspended_job_of_a_previous_boot_does_not_stay_for_ever(world, requeue, state):
    job_id = running(world, requeue=requeue)
    world.ask("suspend", {"job": job_id})
    world.cursor.execute("UPDATE scns.node SET drain = true")
    world.stepd.running.clear()
    world.stepd.boot_id = NEW_BOOT
    recover.reconcile(world.cursor, "n1", world.stepd, world.scheduler.start)
    world.run()
    assert world.value(job_id, "state") == state
    assert node(world) == (0, 0, "{[0,8)}")


def test_suspended_before_it_was_started_starts_when_resumed(world):
    job_id = running(world)
    world.ask("suspend", {"job": job_id})
    # scnsd 与 stepd 一起死在启动之前：stepd 不认识它
    world.stepd.running.clear()
    world.stepd.sent.clear()
    recover.reconcile(world.cursor, "n1", world.stepd, world.scheduler.start)
    world.run()
    assert (world.value(job_id, "state"), orders(world, "start")) == ("SUSPENDED", [])
    world.ask("resume", {"job": job_id})
    assert orders(world, "start") == [job_id]


def test_exclusive_job_shares_its_node_while_suspended(world):
    job_id = running(world, exclusive="node")
    other = world.submit()
    world.run()
    assert world.value(other, "state") == "PENDING"
    world.ask("suspend", {"job": job_id})
    assert world.value(other, "state") == "RUNNING"
    world.ask("resume", {"job": job_id})
    assert world.value(job_id, "state") == "SUSPENDED"
    world.end(other)
    assert world.value(job_id, "state") == "RUNNING"
