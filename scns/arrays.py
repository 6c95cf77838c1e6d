"""作业数组：`--array` 的下标、数组的折叠写法、`int4multirange`，以及 `42_[1-3]` 这样的作业号。

下标一律以区间表示：`(起, 止)`，止不含在内；列表按次序排好，互不重叠也不相接。十万个下标
通常只是一个区间。来源：sbatch(1) `--array`，squeue(1) `SLURM_BITSTR_LEN`。
"""

from __future__ import annotations

from itertools import pairwise

from scns.errors import InvalidInput

TYPE_CHECKING = False  # 导入 typing 要 5 毫秒；类型检查器认得这个名字
if TYPE_CHECKING:
    from collections.abc import Iterable

Ranges = list[tuple[int, int]]

#: 同时运行数的上限；比它大的都等于它，反正没有数组这么长。
_MAX_LIMIT = 2**31 - 1

#: Slurm 的 MaxArraySize 至多是这个数，下标都小于它。
MAX_ARRAY_SIZE = 4_000_001

#: SLURM_BITSTR_LEN 的默认值，见 `format_indices`。
DEFAULT_LENGTH = 64

#: 下标多于这么多个、首尾相距大于 10、间隔又都相同，才折成 `首-尾:间隔`。
_STEP_COUNT, _STEP_SPAN = 5, 10

_MULTIRANGE_CHARS = frozenset("{[,)}0123456789")
_BLANKS = " \t\n\v\f\r"


class InvalidArray(InvalidInput):
    """`--array` 不合语法，或下标不小于 MaxArraySize。

    提交失败的那句 `Batch job submission failed: …` 由提交的一方加上。
    """

    def __init__(self) -> None:
        super().__init__("Invalid job array specification")


class InvalidJobRef(InvalidInput):
    """不是作业号；句子是 scancel 的，别的命令用 `text` 说自己的话。

    参数：
        text：不合语法的那一项
    """

    def __init__(self, text: str) -> None:
        super().__init__(f"Invalid job id {text}")
        self.text = text


class ArraySpec:
    """`--array` 的内容：哪些下标，同时至多运行几个。

    参数：
        ranges：下标，至少一个
        limit：同时运行数，None 表示不限
    """

    __slots__ = ("limit", "ranges")

    def __init__(self, ranges: Ranges, limit: int | None = None) -> None:
        self.ranges = ranges
        self.limit = limit

    def __repr__(self) -> str:
        return f"ArraySpec({self})"

    def __str__(self) -> str:
        return format_indices(self.ranges, self.limit, length=0)


class JobRef:
    """用户指名的作业、数组的一部分，或作业步。

    参数：
        job_id：作业号
        ranges：数组的下标；None 表示没有说下标，也就是全部
        step：作业步：十进制数字，或 `batch`、`extern`、`interactive`；None 表示没有说
    """

    __slots__ = ("job_id", "ranges", "step")

    def __init__(self, job_id: int, ranges: Ranges | None = None, step: str | None = None) -> None:
        self.job_id = job_id
        self.ranges = ranges
        self.step = step

    def __repr__(self) -> str:
        return f"JobRef({self})"

    def __str__(self) -> str:
        text = str(self.job_id)
        if self.ranges is not None:
            indices = format_indices(self.ranges, length=0)
            text += f"_{indices}" if indices.isdigit() else f"_[{indices}]"
        return text if self.step is None else f"{text}.{self.step}"


def parse_array(text: str, max_size: int) -> ArraySpec:
    """读 `--array` 的值。

    各项以逗号隔开，是 `下标`、`首-尾` 或 `首-尾:间隔`；整个可以包在方括号里；`%N` 限制同时
    运行数，N 不是正整数时如同没有写（Slurm 也收 `1-3%` 与 `1-3%x`）。空项略去，次序与重复
    无关紧要。一个下标也没有的文本不合语法，`--array=` 的空值由调用者当作没有写。

    参数：
        max_size：MaxArraySize，下标必须小于它
    异常：
        InvalidArray：不合语法、没有下标，或下标太大
    """
    if text.startswith("["):
        inside, _, after = text[1:].partition("]")
        if len(inside) + 1 == len(text) or (after and not after.startswith("%")):
            raise InvalidArray
        text = inside + after
    ranges: Ranges = []
    for item in text.split(","):
        # 限制写在哪一项后面都行，`1-3%2,7` 里的 7 也要算上
        span = item.partition("%")[0]
        if span:
            ranges += _parse_item(span, max_size)
        if len(ranges) > 2 * max_size:
            ranges = normalize(ranges)
    if not ranges:
        raise InvalidArray
    return ArraySpec(normalize(ranges), _parse_limit(text.partition("%")[2]))


