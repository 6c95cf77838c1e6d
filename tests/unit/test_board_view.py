"""看板的版面：该有的都有，不宽出屏幕，没有颜色也读得懂。"""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from scns.cli.board import view as views
from scns.cli.board.bars import bar, size
from scns.cli.board.keys import Mode, Sort, View
from scns.cli.board.usage import Usage
from tests.unit.board_cases import NOW, board, job, node


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def lines(shown, view: View | None = None, width: int = 80, height: int | None = 24) -> list[str]:
    text = views.screen(shown, view or View(), "alice", width, height)
    return [line.rstrip() for line in text.plain.split("\n")]


def test_eighty_columns():
    shown = board(
        [
            job(40, usage=Usage(398.2, 4100.0), name="simulate-the-ocean"),
            job(41, owner="bob", seconds=2 * 86_400 + 5.0, nodes="n[1-3]"),
            job(42, "PENDING"),
        ]
    )
    assert lines(shown, height=10) == [
        "scns bench  2 running, 1 waiting  4/16 CPUs  31G/62G memory             13:46:40",
        "n1  ████░░░░░░░░░░░░ 4/16    mem ████████░░░░░░░░ 31G/62G       3.5 mixed",
        "JOBID        USER     NAME        ST       TIME CPUS  CPU%  USED NODES(REASON)",
        "40           alice    simulate-t… R     1:00:00    4   398    4G n1",
        "41           bob      train       R  2-00:00:05    4     -     - n[1-3]",
        "42           alice    train       PD               4             (Resources)",
        "",
        "",
        "",
        " q  quit   s  order: queue   f  filter   u  mine   w  why   c  cancel   h  help",
    ]


def test_wide_screens_have_more_columns():
    waits = job(43, "PENDING", expected=NOW + 3600, limit=None)
    shown = lines(board([job(seconds=7100.0), waits]), width=200)
    assert shown[2].split() == (
        "JOBID USER PARTITION ACCOUNT NAME ST TIME LEFT CPUS CPU% MEM USED START"
        " NODES(REASON)".split()
    )
    assert shown[3].split() == "42 alice main phys train R 1:58:20 1:40 4 - 7.8G - n1".split()
    assert shown[4].split()[5:] == ["PD", "-", "4", "7.8G", "12", "14:46", "(Resources)"]


def test_arrays_show_their_progress():
    array = job(45, "PENDING", waiting="{[9,30)}", size=21, done=7, running=2, array_limit=2)
    [*_, row] = lines(board([array], nodes=[]), height=None)
    assert row.startswith("45_[9-29%2]")
    assert row.endswith("7/30 ██░░░░░░")
    fresh = job(45, "PENDING", waiting="{[0,30)}", size=30)
    assert lines(board([fresh], nodes=[]), height=None)[-1].endswith("(Resources)")


def test_elements_and_states():
    jobs = [job(50, array_job_id=45, array_task_id=7), job(51, "SUSPENDED"), job(52, "COMPLETING")]
    rows = lines(board(jobs, nodes=[]), height=None)[2:]
    assert [row.split()[0] for row in rows] == ["45_7", "51", "52"]
    assert [row.split()[3] for row in rows] == ["R", "S", "CG"]


def test_a_missing_scheduler_is_said_first():
    assert "scnsd is not running: nothing starts" in lines(board(alive=False))[0]


def test_nodes_in_trouble_come_before_idle_ones():
    nodes = [node(f"n{at}", used=0) for at in range(1, 30)]
    nodes += [node("bad", used=0, drain=True), node("gone", silent=True), node("busy")]
    shown = lines(board(nodes=nodes), height=24)
    assert [line.split()[0] for line in shown[1:6]] == ["n1", "n2", "bad", "gone", "busy"]
    assert shown[6] == "and 27 more nodes: 27 idle"
    assert shown[3].endswith("drained")
    assert shown[4].endswith("mixed*")
    assert lines(board(nodes=[node(down=True, load=None)]))[1].endswith("down")


def test_all_nodes_are_listed_without_a_terminal():
    nodes = [node(f"n{at}") for at in range(30)]
    assert len(lines(board([], nodes=nodes), height=None)) == 33


