"""scns(1)，以及自己的命令每个一页。"""

from __future__ import annotations

from scns.cli.man.commands import SURROUNDINGS, as_phrase, option, see_also, synopsis
from scns.cli.man.page import Page
from scns.cli.man.prose_own import DESCRIPTIONS
from scns.cli.options import STOP
from scns.cli.own import COMMANDS
from scns.cli.summaries import GROUPS, known, summary
from scns.cli.tables import own

_INTRODUCTION = """
scns is a batch system: users submit scripts, it runs them when resources are free, keeps their
output and exit codes, and tells why a job waits. It speaks Slurm's language and keeps everything in
PostgreSQL, by default in one that it brings along. `scns` *COMMAND* runs a command; `scns link`
puts Slurm's commands under their own names into a directory.

`scns up` starts three parts in the background: `postgres`, which listens on a Unix socket only;
`stepd`, the parent of the jobs; and `scnsd`, which plans, allocates and records. Killing any of
them disturbs no running job and loses no exit code.
"""

_FILES = (
    ("`$SCNS_HOME`", "State: `data`, `run`, `log`, `spool`. For root `/var/lib/scns`, for others"
     " `$XDG_STATE_HOME/scns` or `~/.local/state/scns`."),
    ("`$SCNS_HOME/scns.conf`, `/etc/scns/scns.conf`", "The configuration; see `scns.conf`(5)."),
)  # fmt: skip

_EXAMPLES = """
Start it, submit a command, see it wait and run, read its output:

    scns up
    scns sbatch --wrap 'sleep 60; date'
    scns squeue --me
    scns tail 1

Why does a job not start, and what would start it sooner?

    scns why 42
"""

#: 退出码不是“成功 0，失败 1”的命令。
_STATUS = {
    "wait": "The highest exit code of the jobs, 1 for a job that died by a signal or was cancelled,"
    " 124 when `--timeout` was reached.",
    "tail": "The exit code of the job; 1 if it died by a signal or was cancelled.",
    "status": "0 if everything runs, 1 otherwise.",
}

_RELATED = {
    "up": ("scns-down", "scns-status", "scns-doctor", "scns.conf"),
    "down": ("scns-up", "scns-status"),
    "status": ("scns-up", "scns-doctor"),
    "doctor": ("scns-status", "scns.conf"),
    "why": ("squeue", "scns-watch", "scontrol"),
    "wait": ("scns-tail", "scns-watch", "sbatch"),
    "tail": ("scns-wait", "sbatch"),
    "watch": ("scns-top", "squeue"),
    "top": ("scns-watch", "squeue"),
    "eff": ("seff", "sacct"),
    "simulate": ("scns-stats", "scns.conf"),
    "stats": ("sdiag", "scns-simulate"),
    "link": ("scns-completion", "scns-man"),
    "man": ("scns-link", "scns-completion"),
    "completion": ("scns-link", "scns-man"),
}


def overview_page() -> Page:
    """返回手册页 scns(1)，全部命令的总览。"""
    page = Page("scns", 1, "a batch system that speaks Slurm's language")
    synopsis(page, "scns", "*COMMAND* [*OPTIONS*] [*ARGUMENTS*]\n`help` [*COMMAND*]\n`--version`")
    page.heading("DESCRIPTION")
    page.paragraphs(_INTRODUCTION)
    grouped = [name for _, names in GROUPS for name in names if name in known()]
    page.heading("COMMANDS")
    for name in [*grouped, *(one for one in known() if one not in grouped)]:
        page.item(f"`{name}`", f"{summary(name)} See `{page_name(name)}`(1).")
    page.heading("ENVIRONMENT")
    page.items(SURROUNDINGS)
    page.item("`SCNS_CONF`", "The configuration file to read instead of those below.")
    page.heading("FILES")
    page.items(_FILES)
    page.heading("EXIT STATUS")
    page.paragraphs("That of the command; 2 if there is no such command.")
    page.heading("EXAMPLES")
    page.paragraphs(_EXAMPLES)
    see_also(page, "scns.conf", *(page_name(name) for name in known()))
    return page


def page_name(command: str) -> str:
    """一个命令的页名：自己的前面有 `scns-`。"""
    return f"scns-{command}" if command in COMMANDS else command


def own_page(command: str) -> Page:
    """自己的一个命令的页。"""
    table = own.table(command)
    page = Page(page_name(command), 1, as_phrase(summary(command)))
    operands = f" *{own.operands(command)}*" if own.operands(command) else ""
    synopsis(page, f"scns {command}", f"[*OPTIONS*]{operands}")
    page.heading("DESCRIPTION")
    page.paragraphs(DESCRIPTIONS.get(command, summary(command)))
    if operands:
        page.heading("ARGUMENTS")
        page.item(operands.strip(), own.explanation(command) or summary(command))
    page.heading("OPTIONS")
    ordinary = [row for row in table.rows if row[2] != STOP]
    page.items(option(table, row) for row in [*ordinary, *(r for r in table.rows if r[2] == STOP)])
    page.heading("ENVIRONMENT")
    page.items(SURROUNDINGS)
    page.heading("EXIT STATUS")
    page.paragraphs(_STATUS.get(command, "0 on success, 1 on an error, 2 for a wrong option."))
    see_also(page, *_RELATED.get(command, ()))
    return page
