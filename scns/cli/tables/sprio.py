"""sprio 的选项表。来源：sprio(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, OPTIONAL, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_ROWS: tuple[Row, ...] = (
    ("noheader", "h", FLAG, "", "no header line", IMPLEMENTED),
    ("jobs", "j", OPTIONAL, "LIST", "only these jobs; alone: all", IMPLEMENTED),
    ("long", "l", FLAG, "", "more columns", IMPLEMENTED),
    ("cluster", "", ALIAS, "clusters", "", ""),
    ("clusters", "M", VALUE, "LIST", "cluster to ask; only this one exists", IMPLEMENTED),
    ("norm", "n", FLAG, "", "factors between 0 and 1", IMPLEMENTED),
    ("format", "o", VALUE, "FORMAT", "fields as % codes", IMPLEMENTED),
    ("sort", "S", VALUE, "KEYS", "% code letters with + or -", IMPLEMENTED),
    ("partition", "p", VALUE, "LIST", "only these partitions", IMPLEMENTED),
    ("user", "u", VALUE, "LIST", "only these users, names or ids", IMPLEMENTED),
    ("users", "", ALIAS, "user", "", ""),
    ("verbose", "v", FLAG, "", "more messages", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
    ("weights", "w", FLAG, "", "the weights of the factors", IMPLEMENTED),
    ("federation", "", FLAG, "", "jobs of the federation", ACCEPTED),
    ("help", "", STOP, "", "show this help message", IMPLEMENTED),
    ("local", "", FLAG, "", "jobs of this cluster", ACCEPTED),
    ("sib", "", ALIAS, "sibling", "", ""),
    ("sibling", "", FLAG, "", "sibling jobs of the federation", ACCEPTED),
    ("usage", "", STOP, "", "display brief usage message", IMPLEMENTED),
)

_ENVIRON = (
    ("SLURM_CLUSTERS", "clusters"),
    ("SPRIO_FEDERATION", "federation"),
    ("SPRIO_LOCAL", "local"),
    ("SPRIO_SIBLING", "sibling"),
    ("SPRIO_FORMAT", "format"),
)

TABLE = Table(
    "sprio",
    _ROWS,
    _ENVIRON,
    shadows={"format": ("format", "long")},
    adopts=("jobs",),
    help_line="Usage: sprio [OPTIONS]",
    usage="Usage: sprio [-j jid[s]] [-u user_name[s]] [-o format] [-p partitions]",
)
