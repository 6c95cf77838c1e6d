"""把数据库带到本版本的模式：编号的迁移，然后整份换上 `functions.sql`。

只有版本不符时才导入 alembic 与 SQLAlchemy（约 0.4 秒）；平时只比较一个数字。
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import psycopg2

from scns import __version__
from scns.errors import Unavailable

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

#: 本版本的模式编号，等于最新一份迁移；测试把它与迁移目录核对。
SCHEMA_VERSION = "0001"


class WrongSchema(Unavailable):
    """数据库的模式与本版本的 scns 不符。"""

    def __init__(self, found: str | None) -> None:
        super().__init__(
            f"database schema is {found or 'missing'}, scns {__version__} needs {SCHEMA_VERSION}; "
            + (
                "install a newer scns"
                if found is not None and found > SCHEMA_VERSION
                else "run 'scns up' to upgrade it"
            )
        )
        self.found = found


def schema_version(connection: Connection) -> str | None:
    """数据库里的模式编号；还没有建立时返回 None。"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('scns.alembic_version') IS NOT NULL")
        row = cursor.fetchone()
        if row is None or not row[0]:
            return None
        cursor.execute("SELECT version_num FROM scns.alembic_version")
        row = cursor.fetchone()
        return None if row is None else str(row[0])


@cache
def functions_digest() -> str:
    """`functions.sql` 的内容摘要；库里记着同一个摘要时不必重装。

    只读一次文件：守护进程降权之后可能读不到它。
    """
    return hashlib.sha256(functions_sql().encode()).hexdigest()


def has_functions(connection: Connection) -> bool:
    """库里的视图与函数正是本版本的。"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM scns.setting WHERE name = 'functions'")
        row = cursor.fetchone()
    return row is not None and row[0] == functions_digest()


def functions_sql() -> str:
    """随包的 `functions.sql` 全文。"""
    return resources.files("scns.db").joinpath("functions.sql").read_text("utf-8")


def migrate(connection: Connection) -> bool:
    """升级到本版本；做了任何改动返回 True。

    参数：
        connection：以角色 `scns`（模式的所有者）连接，自动提交

    异常：
        WrongSchema：库比本版本新，退回去会丢数据
    """
    found = schema_version(connection)
    if found is not None and found > SCHEMA_VERSION:
        raise WrongSchema(found)
    changed = found != SCHEMA_VERSION
    if changed:
        _run_alembic(connection)
    if not changed and has_functions(connection):
        return False
    with connection.cursor() as cursor:
        # 整份在一个事务里换掉：视图与函数之间不会有半新半旧的时刻
        cursor.execute(
            "BEGIN; SET LOCAL lock_timeout = '10s';" + functions_sql().replace("%", "%%"), ()
        )
        cursor.execute(
            "INSERT INTO scns.setting (name, value) VALUES ('functions', %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (functions_digest(),),
        )
        cursor.execute("COMMIT")
    return True


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: connection, poolclass=StaticPool
    )
    config = Config()
    config.set_main_option("script_location", "scns.db:migrations")
    autocommit = connection.autocommit
    connection.autocommit = False
    try:
        with engine.begin() as bound:
            config.attributes["connection"] = bound
            command.upgrade(config, "head")
    except psycopg2.Error:
        connection.rollback()
        raise
    finally:
        connection.autocommit = autocommit
