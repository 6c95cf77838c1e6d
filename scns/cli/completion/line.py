"""把 bash 写到光标为止的一行拆成词，并说明 readline 要换掉的是哪一段。

bash 自己拆的 `COMP_WORDS` 在 `=` 与 `:` 处也断开，引号还留着，所以照 shell 的规则自己拆。
来源：bash(1) “QUOTING”、`COMP_WORDBREAKS`，readline(3) “rl_completer_word_break_characters”。
"""

from __future__ import annotations


class Line:
    """拆好的一行。

    属性：
        words：各词，去了引号；最后一个是光标所在的，可以是空的
        kept：最后一个词里 readline 不动的部分，去了引号
        quote：还没有关上的引号；没有时是空的
    """

    __slots__ = ("kept", "quote", "words")

    def __init__(self, words: list[str], kept: str, quote: str) -> None:
        self.words = words
        self.kept = kept
        self.quote = quote


def split(text: str, breaks: str) -> Line:
    """拆开一行。

    参数：
        text：命令行，到光标为止
        breaks：`COMP_WORDBREAKS`
    """
    words: list[str] = []
    word, kept, quote = "", "", ""
    inside = False
    escaped = False
    for char in text:
        if escaped:
            word, escaped = word + char, False
        elif char == "\\" and quote != "'":
            escaped = inside = True
        elif quote:
            if char == quote:
                quote = ""
            else:
                word += char
        elif char in "'\"":
            # readline 把引号也当成断开处：换掉的从引号之后开始
            quote, inside, kept = char, True, word
        elif char in " \t\n":
            if inside:
                words.append(word)
            word, kept, inside = "", "", False
        else:
            word, inside = word + char, True
            if char in breaks:
                kept = word
    return Line([*words, word], kept, quote)


def quoted(value: str, quote: str) -> str:
    """让一个候选写在命令行上还是它自己。

    参数：
        quote：已经打开的引号；空的就用反斜杠
    """
    if quote == "'":
        return value.replace("'", "'\\''")
    special = '\\"$`' if quote else " \\\"'$`&|;<>()*?[]{}!"
    return "".join(f"\\{char}" if char in special else char for char in value)
