"""配置文件里各个键的含义，给 scns.conf(5)；名字与默认值在 `scns.conf_model`。"""

from __future__ import annotations

#: 检查值、`scontrol show config` 也显示，此外没有作用的键。
INERT = frozenset(
    {
        "BatchStartTimeout",
        "ExclusiveUser",
        "FirstJobId",
        "GresTypes",
        "InactiveLimit",
        "SlurmctldHost",
        "TmpFS",
        "UnkillableStepTimeout",
    }
)

#: 全局的键。
MEANINGS = {
    "ClusterName": "The name of the cluster, in lower case.",
    "Database": "Only in scns: the connection string of a PostgreSQL to use instead of the"
    " one that scns brings along. Nobody but the administrator can see it.",
    "DefMemPerCPU": "Memory in MiB for each CPU of a job that does not say; not together with"
    " DefMemPerNode.",
    "DefMemPerNode": "Memory in MiB on each node for a job that does not say.",
    "MaxMemPerCPU": "The most memory in MiB that a job may ask for each CPU.",
    "MaxMemPerNode": "The most memory in MiB that a job may ask for on a node.",
    "MaxArraySize": "Indices of arrays must be smaller than this.",
    "MaxJobCount": "The most jobs that may wait or run; a waiting array is one.",
    "MinJobAge": "Seconds that squeue still shows a job after its end, if asked.",
    "Licenses": "Licenses that jobs can hold, and how many of each.",
    "EnforcePartLimits": "Whether a job beyond the limits of its partitions is refused at"
    " submission: NO lets it wait, ANY refuses it if it fits none of its"
    " partitions, ALL unless it fits all.",
    "SchedulerType": "sched/backfill lets a job pass others if that does not delay the first one;"
    " sched/builtin is strictly first in, first out; sched/firstfit, a word of scns and not of"
    " Slurm, starts whatever fits, and keeps nodes for the first job once it has waited for"
    " age_bound.",
    "SchedulerParameters": "bf_conservative makes a reservation for every job that does not"
    " fit, not only for the first; bf_max_job_test bounds how many;"
    " bf_window, in minutes, how far ahead; age_bound, in seconds (3600), how long the first"
    " job waits without a reservation until nodes are kept for it; enable_user_top lets users"
    " put their own jobs first with scontrol top. Others have no"
    " effect.",
    "PriorityType": "priority/multifactor adds up the weighted factors; priority/basic is"
    " first come, first served.",
    "PriorityFlags": "ACCRUE_ALWAYS: age counts from the submission, whatever hinders the job."
    " CALCULATE_RUNNING: running jobs are computed too. DEPTH_OBLIVIOUS, NO_FAIR_TREE: how fair"
    " share is computed instead of FAIR_TREE. INCR_ONLY: priorities never fall. NO_NORMAL_ASSOC,"
    " NO_NORMAL_PART, NO_NORMAL_QOS, NO_NORMAL_TRES, NO_NORMAL_ALL: the factor is the number"
    " itself. SMALL_RELATIVE_TO_TIME: size is CPUs over minutes. MAX_TRES is accepted; usage is"
    " CPU time.",
    "PriorityUsageResetPeriod": "Usage counts from the start of the day, week, month, quarter or"
    " year; NOW: from when the configuration is read.",
    "FairShareDampeningFactor": "Divides the exponent of the fair share; without FAIR_TREE only.",
    "AccountingStorageEnforce": "What is required of jobs: associations (the account of a job must"
    " have its user), limits, qos (the QOS must exist), safe (jobs must be able to end within"
    " GrpTRESMins); each implies associations. none enforces nothing. Not given: limits that are"
    " set hold, and any account name is accepted. nojobs, nosteps and wckeys have no effect.",
    "PriorityWeightAssoc": "Weight of the priority of the association.",
    "PriorityWeightTRES": "Weights of the resources asked for, each as a share of the partition's:"
    " CPU=1000,Mem=2000,GRES/gpu=3000.",
    "PriorityFavorSmall": "Whether the size factor favours small jobs instead of large ones.",
    "PriorityCalcPeriod": "How often priorities are computed again.",
    "PriorityDecayHalfLife": "Time after which usage counts half; 0 for never.",
    "PriorityMaxAge": "Waiting time at which the age factor is 1.",
    "PriorityWeightAge": "Weight of the time a job has waited.",
    "PriorityWeightFairshare": "Weight of the fair share of the account and user.",
    "PriorityWeightJobSize": "Weight of the size of the job.",
    "PriorityWeightPartition": "Weight of the PriorityJobFactor of the partition.",
    "PriorityWeightQOS": "Weight of the priority of the QOS.",
    "JobRequeue": "Whether a job whose node fails may run again if it does not say.",
    "RequeueExit": "Batch jobs that end with these exit codes are put back into the queue.",
    "RequeueExitHold": "Batch jobs that end with these exit codes are put back and held.",
    "KillWait": "Seconds between SIGTERM and SIGKILL at the end of a job.",
    "OverTimeLimit": "Minutes that a job may run beyond its time limit.",
    "Prolog": "Program that runs on the node before a job, as the user of stepd.",
    "Epilog": "Program that runs on the node after a job, as the user of stepd.",
    "TaskEpilog": "Program that runs after the script and after each task, as the user of the job;"
    " its failure is told and changes nothing.",
    "TaskProlog": "Program that runs before the script, as the user of the job; what it"
    " prints can set variables of the job.",
    "PrologEpilogTimeout": "Seconds that Prolog and Epilog may take.",
    "MailProg": "Program that sends mail.",
    "MailDomain": "Domain of the addresses of users.",
    "DisableRootJobs": "Whether root may not run jobs.",
}

