"""`scns watch`：状态一变就说一行；由历史与门铃驱动，不轮询。"""

from __future__ import annotations

import json
import os
import pwd
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from scns import arrays, times
from scns.cli.bell import Bell
from scns.cli.own.history import Event, History
from scns.db import connect
from scns.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: 状态的颜色；没有的不上色。
COLOURS = {
    "PENDING": "yellow",
    "RUNNING": "green",
    "COMPLETING": "cyan",
    "SUSPENDED": "magenta",
    "COMPLETED": "blue",
    "CANCELLED": "red",
    "FAILED": "bold red",
    "TIMEOUT": "bold red",
    "OUT_OF_MEMORY": "bold red",
    "NODE_FAIL": "bold red",
}


def watch(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="JOB", help="Only these jobs or arrays.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Only this user's jobs.")] = None,
    me: Annotated[bool, typer.Option("--me", help="Only my own jobs.")] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", "-S", help="Begin with what happened since then: 10:00, now-1hour."
        ),
    ] = None,
    estimates: Annotated[
        bool, typer.Option("--estimates", help="Also say when an expected start moves.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="End after this many lines.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """改变了就说，直到被打断或说够了。"""
    if me and user is not None:
        raise UsageError("--me and --user exclude each other")
    owner = pwd.getpwuid(os.geteuid()).pw_name if me else user
    refs = [arrays.parse_job_ref(word) for word in jobs or ()]
    start = None if since is None else times.parse_moment(since, time.time(), "--since", past=True)
    connection = connect.connect()
    bell = Bell(connection)
    history = History(connection, [ref.job_id for ref in refs] or None, start)
    console = Console(highlight=False, soft_wrap=True)
    left = count
    while True:
        chosen = [one for one in history.read() if wanted(one, refs, owner, estimates=estimates)]
        for event in chosen[:left]:
            console.print(_json(event) if as_json else line(event), markup=False)
        if left is not None:
            left -= len(chosen)
            if left <= 0:
                return 0
        bell.wait()


def wanted(
    event: Event, refs: Iterable[arrays.JobRef], owner: str | None, *, estimates: bool
) -> bool:
    """这件事说不说。

    参数：
        refs：只要这些作业；空的是全部
        owner：只要这个用户的；None 是全部
        estimates：预计的启动时刻变了也说
    """
    if event.kind == "estimate" and not estimates:
        return False
    if event.before is None and event.kind == "state" and event.array_task_id is not None:
        # 数组的元素得了自己的行，状态没有变
        return False
    if owner is not None and event.owner != owner:
        return False
    known = list(refs)
    return not known or any(_names(ref, event) for ref in known)


def _names(ref: arrays.JobRef, event: Event) -> bool:
    """作业号的写法指的是不是这件事的作业；没有自己行的元素跟着数组。"""
    if ref.job_id == event.job_id and event.array_job_id is None:
        return True
    if event.array_job_id != ref.job_id:
        return ref.job_id == event.job_id
    if ref.ranges is None or event.array_task_id is None:
        return True
    return arrays.contains(ref.ranges, event.array_task_id)


def line(event: Event) -> Text:
    """一行：时刻、作业、属主、名字、怎样变了、在哪里或为什么。"""
    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    text = Text(f"{clock}.{int(event.time * 1000) % 1000:03d}  ")
    text.append(f"{number(event):<10} {event.owner:<10} {event.name[:20]:<20}  ")
    if event.kind == "estimate":
        text.append(f"expected start {times.format_moment(event.expected)}", "dim")
        return text
    if event.kind == "cancel":
        tasks = arrays.format_indices(arrays.from_multirange(event.tasks or "{}"))
        text.append("CANCELLED", COLOURS["CANCELLED"])
        text.append(f"  tasks {tasks}")
        return text
    after = event.after or ""
    if event.before is not None:
        text.append(f"{event.before} -> ", "dim")
    text.append(after, COLOURS.get(after, ""))
    detail = _detail(event)
    if detail:
        text.append(f"  {detail}")
    return text


def _detail(event: Event) -> str:
    """状态之外值得一说的：等什么，在哪里，怎样结束。"""
    if event.after == "PENDING":
        return "" if event.reason in (None, "None") else f"({event.reason})"
    if event.after in ("RUNNING", "COMPLETING", "SUSPENDED"):
        return event.nodes or ""
    if event.exit_code or event.exit_signal:
        return f"exit code {event.exit_code or 0}:{event.exit_signal or 0}"
    return ""


def number(event: Event) -> str:
    """作业号的写法：数组的元素是 `42_7`。"""
    if event.array_job_id is not None and event.array_task_id is not None:
        return f"{event.array_job_id}_{event.array_task_id}"
    return str(event.job_id)


def _json(event: Event) -> str:
    return json.dumps({"job": number(event), **asdict(event)})
