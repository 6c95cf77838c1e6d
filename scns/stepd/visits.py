"""作业的主人要求的：srun 带一步，salloc 握一个分配，sattach 旁听。

谁都可以连上来；对象只许是对端自己的作业，对端是谁由内核说（SO_PEERCRED）。
"""

from __future__ import annotations

import os

from scns.stepd.peer import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.stepd.holding import Holding
    from scns.stepd.job import Job
    from scns.stepd.peer import Audience, Peer
    from scns.stepd.register import Register
    from scns.stepd.spec import Field
    from scns.stepd.steps import Steps


class Visits:
    """执行作业的主人发来的消息。

    参数：
        audience：旁听的；步的由 `Steps` 告诉，脚本的由这里
        node：节点名
    """

    def __init__(
        self, register: Register, steps: Steps, holding: Holding, audience: Audience, node: str
    ) -> None:
        self._register = register
        self._steps = steps
        self._holding = holding
        self._audience = audience
        self._node = node

    def obey(self, peer: Peer, operation: str, field: Field, descriptors: list[int]) -> None:
        """执行一条消息；`operation` 在 `protocol.OWNER_OPERATIONS` 里。

        异常：
            Refused、ValueError：没有做，也没有留下什么
        """
        if operation == "step":
            self._steps.create(peer, self._register.owned(peer, field), field)
        elif operation == "hold":
            self._holding.hold(peer, self._register.owned(peer, field))
        elif operation == "attach":
            self._attach(peer, self._register.owned(peer, field), field)
        elif operation == "launch":
            self._steps.launch(peer, field, descriptors)
        elif operation == "release":
            self._holding.release(peer, field)
        elif peer.step is None:
            return  # 刚结束
        elif operation == "forward":
            self._steps.signal(peer.step, field.integer("signal"))
        else:
            own = peer.step.job.owner.grace
            self._steps.terminate(peer.step, field.seconds("grace") if field.has("grace") else own)

    def disconnected(self, peer: Peer) -> None:
        """连接断了：它带着的步、握着的分配都到此为止，旁听的走了就走了。"""
        self._audience.leave(peer)
        self._steps.disconnected(peer)
        self._holding.disconnected(peer)

    def over(self, job: Job) -> None:
        """作业的进程都没有了：告诉旁听它的脚本的。"""
        self._audience.tell(job, {"op": "exited", "task": 0, "status": job.status})
        self._audience.dismiss(job)

    def _attach(self, peer: Peer, job: Job, field: Field) -> None:
        """`attach`：旁听一步；没有说哪一步的，旁听批处理脚本。"""
        if field.has("step"):
            self._steps.attach(peer, job, field.integer("step"))
            return
        if job.tenure.granted:
            raise Refused("Invalid job id specified")  # 没有脚本
        self._audience.join(peer, job)
        paths = [job.owner.stdout, job.owner.stderr]
        files = [path for path in dict.fromkeys(paths) if path != os.devnull]
        places = [files.index(path) if path in files else None for path in paths]
        identity = {**job.identity(), "step": None, "node": self._node}
        peer.send({"op": "attached", **identity, "files": files, "tasks": [places]})
