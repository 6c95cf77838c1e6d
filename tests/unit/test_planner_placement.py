"""摆放：内存、独占、通用资源、节点数、权重、许可证、时限可缩短的作业。"""

from __future__ import annotations

import pytest

from scns.planner.features import Features
from scns.planner.plan import plan
from scns.planner.snapshot import Partition, Request, Reservation
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting


def start_of(nodes, asked, ran=(), **more):
    """唯一的一个作业的启动；没有启动时为 None。"""
    starts = plan(snapshot(nodes, [waiting(1, asked)], list(ran), **more)).starts
    return starts[0] if starts else None


def spread_of(nodes, asked, ran=(), **more):
    """各节点几个任务；没有启动时为 None。"""
    start = start_of(nodes, asked, ran, **more)
    return start and {place.node: place.tasks for place in start.places}


def three(**more):
    return [node(f"n{at}", cpus=4, **more) for at in (1, 2, 3)]


# 内存


@pytest.mark.parametrize(
    ("asked", "memory"),
    [
        ({"memory_per_cpu": 100}, 200),
        ({"memory_per_node": 100}, 100),
        ({"memory_per_node": 0}, 8000),
        ({}, 0),
        ({"memory_per_cpu": 100, "mincpus": 4}, 400),
    ],
)
def test_memory_is_per_allocated_cpu_or_per_node_and_zero_is_all(asked, memory):
    assert start_of([node()], request(2, **asked)).places[0].memory == memory


def test_memory_in_use_keeps_a_job_waiting():
    crowded = [node(idle_memory=150)]
    assert start_of(crowded, request(2, memory_per_cpu=75)) is not None
    assert start_of(crowded, request(2, memory_per_cpu=76)) is None
    assert start_of(crowded, request(1, memory_per_node=0)) is None


def test_memory_per_cpu_limits_how_many_tasks_a_node_takes():
    nodes = [node("n1", cpus=4, memory=200), node("n2", cpus=4, memory=400)]
    assert spread_of(nodes, request(1, tasks=6, memory_per_cpu=100)) == {"n1": 2, "n2": 4}


# 节点


def test_tasks_go_to_the_fewest_nodes():
    nodes = [node("n1", cpus=4, busy=2), node("n2", cpus=4), node("n3", cpus=4, busy=3)]
    assert spread_of(nodes, request(1, tasks=4)) == {"n2": 4}
    assert spread_of(nodes, request(1, tasks=6)) == {"n1": 2, "n2": 4}
    assert spread_of(nodes, request(1, tasks=7)) == {"n1": 2, "n2": 4, "n3": 1}
    assert spread_of(nodes, request(1, tasks=8)) is None


def test_every_node_of_a_minimum_gets_a_task():
    assert spread_of(three(), request(1, tasks=4, nodes_min=3)) == {"n1": 2, "n2": 1, "n3": 1}
    assert spread_of(three(), request(1, tasks=1, nodes_min=2)) == {"n1": 1, "n2": 1}


def test_a_range_of_nodes_is_used_as_far_as_possible():
    assert spread_of(three(), request(1, tasks=3, nodes_max=2)) == {"n1": 2, "n2": 1}
    asked = request(1, tasks=9, nodes_min=2, nodes_max=9)
    assert spread_of(three(), asked) == {"n1": 4, "n2": 4, "n3": 1}


def test_tasks_per_node_spreads_them():
    asked = request(1, tasks=3, tasks_per_node=1)
    assert spread_of(three(), asked) == {"n1": 1, "n2": 1, "n3": 1}


def test_light_nodes_come_first_even_if_more_of_them_are_needed():
    nodes = [
        node("big", cpus=16, weight=10),
        node("s1", cpus=4, weight=1),
        node("s2", cpus=4, weight=1),
    ]
    assert spread_of(nodes, request(1, tasks=2)) == {"s1": 2}
    assert spread_of(nodes, request(1, tasks=6)) == {"s1": 4, "s2": 2}
    assert spread_of(nodes, request(1, tasks=9)) == {"big": 9}


def test_named_nodes_must_be_among_them_and_excluded_ones_not():
    assert spread_of(three(), request(1, nodelist=frozenset({"n3"}))) == {"n3": 1}
    asked = request(1, tasks=6, nodelist=frozenset({"n3"}))
    assert spread_of(three(), asked) == {"n1": 2, "n3": 4} or spread_of(three(), asked) == {
        "n1": 4,
        "n3": 2,
    }
    assert spread_of(three(), request(1, exclude=frozenset({"n1", "n2"}))) == {"n3": 1}


