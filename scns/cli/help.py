"""`--help` 与 `--usage` 的文字，由选项表得出，样子与 Slurm 的相同。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, OPTIONAL, STOP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from scns.cli.options import Row, Table

#: 说明从第几列开始；选项再长就把说明写到下一行。
_COLUMN = 30

#: `--usage` 的行宽。
_WIDTH = 80


def help_text(table: Table) -> str:
    """返回 `--help` 的全文。

    先是命令自己的选项，然后是“Help options”与“Other options”。说明末尾的
    `(no effect)` 与 `(not supported)` 表示接受而不起作用、会被拒绝。
    """
    rows = [row for row in table.rows if row[2] != ALIAS]
    usual = [row for row in rows if row[2] != STOP]
    helping = [row for row in rows if row[2] == STOP and row[0] != "version"]
    other = [row for row in rows if row[0] == "version"]
    lines = [table.help_line]
    if table.heading:
        lines += ["", table.heading]
    lines += _listing(usual)
    lines += ["", "Help options:", *_listing(helping)]
    lines += ["", "Other options:", *_listing(other)]
    return "\n".join(lines) + "\n"


def _listing(rows: Iterable[Row]) -> list[str]:
    lines = []
    # 与 Slurm 一样按字母排，不分大小写
    for row in sorted(rows, key=lambda row: row[0].lower()):
        left = f"  {'-' + row[1] + ',' if row[1] else '   '} --{row[0]}{_argument(row)}"
        text = row[4]
        if row[5] == ACCEPTED:
            text += " (no effect)"
        elif row[5] != IMPLEMENTED:
            text += " (not supported)"
        if len(left) >= _COLUMN:
            lines.append(left)
            left = ""
        lines.append(f"{left:<{_COLUMN}}{text}")
    return lines


def _argument(row: Row) -> str:
    if row[2] in (FLAG, STOP):
        return ""
    return f"[={row[3]}]" if row[2] == OPTIONAL else f"={row[3]}"


def usage_text(table: Table) -> str:
    """返回 `--usage` 的全文：表里写了全文就是它，否则在开头之后排出各选项。"""
    if table.usage.endswith("\n"):
        return table.usage
    lines = [table.usage]
    indent = " " * (len("Usage: ") + len(table.command) + 1)
    line = indent
    for row in table.rows:
        if row[2] in (ALIAS, STOP) or row[5] not in (IMPLEMENTED, ACCEPTED):
            continue
        piece = f"[--{row[0]}{_argument(row)}]"
        if line != indent and len(line) + len(piece) + 1 > _WIDTH:
            lines.append(line)
            line = indent
        line += piece if line == indent else f" {piece}"
    lines.append(line)
    return "\n".join(lines) + "\n"
