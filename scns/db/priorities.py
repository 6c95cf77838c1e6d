"""作业与优先级有关的方面：语句，与由它们拼成的规划器的数据；scnsd 与 sprio 算的是同一回事。"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scns.conf_values import BadValue, parse_gres
from scns.db.accounts import SHARES
from scns.planner.priority import Scale, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from scns.planner.priority import Weights

    #: 执行一条语句，返回各行。
    Ask = Callable[[str], Iterable[Any]]

#: 优先级各因素的归一化：节点数、CPU 数，分区、QOS 与关系里最大的。
SCALE = """
SELECT (SELECT count(*) FROM scns.node_list)::int,
       (SELECT coalesce(sum(n.cpus), 0) FROM scns.node_list n)::int,
       (SELECT coalesce(max(p.priority_job_factor), 0) FROM scns.partition_list p),
       (SELECT coalesce(max(q.priority), 0) FROM scns.qos_list q),
       (SELECT coalesce(max(a.priority), 0) FROM scns.association_list a)
"""

#: 各分区里每个节点的资源；JSON 取作文字：命令的连接不解析它。
PARTITION_NODES = """
SELECT p.name, n.cpus, n.memory, n.gres::text
  FROM scns.partition_list p JOIN scns.node_list n ON n.name = ANY (p.nodes)
"""

LICENSES = "SELECT v.value FROM scns.setting_list v WHERE v.name = 'Licenses'"

# 一个作业与优先级有关的列，`subject_of` 按这个次序读
_COLUMNS = """
SELECT l.id, l.account, l.uid, l.eligible, l.submitted, l.nodes, l.cpus, l.partition_factor,
       l.qos_priority, l.nice, l.site, l.time_limit, l.partition, l.memory_per_node,
       l.memory_per_cpu, l.gres, l.licenses
  FROM scns.priority_list l
"""

#: 排队的作业；管理员定了优先级的不在其中。
SUBJECTS = _COLUMNS + " WHERE l.state = 'PENDING' AND l.ranked_time IS DISTINCT FROM 'infinity'"

#: 其中还没有算过的。
FRESH_SUBJECTS = _COLUMNS + " WHERE l.state = 'PENDING' AND l.ranked_time IS NULL"

#: 运行与挂起的，`PriorityFlags=CALCULATE_RUNNING` 时也算。
RUNNING_SUBJECTS = _COLUMNS + (
    " WHERE l.state IN ('RUNNING', 'SUSPENDED') AND l.ranked_time IS DISTINCT FROM 'infinity'"
)

#: 一次还没有提交的要求，列同上。
SUBMISSION = """
SELECT NULL, %(account)s::text, %(uid)s::int, %(now)s::float8, %(now)s::float8,
       %(nodes_min)s::int, %(cpus)s::int,
       coalesce((SELECT max(p.priority_job_factor) FROM scns.partition_list p
                  WHERE p.name = ANY (string_to_array(%(partition)s, ','))), 0),
       coalesce((SELECT q.priority FROM scns.qos_list q WHERE q.name = %(qos)s), 0),
       %(nice)s::int, 0, %(time_limit)s::int, %(partition)s::text, %(memory_per_node)s::int,
       %(memory_per_cpu)s::int, %(gres)s::text, %(licenses)s::text
"""

#: 写下算出的优先级；算的时候被扣住或定下优先级的不改，启动了的只在 `running` 为真时改。
#: `only_up`：已经算过的只升不降（`PriorityFlags=INCR_ONLY`）。
SET_PRIORITIES = """
UPDATE scns.job j
   SET priority = CASE WHEN %(only_up)s AND j.ranked_time IS NOT NULL
                       THEN greatest(j.priority, r.priority) ELSE r.priority END,
       fairshare = r.fairshare, ranked_time = to_timestamp(%(now)s)
  FROM unnest(%(ids)s::bigint[], %(priorities)s::bigint[], %(fairshares)s::float8[])
       AS r(id, priority, fairshare)
 WHERE j.id = r.id AND j.hold IS NULL AND j.ranked_time IS DISTINCT FROM 'infinity'
   AND (j.state = 'PENDING' OR %(running)s AND j.state IN ('RUNNING', 'SUSPENDED'))
