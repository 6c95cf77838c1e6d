"""sacct --json 与 --yaml：一个作业一条记录，连同它的步。

键、次序与类型照 22.05 版的 openapi/dbv0.0.38：时刻是 epoch 秒，没有的是 0；时限是分钟，
没有的是 null；内存以 MiB 计，步用掉的以字节计。
"""

from __future__ import annotations

from scns.arrays import format_indices, from_multirange
from scns.cli.accounting.values import STEP_NAMES
from scns.hostlist import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Record = dict[str, Any]

#: 可计量资源的号码；gres 的从 1001 起，照名字的次序。
_TRES_IDS = {"cpu": 1, "mem": 2, "node": 4, "billing": 5}
_FIRST_GRES_ID = 1001

_STEP_NAMES = {number: name for name, number in STEP_NAMES.items()}


def job_document(cluster: str, job: Record, steps: Sequence[Record]) -> Record:
    """一个作业的记录。"""
    return {
        "account": job["account"],
        "comment": {"administrator": None, "job": job["comment"], "system": None},
        "allocation_nodes": job["nodes_alloc"] or 0,
        "array": _array(job),
        "association": {
            "account": job["account"],
            "cluster": cluster,
            "partition": None,
            "user": job["owner"],
        },
        "cluster": cluster,
        "constraints": job["constraint_"] or "",
        "container": "",
        "derived_exit_code": _exit_code(job["derived_code"], 0),
        "time": {
            "elapsed": job["elapsed"],
            "eligible": job["eligible"] or 0,
            "end": job["ended"] or 0,
            "start": job["begun"] or 0,
            "submission": job["submit"],
            "suspended": job["suspended"],
            **_cpu_times(job),
            "limit": None if job["time_limit"] is None else -(-job["time_limit"] // 60),
        },
        "exit_code": _exit_code(job["exit_code"], job["exit_signal"]),
        "flags": [] if job["begun"] is None else ["STARTED_ON_SCHEDULE"],
        "group": job["group_name"],
        "het": {"job_id": 0, "job_offset": None},
        "job_id": job["id"],
        "name": job["name"],
        "mcs": {"label": ""},
        "nodes": job["nodes"] or "None assigned",
        "partition": job["partition"],
        "priority": job["priority"],
        "qos": job["qos"],
        "required": {"CPUs": job["cpus"], "memory": _asked_memory(job)},
        "kill_request_user": _user_name(job["outcome_uid"]),
        "reservation": {"id": 0, "name": job["reservation"]},
        "state": {
            "current": "RUNNING" if job["state"] == "COMPLETING" else job["state"],
            "reason": job["reason"],
        },
        "steps": [_step_document(job, step) for step in steps],
        "tres": {
            "allocated": _tres_list(_tres(job, allocated=True)),
            "requested": _tres_list(_tres(job, allocated=False)),
        },
        "user": job["owner"],
        "wckey": {"wckey": job["wckey"] or "", "flags": []},
        "working_directory": job["directory"],
    }


def _array(job: Record) -> Record:
    waiting = job["waiting"]
    return {
        "job_id": job["array_job_id"] or 0,
        "limits": {"max": {"running": {"tasks": job["array_limit"] or 0}}},
        "task": None if waiting is None else format_indices(from_multirange(waiting), None),
        "task_id": job["array_task_id"],
    }


def _step_document(job: Record, step: Record) -> Record:
    nodes = expand(step["node_list"]) if step["node_list"] else []
    number = step["step_id"]
    return {
        "nodes": {"list": nodes, "count": len(nodes), "range": step["node_list"]},
        "tres": _step_tres(step, nodes),
        "time": {
            "elapsed": step["elapsed"],
            "end": step["ended"] or 0,
            "start": step["begun"] or 0,
            "suspended": 0,
            **_cpu_times(step),
        },
        "exit_code": _exit_code(step["exit_code"], step["exit_signal"]),
        "tasks": {"count": step["tasks"]},
        "pid": None,
        "CPU": {"requested_frequency": {"min": 0, "max": 0}, "governor": []},
        "kill_request_user": None,
        "state": step["state"],
        "statistics": {"CPU": {"actual_frequency": 0}, "energy": {"consumed": 0}},
        "step": {
            "job_id": job["id"],
            "het": {"component": None},
            "id": _STEP_NAMES.get(number, number),
            "name": step["name"],
        },
        "task": {"distribution": "Unknown" if step["step_id"] < 0 else "Cyclic"},
    }


def _step_tres(step: Record, nodes: list[str]) -> Record:
    """步分到与用掉的；只有一个任务时，最大、最小与平均都是它的。"""
    used = {}
    if step["user_ms"] is not None:
        used["cpu"] = int(step["user_ms"]) + int(step["system_ms"] or 0)
    if step["max_rss"] is not None:
        used["mem"] = int(step["max_rss"])
    total = _tres_list(used)
    alone = total if step["tasks"] == 1 else []
    where = {"task": 0, "node": nodes[0] if nodes else None}
    extreme = [{**item, **where} for item in alone]
    return {
        "requested": {"max": extreme, "min": extreme, "average": alone, "total": total},
        "consumed": {"max": [], "min": [], "average": [], "total": []},
        "allocated": _tres_list({"cpu": step["cpus"], "node": len(nodes)}),
    }


def _tres(job: Record, *, allocated: bool) -> dict[str, int]:
    """可计量资源的名字到个数；内存以 MiB 计。还没有分到时没有分配。"""
    if allocated and job["nodes_alloc"] is None:
        return {}
    count = job["nodes_alloc"] if allocated else job["nodes_min"]
    amount = job["cpus_alloc"] if allocated else job["cpus"]
    found = {"billing": amount, "cpu": amount}
    for item in (job["gres"] or "").split(","):
        name, _, number = item.rpartition(":")
        if name and number.isdigit():
            found[f"gres/{name}"] = int(number) * count
    found["mem"] = job["memory_alloc"] if allocated else _asked_memory(job)
    found["node"] = count
    return {name: number for name, number in found.items() if number}


def _asked_memory(job: Record) -> int:
    """要求的内存总数，MiB；0 是节点的全部，没有要求时也是 0。"""
    if job["memory_per_cpu"]:
        return int(job["memory_per_cpu"]) * int(job["cpus"])
    if job["memory_per_node"] == 0:
        return int(job["largest_memory"] or 0) * int(job["nodes_min"])
    return int(job["memory_per_node"] or 0) * int(job["nodes_min"])


def _tres_list(found: dict[str, int]) -> list[Record]:
    gres = sorted(name for name in found if name.startswith("gres/"))
    numbers = _TRES_IDS | {name: _FIRST_GRES_ID + place for place, name in enumerate(gres)}
    return [
        {"type": kind, "name": name or None, "id": numbers[key], "count": found[key]}
        for key in sorted(found, key=numbers.__getitem__)
        for kind, _, name in [key.partition("/")]
    ]


def _exit_code(code: int | None, signal: int | None) -> Record:
    if signal:
        from signal import strsignal

        described = {"signal_id": signal, "name": strsignal(signal)}
        return {"status": "SIGNALED", "return_code": 0, "signal": described}
    return {"status": "ERROR" if code else "SUCCESS", "return_code": code or 0}


def _cpu_times(record: Record) -> Record:
    """用掉的处理器时间；数据库以毫秒计。"""
    system, user = int(record["system_ms"] or 0), int(record["user_ms"] or 0)
    return {
        name: {"seconds": spent // 1000, "microseconds": spent % 1000 * 1000}
        for name, spent in (("system", system), ("total", system + user), ("user", user))
    }


def _user_name(uid: int | None) -> str | None:
    if uid is None:
        return None
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