def test_features_choose_nodes_and_brackets_choose_one_kind_for_all():
    nodes = [
        node("a1", cpus=2, features=frozenset({"a"})),
        node("b1", cpus=2, features=frozenset({"b"})),
        node("b2", cpus=2, features=frozenset({"b"})),
    ]
    assert spread_of(nodes, request(1, features=Features("b"))) == {"b1": 1}
    either = request(1, tasks=4, features=Features("a|b"))
    assert spread_of(nodes, either) == {"a1": 2, "b1": 2}
    same = request(1, tasks=4, features=Features("[a|b]"))
    assert spread_of(nodes, same) == {"b1": 2, "b2": 2}


def test_a_partition_can_limit_the_nodes_of_a_job():
    part = [Partition("main", ("n1", "n2", "n3"), max_nodes=1, min_nodes=1)]
    assert spread_of(three(), request(1, tasks=5), partitions=part) is None
    assert spread_of(three(), request(1, tasks=4), partitions=part) == {"n1": 4}


# 独占与超额


def test_an_exclusive_job_gets_all_cpus_of_an_idle_node():
    nodes = [node("n1", cpus=4, busy=1), node("n2", cpus=4, gres={"gpu": 2})]
    start = start_of(nodes, request(1, exclusive=True, memory_per_cpu=10))
    (place,) = start.places
    assert (place.node, place.cpu_ids, place.tasks) == ("n2", (0, 1, 2, 3), 1)
    assert place.memory == 40
    assert place.gres == {"gpu": 2}
    assert start_of([nodes[0]], request(1, exclusive=True)) is None


def test_an_exclusive_partition_makes_every_job_exclusive():
    part = [Partition("main", ("n1",), exclusive=True)]
    start = start_of([node()], request(1), partitions=part)
    assert len(start.places[0].cpu_ids) == 8


def test_a_node_held_exclusively_takes_nobody_until_its_job_ends():
    held = node(exclusive_by=9, busy=2)
    job = waiting(1, request(1))
    result = plan(snapshot([held], [job], [running(9, 2, NOW + 50)]))
    assert not result.starts
    assert result.blocked[1].expected_start == NOW + 50
    assert result.blocked[1].blockers == (9,)


def test_overcommit_takes_one_cpu_per_node_whatever_the_tasks():
    start = start_of([node(cpus=2)], request(1, tasks=9, overcommit=True))
    assert start.places[0].tasks == 9
    assert start.places[0].cpu_ids == (0,)


# 通用资源


def test_gres_are_counted_per_node():
    nodes = [node("n1", gres={"gpu": 2}, idle_gres={"gpu": 1}), node("n2", gres={"gpu": 2})]
    assert spread_of(nodes, request(1, gres={"gpu": 2})) == {"n2": 1}
    assert spread_of(nodes, request(1, tasks=2, nodes_min=2, gres={"gpu": 1})) == {
        "n1": 1,
        "n2": 1,
    }
    assert spread_of(nodes, request(1, tasks=2, nodes_min=2, gres={"gpu": 2})) is None


def test_an_untyped_request_gets_concrete_kinds():
    nodes = [node(gres={"gpu:a100": 2, "gpu:v100": 1})]
    start = start_of(nodes, request(1, gres={"gpu": 3}))
    assert start.places[0].gres == {"gpu:a100": 2, "gpu:v100": 1}


def test_a_typed_request_gets_its_kind_and_untyped_ones_the_rest():
    nodes = [node(gres={"gpu:a100": 1, "gpu:v100": 1})]
    jobs = [
        waiting(1, request(1, gres={"gpu": 1})),
        waiting(2, request(1, gres={"gpu:a100": 1})),
        waiting(3, request(1, gres={"gpu:v100": 1})),
    ]
    result = plan(snapshot(nodes, jobs))
    assert {start.job_id: start.places[0].gres for start in result.starts} == {
        1: {"gpu:a100": 1},
        3: {"gpu:v100": 1},
    }


# 许可证


def test_licenses_are_shared_by_the_whole_cluster():
    ran = [running(9, 1, NOW + 70, licenses={"sim": 2})]
    jobs = [waiting(1, request(1, licenses={"sim": 2})), waiting(2, request(1))]
    result = plan(snapshot([node(busy=1)], jobs, ran, licenses={"sim": 3}))
    assert [start.job_id for start in result.starts] == [2]
    assert result.reason_of(jobs[0]) == "Licenses"
    assert result.blocked[1].expected_start == NOW + 70
    assert result.blocked[1].blockers == (9,)


def test_a_license_promised_to_the_first_is_not_given_to_a_later_long_job():
    ran = [running(9, 1, NOW + 70, licenses={"sim": 1})]
    jobs = [
        waiting(1, request(1, licenses={"sim": 2})),
        waiting(2, request(1, limit=71, licenses={"sim": 1})),
        waiting(3, request(1, limit=70, licenses={"sim": 1})),
    ]
    result = plan(snapshot([node(busy=1)], jobs, ran, licenses={"sim": 2}))
    assert [start.job_id for start in result.starts] == [3]


