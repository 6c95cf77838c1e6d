"""与作业的主人说话的一方：一条连接带着、等着、握着或旁听着什么。"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.stepd.job import Job
    from scns.stepd.protocol import Message
    from scns.stepd.spec import Field
    from scns.stepd.step import Step

#: 一步最多多少个任务。
MAX_TASKS = 65_536


class Refused(Exception):
    """要求不合规矩，或眼下做不到；文本进 `refused` 的 `error`，是 Slurm 的句子或给管理员看的话。"""


class Peer:
    """带着一个作业步、握着一个分配或旁听着的连接；由服务器的连接继承。

    参数：
        uid：对端的 uid，内核说的
    """

    def __init__(self, uid: int) -> None:
        self.uid = uid
        #: 它带着的步；没有时为 None。
        self.step: Step | None = None
        #: 它在等 CPU 的要求；没有时为 None。
        self.wish: Wish | None = None
        #: 它握着的分配；没有时为 None。
        self.held: Job | None = None
        #: 它旁听的步或批处理脚本；没有时为 None。
        self.heard: Step | Job | None = None

    def send(self, message: Message) -> None:
        """发一条消息；由子类实现。"""
        raise NotImplementedError


class Wish:
    """想建立的一步。

    参数：
        field：`step` 消息
        job：在哪个作业里

    异常：
        ValueError：缺字段，或类型不对
    """

    def __init__(self, field: Field, job: Job) -> None:
        self.job = job
        self.name = field.text("name")[:1024]
        self.count = field.integer("tasks", 1)
        self.cpus = field.integer("cpus", 1)
        #: 占着不许别的步用的 CPU；None 是作业的全部，0 是可以与别的步重叠。
        self.held = None if field.optional_text("hold") == "all" else field.integer("held")
        #: 占着不许别的步用的 GPU 数；None 是没有说：作业的都看得见，一块也不占。
        self.gpus = field.integer("gpus") if field.has("gpus") else None
        self.immediate = field.flag("immediate")
        if self.count > MAX_TASKS:
            raise ValueError("tasks is out of range")


class Audience:
    """旁听的连接：`sattach` 听一步，或听批处理脚本，怎样结束。"""

    def __init__(self) -> None:
        self._of: dict[Step | Job, list[Peer]] = {}

    def join(self, peer: Peer, what: Step | Job) -> None:
        """连接开始旁听。

        异常：
            ValueError：它已经在做别的
        """
        if peer.heard is not None or peer.step is not None or peer.wish is not None:
            raise ValueError("a connection carries one step")
        peer.heard = what
        self._of.setdefault(what, []).append(peer)

    def leave(self, peer: Peer) -> None:
        """连接断了。"""
        what, peer.heard = peer.heard, None
        if what is not None:
            self._of[what].remove(peer)
            if not self._of[what]:
                del self._of[what]

    def tell(self, what: Step | Job, message: Message) -> None:
        """告诉旁听的。"""
        for peer in self._of.get(what, ()):
            peer.send(message)

    def dismiss(self, what: Step | Job) -> None:
        """都收拾好了，没有什么再听。"""
        for peer in self._of.pop(what, ()):
            peer.heard = None
            peer.send({"op": "finished"})
