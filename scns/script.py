"""批处理脚本：收不收，`#SBATCH` 行里写了什么，`--wrap` 生成怎样的脚本。

来源：sbatch(1)；各句话与取词的规则照着 Slurm 22.05 核对过。
"""

from __future__ import annotations

import os

from scns.errors import InvalidInput, RequestRefused, UsageError

TYPE_CHECKING = False  # 导入 typing 要 5 毫秒；类型检查器认得这个名字
if TYPE_CHECKING:
    from collections.abc import Iterator

#: 脚本的上限，字节；Slurm 的默认值，见 slurm.conf(5) `max_script_size`。
MAX_SIZE = 4 * 1024 * 1024

_DIRECTIVE = b"#SBATCH"
_BLANKS = " \t\n\v\f\r"
_HETJOB = ("hetjob", "packjob")

_WRAPPED = b"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n%s\n"

_NO_SHEBANG = """\
This does not look like a batch script.  The first
line must start with #! followed by the path to an interpreter.
For instance: #!/bin/sh"""
_NUL = """\
The Slurm controller does not allow scripts that
contain a NULL character '\\0'."""
_DOS = """\
Batch script contains DOS line breaks (\\r\\n)
instead of expected UNIX line breaks (\\n)."""
_TOO_LONG = "Pathname of a file, directory or other parameter too long"


class InvalidScript(InvalidInput):
    """脚本不能收，或其中的 `#SBATCH` 行不合语法。"""


def check_script(body: bytes) -> None:
    """检查脚本能不能提交；次序与 Slurm 相同，只说遇到的第一个毛病。

    异常：
        InvalidScript：空、只有空白、没有 `#!`、含 NUL，或以 DOS 换行
        RequestRefused：大过 `MAX_SIZE`
    """
    if not body:
        raise InvalidScript("Batch script is empty!")
    if not body.startswith(b"#!"):
        # Slurm 把脚本当作 C 字符串看，NUL 之后的不算
        if not body.partition(b"\0")[0].strip():
            raise InvalidScript("Batch script contains only whitespace!")
        raise InvalidScript(_NO_SHEBANG)
    if b"\0" in body:
        raise InvalidScript(_NUL)
    if b"\r\n" in body:
        raise InvalidScript(_DOS)
    if len(body) > MAX_SIZE:
        raise RequestRefused(_TOO_LONG)


def wrap(command: str) -> bytes:
    """`--wrap` 的脚本。"""
    return _WRAPPED % os.fsencode(command)


def directives(body: bytes, file_name: str) -> list[str]:
    """取出所有 `#SBATCH` 行里的词，连成一个参数列表。

    从头读起，遇到第一个既不空也不以 `#` 开头的行为止。没有值的选项因此会取下一行的
    第一个词；不是选项的词由解析选项的一方拒绝。

    参数：
        file_name：脚本的路径，写进报错里的是它的最后一段；标准输入是 `/dev/stdin`
    返回：
        不是 UTF-8 的字节以 `surrogateescape` 解码，与命令行参数相同
    异常：
        InvalidScript：引号没有配对，或词以冒号开头
        UsageError：要求异构作业
    """
    name = os.path.basename(file_name)
    words: list[str] = []
    for number, text in _directive_lines(body):
        words += _Line(text, f"{name}: line {number}: ").words()
    return words


def _directive_lines(body: bytes) -> Iterator[tuple[int, str]]:
    """各 `#SBATCH` 行的行号与其后的文本。"""
    start = number = 0
    while start < len(body):
        end = body.find(b"\n", start)
        if end < 0:
            end = len(body)
        line = body[start:end]
        number += 1
        start = end + 1
        if line.startswith(_DIRECTIVE):
            yield number, os.fsdecode(line[len(_DIRECTIVE) :])
        elif line.strip() and not line.lstrip().startswith(b"#"):
            return


class _Line:
    """一行指令，从左往右取词。

    参数：
        text：`#SBATCH` 之后的文本
        place：报错的开头：文件与行号
    """

    def __init__(self, text: str, place: str) -> None:
        # 报错时引用的是这一行余下的文本：头一个词不带前面的空白，后面的词带
        self._text = text.lstrip(_BLANKS)
        self._place = place
        self._at = 0

    def words(self) -> list[str]:
        """所有的词；空词（`""`）如同注释，到此为止，与 Slurm 相同。"""
        words: list[str] = []
        while word := self._next():
            words.append(word)
        return words

    def _next(self) -> str:
        start = self._at
        while self._blank(self._at):
            self._at += 1
        if self._text.startswith(":", self._at):
            raise self._fatal(f"Unexpected `:` in [{self._text[start:]}]")
        self._refuse_hetjob()
        return self._word(start)

    def _word(self, start: int) -> str:
        """读到空白、`#` 或行尾；引号与反斜线只在这里有意义。"""
        word: list[str] = []
        quote = ""
        while self._at < len(self._text) and (quote or not self._blank(self._at)):
            letter = self._text[self._at]
            self._at += 1
            if letter == "\\":
                # 引号之外，空白总是隔开两个词，反斜线也护不住它
                if self._at < len(self._text) and (quote or not self._blank(self._at)):
                    word.append(self._text[self._at])
                    self._at += 1
            elif quote:
                if letter == quote:
                    quote = ""
                else:
                    word.append(letter)
            elif letter in "'\"":
                quote = letter
            elif letter == "#":
                self._at = len(self._text)
            else:
                word.append(letter)
        if quote:
            raise self._fatal(f"Unmatched `{quote}` in [{self._text[start:]}]")
        return "".join(word)

    def _blank(self, at: int) -> bool:
        return at < len(self._text) and self._text[at] in _BLANKS

    def _refuse_hetjob(self) -> None:
        end = self._at
        while end < len(self._text) and not self._blank(end):
            end += 1
        if self._text[self._at : end].lower() in _HETJOB:
            raise UsageError(f"{self._place}heterogeneous jobs are not supported")

    def _fatal(self, message: str) -> InvalidScript:
        return InvalidScript(self._place + message, style="fatal")
