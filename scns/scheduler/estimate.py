"""`--test-only` 的回答：若现在提交，规划器会让它何时、在哪里启动。

用的是同一个规划器与同一份快照，只是多了一个不存在的作业；什么也不写。
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from scns import hostlist
from scns.planner.plan import plan
from scns.planner.snapshot import Waiting
from scns.scheduler.reader import request_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.scheduler.reader import Reader

#: 假想作业的号：比一切真的都大，同级时排在最后。
HYPOTHETICAL = 1 << 62

#: 预计的启动时刻变动不超过这么多秒，也不超过还要等的这么一部分，就当作没有变。
STEADY_SECONDS, STEADY_SHARE = 1.0, 0.05

NEXT_ID = "SELECT nextval('scns.job_id_seq'), scns.base_priority()"


def moved(before: float | None, after: float | None, now: float) -> bool:
    """预计的启动时刻是否变得值得再记一次；None 是算不出。"""
    if before is None or after is None:
        return before is not after
    return abs(after - before) > max(STEADY_SECONDS, STEADY_SHARE * (after - now))


def estimate(
    cursor: Any, reader: Reader, submission: Mapping[str, Any], priority: int | None = None
) -> dict[str, Any]:
    """返回 `job`、`start`（epoch 秒，None 是算不出）、`cpus`、`nodes`、`partition`、`reason`。

    参数：
        submission：`scns.check_submission` 填好默认值的提交
        priority：由各因素算出的优先级；None 是先来先服务
    """
    now = time.time()
    cursor.execute(NEXT_ID)
    job_id, base = cursor.fetchone()
    snapshot, _ = reader.read(cursor, now)
    waiting = Waiting(
        job_id=HYPOTHETICAL,
        shape=HYPOTHETICAL,
        priority=base - submission["nice"] if priority is None else priority,
        eligible=now,
        request=request_of(submission),
        uid=submission["uid"],
        account=submission["account"],
        qos=submission["qos"],
    )
    snapshot.waiting = [*snapshot.waiting, waiting]
    decided = plan(snapshot)
    for start in decided.starts:
        if start.job_id == HYPOTHETICAL:
            return {
                "job": job_id,
                "start": now,
                "cpus": sum(len(place.cpu_ids) for place in start.places),
                "nodes": hostlist.compress([place.node for place in start.places]),
                "partition": start.partition,
                "reason": None,
            }
    blocked = decided.blocked_of(waiting)
    return {
        "job": job_id,
        "start": blocked.expected_start,
        "cpus": submission["cpus"],
        "nodes": hostlist.compress(blocked.nodes),
        "partition": submission["partition"].split(",")[0],
        "reason": blocked.text,
    }
