"""CPU 的位图与挑选。"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.cpus import pick, to_ids, to_mask

ids = st.sets(st.integers(0, 70), max_size=40)


@given(ids)
@settings(max_examples=100, deadline=None)
def test_ids_survive_the_way_through_a_mask(chosen):
    assert to_ids(to_mask(chosen)) == tuple(sorted(chosen))


def runs(chosen):
    """连续的各段，（长度，起点）。"""
    found = []
    for cpu in sorted(chosen):
        if found and found[-1][0] + found[-1][1] == cpu:
            found[-1] = (found[-1][0] + 1, found[-1][1])
        else:
            found.append((1, cpu))
    return found


@given(ids, st.data())
@settings(max_examples=200, deadline=None)
def test_the_lowest_run_that_is_long_enough_is_taken(idle, data):
    if not idle:
        return
    count = data.draw(st.integers(1, len(idle)))
    chosen = set(to_ids(pick(to_mask(idle), count)))
    assert len(chosen) == count
    assert chosen <= idle
    long_enough = [start for length, start in runs(idle) if length >= count]
    if long_enough:
        first = min(long_enough)
        assert chosen == set(range(first, first + count))


def test_without_a_long_enough_run_the_longest_goes_first():
    assert to_ids(pick(to_mask({0, 2, 3, 4, 6, 7}), 5)) == (2, 3, 4, 6, 7)
    assert to_ids(pick(to_mask({0, 2, 3, 4, 6, 7}), 4)) == (0, 2, 3, 4)


def test_nothing_is_picked_when_nothing_is_wanted():
    assert pick(0b1011, 0) == 0
