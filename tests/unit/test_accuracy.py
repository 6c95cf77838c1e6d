"""预计的误差与等待的时间：怎样归成几个数。"""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from scns.cli.own.accuracy import Accuracy, Waits, accuracy, waits
from scns.cli.own.stats import table


def test_no_estimates_no_lines():
    assert accuracy([]) == []


def test_estimates_are_grouped_by_how_far_ahead_they_were():
    pairs = [(60, 0), (599, 0), (600, 0), (3600, 0), (86_400, 0), (10**7, 0)]
    assert [(one.label, one.estimates) for one in accuracy(pairs)] == [
        ("under 10 min", 2),
        ("under 1 h", 1),
        ("under 1 d", 1),
        ("1 d and more", 2),
    ]


def test_close_is_on_time():
    pairs = [(60, -5), (60, 5), (60, 6), (60, -6)]
    [one] = accuracy(pairs)
    assert (one.earlier, one.on_time, one.later) == (25, 50, 25)
    [far] = accuracy([(3000, -150), (3000, 150), (3000, 151), (3000, 0)])
    assert (far.earlier, far.on_time, far.later) == (0, 75, 25)


def test_median_and_nine_tenths():
    [one] = accuracy([(60, error) for error in range(-9, 1)])
    assert one.median == -4.5
    assert one.within == 8
    [single] = accuracy([(60, -7)])
    assert (single.median, single.within) == (-7, 7)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=40))
def test_shares_add_up_and_nine_tenths_are_within(pairs):
    rows = accuracy(pairs)
    assert sum(row.estimates for row in rows) == len(pairs)
    for row in rows:
        assert row.earlier + row.on_time + row.later == pytest.approx(100)
    if len(rows) == 1:
        inside = sum(abs(error) <= rows[0].within for _, error in pairs)
        assert inside >= 0.9 * len(pairs)


def test_waits():
    assert waits([]) == Waits(0)
    assert waits([10, 20, 60, -5]) == Waits(4, 22.5, 15, 60)


def test_table_says_earlier_with_a_minus():
    rows = [Accuracy("under 1 h", 12, 75, 25, 0, -120.0, 600.0)]
    out = io.StringIO()
    Console(file=out, width=120).print(table(rows))
    head, line = (text.split() for text in out.getvalue().splitlines())
    assert head[:2] == ["AHEAD", "ESTIMATES"]
    assert line == ["under", "1", "h", "12", "75%", "25%", "0%", "-2", "min", "10", "min"]
