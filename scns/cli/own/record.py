"""记录：一行查询的结果。

等着的命令（watch、wait、tail）可以有几百个同时在，所以不用 dataclasses：它带进来的模块要 3 MB。
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Record:
    """子类的注解依次是各列；构造时照这个次序给值。"""

    def __init__(self, *values: Any) -> None:
        for name, value in zip(type(self).__annotations__, values, strict=True):
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """列名到值，照列的次序。"""
        return {name: getattr(self, name) for name in type(self).__annotations__}
