"""把分配好的作业变成给 stepd 的启动消息。"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from scns import filenames, gpus, hostlist
from scns.arrays import from_multirange
from scns.db import jobs
from scns.variables import BatchFacts, array_shape, batch_variables

#: LAUNCHES 的列，与语句一一对应。
COLUMNS = (
    "job_id attempt array_job_id array_task_id restarts node_list nodes_alloc cpus_alloc priority "
    "owner uid gid name partition account qos tasks cpus_per_task tasks_per_node memory_per_node "
    "memory_per_cpu directory standard_input standard_output standard_error arguments umask limits "
    "submit_host command dependency array_indices array_limit exclusive overcommit options "
    "script_key environment_key cpu_ids memory boot_id state nodes gpu_ids node_gres batch"
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


@dataclass(frozen=True, slots=True)
class Place:
    """启动所在的地方。

    参数：
        cluster、controller：集群名与排计划的主机
        conf：配置文件；None 是没有
        home：状态目录，作业里的命令靠它找到这个实例
        grace：脚本结束后，留下的进程从 TERM 到 KILL 的秒数
        task_prolog、task_epilog：每个任务前后以用户的身份运行的程序；None 是没有
    """

    node: str
    cluster: str
    controller: str
    conf: str | None
    home: str
    grace: float
    task_prolog: str | None = None
    task_epilog: str | None = None


#: 只有批处理脚本才有的变量；没有脚本的分配里没有，各任务自己的由 stepd 给。
_BATCH_ONLY = ("ENVIRONMENT HOSTNAME SLURM_GTIDS SLURM_LOCALID SLURM_NODEID SLURM_PROCID").split()


def allocate_message(launch: dict[str, Any], place: Place) -> dict[str, Any]:
    """给 stepd 的 allocate 消息：`srun` 与 `salloc` 的分配，没有脚本。"""
    variables = _variables(launch, place)
    return {
        "op": "allocate",
        **_common(launch, place),
        "variables": {name: variables[name] for name in variables if name not in _BATCH_ONLY},
        "stdout": None,
        "stderr": None,
        "held": not launch["options"].get("no_shell", False),
    }


def _common(launch: dict[str, Any], place: Place) -> dict[str, Any]:
    """两种消息都有的字段。"""
    return {
        "job": launch["job_id"],
        "attempt": launch["attempt"],
        "label": label(launch),
        "uid": launch["uid"],
        "gid": launch["gid"],
        "user": launch["owner"],
        "groups": None,
        "directory": launch["directory"],
        "cpus": [
            cpu for start, stop in from_multirange(launch["cpu_ids"]) for cpu in range(start, stop)
        ],
        "memory": launch["memory"] or None,
        "grace": place.grace,
        "task_prolog": place.task_prolog,
        "task_epilog": place.task_epilog,
    }


def start_message(launch: dict[str, Any], place: Place) -> dict[str, Any]:
    """给 stepd 的 start 消息；脚本与环境以摘要指代，另行送去。"""
    options = launch["options"]
    directory = launch["directory"]
    names = filenames.Facts(
        job_id=launch["job_id"],
        array_job_id=launch["array_job_id"],
        array_task_id=launch["array_task_id"],
        user=launch["owner"],
        name=launch["name"],
        node=place.node,
    )
    output = launch["standard_output"] or filenames.default_output(
        launch["array_task_id"] is not None
    )
    return {
        "op": "start",
        **_common(launch, place),
        "script": launch["script_key"],
        "environment": launch["environment_key"],
        "variables": _variables(launch, place),
        "arguments": launch["arguments"],
        "stdin": _path(launch["standard_input"], names, directory),
        "stdout": _path(output, names, directory),
        "stderr": _path(launch["standard_error"], names, directory),
        "append": options.get("open_mode") == "append" or launch["restarts"] > 0,
        "umask": launch["umask"],
        "limits": launch["limits"],
        "nice": 0,
    }


def _path(pattern: str | None, names: filenames.Facts, directory: str) -> str | None:
    if pattern is None or pattern == "none":
        return None
    return os.path.join(directory, filenames.expand(pattern, names))


def _variables(launch: dict[str, Any], place: Place) -> dict[str, str | None]:
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
        cluster=place.cluster,
        controller=place.controller,
        node=place.node,
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
        conf=place.conf,
        extra=options.get("variables", {}),
    )
    return batch_variables(facts) | _gpu_variables(launch) | {"SCNS_HOME": place.home}


def _gpu_variables(launch: dict[str, Any]) -> dict[str, str | None]:
    """节点有 GPU 时说明哪几块归作业；没有 GPU 的节点不动作业的环境。"""
    if not gpus.numbered(launch["node_gres"]):
        return {}
    ranges = from_multirange(launch["gpu_ids"] or "{}")
    return gpus.variables(one for start, stop in ranges for one in range(start, stop))


def _tasks_on(launch: dict[str, Any], cpus: int, tasks: int) -> int:
    """一个节点上的任务数：独占而没有说任务数的，Slurm 按分到的 CPU 算。"""
    if launch["exclusive"] == "node" and "tasks" not in launch["options"].get("given", ()):
        return int(cpus // launch["cpus_per_task"])
    return tasks


def node_list_of(names: list[str]) -> str:
    """分配到的节点名单的压缩写法。"""
    return hostlist.compress(names)
