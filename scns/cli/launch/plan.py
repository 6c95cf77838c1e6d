"""由选项得出一步有多大，任务看见哪些变量。来源：srun(1) 22.05 版。"""

from __future__ import annotations

import os

from scns import export, gpus
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from scns.cli.options import Parsed

#: 步的环境里不照作业补上的：它们是选项，补上会变成 srun 里嵌套的 srun 的要求。
_OPTIONS = frozenset(
    f"SLURM_{name}"
    for name in (
        "CPUS_PER_TASK EXPORT_ENV GET_USER_ENV MEM_PER_CPU MEM_PER_NODE NTASKS NPROCS"
        " NTASKS_PER_NODE OVERCOMMIT TASKS_PER_NODE TASK_PID"
    ).split()
)


class Size:
    """一步有多大。

    属性：
        tasks：任务数；cpus：要几个 CPU
        held：占着不许别的步用的 CPU 数；None 是作业的全部，0 是可以与别的步重叠
        cpus_per_task：`-c` 给出的；没有给时为 None
        gpus：占着不许别的步用的 GPU 数；None 是没有说：作业的都看得见，一块也不占
        gpus_per_task：每个任务各有几块自己的 GPU；没有说时为 None
    """

    __slots__ = ("cpus", "cpus_per_task", "gpus", "gpus_per_task", "held", "tasks")

    def __init__(self, merged: Parsed, built: Mapping[str, Any], given: Parsed) -> None:
        """参数：
        merged、built：全部来源合并的选项，与由它得出的请求
        given：命令行上的选项

        异常：
            UsageError：要的节点比一步能用的多
        """
        if "nodes" in given.chosen and built.get("nodes_min", 1) > 1:
            allocated = os.environ.get("SLURM_JOB_NUM_NODES", "1")
            raise UsageError(f"Only allocated {allocated} nodes asked for {built['nodes_min']}")
        self.tasks: int = built.get("tasks") or built.get("tasks_per_node") or 1
        self.cpus_per_task: int | None = built.get("cpus_per_task")
        self.cpus = 1 if built.get("overcommit") else self.tasks * (self.cpus_per_task or 1)
        self.held: int | None = None
        if "overlap" in merged.chosen:
            self.held = 0
        elif not merged.chosen.keys().isdisjoint(("exact", "exclusive")) or self.cpus_per_task:
            self.held = self.cpus
        self.gpus = _gpus(given, self.tasks)
        each = merged.text("gpus-per-task")
        self.gpus_per_task = None if each is None else sum(_counts("gpus-per-task", each).values())


def environment(
    merged: Parsed, size: Size, created: Mapping[str, Any], umask: int
) -> dict[bytes, bytes]:
    """各任务共有的环境；任务自己的几个变量由 stepd 加上。

    参数：
        created：stepd 建立步时的回答
    """
    variables = export.exported(merged.text("export"), os.environb).variables
    if export.GET_USER_ENV not in os.environb:
        variables.pop(export.GET_USER_ENV, None)
    for name, value in created["variables"].items():
        if name.startswith("SLURM") and name not in _OPTIONS:
            variables.setdefault(os.fsencode(name), os.fsencode(value))
    own = _step_variables(size, created, umask)
    per_node = variables.get(b"SLURM_JOB_CPUS_PER_NODE")
    if per_node is not None:
        variables[b"SLURM_JOB_CPUS_PER_NODE_PACK_GROUP_0"] = per_node
    distribution = merged.text("distribution")
    own["SLURM_DISTRIBUTION"] = distribution or ("block" if size.tasks > 1 else "cyclic")
    if size.cpus_per_task is not None:
        own["SLURM_CPUS_PER_TASK"] = str(size.cpus_per_task)
    _set(variables, own)
    if created["variables"].get("SLURM_JOB_GPUS"):
        _set(variables, gpus.variables(created["gpus"], step=True))
    return variables


def own_gpus(size: Size, created: Mapping[str, Any]) -> dict[str, list[str]]:
    """`--gpus-per-task`：每个任务只看见自己的几块 GPU；变量名到各任务的值。

    来源：srun(1) `--gpus-per-task`：隐含 `--gpu-bind=per_task:N`。
    """
    count, ids = size.gpus_per_task, created["gpus"]
    if not count or len(ids) < count * size.tasks:
        return {}
    shares = [ids[at * count : (at + 1) * count] for at in range(size.tasks)]
    values = [",".join(map(str, share)) for share in shares]
    return dict.fromkeys((*gpus.VISIBLE, "SLURM_STEP_GPUS"), values)


def _set(variables: dict[bytes, bytes], changes: Mapping[str, str | None]) -> None:
    """写进变量；值为 None 的去掉。"""
    for name, value in changes.items():
        if value is None:
            variables.pop(os.fsencode(name), None)
        else:
            variables[os.fsencode(name)] = os.fsencode(value)


def _gpus(given: Parsed, tasks: int) -> int | None:
    """命令行上要了几块 GPU；没有说到通用资源时为 None，说了而没有 GPU 的是 0。"""
    options = ("gres", "gpus", "gpus-per-node", "gpus-per-task")
    texts = {option: given.text(option) for option in options}
    if all(text is None for text in texts.values()):
        return None
    from scns.cli.gres import per_node

    counts = [_counts(option, text) for option, text in texts.items()]
    wanted = per_node(*counts, nodes=1, tasks_per_node=tasks)
    return sum(count for kind, count in wanted.items() if gpus.is_gpu(kind))


def _counts(option: str, text: str | None) -> dict[str, int]:
    from scns.cli.gres import parse_gpus, parse_gres

    if text is None:
        return {}
    return parse_gres(text) if option == "gres" else parse_gpus(text)


def _step_variables(size: Size, created: Mapping[str, Any], umask: int) -> dict[str, str]:
    tasks, step, node = str(size.tasks), str(created["step"]), created["node"]
    return {
        "SLURM_JOB_ID": str(created["job"]),
        "SLURM_JOBID": str(created["job"]),
        "SLURM_STEP_ID": step,
        "SLURM_STEPID": step,
        "SLURM_STEP_NODELIST": node,
        "SLURM_STEP_NUM_NODES": "1",
        "SLURM_STEP_NUM_TASKS": tasks,
        "SLURM_STEP_TASKS_PER_NODE": tasks,
        # 没有监听的端口：描述符直接递过去了
        "SLURM_STEP_LAUNCHER_PORT": "0",
        "SLURM_SRUN_COMM_PORT": "0",
        "SLURM_SRUN_COMM_HOST": "127.0.0.1",
        "SLURM_LAUNCH_NODE_IPADDR": "127.0.0.1",
        "SLURM_NTASKS": tasks,
        "SLURM_NPROCS": tasks,
        "SLURM_TASKS_PER_NODE": tasks,
        "SLURM_GTIDS": ",".join(map(str, range(size.tasks))),
        "SLURM_UMASK": f"{umask:04o}",
    }
