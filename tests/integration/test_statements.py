"""每条写在代码里的 SQL 都能在真模式上准备；模型与迁移得到的库一致。"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import psycopg2
import pytest

import scns.db
import scns.scheduler
from scns.db import migrate

STATEMENT = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\b")


def statements() -> Iterator[tuple[str, str]]:
    """scns.db 与 scns.scheduler 里所有大写常量的 SQL。"""
    for package in (scns.db, scns.scheduler):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, value in vars(module).items():
                if (
                    name[0] != "_"
                    and name.isupper()
                    and isinstance(value, str)
                    and STATEMENT.match(value)
                ):
                    yield f"{info.name}.{name}", value


@pytest.mark.parametrize(
    ("name", "statement"), list(statements()), ids=lambda value: str(value)[:40]
)
def test_statement_prepares_on_the_real_schema(cursor, name, statement):
    # psycopg2 的占位换成服务器的编号参数；同名的用同一个编号
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        key = match[1] or f"positional{len(numbers)}"
        return f"${numbers.setdefault(key, len(numbers) + 1)}"

    text = re.sub(r"%(?:\((\w+)\))?s", number, statement).replace("%%", "%")
    cursor.execute(f"PREPARE checked AS {text.strip().rstrip(';')}".replace("%", "%%"), ())
    cursor.execute("DEALLOCATE checked")


def test_schema_version_is_the_newest_migration():
    from importlib import resources

    files = resources.files("scns.db.migrations.versions").iterdir()
    newest = max(file.name[:4] for file in files if file.name[:4].isdigit())
    assert newest == migrate.SCHEMA_VERSION


def test_models_describe_exactly_what_the_migrations_build(database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    from scns.db.models import SCHEMA, metadata

    connection = database.connect("scns")
    with connection.cursor() as cursor:
        # 角色 scns 的默认模式就是 scns，alembic 会把它当作没有模式
        cursor.execute("SET search_path = public")
    connection.autocommit = False
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: connection, poolclass=StaticPool
    )
    with engine.connect() as bound:
        context = MigrationContext.configure(
            bound,
            opts={
                "include_schemas": True,
                "version_table_schema": SCHEMA,
                "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
                "include_object": lambda _, name, kind, __, ___: (
                    not (
                        kind in ("table", "index")
                        and str(name).startswith(("event_2", "event_default"))
                    )
                ),
            },
        )
        differences = compare_metadata(context, metadata)
    connection.close()
    assert differences == []


def test_migrating_twice_changes_nothing(database):
    connection = database.connect("scns")
    assert migrate.migrate(connection) is False
    connection.close()


def test_newer_schema_is_refused(database, cursor):
    cursor.execute("UPDATE scns.alembic_version SET version_num = '9999'")
    connection = database.connect("scns")
    with pytest.raises(migrate.WrongSchema, match="9999"):
        migrate.migrate(connection)
    connection.close()


@pytest.mark.usefixtures("site")
def test_illegal_change_of_state_fails_at_the_update(database, cursor):
    connection = database.connect("u:alice")
    with connection.cursor() as mine:
        mine.execute(
            """SELECT scns.submit('{"name": "x", "directory": "/tmp"}', '#!/bin/sh', '')"""
        )
        (job_id,) = mine.fetchone()
    connection.close()
    with pytest.raises(psycopg2.Error, match="PENDING to COMPLETED"):
        cursor.execute(
            "UPDATE scns.job SET state = 'COMPLETED', end_time = now() WHERE id = %s", (job_id,)
        )
