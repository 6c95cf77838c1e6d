"""`scns man`：显示一页手册，或把全部写进一个目录。"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scns.errors import ScnsError


def man(
    command: Annotated[
        str, typer.Argument(metavar="COMMAND", help="A command, or scns.conf.")
    ] = "scns",
    install: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write every page below this directory; then stop."),
    ] = None,
) -> None:
    """显示手册页。"""
    from scns.cli.man import show

    if install is None:
        show.show(show.find(command))
        return
    try:
        count = show.install(install)
    except OSError as error:
        raise ScnsError(f"Cannot write {error.filename}: {error.strerror}") from None
    print(f"{count} pages are in {install.resolve()}; read them with: man -M {install} sbatch")
