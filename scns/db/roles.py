"""操作系统用户的数据库角色：每人一个 `u:NAME`。

前缀使叫 postgres 或 scns 的用户碰不到系统角色。角色没有任何表上的权利，只属于
`scns_user`，操作员另属于 `scns_admin`。
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scns.errors import RequestRefused

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

#: PostgreSQL 的名字最长 63 字节，更长的它悄悄截断，两个人就成了一个。
NAME_LIMIT = 63

#: 一个用户同时的会话数。命令到了上限等一会儿再连（`scns.db.connect`）；别人与 scnsd 照样连得上。
CONNECTION_LIMIT = 300

#: 会话的缺省时限。用户自己改得掉，所以 scnsd 另有看门的：事务超过 30 秒就结束会话。
STATEMENT_TIMEOUT = "30s"
IDLE_IN_TRANSACTION_TIMEOUT = "10s"

# 参数经 set_config 进入，语句本身不含用户给的文本；一次往返，一个事务。
# 建立时就要 INHERIT：16 起，先建 NOINHERIT 再改，成员资格仍不继承。
_ENROL = """
SELECT pg_catalog.set_config('scns.enrol_role', %(role)s, true),
       pg_catalog.set_config('scns.enrol_note', %(note)s, true),
       pg_catalog.set_config('scns.enrol_admin', %(admin)s, true),
       pg_catalog.set_config('scns.enrol_limit', %(limit)s, true),
       pg_catalog.set_config('scns.enrol_statement', %(statement)s, true),
       pg_catalog.set_config('scns.enrol_idle', %(idle)s, true);
DO $$
DECLARE
  role text := current_setting('scns.enrol_role');
  note text := current_setting('scns.enrol_note');
  admin boolean := current_setting('scns.enrol_admin');
BEGIN
  -- 两台机器可能同时登记同一个人
  PERFORM pg_advisory_xact_lock(hashtext('scns.enrol'), 0);
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role) THEN
    EXECUTE format('CREATE ROLE %%I LOGIN INHERIT CONNECTION LIMIT %%s IN ROLE scns_user',
                   role, current_setting('scns.enrol_limit'));
    EXECUTE format('ALTER ROLE %%I SET statement_timeout = %%L',
                   role, current_setting('scns.enrol_statement'));
    EXECUTE format('ALTER ROLE %%I SET idle_in_transaction_session_timeout = %%L',
                   role, current_setting('scns.enrol_idle'));
  END IF;
  IF NOT pg_has_role(role, 'scns_user', 'MEMBER') THEN
    EXECUTE format('GRANT scns_user TO %%I', role);
  END IF;
  IF admin <> pg_has_role(role, 'scns_admin', 'MEMBER') THEN
    IF admin THEN
      EXECUTE format('GRANT scns_admin TO %%I', role);
    ELSE
      EXECUTE format('REVOKE scns_admin FROM %%I', role);
    END IF;
  END IF;
  IF note IS DISTINCT FROM shobj_description(
       (SELECT r.oid FROM pg_roles r WHERE r.rolname = role), 'pg_authid') THEN
    EXECUTE format('COMMENT ON ROLE %%I IS %%L', role, note);
  END IF;
END $$
"""


def role_name(user_name: str) -> str:
    """操作系统用户的角色名。

    异常：
        RequestRefused：名字是空的、太长、含 NUL，或不是 UTF-8
    """
    role = "u:" + user_name
    if not user_name:
        raise RequestRefused("User name is empty")
    if "\0" in user_name:
        raise RequestRefused(f"User name {user_name!a} contains a NUL")
    try:
        length = len(role.encode())
    except UnicodeEncodeError:
        raise RequestRefused(f"User name {user_name!a} is not valid UTF-8") from None
    if length > NAME_LIMIT:
        raise RequestRefused(
            f"User name {user_name} is longer than {NAME_LIMIT - 2} bytes and cannot be enrolled"
        )
    return role


def enrol(connection: Connection, user_name: str, uid: int, gid: int, is_admin: bool) -> str:
    """让操作系统用户有自己的角色，并使操作员资格如所说；返回角色名。

    可以重复调用。作为调用者事务的一部分执行，由它提交（自动提交的连接各自成事务）。
    只管角色：`scns.os_user` 里的一行由模式的主人写。

    参数：
        connection：以角色 `scns` 连接；角色由它建立，它才管得了
        uid、gid：记在角色的注释里，供管理员在 `\\du+` 里辨认
        is_admin：True 授予 `scns_admin`，False 收回

    异常：
        RequestRefused：见 `role_name`
    """
    role = role_name(user_name)
    with connection.cursor() as cursor:
        cursor.execute(
            _ENROL,
            {
                "role": role,
                "note": f"operating system user, uid {uid}, gid {gid}",
                "admin": str(is_admin),
                "limit": str(CONNECTION_LIMIT),
                "statement": STATEMENT_TIMEOUT,
                "idle": IDLE_IN_TRANSACTION_TIMEOUT,
            },
        )
    return role
