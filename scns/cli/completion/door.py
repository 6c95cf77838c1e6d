"""补全脚本背后的门：`scns __complete SHELL …`，答案写到 stdout。

第一行是做什么（`words`、`nospace`、`files`、`directories`、`programs`），制表符之后是照旧的
开头；其后一行一个候选，zsh 与 fish 的带着制表符与说明。`files` 等由外壳自己找，第二行是要补的。
"""

from __future__ import annotations

import os
import sys

from scns.cli.completion import grammar
from scns.cli.completion.line import quoted, split
from scns.cli.completion.values import fetch
from scns.cli.completion.wanted import WORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scns.cli.completion.wanted import Candidate

    #: 由种类与已经写下的得出动态的候选。
    Fetch = Callable[[tuple[str, ...], str], list[Candidate]]

#: 以它们结尾的候选后面还要接着写，不加空格。
_OPEN = ("=", ":", "@")


def run(arguments: Sequence[str]) -> None:
    """回答一次 TAB，然后立即结束进程；出了什么错都不出声。"""
    try:
        text = answer(list(arguments))
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    except Exception:
        # 补全里的错误只会弄乱正在写的那一行
        os._exit(1)
    # 不等还在问数据库的线程
    os._exit(0)


def answer(arguments: list[str], fetch: Fetch = fetch) -> str:
    """一次 TAB 的答案。

    参数：
        arguments：外壳的名字，然后 bash 是 `COMP_WORDBREAKS` 与到光标为止的一行，
            zsh 与 fish 是去了引号的各词
    """
    shell, *rest = arguments
    if shell == "bash":
        return _bash(rest[0], rest[1], fetch)
    wanted = grammar.wanted(rest)
    if wanted.action != WORDS:
        return f"{wanted.action}\t{wanted.stay}\n{wanted.partial}\n"
    lines = [f"{wanted.action}\t{wanted.stay}"]
    for value, text in _safe(wanted.matching(fetch(wanted.kinds, wanted.partial))):
        lines.append(f"{value}\t{text}")
    return "\n".join(lines) + "\n"


def _bash(breaks: str, text: str, fetch: Fetch) -> str:
    """bash 的候选是 readline 要换上的整段，引号也写好。"""
    line = split(text, breaks)
    wanted = grammar.wanted(line.words)
    # 一个词里 readline 不动的那一段，候选里不能再有
    stay = wanted.stay[len(line.kept) :]
    cut = line.kept[len(wanted.stay) :]
    if wanted.action != WORDS:
        return f"{wanted.action}\t{stay}\n{wanted.partial[len(cut) :]}\n"
    found = [
        quoted((stay + value)[len(cut) :], line.quote)
        for value, _ in _safe(wanted.matching(fetch(wanted.kinds, wanted.partial)))
    ]
    # 只剩一个时 readline 才加空格
    action = "nospace" if len(found) == 1 and found[0].endswith(_OPEN) else WORDS
    return "\n".join([f"{action}\t{stay}", *found]) + "\n"


def _safe(candidates: list[Candidate]) -> list[Candidate]:
    """去掉印不出来的：作业名由别人取，里面的控制字符不能到自己的终端上。"""
    return [
        (value, "".join(char if char.isprintable() else "?" for char in text))
        for value, text in candidates
        if value and value.isprintable()
    ]
