"""本节点作业的登记簿：正在跑的，与结束了还没有确认的。"""

from __future__ import annotations

from scns.stepd.peer import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from scns.stepd.job import Job
    from scns.stepd.journal import Key
    from scns.stepd.peer import Peer
    from scns.stepd.spec import Field


class Register:
    """作业以（作业号，第几次）为键。"""

    def __init__(self) -> None:
        self._jobs: dict[Key, Job] = {}
        #: 每个作业号最后一次启动的；更早的若还在，只是在等确认。
        self._latest: dict[int, Job] = {}
        #: 不再接受新的作业。
        self.closing = False

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def get(self, key: Key) -> Job | None:
        """这一次的作业；没有见过，或确认过了，为 None。"""
        return self._jobs.get(key)

    def latest(self, number: int) -> Job | None:
        """这个作业号最后一次启动的。"""
        return self._latest.get(number)

    def alive(self) -> list[Job]:
        """在跑的与正在收拾的。"""
        return [job for job in self if job.final is None]

    def running(self, key: Key) -> Job:
        """还没有收拾完的作业。

        异常：
            Refused：没有这样的作业
        """
        job = self._jobs.get(key)
        if job is None or job.final is not None:
            raise Refused("no such job is running")
        return job

    def owned(self, peer: Peer, field: Field) -> Job:
        """消息里 `job` 说的作业，只许是对端自己的；root 的也行。

        异常：
            Refused：没有在跑，不是他的，或正在结束
        """
        job = self._latest.get(field.integer("job"))
        if job is None or job.final is not None or job.ended is not None:
            raise Refused("Invalid job id specified")
        if peer.uid not in (job.owner.uid, 0):
            raise Refused("Access/permission denied")
        if self.closing or job.until is not None:
            raise Refused("Job/step already completing or completed")
        return job

    def add(self, job: Job) -> None:
        """登记。"""
        self._jobs[job.key] = job
        number, attempt = job.key
        latest = self._latest.get(number)
        if latest is None or latest.key[1] < attempt:
            self._latest[number] = job

    def strike(self, job: Job) -> None:
        """结局已经记好，忘掉。"""
        del self._jobs[job.key]
        if self._latest.get(job.key[0]) is job:
            del self._latest[job.key[0]]
