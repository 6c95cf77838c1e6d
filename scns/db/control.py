"""作业控制的语句：挂起与继续、时限前的信号、排到前头、拆出数组的一部分。

挂起只交还 CPU：内存与通用资源仍归它，进程的页与显存都还在。
"""

from __future__ import annotations

#: 挂起：CPU 交还节点，编号记在 `suspended_cpus`。返回真的挂起了的。
SUSPEND = """
WITH stopped AS (
    UPDATE scns.job SET state = 'SUSPENDED', suspend_time = now(), resuming = false
     WHERE id = ANY (%(ids)s) AND state = 'RUNNING'
    RETURNING id
), freed AS (
    UPDATE scns.allocation a SET suspended_cpus = a.cpu_ids, cpu_ids = '{}', cpus = 0
      FROM stopped s WHERE a.job_id = s.id
    RETURNING a.node, a.suspended_cpus
), idle AS (
    UPDATE scns.node n
       SET idle_cpus = (n.idle_cpus + u.cpu_ids) * int4multirange(int4range(0, n.cpus)),
           cpus_alloc = n.cpus_alloc - (SELECT sum(upper(r) - lower(r)) FROM unnest(u.cpu_ids) r)
      FROM (SELECT node, range_agg(suspended_cpus) AS cpu_ids FROM freed GROUP BY node) u
     WHERE n.name = u.node AND NOT isempty(u.cpu_ids)
)
SELECT id FROM stopped
"""

#: 记下要继续；能不能马上继续看它原来的 CPU，见 `RESUME`。
WANT_RESUMED = """
UPDATE scns.job SET resuming = true, reason = 'Resources'
 WHERE id = ANY (%(ids)s) AND state = 'SUSPENDED'
"""

#: 让一个等着继续的作业拿回它原来的 CPU：都空着才行，先挂起的先来。到时的各时刻顺延挂起的时间。
#: 返回它的作业号；没有能继续的就没有行。
RESUME = """
WITH picked AS (
    SELECT j.id, now() - j.suspend_time AS paused, s.deadline
      FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
     WHERE j.state = 'SUSPENDED' AND j.resuming
       AND NOT EXISTS (SELECT FROM scns.allocation a JOIN scns.node n ON n.name = a.node
                        WHERE a.job_id = j.id AND NOT n.idle_cpus @> a.suspended_cpus)
     ORDER BY j.suspend_time, j.id
     LIMIT 1
       FOR UPDATE OF j
), resumed AS (
    UPDATE scns.job j
       SET state = 'RUNNING', resuming = false, reason = 'None', suspend_time = now(),
           suspended_seconds = j.suspended_seconds + extract(epoch FROM p.paused)::int,
           limit_time = least(j.limit_time + p.paused, p.deadline),
           warn_time = j.warn_time + p.paused, mail_time = j.mail_time + p.paused
      FROM picked p
     WHERE j.id = p.id AND j.state = 'SUSPENDED'
    RETURNING j.id
), taken AS (
    UPDATE scns.allocation a
       SET cpu_ids = a.suspended_cpus, suspended_cpus = NULL,
           cpus = (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(a.suspended_cpus) r)
      FROM resumed r WHERE a.job_id = r.id
    RETURNING a.node, a.cpu_ids, a.cpus
), occupied AS (
    UPDATE scns.node n
       SET cpus_alloc = n.cpus_alloc + t.cpus, idle_cpus = n.idle_cpus - t.cpu_ids,
           last_busy = now()
      FROM taken t WHERE n.name = t.node
)
SELECT id FROM resumed
"""

#: 还在等 CPU 的，有没有。
RESUMING = "SELECT EXISTS (SELECT FROM scns.job WHERE state = 'SUSPENDED' AND resuming)"

#: 这个节点上要 stepd 去做的：结束已有结局的，停住挂起的，给时限将至的送信号。
ORDERS = """
SELECT j.id, j.attempt, j.state, j.outcome, extract(epoch FROM j.kill_time)::float8,
       NULL::int AS signal, NULL::text AS scope
  FROM scns.job j
 WHERE j.state IN ('COMPLETING', 'SUSPENDED') AND j.batch_host = %(node)s
 UNION ALL
SELECT j.id, j.attempt, j.state, NULL, NULL, (s.options ->> 'signal')::int,
       coalesce(s.options ->> 'signal_scope', 'steps')
  FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
 WHERE j.warn_time <= now() AND j.state = 'RUNNING' AND j.batch_host = %(node)s
"""

