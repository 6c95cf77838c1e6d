"""作业的依赖在 SQL 里的文字；squeue 与 scontrol 共用。"""

from __future__ import annotations

#: 依赖还没有满足的部分，例如 `afterok:42(unfulfilled)`；都满足了是 NULL。写在视图 `queue` 的一行
#: `q` 上。来源：slurmctld 报告的 Dependency。
UNMET = (
    "(SELECT string_agg(d.kind || coalesce(':' || d.on_job_id, '')"
    " || CASE WHEN d.on_task_id IS NOT NULL THEN '_' || d.on_task_id"
    " WHEN EXISTS (SELECT FROM scns.queue p WHERE p.id = d.on_job_id"
    " AND p.array_job_id = p.id) THEN '_*' ELSE '' END"
    " || CASE WHEN d.delay > 0 THEN '+' || d.delay ELSE '' END"
    " || CASE d.state WHEN 'NEVER' THEN '(failed)' ELSE '(unfulfilled)' END,"
    " CASE WHEN q.dependency_any THEN '?' ELSE ',' END ORDER BY d.position)"
    " FROM scns.dependency_list d WHERE d.job_id = q.id AND d.state <> 'MET')"
)
