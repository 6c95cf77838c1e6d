"""scns 自己的命令的选项，写成与仿 Slurm 的命令一样的表。

命令本身由 typer 解析；这里是给补全与手册页用的：装载 typer 要 150 毫秒，按一下 TAB 等不起。
测试保证它与 typer 所知的一致。
"""

from __future__ import annotations

from scns.cli.options import FLAG, IMPLEMENTED, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

#: 命令到（操作数怎样写，它的说明，各行）；各行是长名、单字母、种类、值的代号、说明。
_COMMANDS: dict[str, tuple[str, str, tuple[tuple[str, str, str, str, str], ...]]] = {
    "up": (
        "",
        "",
        (
            ("timeout", "", VALUE, "SECS", "Seconds to wait until a job could run. Default: 60."),
            ("quiet", "q", FLAG, "", "Print errors only."),
            (
                "bootstrap-sql",
                "",
                FLAG,
                "",
                "Print the SQL that prepares a PostgreSQL of your own; stop.",
            ),
        ),
    ),
    "down": ("", "", (("force", "f", FLAG, "", "Do not ask; end running jobs."),)),
    "status": ("", "", (("json", "", FLAG, "", "Print name -> pid, version, state."),)),
    "doctor": ("", "", ()),
    "why": (
        "JOB...",
        "Job ids: 42 or 42_7.",
        (("json", "", FLAG, "", "Print the facts as JSON."),),
    ),
    "wait": (
        "JOB...",
        "Job ids: 42, 42_7 or 42_[1-9].",
        (
            ("timeout", "t", VALUE, "SECS", "Seconds to wait at most; then exit 124."),
            ("progress", "", FLAG, "", "Show progress on stderr. Default: on a terminal."),
            ("no-progress", "", FLAG, "", "Show progress on stderr. Default: on a terminal."),
        ),
    ),
    "tail": (
        "JOB",
        "Job id: 42 or 42_7.",
        (
            ("lines", "n", VALUE, "N", "Begin with the last N lines; -1: with all. Default: 10."),
            ("error", "e", FLAG, "", "Follow stderr instead."),
        ),
    ),
    "watch": (
        "[JOB...]",
        "Only these jobs or arrays.",
        (
            ("user", "u", VALUE, "USER", "Only this user's jobs."),
            ("me", "", FLAG, "", "Only my own jobs."),
            (
                "since",
                "S",
                VALUE,
                "TIME",
                "Begin with what happened since then: 10:00, now-1hour.",
            ),
            ("estimates", "", FLAG, "", "Also say when an expected start moves."),
            ("count", "n", VALUE, "N", "End after this many lines."),
            ("json", "", FLAG, "", "One JSON object a line."),
        ),
    ),
    "top": (
        "",
        "",
        (
            ("user", "u", VALUE, "USER", "Only this user's jobs."),
            ("me", "", FLAG, "", "Only my own jobs."),
            ("once", "", FLAG, "", "Print once as plain text."),
            ("interval", "i", VALUE, "SECS", "Seconds between refreshes. Default: 2."),
        ),
    ),
    "eff": (
        "[JOB...]",
        "Job ids: 42 or 42_7.",
        (
            ("user", "u", VALUE, "USER", "Jobs of this user."),
            ("all", "a", FLAG, "", "Jobs of all users."),
            ("start", "S", VALUE, "TIME", "Jobs that ended after then. Default: today."),
            ("end", "E", VALUE, "TIME", "Jobs that ended before then. Default: now."),
            ("by", "", VALUE, "array|job|user|total", "One line for each. Default: array."),
            ("json", "", FLAG, "", "Print as JSON."),
        ),
    ),
    "simulate": (
        "TRACE",
        "Workload in Standard Workload Format.",
        (
            (
                "policy",
                "p",
                VALUE,
                "NAME",
                "One of fifo, firstfit, easy, conservative; repeat to compare.",
            ),
            ("nodes", "", VALUE, "N", "Number of equal nodes. Default: 1."),
            ("cpus", "", VALUE, "N", "CPUs of each node (default: what the trace says)."),
            (
                "estimate",
                "",
                VALUE,
                "FACTOR",
                "Time limits are this times the real run time; 0: no limits.",
            ),
            (
                "jobs",
                "",
                VALUE,
                "N",
                "Draw this many jobs from the trace at random, with repetition.",
            ),
            (
                "load",
                "",
                VALUE,
                "LOAD",
                "Draw jobs and pause between them so as to ask for this load.",
            ),
            ("seed", "", VALUE, "N", "Another seed draws other jobs. Default: 0."),
            ("users", "", FLAG, "", "Add a table of each user."),
            (
                "plot",
                "",
                VALUE,
                "FILE",
                "Draw busy CPUs and waiting jobs over time into this file.",
            ),
            ("json", "", FLAG, "", "Print the figures as JSON."),
        ),
    ),
    "stats": (
        "",
        "",
        (
            ("since", "S", VALUE, "TIME", "What happened since then. Default: now-7days."),
            ("json", "", FLAG, "", "Print as JSON."),
        ),
    ),
    "link": (
        "DIR",
        "Directory to put the commands into.",
        (("force", "f", FLAG, "", "Replace files that scns did not make."),),
    ),
    "man": (
        "[COMMAND]",
        "A command, or scns.conf.",
        (("install", "", VALUE, "DIR", "Write every page below this directory; then stop."),),
    ),
    "completion": ("bash|zsh|fish", "Which shell.", ()),
}

_HELP: Row = ("help", "h", STOP, "", "Show this message and exit.", IMPLEMENTED)


def operands(command: str) -> str:
    """一个命令的操作数怎样写；没有时是空的。"""
    return _COMMANDS[command][0] if command in _COMMANDS else "[ARGUMENTS]"


def is_listed(command: str) -> bool:
    """有没有这个命令的表；新添的命令可能还没有。"""
    return command in _COMMANDS


def explanation(command: str) -> str:
    """操作数的说明；没有操作数时是空的。"""
    return _COMMANDS[command][1] if command in _COMMANDS else ""


def table(command: str) -> Table:
    """一个命令的选项表。"""
    rows = _COMMANDS[command][2] if command in _COMMANDS else ()
    usage = f"Usage: scns {command} [OPTIONS] {operands(command)}".rstrip()
    listed = tuple((*row, IMPLEMENTED) for row in rows)
    return Table(command, (*listed, _HELP), help_line=usage, usage=usage)
