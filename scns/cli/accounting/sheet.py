"""sacct 的列：由 `-o` 的文本选出，排成定宽的或以分隔符相隔的行。

来源：sacct(1) “--format”；宽度与截断照 22.05 版的输出。
"""

from __future__ import annotations

from scns.cli.fields.accounting import DATE, FIELDS, TEXT
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class InvalidField(UsageError):
    """`-o` 里没有这个字段。"""

    def __init__(self, name: str) -> None:
        super().__init__(f'Invalid field requested: "{name}"')


class Column:
    """一列。

    属性：
        width：宽度
        left：靠左
        cut：放不下时怎样截断，见 `scns.cli.fields.accounting`
    """

    __slots__ = ("cut", "left", "name", "width")

    def __init__(self, name: str, width: int, cut: str) -> None:
        self.name = name
        self.width = abs(width)
        self.left = width < 0
        self.cut = cut

    def pad(self, text: str) -> str:
        """补足宽度；放不下时照字段的规矩截断。"""
        if len(text) > self.width and self.cut in (TEXT, DATE):
            text = text[: self.width]
            if self.cut == TEXT and text:
                text = text[:-1] + "+"
        return text.ljust(self.width) if self.left else text.rjust(self.width)


def parse_columns(text: str) -> list[Column]:
    """`NAME[%[-]WIDTH],..` 选出的列；名字可以缩写，取表中头一个，`all` 是全部。

    异常：
        InvalidField：没有这个字段
    """
    columns: list[Column] = []
    for item in text.split(","):
        name, percent, size = item.strip().partition("%")
        if not name and not percent:
            continue
        width = _width(size) if percent else None
        if "all".startswith(name.lower()):
            found = FIELDS
        else:
            found = tuple(row for row in FIELDS if row[0].lower().startswith(name.lower()))[:1]
        if not found:
            raise InvalidField(name)
        columns += [Column(row[0], row[1] if width is None else width, row[2]) for row in found]
    return columns


def _width(text: str) -> int:
    """宽度；像 C 的 atoi，不是数字就是 0。"""
    sign = -1 if text[:1] == "-" else 1
    digits = text.lstrip("+-")
    digits = digits[: len(digits) - len(digits.lstrip("0123456789"))]
    return sign * min(int(digits[:9] or 0), 65536)


class Layout:
    """怎样把一行的值排出来。

    属性：
        delimiter：各值之间的分隔；None 是定宽
        ending：每行末尾也有分隔（`-p`）
    """

    __slots__ = ("columns", "delimiter", "ending")

    def __init__(self, columns: list[Column], delimiter: str | None, *, ending: bool) -> None:
        self.columns = columns
        self.delimiter = delimiter
        self.ending = ending

    def header(self) -> str:
        """表头；定宽时下面还有一行短横。"""
        names = [column.name for column in self.columns]
        if self.delimiter is not None:
            return self.row(names)
        titles = (
            name[: column.width].ljust(column.width)
            if column.left
            else name[: column.width].rjust(column.width)
            for column, name in zip(self.columns, names, strict=True)
        )
        rules = ("-" * column.width for column in self.columns)
        return "".join(f"{title} " for title in titles) + "\n" + " ".join([*rules, ""]) + "\n"

    def row(self, values: Iterable[str]) -> str:
        """一行，含换行。"""
        if self.delimiter is None:
            cells = (column.pad(value) for column, value in zip(self.columns, values, strict=True))
            return "".join(f"{cell} " for cell in cells) + "\n"
        return self.delimiter.join(values) + (self.delimiter if self.ending else "") + "\n"


def help_fields() -> str:
    """`--helpformat`：一行四个。"""
    names = [f"{name:<19}" for name, _, _ in FIELDS]
    lines = [" ".join(names[start : start + 4]) for start in range(0, len(names), 4)]
    return "\n".join(lines) + "\n"
