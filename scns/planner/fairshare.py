"""公平份额：谁用得比应得的少，谁的作业先排。

算法是 Slurm 缺省的 Fair Tree（slurm.schedmd.com/fair_tree.html）：从账户树的根往下，在兄弟之间比较
“应得的份额 ÷ 已用的比例”（level fairshare），大的整棵子树排在小的前面；按此次序给每个用户一个名次，
名次除以用户数就是它的系数，最好的是 1。一个账户超支，它名下无论谁都排到后面，兄弟账户因此互不拖累。
`PriorityFlags=NO_FAIR_TREE` 换成从前的 2 的幂，见 `classic`。

已用的是 CPU 秒，按半衰期衰减（slurm.conf(5) `PriorityDecayHalfLife`）。
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, log

from scns.planner.classic import Share, classic_shares

__all__ = ["Account", "Algorithm", "Association", "Level", "Share", "Tree", "Usage"]

#: 一个用户在一个账户里：（账户，用户）。
Association = tuple[str, int]


@dataclass(slots=True)
class Account:
    """账户树上的一个账户。

    参数：
        parent：上级；None 在顶层
        shares：`Fairshare=`，与兄弟账户、与同一上级直属的用户相比的份数
    """

    name: str
    parent: str | None = None
    shares: int = 1


@dataclass(frozen=True, slots=True)
class Algorithm:
    """怎样由用量得出系数。

    参数：
        fair_tree：Slurm 自 19.05 版起的默认；假是从前的 2 的幂
        depth_oblivious：`PriorityFlags=DEPTH_OBLIVIOUS`，只在不用 Fair Tree 时有意义
        damping：`FairShareDampeningFactor`，只在不用 Fair Tree 时有意义
    """

    fair_tree: bool = True
    depth_oblivious: bool = False
    damping: float = 1.0

    @classmethod
    def of(cls, flags: Iterable[str], damping: float) -> Algorithm:
        """照 `PriorityFlags`。"""
        oblivious = "DEPTH_OBLIVIOUS" in flags
        return cls(not oblivious and "NO_FAIR_TREE" not in flags, oblivious, damping)


@dataclass(slots=True)
class Level:
    """账户树上的一行，从根往下排；sshare(1) 打印的就是它。

    参数：
        depth：根是 0
        uid：None 是账户自己的一行；`user` 是用户的名字，账户的是空串
        shares：自己的份数；`used` 是连同其下所有人用掉的 CPU 秒
        norm_usage：占全部用量的比例
    """

    account: str
    user: str
    uid: int | None
    depth: int
    shares: int
    used: float
    norm_usage: float
    share: Share


class Usage:
    """衰减的用量，CPU 秒。

    参数：
        half_life：半衰期，秒；无穷大时不衰减
        now：`values` 是哪一刻的
    """

    def __init__(
        self, half_life: float, now: float, values: Mapping[Association, float] | None = None
    ) -> None:
        self.half_life = half_life
        self.now = now
        self.values: dict[Association, float] = dict(values or {})

    def advance(self, now: float) -> None:
        """时间走到现在，旧的用量衰减。"""
        kept = 0.5 ** ((now - self.now) / self.half_life)
        self.now = now
        for owner in self.values:
            self.values[owner] *= kept

    def charge(self, owner: Association, cpus: int, start: float, end: float) -> None:
        """记上从 `start` 到 `end` 用的 CPU；其中较早的部分到 `now` 已经衰减。

        对衰减求积分，因此与多久记一次无关。
        """
        if self.half_life == inf:
            seconds = end - start
        else:
            scale = self.half_life / log(2)
            late, early = (0.5 ** ((self.now - at) / self.half_life) for at in (end, start))
            seconds = scale * (late - early)
        self.values[owner] = self.values.get(owner, 0.0) + cpus * seconds


class Tree:
    """账户树；用户是叶子。

    参数：
        users：每个用户的份数
        algorithm：系数怎样算；None 是 Fair Tree
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        users: Mapping[Association, int],
        algorithm: Algorithm | None = None,
    ) -> None:
        self._algorithm = algorithm or Algorithm()
        self._accounts = {account.name: account for account in accounts}
        self._users = dict(users)
        self._children: dict[str | None, list[str | Association]] = {}
        for account in self._accounts.values():
            parent = account.parent if account.parent in self._accounts else None
            self._children.setdefault(parent, []).append(account.name)
        for association in self._users:
            self._children.setdefault(association[0], []).append(association)

    def shares(self, usage: Mapping[Association, float]) -> dict[Association, Share]:
        """各用户的份额。"""
        found = self._all_shares(self._used(usage))
        return {user: found[user] for user in self._users}

    def levels(self, usage: Mapping[Association, float], names: Mapping[int, str]) -> list[Level]:
        """整棵树，从根往下；同一层先用户后账户，各按名字。

        参数：
            names：用户的名字；没有的写用户号
        """
        used = self._used(usage)
        found = self._all_shares(used)
        whole = sum(usage.get(user, 0.0) for user in self._users)
        rows: list[Level] = []

        def visit(parent: str | None, depth: int) -> None:
            for child in sorted(
                self._children.get(parent, []), key=lambda one: (isinstance(one, str), str(one))
            ):
                account, uid = (child, None) if isinstance(child, str) else child
                user = "" if uid is None else names.get(uid, str(uid))
                amount = used.get(child, 0.0)
                share = amount / whole if whole else 0.0
                rows.append(
                    Level(
                        account,
                        user,
                        uid,
                        depth,
                        self._shares_of(child),
                        amount,
                        share,
                        found[child],
                    )
                )
                if uid is None:
                    visit(account, depth + 1)

        visit(None, 0)
        return rows

    def _all_shares(
        self, used: Mapping[str | Association, float]
    ) -> dict[str | Association, Share]:
        found: dict[str | Association, Share] = {}
        if not self._algorithm.fair_tree:
            return classic_shares(
                self._children,
                self._shares_of,
                used,
                damping=self._algorithm.damping,
                oblivious=self._algorithm.depth_oblivious,
            )
        for siblings in self._children.values():
            found.update(self._compare(siblings, used))
        _Ranking(self._children, found).visit(self._children.get(None, []), False)
        return found

    def _used(self, usage: Mapping[Association, float]) -> dict[str | Association, float]:
        """每个用户，与每个账户连同其下所有人，用了多少。"""
        used: dict[str | Association, float] = {}
        for association in self._users:
            amount = usage.get(association, 0.0)
            used[association] = amount
            name: str | None = association[0]
            while name in self._accounts:
                used[name] = used.get(name, 0.0) + amount
                name = self._accounts[name].parent
        return used

    def _compare(
        self, siblings: list[str | Association], used: Mapping[str | Association, float]
    ) -> dict[str | Association, Share]:
        shares = {child: self._shares_of(child) for child in siblings}
        all_shares = sum(shares.values())
        all_used = sum(used.get(child, 0.0) for child in siblings)
        found = {}
        for child in siblings:
            norm = shares[child] / all_shares if all_shares else 0.0
            effective = used.get(child, 0.0) / all_used if all_used else 0.0
            level = norm / effective if effective else (inf if norm else 0.0)
            found[child] = Share(norm, effective, level)
        return found

    def _shares_of(self, child: str | Association) -> int:
        return self._accounts[child].shares if isinstance(child, str) else self._users[child]


