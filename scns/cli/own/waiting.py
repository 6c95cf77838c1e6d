"""等着的命令在 typer 前台的样子：选项与帮助；做事的在各自的模块，快门见 `scns.cli.own.lean`。"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from scns.cli.own import tail as tail_
from scns.cli.own import wait as wait_
from scns.cli.own import watch as watch_


def watch(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="JOB", help="Only these jobs or arrays.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Only this user's jobs.")] = None,
    me: Annotated[bool, typer.Option("--me", help="Only my own jobs.")] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", "-S", help="Begin with what happened since then: 10:00, now-1hour."
        ),
    ] = None,
    estimates: Annotated[
        bool, typer.Option("--estimates", help="Also say when an expected start moves.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="End after this many lines.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """改变了就说，直到被打断或说够了。"""
    return watch_.watch(
        jobs or (),
        user=user,
        me=me,
        since=since,
        estimates=estimates,
        count=count,
        as_json=as_json,
    )


def wait(
    jobs: Annotated[
        list[str], typer.Argument(metavar="JOB", help="Job ids: 42, 42_7 or 42_[1-9].")
    ],
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", "-t", min=0, help="Seconds to wait at most; then exit 124."),
    ] = None,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress", help="Show progress on stderr. Default: on a terminal."
        ),
    ] = None,
) -> int:
    """等到列出的作业都结束，返回其中最大的退出码。"""
    shown = sys.stderr.isatty() if progress is None else progress
    return wait_.wait(jobs, timeout=timeout, progress=shown)


def tail(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Job id: 42 or 42_7.")],
    lines: Annotated[
        int,
        typer.Option("--lines", "-n", min=-1, help="Begin with the last N lines; -1: with all."),
    ] = 10,
    error: Annotated[bool, typer.Option("--error", "-e", help="Follow stderr instead.")] = False,
) -> int:
    """把输出写到 stdout，直到作业结束，返回它的退出码。"""
    return tail_.tail(job, lines=lines, error=error)
