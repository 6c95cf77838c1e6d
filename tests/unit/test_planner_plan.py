"""规划一轮：启动、许诺、原因。"""

from __future__ import annotations

import pytest

from scns.planner.plan import feasible, plan
from scns.planner.snapshot import Partition, Policy, Reservation
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting


def started(result):
    """作业号到（节点，CPU 编号）。"""
    return {
        start.job_id: [(place.node, place.cpu_ids) for place in start.places]
        for start in result.starts
    }


def test_a_job_that_fits_starts_on_the_lowest_cpus():
    result = plan(snapshot([node(busy=2)], [waiting(1, request(3))]))
    assert started(result) == {1: [("n1", (2, 3, 4))]}
    assert result.starts[0].time_limit == 600
    assert result.starts[0].partition == "main"


def test_the_first_blocked_job_waits_for_resources_and_the_next_for_priority():
    jobs = [waiting(2, request(8)), waiting(3, request(8))]
    result = plan(snapshot([node(busy=8)], jobs, [running(1, 8, NOW + 300)]))
    assert [result.reason_of(job) for job in jobs] == ["Resources", "Priority"]
    assert result.blocked[2].expected_start == NOW + 300
    assert result.blocked[2].blockers == (1,)
    assert result.blocked_of(jobs[1]).blockers == (2,)


def test_a_short_job_passes_the_reserved_one_and_a_long_one_does_not():
    jobs = [
        waiting(2, request(8)),
        waiting(3, request(2, limit=900)),
        waiting(4, request(2, limit=300)),
    ]
    result = plan(snapshot([node(busy=4)], jobs, [running(1, 4, NOW + 300)]))
    assert set(started(result)) == {4}


def test_a_long_job_passes_on_what_the_reserved_one_leaves_over():
    jobs = [waiting(2, request(6)), waiting(3, request(2, limit=None))]
    result = plan(snapshot([node(busy=4)], jobs, [running(1, 4, NOW + 300)]))
    assert set(started(result)) == {3}


def test_strict_fifo_lets_nobody_pass():
    jobs = [waiting(2, request(8)), waiting(3, request(1, limit=1))]
    result = plan(snapshot([node(busy=4)], jobs, [running(1, 4, NOW + 300)], kind="fifo"))
    assert not result.starts


def test_strict_fifo_blocks_only_partitions_that_share_nodes():
    nodes = [node("n1", busy=4), node("n2")]
    parts = [Partition("main", ("n1",)), Partition("other", ("n2",))]
    jobs = [waiting(2, request(8)), waiting(3, request(1, partitions=("other",)))]
    result = plan(snapshot(nodes, jobs, partitions=parts, kind="fifo"))
    assert set(started(result)) == {3}


def test_first_fit_lets_everything_pass_that_fits():
    jobs = [waiting(2, request(8)), waiting(3, request(4, limit=None))]
    result = plan(snapshot([node(busy=4)], jobs, [running(1, 4, NOW + 300)], kind="firstfit"))
    assert set(started(result)) == {3}


def test_an_old_job_behind_endless_ones_is_no_longer_passed():
    ran = [running(1, 4, None)]
    young = [waiting(2, request(8), eligible=NOW - 59), waiting(3, request(4, limit=None))]
    old = [waiting(2, request(8), eligible=NOW - 60), waiting(3, request(4, limit=None))]
    policy = Policy(age_bound=60)
    result = plan(snapshot([node(busy=4)], young, ran, policy=policy))
    assert set(started(result)) == {3}
    assert result.blocked[2].blockers == (1,)
    assert result.blocked[2].nodes == ()
    result = plan(snapshot([node(busy=4)], old, ran, policy=policy))
    assert not result.starts
    assert result.blocked[2].nodes == ("n1",)
    assert result.blocked[2].expected_start is None
    assert result.blocked[2].blockers == (1,)


def test_order_is_tier_then_priority_then_id():
    parts = [Partition("main", ("n1",)), Partition("high", ("n1",), tier=9)]
    jobs = [
        waiting(1),
        waiting(2),
        waiting(3, priority=200),
        waiting(4, request(partitions=("high",)), priority=1),
    ]
    result = plan(snapshot([node()], jobs, partitions=parts))
    assert [start.job_id for start in result.starts] == [4, 3, 1, 2]


def test_an_array_starts_as_many_as_its_throttle_allows():
    array = waiting(7, request(1), count=3)
    result = plan(snapshot([node()], [array]))
    assert [start.job_id for start in result.starts] == [7, 7, 7]
    assert {start.places[0].cpu_ids for start in result.starts} == {(0,), (1,), (2,)}
    full = waiting(7, request(1), count=0)
    assert plan(snapshot([node()], [full])).reason_of(full) == "JobArrayTaskLimit"


@pytest.mark.parametrize(
    ("asked", "part", "reason"),
    [
        (request(9), {}, "PartitionConfig"),
        (request(1, nodes_min=2), {}, "PartitionNodeLimit"),
        (request(1), {"up": False}, "PartitionDown"),
        (request(1), {"up": False, "inactive": True}, "PartitionInactive"),
        (request(1, limit=601), {"max_time": 600}, "PartitionTimeLimit"),
        (request(1, limit=None), {"max_time": 600}, "PartitionTimeLimit"),
        (request(1, exclude=frozenset({"n1"})), {}, "BadConstraints"),
        (request(1, memory_per_node=8001), {}, "PartitionConfig"),
        (request(1, memory_per_cpu=8001), {}, "PartitionConfig"),
        (request(1, gres={"gpu": 1}), {}, "PartitionConfig"),
        (request(1, licenses={"x": 1}), {}, "Licenses"),
        (request(1, tasks=9, nodes_max=1), {}, "PartitionConfig"),
    ],
)
def test_what_can_never_start_says_why_and_blocks_nobody(asked, part, reason):
    jobs = [waiting(1, asked), waiting(2, request(8, partitions=("good",)))]
    parts = [Partition("main", ("n1",), **part), Partition("good", ("n1",))]
    result = plan(snapshot([node()], jobs, partitions=parts, kind="fifo"))
    assert result.reason_of(jobs[0]) == reason
    assert set(started(result)) == {2}


def test_a_drained_node_is_named():
    job = waiting(1)
    result = plan(snapshot([node(up=False)], [job]))
    assert result.reason_of(job) == "ReqNodeNotAvail, UnavailableNodes:n1"


def test_feasible_ignores_what_is_only_temporary():
    nodes = [node(busy=8, up=False)]
    parts = [Partition("main", ("n1",), up=False)]
    assert feasible(request(8), nodes, parts) is None
    assert feasible(request(9), nodes, parts) == "PartitionConfig"


def test_a_reservation_keeps_others_away_until_it_is_over():
    wall = Reservation("r", NOW + 300, NOW + 900, frozenset({"n1"}), uids=frozenset({5}))
    jobs = [waiting(1, request(1, limit=400)), waiting(2, request(1, limit=300))]
    result = plan(snapshot([node()], jobs, reservations=[wall]))
    assert set(started(result)) == {2}
    assert result.blocked[1].expected_start == NOW + 900
