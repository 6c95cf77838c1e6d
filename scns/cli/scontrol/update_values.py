"""`scontrol update` 的值：从原文到请求里的值，错误的句子照 Slurm。

每个函数收（改动、键、原文、打印的名字），把改动写进 `changes`。
"""

from __future__ import annotations

import time

from scns.cli.scontrol.session import matches
from scns.errors import InvalidInput
from scns.sizes import parse_memory
from scns.times import InvalidTimeLimit, parse_moment, parse_time_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scns.cli.control import Json

    Changes = dict[str, Json]
    Setter = Callable[["Changes", str, str, str], None]

_MAX = 2**31 - 1


def invalid(name: str, text: str | None = None) -> InvalidInput:
    """`Invalid NAME value`，有的后面带着原文。"""
    return InvalidInput(f"Invalid {name} value" + ("" if text is None else f": {text}"))


def text(changes: Changes, key: str, value: str, _: str) -> None:
    """原文；空的就是空的。"""
    changes[key] = value


def optional_text(changes: Changes, key: str, value: str, _: str) -> None:
    """原文；空的是不要了。"""
    changes[key] = value or None


def ignored(_: Changes, __: str, ___: str, ____: str) -> None:
    """照收，没有作用。"""


def number(changes: Changes, key: str, value: str, name: str) -> None:
    """不带符号的整数。"""
    changes[key] = parse_number(value, name)


def parse_number(value: str, name: str, largest: int = _MAX) -> int:
    """不带符号的整数。

    异常：
        InvalidInput：不是数，或大过 `largest`
    """
    if not (value.isascii() and value.isdigit() and int(value[:18]) <= largest):
        raise invalid(name, value)
    return int(value[:18])


def limit(changes: Changes, key: str, value: str, name: str) -> None:
    """个数的上限；`UNLIMITED` 与 `INFINITE` 是 null。"""
    unlimited = value.upper() in ("UNLIMITED", "INFINITE")
    changes[key] = None if unlimited else parse_number(value, name)


def switch(changes: Changes, key: str, value: str, name: str) -> None:
    """`YES`、`NO`（可以缩写）或数字。"""
    if matches(value, "YES") and value:
        changes[key] = True
    elif matches(value, "NO") and value:
        changes[key] = False
    else:
        changes[key] = bool(parse_number(value, name))


def memory(changes: Changes, key: str, value: str, name: str) -> None:
    """内存，换成 MiB；没有单位是 M。"""
    try:
        changes[key] = parse_memory(value)
    except InvalidInput:
        raise invalid(name, value) from None


def seconds(changes: Changes, key: str, value: str, name: str) -> None:
    """时限，换成秒；不限是 -1。"""
    changes[key] = parse_limit(value, name)


def parse_limit(value: str, name: str) -> int:
    """时限的秒数，向上取到整分钟；不限是 -1。

    异常：
        InvalidInput：不是时限
    """
    try:
        found = parse_time_limit(value)
    except InvalidTimeLimit:
        raise invalid(name) from None
    return -1 if found is None else -(-found // 60) * 60


def moment(changes: Changes, key: str, value: str, _: str) -> None:
    """时刻，换成 ISO 8601，UTC。"""
    at = time.gmtime(parse_moment(value, time.time()))
    changes[key] = (
        f"{at.tm_year:04}-{at.tm_mon:02}-{at.tm_mday:02}"
        f"T{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02}Z"
    )


def begin(changes: Changes, key: str, value: str, name: str) -> None:
    """开始时刻；空的是不等了。"""
    if value:
        moment(changes, key, value, name)
    else:
        changes[key] = None
