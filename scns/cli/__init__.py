"""命令行：仿 Slurm 的命令与自己的命令。"""

#: 仿 Slurm 的命令；各自的模块是 `scns.cli.slurm.NAME`，函数是 `run(words) -> 退出码`。
SLURM_COMMANDS = (
    "sbatch",
    "squeue",
    "scancel",
    "sinfo",
    "sacct",
    "scontrol",
    "seff",
    "srun",
    "salloc",
    "sattach",
    "sacctmgr",
    "sshare",
    "sprio",
    "sdiag",
    "sstat",
)
