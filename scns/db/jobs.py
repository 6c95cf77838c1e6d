"""作业的读写：一条语句一个操作，来源状态都写在 WHERE 里。

锁的次序固定：先节点（按名字），后作业；排队的与在跑的是不相交的两组行，因此不会死锁。
"""

from __future__ import annotations

from typing import Any

#: 有作业可以启动的各个形状；用索引跳读，代价只与形状数有关，与队列长度无关。
SHAPES = """
WITH RECURSIVE shapes AS (
    (SELECT shape FROM scns.job WHERE state = 'PENDING' AND eligible ORDER BY shape LIMIT 1)
    UNION ALL
    SELECT (SELECT j.shape FROM scns.job j
             WHERE j.state = 'PENDING' AND j.eligible AND j.shape > s.shape
             ORDER BY j.shape LIMIT 1)
      FROM shapes s WHERE s.shape IS NOT NULL
)
SELECT shape FROM shapes WHERE shape IS NOT NULL
"""

#: 这些形状各自的前若干个可以启动的作业，列与 `WAITING_JOBS` 相同。
HEADS = """
SELECT h.id, h.submission_id, h.shape, h.priority, extract(epoch FROM h.eligible_time)::float8,
       h.uid, h.reason, h.waiting::text, extract(epoch FROM h.expected_start)::float8,
       h.array_job_id,
       CASE WHEN h.array_job_id IS NOT NULL
            THEN (SELECT s.array_limit FROM scns.submission s WHERE s.id = h.submission_id) END
  FROM unnest(%(shapes)s::bigint[]) AS w(shape)
 CROSS JOIN LATERAL (
    SELECT j.* FROM scns.job j
     WHERE j.state = 'PENDING' AND j.eligible AND j.shape = w.shape
     ORDER BY j.priority DESC, j.id
     LIMIT %(depth)s) h
"""

#: 这些作业里排队的；`hindered` 为真时，被扣住、依赖未满足的也算。
WAITING_JOBS = """
SELECT j.id, j.submission_id, j.shape, j.priority, extract(epoch FROM j.eligible_time)::float8,
       j.uid, j.reason, j.waiting::text, extract(epoch FROM j.expected_start)::float8,
       j.array_job_id,
       CASE WHEN j.array_job_id IS NOT NULL
            THEN (SELECT s.array_limit FROM scns.submission s WHERE s.id = j.submission_id) END
  FROM scns.job j
 WHERE j.id = ANY (%(ids)s::bigint[]) AND j.state = 'PENDING'
   AND (j.eligible OR %(hindered)s::boolean)
"""

#: 计划要看的要求；形状相同的作业要求也相同，计划者每个形状只读一份。
SUBMISSIONS = """
SELECT id, partition, tasks, cpus_per_task, nodes_min, nodes_max, tasks_per_node,
       mincpus, memory_per_node, memory_per_cpu, time_limit, time_min, exclusive, overcommit,
       "constraint", node_list, exclude, gres, licenses, account, qos, cpus
  FROM scns.submission WHERE id = ANY (%(ids)s)
"""

#: 占着节点的：预计何时交还什么。收尾的正在交还，不是没有时限；挂起的不知何时继续，也不再独占节点。
RUNNING = """
SELECT j.id, j.uid, s.account,
       extract(epoch FROM CASE j.state WHEN 'COMPLETING' THEN j.kill_time
                                       WHEN 'RUNNING' THEN j.limit_time END)::float8,
       a.node, a.cpus, a.memory, a.gres, s.licenses, j.array_job_id,
       CASE WHEN j.state <> 'SUSPENDED' THEN s.exclusive END, s.qos
  FROM scns.allocation a
  JOIN scns.job j ON j.id = a.job_id
  JOIN scns.submission s ON s.id = j.submission_id
"""

#: 其中的这些作业。
RUNNING_OF = RUNNING + " WHERE a.job_id = ANY (%(ids)s::bigint[])"

