"""账户、上限与用量的语句，与由它们拼成的规划器的数据；scnsd 与客户端读的是同一份视图。"""

from __future__ import annotations

from dataclasses import fields
from math import inf
from typing import TYPE_CHECKING, Any

from scns.planner.fairshare import Account, Tree, Usage
from scns.planner.priority import Scale, Subject
from scns.planner.snapshot import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scns.planner.fairshare import Association

#: 账户树的根。
ROOT = "root"

#: 设了上限的账户、用户与 QOS，和账户的上级；一行，没有时是空的。
LIMITS = """
SELECT (SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') FROM scns.association_list a
         WHERE num_nonnulls(a.grp_jobs, a.grp_submit, a.max_jobs, a.max_submit, a.max_wall) > 0
            OR a.grp_tres <> '{}' OR a.max_tres_per_job <> '{}'),
       (SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]') FROM scns.qos_list q
         WHERE num_nonnulls(q.grp_jobs, q.grp_submit, q.max_jobs, q.max_submit, q.max_wall) > 0
            OR q.grp_tres <> '{}' OR q.max_tres_per_job <> '{}' OR q.max_tres_per_user <> '{}'),
       (SELECT coalesce(jsonb_object_agg(c.name, c.parent), '{}') FROM scns.account_list c
         WHERE c.parent IS NOT NULL)
"""

#: 每个关系的份额；`known_uid` 为 NULL 的用户还没有见过。
SHARES = """
SELECT a.account, a.user_name, a.known_uid, a.fairshare, c.parent
  FROM scns.association_list a JOIN scns.account_list c ON c.name = a.account
 ORDER BY a.account, a.user_name
"""

USAGE = "SELECT u.account, u.uid, u.cpu_seconds, u.as_of, u.cpus, u.start FROM scns.usage_list u"

#: 优先级各因素的归一化：节点数、CPU 数，分区与 QOS 里最大的。
SCALE = """
SELECT (SELECT count(*) FROM scns.node_list)::int,
       (SELECT coalesce(sum(n.cpus), 0) FROM scns.node_list n)::int,
       (SELECT coalesce(max(p.priority_job_factor), 0) FROM scns.partition_list p),
       (SELECT coalesce(max(q.priority), 0) FROM scns.qos_list q)
"""

#: 排队的作业与优先级有关的方面；管理员定了优先级的不在其中。`fresh` 为真时只要没有算过的。
SUBJECTS = """
SELECT l.id, l.account, l.uid, l.eligible, l.nodes, l.cpus, l.partition_factor, l.qos_priority,
       l.nice, l.site
  FROM scns.priority_list l
 WHERE l.ranked_time IS DISTINCT FROM 'infinity'
   AND (NOT %(fresh)s::boolean OR l.ranked_time IS NULL)
"""

#: 一次还没有提交的要求与优先级有关的方面：分区与 QOS 的。
FACTORS = """
SELECT coalesce((SELECT max(p.priority_job_factor) FROM scns.partition_list p
                  WHERE p.name = ANY (string_to_array(%(partition)s, ','))), 0),
       coalesce((SELECT q.priority FROM scns.qos_list q WHERE q.name = %(qos)s), 0)
"""

#: 写下算出的优先级；算的时候被扣住、启动或定下优先级的不改。
SET_PRIORITIES = """
UPDATE scns.job j
   SET priority = r.priority, fairshare = r.fairshare, ranked_time = to_timestamp(%(now)s)
  FROM unnest(%(ids)s::bigint[], %(priorities)s::bigint[], %(fairshares)s::float8[])
       AS r(id, priority, fairshare)
 WHERE j.id = r.id AND j.state = 'PENDING' AND j.hold IS NULL
   AND j.ranked_time IS DISTINCT FROM 'infinity'
"""

#: 不再按因素算了：回到先来先服务的常数。
FORGET_PRIORITIES = """
UPDATE scns.job j
   SET priority = greatest(scns.base_priority() - s.nice, 1), fairshare = NULL, ranked_time = NULL,
       site = 0
  FROM scns.submission s
 WHERE s.id = j.submission_id AND j.state = 'PENDING' AND isfinite(j.ranked_time)
"""

