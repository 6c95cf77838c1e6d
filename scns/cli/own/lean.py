"""等着的命令的快门：选项写得对就不装载 typer 与 rich。

`scns watch`、`wait`、`tail` 可能有几百个同时等着：经过 typer 的一个要 21 MB 自己的内存，这里的一个
6 MB，启动也快 150 毫秒。写错了的、要帮助的不归这里，由 `scns.cli.own.waiting` 里同名的 typer 命令
去说；两处的选项一样，有测试看着。
"""

from __future__ import annotations

import sys

from scns.cli.options import FLAG, IMPLEMENTED, VALUE, Table, parse
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scns.cli.options import Parsed, Row


def _row(name: str, letter: str = "", kind: str = FLAG) -> Row:
    return (name, letter, kind, "", "", IMPLEMENTED)


def _table(command: str, *rows: Row) -> Table:
    return Table(
        command, rows, rivals=(("progress", "no-progress"),), help_line="", usage="", permute=True
    )


#: 各命令的选项。
TABLES = {
    "watch": _table(
        "watch",
        _row("user", "u", VALUE),
        _row("me"),
        _row("since", "S", VALUE),
        _row("estimates"),
        _row("count", "n", VALUE),
        _row("json"),
    ),
    "wait": _table("wait", _row("timeout", "t", VALUE), _row("progress"), _row("no-progress")),
    "tail": _table("tail", _row("lines", "n", VALUE), _row("error", "e")),
}


def prepare(words: list[str]) -> Callable[[], int] | None:
    """命令行说的那件事；不是这几个命令、要帮助或写错了的返回 None。

    参数：
        words：`scns` 之后的各个词
    """
    if not words or words[0] not in TABLES:
        return None
    try:
        return _COMMANDS[words[0]](parse(TABLES[words[0]], words[1:]))
    except (UsageError, ValueError):
        return None


def _watch(parsed: Parsed) -> Callable[[], int]:
    count = parsed.text("count")
    lines = None if count is None else int(count)
    _check(lines is None or lines >= 1)
    chosen = parsed.chosen

    def run() -> int:
        from scns.cli.own.watch import watch

        return watch(
            parsed.operands,
            user=parsed.text("user"),
            me="me" in chosen,
            since=parsed.text("since"),
            estimates="estimates" in chosen,
            count=lines,
            as_json="json" in chosen,
        )

    return run


def _wait(parsed: Parsed) -> Callable[[], int]:
    timeout = parsed.text("timeout")
    seconds = None if timeout is None else float(timeout)
    _check(bool(parsed.operands) and (seconds is None or seconds >= 0))
    progress = "progress" in parsed.chosen
    if not progress and "no-progress" not in parsed.chosen:
        progress = sys.stderr.isatty()

    def run() -> int:
        from scns.cli.own.wait import wait

        return wait(parsed.operands, timeout=seconds, progress=progress)

    return run


def _tail(parsed: Parsed) -> Callable[[], int]:
    text = parsed.text("lines")
    lines = 10 if text is None else int(text)
    _check(lines >= -1)
    [job] = parsed.operands

    def run() -> int:
        from scns.cli.own.tail import tail

        return tail(job, lines=lines, error="error" in parsed.chosen)

    return run


def _check(good: bool) -> None:
    if not good:
        raise ValueError


_COMMANDS = {"watch": _watch, "wait": _wait, "tail": _tail}
