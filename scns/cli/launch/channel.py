"""与本节点 stepd 的一条连接：带一个作业步，或握一个分配。"""

from __future__ import annotations

from scns import home
from scns.errors import RequestRefused, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Message = dict[str, Any]


class Closed(Unavailable):
    """stepd 关上了连接：它在换班，或被停下了。"""

    def __init__(self) -> None:
        super().__init__("stepd closed the connection")


class Channel:
    """一条连接；断开就是不要它带着的东西了。

    异常：
        Unavailable：没有 stepd 在监听
    """

    def __init__(self) -> None:
        # json 与 socket 要几毫秒，只有真要用时才装载
        from scns.stepd import protocol

        state = home.state_home()
        try:
            self._client = protocol.connect(home.run_dir(state))
        except OSError:
            raise Unavailable(
                f"cannot reach stepd of {state}: it is not running; start it with 'scns up'"
            ) from None
        self._arrived: list[Message] = []

    @property
    def pending(self) -> bool:
        """有收下了还没有取走的消息；那时描述符不一定可读。"""
        return bool(self._arrived)

    def fileno(self) -> int:
        """连接的描述符。"""
        return self._client.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """发一条消息，连同描述符。

        异常：
            Closed：连接断了
        """
        try:
            self._client.pass_on(message, descriptors)
        except OSError:
            raise Closed from None

    def receive(self, seconds: float | None = 0.0) -> list[Message]:
        """取走已到的消息；一条也没有时最多等 `seconds` 秒，None 为一直等。

        异常：
            Closed：连接断了
        """
        from scns.stepd.protocol import ProtocolError

        arrived, self._arrived = self._arrived, []
        if arrived:
            return arrived
        try:
            return self._client.receive(seconds)
        except (OSError, ProtocolError):
            raise Closed from None

    def ask(self, message: Message, *answers: str, seconds: float | None = None) -> Message:
        """发一条消息，等到 `answers` 之一的回答；别的消息留着。

        异常：
            RequestRefused：stepd 拒绝了，句子是它的
            Closed：连接断了，或等得太久
        """
        self.send(message)
        return self.expect(*answers, seconds=seconds)

    def expect(self, *answers: str, seconds: float | None = None) -> Message:
        """等到 `answers` 之一的消息；见 `ask`。"""
        kept: list[Message] = []
        while True:
            messages = self.receive(seconds)
            if not messages:
                raise Closed
            for place, message in enumerate(messages):
                if message["op"] == "refused":
                    raise RequestRefused(message["error"])
                if message["op"] in answers:
                    self._arrived = [*kept, *messages[place + 1 :]]
                    return message
                kept.append(message)

    def close(self) -> None:
        """断开。"""
        self._client.close()
