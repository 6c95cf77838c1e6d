"""登记操作系统用户：角色与 `os_user` 里的一行。"""

from __future__ import annotations

import grp
import pwd
from typing import TYPE_CHECKING

from scns.db.roles import enrol

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

UPSERT_USER = """
INSERT INTO scns.os_user AS u (role, name, uid, gid, group_name)
VALUES (%(role)s, %(name)s, %(uid)s, %(gid)s, %(group)s)
ON CONFLICT (role) DO UPDATE
   SET uid = excluded.uid, gid = excluded.gid, group_name = excluded.group_name
 WHERE (u.uid, u.gid, u.group_name)
       IS DISTINCT FROM (excluded.uid, excluded.gid, excluded.group_name)
"""


def register(connection: Connection, person: pwd.struct_passwd, *, is_admin: bool) -> None:
    """让一个用户进得来：建好角色，写下 uid 与主组。

    参数：
        connection：以角色 `scns` 连接
        is_admin：同时授予或收回操作员的权利
    """
    role = enrol(connection, person.pw_name, person.pw_uid, person.pw_gid, is_admin)
    try:
        group = grp.getgrgid(person.pw_gid).gr_name
    except KeyError:
        group = str(person.pw_gid)
    with connection.cursor() as cursor:
        cursor.execute(
            UPSERT_USER,
            {
                "role": role,
                "name": person.pw_name,
                "uid": person.pw_uid,
                "gid": person.pw_gid,
                "group": group,
            },
        )