# 时限可缩短


def test_a_shrinkable_limit_shrinks_to_fit_before_a_promise():
    ran = [running(9, 4, NOW + 1000)]
    head = waiting(1, request(8))
    short = waiting(2, request(2, limit=3600, time_min=300))
    start = plan(snapshot([node(busy=4)], [head, short], ran)).starts[0]
    assert start.job_id == 2
    # 到许诺的时刻为止，取整到分钟
    assert start.time_limit == 960


def test_a_shrinkable_limit_stays_whole_when_nothing_is_in_the_way():
    start = start_of([node()], request(1, limit=3600, time_min=300))
    assert start.time_limit == 3600


def test_a_limit_cannot_shrink_below_its_minimum():
    ran = [running(9, 4, NOW + 250)]
    jobs = [waiting(1, request(8)), waiting(2, request(2, limit=3600, time_min=300))]
    assert not plan(snapshot([node(busy=4)], jobs, ran)).starts


def test_a_shrinkable_limit_ends_before_a_reservation():
    wall = Reservation("r", NOW + 400, NOW + 900, frozenset({"n1"}))
    start = start_of([node()], request(1, limit=3600, time_min=300), reservations=[wall])
    assert start.time_limit == 360


def test_a_partition_cuts_a_shrinkable_limit_to_its_maximum():
    part = [Partition("main", ("n1",), max_time=600)]
    start = start_of([node()], request(1, limit=3600, time_min=300), partitions=part)
    assert start.time_limit == 600


# 预留


def test_a_job_of_a_reservation_runs_inside_it_only():
    nodes = [node("n1"), node("n2")]
    wall = Reservation("r", NOW + 100, NOW + 900, frozenset({"n2"}), uids=frozenset({7}))
    asked = request(1, limit=300, reservation="r")
    early = waiting(1, asked, uid=7)
    result = plan(snapshot(nodes, [early], reservations=[wall]))
    assert not result.starts
    assert result.reason_of(early) == "Reservation"
    assert result.blocked[1].expected_start == NOW + 100
    wall.start = NOW - 100
    result = plan(snapshot(nodes, [early], reservations=[wall]))
    assert [start.places[0].node for start in result.starts] == ["n2"]


def test_a_job_that_would_outlive_its_reservation_does_not_start():
    wall = Reservation("r", NOW - 100, NOW + 200, frozenset({"n1"}), uids=frozenset({7}))
    job = waiting(1, request(1, limit=300, reservation="r"), uid=7)
    result = plan(snapshot([node()], [job], reservations=[wall]))
    assert not result.starts


def test_only_those_named_may_use_a_reservation():
    wall = Reservation(
        "r", NOW, NOW + 900, frozenset({"n1"}), uids=frozenset({7}), accounts=frozenset({"phys"})
    )
    asked = request(1, limit=300, reservation="r")
    jobs = [waiting(1, asked, uid=8), waiting(2, asked, uid=8, account="phys")]
    result = plan(snapshot([node()], jobs, reservations=[wall]))
    assert [start.job_id for start in result.starts] == [2]
    assert result.reason_of(jobs[0]) == "Reservation"


# 多个分区


def test_a_job_in_two_partitions_starts_where_there_is_room():
    parts = [Partition("a", ("n1",)), Partition("b", ("n2",))]
    nodes = [node("n1", busy=8), node("n2")]
    start = start_of(nodes, Request(("a", "b"), time_limit=60), partitions=parts)
    assert start.partition == "b"


def test_the_higher_tier_is_tried_first():
    parts = [Partition("a", ("n1",)), Partition("b", ("n2",), tier=5)]
    start = start_of(three()[:2], Request(("a", "b"), time_limit=60), partitions=parts)
    assert start.partition == "b"


def test_accounts_and_users_not_allowed_say_so():
    parts = [
        Partition("main", ("n1",), allow_accounts=frozenset({"phys"})),
        Partition("own", ("n1",), allow_uids=frozenset({7})),
    ]
    jobs = [
        waiting(1, request(1), shape=1, account="chem"),
        waiting(2, request(1), shape=1, account="phys"),
        waiting(3, request(1, partitions=("own",)), shape=2, uid=8),
        waiting(4, request(1, partitions=("own",)), shape=2, uid=7),
    ]
    result = plan(snapshot([node()], jobs, partitions=parts))
    assert [start.job_id for start in result.starts] == [2, 4]
    assert result.reason_of(jobs[0]) == "AccountNotAllowed"
    assert result.reason_of(jobs[2]) == "PartitionConfig"
