"""一次 scontrol：选项、连接、说话的分寸与退出码；交互时各条命令共用。"""

from __future__ import annotations

import sys

from scns.db import connect
from scns.errors import ScnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Session:
    """一次 scontrol。

    属性：
        one_line：一条记录一行
        details：`show job` 多几行
        quiet：只以退出码说话
        verbose：多说几句
        finished：交互时收到了 `exit`
        exit_code：有过任何错误就是 1
    """

    __slots__ = ("_connection", "details", "exit_code", "finished", "one_line", "quiet", "verbose")

    def __init__(
        self,
        *,
        one_line: bool = False,
        details: bool = False,
        quiet: bool = False,
        verbose: bool = False,
    ) -> None:
        self.one_line = one_line
        self.details = details
        self.quiet = quiet
        self.verbose = verbose
        self.finished = False
        self.exit_code = 0
        self._connection: Any = None

    @property
    def connection(self) -> Any:
        """数据库连接；用到时才打开。"""
        if self._connection is None:
            self._connection = connect.connect()
        return self._connection

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """执行一条查询。"""
        return connect.call(self.connection, statement, parameters)

    def say(self, text: str) -> None:
        """写到标准输出；换行由调用者给。"""
        sys.stdout.write(text)

    def complain(self, line: str) -> None:
        """说一个错误，-Q 时不说；退出码变成 1。"""
        self.exit_code = 1
        if not self.quiet:
            self.insist(line)

    def insist(self, line: str) -> None:
        """说一个错误，-Q 也说；退出码变成 1。"""
        self.exit_code = 1
        self.warn(line)

    def warn(self, line: str) -> None:
        """写一行到标准错误；退出码不变。"""
        sys.stdout.flush()
        sys.stderr.write(line + "\n")

    def report(self, error: ScnsError) -> None:
        """按命令的样子说一个错误，接着做别的。"""
        sys.stdout.flush()
        sys.stderr.write("".join(line + "\n" for line in error.lines("scontrol")))
        self.exit_code = 1


def matches(word: str, name: str, minimum: int = 1) -> bool:
    """关键词可以缩写，至少 `minimum` 个字母，不分大小写。"""
    word, name = word.lower(), name.lower()
    return word == name or (len(word) >= minimum and name.startswith(word))
