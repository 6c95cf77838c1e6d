"""节点特性的表达式。"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.features import Features, InvalidFeature, matches


def alone(text, *features):
    """只有一个选择的表达式是否满足。"""
    (tree,) = Features(text).alternatives
    return matches(tree, frozenset(features))


@pytest.mark.parametrize(
    ("text", "features", "expected"),
    [
        ("gpu", ["gpu"], True),
        ("gpu", ["cpu"], False),
        ("a&b", ["a", "b"], True),
        ("a&b", ["a"], False),
        ("a|b", ["b"], True),
        ("a|b", ["c"], False),
        ("(a|b)&c", ["b", "c"], True),
        ("(a|b)&c", ["b"], False),
        ("a&(b|c)", ["a", "c"], True),
        (" a&b ", ["a", "b"], True),
        ("intel-6148", ["intel-6148"], True),
    ],
)
def test_and_or_and_parentheses(text, features, expected):
    assert alone(text, *features) is expected


def test_operators_bind_from_left_to_right():
    # 与 Slurm 相同：a|b&c 是 (a|b)&c
    assert not alone("a|b&c", "a")
    assert alone("a&b|c", "c")


def test_brackets_make_alternatives_for_the_whole_job():
    trees = Features("[r1|r2|r3]&ib").alternatives
    assert len(trees) == 3
    ib_r2 = frozenset({"r2", "ib"})
    assert [matches(tree, ib_r2) for tree in trees] == [False, True, False]


def test_names_are_collected_for_the_check_at_submission():
    assert Features("[r1|r2]&(ib|opa)").names == {"r1", "r2", "ib", "opa"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a&",
        "&a",
        "a b",
        "(a",
        "a)",
        "[a",
        "a]",
        "[a)",
        "()",
        "a*2",
        "a&&b",
        "a|",
        "a!",
        "a & b",
    ],
)
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(InvalidFeature) as caught:
        Features(text)
    assert caught.value.message == "Invalid feature specification"


def test_equal_texts_are_equal():
    assert Features("a&b") == Features("a&b")
    assert Features("a&b") != Features("b&a")
    assert len({Features("a"), Features("a")}) == 1


names = st.sampled_from(["a", "b", "c"])
expressions = st.recursive(
    names,
    lambda inner: st.lists(st.tuples(st.sampled_from("&|"), inner), min_size=1, max_size=3).map(
        lambda parts: "(" + parts[0][1] + "".join(f"{op}{e}" for op, e in parts[1:]) + ")"
    ),
    max_leaves=8,
)


def judge(text, features):
    """一个字符一个字符地从左到右求值。"""

    def expression(at):
        value, at = operand(at)
        while at < len(text) and text[at] in "&|":
            right, after = operand(at + 1)
            value = (value and right) if text[at] == "&" else (value or right)
            at = after
        return value, at

    def operand(at):
        if text[at] == "(":
            value, at = expression(at + 1)
            return value, at + 1
        return text[at] in features, at + 1

    return expression(0)[0]


@given(expressions, st.sets(names))
@settings(max_examples=200, deadline=None)
def test_any_expression_is_judged_from_left_to_right(text, features):
    assert alone(text, *features) is judge(text, features)
