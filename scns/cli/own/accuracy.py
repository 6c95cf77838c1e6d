"""预计的启动时刻与真的启动相差多少；纯函数。"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

#: 提前量的各段：名字与上限，秒。
_SPANS = (("under 10 min", 600.0), ("under 1 h", 3600.0), ("under 1 d", 86_400.0))
_REST = "1 d and more"

#: 相差不超过这么多秒，也不超过提前量的这么一部分，就算准时。
_CLOSE_SECONDS, _CLOSE_SHARE = 5.0, 0.05


@dataclass(frozen=True, slots=True)
class Accuracy:
    """一段提前量的预计。

    参数：
        earlier、on_time、later：比预计早、准时、比预计晚的百分数
        median：误差的中位，秒，比预计晚是正的
        within：九成的误差（不论早晚）不超过这么多秒
    """

    label: str
    estimates: int
    earlier: float
    on_time: float
    later: float
    median: float
    within: float


@dataclass(frozen=True, slots=True)
class Waits:
    """从可以启动到启动等了多久，秒。"""

    jobs: int
    mean: float = 0.0
    median: float = 0.0
    longest: float = 0.0


def accuracy(pairs: Sequence[tuple[float, float]]) -> list[Accuracy]:
    """按提前量分段；没有预计的段不列出。

    参数：
        pairs：各个预计的（提前量，误差），秒；误差是真的启动减去预计
    """
    groups: dict[str, list[tuple[float, float]]] = {}
    for pair in pairs:
        label = next((name for name, most in _SPANS if pair[0] < most), _REST)
        groups.setdefault(label, []).append(pair)
    order = [*(name for name, _ in _SPANS), _REST]
    return [_summarise(label, groups[label]) for label in order if label in groups]


def _summarise(label: str, pairs: Sequence[tuple[float, float]]) -> Accuracy:
    errors = [error for _, error in pairs]
    close = [max(_CLOSE_SECONDS, _CLOSE_SHARE * ahead) for ahead, _ in pairs]
    share = 100 / len(errors)
    earlier = sum(error < -most for error, most in zip(errors, close, strict=True))
    later = sum(error > most for error, most in zip(errors, close, strict=True))
    sizes = sorted(map(abs, errors))
    return Accuracy(
        label,
        len(errors),
        earlier * share,
        (len(errors) - earlier - later) * share,
        later * share,
        median(errors),
        sizes[-(-len(sizes) * 9 // 10) - 1],
    )


def waits(seconds: Sequence[float]) -> Waits:
    """等待的平均、中位与最长；时钟回拨造成的负数当作没有等。"""
    known = [max(one, 0.0) for one in seconds]
    if not known:
        return Waits(0)
    return Waits(len(known), fmean(known), median(known), max(known))
