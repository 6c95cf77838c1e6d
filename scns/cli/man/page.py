"""一页手册的样子：标题与各块；怎样印由 `roff` 与 `plain` 决定。

文字里的两种记号：反引号之间照抄（粗体），星号之间是要换成实际值的（斜体）。
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    #: 一段带样子的文字：样子是 `HEADING`、`PARAGRAPH`、`TERM`、`BODY` 或 `EXAMPLE`。
    Block = tuple[str, str]

HEADING = "heading"
PARAGRAPH = "paragraph"
TERM = "term"  # 后面必有一个 BODY
BODY = "body"
EXAMPLE = "example"  # 原样，不认记号

# 文字里一段的字体。
ROMAN = "roman"
BOLD = "bold"
ITALIC = "italic"


class Page:
    """一页手册。

    参数：
        name：页名，例如 `sbatch`、`scns-up`
        section：章，1 是命令，5 是文件格式
        summary：NAME 里的一句话，不带句点
    属性：
        blocks：各块，照次序
    """

    __slots__ = ("blocks", "name", "section", "summary")

    def __init__(self, name: str, section: int, summary: str) -> None:
        self.name = name
        self.section = section
        self.summary = summary
        self.blocks: list[Block] = []

    @property
    def file_name(self) -> str:
        """在 `man1` 这样的目录里的文件名。"""
        return f"{self.name}.{self.section}"

    def heading(self, text: str) -> None:
        """开始一节。"""
        self.blocks.append((HEADING, text))

    def paragraphs(self, text: str) -> None:
        """几段文字，空行分开；缩进四格的是例子。"""
        for part in text.strip("\n").split("\n\n"):
            if part.startswith("    "):
                lines = [line[4:] for line in part.split("\n")]
                self.blocks.append((EXAMPLE, "\n".join(lines)))
            else:
                self.blocks.append((PARAGRAPH, " ".join(part.split())))

    def item(self, term: str, body: str) -> None:
        """一个词条与它的说明。"""
        self.blocks += [(TERM, term), (BODY, " ".join(body.split()))]

    def items(self, pairs: Iterable[tuple[str, str]]) -> None:
        """几个词条。"""
        for term, body in pairs:
            self.item(term, body)


def spans(text: str) -> Iterator[tuple[str, str]]:
    """把带记号的文字拆成（字体，文字）；不成对的记号照原样。"""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    for place, part in enumerate(parts):
        if place % 2:
            yield BOLD, part
            continue
        inner = part.split("*")
        if len(inner) % 2 == 0:
            inner[-2:] = ["*".join(inner[-2:])]
        for position, piece in enumerate(inner):
            if piece:
                yield ITALIC if position % 2 else ROMAN, piece