#: 把结束了的一次运行记进用量，先把旧的衰减到现在；较早用的部分也按现在算。
#: 半衰期是秒，NULL 不衰减。挂起的时间不算。
CHARGE = """
INSERT INTO scns.usage AS u (account, uid, cpu_seconds, as_of)
SELECT s.account, j.uid,
       sum(j.cpus_alloc * CASE
         WHEN %(half_life)s::float8 IS NULL THEN greatest(r.seconds, 0)
         ELSE %(half_life)s::float8 / ln(2) * greatest(
                power(0.5, r.age / %(half_life)s::float8)
                - power(0.5, (r.age + r.seconds) / %(half_life)s::float8), 0) END),
       now()
  FROM scns.job j
  JOIN scns.submission s ON s.id = j.submission_id
 CROSS JOIN LATERAL (
    SELECT extract(epoch FROM now() - j.end_time)::float8 AS age,
           extract(epoch FROM j.end_time - j.start_time)::float8 - j.suspended_seconds AS seconds) r
 WHERE j.id = ANY (%(ids)s) AND j.start_time IS NOT NULL AND j.end_time IS NOT NULL
   AND j.cpus_alloc IS NOT NULL
 GROUP BY s.account, j.uid
 ORDER BY s.account, j.uid
ON CONFLICT (account, uid) DO UPDATE
   SET cpu_seconds = excluded.cpu_seconds + u.cpu_seconds * CASE
         WHEN %(half_life)s::float8 IS NULL THEN 1
         ELSE power(0.5, extract(epoch FROM now() - u.as_of)::float8 / %(half_life)s::float8) END,
       as_of = excluded.as_of
"""

_LIMITS = tuple(each.name for each in fields(Limits))


def limits_of(row: Mapping[str, Any]) -> Limits:
    """一行上限；键是列名，其余的列不看。"""
    return Limits(**{name: row[name] for name in _LIMITS if name in row})


def read_usage(
    rows: Iterable[tuple[Any, ...]], half_life: float | None, now: float
) -> dict[Association, float]:
    """`USAGE` 的各行到此刻的用量，CPU 秒；在跑的算到现在。

    参数：
        half_life：秒；None 不衰减
        now：epoch 秒
    """
    usage = Usage(half_life or inf, now)
    for account, uid, seconds, as_of, cpus, start in rows:
        owner = (account, uid)
        if start is not None:
            usage.charge(owner, cpus or 0, min(start, now), now)
        else:
            kept = 0.5 ** (max(now - as_of, 0.0) / half_life) if half_life else 1.0
            usage.values[owner] = usage.values.get(owner, 0.0) + seconds * kept
    return usage.values


def build_tree(rows: Iterable[tuple[Any, ...]], others: Iterable[Association]) -> Tree:
    """`SHARES` 的各行拼成的账户树。

    参数：
        others：没有登记、但有作业或用量的（账户，用户）；当作根下的一个账户，各一份
    """
    accounts: dict[str, Account] = {}
    users: dict[Association, int] = {}
    for account, user_name, uid, shares, parent in rows:
        if not user_name:
            accounts[account] = Account(account, parent, shares)
        elif uid is not None:
            users[(account, uid)] = shares
    for account, uid in others:
        accounts.setdefault(account, Account(account, ROOT))
        users.setdefault((account, uid), 1)
    return Tree(accounts.values(), users)


def scale_of(row: tuple[Any, ...]) -> Scale:
    """`SCALE` 的一行。"""
    nodes, cpus, partition, qos = row
    return Scale(nodes, cpus, partition, qos)


def subject_of(row: tuple[Any, ...], fairshare: float) -> Subject:
    """`SUBJECTS` 的一行。"""
    _, _, _, eligible, nodes, cpus, partition, qos, nice, site = row
    return Subject(eligible, nodes, cpus, fairshare, partition, qos, nice, site)
