"""等待的原因：与记录下来的 Slurm 的例子相同。"""

from __future__ import annotations

import pytest

from scns.planner.decision import Blocked, Place
from scns.planner.plan import feasible, plan
from scns.planner.snapshot import Partition, Request
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting

#: 记录的现场：一个八 CPU 的节点，三个分区。
SITE = [
    Partition("main", ("node01",)),
    Partition("short", ("node01",), max_time=600),
    Partition("closed", ("node01",), up=False),
]


def site(jobs, ran=(), **more):
    return plan(snapshot([node("node01", **more)], jobs, list(ran), partitions=SITE))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (request(1, limit=1200, partitions=("short",)), "PartitionTimeLimit"),
        (request(9), "PartitionConfig"),
        (request(1, nodes_min=2, nodes_max=2, tasks=2), "PartitionNodeLimit"),
        (request(1, tasks=9, nodes_max=1), "PartitionConfig"),
        (request(1, partitions=("closed",)), "PartitionDown"),
    ],
)
def test_impossible_jobs_wait_with_slurms_reason(asked, reason):
    job = waiting(1, asked)
    assert site([job]).reason_of(job) == reason


def test_resources_then_priority():
    jobs = [waiting(2, request(8)), waiting(3, request(8))]
    result = site(jobs, [running(1, 8, None, on="node01")], busy=8)
    assert [result.reason_of(job) for job in jobs] == ["Resources", "Priority"]


def test_a_drained_node_is_named():
    job = waiting(1)
    assert site([job], up=False).reason_of(job) == "ReqNodeNotAvail, UnavailableNodes:node01"


def test_many_drained_nodes_are_folded():
    nodes = [node(f"node{at:02}", up=False) for at in (1, 2, 3, 7)]
    job = waiting(1)
    result = plan(snapshot(nodes, [job]))
    assert result.reason_of(job) == "ReqNodeNotAvail, UnavailableNodes:node[01-03,07]"


def test_a_drained_node_blocks_nobody_who_can_run_elsewhere():
    nodes = [node("big", cpus=16, up=False), node("small", cpus=4)]
    jobs = [waiting(1, request(16)), waiting(2, request(4))]
    result = plan(snapshot(nodes, jobs, kind="fifo"))
    assert [start.job_id for start in result.starts] == [2]


def test_the_second_partition_of_a_job_can_save_it():
    job = waiting(1, Request(("closed", "main"), time_limit=60))
    assert len(site([job]).starts) == 1


def test_begin_time_comes_before_anything_else():
    job = waiting(1, request(1), eligible=NOW + 1)
    assert site([job]).reason_of(job) == "BeginTime"


def test_submission_is_refused_only_for_what_no_node_allows():
    nodes = [node("node01")]
    excluded = request(1, exclude=frozenset({"node01"}))
    assert feasible(excluded, nodes, SITE) == "BadConstraints"
    assert feasible(request(9), nodes, SITE) == "PartitionConfig"
    assert feasible(request(8), nodes, SITE) is None


def test_only_unavailable_nodes_lengthen_the_text():
    assert Blocked(1, "Priority").text == "Priority"
    assert Blocked(1, "ReqNodeNotAvail", unavailable=("a", "b")).text == (
        "ReqNodeNotAvail, UnavailableNodes:a,b"
    )


def test_a_place_gives_its_cpus_in_order():
    assert Place("n1", 0b1011, 0, 1).cpu_ids == (0, 1, 3)
