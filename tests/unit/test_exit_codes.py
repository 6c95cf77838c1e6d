"""退出码的名单：RequeueExit 与 RequeueExitHold 的写法与印法。"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.conf_values import EXIT_CODES, BadValue
from scns.scheduler.outcome import Ending, requeue_on_exit
from scns.states import JobState


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ()),
        ("7", (7,)),
        ("1-3,18", (1, 2, 3, 18)),
        (" 5 , 1-2,2 ", (1, 2, 5)),
        ("0,255", (0, 255)),
    ],
)
def test_codes_and_ranges_are_read(text, codes):
    assert EXIT_CODES.parse(text) == codes


@pytest.mark.parametrize("text", ["x", "256", "3-1", "-1", "1-", "1-2-3", "1;2"])
def test_anything_else_is_refused(text):
    with pytest.raises(BadValue):
        EXIT_CODES.parse(text)


@settings(max_examples=200, deadline=None)
@given(st.frozensets(st.integers(0, 255), min_size=1))
def test_what_is_shown_reads_back(codes):
    ordered = tuple(sorted(codes))
    assert EXIT_CODES.parse(EXIT_CODES.show(ordered)) == ordered


@pytest.mark.parametrize(
    ("state", "code", "signal", "expected"),
    [
        (JobState.FAILED, 3, 0, (True, False)),
        (JobState.FAILED, 7, 0, (True, True)),
        (JobState.COMPLETED, 0, 0, (False, False)),
        (JobState.FAILED, 0, 9, (False, False)),
        (JobState.TIMEOUT, 3, 0, (False, False)),
        (JobState.NODE_FAIL, 3, 0, (False, False)),
    ],
)
def test_only_what_the_script_says_itself_counts(state, code, signal, expected):
    ending = Ending(state, "None", code, signal, None, 0, 0)
    found, held = requeue_on_exit(ending, (3,), (7,))
    assert (found.requeue, held) == expected
