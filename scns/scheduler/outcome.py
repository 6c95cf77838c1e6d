"""作业结束时记什么：由决定好的结局与 stepd 的报告得出，纯函数。

来源：真 Slurm 22.05 的表现（终态、原因、退出码、`.batch` 步的状态）。
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scns.states import JobState

if TYPE_CHECKING:
    from collections.abc import Collection

#: 输出文件打不开时 Slurm 记的“信号”。
LAUNCH_SIGNAL = 53

#: 内存超限时 Slurm 记的“信号”。
OOM_SIGNAL = 125


@dataclass(frozen=True, slots=True)
class Ending:
    """一个作业的结局。

    `requeue` 为真时，终态只是过一下手，随后回到队列。`step_state` 为 None 时没有批处理步。
    """

    state: JobState
    reason: str
    exit_code: int
    exit_signal: int
    step_state: str | None
    step_code: int
    step_signal: int
    requeue: bool = False


def decide(outcome: str | None, status: int | None, cause: str | None, requeue: bool) -> Ending:
    """得出结局。

    参数：
        outcome：已决定的结局（CANCELLED、TIMEOUT…，或 REQUEUE）；None 是脚本自己结束
        status：`waitpid` 的状态字；没有起过进程时为 None
        cause：stepd 报告的缘由：`killed`、`launch`、`lost`、`oom`、`unheld`、`prolog` 或 None
        requeue：作业允许节点故障后重新排队
    """
    code, signal = exit_of(status)
    if outcome == "REQUEUE":
        return Ending(JobState.CANCELLED, "None", 0, 15, "CANCELLED", 0, signal or 15, True)
    if cause == "lost" or outcome == "NODE_FAIL" or (cause == "killed" and outcome is None):
        # 随重启而去，节点被停用，或随 `scns down --force` 停下：不是作业的错
        return Ending(JobState.NODE_FAIL, "NodeDown", 0, 0, "CANCELLED", 0, 0, requeue)
    if cause == "unheld" and outcome is None:
        # 握着分配的 srun 或 salloc 不见了，或一直没有来
        return Ending(JobState.CANCELLED, "None", 0, 0, None, 0, 0)
    if outcome is not None:
        state = JobState(outcome)
        reason = {JobState.TIMEOUT: "TimeLimit", JobState.DEADLINE: "DeadLine"}.get(state, "None")
        return Ending(state, reason, 0, 15, "CANCELLED", 0, signal or 15)
    if cause == "prolog":
        # 脚本没有运行过，重新排队没有坏处，所以不管作业许不许
        state = JobState.FAILED
        return Ending(state, "JobLaunchFailure", 0, LAUNCH_SIGNAL, None, 0, 0, True)
    if cause == "launch":
        signal = LAUNCH_SIGNAL
        return Ending(
            JobState.FAILED, "JobLaunchFailure", 0, signal, JobState.FAILED.value, 0, signal
        )
    if cause == "oom":
        state = JobState.OUT_OF_MEMORY
        return Ending(state, "OutOfMemory", 0, OOM_SIGNAL, state.value, 0, OOM_SIGNAL)
    if signal:
        return Ending(
            JobState.FAILED, "JobLaunchFailure", 0, signal, JobState.CANCELLED.value, 0, signal
        )
    if code:
        return Ending(JobState.FAILED, "NonZeroExitCode", code, 0, JobState.FAILED.value, code, 0)
    return Ending(JobState.COMPLETED, "None", 0, 0, JobState.COMPLETED.value, 0, 0)


def requeue_on_exit(
    ending: Ending, codes: Collection[int], held: Collection[int]
) -> tuple[Ending, bool]:
    """脚本自己以某些退出码结束的，重新排队；返回结局与要不要同时扣住。

    来源：slurm.conf(5) `RequeueExit`、`RequeueExitHold`。

    参数：
        codes：重新排队的退出码；held：重新排队并扣住的
    """
    own = ending.state in (JobState.COMPLETED, JobState.FAILED) and not ending.exit_signal
    if not own or (ending.exit_code not in codes and ending.exit_code not in held):
        return ending, False
    return replace(ending, requeue=True), ending.exit_code in held


def exit_of(status: int | None) -> tuple[int, int]:
    """把 `waitpid` 的状态字拆成（退出码，信号）；没有状态字时两者都是 0。"""
    if status is None:
        return 0, 0
    if os.WIFSIGNALED(status):
        return 0, os.WTERMSIG(status)
    return os.WEXITSTATUS(status), 0
