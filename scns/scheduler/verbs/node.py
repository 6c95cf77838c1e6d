"""改节点：状态与缘由、权重、特征。来源：scontrol(1) “Node Specifications”。"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scns.db import administration as sql

if TYPE_CHECKING:
    from scns.scheduler.requests import Asked

_INVALID_STATE = "Invalid node state specified"
_NO_REASON = "You must specify a reason when DOWNING or DRAINING a node. Request denied"

#: 直接写进节点行的列。
_COLUMNS = frozenset({"address", "features", "extra", "gres", "weight", "comment"})


def update_node(cursor: Any, asked: Asked) -> list[Any]:
    """改点名的节点，只有管理员可以。"""
    if not asked.operator:
        return [{"error": "Invalid user id"} for _ in asked.target]
    changes = asked.argument.get("changes", {})
    results = []
    for target in asked.target:
        refused = _update(cursor, asked, str(target.get("node")), changes)
        results.append(None if refused is None else {"error": refused})
    return results


def _update(cursor: Any, asked: Asked, name: str, changes: dict[str, Any]) -> str | None:
    cursor.execute(sql.STANDING, {"node": name})
    found = cursor.fetchone()
    if found is None:
        return "Invalid node name specified"
    drain, down, reason = found
    flags: tuple[bool, bool] | None = (drain, down)
    if "state" in changes:
        flags = standing(changes["state"], drain=drain, down=down)
        if flags is None:
            return _INVALID_STATE
    assert flags is not None
    drain_now, down_now = flags
    stated = changes.get("reason")
    added = (drain_now and not drain) or (down_now and not down)
    if added and not (stated or reason):
        return _NO_REASON
    cursor.execute(
        sql.SET_STANDING,
        {"node": name, "drain": drain_now, "down": down_now, "reason": stated, "uid": asked.uid},
    )
    columns = {key: value for key, value in changes.items() if key in _COLUMNS}
    if columns:
        cursor.execute(sql.UPDATE_NODE, {"node": name, "columns": json.dumps(columns)})
    if down_now and not down:
        _lose_jobs(cursor, asked, name)
    return None


def standing(state: str, *, drain: bool, down: bool) -> tuple[bool, bool] | None:
    """改过状态之后的（排空，停用）；此时不能这样改为 None。

    参数：
        state：DRAIN、FAIL、DOWN、RESUME、UNDRAIN、IDLE；别的状态不能由人来定
    """
    if state in ("DRAIN", "FAIL"):
        return True, down
    if state == "DOWN":
        return drain, True
    if state == "UNDRAIN":
        return False, down
    if state == "RESUME":
        return (False, False) if drain or down else None
    if state == "IDLE":
        return drain, False
    return None


def _lose_jobs(cursor: Any, asked: Asked, name: str) -> None:
    """节点停用，上面的作业都到此为止：能重新排队的重新排队，其余 NODE_FAIL。

    进程由 stepd 结束；听不见的 stepd，上面的作业当作随节点没了。
    """
    cursor.execute(sql.END_ON_NODE, {"node": name, "uid": asked.uid})
    asked.effects.lost += [
        (job_id, attempt) for job_id, attempt, heard in cursor.fetchall() if not heard
    ]
