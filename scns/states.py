"""作业与节点的状态：名字、缩写与允许的转换，全项目只此一处。

来源：squeue(1) “JOB STATE CODES”，sinfo(1) “NODE STATE CODES”。
"""

from enum import StrEnum


class JobState(StrEnum):
    """作业的状态；值即入库与输出用的全名。"""

    PENDING = "PENDING"  # 排队：等待资源、依赖或开始时刻
    RUNNING = "RUNNING"  # 运行：资源已分配，脚本正在执行
    SUSPENDED = "SUSPENDED"  # 挂起：进程停住，CPU 已交还
    COMPLETING = "COMPLETING"  # 收尾：结局已定，进程还在退出
    COMPLETED = "COMPLETED"  # 完成：脚本以 0 退出
    FAILED = "FAILED"  # 失败：脚本以非 0 退出，或死于外来信号
    CANCELLED = "CANCELLED"  # 取消：用户或管理员要求终止
    TIMEOUT = "TIMEOUT"  # 超时：到了时限
    OUT_OF_MEMORY = "OUT_OF_MEMORY"  # 内存超限被内核终止
    NODE_FAIL = "NODE_FAIL"  # 节点失联或重启
    PREEMPTED = "PREEMPTED"  # 被更高优先的作业挤出
    DEADLINE = "DEADLINE"  # 截止时刻前已不可能完成


#: 全名到两字母缩写。
SHORT = {
    JobState.PENDING: "PD",
    JobState.RUNNING: "R",
    JobState.SUSPENDED: "S",
    JobState.COMPLETING: "CG",
    JobState.COMPLETED: "CD",
    JobState.FAILED: "F",
    JobState.CANCELLED: "CA",
    JobState.TIMEOUT: "TO",
    JobState.OUT_OF_MEMORY: "OOM",
    JobState.NODE_FAIL: "NF",
    JobState.PREEMPTED: "PR",
    JobState.DEADLINE: "DL",
}

_ENDED = frozenset(
    {
        JobState.COMPLETED,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.TIMEOUT,
        JobState.OUT_OF_MEMORY,
        JobState.NODE_FAIL,
        JobState.PREEMPTED,
        JobState.DEADLINE,
    }
)

#: 允许的状态转换：来源 → 去向。不在表中的转换一律是程序错误。
#: 运行过的作业回到 PENDING 是重新排队；终态的作业也可由 `scontrol requeue` 重新排队。
TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.PENDING: frozenset(
        {JobState.RUNNING, JobState.CANCELLED, JobState.DEADLINE, JobState.FAILED}
    ),
    JobState.RUNNING: _ENDED | {JobState.SUSPENDED, JobState.COMPLETING, JobState.PENDING},
    JobState.SUSPENDED: _ENDED | {JobState.RUNNING, JobState.COMPLETING, JobState.PENDING},
    JobState.COMPLETING: _ENDED | {JobState.PENDING},
    **{state: frozenset({JobState.PENDING}) for state in _ENDED},
}

#: 终态：作业不再占用资源，也不会自己再动。
TERMINAL = _ENDED

#: 活动态：还在排队或还占着节点。
ACTIVE = frozenset(JobState) - TERMINAL

#: 占着节点资源的状态；挂起的作业交还了 CPU，但仍占内存。
ON_NODE = frozenset({JobState.RUNNING, JobState.SUSPENDED, JobState.COMPLETING})


class Hold(StrEnum):
    """谁扣住了作业；值也决定 squeue 的原因。"""

    USER = "user"  # JobHeldUser
    ADMIN = "admin"  # JobHeldAdmin
    REQUEUE = "requeue"  # job requeued in held state


class NodeState(StrEnum):
    """节点的基本状态由占用情况得出，这里只列管理员或故障加上的标志。"""

    DRAIN = "DRAIN"  # 不再接新作业
    DOWN = "DOWN"  # 不可用
    NO_RESPOND = "NOT_RESPONDING"  # 守护进程没有心跳
