"""要求：编译一份请求；失败的备忘不误伤。"""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.demand import Compiler
from scns.planner.failures import Failures
from scns.planner.features import Features
from scns.planner.ledger import Ledger
from scns.planner.placement import place
from scns.planner.plan import feasible
from scns.planner.queue import Queue
from scns.planner.snapshot import Partition, Request, Reservation
from tests.unit.planner_cases import NOW, node, request, snapshot, waiting


def compiler_of(nodes, partitions=None, **more):
    found = snapshot(nodes, [], **({"partitions": partitions} if partitions else {}), **more)
    return Compiler(Ledger(found), found.partitions, found.reservations)


def two_nodes(**more):
    return [node("n1", cpus=4, **more), node("n2", cpus=8, **more)]


def test_a_single_task_falls_on_a_single_node():
    (need,) = compiler_of(two_nodes()).compile(waiting(1, request(3))).needs
    assert need.single
    assert (need.least_cpus, need.whole_cpus) == (3, 3)
    assert [slot.name for slot in need.slots] == ["n1", "n2"]


def test_several_tasks_may_spread():
    (need,) = compiler_of(two_nodes()).compile(waiting(1, request(2, tasks=5))).needs
    assert not need.single
    assert (need.least_cpus, need.whole_cpus) == (2, 10)


def test_one_usable_node_makes_any_job_single():
    nodes = [node("n1"), node("n2", up=False)]
    (need,) = compiler_of(nodes).compile(waiting(1, request(1, tasks=5))).needs
    assert need.single


def test_limits_of_the_partition_and_of_the_request_meet():
    parts = [Partition("main", ("n1", "n2"), min_nodes=2, max_time=900)]
    asked = request(1, limit=1000, time_min=60)
    (need,) = compiler_of(two_nodes(), parts).compile(waiting(1, asked)).needs
    assert (need.nodes_min, need.tasks) == (2, 2)
    assert (need.limit, need.least) == (900.0, 60.0)


def test_without_a_limit_time_is_infinite():
    (need,) = compiler_of(two_nodes()).compile(waiting(1, request(1, limit=None))).needs
    assert (need.limit, need.least) == (inf, inf)


def test_partitions_are_tried_by_tier_and_only_those_that_can_host():
    parts = [
        Partition("small", ("n1",)),
        Partition("low", ("n2",)),
        Partition("high", ("n2",), tier=7),
    ]
    asked = request(6, partitions=("small", "low", "high"))
    demand = compiler_of(two_nodes(), parts).compile(waiting(1, asked))
    assert [need.partition for need in demand.needs] == ["high", "low"]
    assert demand.lanes == {"high", "low"}
    assert demand.reason == ""
    assert demand.tier == 7


def test_the_reason_is_that_of_the_first_partition():
    parts = [Partition("small", ("n1",)), Partition("shut", ("n2",), up=False)]
    asked = request(9, partitions=("small", "shut"))
    assert compiler_of(two_nodes(), parts).compile(waiting(1, asked)).reason == "PartitionConfig"
    asked = request(9, partitions=("shut", "small"))
    assert compiler_of(two_nodes(), parts).compile(waiting(1, asked)).reason == "PartitionDown"


def test_a_partition_that_does_not_exist_is_a_reason_not_an_error():
    demand = compiler_of(two_nodes()).compile(waiting(1, request(1, partitions=("gone",))))
    assert demand.reason == "PartitionConfig"
    assert demand.tier == 1


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (request(1, features=Features("nosuch")), "BadConstraints"),
        (request(1, nodelist=frozenset({"gone"})), "BadConstraints"),
        (request(1, nodelist=frozenset({"n1"}), exclude=frozenset({"n1"})), "BadConstraints"),
        (request(1, nodes_min=3), "PartitionNodeLimit"),
        (request(1, nodelist=frozenset({"n1", "n2", "n3"})), "PartitionNodeLimit"),
        (request(1, tasks=13), "PartitionConfig"),
        (request(1, tasks=3, tasks_per_node=1), "PartitionConfig"),
        (request(1, mincpus=9), "PartitionConfig"),
        (request(5, nodes_min=2), "PartitionConfig"),
        (request(1, tasks=9, nodes_max=1), "PartitionConfig"),
        (request(5, nodelist=frozenset({"n1"})), "PartitionConfig"),
        (request(1, licenses={"sim": 3}), "Licenses"),
        (request(1, licenses={"cad": 1}), "Licenses"),
        (request(1, reservation="r"), "Reservation"),
    ],
)
def test_what_can_never_be_says_why(asked, reason):
    compiler = compiler_of(two_nodes(), licenses={"sim": 2})
    assert compiler.compile(waiting(1, asked)).reason == reason


def test_nodes_that_are_down_are_named_only_if_they_are_needed():
    nodes = [node("n1", cpus=4), node("n2", cpus=8, up=False), node("n3", cpus=8, up=False)]
    compiler = compiler_of(nodes)
    assert compiler.compile(waiting(1, request(4))).reason == ""
    demand = compiler.compile(waiting(1, request(5)))
    assert demand.reason == "ReqNodeNotAvail"
    assert demand.unavailable == ("n2", "n3")


def test_a_job_of_a_reservation_has_a_lane_of_its_own():
    wall = Reservation("r", NOW, NOW + 900, frozenset({"n2"}), uids=frozenset({7}))
    compiler = compiler_of(two_nodes(), reservations=[wall])
    demand = compiler.compile(waiting(1, request(1, reservation="r"), uid=7))
    assert demand.lanes == {"main@r"}
    assert [slot.name for slot in demand.needs[0].slots] == ["n2"]


