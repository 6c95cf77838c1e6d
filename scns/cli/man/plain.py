"""把一页手册印成没有字体的文字；机器上没有 man 时用它。"""

from __future__ import annotations

from textwrap import wrap

from scns.cli.man.page import BODY, EXAMPLE, HEADING, PARAGRAPH, TERM, Page, spans

_INDENT = " " * 7
_DEEPER = " " * 14


def plain(page: Page, width: int = 80) -> str:
    """返回一页的文字，以换行结尾。

    参数：
        width：行宽；词再长也不拆，所以可能超出
    """
    title = f"{page.name}({page.section})"
    lines = [title, "", "NAME", *_wrapped(f"{page.name} - {page.summary}", _INDENT, width)]
    before = ""
    for kind, text in page.blocks:
        block = _block(kind, text, width)
        # 标题与它下面的第一块之间不空行
        lines += block[1:] if before == HEADING and not block[0] else block
        before = kind
    return "\n".join(lines) + "\n"


def _block(kind: str, text: str, width: int) -> list[str]:
    if kind == HEADING:
        return ["", text]
    if kind == EXAMPLE:
        return ["", *(f"{_INDENT}    {line}".rstrip() for line in text.split("\n"))]
    if kind == PARAGRAPH:
        return ["", *_wrapped(text, _INDENT, width)]
    if kind == TERM:
        return ["", _INDENT + _unmarked(text)]
    if kind == BODY:
        return _wrapped(text, _DEEPER, width)
    raise AssertionError(kind)


def _unmarked(text: str) -> str:
    return "".join(piece for _, piece in spans(text))


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    return wrap(
        _unmarked(text),
        max(width, 40),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
