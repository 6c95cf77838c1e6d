"""管理员改节点与分区的语句；改动留到重读配置为止，那时回到文件所写，与 Slurm 相同。"""

from __future__ import annotations

import grp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: 节点此刻的标志与缘由。
STANDING = """
SELECT drain, down, reason FROM scns.node WHERE name = %(node)s AND configured FOR UPDATE
"""

#: 写下标志与缘由；`reason` 为 NULL 是没有说，解除了标志而没有说的不再有缘由。
SET_STANDING = """
UPDATE scns.node n
   SET drain = w.drain, down = w.down,
       reason = CASE WHEN w.cleared THEN NULL ELSE coalesce(w.reason, n.reason) END,
       reason_time = CASE WHEN w.cleared THEN NULL WHEN w.reason IS NOT NULL THEN now()
                          ELSE n.reason_time END,
       reason_uid = CASE WHEN w.cleared THEN NULL WHEN w.reason IS NOT NULL THEN w.uid
                         ELSE n.reason_uid END
  FROM (SELECT o.name, v.drain, v.down, v.reason, v.uid,
               v.reason = '' OR (v.reason IS NULL AND (o.drain OR o.down)
                                 AND NOT (v.drain OR v.down)) AS cleared
          FROM scns.node o, (VALUES (%(drain)s::boolean, %(down)s::boolean, %(reason)s::text,
                                     %(uid)s::int)) AS v(drain, down, reason, uid)
         WHERE o.name = %(node)s) w
 WHERE n.name = w.name
"""

#: 改节点的列；`columns` 里没有的不动。
UPDATE_NODE = """
UPDATE scns.node n
   SET (address, features, extra, gres, weight, comment) =
       (SELECT x.address, x.features, x.extra, x.gres, x.weight, x.comment
          FROM jsonb_populate_record(n, %(columns)s) x)
 WHERE n.name = %(node)s
"""

#: 停用的节点上的作业转入收尾。返回（作业号，第几次，它的 stepd 还听得见）。
END_ON_NODE = """
UPDATE scns.job j
   SET state = 'COMPLETING', outcome = 'NODE_FAIL', outcome_uid = %(uid)s, kill_time = now(),
       limit_time = NULL, resuming = false,
       suspended_seconds = j.suspended_seconds + CASE WHEN j.state = 'SUSPENDED'
         THEN extract(epoch FROM now() - j.suspend_time)::int ELSE 0 END
  FROM scns.allocation a
 WHERE a.job_id = j.id AND a.node = %(node)s AND j.state IN ('RUNNING', 'SUSPENDED')
RETURNING j.id, j.attempt, coalesce((SELECT b.stepd AND b.last_seen > now() - interval '2 minutes'
                                       FROM scns.node b WHERE b.name = j.batch_host), false)
"""

NODE_NAMES = "SELECT name FROM scns.node WHERE configured ORDER BY position, name"

PARTITION_NODES = "SELECT nodes FROM scns.partition WHERE name = %(name)s"

CREATE_PARTITION = """
INSERT INTO scns.partition (name, position)
SELECT %(name)s, coalesce(max(position) + 1, 0) FROM scns.partition
"""

#: 改分区的列；`options` 里为 null 的是回到默认值。
UPDATE_PARTITION = """
UPDATE scns.partition p
   SET (nodes, state, max_time, default_time, min_nodes, max_nodes, max_cpus_per_node,
        default_memory_per_cpu, default_memory_per_node, max_memory_per_cpu, max_memory_per_node,
        priority_tier, priority_job_factor, is_default) =
       (SELECT x.nodes, x.state, x.max_time, x.default_time, x.min_nodes, x.max_nodes,
               x.max_cpus_per_node, x.default_memory_per_cpu, x.default_memory_per_node,
               x.max_memory_per_cpu, x.max_memory_per_node, x.priority_tier,
               x.priority_job_factor, x.is_default
          FROM jsonb_populate_record(p, %(columns)s) x),
       options = jsonb_strip_nulls(p.options || %(options)s::jsonb)
 WHERE p.name = %(name)s
"""

#: 默认的分区只有一个。
ONLY_DEFAULT = "UPDATE scns.partition SET is_default = false WHERE is_default AND name <> %(name)s"

DELETE_PARTITION = "DELETE FROM scns.partition WHERE name = %(name)s"

#: 还有没有结束的作业在这个分区，或要求了它。
PARTITION_IN_USE = """
SELECT EXISTS (
    SELECT FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
     WHERE j.state IN ('COMPLETING', 'PENDING', 'RUNNING', 'SUSPENDED')
       AND (j.partition = %(name)s OR (j.partition IS NULL
            AND %(name)s = ANY (string_to_array(s.partition, ',')))))
"""


def group_members(groups: Iterable[str] | None) -> list[str] | None:
    """`AllowGroups` 的组里的用户名；以它为主组的不在其中，那由登记时的主组看得出。

    不限时为 None。没有的组没有人。
    """
    if groups is None:
        return None
    members: set[str] = set()
    for name in groups:
        try:
            members.update(grp.getgrnam(name).gr_mem)
        except KeyError:
            continue
    return sorted(members)
