"""光标处要补什么：`grammar` 的结论，`door` 照它找出候选。"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    #: 候选：值与说明；说明可以是空的。
    Candidate = tuple[str, str]

# 候选从哪里来。
WORDS = "words"  # 这里列出的词与 `kinds` 指名的
FILES = "files"  # 外壳自己找文件
DIRECTORIES = "directories"  # 外壳自己找目录
PROGRAMS = "programs"  # 外壳自己找程序


class Wanted:
    """光标处要补什么。

    参数：
        stay：光标所在的词里照旧的开头，例如 `--partition=`、`a,b,`
        partial：其后已经写下的，候选要以它开头
        words：候选
        kinds：还要哪些动态的值，名字见 `scns.cli.completion.values`
        action：候选从哪里来
        fold：不分大小写
        taken：已经写过的，不再列出
    """

    __slots__ = ("action", "fold", "kinds", "partial", "stay", "taken", "words")

    def __init__(
        self,
        stay: str = "",
        partial: str = "",
        words: Iterable[Candidate] = (),
        *,
        kinds: tuple[str, ...] = (),
        action: str = WORDS,
        fold: bool = False,
        taken: Iterable[str] = (),
    ) -> None:
        self.stay = stay
        self.partial = partial
        self.words = list(words)
        self.kinds = kinds
        self.action = action
        self.fold = fold
        self.taken = frozenset(taken)

    def matching(self, more: Iterable[Candidate] = ()) -> list[Candidate]:
        """以 `partial` 开头的候选，不重复；`more` 是动态的值，排在前面。

        不分大小写时候选换成已经写下的那种大小写，外壳才认得它们是同一个词。
        """
        found: dict[str, str] = {}
        for value, text in (*more, *self.words):
            if self.fold:
                value = self._same_case(value)
            if value.startswith(self.partial) and value not in self.taken:
                found.setdefault(value, text)
        return list(found.items())

    def _same_case(self, value: str) -> str:
        written = len(self.partial)
        if value[:written].lower() != self.partial.lower():
            return value
        rest = value[written:]
        if self.partial.isupper() and written > 1:
            rest = rest.upper()
        elif self.partial.islower():
            rest = rest.lower()
        return self.partial + rest


def pieces(text: str, separators: str) -> tuple[str, str]:
    """在最后一个分隔符之后拆开：照旧的，要补的。"""
    cut = max((text.rfind(one) for one in separators), default=-1) + 1
    return text[:cut], text[cut:]
