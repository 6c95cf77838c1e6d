"""选项的解析与合并：GNU `getopt_long` 的规则，三处来源的先后。

各命令的选项表在 `scns.cli.tables`，一个命令一个模块。命令行、`#SBATCH` 指令与环境变量
用同一张表。这里只认写法；值对不对由 `scns.cli.checks` 与 `scns.cli.request` 判断。

规则来自 glibc 的 getopt_long(3) 与 sbatch(1)、srun(1) 的“INPUT ENVIRONMENT VARIABLES”。
"""

from __future__ import annotations

from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    #: 选项的值：原文；开关与省略了可选值的选项是 True。
    Value = str | bool

    #: 选项表的一行：长名、单字母（没有则空）、种类、值的代号、说明、待遇。
    #: 种类是 ALIAS 时第四项是正名，末两项空着。
    Row = tuple[str, str, str, str, str, str]

# 选项的种类。
FLAG = "flag"  # 不带值
VALUE = "value"  # 必须带值
OPTIONAL = "optional"  # 值可有可无，只能紧跟在选项后面
STOP = "stop"  # 不带值，见到它就不再往下解析（--help、--version）
ALIAS = "alias"  # 另一种拼法

# 选项的待遇；不是这两个词的，是拒绝它时要说的句子。
IMPLEMENTED = "implemented"  # 与 Slurm 一样起作用
ACCEPTED = "accepted"  # 解析并检查，没有别的作用

#: 指令里的这些选项 Slurm 不理会：它们在读脚本之前就已处理完。
_COMMAND_LINE_ONLY = ("help", "usage", "version", "quiet", "verbose", "wrap")

#: 三种写法的内存请求；除非来源不同，同时出现就是错误。
_MEMORY = ("mem", "mem-per-cpu", "mem-per-gpu")


class Table:
    """一个命令的选项表。

    参数：
        rows：各行，次序与 Slurm 的一致，因为缩写有歧义时要照它列出
        environ：环境变量与选项名的对，照 Slurm 处理它们的次序，后面的胜
        rivals：互相取代的选项，写在后面的胜
        shadows：选项名到命令行上的一些选项；有后者时，前者的环境变量不算数
        adopts：写了其中之一，第一个操作数就是它的值（`squeue -j 42`）
        help_line：`--help` 的第一行
        usage：`--usage` 的开头；以换行结尾时就是全文
        heading：`--help` 里选项前的小标题，空串表示没有
        permute：选项可以写在操作数之后；False 时第一个操作数结束选项
        exit_code：用法错误的退出码
        try_line：用法错误后要不要提示 `--help`
    """

    __slots__ = (
        "adopts",
        "command",
        "environ",
        "exit_code",
        "heading",
        "help_line",
        "letters",
        "names",
        "permute",
        "rivals",
        "rows",
        "shadows",
        "try_line",
        "usage",
    )

    def __init__(
        self,
        command: str,
        rows: tuple[Row, ...],
        environ: tuple[tuple[str, str], ...] = (),
        rivals: tuple[tuple[str, ...], ...] = (),
        *,
        shadows: Mapping[str, tuple[str, ...]] | None = None,
        adopts: tuple[str, ...] = (),
        help_line: str,
        usage: str,
        heading: str = "",
        permute: bool = True,
        exit_code: int = 1,
        try_line: bool = True,
    ) -> None:
        self.command = command
        self.rows = rows
        self.environ = environ
        self.rivals = rivals
        self.shadows = shadows or {}
        self.adopts = adopts
        self.help_line = help_line
        self.usage = usage
        self.heading = heading
        self.permute = permute
        self.exit_code = exit_code
        self.try_line = try_line
        proper = {row[0]: row for row in rows if row[2] != ALIAS}
        targets = [(row, proper[row[3]] if row[2] == ALIAS else row) for row in rows]
        #: 长名（含别名）到正名所在的行，保持表的次序。
        self.names = {row[0]: target for row, target in targets if row[0]}
        #: 单字母到正名所在的行。
        self.letters = {row[1]: target for row, target in targets if row[1]}

    def error(self, sentence: str) -> UsageError:
        """返回 getopt 说法的用法错误。"""
        notes = (f'Try "{self.command} --help" for more information',) if self.try_line else ()
        return UsageError(sentence, style="named", exit_code=self.exit_code, notes=notes)


