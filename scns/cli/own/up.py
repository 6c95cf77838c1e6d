"""`scns up`：在后台启动一切，等到作业能跑才返回；已经在运行就什么也不做。"""

from __future__ import annotations

import fcntl
import importlib
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from scns import home
from scns.cli.own import instance, link
from scns.db import connect
from scns.db.cluster import Cluster
from scns.errors import ScnsError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: 各步之间看一眼的间隔，秒。
POLL_SECONDS = 0.01


def up(
    timeout: Annotated[float, typer.Option(help="Seconds to wait until a job could run.")] = 60.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    bootstrap_sql: Annotated[
        bool,
        typer.Option(
            "--bootstrap-sql", help="Print the SQL that prepares a PostgreSQL of your own; stop."
        ),
    ] = False,
) -> None:
    """启动数据库、stepd 与 scnsd。"""
    if bootstrap_sql:
        from scns.db.bootstrap import bootstrap_sql as script

        print(script())
        return
    state = home.own_home()
    deadline = time.monotonic() + timeout
    console = Console(quiet=quiet, highlight=False)
    settings_error = _check_configuration(state)
    if settings_error is not None:
        raise settings_error
    _lay_out(state)
    with _alone(state):
        _put_commands(state)
        supervisor = instance.pid_of(state, "supervisor")
        already = supervisor is not None
        if supervisor is None:
            _launch(state)
        else:
            # 用 `scontrol shutdown` 停下的 scnsd 要有人说一声才再启动
            os.kill(supervisor, signal.SIGHUP)
        _prepare_database(state, deadline)
        node = _wait_ready(state, deadline)
    verb = "is already running" if already else "is up"
    console.print(f"scns {verb}: node {node}, state in {state}, logs in {home.log_dir(state)}")


def _check_configuration(state: str) -> ScnsError | None:
    """配置文件有错就在启动任何东西之前说出来。"""
    path = home.conf_path(state)
    if path is None:
        return None
    from scns import config

    try:
        settings = config.load(path, host="localhost", cpus=1, memory_mib=1)
    except ScnsError as error:
        return error
    _record_dsn(state, settings.database)
    return None


def _record_dsn(state: str, database: str | None) -> None:
    """把 `Database=` 留在 run/dsn：客户端的热路径不读配置文件。"""
    path = os.path.join(home.run_dir(state), "dsn")
    if database is None:
        if os.path.exists(path):
            os.unlink(path)
        return
    os.makedirs(home.run_dir(state), exist_ok=True)
    # 连接串里可能有口令：只有自己读得到
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(database + "\n")


def _lay_out(state: str) -> None:
    """备好目录；已有的只检查。"""
    from scns.db.account import server_account
    from scns.db.datadir import lay_out

    try:
        lay_out(state, server_account())
    except OSError as error:
        where = error.filename or state
        raise ScnsError(f"Cannot use {where}: {error.strerror}") from None


def _put_commands(state: str) -> None:
    """把 srun 等以本名放进状态目录：作业的 PATH 以它结尾，脚本不必先 `scns link`。"""
    # 解释器的路径写不进 `#!` 行的机器上，脚本里写 `scns srun`
    with suppress(ScnsError):
        link.put(Path(home.bin_dir(state)), state)


@contextmanager
def _alone(state: str) -> Iterator[None]:
    """同时来的几个 `scns up` 排队：两个一起建角色、换函数，后到的会撞上先到的。"""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    lock = os.open(os.path.join(state, "up.lock"), flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _launch(state: str) -> None:
    """留下监督进程。"""
    log = os.path.join(home.log_dir(state), "supervisor.log")
    with open(log, "ab") as stream:
        subprocess.Popen(
            instance.supervisor_command(state),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def _prepare_database(state: str, deadline: float) -> None:
    """数据库一就绪就建好角色、模式与自己的登记；都已有时只是几次查询。"""
    # SQLAlchemy 与 alembic 要装载近半秒：趁建库的工夫先装上
    warm = threading.Thread(target=_import_migrations, daemon=True)
    if not os.path.isdir(home.data_dir(state)):
        warm.start()
    if not instance.external(state):
        _wait(lambda: _server_ready(state), deadline, state, "PostgreSQL")
        from scns.db.bootstrap import bootstrap

        bootstrap(Cluster(state))
    _migrate(state)


def _import_migrations() -> None:
    for name in ("alembic.command", "alembic.config", "scns.db.models"):
        importlib.import_module(name)


def _server_ready(state: str) -> bool:
    from scns.db import postmaster

    found = postmaster.read_pid_file(home.data_dir(state))
    return (
        found is not None
        and found.status == "ready"
        and postmaster.is_server(found.pid, home.data_dir(state))
    )


def _migrate(state: str) -> None:
    import psycopg2

    from scns.db import migrate
    from scns.db.account import own_entry
    from scns.db.users import register

    text, descriptor = connect.dsn(state, "scns")
    try:
        connection = psycopg2.connect(text)
    except psycopg2.OperationalError as error:
        raise Unavailable(f"cannot reach the database: {str(error).strip()}") from None
    finally:
        if descriptor is not None:
            os.close(descriptor)
    connection.autocommit = True
    try:
        migrate.migrate(connection)
        register(connection, own_entry(), is_admin=True)
    except psycopg2.Error as error:
        raise Unavailable(f"cannot prepare the database: {str(error).strip()}") from None
    finally:
        connection.close()


def _wait_ready(state: str, deadline: float) -> str:
    """等到有人排计划、本节点报到而且 stepd 应答；返回节点名。"""
    connection = connect.connect(state)
    try:
        return str(_wait(lambda: _ready_node(connection, state), deadline, state, "scnsd"))
    finally:
        connection.close()


def _ready_node(connection: Any, state: str) -> str | None:
    pid = instance.pid_of(state, "scnsd")
    if pid is None or instance.pid_of(state, "stepd") is None:
        return None
    found = instance.row(
        connection,
        "SELECT n.name FROM scns.node_list n, scns.controller c"
        " WHERE c.alive AND n.name = c.owner AND n.stepd",
    )
    return None if found is None else str(found[0])


def _wait(condition: Callable[[], Any], deadline: float, state: str, what: str) -> Any:
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{what} did not become ready in time; see {home.log_dir(state)} "
                "and run 'scns doctor'"
            )
        time.sleep(POLL_SECONDS)