class _Ranking:
    """按 level fairshare 走遍账户树，给每个用户名次。

    并列的规矩：并列的用户同名次；并列的账户，孩子合在一起比；与账户并列的用户，与那个账户里最好的
    用户同名次。
    """

    def __init__(
        self,
        children: Mapping[str | None, list[str | Association]],
        found: dict[str | Association, Share],
    ) -> None:
        self._children = children
        self._found = found
        self._count = sum(not isinstance(child, str) for child in found)
        self._next = self._count
        self._rank = self._count

    def visit(self, siblings: list[str | Association], tied: bool) -> None:
        """走过一层兄弟。

        参数：
            tied：与前一个用户并列
        """
        levels: dict[float, list[str | Association]] = {}
        for child in siblings:
            levels.setdefault(self._found[child].level_fs, []).append(child)
        for at, level in enumerate(sorted(levels, reverse=True)):
            same = tied and at == 0
            merged: list[str | Association] = []
            for child in levels[level]:
                if isinstance(child, str):
                    merged += self._children.get(child, [])
                else:
                    self._place(child, same)
                    same = True
            if merged:
                self.visit(merged, same)

    def _place(self, user: Association, tied: bool) -> None:
        if not tied:
            self._rank = self._next
        self._found[user].factor = self._rank / self._count
        self._next -= 1