#: 信号送出去了，这一次启动里不再送。
WARNED = "UPDATE scns.job SET warn_time = NULL WHERE id = ANY (%(ids)s)"

#: 这个节点上继续过的：重新连上 stepd 时再送一次 CONT，免得上一次没有送到。
RESUMED = """
SELECT id, attempt FROM scns.job
 WHERE batch_host = %(node)s AND state = 'RUNNING' AND suspend_time IS NOT NULL
"""

#: 让这个作业排到同一用户、同一分区、账户与 QOS 的别的排队作业前面：它得到其中最高的优先级，
#: 其余的各减一，彼此的先后不变。不越过别人的作业；已经在最前面时什么也不做。
TOP = """
WITH own AS (
    SELECT j.id, j.priority, max(j.priority) OVER () AS highest
      FROM scns.job c JOIN scns.submission x ON x.id = c.submission_id
      JOIN scns.job j ON j.uid = c.uid AND j.state = 'PENDING' AND j.hold IS NULL
      JOIN scns.submission s ON s.id = j.submission_id
     WHERE c.id = %(id)s AND s.partition = x.partition AND s.account = x.account AND s.qos = x.qos
)
UPDATE scns.job j
   SET priority = CASE WHEN j.id = %(id)s THEN o.highest ELSE greatest(j.priority - 1, 1) END,
       site = j.site + CASE WHEN j.id = %(id)s THEN o.highest - j.priority ELSE -1 END
  FROM own o
 WHERE j.id = o.id
   AND EXISTS (SELECT FROM own a, own c
                WHERE c.id = %(id)s AND (a.priority > c.priority
                                         OR (a.priority = c.priority AND a.id < c.id)))
"""

SPLIT_PART = "SELECT scns.split_part(%(id)s, %(tasks)s::int4multirange)"

REVISE = "SELECT scns.revise(%(ids)s::bigint[], %(columns)s, %(options)s, %(checked)s)"

REPLACE_DEPENDENCIES = "SELECT scns.replace_dependencies(%(ids)s::bigint[], %(edges)s)"

SETTLE_ELIGIBILITY = "SELECT scns.settle_eligibility(%(ids)s::bigint[])"

SET_PRIORITY = """
UPDATE scns.job SET priority = %(priority)s, ranked_time = 'infinity'
 WHERE id = ANY (%(ids)s) AND state IN ('PENDING', 'RUNNING', 'SUSPENDED')
"""

#: 时限超出分区上限的；几个分区的，个个都超出才算。
OVER_PARTITION_LIMIT = """
SELECT s.id FROM scns.submission s
 WHERE s.id = ANY (%(ids)s)
   AND NOT EXISTS (
       SELECT FROM scns.partition p
        WHERE p.name = ANY (string_to_array(s.partition, ','))
          AND (p.max_time IS NULL OR (%(limit)s <> -1 AND p.max_time >= %(limit)s)))
 LIMIT 1
"""

#: 作业的时限改成这个时刻为止还要多少秒，凑成整分钟；不在跑的没有行。
LIMIT_UNTIL = """
SELECT greatest(60, round(extract(epoch FROM %(until)s::timestamptz - j.start_time
                          - make_interval(secs => j.suspended_seconds)) / 60) * 60)::int,
       %(until)s::timestamptz < now(),
       %(until)s::timestamptz > j.limit_time OR j.limit_time IS NULL
  FROM scns.job j WHERE j.id = %(id)s AND j.state = 'RUNNING'
"""

SET_LIMIT_TIME = (
    "UPDATE scns.job SET limit_time = %(until)s WHERE id = %(id)s AND state = 'RUNNING'"
)

WAITING_MAIL = "SELECT id, kind, detail FROM scns.mail ORDER BY id LIMIT %(limit)s"

FORGET_MAIL = "DELETE FROM scns.mail WHERE id = ANY (%(ids)s)"
