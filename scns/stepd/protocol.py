"""stepd 的套接字协议：帧的编码与解码，以及 scnsd 一侧的客户端。

一帧是四字节大端长度，后跟一个 ASCII 的 JSON 对象。路径、环境等字节串以
`surrogateescape` 解成 `str` 传送，编码时变成 `\\udcXX`，任何字节都不会丢。

客户端发来（`op`）：
    `hello`：索取 `welcome`
    `script`：`uid` `key` `body`，存一份脚本
    `environment`：`key` `body`，存一份以 NUL 分隔的环境
    `start`：启动作业，各字段见 `scns.stepd.launch.Spec`
    `signal`：`job` `attempt` `signal` `scope`；`batch` 只给脚本自己，`all` 给全部进程，
        `steps` 给不在脚本会话里的进程（作业步各成会话）
    `kill`：`job` `attempt` `grace` `message`；CONT 与 TERM，宽限后 KILL 到一个不剩，
        `message` 不为 null 时先在作业的 stderr 末尾加上这一行
        有 `step` 的只给那一步，KILL 是结束它
    `allocate`：准备一个没有脚本的作业，字段见 `scns.stepd.spec.Grant`；`held` 为真时要有人来握
    `suspend`、`resume`、`pids`、`ack`：`job` `attempt`
    `step_ack`：`job` `attempt` `step`
    `shutdown`：`kill` 为假时立刻退出，作业照常运行；为真时先结束全部作业

作业的主人发来，一条连接带一个步或握一个分配，断开就是不要了：
    `step`：`job` `name` `tasks` `cpus`（要几个）`hold`（`all` 为占下全部）`held`（占几个，
        0 为可以重叠）`gpus`（占几块 GPU，没有是不占）`immediate`；不够时先回 `waiting`，建立了回
        `created`，其中 `gpus` 是它看得见的
    `launch`：`programs` `tasks` `environment` `directory` `umask` `append` `limits`，连同描述符；
        `tasks` 的每一项是［程序，stdin，stdout，stderr］，流是描述符的序号、路径或 null；
        头一个描述符用来写启动不了的原因。可以没有的：`terminal`，零号任务的控制终端是第几个
        描述符；`task_prolog` `task_epilog`，用户自己要在每个任务前后运行的程序；`each`，各任务
        不同的变量：名字到每个任务的值
    `forward`：`signal`，给步的全部进程；`finish`：`grace`，结束步
    `hold`：`job`，握住分配，回 `held`；`release`：`status`，交还，这就是作业的结局
    `attach`：`job` `step`，旁听一步，`step` 是 null 的旁听批处理脚本；回 `attached`：`node`
        `files`（路径）`tasks`，后者的每一项是［stdout，stderr］，值是 `files` 里的序号，null 是
        /dev/null，false 是说不出名字的；已经结束了的任务随后补上 `exited`
    做不到都回 `refused`。步里有任务结束时收到 `exited`，都收拾好了收到 `finished`；作业将被
    结束时收到 `ending`，分配没有了收到 `revoked`

stepd 发出：
    `welcome`：`version` `pid` `boot` `controllers` `jobs`；`jobs` 的每一项是一条
        `running`（字段同 `started`）或未确认的 `ended`
    `started`：`job` `attempt` `pid` `time`
    `ended`：`job` `attempt` `status` `started` `ended` `cause` `error` `user` `system`
        `max_rss` `leftover`；`cause` 是 `prolog` 的脚本没有运行过。Epilog 失败了另有 `epilog`，
        值是 `failed`
    `missing`：`job` `attempt` `what`；补发 `what` 列出的内容后重发 `start`
    `refused`：`job` `attempt` `error`；`start` 不合规矩或做不到，没有启动，也没有留下什么；
        别的命令做不到时（多半是作业刚结束）没有回答
    `pids`：`job` `attempt` `pids`

    `step_started`、`step_ended`：`job` `attempt` `step` `name` `tasks` `cpus` `started`，后者还有
        `ended` `status` `killed` `user` `system` `max_rss`；收到 `step_ack` 之前一再报告

`started`、`ended` 与步的两条发给所有下命令的客户端，其余只回给提问者。`ended` 在收到
`ack` 之前，每次 `hello` 都会再报一遍。
"""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    Message = dict[str, object]

#: 协议的版本，`welcome` 里报告。
VERSION = 1

#: 套接字在运行目录里的名字。
SOCKET_NAME = "stepd.sock"

#: 一帧正文的上限，字节。
MAX_FRAME = 16 << 20

#: 一次能递过去的描述符数，内核的 SCM_MAX_FD。
MAX_PASSED = 253

#: 作业的主人一条消息的上限：环境有 1 MiB，编成 JSON 会变长。
MAX_OWNER_FRAME = 8 << 20

#: 作业的主人可以用的命令；对象只能是他自己的作业。
OWNER_OPERATIONS = ("step", "launch", "forward", "finish", "hold", "release", "attach")