def _parse_item(item: str, max_size: int) -> Iterable[tuple[int, int]]:
    """一项的区间，未经整理。"""
    span, colon, step_text = item.partition(":")
    first_text, dash, last_text = span.partition("-")
    first = _parse_index(first_text)
    last = _parse_index(last_text) if dash else first
    step = _parse_index(step_text) if colon else 1
    if last < first or last >= max_size or not step or (colon and not dash):
        raise InvalidArray
    if step == 1:
        return [(first, last + 1)]
    return [(index, index + 1) for index in range(first, last + 1, step)]


def _parse_index(text: str) -> int:
    digits = text.lstrip(_BLANKS)
    if not (digits.isdigit() and digits.isascii() and len(digits) <= 18):
        raise InvalidArray
    return int(digits)


def _parse_limit(text: str) -> int | None:
    """`%` 后面的同时运行数：取开头的数字，没有或为零时不限。"""
    text = text.lstrip(_BLANKS)
    end = 0
    while end < min(len(text), 18) and text[end] in "0123456789":
        end += 1
    return min(int(text[:end] or "0"), _MAX_LIMIT) or None


# 区间的运算


def normalize(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """排序，并合重叠与相接的区间。"""
    result: Ranges = []
    end = -1
    for start, stop in sorted(ranges):
        if start > end or not result:
            result.append((start, stop))
            end = stop
        elif stop > end:
            result[-1] = (result[-1][0], stop)
            end = stop
    return result


def count(ranges: Ranges) -> int:
    """下标的个数。"""
    return sum(stop - start for start, stop in ranges)


def contains(ranges: Ranges, index: int) -> bool:
    """下标在不在其中。"""
    return any(start <= index < stop for start, stop in ranges)


def intersect(ranges: Ranges, other: Ranges) -> Ranges:
    """两者共有的下标：数组里被点名的部分。"""
    result: Ranges = []
    left = right = 0
    while left < len(ranges) and right < len(other):
        start = max(ranges[left][0], other[right][0])
        stop = min(ranges[left][1], other[right][1])
        if start < stop:
            result.append((start, stop))
        if ranges[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return result


def subtract(ranges: Ranges, other: Ranges) -> Ranges:
    """减去 `other` 里的下标：取消一部分之后还剩的。"""
    if not ranges:
        return []
    # 与补集相交；补集只要盖住 ranges 的首尾
    gaps: Ranges = []
    low, high = ranges[0][0], ranges[-1][1]
    for start, stop in other:
        if low < start:
            gaps.append((low, start))
        low = max(low, stop)
    if low < high:
        gaps.append((low, high))
    return intersect(ranges, gaps)


def step_of(ranges: Ranges) -> int:
    """各下标共同的间隔，即 SLURM_ARRAY_TASK_STEP；间隔不一或只有一个下标时是 1。"""
    if len(ranges) < 2 or any(stop - start > 1 for start, stop in ranges):
        return 1
    step = ranges[1][0] - ranges[0][0]
    regular = all(after[0] - before[0] == step for before, after in pairwise(ranges))
    return step if regular else 1


# 印出


def format_indices(
    ranges: Ranges, limit: int | None = None, *, length: int = DEFAULT_LENGTH
) -> str:
    """按 Slurm 的样子印下标，不带方括号：`1-3,7%2`、`0-99:3`。

    参数：
        limit：同时运行数，印在 `%` 后面；None 或 0 时不印
        length：SLURM_BITSTR_LEN：逐个列出的下标印在这么多字节里（含结尾的 NUL），放不下的
            以 `...` 收尾；0 表示全印
    """
    text = _fold_steps(ranges) or _list_ranges(ranges, length)
    return f"{text}%{limit}" if limit else text


def _fold_steps(ranges: Ranges) -> str | None:
    """间隔都相同时折成 `首-尾:间隔`；Slurm 只折够多够散的，其余返回 None。"""
    if len(ranges) <= _STEP_COUNT or ranges[-1][0] - ranges[0][0] <= _STEP_SPAN:
        return None
    step = step_of(ranges)
    return f"{ranges[0][0]}-{ranges[-1][0]}:{step}" if step > 1 else None


def _list_ranges(ranges: Ranges, length: int) -> str:
    # 每段至少占两个字节：放不下的段不必去排
    shown = ranges[:length] if length else ranges
    text = ",".join(
        [str(start) if stop - start == 1 else f"{start}-{stop - 1}" for start, stop in shown]
    )
    # Slurm 总给 `...` 留着三个字节，差一点放得下的也截
    if not length or len(text) <= length - 3:
        return text
    return (text[: max(length - 4, 0)] + "...")[: length - 1]


def to_multirange(ranges: Ranges) -> str:
    """写成 PostgreSQL 的 int4multirange 文本：`{[1,4),[7,8)}`。"""
    return "{" + ",".join([f"[{start},{stop})" for start, stop in ranges]) + "}"


def from_multirange(text: str) -> Ranges:
    """读 PostgreSQL 印出的 int4multirange 文本；它总是排好的 `[起,止)`。

    异常：
        InvalidInput：不是有界的、左闭右开的 int4multirange
    """
    if text == "{}":
        return []
    if text.startswith("{[") and text.endswith(")}") and _MULTIRANGE_CHARS.issuperset(text):
        parts = [part.partition(",") for part in text[2:-2].split("),[")]
        try:
            return [(int(start), int(stop)) for start, _, stop in parts]
        except ValueError:
            pass
    raise InvalidInput(f'Invalid multirange "{text[:80]}"')


# 作业号


def parse_job_ref(text: str) -> JobRef:
    """读一个作业号：`42`、`42_7`、`42_[1-3,9]`、`42_*`、`42.batch`、`42_7.0`。

    方括号里与 `--array` 的值同样写法，因此 squeue 印出的 `42_[0-99:3]`、`42_[1-3%2]` 也读得
    回来，`%N` 不起作用。异构作业的 `42+1` 不收。各命令收的比这少：scancel 不认
    `42.batch`，scontrol 不认方括号，由它们自己拒绝。

    异常：
        InvalidJobRef：不合语法，或数字太大
    """
    whole, dot, step = text.lstrip(_BLANKS).partition(".")
    job, underscore, task = whole.partition("_")
    named = step in ("batch", "extern", "interactive")
    if not _is_id(job) or int(job) == 0 or (dot and not named and not _is_id(step)):
        raise InvalidJobRef(text)
    ranges = None
    if underscore and task != "*":
        if not (task.isdigit() or (task.startswith("[") and task.endswith("]"))):
            raise InvalidJobRef(text)
        try:
            ranges = parse_array(task, MAX_ARRAY_SIZE).ranges
        except InvalidArray:
            raise InvalidJobRef(text) from None
    if dot and not named:
        step = str(int(step))
    return JobRef(int(job), ranges, step if dot else None)


def _is_id(text: str) -> bool:
    """是不是 32 位有符号整数装得下的十进制数。"""
    return text.isdigit() and text.isascii() and len(text) <= 18 and int(text) < 2**31


def parse_job_refs(text: str) -> list[JobRef]:
    """读以逗号隔开的作业号：`42,43_[1,3],44.0`；方括号里的逗号不算隔开，空项略去。

    异常：
        InvalidJobRef：某一项不合语法，`text` 是那一项
    """
    refs = []
    start = 0
    inside = False
    for at, char in enumerate(text + ","):
        if char in "[]":
            inside = char == "["
        elif char == "," and (not inside or at == len(text)):
            if item := text[start:at].strip(_BLANKS):
                refs.append(parse_job_ref(item))
            start = at + 1
    return refs
