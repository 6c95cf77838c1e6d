"""几个文件上的小事，各模块共用。"""

from __future__ import annotations

import os


def read_bytes(path: str, limit: int = 1 << 16) -> bytes:
    """读出一个小的伪文件，至多 `limit` 字节。

    异常：
        OSError：文件不在或不许读；进程恰好消失也在其中
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        while limit > 0 and (piece := os.read(fd, min(limit, 1 << 16))):
            pieces.append(piece)
            limit -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """写完全部字节。

    异常：
        OSError：写不完，磁盘满了等
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def names(directory: str) -> list[str]:
    """列出目录里的名字。

    异常：
        OSError：目录不在或不许读
    """
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries]


def remove(path: str) -> None:
    """删掉文件；没有或者删不掉就算了。"""
    try:
        os.unlink(path)
    except OSError:
        return
