"""看板的样子与按键：按一个键，样子怎样变，要不要做什么；纯函数。"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scns.cli.board.data import Job


class Sort(StrEnum):
    """按什么排；值是显示的名字。"""

    QUEUE = "queue"  # 在跑的在前，其余按谁先轮到
    TIME = "time"
    CPUS = "cpus"
    CPU = "cpu%"
    MEMORY = "memory"
    USER = "user"
    JOBID = "jobid"


class Mode(StrEnum):
    """此刻按键是什么意思。"""

    LIST = "list"
    FILTER = "filter"
    CONFIRM = "confirm"
    HELP = "help"
    WHY = "why"


class Action(StrEnum):
    """要命令去做的事。"""

    QUIT = "quit"
    CANCEL = "cancel"
    WHY = "why"
    REREAD = "reread"


@dataclass(frozen=True, slots=True)
class View:
    """看板的样子。

    参数：
        text：作业号、属主、名字、分区、状态里含有它的才显示
        mine：只看自己的
        selected：选中的作业的 `job_id`；None 是还没有选
        message：底行说的话；`lines` 是盖住名单的几行（`WHY`）
    """

    sort: Sort = Sort.QUEUE
    reverse: bool = False
    text: str = ""
    mine: bool = False
    selected: int | None = None
    mode: Mode = Mode.LIST
    message: str = ""
    lines: tuple[str, ...] = ()


#: 转义序列到键名。
_SEQUENCES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b[H": "home",
    "\x1b[1~": "home",
    "\x1b[F": "end",
    "\x1b[4~": "end",
    "\x1b[3~": "delete",
    "\x1b": "escape",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x03": "q",
    "\x04": "q",
}


def decode(data: bytes) -> list[str]:
    """终端送来的字节里有哪些键；不认识的序列略去。"""
    text = data.decode("utf-8", "ignore")
    keys = []
    while text:
        match = next(
            (name for name in sorted(_SEQUENCES, key=len, reverse=True) if text.startswith(name)),
            None,
        )
        if match == "\x1b" and len(text) > 1 and text[1] in "[O":
            # 不认识的序列：到结尾的字母为止
            end = 2
            while end < len(text) and not text[end].isalpha() and text[end] != "~":
                end += 1
            text = text[end + 1 :]
            continue
        key = text[0] if match is None else _SEQUENCES[match]
        keys.append(key)
        text = text[len(match or key) :]
    return keys


def arranged(jobs: Sequence[Job], view: View, owner: str) -> list[Job]:
    """要显示的作业，照显示的次序。"""
    chosen = [job for job in jobs if (not view.mine or job.owner == owner) and _has(job, view.text)]
    if view.sort is not Sort.QUEUE:
        chosen.sort(key=_KEYS[view.sort])
    return chosen[::-1] if view.reverse else chosen


def _has(job: Job, text: str) -> bool:
    words = (job.label, job.owner, job.name, job.partition, job.state, job.reason)
    return not text or any(text.lower() in word.lower() for word in words)


#: 多的在前；没有的在最后。
_KEYS: dict[Sort, Callable[[Job], Any]] = {
    Sort.TIME: lambda job: -(job.seconds or -1.0),
    Sort.CPUS: lambda job: -job.cpus,
    Sort.CPU: lambda job: -(job.usage.cpu or 0.0 if job.usage else -1.0),
    Sort.MEMORY: lambda job: -(job.usage.memory if job.usage else -1.0),
    Sort.USER: lambda job: (job.owner, job.job_id),
    Sort.JOBID: lambda job: job.job_id,
}


def press(view: View, key: str, jobs: Sequence[Job], page: int = 10) -> tuple[View, Action | None]:
    """按一个键。

    参数：
        jobs：显示着的作业，照显示的次序
        page：一屏几个作业

    返回：
        新的样子，与要命令去做的事；没有要做的为 None
    """
    view = replace(view, message="")
    if view.mode is Mode.FILTER:
        return _type(view, key), None
    if view.mode is Mode.CONFIRM:
        yes = key in ("y", "Y")
        return replace(view, mode=Mode.LIST), Action.CANCEL if yes else None
    if view.mode in (Mode.HELP, Mode.WHY):
        # 随便一个键回去
        return replace(view, mode=Mode.LIST, lines=()), None
    return _command(view, key, jobs, page)


def _type(view: View, key: str) -> View:
    """正在输入过滤的文本。"""
    if key == "enter":
        return replace(view, mode=Mode.LIST)
    if key == "escape":
        return replace(view, mode=Mode.LIST, text="")
    if key == "backspace":
        return replace(view, text=view.text[:-1])
    return replace(view, text=view.text + key) if len(key) == 1 and key.isprintable() else view


def _command(view: View, key: str, jobs: Sequence[Job], page: int) -> tuple[View, Action | None]:
    steps = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -page, "page down": page,
             "home": -len(jobs), "g": -len(jobs), "end": len(jobs), "G": len(jobs)}  # fmt: skip
    if key in ("q", "Q"):
        return view, Action.QUIT
    if key in steps:
        return replace(view, selected=_moved(view, jobs, steps[key])), None
    if key in ("s", "S"):
        order = list(Sort)
        step = 1 if key == "s" else -1
        at = (order.index(view.sort) + step) % len(order)
        return replace(view, sort=order[at], reverse=False), None
    if key == "r":
        return replace(view, reverse=not view.reverse), None
    if key == "u":
        return replace(view, mine=not view.mine), Action.REREAD
    if key in ("f", "/"):
        return replace(view, mode=Mode.FILTER), None
    if key == "escape":
        return replace(view, text=""), None
    if key in ("h", "?"):
        return replace(view, mode=Mode.HELP), None
    if key == " ":
        return view, Action.REREAD
    return _on_selected(view, key, jobs)


def _on_selected(view: View, key: str, jobs: Sequence[Job]) -> tuple[View, Action | None]:
    """对选中的作业做什么；没有选中的先选头一个。"""
    if key not in ("c", "delete", "w", "enter") or not jobs:
        return view, None
    if selected(view, jobs) is None:
        view = replace(view, selected=jobs[0].job_id)
    if key in ("w", "enter"):
        return view, Action.WHY
    return replace(view, mode=Mode.CONFIRM), None


def _moved(view: View, jobs: Sequence[Job], step: int) -> int | None:
    if not jobs:
        return None
    ids = [job.job_id for job in jobs]
    if view.selected not in ids:
        return ids[0] if step > 0 else ids[-1]
    return ids[min(max(ids.index(view.selected) + step, 0), len(ids) - 1)]


def selected(view: View, jobs: Sequence[Job]) -> Job | None:
    """选中的作业；没有选，或已经不在名单里时为 None。"""
    return next((job for job in jobs if job.job_id == view.selected), None)


def window(view: View, jobs: Sequence[Job], rows: int) -> int:
    """从第几个作业起显示，选中的才看得见。"""
    ids = [job.job_id for job in jobs]
    at = ids.index(view.selected) if view.selected in ids else 0
    return min(max(at - rows // 2, 0), max(len(jobs) - rows, 0))
