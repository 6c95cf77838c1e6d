"""squeue 的选项表。来源：squeue(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, OPTIONAL, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_ROWS: tuple[Row, ...] = (
    ("accounts", "U", ALIAS, "account", "", ""),
    ("account", "A", VALUE, "LIST", "only these accounts", IMPLEMENTED),
    ("all", "a", FLAG, "", "hidden partitions too", ACCEPTED),
    ("array", "r", FLAG, "", "one row for each pending array task", IMPLEMENTED),
    ("array-unique", "", FLAG, "", "one row for each array task, once", IMPLEMENTED),
    ("Format", "O", VALUE, "LIST", "field names, NAME[:[.]WIDTH]", IMPLEMENTED),
    ("format", "o", VALUE, "FORMAT", "fields as % codes", IMPLEMENTED),
    ("federation", "", FLAG, "", "jobs of the federation", ACCEPTED),
    ("help", "", STOP, "", "show this help message", IMPLEMENTED),
    ("hide", "", FLAG, "", "no hidden partitions", ACCEPTED),
    ("iterate", "i", VALUE, "SECS", "repeat every SECS seconds", IMPLEMENTED),
    ("jobs", "j", OPTIONAL, "LIST", "only these jobs; alone: all", IMPLEMENTED),
    ("local", "", FLAG, "", "jobs of this cluster", ACCEPTED),
    ("long", "l", FLAG, "", "more columns, date first", IMPLEMENTED),
    ("licenses", "L", VALUE, "LIST", "jobs that want these licenses", IMPLEMENTED),
    ("cluster", "", ALIAS, "clusters", "", ""),
    ("clusters", "M", VALUE, "LIST", "cluster to ask; only this one exists", IMPLEMENTED),
    ("me", "", FLAG, "", "only own jobs", IMPLEMENTED),
    ("name", "n", VALUE, "LIST", "only these names", IMPLEMENTED),
    ("noconvert", "", FLAG, "", "keep original memory units", IMPLEMENTED),
    ("node", "", ALIAS, "nodelist", "", ""),
    ("nodes", "", ALIAS, "nodelist", "", ""),
    ("nodelist", "w", VALUE, "NODES", "jobs on these nodes", IMPLEMENTED),
    ("noheader", "h", FLAG, "", "no header line", IMPLEMENTED),
    ("partitions", "", ALIAS, "partition", "", ""),
    ("partition", "p", VALUE, "LIST", "only these partitions", IMPLEMENTED),
    ("priority", "P", FLAG, "", "one row for each partition asked for", IMPLEMENTED),
    ("qos", "q", VALUE, "LIST", "only these QOS", IMPLEMENTED),
    ("reservation", "R", VALUE, "NAME", "only that reservation", IMPLEMENTED),
    ("sib", "", ALIAS, "sibling", "", ""),
    ("sibling", "", FLAG, "", "sibling jobs of the federation", ACCEPTED),
    ("sort", "S", VALUE, "KEYS", "% code letters with + or -", IMPLEMENTED),
    ("start", "", FLAG, "", "expected start times", IMPLEMENTED),
    ("steps", "s", OPTIONAL, "LIST", "steps instead of jobs", IMPLEMENTED),
    ("states", "t", VALUE, "LIST|all", "only these states; default active ones", IMPLEMENTED),
    ("usage", "", STOP, "", "display brief usage message", IMPLEMENTED),
    ("user", "u", VALUE, "LIST", "only these users, names or ids", IMPLEMENTED),
    ("users", "", ALIAS, "user", "", ""),
    ("verbose", "v", FLAG, "", "more messages", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
    ("watch", "", FLAG, "", "list again whenever a job changes (scns only)", IMPLEMENTED),
    ("json", "", FLAG, "", "print as JSON", IMPLEMENTED),
    ("yaml", "", FLAG, "", "print as YAML", IMPLEMENTED),
)

_ENVIRON = (
    ("SQUEUE_ALL", "all"),
    ("SQUEUE_ARRAY", "array"),
    ("SQUEUE_SORT", "sort"),
    ("SLURM_CLUSTERS", "clusters"),
    ("SQUEUE_FEDERATION", "federation"),
    ("SQUEUE_LOCAL", "local"),
    ("SQUEUE_PRIORITY", "priority"),
    ("SQUEUE_SIB", "sibling"),
    ("SQUEUE_SIBLING", "sibling"),
    ("SQUEUE_FORMAT2", "Format"),
    ("SQUEUE_FORMAT", "format"),
    ("SQUEUE_ACCOUNT", "account"),
    ("SQUEUE_NAMES", "name"),
    ("SQUEUE_LICENSES", "licenses"),
    ("SQUEUE_PARTITION", "partition"),
    ("SQUEUE_QOS", "qos"),
    ("SQUEUE_STATES", "states"),
    ("SQUEUE_USERS", "user"),
)

_OWN_FORMATS = ("format", "Format", "long", "steps", "start")

_USAGE = """\
Usage: squeue [-A account] [--clusters names] [-i seconds] [--job jobid]
              [-n name] [-o format] [-p partitions] [--qos qos]
              [--reservation reservation] [--sort fields] [--start]
              [--step step_id] [-t states] [-u user_name] [--usage]
              [-L licenses] [-w nodes] [--federation] [--local] [--sibling]
\t      [-ahjlrsv]
"""

TABLE = Table(
    "squeue",
    _ROWS,
    _ENVIRON,
    rivals=(("me", "user"), ("all", "hide"), ("format", "Format"), ("json", "yaml")),
    shadows={"format": _OWN_FORMATS, "Format": _OWN_FORMATS},
    adopts=("jobs", "steps"),
    help_line="Usage: squeue [OPTIONS]",
    usage=_USAGE,
)
