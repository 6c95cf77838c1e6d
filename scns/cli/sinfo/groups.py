"""sinfo 的归组与次序：看不出差别的节点在一行。来源：sinfo(1) 22.05 版。"""

from __future__ import annotations

import os

from scns import hostlist, nodestate
from scns.cli.fields.nodes import CODES, NodeField
from scns.cli.sinfo.model import Group
from scns.errors import InvalidInput, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from scns.cli.options import Parsed
    from scns.cli.sinfo.model import Node, Partition

#: 显示其中任何一个，没有合格节点的分区也各有一行。
_NAMING = (CODES["P"], CODES["R"])


class Filter:
    """`-n`、`-p`、`-t`、`-d`、`-r`、`-R`：要哪些分区、哪些节点。

    异常：
        UsageError：不认识的状态
    """

    def __init__(self, chosen: Parsed) -> None:
        given = chosen.chosen
        partitions, nodes, states = map(chosen.text, ("partition", "nodes", "states"))
        self._partitions = None if partitions is None else partitions.split(",")
        self._names = None if nodes is None else _expand(nodes)
        self._states = None if states is None else _parse_states(states)
        self._dead = "dead" in given
        self._responding = "responding" in given
        self._reasons = "list-reasons" in given
        self._hidden_too = "all" in given or os.geteuid() == 0

    def takes_partition(self, partition: Partition) -> bool:
        """要不要这个分区；隐藏的要点名或 `-a`，管理员总看得见。"""
        if self._partitions is not None:
            return partition.name in self._partitions
        return self._hidden_too or not partition.hidden

    def takes(self, node: Node) -> bool:
        """要不要这个节点。"""
        return (
            (self._names is None or node.name in self._names)
            and (not self._dead or node.silent)
            and not (self._responding and node.silent)
            and (not self._reasons or bool(node.reason and (node.down or node.drain)))
            and (self._states is None or self._in_states(node))
        )

    def _in_states(self, node: Node) -> bool:
        return any(
            all(nodestate.matches(word, node.base, **node.flags) for word in words)
            for words in self._states or ()
        )


def _expand(text: str) -> frozenset[str]:
    """名单里的名字；不合语法的如同谁也没有点，与 Slurm 相同。"""
    try:
        return frozenset(hostlist.expand(text))
    except InvalidInput:
        return frozenset()


def _parse_states(text: str) -> list[list[str]] | None:
    """`-t`：逗号是“或”，`&` 是“且”；None 表示全部。"""
    if text.lower() == "all":
        return None
    wanted = []
    for item in filter(None, text.split(",")):
        words = []
        for part in item.split("&"):
            word = nodestate.known_word(part)
            if word is None:
                valid = ",".join(nodestate.WORDS)
                raise UsageError(f'Bad state string: "{part}"\nvalid states: {valid}')
            words.append(word)
        wanted.append(words)
    return wanted


def build(
    partitions: Sequence[Partition],
    nodes: Sequence[Node],
    fields: Sequence[NodeField],
    wanted: Filter,
    *,
    each_node: bool = False,
    exact: bool = False,
    convert: bool = True,
    clock: Callable[[int], str] = str,
) -> list[Group]:
    """把各分区的节点归成行。

    参数：
        fields：要打印的字段：它们决定哪些差别看得出来
        each_node：`-N`，一个分区里的一个节点一行
        exact：`-e`，CPU、内存等不同也分开
    """
    by_name = {node.name: node for node in nodes if wanted.takes(node)}
    naming = any(field in _NAMING for field in fields)
    groups: dict[tuple[Any, ...], Group] = {}
    for place, partition in enumerate(partitions):
        if not wanted.takes_partition(partition):
            continue
        apart = tuple(field.part(partition) for field in fields if field.part)
        members = [by_name[name] for name in partition.nodes if name in by_name]
        for node in members:
            key = _node_key(node, fields, exact)
            if each_node:
                key = (place, node.name)
            group = groups.get((apart, key))
            if group is None:
                group = groups[apart, key] = Group(partition, place, convert=convert, clock=clock)
            if node not in group.nodes:
                group.nodes.append(node)
        if naming and not members and not each_node:
            groups[apart, place] = Group(partition, place, convert=convert, clock=clock)
    return list(groups.values())


def _node_key(node: Node, fields: Sequence[NodeField], exact: bool) -> tuple[Any, ...]:
    keys = [field.node for field in fields if field.node]
    if exact:
        keys += [field.exact for field in fields if field.exact]
    return tuple(key(node) for key in keys)


def sort(groups: list[Group], keys: str) -> None:
    """就地排序。

    参数：
        keys：字母，`-` 在前表示降序；`#P` 是配置里的次序；不认识的键不起作用
    """
    for place in range(len(keys) - 1, -1, -1):
        letter, before = keys[place], keys[:place]
        if letter == "P" and before.endswith("#"):
            groups.sort(key=lambda group: group.place)
            continue
        order = CODES[letter].order if letter in CODES else None
        if order is not None:
            groups.sort(key=order, reverse=before.endswith("-"))
