"""stepd 的事件循环：套接字、信号、guardian 与定时，都在一个 poll 里。

没有事时 poll 不设超时，空闲不耗 CPU。

信号一律屏蔽、从描述符读，处置都是默认的：fork 出的子进程放开屏蔽就与新生的一样，没有哪一刻
会误入 stepd 的处理函数。

各连接按接入的先后读到空为止：新的 scnsd 收到 `welcome` 之前，前一个 scnsd 死前发出的命令都已
执行，`welcome` 说没有的作业以后也不会冒出来。
"""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import socket
import struct

from scns.stepd import kernel
from scns.stepd.connection import Connection
from scns.stepd.files import remove
from scns.stepd.jobs import Jobs, Missing
from scns.stepd.log import log
from scns.stepd.peer import Refused
from scns.stepd.protocol import OWNER_OPERATIONS, VERSION, ProtocolError, address
from scns.stepd.spec import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from scns.stepd.cgroup import Hierarchy
    from scns.stepd.options import Options
    from scns.stepd.protocol import Message

    #: `stopped`：奉命停下；`orphaned`：guardian 死了，调用者接替它。
    Outcome = Literal["stopped", "orphaned"]

_BACKLOG = 64
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_CREDENTIALS = struct.Struct("3i")

#: 每个不能下命令的用户至多这么多条连接。
_MAX_CONNECTIONS = 1024

#: 他的连接，连同递来还没有用上的描述符，至多占可用的这么多分之一。
_SHARE = 4

#: 客户端不读的话最多替它攒这么多，字节；再多就断开，它重连后会从 `welcome` 补齐。
_MAX_PENDING = 64 << 20

#: poll 的超时上限，秒；再长的定时也只是中途空醒一次。
_MAX_TIMEOUT = 86400.0


