"""squeue 的一张表：选哪些列、哪些行、什么次序，由服务器排好再抄给用户。"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

import os
import sys

from scns.cli.columns import Column, Row, header, parse_codes, parse_names
from scns.cli.fields import queue
from scns.cli.squeue import conditions, selection
from scns.cli.squeue.order import order_by
from scns.cli.squeue.selection import JobNames, Sql
from scns.db import connect
from scns.errors import RequestRefused, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scns.cli.options import Parsed

_DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
_LONG = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
_START = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R"
_STEPS = "%.15i %.8j %.9P %.8u %.9M %N"


class Listing:
    """按选项备好的表；`show` 可以一遍一遍地列。

    异常：
        UsageError：选项的值不对
    """

    def __init__(self, chosen: Parsed) -> None:
        self._chosen = chosen
        self._steps = "steps" in chosen.chosen
        self._columns = _columns(chosen, self._steps)
        self._row = Row(self._columns)
        jobs = chosen.text("jobs")
        self._names = None if jobs is None else JobNames(jobs)
        self._source = selection.source(chosen, self._names, os.environ)
        self._where = self._step_where() if self._steps else conditions.where(chosen, complain)
        self._clock: Callable[[int], str] = str
        if self._row.moments:
            from scns.cli.clock import Clock

            self._clock = Clock("squeue", os.environ)

    def _step_where(self) -> Sql:
        from scns.cli.squeue import steps

        built = steps.running()
        conditions.add_owner(built, self._chosen, complain)
        conditions.add_partition(built, self._chosen)
        text = self._chosen.text("steps")
        if text is not None:
            steps.add_names(built, text)
        return built

    def show(self, connection: Any) -> None:
        """列一遍。

        异常：
            RequestRefused：只点了一个作业，而没有这个作业
            UsageError：不认识的排序键；表头已经打印，与 Slurm 相同
        """
        nodes = Sql()
        conditions.add_nodes(nodes, self._chosen, connection)
        output = sys.stdout.buffer
        given = self._chosen.chosen
        headed = "noheader" not in given
        if headed and not given.keys().isdisjoint(("long", "iterate", "verbose")):
            from scns.cli.clock import today

            output.write(f"{today()}\n".encode())
        head = f"{header(self._columns)}\n".encode() if headed else b""
        only = None if self._names is None or self._steps else self._names.only()
        if only is None:
            output.write(head)
            self._fetch(connection, nodes, output.write)
            return
        rows: list[bytes] = []
        self._fetch(connection, nodes, rows.append)
        if not rows and not selection.exists(connection, only):
            raise RequestRefused("slurm_load_jobs error: Invalid job id specified", style="bare")
        output.writelines([head, *rows])

    def _fetch(self, connection: Any, nodes: Sql, write: Callable[[bytes], Any]) -> None:
        statement, parameters = self._statement(nodes)
        parameters = selection.filled(connection, parameters)
        connect.join_one_by_one(connection)
        if not self._row.moments:
            connect.each(connection, statement, parameters, write)
            return
        for values in connect.call(connection, statement, parameters):
            write(f"{self._row.join(values, self._clock)}\n".encode())

    def _statement(self, nodes: Sql) -> tuple[str, list[Any]]:
        """整条语句与参数。"""
        parameters = [
            *self._source.parameters,
            *self._row.parameters,
            *self._where.parameters,
            *nodes.parameters,
        ]
        where = " AND ".join([self._where.conjunction(), *nodes.terms])
        from_, order = self._from_and_order()
        statement = (
            f"{self._source.terms[0]} SELECT {self._row.select()} FROM {from_}"
            f" WHERE {where} ORDER BY {order}"
        )
        return statement, parameters

    def _from_and_order(self) -> tuple[str, str]:
        keys = self._chosen.text("sort")
        if self._steps:
            from scns.cli.fields.steps import SORT, TIE
            from scns.cli.squeue.steps import FROM

            return FROM, order_by("P,i" if keys is None else keys, SORT, TIE, _ignore)
        if keys is None and "start" not in self._chosen.chosen:
            return "jobs q", queue.DEFAULT_ORDER
        keys = "S" if keys is None else keys
        return "jobs q", order_by(keys, self._sort_table(), queue.TIE, _refuse)

    def _sort_table(self) -> dict[str, tuple[str, str]]:
        """`-P` 时优先级先看分区的。"""
        if "priority" not in self._chosen.chosen:
            return queue.SORT
        up, down = queue.SORT["p"]
        tier = "(SELECT p.priority_tier FROM scns.partition_list p WHERE p.name = q.part)"
        pair = (f"{tier}, {up}", f"{tier} DESC, {down}")
        return {**queue.SORT, "p": pair, "Q": pair}


def _columns(chosen: Parsed, steps: bool) -> list[Column]:
    """选出要打印的列。"""
    long, text = chosen.text("Format"), chosen.text("format")
    if long is not None:
        if steps:
            from scns.cli.fields.steps import NAMES
        else:
            from scns.cli.fields.queue_names import NAMES
        return parse_names(long, NAMES, _unknown_step_field if steps else _unknown_field)
    if steps:
        from scns.cli.fields.steps import CODES

        return parse_codes(_STEPS if text is None else text, CODES, _unknown_step_field)
    if text is None:
        given = chosen.chosen
        text = _START if "start" in given else _LONG if "long" in given else _DEFAULT
    return parse_codes(text, queue.CODES, _unknown_field)


def _unknown_field(name: str) -> None:
    complain(f"Invalid job format specification: {name}")


def _unknown_step_field(name: str) -> None:
    complain(f"Invalid job step format specification: {name}")


def _refuse(letter: str) -> None:
    if letter == "b":
        # 从前按 gres 排的键：说一声，不起作用
        sys.stderr.write("squeue: Invalid sort specification: b\n")
        return
    raise UsageError(f"Invalid sort specification: {letter}")


def _ignore(letter: str) -> None:
    """作业步的次序不认识的键不起作用，也不说。"""


def complain(sentence: str) -> None:
    """说一个不妨碍其余的错误。"""
    sys.stderr.write(f"squeue: error: {sentence}\n")
