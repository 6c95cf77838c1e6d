"""备好的数据库：谁进得来，进来了做不了什么，scns 自己做得了什么。"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from scns.db import binaries, migrate, roles
from scns.db.bootstrap import bootstrap, bootstrap_sql
from scns.db.cluster import Cluster
from scns.errors import RequestRefused, Unavailable
from tests.clusters import (
    ROOT,
    STRANGER,
    as_user,
    connected,
    errors_of,
    needs_root,
    refusal,
    require_binaries,
    seed,
    temporary_home,
)

ME = pwd.getpwuid(os.geteuid()).pw_name

#: 一个普通用户在锁紧的数据库里想做的事；每一件都要被拒。
FORBIDDEN = {
    "table": "CREATE TABLE public.mine (x int)",
    "table in scns": "CREATE TABLE scns.mine (x int)",
    "temporary table": "CREATE TEMP TABLE mine (x int)",
    "select into": "SELECT 1 AS x INTO TEMP mine",
    "schema": "CREATE SCHEMA mine",
    "sql function": "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "do": "DO $$ BEGIN END $$",
    "do in sql": "DO LANGUAGE sql 'SELECT 1'",
    "large object": "SELECT lo_create(0)",
    "large object from bytes": "SELECT lo_from_bytea(0, 'x')",
    "large object read": "SELECT lo_get(1)",
    "large object open": "SELECT lo_open(1, 131072)",
    "large object read by descriptor": "SELECT loread(0, 1)",
    "large object import": "SELECT lo_import('/etc/passwd')",
    "advisory lock": "SELECT pg_advisory_lock(1)",
    "advisory lock tried": "SELECT pg_try_advisory_lock(1)",
    "advisory lock in transaction": "SELECT pg_advisory_xact_lock_shared(1, 2)",
    "advisory unlock": "SELECT pg_advisory_unlock_all()",
    "notify by function": "SELECT pg_notify('scns', 'x')",
    "exported snapshot": "SELECT pg_export_snapshot()",
    "extension": "CREATE EXTENSION hstore",
    "file": "SELECT pg_read_file('/etc/passwd')",
    "directory": "SELECT pg_ls_dir('/')",
    "copy to file": "COPY (SELECT 1) TO '/tmp/scns-copied'",
    "copy to program": "COPY (SELECT 1) TO PROGRAM 'cat'",
    "load": "LOAD 'plpgsql'",
    "role": "CREATE ROLE mine",
    "own rights": 'GRANT scns TO "u:{me}"',
    "become the owner": "SET ROLE scns",
    "become the superuser": "SET SESSION AUTHORIZATION postgres",
    "temp_file_limit": "SET temp_file_limit = -1",
    "log level": "SET log_min_messages = debug5",
    "database settings": "ALTER DATABASE scns SET statement_timeout = 1",
    "reload": "SELECT pg_reload_conf()",
    "type": "CREATE TYPE scns.mine AS (x int)",
    "operator class use": "CREATE TABLE t (x int, EXCLUDE USING gist (x WITH =))",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    require_binaries()
    with temporary_home() as home:
        cluster = Cluster(home)
        started = cluster.start()
        bootstrap(cluster)
        yield cluster
        cluster.stop()
        assert started.process is not None
        started.process.wait(10)


@pytest.fixture
def owner(server: Cluster) -> Iterator[Any]:
    """以角色 scns 连接的游标。"""
    with connected(server, "scns", "scns") as cursor:
        yield cursor


@pytest.fixture
def stranger(owner: Any) -> str:
    """登记好的普通用户的角色；不是 root 时没有别的用户，用启动者自己。"""
    name = STRANGER if ROOT else ME
    entry = pwd.getpwnam(name)
    return roles.enrol(owner.connection, name, entry.pw_uid, entry.pw_gid, is_admin=False)


def as_stranger(function: Any) -> Any:
    """以普通用户的身份调用；不是 root 时就是自己。"""
    return as_user(STRANGER, function) if ROOT else function()


def value(cursor: Any, query: str, parameters: tuple[Any, ...] = ()) -> Any:
    cursor.execute(query, parameters)
    return cursor.fetchone()[0]


def is_member(cursor: Any, role: str, group: str) -> bool:
    return bool(value(cursor, "SELECT pg_has_role(%s, %s, 'MEMBER')", (role, group)))


# ── 备好之后 ────────────────────────────────────────────────────────────────────


def test_bootstrap_can_be_repeated_and_costs_little(server):
    with connected(server) as cursor:
        query = "SELECT count(*), max(oid::int) FROM pg_roles"
        cursor.execute(query)
        before = cursor.fetchone()
        bootstrap(server)
        cursor.execute(query)
        assert cursor.fetchone() == before


def test_database_is_utf8_sorted_by_code_point_and_owned_by_scns(server):
    with connected(server) as cursor:
        cursor.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, datdba::regrole::text"
            " FROM pg_database WHERE datname = 'scns'"
        )
        assert cursor.fetchone() == ("UTF8", "C.UTF-8", "scns")


def test_owner_may_create_roles_but_is_no_superuser(server):
    with connected(server) as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles"
            " WHERE rolname IN ('scns', 'scns_user', 'scns_admin') ORDER BY rolname"
        )
        assert cursor.fetchall() == [
            ("scns", False, True, False, True),
            ("scns_admin", False, False, False, False),
            ("scns_user", False, False, False, False),
        ]


def test_starter_is_enrolled_as_operator(server, owner):
    bootstrap(server)
    assert is_member(owner, f"u:{ME}", "scns_user")
    assert is_member(owner, f"u:{ME}", "scns_admin")
    assert refusal(server, f"u:{ME}") is None


def test_schema_is_created_and_used_under_the_lockdown(server, owner):
    assert migrate.migrate(owner.connection)
    assert not migrate.migrate(owner.connection)
    assert value(owner, "SELECT count(*) FROM scns.job") == 0


def test_owner_can_exclude_overlapping_ranges(owner):
    owner.execute(
        "CREATE TABLE scns.held (node text, job bigint, cpus int4range,"
        " EXCLUDE USING gist (node WITH =, job WITH <>, cpus WITH &&))"
    )
    try:
        owner.execute("INSERT INTO scns.held VALUES ('n1', 1, '[0,4)'), ('n2', 2, '[0,4)')")
        with pytest.raises(psycopg2.errors.ExclusionViolation):
            owner.execute("INSERT INTO scns.held VALUES ('n1', 2, '[3,5)')")
    finally:
        owner.execute("DROP TABLE scns.held")


def test_owner_keeps_what_users_lose(owner):
    owner.execute("DO $$ BEGIN PERFORM pg_advisory_xact_lock(1); END $$")
    owner.execute("SELECT pg_notify('scns', '')")
    owner.execute("CREATE FUNCTION scns.one() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    owner.execute("DROP FUNCTION scns.one()")


def test_owner_may_end_a_users_session(server, owner):
    bootstrap(server)
    with connected(server, f"u:{ME}", "scns") as session:
        owner.execute("SELECT pg_terminate_backend(%s)", (session.connection.info.backend_pid,))
        assert owner.fetchone() == (True,)
        with pytest.raises(psycopg2.OperationalError):
            session.execute("SELECT 1")


def test_owner_sees_what_users_run(owner):
    assert is_member(owner, "scns", "pg_monitor")


def test_function_of_the_owner_is_not_for_everyone(server, owner, stranger):
    owner.execute("CREATE FUNCTION scns.secret() RETURNS int LANGUAGE sql AS 'SELECT 42'")
    try:
        query = ["SELECT scns.secret()"]
        assert as_stranger(lambda: errors_of(server, stranger, query)) == ["42501"]
        owner.execute("GRANT EXECUTE ON FUNCTION scns.secret() TO scns_user")
        assert as_stranger(lambda: errors_of(server, stranger, query)) == [None]
    finally:
        owner.execute("DROP FUNCTION scns.secret()")


def test_unreachable_server_is_reported_in_a_sentence():
    with temporary_home() as home:
        os.mkdir(home)
        with pytest.raises(Unavailable, match=f"Could not prepare the database of {home}"):
            bootstrap(Cluster(home))


# ── 谁进得来 ────────────────────────────────────────────────────────────────────


@needs_root
@pytest.mark.parametrize("user", ["u:root", "scns", "postgres", "scns_user", "u:daemon"])
@pytest.mark.parametrize("database", ["scns", "postgres"])
def test_nobody_logs_in_as_another(server, stranger, user, database):
    said = as_user(STRANGER, lambda: refusal(server, user, database))
    assert said is not None
    assert "Peer authentication failed" in said or "pg_hba.conf rejects" in said


@needs_root
def test_enrolled_user_reaches_only_the_scns_database(server, stranger):
    assert as_user(STRANGER, lambda: refusal(server, stranger)) is None
    for database in ("postgres", "template1"):
        assert "rejects" in as_user(STRANGER, lambda name=database: refusal(server, stranger, name))


@needs_root
def test_user_without_a_role_is_turned_away_with_a_recognisable_message(server):
    said = as_user("daemon", lambda: refusal(server, "u:daemon"))
    # 客户端靠这句话去敲登记的门
    assert "pg_hba.conf rejects connection" in said


@needs_root
def test_server_account_may_act_for_the_owner_and_the_superuser(server):
    name = pwd.getpwuid(os.stat(server.data).st_uid).pw_name
    assert as_user(name, lambda: refusal(server, "scns")) is None
    assert as_user(name, lambda: refusal(server, "postgres", "postgres")) is None
    assert as_user(name, lambda: refusal(server, "u:root")) is not None


# ── 进来了做不了什么 ────────────────────────────────────────────────────────────────


def test_lockdown_refuses_what_could_harm_others(server, stranger):
    statements = [text.replace("{me}", stranger[2:]) for text in FORBIDDEN.values()]
    codes = as_stranger(lambda: errors_of(server, stranger, statements))
    refused = dict(zip(FORBIDDEN, codes, strict=True))
    # 42501 没有权限；3F000 没有可建立的模式（search_path 里一个也不许）
    allowed = {name: code for name, code in refused.items() if code not in ("42501", "3F000")}
    assert allowed == {}
    assert not os.path.exists("/tmp/scns-copied")


def test_every_advisory_and_large_object_function_is_locked(server):
    with connected(server, "postgres", "scns") as cursor:
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc"
            " WHERE pronamespace = 'pg_catalog'::regnamespace"
            " AND (proname LIKE '%advisory%' OR proname LIKE 'lo\\_%'"
            "      OR proname IN ('loread', 'lowrite'))"
            " AND has_function_privilege('public', oid, 'EXECUTE')"
        )
        assert cursor.fetchall() == []


def test_harmless_functions_stay_usable(server, stranger):
    statements = ["SELECT now(), lower('A'), log(10), lpad('x', 3), current_setting('TimeZone')"]
    assert as_stranger(lambda: errors_of(server, stranger, statements)) == [None]


def test_users_errors_stay_out_of_the_log(server, stranger, owner):
    query = ["SELECT 1/0 AS secret_script_of_a_user"]
    assert as_stranger(lambda: errors_of(server, stranger, query)) == ["22012"]
    with pytest.raises(psycopg2.errors.DivisionByZero):
        owner.execute("SELECT 1/0 AS statement_of_the_owner")
    said = Path(server.log.path).read_text()
    assert "secret_script_of_a_user" not in said
    assert "statement_of_the_owner" in said


# ── 登记 ──────────────────────────────────────────────────────────────────────


def test_sessions_of_a_user_are_limited_in_time_and_number(server, stranger):
    def limits() -> list[Any]:
        with connected(server, stranger, "scns") as cursor:
            found = [
                value(cursor, f"SHOW {name}")
                for name in ("statement_timeout", "idle_in_transaction_session_timeout")
            ]
        text, _ = server.dsn(stranger)
        held = []
        try:
            while True:
                held.append(psycopg2.connect(text))
        except psycopg2.OperationalError as error:
            return [*found, len(held), "too many connections" in str(error)]
        finally:
            for connection in held:
                connection.close()

    assert as_stranger(limits) == ["30s", "10s", roles.CONNECTION_LIMIT, True]


def test_the_daemon_has_connections_of_its_own(server, owner):
    owner.execute(
        "SELECT current_setting('reserved_connections')::int > 0,"
        " pg_has_role('scns', 'pg_use_reserved_connections', 'USAGE')"
    )
    assert owner.fetchone() == (True, True)


def test_operators_come_and_go(owner, stranger):
    for is_admin in (True, True, False, False):
        roles.enrol(owner.connection, stranger[2:], 1, 2, is_admin)
        assert is_member(owner, stranger, "scns_admin") is is_admin
        assert is_member(owner, stranger, "scns_user")
    note = "SELECT shobj_description(%s::regrole, 'pg_authid')"
    assert value(owner, note, (f'"{stranger}"',)) == "operating system user, uid 1, gid 2"


@pytest.mark.parametrize(
    "name",
    [
        "Odd.User@corp.example",
        "CORP\\dave",
        "frank$",
        'eve"; DROP ROLE scns; --',
        "o'hara",
        "100%s %(role)s",
        "$$; SELECT 1; $$",
        "名字",
        "scns",
        "postgres",
        "x" * 61,
    ],
)
def test_any_user_name_becomes_exactly_one_role(owner, name):
    role = roles.enrol(owner.connection, name, 1234, 1234, is_admin=False)
    try:
        assert role == f"u:{name}"
        owner.execute("SELECT rolsuper, rolinherit FROM pg_roles WHERE rolname = %s", (role,))
        assert owner.fetchall() == [(False, True)]
        assert is_member(owner, role, "scns_user")
    finally:
        owner.execute(psycopg2.sql.SQL("DROP ROLE {}").format(psycopg2.sql.Identifier(role)))


@pytest.mark.parametrize("name", ["x" * 62, "名" * 21, "bad\udce9name"])
def test_name_postgresql_would_cut_or_cannot_hold_is_refused(owner, name):
    before = value(owner, "SELECT count(*) FROM pg_roles")
    with pytest.raises(RequestRefused):
        roles.enrol(owner.connection, name, 1234, 1234, is_admin=False)
    assert value(owner, "SELECT count(*) FROM pg_roles") == before


def test_enrolment_is_part_of_the_callers_transaction(server):
    with connected(server, "scns", "scns") as cursor:
        cursor.connection.autocommit = False
        role = roles.enrol(cursor.connection, "rolled.back", 1, 1, is_admin=True)
        assert value(cursor, "SELECT count(*) FROM pg_roles WHERE rolname = %s", (role,)) == 1
        cursor.connection.rollback()
        assert value(cursor, "SELECT count(*) FROM pg_roles WHERE rolname = %s", (role,)) == 0


def test_same_user_can_be_enrolled_by_many_at_once(server, owner):
    def enrol(_: int) -> str:
        with connected(server, "scns", "scns") as cursor:
            return roles.enrol(cursor.connection, "eager", 1, 1, is_admin=False)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(enrol, range(12))) == {"u:eager"}
    assert is_member(owner, "u:eager", "scns_user")
    owner.execute('DROP ROLE "u:eager"')


# ── 由管理员手工备好 ─────────────────────────────────────────────────────────────


def test_printed_script_prepares_a_server_by_hand(server):
    chosen = binaries.choose(binaries.find(server.home), None).serve
    psql = chosen.program("psql")
    if not os.access(psql, os.X_OK):
        pytest.skip("no psql")
    with temporary_home() as home:
        seed(home, server.home)
        other = Cluster(home)
        other.start()
        for _ in range(2):
            subprocess.run(
                [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", f"{home}/run", "-U", "postgres"],
                input=bootstrap_sql(),
                text=True,
                capture_output=True,
                check=True,
            )
        with connected(other, "scns", "scns") as cursor:
            cursor.execute("SET client_min_messages = error")
            roles.enrol(cursor.connection, ME, 1, 1, is_admin=False)
        refused = errors_of(other, f"u:{ME}", ["CREATE TEMP TABLE t (x int)", "DO 'BEGIN END'"])
        assert refused == ["42501", "42501"]


def test_script_for_the_administrator_leaves_other_databases_alone():
    script = bootstrap_sql()
    assert "template1" not in script
    assert "log_min_messages" not in script
    assert "\\connect scns" in script
