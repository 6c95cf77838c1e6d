"""作业在 stepd 里的样子，以及从样子得出的判断。"""

from __future__ import annotations

import os

from scns.stepd.cgroup import Cgroup
from scns.stepd.protocol import LAUNCH_FAILED
from scns.stepd.spec import Around, Field
from scns.stepd.usage import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from scns.stepd.journal import Key
    from scns.stepd.protocol import Message
    from scns.stepd.spec import Owner
    from scns.stepd.tree import Script, Tree

    Step = Literal["finish", "terminate", "kill", "wait"]

#: 收拾时查看的间隔，秒：从短到长。
FIRST_PAUSE = 0.02
LAST_PAUSE = 1.0


class Tenure:
    """没有脚本的分配由 srun 或 salloc 握着；握得怎样了。

    属性：
        granted：是这样的分配
        verdict：握着的一方交还时说的等待状态；没有说为 None
        unheld：握着的一方不见了
    """

    __slots__ = ("granted", "unheld", "verdict")

    def __init__(self) -> None:
        self.granted = False
        self.verdict: int | None = None
        self.unheld = False

    @property
    def over(self) -> bool:
        """交还了，或握着的一方不见了。"""
        return self.unheld or self.verdict is not None


class Job:
    """一个作业的一次运行：在跑，收拾（脚本已结束，剩下的进程正在清除），已结束（等确认）。

    参数：
        key：作业号与第几次
        mark：环境里的记号
        started：启动的时刻，Unix 秒
        cpus：分到的 CPU 的编号；None 为没有说
    """

    def __init__(
        self,
        key: Key,
        mark: str,
        owner: Owner,
        script: Script,
        processes: Tree | Cgroup,
        started: float,
        cpus: Sequence[int] | None = None,
    ) -> None:
        self.key = key
        self.mark = mark
        self.owner = owner
        self.script = script
        self.processes = processes
        self.started = started
        self.cpus = cpus
        #: 启动时给它的变量，作业步也要；换过 stepd 之后没有了，那时只靠 srun 自己的环境。
        self.variables: Mapping[bytes, bytes | None] = {}
        #: 由谁握着；有脚本的不用。
        self.tenure = Tenure()
        #: 脚本还没结束时，有人要求结束作业。
        self.killed = False
        #: 宽限终点，单调时钟；没有发过 TERM 时为 None。
        self.until: float | None = None
        #: 下次查看的时刻，单调时钟，与这次的间隔。
        self.check = 0.0
        self.pause = FIRST_PAUSE
        #: 脚本结束的时刻，Unix 秒；没有结束时为 None。
        self.ended: float | None = None
        #: 脚本的等待状态；没有结束，或者无从知道，为 None。
        self.status: int | None = None
        self.error: str | None = None
        #: 脚本没有运行过：Prolog 失败，或没有做完。
        self.unprepared = False
        #: 留给 Epilog 的变量。
        self.facts: dict[str, str] = {}
        #: 每个任务前后以主人的身份运行的程序。
        self.around = Around(Field({}))
        #: Epilog 的结局，`done` 或 `failed`；没有运行，或还没有结束，为 None。
        self.epilog: str | None = None
        #: 脚本与它收过尸的进程的用量。
        self.usage = Usage()
        #: 脚本结束后清除了几个进程。
        self.leftover = 0
        #: `ended` 消息；没有收拾完时为 None。
        self.final: Message | None = None

    def identity(self) -> Message:
        """`job` 与 `attempt` 两个字段。"""
        return {"job": self.key[0], "attempt": self.key[1]}

    def report(self) -> Message:
        """回答重复的 `start`：此刻的样子。"""
        if self.final is not None:
            return self.final
        return {
            "op": "started",
            **self.identity(),
            "pid": self.script.pid,
            "time": self.started,
        }

    def summary(self) -> Message:
        """`welcome` 里的一项。"""
        if self.final is not None:
            return self.final
        return {
            **self.identity(),
            "state": "running",
            "pid": self.script.pid,
            "started": self.started,
        }

    def conclude(self) -> Message:
        """收拾完了：读出用量，得出 `ended` 消息。"""
        oom = False
        if isinstance(self.processes, Cgroup):
            user, system, peak = self.processes.usage()
            # 与脚本自己的账取大：内核在最后一刻的账可能还没记进 cgroup
            self.usage.raise_to(user, system, peak or 0)
            oom = self.processes.out_of_memory()
        return {
            "op": "ended",
            **self.identity(),
            "status": self.status,
            "started": self.started,
            "ended": self.ended,
            "cause": self._cause(oom),
            "error": self.error,
            **self.usage.report(),
            "leftover": self.leftover,
            **({"epilog": "failed"} if self.epilog == "failed" else {}),
        }

    def _cause(self, oom: bool) -> str | None:
        if not self.killed and (self.tenure.unheld or self.unprepared):
            return "unheld" if self.tenure.unheld else "prolog"
        return cause(self.status, self.killed, oom)


def cause(status: int | None, killed: bool, oom: bool) -> str | None:
    """结束的原因；自己结束的为 None。

    参数：
        status：脚本的等待状态，无从知道时为 None
        killed：有人要求结束它
        oom：有进程因为超出作业的内存上限被杀
    """
    if status is None:
        return "lost"
    if killed:
        return "killed"
    if oom:
        return "oom"
    return "launch" if status == LAUNCH_FAILED else None


def next_step(exited: bool, empty: bool, until: float | None, now: float) -> Step:
    """收拾的下一步。

    参数：
        exited：脚本已结束
        empty：一个活进程也没有了
        until：宽限终点，没有发过 TERM 时为 None；与 `now` 同一个时钟
    """
    if exited and empty:
        return "finish"
    if until is None:
        return "terminate" if exited else "wait"
    return "kill" if now >= until else "wait"


def wait_status(info: os.waitid_result) -> int:
    """把 waitid 的结果换成 waitpid 的等待状态。"""
    if info.si_code == os.CLD_EXITED:
        return info.si_status << 8
    return info.si_status | (0x80 if info.si_code == os.CLD_DUMPED else 0)
