"""从前的公平份额与 `DEPTH_OBLIVIOUS`：手算的数。"""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.fairshare import Account, Algorithm, Tree

CLASSIC = Algorithm(fair_tree=False)
OBLIVIOUS = Algorithm(fair_tree=False, depth_oblivious=True)

#: root 下 a（份数 3）与 b（份数 1）；a 里有 1（份数 1）与 2（份数 3），b 里有 3。
ACCOUNTS = [Account("root"), Account("a", "root", 3), Account("b", "root", 1)]
USERS = {("a", 1): 1, ("a", 2): 3, ("b", 3): 1}
#: a 用了一半，都是 1 用的；另一半是 b 的。
USAGE = {("a", 1): 50.0, ("b", 3): 50.0}


def shares(algorithm, usage=USAGE):
    return Tree(ACCOUNTS, USERS, algorithm).shares(usage)


def rows(algorithm, usage=USAGE):
    levels = Tree(ACCOUNTS, USERS, algorithm).levels(usage, {})
    return {(level.account, level.uid): level.share for level in levels}


def test_shares_are_multiplied_from_the_root_down():
    found = rows(CLASSIC)
    assert found["root", None].norm_shares == 1.0
    assert found["a", None].norm_shares == 0.75
    assert found["a", 1].norm_shares == 0.75 * 0.25
    assert found["b", 3].norm_shares == 0.25


def test_usage_of_the_parent_weighs_on_the_children_by_their_shares():
    found = rows(CLASSIC)
    assert found["a", None].effective_usage == 0.5
    assert found["a", 1].effective_usage == 0.5
    # 2 自己没有用，分到父账户用量的四分之三
    assert found["a", 2].effective_usage == 0.5 * 0.75
    assert found["b", 3].effective_usage == 0.5


def test_the_factor_is_a_power_of_two():
    found = shares(CLASSIC)
    assert found["a", 1].factor == pytest.approx(2 ** -(0.5 / 0.1875))
    assert found["a", 2].factor == pytest.approx(2 ** -(0.375 / 0.5625))
    assert found["b", 3].factor == pytest.approx(2**-2)


def test_the_dampening_factor_divides_the_exponent():
    found = shares(Algorithm(fair_tree=False, damping=4.0))
    assert found["b", 3].factor == pytest.approx(2**-0.5)


def test_who_used_nothing_has_a_factor_of_one_and_who_has_no_share_none():
    tree = Tree([Account("root")], {("root", 1): 1, ("root", 2): 0}, CLASSIC)
    found = tree.shares({})
    assert (found["root", 1].factor, found["root", 2].factor) == (1.0, 0.0)


def test_depth_oblivious_multiplies_the_ratios():
    found = rows(OBLIVIOUS)
    a = 0.5 / 0.75
    # 1 用了 a 的全部而只有四分之一：比值 4，与 a 的在 1 的两侧
    k = 1 / (1 + (5 * log(a)) ** 2)
    assert found["a", None].effective_usage / 0.75 == pytest.approx(a)
    assert found["a", 1].effective_usage / 0.1875 == pytest.approx(a * 4**k)
    assert found["a", 1].factor == pytest.approx(2 ** -(a * 4**k))
    assert found["a", 2].factor == 1.0
    # b 的两个比值都不小于 1：k 是 1
    assert found["b", 3].factor == pytest.approx(2**-2)


def test_depth_oblivious_does_not_punish_depth():
    """一条长链里各层用得正好：深处的用户与浅处的系数一样。"""
    chain = [Account("root"), Account("x0", "root"), Account("y", "root")]
    chain += [Account(f"x{at}", f"x{at - 1}") for at in range(1, 5)]
    users = {("x4", 1): 1, ("y", 2): 1}
    found = Tree(chain, users, OBLIVIOUS).shares({("x4", 1): 5.0, ("y", 2): 5.0})
    assert found["x4", 1].factor == pytest.approx(0.5)
    assert found["y", 2].factor == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), Algorithm()),
        (("FAIR_TREE",), Algorithm()),
        (("NO_FAIR_TREE",), CLASSIC),
        (("DEPTH_OBLIVIOUS",), OBLIVIOUS),
    ],
)
def test_the_flags_choose_the_algorithm(flags, expected):
    assert Algorithm.of(flags, 1.0) == expected


amounts = st.lists(st.floats(0, 1e6), min_size=3, max_size=3)


@given(amounts, st.sampled_from([CLASSIC, OBLIVIOUS]))
@settings(max_examples=150, deadline=None)
def test_factors_lie_between_zero_and_one_and_more_usage_never_helps(used, algorithm):
    usage = dict(zip(USERS, used, strict=True))
    found = shares(algorithm, usage)
    assert all(0 <= share.factor <= 1 for share in found.values())
    if algorithm is CLASSIC:
        more = shares(algorithm, {**usage, ("b", 3): usage["b", 3] + 1000.0})
        assert more["b", 3].factor <= found["b", 3].factor + 1e-12


@given(amounts)
@settings(max_examples=100, deadline=None)
def test_effective_usage_of_the_children_adds_up_to_no_less_than_the_parents(used):
    usage = dict(zip(USERS, used, strict=True))
    found = rows(CLASSIC, usage)
    children = [found["a", 1].effective_usage, found["a", 2].effective_usage]
    assert sum(children) >= found["a", None].effective_usage - 1e-9
