"""数据库函数 submit：写下什么，拒绝什么。"""

from __future__ import annotations

import json
from typing import Any

import psycopg2
import pytest

from tests.conftest import Database

SCRIPT = b"#!/bin/sh\ntrue\n"


def submit(
    database: Database, user: str = "u:alice", script: bytes = SCRIPT, **request: Any
) -> int:
    connection = database.connect(user)
    request = {"name": "job.sh", "directory": "/tmp"} | request
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT scns.submit(%s, %s, %s)", (json.dumps(request), script, b"PATH=/bin")
        )
        (job_id,) = cursor.fetchone()
    connection.close()
    return int(job_id)


def job(cursor: Any, job_id: int, columns: str) -> Any:
    cursor.execute(f"SELECT {columns} FROM scns.queue WHERE id = %s", (job_id,))
    return cursor.fetchone()


@pytest.mark.usefixtures("site")
def test_submission_fills_in_owner_partition_and_memory(database, cursor):
    job_id = submit(database, tasks=2, cpus_per_task=2)
    assert job(
        cursor, job_id, "owner, uid, partition, account, cpus, memory_per_cpu, time_limit, state"
    ) == ("alice", 60001, "main", "alice", 4, 64, None, "PENDING")


@pytest.mark.usefixtures("site")
def test_same_script_and_environment_are_stored_once(database, cursor):
    for _ in range(3):
        submit(database)
    cursor.execute(
        "SELECT (SELECT count(*) FROM scns.script), (SELECT count(*) FROM scns.environment)"
    )
    assert cursor.fetchone() == (1, 1)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"partition": "nosuch"}, "Invalid partition name specified"),
        ({"partition": ""}, "Invalid partition name specified"),
        ({"deadline": "2001-01-01"}, "Requested time limit is invalid"),
        ({"options": {"node_names": ["nosuch"]}}, "Invalid node name specified"),
        ({"options": {"exclude_names": ["n1"]}}, "Requested node configuration is not available"),
        ({"memory_per_node": 9000}, "Requested node configuration is not available"),
        ({"nice": -5}, "Invalid --nice value"),
    ],
)
def test_bad_requests_are_refused_and_leave_nothing(database, cursor, request_, sentence):
    with pytest.raises(psycopg2.Error, match=sentence) as refused:
        submit(database, **request_)
    assert refused.value.pgcode == "SC001"
    cursor.execute("SELECT count(*) FROM scns.job")
    assert cursor.fetchone() == (0,)


@pytest.mark.usefixtures("site")
def test_caller_cannot_choose_an_owner(database, cursor):
    job_id = submit(database, owner="root", uid=0, gid=0, id=999)
    assert job_id != 999
    assert job(cursor, job_id, "owner, uid, gid") == ("alice", 60001, 60001)


@pytest.mark.usefixtures("site")
def test_array_is_one_row(database, cursor):
    job_id = submit(database, array_indices="{[0,100000)}", array_limit=4)
    cursor.execute("SELECT count(*) FROM scns.job")
    assert cursor.fetchone() == (1,)
    assert job(cursor, job_id, "waiting::text, array_limit") == ("{[0,100000)}", 4)


@pytest.mark.usefixtures("site")
def test_last_element_of_an_array_keeps_the_printed_id(database, cursor):
    job_id = submit(database, array_indices="{[1,4)}")
    cursor.execute("SELECT id, task FROM scns.split_array(%s, '{1,2}') ORDER BY task", (job_id,))
    first = cursor.fetchall()
    assert [task for _, task in first] == [1, 2]
    assert job_id not in [element for element, _ in first]
    cursor.execute("SELECT id, task FROM scns.split_array(%s, '{3}')", (job_id,))
    assert cursor.fetchall() == [(job_id, 3)]


@pytest.mark.usefixtures("site")
def test_held_job_is_not_eligible_and_says_so(database, cursor):
    job_id = submit(database, hold=True)
    assert job(cursor, job_id, "eligible, reason, hold") == (False, "JobHeldUser", "user")


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("kind", ["after", "afterany", "afterok", "afternotok"])
def test_dependency_on_an_unknown_job_is_met(database, cursor, kind):
    job_id = submit(database, edges=[{"kind": kind, "job": 99999999}])
    cursor.execute("SELECT scns.settle_dependencies(NULL)")
    assert job(cursor, job_id, "dependency_state, eligible") == ("MET", True)


@pytest.mark.usefixtures("site")
def test_dependency_waits_until_the_parent_ends(database, cursor):
    parent = submit(database)
    child = submit(database, edges=[{"kind": "afterok", "job": parent}])
    cursor.execute("SELECT scns.settle_dependencies(NULL)")
    assert job(cursor, child, "reason, dependency_state") == ("Dependency", "WAITING")
    cursor.execute(
        "UPDATE scns.job SET state = 'RUNNING', start_time = now(), attempt = 1 WHERE id = %s;"
        "UPDATE scns.job SET state = 'COMPLETED', end_time = now() WHERE id = %s",
        (parent, parent),
    )
    cursor.execute("SELECT scns.settle_dependencies(%s)", ([parent],))
    assert job(cursor, child, "dependency_state, eligible") == ("MET", True)


@pytest.mark.usefixtures("site")
def test_users_have_no_right_on_any_table(database):
    connection = database.connect("u:alice")
    with connection.cursor() as cursor:
        for table in ("job", "submission", "script", "environment", "request", "event", "os_user"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f"SELECT * FROM scns.{table}")
    connection.close()


@pytest.mark.usefixtures("site")
def test_script_is_readable_by_its_owner_and_operators_only(database):
    job_id = submit(database, "u:alice")
    for user, readable in (("u:alice", True), ("u:root", True), ("u:bob", False)):
        connection = database.connect(user)
        with connection.cursor() as cursor:
            if readable:
                cursor.execute("SELECT scns.batch_script(%s)", (job_id,))
                assert bytes(cursor.fetchone()[0]) == SCRIPT
            else:
                with pytest.raises(psycopg2.Error, match="Invalid user id"):
                    cursor.execute("SELECT scns.batch_script(%s)", (job_id,))
        connection.close()


@pytest.mark.usefixtures("site")
def test_every_state_change_is_an_event(database, cursor):
    job_id = submit(database)
    cursor.execute(
        "UPDATE scns.job SET state = 'CANCELLED', end_time = now() WHERE id = %s", (job_id,)
    )
    cursor.execute("SELECT before, after FROM scns.event WHERE job_id = %s ORDER BY id", (job_id,))
    assert cursor.fetchall() == [(None, "PENDING"), ("PENDING", "CANCELLED")]
