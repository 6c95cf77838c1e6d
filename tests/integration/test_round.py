"""scnsd 的一轮在真数据库上：分配、启动、结束、取消、超时、恢复；stepd 由一个假的连接顶替。"""

from __future__ import annotations

import pytest

from scns.scheduler import recover
from tests.integration.rounds import node, result, rows, run


def test_a_job_goes_through_every_wall(scheduler, stepd, submit, cursor):
    job_id = submit(tasks=2)
    run(scheduler)
    assert rows(cursor, "state, nodes, cpus_alloc, memory_alloc") == [("RUNNING", "n1", 2, 128)]
    assert node(cursor) == (2, 128, "{[2,8)}")
    [start] = stepd.of("start")
    assert (start["job"], start["attempt"], start["cpus"]) == (job_id, 1, [0, 1])
    assert start["stdout"] == f"/tmp/slurm-{job_id}.out"
    assert start["variables"]["SLURM_JOB_ID"] == str(job_id)
    stepd.end(job_id)
    run(scheduler)
    assert rows(cursor, "state, exit_code, exit_signal") == [("COMPLETED", 0, 0)]
    assert node(cursor) == (0, 0, "{[0,8)}")
    assert [(ack["job"], ack["attempt"]) for ack in stepd.of("ack")] == [(job_id, 1)]


def test_nothing_is_oversold_and_the_rest_wait_with_a_reason(scheduler, submit, cursor):
    for _ in range(12):
        submit()
    run(scheduler)
    states = [state for (state,) in rows(cursor, "state")]
    assert states.count("RUNNING") == 8
    assert [reason for (reason,) in rows(cursor, "reason", "state = 'PENDING'")] == [
        "Resources",
        "Priority",
        "Priority",
        "Priority",
    ]
    assert node(cursor)[0] == 8
    cursor.execute("SELECT count(*) FROM scns.allocation")
    assert cursor.fetchone() == (8,)


def test_waiting_jobs_start_as_soon_as_others_end(scheduler, stepd, submit, cursor):
    first, second = submit(tasks=8), submit(tasks=8)
    run(scheduler)
    assert rows(cursor, "state, reason") == [("RUNNING", "None"), ("PENDING", "Resources")]
    stepd.end(first)
    run(scheduler)
    assert rows(cursor, "id, state") == [(first, "COMPLETED"), (second, "RUNNING")]


def test_late_report_of_an_older_attempt_changes_nothing(scheduler, stepd, submit, cursor):
    job_id = submit()
    run(scheduler)
    stepd.end(job_id, attempt=0, status=256)
    run(scheduler)
    assert rows(cursor, "state") == [("RUNNING",)]


def test_end_is_recorded_once_however_often_it_is_reported(scheduler, stepd, submit, cursor):
    job_id = submit()
    run(scheduler)
    for status in (0, 256):
        stepd.end(job_id, status=status)
        run(scheduler)
    assert rows(cursor, "state, exit_code") == [("COMPLETED", 0)]
    cursor.execute("SELECT count(*) FROM scns.step")
    assert cursor.fetchone() == (1,)


@pytest.mark.parametrize(
    ("status", "cause", "expected"),
    [
        (3 << 8, None, ("FAILED", "NonZeroExitCode", 3, 0)),
        (11, None, ("FAILED", "JobLaunchFailure", 0, 11)),
        (53, "launch", ("FAILED", "JobLaunchFailure", 0, 53)),
        (9, "oom", ("OUT_OF_MEMORY", "OutOfMemory", 0, 125)),
    ],
)
def test_every_ending_has_its_state_and_codes(
    scheduler, stepd, submit, cursor, status, cause, expected
):
    job_id = submit()
    run(scheduler)
    stepd.end(job_id, status=status, cause=cause)
    run(scheduler)
    assert rows(cursor, "state, reason, exit_code, exit_signal") == [expected]


def test_time_limit_ends_the_job_as_timeout(scheduler, stepd, submit, cursor):
    job_id = submit(time_limit=60)
    run(scheduler)
    cursor.execute("UPDATE scns.job SET limit_time = now() - interval '1 second'")
    run(scheduler)
    assert rows(cursor, "state, outcome") == [("COMPLETING", "TIMEOUT")]
    [kill] = stepd.of("kill")
    assert kill["message"].endswith("DUE TO TIME LIMIT ***")
    assert kill["grace"] == 30
    run(scheduler)
    assert len(stepd.of("kill")) == 1
    stepd.end(job_id, status=15, cause="killed")
    run(scheduler)
    assert rows(cursor, "state, reason") == [("TIMEOUT", "TimeLimit")]


