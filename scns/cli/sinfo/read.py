"""sinfo 读的节点与分区：各有哪些列。"""

from __future__ import annotations

from scns.cli.sinfo.model import Node, Partition
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _epoch(name: str) -> str:
    return f"floor(extract(epoch FROM n.{name}))::bigint"


#: 节点的列：属性名到视图 `node_list` 的一行 `n` 上的表达式。
NODE = {
    **{
        name: f"n.{name}"
        for name in (
            "name cpus sockets cores_per_socket threads_per_core memory tmp_disk weight"
            " cpus_alloc memory_alloc drain down silent reason reason_uid cpu_load free_memory"
            " architecture operating_system version partitions"
        ).split()
    },
    "address": "coalesce(nullif(n.address, ''), n.name)",
    "features": "array_to_string(n.features, ',')",
    "gres": "(SELECT string_agg(g.key || ':' || g.value, ',' ORDER BY g.key)"
    " FROM jsonb_each_text(n.gres) g)",
    "gres_used": "(SELECT string_agg(u.name || ':' || u.used, ',' ORDER BY u.name) FROM"
    " (SELECT g.key AS name, sum(g.value::int) AS used FROM scns.allocation_list a,"
    " jsonb_each_text(a.gres) g WHERE a.node = n.name GROUP BY g.key) u)",
    "completing": "EXISTS (SELECT FROM scns.allocation_list a JOIN scns.queue q"
    " ON q.id = a.job_id WHERE a.node = n.name AND q.state = 'COMPLETING')",
    **{
        name: _epoch(name)
        for name in ("reason_time", "boot_time", "daemon_start", "last_busy", "last_seen")
    },
}

#: 分区的列：属性名到视图 `partition_list` 的一行 `p` 上的表达式。
PARTITION = {
    **{
        name: f"p.{name}"
        for name in (
            "name nodes is_default state max_time default_time min_nodes max_nodes"
            " max_cpus_per_node priority_tier priority_job_factor"
        ).split()
    },
    # 名单存成 JSON 的数组；名字里没有引号与括号
    "allow_groups": "translate(p.options ->> 'allow_groups', '[]\" ', '')",
    "oversubscribe": "p.options ->> 'oversubscribe'",
    "hidden": "coalesce((p.options ->> 'hidden')::boolean, false)",
    "root_only": "coalesce((p.options ->> 'root_only')::boolean, false)",
}


def read_nodes(connection: Any) -> list[Node]:
    """全部节点，照配置的次序。"""
    return [Node(columns) for columns in _read(connection, NODE, "scns.node_list n", "n")]


def read_partitions(connection: Any) -> list[Partition]:
    """全部分区，照配置的次序。"""
    rows = _read(connection, PARTITION, "scns.partition_list p", "p")
    return [Partition(columns) for columns in rows]


def _read(
    connection: Any, columns: dict[str, str], relation: str, alias: str
) -> list[dict[str, Any]]:
    listed = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    statement = " ".join(
        ("SELECT", listed, "FROM", relation, f"ORDER BY {alias}.position, {alias}.name")
    )
    return [dict(zip(columns, row, strict=True)) for row in connect.call(connection, statement)]
