"""stepd 的一条连接：攒着要发的，收下递来的描述符。"""

from __future__ import annotations

import socket
import struct

from scns.stepd.peer import Peer
from scns.stepd.protocol import MAX_OWNER_FRAME, MAX_PASSED, Decoder, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.stepd.protocol import Message

_RECEIVE_SIZE = 1 << 18
_INTEGER = struct.Struct("i")
_ANCILLARY_SIZE = socket.CMSG_LEN(MAX_PASSED * _INTEGER.size)

#: 替一条连接留着的描述符的上限。
_MAX_DESCRIPTORS = 16_384


class Connection(Peer):
    """一个客户端。

    参数：
        commands：可以下命令；不可以的只能管自己的作业步与分配
    """

    def __init__(self, peer: socket.socket, uid: int, commands: bool) -> None:
        super().__init__(uid)
        self.socket = peer
        self.commands = commands
        self.decoder = Decoder() if commands else Decoder(MAX_OWNER_FRAME)
        self.pending = bytearray()
        #: 递来了还没有用上的描述符。
        self.descriptors: list[int] = []
        #: 要听 `started` 与 `ended`；带着步、握着分配的不听。
        self.listens = commands

    def fileno(self) -> int:
        """套接字的描述符。"""
        return self.socket.fileno()

    def send(self, message: Message) -> None:
        """攒下一条消息，循环末尾一起写。"""
        self.pending += encode(message)

    def receive(self) -> bytes:
        """收一段字节，连同递来的描述符。

        异常：
            OSError：没有数据，或连接断了；递来的描述符太多
        """
        # 不用 socket.recv_fds：它不理会 flags，收下的描述符会漏给 exec 之后的程序
        data, ancillary, _, _ = self.socket.recvmsg(
            _RECEIVE_SIZE, _ANCILLARY_SIZE, socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                whole = len(content) - len(content) % _INTEGER.size
                self.descriptors += [fd for (fd,) in _INTEGER.iter_unpack(content[:whole])]
        if len(self.descriptors) > _MAX_DESCRIPTORS:
            raise OSError("too many descriptors")
        return data

    def take_descriptors(self) -> list[int]:
        """取走递来的描述符；由调用者关上。"""
        taken, self.descriptors = self.descriptors, []
        return taken

    def flush(self) -> None:
        """能写多少写多少。

        异常：
            OSError：连接断了
        """
        try:
            while self.pending:
                del self.pending[: self.socket.send(self.pending)]
        except BlockingIOError:
            return