def test_cancelled_before_its_start_never_starts(scheduler, stepd, submit, ask, cursor):
    job_id = submit()
    request_id = ask("cancel", {"job": job_id})
    run(scheduler)
    assert result(cursor, request_id) == [None]
    assert rows(cursor, "state, outcome_uid") == [("CANCELLED", 0)]
    assert not stepd.of("start")


def test_cancelled_while_running_is_killed_and_recorded(scheduler, stepd, submit, ask, cursor):
    job_id = submit()
    run(scheduler)
    ask("cancel", {"job": job_id})
    run(scheduler)
    assert rows(cursor, "state") == [("COMPLETING",)]
    stepd.end(job_id, status=0, cause="killed")
    run(scheduler)
    assert rows(cursor, "state, exit_signal") == [("CANCELLED", 15)]


def test_users_cannot_touch_the_jobs_of_others(scheduler, submit, ask, cursor):
    job_id = submit(hold=True)
    for verb, sentence in (
        ("cancel", "Access/permission denied"),
        ("hold", "Invalid user id"),
        ("release", "Invalid user id"),
    ):
        request_id = ask(verb, {"job": job_id}, user="u:alice")
        run(scheduler)
        assert result(cursor, request_id) == [{"error": sentence}]
    assert rows(cursor, "state, reason") == [("PENDING", "JobHeldUser")]


def test_unknown_jobs_are_answered_one_by_one(scheduler, submit, ask, cursor):
    job_id = submit()
    request_id = ask("cancel", {"job": 99999999}, {"job": job_id})
    run(scheduler)
    assert result(cursor, request_id) == [{"error": "Invalid job id specified"}, None]


def test_bad_request_does_not_stop_the_others(scheduler, submit, ask, cursor):
    job_id = submit()
    bad = ask("cancel", {"job": "not a number"})
    good = ask("cancel", {"job": job_id})
    run(scheduler)
    assert result(cursor, bad) == [{"error": "Unspecified error"}]
    assert result(cursor, good) == [None]


def test_held_by_an_operator_only_operators_release(scheduler, database, ask, cursor):
    connection = database.connect("u:alice")
    with connection.cursor() as mine:
        mine.execute(
            """SELECT scns.submit('{"name": "x", "directory": "/tmp", "hold": true}',
               '#!/bin/sh', '')"""
        )
        (job_id,) = mine.fetchone()
    connection.close()
    ask("hold", {"job": job_id})
    refused = ask("release", {"job": job_id}, user="u:alice")
    run(scheduler)
    assert result(cursor, refused) == [{"error": "Access/permission denied"}]
    assert rows(cursor, "reason, priority") == [("JobHeldAdmin", 0)]
    ask("release", {"job": job_id})
    run(scheduler)
    assert rows(cursor, "state") == [("RUNNING",)]


def test_array_elements_get_rows_only_when_they_start(scheduler, stepd, submit, cursor):
    array_id = submit(array_indices="{[0,100000)}", array_limit=3)
    run(scheduler)
    run(scheduler)
    started = rows(cursor, "array_task_id", "state = 'RUNNING'")
    assert [task for (task,) in started] == [0, 1, 2]
    assert rows(cursor, "waiting::text", f"id = {array_id}") == [("{[3,100000)}",)]
    assert rows(cursor, "reason", f"id = {array_id}") == [("JobArrayTaskLimit",)]
    assert {start["variables"]["SLURM_ARRAY_JOB_ID"] for start in stepd.of("start")} == {
        str(array_id)
    }


def test_part_of_a_waiting_array_is_cancelled_by_subtraction(scheduler, submit, ask, cursor):
    array_id = submit(array_indices="{[0,100)}", hold=True)
    ask("cancel", {"job": array_id, "tasks": "{[10,90)}"})
    run(scheduler)
    assert rows(cursor, "waiting::text, state") == [("{[0,10),[90,100)}", "PENDING")]
    ask("cancel", {"job": array_id, "tasks": "{[0,100)}"})
    run(scheduler)
    assert rows(cursor, "state") == [("CANCELLED",)]


def test_dependent_job_starts_in_the_round_its_parent_ends(scheduler, stepd, submit, cursor):
    parent = submit()
    child = submit(edges=[{"kind": "afterok", "job": parent}])
    run(scheduler)
    assert rows(cursor, "reason", f"id = {child}") == [("Dependency",)]
    stepd.end(parent)
    run(scheduler)
    assert rows(cursor, "state", f"id = {child}") == [("RUNNING",)]


