"""sattach 的选项表。来源：sattach(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, FLAG, IMPLEMENTED, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_NO_PTY = "--pty is not supported: the terminal of a task belongs to its srun"

_ROWS: tuple[Row, ...] = (
    ("help", "h", STOP, "", "show this help message", IMPLEMENTED),
    ("label", "l", FLAG, "", "prefix lines with the task number", IMPLEMENTED),
    ("quiet", "Q", FLAG, "", "no informational messages", IMPLEMENTED),
    ("usage", "u", STOP, "", "display brief usage message", IMPLEMENTED),
    ("verbose", "v", FLAG, "", "more messages; may be repeated", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
    ("layout", "", FLAG, "", "print the layout of the tasks and exit", IMPLEMENTED),
    ("debugger-test", "", FLAG, "", "for tests of parallel debuggers", ACCEPTED),
    ("input-filter", "", VALUE, "TASK", "send standard input to this task only", ACCEPTED),
    ("output-filter", "", VALUE, "TASK", "standard output of this task only", IMPLEMENTED),
    ("error-filter", "", VALUE, "TASK", "standard error of this task only", IMPLEMENTED),
    ("pty", "", FLAG, "", "terminal for task 0", _NO_PTY),
)

TABLE = Table(
    "sattach",
    _ROWS,
    help_line="Usage: sattach [options] <jobid.stepid>",
    usage="Usage: sattach [options] <jobid.stepid>\n",
    permute=False,
)
