"""由选项表写出 `docs/options.md`。

用法：
    python -m scns.cli.options_doc > docs/options.md
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, OPTIONAL, STOP
from scns.cli.tables.scontrol import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scns.cli.options import Row, Table

#: 文档里的命令，照常用的先后。
COMMANDS = (
    "sbatch",
    "srun",
    "salloc",
    "squeue",
    "scancel",
    "sinfo",
    "sacct",
    "scontrol",
    "sprio",
    "sstat",
    "sattach",
    "sdiag",
    "sacctmgr",
)

_INTRODUCTION = """\
# 选项

本页由 `python -m scns.cli.options_doc` 从选项表生成，请勿手改；测试保证二者一致。

- **实现**：与 Slurm 22.05 的作用相同。
- **接受**：解析并检查，没有别的作用；给 Slurm 写的脚本因此可以原样使用。
- **拒绝**：给出一句说明，不提交、不执行。

长选项可以缩写到不致混淆；`--opt=V`、`--opt V`、`-oV` 与 `-o V` 等价，可以省略的值只能
写成 `--opt=V` 或 `-oV`。命令行优先于环境变量，环境变量优先于 `#SBATCH` 指令。
打开开关的环境变量只要存在，不论值是什么。`:` 分隔的异构作业不受支持。
"""


def table_of(command: str) -> Table:
    """返回一个命令的选项表。"""
    table: Table = import_module(f"scns.cli.tables.{command}").TABLE
    return table


def document() -> str:
    """返回 `docs/options.md` 的全文。"""
    parts = [_INTRODUCTION]
    for command in COMMANDS:
        parts.append(_section(table_of(command)))
        if command == "scontrol":
            parts.append(_keywords())
    return "\n".join(parts)


def _section(table: Table) -> str:
    lines = [
        f"## {table.command}",
        "",
        "| 选项 | 短 | 参数 | 含义 | 环境变量 | scns |",
        "|---|---|---|---|---|---|",
    ]
    for row in table.rows:
        if row[2] == ALIAS:
            continue
        names = [row[0], *(alias[0] for alias in table.rows if _is_alias(alias, row))]
        letters = [row[1], *(alias[1] for alias in table.rows if _is_alias(alias, row))]
        variables = [variable for variable, name in table.environ if name == row[0]]
        cells = [
            _code(f"--{name}" for name in names),
            _code(f"-{letter}" for letter in letters if letter),
            _argument(row),
            row[4],
            _code(variables),
            _treatment(row[5]),
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _is_alias(alias: Row, row: Row) -> bool:
    return alias[2] == ALIAS and alias[3] == row[0]


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _argument(row: Row) -> str:
    if row[2] in (FLAG, STOP):
        return ""
    return f"[{row[3]}]" if row[2] == OPTIONAL else row[3]


def _treatment(text: str) -> str:
    return {IMPLEMENTED: "实现", ACCEPTED: "接受"}.get(text, f"拒绝：{text}")


def _keywords() -> str:
    lines = ["| 关键词 | 参数 | 含义 | scns |", "|---|---|---|---|"]
    for keyword, arguments, text, treatment in KEYWORDS:
        lines.append(f"| `{keyword}` | {arguments} | {text} | {_treatment(treatment)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
