"""`show` 打印的记录：`KEY=VALUE` 相隔一空格，分成几行或合成一行。"""

from __future__ import annotations

import os

from scns.cli.fields.sql import epoch
from scns.times import format_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    #: 由 epoch 秒与没有时印什么，到文字。
    Moment = Callable[[float | None, str], str]

__all__ = ["clock", "epoch", "layout", "moment", "record", "select", "shown"]

_BREAK = "\n   "


def layout(lines: Iterable[str], *, one_line: bool) -> str:
    """排好一条记录；首行顶格，其余缩进三格，后面一个空行。"""
    return (" " if one_line else _BREAK).join(lines) + ("\n" if one_line else "\n\n")


def select(columns: Mapping[str, str], source: str) -> str:
    """由列名到表达式的表写出 SELECT。"""
    listed = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    return " ".join(("SELECT", listed, "FROM", source))


def record(columns: Mapping[str, str], row: tuple[Any, ...]) -> dict[str, Any]:
    """一行结果按列名取用。"""
    return dict(zip(columns, row, strict=True))


def shown(text: str | None) -> str:
    """没有值的文本印成 `(null)`，与 Slurm 相同。"""
    return "(null)" if text is None else text


def moment(at: float | None, empty: str = "Unknown") -> str:
    """印一个时刻；样子可由环境变量 SLURM_TIME_FORMAT 改变。"""
    return format_moment(at, empty, os.environ.get("SLURM_TIME_FORMAT"))


def clock() -> Moment:
    """与 `moment` 一样，只是同一秒只算一次：一口气印许多记录时用。"""
    time_format = os.environ.get("SLURM_TIME_FORMAT")
    known: dict[float, str] = {}

    def show(at: float | None, empty: str) -> str:
        if at is None:
            return empty
        text = known.get(at)
        if text is None:
            text = known[at] = format_moment(at, empty, time_format)
        return text

    return show
