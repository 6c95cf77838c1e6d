"""自己的命令的说明，给手册页。"""

from __future__ import annotations

#: 命令到几句话；没有的，手册页用它的一句话。
DESCRIPTIONS = {
    "up": """
Starts the database, stepd and scnsd in the background and returns when a job could run. If
they run already, nothing is changed.
""",
    "down": """
Stops scnsd, stepd and the database in that order. It asks first if jobs are running; with
`--force` it ends them. Waiting jobs are kept.
""",
    "doctor": """
Checks this machine and says what is not enforced here, such as memory limits, and how to
cure it. It also lists keys of the configuration that have no effect.
""",
    "why": """
Says in sentences why a job waits, when it is expected to start, and what would start it
sooner: fewer CPUs, a shorter limit, another partition.
""",
    "wait": """
Waits until all of the jobs have ended.
""",
    "tail": """
Prints the output file of a job and follows it until the job ends. For a waiting job it
first waits for the start.
""",
    "watch": """
Prints a line whenever the state of a job changes. It misses nothing: it reads the history
and sleeps until the database rings.
""",
    "top": """
Shows nodes, queue and jobs, live. Keys are listed at the bottom of the screen. Without a
terminal, or with `--once`, it prints once.
""",
    "eff": """
Compares what jobs asked for with what they used, so that the next request can be smaller.
""",
    "simulate": """
Replays a workload with the very planner that scnsd uses, in simulated time, and prints
waiting times and utilization for each policy. With `--jobs` or `--load` the workload is drawn
from the trace at random, as long as wanted and always the same for the same `--seed`.
""",
    "link": """
Writes small programs with the names sbatch, squeue and so on into a directory, so that
scripts written for Slurm find them. If `SCNS_HOME` is set, they keep to that instance.
""",
    "man": """
Shows the manual page of a command: `scns man sbatch`, `scns man up`, `scns man scns.conf`;
without a name, that of scns itself. Through man if it is installed and the output is a
terminal, else as plain text. With `--install` *DIR* it writes all pages into *DIR*`/man1`
and *DIR*`/man5`. After pip install, man finds the pages by itself as soon as the directory
of the commands is on PATH.
""",
    "completion": """
Prints a script that makes the shell complete commands, options, job ids, partitions, nodes,
accounts, fields and more, for `scns` and for the plain names. To have it in every shell, put one of
these lines into `~/.bashrc`, into `~/.zshrc` after compinit, or into `~/.config/fish/config.fish`:

    source <(scns completion bash)
    source <(scns completion zsh)
    scns completion fish | source

Names are asked from the database at every TAB; when it does not answer within a second, there are
none.
""",
}
