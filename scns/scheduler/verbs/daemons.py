"""管守护进程。来源：scontrol(1) “reconfigure”“shutdown”。"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scns.scheduler.requests import Asked

_NOT_ALLOWED = {"error": "Invalid user id"}


def reconfigure(_: Any, asked: Asked) -> list[Any]:
    """重读配置文件，只有管理员可以。"""
    if not asked.operator:
        return [_NOT_ALLOWED]
    asked.effects.reconfigure = True
    return [None]


def shutdown(_: Any, asked: Asked) -> list[Any]:
    """停下 scnsd，只有管理员可以；在跑的作业照常运行，新的提交存着等它回来。

    stepd 与数据库不停：停了它们，作业也就停了；那是 `scns down` 的事。
    """
    if not asked.operator:
        return [_NOT_ALLOWED]
    asked.effects.shutdown = True
    return [None]
