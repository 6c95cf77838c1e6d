"""scancel 的命令行要求做什么。来源：scancel(1) 22.05 版。"""

from __future__ import annotations

import os

from scns.arrays import JobRef, parse_job_refs
from scns.errors import InvalidInput
from scns.signals import parse_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.control import Json
    from scns.cli.options import Parsed

_KILL = 9

#: -t 认的状态与缩写。
_STATES = {"PENDING": "PD", "RUNNING": "R", "SUSPENDED": "S"}

#: 筛选选项：条件，与没有找到时列出的名字。
FILTERS = {
    "account": ("q.account = %s", "account"),
    "name": ("q.name = %s", "job_name"),
    "nodelist": (
        "EXISTS (SELECT FROM scns.allocation_list a WHERE a.job_id = q.id AND a.node = ANY (%s))",
        "nodelist",
    ),
    "partition": ("q.partition = %s", "partition"),
    "qos": ("q.qos = %s", "qos"),
    "reservation": ("q.options ->> 'reservation' = %s", "reservation"),
    "state": ("q.state = %s", "state"),
    "user": ("q.uid = %s", "user_name"),
    "wckey": ("q.options ->> 'wckey' = %s", "wckey"),
}


class Order:
    """命令行要求做什么。

    属性：
        references：点名的作业
        filters：筛选选项到条件的参数
        signal：信号；None 表示没有给，即要作业结束
        scope：信号发给谁：`all`、`batch`、`steps`
        verbosity：-v 的个数；-Q 是 -1
    """

    __slots__ = (
        "clusters",
        "filters",
        "interactive",
        "references",
        "scope",
        "signal",
        "verbosity",
    )

    def __init__(self, chosen: Parsed) -> None:
        text = chosen.text("signal")
        self.signal = None if text is None else parse_signal(text)
        given = chosen.chosen
        self.scope = "all" if "full" in given else "batch" if "batch" in given else "steps"
        self.verbosity = -1 if "quiet" in given else chosen.count("verbose")
        self.interactive = "interactive" in given
        self.clusters = chosen.text("clusters")
        self.filters = parse_filters(chosen)
        self.references = [ref for word in chosen.operands for ref in _parse_operand(word)]

    @property
    def ends(self) -> bool:
        """要作业结束；KILL 与不给信号是一回事。"""
        return self.signal is None or self.signal == _KILL

    def argument(self) -> dict[str, Json]:
        """请求 `cancel` 的参数。"""
        signal, scope = self.signal, self.scope
        if self.ends:
            signal, scope = None, "batch" if scope == "batch" else "all"
        state = self.filters.get("state")
        return {"signal": signal, "scope": scope, "states": [state] if state else []}

    def announce(self, ref: JobRef, label: str) -> str:
        """-v 时动手之前说的话。"""
        if ref.step is not None:
            what = f"step {label}.{ref.step}"
            return f"Terminating {what}" if self.ends else f"Signal {self.signal} to {what}"
        kind = {"all": "full ", "batch": "batch ", "steps": ""}[self.scope]
        if self.signal is None:
            return f"Terminating {kind}job {label}"
        return f"Signal {self.signal} to {kind}job {label}"


def _parse_operand(word: str) -> list[JobRef]:
    """一个操作数；逗号隔开的也收。

    异常：
        InvalidInput：不是作业号
    """
    references = parse_job_refs(word)
    if not references or any(ref.step in ("extern", "interactive") for ref in references):
        raise InvalidInput(f"Invalid job id {word}")
    return references


def parse_filters(chosen: Parsed) -> dict[str, Any]:
    """筛选选项到条件的参数。

    异常：
        InvalidInput：用户、状态或节点名单不对
    """
    found: dict[str, Any] = {}
    for name in FILTERS:
        text = chosen.text(name)
        if text is not None:
            found[name] = text
    if "state" in found:
        found["state"] = _parse_state(found["state"])
    if "user" in found:
        found["user"] = _uid(found["user"])
    if "me" in chosen.chosen:
        found["user"] = os.geteuid()
    if "nodelist" in found:
        from scns.hostlist import expand

        found["nodelist"] = expand(found["nodelist"])
    return found


def _parse_state(text: str) -> str:
    for state, short in _STATES.items():
        if text.upper() in (state, short):
            return state
    raise InvalidInput(
        f"Invalid job state specified: {text}\n"
        "Valid job states are PENDING, RUNNING, and SUSPENDED",
        style="bare",
    )


def _uid(text: str) -> int:
    import pwd

    if text.isdigit() and text.isascii() and len(text) < 11:
        return int(text)
    try:
        return pwd.getpwnam(text).pw_uid
    except (KeyError, ValueError):
        raise InvalidInput(f"Invalid user name: {text}") from None
