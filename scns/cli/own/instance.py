"""一个实例此刻的样子：各守护进程在不在，数据库答不答；up、down、status 共用。"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from scns import __version__, home
from scns.db import connect
from scns.errors import ScnsError
from scns.stepd import protocol

#: 等 stepd 回答多少秒。
STEPD_SECONDS = 5.0


@dataclass(frozen=True)
class Component:
    """一个部件。

    参数：
        pid：None 是没有运行，或看不到（属于别的用户、在别的机器上）
        state：`running`、`stopped`、`not answering` 或 `external`
    """

    name: str
    pid: int | None
    version: str | None
    state: str


def state_directory() -> str:
    """要操作的状态目录。"""
    return home.state_home()


def pid_of(state: str, name: str) -> int | None:
    """部件的进程号；没有运行时为 None。"""
    run = home.run_dir(state)
    return home.stepd_pid(run) if name == "stepd" else home.holder(run, name)


def external(state: str) -> bool:
    """数据库是不是外部的。"""
    return bool(
        os.environ.get("SCNS_DSN") or os.path.exists(os.path.join(home.run_dir(state), "dsn"))
    )


def components(state: str) -> list[Component]:
    """数据库、stepd、scnsd 与监督进程，按启动的次序。"""
    found = [_database(state)]
    for name in ("stepd", "scnsd", "supervisor"):
        pid = pid_of(state, name)
        found.append(
            Component(
                name, pid, __version__ if pid is not None else None, "running" if pid else "stopped"
            )
        )
    return found


def _database(state: str) -> Component:
    pid = None if external(state) else _postmaster_pid(state)
    try:
        connection = connect.connect(state)
    except ScnsError:
        return Component("postgres", pid, None, "not answering" if pid else "stopped")
    [(version,)] = connect.call(connection, "SELECT current_setting('server_version')")
    connection.close()
    return Component("postgres", pid, version, "external" if external(state) else "running")


def _postmaster_pid(state: str) -> int | None:
    from scns.db.cluster import Cluster

    return Cluster(state).running_pid()


def running_jobs(state: str) -> int | None:
    """占着节点的作业数；数据库答不上来时问 stepd，它也不答就是 None。"""
    try:
        connection = connect.connect(state)
        [(count,)] = connect.call(
            connection,
            "SELECT count(*) FROM scns.queue WHERE state IN ('RUNNING', 'SUSPENDED', 'COMPLETING')",
        )
        connection.close()
        return int(count)
    except ScnsError:
        found = welcome(state)
        if found is None:
            return None
        return len([job for job in found["jobs"] if job.get("state") == "running"])


def welcome(state: str) -> dict[str, Any] | None:
    """stepd 的自我介绍：版本、控制器、在跑的作业；不答或不许问时为 None。"""
    try:
        with protocol.connect(home.run_dir(state)) as client:
            client.send([{"op": "hello"}])
            deadline = time.monotonic() + STEPD_SECONDS
            while time.monotonic() < deadline:
                for message in client.receive(0.2):
                    if message["op"] == "welcome":
                        return message
    except (OSError, protocol.ProtocolError):
        pass
    return None


def supervisor_command(state: str, *words: str) -> list[str]:
    """启动监督进程的命令行；cli 与 scheduler 互不导入，所以另起一个解释器。"""
    return [sys.executable, "-m", "scns.scheduler.supervisor", "--home", state, *words]


def row(connection: Any, statement: str) -> tuple[Any, ...] | None:
    """查询的头一行；没有行时为 None。"""
    rows = connect.call(connection, statement)
    return rows[0] if rows else None
