"""假如：每种改法都是规划器重排过的，说“现在”就真的现在启动。"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.features import Features
from scns.planner.plan import plan
from scns.planner.snapshot import Partition, Reservation
from scns.planner.variants import MOST_PLANS, Change, changes
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting


def of(job, nodes, ahead=(), ran=(), **more):
    return changes(snapshot(nodes, list(ahead), list(ran), **more), job)


def test_fewer_cpus_start_now():
    ran = [running(10, 6, NOW + 900)]
    assert of(waiting(1, request(8)), [node(busy=6)], ran=ran) == [
        Change(NOW, cpus=2, cpus_per_task=2)
    ]


def test_fewer_tasks_before_smaller_tasks():
    job = waiting(1, request(2, tasks=4))
    assert of(job, [node(busy=3)]) == [Change(NOW, cpus=4, tasks=2)]


def test_tasks_never_become_fewer_than_nodes():
    job = waiting(1, request(1, tasks=8, nodes_min=2))
    nodes = [node("n1", busy=6), node("n2", busy=7)]
    assert of(job, nodes) == [Change(NOW, cpus=3, tasks=3)]


def test_less_memory_starts_now():
    nodes = [node("n1", idle_memory=1000), node("n2", idle_memory=3000, cpus=1)]
    assert of(waiting(1, request(1, memory_per_node=5000)), nodes) == [
        Change(NOW, memory_per_node=3000)
    ]
    assert of(waiting(1, request(2, memory_per_cpu=2000)), nodes)[-1] == Change(
        NOW, memory_per_cpu=500
    )


def test_all_the_memory_of_a_node_can_be_asked_down():
    job = waiting(1, request(1, memory_per_node=0))
    assert of(job, [node(busy=1, idle_memory=4000)]) == [Change(NOW, memory_per_node=4000)]


def test_a_shorter_limit_passes_by_backfill():
    ahead = [waiting(1, request(8))]
    ran = [running(10, 4, NOW + 730)]
    assert of(waiting(2, request(2, 3600)), [node(busy=4)], ahead, ran) == [
        Change(NOW, time_limit=720)
    ]
    assert of(waiting(2, request(2, None)), [node(busy=4)], ahead, ran) == [
        Change(NOW, time_limit=720)
    ]


def test_fewer_cpus_and_a_shorter_limit_together():
    ahead = [waiting(1, request(8))]
    ran = [running(10, 4, NOW + 730)]
    assert of(waiting(2, request(6, 3600)), [node(busy=4)], ahead, ran) == [
        Change(NOW, cpus=4, cpus_per_task=4, time_limit=720)
    ]


def test_nothing_helps_behind_strict_order():
    ahead = [waiting(1, request(8))]
    ran = [running(10, 4, NOW + 730)]
    assert of(waiting(2, request(2)), [node(busy=4)], ahead, ran, kind="fifo") == []


def test_nothing_helps_when_nothing_is_free():
    assert of(waiting(1, request(4)), [node(busy=8)], ran=[running(10, 8, NOW + 60)]) == []


def test_what_need_not_be_insisted_on():
    nodes = [node("n1", busy=1), node("n2", features=frozenset({"fast"}))]
    ran = [running(10, 1, NOW + 60)]
    alone = waiting(1, request(1, exclusive=True, nodelist=frozenset({"n1"})))
    assert of(alone, nodes, ran=ran) == [
        Change(NOW, dropped="exclusive"),
        Change(NOW, dropped="nodelist"),
    ]
    busy = [node("n1"), node("n2", busy=8, features=frozenset({"fast"}))]
    fast = waiting(1, request(1, features=Features("fast")))
    assert of(fast, busy) == [Change(NOW, dropped="constraint")]


def test_another_partition_has_room():
    parts = [
        Partition("main", ("n1",)),
        Partition("closed", ("n2",), up=False),
        Partition("short", ("n2",), max_time=60),
        Partition("other", ("n2",)),
        Partition("third", ("n2",)),
    ]
    nodes = [node("n1", busy=8), node("n2")]
    assert of(waiting(1), nodes, partitions=parts) == [Change(NOW, partition="other")]


def test_what_can_never_start_is_told_how_it_could():
    job = waiting(1, request(12))
    ran = [running(10, 8, NOW + 300)]
    assert of(job, [node(busy=8)], ran=ran) == [Change(NOW + 300, cpus=8, cpus_per_task=8)]
    job = waiting(1, request(1, memory_per_node=9000))
    assert of(job, [node()]) == [Change(NOW, memory_per_node=8000)]


def test_limit_of_the_partition_is_told():
    parts = [Partition("short", ("n1",), max_time=600), Partition("main", ("n1",))]
    job = waiting(1, request(1, 3600, partitions=("short",)))
    assert of(job, [node()], partitions=parts) == [
        Change(NOW, time_limit=600),
        Change(NOW, partition="main"),
    ]


def test_a_job_that_could_start_later_without_a_known_moment():
    job = waiting(1, request(12))
    assert of(job, [node(busy=8)], ran=[running(10, 8, None)]) == [
        Change(None, cpus=8, cpus_per_task=8)
    ]


def test_a_reservation_ahead_asks_for_a_shorter_limit():
    walls = [Reservation("upkeep", NOW + 400, NOW + 900, frozenset({"n1"}))]
    job = waiting(1, request(1, 3600))
    assert of(job, [node()], reservations=walls) == [Change(NOW, time_limit=360)]


def test_an_array_is_asked_for_one_element():
    job = waiting(1, request(4), count=100)
    assert of(job, [node(busy=6)]) == [Change(NOW, cpus=2, cpus_per_task=2)]


def test_the_number_of_plans_is_bounded(monkeypatch):
    made = []
    monkeypatch.setattr("scns.planner.variants.plan", lambda shot: made.append(1) or plan(shot))
    nodes = [node(f"n{at}", cpus=512, busy=100 + at, idle_memory=100 + at) for at in range(9)]
    ahead = [waiting(at, request(512, 60 * at)) for at in range(1, 9)]
    job = waiting(50, request(1, None, tasks=4000, memory_per_cpu=1000, nodelist=frozenset({"n1"})))
    of(job, nodes, ahead)
    assert len(made) <= MOST_PLANS + 1


_ahead = st.lists(st.tuples(st.integers(1, 8), st.integers(2, 20)), max_size=4)


@settings(max_examples=100, deadline=None)
@given(_ahead, st.integers(1, 10), st.integers(1, 30), st.integers(0, 8), st.integers(0, 8000))
def test_every_change_said_to_start_now_does(ahead, cpus, minutes, busy, free):
    queue = [waiting(at, request(*job)) for at, job in enumerate(ahead, 1)]
    asked = request(cpus, minutes * 60, memory_per_node=2000)
    ran = [running(90, busy, NOW + 700)] if busy else []
    shot = snapshot([node(busy=busy, idle_memory=free)], queue, ran)
    job = waiting(50, asked)
    for change in changes(shot, job):
        new = replace(
            asked,
            cpus_per_task=change.cpus_per_task or asked.cpus_per_task,
            memory_per_node=change.memory_per_node or asked.memory_per_node,
            time_limit=change.time_limit or asked.time_limit,
        )
        assert new != asked
        decided = plan(replace(shot, waiting=[*queue, replace(job, request=new)]))
        starts = any(start.job_id == 50 for start in decided.starts)
        assert starts == (change.start == NOW)


@pytest.mark.parametrize("kind", ["fifo", "firstfit", "conservative"])
def test_every_policy_can_be_asked(kind):
    ahead = [waiting(1, request(8))]
    ran = [running(10, 6, NOW + 400)]
    for change in of(waiting(2, request(4)), [node(busy=6)], ahead, ran, kind=kind):
        assert change.start == NOW
