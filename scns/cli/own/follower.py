"""跟着一个正在长的文件：新写的、被截短的、换了一个的，都跟得上。"""

from __future__ import annotations

import os
import stat

from scns.errors import ScnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: 一次读这么多字节。
_BLOCK = 1 << 16

_CLOSED = -1


class Follower:
    """一个文件的读者；文件可以还不存在。

    参数：
        lines：从最后这么多行开始；负数是从头开始。后来截短了或换了一个的，从头读
    """

    def __init__(self, path: str, lines: int = -1) -> None:
        self.path = path
        self._lines = lines
        self._descriptor = _CLOSED

    def read(self) -> Iterator[bytes]:
        """上一次以来新写的。

        异常：
            ScnsError：文件读不得
        """
        if self._descriptor == _CLOSED and not self._open():
            return
        if self._shortened():
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        yield from self._rest()
        if self._replaced():
            # 旧的读完了，再从新的开头读起
            self.close()
            if self._open():
                yield from self._rest()

    def close(self) -> None:
        """放开文件。"""
        if self._descriptor != _CLOSED:
            os.close(self._descriptor)
            self._descriptor = _CLOSED

    def _open(self) -> bool:
        """打开文件，停在该开始的地方；还不存在时返回 False。"""
        try:
            # 若是没有人写的管道，别在打开时就停住
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ScnsError(f"cannot read {self.path}: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self.close()
            raise ScnsError(f"{self.path} is not a regular file")
        if self._lines >= 0:
            os.lseek(self._descriptor, _last_lines(self._descriptor, self._lines), os.SEEK_SET)
        self._lines = -1
        return True

    def _rest(self) -> Iterator[bytes]:
        while block := os.read(self._descriptor, _BLOCK):
            yield block

    def _shortened(self) -> bool:
        """文件被截短到读过的位置以前。"""
        read = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        return os.fstat(self._descriptor).st_size < read

    def _replaced(self) -> bool:
        """这个名字下已是另一个文件。"""
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self._descriptor))
        except OSError:
            return False


def _last_lines(descriptor: int, lines: int) -> int:
    """最后 `lines` 行从哪里开始；从尾巴往前一块块找，不读整个文件。"""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if not lines or not end:
        return end
    # 结尾的换行不另起一行
    wanted = lines + (os.pread(descriptor, 1, end - 1) == b"\n")
    start = end
    while start > 0:
        size = min(_BLOCK, start)
        block = os.pread(descriptor, size, start - size)
        found = block.count(b"\n")
        if found >= wanted:
            at = len(block)
            for _ in range(wanted):
                at = block.rindex(b"\n", 0, at)
            return start - size + at + 1
        wanted -= found
        start -= size
    return 0
