"""`scontrol update` 改作业：改得到的样子，像提交一样的检查，在跑的作业，依赖与优先级。"""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.world import World

GONE = 99999999


@pytest.fixture
def world(database, cursor, site):
    return World(database, cursor)


def update(world: World, job_id: int, user: str = "u:root", **changes: Any) -> str | None:
    """改一个作业，返回拒绝的句子。"""
    [result] = world.ask("update", {"job": job_id}, user=user, changes=changes)
    return None if result is None else result["error"]


def running(world: World, **asked: Any) -> int:
    job_id = world.submit(**asked)
    world.run()
    assert world.value(job_id, "state") == "RUNNING"
    return job_id


def moment(world: World, job_id: int, column: str) -> Any:
    world.cursor.execute(
        f"SELECT extract(epoch FROM {column} - start_time)::int FROM scns.job WHERE id = %s",
        (job_id,),
    )
    return world.cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"name": "new"}, "name", "new"),
        ({"comment": "a b"}, "comment", "a b"),
        ({"time_limit": 3600}, "time_limit", 3600),
        ({"time_limit": -1}, "time_limit", None),
        ({"time_min": 60}, "time_min", 60),
        ({"partition": "short"}, "partition", "short"),
        ({"cpus": 3}, "cpus", 3),
        ({"tasks": 3}, "tasks", 3),
        ({"tasks": 3}, "cpus", 1),
        ({"cpus_per_task": 2}, "cpus", 2),
        ({"nodes_min": 1, "nodes_max": None}, "nodes_min", 1),
        ({"memory_per_node": 300}, "memory_per_cpu", None),
        ({"memory_per_cpu": 30}, "memory_per_cpu", 30),
        ({"memory_per_cpu": 0}, "memory_per_node", 0),
        ({"qos": "high"}, "qos", "high"),
        ({"account": "physics"}, "account", "physics"),
        ({"requeue": False}, "requeue", False),
        ({"directory": "/var"}, "directory", "/var"),
        ({"directory": "sub"}, "directory", "/tmp/sub"),
        ({"standard_output": "x-%j"}, "standard_output", "x-%j"),
        ({"exclusive": "node", "oversubscribe": False}, "exclusive", "node"),
        ({"node_list": "n1", "node_names": ["n1"]}, "required_nodes", "n1"),
        ({"contiguous": True}, "options -> 'contiguous'", True),
        ({"mail_type": ["END"]}, "options -> 'mail_type'", ["END"]),
        ({"deadline": "2100-01-01T00:00:00Z"}, "extract(year FROM deadline)::int", 2100),
        ({"array_limit": 2}, "array_limit", 2),
    ],
)
def test_pending_job_takes_the_change(world, changes, column, expected):
    job_id = world.submit(hold=True)
    assert update(world, job_id, **changes) is None
    assert world.value(job_id, column) == expected


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"partition": "nosuch"}, "Invalid partition name specified"),
        ({"node_list": "nosuch", "node_names": ["nosuch"]}, "Invalid node name specified"),
        ({"exclude": "nosuch", "exclude_names": ["nosuch"]}, "Invalid node name specified"),
        ({"constraint": "nosuch"}, "Invalid feature specification"),
        ({"licenses": "nosuch"}, "Invalid license specification"),
        ({"gres": "gpu:1"}, "Invalid generic resource (gres) specification"),
        ({"reservation": "nosuch"}, "Requested reservation is invalid"),
        ({"time_min": 601, "time_limit": 600}, "Requested time limit is invalid"),
        ({"deadline": "2001-01-01"}, "Invalid time specified"),
        ({"memory_per_node": 9000}, "Requested node configuration is not available"),
        ({"exclude": "n1", "exclude_names": ["n1"]}, "Requested node configuration is not"),
    ],
)
def test_change_is_checked_like_a_submission_and_leaves_nothing_when_refused(
    world, changes, sentence
):
    job_id = world.submit(begin_time="2100-01-01")
    world.cursor.execute("SELECT to_jsonb(s) FROM scns.submission s")
    before = world.cursor.fetchone()
    assert (update(world, job_id, name="new", **changes) or "").startswith(sentence)
    world.cursor.execute("SELECT to_jsonb(s) FROM scns.submission s")
    assert world.cursor.fetchone() == before


