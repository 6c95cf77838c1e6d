"""把一页手册写成 roff，用 man(7) 的宏。来源：groff_man(7)、groff_char(7)、man(7)。"""

from __future__ import annotations

from scns import __version__
from scns.cli.man.page import BODY, BOLD, EXAMPLE, HEADING, ITALIC, PARAGRAPH, TERM, Page, spans

#: 有含义或会被换成排版符号的字符；换过的复制到命令行还是原来的样子。
_CHARACTERS = str.maketrans(
    {"\\": "\\(rs", "-": "\\-", "^": "\\(ha", "~": "\\(ti", "`": "\\(ga"},
)
_FONTS = {BOLD: "\\fB", ITALIC: "\\fI"}


def roff(page: Page) -> str:
    """返回一页的 roff 源，全是 ASCII，以换行结尾。"""
    title = page.name.upper() if page.section == 1 else page.name
    lines = [
        ".\\\" Made by 'scns man' from the option tables.",
        f'.TH {_argument(title)} {page.section} "" "scns {__version__}" "scns"',
        # 不断词、只靠左：选项与路径断开就不能复制
        ".nh",
        ".ad l",
        ".SH NAME",
        f"{escape(page.name)} \\- {_inline(page.summary)}",
    ]
    for kind, text in page.blocks:
        lines += _block(kind, text)
    return "\n".join(lines) + "\n"


def _block(kind: str, text: str) -> list[str]:
    if kind == HEADING:
        return [f".SH {_argument(text)}"]
    if kind == PARAGRAPH:
        return [".PP", _line(text)]
    if kind == TERM:
        return [".TP", _line(text)]
    if kind == BODY:
        return [_line(text)]
    if kind == EXAMPLE:
        example = [_guard(escape(line).replace("'", "\\(aq")) for line in text.split("\n")]
        return [".PP", ".RS 4", ".nf", *example, ".fi", ".RE"]
    raise AssertionError(kind)


def escape(text: str) -> str:
    """让每个字符印成它自己。"""
    return text.translate(_CHARACTERS)


def _argument(text: str) -> str:
    """宏的一个参数。"""
    return '"' + escape(text).replace('"', "\\(dq") + '"'


def _line(text: str) -> str:
    return _guard(_inline(text))


def _inline(text: str) -> str:
    pieces = []
    for font, piece in spans(text):
        escaped = escape(piece)
        if font in _FONTS:
            # 照抄的引号不能变成弯的
            escaped = _FONTS[font] + escaped.replace("'", "\\(aq") + "\\fR"
        pieces.append(escaped)
    return "".join(pieces)


def _guard(line: str) -> str:
    """行首的点与引号会被当成命令；前面加一个没有宽度的字符。"""
    return "\\&" + line if line[:1] in (".", "'") else line
