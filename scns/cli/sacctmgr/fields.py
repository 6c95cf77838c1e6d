"""sacctmgr 的列：名字、表头、宽度与取值，次序也是缩写的先后。来源：sacctmgr(1) 22.05 版。"""

from __future__ import annotations

from scns.cli.accounting.sheet import Column
from scns.cli.fields.accounting import NUMBER, TEXT
from scns.errors import UsageError
from scns.times import elapsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    #: 一行的列名到值。
    Row = dict[str, Any]
    #: 名字、表头、宽度（负数靠左）、取值。
    Field = tuple[str, str, int, Callable[[Row], str]]


class UnknownField(UsageError):
    """`format=` 里没有这个字段。"""

    def __init__(self, name: str) -> None:
        super().__init__(f" Unknown field '{name}'", style="bare")


def tres(amounts: dict[str, int] | None) -> str:
    """`cpu=4,mem=1000M` 的写法。"""
    return ",".join(
        f"{kind}={most}{'M' if kind == 'mem' else ''}"
        for kind, most in sorted((amounts or {}).items())
    )


def _of(column: str) -> Callable[[Row], str]:
    def value(row: Row) -> str:
        found = row.get(column)
        return "" if found is None else str(found)

    return value


def _tres_of(column: str) -> Callable[[Row], str]:
    return lambda row: tres(row.get(column))


def _wall(row: Row) -> str:
    seconds = row.get("max_wall")
    return "" if seconds is None else elapsed(seconds)


def _always(text: str) -> Callable[[Row], str]:
    return lambda _: text


def _parent(row: Row) -> str:
    return "" if row.get("user_name") else row.get("parent") or ""


_LIMITS: tuple[Field, ...] = (
    ("GrpJobs", "GrpJobs", 7, _of("grp_jobs")),
    ("GrpTRES", "GrpTRES", 13, _tres_of("grp_tres")),
    ("GrpSubmitJobs", "GrpSubmit", 9, _of("grp_submit")),
    ("GrpWall", "GrpWall", 11, _always("")),
    ("GrpTRESMins", "GrpTRESMins", 13, _tres_of("grp_tres_mins")),
    ("MaxJobs", "MaxJobs", 7, _of("max_jobs")),
    ("MaxTRESPerJob", "MaxTRES", 13, _tres_of("max_tres_per_job")),
    ("MaxTRESPerNode", "MaxTRESPerNode", 14, _always("")),
    ("MaxSubmitJobs", "MaxSubmit", 9, _of("max_submit")),
    ("MaxWall", "MaxWall", 11, _wall),
    ("MaxTRESMins", "MaxTRESMins", 13, _tres_of("max_tres_mins_per_job")),
)

_ACCOUNT: tuple[Field, ...] = (
    ("Account", "Account", 10, _of("account")),
    ("Name", "Account", 10, _of("account")),
    ("Description", "Descr", 20, _of("description")),
    ("Organization", "Org", 20, _of("organization")),
    ("Coordinators", "Coord Accounts", 20, _always("")),
)

_ASSOCIATION: tuple[Field, ...] = (
    ("Cluster", "Cluster", 10, _of("cluster")),
    ("Account", "Account", 10, _of("account")),
    ("User", "User", 10, _of("user_name")),
    ("Partition", "Partition", 10, _always("")),
    ("Fairshare", "Share", 9, _of("fairshare")),
    ("Shares", "Share", 9, _of("fairshare")),
    ("Priority", "Priority", 10, _of("priority")),
    *_LIMITS,
    ("QOS", "QOS", 20, _always("normal")),
    ("DefaultQOS", "Def QOS", 9, _always("")),
    ("GrpTRESRunMins", "GrpTRESRunMins", 13, _tres_of("grp_tres_run_mins")),
    ("ParentName", "Par Name", 10, _parent),
)

_USER: tuple[Field, ...] = (
    ("User", "User", 10, _of("user_name")),
    ("Name", "User", 10, _of("user_name")),
    ("DefaultAccount", "Def Acct", 10, _of("default_account")),
    ("AdminLevel", "Admin", 9, _of("admin")),
    ("DefaultWCKey", "Def WCKey", 10, _always("")),
    ("Coordinators", "Coord Accounts", 20, _always("")),
)