#: `NodeName=` 行里的键。
NODE_MEANINGS = {
    "Boards": "Number of boards; only counted.",
    "SocketsPerBoard": "Sockets of each board.",
    "CPUs": "Number of CPUs; if this machine is the only node, what it has.",
    "Sockets": "Number of sockets.",
    "CoresPerSocket": "Cores of each socket.",
    "ThreadsPerCore": "Threads of each core.",
    "RealMemory": "Memory in MiB; if this machine is the only node, what it has.",
    "TmpDisk": "Temporary disk in MiB; only shown.",
    "Features": "Names that jobs can ask for with --constraint.",
    "Gres": "Generic resources, such as GPUs, and how many of each.",
    "Weight": "Nodes of smaller weight are used first.",
    "NodeAddr": "How to reach the node; by default its name.",
    "State": "Its state at the start.",
    "Reason": "Why it is down or drained.",
}

#: `PartitionName=` 行里的键。
PARTITION_MEANINGS = {
    "Nodes": "Its nodes: a list such as node[01-08], names of node sets, or ALL.",
    "Priority": "Old name: sets PriorityTier and PriorityJobFactor.",
    "Default": "Whether jobs that name no partition go here.",
    "State": "UP runs jobs; DOWN queues them; DRAIN runs what is queued and takes no more;"
    " INACTIVE does neither.",
    "MaxTime": "The longest time limit, in minutes or as D-H:M:S.",
    "DefaultTime": "The time limit of a job that does not say.",
    "MinNodes": "The fewest nodes of a job.",
    "MaxNodes": "The most nodes of a job.",
    "MaxCPUsPerNode": "The most CPUs on a node that jobs of this partition can count on.",
    "DefMemPerCPU": "As the key above, for this partition.",
    "DefMemPerNode": "As the key above, for this partition.",
    "MaxMemPerCPU": "As the key above, for this partition.",
    "MaxMemPerNode": "As the key above, for this partition.",
    "PriorityTier": "Jobs of a higher tier come before all jobs of a lower one.",
    "PriorityJobFactor": "The partition factor of the priority.",
    "AllowAccounts": "Accounts that may use it.",
    "AllowGroups": "Groups whose members may use it.",
    "AllowUsers": "Users who may use it.",
    "DenyAccounts": "Accounts that may not use it.",
    "DenyUsers": "Users who may not use it.",
    "OverSubscribe": "EXCLUSIVE gives every job whole nodes; CPUs are never given out twice.",
    "OverTimeLimit": "As the key above, for this partition.",
    "Hidden": "Whether it is shown only if asked for.",
    "RootOnly": "Whether only root may use it.",
    "DisableRootJobs": "Whether root may not use it.",
}
