"""缺什么、谁占着：从快照里看得出的事实。"""

from __future__ import annotations

import pytest

from scns.planner.shortage import Shortage, holders, shortages
from scns.planner.snapshot import Partition
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting


def lacking(nodes, asked, ran=(), **more):
    return shortages(snapshot(nodes, [waiting(1, asked)], list(ran), **more), waiting(1, asked))


def test_nothing_is_short_when_it_fits():
    assert lacking([node(busy=2)], request(6)) == []


def test_cpus_short_on_one_node():
    assert lacking([node(busy=6)], request(4)) == [Shortage("cpu", "n1", 4, 2, 8)]


def test_the_node_nearest_to_enough_is_named():
    nodes = [node("n1", busy=8), node("n2", busy=3), node("n3", cpus=4)]
    assert lacking(nodes, request(6)) == [Shortage("cpu", "n2", 6, 5, 8)]


def test_memory_short_and_cpus_not():
    nodes = [node(busy=1, idle_memory=1000)]
    assert lacking(nodes, request(1, memory_per_node=4000)) == [
        Shortage("mem", "n1", 4000, 1000, 8000)
    ]
    assert lacking(nodes, request(4, memory_per_cpu=500)) == [
        Shortage("mem", "n1", 2000, 1000, 8000)
    ]


def test_cpus_and_memory_both_short():
    nodes = [node(busy=7, idle_memory=100)]
    assert [one.what for one in lacking(nodes, request(2, memory_per_node=200))] == ["cpu", "mem"]


def test_generic_resources_are_named_by_type_when_asked_by_type():
    gpus = {"gpu:a100": 2}
    nodes = [node(gres=gpus, idle_gres={"gpu:a100": 1})]
    assert lacking(nodes, request(gres={"gpu": 2})) == [Shortage("gres/gpu", "n1", 2, 1, 2)]
    assert lacking(nodes, request(gres={"gpu:a100": 2})) == [
        Shortage("gres/gpu:a100", "n1", 2, 1, 2)
    ]


def test_licenses_are_short_everywhere_at_once():
    ran = [running(10, 1, NOW + 10, licenses={"matlab": 1})]
    asked = request(licenses={"matlab": 2})
    assert lacking([node(busy=1)], asked, ran, licenses={"matlab": 2}) == [
        Shortage("license/matlab", None, 2, 1, 2)
    ]
    assert lacking([node(busy=1)], asked, ran, licenses={"matlab": 1}) == [
        Shortage("license/matlab", None, 2, 0, 1)
    ]
    assert lacking([node()], asked) == [Shortage("license/matlab", None, 2, 0, 0)]


def test_exclusive_job_lacks_the_cpus_others_use():
    nodes = [node(busy=2, gres={"gpu": 2}, idle_gres={"gpu": 1})]
    assert lacking(nodes, request(exclusive=True)) == [Shortage("cpu", "n1", 8, 6, 8)]


def test_several_nodes_lack_in_total():
    nodes = [node("n1", busy=6), node("n2", busy=5)]
    asked = request(1, tasks=8)
    assert lacking(nodes, asked) == [Shortage("cpu", None, 8, 5, 16)]


def test_too_few_nodes_have_room():
    nodes = [node("n1", busy=0), node("n2", busy=8)]
    assert lacking(nodes, request(1, tasks=2, nodes_min=2)) == [Shortage("node", None, 2, 1, 2)]


def test_enough_cpus_in_pieces_too_small_lack_tasks():
    nodes = [node("n1", busy=5), node("n2", busy=5)]
    assert lacking(nodes, request(2, tasks=3)) == [Shortage("task", None, 3, 2, 8)]


def test_memory_lacks_in_total():
    nodes = [node("n1", idle_memory=100), node("n2", idle_memory=100)]
    per_cpu = request(1, tasks=8, memory_per_cpu=100, nodes_min=2)
    assert lacking(nodes, per_cpu) == [Shortage("mem", None, 800, 200, 16000)]
    per_node = request(1, tasks=2, memory_per_node=300, nodes_min=2)
    assert lacking(nodes, per_node) == [Shortage("mem", None, 600, 200, 16000)]


def test_generic_resources_lack_in_total():
    nodes = [node(name, gres={"gpu": 2}, idle_gres={"gpu": 0}) for name in ("n1", "n2")]
    asked = request(1, tasks=2, nodes_min=2, gres={"gpu": 1})
    assert lacking(nodes, asked) == [Shortage("gres/gpu", None, 2, 0, 4)]


def test_another_partition_with_room_is_enough():
    nodes = [node("n1", busy=8), node("n2")]
    parts = [Partition("main", ("n1",)), Partition("other", ("n2",))]
    asked = request(4, partitions=("main", "other"))
    assert lacking(nodes, asked, partitions=parts) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (request(9), Shortage("cpu", "n1", 9, 8, 8)),
        (request(1, tasks=9), Shortage("cpu", "n1", 9, 8, 8)),
        (request(1, memory_per_node=9000), Shortage("mem", "n1", 9000, 8000, 8000)),
        (request(2, memory_per_cpu=5000), Shortage("mem", "n1", 10000, 8000, 8000)),
        (request(1, nodes_min=2), Shortage("node", None, 2, 1, 1)),
        (request(1, gres={"gpu": 1}), Shortage("gres/gpu", None, 1, 0, 0)),
    ],
)
def test_what_never_fits_is_compared_with_the_whole(asked, found):
    assert lacking([node(busy=3)], asked) == [found]


def test_a_task_larger_than_any_node_never_fits():
    nodes = [node("n1", cpus=4), node("n2", cpus=8)]
    assert lacking(nodes, request(9)) == [Shortage("cpu", "n2", 9, 8, 8)]


def test_an_unknown_partition_lacks_nothing():
    assert lacking([node()], request(partitions=("gone",))) == []


def test_holders_are_those_that_hold_what_is_short_in_order_of_their_ends():
    ran = [
        running(10, 2, None, memory=10),
        running(11, 3, NOW + 50, memory=10),
        running(12, 2, NOW + 20),
        running(13, 1, NOW + 10, on="n2"),
    ]
    shot = snapshot([node(busy=7), node("n2", busy=1)], [], ran)
    cpus = [Shortage("cpu", "n1", 4, 1, 8)]
    assert [job.job_id for job in holders(shot, cpus, ())] == [12, 11, 10]
    assert [job.job_id for job in holders(shot, cpus, (12, 13))] == [12]
    memory = [Shortage("mem", "n1", 4, 1, 8)]
    assert [job.job_id for job in holders(shot, memory, ())] == [11, 10]
    tasks = [Shortage("task", None, 4, 1, 8)]
    assert [job.job_id for job in holders(shot, tasks, ())] == [13, 12, 11, 10]


def test_holders_of_licenses_and_generic_resources():
    ran = [
        running(10, 1, NOW + 9, licenses={"matlab": 1}),
        running(11, 1, NOW + 5, gres={"gpu:a100": 1}),
    ]
    shot = snapshot([node(busy=2)], [], ran)
    for what, job in (("license/matlab", 10), ("gres/gpu", 11), ("gres/gpu:a100", 11)):
        found = holders(shot, [Shortage(what, None, 1, 0, 1)], ())
        assert [one.job_id for one in found] == [job]
