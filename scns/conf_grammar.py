"""slurm.conf 的文法：把文件读成一行行的 `键=值`，展开 `Include`。

注释、续行、引号与每行的形状照 slurm.conf(5)；键认不认得、值对不对由 `scns.config` 判断。
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scns.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAIR = re.compile(r'\s*(\w+)\s*=\s*(?:"([^"]*)"|([^\s"]\S*))(?=\s|$)', re.ASCII)
_INCLUDE = re.compile(r"include\s+(.*)", re.IGNORECASE)
_QUOTED_OR_COMMENT = re.compile(r'"[^"]*"|\\#|#.*')


class ConfigError(InvalidInput):
    """配置文件有错；句子以 `文件:行: ` 开头。

    参数：
        number：行号，从 1 数起；None 表示整个文件
    """

    def __init__(self, path: str, number: int | None, message: str) -> None:
        place = path if number is None else f"{path}:{number}"
        super().__init__(f"{place}: {message}")
        self.path = path
        self.number = number


@dataclass(frozen=True, slots=True)
class Line:
    """一行（续行算在一起）里的各个 `键=值`，至少一个。

    参数：
        path：所在的文件
        number：第一个物理行的行号
        pairs：键照原样，值已去掉引号
    """

    path: str
    number: int
    pairs: tuple[tuple[str, str], ...]

    def error(self, message: str) -> ConfigError:
        """说这一行有错。"""
        return ConfigError(self.path, self.number, message)


def read(path: str) -> list[Line]:
    """读一个配置文件和它包含的文件。

    `Include` 的相对路径以写着它的文件所在的目录为准。

    异常：
        ConfigError：打不开，不是 UTF-8，不成 `键=值`，或文件绕回来包含自己
    """
    return list(_read(path, _content(path, None), (os.path.realpath(path),)))


def _read(path: str, text: str, chain: tuple[str, ...]) -> Iterator[Line]:
    for number, logical in _logical_lines(text):
        include = _INCLUDE.fullmatch(logical)
        if include is None:
            yield Line(path, number, _pairs(path, number, logical))
            continue
        name = os.path.join(os.path.dirname(path), include[1].strip().strip('"'))
        real = os.path.realpath(name)
        if real in chain:
            raise ConfigError(path, number, f"{name} includes itself")
        yield from _read(name, _content(name, (path, number)), (*chain, real))


def _content(path: str, included_at: tuple[str, int] | None) -> str:
    """文件的文本；打不开的错误算在包含它的那一行。"""
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8")
    except OSError as error:
        if included_at is None:
            raise ConfigError(path, None, str(error.strerror)) from None
        raise ConfigError(*included_at, f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(path, number, "not valid UTF-8") from None


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """去掉注释，接上续行，略去空行；行号是第一个物理行的。"""
    gathered = ""
    first = 0
    for number, physical in enumerate(text.split("\n"), 1):
        bare = _QUOTED_OR_COMMENT.sub(_uncomment, physical).strip()
        first = first or number
        if bare.endswith("\\"):
            gathered += bare[:-1]
            continue
        whole = (gathered + bare).strip()
        if whole:
            yield first, whole
        gathered, first = "", 0
    if gathered.strip():
        yield first, gathered.strip()


def _uncomment(match: re.Match[str]) -> str:
    """引号里的井号不算注释；`\\#` 是井号本身。"""
    found = match[0]
    return found if found[0] == '"' else "#" if found[0] == "\\" else ""


def _pairs(path: str, number: int, text: str) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            raise ConfigError(path, number, f'expected key=value, found "{text[at:].strip()}"')
        pairs.append((match[1], match[3] if match[2] is None else match[2]))
        at = match.end()
    return tuple(pairs)
