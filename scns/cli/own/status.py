"""`scns status`：什么在运行；人看表，程序看 JSON。"""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from scns import __version__, home
from scns.cli.own import instance


def status(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print name -> pid, version, state.")
    ] = False,
) -> int:
    """显示各部件；全都在运行时退出码为 0，否则为 1。"""
    state = instance.state_directory()
    parts = instance.components(state)
    healthy = all(part.state in ("running", "external") for part in parts)
    if as_json:
        print(
            json.dumps(
                {
                    part.name: {"pid": part.pid, "version": part.version, "state": part.state}
                    for part in parts
                },
                indent=2,
            )
        )
        return 0 if healthy else 1
    table = Table(title=f"scns {__version__}", title_justify="left", box=None, pad_edge=False)
    for column in ("NAME", "STATE", "PID", "VERSION"):
        table.add_column(column)
    for part in parts:
        colour = "green" if part.state in ("running", "external") else "red"
        table.add_row(
            part.name,
            f"[{colour}]{part.state}[/]",
            "" if part.pid is None else str(part.pid),
            part.version or "",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(f"state in {state}, logs in {home.log_dir(state)}", soft_wrap=True)
    jobs = instance.running_jobs(state)
    if jobs is not None:
        console.print(f"{jobs} running jobs")
    return 0 if healthy else 1
