"""服务器的日志：postgres 的标准输出与标准错误直接写进它。"""

from __future__ import annotations

import os
from dataclasses import dataclass

from scns import home as home_

#: 超过这么多字节时，下一次启动把它改名为 `.1`。
SIZE_LIMIT = 16 << 20

#: 启动失败时引用的行数。
_QUOTED = 8


@dataclass(frozen=True)
class ServerLog:
    """一个状态目录里的服务器日志。

    日志目录属于启动者而不是服务账户，文件也只有启动者可读：语句的片段会在里面。
    """

    home: str

    @property
    def path(self) -> str:
        """日志文件的路径。"""
        return os.path.join(home_.log_dir(self.home), "postgres.log")

    def open(self) -> int:
        """打开以追加，返回描述符；太大的先让开。"""
        if self.size() > SIZE_LIMIT:
            os.rename(self.path, self.path + ".1")
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        return os.open(self.path, flags, 0o600)

    def size(self) -> int:
        """现在的字节数；还没有日志时为 0。"""
        try:
            return os.lstat(self.path).st_size
        except FileNotFoundError:
            return 0

    def note(self, text: str) -> None:
        """写下一行我们自己的话。"""
        fd = self.open()
        try:
            os.write(fd, f"scns: {text}\n".encode())
        finally:
            os.close(fd)

    def complaint(self, offset: int) -> str:
        """服务器从 `offset` 字节起说的最后几行，连同日志在哪里。"""
        with open(self.path, "rb") as stream:
            stream.seek(offset)
            said = stream.read().decode("utf-8", "replace").splitlines()[-_QUOTED:]
        if os.statvfs(self.home).f_bavail == 0:
            # 说空间不足的那一行多半也写不进日志
            said.append(f"No space left on device: {self.home}")
        return "\n".join([f"PostgreSQL did not start; see {self.path}", *said])
