"""节点名的列表：`node[01-03,7],x` 展开成名字，名字折叠回去。

次序与 `scontrol show hostnames`、`show hostlist` 相同，重复的名字保留。
"""

from __future__ import annotations

from scns.errors import InvalidInput

TYPE_CHECKING = False  # 导入 typing 要 5 毫秒；类型检查器认得这个名字
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: 一个列表至多有多少名字；再多的都是笔误或恶意，展开它会耗尽内存。
MAX_NAMES = 65_536

#: 名字末尾的数字超过这么多位就不当编号看，原样保留。
_MAX_DIGITS = 18

_SEPARATORS = ", \t\n\v\f\r"
_DIGITS = frozenset("0123456789")


class InvalidHostlist(InvalidInput):
    """节点名的列表不合语法，或名字太多。

    参数：
        reason：错在哪一段；None 表示只说整个列表不对
    """

    def __init__(self, text: str, reason: str | None = None) -> None:
        sentence = f"Invalid hostlist: {text}"
        if reason is None:
            super().__init__(sentence, style="bare")
        else:
            super().__init__(reason, notes=(sentence,))
        self.text = text


class _Range:
    """方括号里的一段：从 `low` 到 `high`，补零到 `width` 位。"""

    __slots__ = ("high", "low", "width")

    def __init__(self, low: int, high: int, width: int) -> None:
        self.low = low
        self.high = high
        self.width = width

    def texts(self) -> list[str]:
        return [str(number).zfill(self.width) for number in range(self.low, self.high + 1)]

    def extend(self, digits: str) -> bool:
        """紧接着的编号并入本段；接不上，或补零的位数对不上时返回假。"""
        if digits != str(self.high + 1).zfill(self.width):
            return False
        self.high += 1
        return True

    def __str__(self) -> str:
        low = str(self.low).zfill(self.width)
        return low if self.low == self.high else f"{low}-{str(self.high).zfill(self.width)}"


#: 一项的一维：方括号前的文字，方括号里的各段。
_Dimension = tuple[str, list[_Range]]


def expand(text: str) -> list[str]:
    """把列表展开成名字，次序与 `scontrol show hostnames` 相同。

    各项以逗号或空白隔开；一项可以有几对方括号，名字以最后一对结尾；`[01-03]` 补零到
    起点的位数。

    异常：
        InvalidHostlist：不合语法，或名字多过 `MAX_NAMES`
    """
    names: list[str] = []
    for dimensions, tail in _items(text):
        names += _product(dimensions) if dimensions else [tail]
    return names


def count(text: str) -> int:
    """列表里有多少名字，不展开；异常与 `expand` 相同。"""
    return sum(_size(dimensions) for dimensions, _ in _items(text))


def compress(names: Iterable[str]) -> str:
    """把名字折叠成列表，次序不变，与 `scontrol show hostlist` 相同。

    相邻的名字前缀相同才进同一对方括号，编号接着的写成一段。要 `show hostlistsorted`
    那样的结果，先以 `sort_key` 排序。
    """
    groups: list[tuple[str, list[_Range] | None]] = []
    for name in names:
        prefix, digits = _split(name)
        if not digits:
            groups.append((name, None))
            continue
        ranges = groups[-1][1] if groups and groups[-1][0] == prefix else None
        if ranges is None:
            ranges = []
            groups.append((prefix, ranges))
        if not (ranges and ranges[-1].extend(digits)):
            number = int(digits)
            ranges.append(_Range(number, number, len(digits)))
    return ",".join(map(_fold, groups))


def sort_key(name: str) -> tuple[str, int, str]:
    """按 `scontrol show hostlistsorted` 的次序排名字：前缀，编号的位数，编号。"""
    prefix, digits = _split(name)
    return prefix, len(digits), digits


def _fold(group: tuple[str, list[_Range] | None]) -> str:
    prefix, ranges = group
    if ranges is None:
        return prefix
    text = ",".join(map(str, ranges))
    single = len(ranges) == 1 and ranges[0].low == ranges[0].high
    return prefix + text if single else f"{prefix}[{text}]"


def _split(name: str) -> tuple[str, str]:
    """分出名字末尾的编号；没有编号，或长得不像编号时，后者为空。"""
    start = len(name)
    while start and name[start - 1] in _DIGITS:
        start -= 1
    return (name[:start], name[start:]) if len(name) - start <= _MAX_DIGITS else (name, "")


def _items(text: str) -> Iterator[tuple[list[_Dimension], str]]:
    """逐项拆开列表，给出各维与方括号之后的文字；名字的总数先算好，不超过上限。"""
    total = 0
    for item in _split_items(text):
        dimensions, tail = _dimensions(text, item)
        if dimensions and tail:
            # 展开后与 `n1-ib` 之类的名字对不上号，Slurm 也拒绝
            raise InvalidHostlist(text)
        total += _size(dimensions)
        if total > MAX_NAMES:
            raise InvalidHostlist(text, f"Too many hosts in list, limit is {MAX_NAMES}")
        yield dimensions, tail


def _split_items(text: str) -> Iterator[str]:
    """在方括号之外的分隔处切开，空项略去。"""
    start = 0
    inside = False
    for at, char in enumerate(text):
        if char in "[]":
            if inside == (char == "["):
                raise InvalidHostlist(text)
            inside = not inside
        elif char in _SEPARATORS and not inside:
            if at > start:
                yield text[start:at]
            start = at + 1
    if inside:
        raise InvalidHostlist(text)
    if start < len(text):
        yield text[start:]


def _dimensions(text: str, item: str) -> tuple[list[_Dimension], str]:
    dimensions: list[_Dimension] = []
    while "[" in item:
        literal, _, rest = item.partition("[")
        inner, _, item = rest.partition("]")
        dimensions.append((literal, [_parse_range(text, part) for part in inner.split(",")]))
    return dimensions, item


def _parse_range(text: str, part: str) -> _Range:
    low, dash, high = part.partition("-")
    if not dash:
        high = low
    for digits in (low, high):
        if not (digits.isdigit() and digits.isascii() and len(digits) <= _MAX_DIGITS):
            raise InvalidHostlist(text, f"Invalid range: `{part}'")
    if int(high) < int(low):
        raise InvalidHostlist(text, f"Invalid range: `{part}'")
    if int(high) - int(low) >= MAX_NAMES:
        raise InvalidHostlist(text, f"Too many hosts in range `{part}'")
    return _Range(int(low), int(high), len(low))


def _size(dimensions: list[_Dimension]) -> int:
    size = 1
    for _, ranges in dimensions:
        size *= sum(each.high - each.low + 1 for each in ranges)
    return size


def _product(dimensions: list[_Dimension]) -> list[str]:
    """展开一项的各维。

    次序照 Slurm：最后一维变得最快，其次是第一维、第二维……倒数第二维最慢。
    """
    names = [""]
    for literal, ranges in dimensions[:-1]:
        texts = [literal + text for each in ranges for text in each.texts()]
        names = [name + text for text in texts for name in names]
    literal, ranges = dimensions[-1]
    texts = [literal + text for each in ranges for text in each.texts()]
    return [name + text for name in names for text in texts]
