"""sinfo 的选项表。来源：sinfo(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_ROWS: tuple[Row, ...] = (
    ("all", "a", FLAG, "", "hidden partitions too", IMPLEMENTED),
    ("dead", "d", FLAG, "", "only nodes that do not answer", IMPLEMENTED),
    ("exact", "e", FLAG, "", "do not group differing nodes", IMPLEMENTED),
    ("federation", "", FLAG, "", "nodes of the federation", ACCEPTED),
    ("help", "", STOP, "", "show this help message", IMPLEMENTED),
    ("hide", "", FLAG, "", "no hidden partitions", ACCEPTED),
    ("iterate", "i", VALUE, "SECS", "repeat every SECS seconds", IMPLEMENTED),
    ("local", "", FLAG, "", "nodes of this cluster", ACCEPTED),
    ("long", "l", FLAG, "", "more columns, date first", IMPLEMENTED),
    ("cluster", "", ALIAS, "clusters", "", ""),
    ("clusters", "M", VALUE, "LIST", "cluster to ask; only this one exists", IMPLEMENTED),
    ("nodes", "n", VALUE, "NODES", "only these nodes", IMPLEMENTED),
    ("noconvert", "", FLAG, "", "keep original units", IMPLEMENTED),
    ("noheader", "h", FLAG, "", "no header line", IMPLEMENTED),
    ("Node", "N", FLAG, "", "one row for each node and partition", IMPLEMENTED),
    ("format", "o", VALUE, "FORMAT", "fields as % codes", IMPLEMENTED),
    ("Format", "O", VALUE, "LIST", "field names, NAME[:[.]WIDTH]", IMPLEMENTED),
    ("partition", "p", VALUE, "LIST", "only these partitions", IMPLEMENTED),
    ("responding", "r", FLAG, "", "only nodes that answer", IMPLEMENTED),
    ("list-reasons", "R", FLAG, "", "why nodes are down or drained", IMPLEMENTED),
    ("summarize", "s", FLAG, "", "one row for each partition", IMPLEMENTED),
    ("sort", "S", VALUE, "KEYS", "% code letters with + or -", IMPLEMENTED),
    ("states", "t", VALUE, "LIST", "only nodes in these states", IMPLEMENTED),
    ("reservation", "T", FLAG, "", "list reservations", IMPLEMENTED),
    ("usage", "", STOP, "", "display brief usage message", IMPLEMENTED),
    ("verbose", "v", FLAG, "", "more messages", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
    ("json", "", FLAG, "", "print as JSON", IMPLEMENTED),
    ("yaml", "", FLAG, "", "print as YAML", IMPLEMENTED),
)

_ENVIRON = (
    ("SINFO_ALL", "all"),
    ("SINFO_FEDERATION", "federation"),
    ("SINFO_LOCAL", "local"),
    ("SINFO_PARTITION", "partition"),
    ("SINFO_SORT", "sort"),
    ("SLURM_CLUSTERS", "clusters"),
    ("SINFO_FORMAT", "format"),
)

TABLE = Table(
    "sinfo",
    _ROWS,
    _ENVIRON,
    rivals=(("all", "hide"), ("all", "partition"), ("format", "Format"), ("json", "yaml")),
    shadows={"format": ("Format", "summarize", "Node", "list-reasons")},
    help_line="Usage: sinfo [OPTIONS]",
    usage="Usage: sinfo [-abdelNRrsTv] [-i seconds] [-t states] [-p partition] [-n nodes]",
)