def test_failed_parent_leaves_the_child_pending_or_cancels_it(scheduler, stepd, submit, cursor):
    parent = submit()
    stays = submit(edges=[{"kind": "afterok", "job": parent}])
    goes = submit(edges=[{"kind": "afterok", "job": parent}], kill_on_invalid_dep=True)
    run(scheduler)
    stepd.end(parent, status=256)
    run(scheduler)
    assert rows(cursor, "state, reason", f"id = {stays}") == [
        ("PENDING", "DependencyNeverSatisfied")
    ]
    assert rows(cursor, "state", f"id = {goes}") == [("CANCELLED",)]


def test_requeued_job_keeps_its_id_and_counts_a_restart(scheduler, stepd, submit, ask, cursor):
    job_id = submit()
    run(scheduler)
    ask("requeue", {"job": job_id})
    run(scheduler)
    stepd.end(job_id, status=15, cause="killed")
    run(scheduler)
    assert rows(cursor, "state, reason") == [("PENDING", "BeginTime")]
    cursor.execute("UPDATE scns.job SET begin_time = now()")
    run(scheduler)
    assert rows(cursor, "id, state, restarts, attempt") == [(job_id, "RUNNING", 1, 2)]
    assert stepd.of("start")[-1]["append"] is True


def test_requeuehold_waits_for_a_release(scheduler, stepd, submit, ask, cursor):
    job_id = submit()
    run(scheduler)
    ask("requeue", {"job": job_id}, hold=True)
    run(scheduler)
    stepd.end(job_id, status=15, cause="killed")
    run(scheduler)
    assert rows(cursor, "state, reason") == [("PENDING", "job requeued in held state")]


def test_job_allocated_but_not_started_is_started_after_a_crash(scheduler, stepd, submit, cursor):
    job_id = submit()
    run(scheduler)
    stepd.sent.clear()
    stepd.running.clear()
    recover.reconcile(cursor, "n1", stepd, scheduler.start)
    assert [start["job"] for start in stepd.of("start")] == [job_id]
    assert stepd.of("start")[0]["attempt"] == 1


@pytest.mark.parametrize(("requeue", "state"), [(True, "PENDING"), (False, "NODE_FAIL")])
def test_job_of_a_previous_boot_is_requeued_or_failed(
    scheduler, stepd, submit, cursor, requeue, state
):
    submit(requeue=requeue)
    run(scheduler)
    stepd.running.clear()
    stepd.boot_id = "boot-2"
    recover.reconcile(cursor, "n1", stepd, scheduler.start)
    cursor.execute("UPDATE scns.node SET drain = true")
    run(scheduler)
    assert rows(cursor, "state") == [(state,)]
    assert node(cursor)[0] == 0


def test_process_the_database_does_not_want_is_ended(scheduler, stepd, cursor):
    stepd.running.add((4242, 1))
    recover.reconcile(cursor, "n1", stepd, scheduler.start)
    assert [(kill["job"], kill["grace"]) for kill in stepd.of("kill")] == [(4242, 0.0)]


def test_stale_planner_writes_nothing(scheduler, submit, cursor):
    submit()
    cursor.execute("UPDATE scns.lease SET owner = 'n2', epoch = epoch + 1")
    run(scheduler)
    assert rows(cursor, "state") == [("PENDING",)]
    assert scheduler.epoch is None


def test_job_of_a_user_whose_uid_changed_is_not_started(scheduler, stepd, database, cursor):
    connection = database.connect("u:alice")
    with connection.cursor() as mine:
        mine.execute(
            """SELECT scns.submit('{"name": "x", "directory": "/tmp"}', '#!/bin/sh', '')"""
        )
    connection.close()
    run(scheduler)
    run(scheduler)
    assert not stepd.of("start")
    assert rows(cursor, "state, reason") == [("FAILED", "JobLaunchFailure")]


def test_begin_time_holds_a_job_back_until_it_comes(scheduler, submit, cursor):
    submit(begin_time="2100-01-01T00:00:00Z")
    run(scheduler)
    assert rows(cursor, "state, reason") == [("PENDING", "BeginTime")]
    cursor.execute("UPDATE scns.job SET begin_time = now() - interval '1 second'")
    run(scheduler)
    assert rows(cursor, "state") == [("RUNNING",)]
