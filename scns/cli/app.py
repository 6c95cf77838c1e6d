"""typer 前台：scns 自己的命令与帮助；仿 Slurm 的命令不经过这里。"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated

import typer

from scns import __version__
from scns.errors import ScnsError

#: 自己的命令：名字到（模块，一句说明）；函数与模块同名。只装载要用的那个：`scns up` 的头一秒很贵。
COMMANDS = {
    "up": ("up", "Start the database, stepd and scnsd in the background."),
    "down": ("down", "Stop everything in order."),
    "status": ("status", "Show what runs: versions, pids, health."),
    "doctor": ("doctor", "Check this machine; say what is not enforced and how to cure it."),
    "why": ("why", "Say why a job waits, when it starts and what would start it sooner."),
    "wait": ("wait", "Wait until jobs have ended; exit with their exit code."),
    "tail": ("tail", "Follow the output of a job until it ends; exit with its exit code."),
    "watch": ("watch", "Print a line whenever the state of a job changes."),
    "top": ("top", "Show nodes, queue and jobs, live; keys sort, filter, explain, cancel."),
    "eff": ("eff", "Compare what jobs asked for with what they used: CPU, memory, time."),
    "simulate": ("simulate", "Replay a workload trace with the planner; compare policies."),
    "stats": ("stats", "Say how long jobs waited and how true the expected starts were."),
    "link": ("link", "Put sbatch, squeue, ... as plain names into a directory."),
}

_EPILOG = (
    "Slurm's commands: sbatch, squeue, scancel, sinfo, sacct, scontrol (scns COMMAND --help). "
    "Put them on PATH under their own names with: scns link DIR"
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"scns {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show version."),
    ] = False,
) -> None:
    """scns：提交、排队、启动、记录批处理作业。"""


def build(words: list[str]) -> typer.Typer:
    """造出前台；命令行已经点了名的，只登记那一个命令。"""
    app = typer.Typer(
        name="scns",
        help="A batch system that speaks Slurm's language and keeps everything in PostgreSQL.",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    names = [words[0]] if words and words[0] in COMMANDS else list(COMMANDS)
    for name in names:
        module, text = COMMANDS[name]
        function = getattr(import_module(f"scns.cli.own.{module}"), module)
        app.command(name, help=text)(function)
    return app


def run(words: list[str]) -> int:
    """运行一条命令，返回退出码；可预见的错误打印成一句话。"""
    try:
        result = build(words)(words, prog_name="scns", standalone_mode=False)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort as abort:
        if isinstance(abort.__cause__, KeyboardInterrupt):
            # 看够了（watch、tail、top）、不等了（wait）：与别的程序死于 SIGINT 一样安静
            return 130
        sys.stderr.write("Aborted.\n")
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
