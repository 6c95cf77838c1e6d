"""`srun --pty`：零号任务的终端。

srun 开一对伪终端：从的一端递给任务，成为它的控制终端；主的一端留着，与自己的终端互相抄写。自己的
终端改成原始模式，Ctrl-C 与 Ctrl-Z 因此都送到任务那边去；不论怎样结束，都恢复原来的样子。

标准输入不是终端时，任务直接拿着它：管道里的内容原样送到，也读得到尽头。来源：srun(1) `--pty`。
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from scns.cli.launch.streams import Feed, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHUNK = 1 << 16

#: struct winsize：行数，列数，与不用的两个。
_SIZE = struct.Struct("4H")


class Terminal:
    """一对伪终端，与这个进程自己的终端。

    属性：
        slave：要递给任务的一端；留到任务都结束，任务暂时一个也不拿着时主的一端才不会断
        master：留着的一端，不阻塞
        feed：把自己的终端上键入的送过去的；标准输入不是终端时为 None

    异常：
        OSError：伪终端用完了
    """

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.feed: Feed | None = None
        self._saved: list[Any] | None = None
        if os.isatty(0):
            self._saved = termios.tcgetattr(0)
            termios.tcsetattr(self.slave, termios.TCSANOW, self._saved)
            self.feed = Feed([os.dup(self.master)])
        self.fit()

    def fit(self) -> None:
        """让任务的窗口与自己的一样大；变了的话内核会告诉任务（SIGWINCH）。"""
        size = _window()
        if size is not None:
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def variables(self) -> dict[bytes, bytes]:
        """任务看见的变量；没有监听的端口，窗口的大小由内核传。"""
        found = {b"SLURM_PTY_PORT": b"0"}
        size = _window()
        if size is not None:
            rows, columns, _, _ = _SIZE.unpack(size)
            found[b"SLURM_PTY_WIN_COL"] = str(columns).encode()
            found[b"SLURM_PTY_WIN_ROW"] = str(rows).encode()
        return found

    def take(self) -> None:
        """自己的终端进入原始模式；曾被停住的，继续时再来一次。"""
        if self._saved is not None:
            termios.tcsetattr(0, termios.TCSANOW, raw(self._saved))

    def restore(self) -> None:
        """自己的终端恢复原来的样子；终端已经没有了就算了。"""
        if self._saved is not None:
            try:
                termios.tcsetattr(0, termios.TCSANOW, self._saved)
            except termios.error:
                return

    def pump(self, descriptor: int) -> bool:
        """把任务写到终端上的抄一段到 stdout；另一端都关上了返回 False。"""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        write(1, data)
        return bool(data)

    def drain(self) -> None:
        """任务都结束了：抄完剩下的，关上。"""
        os.close(self.slave)
        while True:
            try:
                data = os.read(self.master, _CHUNK)
            except OSError:
                break
            write(1, data)
        os.close(self.master)


def raw(attributes: list[Any]) -> list[Any]:
    """原始模式的终端属性：键入的与要显示的都原样经过。来源：termios(3) `cfmakeraw`。"""
    iflag, oflag, cflag, lflag, *rest = attributes
    iflag &= ~(
        termios.IGNBRK
        | termios.BRKINT
        | termios.PARMRK
        | termios.ISTRIP
        | termios.INLCR
        | termios.IGNCR
        | termios.ICRNL
        | termios.IXON
    )
    lflag &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    oflag &= ~termios.OPOST
    cflag = cflag & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    speeds, characters = rest[:2], list(rest[2])
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    return [iflag, oflag, cflag, lflag, *speeds, characters]


def _window() -> bytes | None:
    """自己的终端的窗口大小；三个标准流都不是终端时为 None。"""
    for descriptor in (0, 1, 2):
        try:
            return fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(_SIZE.size))
        except OSError:
            continue
    return None
