"""作业的依赖：`--dependency` 的写法、squeue `%E` 的印法，以及一条依赖此刻成不成立。

来源：sbatch(1) `--dependency`；细节照着 Slurm 22.05 核对过。判定是纯函数，父作业的状态由
调用者给。
"""

from __future__ import annotations

from scns.errors import InvalidInput

TYPE_CHECKING = False  # 导入 typing 要 5 毫秒；类型检查器认得这个名字
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: 一项的状态，也是整个依赖的判定：还要等、已成立、永远不会成立。
WAITING, MET, NEVER = "WAITING", "MET", "NEVER"

#: `task` 的值：数组的全部元素，写作 `42_*`。
ALL = -1

SINGLETON = "singleton"

#: 跟着作业号的种类。afterburstbuffer 在没有 burst buffer 的地方等于 afterany。
KINDS = frozenset({"after", "afterany", "afterburstbuffer", "aftercorr", "afternotok", "afterok"})

#: 没有写种类的作业号是这一种。
_DEFAULT_KIND = "afterany"

#: 一个依赖至多展开成这么多项；再多的是笔误或恶意。
MAX_TERMS = 10_000

#: 延迟的上限，分钟：2**32 秒。
_MAX_DELAY = 71_582_788

_MAX_TASK = 2**31 - 1
_BLANKS = " \t\n\v\f\r"
_SHOWN = {WAITING: "(unfulfilled)", NEVER: "(failed)"}


class InvalidDependency(InvalidInput):
    """依赖不合语法；提交失败的那句开头由提交的一方加上。"""

    def __init__(self, sentence: str = "Job dependency problem") -> None:
        super().__init__(sentence)


class Term:
    """依赖的一项。

    参数：
        kind：`KINDS` 之一，或 `SINGLETON`
        job_id：父作业；singleton 没有，为 None
        task：数组元素的下标；`ALL` 是全部元素，None 是没有说下标
        delay：`after` 在父作业启动之后再等几分钟；别的种类照收，没有作用
        state：`WAITING`、`MET` 或 `NEVER`；判定过的不再改
    """

    __slots__ = ("delay", "job_id", "kind", "state", "task")

    def __init__(
        self,
        kind: str,
        job_id: int | None = None,
        task: int | None = None,
        delay: int = 0,
        state: str = WAITING,
    ) -> None:
        self.kind = kind
        self.job_id = job_id
        self.task = task
        self.delay = delay
        self.state = state

    def __str__(self) -> str:
        if self.job_id is None:
            return self.kind
        task = "" if self.task is None else "_*" if self.task == ALL else f"_{self.task}"
        return f"{self.kind}:{self.job_id}{task}{f'+{self.delay}' if self.delay else ''}"

    def __repr__(self) -> str:
        return f"Term({self}, {self.state})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Term) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    @property
    def subject(self) -> tuple[str, int | None, int | None]:
        """这一项说的是谁的什么；延迟不算在内。"""
        return self.kind, self.job_id, self.task

    def _fields(self) -> tuple[object, ...]:
        return *self.subject, self.delay, self.state

    def settled(self, state: str) -> Term:
        """同一项，换一个状态。"""
        return Term(*self.subject, self.delay, state)

    def edge(self) -> dict[str, str | int | None]:
        """`submit()` 要的依赖图的一条边；`42_*` 与 `42` 是同一条。"""
        task = None if self.task == ALL else self.task
        return {"kind": self.kind, "job": self.job_id, "task": task, "delay": self.delay}


