"""模拟的进度：只写给终端看，头几秒不写，完了擦去。"""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from scns.cli.own.simulate import Pace


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """一个拨得动的钟。"""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def rounds(pace, clock, *moments, starts=10):
    for moment in moments:
        clock.seconds = 100.0 + moment
        pace(0.0, SimpleNamespace(starts=[None] * starts))


def test_a_short_simulation_shows_nothing(clock):
    out = Terminal()
    with Pace("easy", 100, out, clock) as pace:
        rounds(pace, clock, 0, 0.5, 1.9)
    assert out.getvalue() == ""


def test_a_long_one_shows_how_far_it_is_and_how_fast(clock):
    out = Terminal()
    with Pace("conservative", 1_000_000, out, clock) as pace:
        rounds(pace, clock, 1, 2, 4, starts=1000)
        lines = out.getvalue().split("\r\x1b[K")
    assert lines == [
        "",
        "conservative: 2,000 of 1,000,000 jobs started, 1,000/s",
        "conservative: 3,000 of 1,000,000 jobs started, 750/s",
    ]


def test_it_is_not_written_anew_at_each_round(clock):
    out = Terminal()
    with Pace("easy", 100, out, clock) as pace:
        rounds(pace, clock, *(2 + at / 100 for at in range(40)))
        assert out.getvalue().count("started") == 1


def test_what_was_shown_is_wiped_at_the_end(clock):
    out = Terminal()
    with Pace("easy", 100, out, clock) as pace:
        rounds(pace, clock, 3)
    assert out.getvalue().endswith("\r\x1b[K")
    assert "\n" not in out.getvalue()


def test_what_was_shown_is_wiped_after_an_error_too(clock):
    out = Terminal()
    with pytest.raises(KeyboardInterrupt), Pace("easy", 100, out, clock) as pace:
        rounds(pace, clock, 3)
        raise KeyboardInterrupt
    assert out.getvalue().endswith("\r\x1b[K")


def test_where_there_is_no_terminal_there_is_no_progress(clock):
    assert not Pace("easy", 100, io.StringIO(), clock).enabled
    assert Pace("easy", 100, Terminal(), clock).enabled