def test_started_with_what_it_was_changed_to(world):
    job_id = world.submit(hold=True)
    update(world, job_id, cpus=3, memory_per_node=500, name="new", standard_output="out-%j")
    world.ask("release", {"job": job_id})
    assert (world.value(job_id, "cpus_alloc"), world.value(job_id, "memory_alloc")) == (3, 500)
    [start] = world.stepd.of("start")
    assert start["cpus"] == [0, 1, 2]
    assert start["variables"]["SLURM_JOB_NAME"] == "new"
    assert start["stdout"] == f"/tmp/out-{job_id}"


def test_fewer_cpus_mean_fewer_tasks(world):
    job_id = world.submit(hold=True, tasks=4, cpus_per_task=2)
    update(world, job_id, cpus=4)
    assert (world.value(job_id, "tasks"), world.value(job_id, "cpus")) == (2, 4)
    world.ask("release", {"job": job_id})
    assert world.value(job_id, "cpus_alloc") == 4


def test_changed_job_moves_to_another_shape_and_can_overtake(world):
    running(world, tasks=6)
    large, other = world.submit(tasks=4), world.submit(tasks=4)
    world.run()
    assert world.value(other, "state") == "PENDING"
    update(world, other, cpus=2)
    assert [world.value(one, "state") for one in (large, other)] == ["PENDING", "RUNNING"]


def test_running_job_changes_its_limit_and_the_moments_with_it(world):
    job_id = running(world, time_limit=600, options={"signal": 10, "signal_seconds": 60})
    assert update(world, job_id, time_limit=1200, name="nn") is None
    assert moment(world, job_id, "limit_time") == 1200
    assert moment(world, job_id, "warn_time") == 1140
    assert (world.value(job_id, "time_limit"), world.value(job_id, "name")) == (1200, "nn")
    update(world, job_id, time_limit=-1)
    assert world.value(job_id, "limit_time") is None


def test_shortened_limit_ends_the_job_at_once(world):
    job_id = running(world, time_limit=600)
    world.cursor.execute("UPDATE scns.job SET start_time = start_time - interval '5 minutes'")
    update(world, job_id, time_limit=60)
    assert (world.value(job_id, "state"), world.value(job_id, "reason")) == ("TIMEOUT", "TimeLimit")


def test_end_time_moves_the_limit_of_a_running_job(world):
    job_id = running(world, time_limit=600)
    world.cursor.execute("SELECT to_char(now() + interval '30 minutes', 'YYYY-MM-DD HH24:MI:SSOF')")
    (until,) = world.cursor.fetchone()
    assert update(world, job_id, end_time=until) is None
    assert world.value(job_id, "time_limit") == 1800
    assert abs(moment(world, job_id, "limit_time") - 1800) <= 5
    assert update(world, job_id, end_time="2001-01-01") == "Invalid time specified"


def test_owner_shortens_and_only_operators_lengthen(world):
    job_id = running(world, time_limit=600)
    world.cursor.execute("UPDATE scns.job SET uid = 60001")
    assert update(world, job_id, user="u:alice", time_limit=300) is None
    assert update(world, job_id, user="u:alice", time_limit=360) == "Access/permission denied"
    assert update(world, job_id, user="u:bob", time_limit=60) == "Invalid user id"
    assert world.value(job_id, "time_limit") == 300


def test_owner_stays_below_the_limit_of_the_partition_and_operators_need_not(world):
    job_id = world.submit("u:alice", hold=True, partition="short", time_limit=60)
    sentence = "Requested time limit is invalid (missing or exceeds some limit)"
    assert update(world, job_id, user="u:alice", time_limit=540) is None
    for limit in (1200, -1):
        assert update(world, job_id, user="u:alice", time_limit=limit) == sentence
    assert update(world, job_id, time_limit=1200) is None


