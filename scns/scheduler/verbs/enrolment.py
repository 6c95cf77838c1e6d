"""登记用户：root 替别人提交之前，那个人先要有自己的一行与角色。

登记谁由请求说了算，他是谁由操作系统说了算：uid 到名字只问用户库。
"""

from __future__ import annotations

import pwd
from typing import TYPE_CHECKING, Any

from scns.db.users import register

if TYPE_CHECKING:
    from scns.scheduler.requests import Asked


def enrol(cursor: Any, asked: Asked) -> list[Any]:
    """登记目标里的每个 uid；只有管理员可以，且只给普通用户的权利。"""
    if not asked.operator:
        return [{"error": "Access/permission denied"} for _ in asked.target]
    return [_enrol(cursor, int(item["uid"])) for item in asked.target]


def _enrol(cursor: Any, uid: int) -> dict[str, str] | None:
    cursor.execute("SELECT EXISTS (SELECT FROM scns.os_user u WHERE u.uid = %s)", (uid,))
    if cursor.fetchone() == (True,):
        return None
    try:
        person = pwd.getpwuid(uid)
    except KeyError:
        return {"error": "Invalid user id"}
    register(cursor.connection, person, is_admin=False)
    return None
