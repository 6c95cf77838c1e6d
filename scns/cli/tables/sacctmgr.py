"""sacctmgr 的选项表。来源：sacctmgr(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, STOP, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_ROWS: tuple[Row, ...] = (
    ("help", "h", STOP, "", "show this help message", IMPLEMENTED),
    ("usage", "", ALIAS, "help", "", ""),
    ("immediate", "i", FLAG, "", "commit without asking", IMPLEMENTED),
    ("noheader", "n", FLAG, "", "no header", IMPLEMENTED),
    ("oneliner", "o", FLAG, "", "one record a line", ACCEPTED),
    ("parsable", "p", FLAG, "", "fields end with |", IMPLEMENTED),
    ("parsable2", "P", FLAG, "", "fields separated by |", IMPLEMENTED),
    ("quiet", "Q", FLAG, "", "no messages but errors", IMPLEMENTED),
    ("readonly", "r", FLAG, "", "change nothing", IMPLEMENTED),
    ("associations", "s", FLAG, "", "show associations too", IMPLEMENTED),
    ("verbose", "v", FLAG, "", "more messages", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
)

TABLE = Table(
    "sacctmgr",
    _ROWS,
    rivals=(("parsable", "parsable2"),),
    help_line="sacctmgr [<OPTION>] [<COMMAND>]\n    Valid <OPTION> values are:",
    usage="sacctmgr [<OPTION>] [<COMMAND>]",
)