class Parsed:
    """解析或合并的结果。

    属性：
        chosen：选项正名到值，同名的后者胜，互相取代的只留后者
        ordered：每次出现的（正名，值），照处理的次序；`-j` 这样可累加的选项看它
        operands：操作数
    """

    __slots__ = ("chosen", "operands", "ordered")

    def __init__(self) -> None:
        self.chosen: dict[str, Value] = {}
        self.ordered: list[tuple[str, Value]] = []
        self.operands: list[str] = []

    def put(self, table: Table, name: str, value: Value) -> None:
        """记下一次出现；它取代同名的与互相取代的。"""
        self.chosen.pop(name, None)  # 重新插入，使字典的次序也是最后出现的次序
        for group in table.rivals:
            if name in group:
                for rival in group:
                    self.chosen.pop(rival, None)
        self.chosen[name] = value
        self.ordered.append((name, value))

    def text(self, name: str) -> str | None:
        """返回选项的值的原文；没有给、没有带值时返回 None。"""
        value = self.chosen.get(name)
        return value if isinstance(value, str) else None

    def all(self, name: str) -> list[str]:
        """返回选项各次出现的值，照次序；不带值的出现不算。"""
        return [value for given, value in self.ordered if given == name and isinstance(value, str)]

    def count(self, name: str) -> int:
        """返回选项出现的次数，`-vv` 是两次。"""
        return sum(given == name for given, _ in self.ordered)


def parse(table: Table, words: Sequence[str], *, stop: bool = True) -> Parsed:
    """照 `getopt_long` 的规则解析一串词。

    长名可以缩写到不致混淆；值写在 `=` 之后、紧跟单字母之后或下一个词里，可省的值只能
    是前两种；`--` 结束选项。单独的 `-` 是操作数。

    参数：
        stop：见到 `--help` 这样的选项就停，其后的词不看

    异常：
        UsageError：不认识、有歧义、缺值或不该有值，句子与 glibc 相同
    """
    parsed = Parsed()
    for name, value in _scan(table, words, parsed.operands):
        parsed.put(table, name, value)
        if stop and table.names[name][2] == STOP:
            return parsed
    for name in table.adopts:
        if name in parsed.chosen and parsed.operands:
            parsed.put(table, name, parsed.operands.pop(0))
            break
    return parsed


def _scan(
    table: Table, words: Sequence[str], operands: list[str]
) -> Generator[tuple[str, Value], None, None]:
    """依次给出各选项的（正名，值），操作数记进 `operands`。"""
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word == "--":
            operands.extend(words[place:])
            return
        if word[:1] != "-" or word == "-":
            operands.append(word)
            if not table.permute:
                operands.extend(words[place:])
                return
        elif word[1] == "-":
            place = yield from _scan_long(table, words, place)
        else:
            place = yield from _scan_letters(table, words, place)


def _scan_long(
    table: Table, words: Sequence[str], place: int
) -> Generator[tuple[str, Value], None, int]:
    """给出 `words[place - 1]` 里的长选项，返回下一个要看的位置。"""
    word = words[place - 1]
    written, equals, attached = word[2:].partition("=")
    name = written if written in table.names else _complete(table, written, word)
    row = table.names[name]
    if equals and row[2] in (FLAG, STOP):
        raise table.error(f"option '--{name}' doesn't allow an argument")
    if equals:
        yield row[0], attached
    elif row[2] != VALUE:
        yield row[0], True
    elif place == len(words):
        raise table.error(f"option '--{name}' requires an argument")
    else:
        yield row[0], words[place]
        place += 1
    return place


def _complete(table: Table, written: str, word: str) -> str:
    """把缩写补成表里的拼法。

    几个候选若是同一个选项的不同拼法就不算歧义；否则列出第一个候选和所有与它不同的。
    """
    found = [name for name in table.names if name.startswith(written)]
    if not found:
        raise table.error(f"unrecognized option '{word}'")
    first = table.names[found[0]]
    others = [name for name in found if table.names[name] is not first]
    if others:
        listed = " ".join(f"'--{name}'" for name in [found[0], *others])
        raise table.error(f"option '{word}' is ambiguous; possibilities: {listed}")
    return found[0]


