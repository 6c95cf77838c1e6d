"""sacct 的命令行与列：换算、拒绝、宽度与截断，不碰数据库。"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli.accounting.sheet import Layout, parse_columns
from scns.cli.fields.accounting import FIELDS, LONG
from scns.errors import ScnsError
from tests.integration.answering import Shell

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


@pytest.fixture
def shell(monkeypatch):
    return Shell(None, monkeypatch)


def test_help_lists_the_fields_four_a_line(shell):
    text = shell("sacct", "-e").out
    assert len(text.split()) == 109
    assert text.splitlines()[0].split() == ["Account", "AdminComment", "AllocCPUS", "AllocNodes"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-j", "abc"], "sacct: fatal: Bad job/step specified: abc"),
        (["-o", "bogus"], 'sacct: error: Invalid field requested: "bogus"'),
        (["-s", "bogus"], "sacct: fatal: unrecognized job state value 'bogus'"),
        (["-u", "nosuch"], "sacct: error: Invalid user id: nosuch"),
        (["-g", "nosuch"], "sacct: error: Invalid group id: nosuch"),
        (["-S", "never"], "Invalid time specification (pos=0): never"),
        (["--nosuch"], "sacct: unrecognized option '--nosuch'"),
        (["--array"], "sacct: unrecognized option '--array'"),
        (["-nu", "root", "-o", "Account%256", "|", "tail", "-1"], "sacct: invalid option -- '1'"),
        (["42"], "sacct: error: Unknown arguments:\nsacct: error:  42"),
        (
            ["--units=Q"],
            "sacct: error: Invalid unit type 'Q'. Possible options are 'KMGTP'\n"
            "sacct: fatal: Invalid unit type",
        ),
        (["-l", "-o", "jobid"], "sacct: fatal: Options -o(--format) and -l(--long) are mutually"),
    ],
)
def test_bad_command_line_is_refused(shell, words, sentence):
    outcome = shell("sacct", *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(sentence)


def test_window_the_wrong_way_round_is_refused(shell):
    outcome = shell("sacct", "-S", "now", "-E", "now-1hour")
    assert outcome.code == 1
    assert re.fullmatch(
        rf"sacct: error: Start time \({TIME}\) requested is after end time \({TIME}\)\.\n",
        outcome.err,
    )


def test_first_field_with_the_prefix_is_meant():
    names = [column.name for column in parse_columns("user,ncpus,JOB,exit,  start , ,req")]
    assert names == ["User", "NCPUS", "JobID", "ExitCode", "Start", "ReqCPUFreq"]


def test_long_names_are_whole():
    full = {name.lower() for name, _, _ in FIELDS}
    assert set(LONG.split(",")) <= full


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([name for name, _, cut in FIELDS if cut != "number"]),
            st.integers(-30, 30).filter(bool),
        ),
        min_size=1,
        max_size=5,
    ),
    st.text(st.characters(exclude_characters="\n"), max_size=40),
)
def test_every_cell_has_the_asked_width(wanted, value):
    columns = parse_columns(",".join(f"{name}%{width}" for name, width in wanted))
    layout = Layout(columns, None, ending=False)
    width = sum(abs(size) + 1 for _, size in wanted)
    if all(column.cut in ("text", "date") for column in columns):
        assert len(layout.row([value] * len(columns))) == width + 1
    title, rule, _ = layout.header().split("\n")
    assert len(title) == len(rule) == width


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_any_format_is_taken_or_refused_with_a_sentence(text):
    try:
        parse_columns(text)
    except ScnsError as error:
        assert error.message.startswith("Invalid field requested")
