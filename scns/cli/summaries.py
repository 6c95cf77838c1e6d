"""每个命令一句话：`scns --help`、手册页的 NAME 与补全都用它。"""

from __future__ import annotations

from scns.cli import SLURM_COMMANDS
from scns.cli.own import COMMANDS

_SLURM = {
    "sbatch": "Submit a batch script.",
    "srun": "Run a command as tasks, here or inside a job.",
    "salloc": "Allocate resources, then run a shell or a command.",
    "sattach": "Attach to the streams of a running step.",
    "sbcast": "Copy a file to the nodes of a job.",
    "squeue": "List waiting and running jobs.",
    "scancel": "Cancel or signal jobs and steps.",
    "sinfo": "List partitions and nodes.",
    "sacct": "List jobs and steps, past ones too.",
    "scontrol": "Show and change jobs, nodes, partitions and the configuration.",
    "sacctmgr": "Manage accounts, users, limits and QOS.",
    "sshare": "List shares and usage of accounts and users.",
    "sprio": "List the factors of the priority of waiting jobs.",
    "sreport": "Report usage by account, user and cluster.",
    "sdiag": "Show statistics of the scheduler.",
    "sstat": "Show what running steps use.",
    "seff": "Show the efficiency of a job.",
    "strigger": "Run a program when something happens.",
    "scrontab": "Submit jobs at regular times.",
}

#: `scns --help` 的各组：标题与其中的命令。
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Submit and run",
        ("sbatch", "srun", "salloc", "sattach", "sbcast", "scancel", "strigger", "scrontab"),
    ),
    ("See", ("squeue", "sinfo", "sacct", "sstat", "seff", "sprio", "sdiag", "sreport")),
    ("Manage", ("scontrol", "sacctmgr", "sshare")),
    ("Start and stop (only in scns)", ("up", "down", "status", "doctor")),
    (
        "Follow and understand jobs (only in scns)",
        ("why", "wait", "tail", "watch", "top", "eff", "stats", "simulate"),
    ),
    ("This shell (only in scns)", ("link", "man", "completion")),
)


def known() -> tuple[str, ...]:
    """`scns` 后面能写的命令，Slurm 的在前。"""
    return (*SLURM_COMMANDS, *COMMANDS)


def summary(command: str) -> str:
    """一个命令的一句话，以句点结尾。"""
    if command in COMMANDS:
        return COMMANDS[command][1]
    return _SLURM.get(command, "A command of Slurm.")
