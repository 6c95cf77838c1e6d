"""`scns completion`：印出让外壳补全的脚本。"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from scns.cli.completion.script import script


class Shell(StrEnum):
    """有脚本的外壳。"""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Which shell.")],
) -> None:
    """印出脚本；怎样用写在它的开头。"""
    sys.stdout.write(script(shell))
