"""批处理作业看到的 `SLURM_*` 变量。

来源：sbatch(1) “OUTPUT ENVIRONMENT VARIABLES”，取值与 Slurm 22.05 一致。
`SLURM_TASK_PID` 只有启动它的 stepd 知道，由 stepd 填。
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scns import arrays


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """一次启动的事实；变量全部由它得出。

    参数：
        job_id：元素自己的号，不是数组的号
        cluster、controller：集群名与排计划的主机，只进 `SLURM_WORKING_CLUSTER`
        node_list：压缩写法的节点名单
        nodes：每个节点（名字，CPU 数，任务数），批处理脚本在第一个上
        tasks：`-n` 给出的任务数；没有给出时为 None
        cpus_per_task、tasks_per_node：对应选项给出的值；没有给出时为 None
        memory_per_node、memory_per_cpu：MiB；不计内存时为 None
        array_indices：整个数组的序号（起、止、步长与个数）；不是数组时为 None
        restarts：重新排队过几次
        extra：随选项直接给出的变量（例如 SLURM_EXPORT_ENV）
    """

    job_id: int
    name: str
    user: str
    uid: int
    gid: int
    account: str
    qos: str
    partition: str
    cluster: str
    controller: str
    node: str
    node_list: str
    nodes: tuple[tuple[str, int, int], ...]
    submit_directory: str
    submit_host: str
    tasks: int | None = None
    cpus_per_task: int | None = None
    tasks_per_node: int | None = None
    memory_per_node: int | None = None
    memory_per_cpu: int | None = None
    array_job_id: int | None = None
    array_task_id: int | None = None
    array_shape: tuple[int, int, int, int] | None = None
    restarts: int = 0
    priority_process: int = 0
    dependency: str | None = None
    overcommit: bool = False
    exclusive: bool = False
    conf: str | None = None
    extra: dict[str, str] = field(default_factory=dict)


def repeated(counts: list[int]) -> str:
    """每节点一个数的列表，相同的连写成 `N(xM)`。"""
    runs: list[list[int]] = []
    for count in counts:
        if runs and runs[-1][0] == count:
            runs[-1][1] += 1
        else:
            runs.append([count, 1])
    return ",".join(f"{count}(x{times})" if times > 1 else str(count) for count, times in runs)


def array_shape(ranges: list[tuple[int, int]]) -> tuple[int, int, int, int]:
    """数组的（个数，最小，最大，步长）；步长不一致时为 1。

    参数：
        ranges：升序、不相交的（起，止）区间，止不含在内
    """
    return arrays.count(ranges), ranges[0][0], ranges[-1][1] - 1, arrays.step_of(ranges)


def batch_variables(facts: BatchFacts) -> dict[str, str | None]:
    """返回变量名到值；值为 None 的要从提交的环境里去掉。"""
    job_id = str(facts.job_id)
    cpus_here = next((cpus for name, cpus, _ in facts.nodes if name == facts.node), 1)
    values: dict[str, str | None] = {
        "ENVIRONMENT": "BATCH",
        "HOSTNAME": facts.node,
        "SLURMD_NODENAME": facts.node,
        "SLURM_CLUSTER_NAME": facts.cluster,
        "SLURM_CPUS_ON_NODE": str(cpus_here),
        "SLURM_GTIDS": "0",
        "SLURM_JOBID": job_id,
        "SLURM_JOB_ACCOUNT": facts.account,
        "SLURM_JOB_CPUS_PER_NODE": repeated([cpus for _, cpus, _ in facts.nodes]),
        "SLURM_JOB_GID": str(facts.gid),
        "SLURM_JOB_ID": job_id,
        "SLURM_JOB_NAME": facts.name,
        "SLURM_JOB_NODELIST": facts.node_list,
        "SLURM_JOB_NUM_NODES": str(len(facts.nodes)),
        "SLURM_JOB_PARTITION": facts.partition,
        "SLURM_JOB_QOS": facts.qos,
        "SLURM_JOB_UID": str(facts.uid),
        "SLURM_JOB_USER": facts.user,
        "SLURM_LOCALID": "0",
        "SLURM_NNODES": str(len(facts.nodes)),
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": facts.node_list,
        "SLURM_NODE_ALIASES": "(null)",
        "SLURM_PRIO_PROCESS": str(facts.priority_process),
        "SLURM_PROCID": "0",
        "SLURM_SUBMIT_DIR": facts.submit_directory,
        "SLURM_SUBMIT_HOST": facts.submit_host,
        "SLURM_TASKS_PER_NODE": repeated([tasks for _, _, tasks in facts.nodes]),
        "SLURM_TOPOLOGY_ADDR": facts.node,
        "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
        "SLURM_WORKING_CLUSTER": f"{facts.cluster}:{facts.controller}:0:9728:109",
    }
    return values | _optional(facts) | facts.extra


def _optional(facts: BatchFacts) -> dict[str, str | None]:
    """随选项才有的变量；没有的要去掉，免得作业里再提交的作业继承了旧值。"""
    array = facts.array_shape if facts.array_task_id is not None else None
    many = facts.tasks if facts.tasks is not None else None
    if many is None and facts.tasks_per_node is not None:
        many = facts.tasks_per_node * len(facts.nodes)
    return {
        "SLURM_NTASKS": _text(many),
        "SLURM_NPROCS": _text(many),
        "SLURM_CPUS_PER_TASK": _text(facts.cpus_per_task),
        "SLURM_NTASKS_PER_NODE": _text(facts.tasks_per_node),
        "SLURM_MEM_PER_NODE": _text(facts.memory_per_node),
        "SLURM_MEM_PER_CPU": _text(facts.memory_per_cpu if facts.memory_per_node is None else None),
        "SLURM_ARRAY_JOB_ID": _text(facts.array_job_id if array else None),
        "SLURM_ARRAY_TASK_ID": _text(facts.array_task_id if array else None),
        "SLURM_ARRAY_TASK_COUNT": _text(array[0] if array else None),
        "SLURM_ARRAY_TASK_MIN": _text(array[1] if array else None),
        "SLURM_ARRAY_TASK_MAX": _text(array[2] if array else None),
        "SLURM_ARRAY_TASK_STEP": _text(array[3] if array else None),
        "SLURM_RESTART_COUNT": _text(facts.restarts or None),
        "SLURM_JOB_DEPENDENCY": facts.dependency,
        "SLURM_OVERCOMMIT": "1" if facts.overcommit else None,
        "SLURM_CONF": facts.conf,
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