def test_wide_screens_hold_several_nodes_in_a_line():
    nodes = [node(f"n{at}") for at in range(4)]
    shown = lines(board(nodes=nodes), width=200)
    assert [line.count(" mem ") for line in shown[1:4]] == [2, 2, 0]


def test_empty_lists_say_so():
    assert lines(board([]))[3] == "No jobs."
    assert lines(board(), View(text="xyz"))[3] == "No job matches."


def test_footer_tells_what_is_hidden_and_asked():
    assert lines(board(), View(text="tra", mine=True), width=120)[-1].endswith(
        "filter: tra  mine only"
    )
    assert lines(board(waiting=1000), width=120)[-1].endswith("and 1000 more")
    assert "order: time reversed" in lines(board(), View(sort=Sort.TIME, reverse=True))[-1]
    assert lines(board(), View(mode=Mode.FILTER, text="ab"))[-1] == "filter: ab_"
    confirm = View(mode=Mode.CONFIRM, selected=42)
    assert lines(board(), confirm)[-1] == "Cancel job 42 (train, alice)? y/n"
    assert lines(board(), View(message="done"))[-1] == "done"


def test_help_and_reasons_cover_the_list():
    assert "cancel the selected job" in "\n".join(lines(board(), View(mode=Mode.HELP)))
    why = View(mode=Mode.WHY, lines=("It asks for 8 CPUs; n1 has 2 of 8 free. " * 3, "Second."))
    shown = lines(board(), why)
    assert shown[3].startswith("It asks for 8 CPUs")
    assert shown[4].startswith("  ")
    assert "Second." in shown
    assert shown[-1] == " any key  back"


def test_selected_job_is_reversed_and_in_sight():
    jobs = [job(at) for at in range(1, 60)]
    text = views.screen(board(jobs), View(selected=40), "alice", 80, 24)
    row = next(line for line in text.split("\n") if line.plain.startswith("40 "))
    assert row.style == "reverse" or any(span.style == "reverse" for span in row.spans)


def test_overused_memory_and_ending_time_are_marked():
    over = job(memory=1000, usage=Usage(1.0, 2000.0))
    shown = views.screen(board([over], nodes=[]), View(), "alice", 80, None)
    assert any(str(span.style) == "bold red" for span in shown.spans)


def test_no_colour_still_distinguishes_used_from_free():
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, no_color=True)
    console.print(views.screen(board(), View(), "alice", 80, 10))
    assert "\x1b[3" not in out.getvalue()
    assert "████" in out.getvalue()
    assert "░░░░" in out.getvalue()


@pytest.mark.parametrize(
    ("mib", "text"),
    [
        (0, "0"),
        (1, "1M"),
        (999, "999M"),
        (1000, "1G"),
        (1536, "1.5G"),
        (10_300, "10G"),
        (1_000_000, "977G"),
        (1_100_000, "1T"),
        (10**9, "954T"),
    ],
)
def test_sizes_take_at_most_four_characters(mib, text):
    assert size(mib) == text
    assert len(text) <= 4


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "░░░░░"),
        (1, 1000, "█░░░░"),
        (5, 10, "██░░░"),
        (999, 1000, "████░"),
        (10, 10, "█████"),
        (20, 10, "█████"),
        (1, 0, "░░░░░"),
    ],
)
def test_bars_show_a_little_and_a_little_less_than_all(part, whole, text):
    assert bar(part, whole, 5, "green").plain == text


@settings(max_examples=100, deadline=None)
@given(
    st.integers(20, 260),
    st.integers(4, 60),
    st.integers(0, 30),
    st.integers(0, 30),
    st.text(max_size=30),
    st.sampled_from(list(Mode)),
)
def test_nothing_is_ever_larger_than_the_screen(width, height, jobs, nodes, name, mode):
    clean = "".join(letter for letter in name if letter.isprintable())
    listed = [job(at, name=clean, owner=clean or "x") for at in range(jobs)]
    listed.append(job(999, "PENDING", waiting="{[0,9)}", size=9, done=3, running=1))
    shown = board(listed, [node(f"{clean}{at}") for at in range(nodes)])
    text = views.screen(
        shown, View(mode=mode, selected=999, lines=(clean * 9,)), "alice", width, height
    )
    rows = text.plain.split("\n")
    assert len(rows) <= height
    assert all(cell_len(row) <= width for row in rows)
