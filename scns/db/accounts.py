"""账户、上限与用量的语句，与由它们拼成的规划器的数据；scnsd 与客户端读的是同一份视图。"""

from __future__ import annotations

from dataclasses import fields
from math import inf
from typing import TYPE_CHECKING, Any

from scns.planner.classic import ROOT
from scns.planner.fairshare import Account, Algorithm, Tree, Usage
from scns.planner.snapshot import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scns.planner.fairshare import Association

#: 设了上限的账户、用户与 QOS，账户的上级，管哪些（AccountingStorageEnforce）；一行，没有时是空的。
#: 不管上限时什么也没有。
LIMITS = """
WITH enforced AS MATERIALIZED (
    SELECT coalesce((SELECT v.value FROM scns.setting_list v
                      WHERE v.name = 'AccountingStorageEnforce' AND v.value <> '(null)'),
                    'limits') AS words
), limited AS (
    SELECT e.words FROM enforced e WHERE e.words ~ '(^|,)limits(,|$)'
)
SELECT (SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') FROM limited, scns.association_list a
         WHERE num_nonnulls(a.grp_jobs, a.grp_submit, a.max_jobs, a.max_submit, a.max_wall) > 0
            OR a.grp_tres || a.max_tres_per_job || a.grp_tres_mins || a.grp_tres_run_mins
               || a.max_tres_mins_per_job <> '{}'),
       (SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]') FROM limited, scns.qos_list q
         WHERE num_nonnulls(q.grp_jobs, q.grp_submit, q.max_jobs, q.max_submit, q.max_wall,
                            q.max_jobs_per_account, q.max_submit_per_account) > 0
            OR q.grp_tres || q.max_tres_per_job || q.max_tres_per_user || q.max_tres_per_account
               || q.grp_tres_run_mins || q.max_tres_mins_per_job || q.min_tres_per_job <> '{}'),
       (SELECT coalesce(jsonb_object_agg(c.name, c.parent), '{}') FROM scns.account_list c
         WHERE c.parent IS NOT NULL),
       (SELECT e.words FROM enforced e)
"""

#: 每个关系的份额与优先级；`known_uid` 为 NULL 的用户还没有见过。
SHARES = """
SELECT a.account, a.user_name, a.known_uid, a.fairshare, c.parent, a.priority
  FROM scns.association_list a JOIN scns.account_list c ON c.name = a.account
 ORDER BY a.account, a.user_name
"""

USAGE = "SELECT u.account, u.uid, u.cpu_seconds, u.as_of, u.cpus, u.start FROM scns.usage_list u"

#: 用量从何时算起（epoch 秒）；早于它的不算。没有清过时没有行。
USAGE_RESET = (
    "SELECT extract(epoch FROM r.time)::float8 FROM scns.reset_list r WHERE r.name = 'usage'"
)

#: 用量从这一刻算起；已经更晚的不动。
RESET_USAGE = """
INSERT INTO scns.reset AS r (name, time) VALUES ('usage', to_timestamp(%(at)s))
ON CONFLICT (name) DO UPDATE SET time = excluded.time WHERE r.time < excluded.time
"""

#: 把结束了的一次运行记进用量，先把旧的衰减到现在；较早用的部分也按现在算。
#: 半衰期是秒，NULL 不衰减。挂起的时间与用量清零以前的不算。
CHARGE = """
WITH since AS (SELECT coalesce(max(r.time), '-infinity') AS at FROM scns.reset r
                WHERE r.name = 'usage')
INSERT INTO scns.usage AS u (account, uid, cpu_seconds, as_of)
SELECT s.account, j.uid,
       sum(j.cpus_alloc * CASE
         WHEN %(half_life)s::float8 IS NULL THEN greatest(r.seconds, 0)
         ELSE %(half_life)s::float8 / ln(2) * greatest(
                power(0.5, r.age / %(half_life)s::float8)
                - power(0.5, (r.age + r.seconds) / %(half_life)s::float8), 0) END),
       now()
  FROM since, scns.job j
  JOIN scns.submission s ON s.id = j.submission_id
 CROSS JOIN LATERAL (
    SELECT extract(epoch FROM now() - j.end_time)::float8 AS age,
           least(extract(epoch FROM j.end_time - j.start_time)::float8 - j.suspended_seconds,
                 extract(epoch FROM j.end_time)::float8 - extract(epoch FROM since.at)::float8)
             AS seconds) r
 WHERE j.id = ANY (%(ids)s) AND j.start_time IS NOT NULL AND j.end_time IS NOT NULL
   AND j.cpus_alloc IS NOT NULL
 GROUP BY s.account, j.uid
 ORDER BY s.account, j.uid
ON CONFLICT (account, uid) DO UPDATE
   SET cpu_seconds = excluded.cpu_seconds + u.cpu_seconds * CASE
         WHEN u.as_of < (SELECT at FROM since) THEN 0
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


def build_tree(
    rows: Iterable[tuple[Any, ...]],
    others: Iterable[Association],
    algorithm: Algorithm | None = None,
) -> Tree:
    """`SHARES` 的各行拼成的账户树。

    参数：
        algorithm：系数怎样算；None 是 Fair Tree
        others：没有登记、但有作业或用量的（账户，用户）；当作根下的一个账户，各一份
    """
    accounts: dict[str, Account] = {}
    users: dict[Association, int] = {}
    for account, user_name, uid, shares, parent, _ in rows:
        if not user_name:
            accounts[account] = Account(account, parent, shares)
        elif uid is not None:
            users[(account, uid)] = shares
    for account, uid in others:
        accounts.setdefault(account, Account(account, ROOT))
        users.setdefault((account, uid), 1)
    return Tree(accounts.values(), users, algorithm)
