"""`scns watch`：状态一变就说一行；由历史与门铃驱动，不轮询。"""

from __future__ import annotations

import os
import sys
import time

from scns import arrays, times
from scns.cli.bell import Bell
from scns.cli.own.history import History
from scns.db import connect
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scns.cli.own.history import Event

#: 状态的颜色，SGR 的号码（ECMA-48）；没有的不上色。
COLOURS = {
    "PENDING": "33",
    "RUNNING": "32",
    "COMPLETING": "36",
    "SUSPENDED": "35",
    "COMPLETED": "34",
    "CANCELLED": "31",
    "FAILED": "1;31",
    "TIMEOUT": "1;31",
    "OUT_OF_MEMORY": "1;31",
    "NODE_FAIL": "1;31",
}

_DIM = "2"


def watch(
    jobs: Sequence[str],
    *,
    user: str | None = None,
    me: bool = False,
    since: str | None = None,
    estimates: bool = False,
    count: int | None = None,
    as_json: bool = False,
) -> int:
    """改变了就说，直到被打断或说够了。

    参数：
        jobs：只说这些作业与数组；空的是全部
        since：从那时起的都说，times 的写法；None 是从此刻起
        count：说这么多行就够了；None 是一直说
    """
    if me and user is not None:
        raise UsageError("--me and --user exclude each other")
    owner = _own_name() if me else user
    refs = [arrays.parse_job_ref(word) for word in jobs]
    start = None if since is None else times.parse_moment(since, time.time(), "--since", past=True)
    ids = [ref.job_id for ref in refs]
    bell = Bell(connect.connect(), ids, command="scns watch")
    history = History(ids or None, start)
    bell.look(history.begin)
    colour = _colourful()
    left = count
    while True:
        found = bell.look(history.read)
        chosen = [one for one in found if wanted(one, refs, owner, estimates=estimates)][:left]
        for event in chosen:
            text = _json(event) if as_json else line(event, colour=colour)
            sys.stdout.write(text + "\n")
        sys.stdout.flush()
        if left is not None:
            left -= len(chosen)
            if left <= 0:
                return 0
        bell.wait()


def _own_name() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _colourful() -> bool:
    """上不上色：终端才上，`NO_COLOR`（no-color.org）与 `TERM=dumb` 不上。"""
    return (
        sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "dumb") != "dumb"
    )


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


def line(event: Event, *, colour: bool = False) -> str:
    """一行：时刻、作业、属主、名字、怎样变了、在哪里或为什么。"""

    def paint(text: str, style: str | None) -> str:
        return f"\033[{style}m{text}\033[0m" if colour and style else text

    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    head = (
        f"{clock}.{int(event.time * 1000) % 1000:03d}  "
        f"{number(event):<10} {event.owner:<10} {event.name[:20]:<20}  "
    )
    if event.kind == "estimate":
        return head + paint(f"expected start {times.format_moment(event.expected)}", _DIM)
    if event.kind == "cancel":
        tasks = arrays.format_indices(arrays.from_multirange(event.tasks or "{}"))
        return head + paint("CANCELLED", COLOURS["CANCELLED"]) + f"  tasks {tasks}"
    before = "" if event.before is None else paint(f"{event.before} -> ", _DIM)
    after = event.after or ""
    detail = _detail(event)
    return head + before + paint(after, COLOURS.get(after)) + (f"  {detail}" if detail else "")


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
    import json

    return json.dumps({"job": number(event), **event.as_dict()})
