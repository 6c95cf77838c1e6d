"""sdiag 的选项表。来源：sdiag(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_ROWS: tuple[Row, ...] = (
    ("all", "a", FLAG, "", "all statistics (default)", IMPLEMENTED),
    ("help", "h", STOP, "", "show this help message", IMPLEMENTED),
    ("reset", "r", FLAG, "", "reset the counters (administrators)", IMPLEMENTED),
    ("sort-by-id", "i", FLAG, "", "sort remote calls by id", ACCEPTED),
    ("sort-by-time", "t", FLAG, "", "sort remote calls by total time", ACCEPTED),
    ("sort-by-time2", "T", FLAG, "", "sort remote calls by average time", ACCEPTED),
    ("usage", "", STOP, "", "display brief usage message", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
    ("cluster", "", ALIAS, "clusters", "", ""),
    ("clusters", "M", VALUE, "NAME", "cluster to ask; only this one exists", IMPLEMENTED),
    ("json", "", FLAG, "", "print as JSON", IMPLEMENTED),
    ("yaml", "", FLAG, "", "print as YAML", IMPLEMENTED),
)

TABLE = Table(
    "sdiag",
    _ROWS,
    (("SLURM_CLUSTERS", "clusters"),),
    rivals=(("json", "yaml"),),
    help_line="Usage: sdiag [OPTIONS]",
    usage="Usage: sdiag [-M cluster] [-aritT]",
)
