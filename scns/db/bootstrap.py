"""集群建立之后的一次性工作：角色、数据库、收回缺省权利、第一个操作员。

全部语句可以重复执行：每次启动都做，升级之后缺的也补上。外来的服务器由它的管理员
以超级用户执行 `bootstrap_sql` 的输出。
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING

import psycopg2

from scns.db.account import own_entry
from scns.db.roles import enrol
from scns.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection

    from scns.db.cluster import Cluster

#: 排序按码位：与语言无关，升级 libc 也不会使索引失效。
CREATE_DATABASE = (
    "CREATE DATABASE scns OWNER scns TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
)

#: 只用于嵌入式服务器：整个集群都是我们的。用户的错误不进日志，谁也不能用它填满磁盘、
#: 把自己的脚本留在里面；scns 自己的照记。
_EMBEDDED_ONLY = """
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
ALTER DATABASE scns SET log_min_messages = log;
ALTER ROLE scns IN DATABASE scns SET log_min_messages = warning;
"""

_BY_HAND = """\
-- Prepares a PostgreSQL server of your own for scns. Run as superuser:
--   psql -d postgres -v ON_ERROR_STOP=1 -f THIS_FILE
-- Then let its users in. On the server's own machine, in pg_hba.conf:
--   local  scns  scns        peer map=scns_super
--   local  scns  +scns_user  peer map=scns_users
-- and in pg_ident.conf:
--   scns_super  root     scns
--   scns_users  /^(.*)$  "u:\\1"
"""


def bootstrap(cluster: Cluster) -> None:
    """备好嵌入式服务器的角色与数据库 `scns`，并登记启动它的人为操作员。

    模式里的表由 `scns.db.migrate` 随后建立。

    参数：
        cluster：已经就绪的服务器

    异常：
        Unavailable：服务器连不上，或拒绝了某条语句
    """
    try:
        with _connection(cluster, "postgres", "postgres") as connection:
            _prepare_cluster(connection)
        with _connection(cluster, "postgres", "scns") as connection:
            _execute(connection, _script("lockdown.sql"))
        person = own_entry()
        with _connection(cluster, "scns", "scns") as connection:
            enrol(connection, person.pw_name, person.pw_uid, person.pw_gid, is_admin=True)
    except psycopg2.Error as error:
        raise Unavailable(f"Could not prepare the database of {cluster.home}: {error}") from error


def bootstrap_sql() -> str:
    """给站点管理员手工执行的 psql 脚本：与 `bootstrap` 同样的语句，不含登记用户。"""
    return "\n".join(
        (
            _BY_HAND,
            _script("roles.sql"),
            # psql 没有 CREATE DATABASE IF NOT EXISTS；\\gexec 执行查询结果里的语句
            "SELECT $$",
            CREATE_DATABASE,
            "$$ WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'scns') \\gexec\n",
            "\\connect scns\n",
            _script("lockdown.sql"),
        )
    )


def _prepare_cluster(connection: Connection) -> None:
    _execute(connection, _script("roles.sql"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = 'scns'")
        if cursor.rowcount == 0:
            cursor.execute(CREATE_DATABASE)
    _execute(connection, _EMBEDDED_ONLY)


def _execute(connection: Connection, script: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(script)


def _script(name: str) -> str:
    return resources.files("scns.db").joinpath(name).read_text("utf-8")


@contextmanager
def _connection(cluster: Cluster, user: str, database: str) -> Iterator[Connection]:
    text, held = cluster.dsn(user, database)
    try:
        connection = psycopg2.connect(text)
    finally:
        if held is not None:
            os.close(held)
    try:
        connection.autocommit = True
        yield connection
    finally:
        connection.close()
