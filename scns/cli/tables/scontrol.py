"""scontrol 的选项与关键词。来源：scontrol(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, STOP, VALUE, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_ROWS: tuple[Row, ...] = (
    ("all", "a", FLAG, "", "hidden partitions too", ACCEPTED),
    ("cluster", "", ALIAS, "clusters", "", ""),
    ("clusters", "M", VALUE, "NAME", "cluster to use; only this one exists", IMPLEMENTED),
    ("details", "d", FLAG, "", "more lines in show job", IMPLEMENTED),
    ("federation", "", FLAG, "", "records of the federation", ACCEPTED),
    ("future", "F", FLAG, "", "nodes in state FUTURE too", ACCEPTED),
    ("help", "h", STOP, "", "show this help message", IMPLEMENTED),
    ("hide", "", FLAG, "", "no hidden partitions", ACCEPTED),
    ("local", "", FLAG, "", "records of this cluster", ACCEPTED),
    ("oneliner", "o", FLAG, "", "one record a line", IMPLEMENTED),
    ("quiet", "Q", FLAG, "", "no messages, exit code only", IMPLEMENTED),
    ("sibling", "", FLAG, "", "sibling jobs of the federation", ACCEPTED),
    ("uid", "u", VALUE, "UID", "act as this user", ACCEPTED),
    ("usage", "", ALIAS, "help", "", ""),
    ("verbose", "v", FLAG, "", "more messages", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
)

_ENVIRON = (
    ("SCONTROL_ALL", "all"),
    ("SLURM_CLUSTERS", "clusters"),
    ("SCONTROL_FEDERATION", "federation"),
    ("SCONTROL_FUTURE", "future"),
    ("SCONTROL_LOCAL", "local"),
    ("SCONTROL_SIB", "sibling"),
    ("SCONTROL_SIBLING", "sibling"),
)

_ADMINISTRATION = "scns has its own commands for this: see scns admin --help"

#: 关键词：名字、参数、说明、待遇。
KEYWORDS: tuple[tuple[str, str, str, str], ...] = (
    ("show", "ENTITY [ID]", "job, node, partition, config, step and more", IMPLEMENTED),
    ("update", "KEY=VALUE..", "change a job, node, partition, ..", IMPLEMENTED),
    ("hold", "IDS", "keep jobs from starting", IMPLEMENTED),
    ("uhold", "IDS", "the same, so that the owner can release them", IMPLEMENTED),
    ("release", "IDS", "let held jobs start", IMPLEMENTED),
    ("requeue", "IDS", "end jobs and put them back into the queue", IMPLEMENTED),
    ("requeuehold", "IDS", "the same, and hold them", IMPLEMENTED),
    ("suspend", "IDS", "stop jobs; their CPUs become free", IMPLEMENTED),
    ("resume", "IDS", "let suspended jobs go on", IMPLEMENTED),
    ("top", "IDS", "put jobs before the owner's others", IMPLEMENTED),
    ("wait_job", "ID", "return when the nodes of a job are ready", IMPLEMENTED),
    ("write", "batch_script ID [FILE]", "save the script of a job", IMPLEMENTED),
    ("listpids", "[ID]", "processes of a job on this node", IMPLEMENTED),
    ("ping", "", "say whether the controllers answer", IMPLEMENTED),
    ("version", "", "print the version", IMPLEMENTED),
    ("help", "", "print help", IMPLEMENTED),
    ("exit", "", "end the session", IMPLEMENTED),
    ("quit", "", "end the session", IMPLEMENTED),
    ("create", "SPEC", "make a partition or reservation", IMPLEMENTED),
    ("delete", "SPEC", "remove a partition or reservation", IMPLEMENTED),
    ("reconfigure", "", "read the configuration again", IMPLEMENTED),
    ("shutdown", "", "stop the daemons", _ADMINISTRATION),
    ("takeover", "", "make the backup controller take over", _ADMINISTRATION),
    ("setdebug", "LEVEL", "change the log level", _ADMINISTRATION),
)

TABLE = Table(
    "scontrol",
    _ROWS,
    _ENVIRON,
    rivals=(("all", "hide"),),
    help_line="scontrol [<OPTION>] [<COMMAND>]\n    Valid <OPTION> values are:",
    usage="scontrol [<OPTION>] [<COMMAND>]",
)
