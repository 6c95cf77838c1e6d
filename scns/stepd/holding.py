"""握着分配的一方：`srun` 与 `salloc` 的分配没有脚本，由一条连接握着；断开了就交还。

占着分配的是一个只会等的子进程：它是作业会话的领头，日记、收尸、换班都与脚本一样，
`_settle` 之外没有另一套。
"""

from __future__ import annotations

import os
import signal
import time

from scns.stepd.log import log
from scns.stepd.peer import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.stepd.ending import Ending
    from scns.stepd.job import Job
    from scns.stepd.journal import Journal
    from scns.stepd.launch import Gate
    from scns.stepd.peer import Peer
    from scns.stepd.spec import Field

#: 分配好之后这么多秒没有人来握，就收回；slurm.conf 的 BatchStartTimeout。
PATIENCE = 10.0


class Holding:
    """本节点的各个分配由谁握着。"""

    def __init__(self, journal: Journal, ending: Ending, node: str) -> None:
        self._journal = journal
        self._ending = ending
        self._node = node
        self._holders: dict[Job, Peer] = {}
        #: 还没有人握的，到何时收回，单调时钟。
        self._until: dict[Job, float] = {}

    def expect(self, job: Job) -> None:
        """刚分配好，或刚接手：等人来握。"""
        self._until[job] = time.monotonic() + PATIENCE

    def hold(self, peer: Peer, job: Job) -> None:
        """`hold`：连接握住分配。

        异常：
            Refused：不是分配，或已经有人握着
        """
        if not job.tenure.granted or job in self._holders or job.tenure.over:
            raise Refused("Access/permission denied")
        self._until.pop(job, None)
        self._holders[job] = peer
        peer.held = job
        variables = {
            os.fsdecode(name): None if value is None else os.fsdecode(value)
            for name, value in job.variables.items()
        }
        peer.send({"op": "held", **job.identity(), "node": self._node, "variables": variables})

    def release(self, peer: Peer, field: Field) -> None:
        """`release`：用完了；状态由握着的一方说。

        异常：
            ValueError：没有握着什么
        """
        job = peer.held
        if job is None:
            raise ValueError("there is nothing to release")
        verdict = field.integer("status") & 0xFFFF
        # 仍记着它：都收拾好了要告诉它一声
        peer.held = None
        self._end(job, verdict)

    def disconnected(self, peer: Peer) -> None:
        """连接断了：它握着的交还，状态无从知道。"""
        job, peer.held = peer.held, None
        if job is not None:
            del self._holders[job]
            self._end(job, None)

    def warn(self, job: Job, line: str | None) -> None:
        """分配要收回了：告诉握着它的一方。"""
        self._until.pop(job, None)
        if job in self._holders:
            self._holders[job].send({"op": "ending", "line": line, "step": None})

    def over(self, job: Job) -> None:
        """作业没有了。"""
        self._until.pop(job, None)
        peer = self._holders.pop(job, None)
        if peer is not None:
            peer.held = None
            peer.send({"op": "revoked", "job": job.key[0]})

    def attend(self) -> float | None:
        """收回没有人握的；返回几秒之后要再来，None 为不必。"""
        now = time.monotonic()
        for job in [job for job, until in self._until.items() if now >= until]:
            del self._until[job]
            log(f"job {job.owner.label}: nobody holds the allocation, taking it back")
            self._end(job, None)
        return min((until - now for until in self._until.values()), default=None)

    def _end(self, job: Job, verdict: int | None) -> None:
        if job.final is not None:
            return
        job.tenure.verdict, job.tenure.unheld = verdict, verdict is None
        try:
            self._journal.append(
                "released", {**job.identity(), "verdict": verdict, "unheld": verdict is None}
            )
        except OSError as error:
            log(f"job {job.owner.label}: cannot record its release: {error}")
        self._ending.terminate(job, job.owner.grace)


def wait_for_end(gate: Gate) -> None:
    """占着分配的子进程的全程：过了关口就一直等到被信号结束；不返回。"""
    if gate.wait():
        os.setsid()
        while True:
            signal.pause()
    os._exit(0)
