"""公平份额：Fair Tree 的例子、并列的规矩、衰减。"""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.fairshare import Account, Tree, Usage

WEEK = 7 * 86400.0


def factors(tree, usage):
    return {owner: share.factor for owner, share in tree.shares(usage).items()}


def flat(**shares):
    """一层账户，每个账户一个用户 1。"""
    accounts = [Account(name, None, count) for name, count in shares.items()]
    return Tree(accounts, {(name, 1): 1 for name in shares})


def test_level_fairshare_is_shares_over_usage_among_siblings():
    share = flat(a=3, b=1).shares({("a", 1): 60.0, ("b", 1): 40.0})[("a", 1)]
    # 用户在自己的账户里没有兄弟
    assert (share.norm_shares, share.effective_usage, share.level_fs) == (1.0, 1.0, 1.0)
    tree = Tree([Account("a")], {("a", 1): 3, ("a", 2): 1})
    share = tree.shares({("a", 1): 60.0, ("a", 2): 40.0})[("a", 1)]
    assert share.level_fs == pytest.approx(0.75 / 0.6)


def test_the_factor_is_the_rank_over_the_number_of_users():
    usage = {("a", 1): 50.0, ("b", 1): 35.0, ("c", 1): 15.0}
    assert factors(flat(a=1, b=1, c=1), usage) == pytest.approx(
        {("c", 1): 1.0, ("b", 1): 2 / 3, ("a", 1): 1 / 3}
    )


def test_all_users_of_a_better_account_come_before_those_of_a_worse_one():
    tree = Tree(
        [Account("good"), Account("bad")],
        {("good", 1): 1, ("good", 2): 1, ("bad", 3): 1, ("bad", 4): 1},
    )
    usage = {("good", 1): 40.0, ("good", 2): 1.0, ("bad", 3): 60.0, ("bad", 4): 0.0}
    found = factors(tree, usage)
    # 4 号什么也没用，仍排在 good 的人后面：它的账户超支了
    assert found == {("good", 2): 1.0, ("good", 1): 0.75, ("bad", 4): 0.5, ("bad", 3): 0.25}


def test_equal_users_share_a_rank_and_the_next_rank_is_skipped():
    usage = {("a", 1): 10.0, ("a", 2): 10.0, ("a", 3): 80.0}
    tree = Tree([Account("a")], {("a", 1): 1, ("a", 2): 1, ("a", 3): 1})
    assert factors(tree, usage) == pytest.approx({("a", 1): 1.0, ("a", 2): 1.0, ("a", 3): 1 / 3})


def test_equal_accounts_have_their_users_compared_together():
    tree = Tree([Account("a"), Account("b")], {("a", 1): 1, ("a", 2): 3, ("b", 3): 1, ("b", 4): 1})
    usage = {("a", 1): 25.0, ("a", 2): 25.0, ("b", 3): 10.0, ("b", 4): 40.0}
    # 两个账户同样；各人在自己账户里的比值：1 号 0.5，2 号 1.5，3 号 2.5，4 号 0.625
    order = sorted(factors(tree, usage).items(), key=lambda item: -item[1])
    assert [owner[1] for owner, _ in order] == [3, 2, 4, 1]


def test_a_user_tied_with_an_account_gets_the_rank_of_its_best_user():
    tree = Tree(
        [Account("root"), Account("sub", "root")],
        {("root", 1): 1, ("sub", 2): 1, ("sub", 3): 1},
    )
    usage = {("root", 1): 50.0, ("sub", 2): 20.0, ("sub", 3): 30.0}
    found = factors(tree, usage)
    assert found[("root", 1)] == found[("sub", 2)] == 1.0
    assert found[("sub", 3)] == pytest.approx(1 / 3)


def test_no_usage_is_best_and_no_shares_is_worst():
    tree = Tree([Account("a")], {("a", 1): 1, ("a", 2): 1, ("a", 3): 0})
    shares = tree.shares({("a", 1): 5.0})
    assert shares[("a", 2)].level_fs == inf
    assert shares[("a", 3)].level_fs == 0.0
    assert shares[("a", 2)].factor > shares[("a", 1)].factor > shares[("a", 3)].factor


def test_usage_halves_in_a_half_life():
    usage = Usage(WEEK, 0.0, {("a", 1): 100.0})
    usage.advance(WEEK)
    assert usage.values[("a", 1)] == pytest.approx(50.0)
    usage.advance(3 * WEEK)
    assert usage.values[("a", 1)] == pytest.approx(12.5)


@given(st.lists(st.floats(1.0, 5e5), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_usage_does_not_depend_on_how_often_it_is_charged(gaps):
    often, once = Usage(WEEK, 0.0), Usage(WEEK, 0.0)
    now = 0.0
    for gap in gaps:
        often.advance(now + gap)
        often.charge(("a", 1), 4, now, now + gap)
        now += gap
    once.advance(now)
    once.charge(("a", 1), 4, 0.0, now)
    assert often.values[("a", 1)] == pytest.approx(once.values[("a", 1)])


def test_without_decay_usage_is_plain_cpu_seconds():
    usage = Usage(inf, 0.0)
    usage.advance(1000.0)
    usage.charge(("a", 1), 4, 0.0, 1000.0)
    usage.advance(9000.0)
    assert usage.values == {("a", 1): 4000.0}


trees = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12
)


@given(trees, st.lists(st.integers(0, 100), min_size=12, max_size=12))
@settings(max_examples=150, deadline=None)
def test_factors_are_ranks_and_more_usage_never_helps(users, amounts):
    accounts = [Account(f"a{at}", f"a{at - 1}" if at else None) for at in range(5)]
    owners = {(f"a{account}", uid): shares for account, uid, shares in users}
    usage = {owner: float(used) for owner, used in zip(owners, amounts, strict=False)}
    found = factors(Tree(accounts, owners), usage)
    assert set(found) == set(owners)
    ranks = {factor * len(owners) for factor in found.values()}
    assert all(rank == pytest.approx(round(rank)) and 1 <= round(rank) for rank in ranks)
    assert max(ranks) == len(owners)
    victim = next(iter(owners))
    more = {**usage, victim: usage[victim] + 50.0}
    assert factors(Tree(accounts, owners), more)[victim] <= found[victim]
