"""sprio 的字段：字母到表头与取值。来源：sprio(1) “--format”，22.05 版。"""

from __future__ import annotations

from scns.cli.columns import Field
from scns.planner.priority import HIGHEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scns.planner.priority import Priority


class Row:
    """一个作业的一行；权重的那一行没有作业。

    属性：
        label：作业号；`total` 是优先级，权重的那一行没有
        tres：权重的那一行里 TRES 一列的字
    """

    __slots__ = (
        "account", "cluster", "label", "owner", "partition", "priority", "qos", "total", "tres"
    )  # fmt: skip

    def __init__(self, label: str, priority: Priority, total: int | None, cluster: str) -> None:
        self.label = label
        self.priority = priority
        self.total = total
        self.cluster = cluster
        self.partition = self.owner = self.account = self.qos = ""
        self.tres: str | None = None


def _weighted(name: str) -> Callable[[Row], str]:
    return lambda row: f"{getattr(row.priority.weighted, name):.0f}"


def _factor(name: str) -> Callable[[Row], str]:
    return lambda row: f"{getattr(row.priority.factors, name):.7f}"


def _tres(row: Row, amounts: Mapping[str, float]) -> str:
    if row.total is None:
        return row.tres or ""
    return ",".join(f"{kind}={amount:.2f}" for kind, amount in amounts.items())


#: 字母到字段；大写的乘过权重，小写的在 0 与 1 之间。
CODES = {
    "a": Field("AGE", _factor("age")),
    "A": Field("AGE", _weighted("age")),
    "b": Field("ASSOC", _factor("assoc")),
    "B": Field("ASSOC", _weighted("assoc")),
    "c": Field("CLUSTER", lambda row: row.cluster),
    "f": Field("FAIRSHARE", _factor("fairshare")),
    "F": Field("FAIRSHARE", _weighted("fairshare")),
    "i": Field("JOBID", lambda row: row.label),
    "j": Field("JOBSIZE", _factor("job_size")),
    "J": Field("JOBSIZE", _weighted("job_size")),
    "n": Field("QOSNAME", lambda row: row.qos),
    "N": Field("NICE", lambda row: "" if row.total is None else str(row.priority.nice)),
    "o": Field("ACCOUNT", lambda row: row.account),
    "p": Field("PARTITION", _factor("partition")),
    "P": Field("PARTITION", _weighted("partition")),
    "q": Field("QOS", _factor("qos")),
    "Q": Field("QOS", _weighted("qos")),
    "r": Field("PARTITION", lambda row: row.partition),
    "S": Field("SITE", lambda row: str(row.priority.site)),
    "t": Field("TRES", lambda row: _tres(row, row.priority.factors.tres)),
    "T": Field("TRES", lambda row: _tres(row, row.priority.weighted.tres)),
    "u": Field("USER", lambda row: row.owner),
    "y": Field("PRIORITY", lambda row: "" if row.total is None else f"{row.total / HIGHEST:.14f}"),
    "Y": Field("PRIORITY", lambda row: "" if row.total is None else str(row.total)),
}

# 权重不为零的才有一列：权重的名字、字母、宽度
_OPTIONAL = (
    ("age", "A", ".10"),
    ("assoc", "B", ".10"),
    ("fairshare", "F", ".10"),
    ("job_size", "J", ".10"),
    ("partition", "P", ".10"),
    ("qos", "Q", ".10"),
    ("tres", "T", ".20"),
)


def layout(weights: object, *, normalised: bool, long: bool, users: bool) -> str:
    """没有写 `-o` 时的格式。

    参数：
        weights：`scns.planner.priority.Weights`，为零的没有一列
        normalised：`-n`；`long` 是 `-l`；`users` 是点了名，才有用户的一列
    """
    chosen = [
        f" %{width}{letter.lower() if normalised else letter}"
        for name, letter, width in _OPTIONAL
        if long or getattr(weights, name)
    ]
    if long and not normalised:
        # NICE 在 TRES 之前
        chosen.insert(-1, " %.11N")
    text = "%.15i %9r" + (" %.8u" if long or users else "")
    if normalised:
        text += " %.10y" if long else " %.16y"
    else:
        text += " %.10Y"
    return text + " %.10S" + "".join(chosen)
