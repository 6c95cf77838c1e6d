"""`--help`、`--usage` 与 `--version`：见到它们就打印并结束。"""

from __future__ import annotations

from scns import __version__
from scns.cli.options import STOP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Parsed, Table

#: 版本一行的样子与 Slurm 的相同：现成的脚本取第二个词，按它决定用哪些选项。
VERSION = f"slurm 22.05.8 (scns {__version__})"


def answer(table: Table, parsed: Parsed) -> str | None:
    """最后一个选项是这三个之一时返回要打印的全文，否则返回 None。"""
    if not parsed.ordered:
        return None
    name = parsed.ordered[-1][0]
    if table.names[name][2] != STOP:
        return None
    if name == "version":
        return VERSION + "\n"
    from scns.cli.help import help_text, usage_text

    return help_text(table) if name == "help" else usage_text(table)
