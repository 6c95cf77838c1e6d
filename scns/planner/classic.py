"""从前的公平份额：系数是 2 的 -(已用 ÷ 应得) 次幂。

`PriorityFlags=NO_FAIR_TREE` 与 `DEPTH_OBLIVIOUS` 用它。来源：
slurm.schedmd.com/classic_fair_share.html，22.05 版的 priority_multifactor.c；`DEPTH_OBLIVIOUS`
见 slurm.conf(5) 与 14.03 版的说明。
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TypeVar

#: 账户树的根；它的孩子的有效用量就是它们自己的。
ROOT = "root"

#: 父账户偏离应得越远，孩子之间的差别越不起作用；Slurm 里是个常数。
_DEPTH_FACTOR = 5.0

Member = TypeVar("Member")


@dataclass(slots=True)
class Share:
    """一个用户或账户的公平份额，各数的名字同 sshare(1)。

    参数：
        norm_shares：应得的比例；Fair Tree 的在兄弟之间比，从前的对全部比
        effective_usage：已用的比例，同上
        level_fs：前者除以后者；没用过是无穷大，没有份额是 0；从前的算法里没有意义
        factor：系数，0 到 1
    """

    norm_shares: float
    effective_usage: float
    level_fs: float = 0.0
    factor: float = 0.0


def classic_shares(
    children: Mapping[str | None, Sequence[Member]],
    shares_of: Callable[[Member], int],
    used: Mapping[Member, float],
    *,
    damping: float = 1.0,
    oblivious: bool = False,
) -> dict[Member, Share]:
    """账户树里每一个的份额。

    参数：
        children：账户名到它的下级与用户；None 是顶层
        used：各自连同其下所有人用了多少
        damping：`FairShareDampeningFactor`，越大系数越接近 1
        oblivious：`DEPTH_OBLIVIOUS`，树有多深不影响系数
    """
    found: dict[Member, Share] = {}
    top = list(children.get(None, ()))
    whole = sum(used.get(member, 0.0) for member in top)

    def visit(siblings: Sequence[Member], parent: Share, at_root: bool) -> None:
        all_shares = sum(shares_of(member) for member in siblings)
        all_used = sum(used.get(member, 0.0) for member in siblings)
        for member in siblings:
            local = shares_of(member) / all_shares if all_shares else 0.0
            usage = used.get(member, 0.0) / whole if whole else 0.0
            norm = parent.norm_shares * local
            if oblivious:
                of_siblings = used.get(member, 0.0) / all_used if all_used else 0.0
                effective = _oblivious(parent, of_siblings / local if local else 0.0) * norm
            elif at_root:
                effective = usage
            else:
                effective = usage + (parent.effective_usage - usage) * local
            factor = 2.0 ** -(effective / norm / damping) if norm > 0 else 0.0
            found[member] = Share(norm, effective, 0.0, factor)
            if isinstance(member, str):
                visit(children.get(member, ()), found[member], parent is above and member == ROOT)

    above = Share(1.0, 1.0)
    visit(top, above, True)
    return found


def _oblivious(parent: Share, local: float) -> float:
    """已用 ÷ 应得：父账户的比值乘以兄弟之间的比值的 k 次幂。

    两个比值在 1 的同一侧时 k 是 1；否则父账户偏离越远 k 越小，里面用得少的人也沾不到多少光。
    """
    above = parent.effective_usage / parent.norm_shares if parent.norm_shares else 0.0
    if not above or not local:
        return 0.0
    k = 1.0
    if log(above) * log(local) < 0:
        k = 1.0 / (1.0 + (_DEPTH_FACTOR * log(above)) ** 2)
    return float(above * local**k)
