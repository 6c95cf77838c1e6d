"""`scns --help`：有哪些命令，怎样开头。"""

from __future__ import annotations

from scns.cli.summaries import GROUPS, known, summary

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