_QOS: tuple[Field, ...] = (
    ("Name", "Name", 10, _of("name")),
    ("Priority", "Priority", 10, _of("priority")),
    ("GraceTime", "GraceTime", 10, _always("00:00:00")),
    ("Preempt", "Preempt", 10, _always("")),
    ("PreemptExemptTime", "PreemptExemptTime", 19, _always("")),
    ("PreemptMode", "PreemptMode", 11, _always("cluster")),
    ("Flags", "Flags", 40, lambda row: ",".join(row["flags"])),
    ("UsageThreshold", "UsageThres", 10, _always("")),
    ("UsageFactor", "UsageFactor", 11, _always("1.000000")),
    ("GrpTRES", "GrpTRES", 13, _tres_of("grp_tres")),
    ("GrpTRESMins", "GrpTRESMins", 13, _always("")),
    ("GrpTRESRunMins", "GrpTRESRunMins", 13, _tres_of("grp_tres_run_mins")),
    ("GrpJobs", "GrpJobs", 7, _of("grp_jobs")),
    ("GrpSubmitJobs", "GrpSubmit", 9, _of("grp_submit")),
    ("GrpWall", "GrpWall", 11, _always("")),
    ("MaxTRESPerJob", "MaxTRES", 13, _tres_of("max_tres_per_job")),
    ("MaxTRESPerNode", "MaxTRESPerNode", 14, _always("")),
    ("MaxTRESMins", "MaxTRESMins", 13, _tres_of("max_tres_mins_per_job")),
    ("MaxWall", "MaxWall", 11, _wall),
    ("MaxTRESPerUser", "MaxTRESPU", 13, _tres_of("max_tres_per_user")),
    ("MaxTRESPU", "MaxTRESPU", 13, _tres_of("max_tres_per_user")),
    ("MaxJobsPerUser", "MaxJobsPU", 9, _of("max_jobs")),
    ("MaxJobsPU", "MaxJobsPU", 9, _of("max_jobs")),
    ("MaxSubmitJobsPerUser", "MaxSubmitPU", 11, _of("max_submit")),
    ("MaxSubmitJobsPU", "MaxSubmitPU", 11, _of("max_submit")),
    ("MaxSubmitPU", "MaxSubmitPU", 11, _of("max_submit")),
    ("MaxTRESPerAccount", "MaxTRESPA", 13, _tres_of("max_tres_per_account")),
    ("MaxTRESPA", "MaxTRESPA", 13, _tres_of("max_tres_per_account")),
    ("MaxJobsPerAccount", "MaxJobsPA", 9, _of("max_jobs_per_account")),
    ("MaxJobsPA", "MaxJobsPA", 9, _of("max_jobs_per_account")),
    ("MaxSubmitJobsPerAccount", "MaxSubmitPA", 11, _of("max_submit_per_account")),
    ("MaxSubmitJobsPA", "MaxSubmitPA", 11, _of("max_submit_per_account")),
    ("MaxSubmitPA", "MaxSubmitPA", 11, _of("max_submit_per_account")),
    ("MinTRESPerJob", "MinTRES", 13, _tres_of("min_tres_per_job")),
    ("Description", "Descr", 20, _of("description")),
)

_TRES: tuple[Field, ...] = (
    ("Type", "Type", 8, _of("type")),
    ("Name", "Name", 15, _of("name")),
    ("ID", "ID", 6, _of("id")),
)

_CLUSTER: tuple[Field, ...] = (
    ("Cluster", "Cluster", 10, _of("cluster")),
    ("Name", "Cluster", 10, _of("cluster")),
    ("ControlHost", "ControlHost", 15, _of("host")),
    ("ControlPort", "ControlPort", 12, _always("0")),
    ("RPC", "RPC", 5, _always("0")),
    ("Fairshare", "Share", 9, _always("1")),
    ("QOS", "QOS", 20, _always("normal")),
    ("DefaultQOS", "Def QOS", 9, _always("")),
)

#: 各种记录的字段。带着关系一起看的账户与用户，另有关系的字段。
FIELDS: dict[str, tuple[Field, ...]] = {
    "account": (*_ACCOUNT, *_ASSOCIATION),
    "user": (*_USER, *_ASSOCIATION),
    "association": _ASSOCIATION,
    "qos": _QOS,
    "cluster": _CLUSTER,
    "tres": _TRES,
}

_SHARES = "Cluster,Account,User,Partition,Fairshare,Priority,"
_ALL_LIMITS = (
    "GrpJobs,GrpTRES,GrpSubmitJobs,GrpWall,GrpTRESMins,MaxJobs,MaxTRESPerJob,MaxTRESPerNode,"
    "MaxSubmitJobs,MaxWall,MaxTRESMins,QOS,DefaultQOS,GrpTRESRunMins"
)

#: 没有写 `format=` 时的列；带着关系的在后面接上 `WITH`。
DEFAULT = {
    "account": "Account,Description,Organization",
    "user": "User,DefaultAccount,AdminLevel",
    "association": _SHARES + _ALL_LIMITS,
    "qos": "Name,Priority,GraceTime,Preempt,PreemptExemptTime,PreemptMode,Flags,UsageThreshold,"
    "UsageFactor,GrpTRES,GrpTRESMins,GrpTRESRunMins,GrpJobs,GrpSubmitJobs,GrpWall,MaxTRESPerJob,"
    "MaxTRESPerNode,MaxTRESMins,MaxWall,MaxTRESPerUser,MaxJobsPerUser,MaxSubmitJobsPerUser,"
    "MaxTRESPerAccount,MaxJobsPerAccount,MaxSubmitJobsPerAccount,MinTRESPerJob",
    "tres": "Type,Name,ID",
    "cluster": "Cluster,ControlHost,ControlPort,RPC,Fairshare,QOS,DefaultQOS",
}
WITH = {
    "account": ",Cluster,ParentName,User,Fairshare,Priority," + _ALL_LIMITS,
    "user": ",Cluster,Account,Partition,Fairshare,Priority," + _ALL_LIMITS,
}


def choose(entity: str, text: str) -> tuple[list[Column], list[Callable[[Row], str]]]:
    """`NAME[%[-]WIDTH],..` 选出的列与取值；名字可以缩写，取表中头一个。

    异常：
        UnknownField：没有这个字段
    """
    columns, values = [], []
    for item in text.split(","):
        name, percent, size = item.strip().partition("%")
        if not name:
            continue
        found = next(
            (row for row in FIELDS[entity] if row[0].lower().startswith(name.lower())), None
        )
        if found is None:
            raise UnknownField(name)
        digits = size.lstrip("-")
        width = found[2]
        if percent and digits.isascii() and digits.isdigit():
            width = min(int(digits[:6]), 65536) * (-1 if size.startswith("-") else 1)
        columns.append(Column(found[1], width, NUMBER if width == 0 else TEXT))
        values.append(found[3])
    return columns, values