#: 只有租约的持有者写得进计划；顺带挡住过期的计划者。
FENCE = """
SELECT epoch FROM scns.lease
 WHERE name = 'scheduler' AND owner = %(owner)s AND epoch = %(epoch)s FOR SHARE
"""

LOCK_NODES = "SELECT name FROM scns.node WHERE name = ANY (%(nodes)s) ORDER BY name FOR UPDATE"

#: 各节点有哪些通用资源，哪几块 GPU 已经给了人；节点的行锁在手里才算数。
GPUS = """
SELECT n.name, n.gres,
       (SELECT range_agg(a.gpu_ids)::text FROM scns.allocation a WHERE a.node = n.name)
  FROM scns.node n WHERE n.name = ANY (%(nodes)s)
"""

SPLIT_ARRAY = "SELECT id, task FROM scns.split_array(%(id)s, %(tasks)s) ORDER BY task"

#: 分配：作业转为 RUNNING，记下占用，节点的空闲减去它们。返回 (作业号, 第几次)。
#: 被别人动过的作业不在结果里，也不占任何东西。
ALLOCATE = """
WITH wish AS (
    SELECT * FROM unnest(%(job_ids)s::bigint[], %(nodes)s::text[],
                         %(cpu_ids)s::int4multirange[], %(cpus)s::int[], %(memory)s::int[],
                         %(tasks)s::int[], %(gres)s::jsonb[], %(gpu_ids)s::int4multirange[])
           AS w(job_id, node, cpu_ids, cpus, memory, tasks, gres, gpu_ids)
), whole AS (
    SELECT w.job_id, count(*) AS nodes, sum(w.cpus) AS cpus, sum(w.memory) AS memory
      FROM wish w GROUP BY w.job_id
), picked AS (
    SELECT j.id FROM scns.job j
     WHERE j.id = ANY (%(job_ids)s) AND j.state = 'PENDING' AND j.eligible AND j.waiting IS NULL
     ORDER BY j.id
       FOR UPDATE SKIP LOCKED
), started AS (
    UPDATE scns.job j
       SET state = 'RUNNING', reason = 'None', eligible = false, attempt = j.attempt + 1,
           start_time = now(), partition = l.partition,
           limit_time = least(now() + make_interval(secs => l.time_limit), s.deadline),
           warn_time = CASE WHEN s.options ? 'signal' THEN coalesce(
             least(now() + make_interval(secs => l.time_limit), s.deadline)
             - make_interval(secs => coalesce((s.options -> 'signal_seconds')::int, 60)),
             'infinity') END,
           mail_time = scns.next_mail_time(
             j.mail, now(), least(now() + make_interval(secs => l.time_limit), s.deadline)),
           expected_start = NULL, nodes_alloc = w.nodes, cpus_alloc = w.cpus,
           memory_alloc = w.memory, node_list = l.node_list, batch_host = l.batch_host,
           suspended_seconds = 0, suspend_time = NULL, exit_code = NULL, exit_signal = NULL
      FROM picked p, whole w, scns.submission s,
           unnest(%(listed)s::bigint[], %(node_lists)s::text[], %(batch_hosts)s::text[],
                  %(partitions)s::text[], %(limits)s::int[])
             AS l(job_id, node_list, batch_host, partition, time_limit)
     WHERE j.id = p.id AND w.job_id = j.id AND l.job_id = j.id AND s.id = j.submission_id
       AND j.state = 'PENDING'
    RETURNING j.id, j.attempt
), taken AS (
    INSERT INTO scns.allocation (job_id, node, attempt, cpu_ids, cpus, memory, tasks, gres, gpu_ids,
                                 boot_id)
    SELECT w.job_id, w.node, t.attempt, w.cpu_ids, w.cpus, w.memory, w.tasks, w.gres, w.gpu_ids,
           n.boot_id
      FROM wish w JOIN started t ON t.id = w.job_id JOIN scns.node n ON n.name = w.node
    RETURNING node, cpu_ids, cpus, memory
), occupied AS (
    UPDATE scns.node n
       SET cpus_alloc = n.cpus_alloc + u.cpus, memory_alloc = n.memory_alloc + u.memory,
           idle_cpus = n.idle_cpus - u.cpu_ids, last_busy = now()
      FROM (SELECT node, sum(cpus) AS cpus, sum(memory) AS memory, range_agg(cpu_ids) AS cpu_ids
              FROM taken GROUP BY node) u
     WHERE n.name = u.node
)
SELECT id, attempt FROM started
"""

