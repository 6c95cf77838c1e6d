"""从 postmaster.pid 与 /proc 看服务器：在不在、到哪一步、还有谁没走。

postmaster.pid 的格式见 PostgreSQL 源码 `src/include/utils/pidfile.h`：第 1 行是 pid，第 8 行
是状态。它属于服务账户，而读它的可能是 root，所以里面的 pid 要核对了才发信号。
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from scns.db import durable

#: 服务器的可执行文件名，也是 /proc/PID/status 里的 Name。
_PROGRAM = "postgres"


@dataclass(frozen=True)
class PidFile:
    """postmaster.pid 的内容。

    参数：
        status：`starting`、`stopping`、`ready` 或 `standby`；还没写到那一行时为空
    """

    pid: int
    status: str


def read_pid_file(data: str) -> PidFile | None:
    """读 postmaster.pid；不在、或刚建立还没写全时返回 None。"""
    content = durable.read(os.path.join(data, "postmaster.pid"))
    return None if content is None else parse_pid_file(content)


def parse_pid_file(content: bytes) -> PidFile | None:
    """解开 postmaster.pid 的内容；第 1 行不是 pid 时返回 None。

    独立后端（`postgres --single`）把自己的 pid 写成负数，同样占着数据目录。
    """
    lines = content.split(b"\n")
    digits = lines[0].strip().removeprefix(b"-")
    if not digits.isdigit() or int(digits) == 0:
        return None
    status = lines[7].strip().decode("ascii", "replace") if len(lines) > 7 else ""
    return PidFile(int(digits), status)


def is_server(pid: int, data: str) -> bool:
    """这个进程活着，属于数据目录的主人，并且是这个数据目录的 PostgreSQL 进程。

    僵尸不算：它已经不占数据目录。
    """
    try:
        directory = os.stat(data)
    except OSError:
        return False
    if not _is_live_postgres(pid, directory.st_uid):
        return False
    try:
        # 每个 PostgreSQL 进程都以数据目录为工作目录
        return os.path.samestat(os.stat(f"/proc/{pid}/cwd"), directory)
    except PermissionError:
        # 容器里的 root 可能没有 CAP_SYS_PTRACE；命令行谁都能读，postmaster 的从不改写
        return os.fsencode(data) in _command_line(pid)
    except OSError:
        return False


def _is_live_postgres(pid: int, uid: int) -> bool:
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as stream:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in stream if ":\t" in line)
    except OSError:
        return False
    return (
        status["Name"] == _PROGRAM
        and status["State"][0] not in "ZX"
        and int(status["Uid"].split()[0]) == uid
    )


def _command_line(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return stream.read().split(b"\0")
    except OSError:
        return []


def leftovers(data: str) -> list[int]:
    """这个数据目录的全部 PostgreSQL 进程；postmaster 死后就是还没走的后端。"""
    with os.scandir("/proc") as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdigit()]
    return [pid for pid in pids if is_server(pid, data)]


def wait_gone(pid: int, data: str, deadline: float) -> bool:
    """等到这个服务器进程不在了（成为僵尸也算）；期限到了还在则返回 False。

    参数：
        deadline：`time.monotonic()` 的时刻
    """
    while is_server(pid, data):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.002)
    return True
