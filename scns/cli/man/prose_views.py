"""只看不改的命令的文字。"""

from __future__ import annotations

from scns.cli.man.prose import Prose

_FORMAT = """\
Fields of `--Format` are names, each with an optional width: *NAME*:*WIDTH*, right-aligned with a
dot before the width. Fields of `--format` are letters: `%`[.]*WIDTH*`i`."""

_ACCOUNTING_FORMAT = """\
A field of `--format` may have a width, *NAME*`%`*WIDTH*, left-aligned with a minus before it. Names
may be abbreviated."""

VIEWS = {
    "squeue": Prose(
        synopsis="[*OPTIONS*]",
        description=f"""
`squeue` lists the jobs that wait or run, by default those of all users. A waiting array is one
row. The last column is the list of nodes of a running job, and the reason in parentheses of a
waiting one.

{_FORMAT}
""",
        differences="""
`--watch` lists again whenever a job changes. Only in scns, `scns why` says more about a waiting job
than its reason.
""",
        examples="""
My jobs; all running jobs of two partitions:

    squeue --me
    squeue -t RUNNING -p main,short

Ids only, for a script; the state of one job:

    squeue -h -o %i -u alice
    squeue -h -o %T -j 42

When will my jobs start?

    squeue --me --start
""",
        also=("scancel", "scontrol", "sacct", "scns-why", "scns-top"),
    ),
    "sinfo": Prose(
        synopsis="[*OPTIONS*]",
        description=f"""
`sinfo` lists the partitions and the state of their nodes. Nodes that look the same share a row. The
default partition has an asterisk after its name, a node that does not answer one after its state.

{_FORMAT}
""",
        examples="""
One row for each node; why nodes are out of service:

    sinfo -N -l
    sinfo -R

Allocated, idle, other and all CPUs of each partition:

    sinfo -o '%P %C'
""",
        also=("scontrol", "squeue", "scns.conf"),
    ),
    "sacct": Prose(
        synopsis="[*OPTIONS*]",
        description=f"""
`sacct` lists jobs and their steps, those that have ended too: by default the user's own of today.

{_ACCOUNTING_FORMAT}
""",
        differences="There is no slurmdbd: past jobs are in the database of scns.",
        examples="""
Everything of a job; how long and how large the jobs of last week were:

    sacct -j 42 --format=ALL -P
    sacct -X -S now-7days -o JobID,JobName,Elapsed,MaxRSS,State

Was it killed, or did it fail?

    sacct -X -j 42 -n -o State,ExitCode
""",
        also=("squeue", "sstat", "seff", "scns-eff"),
    ),
    "sstat": Prose(
        synopsis="[*OPTIONS*] `-j` *JOB*[.*STEP*]",
        description=f"""
`sstat` lists what the steps of running jobs use.

{_ACCOUNTING_FORMAT}
""",
        examples="""
The memory of all steps of a job:

    sstat -a -j 42 -o JobID,MaxRSS
""",
        also=("sacct", "seff"),
    ),
    "seff": Prose(
        synopsis="[`-d`] *JOB*",
        description="""
`seff` prints the CPU and memory efficiency of a job: what it used against what it had asked for.
""",
        status="0 on success, 2 if there is no such job, 1 on another error.",
        examples="    seff 42",
        also=("sacct", "scns-eff"),
    ),
    "sprio": Prose(
        synopsis="[*OPTIONS*]",
        description="""
`sprio` lists the factors that make up the priority of each waiting job. They are weighted by the
`PriorityWeight`... keys of the configuration; without any, jobs are served first come first served.
""",
        examples="""
The factors of my jobs, and the weights:

    sprio -u alice
    sprio -w
""",
        also=("squeue", "sshare", "scns.conf"),
    ),
    "sshare": Prose(
        synopsis="[*OPTIONS*]",
        description="""
`sshare` lists the accounts and users with their shares, what they used, and the factor that follows
from the two. Usage is computed up to now; running jobs are included.
""",
        examples="""
The tree of accounts with all users:

    sshare -a
""",
        also=("sacctmgr", "sprio", "scns.conf"),
    ),
    "sdiag": Prose(
        synopsis="[*OPTIONS*]",
        description="`sdiag` shows how many jobs were started and how long the rounds took.",
        also=("scns-stats", "scns-status"),
    ),
}
