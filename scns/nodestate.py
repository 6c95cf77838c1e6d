"""节点的状态：由占用与管理员的标志得出，以及 Slurm 的写法。

来源：sinfo(1) “NODE STATE CODES”；大小的次序照 slurm.h 的 `node_states`。
"""

from __future__ import annotations

#: 小写全名到 sinfo 的缩写。
SHORT = {
    "allocated": "alloc",
    "completing": "comp",
    "down": "down",
    "drained": "drain",
    "draining": "drng",
    "idle": "idle",
    "mixed": "mix",
}

#: 基本状态与标志在 Slurm 里的数，排序用。
_RANK = {"DOWN": 1, "IDLE": 2, "ALLOCATED": 3, "MIXED": 5}
_DRAIN, _COMPLETING, _NOT_RESPONDING = 0x200, 0x400, 0x800

#: `sinfo -t` 认得的词，缩写也认；次序是错误里列出的次序，同一个头的词先到先得。
#: 来源：22.05 版的错误信息与 sinfo(1)。
WORDS = (
    "unknown",
    "down",
    "idle",
    "allocated",
    "?",
    "mixed",
    "future",
    "drain",
    "drained",
    "draining",
    "no_respond",
    "reserved",
    "perfctrs",
    "cloud",
    "completing",
    "powering_down",
    "powered_down",
    "power_down",
    "powering_up",
    "fail",
    "maint",
    "reboot",
    "reboot^",
    "unknown",
)
#: 不是全名开头的缩写。
_SHORT_WORDS = {
    "drng": "draining",
    "futr": "future",
    "mix": "mixed",
    "npc": "perfctrs",
    "plnd": "planned",
    "planned": "planned",
    "boot": "reboot",
    "resv": "reserved",
}


def base_state(cpus: int, cpus_alloc: int, down: bool) -> str:
    """基本状态：`DOWN`、`ALLOCATED`、`MIXED` 或 `IDLE`；scontrol 打印的第一个词。"""
    if down:
        return "DOWN"
    if cpus_alloc == 0:
        return "IDLE"
    return "ALLOCATED" if cpus_alloc >= cpus else "MIXED"


def flags(*, drain: bool, completing: bool, silent: bool) -> list[str]:
    """scontrol 在基本状态之后以 `+` 相连的标志。"""
    given = (("COMPLETING", completing), ("DRAIN", drain), ("NOT_RESPONDING", silent))
    return [name for name, is_set in given if is_set]


def shown_state(base: str, *, drain: bool, completing: bool) -> str:
    """sinfo 打印的一个词，小写全名，不带记号。

    参数：
        base：`base_state` 的结果
        completing：还有作业在收尾
    """
    if drain:
        return "draining" if _is_busy(base, completing) else "drained"
    if completing and base in ("IDLE", "MIXED"):
        return "completing"
    return base.lower()


def mark(base: str, *, drain: bool, completing: bool, silent: bool) -> str:
    """状态后面的记号：`*` 没有应答，`+` 占满而又有作业在收尾。"""
    if silent:
        return "*"
    return "+" if completing and base == "ALLOCATED" and not drain else ""


def rank(base: str, *, drain: bool, completing: bool, silent: bool) -> int:
    """排序用的数：有标志的比没有的大。"""
    flagged = _DRAIN * drain + _COMPLETING * completing + _NOT_RESPONDING * silent
    return _RANK[base] + flagged


def _is_busy(base: str, completing: bool) -> bool:
    return completing or base in ("ALLOCATED", "MIXED")


def known_word(text: str) -> str | None:
    """`sinfo -t` 的一个词的全名；认不得时返回 None。"""
    word = text.lower()
    if not word:
        return None
    return _SHORT_WORDS.get(word) or next((name for name in WORDS if name.startswith(word)), None)


def matches(word: str, base: str, *, drain: bool, completing: bool, silent: bool) -> bool:
    """节点算不算处于这个状态；`word` 是 `known_word` 的结果。

    `idle` 不要任何别的标志，别的基本状态不看标志，与 Slurm 相同。我们没有的状态谁也不是。
    """
    busy = _is_busy(base, completing)
    meanings = {
        "down": base == "DOWN",
        "idle": base == "IDLE" and not drain and not completing,
        "allocated": base == "ALLOCATED",
        "mixed": base == "MIXED",
        "drain": drain,
        "drained": drain and not busy,
        "draining": drain and busy,
        "completing": completing,
        "no_respond": silent,
    }
    return meanings.get(word, False)
