"""sacct 的选项表。来源：sacct(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, OPTIONAL, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_NO_COMPLETION = "--completion is not supported: there is no job completion log"
_NO_FILE = "--file is not supported: there is no job completion log"

_ROWS: tuple[Row, ...] = (
    ("allusers", "a", FLAG, "", "jobs of all users (default for root)", IMPLEMENTED),
    ("accounts", "A", VALUE, "LIST", "only these accounts", IMPLEMENTED),
    ("allocations", "X", FLAG, "", "jobs without their steps", IMPLEMENTED),
    ("brief", "b", FLAG, "", "job id, state and exit code", IMPLEMENTED),
    ("batch-script", "B", FLAG, "", "print the stored script", IMPLEMENTED),
    ("completion", "c", FLAG, "", "read the completion log", _NO_COMPLETION),
    ("constraints", "C", VALUE, "LIST", "only jobs with these constraints", IMPLEMENTED),
    ("delimiter", "", VALUE, "TEXT", "separator with -p or -P", IMPLEMENTED),
    ("duplicates", "D", FLAG, "", "every run of requeued jobs", IMPLEMENTED),
    ("federation", "", FLAG, "", "jobs of the federation", ACCEPTED),
    ("helpformat", "e", FLAG, "", "list the fields", IMPLEMENTED),
    ("help-fields", "", ALIAS, "helpformat", "", ""),
    ("endtime", "E", VALUE, "TIME", "end of the window (default now)", IMPLEMENTED),
    ("env-vars", "", FLAG, "", "print the stored environment", IMPLEMENTED),
    ("file", "f", VALUE, "FILE", "read that completion log", _NO_FILE),
    ("flags", "F", VALUE, "LIST", "only jobs with these flags", ACCEPTED),
    ("gid", "", ALIAS, "group", "", ""),
    ("group", "g", VALUE, "LIST", "only these groups, names or ids", IMPLEMENTED),
    ("help", "h", STOP, "", "show this help message", IMPLEMENTED),
    ("local", "", FLAG, "", "jobs of this cluster", ACCEPTED),
    ("name", "", VALUE, "LIST", "only these job names", IMPLEMENTED),
    ("nnodes", "i", VALUE, "MIN[-MAX]", "only jobs with so many nodes", IMPLEMENTED),
    ("ncpus", "I", VALUE, "MIN[-MAX]", "only jobs with so many CPUs", IMPLEMENTED),
    ("jobs", "j", VALUE, "LIST", "JOB, JOB_TASK or JOB.STEP", IMPLEMENTED),
    ("timelimit-min", "k", VALUE, "TIME", "only jobs with at least this limit", IMPLEMENTED),
    ("timelimit-max", "K", VALUE, "TIME", "only jobs with at most this limit", IMPLEMENTED),
    ("long", "l", FLAG, "", "about 55 columns", IMPLEMENTED),
    ("allclusters", "L", FLAG, "", "jobs of all clusters", ACCEPTED),
    ("cluster", "", ALIAS, "clusters", "", ""),
    ("clusters", "M", VALUE, "LIST", "clusters to ask; only this one exists", IMPLEMENTED),
    ("nodelist", "N", VALUE, "NODES", "only jobs that used these nodes", IMPLEMENTED),
    ("noconvert", "", FLAG, "", "keep original units", IMPLEMENTED),
    ("units", "", VALUE, "K|M|G|T|P", "unit of memory columns", IMPLEMENTED),
    ("noheader", "n", FLAG, "", "no header", IMPLEMENTED),
    ("fields", "", ALIAS, "format", "", ""),
    ("format", "o", VALUE, "FIELDS", "NAME[%[-]WIDTH],..", IMPLEMENTED),
    ("parsable", "p", FLAG, "", "fields end with the delimiter", IMPLEMENTED),
    ("parsable2", "P", FLAG, "", "fields separated by the delimiter", IMPLEMENTED),
    ("qos", "q", VALUE, "LIST", "only these QOS", IMPLEMENTED),
    ("partition", "r", VALUE, "LIST", "only these partitions", IMPLEMENTED),
    ("reason", "R", VALUE, "LIST", "only jobs with these reasons", IMPLEMENTED),
    ("state", "s", VALUE, "LIST", "only these states", IMPLEMENTED),
    ("starttime", "S", VALUE, "TIME", "start of the window (default midnight)", IMPLEMENTED),
    ("truncate", "T", FLAG, "", "cut times to the window", IMPLEMENTED),
    ("uid", "", ALIAS, "user", "", ""),
    ("use-local-uid", "", FLAG, "", "show ids as this machine names them", ACCEPTED),
    ("usage", "", STOP, "", "display brief usage message", IMPLEMENTED),
    ("user", "u", VALUE, "LIST", "only these users, names or ids", IMPLEMENTED),
    ("verbose", "v", FLAG, "", "more messages", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
    ("wckeys", "W", VALUE, "LIST", "only these workload keys", IMPLEMENTED),
    ("whole-hetjob", "", OPTIONAL, "yes|no", "all components of heterogeneous jobs", ACCEPTED),
    ("associations", "x", VALUE, "LIST", "only these associations", ACCEPTED),
    ("json", "", FLAG, "", "print as JSON", IMPLEMENTED),
    ("yaml", "", FLAG, "", "print as YAML", IMPLEMENTED),
)

_ENVIRON = (
    ("SACCT_FEDERATION", "federation"),
    ("SACCT_LOCAL", "local"),
    ("SACCT_FORMAT", "format"),
)

TABLE = Table(
    "sacct",
    _ROWS,
    _ENVIRON,
    rivals=(("parsable", "parsable2"), ("allusers", "user"), ("json", "yaml")),
    shadows={"format": ("format", "brief", "long")},
    help_line="sacct [<OPTION>]\n    Valid <OPTION> values are:",
    usage="Usage: sacct [options]\n\tUse --help for help\n",
    try_line=False,
)