#: 脚本没能启动时 `ended` 的等待状态：与 Slurm 的退出码 `0:53` 同值，
#: 子进程就是以 53 号信号结束自己，所以不论由谁收尸都认得出来。
LAUNCH_FAILED = 53

_LENGTH = struct.Struct("!I")
_RECEIVE_SIZE = 1 << 18
_SEND_TIMEOUT = struct.pack("ll", 30, 0)  # struct timeval

#: 在途的描述符太多时一共等多久、隔多久再试，秒。
_PASSING_PATIENCE, _PASSING_PAUSE = 30.0, 0.005

_to_json = json.JSONEncoder(separators=(",", ":")).encode


class ProtocolError(ValueError):
    """对端发来的不是一帧合法的消息；连接不能再用。"""


def encode(message: Message) -> bytes:
    """把一条消息编成一帧。

    异常：
        ProtocolError：编出来超过 `MAX_FRAME`
    """
    body = _to_json(message).encode("ascii")
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"message of {len(body)} bytes is too long")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """把一段段到来的字节还原成消息；一帧可以跨越任意多段。

    参数：
        limit：一帧正文的上限，字节
    """

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """收下一段字节，返回由此凑齐的消息。

        异常：
            ProtocolError：长度超限，或正文不是 JSON 对象
        """
        self._buffer += data
        messages = []
        start = 0
        while start + _LENGTH.size <= len(self._buffer):
            (size,) = _LENGTH.unpack_from(self._buffer, start)
            if size > self._limit:
                raise ProtocolError(f"frame of {size} bytes is too long")
            end = start + _LENGTH.size + size
            if end > len(self._buffer):
                break
            messages.append(_parse(bytes(self._buffer[start + _LENGTH.size : end])))
            start = end
        del self._buffer[:start]
        return messages


def _parse(body: bytes) -> Message:
    try:
        message = json.loads(body.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"frame is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise ProtocolError("frame is not a JSON object")
    return message


class _Address:
    """目录里套接字的地址；退出 `with` 后失效。"""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def __enter__(self) -> str:
        # 地址最长 107 字节，目录可以更长：借目录的描述符，地址总是短的
        self._fd = os.open(self._directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._fd}/{SOCKET_NAME}"

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def address(run_dir: str) -> AbstractContextManager[str]:
    """给出绑定或连接运行目录里的套接字可用的地址，不受路径长度限制。"""
    return _Address(run_dir)


class Client:
    """与 stepd 的一条连接。`fileno()` 可读时调用 `receive()`。"""

    def __init__(self, run_dir: str) -> None:
        self._decoder = Decoder()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)
            with address(run_dir) as path:
                self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """返回连接的描述符。"""
        return self._socket.fileno()

    def pass_on(self, message: Message, descriptors: Sequence[int]) -> None:
        """发一条消息，把描述符一并递过去。

        异常：
            OSError：连接已断
        """
        data = memoryview(encode(message))
        for start in range(0, len(descriptors), MAX_PASSED):
            # 每批描述符要有字节带着；剩下的字节跟在最后
            sent = self._pass(data[:1], descriptors[start : start + MAX_PASSED])
            data = data[sent:]
        self._socket.sendall(data)

    def _pass(self, data: memoryview, descriptors: Sequence[int]) -> int:
        """送一批描述符；这个用户在途的太多时等对方取走一些，unix(7) `ETOOMANYREFS`。"""
        deadline = time.monotonic() + _PASSING_PATIENCE
        while True:
            try:
                return socket.send_fds(self._socket, [data], list(descriptors))
            except OSError as error:
                if error.errno != errno.ETOOMANYREFS or time.monotonic() > deadline:
                    raise
            time.sleep(_PASSING_PAUSE)

    def send(self, messages: Iterable[Message]) -> None:
        """把各条消息一次写出。

        stepd 只在启动一批作业时才暂不读取，所以这里的等待以毫秒计。

        异常：
            OSError：连接已断，或 30 秒内没能写完
        """
        self._socket.sendall(b"".join(map(encode, messages)))

    def receive(self, timeout: float | None = 0.0) -> list[Message]:
        """取走已经到达的消息；一条也没有时最多等 `timeout` 秒，None 为一直等。

        异常：
            ConnectionError：stepd 关闭了连接；此前到达的消息已由先前的调用返回
            ProtocolError：收到的不是合法的帧
        """
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        if not poller.poll(None if timeout is None else timeout * 1000):
            return []
        return list(self._drain())

    def _drain(self) -> Iterator[Message]:
        first = True
        while True:
            try:
                data = self._socket.recv(_RECEIVE_SIZE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                if first:
                    raise ConnectionError("stepd closed the connection")
                return  # 先交出已到的消息，下一次调用再报断开
            first = False
            yield from self._decoder.feed(data)

    def close(self) -> None:
        """断开；作业不受影响。"""
        self._socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def connect(run_dir: str) -> Client:
    """连接运行目录里的 stepd。

    异常：
        OSError：没有 stepd 在监听
    """
    return Client(run_dir)
