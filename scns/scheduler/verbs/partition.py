"""改、新建与删除分区；改动留到重读配置为止。

来源：scontrol(1) “Partition Specifications”。
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scns.db import administration as sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.scheduler.requests import Asked

_NOT_ALLOWED = {"error": "Invalid user id"}
_UNKNOWN = {"error": "Invalid partition name specified"}

#: 分区表自己的列。
_COLUMNS = frozenset(
    "state max_time default_time min_nodes max_nodes max_cpus_per_node default_memory_per_cpu"
    " default_memory_per_node max_memory_per_cpu max_memory_per_node priority_tier"
    " priority_job_factor is_default".split()
)

#: 存在 `options` 里的；与默认值相同的不存，见 `scns.conf_model.PartitionConfig`。
_OPTIONS = frozenset(
    "allow_accounts allow_groups allow_users deny_accounts deny_users oversubscribe over_time_limit"
    " hidden root_only disable_root_jobs exclusive_user".split()
)

_EDITS = frozenset({"nodes", "nodes+", "nodes-"})


def update_partition(cursor: Any, asked: Asked) -> list[Any]:
    """改一个分区，只有管理员可以。"""
    name = _name(asked)
    if not asked.operator:
        return [_NOT_ALLOWED]
    if not _exists(cursor, name):
        return [_UNKNOWN]
    return [_apply(cursor, name, asked.argument.get("changes", {}))]


def create_partition(cursor: Any, asked: Asked) -> list[Any]:
    """新建一个分区，只有管理员可以。"""
    name = _name(asked)
    if not asked.operator:
        return [_NOT_ALLOWED]
    if not name or "," in name or name.split() != [name] or _exists(cursor, name):
        return [_UNKNOWN]
    cursor.execute(sql.CREATE_PARTITION, {"name": name})
    result = _apply(cursor, name, asked.argument.get("changes", {}))
    if result is not None:
        cursor.execute(sql.DELETE_PARTITION, {"name": name})
    return [result]


def delete_partition(cursor: Any, asked: Asked) -> list[Any]:
    """删掉一个没有作业的分区，只有管理员可以。"""
    name = _name(asked)
    if not asked.operator:
        return [_NOT_ALLOWED]
    if not _exists(cursor, name):
        return [_UNKNOWN]
    cursor.execute(sql.PARTITION_IN_USE, {"name": name})
    (used,) = cursor.fetchone()
    if used:
        return [{"error": "Partition is in use"}]
    cursor.execute(sql.DELETE_PARTITION, {"name": name})
    return [None]


def _name(asked: Asked) -> str:
    return str(asked.target[0].get("partition", "")) if asked.target else ""


def _exists(cursor: Any, name: str) -> bool:
    cursor.execute(sql.PARTITION_NODES, {"name": name})
    return cursor.fetchone() is not None


def _apply(cursor: Any, name: str, changes: Mapping[str, Any]) -> Any:
    unknown = sorted(changes.keys() - _COLUMNS - _OPTIONS - _EDITS)
    if unknown:
        return {"error": f"Update of this parameter is not supported: {unknown[0]}"}
    members = _members(cursor, name, changes)
    if members is None:
        return {"error": "Invalid node name specified"}
    columns = {key: value for key, value in changes.items() if key in _COLUMNS}
    for key in ("max_time", "default_time"):
        if columns.get(key) == -1:
            columns[key] = None
    options = {
        key: None if value is False or value in ("NO", []) else value
        for key, value in changes.items()
        if key in _OPTIONS
    }
    if "allow_groups" in changes:
        options["group_members"] = sql.group_members(changes["allow_groups"])
    cursor.execute(
        sql.UPDATE_PARTITION,
        {
            "name": name,
            "columns": json.dumps(columns | {"nodes": members}),
            "options": json.dumps(options),
        },
    )
    if columns.get("is_default"):
        cursor.execute(sql.ONLY_DEFAULT, {"name": name})
    return None


def _members(cursor: Any, name: str, changes: Mapping[str, Any]) -> list[str] | None:
    """改过之后的节点，次序照旧；有不存在的节点时为 None。"""
    cursor.execute(sql.NODE_NAMES)
    known = [node for (node,) in cursor.fetchall()]
    cursor.execute(sql.PARTITION_NODES, {"name": name})
    members: list[str] = list(cursor.fetchone()[0])
    for key in ("nodes", "nodes+", "nodes-"):
        if key not in changes:
            continue
        named = known if changes[key] == "ALL" else list(changes[key])
        if not set(named) <= set(known):
            return None
        if key == "nodes-":
            members = [one for one in members if one not in named]
        else:
            members = list(dict.fromkeys(named if key == "nodes" else [*members, *named]))
    return members
