"""规划器的输入：某一时刻的集群与队列，全是不带行为的数据。

单位全项目一致：内存 MiB，时间秒，时刻是纪元秒。名字取自 slurm.conf(5) 与 sbatch(1)。
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scns.planner.features import Features

#: 排程策略。`fifo`：严格先来先服务（`sched/builtin`）；`firstfit`：放得下就启动；
#: `easy`：首次适应，第一个放不下的作业有预约；`conservative`：每个放不下的作业都有预约。
Kind = Literal["fifo", "firstfit", "easy", "conservative"]


@dataclass(slots=True)
class Node:
    """一个节点此刻的资源。

    参数：
        idle：空闲 CPU 的编号，从小到大
        up：接受新作业；关机、排空或失联时为假
        gres：通用资源的总数，键是 `gpu` 或 `gpu:a100`；`idle_gres` 是其中空闲的
        weight：`Weight=`，小的先用
        exclusive_by：独占本节点的作业；它结束之前节点不接别的作业
    """

    name: str
    cpus: int
    idle: tuple[int, ...]
    memory: int
    idle_memory: int
    up: bool = True
    features: frozenset[str] = frozenset()
    gres: Mapping[str, int] = field(default_factory=dict)
    idle_gres: Mapping[str, int] = field(default_factory=dict)
    weight: int = 1
    exclusive_by: int | None = None


@dataclass(slots=True)
class Partition:
    """一个分区：一组节点与使用它们的规矩。

    参数：
        up：可以启动作业；`State=DOWN` 与 `INACTIVE` 时为假，`UP` 与 `DRAIN` 时为真
        inactive：为假的原因是 `State=INACTIVE`，只影响等待原因的说法
        max_time：`MaxTime`，秒；None 不限
        tier：`PriorityTier`，大的先排
        allow_accounts：`AllowAccounts`；None 不限
        allow_uids：`AllowGroups` 展开成的用户；None 不限
        exclusive：`OverSubscribe=EXCLUSIVE`，每个作业都独占节点
    """

    name: str
    nodes: tuple[str, ...]
    up: bool = True
    inactive: bool = False
    max_time: int | None = None
    max_nodes: int | None = None
    min_nodes: int = 1
    tier: int = 1
    allow_accounts: frozenset[str] | None = None
    allow_uids: frozenset[int] | None = None
    exclusive: bool = False


@dataclass(slots=True)
class Use:
    """一个作业在一个节点上占着的资源；挂起的作业交还了 CPU，`cpus` 是 0。"""

    node: str
    cpus: int
    memory: int = 0
    gres: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Running:
    """一个占着资源的作业。

    参数：
        end：预计结束的时刻；None 是没有时限，当作永不结束
        array_id：所属作业数组；None 不是数组
    """

    job_id: int
    uid: int
    account: str
    end: float | None
    uses: tuple[Use, ...]
    licenses: Mapping[str, int] = field(default_factory=dict)
    array_id: int | None = None
    qos: str = ""


@dataclass(slots=True)
class Request:
    """作业要的资源；同一形状的作业共用一个对象。

    参数：
        partitions：按提交时的次序；在哪个分区启动由规划决定
        nodes_max：None 不限，且尽量少用节点；给出且大于 `nodes_min` 时尽量多用（sbatch(1) `-N`）
        tasks_per_node：每个节点至多几个任务
        mincpus：每个节点至少分几个 CPU
        memory_per_node：0 是节点的全部内存；None 不按节点要
        memory_per_cpu：乘以分到的 CPU 数；None 不按 CPU 要
        time_limit：None 是没有时限，当作永不结束；分区的默认时限在提交时已经填好
        time_min：`--time-min`，为了早些启动，时限可以缩到这么短；None 不缩
        overcommit：不论多少任务，每个节点只要一个 CPU
        nodelist：必须用上的节点
        gres：每个节点要的通用资源
        licenses：整个作业要的许可证
        reservation：`--reservation`；None 不用预留
    """

    partitions: tuple[str, ...]
    tasks: int = 1
    cpus_per_task: int = 1
    nodes_min: int = 1
    nodes_max: int | None = None
    tasks_per_node: int | None = None
    mincpus: int | None = None
    memory_per_node: int | None = None
    memory_per_cpu: int | None = None
    time_limit: int | None = None
    time_min: int | None = None
    exclusive: bool = False
    overcommit: bool = False
    features: Features | None = None
    nodelist: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    gres: Mapping[str, int] = field(default_factory=dict)
    licenses: Mapping[str, int] = field(default_factory=dict)
    reservation: str | None = None


@dataclass(slots=True)
class Waiting:
    """一个等待的作业，或一个作业数组里还没启动的部分。

    只收得到机会的作业：被扣住的、依赖未满足的不在其中。

    参数：
        shape：形状；形状相同的作业，`request` 也相同，除次序外可以互换
        eligible：从何时起可以启动；晚于现在的是 `--begin` 未到
        count：还可以启动几个：普通作业 1；数组按 `%N` 还能启动的个数，到了上限是 0
    """

    job_id: int
    shape: int
    priority: int
    eligible: float
    request: Request
    count: int = 1
    uid: int = 0
    account: str = ""
    qos: str = ""


@dataclass(slots=True)
class Limits:
    """一个账户、一个用户或一个 QOS 的上限；字段名是 sacctmgr(1) 的词，None 不限。

    `grp_*` 管名下所有作业之和，`max_*` 管名下每个用户或每个作业，
    `*_per_account` 是 QOS 对每个账户的。

    参数：
        grp_tres、max_tres_per_job 等：键是 `cpu`、`mem`（MiB）、`node`、`gres/gpu`、`license/NAME`
        grp_tres_mins：名下用掉的，以分钟计，随半衰期衰减；只有 `cpu`
        grp_tres_run_mins：名下在跑的作业到时限为止还要用的，以分钟计
        max_tres_mins_per_job：每个作业按时限要用的，以分钟计
        max_wall：每个作业的时限，秒
    """

    grp_jobs: int | None = None
    grp_submit: int | None = None
    grp_tres: Mapping[str, int] = field(default_factory=dict)
    grp_tres_mins: Mapping[str, int] = field(default_factory=dict)
    grp_tres_run_mins: Mapping[str, int] = field(default_factory=dict)
    max_jobs: int | None = None
    max_jobs_per_account: int | None = None
    max_submit: int | None = None
    max_tres_per_job: Mapping[str, int] = field(default_factory=dict)
    max_tres_per_user: Mapping[str, int] = field(default_factory=dict)
    max_tres_per_account: Mapping[str, int] = field(default_factory=dict)
    max_tres_mins_per_job: Mapping[str, int] = field(default_factory=dict)
    min_tres_per_job: Mapping[str, int] = field(default_factory=dict)
    max_wall: int | None = None


@dataclass(slots=True)
class Reservation:
    """一段时间里留给某些人的整个节点；进行中与将来的都列出来。

    参数：
        uids、accounts：谁可以用；两者都空是维护，谁也不能用
    """

    name: str
    start: float
    end: float
    nodes: frozenset[str]
    uids: frozenset[int] = frozenset()
    accounts: frozenset[str] = frozenset()


@dataclass(slots=True)
class Policy:
    """排程的策略与参数。

    参数：
        age_bound：算不出预约时，排在最前的作业等了这么多秒以后，不再启动会拿走它所需资源的
            作业；None 不设此界，大作业可能饿死
        bf_max_job_test：一轮里至多为几个作业算预约（slurm.conf(5) `SchedulerParameters`）
        bf_window：预约至多看到多少秒以后，更晚的当作算不出
    """

    kind: Kind = "easy"
    age_bound: float | None = 3600.0
    bf_max_job_test: int = 500
    bf_window: float | None = None


@dataclass(slots=True)
class Snapshot:
    """规划一轮所需的一切。

    参数：
        licenses：许可证的总数；空闲的由运行中的作业算出
        account_limits：账户的上限；`user_limits` 是（账户，用户）的上限
        parents：账户的上级；不在其中的是顶层
        usage：（账户，用户）用掉的 CPU 分钟，衰减过，在跑的也在内；没有 `grp_tres_mins` 时不必给
        safe：`AccountingStorageEnforce=safe`，用得完的 `grp_tres_mins` 才启动
    """

    now: float
    nodes: Sequence[Node]
    partitions: Sequence[Partition]
    running: Sequence[Running] = ()
    waiting: Sequence[Waiting] = ()
    licenses: Mapping[str, int] = field(default_factory=dict)
    reservations: Sequence[Reservation] = ()
    account_limits: Mapping[str, Limits] = field(default_factory=dict)
    user_limits: Mapping[tuple[str, int], Limits] = field(default_factory=dict)
    qos_limits: Mapping[str, Limits] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    usage: Mapping[tuple[str, int], float] = field(default_factory=dict)
    safe: bool = False
    policy: Policy = field(default_factory=Policy)
