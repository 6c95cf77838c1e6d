"""给三个外壳的脚本：把门怎样开、有哪些命令填进模板。"""

from __future__ import annotations

import os
import sys

from scns.cli import SLURM_COMMANDS
from scns.cli.launcher import named_home, preamble

SHELLS = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """一个外壳的脚本。

    参数：
        shell：`SHELLS` 之一
    """
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"scns.{shell}")
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    quote = _fish if shell == "fish" else _posix
    # `@` 在 Python 里少见，在路径里常见，所以先填命令，再填带着路径的
    text = text.replace("@COMMANDS@", " ".join(("scns", *SLURM_COMMANDS)))
    return text.replace("@DOOR@", " ".join(quote(word) for word in door()))


def door() -> list[str]:
    """启动 `scns.cli.completion.door` 的命令；`-IS` 与 `scns link` 的包装同理。"""
    lines = [
        *preamble(named_home()),
        "from scns.cli.completion.door import run",
        "run(sys.argv[1:])",
    ]
    return [sys.executable, "-IS", "-c", "; ".join(lines)]


def _posix(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _fish(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
