"""预计的启动时刻何时算变了。"""

from __future__ import annotations

import pytest

from scns.scheduler.estimate import moved


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (None, None, False),
        (None, 1100.0, True),
        (1100.0, None, True),
        (1100.0, 1100.0, False),
        (1100.0, 1104.0, False),
        (1100.0, 1107.0, True),
        (1100.0, 1050.0, True),
        (1001.0, 1001.9, False),
        (1001.0, 1002.5, True),
        (4600.0, 4700.0, False),
        (990.0, 992.0, True),
    ],
)
def test_estimates_move_by_more_than_a_second_and_a_twentieth_of_the_wait(before, after, changed):
    assert moved(before, after, now=1000.0) is changed
