"""`PriorityUsageResetPeriod`：每一段从何时开始。"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.reset import period_start

PERIODS = ("DAILY", "WEEKLY", "MONTHLY", "QUARTERLY", "YEARLY")


def at(text):
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


@pytest.mark.parametrize(
    ("period", "start"),
    [
        ("DAILY", "2022-05-18"),
        ("WEEKLY", "2022-05-15"),  # 星期日
        ("MONTHLY", "2022-05-01"),
        ("QUARTERLY", "2022-04-01"),
        ("YEARLY", "2022-01-01"),
    ],
)
def test_a_wednesday_in_may(period, start):
    assert period_start(period, at("2022-05-18 13:14:15")) == at(f"{start} 00:00:00")


def test_a_sunday_begins_its_own_week():
    sunday = at("2022-05-15 00:00:00")
    assert period_start("WEEKLY", sunday) == sunday
    assert period_start("WEEKLY", sunday - 1) == at("2022-05-08 00:00:00")


@given(st.sampled_from(PERIODS), st.floats(0, 4e9))
@settings(max_examples=200, deadline=None)
def test_a_period_begins_at_a_midnight_before_now_and_begins_itself(period, now):
    start = period_start(period, now)
    assert start <= now
    assert period_start(period, start) == start
    here = time.localtime(start)
    assert (here.tm_min, here.tm_sec) == (0, 0)


@given(st.sampled_from(PERIODS), st.floats(0, 4e9), st.floats(0, 4e8))
@settings(max_examples=200, deadline=None)
def test_periods_follow_one_another(period, now, later):
    assert period_start(period, now) <= period_start(period, now + later)
