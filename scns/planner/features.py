"""节点特性的表达式：`--constraint` 的语法。

来源：sbatch(1) `--constraint`。支持 `&`、`|`、圆括号，以及方括号 `[a|b]`：所有节点满足同一个选择。
`&` 与 `|` 不分高低，从左到右结合，与 Slurm 相同。按特性计数的 `a*2` 不支持，拒绝。
"""

from __future__ import annotations

from itertools import product
from typing import TypeAlias

from scns.errors import InvalidInput


class InvalidFeature(InvalidInput):
    """表达式不合语法。"""

    def __init__(self) -> None:
        super().__init__("Invalid feature specification")


# 语法树：特性名，或（运算符，左，右）；方括号是 ("[", 各个选择)。
Tree: TypeAlias = "str | tuple[Tree, ...]"
_MARKS = "&|()[]"


class Features:
    """一个解析好的特性表达式；比较与散列按原文。

    参数：
        text：`--constraint` 的值

    异常：
        InvalidFeature：不合语法
    """

    __slots__ = ("alternatives", "names", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        tokens = _split(text)
        self.names = frozenset(token for token in tokens if token not in _MARKS)
        tree, rest = _expression(tokens, 0)
        if rest != len(tokens):
            raise InvalidFeature
        #: 展开方括号之后的各个选择，依次尝试；一个作业的所有节点满足同一个。
        self.alternatives: tuple[Tree, ...] = tuple(_expand(tree))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Features) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def matches(tree: Tree, features: frozenset[str]) -> bool:
    """有这些特性的节点是否满足表达式；树取自 `Features.alternatives`。"""
    if isinstance(tree, str):
        return tree in features
    operator, left, right = tree
    if operator == "&":
        return matches(left, features) and matches(right, features)
    return matches(left, features) or matches(right, features)


def _split(text: str) -> list[str]:
    tokens: list[str] = []
    name = ""
    for char in text.strip():
        if char in _MARKS:
            if name:
                tokens.append(name)
                name = ""
            tokens.append(char)
        elif char.isalnum() or char in "_-.:=+/%":
            name += char
        else:
            raise InvalidFeature
    return [*tokens, name] if name else tokens


def _expression(tokens: list[str], at: int) -> tuple[Tree, int]:
    tree, at = _operand(tokens, at)
    while at < len(tokens) and tokens[at] in "&|":
        right, after = _operand(tokens, at + 1)
        tree, at = (tokens[at], tree, right), after
    return tree, at


def _operand(tokens: list[str], at: int) -> tuple[Tree, int]:
    if at >= len(tokens):
        raise InvalidFeature
    word = tokens[at]
    if word not in _MARKS:
        return word, at + 1
    if word not in "([":
        raise InvalidFeature
    tree, at = _expression(tokens, at + 1)
    if at >= len(tokens) or tokens[at] != {"(": ")", "[": "]"}[word]:
        raise InvalidFeature
    return (tree if word == "(" else ("[", *_choices(tree))), at + 1


def _choices(tree: Tree) -> list[Tree]:
    """方括号里最外层由 `|` 隔开的各项。"""
    if isinstance(tree, tuple) and tree[0] == "|":
        return _choices(tree[1]) + _choices(tree[2])
    return [tree]


def _expand(tree: Tree) -> list[Tree]:
    if isinstance(tree, str):
        return [tree]
    if tree[0] == "[":
        return [choice for branch in tree[1:] for choice in _expand(branch)]
    return [(tree[0], left, right) for left, right in product(_expand(tree[1]), _expand(tree[2]))]
