"""sprio：排队作业的优先级由哪些因素组成。来源：sprio(1) 22.05 版。

用的是 scnsd 排优先级的同一个函数、同一个时刻与同一个公平份额系数，各项相加就是优先级。
"""

from __future__ import annotations

import os
import sys
import time

from scns.cli import columns
from scns.cli.columns import Field
from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.cli.tables.sprio import TABLE
from scns.db import connect
from scns.errors import UsageError
from scns.planner.priority import Factors, Priority, Weights, priority_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scns.cli.options import Parsed

_JOBS = """
SELECT l.id, l.account, l.uid, l.eligible, l.nodes, l.cpus, l.partition_factor, l.qos_priority,
       l.nice, l.site, coalesce(l.fairshare, 0), extract(epoch FROM l.ranked_time)::float8,
       l.partition, l.owner, l.array_job_id, l.array_task_id, l.priority, l.qos
  FROM scns.priority_list l
 WHERE l.ranked_time IS DISTINCT FROM 'infinity'
   AND (%(jobs)s::bigint[] IS NULL OR l.id = ANY (%(jobs)s) OR l.array_job_id = ANY (%(jobs)s))
   AND (%(users)s::text[] IS NULL OR l.owner = ANY (%(users)s) OR l.uid::text = ANY (%(users)s))
   AND (%(partitions)s::text[] IS NULL
        OR string_to_array(l.partition, ',') && %(partitions)s::text[])
 ORDER BY l.id
"""

_SETTINGS = "SELECT v.name, v.value FROM scns.setting_list v WHERE v.name LIKE 'Priority%%'"

#: 归一化的优先级以它为 1。
_HIGHEST = 0xFFFFFFFF


class Row:
    """一个作业的一行；权重的那一行没有作业。"""

    __slots__ = ("account", "label", "owner", "partition", "priority", "qos", "total")

    def __init__(self, label: str, priority: Priority, total: int | None, *about: str) -> None:
        self.label = label
        self.priority = priority
        self.total = total
        self.partition, self.owner, self.account, self.qos = about or ("", "", "", "")


def _weighted(name: str) -> Callable[[Row], str]:
    return lambda row: f"{getattr(row.priority.weighted, name):.0f}"


def _factor(name: str) -> Callable[[Row], str]:
    return lambda row: f"{getattr(row.priority.factors, name):.7f}"


#: 字母到字段；大写的乘过权重，小写的在 0 与 1 之间。
CODES = {
    "a": Field("AGE", _factor("age")),
    "A": Field("AGE", _weighted("age")),
    "b": Field("ASSOC", lambda _: "0.0000000"),
    "B": Field("ASSOC", lambda _: "0"),
    "f": Field("FAIRSHARE", _factor("fairshare")),
    "F": Field("FAIRSHARE", _weighted("fairshare")),
    "i": Field("JOBID", lambda row: row.label),
    "j": Field("JOBSIZE", _factor("job_size")),
    "J": Field("JOBSIZE", _weighted("job_size")),
    "n": Field("QOSNAME", lambda row: row.qos),
    "N": Field("NICE", lambda row: str(row.priority.nice)),
    "o": Field("ACCOUNT", lambda row: row.account),
    "p": Field("PARTITION", _factor("partition")),
    "P": Field("PARTITION", _weighted("partition")),
    "q": Field("QOS", _factor("qos")),
    "Q": Field("QOS", _weighted("qos")),
    "r": Field("PARTITION", lambda row: row.partition),
    "S": Field("SITE", lambda row: str(row.priority.site)),
    "u": Field("USER", lambda row: row.owner),
    "y": Field("PRIORITY", lambda row: "" if row.total is None else f"{row.total / _HIGHEST:.14f}"),
    "Y": Field("PRIORITY", lambda row: "" if row.total is None else str(row.total)),
}

# 权重不为零的才有一列：权重的名字、字母
_OPTIONAL = (
    ("age", "A"),
    ("fairshare", "F"),
    ("job_size", "J"),
    ("partition", "P"),
    ("qos", "Q"),
)


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
    sheet = columns.parse_codes(_format(chosen, weights), CODES, _complain)
    rows = (
        [_weights_row(weights)]
        if "weights" in chosen.chosen
        else _rows(connection, chosen, weights)
    )
    _sort(rows, chosen.text("sort"))
    lines = [] if "noheader" in chosen.chosen else [columns.header(sheet)]
    lines += [
        "".join(column.pad(column.field.value(row) if column.field else "") for column in sheet)
        for row in rows
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _weights(settings: dict[str, str]) -> Weights:
    """设置里的权重；scnsd 把配置写在那里。"""
    from scns.times import parse_time_limit

    def number(name: str) -> int:
        text = settings.get(f"PriorityWeight{name}", "0")
        return int(text) if text.isdigit() else 0

    text = settings.get("PriorityMaxAge", "7-00:00:00")
    age = parse_time_limit(text)
    return Weights(
        age=number("Age"),
        fairshare=number("Fairshare") or number("FairShare"),
        job_size=number("JobSize"),
        partition=number("Partition"),
        qos=number("QOS"),
        max_age=float("inf") if age is None else float(age),
        favor_small=settings.get("PriorityFavorSmall", "No").lower() in ("yes", "1"),
    )


def _format(chosen: Parsed, weights: Weights) -> str:
    given = chosen.chosen
    text = chosen.text("format")
    if text is not None:
        return text
    small = "norm" in given
    if "long" in given:
        return (
            "%.15i %9r %.8u %.10y %.10S %.10a %.10b %.10f %.10j %.10p %.10q"
            if small
            else "%.15i %9r %.8u %.10Y %.10S %.10A %.10B %.10F %.10J %.10P %.10Q %.6N"
        )
    text = "%.15i %9r %.16y %.10S" if small else "%.15i %9r %.10Y %.10S"
    for name, letter in _OPTIONAL:
        if getattr(weights, name):
            text += f" %.10{letter.lower() if small else letter}"
    return text


def _weights_row(weights: Weights) -> Row:
    shown = Factors(
        weights.age, weights.fairshare, weights.job_size, weights.partition, weights.qos
    )
    return Row("Weights", Priority(0, shown, shown, 0, 1), None)


def _rows(connection: Any, chosen: Parsed, weights: Weights) -> list[Row]:
    from scns.db import accounts

    (scale,) = connect.call(connection, accounts.SCALE)
    now = time.time()
    parameters = {
        "jobs": _ids(chosen.text("jobs")),
        "users": _list(chosen.text("user")),
        "partitions": _list(chosen.text("partition")),
    }
    rows = []
    for found in connect.call(connection, _JOBS, parameters):
        fairshare, ranked, partition, owner, array, task, stored, qos = found[10:]
        priority = priority_of(
            accounts.subject_of(found[:10], fairshare),
            weights,
            accounts.scale_of(scale),
            now if ranked is None else ranked,
        )
        label = str(found[0]) if task is None else f"{array}_{task}"
        # 没有算过的（刚提交，或不用多因素）是库里的数
        total = stored if ranked is None else priority.total
        rows.append(Row(label, priority, total, partition, owner, found[1], qos))
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
