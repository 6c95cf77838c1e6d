"""scancel 的选项表。来源：scancel(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_NO_FEDERATION = "--sibling is not supported: there are no federated clusters"

_ROWS: tuple[Row, ...] = (
    ("account", "A", VALUE, "NAME", "only jobs of this account", IMPLEMENTED),
    ("batch", "b", FLAG, "", "signal the batch shell only", IMPLEMENTED),
    ("ctld", "", FLAG, "", "send through the controller", ACCEPTED),
    ("full", "f", FLAG, "", "signal the batch shell and the steps", IMPLEMENTED),
    ("help", "", STOP, "", "show this help message", IMPLEMENTED),
    ("hurry", "H", FLAG, "", "no burst buffer stage-out", ACCEPTED),
    ("interactive", "i", FLAG, "", "ask before each job", IMPLEMENTED),
    ("cluster", "", ALIAS, "clusters", "", ""),
    ("clusters", "M", VALUE, "NAME", "cluster to use; only this one exists", IMPLEMENTED),
    ("jobname", "", ALIAS, "name", "", ""),
    ("me", "", FLAG, "", "only own jobs", IMPLEMENTED),
    ("name", "n", VALUE, "NAME", "only jobs of this name", IMPLEMENTED),
    ("nodelist", "w", VALUE, "NODES", "only jobs on these nodes", IMPLEMENTED),
    ("partition", "p", VALUE, "NAME", "only jobs of this partition", IMPLEMENTED),
    ("qos", "q", VALUE, "NAME", "only jobs of this QOS", IMPLEMENTED),
    ("quiet", "Q", FLAG, "", "no error for finished jobs", IMPLEMENTED),
    ("reservation", "R", VALUE, "NAME", "only jobs of this reservation", IMPLEMENTED),
    ("sibling", "", VALUE, "NAME", "cancel a federation sibling", _NO_FEDERATION),
    ("signal", "s", VALUE, "NAME|N", "send that signal instead of ending", IMPLEMENTED),
    ("state", "t", VALUE, "STATE", "only PENDING, RUNNING or SUSPENDED", IMPLEMENTED),
    ("usage", "", STOP, "", "display brief usage message", IMPLEMENTED),
    ("user", "u", VALUE, "NAME", "only jobs of this user", IMPLEMENTED),
    ("verbose", "v", FLAG, "", "say what is done, and errors", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
    ("wckey", "", VALUE, "NAME", "only jobs of this workload key", IMPLEMENTED),
)

_ENVIRON = (
    ("SCANCEL_ACCOUNT", "account"),
    ("SCANCEL_BATCH", "batch"),
    ("SCANCEL_CTLD", "ctld"),
    ("SCANCEL_FULL", "full"),
    ("SCANCEL_HURRY", "hurry"),
    ("SCANCEL_INTERACTIVE", "interactive"),
    ("SCANCEL_NAME", "name"),
    ("SCANCEL_PARTITION", "partition"),
    ("SCANCEL_QOS", "qos"),
    ("SCANCEL_STATE", "state"),
    ("SCANCEL_USER", "user"),
    ("SCANCEL_VERBOSE", "verbose"),
    ("SCANCEL_WCKEY", "wckey"),
    ("SLURM_CLUSTERS", "clusters"),
)

TABLE = Table(
    "scancel",
    _ROWS,
    _ENVIRON,
    rivals=(("me", "user"),),
    help_line="Usage: scancel [OPTIONS] [job_id[_array_id][.step_id]]",
    usage="Usage: scancel [-A account] [--batch] [--full] [--interactive] [-n job_name]",
)
