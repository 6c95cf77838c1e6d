"""slurm.conf 的值：每一类值怎样读，怎样照 `scontrol show config` 印。

内存以 MiB 计，时限以秒计，None 表示不限或没有设。来源：slurm.conf(5)。
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scns.errors import InvalidInput
from scns.times import elapsed, parse_time_limit

if TYPE_CHECKING:
    from collections.abc import Callable

#: 数的上限，Slurm 以 32 位存；再大的是笔误。
_LARGEST = 2**32 - 3

_UNLIMITED = ("UNLIMITED", "INFINITE")
_YES = ("YES", "TRUE", "UP", "1")
_NO = ("NO", "FALSE", "DOWN", "0")
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


class BadValue(InvalidInput):
    """值不是该有的样子。

    参数：
        expected：该有的样子，接在 `expected` 之后
    """

    def __init__(self, expected: str) -> None:
        super().__init__(f"expected {expected}")
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Kind:
    """一类值。

    参数：
        name：这一类的名字，也进文档
        parse：文本到值；不对时抛 BadValue
        show：值到 `scontrol show config` 的文本
    """

    name: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str]


def _plain(value: Any) -> str:
    return "(null)" if value in (None, "", ()) else str(value)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _LARGEST):
        raise BadValue("a whole number, 0 or more")
    return int(text)


def _positive(text: str) -> int:
    try:
        if number := _number(text):
            return number
    except BadValue:
        pass
    raise BadValue("a whole number, 1 or more")


def _limit(text: str) -> int | None:
    if text.upper() in _UNLIMITED:
        return None
    try:
        return _number(text)
    except BadValue:
        raise BadValue("a whole number, 0 or more, or UNLIMITED") from None


def _memory(text: str) -> int | None:
    """MiB；0 与 UNLIMITED 都是不限。"""
    try:
        return _limit(text) or None
    except BadValue:
        raise BadValue("MiB as a whole number, 0 or more, or UNLIMITED") from None


def _duration(text: str) -> int | None:
    try:
        return parse_time_limit(text)
    except InvalidInput:
        raise BadValue("a time such as 30, 12:00:00, 7-0 or UNLIMITED") from None


def _optional_duration(text: str) -> int | None:
    """DefaultTime：没有默认时限可以写 NONE，scontrol 就是这样印的。"""
    return None if text.upper() == "NONE" else _duration(text)


def _yes_no(text: str) -> bool:
    word = text.upper()
    if word not in _YES + _NO:
        raise BadValue("YES or NO")
    return word in _YES


def _list(text: str) -> tuple[str, ...]:
    return tuple(item for item in (part.strip() for part in text.split(",")) if item)


def _parameters(text: str) -> dict[str, str]:
    """`batch_sched_delay=0,defer` 这样的参数；没有等号的值是空串。"""
    pairs = (item.partition("=") for item in _list(text))
    return {name: value for name, _, value in pairs}


def _members(text: str) -> tuple[str, ...] | None:
    """名单；ALL 是不限，即 None。"""
    names = _list(text)
    return None if "ALL" in (name.upper() for name in names) else names


def _exit_codes(text: str) -> tuple[int, ...]:
    """`1-9,18` 这样的退出码，从小到大，都在 0 到 255 之间。"""
    codes: set[int] = set()
    for item in _list(text):
        low, dash, high = item.partition("-")
        first, last = _number(low), _number(high if dash else low)
        if not first <= last <= 255:
            raise BadValue("exit codes from 0 to 255 like 1-9,18")
        codes.update(range(first, last + 1))
    return tuple(sorted(codes))


def _show_exit_codes(codes: tuple[int, ...]) -> str:
    """相连的合成 `首-尾`。"""
    starts = sorted(code for code in codes if code - 1 not in codes)
    ends = sorted(code for code in codes if code + 1 not in codes)
    pairs = zip(starts, ends, strict=True)
    return _plain(",".join(str(a) if a == b else f"{a}-{b}" for a, b in pairs))


def parse_counts(text: str) -> dict[str, int]:
    """`matlab:4,fluent` 这样的名单到个数；省略个数是 1，重复的名字相加。

    异常：
        BadValue：没有名字，或个数不是数
    """
    counts: dict[str, int] = {}
    for item in _list(text):
        name, colon, count = item.partition(":")
        if not name or (colon and not (count.isascii() and count.isdigit() and len(count) < 10)):
            raise BadValue("NAME[:COUNT],...")
        counts[name] = counts.get(name, 0) + (int(count) if colon else 1)
    return counts


def parse_gres(text: str) -> dict[str, int]:
    """节点的 `Gres=gpu:a100:4,tmp:100G` 到个数，键是 `gpu:a100` 或 `tmp`。

    个数可带 K、M、G、T（1024 进），省略是 1；`no_consume` 与 `(S:0-1)` 一类的位置照收，不起
    作用。

    异常：
        BadValue：没有名字，段数太多，或个数不是数
    """
    counts: dict[str, int] = {}
    for item in _list(text):
        parts = [part for part in item.partition("(")[0].split(":") if part != "no_consume"]
        count = _count(parts[-1]) if len(parts) > 1 else None
        if count is not None:
            parts.pop()
        if not all(parts) or not 1 <= len(parts) <= 2:
            raise BadValue("NAME[:TYPE][:COUNT],...")
        name = ":".join(parts)
        counts[name] = counts.get(name, 0) + (1 if count is None else count)
    return counts


def _count(text: str) -> int | None:
    """`4`、`2K` 这样的个数；不是个数时是 None。"""
    digits, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10 and unit in _UNITS):
        return None
    return int(digits) * _UNITS[unit]


#: 资源种类的写法；`gres/NAME`、`license/NAME` 另有名字。
_TRES = {"cpu": "CPU", "mem": "Mem", "node": "Node"}


def _weights(text: str) -> dict[str, float]:
    """`CPU=1000,Mem=2000,GRES/gpu=3000` 这样的权重；键是小写的种类，`gres/` 后面的名字照原样。"""
    expected = "TYPE=WEIGHT,... with the types CPU, Mem, Node, GRES/name, License/name"
    weights: dict[str, float] = {}
    for item in _list(text):
        name, equals, value = item.partition("=")
        kind, slash, rest = name.partition("/")
        lowered = kind.lower()
        known = lowered in ("gres", "license") and rest if slash else lowered in _TRES
        whole, _, decimals = value.partition(".")
        if not (known and equals and (whole + decimals).isdecimal() and len(value) < 16):
            raise BadValue(expected)
        weights[lowered + slash + rest] = float(value) if decimals else int(whole)
    return weights


def _show_weights(values: dict[str, float]) -> str:
    def name(kind: str) -> str:
        first, slash, rest = kind.partition("/")
        return _TRES.get(first, first.upper()) + slash + rest

    return _plain(",".join(f"{name(kind)}={value}" for kind, value in values.items()))


def _oversubscribe(text: str) -> str:
    """`NO`、`EXCLUSIVE`、`YES[:N]`、`FORCE[:N]`；N 省略是 4，与 Slurm 相同。"""
    word, colon, count = text.upper().partition(":")
    if word in ("NO", "EXCLUSIVE") and not colon:
        return word
    if word in ("YES", "FORCE") and (not colon or (count.isascii() and count.isdigit())):
        return f"{word}:{int(count[:6]) if colon else 4}"
    raise BadValue("NO, EXCLUSIVE, YES[:COUNT] or FORCE[:COUNT]")


def choice(*words: str, aliases: dict[str, str] | None = None) -> Kind:
    """几个词之一，大小写不论；`aliases` 是别的写法到正式的词。"""
    known = {word.upper(): word for word in words} | (aliases or {})

    def parse(text: str) -> str:
        if text.upper() not in known:
            raise BadValue(f"one of {', '.join(words)}")
        return known[text.upper()]

    return Kind("word", parse, _plain)


def words(*known: str, name: str = "words") -> Kind:
    """逗号相隔的、认得的词，大小写不论。"""
    canonical = {word.upper(): word for word in known}

    def parse(text: str) -> tuple[str, ...]:
        found = []
        for word in _list(text):
            if word.upper() not in canonical:
                raise BadValue(f"a list of {', '.join(known)}")
            found.append(canonical[word.upper()])
        return tuple(dict.fromkeys(found))

    return Kind(name, parse, lambda value: _plain(",".join(value)))


def _enforce(text: str) -> tuple[str, ...]:
    """`AccountingStorageEnforce`：后面的词连带前面的。"""
    asked = set(_ENFORCE.parse(text))
    if "none" in asked:
        return ()
    if "all" in asked:
        asked |= {"limits", "qos", "safe"}
    if "safe" in asked:
        asked.add("limits")
    # 不起作用的词不留：`scontrol show config` 只说真的
    kept = tuple(word for word in ("limits", "qos", "safe") if word in asked)
    return ("associations", *kept) if kept or asked & {"associations", "wckeys"} else ()


def _show_pairs(separator: str) -> Callable[[dict[str, int]], str]:
    def show(values: dict[str, int]) -> str:
        return _plain(",".join(f"{name}{separator}{value}" for name, value in values.items()))

    return show


def _show_parameters(values: dict[str, str]) -> str:
    return _plain(",".join(f"{name}={value}" if value else name for name, value in values.items()))


def _unlimited(value: int | None) -> str:
    return "UNLIMITED" if value is None else str(value)


TEXT = Kind("text", str, _plain)
#: 集群名；Slurm 一律改成小写。
NAME = Kind("name", str.lower, _plain)
NUMBER = Kind("number", _number, str)
POSITIVE = Kind("number from 1", _positive, str)
LIMIT = Kind("number or UNLIMITED", _limit, _unlimited)
SECONDS = Kind("seconds", _number, lambda value: f"{value} sec")
SECONDS_LIMIT = Kind(
    "seconds or UNLIMITED", _limit, lambda value: "UNLIMITED" if value is None else f"{value} sec"
)
MINUTES_LIMIT = Kind(
    "minutes or UNLIMITED", _limit, lambda value: "UNLIMITED" if value is None else f"{value} min"
)
MEMORY = Kind("MiB or UNLIMITED", _memory, _unlimited)
DURATION = Kind("time", _duration, elapsed)
OPTIONAL_DURATION = Kind("time or NONE", _optional_duration, lambda value: elapsed(value, "NONE"))
YES_NO = Kind("YES or NO", _yes_no, lambda value: "Yes" if value else "No")
#: 与 YES_NO 同读，scontrol 印作 1 或 0。
SWITCH = Kind("0 or 1", _yes_no, lambda value: "1" if value else "0")
LIST = Kind("list", _list, lambda value: _plain(",".join(value)))
MEMBERS = Kind("list or ALL", _members, lambda value: "ALL" if value is None else ",".join(value))
EXIT_CODES = Kind("exit codes like 1-9,18", _exit_codes, _show_exit_codes)
COUNTS = Kind("NAME[:COUNT],...", parse_counts, _show_pairs(":"))
GRES = Kind("NAME[:TYPE][:COUNT],...", parse_gres, _show_pairs(":"))
PARAMETERS = Kind("NAME[=VALUE],...", _parameters, _show_parameters)
WEIGHTS = Kind("TYPE=WEIGHT,...", _weights, _show_weights)
_ENFORCE = words(
    "associations", "limits", "nojobs", "nosteps", "qos", "safe", "wckeys", "all", "none"
)  # fmt: skip
#: 没有写时只管上限，不要求登记；写了 `none` 什么也不管。
ENFORCE = Kind(
    _ENFORCE.name,
    _enforce,
    lambda value: "(null)" if value is None else ",".join(value) or "none",
)
PRIORITY_FLAGS = words(
    "ACCRUE_ALWAYS", "CALCULATE_RUNNING", "DEPTH_OBLIVIOUS", "FAIR_TREE", "INCR_ONLY", "MAX_TRES",
    "NO_FAIR_TREE", "NO_NORMAL_ALL", "NO_NORMAL_ASSOC", "NO_NORMAL_PART", "NO_NORMAL_QOS",
    "NO_NORMAL_TRES", "SMALL_RELATIVE_TO_TIME",
)  # fmt: skip
OVERSUBSCRIBE = Kind("NO, EXCLUSIVE, YES[:COUNT] or FORCE[:COUNT]", _oversubscribe, _plain)
