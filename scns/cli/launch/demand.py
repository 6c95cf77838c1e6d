"""`srun`、`salloc` 与 `sattach` 的开头：读选项，得出请求，出错时照 `SLURM_EXIT_ERROR` 退出。"""

from __future__ import annotations

import os
import sys

from scns.cli import context, request
from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.errors import RequestRefused, ScnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scns.cli.options import Parsed, Table

_EXIT_ERROR = "SLURM_EXIT_ERROR"

#: 提交被拒时各命令的说法。
REFUSED = {"srun": "Unable to allocate resources", "salloc": "Job submit/allocate failed"}


class Demand:
    """命令行要的。

    属性：
        given：命令行上的选项
        merged、built：连同环境变量的选项，与由它得出的请求
        here：本进程此刻的样子
    """

    __slots__ = ("built", "given", "here", "merged")

    def __init__(
        self, given: Parsed, merged: Parsed, built: dict[str, Any], here: context.Context
    ) -> None:
        self.given = given
        self.merged = merged
        self.built = built
        self.here = here


def run(body: Callable[[list[str]], int], words: list[str]) -> int:
    """执行 `body`；自己出了错的退出码听 `SLURM_EXIT_ERROR` 的。"""
    try:
        return body(words)
    except ScnsError as error:
        text = os.environ.get(_EXIT_ERROR, "")
        if text.isascii() and text.isdigit():
            error.exit_code = int(text) & 0xFF
        raise


def options(table: Table, words: list[str]) -> tuple[Parsed, Parsed] | None:
    """命令行上的选项，与连同环境变量的；只要帮助的打印了就返回 None。"""
    given = parse(table, words)
    text = answer(table, given)
    if text is not None:
        sys.stdout.write(text)
        return None
    return given, collect(table, given, (), os.environ)


def read(table: Table, words: list[str], name: Callable[[Parsed], str]) -> Demand | None:
    """读出要求；只要帮助的打印了就返回 None。

    参数：
        name：没有 `--job-name` 时作业叫什么

    异常：
        ScnsError：选项不合规矩
    """
    found = options(table, words)
    if found is None:
        return None
    given, merged = found
    here = context.here(table.command, words, name=name(merged))
    try:
        built = request.build(merged, here)
    except RequestRefused as refused:
        raise RequestRefused(f"{REFUSED[table.command]}: {refused.message}") from None
    for warning in here.warnings:
        sys.stderr.write(f"{table.command}: {warning}\n")
    return Demand(given, merged, built, here)
