"""每个任务运行什么：找到程序的路径，读 `--multi-prog` 的文件。来源：srun(1)。"""

from __future__ import annotations

import os

from scns.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def find(name: str, directory: str) -> str:
    """程序的路径；PATH 里没有的原样返回，由任务自己报错。

    参数：
        directory：带斜线的相对路径从这里算起
    """
    if "/" in name:
        return os.path.join(directory, name)
    for place in os.environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = os.path.join(directory, place, name)
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    return name


def read_file(path: str, count: int, directory: str) -> list[list[str]]:
    """`--multi-prog` 的文件：每个任务的程序与参数。

    一行是任务的名单与命令；`%t` 换成任务号，`%o` 换成它在这一行里是第几个，反斜线结尾的行接着
    下一行，`#` 起的是注释，`*` 是其余的任务。

    异常：
        InvalidInput：文件读不了，名单不对，或有任务没有命令
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            text = stream.read()
    except OSError as error:
        raise InvalidInput(f"Unable to open multi_prog file {path}: {error.strerror}") from None
    found: list[list[str] | None] = [None] * count
    for line in text.replace("\\\n", " ").split("\n"):
        spoken = split(line)
        if not spoken:
            continue
        ranks, *words = spoken
        if not words:
            raise InvalidInput(f"Error: Malformed line in multi_prog file {path}: {line.strip()}")
        for offset, task in enumerate(_ranks(ranks, count, found)):
            if task < count and found[task] is None:
                spoken = [
                    word.replace("%t", str(task)).replace("%o", str(offset)) for word in words
                ]
                found[task] = [find(spoken[0], directory), *spoken[1:]]
    missing = next((task for task, command in enumerate(found) if command is None), None)
    if missing is not None:
        raise InvalidInput(f"Configuration file {path} invalid: no record for task id {missing}")
    return [command for command in found if command is not None]


def _ranks(text: str, count: int, found: Sequence[object]) -> list[int]:
    if text == "*":
        return [task for task in range(count) if found[task] is None]
    ranks: list[int] = []
    for item in text.split(","):
        first, dash, last = item.partition("-")
        bounds = [first, last] if dash else [first, first]
        if not all(bound.isascii() and bound.isdigit() and len(bound) < 7 for bound in bounds):
            raise InvalidInput(f"Invalid task range specification ({text}) ignored.")
        ranks += range(int(bounds[0]), int(bounds[1]) + 1)
    return ranks


def split(line: str) -> list[str]:
    """把一行分成词；引号里的空白不分，反斜线保住下一个字符。"""
    words: list[str] = []
    word: str | None = None
    quote = ""
    at = 0
    while at < len(line):
        letter = line[at]
        at += 1
        if letter == "\\" and at < len(line) and quote != "'":
            word = (word or "") + line[at]
            at += 1
        elif quote:
            if letter == quote:
                quote = ""
            else:
                word = (word or "") + letter
        elif letter in "\"'":
            quote, word = letter, word or ""
        elif letter in " \t":
            if word is not None:
                words.append(word)
            word = None
        elif letter == "#" and word is None:
            break
        else:
            word = (word or "") + letter
    return words if word is None else [*words, word]
