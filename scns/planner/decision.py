"""规划的结果：启动谁、放在哪里；没启动的为什么、在等谁、预计何时。"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scns import hostlist
from scns.planner.cpus import to_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.planner.ledger import Booking
    from scns.planner.limits import Excess


@dataclass(slots=True)
class Place:
    """一个作业在一个节点上的一份。

    参数：
        cpus：所用 CPU 的位图；`cpu_ids` 是它们的编号
        memory：MiB
        gres：已经落到具体型号，例如 `gpu:a100`
    """

    node: str
    cpus: int
    memory: int
    tasks: int
    gres: Mapping[str, int] = field(default_factory=dict)

    @property
    def cpu_ids(self) -> tuple[int, ...]:
        """所用 CPU 的编号，从小到大。"""
        return to_ids(self.cpus)


@dataclass(slots=True)
class Start:
    """现在启动一个作业，或作业数组的一个元素。

    参数：
        time_limit：秒；可能因 `--time-min` 短于所请求的；None 没有时限
    """

    job_id: int
    partition: str
    places: tuple[Place, ...]
    time_limit: int | None
    booking: Booking = field(repr=False, compare=False)


@dataclass(slots=True)
class Blocked:
    """一个没有启动的作业。

    参数：
        reason：Slurm 的说法，见 squeue(1) “JOB REASON CODES”
        expected_start：预计启动的时刻；None：没有预约，或挡着它的作业没有时限
        blockers：在等哪些作业：它们让出资源，它才能启动
        nodes：预约或守住的节点
        unavailable：原因是 `ReqNodeNotAvail` 时，不可用的节点
        excess：原因是上限时，超出的是哪一条
    """

    job_id: int
    reason: str
    expected_start: float | None = None
    blockers: tuple[int, ...] = ()
    nodes: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()
    excess: Excess | None = None

    @property
    def text(self) -> str:
        """squeue 显示的原因。"""
        if self.unavailable:
            return f"{self.reason}, UnavailableNodes:{hostlist.compress(self.unavailable)}"
        return self.reason