class Dependency:
    """一个作业的全部依赖；没有项的是没有依赖。

    同一父作业的同一种类只留第一项，与 Slurm 相同。

    参数：
        any：为真时有一项成立就行（`?`），否则要全部成立（`,`）；只有一项时没有分别
    """

    __slots__ = ("any", "terms")

    def __init__(self, terms: Iterable[Term] = (), any: bool = False) -> None:
        kept: dict[tuple[str, int | None, int | None], Term] = {}
        for term in terms:
            kept.setdefault(term.subject, term)
        self.terms = tuple(kept.values())
        self.any = any and len(self.terms) > 1

    def __str__(self) -> str:
        """规范的写法，`parse` 读得回来；已经判定的状态不在其中。"""
        return self._separator.join(map(str, self.terms))

    def __repr__(self) -> str:
        return f"Dependency({self})"

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dependency) and (self.terms, self.any) == (other.terms, other.any)

    def __hash__(self) -> int:
        return hash((self.terms, self.any))

    @property
    def _separator(self) -> str:
        return "?" if self.any else ","

    def edges(self) -> list[dict[str, str | int | None]]:
        """依赖图的各边，按次序。"""
        return [term.edge() for term in self.terms]

    def parents(self) -> set[int]:
        """父作业的号。"""
        return {term.job_id for term in self.terms if term.job_id is not None}

    def resolved(self, is_array: Callable[[int], bool]) -> Dependency:
        """指名整个数组的项写明 `_*`；Slurm 在提交时这样做，squeue 因此印出 `42_*`。"""
        return Dependency(
            (
                Term(term.kind, term.job_id, ALL, term.delay, term.state)
                if term.job_id is not None and term.task is None and is_array(term.job_id)
                else term
                for term in self.terms
            ),
            self.any,
        )

    def shown(self) -> str:
        """squeue `%E` 与 scontrol 的 `Dependency=`；空串在那里印作 `(null)`。"""
        return self._separator.join(
            f"{term}{_SHOWN[term.state]}" for term in self.terms if term.state != MET
        )


# 读


def parse(text: str) -> Dependency:
    """读 `--dependency` 的值；空的与 `0` 是没有依赖。

    `种类:作业号[:作业号…]` 以 `,` 或 `?` 隔开。只要有一个 `?`，全部都是「任一」。
    作业号可以是 `42_7`、`42_*`、`42_[1-3,5]`，后面可以跟 `+分钟`；延迟对同一种类后面的
    作业号继续有效，与 Slurm 相同。没有种类的作业号是 afterany。

    Slurm 把 `42_`、`-1` 一类的写法读成别的作业号；这里拒绝。

    异常：
        InvalidDependency：不合语法，或是不支持的 `expand`
    """
    if text in ("", "0"):
        return Dependency()
    items = list(_split(text, ",?"))
    any_ = any(separator == "?" for _, separator in items)
    old_style = _is_bare(items[0][0])
    if old_style and (any_ or not all(_is_bare(item) for item, _ in items)):
        raise InvalidDependency
    terms: list[Term] = []
    for item, _ in items:
        terms += _terms(item)
        if len(terms) > MAX_TERMS:
            raise InvalidDependency
    return Dependency(terms, any_)


def _split(text: str, separators: str) -> Iterator[tuple[str, str]]:
    """按分隔符切开，方括号里的不算；给出各段与它后面的分隔符，最后一段的是空串。"""
    start = depth = 0
    for at, letter in enumerate(text):
        if letter in "[]":
            depth += 1 if letter == "[" else -1
        elif letter in separators and depth == 0:
            yield text[start:at], letter
            start = at + 1
    yield text[start:], ""


def _is_bare(item: str) -> bool:
    """没有写种类，只有作业号。"""
    return item[:1].isdigit()


def _terms(item: str) -> list[Term]:
    if _is_bare(item):
        if not {":", "+", "["}.isdisjoint(item):
            raise InvalidDependency
        return _references(_DEFAULT_KIND, item)
    name, colon, references = item.partition(":")
    kind = name.lower()
    if kind == SINGLETON and not colon:
        return [Term(SINGLETON)]
    if kind == "expand" and colon:
        raise InvalidDependency("Requested operation not supported on this system")
    if kind not in KINDS:
        raise InvalidDependency
    return _references(kind, references)


def _references(kind: str, text: str) -> list[Term]:
    """以冒号隔开的各个作业号。"""
    terms: list[Term] = []
    delay = 0
    for reference, _ in _split(text, ":"):
        whole, plus, minutes = reference.partition("+")
        if plus:
            delay = _number(minutes, _MAX_DELAY)
        job, underscore, index = whole.lstrip(_BLANKS).partition("_")
        job_id = _number(job, 10**18)
        if not job_id or (plus and not delay):
            raise InvalidDependency
        tasks = _tasks(index) if underscore else [None]
        terms += [Term(kind, job_id, task, delay) for task in tasks]
    return terms


