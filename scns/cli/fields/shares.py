"""sshare 的字段：名字、宽度与取值。来源：sshare(1) “--format”，22.05 版。"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scns.planner.fairshare import Level


class Row:
    """账户树上的一行。

    属性：
        level：份额与用量
        cluster：集群的名字
        registered：登记过的关系；没有登记而有作业的用户也有份额
        minutes：`GrpTRESMins` 的上限；`running` 是在跑的作业到时限为止还要用的，以分钟计
        fair_tree：系数由 Fair Tree 算出，只有用户才有
    """

    __slots__ = ("cluster", "fair_tree", "level", "minutes", "registered", "running")

    def __init__(self, level: Level, cluster: str, *, registered: bool, fair_tree: bool) -> None:
        self.level = level
        self.cluster = cluster
        self.registered = registered
        self.fair_tree = fair_tree
        self.minutes: Mapping[str, int] = {}
        self.running: Mapping[str, int] = {}

    @property
    def root(self) -> bool:
        """账户树的根；它没有兄弟，也就没有份额。"""
        return self.level.depth == 0 and self.level.uid is None and self.level.account == "root"


def _factor(row: Row) -> str:
    if row.level.uid is None and row.fair_tree:
        return ""
    return f"{row.level.share.factor:.6f}"


def _level_fs(row: Row) -> str:
    if row.root or not row.fair_tree:
        return ""
    value = row.level.share.level_fs
    return "inf" if value == float("inf") else f"{value:.6f}"


def _tres(amounts: Mapping[str, int]) -> str:
    return ",".join(f"{kind}={amount}" for kind, amount in amounts.items())


def _shares(row: Row) -> str:
    return f"{0.0 if row.root and row.fair_tree else row.level.share.norm_shares:.6f}"


#: 字段；次序就是 `--helpformat` 的，也是缩写的先后。
FIELDS: tuple[tuple[str, int, Callable[[Row], str]], ...] = (
    ("Account", -20, lambda row: " " * row.level.depth + row.level.account),
    ("Cluster", 10, lambda row: row.cluster),
    ("EffectvUsage", 13, lambda row: f"{row.level.share.effective_usage:.6f}"),
    ("FairShare", 10, _factor),
    ("GrpTRESMins", 30, lambda row: _tres(row.minutes)),
    ("GrpTRESRaw", 30, lambda row: f"cpu={row.level.used:.0f}"),
    ("LevelFS", 10, _level_fs),
    ("NormShares", 11, _shares),
    ("NormUsage", 11, lambda row: f"{row.level.norm_usage:.6f}"),
    ("Partition", 12, lambda _: ""),
    ("RawShares", 10, lambda row: "" if row.root else str(row.level.shares)),
    ("RawUsage", 11, lambda row: f"{row.level.used:.0f}"),
    ("TRESRunMins", 30, lambda row: _tres(row.running)),
    ("User", 10, lambda row: row.level.user),
)

DEFAULT = "Account,User,RawShares,NormShares,RawUsage,EffectvUsage,FairShare"
LONG = "Account,User,RawShares,NormShares,RawUsage,NormUsage,EffectvUsage,FairShare"
