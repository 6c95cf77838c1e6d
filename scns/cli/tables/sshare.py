"""sshare 的选项表。来源：sshare(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_ROWS: tuple[Row, ...] = (
    ("accounts", "A", VALUE, "LIST", "only these accounts", IMPLEMENTED),
    ("all", "a", FLAG, "", "all users", IMPLEMENTED),
    ("helpformat", "e", FLAG, "", "list the fields", IMPLEMENTED),
    ("long", "l", FLAG, "", "more columns", IMPLEMENTED),
    ("cluster", "", ALIAS, "clusters", "", ""),
    ("clusters", "M", VALUE, "LIST", "cluster to ask; only this one exists", IMPLEMENTED),
    ("partition", "m", FLAG, "", "associations by partition (there are none)", ACCEPTED),
    ("noheader", "n", FLAG, "", "no header", IMPLEMENTED),
    ("", "h", ALIAS, "noheader", "", ""),
    ("format", "o", VALUE, "FIELDS", "NAME[%[-]WIDTH],..", IMPLEMENTED),
    ("parsable", "p", FLAG, "", "fields end with |", IMPLEMENTED),
    ("parsable2", "P", FLAG, "", "fields separated by |", IMPLEMENTED),
    ("users", "u", VALUE, "LIST", "only these users", IMPLEMENTED),
    ("Users", "U", FLAG, "", "only users, no accounts", IMPLEMENTED),
    ("verbose", "v", FLAG, "", "more messages", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
    ("help", "", STOP, "", "show this help message", IMPLEMENTED),
    ("usage", "", STOP, "", "display brief usage message", IMPLEMENTED),
)

TABLE = Table(
    "sshare",
    _ROWS,
    rivals=(("parsable", "parsable2"),),
    help_line="Usage: sshare [OPTION]",
    usage="Usage: sshare [-A account] [-u user_name] [-o format] [-alnpPU]",
)
