"""配置的样子：节点、分区、全局设置，以及每个键的类型、默认值与用途。

字段的 `metadata` 是键的唯一定义，`KEYS`、`NODE_KEYS`、`PARTITION_KEYS` 由它得出。默认值与
slurm.conf(5) 22.05 版相同。
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from scns import conf_values as kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.conf_values import Kind

_HOUR, _DAY = 3600, 86_400


def _key(name: str, kind: Kind, default: Any = None) -> Any:
    """一个字段：slurm.conf 里的键、值的类与默认值。"""
    return field(default=default, metadata={"key": name, "kind": kind})


def _table_of(name: str, kind: Kind) -> Any:
    """一个值是字典的字段，默认是空的。"""
    return field(default_factory=dict, metadata={"key": name, "kind": kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """一个节点。

    参数：
        memory、tmp_disk：MiB
        gres：通用资源的个数，键是 `gpu` 或 `gpu:a100`
        weight：小的先用
        address：怎样连到它；没有写时是它的名字
        state：`UNKNOWN`（照常使用）、`DOWN` 或 `DRAIN`
    """

    name: str
    cpus: int = _key("CPUs", kinds.POSITIVE, 1)
    sockets: int = _key("Sockets", kinds.POSITIVE, 1)
    cores_per_socket: int = _key("CoresPerSocket", kinds.POSITIVE, 1)
    threads_per_core: int = _key("ThreadsPerCore", kinds.POSITIVE, 1)
    memory: int = _key("RealMemory", kinds.POSITIVE, 1)
    tmp_disk: int = _key("TmpDisk", kinds.NUMBER, 0)
    features: tuple[str, ...] = _key("Features", kinds.LIST, ())
    gres: Mapping[str, int] = _table_of("Gres", kinds.GRES)
    weight: int = _key("Weight", kinds.NUMBER, 1)
    address: str = _key("NodeAddr", kinds.TEXT, "")
    state: str = _key(
        "State",
        kinds.choice(
            "UNKNOWN",
            "DOWN",
            "DRAIN",
            aliases={
                "IDLE": "UNKNOWN",
                "FAIL": "DRAIN",
                "FAILING": "DRAIN",
            },
        ),
        "UNKNOWN",
    )
    reason: str | None = _key("Reason", kinds.TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionConfig:
    """一个分区。

    参数：
        nodes：节点的名字，次序照配置，不重复
        max_time、default_time：秒；default_time 为 None 时以 max_time 为默认
        default_memory_per_cpu 等：MiB；None 表示不限，默认值则用全局的
        allow_groups 等：None 表示不限
        oversubscribe：`NO`、`EXCLUSIVE`、`YES:N` 或 `FORCE:N`
        over_time_limit：超出时限多少分钟才结束作业；None 表示用全局的
    """

    name: str
    nodes: tuple[str, ...]
    is_default: bool = _key("Default", kinds.YES_NO, False)
    state: str = _key("State", kinds.choice("UP", "DOWN", "DRAIN", "INACTIVE"), "UP")
    max_time: int | None = _key("MaxTime", kinds.DURATION)
    default_time: int | None = _key("DefaultTime", kinds.OPTIONAL_DURATION)
    min_nodes: int = _key("MinNodes", kinds.NUMBER, 0)
    max_nodes: int | None = _key("MaxNodes", kinds.LIMIT)
    max_cpus_per_node: int | None = _key("MaxCPUsPerNode", kinds.LIMIT)
    default_memory_per_cpu: int | None = _key("DefMemPerCPU", kinds.MEMORY)
    default_memory_per_node: int | None = _key("DefMemPerNode", kinds.MEMORY)
    max_memory_per_cpu: int | None = _key("MaxMemPerCPU", kinds.MEMORY)
    max_memory_per_node: int | None = _key("MaxMemPerNode", kinds.MEMORY)
    priority_tier: int = _key("PriorityTier", kinds.NUMBER, 1)
    priority_job_factor: int = _key("PriorityJobFactor", kinds.NUMBER, 1)
    allow_accounts: tuple[str, ...] | None = _key("AllowAccounts", kinds.MEMBERS)
    allow_groups: tuple[str, ...] | None = _key("AllowGroups", kinds.MEMBERS)
    allow_users: tuple[str, ...] | None = _key("AllowUsers", kinds.MEMBERS)
    deny_accounts: tuple[str, ...] = _key("DenyAccounts", kinds.LIST, ())
    deny_users: tuple[str, ...] = _key("DenyUsers", kinds.LIST, ())
    oversubscribe: str = _key("OverSubscribe", kinds.OVERSUBSCRIBE, "NO")
    over_time_limit: int | None = _key("OverTimeLimit", kinds.LIMIT)
    hidden: bool = _key("Hidden", kinds.YES_NO, False)
    root_only: bool = _key("RootOnly", kinds.YES_NO, False)
    disable_root_jobs: bool = _key("DisableRootJobs", kinds.YES_NO, False)
    exclusive_user: bool = _key("ExclusiveUser", kinds.YES_NO, False)

    @property
    def options(self) -> dict[str, Any]:
        """不是默认值的规矩，供存成 JSON；键是字段名。"""
        found = {name: getattr(self, name) for name in _PARTITION_OPTIONS}
        default = {spec.name: spec.default for spec in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if value != default[name]
        }


#: 分区表里没有自己的列、一并存成 JSON 的字段。
_PARTITION_OPTIONS = (
    "allow_accounts", "allow_groups", "allow_users", "deny_accounts", "deny_users",
    "oversubscribe", "over_time_limit", "hidden", "root_only", "disable_root_jobs",
    "exclusive_user",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """一份读好、查过的配置。

    参数：
        nodes、partitions：次序照配置文件
        ignored：认得但不用的键：（键，文件，行）
        others：其中全局的键与它们的值，照文件所写
        kill_wait 等：秒，另有说明的除外
        over_time_limit：分钟
        max_memory_per_node 等：MiB
        database：PostgreSQL 的 DSN；None 表示用嵌入的
        enforce_part_limits：`NO`、`ANY` 或 `ALL`
        accounting_storage_enforce：`associations`、`limits`、`qos`、`safe` 中管的；None 是没有写：
            设了的上限算数，账户不必登记
        requeue_exit：批处理作业以这些退出码结束就重新排队；requeue_exit_hold：同时扣住
        job_requeue：节点失效后可不可以重新排队；作业自己没有说时用它
        priority_decay_half_life：None 表示不衰减
        prolog_epilog_timeout：None 表示不限
    """

    nodes: tuple[NodeConfig, ...]
    partitions: tuple[PartitionConfig, ...]
    ignored: tuple[tuple[str, str, int], ...] = ()
    others: dict[str, str] = field(default_factory=dict)

    cluster_name: str = _key("ClusterName", kinds.NAME, "scns")
    slurmctld_host: tuple[str, ...] = _key("SlurmctldHost", kinds.LIST, ())
    database: str | None = _key("Database", kinds.TEXT)

    default_memory_per_cpu: int | None = _key("DefMemPerCPU", kinds.MEMORY)
    default_memory_per_node: int | None = _key("DefMemPerNode", kinds.MEMORY)
    max_memory_per_cpu: int | None = _key("MaxMemPerCPU", kinds.MEMORY)
    max_memory_per_node: int | None = _key("MaxMemPerNode", kinds.MEMORY)
    max_array_size: int = _key("MaxArraySize", kinds.NUMBER, 1001)
    max_job_count: int = _key("MaxJobCount", kinds.POSITIVE, 10_000)
    first_job_id: int = _key("FirstJobId", kinds.POSITIVE, 1)
    min_job_age: int = _key("MinJobAge", kinds.SECONDS, 300)
    licenses: Mapping[str, int] = _table_of("Licenses", kinds.COUNTS)
    gres_types: tuple[str, ...] = _key("GresTypes", kinds.LIST, ())
    enforce_part_limits: str = _key(
        "EnforcePartLimits", kinds.choice("NO", "ANY", "ALL", aliases={"YES": "ALL"}), "NO"
    )

    accounting_storage_enforce: tuple[str, ...] | None = _key(
        "AccountingStorageEnforce", kinds.ENFORCE
    )

    scheduler_type: str = _key(
        "SchedulerType",
        kinds.choice("sched/backfill", "sched/builtin", "sched/firstfit"),
        "sched/backfill",
    )
    scheduler_parameters: Mapping[str, str] = _table_of("SchedulerParameters", kinds.PARAMETERS)
    priority_type: str = _key(
        "PriorityType",
        kinds.choice("priority/multifactor", "priority/basic"),
        "priority/multifactor",
    )
    priority_flags: tuple[str, ...] = _key("PriorityFlags", kinds.PRIORITY_FLAGS, ())
    fair_share_dampening_factor: int = _key("FairShareDampeningFactor", kinds.POSITIVE, 1)
    priority_favor_small: bool = _key("PriorityFavorSmall", kinds.YES_NO, False)
    priority_calc_period: int | None = _key("PriorityCalcPeriod", kinds.DURATION, 300)
    priority_decay_half_life: int | None = _key("PriorityDecayHalfLife", kinds.DURATION, 7 * _DAY)
    priority_max_age: int | None = _key("PriorityMaxAge", kinds.DURATION, 7 * _DAY)
    priority_usage_reset_period: str = _key(
        "PriorityUsageResetPeriod",
        kinds.choice("NONE", "NOW", "DAILY", "WEEKLY", "MONTHLY", "QUARTERLY", "YEARLY"),
        "NONE",
    )
    priority_weight_age: int = _key("PriorityWeightAge", kinds.NUMBER, 0)
    priority_weight_assoc: int = _key("PriorityWeightAssoc", kinds.NUMBER, 0)
    priority_weight_fairshare: int = _key("PriorityWeightFairshare", kinds.NUMBER, 0)
    priority_weight_job_size: int = _key("PriorityWeightJobSize", kinds.NUMBER, 0)
    priority_weight_partition: int = _key("PriorityWeightPartition", kinds.NUMBER, 0)
    priority_weight_qos: int = _key("PriorityWeightQOS", kinds.NUMBER, 0)
    priority_weight_tres: Mapping[str, float] = _table_of("PriorityWeightTRES", kinds.WEIGHTS)

    batch_start_timeout: int = _key("BatchStartTimeout", kinds.SECONDS, 10)
    inactive_limit: int = _key("InactiveLimit", kinds.SECONDS, 0)
    job_requeue: bool = _key("JobRequeue", kinds.SWITCH, True)
    requeue_exit: tuple[int, ...] = _key("RequeueExit", kinds.EXIT_CODES, ())
    requeue_exit_hold: tuple[int, ...] = _key("RequeueExitHold", kinds.EXIT_CODES, ())
    kill_wait: int = _key("KillWait", kinds.SECONDS, 30)
    over_time_limit: int | None = _key("OverTimeLimit", kinds.MINUTES_LIMIT, 0)
    unkillable_step_timeout: int = _key("UnkillableStepTimeout", kinds.SECONDS, 60)
    prolog: str | None = _key("Prolog", kinds.TEXT)
    epilog: str | None = _key("Epilog", kinds.TEXT)
    task_prolog: str | None = _key("TaskProlog", kinds.TEXT)
    task_epilog: str | None = _key("TaskEpilog", kinds.TEXT)
    prolog_epilog_timeout: int | None = _key("PrologEpilogTimeout", kinds.SECONDS_LIMIT)
    mail_prog: str = _key("MailProg", kinds.TEXT, "/bin/mail")
    mail_domain: str | None = _key("MailDomain", kinds.TEXT)
    disable_root_jobs: bool = _key("DisableRootJobs", kinds.YES_NO, False)
    tmp_fs: str = _key("TmpFS", kinds.TEXT, "/tmp")  # noqa: S108

    def settings(self) -> dict[str, str]:
        """`scontrol show config` 的键与值，人人可见；含口令的不在其中。"""
        shown = {
            key.name: key.kind.show(getattr(self, key.field))
            for key in KEYS.values()
            if key.kind is not None and key.field is not None
        }
        return {
            name: value
            for name, value in {**shown, **self.others}.items()
            if name.lower() not in _SECRET
        }


@dataclass(frozen=True, slots=True)
class Key:
    """一个键。

    参数：
        name：slurm.conf 里的写法
        kind：值的类；认得但不用的键不看值，为 None
        default：没有写时的值
        field：存在哪个字段；None 是不用，或由 `scns.config` 换算到别的字段
    """

    name: str
    kind: Kind | None = None
    default: Any = None
    field: str | None = None

    @property
    def used(self) -> bool:
        """scns 用不用它。"""
        return self.kind is not None


def _table(model: Any, ignored: str, *derived: Key, **aliases: str) -> dict[str, Key]:
    """小写的键到它的定义。

    参数：
        derived：不直接是字段的键
        aliases：别名（小写）到正名
    """
    keys = {name.lower(): Key(name) for name in ignored.split()}
    keys |= {key.name.lower(): key for key in derived}
    for spec in fields(model):
        if "key" in spec.metadata:
            name = spec.metadata["key"]
            default = {} if spec.default_factory is dict else spec.default
            keys[name.lower()] = Key(name, spec.metadata["kind"], default, spec.name)
    return keys | {alias: keys[name.lower()] for alias, name in aliases.items()}


_SECRET = frozenset(
    {"database", "accountingstoragepass", "jobcomppass", "jobcomppassscript", "authinfo"}
)

#: Slurm 认得而 scns 不用的全局键：22.05 的，更早与更晚的版本里改名、加入或去掉的。
_IGNORED = """
AccountingStorageBackupHost AccountingStorageExternalHost
AccountingStorageHost AccountingStorageLoc AccountingStorageParameters AccountingStoragePass
AccountingStoragePort AccountingStorageTRES AccountingStorageType AccountingStorageUser
AccountingStoreFlags AccountingStoreJobComment AcctGatherEnergyType AcctGatherFilesystemType
AcctGatherInfinibandType AcctGatherInterconnectType AcctGatherNodeFreq AcctGatherProfileType
AllowSpecResourcesUsage AuthAltParameters AuthAltTypes AuthInfo AuthType BackupAddr
BackupController BcastExclude BcastParameters BurstBufferParameters BurstBufferType CacheGroups
CertgenParameters CertgenType CertmgrParameters CertmgrType CheckpointType CliFilterParameters
CliFilterPlugins CommunicationParameters CompleteWait ControlAddr ControlMachine CoreSpecPlugin
CpuFreqDef CpuFreqGovernors CredType CryptoType DataParserParameters DebugFlags DefCPUPerGPU
DefMemPerGPU DependencyParameters EioTimeout EpilogMsgTime EpilogSlurmctld EpilogTimeout
ExtSensorsFreq ExtSensorsType FastSchedule FederationParameters
GetEnvTimeout GpuFreqDef GroupUpdateForce GroupUpdateTime HashPlugin HealthCheckInterval
HealthCheckNodeState HealthCheckProgram HealthCheckTimeout HttpParserType InteractiveStepOptions
JobAcctGatherFrequency JobAcctGatherParams JobAcctGatherType JobCheckpointDir JobCompHost
JobCompLoc JobCompParams JobCompPass JobCompPassScript JobCompPort JobCompType JobCompUser
JobContainerPlugin JobContainerType JobCredentialPrivateKey JobCredentialPublicCertificate
JobDefaults JobFileAppend JobSubmitPlugins KeepAliveTime KillOnBadExit LaunchParameters LaunchType
LicenseParameters LogTimeFormat MaxBatchRequeue MaxDBDMsgs MaxJobId MaxNodeCount MaxStepCount
MaxTasksPerNode MCSParameters MCSPlugin MemLimitEnforce MessageTimeout MetricsAuthUsers
MetricsParameters MetricsType MpiDefault MpiParams NamespaceType NodeFeaturesPlugins PluginDir
PlugStackConfig PowerParameters PowerPlugin PreemptExemptTime PreemptMode PreemptParameters
PreemptType PrEpParameters PrEpPlugins PriorityParameters PrioritySiteFactorParameters
PrioritySiteFactorPlugin PrivateData ProctrackType PrologFlags PrologSlurmctld PrologTimeout
PropagatePrioProcess PropagateResourceLimits PropagateResourceLimitsExcept RebootProgram
ReconfigFlags ResumeFailProgram ResumeProgram ResumeRate ResumeTimeout
ResvEpilog ResvOverRun ResvProlog ReturnToService RoutePlugin SallocDefaultCommand
SbcastParameters SchedulerPort SchedulerRootFilter SchedulerTimeSlice ScronParameters SelectType
SelectTypeParameters SlurmctldAddr SlurmctldDebug SlurmctldHttpAuthParameters SlurmctldLogFile
SlurmctldParameters SlurmctldPidFile SlurmctldPlugstack SlurmctldPort SlurmctldPrimaryOffProg
SlurmctldPrimaryOnProg SlurmctldSyslogDebug SlurmctldTimeout SlurmdDebug SlurmdHttpAuthParameters
SlurmdLogFile SlurmdParameters SlurmdPidFile SlurmdPort SlurmdSpoolDir SlurmdSyslogDebug
SlurmdTimeout SlurmdUser SlurmSchedLogFile SlurmSchedLogLevel SlurmUser SrunEpilog SrunPortRange
SrunProlog StateSaveLocation SuspendExcNodes SuspendExcParts SuspendExcStates SuspendProgram
SuspendRate SuspendTime SuspendTimeout SwitchParameters SwitchType TaskPlugin TaskPluginParam
TCPTimeout TLSParameters TLSType TopologyParam TopologyPlugin TrackWCKey TreeWidth
UnkillableStepProgram UrlParserType UsePAM VSizeFactor WaitTime X11Parameters
"""

_NODE_IGNORED = """
AutoResume BcastAddr CoreSpecCount CpuBind CPUSpecList GresConf MemSpecLimit NodeHostname
Parameters Port RestrictedCoresPerGPU SuspendTime Topology TRESWeights
"""

_PARTITION_IGNORED = """
AllocNodes AllowQos Alternate CpuBind DefCpuPerGPU DefMemPerGPU DenyQos GraceTime LLN
MaxCPUsPerSocket PowerDownOnIdle PreemptMode QOS ReqResv ResumeTimeout SelectTypeParameters
SuspendTime SuspendTimeout Topology TRESBillingWeights
"""

#: 全局的键。
KEYS = _table(Config, _IGNORED)

#: `NodeName=` 行里的键。
NODE_KEYS = _table(
    NodeConfig,
    _NODE_IGNORED,
    Key("Boards", kinds.POSITIVE),
    Key("SocketsPerBoard", kinds.POSITIVE),
    procs="CPUs",
    feature="Features",
)

#: `PartitionName=` 行里的键。
PARTITION_KEYS = _table(
    PartitionConfig,
    _PARTITION_IGNORED,
    Key("Nodes", kinds.TEXT),
    Key("Priority", kinds.NUMBER),
    shared="OverSubscribe",
)

#: `DownNodes=` 行里的键。
DOWN_KEYS = {name: NODE_KEYS[name] for name in ("state", "reason")}

#: `NodeSet=` 行里的键。
NODE_SET_KEYS = {"nodes": Key("Nodes", kinds.TEXT), "feature": Key("Feature", kinds.LIST)}
