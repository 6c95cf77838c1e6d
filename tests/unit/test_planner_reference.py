"""真的规划器与穷举的规划器，在一万个以上的随机小例子里决定相同。"""

from __future__ import annotations

from random import Random

import pytest

from scns.planner.features import Features
from scns.planner.plan import plan
from scns.planner.snapshot import (
    Node,
    Partition,
    Policy,
    Request,
    Reservation,
    Running,
    Snapshot,
    Use,
    Waiting,
)
from tests.unit.planner_reference import Reference

NOW = 1000.0
CASES = 2600
POLICIES = ("fifo", "firstfit", "easy", "conservative")


def random_snapshot(rng: Random, kind: str) -> Snapshot:
    """一个小集群与一小队作业；一半的例子只有一个节点。"""
    count = rng.choice([1, 1, 2, 3])
    gpus = rng.random() < 0.3
    nodes = []
    for at in range(count):
        gres = {"gpu": rng.randint(0, 2)} if gpus else {}
        nodes.append(
            Node(
                f"n{at}",
                cpus := rng.choice([3, 4, 6]),
                tuple(range(cpus)),
                memory := rng.choice([8, 16]),
                memory,
                up=rng.random() < 0.95,
                features=frozenset(rng.sample(["a", "b"], rng.randint(0, 2))),
                gres=gres,
                idle_gres=dict(gres),
                weight=rng.choice([1, 1, 2]),
            )
        )
    names = [node.name for node in nodes]
    partitions = [Partition("main", tuple(names))]
    if rng.random() < 0.4:
        some = tuple(rng.sample(names, rng.randint(1, count)))
        partitions.append(
            Partition(
                "other",
                some,
                tier=rng.choice([1, 2]),
                max_nodes=rng.choice([None, 1]),
                max_time=rng.choice([None, 30]),
                exclusive=rng.random() < 0.2,
            )
        )
    licenses = {"lic": 2} if rng.random() < 0.2 else {}
    ran = [job for at in range(rng.randint(0, 4)) if (job := run_one(rng, nodes, at))]
    jobs = [
        wait_one(rng, 100 + at, nodes, [part.name for part in partitions], licenses)
        for at in range(rng.randint(1, 6))
    ]
    for at in range(1, len(jobs)):
        # 有些作业与前一个形状相同
        if rng.random() < 0.3:
            jobs[at].shape, jobs[at].request = jobs[at - 1].shape, jobs[at - 1].request
    walls = []
    if rng.random() < 0.1:
        start = NOW + rng.choice([-10, 0, 20])
        walls.append(Reservation("r", start, start + 40, frozenset(rng.sample(names, 1))))
    return Snapshot(
        NOW,
        nodes,
        partitions,
        ran,
        jobs,
        licenses,
        walls,
        policy=Policy(kind=kind, age_bound=None),
    )


def run_one(rng: Random, nodes: list[Node], job_id: int) -> Running | None:
    node = rng.choice(nodes)
    cpus = rng.randint(0, len(node.idle))
    memory = rng.randint(0, node.idle_memory)
    gres = {"gpu": 1} if node.idle_gres.get("gpu") and rng.random() < 0.5 else {}
    if not cpus:
        return None
    node.idle = tuple(sorted(rng.sample(node.idle, len(node.idle) - cpus)))
    node.idle_memory -= memory
    node.idle_gres = {name: n - gres.get(name, 0) for name, n in node.idle_gres.items()}
    end = rng.choice([None, NOW - 5, NOW + 10, NOW + 20, NOW + 20, NOW + 40])
    return Running(job_id, 0, "", end, (Use(node.name, cpus, memory, gres),))


def wait_one(
    rng: Random, job_id: int, nodes: list[Node], parts: list[str], licenses: dict[str, int]
) -> Waiting:
    names = [node.name for node in nodes]
    nodes_min = rng.choice([1, 1, min(2, len(nodes))])
    gpus = any(node.gres for node in nodes)
    asked = Request(
        tuple(rng.sample(parts, rng.randint(1, len(parts)))),
        tasks=rng.choice([1, 1, 2, 3, 4]),
        cpus_per_task=rng.choice([1, 1, 1, 2]),
        nodes_min=nodes_min,
        nodes_max=rng.choice([None, None, nodes_min, 3]),
        tasks_per_node=rng.choice([None, None, None, 1, 2]),
        mincpus=rng.choice([None, None, None, 2]),
        time_limit=rng.choice([None, 5, 10, 15, 20, 30, 40]),
        exclusive=rng.random() < 0.1,
        overcommit=rng.random() < 0.1,
        features=Features(rng.choice(["a", "a|b", "a&b"])) if rng.random() < 0.1 else None,
        nodelist=frozenset(rng.sample(names, 1)) if rng.random() < 0.1 else frozenset(),
        exclude=frozenset(rng.sample(names, 1)) if rng.random() < 0.1 else frozenset(),
        gres={"gpu": rng.randint(1, 2)} if gpus and rng.random() < 0.4 else {},
        licenses={"lic": rng.randint(1, 2)} if licenses and rng.random() < 0.5 else {},
    )
    memory = rng.choice(["none", "none", "node", "cpu", "all"])
    if memory == "node":
        asked.memory_per_node = rng.randint(1, 10)
    elif memory == "cpu" and not asked.exclusive and "other" not in asked.partitions:
        asked.memory_per_cpu = rng.randint(1, 4)
    elif memory == "all":
        asked.memory_per_node = 0
    return Waiting(
        job_id, job_id, rng.choice([1, 1, 2]), NOW, asked, count=rng.choice([1, 1, 1, 2])
    )


def decisions(snapshot: Snapshot):
    result = plan(snapshot)
    starts = [
        (
            start.job_id,
            start.partition,
            {each.node: (each.tasks, len(each.cpu_ids), each.memory) for each in start.places},
        )
        for start in result.starts
    ]
    promises = {
        job_id: (blocked.expected_start, tuple(sorted(blocked.nodes)))
        for job_id, blocked in result.blocked.items()
        if blocked.expected_start is not None
    }
    return starts, promises


@pytest.mark.parametrize("kind", POLICIES)
def test_decisions_equal_those_of_the_exhaustive_planner(kind):
    seen = 0
    for seed in range(CASES):
        snapshot = random_snapshot(Random(f"{kind} {seed}"), kind)
        starts, promises = decisions(snapshot)
        answer = Reference(snapshot).run()
        assert starts == answer.starts, f"seed {kind} {seed}"
        assert promises == answer.promises, f"seed {kind} {seed}"
        seen += len(starts) + len(promises)
    # 例子不是空的：平均两个例子有一个以上的决定
    assert seen > CASES * 0.6
