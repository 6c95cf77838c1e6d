"""看板的按键：怎样解码，按一个键样子怎样变。"""

from __future__ import annotations

import pytest

from scns.cli.board.keys import (
    Action,
    Mode,
    Sort,
    View,
    arranged,
    decode,
    press,
    selected,
    window,
)
from scns.cli.board.usage import Usage
from tests.unit.board_cases import job

JOBS = [job(1, owner="bob"), job(2, name="sweep"), job(3, "PENDING", reason="Priority")]


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"\x1b[A\x1b[B", ["up", "down"]),
        (b"\x1bOA", ["up"]),
        (b"\x1b[5~\x1b[6~\x1b[H\x1b[F\x1b[3~", ["page up", "page down", "home", "end", "delete"]),
        (b"\x1b", ["escape"]),
        (b"\x1bx", ["escape", "x"]),
        (b"a\r\x7f", ["a", "enter", "backspace"]),
        (b"\x03", ["q"]),
        (b"\x1b[1;5Cx", ["x"]),
        (b"\x1b[15~x", ["x"]),
        ("é".encode(), ["é"]),
        (b"\xff", []),
        (b"", []),
    ],
)
def test_keys_are_decoded_from_what_terminals_send(data, keys):
    assert decode(data) == keys


def after(*typed: str, view: View | None = None, jobs=JOBS) -> tuple[View, Action | None]:
    """依次按下这些键之后的样子，与最后一个键要做的事。"""
    found, action = view or View(), None
    for key in typed:
        found, action = press(found, key, arranged(jobs, found, "alice"), page=2)
    return found, action


@pytest.mark.parametrize("key", ["q", "Q"])
def test_quit(key):
    assert after(key)[1] is Action.QUIT


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("down", 1),
        ("up", 3),
        ("down down", 2),
        ("j j j j", 3),
        ("down down k", 1),
        ("down page_down", 3),
        ("end page_up", 1),
        ("G g", 1),
        ("down home", 1),
    ],
)
def test_moving_the_selection(typed, expected):
    keys = [key.replace("_", " ") for key in typed.split()]
    assert after(*keys)[0].selected == expected


def test_moving_in_an_empty_list_selects_nothing():
    assert after("down", jobs=[])[0].selected is None


def test_selection_stays_with_its_job_when_the_order_changes():
    view, _ = after("down", "down")
    assert view.selected == 2
    assert selected(view, list(reversed(JOBS))) is JOBS[1]
    gone, _ = press(view, "down", JOBS[2:])
    assert gone.selected == 3


def test_orders_are_cycled_both_ways():
    order = list(Sort)
    assert [after(*["s"] * times)[0].sort for times in range(len(order))] == order
    assert after(*["s"] * len(order))[0].sort is Sort.QUEUE
    assert after("S")[0].sort is order[-1]
    assert after("s", "r")[0].reverse
    assert not after("s", "r", "s")[0].reverse


def test_filter_is_typed_corrected_and_cleared():
    view, _ = after("f", "s", "w", "x", "backspace")
    assert (view.mode, view.text) == (Mode.FILTER, "sw")
    view, _ = press(view, "q", JOBS)
    assert view.text == "swq"
    view, _ = after("/", "s", "enter", view=View())
    assert (view.mode, view.text) == (Mode.LIST, "s")
    assert after("escape", view=view)[0].text == ""
    assert after("f", "s", "escape")[0] == View()
    assert after("f", "up")[0].text == ""


def test_mine_is_read_again():
    view, action = after("u")
    assert (view.mine, action) == (True, Action.REREAD)
    assert after("u", "u")[0].mine is False
    assert after(" ")[1] is Action.REREAD


def test_cancel_asks_first():
    view, action = after("down", "c")
    assert (view.mode, action) == (Mode.CONFIRM, None)
    assert press(view, "n", JOBS) == (View(selected=1), None)
    assert press(view, "escape", JOBS)[1] is None
    answered, action = press(view, "y", JOBS)
    assert (answered.mode, action) == (Mode.LIST, Action.CANCEL)


def test_first_job_is_taken_when_none_is_selected():
    assert after("delete")[0].selected == 1
    view, action = after("w")
    assert (view.selected, action) == (1, Action.WHY)
    assert after("c", jobs=[]) == (View(), None)
    assert after("enter", jobs=[])[1] is None


def test_help_and_answers_go_away_with_any_key():
    assert after("h")[0].mode is Mode.HELP
    assert after("?", "x")[0] == View()
    view = View(mode=Mode.WHY, lines=("because",))
    assert after("q", view=view) == (View(), None)


def test_messages_go_away_with_the_next_key():
    assert after("r", view=View(message="done"))[0].message == ""


def test_unknown_keys_do_nothing():
    assert after("z") == (View(), None)


def ids(view: View, jobs=JOBS) -> list[int]:
    return [one.job_id for one in arranged(jobs, view, "alice")]


def test_jobs_are_filtered_by_any_word():
    assert ids(View()) == [1, 2, 3]
    assert ids(View(text="BOB")) == [1]
    assert ids(View(text="swe")) == [2]
    assert ids(View(text="pend")) == [3]
    assert ids(View(text="prio")) == [3]
    assert ids(View(text="nowhere")) == []
    assert ids(View(mine=True)) == [2, 3]


def test_jobs_are_ordered_by_what_they_use():
    jobs = [
        job(1, seconds=5.0, cpus=2, owner="carol", usage=Usage(None, 50.0)),
        job(2, seconds=90.0, cpus=1, owner="bob", usage=Usage(80.0, 20.0)),
        job(3, "PENDING", cpus=9, owner="alice"),
    ]
    orders = {
        Sort.QUEUE: [1, 2, 3],
        Sort.TIME: [2, 1, 3],
        Sort.CPUS: [3, 1, 2],
        Sort.CPU: [2, 1, 3],
        Sort.MEMORY: [1, 2, 3],
        Sort.USER: [3, 2, 1],
        Sort.JOBID: [1, 2, 3],
    }
    assert {sort: ids(View(sort=sort), jobs) for sort in Sort} == orders
    assert ids(View(sort=Sort.TIME, reverse=True), jobs) == [3, 1, 2]


def test_window_keeps_the_selection_in_sight():
    jobs = [job(at) for at in range(100)]
    assert window(View(), jobs, 10) == 0
    assert window(View(selected=50), jobs, 10) == 45
    assert window(View(selected=99), jobs, 10) == 90
    assert window(View(selected=3), jobs[:5], 10) == 0
