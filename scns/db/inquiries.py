"""`scns why` 要从数据库读的事实：作业是谁的、等着谁、节点怎么了。时刻都是 epoch 秒。"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scns import arrays

#: 目标的各行里要说的那一行：排队的优先，其次号码最小的；以及各状态各有几个。
FIND = """
WITH found AS (
    SELECT j.*, CASE WHEN j.waiting IS NULL THEN 1
                     ELSE (SELECT sum(upper(r) - lower(r)) FROM unnest(j.waiting) r) END AS size
      FROM scns.job j
     WHERE (j.id = %(job)s OR j.array_job_id = %(job)s)
       AND (%(tasks)s::int4multirange IS NULL OR j.array_task_id <@ %(tasks)s::int4multirange
            OR j.waiting && %(tasks)s::int4multirange)
)
SELECT f.id, f.array_job_id, f.array_task_id, f.waiting::text, s.array_limit,
       (SELECT jsonb_object_agg(c.state, c.count)
          FROM (SELECT state, sum(size) AS count FROM found GROUP BY state) c),
       jsonb_build_object(
         'id', f.id, 'owner', s.owner, 'name', s.name, 'state', f.state, 'reason', f.reason,
         'hold', f.hold, 'dependency', f.dependency, 'priority', f.priority,
         'partition', coalesce(f.partition, s.partition), 'account', s.account, 'qos', s.qos,
         'begin', extract(epoch FROM f.begin_time), 'start', extract(epoch FROM f.start_time),
         'limit', extract(epoch FROM f.limit_time), 'end', extract(epoch FROM f.end_time),
         'nodes', f.node_list, 'exit_code', f.exit_code, 'exit_signal', f.exit_signal,
         'asked', jsonb_build_object(
           'cpus', s.cpus, 'tasks', s.tasks, 'cpus_per_task', s.cpus_per_task,
           'nodes', s.nodes_min, 'memory_per_node', s.memory_per_node,
           'memory_per_cpu', s.memory_per_cpu, 'time_limit', s.time_limit,
           'exclusive', s.exclusive IS NOT DISTINCT FROM 'node'))
  FROM found f JOIN scns.submission s ON s.id = f.submission_id
 ORDER BY f.state <> 'PENDING', f.id
 LIMIT 1
"""

#: 提到的别的作业。
MENTIONED = """
SELECT j.id, j.array_job_id, j.array_task_id, j.waiting::text, s.array_limit,
       jsonb_build_object(
         'owner', s.owner, 'name', s.name, 'state', j.state,
         'reason', CASE WHEN j.eligible AND j.reason = 'None' THEN 'Priority' ELSE j.reason END,
         'priority', j.priority, 'cpus', coalesce(j.cpus_alloc, s.cpus),
         'memory', j.memory_alloc, 'expected', extract(epoch FROM j.expected_start),
         'end', extract(epoch FROM CASE WHEN j.state = 'COMPLETING' THEN now()
                                        ELSE j.limit_time END))
  FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
 WHERE j.id = ANY (%(ids)s)
"""

#: 一个作业的依赖边，与边上还没有结束的作业；最后一列是 `singleton` 时同名的先来者。
DEPENDENCIES = """
SELECT d.kind, d.on_job_id, d.on_task_id, d.delay, d.state,
       coalesce(jsonb_agg(jsonb_build_object(
           'id', p.id, 'state', p.state, 'start', extract(epoch FROM p.start_time),
           'end', extract(epoch FROM p.limit_time)) ORDER BY p.id)
         FILTER (WHERE p.id IS NOT NULL), '[]')
  FROM scns.dependency d
  JOIN scns.job own ON own.id = d.job_id
  JOIN scns.submission mine ON mine.id = own.submission_id
  LEFT JOIN LATERAL (
      SELECT j.* FROM scns.job j
       WHERE j.end_time IS NULL AND d.kind <> 'singleton'
         AND (j.id = d.on_job_id OR j.array_job_id = d.on_job_id)
         AND (d.on_task_id IS NULL OR j.array_task_id = d.on_task_id OR j.waiting @> d.on_task_id)
      UNION ALL
      SELECT j.* FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
       WHERE d.kind = 'singleton' AND j.uid = own.uid AND s.name = mine.name AND s.id < mine.id
         AND j.state IN ('PENDING', 'RUNNING', 'SUSPENDED', 'COMPLETING')
      LIMIT 100) p ON true
 WHERE d.job_id = %(id)s
 GROUP BY d.position, d.kind, d.on_job_id, d.on_task_id, d.delay, d.state
 ORDER BY d.position
"""

#: 不接活的节点，各是怎么了。
NODES = """
SELECT jsonb_build_object(
         'node', n.name, 'drain', n.drain, 'down', n.down OR NOT n.configured, 'stepd', n.stepd,
         'reason', n.reason, 'since', extract(epoch FROM n.reason_time),
         'by', coalesce(u.name, n.reason_uid::text))
  FROM scns.node n LEFT JOIN scns.os_user u ON u.uid = n.reason_uid
 WHERE n.name = ANY (%(names)s)
 ORDER BY n.position, n.name
"""


def find(cursor: Any, job: int, tasks: str | None) -> dict[str, Any] | None:
    """一个目标此刻怎样；没有这个作业时为 None。

    参数：
        tasks：只看数组里的这些序号，int4multirange 的写法；None 是全部
    """
    cursor.execute(FIND, {"job": job, "tasks": tasks})
    row = cursor.fetchone()
    if row is None:
        return None
    return {"job": label(*row[:5]), "states": row[5], **row[6]}


def mentioned(cursor: Any, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """提到的作业，各是谁的、何时结束；已经不在的不在其中。"""
    if not ids:
        return {}
    cursor.execute(MENTIONED, {"ids": list(ids)})
    return {row[0]: {"job": label(*row[:5]), **row[5]} for row in cursor.fetchall()}


def dependencies(cursor: Any, job_id: int) -> list[dict[str, Any]]:
    """作业的各条依赖，按提交时的次序。"""
    cursor.execute(DEPENDENCIES, {"id": job_id})
    return [
        {
            "kind": kind,
            "on": None if on is None else str(on) if task is None else f"{on}_{task}",
            "delay": delay,
            "state": state,
            "open": still,
        }
        for kind, on, task, delay, state, still in cursor.fetchall()
    ]


def nodes(cursor: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """这些节点为什么不接活。"""
    cursor.execute(NODES, {"names": list(names)})
    return [row[0] for row in cursor.fetchall()]


def label(
    job_id: int, array_id: int | None, task: int | None, waiting: str | None, limit: int | None
) -> str:
    """作业号的写法：`42`、`42_7`，还没启动的数组是 `42_[1-9%2]`。"""
    if waiting is not None and waiting != "{}":
        return f"{job_id}_[{arrays.format_indices(arrays.from_multirange(waiting), limit)}]"
    if array_id is not None and task is not None:
        return f"{array_id}_{task}"
    return str(job_id)
