"""看板的零件：一条线、一个大小。"""

from __future__ import annotations

from rich.text import Text


def bar(part: float, whole: float, width: int, style: str) -> Text:
    """一条线：用着的实，空着的虚；有一点就看得见一格，差一点就空着一格。"""
    share = min(max(part / whole, 0.0), 1.0) if whole else 0.0
    cells = round(width * share)
    if share > 0:
        cells = max(cells, 1)
    if share < 1:
        cells = min(cells, width - 1)
    return Text().append("█" * cells, style).append("░" * (width - cells), "dim")


def size(mib: int) -> str:
    """大小，至多三位数字：`0`、`64M`、`1.5G`、`16G`。"""
    if not mib:
        return "0"
    if mib < 1000:
        return f"{mib}M"
    value, unit = mib / 1024, "G"
    if value >= 1000:
        value, unit = value / 1024, "T"
    return f"{value:.1f}{unit}" if value < 10 and round(value, 1) % 1 else f"{value:.0f}{unit}"
