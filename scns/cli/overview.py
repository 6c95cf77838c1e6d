"""`scns --help` 与自己的命令的 `--help`：不装载 typer，一眨眼就出来。"""

from __future__ import annotations

from scns.cli.options import FLAG, STOP
from scns.cli.summaries import GROUPS, known, summary
from scns.cli.tables import own

#: 说明从第几列开始；左边再长就把说明写到下一行。
_COLUMN = 26

_HEAD = """\
Usage: scns COMMAND [OPTIONS] [ARGUMENTS]

A batch system that speaks Slurm's language and keeps everything in PostgreSQL.
"""

_TAIL = """\

Examples:
  scns up                           start it; once
  scns sbatch --wrap 'sleep 60'     submit a command; prints the job id
  scns sbatch -c 4 --mem=8G job.sh  submit a script with 4 CPUs and 8 GiB
  scns squeue --me                  what of mine waits and runs
  scns why 42                       why job 42 does not start yet
  scns scancel 42                   cancel it
  scns link ~/bin                   then the same without 'scns': sbatch job.sh

Options:
  -h, --help     show this message; after a command: its options
  -V, --version  show the version

'scns help COMMAND' lists the options of a command, 'scns man COMMAND' shows its manual page.
"""


def overview() -> str:
    """返回 `scns --help` 的全文；不在任何一组里的命令归在最后一组。"""
    commands = known()
    grouped = {name for _, names in GROUPS for name in names}
    rest = tuple(name for name in commands if name not in grouped)
    lines = [_HEAD]
    for title, names in (*GROUPS, ("More", rest)):
        listed = [name for name in names if name in commands]
        if listed:
            lines.append(f"{title}:\n" + "".join(map(_line, listed)))
    return "\n".join(lines) + _TAIL


def _line(command: str) -> str:
    return f"  {command:<12}{summary(command)}\n"


def own_help(command: str) -> str:
    """返回自己的一个命令的 `--help` 的全文。"""
    table = own.table(command)
    lines = [table.usage, "", summary(command)]
    if own.operands(command):
        lines += ["", "Arguments:", *_entry(own.operands(command), own.explanation(command))]
    lines += ["", "Options:"]
    for name, letter, kind, metavar, text, _ in table.rows:
        value = "" if kind in (FLAG, STOP) else f"={metavar}"
        lines += _entry(f"{f'-{letter},' if letter else '   '} --{name}{value}", text)
    lines += ["", f"'scns man {command}' says more."]
    return "\n".join(lines) + "\n"


def _entry(left: str, text: str) -> list[str]:
    left = f"  {left}"
    if len(left) >= _COLUMN:
        return [left, f"{'':{_COLUMN}}{text}"]
    return [f"{left:<{_COLUMN}}{text}"]
