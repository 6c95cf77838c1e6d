"""`scns why` 从数据库读的事实：作业、依赖、节点。"""

from __future__ import annotations

import pytest

from scns.db import inquiries
from tests.integration.answering import end, start, submit


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ((42, None, None, None, None), "42"),
        ((50, 42, 7, None, 2), "42_7"),
        ((42, 42, None, "{[1,4),[7,8)}", 2), "42_[1-3,7%2]"),
        ((42, 42, None, "{[5,6)}", None), "42_[5]"),
        ((42, 42, None, "{}", None), "42"),
    ],
)
def test_labels(row, text):
    assert inquiries.label(*row) == text


def test_a_job_and_what_it_asked_for(database, cursor, site):
    job = submit(database, tasks=3, cpus_per_task=2, time_limit=600, memory_per_node=700)
    found = inquiries.find(cursor, job, None)
    assert (found["job"], found["id"], found["owner"], found["state"]) == (
        str(job),
        job,
        "root",
        "PENDING",
    )
    assert found["states"] == {"PENDING": 1}
    assert found["asked"] == {
        "cpus": 6,
        "tasks": 3,
        "cpus_per_task": 2,
        "nodes": 1,
        "memory_per_node": 700,
        "memory_per_cpu": None,
        "time_limit": 600,
        "exclusive": False,
    }
    assert inquiries.find(cursor, 4711, None) is None


def test_what_waits_is_told_before_what_runs(database, cursor, site):
    array = submit(database, array_indices="{[0,10)}", array_limit=3)
    cursor.execute("SELECT id FROM scns.split_array(%s, '{0,1,2}') ORDER BY task", (array,))
    first = cursor.fetchall()[0][0]
    start(cursor, first)
    end(cursor, first)
    found = inquiries.find(cursor, array, None)
    assert found["job"] == f"{array}_[3-9%3]"
    assert found["states"] == {"COMPLETED": 1, "PENDING": 9}
    element = inquiries.find(cursor, array, "{[0,1)}")
    assert (element["job"], element["state"], element["exit_code"]) == (
        f"{array}_0",
        "COMPLETED",
        0,
    )
    assert inquiries.find(cursor, array, "{[77,78)}") is None


def test_jobs_mentioned_have_owner_size_and_end(database, cursor, site):
    runs, waits = submit(database, time_limit=60), submit(database, user="u:alice", tasks=2)
    start(cursor, runs, cpus=3, memory=500)
    cursor.execute(
        "UPDATE scns.job SET limit_time = to_timestamp(1900000000) WHERE id = %s", (runs,)
    )
    found = inquiries.mentioned(cursor, [runs, waits, 4711])
    assert set(found) == {runs, waits}
    assert (found[runs]["cpus"], found[runs]["memory"], found[runs]["end"]) == (
        3,
        500,
        1_900_000_000,
    )
    assert (found[waits]["owner"], found[waits]["cpus"], found[waits]["end"]) == ("alice", 2, None)
    assert inquiries.mentioned(cursor, []) == {}


def test_ending_jobs_end_now(database, cursor, site):
    job = submit(database)
    start(cursor, job)
    cursor.execute(
        "UPDATE scns.job SET state = 'COMPLETING', outcome = 'CANCELLED', limit_time = NULL,"
        " kill_time = now() WHERE id = %s",
        (job,),
    )
    cursor.execute("SELECT extract(epoch FROM now())::float8")
    (now,) = cursor.fetchone()
    assert float(inquiries.mentioned(cursor, [job])[job]["end"]) == pytest.approx(now, abs=5)


def test_dependencies_list_what_is_still_open(database, cursor, site):
    over, runs, waits = (submit(database, time_limit=600) for _ in range(3))
    start(cursor, over)
    end(cursor, over)
    start(cursor, runs)
    job = submit(
        database,
        edges=[
            {"kind": "afterok", "job": over},
            {"kind": "afterany", "job": runs},
            {"kind": "after", "job": waits, "delay": 5},
        ],
    )
    first, second, third = inquiries.dependencies(cursor, job)
    assert (first["kind"], first["on"], first["open"]) == ("afterok", str(over), [])
    assert [parent["id"] for parent in second["open"]] == [runs]
    assert (third["delay"], third["open"][0]["state"]) == (5, "PENDING")
    assert inquiries.dependencies(cursor, runs) == []


def test_dependency_on_an_element(database, cursor, site):
    array = submit(database, array_indices="{[0,10)}")
    job = submit(database, edges=[{"kind": "afterok", "job": array, "task": 7}])
    [edge] = inquiries.dependencies(cursor, job)
    assert edge["on"] == f"{array}_7"
    assert [parent["id"] for parent in edge["open"]] == [array]


def test_singleton_lists_the_earlier_jobs_of_that_name(database, cursor, site):
    first = submit(database, name="only")
    submit(database, name="other")
    submit(database, name="only", user="u:alice")
    job = submit(database, name="only", edges=[{"kind": "singleton"}])
    submit(database, name="only")
    [edge] = inquiries.dependencies(cursor, job)
    assert (edge["kind"], edge["on"]) == ("singleton", None)
    assert [parent["id"] for parent in edge["open"]] == [first]


def test_nodes_say_what_is_wrong_and_who_said_so(cursor, site):
    cursor.execute(
        "UPDATE scns.node SET drain = true, reason = 'disk', reason_uid = 60001,"
        " reason_time = to_timestamp(1700000000)"
    )
    assert inquiries.nodes(cursor, ["n1", "gone"]) == [
        {
            "node": "n1",
            "drain": True,
            "down": False,
            "stepd": False,
            "reason": "disk",
            "since": 1_700_000_000,
            "by": "alice",
        }
    ]
    cursor.execute("UPDATE scns.node SET reason_uid = 12345")
    assert inquiries.nodes(cursor, ["n1"])[0]["by"] == "12345"
    assert inquiries.nodes(cursor, []) == []
