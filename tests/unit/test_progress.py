"""进度：数目、线与几个字。"""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from scns.cli.own.progress import Tally, bar, table


def of(completed=0, failed=0, running=0, waiting=0) -> Tally:
    return Tally("42", "sweep", completed, failed, running, waiting)


@pytest.mark.parametrize(
    ("tally", "words"),
    [
        (of(), "0/0 done"),
        (of(waiting=10), "0/10 done, 10 waiting"),
        (of(5, 1, 2, 2), "6/10 done, 1 failed, 2 running, 2 waiting"),
        (of(completed=3), "3/3 done"),
    ],
)
def test_words_leave_out_what_is_none(tally, words):
    assert tally.words == words


@pytest.mark.parametrize(
    ("tally", "text"),
    [
        (of(), "░░░░░░░░░░"),
        (of(waiting=7), "░░░░░░░░░░"),
        (of(completed=7), "██████████"),
        (of(5, 2, 1, 2), "█████▓▓▒░░"),
        (of(completed=1, waiting=100_000), "█░░░░░░░░░"),
        (of(100_000, 1, 1, 1), "██████████"),
        (of(99, 99, 99, 0), "███▓▓▓▒▒▒░"),
    ],
)
def test_bar_shows_each_part_without_colours(tally, text):
    assert bar(tally, 10).plain == text


def test_bar_keeps_its_width():
    for completed in range(12):
        for failed in range(12 - completed):
            one = of(completed, failed, 3, 2)
            assert len(bar(one, 17).plain) == 17


def test_table_has_a_line_for_each_job():
    out = io.StringIO()
    Console(file=out, width=80).print(table([of(1, 0, 1, 0), of(waiting=2)]))
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("42 sweep ███████████████▒")
    assert lines[0].rstrip().endswith("1/2 done, 1 running")
