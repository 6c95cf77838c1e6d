"""一轮规划要多久：等待的作业 10^3 到 10^6，形状十种与一万种，节点 1、100、1,000 个。

集群是满的，只有一个节点刚空出一个作业的位置：最常见的一轮，启动一个，其余都放不下。
队列长期保留；账本一列是由快照重建（守护进程每轮如此），规划一列是走过队列作决定。
各列的比值都对同一张表左上角的那一轮；毫秒随机器而变，比值才可以比较。

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
#: 每个运行中的作业几个 CPU；空出来的也是这么多。
PIECE = 4


def cluster(count: int) -> Snapshot:
    """占满的集群，最后一个节点空着一份。"""
    rng = Random(count)
    nodes, running = [], []
    for at in range(count):
        free = PIECE if at == count - 1 else 0
        name = f"n{at:04}"
        nodes.append(Node(name, CPUS, tuple(range(free)), MEMORY, free * MEMORY // CPUS))
        for _ in range((CPUS - free) // PIECE):
            use = Use(name, PIECE, PIECE * MEMORY // CPUS)
            end = NOW + rng.randint(60, 86_400)
            running.append(Running(len(running), 0, "", end, (use,)))
    partition = Partition("main", tuple(node.name for node in nodes))
    return Snapshot(NOW, nodes, [partition], running, policy=Policy())


def waiting(count: int, shapes: int) -> list[Waiting]:
    """等待的作业；只有一种形状放得进空出来的位置，且排在最后。"""
    rng = Random(shapes)
    requests = [
        Request(
            ("main",),
            tasks=1,
            cpus_per_task=rng.randint(PIECE + 1, CPUS),
            memory_per_cpu=rng.randint(1, 3000),
            time_limit=60 * rng.randint(1, 10_000),
        )
        for _ in range(shapes - 1)
    ]
    requests.append(Request(("main",), cpus_per_task=PIECE, time_limit=30))
    return [Waiting(at, shape := at % shapes, 100, NOW, requests[shape]) for at in range(count)]


def measure(snapshot: Snapshot, queue: Queue, repeats: int) -> tuple[float, float]:
    """重建账本与规划各要几毫秒；取最小的。"""
    built, planned = [], []
    for _ in range(repeats):
        begin = perf_counter()
        ledger = Ledger(snapshot)
        compiler = Compiler(ledger, snapshot.partitions)
        middle = perf_counter()
        result = decide(ledger, compiler, queue, snapshot.policy)
        planned.append(perf_counter() - middle)
        built.append(middle - begin)
        if len(result.starts) != 1:
            raise SystemExit(f"one start expected, got {len(result.starts)}")
    return min(built) * 1000, min(planned) * 1000


def main() -> None:
    """打印表。"""
    quick = "--quick" in sys.argv[1:]
    counts = (1_000, 10_000) if quick else (1_000, 10_000, 100_000, 1_000_000)
    clusters = {count: cluster(count) for count in (1, 100, 1_000)}
    first = None
    print(
        f"{'SHAPES':>7} {'WAITING':>9} {'NODES':>6} {'LEDGER_MS':>10} {'PLAN_MS':>9} {'RATIO':>7}"
    )
    for shapes in (10, 10_000):
        for count in counts:
            if count < shapes:
                continue
            queue = Queue(waiting(count, shapes))
            for nodes, snapshot in clusters.items():
                built, planned = measure(snapshot, queue, 3 if quick else 7)
                first = first or planned
                print(
                    f"{shapes:>7} {count:>9} {nodes:>6} {built:>10.2f} {planned:>9.2f} "
                    f"{planned / first:>7.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
