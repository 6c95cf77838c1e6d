"""请求的动词：一种对象一个模块；准不准在这里判定，落库的语句在 `scns.db`。"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scns.scheduler.verbs import (
    cancellation,
    daemons,
    enrolment,
    holds,
    node,
    order,
    partition,
    requeueing,
    suspension,
    update,
)

if TYPE_CHECKING:
    from scns.scheduler.requests import Verb

#: 动词到函数。
VERBS: dict[str, Verb] = {
    "cancel": cancellation.cancel,
    "hold": holds.hold,
    "uhold": holds.uhold,
    "release": holds.release,
    "requeue": requeueing.requeue,
    "suspend": suspension.suspend,
    "resume": suspension.resume,
    "top": order.top,
    "update": update.update,
    "update_node": node.update_node,
    "update_partition": partition.update_partition,
    "create_partition": partition.create_partition,
    "delete_partition": partition.delete_partition,
    "enrol": enrolment.enrol,
    "reconfigure": daemons.reconfigure,
    "shutdown": daemons.shutdown,
}