"""

#: 不再按因素算了：回到先来先服务的常数。
FORGET_PRIORITIES = """
UPDATE scns.job j
   SET priority = greatest(scns.base_priority() - s.nice, 1), fairshare = NULL, ranked_time = NULL,
       site = 0
  FROM scns.submission s
 WHERE s.id = j.submission_id AND j.state = 'PENDING' AND isfinite(j.ranked_time)
"""


@dataclass(slots=True)
class Measures:
    """集群这一边：归一化的最大值、各分区的资源、各关系的优先级。

    参数：
        totals：分区到它的资源，键同 `Weights.tres`；没有资源的权重时是空的
        licenses：全部的许可证，键是 `license/NAME`
        associations：（账户，用户号）到自己的 `Priority=`；账户自己的用户号是 None
        parents：账户的上级
    """

    scale: Scale
    totals: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    licenses: Mapping[str, int] = field(default_factory=dict)
    associations: Mapping[tuple[str, int | None], int] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)

    def association(self, account: str, uid: int) -> int:
        """关系的优先级：自己的，否则最近的上级账户的，否则 0。"""
        found = self.associations.get((account, uid))
        name: str | None = account
        while found is None and name is not None:
            found = self.associations.get((name, None))
            name = self.parents.get(name)
        return found or 0


def read_measures(ask: Ask, weights: Weights) -> Measures:
    """读出归一化要用的；没有权重的不读。"""
    (row,) = ask(SCALE)
    measures = Measures(Scale(*row))
    if weights.assoc:
        rows = list(ask(SHARES))
        measures.parents = {row[0]: row[4] for row in rows if row[4] is not None}
        measures.associations = {
            (account, uid): priority
            for account, user, uid, _, _, priority in rows
            if priority is not None and (uid is not None or not user)
        }
    if weights.tres:
        totals: dict[str, dict[str, int]] = {}
        for partition, cpus, memory, gres in ask(PARTITION_NODES):
            total = totals.setdefault(partition, {})
            _add(total, {"cpu": cpus, "mem": memory, "node": 1})
            _add(total, _gres(json.loads(gres), 1))
        measures.totals = totals
        measures.licenses = _licenses(next((row[0] for row in ask(LICENSES)), None))
    return measures


def subject_of(
    row: Sequence[Any], weights: Weights, measures: Measures, fairshare: float
) -> Subject:
    """一个作业与优先级有关的方面。

    参数：
        row：`SUBJECTS` 的一行
        fairshare：公平份额的系数
    """
    (
        _, account, uid, eligible, submitted, nodes, cpus, partition_factor, qos, nice, site,
        time_limit, partition, memory_per_node, memory_per_cpu, gres, licenses,
    ) = row  # fmt: skip
    minutes = None if time_limit is None else time_limit / 60
    subject = Subject(
        eligible, nodes, cpus, fairshare, partition_factor, qos, nice, site, 0, submitted, minutes
    )
    if weights.assoc:
        subject.assoc = measures.association(account, uid)
    if weights.tres:
        memory = (memory_per_node or 0) * nodes
        if memory_per_cpu is not None:
            memory = memory_per_cpu * cpus
        asked = {"cpu": cpus, "mem": memory, "node": nodes, **_licenses(licenses)}
        subject.tres = asked | _gres(_counts(gres), nodes)
        first = partition.partition(",")[0]
        subject.available = {**measures.totals.get(first, {}), **measures.licenses}
    return subject


def _gres(counts: Mapping[str, int], times: int) -> dict[str, int]:
    """带型号的（`gpu:a100`）也算在不带型号的名下。"""
    found: dict[str, int] = {}
    for name, count in counts.items():
        for kind in {name, name.partition(":")[0]}:
            _add(found, {f"gres/{kind}": count * times})
    return found


def _licenses(text: str | None) -> dict[str, int]:
    return {f"license/{name}": count for name, count in _counts(text).items()}


def _counts(text: str | None) -> dict[str, int]:
    """`gpu:a100:2` 或 `matlab:2` 这样的名单；写得读不懂的当作没有。"""
    try:
        return parse_gres(text) if text and text not in ("none", "(null)") else {}
    except BadValue:
        return {}


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for kind, count in more.items():
        total[kind] = total.get(kind, 0) + count
