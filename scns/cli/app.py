"""typer 前台：scns 自己的命令；仿 Slurm 的命令不经过这里。

只装载要用的那个命令：`scns up` 的头一秒很贵。
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated

import typer

from scns import __version__
from scns.cli.own import COMMANDS
from scns.errors import ScnsError

_HELP_NAMES = {"help_option_names": ["-h", "--help"]}


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
        add_completion=False,
        context_settings=_HELP_NAMES,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    names = [words[0]] if words and words[0] in COMMANDS else list(COMMANDS)
    for name in names:
        module, text = COMMANDS[name]
        function = getattr(import_module(f"scns.cli.own.{module}"), name)
        app.command(name, help=text)(function)
    return app


def run(words: list[str]) -> int:
    """运行一条命令，返回退出码；可预见的错误打印成一句话。"""
    if words[0] not in COMMANDS and not words[0].startswith("-"):
        sys.stderr.write(_no_such(words[0]))
        return 2
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


def _no_such(word: str) -> str:
    """没有这个命令：说一声，也说像的有哪些。"""
    from difflib import get_close_matches

    from scns.cli.summaries import known

    similar = get_close_matches(word, known(), 3)
    hint = f"; similar: {', '.join(similar)}" if similar else ""
    return f"scns: error: no such command: {word}{hint} (scns --help lists all)\n"


def _usage_error(error: Exception) -> int:
    """click 的用法错误打印成一句话；别的照常抛出，那是程序错误。"""
    show = getattr(error, "show", None)
    code = getattr(error, "exit_code", None)
    if show is None or code is None:
        raise error
    show()
    return int(code)
