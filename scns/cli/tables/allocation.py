"""sbatch、srun 与 salloc 共有的分配选项。

来源：sbatch(1)、srun(1)、salloc(1) 22.05 版。
"""

from __future__ import annotations

from scns.cli.options import (
    ACCEPTED,
    ALIAS,
    FLAG,
    IMPLEMENTED,
    OPTIONAL,
    STOP,
    VALUE,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_NO_FEDERATION = "--cluster-constraint is not supported: there are no federated clusters"
_NO_CONTAINER = "--container is not supported: jobs do not run in OCI containers"
_NO_REBOOT = "--reboot is not supported: nodes are not rebooted for a job"

#: 三个命令都有的选项。
SHARED: tuple[Row, ...] = (
    ("account", "A", VALUE, "NAME", "charge the job to this account", IMPLEMENTED),
    ("acctg-freq", "", VALUE, "TYPE=SECS,..", "accounting sampling interval", ACCEPTED),
    ("bb", "", VALUE, "SPEC", "burst buffer request", ACCEPTED),
    ("bbf", "", VALUE, "FILE", "burst buffer request from a file", ACCEPTED),
    ("begin", "b", VALUE, "TIME", "do not start before this time", IMPLEMENTED),
    ("chdir", "D", VALUE, "DIR", "working directory of the job", IMPLEMENTED),
    ("cluster", "", ALIAS, "clusters", "", ""),
    ("cluster-constraint", "", VALUE, "LIST", "features of a federated cluster", _NO_FEDERATION),
    ("clusters", "M", VALUE, "NAMES", "cluster to use; only this one exists", IMPLEMENTED),
    ("comment", "", VALUE, "TEXT", "free text kept with the job", IMPLEMENTED),
    ("constraint", "C", VALUE, "EXPR", "node features needed", IMPLEMENTED),
    ("container", "", VALUE, "PATH", "OCI bundle to run in", _NO_CONTAINER),
    ("context", "", VALUE, "CONTEXT", "SELinux context of the job", ACCEPTED),
    ("contiguous", "", FLAG, "", "adjacent nodes", ACCEPTED),
    ("core-spec", "S", VALUE, "N", "cores kept for the system", ACCEPTED),
    ("cores-per-socket", "", VALUE, "N", "node must have such sockets", ACCEPTED),
    ("cpu-freq", "", VALUE, "SPEC", "CPU frequency of the steps", ACCEPTED),
    ("cpus-per-gpu", "", VALUE, "N", "CPUs for each GPU", IMPLEMENTED),
    ("cpus-per-task", "c", VALUE, "N", "CPUs for each task", IMPLEMENTED),
    ("deadline", "", VALUE, "TIME", "drop the job if it cannot end by then", IMPLEMENTED),
    ("delay-boot", "", VALUE, "MIN", "delay node boots for features", ACCEPTED),
    ("dependency", "d", VALUE, "LIST", "start after other jobs", IMPLEMENTED),
    ("distribution", "m", VALUE, "SPEC", "how tasks map to nodes and sockets", ACCEPTED),
    ("exclude", "x", VALUE, "NODES", "nodes not to use", IMPLEMENTED),
    ("exclusive", "", OPTIONAL, "user|mcs", "whole node for this job", IMPLEMENTED),
    ("extra-node-info", "B", VALUE, "S[:C[:T]]", "sockets, cores, threads of a node", ACCEPTED),
    ("gid", "", VALUE, "GROUP", "run with this group (root only)", IMPLEMENTED),
    ("gpu-bind", "", VALUE, "SPEC", "bind tasks to GPUs", ACCEPTED),
    ("gpu-freq", "", VALUE, "SPEC", "GPU frequency", ACCEPTED),
    ("gpus", "G", VALUE, "[TYPE:]N", "GPUs for the job", IMPLEMENTED),
    ("gpus-per-node", "", VALUE, "[TYPE:]N", "GPUs on each node", IMPLEMENTED),
    ("gpus-per-socket", "", VALUE, "[TYPE:]N", "GPUs for each socket", ACCEPTED),
    ("gpus-per-task", "", VALUE, "[TYPE:]N", "GPUs for each task", IMPLEMENTED),
    ("gres", "", VALUE, "NAME[:TYPE][:N]", "generic resources of each node", IMPLEMENTED),
    ("gres-flags", "", VALUE, "WORD", "how generic resources bind", ACCEPTED),
    ("help", "h", STOP, "", "show this help message", IMPLEMENTED),
    ("hint", "", VALUE, "WORD", "compute_bound, memory_bound, [no]multithread", ACCEPTED),
    ("hold", "H", FLAG, "", "submit held, with priority 0", IMPLEMENTED),
    ("job-name", "J", VALUE, "NAME", "name of the job", IMPLEMENTED),
    ("licenses", "L", VALUE, "NAME[:N],..", "licenses held while running", IMPLEMENTED),
    ("mail-type", "", VALUE, "WORDS", "events to mail about", IMPLEMENTED),
    ("mail-user", "", VALUE, "ADDRESS", "who is mailed", IMPLEMENTED),
    ("mcs-label", "", VALUE, "LABEL", "multi-category security", ACCEPTED),
    ("mem", "", VALUE, "SIZE[KMGT]", "memory on each node; 0 is all of it", IMPLEMENTED),
    ("mem-bind", "", VALUE, "SPEC", "NUMA binding", ACCEPTED),
    ("mem-per-cpu", "", VALUE, "SIZE[KMGT]", "memory for each CPU", IMPLEMENTED),
    ("mem-per-gpu", "", VALUE, "SIZE[KMGT]", "memory for each GPU", IMPLEMENTED),
    ("mincpus", "", VALUE, "N", "at least so many CPUs on each node", IMPLEMENTED),
    ("network", "", VALUE, "TYPE", "interconnect request", ACCEPTED),
    ("nice", "", OPTIONAL, "N", "lower the priority by N (default 100)", IMPLEMENTED),
    ("no-kill", "k", OPTIONAL, "off", "survive the loss of a node", ACCEPTED),
    ("nodefile", "F", VALUE, "FILE", "nodes that must be used, from a file", IMPLEMENTED),
    ("nodelist", "w", VALUE, "NODES", "nodes that must be used", IMPLEMENTED),
    ("nodes", "N", VALUE, "MIN[-MAX]", "count of nodes", IMPLEMENTED),
    ("ntasks", "n", VALUE, "N", "count of tasks", IMPLEMENTED),
    ("ntasks-per-core", "", VALUE, "N", "tasks for each core", ACCEPTED),
    ("ntasks-per-gpu", "", VALUE, "N", "tasks for each GPU", IMPLEMENTED),
    ("ntasks-per-node", "", VALUE, "N", "tasks on each node", IMPLEMENTED),
    ("ntasks-per-socket", "", VALUE, "N", "tasks for each socket", ACCEPTED),
    ("ntasks-per-tres", "", VALUE, "N", "old name of --ntasks-per-gpu", IMPLEMENTED),
    ("overcommit", "O", FLAG, "", "one CPU per node whatever the tasks", IMPLEMENTED),
    ("oversubscribe", "s", FLAG, "", "may share the CPUs", ACCEPTED),
    ("partition", "p", VALUE, "NAMES", "partitions to queue in", IMPLEMENTED),
    ("power", "", VALUE, "FLAGS", "power management", ACCEPTED),
    ("prefer", "", VALUE, "LIST", "node features liked, not needed", ACCEPTED),
    ("priority", "", VALUE, "N|TOP", "set the priority (administrators)", IMPLEMENTED),
    ("profile", "", VALUE, "WORDS", "collect task profile data", ACCEPTED),
    ("qos", "q", VALUE, "NAME", "quality of service", IMPLEMENTED),
    ("quiet", "Q", FLAG, "", "no message on success", IMPLEMENTED),
    ("reboot", "", FLAG, "", "reboot the nodes first", _NO_REBOOT),
    ("reservation", "", VALUE, "NAMES", "use a reservation", IMPLEMENTED),
    ("signal", "", VALUE, "[R|B:]SIG[@SECS]", "signal before the time limit", IMPLEMENTED),
    ("sockets-per-node", "", VALUE, "N", "sockets needed on a node", ACCEPTED),
    ("spread-job", "", FLAG, "", "use many nodes", ACCEPTED),
    ("switches", "", VALUE, "N[@TIME]", "leaf switches at most", ACCEPTED),
    ("tasks-per-node", "", ALIAS, "ntasks-per-node", "", ""),
    ("thread-spec", "", VALUE, "N", "threads kept for the system", ACCEPTED),
    ("threads-per-core", "", VALUE, "N", "threads of each core needed", ACCEPTED),
    ("time", "t", VALUE, "TIME", "time limit", IMPLEMENTED),
    ("time-min", "", VALUE, "TIME", "the limit may shrink to this", IMPLEMENTED),
    ("tmp", "", VALUE, "SIZE[KMGT]", "temporary disk needed", ACCEPTED),
    ("uid", "", VALUE, "USER", "submit for this user (root only)", IMPLEMENTED),
    ("usage", "", STOP, "", "display brief usage message", IMPLEMENTED),
    ("use-min-nodes", "", FLAG, "", "prefer the smaller node count", ACCEPTED),
    ("verbose", "v", FLAG, "", "more messages; may be repeated", IMPLEMENTED),
    ("version", "V", STOP, "", "output version information and exit", IMPLEMENTED),
    ("wckey", "", VALUE, "NAME", "workload key", ACCEPTED),
)

#: 互相取代的选项。
RIVALS = (
    ("exclusive", "oversubscribe"),
    ("nodefile", "nodelist"),
    ("core-spec", "thread-spec"),
    ("requeue", "no-requeue"),
    ("bell", "no-bell"),
)

#: Slurm 大致按字母排列选项；不在字母位置上的几个，写出它们排在谁那里。
_PLACES = {
    "bb": "bell+",
    "bbf": "bell++",
    "cluster-constraint": "c",
    "constraint": "contiguous+",
    "cpu_bind": "cpu-bind+",
    "jobid": "job",
    "threads": "max-threads",
    "usage": "version+",
}


def arranged(own: tuple[Row, ...]) -> tuple[Row, ...]:
    """把一个命令自己的选项并入共有的，照 Slurm 的次序。"""
    return tuple(sorted(SHARED + own, key=lambda row: _PLACES.get(row[0], row[0])))
