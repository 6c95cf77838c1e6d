"""sinfo：列出分区与节点。节点不多，读来以后在这里归组、排版。

来源：sinfo(1) 22.05 版。
"""

from __future__ import annotations

import os
import sys

from scns.cli import columns
from scns.cli.clock import Clock, today
from scns.cli.fields.nodes import CODES, NAMES
from scns.cli.options import collect, parse
from scns.cli.sinfo.groups import Filter, build, sort
from scns.cli.sinfo.read import read_nodes, read_partitions
from scns.cli.stop import answer
from scns.cli.tables.sinfo import TABLE
from scns.db import connect
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.columns import Column
    from scns.cli.options import Parsed
    from scns.cli.sinfo.model import Group, Node, Partition

#: 分区名与节点名的列至少多宽；名字长就跟着宽。
_MIN_WIDTH = 9

_SHORT = "%{p}P %.5a %.10l %.6D %.6t %N"
_LONG = "%{p}P %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %N"
_SUMMARY = "%{p}P %.5a %.10l %.16F %N"
_NODES = "%{n}N %.6D %.{p}P %6t"
_LONG_NODES = "%{n}N %.6D %.{p}P %.11T %4c %.8z %.6m %.8d %.6w %.8f %20E"
_REASONS = "%20E %9u %19H %N"
_LONG_REASONS = "%20E %12U %19H %6t %N"


def run(words: list[str]) -> int:
    """按选项列出分区与节点，返回退出码。"""
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is not None:
        sys.stdout.write(text)
        return 0
    if parsed.count("all") and parsed.count("partition"):
        raise UsageError(
            "Conflicting options, -a and -p, specified. Please choose one or the other."
        )
    chosen = collect(TABLE, parsed, environ=os.environ)
    wanted = Filter(chosen)
    connection = connect.connect()
    _name_cluster(connection, chosen)
    if "json" in chosen.chosen or "yaml" in chosen.chosen:
        from scns.cli.sinfo.record import dump

        dump(connection, sys.stdout.buffer.write, yaml="yaml" in chosen.chosen)
        return 0
    if "reservation" in chosen.chosen:
        sys.stdout.write("No reservations in the system\n")
        return 0
    seconds = _interval(chosen)
    show(connection, chosen, wanted)
    while seconds:
        import time

        sys.stdout.write("\n")
        sys.stdout.flush()
        time.sleep(seconds)
        show(connection, chosen, wanted)
    return 0


def _name_cluster(connection: Any, chosen: Parsed) -> None:
    """`-M`：只有一个集群，说它的名字。"""
    text = chosen.text("clusters")
    if text is None:
        return
    from scns.cli.control import check_clusters

    check_clusters(connection, text)
    ((name,),) = connect.call(
        connection, "SELECT max(value) FROM scns.setting_list WHERE name = 'ClusterName'"
    )
    sys.stdout.write(f"CLUSTER: {name}\n")


def _interval(chosen: Parsed) -> int:
    """`-i` 的秒数；没有给时是 0。"""
    text = chosen.text("iterate")
    if text is None:
        return 0
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    if len(digits) > 9 or int(digits or 0) == 0:
        raise UsageError(f"Error: invalid entry for --iterate={text}")
    return int(digits)


def show(connection: Any, chosen: Parsed, wanted: Filter) -> None:
    """列一遍。"""
    given = chosen.chosen
    nodes, partitions = read_nodes(connection), read_partitions(connection)
    sheet = _columns(chosen, nodes, partitions)
    groups = build(
        partitions,
        nodes,
        [column.field for column in sheet if column.field],  # type: ignore[misc]
        wanted,
        each_node="Node" in given,
        exact="exact" in given,
        convert="noconvert" not in given,
        clock=Clock("sinfo", os.environ),
    )
    keys = chosen.text("sort")
    sort(groups, ("N" if "Node" in given else "#P,-t") if keys is None else keys)
    lines = [_line(sheet, group) for group in groups]
    if "noheader" not in given:
        lines.insert(0, columns.header(sheet))
        if "long" in given or "iterate" in given:
            lines.insert(0, today())
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _columns(chosen: Parsed, nodes: list[Node], partitions: list[Partition]) -> list[Column]:
    """选出要打印的列。"""
    long = chosen.text("Format")
    if long is not None:
        return columns.parse_names(long, NAMES, _unknown_name)
    text = chosen.text("format")
    if text is None:
        names = [len(node.name) for node in nodes]
        named = [len(partition.name) + partition.is_default for partition in partitions]
        text = _default(chosen).format(p=max([_MIN_WIDTH, *named]), n=max([_MIN_WIDTH, *names]))
    return columns.parse_codes(text, CODES, _unknown_code, ("|", " |", " "))


def _default(chosen: Parsed) -> str:
    given = chosen.chosen
    long = "long" in given
    if "summarize" in given:
        return _SUMMARY
    if "Node" in given:
        return _LONG_NODES if long else _NODES
    if "list-reasons" in given:
        return _LONG_REASONS if long else _REASONS
    return _LONG if long else _SHORT


def _unknown_code(letter: str) -> None:
    sys.stderr.write(f"Invalid node format specification: {letter}\n")


def _unknown_name(name: str) -> None:
    sys.stderr.write(f"sinfo: error: Invalid job format specification: {name}\n")


def _line(sheet: list[Column], group: Group) -> str:
    return "".join(
        column.pad(column.field.value(group) if column.field else "") for column in sheet
    )
