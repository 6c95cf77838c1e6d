"""逐行读命令：来自管道，或在终端上带行编辑。来源：scontrol(1) “interactive mode”。"""

from __future__ import annotations

import sys

from scns.cli.scontrol.keywords import process
from scns.cli.scontrol.session import Session
from scns.errors import ScnsError

_PROMPT = "scontrol: "

#: 一行至多几个词，与 Slurm 的 MAX_INPUT_FIELDS 相同。
_MAX_WORDS = 127


def converse(session: Session) -> None:
    """读一行做一行，直到 `exit` 或输入的尽头；一行出错不结束会话。"""
    read = _read_terminal if sys.stdin.isatty() and sys.stdout.isatty() else _read_pipe
    last = ""
    while not session.finished:
        line = read()
        if line is None:
            session.say("\n")
            return
        last = last if line == "!!" else line
        words = split(last)
        if len(words) > _MAX_WORDS:
            session.insist(f"scontrol: can not process over {_MAX_WORDS} words")
            return
        if not words:
            session.exit_code = 1
            continue
        try:
            process(session, words)
        except ScnsError as error:
            session.report(error)


def _read_pipe() -> str | None:
    """没有终端：提示与读到的一行都抄到标准输出，与 Slurm 用 readline 的结果相同。"""
    sys.stdout.write(_PROMPT)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        return None
    line = line.removesuffix("\n")
    sys.stdout.write(line + "\n")
    return line


def _read_terminal() -> str | None:
    """在终端上读一行；装入 readline，`input` 就有行编辑与历史。"""
    import readline  # noqa: F401

    try:
        return input(_PROMPT)
    except EOFError:
        return None


def split(line: str) -> list[str]:
    """在空白处分成词；引号里的空白不算，引号自己去掉。"""
    words: list[str] = []
    word, quote, inside = "", "", False
    for character in line:
        if character == quote:
            quote = ""
        elif quote:
            word += character
        elif character in "\"'":
            quote, inside = character, True
        elif not character.isspace():
            word += character
            inside = True
        elif inside:
            words.append(word)
            word, inside = "", False
    return [*words, word] if inside else words
