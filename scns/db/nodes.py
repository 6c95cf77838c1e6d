"""节点、分区与设置的写入：一条语句一个操作。"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scns.db.administration import group_members

if TYPE_CHECKING:
    from scns.config import Config

#: 照配置登记节点。占用不动；CPU 数变了就重算空闲的编号，但不小于正占着的。
UPSERT_NODES = """
INSERT INTO scns.node AS n (name, position, cpus, sockets, cores_per_socket, threads_per_core,
                            memory, tmp_disk, features, gres, weight, address, configured,
                            idle_cpus, down, drain, reason)
SELECT c.name, c.position, c.cpus, c.sockets, c.cores_per_socket, c.threads_per_core, c.memory,
       c.tmp_disk, c.features, c.gres, c.weight, c.address, true,
       int4multirange(int4range(0, c.cpus)), c.down, c.drain, c.reason
  FROM jsonb_to_recordset(%(nodes)s) AS c(
       name text, position int, cpus int, sockets int, cores_per_socket int, threads_per_core int,
       memory int, tmp_disk int, features text[], gres jsonb, weight int, address text,
       down boolean, drain boolean, reason text)
 ORDER BY c.name
ON CONFLICT (name) DO UPDATE
   SET position = excluded.position, sockets = excluded.sockets,
       cores_per_socket = excluded.cores_per_socket, threads_per_core = excluded.threads_per_core,
       cpus = greatest(excluded.cpus, n.cpus_alloc),
       memory = greatest(excluded.memory, n.memory_alloc),
       tmp_disk = excluded.tmp_disk, features = excluded.features, gres = excluded.gres,
       weight = excluded.weight, address = excluded.address, configured = true,
       idle_cpus = int4multirange(int4range(0, excluded.cpus))
                   - coalesce((SELECT range_agg(a.cpu_ids) FROM scns.allocation a
                                WHERE a.node = n.name), '{}')
"""

#: Prolog 或 Epilog 失败了，排空节点；已经排空或停用的留着原来的缘由。
DRAIN = """
UPDATE scns.node
   SET drain = true, reason = %(reason)s, reason_time = now(), reason_uid = %(uid)s
 WHERE name = %(node)s AND NOT drain AND NOT down
"""

#: 配置里不再有的节点：有作业在上面的留着但不再接活，其余的去掉。
RETIRE_NODES = """
WITH kept AS (
    UPDATE scns.node SET configured = false
     WHERE NOT name = ANY (%(names)s)
       AND EXISTS (SELECT FROM scns.allocation a WHERE a.node = node.name)
)
DELETE FROM scns.node
 WHERE NOT name = ANY (%(names)s)
   AND NOT EXISTS (SELECT FROM scns.allocation a WHERE a.node = node.name)
"""

#: 照配置登记分区；管理员用 scontrol 改过的状态随重新配置回到文件所写，与 Slurm 相同。
UPSERT_PARTITIONS = """
INSERT INTO scns.partition (name, position, nodes, is_default, state, max_time, default_time,
                            min_nodes, max_nodes, max_cpus_per_node, default_memory_per_cpu,
                            default_memory_per_node, max_memory_per_cpu, max_memory_per_node,
                            priority_tier, priority_job_factor, options)
SELECT c.*
  FROM jsonb_to_recordset(%(partitions)s) AS c(
       name text, position int, nodes text[], is_default boolean, state text, max_time int,
       default_time int, min_nodes int, max_nodes int, max_cpus_per_node int,
       default_memory_per_cpu int, default_memory_per_node int, max_memory_per_cpu int,
       max_memory_per_node int, priority_tier int, priority_job_factor int, options jsonb)
ON CONFLICT (name) DO UPDATE
   SET position = excluded.position, nodes = excluded.nodes, is_default = excluded.is_default,
       state = excluded.state, max_time = excluded.max_time, default_time = excluded.default_time,
       min_nodes = excluded.min_nodes, max_nodes = excluded.max_nodes,
       max_cpus_per_node = excluded.max_cpus_per_node,
       default_memory_per_cpu = excluded.default_memory_per_cpu,
       default_memory_per_node = excluded.default_memory_per_node,
       max_memory_per_cpu = excluded.max_memory_per_cpu,
       max_memory_per_node = excluded.max_memory_per_node,
       priority_tier = excluded.priority_tier,
       priority_job_factor = excluded.priority_job_factor, options = excluded.options
