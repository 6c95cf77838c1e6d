"""sinfo：列出分区与节点。节点不多，读来以后在这里归组、排版。

来源：sinfo(1) 22.05 版。
"""

from __future__ import annotations

import os
import sys

from scns import hostlist
from scns.cli import columns
from scns.cli.fields import nodes
from scns.cli.options import collect, parse
from scns.cli.tables.sinfo import TABLE
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.columns import Column
    from scns.cli.fields.nodes import Group, Node, Partition
    from scns.cli.options import Parsed

_DEFAULT = "%{p}P %.5a %.10l %.6D %.6t %N"
_LONG = "%{p}P %.5a %.10l %.6D %.11T %N"
_SUMMARY = "%{p}P %.5a %.10l %.16F %N"
_NODES = "%{n}N %.6D %{p}P %6t"


def run(words: list[str]) -> int:
    """按选项列出分区与节点，返回退出码。"""
    chosen = collect(TABLE, parse(TABLE, words), environ=os.environ)
    connection = connect.connect()
    found_nodes = [nodes.Node(row) for row in _rows(connection, "node_list", nodes.NODE_COLUMNS)]
    partitions = [
        nodes.Partition(row) for row in _rows(connection, "partition_list", nodes.PARTITION_COLUMNS)
    ]
    sheet = _sheet(chosen, found_nodes, partitions)
    lines = [] if "noheader" in chosen.chosen else [columns.header(sheet)]
    lines += [_line(sheet, group) for group in _groups(chosen, found_nodes, partitions)]
    if "long" in chosen.chosen:
        import time

        lines.insert(0, time.strftime("%a %b %d %H:%M:%S %Y"))
    sys.stdout.write("".join(line + "\n" for line in lines))
    return 0


def _rows(connection: Any, view: str, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    return connect.call(
        connection, f"SELECT {', '.join(names)} FROM scns.{view} ORDER BY position, name"
    )


def _sheet(chosen: Parsed, found: list[Node], partitions: list[Partition]) -> list[Column]:
    text = chosen.text("format")
    if text is None:
        given = chosen.chosen
        text = (
            _NODES
            if "Node" in given
            else _SUMMARY
            if "summarize" in given
            else _LONG
            if "long" in given
            else _DEFAULT
        )
        widest = max((len(p.name) + p.is_default for p in partitions), default=0)
        longest = max((len(node.name) for node in found), default=0)
        text = text.format(p=max(widest, 9), n=max(longest, 8))
    return columns.parse_codes(text, nodes.CODES, _complain)


def _complain(letter: str) -> None:
    sys.stderr.write(f"Invalid node format specification: {letter}\n")


def _line(sheet: list[Column], group: Group) -> str:
    return "".join(
        columns.pad(
            column.field.value(group) if column.field else column.text, column.width, column.right
        )
        + column.suffix
        for column in sheet
    )


def _groups(chosen: Parsed, found: list[Node], partitions: list[Partition]) -> list[Group]:
    """归组：默认按分区与状态，`-s` 只按分区，`-N` 一个节点一组。"""
    names = chosen.text("partition")
    wanted = chosen.text("nodes")
    allowed = set(hostlist.expand(wanted)) if wanted is not None else None
    if names is not None:
        partitions = [p for p in partitions if p.name in names.split(",")]
    by_name = {node.name: node for node in found if allowed is None or node.name in allowed}
    groups = []
    for partition in partitions:
        members = [by_name[name] for name in partition.nodes if name in by_name]
        split: dict[str, list[Node]] = {}
        for node in members:
            key = node.name if "Node" in chosen.chosen else node.marked_state
            split.setdefault("" if "summarize" in chosen.chosen else key, []).append(node)
        groups += [nodes.Group(partition, same) for same in split.values() or [[]]]
    if "Node" in chosen.chosen:
        groups = [group for group in groups if group.nodes]
        groups.sort(key=lambda group: hostlist.sort_key(group.nodes[0].name))
    return groups
