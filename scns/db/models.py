"""模式的唯一来源：SQLModel 表。

约定：时刻一律 timestamptz；内存一律 MiB；时长一律秒；状态存全名（见 `scns.states`）。
`submission` 宽而不变，记提交时要求了什么；`job` 窄而常变，记它现在怎样。
一次提交是一个作业，或一个数组；数组在启动之前只占 `job` 的一行（`waiting` 是还没启动的序号）。
用户对表没有任何权利，只经 `functions.sql` 的视图与函数读写。
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import (
    ARRAY,
    DOUBLE_PRECISION,
    INT4MULTIRANGE,
    JSONB,
    TIMESTAMP,
    ExcludeConstraint,
)
from sqlmodel import Field, SQLModel

from scns.states import ON_NODE, TERMINAL, Hold, JobState

SCHEMA = "scns"

metadata = MetaData(schema=SCHEMA)
SQLModel.metadata = metadata

#: 作业号的唯一来源：提交与数组元素共用，所以号码按先后递增。
job_id_seq = Sequence("job_id_seq", start=1, metadata=metadata)


def _time(*, nullable: bool = True, now: bool = False) -> Any:
    default = text("now()") if now else None
    return Field(
        default=None,
        sa_column=Column(TIMESTAMP(timezone=True), nullable=nullable, server_default=default),
    )


def _text(*, nullable: bool = True, default: str | None = None, **options: Any) -> Any:
    return Field(
        default=None, sa_column=Column(Text, nullable=nullable, server_default=default, **options)
    )


def _integer(*, nullable: bool = True, default: str | None = None) -> Any:
    return Field(
        default=None,
        sa_column=Column(
            Integer, nullable=nullable, server_default=None if default is None else text(default)
        ),
    )


def _bigint(*, nullable: bool = True, default: str | None = None) -> Any:
    return Field(
        default=None,
        sa_column=Column(
            BigInteger, nullable=nullable, server_default=None if default is None else text(default)
        ),
    )


def _boolean(default: str) -> Any:
    return Field(
        default=None, sa_column=Column(Boolean, nullable=False, server_default=text(default))
    )


def _jsonb(default: str) -> Any:
    return Field(
        default=None, sa_column=Column(JSONB, nullable=False, server_default=text(default))
    )


def _any_of(column: str, values: object) -> str:
    listed = ", ".join(f"'{value}'" for value in sorted(values))  # type: ignore[call-overload]
    return f"{column} IN ({listed})"


class OsUser(SQLModel, table=True):
    """登记过的操作系统用户；一个用户一个数据库角色 `u:NAME`。"""

    __tablename__: ClassVar[Any] = "os_user"

    role: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = _text(nullable=False, unique=True)
    uid: int = _integer(nullable=False)
    gid: int = _integer(nullable=False)
    group_name: str = _text(nullable=False)


class Setting(SQLModel, table=True):
    """scnsd 从配置文件写入、命令要读的值（`scontrol show config`）。"""

    __tablename__: ClassVar[Any] = "setting"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = _text(nullable=False)


class Lease(SQLModel, table=True):
    """排计划的权利：同一时刻只有一个 scnsd 持有。

    每次易主 `epoch` 加一；计划的每次写入都带着它，过期的持有者写不进任何东西。
    """

    __tablename__: ClassVar[Any] = "lease"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    owner: str = _text(nullable=False)
    epoch: int = _bigint(nullable=False)
    until: datetime = _time(nullable=False)


class Node(SQLModel, table=True):
    """节点：配置的容量、当前占用与管理员加上的标志。

    `stepd`：节点上的 scnsd 连着 stepd，作业放得上去。
    """

    __tablename__: ClassVar[Any] = "node"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("cpus > 0 AND memory > 0", name="node_capacity"),
        CheckConstraint("cpus_alloc BETWEEN 0 AND cpus", name="node_cpus_not_oversold"),
        CheckConstraint("memory_alloc BETWEEN 0 AND memory", name="node_memory_not_oversold"),
    )

    name: str = Field(sa_column=Column(Text, primary_key=True))
    position: int = _integer(nullable=False, default="0")
    cpus: int = _integer(nullable=False)
    sockets: int = _integer(nullable=False, default="1")
    cores_per_socket: int = _integer(nullable=False, default="1")
    threads_per_core: int = _integer(nullable=False, default="1")
    memory: int = _integer(nullable=False)
    tmp_disk: int = _integer(nullable=False, default="0")
    features: list[str] = Field(
        default=None, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    gres: dict[str, Any] = _jsonb("'{}'")
    weight: int = _integer(nullable=False, default="1")
    address: str = _text(nullable=False, default="")
    configured: bool = _boolean("true")
    cpus_alloc: int = _integer(nullable=False, default="0")
    memory_alloc: int = _integer(nullable=False, default="0")
    idle_cpus: Any = Field(
        default=None, sa_column=Column(INT4MULTIRANGE, nullable=False, server_default="{}")
    )
    stepd: bool = _boolean("false")
    drain: bool = _boolean("false")
    down: bool = _boolean("false")
    reason: str | None = _text()
    reason_time: datetime | None = _time()
    reason_uid: int | None = _integer()
    comment: str | None = _text()
    extra: str | None = _text()
    boot_id: str | None = _text()
    boot_time: datetime | None = _time()
    daemon_start: datetime | None = _time()
    last_seen: datetime | None = _time()
    last_busy: datetime | None = _time()
    cpu_load: int | None = _integer()
    free_memory: int | None = _integer()
    architecture: str | None = _text()
    operating_system: str | None = _text()
    version: str | None = _text()


class Partition(SQLModel, table=True):
    """分区：一组节点与在其上排队的规矩。"""

    __tablename__: ClassVar[Any] = "partition"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(
            "state IN ('UP', 'DOWN', 'DRAIN', 'INACTIVE')", name="partition_state_known"
        ),
    )

    name: str = Field(sa_column=Column(Text, primary_key=True))
    position: int = _integer(nullable=False, default="0")
    nodes: list[str] = Field(
        default=None, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    is_default: bool = _boolean("false")
    state: str = _text(nullable=False, default="UP")
    max_time: int | None = _integer()
    default_time: int | None = _integer()
    min_nodes: int = _integer(nullable=False, default="0")
    max_nodes: int | None = _integer()
    max_cpus_per_node: int | None = _integer()
    default_memory_per_cpu: int | None = _integer()
    default_memory_per_node: int | None = _integer()
    max_memory_per_cpu: int | None = _integer()
    max_memory_per_node: int | None = _integer()
    priority_tier: int = _integer(nullable=False, default="1")
    priority_job_factor: int = _integer(nullable=False, default="1")
    options: dict[str, Any] = _jsonb("'{}'")


class Script(SQLModel, table=True):
    """批处理脚本的字节，按 SHA-256 只存一份；不必是 UTF-8。"""

    __tablename__: ClassVar[Any] = "script"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("octet_length(body) BETWEEN 1 AND 4194304", name="script_size"),
        CheckConstraint(r"position('\x00'::bytea in body) = 0", name="script_without_nul"),
    )

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Environment(SQLModel, table=True):
    """提交时的环境，`NAME=VALUE` 以 NUL 相隔，按 SHA-256 只存一份。"""

    __tablename__: ClassVar[Any] = "environment"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("octet_length(body) <= 1048576", name="environment_size"),
    )

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Submission(SQLModel, table=True):
    """一次提交要求了什么；`scontrol update` 之外不再改变。

    `id` 是打印给用户的作业号。`options` 存只供显示或只在启动时用一次的选项，键见
    `scns.cli.request.build`。
    """

    __tablename__: ClassVar[Any] = "submission"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(name) BETWEEN 1 AND 1024", name="submission_name_length"),
        CheckConstraint(
            "directory LIKE '/%' AND length(directory) <= 4096",
            name="submission_directory_absolute",
        ),
        CheckConstraint(
            "tasks > 0 AND cpus_per_task > 0 AND nodes_min > 0", name="submission_size"
        ),
        CheckConstraint("cpus > 0", name="submission_cpus_positive"),
        CheckConstraint("time_limit > 0", name="submission_time_limit_positive"),
        Index("submission_owner", "owner"),
        Index("submission_name", "name"),
    )

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    owner: str = _text(nullable=False)
    uid: int = _integer(nullable=False)
    gid: int = _integer(nullable=False)
    group_name: str = _text(nullable=False)
    name: str = _text(nullable=False)
    partition: str = _text(nullable=False)
    account: str = _text(nullable=False)
    qos: str = _text(nullable=False, default="normal")
    nice: int = _integer(nullable=False, default="0")
    tasks: int = _integer(nullable=False, default="1")
    cpus_per_task: int = _integer(nullable=False, default="1")
    nodes_min: int = _integer(nullable=False, default="1")
    nodes_max: int | None = _integer()
    tasks_per_node: int | None = _integer()
    mincpus: int | None = _integer()
    cpus: int = _integer(nullable=False)
    memory_per_node: int | None = _integer()
    memory_per_cpu: int | None = _integer()
    time_limit: int | None = _integer()
    time_min: int | None = _integer()
    begin_time: datetime | None = _time()
    deadline: datetime | None = _time()
    exclusive: str | None = _text()
    overcommit: bool = _boolean("false")
    constraint: str | None = _text()
    node_list: str | None = _text()
    exclude: str | None = _text()
    gres: str | None = _text()
    licenses: str | None = _text()
    requeue: bool = _boolean("true")
    comment: str | None = _text()
    dependency: str | None = _text()
    dependency_any: bool = _boolean("false")
    kill_on_invalid_dep: bool | None = Field(default=None, sa_column=Column(Boolean, nullable=True))
    array_indices: Any | None = Field(default=None, sa_column=Column(INT4MULTIRANGE, nullable=True))
    array_limit: int | None = _integer()
    batch: bool = _boolean("true")
    script_hash: bytes | None = Field(
        default=None,
        sa_column=Column(LargeBinary, ForeignKey(f"{SCHEMA}.script.hash"), nullable=True),
    )
    environment_hash: bytes = Field(
        sa_column=Column(LargeBinary, ForeignKey(f"{SCHEMA}.environment.hash"), nullable=False)
    )
    directory: str = _text(nullable=False)
    standard_input: str | None = _text()
    standard_output: str | None = _text()
    standard_error: str | None = _text()
    command: str | None = _text()
    arguments: list[str] = Field(
        default=None, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    umask: int = _integer(nullable=False, default="18")
    limits: dict[str, Any] = _jsonb("'{}'")
    submit_host: str = _text(nullable=False, default="")
    submit_line: str = _text(nullable=False, default="")
    options: dict[str, Any] = _jsonb("'{}'")
    submit_time: datetime = _time(nullable=False, now=True)


_PENDING = f"state = '{JobState.PENDING}'"
_ON_NODE = _any_of("state", ON_NODE)
_ACTIVE = _any_of("state", ON_NODE | {JobState.PENDING})
_ENDED = _any_of("state", TERMINAL)


class Job(SQLModel, table=True):
    """作业现在怎样；数组启动前只此一行，元素启动或被单独触及时才各得一行。

    `waiting`：数组还没有自己行的序号；其余行为 NULL。
    `eligible`：没有扣住、依赖已满足、开始时刻已到；只有这样的行参与排计划。
    `dependency`：NEW 是提交后还没判过；判定见 `scns.settle_dependencies`。
    `attempt`：第几次启动，是启动与结束报告的栅栏：旧一次的报告改不了任何东西。
    `partition`：启动所用的分区；还没启动时为 NULL，看提交的名单。
    `outcome`：已经决定、只等进程退尽的结局（例如 CANCELLED）。
    `start_by`：晚于它启动就赶不上 `--deadline`；没有期限时为 NULL。
    `suspend_time`：最近一次挂起或继续的时刻，与 Slurm 的 SuspendTime 同义。
    `resuming`：已要求继续，在等它原来的 CPU 空出来。
    `warn_time`：何时送 `--signal`；送过之后与没有要求的为 NULL，没有时限的是无穷远。
    `mail`：还要为哪些事寄信；NULL 是一封也不寄。`mail_time`：下一封时限将至的信何时寄。
    `reason_time`：`reason` 何时起为真。
    `ranked_time`：优先级由各因素算出的时刻；NULL 是没有算过，无穷远是管理员定的，不再算。
    `fairshare`：那一刻的公平份额系数；`site` 是 `scontrol top` 直接加的数。
    """

    __tablename__: ClassVar[Any] = "job"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(_any_of("state", JobState), name="job_state_known"),
        CheckConstraint(_any_of("hold", Hold), name="job_hold_known"),
        CheckConstraint(
            "dependency IN ('NEW', 'WAITING', 'MET', 'NEVER')", name="job_dependency_known"
        ),
        CheckConstraint(_any_of("outcome", TERMINAL | {"REQUEUE"}), name="job_outcome_known"),
        CheckConstraint(
            f"(NOT {_PENDING}) OR (start_time IS NULL AND end_time IS NULL)",
            name="job_pending_without_times",
        ),
        CheckConstraint(
            f"(NOT {_ON_NODE}) OR (start_time IS NOT NULL AND end_time IS NULL AND attempt > 0)",
            name="job_on_node_has_started",
        ),
        CheckConstraint(f"({_ENDED}) = (end_time IS NOT NULL)", name="job_ended_has_end_time"),
        CheckConstraint(
            "NOT eligible OR (hold IS NULL AND dependency = 'MET')", name="job_eligible_unhindered"
        ),
        CheckConstraint(
            f"waiting IS NULL OR isempty(waiting) IS FALSE OR NOT ({_PENDING})",
            name="job_waiting_not_empty",
        ),
        Index(
            "job_queue",
            "shape",
            text("priority DESC"),
            "id",
            postgresql_where=text(f"{_PENDING} AND eligible"),
        ),
        Index(
            "job_hindered",
            "begin_time",
            postgresql_where=text(f"{_PENDING} AND NOT eligible"),
        ),
        Index(
            "job_depends",
            "id",
            postgresql_where=text(f"{_PENDING} AND dependency <> 'MET'"),
        ),
        Index("job_on_node", "limit_time", postgresql_where=text(_ON_NODE)),
        Index(
            "job_ordered",
            "batch_host",
            postgresql_where=text("state IN ('COMPLETING', 'SUSPENDED')"),
        ),
        Index("job_unranked", "id", postgresql_where=text(f"{_PENDING} AND ranked_time IS NULL")),
        Index("job_warn", "warn_time", postgresql_where=text("warn_time IS NOT NULL")),
        Index("job_mail", "mail_time", postgresql_where=text("mail_time IS NOT NULL")),
        Index(
            "job_deadline",
            "start_by",
            postgresql_where=text(f"{_PENDING} AND eligible AND start_by IS NOT NULL"),
        ),
        Index("job_active_of_user", "uid", postgresql_where=text(_ACTIVE)),
        Index("job_active", "id", postgresql_where=text(_ACTIVE)),
        Index("job_array", "array_job_id", postgresql_where=text("array_job_id IS NOT NULL")),
        Index("job_submission", "submission_id"),
        # 账目的查询：一段时间里结束的，一个用户的、一种状态的，与一段旧时间里还在的
        Index("job_end_time", "end_time", postgresql_where=text("end_time IS NOT NULL")),
        Index(
            "job_ended_of_user", "uid", "end_time", postgresql_where=text("end_time IS NOT NULL")
        ),
        Index(
            "job_ended_in_state",
            "state",
            "end_time",
            postgresql_where=text("end_time IS NOT NULL"),
        ),
        Index(
            "job_period",
            text("tstzrange(LEAST(submit_time, end_time), end_time, '[]')"),
            postgresql_using="gist",
            postgresql_where=text("end_time IS NOT NULL"),
        ),
    )

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    submission_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey(f"{SCHEMA}.submission.id"), nullable=False)
    )
    uid: int = _integer(nullable=False)
    array_job_id: int | None = _bigint()
    array_task_id: int | None = _integer()
    waiting: Any | None = Field(default=None, sa_column=Column(INT4MULTIRANGE, nullable=True))
    state: str = _text(nullable=False, default=JobState.PENDING.value)
    reason: str = _text(nullable=False, default="None")
    hold: str | None = _text()
    dependency: str = _text(nullable=False, default="MET")
    eligible: bool = _boolean("false")
    shape: int = _bigint(nullable=False)
    priority: int = _bigint(nullable=False)
    attempt: int = _integer(nullable=False, default="0")
    restarts: int = _integer(nullable=False, default="0")
    begin_time: datetime | None = _time()
    submit_time: datetime = _time(nullable=False, now=True)
    eligible_time: datetime | None = _time()
    start_time: datetime | None = _time()
    end_time: datetime | None = _time()
    limit_time: datetime | None = _time()
    kill_time: datetime | None = _time()
    suspend_time: datetime | None = _time()
    suspended_seconds: int = _integer(nullable=False, default="0")
    resuming: bool = _boolean("false")
    start_by: datetime | None = _time()
    warn_time: datetime | None = _time()
    mail: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    mail_time: datetime | None = _time()
    outcome: str | None = _text()
    outcome_uid: int | None = _integer()
    exit_code: int | None = _integer()
    exit_signal: int | None = _integer()
    partition: str | None = _text()
    node_list: str | None = _text()
    batch_host: str | None = _text()
    nodes_alloc: int | None = _integer()
    cpus_alloc: int | None = _integer()
    memory_alloc: int | None = _integer()
    expected_start: datetime | None = _time()
    fairshare: float | None = Field(default=None, sa_column=Column(DOUBLE_PRECISION, nullable=True))
    ranked_time: datetime | None = _time()
    site: int = _integer(nullable=False, default="0")


class Dependency(SQLModel, table=True):
    """依赖图的一条边：`job_id` 等 `on_job_id`（或它的一个元素）。"""

    __tablename__: ClassVar[Any] = "dependency"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("state IN ('WAITING', 'MET', 'NEVER')", name="dependency_state_known"),
        Index("dependency_on", "on_job_id", postgresql_where=text("state = 'WAITING'")),
    )

    job_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey(f"{SCHEMA}.job.id", ondelete="CASCADE"), primary_key=True
        )
    )
    position: int = Field(sa_column=Column(Integer, primary_key=True))
    kind: str = _text(nullable=False)
    on_job_id: int | None = _bigint()
    on_task_id: int | None = _integer()
    delay: int = _integer(nullable=False, default="0")
    state: str = _text(nullable=False, default="WAITING")


class Allocation(SQLModel, table=True):
    """一个作业在一个节点上占着什么；重复分配由约束挡住，不只靠计划正确。

    `gpu_ids`：哪几块 GPU，编号见 `scns.gpus`；没有要 GPU 的为 NULL。
    `suspended_cpus`：挂起时交还的 CPU，继续时要拿回的就是它们；没有挂起时为 NULL。
    """

    __tablename__: ClassVar[Any] = "allocation"
    __table_args__: ClassVar[Any] = (
        ExcludeConstraint(
            ("node", "="), ("cpu_ids", "&&"), name="allocation_cpu_once", using="gist"
        ),
        ExcludeConstraint(
            ("node", "="),
            ("gpu_ids", "&&"),
            name="allocation_gpu_once",
            using="gist",
            where=text("gpu_ids IS NOT NULL"),
        ),
        CheckConstraint("cpus >= 0 AND memory >= 0", name="allocation_size"),
        Index("allocation_suspended", "node", postgresql_where=text("suspended_cpus IS NOT NULL")),
    )

    job_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey(f"{SCHEMA}.job.id"), primary_key=True)
    )
    node: str = Field(sa_column=Column(Text, ForeignKey(f"{SCHEMA}.node.name"), primary_key=True))
    attempt: int = _integer(nullable=False)
    cpu_ids: Any = Field(default=None, sa_column=Column(INT4MULTIRANGE, nullable=False))
    cpus: int = _integer(nullable=False)
    memory: int = _integer(nullable=False, default="0")
    tasks: int = _integer(nullable=False, default="1")
    gres: dict[str, Any] = _jsonb("'{}'")
    gpu_ids: Any | None = Field(default=None, sa_column=Column(INT4MULTIRANGE, nullable=True))
    boot_id: str | None = _text()
    suspended_cpus: Any | None = Field(
        default=None, sa_column=Column(INT4MULTIRANGE, nullable=True)
    )


class Step(SQLModel, table=True):
    """作业步；`step_id` 为 -5 的是批处理脚本自己（`.batch`）。"""

    __tablename__: ClassVar[Any] = "step"

    job_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey(f"{SCHEMA}.job.id", ondelete="CASCADE"), primary_key=True
        )
    )
    attempt: int = Field(sa_column=Column(Integer, primary_key=True))
    step_id: int = Field(sa_column=Column(Integer, primary_key=True))
    name: str = _text(nullable=False)
    state: str = _text(nullable=False)
    node_list: str = _text(nullable=False)
    tasks: int = _integer(nullable=False, default="1")
    cpus: int = _integer(nullable=False, default="1")
    start_time: datetime = _time(nullable=False)
    end_time: datetime | None = _time()
    exit_code: int | None = _integer()
    exit_signal: int | None = _integer()
    user_milliseconds: int | None = _bigint()
    system_milliseconds: int | None = _bigint()
    max_rss: int | None = _bigint()


class Request(SQLModel, table=True):
    """用户要对作业或节点做的事；scnsd 读取、执行、写回结果。"""

    __tablename__: ClassVar[Any] = "request"
    __table_args__: ClassVar[Any] = (
        Index("request_open", "id", postgresql_where=text("done_time IS NULL")),
        Index("request_done", "done_time", postgresql_where=text("done_time IS NOT NULL")),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    verb: str = _text(nullable=False)
    target: Any = _jsonb("'[]'")
    argument: Any = _jsonb("'{}'")
    role: str = _text(nullable=False)
    uid: int = _integer(nullable=False)
    operator: bool = _boolean("false")
    time: datetime = _time(nullable=False, now=True)
    done_time: datetime | None = _time()
    result: Any | None = Field(default=None, sa_column=Column(JSONB, nullable=True))


class Account(SQLModel, table=True):
    """账户树上的一个账户；`root` 是根，别的都有上级。"""

    __tablename__: ClassVar[Any] = "account"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("name <> '' AND length(name) <= 256", name="account_name_length"),
        CheckConstraint("(parent IS NULL) = (name = 'root')", name="account_root_alone_on_top"),
    )

    name: str = Field(sa_column=Column(Text, primary_key=True))
    description: str = _text(nullable=False, default="")
    organization: str = _text(nullable=False, default="")
    parent: str | None = Field(
        default=None,
        sa_column=Column(
            Text, ForeignKey(f"{SCHEMA}.account.name", ondelete="CASCADE"), nullable=True
        ),
    )


class Association(SQLModel, table=True):
    """一个用户在一个账户里，或账户自己（`user_name` 为空）：份额与上限。

    上限的名字与意义同 `scns.planner.snapshot.Limits`；NULL 不限，或看上一级的；`priority` 也是。
    `uid`：登记时查到的；NULL 时照登记过的用户名找。`is_default`：提交时不说账户就用它。
    """

    __tablename__: ClassVar[Any] = "association"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("fairshare >= 0", name="association_fairshare"),
        Index(
            "association_default",
            "user_name",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )

    account: str = Field(
        sa_column=Column(
            Text, ForeignKey(f"{SCHEMA}.account.name", ondelete="CASCADE"), primary_key=True
        )
    )
    user_name: str = Field(sa_column=Column(Text, primary_key=True))
    uid: int | None = _integer()
    is_default: bool = _boolean("false")
    fairshare: int = _integer(nullable=False, default="1")
    priority: int | None = _integer()
    grp_jobs: int | None = _integer()
    grp_submit: int | None = _integer()
    grp_tres: dict[str, Any] = _jsonb("'{}'")
    grp_tres_mins: dict[str, Any] = _jsonb("'{}'")
    grp_tres_run_mins: dict[str, Any] = _jsonb("'{}'")
    max_jobs: int | None = _integer()
    max_submit: int | None = _integer()
    max_tres_per_job: dict[str, Any] = _jsonb("'{}'")
    max_tres_mins_per_job: dict[str, Any] = _jsonb("'{}'")
    max_wall: int | None = _integer()


class Qos(SQLModel, table=True):
    """一种服务等级：优先级与上限，`max_jobs`、`max_submit` 是每个用户的。"""

    __tablename__: ClassVar[Any] = "qos"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("priority >= 0", name="qos_priority_not_negative"),
        CheckConstraint("flags <@ '{DenyOnLimit}'", name="qos_flags_known"),
    )

    name: str = Field(sa_column=Column(Text, primary_key=True))
    description: str = _text(nullable=False, default="")
    priority: int = _integer(nullable=False, default="0")
    flags: list[str] = Field(
        default=None, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    grp_jobs: int | None = _integer()
    grp_submit: int | None = _integer()
    grp_tres: dict[str, Any] = _jsonb("'{}'")
    grp_tres_run_mins: dict[str, Any] = _jsonb("'{}'")
    max_jobs: int | None = _integer()
    max_jobs_per_account: int | None = _integer()
    max_submit: int | None = _integer()
    max_submit_per_account: int | None = _integer()
    max_tres_per_job: dict[str, Any] = _jsonb("'{}'")
    max_tres_per_user: dict[str, Any] = _jsonb("'{}'")
    max_tres_per_account: dict[str, Any] = _jsonb("'{}'")
    max_tres_mins_per_job: dict[str, Any] = _jsonb("'{}'")
    min_tres_per_job: dict[str, Any] = _jsonb("'{}'")
    max_wall: int | None = _integer()


class Usage(SQLModel, table=True):
    """结束了的作业用掉的 CPU 秒，照半衰期衰减到 `as_of`；在跑的另由作业行算出。"""

    __tablename__: ClassVar[Any] = "usage"

    account: str = Field(sa_column=Column(Text, primary_key=True))
    uid: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    cpu_seconds: float = Field(sa_column=Column(DOUBLE_PRECISION, nullable=False))
    as_of: datetime = _time(nullable=False)


class Reset(SQLModel, table=True):
    """从何时算起：`usage` 是用量（`PriorityUsageResetPeriod`），`statistics` 是 `sdiag -r`。"""

    __tablename__: ClassVar[Any] = "reset"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("name IN ('usage', 'statistics')", name="reset_name_known"),
    )

    name: str = Field(sa_column=Column(Text, primary_key=True))
    time: datetime = _time(nullable=False)


class Mail(SQLModel, table=True):
    """等着寄的信：触发器写下，scnsd 交给 MailProg 之后删掉。

    `detail` 是写信那一刻的事实；作业之后再变，信里说的仍是当时的事。
    """

    __tablename__: ClassVar[Any] = "mail"

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    time: datetime = _time(nullable=False, now=True)
    kind: str = _text(nullable=False)
    detail: dict[str, Any] = _jsonb("'{}'")


#: 排计划的 scnsd 还没有读过的变化：哪个作业、哪个节点的行要重读；两者都空是全部重读。
#: 由触发器随改动一起写下，读过就删（见 `scns.db.changes`），因此既不要主键也不必落盘：服务器
#: 崩溃之后它是空的，而那时 scnsd 必然重连，全部重读。
change = Table(
    "change",
    metadata,
    Column("job_id", BigInteger, nullable=True),
    Column("node", Text, nullable=True),
    prefixes=["UNLOGGED"],
)


class Event(SQLModel, table=True):
    """只增的历史：每次状态改变。按月分区。

    `txid` 让读者不漏掉晚提交的行：只读到 `pg_snapshot_xmin` 之前的事务为止。
    """

    __tablename__: ClassVar[Any] = "event"
    __table_args__: ClassVar[Any] = (
        Index("event_job", "job_id"),
        Index("event_txid", "txid"),
        {"postgresql_partition_by": "RANGE (time)"},
    )

    time: datetime = Field(
        default=None,
        sa_column=Column(
            TIMESTAMP(timezone=True), primary_key=True, server_default=text("clock_timestamp()")
        ),
    )
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    txid: int = _bigint(nullable=False, default="(pg_current_xact_id()::text::bigint)")
    job_id: int | None = _bigint()
    kind: str = _text(nullable=False)
    before: str | None = _text()
    after: str | None = _text()
    detail: dict[str, Any] = _jsonb("'{}'")
