"""sstat 的选项表。来源：sstat(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ALIAS, FLAG, IMPLEMENTED, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_ROWS: tuple[Row, ...] = (
    ("allsteps", "a", FLAG, "", "all steps of the jobs", IMPLEMENTED),
    ("helpformat", "e", FLAG, "", "list the fields", IMPLEMENTED),
    ("help", "h", STOP, "", "show this help message", IMPLEMENTED),
    ("jobs", "j", VALUE, "LIST", "JOB or JOB.STEP", IMPLEMENTED),
    ("noheader", "n", FLAG, "", "no header", IMPLEMENTED),
    ("fields", "", ALIAS, "format", "", ""),
    ("format", "o", VALUE, "FIELDS", "NAME[%[-]WIDTH],..", IMPLEMENTED),
    ("noconvert", "", FLAG, "", "keep original units", IMPLEMENTED),
    ("pidformat", "i", FLAG, "", "the processes of each step", IMPLEMENTED),
    ("parsable", "p", FLAG, "", "fields end with |", IMPLEMENTED),
    ("parsable2", "P", FLAG, "", "fields separated by |", IMPLEMENTED),
    ("usage", "", STOP, "", "display brief usage message", IMPLEMENTED),
    ("verbose", "v", FLAG, "", "more messages", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
)

TABLE = Table(
    "sstat",
    _ROWS,
    rivals=(("parsable", "parsable2"),),
    help_line="sstat [<OPTION>] -j <job(.stepid)>\n    Valid <OPTION> values are:",
    usage="Usage: sstat [options] -j <job(.stepid)>\n\tUse --help for help\n",
    try_line=False,
)
