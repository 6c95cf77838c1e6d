"""`scns down`：按次序停下一切；有作业在跑时先问。"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console

from scns import home
from scns.cli.own import instance
from scns.errors import ScnsError, Unavailable

#: 等监督进程停完各部件的秒数：作业的宽限期也在其中。
STOP_SECONDS = 150.0


def down(
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Do not ask; end running jobs.")
    ] = False,
) -> None:
    """停下 scnsd、stepd 与数据库；在跑的作业结束，允许重新排队的下次再跑。"""
    state = instance.state_directory()
    console = Console(highlight=False)
    parts = instance.components(state)
    if all(part.state in ("stopped", "external") for part in parts):
        console.print("scns is not running")
        return
    jobs = instance.running_jobs(state)
    if jobs and not force:
        _ask(jobs)
    _stop(state)
    console.print("scns is down")


def _ask(jobs: int) -> None:
    """有作业在跑：交互时问一句，否则要求 --force。"""
    said = f"{jobs} job{'s are' if jobs > 1 else ' is'} running and will be ended"
    if not sys.stdin.isatty():
        raise ScnsError(f"{said}; use --force")
    typer.confirm(f"{said} (requeued if allowed). Stop?", abort=True)


def _stop(state: str) -> None:
    """请监督进程停下；它不在时另起一个只管停的。"""
    pid = instance.pid_of(state, "supervisor")
    if pid is None:
        try:
            subprocess.run(
                instance.supervisor_command(state, "--stop"),
                check=True,
                cwd="/",
                timeout=STOP_SECONDS,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise Unavailable(f"could not stop everything; see {home.log_dir(state)}") from None
        return
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    ended = select.select([watch], [], [], STOP_SECONDS)[0]
    os.close(watch)
    if not ended:
        raise Unavailable(f"scns did not stop in time; see {home.log_dir(state)}")
