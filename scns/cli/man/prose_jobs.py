"""提交、运行、取消与管理的命令的文字。"""

from __future__ import annotations

from scns.cli.man.prose import Prose

_SUBMIT_STATUS = """\
0 on success. 255 for an option that does not exist or has an unusable value, 1 for everything
else that is refused; with `SLURM_EXIT_ERROR` set, that number instead."""

JOBS = {
    "sbatch": Prose(
        synopsis="[*OPTIONS*] *SCRIPT* [*ARGUMENTS*]\n[*OPTIONS*] `--wrap`=*COMMAND*",
        description="""
`sbatch` stores a script with everything it needs to run, prints the id of the job and returns. The
id is printed after the job is on disk: an id that was printed is a job that is kept. The job runs
when resources are free, even if nobody is logged in.

Options come from three places. The command line wins over the environment, the environment wins
over directives in the script. A directive is a line that begins with `#SBATCH`, before the first
line that is neither blank nor a comment. `#PBS` lines are read too; a `#SBATCH` line wins over
them. Without *SCRIPT* the script is read from standard input.

The output of the job goes to `slurm-%j.out` in the working directory, for an array to
`slurm-%A_%a.out`. In file names `%j` is the job id, `%x` the name, `%A` the id of the array, `%a`
the index, `%N` the node, `%u` the user, `%t` the task, `%%` a percent sign.
""",
        differences="""
Heterogeneous jobs (`:` between sets of options) and clusters other than this one are refused.
Options marked *no effect* are read and checked, so that scripts written for Slurm run unchanged.

The command needs no daemon: a job submitted while `scnsd` is down is kept and starts later.
""",
        status=_SUBMIT_STATUS
        + """ With `--wait` the exit code is that of the job, the highest of an array, and 1 for a
job that died by a signal or was cancelled.""",
        examples="""
Submit a script that uses 4 CPUs and 8 GiB for at most two hours:

    sbatch -c 4 --mem=8G -t 2:00:00 job.sh

One job for each of a hundred indices, ten at a time; each sees its index in SLURM_ARRAY_TASK_ID:

    sbatch --array=0-99%10 job.sh

Keep the id, and run a second job when the first has succeeded:

    first=$(sbatch --parsable job.sh)
    sbatch --dependency=afterok:$first next.sh

A command instead of a script:

    sbatch --wrap='make -j4' -c 4
""",
        also=("squeue", "scancel", "sacct", "srun", "scns-why", "scns-tail"),
    ),
    "srun": Prose(
        synopsis="[*OPTIONS*] *PROGRAM* [*ARGUMENTS*]",
        description="""
`srun` runs a program as one or more tasks and passes their output on. Inside a job it starts a step
in the resources of that job; elsewhere it first waits for an allocation of its own and gives it
back at the end. Options end at the first word that is not one.
""",
        differences="""
Heterogeneous jobs (`:` between sets of options) are refused. The command passes its own streams to
the tasks: nothing is copied on the way. With `--pty` task 0 has a terminal of the size of yours,
and standard input that is no terminal is handed to the task as it is.
""",
        status="""
The highest exit code of the tasks, 128 plus the number of the signal for a task that died by one, 2
if the program was not found. 255 for a wrong option, 1 for everything else that is refused; with
`SLURM_EXIT_ERROR` set, that number instead.""",
        examples="""
Run a command with 2 CPUs as soon as they are free:

    srun -c 2 make -j2

Four tasks inside a job, each line with the number of its task:

    srun -n 4 --label hostname

A shell in the resources of a new job:

    srun -c 4 -t 1:00:00 --pty bash
""",
        also=("sbatch", "salloc", "sstat"),
    ),
    "salloc": Prose(
        synopsis="[*OPTIONS*] [*COMMAND* [*ARGUMENTS*]]",
        description="""
`salloc` waits for resources, then runs a command, or the user's shell, on this machine with the
`SLURM_*` variables of the job. `srun` inside it starts steps. When the command ends, the resources
are given back.
""",
        status="The exit code of the command. " + _SUBMIT_STATUS,
        examples="""
An interactive shell with 4 CPUs for at most an hour:

    salloc -c 4 -t 1:00:00
""",
        also=("srun", "sbatch"),
    ),
    "sattach": Prose(
        synopsis="[*OPTIONS*] *JOB*.*STEP*",
        description="""
`sattach` shows what a running step writes from now on, until the step ends. *STEP* is a number or
`batch`, the script of the job.
""",
        differences="""
The tasks of a step have the streams of their `srun`, and nothing is copied on the way, so only
output that goes to files can be shown: start the step with `--output`. Standard input is not passed
on.
""",
        status="The highest exit code of the tasks, as `srun` counts it; 1 if the step is unknown,"
        " not yours, or has no output that can be shown.",
        also=("srun", "scns-tail"),
    ),
    "scancel": Prose(
        synopsis="[*OPTIONS*] [*JOB*[_*INDICES*][.*STEP*]...]",
        description="""
`scancel` ends jobs, parts of arrays or steps. A running job gets SIGCONT and SIGTERM, and
SIGKILL after `KillWait` seconds; none of its processes survives. With options that select jobs,
all jobs that match are meant. With `--signal` the jobs get that signal and go on.
""",
        differences="""
The request is stored and applied by `scnsd`. While `scnsd` is down, a warning says that it will be
applied when it starts.
""",
        status="""
0 on success, also for a job that is unknown or has ended. 1 for a wrong option, something that
is not a job id, or a job of somebody else.""",
        examples="""
One job, a part of an array, everything of mine that waits:

    scancel 42
    scancel 42_[1-9,20]
    scancel --me --state=PENDING

Tell the script of a job to save its work:

    scancel --batch --signal=USR1 42
""",
        also=("squeue", "scontrol"),
    ),
    "scontrol": Prose(
        synopsis="[*OPTIONS*] [*COMMAND*]",
        description="""
`scontrol` shows every field of jobs, nodes and partitions, and changes them. Without *COMMAND* it
reads commands from standard input, one a line, until `exit`. Keywords may be abbreviated; upper and
lower case are the same.
""",
        differences="""
Nodes are defined in the configuration file only. Partitions made with `create` are kept in the
database. Entities that scns does not have, such as reservations, are listed as empty.
""",
        status="0 on success, 1 if anything was refused.",
        examples="""
Every field of a job:

    scontrol show job 42

Give a waiting job more time, hold another one:

    scontrol update JobId=42 TimeLimit=4:00:00
    scontrol hold 43

Take a node out of service when its jobs have ended, and back:

    scontrol update NodeName=node01 State=DRAIN Reason="new disk"
    scontrol update NodeName=node01 State=RESUME
""",
        also=("squeue", "sinfo", "scns.conf"),
    ),
    "sacctmgr": Prose(
        synopsis="[*OPTIONS*] [*COMMAND*]",
        description="""
`sacctmgr` manages the accounts, which form a tree, the users in them, their shares and limits, and
the qualities of service (QOS). The commands are `add`, `modify`, `delete` and `show`, each followed
by `account`, `user`, `association`, `qos` or `cluster`. Records are chosen by `where` *KEY*=*VALUE*
and changed by `set` *KEY*=*VALUE*. A value of -1 takes a limit away.

Changes ask for confirmation unless `--immediate` is given.
""",
        differences="There is no slurmdbd: the records are in the database of scns.",
        examples="""
An account with a user in it, and twice the share of the others:

    sacctmgr -i add account physics Description=physics
    sacctmgr -i add user alice Account=physics
    sacctmgr -i modify account where name=physics set Fairshare=2

A limit of ten running jobs for a user:

    sacctmgr -i modify user where name=alice set MaxJobs=10
""",
        also=("sshare", "sprio", "scns.conf"),
    ),
}
