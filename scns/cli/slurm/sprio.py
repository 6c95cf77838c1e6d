"""sprio：排队作业的优先级由哪些因素组成。来源：sprio(1) 22.05 版。

用的是 scnsd 排优先级的同一个函数、同一个时刻与同一个公平份额系数，各项相加就是优先级。
"""

from __future__ import annotations

import os
import sys
import time

from scns.cli import columns
from scns.cli.fields.priorities import CODES, Row, layout
from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.cli.tables.sprio import TABLE
from scns.db import connect
from scns.errors import UsageError
from scns.planner.priority import Factors, Priority, Weights, priority_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.options import Parsed

# 前面的列同 `scns.db.priorities.SUBJECTS`，第一列是作业号，第二列账户，第十三列分区
_JOBS = """
SELECT l.id, l.account, l.uid, l.eligible, l.submitted, l.nodes, l.cpus, l.partition_factor,
       l.qos_priority, l.nice, l.site, l.time_limit, l.partition, l.memory_per_node,
       l.memory_per_cpu, l.gres, l.licenses,
       coalesce(l.fairshare, 0), extract(epoch FROM l.ranked_time)::float8,
       l.owner, l.array_job_id, l.array_task_id, l.priority, l.qos
  FROM scns.priority_list l
 WHERE l.state = ANY (%(states)s) AND l.ranked_time IS DISTINCT FROM 'infinity'
   AND (%(jobs)s::bigint[] IS NULL OR l.id = ANY (%(jobs)s) OR l.array_job_id = ANY (%(jobs)s))
   AND (%(users)s::text[] IS NULL OR l.owner = ANY (%(users)s) OR l.uid::text = ANY (%(users)s))
   AND (%(partitions)s::text[] IS NULL
        OR string_to_array(l.partition, ',') && %(partitions)s::text[])
 ORDER BY l.id
"""

_SETTINGS = """
SELECT v.name, v.value FROM scns.setting_list v
 WHERE v.name LIKE 'Priority%%' OR v.name = 'ClusterName'
"""


def run(words: list[str]) -> int:
    """打印选出的作业，返回退出码。"""
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is not None:
        sys.stdout.write(text)
        return 0
    chosen = collect(TABLE, parsed, environ=os.environ)
    if chosen.operands:
        raise UsageError(f"Unrecognized option: {chosen.operands[0]}")
    connection = connect.connect()
    if chosen.text("clusters") is not None:
        from scns.cli.control import check_clusters

        check_clusters(connection, chosen.text("clusters") or "")
    settings = dict(connect.call(connection, _SETTINGS))
    if settings.get("PriorityType", "priority/multifactor") != "priority/multifactor":
        raise UsageError(
            "You are not running a supported priority plugin\n"
            f"({settings['PriorityType']}).\nOnly 'priority/multifactor' is supported."
        )
    weights = _weights(settings)
    text = chosen.text("format") or layout(
        weights,
        normalised="norm" in chosen.chosen,
        long="long" in chosen.chosen,
        users=chosen.text("user") is not None,
    )
    sheet = columns.parse_codes(text, CODES, _complain)
    rows = (
        [_weights_row(weights, settings)]
        if "weights" in chosen.chosen
        else _rows(connection, chosen, weights, settings.get("ClusterName", ""))
    )
    _sort(rows, chosen.text("sort"))
    lines = [] if "noheader" in chosen.chosen else [columns.header(sheet)]
    lines += [
        "".join(column.pad(column.field.value(row) if column.field else "") for column in sheet)
        for row in rows
    ]
    if chosen.text("jobs") and not rows:
        lines = ["Unable to find jobs matching user/id(s) specified"]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _weights(settings: dict[str, str]) -> Weights:
    """设置里的权重；scnsd 把配置写在那里。"""
    from scns.conf_values import WEIGHTS
    from scns.times import parse_time_limit

    def number(name: str) -> int:
        text = settings.get(f"PriorityWeight{name}", "0")
        return int(text) if text.isdigit() else 0

    text = settings.get("PriorityMaxAge", "7-00:00:00")
    age = parse_time_limit(text)
    flags = settings.get("PriorityFlags", "")
    tres = settings.get("PriorityWeightTRES", "(null)")
    return Weights(
        age=number("Age"),
        assoc=number("Assoc"),
        fairshare=number("Fairshare") or number("FairShare"),
        job_size=number("JobSize"),
        partition=number("Partition"),
        qos=number("QOS"),
        tres={} if tres == "(null)" else WEIGHTS.parse(tres),
        max_age=float("inf") if age is None else float(age),
        favor_small=settings.get("PriorityFavorSmall", "No").lower() in ("yes", "1"),
        flags=frozenset(flags.split(",")),
    )


def _weights_row(weights: Weights, settings: dict[str, str]) -> Row:
    shown = Factors(
        age=weights.age,
        fairshare=weights.fairshare,
        job_size=weights.job_size,
        partition=weights.partition,
        qos=weights.qos,
        assoc=weights.assoc,
    )
    row = Row("Weights", Priority(0, shown, shown, 0, 1), None, settings.get("ClusterName", ""))
    if weights.tres:
        row.tres = settings["PriorityWeightTRES"]
    return row


def _rows(connection: Any, chosen: Parsed, weights: Weights, cluster: str) -> list[Row]:
    from scns.db import priorities

    measures = priorities.read_measures(lambda text: connect.call(connection, text), weights)
    now = time.time()
    running = ["RUNNING", "SUSPENDED"] if "CALCULATE_RUNNING" in weights.flags else []
    parameters = {
        "states": ["PENDING", *running],
        "jobs": _ids(chosen.text("jobs")),
        "users": _list(chosen.text("user")),
        "partitions": _list(chosen.text("partition")),
    }
    rows = []
    for found in connect.call(connection, _JOBS, parameters):
        *about, fairshare, ranked, owner, array, task, stored, qos = found
        priority = priority_of(
            priorities.subject_of(about, weights, measures, fairshare),
            weights,
            measures.scale,
            now if ranked is None else ranked,
        )
        label = str(about[0]) if task is None else f"{array}_{task}"
        # 没有算过的（刚提交，或不用多因素）是库里的数；只升不降的也是
        kept = ranked is None or "INCR_ONLY" in weights.flags
        row = Row(label, priority, stored if kept else priority.total, cluster)
        row.partition, row.owner, row.account, row.qos = (
            about[12], owner, about[1], qos
        )  # fmt: skip
        rows.append(row)
    return rows


def _list(text: str | None) -> list[str] | None:
    return None if text is None else [item for item in text.split(",") if item]


def _ids(text: str | None) -> list[int] | None:
    if text is None:
        return None
    from scns.arrays import parse_job_refs

    return [ref.job_id for ref in parse_job_refs(text)]


def _sort(rows: list[Row], keys: str | None) -> None:
    """照 `-S` 的字母排，后面的先排；`-` 是从大到小。"""
    for item in reversed(_list(keys) or []):
        field = CODES.get(item.lstrip("+-"))
        if field is None:
            raise UsageError(f"Invalid sort specification: {item}")
        value = field.value
        rows.sort(key=lambda row, value=value: _key(value(row)), reverse=item.startswith("-"))  # type: ignore[misc]


def _key(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text


def _complain(letter: str) -> None:
    sys.stderr.write(f"Invalid job format specification: {letter}\n")
