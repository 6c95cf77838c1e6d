"""seff 的选项表。来源：Slurm 随附的 contribs/seff。"""

from __future__ import annotations

from scns.cli.options import ALIAS, FLAG, IMPLEMENTED, STOP, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_ROWS: tuple[Row, ...] = (
    ("help", "h", STOP, "", "show this help message", IMPLEMENTED),
    ("usage", "", ALIAS, "help", "", ""),
    ("", "v", STOP, "", "output version information and exit", IMPLEMENTED),
    ("", "d", FLAG, "", "show the raw record too", IMPLEMENTED),
)

TABLE = Table(
    "seff",
    _ROWS,
    help_line="Usage: seff [Options] <Jobid>",
    usage="Usage: seff [Options] <Jobid>",
)