def test_priority_zero_holds_and_any_other_releases(world):
    job_id = world.submit(begin_time="2100-01-01")
    assert update(world, job_id, priority=0) is None
    assert (world.value(job_id, "reason"), world.value(job_id, "priority")) == ("JobHeldAdmin", 0)
    update(world, job_id, priority=77)
    assert (world.value(job_id, "reason"), world.value(job_id, "priority")) == ("BeginTime", 77)


def test_nicer_jobs_have_less_priority(world):
    job_id = world.submit(begin_time="2100-01-01")
    before = world.value(job_id, "priority")
    update(world, job_id, nice=7)
    update(world, job_id, nice=10)
    assert (world.value(job_id, "nice"), world.value(job_id, "priority")) == (10, before - 10)


def test_begin_time_is_put_off_and_taken_away(world):
    job_id = world.submit(time_limit=60)
    update(world, job_id, begin_time="2100-01-01T00:00:00Z")
    assert (world.value(job_id, "state"), world.value(job_id, "reason")) == ("PENDING", "BeginTime")
    update(world, job_id, begin_time=None)
    assert world.value(job_id, "state") == "RUNNING"


def test_dependency_is_replaced_and_cleared(world):
    parent, child = world.submit(begin_time="2100-01-01"), world.submit(begin_time="2100-01-01")
    edge = {"kind": "afterok", "job": parent, "task": None, "delay": 0}
    assert update(world, child, dependency=f"afterok:{parent}", edges=[edge]) is None
    assert world.value(child, "reason") == "Dependency"
    update(world, child, dependency=None, edges=[], begin_time=None)
    assert world.value(child, "state") == "RUNNING"


def test_dependency_on_oneself_or_in_a_circle_is_refused(world):
    jobs = [world.submit(hold=True) for _ in range(3)]

    def depend(child: int, parent: int) -> str | None:
        edge = {"kind": "afterok", "job": parent, "task": None, "delay": 0}
        return update(world, child, dependency=f"afterok:{parent}", edges=[edge])

    assert depend(jobs[0], jobs[0]) == "Job dependency problem"
    assert depend(jobs[1], jobs[0]) is None
    assert depend(jobs[2], jobs[1]) is None
    assert depend(jobs[0], jobs[2]) == "Circular job dependency"
    assert depend(jobs[0], GONE) is None
    world.cursor.execute("SELECT on_job_id FROM scns.dependency WHERE job_id = %s", (jobs[0],))
    assert world.cursor.fetchall() == [(GONE,)]


def test_dependency_of_a_held_job_is_judged_when_it_is_released(world):
    parent = running(world)
    job_id = world.submit(hold=True, edges=[{"kind": "afterok", "job": parent}])
    world.stepd.end(parent, status=256)
    world.run()
    world.cursor.execute("SELECT state FROM scns.dependency")
    assert world.cursor.fetchall() == [("WAITING",)]
    world.ask("release", {"job": job_id})
    assert world.value(job_id, "reason") == "DependencyNeverSatisfied"


def test_changes_that_come_too_late_are_refused_one_target_at_a_time(world):
    pending, active = world.submit(hold=True), running(world)
    results = world.ask(
        "update",
        {"job": active},
        {"job": pending},
        {"job": GONE},
        changes={"partition": "short"},
    )
    assert results == [
        {"error": "Job is no longer pending execution"},
        None,
        {"error": "Invalid job id specified"},
    ]


def test_unknown_keys_change_nothing(world):
    job_id = world.submit(hold=True)
    sentence = "Update of this parameter is not supported: uid"
    assert update(world, job_id, uid=0, name="x") == sentence
    assert world.value(job_id, "name") == "job.sh"


def test_values_of_the_wrong_kind_are_refused_without_harm(world):
    job_id = world.submit(hold=True)
    assert update(world, job_id, time_limit="soon") == "Unspecified error"
    assert update(world, job_id, name="fine") is None