#: 启动所需的一切，没有脚本的分配与挂起的也列出（它可能随节点没了）。
#: `known` 是 stepd 已经知道的作业号。
LAUNCHES = """
SELECT j.id, j.attempt, j.array_job_id, j.array_task_id, j.restarts, j.node_list, j.nodes_alloc,
       j.cpus_alloc, j.priority,
       s.owner, s.uid, s.gid, s.name, coalesce(j.partition, s.partition), s.account, s.qos, s.tasks,
       s.cpus_per_task,
       s.tasks_per_node, s.memory_per_node, s.memory_per_cpu, s.directory, s.standard_input,
       s.standard_output, s.standard_error, s.arguments, s.umask, s.limits, s.submit_host,
       s.command, s.dependency, s.array_indices::text, s.array_limit, s.exclusive, s.overcommit,
       s.options, encode(s.script_hash, 'hex'), encode(s.environment_hash, 'hex'),
       a.cpu_ids::text, a.memory, a.boot_id, j.state,
       (SELECT jsonb_agg(jsonb_build_array(o.node, o.cpus, o.tasks) ORDER BY o.node)
          FROM scns.allocation o WHERE o.job_id = j.id),
       a.gpu_ids::text, n.gres, s.batch
  FROM scns.allocation a
  JOIN scns.node n ON n.name = a.node
  JOIN scns.job j ON j.id = a.job_id
  JOIN scns.submission s ON s.id = j.submission_id
 WHERE a.node = %(node)s AND j.batch_host = %(node)s
   AND j.state IN ('RUNNING', 'SUSPENDED', 'COMPLETING')
   AND (%(ids)s::bigint[] IS NULL OR j.id = ANY (%(ids)s))
   AND NOT j.id = ANY (%(known)s)
 ORDER BY j.id
"""

SCRIPT = "SELECT body FROM scns.script WHERE hash = decode(%(key)s, 'hex')"

ENVIRONMENT = "SELECT body FROM scns.environment WHERE hash = decode(%(key)s, 'hex')"

#: 报告了结束的作业：决定好的结局，能不能重新排队。
OUTCOMES = """
SELECT j.id, j.attempt, j.outcome, s.requeue AND s.batch, j.hold
  FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id
 WHERE j.id = ANY (%(ids)s)
"""

