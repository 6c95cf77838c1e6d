"""salloc 的选项表。来源：salloc(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.options import ACCEPTED, FLAG, IMPLEMENTED, OPTIONAL, VALUE, Table
from scns.cli.tables.allocation import RIVALS, arranged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.options import Row

_NO_X11 = "--x11 is not supported: X11 connections are not forwarded"

_OWN: tuple[Row, ...] = (
    ("bell", "", FLAG, "", "ring the terminal bell when granted", ACCEPTED),
    ("get-user-env", "", OPTIONAL, "SECS[MODE]", "use the login environment", IMPLEMENTED),
    ("immediate", "I", OPTIONAL, "SECS", "fail unless granted within SECS", IMPLEMENTED),
    ("kill-command", "K", OPTIONAL, "SIG", "signal the command when the job ends", IMPLEMENTED),
    ("no-bell", "", FLAG, "", "do not ring the terminal bell", ACCEPTED),
    ("no-shell", "", FLAG, "", "allocate, run nothing, exit", IMPLEMENTED),
    ("wait-all-nodes", "", VALUE, "0|1", "wait until all nodes are ready", ACCEPTED),
    ("x11", "", OPTIONAL, "all|first|last", "X11 forwarding", _NO_X11),
)

_ENVIRON = (
    ("SALLOC_ACCOUNT", "account"),
    ("SALLOC_ACCTG_FREQ", "acctg-freq"),
    ("SALLOC_BELL", "bell"),
    ("SALLOC_BURST_BUFFER", "bb"),
    ("SLURM_CLUSTERS", "clusters"),
    ("SALLOC_CLUSTERS", "clusters"),
    ("SALLOC_CONTAINER", "container"),
    ("SALLOC_CONSTRAINT", "constraint"),
    ("SALLOC_CORE_SPEC", "core-spec"),
    ("SALLOC_CPU_FREQ_REQ", "cpu-freq"),
    ("SALLOC_CPUS_PER_GPU", "cpus-per-gpu"),
    ("SALLOC_DEBUG", "verbose"),
    ("SALLOC_DELAY_BOOT", "delay-boot"),
    ("SALLOC_EXCLUSIVE", "exclusive"),
    ("SALLOC_GPUS", "gpus"),
    ("SALLOC_GPU_BIND", "gpu-bind"),
    ("SALLOC_GPU_FREQ", "gpu-freq"),
    ("SALLOC_GPUS_PER_NODE", "gpus-per-node"),
    ("SALLOC_GPUS_PER_TASK", "gpus-per-task"),
    ("SALLOC_GRES", "gres"),
    ("SALLOC_GRES_FLAGS", "gres-flags"),
    ("SALLOC_IMMEDIATE", "immediate"),
    ("SLURM_HINT", "hint"),
    ("SALLOC_HINT", "hint"),
    ("SALLOC_KILL_CMD", "kill-command"),
    ("SALLOC_MEM_BIND", "mem-bind"),
    ("SALLOC_MEM_PER_CPU", "mem-per-cpu"),
    ("SALLOC_MEM_PER_GPU", "mem-per-gpu"),
    ("SALLOC_MEM_PER_NODE", "mem"),
    ("SALLOC_NETWORK", "network"),
    ("SALLOC_NO_BELL", "no-bell"),
    ("SALLOC_NO_KILL", "no-kill"),
    ("SALLOC_NO_SHELL", "no-shell"),
    ("SALLOC_OVERCOMMIT", "overcommit"),
    ("SALLOC_PARTITION", "partition"),
    ("SALLOC_POWER", "power"),
    ("SALLOC_PROFILE", "profile"),
    ("SALLOC_QOS", "qos"),
    ("SALLOC_REQ_SWITCH", "switches"),
    ("SALLOC_RESERVATION", "reservation"),
    ("SALLOC_SIGNAL", "signal"),
    ("SALLOC_SPREAD_JOB", "spread-job"),
    ("SALLOC_THREAD_SPEC", "thread-spec"),
    ("SALLOC_THREADS_PER_CORE", "threads-per-core"),
    ("SALLOC_TIMELIMIT", "time"),
    ("SALLOC_USE_MIN_NODES", "use-min-nodes"),
    ("SALLOC_WAIT_ALL_NODES", "wait-all-nodes"),
    ("SALLOC_WCKEY", "wckey"),
)

TABLE = Table(
    "salloc",
    arranged(_OWN),
    _ENVIRON,
    RIVALS,
    help_line="Usage: salloc [OPTIONS(0)...] [ : [OPTIONS(N)...]] [command(0) [args(0)...]]",
    usage="Usage: salloc [-N numnodes|[min nodes]-[max nodes]] [-n num-processors]",
    heading="Parallel run options:",
    permute=False,
    exit_code=255,
)
