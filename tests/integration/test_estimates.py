"""预计的启动时刻随原因一起写下，变了就在历史里记一件事。"""

from __future__ import annotations

from tests.integration.rounds import rows, run


def estimates(cursor, job_id):
    cursor.execute(
        "SELECT (detail ->> 'expected')::float8, detail ->> 'reason' FROM scns.event"
        " WHERE kind = 'estimate' AND job_id = %s ORDER BY id",
        (job_id,),
    )
    return cursor.fetchall()


def shorten(cursor, job_id, seconds):
    """让在跑的作业的时限提前到从现在起若干秒。"""
    cursor.execute(
        "UPDATE scns.job SET limit_time = now() + make_interval(secs => %s) WHERE id = %s"
        " RETURNING extract(epoch FROM limit_time)::float8",
        (seconds, job_id),
    )
    return cursor.fetchone()[0]


def test_estimate_is_kept_when_made_and_again_only_when_it_moves(scheduler, submit, cursor):
    runs = submit(tasks=8, time_limit=600)
    waits = submit(tasks=8, time_limit=600)
    run(scheduler)
    first = estimates(cursor, waits)
    assert [reason for _, reason in first] == ["Resources"]
    run(scheduler)
    assert estimates(cursor, waits) == first
    sooner = shorten(cursor, runs, 120)
    run(scheduler)
    assert estimates(cursor, waits) == [*first, (sooner, "Resources")]
    shown = rows(cursor, "extract(epoch FROM expected_start)::float8", f"id = {waits}")
    assert shown == [(sooner,)]


def test_estimate_is_withdrawn_when_it_can_no_longer_be_made(scheduler, submit, cursor):
    runs = submit(tasks=8, time_limit=600)
    waits = submit(tasks=8, time_limit=600)
    run(scheduler)
    cursor.execute("UPDATE scns.job SET limit_time = NULL WHERE id = %s", (runs,))
    run(scheduler)
    assert estimates(cursor, waits)[-1] == (None, "Resources")
    assert rows(cursor, "expected_start", f"id = {waits}") == [(None,)]


def test_jobs_without_an_estimate_leave_nothing(scheduler, submit, cursor):
    submit(tasks=8)
    waits = submit(tasks=8)
    run(scheduler)
    assert estimates(cursor, waits) == []


def test_ending_job_does_not_count_as_endless(scheduler, submit, ask, cursor):
    runs = submit(tasks=8)
    waits = submit(tasks=8)
    run(scheduler)
    ask("cancel", {"job": runs})
    run(scheduler)
    assert rows(cursor, "state", f"id = {runs}") == [("COMPLETING",)]
    assert rows(cursor, "expected_start IS NOT NULL", f"id = {waits}") == [(True,)]