def test_a_line_is_compiled_once_by_each_compiler():
    queue = Queue([waiting(at, request(1), shape=1) for at in range(3)])
    (_, line) = queue.heads[0]
    first, second = compiler_of(two_nodes()), compiler_of(two_nodes())
    demand = first.demand(line, line.jobs[0])
    assert first.demand(line, line.jobs[2]) is demand
    assert second.demand(line, line.jobs[0]) is not demand


def test_partitions_that_share_a_node_overlap():
    parts = [Partition("a", ("n1",)), Partition("b", ("n1", "n2")), Partition("c", ("n2",))]
    overlaps = compiler_of(two_nodes(), parts).overlaps
    assert overlaps["a"] == {"a", "b"}
    assert overlaps["b"] == {"a", "b", "c"}
    assert overlaps["c"] == {"b", "c"}


def test_feasible_knows_every_resource():
    nodes = two_nodes(gres={"gpu": 2})
    parts = [Partition("main", ("n1", "n2"), max_time=600)]
    assert feasible(request(8, gres={"gpu": 2}), nodes, parts) is None
    assert feasible(request(1, gres={"gpu": 3}), nodes, parts) == "PartitionConfig"
    assert feasible(request(1, limit=601), nodes, parts) == "PartitionTimeLimit"
    assert feasible(request(1, memory_per_node=8001), nodes, parts) == "PartitionConfig"
    assert feasible(request(1, exclude=frozenset({"n1", "n2"})), nodes, parts) == "BadConstraints"
    assert feasible(request(1, licenses={"any": 1}), nodes, parts) is None


requests = st.builds(
    Request,
    partitions=st.just(("main",)),
    tasks=st.integers(1, 6),
    cpus_per_task=st.integers(1, 3),
    nodes_min=st.integers(1, 3),
    nodes_max=st.sampled_from([None, None, 3, 5]),
    tasks_per_node=st.sampled_from([None, None, 1, 2]),
    mincpus=st.sampled_from([None, None, 1, 3]),
    memory_per_cpu=st.sampled_from([None, None, 1, 3]),
    time_limit=st.sampled_from([None, 10, 20]),
    exclusive=st.sampled_from([False, False, True]),
    overcommit=st.sampled_from([False, False, True]),
    nodelist=st.sampled_from([frozenset(), frozenset({"n2"}), frozenset({"n1", "n3"})]),
)
sizes = st.tuples(st.integers(1, 6), st.integers(1, 16))


def machines(shapes):
    return [
        node(f"n{at + 1}", cpus=cpus, memory=memory, idle_memory=memory)
        for at, (cpus, memory) in enumerate(shapes)
    ]


@given(requests, st.lists(sizes, min_size=3, max_size=4))
@settings(max_examples=200, deadline=None)
def test_what_is_called_possible_is_what_an_empty_cluster_can_place(asked, shapes):
    compiler = compiler_of(machines(shapes))
    demand = compiler.compile(waiting(1, asked))
    possible = bool(demand.needs)
    asked_here = replace(asked, exclude=frozenset())
    placed = feasible(asked_here, machines(shapes), [Partition("main", _names(shapes))]) is None
    assert possible == placed
    for need in demand.needs:
        assert place(need, compiler._ledger, NOW, NOW + 10) is not None


def _names(shapes):
    return tuple(f"n{at + 1}" for at in range(len(shapes)))


@given(
    requests,
    st.lists(sizes, min_size=3, max_size=3),
    st.tuples(*[st.integers(0, 2)] * 4),
    st.sampled_from([0, 5]),
    st.lists(st.integers(0, 3), min_size=3, max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_a_remembered_failure_covers_only_what_fails(asked, shapes, more, longer, busy):
    """备忘说必定失败的，真的放不下。"""
    nodes = machines(shapes)
    for each, taken in zip(nodes, busy, strict=True):
        each.idle = each.idle[taken:]
    larger = replace(
        asked,
        tasks=asked.tasks + more[0],
        cpus_per_task=asked.cpus_per_task + more[1],
        nodes_min=asked.nodes_min + more[2],
        memory_per_cpu=None if asked.memory_per_cpu is None else asked.memory_per_cpu + more[3],
    )
    compiler = compiler_of(nodes)
    small = compiler.compile(waiting(1, asked)).needs
    large = compiler.compile(waiting(2, larger)).needs
    if not (small and large):
        return
    failures = Failures()
    ledger = compiler._ledger
    if place(small[0], ledger, NOW, NOW + 10) is None:
        failures.add(small[0], 10)
    if failures.cover(large[0], 10 + longer):
        assert place(large[0], ledger, NOW, NOW + 10 + longer) is None


def test_the_memo_keeps_only_the_smallest_failures():
    compiler = compiler_of(two_nodes())

    def need(cpus):
        return compiler.compile(waiting(1, request(cpus))).needs[0]

    failures = Failures()
    failures.add(need(5), 60)
    failures.add(need(3), 60)
    assert failures.cover(need(3), 60)
    assert failures.cover(need(4), 61)
    assert not failures.cover(need(2), 60)
    assert not failures.cover(need(3), 59)
    assert [len(kept) for kept in failures._sizes.values()] == [1]
