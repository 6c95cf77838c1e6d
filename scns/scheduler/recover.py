"""重新连上 stepd 或数据库之后的核对：两边的名单对不上的，各有去处。

数据库说在跑、stepd 不知道的：本次开机内分配的，是还没来得及启动，照常启动；
开机之前分配的，随重启没了，记 NODE_FAIL 或重新排队。
stepd 在跑、数据库不认的（行里已是别的一次或已结束）：结束它。
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scns.db import control
from scns.scheduler import endings, starter

if TYPE_CHECKING:
    from scns.scheduler.link import StepdLink

log = logging.getLogger(__name__)

#: 本节点上数据库认为占着资源的批处理作业。
ON_NODE = """
SELECT j.id, j.attempt FROM scns.job j
 WHERE j.batch_host = %(node)s AND j.state IN ('RUNNING', 'SUSPENDED', 'COMPLETING')
"""


def reconcile(
    cursor: Any,
    node: str,
    link: StepdLink,
    start: Callable[[list[dict[str, Any]]], None],
) -> None:
    """核对一遍；`start` 用来启动还没启动的。"""
    now = time.time()
    reported = link.running | link.ended.keys() | link.starting.keys()
    to_start = []
    for launch in starter.launches(cursor, node, None, []):
        key = (launch["job_id"], launch["attempt"])
        if key in reported:
            continue
        if launch["boot_id"] != link.boot_id:
            log.warning("job %s was lost with the previous boot", starter.label(launch))
            link.ended[key] = endings.lost(now)
        elif launch["state"] == "RUNNING":
            to_start.append(launch)
        elif launch["state"] == "COMPLETING":
            link.ended[key] = endings.never_started(now)
    start(to_start)
    _let_go_on(cursor, node, link)
    cursor.execute(ON_NODE, {"node": node})
    wanted = {(job_id, attempt) for job_id, attempt in cursor.fetchall()}
    for key in link.running - wanted:
        log.warning("job %d attempt %d is running but not wanted; ending it", *key)
        link.kill(key, 0.0, None)


def _let_go_on(cursor: Any, node: str, link: StepdLink) -> None:
    """挂起过、如今在跑的，再让它继续一次：上一次的要求可能没有送到。"""
    cursor.execute(control.RESUMED, {"node": node})
    for job_id, attempt in cursor.fetchall():
        if (job_id, attempt) in link.running:
            link.resume((job_id, attempt))
