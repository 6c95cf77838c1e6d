"""一轮规划要多久：等待的作业 10^3 到 10^6，形状十种与一万种，节点 1、100、1,000 个。

两种情形，都只有一个作业能启动，它排在最后：
full：集群占满，只有一个节点刚空出一个作业的位置；最常见的一轮。
ragged：每个节点都空着 CPU，可是内存不够；放不下要看过节点才知道。

队列与编译好的要求长期保留，账本每轮由快照换上新的占用，与守护进程相同：LOAD 一列是换占用，
PLAN 一列是走过队列作决定。比值都对同一种情形的第一行；毫秒随机器而变，比值才可以比较。

用法：
    python -m benchmarks.planner_rounds [--quick]
"""

from __future__ import annotations

import sys
from random import Random
from time import perf_counter

from scns.planner.demand import Compiler
from scns.planner.ledger import Ledger
from scns.planner.plan import decide
from scns.planner.queue import Queue
from scns.planner.snapshot import (
    Node,
    Partition,
    Policy,
    Request,
    Running,
    Snapshot,
    Use,
    Waiting,
)

NOW = 1_000_000.0
CPUS = 64
MEMORY = 256_000
#: 每个运行中的作业几个 CPU。
PIECE = 4
#: ragged 里每个节点空着的内存，每个 CPU 算下来不到 `SCARCE`。
SCARCE = 500


def cluster(count: int, scene: str) -> Snapshot:
    """一种情形的集群；最后一个节点放得下一个小作业。"""
    rng = Random(count)
    nodes, running = [], []
    for at in range(count):
        free = 2 * PIECE if scene == "ragged" else PIECE if at == count - 1 else 0
        memory = free * rng.randint(SCARCE // 2, SCARCE) if scene == "ragged" else free * SCARCE
        name = f"n{at:04}"
        nodes.append(Node(name, CPUS, tuple(range(free)), MEMORY, memory))
        for _ in range((CPUS - free) // PIECE):
            use = Use(name, PIECE, PIECE * (MEMORY - memory) // (CPUS - free))
            end = NOW + rng.randint(60, 86_400)
            running.append(Running(len(running), 0, "", end, (use,)))
    partition = Partition("main", tuple(node.name for node in nodes))
    return Snapshot(NOW, nodes, [partition], running, policy=Policy())


def waiting(count: int, shapes: int, scene: str) -> list[Waiting]:
    """等待的作业；只有最后一个放得下。"""
    rng = Random(shapes)
    least = 1 if scene == "ragged" else PIECE + 1
    requests = [
        Request(
            ("main",),
            cpus_per_task=(cpus := rng.randint(least, CPUS)),
            memory_per_cpu=rng.randint(2 * PIECE * SCARCE // min(cpus, 2 * PIECE) + 1, 5000),
            time_limit=60 * rng.randint(1, 10_000),
        )
        for _ in range(shapes - 1)
    ]
    jobs = [
        Waiting(at, shape := at % len(requests), 100, NOW, requests[shape])
        for at in range(count - 1)
    ]
    small = Request(("main",), cpus_per_task=PIECE, time_limit=30)
    return [*jobs, Waiting(count, shapes, 100, NOW, small)]


def measure(snapshot: Snapshot, queue: Queue, repeats: int) -> tuple[float, float]:
    """换占用与规划各要几毫秒；取最小的。"""
    loaded, planned = [], []
    ledger = Ledger(snapshot)
    compiler = Compiler(ledger, snapshot.partitions)
    for _ in range(repeats):
        begin = perf_counter()
        ledger.load(snapshot)
        middle = perf_counter()
        result = decide(ledger, compiler, queue, snapshot.policy)
        planned.append(perf_counter() - middle)
        loaded.append(middle - begin)
        if len(result.starts) != 1:
            raise SystemExit(f"one start expected, got {len(result.starts)}")
    return min(loaded) * 1000, min(planned) * 1000


def main() -> None:
    """打印表。"""
    quick = "--quick" in sys.argv[1:]
    counts = (1_000, 10_000) if quick else (1_000, 10_000, 100_000, 1_000_000)
    print("SCENE   SHAPES   WAITING  NODES   LOAD_MS   PLAN_MS    RATIO")
    for scene in ("full", "ragged"):
        first = None
        clusters = {count: cluster(count, scene) for count in (1, 100, 1_000)}
        for shapes in (10, 10_000):
            for count in (count for count in counts if count >= shapes):
                queue = Queue(waiting(count, shapes, scene))
                for nodes, snapshot in clusters.items():
                    loaded, planned = measure(snapshot, queue, 3 if quick else 7)
                    first = first or planned
                    print(
                        f"{scene:6} {shapes:>7} {count:>9} {nodes:>6} {loaded:>9.2f} "
                        f"{planned:>9.2f} {planned / first:>8.1f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
