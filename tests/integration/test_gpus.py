"""GPU 分给作业：各有各的编号，交还之后再用，作业从环境里知道是哪几块。"""

from __future__ import annotations

import psycopg2
import pytest

from scns.arrays import from_multirange
from tests.integration.world import World

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def world(database, cursor):
    cursor.execute('UPDATE scns.node SET gres = \'{"gpu:a100": 3, "gpu:v100": 1, "disk": 9}\'')
    return World(database, cursor)


def ids(world: World, job: int) -> list[int]:
    """作业占着的 GPU。"""
    world.cursor.execute("SELECT gpu_ids::text FROM scns.allocation WHERE job_id = %s", (job,))
    [(text,)] = world.cursor.fetchall()
    ranges = from_multirange(text or "{}")
    return [one for start, stop in ranges for one in range(start, stop)]


def variables(world: World, job: int) -> dict[str, str | None]:
    """送给 stepd 的变量。"""
    [message] = [one for one in world.stepd.of("start") if one["job"] == job]
    return message["variables"]


def test_every_job_has_gpus_of_its_own(world):
    first = world.submit(gres="gpu:a100:2")
    second = world.submit(gres="gpu:a100:1,disk:2")
    third = world.submit(gres="gpu:1")
    plain = world.submit()
    world.run()
    assert [ids(world, job) for job in (first, second, third, plain)] == [[0, 1], [2], [3], []]
    assert variables(world, first)["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert variables(world, second)["SLURM_JOB_GPUS"] == "2"
    # 没有分到的不许看见提交时的环境里说的那几块
    assert variables(world, plain)["CUDA_VISIBLE_DEVICES"] is None


def test_gpus_come_back_and_are_given_again(world):
    first, second = world.submit(gres="gpu:a100:2"), world.submit(gres="gpu:a100:1")
    waiting = world.submit(gres="gpu:a100:2")
    world.run()
    assert world.value(waiting, "reason") == "Resources"
    world.end(first)
    world.run()
    assert ids(world, waiting) == [0, 1]
    assert ids(world, second) == [2]


def test_elements_of_an_array_have_different_gpus(world):
    array = world.submit(array_indices="{[0,3)}", gres="gpu:a100:1")
    world.run()
    world.cursor.execute(
        "SELECT a.gpu_ids::text FROM scns.allocation a JOIN scns.job j ON j.id = a.job_id"
        " WHERE j.array_job_id = %s ORDER BY j.array_task_id",
        (array,),
    )
    assert [text for (text,) in world.cursor.fetchall()] == ["{[0,1)}", "{[1,2)}", "{[2,3)}"]


def test_node_without_gpus_leaves_the_environment_alone(database, cursor):
    world = World(database, cursor)
    job = world.submit()
    world.run()
    assert "CUDA_VISIBLE_DEVICES" not in variables(world, job)


def test_the_database_refuses_to_give_a_gpu_twice(world):
    job, other = world.submit(gres="gpu:a100:1"), world.submit(gres="gpu:a100:1")
    world.run()
    assert ids(world, other) == [1]
    with pytest.raises(psycopg2.errors.ExclusionViolation):
        world.cursor.execute(
            "UPDATE scns.allocation SET gpu_ids = '{[1,2)}' WHERE job_id = %s", (job,)
        )