#: 记下结束：终态、退出码、交还占用、批处理步一行；没有报告过结束的步一并了结。
#: 旧的一次（attempt 不同）改不了任何东西。
RECORD_ENDED = """
WITH report AS (
    SELECT * FROM unnest(%(job_ids)s::bigint[], %(attempts)s::int[], %(states)s::text[],
                         %(reasons)s::text[], %(exit_codes)s::int[], %(exit_signals)s::int[],
                         %(times)s::float8[], %(step_states)s::text[], %(step_codes)s::int[],
                         %(step_signals)s::int[], %(users)s::bigint[], %(systems)s::bigint[],
                         %(rss)s::bigint[])
           AS r(job_id, attempt, state, reason, exit_code, exit_signal, ended, step_state,
                step_code, step_signal, user_ms, system_ms, max_rss)
), changed AS (
    UPDATE scns.job j
       SET state = r.state, reason = r.reason, exit_code = r.exit_code,
           exit_signal = r.exit_signal, limit_time = NULL, kill_time = NULL, warn_time = NULL,
           mail_time = NULL, resuming = false, eligible = false,
           suspended_seconds = j.suspended_seconds + CASE WHEN j.state = 'SUSPENDED'
             THEN extract(epoch FROM now() - j.suspend_time)::int ELSE 0 END,
           end_time = greatest(j.start_time, to_timestamp(r.ended))
      FROM report r
     WHERE j.id = r.job_id AND j.attempt = r.attempt
       AND j.state IN ('RUNNING', 'SUSPENDED', 'COMPLETING')
    RETURNING j.id, j.attempt, j.array_job_id, j.start_time, j.end_time, j.batch_host,
              j.cpus_alloc, j.submission_id
), freed AS (
    DELETE FROM scns.allocation a USING changed c
     WHERE a.job_id = c.id AND a.attempt = c.attempt
    RETURNING a.node, a.cpu_ids, a.cpus, a.memory
), idle AS (
    UPDATE scns.node n
       SET cpus_alloc = n.cpus_alloc - u.cpus, memory_alloc = n.memory_alloc - u.memory,
           idle_cpus = (n.idle_cpus + u.cpu_ids) * int4multirange(int4range(0, n.cpus)),
           last_busy = now()
      FROM (SELECT node, sum(cpus) AS cpus, sum(memory) AS memory, range_agg(cpu_ids) AS cpu_ids
              FROM freed GROUP BY node) u
     WHERE n.name = u.node
), batch AS (
    INSERT INTO scns.step (job_id, attempt, step_id, name, state, node_list, tasks, cpus,
                           start_time, end_time, exit_code, exit_signal, user_milliseconds,
                           system_milliseconds, max_rss)
    SELECT c.id, c.attempt, -5, 'batch', r.step_state, c.batch_host, 1, c.cpus_alloc,
           c.start_time, c.end_time, r.step_code, r.step_signal, r.user_ms, r.system_ms, r.max_rss
      FROM changed c JOIN report r ON r.job_id = c.id
      JOIN scns.submission s ON s.id = c.submission_id AND s.batch
     WHERE r.step_state IS NOT NULL
    ON CONFLICT DO NOTHING
), closed AS (
    UPDATE scns.step t
       SET state = 'CANCELLED', end_time = c.end_time, exit_code = 0, exit_signal = 0
      FROM changed c
     WHERE t.job_id = c.id AND t.attempt = c.attempt AND t.end_time IS NULL
)
SELECT id, array_job_id FROM changed
"""

#: 用户要求重新排队之后，过这么多秒才再参与排计划，期间原因是 BeginTime。Slurm 等的是凭据的
#: 寿命，120 秒，免得旧的一次还没走新的一次就来；这里有 attempt 作栅栏，只留一点时间给
#: 反复自己 requeue 的脚本喘气。节点故障的与扣住的不等。
REQUEUE_DELAY = 5

#: 结束的作业里要重新排队的：回到 PENDING，attempt 不动，下一次启动自然加一。
#: 延迟 `delay` 秒再参与排队；`hold` 非空则扣住。
REQUEUE_ENDED = """
UPDATE scns.job j
   SET state = 'PENDING', start_time = NULL, end_time = NULL, limit_time = NULL, kill_time = NULL,
       outcome = NULL, outcome_uid = NULL, restarts = j.restarts + 1, node_list = NULL,
       batch_host = NULL, nodes_alloc = NULL, cpus_alloc = NULL, memory_alloc = NULL,
       suspended_seconds = 0, suspend_time = NULL, partition = NULL, warn_time = NULL,
       mail_time = NULL, resuming = false, expected_start = NULL,
       hold = q.hold, eligible = q.hold IS NULL AND q.delay <= 0,
       begin_time = CASE WHEN q.delay > 0 THEN now() + make_interval(secs => q.delay)
                         ELSE j.begin_time END,
       eligible_time = CASE WHEN q.hold IS NULL THEN now() + make_interval(secs => q.delay) END,
       reason = CASE WHEN q.hold = 'requeue' THEN 'job requeued in held state'
                     WHEN q.hold IS NOT NULL THEN 'JobHeldUser'
                     WHEN q.delay > 0 THEN 'BeginTime' ELSE 'None' END
  FROM unnest(%(job_ids)s::bigint[], %(holds)s::text[], %(delays)s::int[]) AS q(id, hold, delay)
 WHERE j.id = q.id AND j.end_time IS NOT NULL AND j.waiting IS NULL
"""

