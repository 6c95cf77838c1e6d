"""guardian 与 stepd：两个进程互为后备，谁被 kill -9 了，另一个都能补上。

guardian 是 stepd 的父进程，两者都是 subreaper。stepd 死了，作业连同没有收的尸都归 guardian，
它 fork 一个新的 stepd，从日记接手。guardian 死了，stepd 自己变成 guardian，再 fork 一个 stepd；
从前的孩子仍是它的孩子。所以不论变成谁，走的都是 `Pair.keep_alive` 里同一个循环。新进程都是 fork
出来的，不重新执行程序：磁盘上的虚拟环境可能正在升级，甚至已经删了。

停止：TERM 或 INT 发给哪个都一样，stepd 不再接受作业，结束全部作业（TERM，各作业的宽限，KILL），
记下结局，两个都退出；再来一遍就不再宽限。要让作业照常运行，用 `shutdown` 消息，`kill` 为假。

guardian 收尸要等 stepd 点头：先报告，stepd 记进日记，回话，才收。stepd 死在中间，尸体还在，
报告给它的继任者。

守不住的只有一种：作业的父进程死了，而接手它的祖先也死了（stepd 之后又是 guardian，或者两个同时）。
作业照常运行，归 init，由 pidfd 看着；状态要问内核，6.15 以前的内核不答，如实报告 `lost`。
"""

from __future__ import annotations

import os
import signal
import socket
import time

from scns.stepd import kernel
from scns.stepd.files import remove
from scns.stepd.job import wait_status
from scns.stepd.log import log
from scns.stepd.protocol import SOCKET_NAME
from scns.stepd.server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.stepd.cgroup import Hierarchy
    from scns.stepd.options import Options

#: 刚启动就死的 stepd 不立刻重启：等这么久，秒，每次加倍。
_FIRST_DELAY = 0.1
_LAST_DELAY = 10.0

#: 活过这么久，秒，就不算刚启动。
_STABLE = 1.0

#: stepd 起不来的退出码；头一个就起不来，guardian 也不再试。
_CANNOT_START = 3

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Pair:
    """guardian 与 stepd 这一对；哪个进程里的都是同一个对象的副本。

    参数：
        ready：头一个 stepd 开始监听之后写一个字节的描述符；不用报告时为 None
    """

    def __init__(
        self, options: Options, hierarchy: Hierarchy | None, ready: int | None = None
    ) -> None:
        self._options = options
        self._hierarchy = hierarchy
        self._ready = ready
        self._first = True

    def keep_alive(self) -> int:
        """一直运行到奉命停下；在 guardian 与 stepd 里各返回一次退出码。

        异常：
            OSError：内核不许收养孤儿，或者 fork 不了
        """
        kernel.adopt_orphans()
        # 平时屏蔽着停止信号，只在知道该怎么办的时候放开，换班的空当里来的就不会丢
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        delay = 0.0
        while True:
            time.sleep(delay)
            born = time.monotonic()
            code = self._generation()
            if code is not None:
                return code
            if time.monotonic() - born > _STABLE:
                delay = 0.0
            else:
                delay = min(max(delay * 2, _FIRST_DELAY), _LAST_DELAY)

    def _generation(self) -> int | None:
        """一代 stepd：fork 出来，守到它死；在子进程里则是做这个 stepd。

        返回：
            退出码；None 为调用者接着做 guardian，fork 下一代：stepd 意外死了，或者在子进程里，
            guardian 死了
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        guardian = os.getpid()
        self._write_pid("guardian.pid")
        stepd = os.fork()
        if stepd == 0:
            ours.close()
            return self._serve(theirs, guardian)
        theirs.close()
        if self._ready is not None:
            os.close(self._ready)
            self._ready = None
        try:
            code = os.waitstatus_to_exitcode(_watch(stepd, ours))
        finally:
            ours.close()
        first, self._first = self._first, False
        if code == 0 or (first and code == _CANNOT_START):
            remove(self._path("guardian.pid"))
            return code
        log(f"stepd {stepd} ended with {code}, starting another")
        return None

    def _serve(self, channel: socket.socket, guardian: int) -> int | None:
        kernel.adopt_orphans()
        try:
            self._write_pid("stepd.pid")
            server = Server(self._options, self._hierarchy, channel, guardian)
        except OSError as error:
            log(f"cannot start: {error}")
            return _CANNOT_START
        if self._ready is not None:
            os.write(self._ready, b"+")
            os.close(self._ready)
            self._ready = None
        self._first = False
        outcome = server.run()
        server.close()
        if outcome == "orphaned":
            return None
        if self._hierarchy is not None:
            self._hierarchy.close()
        remove(self._path(SOCKET_NAME))
        remove(self._path("stepd.pid"))
        return 0

    def _write_pid(self, name: str) -> None:
        """写进程号文件；运行目录可以是别人的，所以不跟随任何已有的东西。"""
        path = self._path(name)
        partial = f"{path}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        remove(partial)
        fd = os.open(partial, flags, 0o644)
        try:
            os.write(fd, f"{os.getpid()}\n".encode())
        finally:
            os.close(fd)
        os.rename(partial, path)

    def _path(self, name: str) -> str:
        return os.path.join(self._options.run_dir, name)


def _watch(stepd: int, channel: socket.socket) -> int:
    """守到 stepd 死去，返回它的等待状态；其间替它报告自己名下作业的死讯。"""

    def forward(number: int, frame: object) -> None:
        os.kill(stepd, signal.SIGTERM)

    for number in _STOP_SIGNALS:
        signal.signal(number, forward)
    signal.signal(signal.SIGHUP, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    while True:
        info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        if info is None:
            continue
        status = wait_status(info)
        if info.si_pid == stepd or not _report(channel, info.si_pid, status):
            break
        os.waitpid(info.si_pid, 0)
    # 收尸之后进程号可能重用，不能再转发
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    return os.waitpid(stepd, 0)[1]


def _report(channel: socket.socket, pid: int, status: int) -> bool:
    """报告一个孩子的死讯，等 stepd 记下；假是 stepd 已死。"""
    try:
        channel.send(f"{pid} {status}".encode())
        return bool(channel.recv(64))
    except OSError:
        return False
