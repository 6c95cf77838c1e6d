"""等着的客户端：数据库被杀了、连接的名额用完了，照样等得到，一件不漏。"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

import psycopg2

from scns.db import connect
from tests.acceptance.conftest import Instance, command
from tests.conftest import wait_until


def begin(instance: Instance, *words: str) -> subprocess.Popen[str]:
    """另一个进程里的 `scns WORDS…`。"""
    return subprocess.Popen(
        [*command(), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=instance.environment,
        cwd=instance.work,
    )


def postmaster(instance: Instance) -> int:
    return int((instance.home / "data" / "postmaster.pid").read_text().split()[0])


def alive(instance: Instance) -> bool:
    try:
        return instance.sql("SELECT alive FROM scns.controller") == [(True,)]
    except psycopg2.OperationalError:
        return False


def kill_database(instance: Instance) -> None:
    """杀掉 PostgreSQL，等监督进程再起来的那个有 scnsd 接着用。"""
    old = postmaster(instance)
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: alive(instance) and postmaster(instance) != old, 60, "PostgreSQL to be back")


def waiting(instance: Instance, fragment: str, number: int = 1) -> None:
    """等到这么多客户端问完了含有 `fragment` 的一句。"""
    statement = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE starts_with(usename, 'u:') AND state = 'idle' AND query LIKE %s"
    )
    wait_until(
        lambda: instance.sql(statement, f"%{fragment}%") >= [(number,)], 60, "the clients to wait"
    )


def test_waiting_clients_outlive_the_database(own_instance: Instance):
    held = own_instance.submit("exit 4", "--hold")
    watching = begin(own_instance, "watch", "--json")
    waiting(own_instance, "pg_current_snapshot")
    clients = {
        "wait": begin(own_instance, "wait", str(held)),
        "sbatch": begin(own_instance, "sbatch", "--wait", "--hold", "--wrap", "exit 5"),
        "srun": begin(own_instance, "srun", "--hold", "sh", "-c", "exit 6"),
    }
    waiting(own_instance, "bool_and", 2)
    waiting(own_instance, "SELECT q.state FROM")
    kill_database(own_instance)
    own_instance.ok("scontrol", "release", str(held), str(held + 1), str(held + 2))
    kill_database(own_instance)
    last = own_instance.submit("true")
    ended = {name: client.communicate(timeout=90) for name, client in clients.items()}
    codes = {name: client.returncode for name, client in clients.items()}
    assert codes == {"wait": 4, "sbatch": 5, "srun": 6}, ended
    seen: list[tuple[str, str]] = []
    while (str(last), "COMPLETED") not in seen:
        told = json.loads(watching.stdout.readline())
        seen.append((told["job"], told["after"]))
    watching.kill()
    watching.communicate()
    told_of = own_instance.sql(
        "SELECT job_id::text, after FROM scns.event"
        " WHERE kind = 'state' AND (job_id <> %s OR before IS NOT NULL) ORDER BY id",
        held,
    )
    assert sorted(seen) == sorted(told_of[: len(seen)])
    assert len(seen) == len(set(seen))


def test_commands_wait_for_a_free_connection(own_instance: Instance):
    role = connect.user_role()
    own_instance.sql(f'ALTER ROLE "{role}" CONNECTION LIMIT 3')
    home = str(own_instance.home)
    taken: list[Any] = [connect.connect(home) for _ in range(3)]
    submitting = begin(own_instance, "sbatch", "--parsable", "--wrap", "true")
    # 说了在等，就不是马上失败
    assert submitting.stderr.readline() == (
        "scns: all database connections are in use; waiting for one\n"
    )
    taken.pop().close()
    out, err = submitting.communicate(timeout=60)
    assert (submitting.returncode, out.strip().isdigit(), err) == (0, True, "")
    # 操作员与 scnsd 不受其累
    assert own_instance.sql("SELECT alive FROM scns.controller") == [(True,)]
    waiters = [
        begin(own_instance, "sbatch", "--wait", "--wrap", f"sleep 0.5; exit {at}")
        for at in range(1, 9)
    ]
    codes = []
    for waiter in waiters:
        waiter.communicate(timeout=90)
        codes.append(waiter.returncode)
    assert codes == list(range(1, 9))
    for connection in taken:
        connection.close()
