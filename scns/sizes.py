"""内存大小与个数：Slurm 的写法读进来，Slurm 的写法印出去。

申请的内存以 MiB 计。来源：sbatch(1) `--mem`、`--nodes`、`--ntasks`，sacct(1) `--units`。
"""

from __future__ import annotations

from scns.errors import InvalidInput

#: 个数与 MiB 数的上限：再大的数没有哪台机器用得上，而乘起来会溢出 64 位。
MAX_COUNT = 2**31 - 1

_UNITS = ("", "K", "M", "G", "T", "P")
#: 单位换成 MiB 要左移几位。
_SHIFTS = {"": 0, "K": -10, "k": -10, "M": 0, "m": 0, "G": 10, "g": 10, "T": 20, "t": 20}
#: 节点数的后缀。
_SCALES = {"": 1, "k": 1024, "K": 1024, "m": 1024**2, "M": 1024**2}
_BLANKS = " \t\n\v\f\r"


class InvalidMemory(InvalidInput):
    """内存大小不合语法，或大过 `MAX_COUNT` MiB。"""

    exit_code = 255

    def __init__(self, option: str) -> None:
        super().__init__(f"Invalid {option} specification")


class InvalidCount(InvalidInput):
    """个数不是整数，或超出范围。"""


class InvalidNodeCount(InvalidInput):
    """节点数不合语法，或最大小于最小。"""

    exit_code = 255


def parse_memory(text: str, option: str = "--mem") -> int:
    """把内存大小换算成 MiB；0 的意思由选项定（`--mem=0` 是节点的全部内存）。

    整数后面可以有 K、M、G、T，大小写都行，再跟一个 B 也行；没有单位是 M，K 向上取到整 M。

    参数：
        option：写进错误里的选项名
    异常：
        InvalidMemory：不合语法，或太大
    """
    number, suffix = _leading_number(text)
    if len(suffix) == 2 and suffix[1] in "bB":
        suffix = suffix[0]
    shift = _SHIFTS.get(suffix)
    if number is None or shift is None:
        raise InvalidMemory(option)
    mebibytes = number << shift if shift >= 0 else -(-number >> -shift)
    if mebibytes > MAX_COUNT:
        raise InvalidMemory(option)
    return mebibytes


def _leading_number(text: str) -> tuple[int | None, str]:
    """分出开头的整数与余下的文本，如 C 的 strtol；没有整数时前者是 None。"""
    rest = text.lstrip(_BLANKS).removeprefix("+")
    end = 0
    while end < len(rest) and rest[end] in "0123456789":
        end += 1
    # 位数有界：18 位以上的数反正太大，而 int() 拒绝 4300 位以上的数字
    digits = rest[:end].lstrip("0")[:18]
    return (int(digits or "0") if end else None), rest[end:]


def format_size(
    amount: int, base: str = "M", *, unit: str | None = None, convert: bool = True
) -> str:
    """把大小印成带单位的文本，每级 1024。

    不指定单位时只换到不失真的最大单位，半个也算不失真：1500M 不变，1536M 是 `1.50G`，
    1024M 是 `1G`。零总是 `0`。

    参数：
        amount：以 `base` 为单位的整数
        base：`""`（字节）、`K`、`M`、`G`、`T`、`P`；squeue 与 scontrol 的内存是 `M`，
            sacct 的 MaxRSS 是字节
        unit：换成这个单位（sacct 的 `--units`），除不尽时印两位小数
        convert：假时不换单位（`--noconvert`）
    """
    if amount == 0:
        return "0"
    level = _UNITS.index(base)
    if unit is not None:
        target = _UNITS.index(unit)
        value = amount * 1024 ** max(level - target, 0) / 1024 ** max(target - level, 0)
        return f"{value:.0f}{unit}" if value == int(value) else f"{value:.2f}{unit}"
    while convert and level + 1 < len(_UNITS) and amount >= 1024 and amount % 512 == 0:
        level += 1
        if amount % 1024:
            return f"{amount / 1024:.2f}{_UNITS[level]}"
        amount //= 1024
    return f"{amount}{_UNITS[level]}"


def parse_count(text: str, option: str, minimum: int = 1) -> int:
    """读 `--ntasks` 一类选项的个数；不认 k、m 之类的后缀。

    参数：
        option：写进错误里的选项名
        minimum：最小的合法值，1 或 0
    异常：
        InvalidCount：不是整数，或超出范围
    """
    number, suffix = _leading_number(text)
    if number is None or suffix or number < minimum:
        raise InvalidCount(f'Invalid numeric value "{text}" for {option}.')
    if number > MAX_COUNT:
        raise InvalidCount(f"Numeric argument ({text}) to big for {option}.")
    return number


def parse_node_count(text: str) -> tuple[int, int]:
    """把 `--nodes` 的 `N`、`MIN-MAX`、`-MAX` 换算成最小与最大节点数。

    数后可以带 k（1024）或 m（1024²）。单独一个数既是最小也是最大；写 0 等于没有说：
    最小是 1，最大与最小相同。

    异常：
        InvalidNodeCount：不合语法，或最大小于最小
    """
    low, dash, high = text.partition("-")
    if not dash:
        minimum = maximum = _nodes(low)
    else:
        minimum = _nodes(low) if low.strip(_BLANKS) else 1
        maximum = _nodes(high) if high.strip(_BLANKS) else -1
    if maximum and maximum < minimum:
        raise InvalidNodeCount(
            f"Maximum node count {maximum} is less than minimum node count {minimum}"
        )
    minimum = max(minimum, 1)
    return minimum, max(maximum, minimum)


def _nodes(text: str) -> int:
    number, suffix = _leading_number(text)
    scale = _SCALES.get(suffix.strip(_BLANKS))
    if number is None or scale is None or number * scale > MAX_COUNT:
        raise InvalidNodeCount(f'"{text}" is not a valid node count')
    return number * scale


def format_node_count(minimum: int, maximum: int | None = None) -> str:
    """按 scontrol 的 NumNodes 印排队作业的节点数。

    参数：
        maximum：None 表示作业没有说节点数，只印一个数；说了就印 `MIN-MAX`，两头相同也写全
    """
    return str(minimum) if maximum is None else f"{minimum}-{maximum}"
