"""typer 前台：scns 自己的命令与帮助；仿 Slurm 的命令不经过这里。"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from scns import __version__
from scns.cli.own import doctor, down, link, status, up
from scns.errors import ScnsError

app = typer.Typer(
    name="scns",
    help="A batch system that speaks Slurm's language and keeps everything in PostgreSQL.",
    epilog="Slurm's commands: sbatch, squeue, scancel, sinfo, sacct, scontrol "
    "(scns COMMAND --help). Put them on PATH under their own names with: scns link DIR",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"scns {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show version."),
    ] = False,
) -> None:
    """scns：提交、排队、启动、记录批处理作业。"""


app.command("up", help="Start the database, stepd and scnsd in the background.")(up.up)
app.command("down", help="Stop everything in order.")(down.down)
app.command("status", help="Show what runs: versions, pids, health.")(status.status)
app.command("doctor", help="Check this machine; say what is not enforced and how to cure it.")(
    doctor.doctor
)
app.command("link", help="Put sbatch, squeue, ... as plain names into a directory.")(link.link)


def run(words: list[str]) -> int:
    """运行一条命令，返回退出码；可预见的错误打印成一句话。"""
    # typer 把帮助字符串里的中文文档串当作说明；命令的说明都已显式给出
    try:
        result = app(words, prog_name="scns", standalone_mode=False)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        Console(stderr=True).print("Aborted.")
        return 1
    except ScnsError as error:
        sys.stderr.write("".join(line + "\n" for line in error.lines("scns")))
        return error.exit_code
    except Exception as error:
        return _usage_error(error)
    return result if isinstance(result, int) else 0


def _usage_error(error: Exception) -> int:
    """click 的用法错误打印成一句话；别的照常抛出，那是程序错误。"""
    show = getattr(error, "show", None)
    code = getattr(error, "exit_code", None)
    if show is None or code is None:
        raise error
    show()
    return int(code)
