"""规划器测试共用的小工具：只写要紧的，其余取默认。"""

from __future__ import annotations

from typing import Any

from scns.planner.snapshot import Node, Partition, Policy, Request, Running, Snapshot, Use, Waiting

NOW = 1000.0


def node(name: str = "n1", cpus: int = 8, busy: int = 0, **more: Any) -> Node:
    """一个节点，编号最小的 `busy` 个 CPU 有人用。"""
    memory = more.pop("memory", 8000)
    idle_memory = more.pop("idle_memory", memory)
    gres = more.pop("gres", {})
    idle_gres = more.pop("idle_gres", gres)
    idle = tuple(range(busy, cpus))
    return Node(name, cpus, idle, memory, idle_memory, gres=gres, idle_gres=idle_gres, **more)


def request(cpus: int = 1, limit: int | None = 600, **more: Any) -> Request:
    """一个任务、若干 CPU 的请求。"""
    more.setdefault("partitions", ("main",))
    return Request(cpus_per_task=cpus, time_limit=limit, **more)


def waiting(job_id: int, asked: Request | None = None, **more: Any) -> Waiting:
    """一个等待的作业；形状默认各不相同。"""
    more.setdefault("shape", job_id)
    more.setdefault("priority", 100)
    more.setdefault("eligible", NOW)
    return Waiting(job_id, request=asked or request(), **more)


def running(job_id: int, cpus: int, end: float | None, on: str = "n1", **more: Any) -> Running:
    """一个在一个节点上运行的作业。"""
    use = Use(on, cpus, more.pop("memory", 0), more.pop("gres", {}))
    return Running(job_id, more.pop("uid", 0), more.pop("account", ""), end, (use,), **more)


def snapshot(
    nodes: list[Node], jobs: list[Waiting], ran: list[Running] | None = None, **more: Any
) -> Snapshot:
    """一个快照；没给分区时，所有节点在 `main` 里。"""
    partitions = more.pop("partitions", None)
    if partitions is None:
        partitions = [Partition("main", tuple(each.name for each in nodes))]
    kind = more.pop("kind", "easy")
    more.setdefault("policy", Policy(kind=kind))
    return Snapshot(NOW, nodes, partitions, ran or [], jobs, **more)
