"""嵌入式服务器的测试共用：临时的状态目录、以别的用户运行一段代码。"""

from __future__ import annotations

import os
import pickle
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from scns.db import binaries
from scns.db.cluster import Cluster

ROOT = os.geteuid() == 0

REPOSITORY = Path(__file__).parents[1]

#: 不是启动者、也不是服务账户的用户；每台 Linux 都有。
STRANGER = "nobody"

needs_root = pytest.mark.skipif(not ROOT, reason="needs root")


def require_binaries() -> None:
    """没有任何可用的 PostgreSQL 时跳过。"""
    if not any(one.major >= binaries.OLDEST_MAJOR for one in binaries.find("/nonexistent")):
        pytest.skip("no PostgreSQL on this platform")


@contextmanager
def temporary_home(*below: str) -> Iterator[str]:
    """一个服务账户进得去的临时状态目录；结束时服务器停止，目录消失。

    参数：
        below：状态目录在临时目录下的各级名字；不给时临时目录下的 `home`
    """
    top = tempfile.mkdtemp(prefix="scns-cluster-", dir="/tmp")
    os.chmod(top, 0o755)
    home = os.path.join(top, *(below or ("home",)))
    try:
        yield home
    finally:
        Cluster(home).stop(grace=5)
        shutil.rmtree(top)


def seed(home: str, other: str) -> None:
    """让新的状态目录有另一个的程序副本（硬链接），省去复制。"""
    os.makedirs(home, 0o755)
    shutil.copytree(f"{other}/pg", f"{home}/pg", copy_function=os.link)


def begin_start(home: str) -> subprocess.Popen[str]:
    """另一个进程里的启动；打印 pid 与是启动还是接管。"""
    script = (
        "import sys; from scns.db.cluster import Cluster;"
        "started = Cluster(sys.argv[1]).start();"
        "print(started.pid, 'spawned' if started.process else 'adopted')"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, home],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def connected(
    cluster: Cluster, user: str = "postgres", database: str = "postgres"
) -> Iterator[Any]:
    """以角色连接，自动提交，给出游标。"""
    text, held = cluster.dsn(user, database)
    try:
        connection = psycopg2.connect(text)
    finally:
        if held is not None:
            os.close(held)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def refusal(cluster: Cluster, user: str, database: str = "scns") -> str | None:
    """登录被拒的话；登录得了则为 None。"""
    try:
        with connected(cluster, user, database):
            return None
    except psycopg2.OperationalError as error:
        return str(error)


def errors_of(cluster: Cluster, user: str, statements: list[str]) -> list[str | None]:
    """以角色逐条执行，返回各条的 SQLSTATE；成功的为 None。"""
    codes: list[str | None] = []
    with connected(cluster, user, "scns") as cursor:
        for statement in statements:
            try:
                cursor.execute(statement)
            except psycopg2.Error as error:
                codes.append(error.pgcode)
            else:
                codes.append(None)
    return codes


def as_user(name: str, function: Callable[[], Any]) -> Any:
    """在换成这个用户的子进程里调用，返回它的返回值；它抛出的异常在这里重新抛出。

    fork 而不 exec：root 的解释器与源码别人多半读不到，已经装进内存的不必再读。
    """
    entry = pwd.getpwnam(name)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        outcome: tuple[bool, Any]
        try:
            os.close(reading)
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            outcome = (True, function())
        except BaseException as error:  # 任何结局都要传回去
            outcome = (False, f"{type(error).__name__}: {error}")
        with os.fdopen(writing, "wb") as stream:
            pickle.dump(outcome, stream)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        content = stream.read()
    os.waitpid(child, 0)
    succeeded, value = pickle.loads(content)
    if not succeeded:
        raise AssertionError(value)
    return value
