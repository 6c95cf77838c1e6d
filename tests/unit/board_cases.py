"""看板测试共用：造作业、节点与看板，只写要紧的。"""

from __future__ import annotations

from typing import Any

from scns.cli.board.data import Board, Job, Node

NOW = 1_000_000.0


def job(job_id: int = 42, state: str = "RUNNING", **more: Any) -> Job:
    """一个作业；在跑的跑了一小时，在等的等资源。"""
    waits = state == "PENDING"
    fields: dict[str, Any] = {
        "job_id": job_id,
        "array_job_id": None,
        "array_task_id": None,
        "waiting": None,
        "array_limit": None,
        "owner": "alice",
        "name": "train",
        "partition": "main",
        "account": "phys",
        "state": state,
        "reason": "Resources" if waits else "None",
        "cpus": 4,
        "memory": 8000,
        "seconds": None if waits else 3600.0,
        "limit": 7200,
        "nodes": None if waits else "n1",
        "priority": 1.0,
        "expected": None,
        "uid": 0,
        "start": None if waits else NOW - 3600,
        "size": 1,
    }
    return Job(**(fields | more))


def node(name: str = "n1", cpus: int = 16, used: int = 4, **more: Any) -> Node:
    """一个节点，内存用了一半。"""
    fields: dict[str, Any] = {
        "memory": 64_000,
        "memory_alloc": 32_000 if used else 0,
        "load": 3.5,
        "drain": False,
        "down": False,
        "silent": False,
        "jobs": 1,
    }
    return Node(name, cpus, used, **(fields | more))


def board(jobs: list[Job] | None = None, nodes: list[Node] | None = None, **more: Any) -> Board:
    """一块看板；总数照给出的作业。"""
    listed = [job()] if jobs is None else jobs
    running = sum(one.state != "PENDING" for one in listed)
    waiting = sum(one.size for one in listed if one.state == "PENDING")
    fields: dict[str, Any] = {
        "cluster": "bench",
        "alive": True,
        "now": NOW,
        "running": running,
        "waiting": waiting,
        "nodes": [node()] if nodes is None else nodes,
        "jobs": listed,
    }
    return Board(**(fields | more))
