"""表格的列：两种格式语言、宽度、对齐、截断与表头；squeue 与 sinfo 共用。

`-o` 是 `%[.][宽]字母` 与夹在中间的文字，`-O` 是逗号相隔的 `名字[:[.][宽][后缀]]`。
字段是什么由各命令的字段表（`scns.cli.fields`）说，这里只管排法。

来源：squeue(1) 与 sinfo(1) 的“--format”和“--Format”。
"""

from __future__ import annotations

from scns.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

#: `-O` 的字段没有写宽度时的宽度。
LONG_WIDTH = 20

#: 再宽就是写错了，也免得一列占满内存。
MAX_WIDTH = 65536


class Field:
    """一个字段：表头与取值。

    参数：
        header：表头
        value：取值；squeue 是 text 类型的 SQL 表达式，sinfo 是从一组节点到文字的函数
    """

    __slots__ = ("header", "value")

    def __init__(self, header: str, value: Any) -> None:
        self.header = header
        self.value = value


class Column:
    """格式串里的一列。

    参数：
        field：字段；None 是原样的文字，表头与各行都一样
        text：`field` 为 None 时的文字
        width：宽度；0 表示值有多宽就多宽
        right：靠右
        suffix：紧跟在后面的文字
    """

    __slots__ = ("field", "right", "suffix", "text", "width")

    def __init__(
        self, field: Field | None, width: int, right: bool, suffix: str, text: str = ""
    ) -> None:
        self.field = field
        self.width = width
        self.right = right
        self.suffix = suffix
        self.text = text


def pad(text: str, width: int, right: bool) -> str:
    """补足或截断到宽度；两种对齐都留开头的字符。"""
    if not width:
        return text
    return text[:width].rjust(width) if right else text[:width].ljust(width)


def header(columns: Iterable[Column]) -> str:
    """表头那一行，不含换行符。"""
    return "".join(
        pad(column.field.header if column.field else column.text, column.width, column.right)
        + column.suffix
        for column in columns
    )


def row(columns: Iterable[Column]) -> tuple[str, list[str]]:
    """整行的 SQL 表达式与它的参数；格式串里的文字只作参数，不进语句。"""
    cells = []
    texts = []
    for column in columns:
        cell = column.field.value if column.field else "%s::text"
        if column.field is None:
            texts.append(column.text)
        if column.width:
            cell = f"{'lpad' if column.right else 'rpad'}({cell}, {column.width})"
        elif column.field:
            cell = f"({cell})"
        cells.append(cell)
        if column.suffix:
            cells.append("%s")
            texts.append(column.suffix)
    return " || ".join(cells) or "''::text", texts


def parse_codes(
    text: str, fields: Mapping[str, Field], complain: Callable[[str], None]
) -> list[Column]:
    """解析 `-o` 的格式串。

    `%` 之间的空段略去，所以 `%%d` 就是 `%d`；不认识的字母原样打印，并说一声。

    参数：
        fields：字母到字段
        complain：每个不认识的字母说一次
    """
    columns = []
    pieces = [piece for piece in text.split("%") if piece]
    if pieces and text[0] != "%":
        columns.append(Column(None, 0, False, "", pieces.pop(0)))
    for piece in pieces:
        right, width, rest = _size(piece)
        letter, suffix = rest[:1], rest[1:]
        field = fields.get(letter)
        if field is None:
            complain(letter)
        columns.append(Column(field, width, right, suffix, f"%{letter}"))
    return columns


def parse_names(
    text: str, fields: Mapping[str, Field], complain: Callable[[str], None]
) -> list[Column]:
    """解析 `-O` 的字段列表；名字不分大小写，不认识的说一声后略去。

    参数：
        fields：小写的名字到字段
        complain：每个不认识的名字说一次，用原来的拼法
    """
    columns = []
    for item in text.split(","):
        if not item:
            continue
        name, colon, size = item.partition(":")
        right, width, suffix = _size(size) if colon else (False, LONG_WIDTH, "")
        field = fields.get(name.lower())
        if field is None:
            complain(name)
        else:
            columns.append(Column(field, width, right, suffix))
    return columns


def _size(text: str) -> tuple[bool, int, str]:
    """拆出 `[.][宽]`，返回是否靠右、宽度与余下的文字。"""
    right = text[:1] == "."
    place = start = int(right)
    while place < len(text) and "0" <= text[place] <= "9":
        place += 1
    digits = text[start:place]
    if len(digits) > 9 or int(digits or 0) > MAX_WIDTH:
        raise InvalidInput(f"Invalid field width: {digits}")
    return right, int(digits or 0), text[place:]
