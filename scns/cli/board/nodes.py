"""看板的节点：各占一格，宽的屏幕一行几格。"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from rich.text import Text

from scns.cli.board.bars import bar, size

if TYPE_CHECKING:
    from scns.cli.board.data import Node

#: 一个节点一格至少多宽，格之间空多少。
_CELL, _GAP = 78, 2


def node_lines(nodes: Sequence[Node], width: int, most: int | None) -> list[Text]:
    """各节点一格，宽的屏幕一行几格；放不下的只数一数。"""
    columns = max(1, (width + _GAP) // (_CELL + _GAP))
    cell = (width - _GAP * (columns - 1)) // columns
    rows = -(-len(nodes) // columns)
    shown = list(nodes)
    rest: list[Node] = []
    if most is not None and rows > most:
        # 留一行说余下的；要紧的（有毛病的、忙的）先放
        ranked = sorted(nodes, key=lambda node: (_urgency(node), nodes.index(node)))
        kept = {node.name for node in ranked[: max(most - 1, 0) * columns]}
        shown = [node for node in nodes if node.name in kept]
        rest = [node for node in nodes if node.name not in kept]
    name = max((len(node.name) for node in shown), default=0)
    lines = []
    for at in range(0, len(shown), columns):
        line = Text()
        for node in shown[at : at + columns]:
            text = _node(node, min(name, 16), cell)
            text.truncate(cell, pad=True)
            line.append(text).append(" " * _GAP)
        lines.append(line)
    if rest:
        counts: dict[str, int] = {}
        for node in rest:
            counts[node.state] = counts.get(node.state, 0) + 1
        words = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        lines.append(Text(f"and {len(rest)} more nodes: {words}", "dim"))
    return lines


def _urgency(node: Node) -> int:
    if node.down or node.silent or node.drain:
        return 0
    return 1 if node.cpus_alloc else 2


def _node(node: Node, name: int, cell: int) -> Text:
    """一格：名字、CPU、内存、负载、状态。"""
    cpus = f"{node.cpus_alloc}/{node.cpus}"
    memory = f"{size(node.memory_alloc)}/{size(node.memory)}"
    # 两条线平分余下的地方
    fixed = name + 2 + 1 + 7 + 2 + 4 + 12 + 2 + 6 + 10
    bars = max((cell - fixed) // 2, 4)
    text = Text().append(set_cell_size(node.name, name), "bold").append("  ")
    text.append(bar(node.cpus_alloc, node.cpus, bars, "green")).append(f" {cpus:<7}")
    text.append(" mem ").append(bar(node.memory_alloc, node.memory, bars, "blue"))
    text.append(f" {memory:<11}")
    load = "" if node.load is None else f"{node.load:.1f}"
    text.append(f" {load:>5} ")
    bad = node.down or node.silent or node.drain
    return text.append(node.state, "bold red" if bad else "dim" if not node.cpus_alloc else "green")
