"""失败的备忘：一轮之内资源只减不增，放不下的，处处不比它小的也放不下。"""

from __future__ import annotations

from operator import ge
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scns.planner.demand import Need


class Failures:
    """失败过的要求，按族（`Need.family`）各留最小的那些。

    一万种形状因此只有几十种要真的去试。
    """

    def __init__(self) -> None:
        self._sizes: dict[object, list[tuple[float, ...]]] = {}

    def cover(self, need: Need, limit: float) -> bool:
        """要用 `limit` 秒的这种要求是否必定失败。"""
        sizes = self._sizes.get(need.family)
        if not sizes:
            return False
        size = (limit, *need.size)
        return any(all(map(ge, size, failed)) for failed in sizes)

    def cover_all(self, needs: Sequence[Need]) -> bool:
        """是否每一种要求用到时限都必定失败。"""
        return bool(self._sizes) and all(self.cover(need, need.limit) for need in needs)

    def add(self, need: Need, limit: float) -> None:
        """记下一次失败。"""
        size = (limit, *need.size)
        sizes = self._sizes.setdefault(need.family, [])
        sizes[:] = [failed for failed in sizes if not all(map(ge, failed, size))]
        sizes.append(size)