def _scan_letters(
    table: Table, words: Sequence[str], place: int
) -> Generator[tuple[str, Value], None, int]:
    """给出 `words[place - 1]` 里连写的单字母选项，返回下一个要看的位置。"""
    letters = words[place - 1]
    for position in range(1, len(letters)):
        letter = letters[position]
        row = table.letters.get(letter)
        if row is None:
            raise table.error(f"invalid option -- '{letter}'")
        attached = letters[position + 1 :]
        if row[2] in (FLAG, STOP):
            yield row[0], True
        elif attached:
            yield row[0], attached
            break
        elif row[2] == OPTIONAL:
            yield row[0], True
        elif place == len(words):
            raise table.error(f"option requires an argument -- '{letter}'")
        else:
            yield row[0], words[place]
            place += 1
    return place


def collect(
    table: Table,
    parsed: Parsed,
    directive_words: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Parsed:
    """合并三处来源的选项：命令行优先，其次环境变量，最后指令。

    结果的 `ordered` 依次是指令、环境变量、命令行的各次出现，值的检查要照这个次序：
    Slurm 连被取代了的值也检查。操作数只来自命令行。

    参数：
        parsed：`parse` 对命令行的结果；先解析它才知道脚本是哪一个
        directive_words：脚本里所有指令的词，连成一串
        environ：None 时不看环境变量

    异常：
        UsageError：指令有用法错误，选项被拒绝，或几种内存请求并存
    """
    merged = Parsed()
    origins: dict[str, bool] = {}  # 选项正名 → 是否来自环境变量
    for name, value in _from_directives(table, directive_words):
        _take(table, merged, origins, name, value, from_environ=False)
    for name, value in _from_environ(table, parsed, environ or {}):
        _take(table, merged, origins, name, value, from_environ=True)
    for name, value in parsed.ordered:
        _take(table, merged, origins, name, value, from_environ=False)
    merged.operands = parsed.operands
    if "mem" in table.names:
        _settle_memory(merged.chosen, origins)
    return merged


def _take(
    table: Table,
    merged: Parsed,
    origins: dict[str, bool],
    name: str,
    value: Value,
    *,
    from_environ: bool,
) -> None:
    treatment = table.names[name][5]
    if treatment not in (IMPLEMENTED, ACCEPTED):
        raise UsageError(treatment, exit_code=table.exit_code)
    merged.put(table, name, value)
    origins[name] = from_environ


def _from_directives(table: Table, words: Sequence[str]) -> Iterable[tuple[str, Value]]:
    if not words:
        return []
    parsed = parse(table, words, stop=False)
    if parsed.operands:
        raise UsageError(
            f"Invalid directive found in batch script: {parsed.operands[0]}",
            exit_code=table.exit_code,
        )
    return [item for item in parsed.ordered if item[0] not in _COMMAND_LINE_ONLY]


def _from_environ(
    table: Table, parsed: Parsed, environ: Mapping[str, str]
) -> Iterable[tuple[str, Value]]:
    """环境变量给出的选项；打开开关的变量只要存在，不论值是什么。"""
    for variable, name in table.environ:
        text = environ.get(variable)
        if text is None or any(other in parsed.chosen for other in table.shadows.get(name, ())):
            continue
        if name == "verbose":
            # 唯一有数值的开关：值是 -v 的个数
            counted = text.isascii() and text.isdigit() and len(text) < 5
            for _ in range(min(int(text), 9) if counted else 1):
                yield name, True
        elif table.names[name][2] == FLAG or (table.names[name][2] == OPTIONAL and not text):
            yield name, True
        else:
            yield name, text


def _settle_memory(chosen: dict[str, Value], origins: dict[str, bool]) -> None:
    """三种内存请求只留一种；命令行与指令的取代环境变量的，同一来源里并存是错误。"""
    given = [name for name in _MEMORY if name in chosen]
    written = [name for name in given if not origins[name]]
    if len(written) > 1:
        raise UsageError(
            "--mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.", style="fatal"
        )
    if not written and len(given) > 1:
        raise UsageError(
            "SLURM_MEM_PER_CPU, SLURM_MEM_PER_GPU, and SLURM_MEM_PER_NODE are mutually exclusive.",
            style="fatal",
        )
    for name in given:
        if written and name not in written:
            del chosen[name]
