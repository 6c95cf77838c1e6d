"""对数组的一部分动手：它单独成行、要求各自另存，其余的不变；%N 由各行分享。"""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.world import World


@pytest.fixture
def world(database, cursor, site):
    return World(database, cursor)


def rows(world: World) -> list[tuple[Any, ...]]:
    """各行：元素的下标或还没启动的下标，名字，状态。"""
    world.cursor.execute(
        "SELECT coalesce(array_task_id::text, waiting::text), name, state FROM scns.queue"
        " ORDER BY id"
    )
    return list(world.cursor.fetchall())


def update(world: World, array: int, tasks: str | None = None, **changes: Any) -> Any:
    target = {"job": array} | ({"tasks": tasks} if tasks else {})
    return world.ask("update", target, changes=changes)


def test_whole_array_changes_in_place(world):
    array = world.submit(array_indices="{[0,100000)}", hold=True)
    assert update(world, array, name="new") == [None]
    assert rows(world) == [("{[0,100000)}", "new", "PENDING")]
    world.cursor.execute("SELECT id FROM scns.submission")
    assert world.cursor.fetchall() == [(array,)]


def test_part_gets_one_row_and_its_own_request(world):
    array = world.submit(array_indices="{[0,1000)}", hold=True)
    assert update(world, array, "{[10,500)}", name="part") == [None]
    assert rows(world) == [
        ("{[0,10),[500,1000)}", "job.sh", "PENDING"),
        ("{[10,500)}", "part", "PENDING"),
    ]
    world.cursor.execute("SELECT count(*) FROM scns.submission")
    assert world.cursor.fetchone() == (2,)


def test_single_element_is_an_element(world):
    array = world.submit(array_indices="{[0,4)}", hold=True)
    update(world, array, "{[2,3)}", comment="only me")
    world.cursor.execute(
        "SELECT array_job_id, array_task_id, waiting, comment FROM scns.queue WHERE id <> %s",
        (array,),
    )
    assert world.cursor.fetchall() == [(array, 2, None, "only me")]
    assert world.value(array, "comment") is None


def test_second_change_of_the_same_part_reuses_its_request(world):
    array = world.submit(array_indices="{[0,4)}", hold=True)
    for name in ("one", "two"):
        update(world, array, "{[2,3)}", name=name)
    world.cursor.execute("SELECT name FROM scns.submission ORDER BY id")
    assert world.cursor.fetchall() == [("job.sh",), ("two",)]


def test_refused_change_of_a_part_leaves_the_array_whole(world):
    array = world.submit(array_indices="{[0,4)}", hold=True)
    assert update(world, array, "{[2,3)}", partition="nosuch") == [
        {"error": "Invalid partition name specified"}
    ]
    assert rows(world) == [("{[0,4)}", "job.sh", "PENDING")]


def test_running_elements_keep_what_the_waiting_ones_change(world):
    array = world.submit(array_indices="{[0,12)}", tasks=1)
    world.run()
    assert update(world, array, partition="short") == [None]
    world.cursor.execute(
        "SELECT DISTINCT state, partition, count(*) FROM scns.queue GROUP BY state, partition"
        " ORDER BY state"
    )
    assert world.cursor.fetchall() == [("PENDING", "short", 1), ("RUNNING", "main", 8)]


def test_changed_part_runs_with_its_own_request(world):
    array = world.submit(array_indices="{[0,3)}", hold=True)
    update(world, array, "{[1,3)}", cpus=2)
    world.ask("release", {"job": array})
    world.cursor.execute(
        "SELECT array_task_id, cpus_alloc, array_job_id FROM scns.job ORDER BY array_task_id"
    )
    assert world.cursor.fetchall() == [(0, 1, array), (1, 2, array), (2, 2, array)]
    variables = [start["variables"] for start in world.stepd.of("start")]
    assert {one["SLURM_ARRAY_TASK_COUNT"] for one in variables} == {"3"}


def test_held_part_waits_while_the_rest_runs(world):
    array = world.submit(array_indices="{[0,6)}", begin_time="2100-01-01")
    world.ask("hold", {"job": array, "tasks": "{[4,6)}"})
    update(world, array, begin_time=None)
    assert rows(world)[0][2] == "RUNNING"
    world.cursor.execute("SELECT waiting::text, reason FROM scns.queue WHERE state = 'PENDING'")
    assert world.cursor.fetchall() == [("{[4,6)}", "JobHeldAdmin")]
    world.ask("release", {"job": array})
    world.cursor.execute("SELECT count(*) FROM scns.queue WHERE state = 'RUNNING'")
    assert world.cursor.fetchone() == (6,)


def test_throttle_counts_all_rows_of_the_array(world):
    array = world.submit(array_indices="{[0,6)}", array_limit=2, hold=True)
    for part in ("{[1,2)}", "{[3,5)}"):
        update(world, array, part, comment="x")
    world.ask("release", {"job": array})
    for _ in range(3):
        world.run()
    world.cursor.execute("SELECT count(*) FROM scns.job WHERE state = 'RUNNING'")
    assert world.cursor.fetchone() == (2,)
    assert set(reason(world)) == {"JobArrayTaskLimit"}


def reason(world: World) -> list[str]:
    world.cursor.execute("SELECT reason FROM scns.queue WHERE state = 'PENDING'")
    return [text for (text,) in world.cursor.fetchall()]


def test_throttle_can_be_raised_and_taken_away(world):
    array = world.submit(array_indices="{[0,8)}", array_limit=1)
    world.run()
    counts = []
    for limit in (3, None):
        update(world, array, array_limit=limit)
        world.cursor.execute("SELECT count(*) FROM scns.job WHERE state = 'RUNNING'")
        counts.append(world.cursor.fetchone()[0])
    assert counts == [3, 8]


def test_dependency_edges_go_with_the_part(world):
    parent = world.submit(begin_time="2100-01-01")
    array = world.submit(array_indices="{[0,4)}", edges=[{"kind": "afterany", "job": parent}])
    update(world, array, "{[1,3)}", comment="x")
    world.cursor.execute("SELECT count(*) FROM scns.dependency WHERE on_job_id = %s", (parent,))
    assert world.cursor.fetchone() == (2,)
    world.ask("cancel", {"job": parent})
    world.cursor.execute("SELECT count(*) FROM scns.queue WHERE state = 'RUNNING'")
    assert world.cursor.fetchone() == (4,)


def test_dependent_job_waits_for_every_part(world):
    array = world.submit(array_indices="{[0,3)}", hold=True)
    child = world.submit(edges=[{"kind": "afterok", "job": array}])
    update(world, array, "{[1,2)}", comment="x")
    world.ask("release", {"job": array})
    world.cursor.execute("SELECT id FROM scns.job WHERE state = 'RUNNING' ORDER BY id")
    elements = [job_id for (job_id,) in world.cursor.fetchall()]
    for job_id in elements[:-1]:
        world.end(job_id)
    assert world.value(child, "state") == "PENDING"
    world.end(elements[-1])
    assert world.value(child, "state") == "RUNNING"
