"""把分配好的作业变成给 stepd 的启动消息。"""

from __future__ import annotations

import os
from typing import Any

from scns import filenames, hostlist
from scns.arrays import from_multirange
from scns.db import jobs
from scns.variables import BatchFacts, array_shape, batch_variables

#: LAUNCHES 的列，与语句一一对应。
COLUMNS = (
    "job_id attempt array_job_id array_task_id restarts node_list nodes_alloc cpus_alloc priority "
    "owner uid gid name partition account qos tasks cpus_per_task tasks_per_node memory_per_node "
    "memory_per_cpu directory standard_input standard_output standard_error arguments umask limits "
    "submit_host command dependency array_indices array_limit exclusive overcommit options "
    "script_key environment_key cpu_ids memory boot_id state nodes gres"
).split()


def launches(
    cursor: Any, node: str, ids: list[int] | None, known: list[int]
) -> list[dict[str, Any]]:
    """这个节点上已分配而 stepd 还不知道的作业；`ids` 为 None 时是全部。"""
    cursor.execute(jobs.LAUNCHES, {"node": node, "ids": ids, "known": known})
    return [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]


def label(launch: dict[str, Any]) -> str:
    """日志与报错里的作业称呼：`42` 或 `40_7`。"""
    if launch["array_task_id"] is None:
        return str(launch["job_id"])
    return f"{launch['array_job_id']}_{launch['array_task_id']}"


def start_message(
    launch: dict[str, Any],
    *,
    node: str,
    cluster: str,
    controller: str,
    conf: str | None,
    grace: float,
) -> dict[str, Any]:
    """给 stepd 的 start 消息；脚本与环境以摘要指代，另行送去。

    参数：
        grace：脚本结束后，留下的进程从 TERM 到 KILL 的秒数
    """
    options = launch["options"]
    directory = launch["directory"]
    names = filenames.Facts(
        job_id=launch["job_id"],
        array_job_id=launch["array_job_id"],
        array_task_id=launch["array_task_id"],
        user=launch["owner"],
        name=launch["name"],
        node=node,
    )
    output = launch["standard_output"] or filenames.default_output(
        launch["array_task_id"] is not None
    )
    return {
        "op": "start",
        "job": launch["job_id"],
        "attempt": launch["attempt"],
        "label": label(launch),
        "uid": launch["uid"],
        "gid": launch["gid"],
        "user": launch["owner"],
        "groups": None,
        "script": launch["script_key"],
        "environment": launch["environment_key"],
        "variables": _variables(launch, node, cluster, controller, conf),
        "arguments": launch["arguments"],
        "directory": directory,
        "stdin": _path(launch["standard_input"], names, directory),
        "stdout": _path(output, names, directory),
        "stderr": _path(launch["standard_error"], names, directory),
        "append": options.get("open_mode") == "append" or launch["restarts"] > 0,
        "umask": launch["umask"],
        "limits": launch["limits"],
        "nice": 0,
        "cpus": [
            cpu for start, stop in from_multirange(launch["cpu_ids"]) for cpu in range(start, stop)
        ],
        "memory": launch["memory"] or None,
        "grace": grace,
    }


def _path(pattern: str | None, names: filenames.Facts, directory: str) -> str | None:
    if pattern is None or pattern == "none":
        return None
    return os.path.join(directory, filenames.expand(pattern, names))


def _variables(
    launch: dict[str, Any], node: str, cluster: str, controller: str, conf: str | None
) -> dict[str, str | None]:
    options = launch["options"]
    given = frozenset(options.get("given", ()))
    indices = launch["array_indices"]
    # --mem=0 是全部内存：Slurm 此时给出实际分到的数
    per_node = launch["memory_per_node"]
    if per_node == 0:
        per_node = launch["memory"]
    facts = BatchFacts(
        job_id=launch["job_id"],
        name=launch["name"],
        user=launch["owner"],
        uid=launch["uid"],
        gid=launch["gid"],
        account=launch["account"],
        qos=launch["qos"],
        partition=launch["partition"].split(",")[0],
        cluster=cluster,
        controller=controller,
        node=node,
        node_list=launch["node_list"],
        nodes=tuple(
            (name, cpus, _tasks_on(launch, cpus, tasks)) for name, cpus, tasks in launch["nodes"]
        ),
        submit_directory=options.get("submit_directory", launch["directory"]),
        submit_host=launch["submit_host"],
        tasks=launch["tasks"] if "tasks" in given else None,
        cpus_per_task=launch["cpus_per_task"] if "cpus_per_task" in given else None,
        tasks_per_node=launch["tasks_per_node"] if "tasks_per_node" in given else None,
        memory_per_node=per_node,
        memory_per_cpu=launch["memory_per_cpu"],
        array_job_id=launch["array_job_id"],
        array_task_id=launch["array_task_id"],
        array_shape=array_shape(from_multirange(indices)) if indices else None,
        restarts=launch["restarts"],
        priority_process=options.get("process_nice", 0),
        dependency=launch["dependency"],
        overcommit=launch["overcommit"],
        exclusive=launch["exclusive"] is not None,
        conf=conf,
        extra=options.get("variables", {}),
    )
    return batch_variables(facts)


def _tasks_on(launch: dict[str, Any], cpus: int, tasks: int) -> int:
    """一个节点上的任务数：独占而没有说任务数的，Slurm 按分到的 CPU 算。"""
    if launch["exclusive"] == "node" and "tasks" not in launch["options"].get("given", ()):
        return int(cpus // launch["cpus_per_task"])
    return tasks


def node_list_of(names: list[str]) -> str:
    """分配到的节点名单的压缩写法。"""
    return hostlist.compress(names)
