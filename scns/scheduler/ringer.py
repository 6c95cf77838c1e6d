"""替数据库拉铃：历史添了什么的通知到了，就拉响等着的客户端的铃，见 `scns.bells`。"""

from __future__ import annotations

import errno
import logging
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scns import bells

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logging.getLogger(__name__)

#: 数据库说历史添了什么的频道；内容是铃的号数。
CHANNEL = "scns_event"


class Ringer:
    """本机的铃。

    参数：
        run：见 `scns.home.run_dir`
    """

    def __init__(self, run: str) -> None:
        self._directory = bells.directory(run)

    def install(self) -> None:
        """备好铃；备不了的只记下，客户端过一阵自己会看。"""
        try:
            _make(self._directory)
        except OSError as error:
            log.warning("no bells in %s: %s", self._directory, error.strerror)

    def ring(self, names: Iterable[str]) -> None:
        """拉响这些铃；没有人等的不响。"""
        for name in names:
            try:
                os.close(self._open(name))
            except OSError as error:
                if error.errno not in (errno.ENXIO, errno.ENOENT):
                    log.warning("bell %s does not ring: %s", name, error.strerror)

    def ring_all(self) -> None:
        """叫大家都来看一眼：不在的时候可能漏听了。"""
        self.ring(bells.every_name())

    def take(self, connection: Any) -> bool:
        """取走已到的通知，拉该拉的铃；另有别的通知，scnsd 自己也该看一眼的，返回 True。

        通知谁都伪造得了：号数不对的当作没有。
        """
        arrived = list(connection.notifies)
        connection.notifies.clear()
        rung = {one.payload for one in arrived if one.channel == CHANNEL}
        if rung:
            known = rung.intersection(bells.every_name())
            self.ring([*known, bells.EVERY])
        return any(one.channel != CHANNEL for one in arrived)

    def _open(self, name: str) -> int:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(os.path.join(self._directory, name), flags)


def _make(directory: str) -> None:
    """建立目录与 FIFO：主人拉得响，别人只能等；不受 umask 影响。"""
    with suppress(FileExistsError):
        os.mkdir(directory)
    os.chmod(directory, 0o755)  # noqa: S103
    for name in bells.every_name():
        path = os.path.join(directory, name)
        try:
            os.mkfifo(path)
        except FileExistsError:
            if stat.S_ISFIFO(os.lstat(path).st_mode):
                continue
            os.unlink(path)
            os.mkfifo(path)
        os.chmod(path, 0o644)
