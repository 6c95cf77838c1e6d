"""请求的读取与执行：用户要对作业做的事，由 scnsd 落到作业行上。"""

from __future__ import annotations

from typing import Any

OPEN_REQUESTS = """
SELECT id, verb, target, argument, uid, operator
  FROM scns.request WHERE done_time IS NULL ORDER BY id LIMIT %(limit)s
"""

FINISH_REQUEST = """
UPDATE scns.request SET done_time = now(), result = %(result)s
 WHERE id = %(id)s AND done_time IS NULL
"""

#: 结果给客户端留一会儿就清掉；历史在 event 里。
FORGET_REQUESTS = "DELETE FROM scns.request WHERE done_time < now() - interval '10 minutes'"

#: 用户的会话把事务开着不放：挡住迁移，也让清理跟不上。用户自己关得掉时限，所以由这里兜底。
END_LINGERING_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND starts_with(usename, 'u:')
   AND xact_start < now() - interval '30 seconds'
"""

#: 一个目标牵涉到的作业行：作业自己；数组号则是数组的全部行；带 tasks 的只取其中的元素。
TARGETS = """
WITH target AS (
    SELECT t.position, (t.item ->> 'job')::bigint AS job_id,
           (t.item ->> 'tasks')::int4multirange AS tasks
      FROM jsonb_array_elements(%(target)s) WITH ORDINALITY AS t(item, position)
), found AS (
    SELECT t.position, t.tasks, j.id FROM target t JOIN scns.job j ON j.id = t.job_id
     UNION
    SELECT t.position, t.tasks, j.id FROM target t JOIN scns.job j ON j.array_job_id = t.job_id
)
SELECT f.position, j.id, j.uid, j.state, j.attempt, j.array_job_id, j.array_task_id,
       j.waiting IS NOT NULL, f.tasks::text, j.hold, s.requeue, j.batch_host, s.batch,
       CASE WHEN j.waiting IS NOT NULL AND f.tasks IS NOT NULL
            THEN isempty(j.waiting - f.tasks) END,
       j.submission_id, s.nice, s.time_limit
  FROM found f
  JOIN scns.job j ON j.id = f.id
  JOIN scns.submission s ON s.id = j.submission_id
 WHERE f.tasks IS NULL OR j.array_task_id <@ f.tasks OR j.waiting && f.tasks
 ORDER BY f.position, j.id
"""

CANCEL_PENDING = """
UPDATE scns.job
   SET state = 'CANCELLED', end_time = now(), outcome = 'CANCELLED', outcome_uid = %(uid)s,
       eligible = false, expected_start = NULL
 WHERE id = ANY (%(ids)s) AND state = 'PENDING'
RETURNING id
"""

#: 取消数组里还没启动的一部分只是区间相减，不为它们造行。
CANCEL_RANGE = """
UPDATE scns.job SET waiting = waiting - %(tasks)s::int4multirange
 WHERE id = %(id)s AND state = 'PENDING' AND NOT isempty(waiting - %(tasks)s::int4multirange)
"""

NOTE_CANCELLED_RANGE = """
INSERT INTO scns.event (job_id, kind, detail)
VALUES (%(id)s, 'cancel', jsonb_build_object('tasks', %(tasks)s::text, 'uid', %(uid)s::int))
"""

END_RUNNING = """
UPDATE scns.job
   SET state = 'COMPLETING', outcome = %(outcome)s, outcome_uid = %(uid)s, kill_time = now(),
       limit_time = NULL, hold = coalesce(%(hold)s, hold), resuming = false,
       suspended_seconds = suspended_seconds + CASE WHEN state = 'SUSPENDED'
         THEN extract(epoch FROM now() - suspend_time)::int ELSE 0 END
 WHERE id = ANY (%(ids)s) AND state IN ('RUNNING', 'SUSPENDED')
"""

#: 已经在收尾的改成重新排队。
REDIRECT_COMPLETING = """
UPDATE scns.job
   SET outcome = 'REQUEUE', outcome_uid = %(uid)s, hold = coalesce(%(hold)s, hold)
 WHERE id = ANY (%(ids)s) AND state = 'COMPLETING' AND outcome <> 'REQUEUE'
"""

HOLD = """
UPDATE scns.job
   SET hold = %(hold)s, eligible = false, eligible_time = CASE WHEN state = 'PENDING' THEN NULL
                                                               ELSE eligible_time END,
       expected_start = NULL,
       reason = CASE %(hold)s WHEN 'admin' THEN 'JobHeldAdmin' ELSE 'JobHeldUser' END
 WHERE id = ANY (%(ids)s) AND end_time IS NULL
"""

RELEASE = """
UPDATE scns.job
   SET hold = NULL,
       -- 扣住时没有判过依赖
       dependency = CASE dependency WHEN 'WAITING' THEN 'NEW' ELSE dependency END,
       eligible = state = 'PENDING' AND dependency = 'MET' AND coalesce(begin_time <= now(), true),
       eligible_time = CASE WHEN dependency = 'MET' THEN greatest(now(), begin_time) END,
       reason = CASE WHEN state <> 'PENDING' THEN 'None'
                     WHEN dependency = 'NEVER' THEN 'DependencyNeverSatisfied'
                     WHEN dependency <> 'MET' THEN 'Dependency'
                     WHEN begin_time > now() THEN 'BeginTime' ELSE 'None' END
 WHERE id = ANY (%(ids)s) AND hold IS NOT NULL AND end_time IS NULL
"""


def finish(cursor: Any, request_id: int, result: str) -> None:
    """写回结果；客户端在等它。"""
    cursor.execute(FINISH_REQUEST, {"id": request_id, "result": result})
