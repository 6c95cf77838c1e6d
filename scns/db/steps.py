"""作业步的记录：stepd 报告什么就记什么，一条语句记一批。"""

from __future__ import annotations

#: 在跑的一个步。
RUNNING = """
SELECT FROM scns.step
 WHERE job_id = %(job_id)s AND attempt = %(attempt)s AND step_id = %(step_id)s
   AND end_time IS NULL
"""

#: 记下开始与结束。开始只认此刻的这一次启动；结束了的不再改。
RECORD = """
INSERT INTO scns.step (job_id, attempt, step_id, name, state, node_list, tasks, cpus, start_time,
                       end_time, exit_code, exit_signal, user_milliseconds, system_milliseconds,
                       max_rss)
SELECT r.job_id, r.attempt, r.step_id, r.name, r.state, %(node)s, r.tasks, r.cpus,
       to_timestamp(r.started), to_timestamp(r.ended), r.exit_code, r.exit_signal, r.user_ms,
       r.system_ms, r.max_rss
  FROM unnest(%(job_ids)s::bigint[], %(attempts)s::int[], %(step_ids)s::int[], %(names)s::text[],
              %(states)s::text[], %(tasks)s::int[], %(cpus)s::int[], %(started)s::float8[],
              %(ended)s::float8[], %(exit_codes)s::int[], %(exit_signals)s::int[],
              %(users)s::bigint[], %(systems)s::bigint[], %(rss)s::bigint[])
         AS r(job_id, attempt, step_id, name, state, tasks, cpus, started, ended, exit_code,
              exit_signal, user_ms, system_ms, max_rss)
  JOIN scns.job j ON j.id = r.job_id
 WHERE r.attempt = j.attempt OR (r.attempt < j.attempt AND r.ended IS NOT NULL)
    ON CONFLICT (job_id, attempt, step_id) DO UPDATE
   SET state = excluded.state, end_time = excluded.end_time, exit_code = excluded.exit_code,
       exit_signal = excluded.exit_signal, user_milliseconds = excluded.user_milliseconds,
       system_milliseconds = excluded.system_milliseconds, max_rss = excluded.max_rss
 WHERE scns.step.end_time IS NULL
"""
