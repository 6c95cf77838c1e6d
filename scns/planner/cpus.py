"""CPU 编号的集合：用一个整数的各位表示，挑选时尽量连续。"""

from __future__ import annotations

from collections.abc import Iterable


def to_mask(ids: Iterable[int]) -> int:
    """编号的集合换成位图。"""
    mask = 0
    for cpu in ids:
        mask |= 1 << cpu
    return mask


def to_ids(mask: int) -> tuple[int, ...]:
    """位图换成编号，从小到大。"""
    ids = []
    while mask:
        low = mask & -mask
        ids.append(low.bit_length() - 1)
        mask ^= low
    return tuple(ids)


def pick(mask: int, count: int) -> int:
    """从空闲的 CPU 里挑出若干个，返回它们的位图。

    有足够长的连续一段就取编号最小的那一段的开头；没有就先取最长的一段，再挑余下的，段数因此少。
    空闲的必须够数。
    """
    chosen = 0
    while count:
        length, starts = _longest(mask, count)
        low = starts & -starts
        run = ((1 << length) - 1) * low
        chosen |= run
        mask ^= run
        count -= length
    return chosen


def _longest(mask: int, wanted: int) -> tuple[int, int]:
    """不超过所要长度的最长连续段：它的长度，与所有这样的段的起点。"""
    length, starts = 1, mask
    while length < wanted:
        step = min(length, wanted - length)
        # 起点 i 处连续 n 个、i+k 处也连续 n 个，则 i 处连续 n+k 个
        longer = starts & (starts >> step)
        while not longer and step > 1:
            step //= 2
            longer = starts & (starts >> step)
        if not longer:
            break
        length, starts = length + step, longer
    return length, starts
