"""这台机器此刻的样子：报到与心跳用。"""

from __future__ import annotations

import os
import platform
import pwd
from typing import Any

import psutil

from scns import __version__


def boot_id() -> str:
    """内核给这次开机的标识。"""
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as stream:
        return stream.read().strip()


def load(node: str) -> dict[str, Any]:
    """负载（百分之一）与可用内存（MiB）。"""
    return {
        "node": node,
        "cpu_load": round(os.getloadavg()[0] * 100),
        "free_memory": psutil.virtual_memory().available >> 20,
    }


def facts(node: str) -> dict[str, Any]:
    """报到要写的全部事实。"""
    system = platform.uname()
    return load(node) | {
        "boot_id": boot_id(),
        "boot_time": psutil.boot_time(),
        "architecture": system.machine,
        "operating_system": f"{system.system} {system.release} {system.version}",
        "version": __version__,
    }


def owner_refusal(name: str, uid: int) -> str | None:
    """属主的名字如今是不是还指同一个 uid；不是时返回拒绝的理由。

    提交之后用户被删、名字给了别人，作业就不能再以这个名字跑。
    """
    try:
        found = pwd.getpwnam(name).pw_uid
    except KeyError:
        return f"user {name} does not exist any more"
    if found != uid:
        return f"user {name} had uid {uid} at submission and has uid {found} now"
    return None
