"""排计划的租约：同一时刻只有一个 scnsd 排计划。"""

from __future__ import annotations

from typing import Any

#: 租约的有效期；持有者每轮慢定时器续一次。
LEASE_SECONDS = 90

#: 空着、过期或本来就是自己的，就拿到手；易主或重启都换新的 epoch。
ACQUIRE = """
INSERT INTO scns.lease AS l (name, owner, epoch, until)
VALUES ('scheduler', %(owner)s, 1, now() + make_interval(secs => %(seconds)s))
ON CONFLICT (name) DO UPDATE
   SET owner = excluded.owner, epoch = l.epoch + 1, until = excluded.until
 WHERE l.until <= now() OR l.owner = excluded.owner
RETURNING epoch
"""

RENEW = """
UPDATE scns.lease SET until = now() + make_interval(secs => %(seconds)s)
 WHERE name = 'scheduler' AND owner = %(owner)s AND epoch = %(epoch)s
RETURNING epoch
"""

#: 交出租约：别的节点不必等它过期。
RELEASE = """
UPDATE scns.lease SET until = now()
 WHERE name = 'scheduler' AND owner = %(owner)s AND epoch = %(epoch)s
"""


def acquire(cursor: Any, owner: str) -> int | None:
    """争取租约；别人还持有时返回 None，否则返回新的 epoch。"""
    cursor.execute(ACQUIRE, {"owner": owner, "seconds": LEASE_SECONDS})
    row = cursor.fetchone()
    return None if row is None else int(row[0])


def renew(cursor: Any, owner: str, epoch: int) -> bool:
    """续期；已被别人取代时返回 False。"""
    cursor.execute(RENEW, {"owner": owner, "epoch": epoch, "seconds": LEASE_SECONDS})
    return cursor.fetchone() is not None


def release(cursor: Any, owner: str, epoch: int) -> None:
    """正常退出时交出。"""
    cursor.execute(RELEASE, {"owner": owner, "epoch": epoch})
