"""看懂写到光标为止的命令行：光标处是选项的名字、选项的值，还是操作数。

规则同 `scns.cli.options`：长名可以缩写，值可以写在 `=` 之后、紧跟单字母之后或下一个词里。
写错了的词跳过去，补全不说错误。
"""

from __future__ import annotations

from scns.cli import SLURM_COMMANDS
from scns.cli.completion import slots
from scns.cli.completion.wanted import FILES, Wanted
from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, STOP, VALUE
from scns.cli.own import COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scns.cli.completion.wanted import Candidate
    from scns.cli.options import Row, Table


def wanted(words: Sequence[str]) -> Wanted:
    """光标处要补什么。

    参数：
        words：从命令名起，最后一个是光标所在的词里光标之前的部分，可以是空的；
            命令名可以带着路径
    """
    if len(words) < 2:
        return Wanted()
    command = words[0].rpartition("/")[2]
    if command != "scns":
        return _slurm(command, words[1:]) if command in SLURM_COMMANDS else Wanted(action=FILES)
    inner = words[1]
    if len(words) == 2:
        return _first(inner)
    if inner in SLURM_COMMANDS:
        return _slurm(inner, words[2:])
    if inner in COMMANDS:
        from scns.cli.tables import own

        return _options(f"scns {inner}", own.table(inner), words[2:])
    if inner == "help" and len(words) == 3:
        return slots.of_operand("scns help", words[2])
    return Wanted()


def _first(partial: str) -> Wanted:
    """`scns` 后面的第一个词。"""
    if partial.startswith("-"):
        return Wanted("", partial, [("--help", "show help"), ("--version", "show the version")])
    words = [*slots.words_of("command"), ("help", "List commands, or the options of one.")]
    return Wanted("", partial, words)


def _slurm(command: str, words: Sequence[str]) -> Wanted:
    try:
        table = __import__(f"scns.cli.tables.{command}", fromlist=["TABLE"]).TABLE
    except ImportError:
        return Wanted(action=FILES)
    return _options(command, table, words)


def _options(command: str, table: Table, words: Sequence[str]) -> Wanted:
    """选项与操作数；`words` 是命令名之后的。"""
    scan = _Scan(table, words[:-1])
    partial = words[-1]
    if scan.pending is not None:
        return slots.of_option(command, scan.pending, "", partial)
    if scan.open and partial.startswith("--"):
        return _long(command, table, partial)
    if scan.open and partial.startswith("-"):
        return _letters(command, table, partial)
    adopted = [name for name in table.adopts if name in scan.given]
    if adopted and not scan.operands:
        return slots.of_option(command, adopted[0], "", partial)
    return _operand(command, scan.operands, partial)


class _Scan:
    """光标之前各词的作用。

    属性：
        pending：正等着值的选项的正名；没有时为 None
        open：还可以写选项
        given：写了的选项的正名
        operands：操作数
    """

    __slots__ = ("given", "open", "operands", "pending")

    def __init__(self, table: Table, words: Sequence[str]) -> None:
        self.pending: str | None = None
        self.open = True
        self.given: set[str] = set()
        self.operands: list[str] = []
        for word in words:
            self._take(table, word)

    def _take(self, table: Table, word: str) -> None:
        if self.pending is not None:
            self.pending = None
        elif self.open and word == "--":
            self.open = False
        elif self.open and word.startswith("--"):
            name, equals, _ = word[2:].partition("=")
            self._note(find(table, name), bool(equals))
        elif self.open and word[:1] == "-" and word != "-":
            row, _, value = _cluster(table, word)
            self._note(row, bool(value))
        else:
            self.operands.append(word)
            self.open = self.open and table.permute

    def _note(self, row: Row | None, has_value: bool) -> None:
        if row is None:
            return
        self.given.add(row[0])
        if row[2] == VALUE and not has_value:
            self.pending = row[0]


def find(table: Table, written: str) -> Row | None:
    """长名或其不致混淆的缩写所在的行；没有或有歧义时为 None。"""
    if written in table.names:
        return table.names[written]
    rows = {id(row): row for name, row in table.names.items() if name.startswith(written)}
    return next(iter(rows.values())) if len(rows) == 1 else None


def _cluster(table: Table, word: str) -> tuple[Row | None, str, str]:
    """连写的单字母：第一个带值的选项（没有时是最后一个开关），到它为止的部分，其后的值。"""
    row = None
    for place, letter in enumerate(word[1:], 1):
        row = table.letters.get(letter)
        if row is None:
            return None, word, ""
        if row[2] not in (FLAG, STOP):
            return row, word[: place + 1], word[place + 1 :]
    return row, word, ""


def _long(command: str, table: Table, partial: str) -> Wanted:
    name, equals, value = partial[2:].partition("=")
    if equals:
        row = find(table, name)
        if row is None or row[2] in (FLAG, STOP):
            return Wanted(partial)
        return slots.of_option(command, row[0], f"--{name}=", value)
    return Wanted("", partial, _names(table))


def _letters(command: str, table: Table, partial: str) -> Wanted:
    row, before, value = _cluster(table, partial)
    if partial == "-":
        return Wanted("", partial, [*_single(table), *_names(table)])
    if row is None:
        return Wanted(partial)
    if row[2] in (FLAG, STOP):
        return Wanted("", partial, [(partial, row[4])])
    return slots.of_option(command, row[0], before, value)


def _names(table: Table) -> list[Candidate]:
    """长名；必须带值的后面有 `=`。拒绝的与别名不列，别名写全了也认得。"""
    return [
        (f"--{row[0]}=" if row[2] == VALUE else f"--{row[0]}", row[4])
        for row in table.rows
        if row[0] and row[2] != ALIAS and row[5] in (IMPLEMENTED, ACCEPTED)
    ]


def _single(table: Table) -> list[Candidate]:
    return [
        (f"-{letter}", row[4])
        for letter, row in table.letters.items()
        if row[5] in (IMPLEMENTED, ACCEPTED)
    ]


def _operand(command: str, before: list[str], partial: str) -> Wanted:
    if command in ("scontrol", "sacctmgr"):
        from scns.cli.completion import keywords

        operands = keywords.scontrol if command == "scontrol" else keywords.sacctmgr
        return operands(before, partial)
    if before and command in ("sbatch", "srun", "salloc"):
        # 脚本或程序的参数
        return Wanted("", partial, action=FILES)
    if before and command in ("scns man", "scns completion", "scns tail", "scns link"):
        return Wanted()
    return slots.of_operand(command, partial, before)