#: Prolog 失败，已放回队列扣住的：原因的说法与 Slurm 相同。
LAUNCH_REQUEUED = """
UPDATE scns.job SET reason = 'launch failed requeued held'
 WHERE id = ANY (%(ids)s) AND state = 'PENDING' AND hold = 'requeue'
"""

#: 到了时刻的事都做掉；`grace` 是 OverTimeLimit 的秒数，NULL 是超时也不结束。
KEEP_TIME = "SELECT * FROM scns.keep_time(%(grace)s)"

#: 下一件要按时做的事何时，本节点上下一个时限前的信号何时送，epoch 秒，没有时为 NULL；
#: 以及有没有信要寄。
NEXT_DUE = """
SELECT extract(epoch FROM least(
    (SELECT min(j.limit_time) FROM scns.job j WHERE j.state = 'RUNNING' AND j.limit_time > now()),
    (SELECT min(j.limit_time + scns.over_time(j, %(grace)s)) FROM scns.job j
      WHERE j.state = 'RUNNING' AND j.limit_time <= now()),
    (SELECT min(j.begin_time) FROM scns.job j
      WHERE j.state = 'PENDING' AND NOT j.eligible AND j.hold IS NULL AND j.dependency = 'MET'),
    (SELECT min(j.start_by) FROM scns.job j
      WHERE j.state = 'PENDING' AND j.eligible AND j.start_by IS NOT NULL),
    (SELECT min(j.mail_time) FROM scns.job j
      WHERE j.mail_time IS NOT NULL AND j.state = 'RUNNING')))::float8,
  (SELECT extract(epoch FROM min(j.warn_time))::float8 FROM scns.job j
    WHERE j.warn_time < 'infinity' AND j.state = 'RUNNING' AND j.batch_host = %(node)s),
  EXISTS (SELECT FROM scns.mail)
"""

#: 写下没有启动的各自的原因与预计的启动时刻；预计变了的另记一件事，事后好与真的启动相比。
SET_REASONS = """
WITH told AS (
    UPDATE scns.job j SET reason = r.reason, expected_start = to_timestamp(r.expected)
      FROM unnest(%(job_ids)s::bigint[], %(reasons)s::text[], %(expected)s::float8[],
                  %(moved)s::boolean[])
           AS r(id, reason, expected, moved)
     WHERE j.id = r.id AND j.state = 'PENDING' AND j.eligible
    RETURNING r.id, r.reason, r.expected, r.moved
)
INSERT INTO scns.event (job_id, kind, detail)
SELECT id, 'estimate', jsonb_build_object('reason', reason, 'expected', expected)
  FROM told WHERE moved
"""

#: 依赖永不满足、又要求因此取消的。
CANCEL_INVALID_DEPENDENCY = """
UPDATE scns.job j SET state = 'CANCELLED', end_time = now(), outcome = 'CANCELLED',
       outcome_uid = 0, eligible = false, expected_start = NULL
  FROM scns.submission s
 WHERE s.id = j.submission_id AND s.kill_on_invalid_dep AND j.state = 'PENDING'
   AND j.dependency = 'NEVER'
RETURNING j.id
"""


def settle_dependencies(cursor: Any, touched: list[int] | None) -> None:
    """重新判定依赖；`touched` 是刚开始或结束的作业与数组号，None 表示全部。"""
    cursor.execute("SELECT scns.settle_dependencies(%s)", (touched,))