class Server:
    """一个 stepd。

    参数：
        channel：通往 guardian 的套接字；读到文件尾就是它死了
        guardian：它的进程号
    """

    def __init__(
        self,
        options: Options,
        hierarchy: Hierarchy | None,
        channel: socket.socket,
        guardian: int,
    ) -> None:
        self._options = options
        self._channel = channel
        self._connections: dict[int, Connection] = {}
        self._turned_away: set[int] = set()
        #: 描述符用完时让出来的一个；见 `_refuse_one`。
        self._spare: int | None = _open_spare()
        self._poll = select.poll()
        self._outcome: Outcome | None = None
        self._jobs = Jobs(options, hierarchy, guardian, self._announce)
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self._signals = kernel.signal_descriptor(_SIGNALS)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listen()
        descriptors = (self._signals, self._listener.fileno(), channel.fileno())
        for fd in (*descriptors, *self._jobs.ending.watched):
            self._poll.register(fd, select.POLLIN)

    def run(self) -> Outcome:
        """一直转到奉命停下，或者 guardian 死了。"""
        timeout: float | None = 0.0  # 先收拾前任留下的
        while self._outcome is None:
            self._turn(timeout)
            self._jobs.ending.reap()
            timeout = self._jobs.turn()
            self._flush()
            if self._jobs.register.closing and not self._jobs.register.alive():
                self._outcome = "stopped"
        return self._outcome

    def close(self) -> None:
        """放下一切，不动作业。"""
        self._jobs.close()
        os.close(self._signals)
        if self._spare is not None:
            os.close(self._spare)
        for connection in self._connections.values():
            connection.socket.close()
        self._listener.close()
        self._channel.close()

    def _turn(self, timeout: float | None) -> None:
        wait = None if timeout is None else min(timeout, _MAX_TIMEOUT) * 1000 + 0.999
        ready = dict(self._poll.poll(wait))
        if self._signals in ready:
            self._heed_signals()
        for connection in list(self._connections.values()):
            if connection.fileno() in ready:
                self._read(connection)
        for handle in list(self._jobs.ending.watched):
            if handle in ready:
                self._poll.unregister(handle)
                self._jobs.ending.departed(handle)
        if self._channel.fileno() in ready:
            self._hear_guardian()
        if self._listener.fileno() in ready:
            self._accept()

    # ---- 信号与 guardian ----

    def _heed_signals(self) -> None:
        numbers = kernel.read_signals(self._signals)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            log("stopping: all jobs are being killed")
            # 催第二遍就不再宽限
            self._stop(0.0 if self._jobs.register.closing else None)

    def _stop(self, grace: float | None) -> None:
        if not self._jobs.register.closing:
            self._poll.unregister(self._listener)
            self._listener.close()
        self._jobs.control.stop_all(grace)

    def _hear_guardian(self) -> None:
        """guardian 报告它的一个孩子的死讯；我们记下之后它才收尸。"""
        report = self._channel.recv(256)
        if not report:
            log("the guardian is gone, taking its place")
            self._outcome = "orphaned"
            return
        pid, status = map(int, report.split())
        self._jobs.ending.inherited(pid, status)
        self._channel.send(b"recorded")

    # ---- 连接 ----

    def _listen(self) -> None:
        with address(self._options.run_dir) as path:
            remove(path)
            # 谁都可以连，说了算不算看 SO_PEERCRED。用 umask 而不是 chmod：
            # 运行目录可以是别人的，chmod 的路径上可能已经换了东西
            before = os.umask(0o111)
            try:
                self._listener.bind(path)
            finally:
                os.umask(before)
        self._listener.listen(_BACKLOG)

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._refuse_one()
            return
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(credentials)
        commands = self._options.commands(uid)
        if not commands and self._crowded(uid):
            if uid not in self._turned_away:  # 每人只记一次，不让谁写满日志
                self._turned_away.add(uid)
                log(f"refused a connection from uid {uid}")
            peer.close()
            return
        peer.setblocking(False)
        self._connections[peer.fileno()] = Connection(peer, uid, commands)
        self._poll.register(peer, select.POLLIN)

    def _crowded(self, uid: int) -> bool:
        """这个用户的连接够多了，或者他的作业根本不许在这里跑。"""
        if self._options.refusal(uid) is not None:
            return True
        count = sum(each.uid == uid for each in self._connections.values())
        return count >= _MAX_CONNECTIONS or self._greedy(uid)

    def _greedy(self, uid: int) -> bool:
        """这个用户占着的描述符够多了：再多，别人就连不上、作业也启动不了。"""
        found = (each for each in self._connections.values() if each.uid == uid)
        return sum(1 + len(each.descriptors) for each in found) >= _open_files() // _SHARE

    def _refuse_one(self) -> None:
        """描述符用完了：让出备用的一个，接进来就关上。

        不接的话监听的一直可读，事件循环就空转了。
        """
        if self._spare is None:
            return
        os.close(self._spare)
        try:
            self._listener.accept()[0].close()
        except OSError:
            pass
        finally:
            self._spare = _open_spare()

    def _drop(self, connection: Connection) -> None:
        if self._connections.pop(connection.fileno(), None) is not None:
            self._poll.unregister(connection.fileno())
            connection.socket.close()
            for fd in connection.take_descriptors():
                os.close(fd)
            self._jobs.visits.disconnected(connection)

    def _read(self, connection: Connection) -> None:
        """读到空为止，逐条执行。"""
        while True:
            try:
                data = connection.receive()
                if connection.descriptors and not connection.commands:
                    self._ration(connection)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            try:
                for message in connection.decoder.feed(data) if data else ():
                    self._obey(connection, message)
            except ProtocolError as error:
                log(f"dropped a client: {error}")
                data = b""
            if not data:
                self._drop(connection)
                return

    def _ration(self, connection: Connection) -> None:
        """描述符递得太多的连接不要了。

        异常：
            OSError：太多了
        """
        if self._greedy(connection.uid):
            raise OSError(errno.EMFILE, "too many descriptors")

    def _flush(self) -> None:
        for connection in list(self._connections.values()):
            if not connection.pending:
                continue
            try:
                connection.flush()
            except OSError:
                self._drop(connection)
                continue
            if len(connection.pending) > _MAX_PENDING:
                log("dropped a client that does not read")
                self._drop(connection)
                continue
            more = select.POLLOUT if connection.pending else 0
            self._poll.modify(connection.fileno(), select.POLLIN | more)

    def _announce(self, message: Message) -> None:
        for connection in self._connections.values():
            if connection.listens:
                connection.send(message)

    # ---- 命令 ----

    def _obey(self, connection: Connection, message: Message) -> None:
        """执行一条命令；做不到的不影响别的。

        只有 `start` 做不到时回 `refused`：别的命令的对象多半只是刚结束，`ended` 会说明一切。
        """
        operation = message.get("op")
        identity: Message = {k: message[k] for k in ("job", "attempt") if k in message}
        answer: Message | None = None
        if operation in OWNER_OPERATIONS:
            self._obey_owner(connection, str(operation), message)
            return
        try:
            if not connection.commands:
                raise Refused("operation not permitted")
            answer = self._execute(message)
        except Missing as missing:
            answer = {"op": "missing", **identity, "what": missing.what}
        except (Refused, ValueError, OSError) as error:
            log(f"refused {operation} {identity}: {error}")
            if operation in ("start", "allocate"):
                answer = {"op": "refused", **identity, "error": str(error)}
        if answer is None:
            return
        try:
            connection.send(answer)
        except ProtocolError as error:
            # 几万个没有确认的作业装不进一条 welcome
            log(f"cannot answer {operation}: {error}")
            self._drop(connection)

    def _obey_owner(self, connection: Connection, operation: str, message: Message) -> None:
        """作业的主人的一条消息；做不到就回 `refused`。"""
        descriptors = connection.take_descriptors()
        connection.listens = False
        try:
            self._jobs.visits.obey(connection, operation, Field(message), descriptors)
        except (Refused, ValueError, OSError) as error:
            connection.send({"op": "refused", "error": str(error)})
        finally:
            for fd in descriptors:
                os.close(fd)

    def _execute(self, message: Message) -> Message | None:
        field = Field(message)
        operation = field.text("op")
        if operation == "hello":
            return {"op": "welcome", "version": VERSION, "pid": os.getpid(), **self._jobs.welcome()}
        if operation == "script":
            self._jobs.keep_script(field)
        elif operation == "environment":
            self._jobs.keep_environment(field)
        elif operation == "start":
            return self._jobs.start(message)
        elif operation == "allocate":
            return self._jobs.allocate(message)
        elif operation == "shutdown":
            self._shut_down(field.flag("kill"))
        else:
            return self._about_job(operation, field)
        return None

    def _about_job(self, operation: str, field: Field) -> Message | None:
        key = (field.integer("job"), field.integer("attempt"))
        if operation == "signal" and field.has("step"):
            self._jobs.control.signal_step(key, field.integer("signal"), field.integer("step"))
        elif operation == "signal":
            self._jobs.control.signal(key, field.integer("signal"), field.text("scope"))
        elif operation == "kill":
            self._jobs.control.kill(key, field.seconds("grace"), field.optional_text("message"))
        elif operation == "suspend":
            self._jobs.control.suspend(key)
        elif operation == "resume":
            self._jobs.control.resume(key)
        elif operation == "ack":
            self._jobs.acknowledge(key)
        elif operation == "step_ack":
            self._jobs.acknowledge_step(key, field.integer("step"))
        elif operation == "pids":
            return {
                "op": "pids",
                "job": key[0],
                "attempt": key[1],
                "pids": self._jobs.control.pids(key),
            }
        else:
            raise Refused(f"operation {operation} does not exist")
        return None

    def _shut_down(self, kill: bool) -> None:
        if kill:
            log("shutdown: all jobs are being killed")
            self._stop(None)
        else:
            log("shutdown: running jobs are left alone")
            self._outcome = "stopped"


def _open_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _open_spare() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
