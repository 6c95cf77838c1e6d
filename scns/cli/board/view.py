"""看板的版面：一屏字，照给定的宽与高；纯函数。没有颜色也读得懂。"""

from __future__ import annotations

import time
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from scns.cli.board.bars import size
from scns.cli.board.keys import Mode, View, arranged, selected
from scns.cli.board.nodes import node_lines
from scns.cli.board.table import job_lines

if TYPE_CHECKING:
    from scns.cli.board.data import Board, Job

#: 名单之外各占几行：头、作业表的表头、底行。
_FIXED = 3

#: 节点最多占屏幕的几分之一。
_NODES_SHARE = 4

HELP = (
    "Keys",
    "",
    "  up down j k      select a job          page up, page down, g, G",
    "  s S              next, previous order  r   reverse it",
    "  f /              filter: job, user, name, partition, state, reason",
    "  u                my jobs only          esc clear the filter",
    "  w enter          why the selected job waits",
    "  c del            cancel the selected job",
    "  space            refresh               q   quit",
)


def screen(board: Board, view: View, owner: str, width: int, height: int | None) -> Text:
    """排出一屏。

    参数：
        owner：谁在看，`mine` 时只显示他的
        width、height：字符；`height` 为 None 时不是终端，全部列出，没有底行
    """
    lines = [_headline(board, width)]
    nodes = node_lines(
        board.nodes, width, None if height is None else max(height // _NODES_SHARE, 1)
    )
    lines += nodes
    jobs = arranged(board.jobs, view, owner)
    rows = len(jobs) if height is None else max(height - _FIXED - len(nodes), 1)
    if view.mode is Mode.HELP:
        lines += _panel(HELP, rows + 1)
    elif view.mode is Mode.WHY:
        lines += _panel(_wrapped(view.lines, width), rows + 1)
    else:
        lines += job_lines(jobs, view, width, rows)
    if height is not None:
        lines += [Text()] * (height - 1 - len(lines))
        lines = [*lines[: height - 1], _footer(board, view, jobs, width)]
    for line in lines:
        line.truncate(width)
    return Text("\n").join(lines)


def page(board: Board, width: int, height: int) -> int:
    """一屏几个作业。"""
    nodes = node_lines(board.nodes, width, max(height // _NODES_SHARE, 1))
    return max(height - _FIXED - len(nodes), 1)


# 头与底


def _headline(board: Board, width: int) -> Text:
    left = Text.assemble(("scns", "bold"), f" {board.cluster}  ")
    left.append(f"{board.running} running", "green")
    left.append(", ")
    left.append(f"{board.waiting} waiting", "yellow")
    if not board.alive:
        left.append("  scnsd is not running: nothing starts", "bold red")
    else:
        cpus = sum(node.cpus for node in board.nodes)
        used = sum(node.cpus_alloc for node in board.nodes)
        memory = sum(node.memory for node in board.nodes)
        held = sum(node.memory_alloc for node in board.nodes)
        left.append(f"  {used}/{cpus} CPUs  {size(held)}/{size(memory)} memory")
    clock = time.strftime("%H:%M:%S", time.localtime(board.now))
    space = width - cell_len(left.plain) - len(clock)
    return left.append(" " * max(space, 2)).append(clock)


def _footer(board: Board, view: View, jobs: Sequence[Job], width: int) -> Text:
    if view.mode is Mode.FILTER:
        return Text.assemble(("filter: ", "bold"), view.text, ("_", "blink"))
    if view.mode is Mode.CONFIRM:
        job = selected(view, jobs)
        name = "" if job is None else f"{job.label} ({job.name}, {job.owner})"
        return Text(f"Cancel job {name}? y/n", "bold red")
    if view.mode in (Mode.HELP, Mode.WHY):
        return Text().append(" any key ", "reverse").append(" back")
    if view.message:
        return Text(view.message, "bold")
    order = view.sort.value + (" reversed" if view.reverse else "")
    text = Text()
    keys = [("q", "quit"), ("s", f"order: {order}"), ("f", "filter"), ("u", "mine"), ("w", "why"),
            ("c", "cancel"), ("h", "help")]  # fmt: skip
    for key, word in keys:
        text.append(f" {key} ", "reverse").append(f" {word}  ")
    notes = [f"filter: {view.text}"] if view.text else []
    notes += ["mine only"] if view.mine else []
    hidden = board.running + board.waiting - sum(job.size for job in board.jobs)
    if hidden > 0 and not view.mine:
        notes.append(f"and {hidden} more")
    note = "  ".join(notes)
    space = width - cell_len(text.plain) - len(note)
    return text.append(" " * max(space, 0)).append(note, "bold") if note else text


def _panel(lines: Sequence[str], rows: int) -> list[Text]:
    """盖住名单的几行。"""
    return [Text(), *(Text(line) for line in lines)][:rows]


def _wrapped(lines: Sequence[str], width: int) -> list[str]:
    found: list[str] = []
    for line in lines:
        found += wrap(line, max(width, 20), subsequent_indent="  ") or [""]
    return found
