"""等着的命令的快门：选项写得对就不装载 typer 与 rich。

`scns watch`、`wait`、`tail` 可能有几百个同时等着：经过 typer 的一个要 21 MB 自己的内存，这里的一个
6 MB，启动也快 150 毫秒。写错了的、要帮助的不归这里，由 `scns.cli.own.waiting` 里同名的 typer 命令
去说；选项表是 `scns.cli.tables.own` 的，有测试保证它与 typer 所知的一致。
"""

from __future__ import annotations

import sys

from scns.cli.options import parse
from scns.cli.tables import own
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scns.cli.options import Parsed


#: 走快门的命令。
COMMANDS = ("watch", "wait", "tail")


def prepare(words: list[str]) -> Callable[[], int] | None:
    """命令行说的那件事；不是这几个命令、要帮助或写错了的返回 None。

    参数：
        words：`scns` 之后的各个词
    """
    if not words or words[0] not in COMMANDS:
        return None
    try:
        parsed = parse(own.table(words[0]), words[1:])
        return None if "help" in parsed.chosen else _PREPARE[words[0]](parsed)
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
    # 写在后面的胜
    said = [name == "progress" for name, _ in parsed.ordered if name.endswith("progress")]
    progress = said[-1] if said else sys.stderr.isatty()

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


_PREPARE = {"watch": _watch, "wait": _wait, "tail": _tail}
