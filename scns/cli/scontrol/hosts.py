"""`scontrol show hostnames`、`hostlist` 与 `hostlistsorted`；不需要数据库。来源：scontrol(1)。"""

from __future__ import annotations

import os
import sys

from scns import hostlist
from scns.cli.scontrol.session import Session
from scns.errors import InvalidInput

#: 名单文件至多读这么多字节，与 Slurm 相同。
_MAX_FILE = 1 << 20


def show_hostnames(session: Session, text: str | None) -> None:
    """一行一个名字；没有写名单时用作业自己的节点。"""
    if text is None:
        text = os.environ.get("SLURM_NODELIST") or os.environ.get("SLURM_JOB_NODELIST")
    if text is None:
        session.warn("scontrol: error: host list is empty")
        return
    session.say("".join(f"{name}\n" for name in hostlist.expand(text)))


def show_hostlist(session: Session, text: str | None) -> None:
    """把名字折叠成名单，次序不变。"""
    _fold(session, text, in_order=False)


def show_hostlist_sorted(session: Session, text: str | None) -> None:
    """排好序再折叠。"""
    _fold(session, text, in_order=True)


def _fold(session: Session, text: str | None, *, in_order: bool) -> None:
    if text is None:
        raise InvalidInput("invalid encode argument", style="bare")
    names = hostlist.expand(_read(text) if text == "-" or text.startswith("/") else text)
    if in_order:
        names.sort(key=hostlist.sort_key)
    session.say(hostlist.compress(names) + "\n")


def _read(path: str) -> str:
    """文件（`-` 是标准输入）里的名字，以换行或逗号隔开。

    异常：
        InvalidInput：读不了，或太大
    """
    try:
        if path == "-":
            text = sys.stdin.read(_MAX_FILE)
        else:
            with open(path, encoding="ascii") as stream:
                text = stream.read(_MAX_FILE)
    except (OSError, ValueError):
        raise InvalidInput(f"Can not open {path}", style="bare") from None
    if len(text) >= _MAX_FILE:
        raise InvalidInput(f"File {path} is too large", style="bare")
    return ",".join(item for item in text.replace("\n", ",").split(",") if item)
