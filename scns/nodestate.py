"""节点的状态：由占用与管理员的标志得出，以及 Slurm 的写法。

来源：sinfo(1) “NODE STATE CODES”。
"""

from __future__ import annotations

#: 全名到 sinfo 的缩写。
SHORT = {
    "allocated": "alloc",
    "completing": "comp",
    "down": "down",
    "drained": "drain",
    "draining": "drng",
    "idle": "idle",
    "mixed": "mix",
}


def base_state(cpus: int, cpus_alloc: int, down: bool) -> str:
    """基本状态：`DOWN`、`ALLOCATED`、`MIXED` 或 `IDLE`；scontrol 打印的第一个词。"""
    if down:
        return "DOWN"
    if cpus_alloc == 0:
        return "IDLE"
    return "ALLOCATED" if cpus_alloc >= cpus else "MIXED"


def shown_state(base: str, *, drain: bool, completing: bool) -> str:
    """sinfo 打印的一个词，小写全名。

    参数：
        base：`base_state` 的结果
        completing：还有作业在收尾
    """
    busy = completing or base in ("ALLOCATED", "MIXED")
    if drain:
        return "draining" if busy else "drained"
    if completing and base in ("IDLE", "MIXED"):
        return "completing"
    return base.lower()


def flags(*, drain: bool, completing: bool, silent: bool) -> list[str]:
    """scontrol 在基本状态之后以 `+` 相连的标志。"""
    given = (("COMPLETING", completing), ("DRAIN", drain), ("NOT_RESPONDING", silent))
    return [name for name, is_set in given if is_set]
