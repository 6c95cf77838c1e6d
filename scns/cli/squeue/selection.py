"""squeue 从哪里读：语句开头的 `WITH jobs AS …`，一行一个作业或数组的一个元素。

它有哪些列见 `scns.cli.fields.queue`；别的筛选见 `scns.cli.squeue.conditions`。

来源：squeue(1) 22.05 版。
"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

from scns.db import connect
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from scns.cli.options import Parsed

#: 结束了的作业还看得见多久，写在参数里，读的时候换成秒数。服务器要在排计划时就知道它，
#: 才肯用结束时刻的索引。来源：slurm.conf(5) “MinJobAge”。
MIN_JOB_AGE = object()
VISIBLE = "q.end_time > now() - make_interval(secs => %s)"

_DEFAULT_AGE = 300

_EXISTS = f"""
SELECT FROM scns.queue q WHERE (q.id = %s OR q.array_job_id = %s)
   AND (q.end_time IS NULL OR {VISIBLE}) LIMIT 1
"""

#: 数组的一部分：`-j 42_3,42_7` 点名的下标。
_NAMED = "unnest(%s::bigint[], %s::int[]) AS named(job, task) WHERE named.job = v.array_job_id"

#: 没有 `SLURM_BITSTR_LEN` 时下标的长度；作业号另外至多 31 个字符，那是 Slurm 的缓冲区。
_BITS, _ID_LENGTH, _LONGEST = 64, 31, 1 << 30

#: 作业号与下标的上限，大过它们的如同没有。
_MAX_ID, _MAX_TASK = 2**62, 2**31 - 1


class Sql:
    """逐条攒起来的 SQL 与它的参数。"""

    __slots__ = ("parameters", "terms")

    def __init__(self) -> None:
        self.terms: list[str] = []
        self.parameters: list[Any] = []

    def add(self, term: str, *parameters: Any) -> None:
        """再加一条。"""
        self.terms.append(term)
        self.parameters += parameters

    def conjunction(self) -> str:
        """各条都要成立。"""
        return " AND ".join(self.terms) or "true"


class JobNames:
    """`-j` 点名的作业。

    属性：
        whole：整个的作业号，或单独有行的元素自己的号
        parts：（数组的号，下标）
    """

    __slots__ = ("parts", "whole")

    def __init__(self, text: str) -> None:
        self.whole: list[int] = []
        self.parts: list[tuple[int, int]] = []
        for item in items(text):
            number, rest = leading_number(item, _MAX_ID)
            if number == 0:
                raise UsageError(f"Invalid job id: {item}")
            if rest[:1] == "_":
                self.parts.append((number, leading_number(rest[1:], _MAX_TASK)[0]))
            else:
                self.whole.append(number)

    def only(self) -> int | None:
        """只点了一个作业时是它的号。"""
        numbers = [*self.whole, *(job for job, _ in self.parts)]
        return numbers[0] if len(numbers) == 1 else None


def items(text: str) -> list[str]:
    """逗号隔开的各项，空项略去。"""
    return [item for item in text.split(",") if item]


def leading_number(text: str, maximum: int = _MAX_TASK) -> tuple[int, str]:
    """开头的整数与余下的文字，像 strtol：没有数字就是 0，太大的当作最大的。"""
    end = 0
    while end < len(text) and "0" <= text[end] <= "9":
        end += 1
    number = int(text[:end] or 0) if end < 20 else maximum
    return min(number, maximum), text[end:]


def exists(connection: Any, job_id: int) -> bool:
    """有没有这个看得见的作业，不论什么状态。"""
    age = min_job_age(connection)
    return bool(connect.call(connection, _EXISTS, (job_id, job_id, age)))


def min_job_age(connection: Any) -> int:
    """MinJobAge，秒；设置的值带着单位，`300 sec`。"""
    rows = connect.call(connection, "SELECT value FROM scns.setting_list WHERE name = 'MinJobAge'")
    return leading_number(rows[0][0])[0] if rows else _DEFAULT_AGE


def filled(connection: Any, parameters: list[Any]) -> list[Any]:
    """把参数里的 `MIN_JOB_AGE` 换成秒数；没有就不问。"""
    if all(value is not MIN_JOB_AGE for value in parameters):
        return parameters
    age = min_job_age(connection)
    return [age if value is MIN_JOB_AGE else value for value in parameters]


def source(chosen: Parsed, names: JobNames | None, environ: Mapping[str, str]) -> Sql:
    """`WITH jobs AS …` 那一句。没有点名作业时不物化：条件仍推得到索引上。"""
    built = Sql()
    columns = {
        "pick": "v.waiting",
        "task": "v.array_task_id",
        "merge": "true",
        "partly": "false",
        "part": "v.partition",
    }
    joins = ""
    if names is not None and names.parts:
        joins += _pick_named(columns, names, built)
    if "array" in chosen.chosen:
        joins += (
            " LEFT JOIN LATERAL (SELECT generate_series(lower(r), upper(r) - 1) AS task"
            f" FROM unnest({columns['pick']}) r) every ON true"
        )
        columns["task"] = f"coalesce(every.task, {columns['task']})"
        columns["pick"] = "NULL::int4multirange"
    if "array" in chosen.chosen or "array-unique" in chosen.chosen:
        columns["merge"] = "false"
    if "priority" in chosen.chosen:
        joins += " CROSS JOIN LATERAL unnest(string_to_array(v.partition, ',')) AS parts(part)"
        columns["part"] = "parts.part"
    bits, id_length = lengths(environ)
    raw = str("noconvert" in chosen.chosen).lower()
    columns |= {"bits": str(bits), "id_length": str(id_length), "raw": raw}
    listed = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    where = "" if names is None else _named_where(names, built)
    material = "NOT MATERIALIZED" if names is None else "MATERIALIZED"
    built.terms = [
        f"WITH jobs AS {material} (SELECT v.*, {listed} FROM scns.queue v{joins}{where})"
    ]
    return built


def _pick_named(columns: dict[str, str], names: JobNames, built: Sql) -> str:
    """点了数组的一部分：那一行只代表点名的下标，只剩一个就是那个元素。"""
    built.parameters += [names.whole, *_transposed(names.parts)]
    columns["pick"] = "CASE WHEN chosen.n <> 1 OR chosen.whole THEN chosen.tasks END"
    columns["task"] = (
        "CASE WHEN chosen.n = 1 AND NOT chosen.whole THEN lower(chosen.tasks)"
        " ELSE v.array_task_id END"
    )
    columns["partly"] = "NOT chosen.whole"
    return (
        " CROSS JOIN LATERAL (SELECT *, (SELECT sum(upper(r) - lower(r)) FROM unnest(tasks) r) AS n"
        " FROM (SELECT coalesce(v.array_job_id = ANY (%s::bigint[]), false) AS whole,"
        f" (SELECT range_agg(int4range(named.task, named.task + 1)) FROM {_NAMED}) AS listed) asked"
        " CROSS JOIN LATERAL (SELECT CASE WHEN whole THEN v.waiting"
        " ELSE v.waiting * listed END AS tasks) kept) chosen"
    )


def _named_where(names: JobNames, built: Sql) -> str:
    jobs, tasks = _transposed(names.parts)
    # 头一条只有等号，推得过视图的屏障，用得上索引；别的在取回的几行上再看
    where = " WHERE (v.id = ANY (%s::bigint[]) OR v.array_job_id = ANY (%s::bigint[]))"
    built.parameters += [names.whole, names.whole + jobs]
    if jobs:
        where += (
            " AND (v.id = ANY (%s::bigint[]) OR v.array_job_id = ANY (%s::bigint[])"
            f" OR EXISTS (SELECT FROM {_NAMED}"
            " AND (named.task = v.array_task_id OR v.waiting @> named.task)))"
        )
        built.parameters += [names.whole, names.whole, jobs, tasks]
    return where


def _transposed(pairs: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


def lengths(environ: Mapping[str, str]) -> tuple[int, int]:
    """下标与作业号各至多多长；下标的 0 表示不限。来源：squeue(1) “SLURM_BITSTR_LEN”。"""
    text = environ.get("SLURM_BITSTR_LEN")
    if text is None:
        return _BITS, _ID_LENGTH
    if text[:1] == "-":
        return _BITS, _LONGEST
    return leading_number(text, _LONGEST)[0], _LONGEST