"""

RETIRE_PARTITIONS = "DELETE FROM scns.partition WHERE NOT name = ANY (%(names)s)"

SETTING = "SELECT value FROM scns.setting WHERE name = %(name)s"

SET_SETTINGS = """
INSERT INTO scns.setting (name, value)
SELECT key, value FROM jsonb_each_text(%(settings)s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
 WHERE setting.value IS DISTINCT FROM excluded.value
"""

#: 守护进程报到：这台机器此刻是什么样。
REGISTER_NODE = """
UPDATE scns.node
   SET boot_id = %(boot_id)s, boot_time = to_timestamp(%(boot_time)s), daemon_start = now(),
       last_seen = now(), architecture = %(architecture)s,
       operating_system = %(operating_system)s, version = %(version)s,
       cpu_load = %(cpu_load)s, free_memory = %(free_memory)s
 WHERE name = %(node)s
"""

#: 心跳，随慢定时器写；丢了无妨，所以不等落盘。
TOUCH_NODE = """
UPDATE scns.node SET last_seen = now(), cpu_load = %(cpu_load)s, free_memory = %(free_memory)s
 WHERE name = %(node)s
"""

#: stepd 连上或断开；没有变就不写。
SET_STEPD = "UPDATE scns.node SET stepd = %(up)s WHERE name = %(node)s AND stepd <> %(up)s"

#: 规划看得见的节点，或其中的这些（`names` 不为 NULL）。挂起后等着继续的作业，它的 CPU 空出来也不给
#: 别的作业。
NODES = """
SELECT name, cpus,
       (idle_cpus - coalesce((SELECT range_agg(a.suspended_cpus)
                                FROM scns.allocation a JOIN scns.job j ON j.id = a.job_id
                               WHERE a.node = node.name AND a.suspended_cpus IS NOT NULL
                                 AND j.resuming), '{}'))::text,
       memory, memory - memory_alloc, features, gres, weight,
       configured AND stepd AND NOT drain AND NOT down, position
  FROM scns.node
 WHERE %(names)s::text[] IS NULL OR name = ANY (%(names)s::text[])
"""

PARTITIONS = """
SELECT name, nodes, state, max_time, min_nodes, max_nodes, priority_tier, options
  FROM scns.partition
 ORDER BY position, name
"""


def _members(groups: tuple[str, ...] | None) -> dict[str, list[str] | None]:
    return {} if groups is None else {"group_members": group_members(groups)}


#: 与配置同名、原样写入的列。
_NODE_COLUMNS = (
    "name cpus sockets cores_per_socket threads_per_core memory tmp_disk features gres weight "
    "address reason"
).split()
_PARTITION_COLUMNS = (
    "name nodes is_default state max_time default_time min_nodes max_nodes max_cpus_per_node "
    "default_memory_per_cpu default_memory_per_node max_memory_per_cpu max_memory_per_node "
    "priority_tier priority_job_factor options"
).split()


def apply_config(cursor: Any, config: Config) -> None:
    """把配置文件的节点、分区与设置写进数据库。"""
    nodes = [
        {
            **{column: getattr(node, column) for column in _NODE_COLUMNS},
            "position": position,
            "down": node.state.startswith("DOWN"),
            "drain": node.state.startswith("DRAIN"),
        }
        for position, node in enumerate(config.nodes)
    ]
    partitions = [
        {
            **{column: getattr(partition, column) for column in _PARTITION_COLUMNS},
            "position": position,
        }
        for position, partition in enumerate(config.partitions)
    ]
    cursor.execute("BEGIN")
    cursor.execute(UPSERT_NODES, {"nodes": json.dumps(nodes)})
    cursor.execute(RETIRE_NODES, {"names": [node.name for node in config.nodes]})
    cursor.execute(UPSERT_PARTITIONS, {"partitions": json.dumps(partitions)})
    cursor.execute(RETIRE_PARTITIONS, {"names": [part.name for part in config.partitions]})
    cursor.execute(SET_SETTINGS, {"settings": json.dumps(config.settings())})
    cursor.execute("COMMIT")
