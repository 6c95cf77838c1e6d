"""自己的命令；名单在这里，不装载任何一个。"""

#: 名字到（模块，一句说明）；函数与命令同名。
COMMANDS = {
    "up": ("up", "Start the database, stepd and scnsd in the background."),
    "down": ("down", "Stop everything in order."),
    "status": ("status", "Show what runs: versions, pids, health."),
    "doctor": ("doctor", "Check this machine; say what is not enforced and how to cure it."),
    "why": ("why", "Say why a job waits, when it starts and what would start it sooner."),
    "wait": ("waiting", "Wait until jobs have ended; exit with their exit code."),
    "tail": ("waiting", "Follow the output of a job until it ends; exit with its exit code."),
    "watch": ("waiting", "Print a line whenever the state of a job changes."),
    "top": ("top", "Show nodes, queue and jobs, live; keys sort, filter, explain, cancel."),
    "eff": ("eff", "Compare what jobs asked for with what they used: CPU, memory, time."),
    "simulate": ("simulate", "Replay a workload trace with the planner; compare policies."),
    "stats": ("stats", "Say how long jobs waited and how true the expected starts were."),
    "link": ("link", "Put sbatch, squeue, ... as plain names into a directory."),
    "man": ("man", "Show the manual page of a command, or write all pages into a directory."),
    "completion": ("completion", "Print what makes bash, zsh or fish complete the commands."),
}