def _tasks(text: str) -> list[int | None]:
    if text == "*":
        return [ALL]
    if not text.startswith("["):
        return [_number(text, _MAX_TASK)]
    # 少见的写法才用得着，平时不必装载
    from scns.arrays import MAX_ARRAY_SIZE, InvalidArray, count, parse_array

    if not text.endswith("]") or "%" in text:
        raise InvalidDependency
    try:
        ranges = parse_array(text, MAX_ARRAY_SIZE).ranges
    except InvalidArray:
        raise InvalidDependency from None
    if count(ranges) > MAX_TERMS:
        raise InvalidDependency
    return [task for start, stop in ranges for task in range(start, stop)]


def _number(text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidDependency
    number = int(text)
    if number > largest:
        raise InvalidDependency
    return number


# 判定


class Parent:
    """父作业（或它的一个元素、整个数组）此刻怎样。

    参数：
        started：已经启动过，或未启动就结束；整个数组是没有元素还在排队
        ended：已经结束；整个数组是元素都已结束
        ok：结束了并且成功；整个数组是元素全部成功
        since：启动的时刻，没有启动过的是结束的时刻，epoch 秒；整个数组取最晚的
    """

    __slots__ = ("ended", "ok", "since", "started")

    def __init__(
        self, *, started: bool, ended: bool = False, ok: bool = False, since: float = 0.0
    ) -> None:
        self.started = started
        self.ended = ended
        self.ok = ok
        self.since = since


def target(term: Term, own_task: int | None) -> tuple[int | None, int | None]:
    """这一项要看哪个作业、哪个元素；None 是整个作业或数组。

    aftercorr 指名整个数组、而自己也是数组元素时，看下标相同的那一个。

    参数：
        own_task：提出依赖的作业自己的下标；不是数组元素时为 None
    """
    if term.task not in (None, ALL):
        return term.job_id, term.task
    return term.job_id, own_task if term.kind == "aftercorr" else None


def judge(term: Term, parent: Parent | None, now: float) -> str:
    """一项依赖的判定。

    参数：
        parent：None 是没有这个作业或元素，Slurm 当作已成立，不论哪一种；singleton 给的是
            同名作业的合计，`ended` 为真是没有别的同名作业还没结束
    返回：
        `WAITING`、`MET` 或 `NEVER`；判定过的项原样返回
    """
    if term.state != WAITING:
        return term.state
    if parent is None:
        return MET
    if term.kind == "after":
        due = parent.since + term.delay * 60 <= now if term.delay else True
        return MET if parent.started and due else WAITING
    if not parent.ended:
        return WAITING
    if term.kind in (SINGLETON, "afterany", "afterburstbuffer"):
        return MET
    # 一个元素失败还定不了 afterok 的结局：Slurm 等整个数组结束才判定
    return MET if parent.ok == (term.kind != "afternotok") else NEVER


def settle(
    dependency: Dependency, facts: Callable[[Term], Parent | None], now: float
) -> tuple[str, Dependency]:
    """判定整个依赖。

    参数：
        facts：给出一项的父作业，见 `judge`
        now：epoch 秒
    返回：
        判定，以及各项记下了状态的依赖；`NEVER` 的项以后不再改判，父作业重新排队也一样
    """
    judged = Dependency(
        (term.settled(judge(term, facts(term), now)) for term in dependency.terms),
        dependency.any,
    )
    states = [term.state for term in judged.terms]
    if judged.any:
        verdict = MET if MET in states else WAITING if WAITING in states else NEVER
    else:
        verdict = NEVER if NEVER in states else WAITING if WAITING in states else MET
    return verdict, judged


def evaluate(
    dependency: Dependency, facts: Callable[[Term], Parent | None], now: float = 0.0
) -> str:
    """整个依赖此刻是 `WAITING`、`MET` 还是 `NEVER`。"""
    return settle(dependency, facts, now)[0]
