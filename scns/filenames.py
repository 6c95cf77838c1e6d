"""输出文件名的模式：`slurm-%A_%a.out` 这样的文本换成文件名。

结果仍可以是相对路径，相对作业的工作目录。来源：sbatch(1) “FILENAME PATTERN”；
`%b` 是 Slurm 23.02 加的，其余与 22.05 相同。
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: 不是数组的作业里 `%a` 的值，Slurm 的 NO_VAL。
NO_TASK = 4_294_967_294

#: 补零至多到这么宽，Slurm 的上限。
_MAX_WIDTH = 10

_DIGITS = frozenset("0123456789")


class Facts:
    """文件名里可以出现的事实。

    参数：
        job_id：作业自己的号；数组的元素也有
        array_job_id：数组的号；不是数组时为 None
        array_task_id：元素的下标；不是数组、或指整个数组时为 None
        node：批处理脚本或任务所在节点的名字
        node_index：该节点在作业里是第几个，从 0 数起
        step：作业步的号；None 是批处理脚本
        task：任务的号，从 0 数起
    """

    __slots__ = (
        "array_job_id",
        "array_task_id",
        "job_id",
        "name",
        "node",
        "node_index",
        "step",
        "task",
        "user",
    )

    def __init__(
        self,
        *,
        job_id: int,
        name: str,
        user: str,
        array_job_id: int | None = None,
        array_task_id: int | None = None,
        node: str = "",
        node_index: int = 0,
        step: int | None = None,
        task: int = 0,
    ) -> None:
        self.job_id = job_id
        self.name = name
        self.user = user
        self.array_job_id = array_job_id
        self.array_task_id = array_task_id
        self.node = node
        self.node_index = node_index
        self.step = step
        self.task = task


def default_output(is_array: bool) -> str:
    """没有 `--output` 时的模式。"""
    return "slurm-%A_%a.out" if is_array else "slurm-%j.out"


def expand(pattern: str, facts: Facts) -> str:
    """把模式换成启动时打开的文件名。

    `%` 与字母之间的数字是补零的宽度，只对数有用。有反斜线的模式一概不替换，只去掉反斜线
    （`\\\\` 留一个）。不认识的字母原样留下，但写了宽度的会丢掉 `%`，与 Slurm 相同。
    """
    if "\\" in pattern:
        return _unescape(pattern)
    pieces: list[str] = []
    at = 0
    while (mark := pattern.find("%", at)) >= 0:
        pieces.append(pattern[at:mark])
        end = mark + 1
        while pattern[end : end + 1] in _DIGITS:
            end += 1
        digits, letter = pattern[mark + 1 : end], pattern[end : end + 1]
        if letter == "%" and not digits:
            value: str | None = "%"
        else:
            value = _value(letter, _width(digits), facts)
        pieces.append((digits or "%") if value is None else value)
        at = end if value is None else end + 1
    return "".join([*pieces, pattern[at:]])


def shown(pattern: str, facts: Facts) -> str:
    """`scontrol show job` 里印的样子：只换启动之前就知道的，不理宽度与反斜线。"""
    if "%" not in pattern:
        return pattern
    first, *rest = pattern.split("%")
    return first + "".join(
        _KNOWN[piece[0]](facts) + piece[1:] if piece[:1] in _KNOWN else "%" + piece
        for piece in rest
    )


def _value(letter: str, width: int, facts: Facts) -> str | None:
    """一个字母的值；不认识的字母是 None。"""
    if letter == "J":
        step = "" if facts.step is None else f".{facts.step}"
        return f"{facts.job_id:0{width}d}{step}"
    if letter == "s" and facts.step is None:
        return "batch"
    texts = {"N": facts.node.partition(".")[0], "u": facts.user, "x": facts.name}
    if letter in texts:
        return texts[letter]
    numbers = {
        "A": _array_job(facts),
        "a": _array_task(facts),
        "b": _array_task(facts) % 10,
        "j": facts.job_id,
        "n": facts.node_index,
        "s": facts.step,
        "t": facts.task,
    }
    number = numbers.get(letter)
    return None if number is None else f"{number:0{width}d}"


def _array_job(facts: Facts) -> int:
    return facts.job_id if facts.array_job_id is None else facts.array_job_id


def _array_task(facts: Facts) -> int:
    return NO_TASK if facts.array_task_id is None else facts.array_task_id


#: 启动之前就知道的。
_KNOWN: dict[str, Callable[[Facts], str]] = {
    "A": lambda facts: str(_array_job(facts)),
    "a": lambda facts: str(_array_task(facts)),
    "j": lambda facts: str(facts.job_id),
    "u": lambda facts: facts.user,
    "x": lambda facts: facts.name,
}


def _width(digits: str) -> int:
    significant = digits.lstrip("0")
    return _MAX_WIDTH if len(significant) > 2 else min(int(significant or "0"), _MAX_WIDTH)


def _unescape(pattern: str) -> str:
    letters: list[str] = []
    escaped = False
    for letter in pattern:
        if letter == "\\" and not escaped:
            escaped = True
            continue
        letters.append(letter)
        escaped = False
    return "".join(letters)
