"""表格的列：两种格式语言、宽度、对齐、截断与表头；squeue 与 sinfo 共用。

`-o` 是 `%[.][宽]字母` 与夹在中间的文字，`-O` 是逗号相隔的 `名字[:[.][宽][后缀]]`。
字段是什么由各命令的字段表（`scns.cli.fields`）说，这里只管排法。

来源：squeue(1) 与 sinfo(1) 的“--format”和“--Format”。
"""

from __future__ import annotations

from scns.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

#: `-O` 的字段没有写宽度时的宽度。
LONG_WIDTH = 20

#: 表示“没有尽头”的时刻：epoch 0，印成 NONE。
ENDLESS = "epoch"

#: 再宽就是写错了，也免得一列占满内存。
MAX_WIDTH = 65_536


class Field:
    """一个字段：表头与取值。

    参数：
        header：表头
        value：取值；squeue 的是 SQL 表达式，sinfo 的是从一组节点到文字的函数
        moment：SQL 表达式的类型是 timestamptz，由客户端按自己的时区与
            `SLURM_TIME_FORMAT` 印出，NULL 印成 N/A；否则是不为 NULL 的 text
        whole：靠右时不截断表头；22.05 版的节点名单如此
        uncut：bool 的 SQL 表达式：靠右时不截断值；None 表示总要截
    """

    __slots__ = ("header", "moment", "uncut", "value", "whole")

    def __init__(
        self,
        header: str,
        value: Any,
        *,
        moment: bool = False,
        whole: bool = False,
        uncut: str | None = None,
    ) -> None:
        self.header = header
        self.value = value
        self.moment = moment
        self.whole = whole
        self.uncut = uncut


class Column:
    """格式串里的一列。

    参数：
        field：字段；None 是原样的文字，表头与各行都一样
        width：宽度；0 表示值有多宽就多宽
        right：靠右
        suffix：紧跟在后面的文字，不计入宽度
    """

    __slots__ = ("field", "right", "suffix", "width")

    def __init__(
        self, field: Field | None, width: int = 0, right: bool = False, suffix: str = ""
    ) -> None:
        self.field = field
        self.width = width
        self.right = right
        self.suffix = suffix

    def pad(self, text: str) -> str:
        """补足或截断到宽度，接上后缀；两种对齐都留开头的字符。"""
        if self.width:
            cut = text[: self.width]
            text = cut.rjust(self.width) if self.right else cut.ljust(self.width)
        return text + self.suffix

    def header(self) -> str:
        """这一列的表头。"""
        if self.field is None:
            return self.suffix
        if self.right and self.field.whole:
            return self.field.header.rjust(self.width) + self.suffix
        return self.pad(self.field.header)


def header(columns: Iterable[Column]) -> str:
    """表头那一行，不含换行符。"""
    return "".join(column.header() for column in columns)


class Row:
    """服务器怎样排一行。

    一行依次是 `texts[0]`、`moments[0]`、`texts[1]`……：文字段由服务器补齐、连好，时刻由客户端
    印在它们之间。没有时刻时整行是一列 text，可以原样抄给用户。

    属性：
        texts：text 表达式，总比 `moments` 多一个
        moments：取出 epoch 秒的表达式与所在的列
        parameters：`texts` 里各 `%s` 的值：格式串里的文字只作参数，不进语句
    """

    __slots__ = ("moments", "parameters", "texts")

    def __init__(self, columns: Iterable[Column]) -> None:
        self.texts: list[str] = []
        self.moments: list[tuple[str, Column]] = []
        self.parameters: list[str] = []
        cells: list[str] = []
        literal = ""
        for column in columns:
            if column.field is not None:
                self._say(cells, literal)
                literal = ""
                if column.field.moment:
                    self.texts.append(_concatenate(cells))
                    seconds = f"floor(extract(epoch FROM {column.field.value}))::bigint"
                    self.moments.append((seconds, column))
                    cells = []
                    continue
                cells.append(_cell(column, column.field))
            literal += column.suffix
        self._say(cells, literal)
        self.texts.append(_concatenate(cells))

    def _say(self, cells: list[str], literal: str) -> None:
        if literal:
            cells.append("%s::text")
            self.parameters.append(literal)

    def select(self) -> str:
        """SELECT 后面的各列。"""
        listed = [self.texts[0]]
        for (seconds, _), text in zip(self.moments, self.texts[1:], strict=True):
            listed += [seconds, text]
        return ", ".join(listed)

    def join(self, values: Sequence[Any], show: Callable[[int], str]) -> str:
        """把取回的一行接起来。

        参数：
            show：印一个 epoch 秒
        """
        pieces = [values[0]]
        for place, (_, column) in enumerate(self.moments):
            epoch = values[2 * place + 1]
            text = "N/A" if epoch is None else show(epoch) if epoch else "NONE"
            pieces += [column.pad(text), values[2 * place + 2]]
        return "".join(pieces)


def _cell(column: Column, field: Field) -> str:
    """一列的表达式；lpad 与 rpad 本来就留开头、截末尾，与 printf 的 `%*.*s` 一样。"""
    value, width = field.value, column.width
    if not width:
        return f"({value})"
    if not column.right:
        return f"rpad({value}, {width})"
    cut = f"lpad({value}, {width})"
    if field.uncut is None:
        return cut
    return f"CASE WHEN {field.uncut} THEN format('%%{width}s', {value}) ELSE {cut} END"


def _concatenate(cells: list[str]) -> str:
    return " || ".join(cells) or "''::text"


def parse_codes(
    text: str,
    fields: Mapping[str, Field],
    complain: Callable[[str], None],
    all_suffixes: tuple[str, str, str] = ("|", "|", ""),
) -> list[Column]:
    """解析 `-o` 的格式串。

    `%` 之间的空段略去，所以 `%%d` 就是 `%d`。不认识的字母连同它的宽度与后缀原样打印。
    `%all` 是全部字母，小写在前，以 `|` 相隔。

    参数：
        fields：字母到字段
        complain：不认识的字母，一个说一次
        all_suffixes：`%all` 里小写字母、大写字母与 `Z` 后面的文字
    异常：
        InvalidInput：宽度大过 `MAX_WIDTH`
    """
    before, mark, _ = text.partition("%")
    columns = [Column(None, suffix=before)] if before else []
    if text[len(before) :].lower() == "%all":
        return columns + _all(fields, all_suffixes)
    for piece in text[len(before) :].split("%") if mark else ():
        if not piece:
            continue
        right, width, rest = _size(piece)
        field = fields.get(rest[:1])
        if field is None:
            complain(rest[:1])
            columns.append(Column(None, suffix="%" + piece))
        else:
            columns.append(Column(field, width, right, rest[1:]))
    return columns


def _all(fields: Mapping[str, Field], suffixes: tuple[str, str, str]) -> list[Column]:
    lower, upper, last = suffixes
    return [
        Column(
            fields[letter],
            suffix=last if letter == "Z" else upper if letter.isupper() else lower,
        )
        for letter in sorted(fields, key=lambda letter: (letter.isupper(), letter))
    ]


def parse_names(
    text: str, fields: Mapping[str, Field], complain: Callable[[str], None]
) -> list[Column]:
    """解析 `-O` 的字段列表；名字不分大小写，不认识的只留后缀。

    参数：
        fields：小写的名字到字段
        complain：不认识的名字，一个说一次，用原来的拼法
    异常：
        InvalidInput：宽度大过 `MAX_WIDTH`
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
            columns.append(Column(None, suffix=suffix))
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
