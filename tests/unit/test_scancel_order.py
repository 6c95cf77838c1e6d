"""scancel 的命令行要求什么，点名的作业落在哪一行：不碰数据库。"""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.arrays import parse_job_ref
from scns.cli.options import collect, parse
from scns.cli.scancel.candidates import Candidate, items
from scns.cli.scancel.order import Order
from scns.cli.slurm.scancel import _target
from scns.cli.tables.scancel import TABLE
from scns.errors import InvalidInput


def order_of(*words, environ=None):
    return Order(collect(TABLE, parse(TABLE, list(words)), environ=environ or {}))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["42"], {"signal": None, "scope": "all", "states": []}),
        (["-s", "9", "42"], {"signal": None, "scope": "all", "states": []}),
        (["-s", "SIGKILL", "-b", "42"], {"signal": None, "scope": "batch", "states": []}),
        (["-s", "TERM", "42"], {"signal": 15, "scope": "steps", "states": []}),
        (["-s", "term", "-f", "42"], {"signal": 15, "scope": "all", "states": []}),
        (["-s", "10", "-b", "42"], {"signal": 10, "scope": "batch", "states": []}),
        (["-t", "pd", "42"], {"signal": None, "scope": "all", "states": ["PENDING"]}),
        (["--state=SUSPENDED", "42"], {"signal": None, "scope": "all", "states": ["SUSPENDED"]}),
    ],
)
def test_request_says_the_signal_and_who_gets_it(words, expected):
    assert order_of(*words).argument() == expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["42"], "Terminating job 42"),
        (["-f", "42"], "Terminating full job 42"),
        (["-b", "42"], "Terminating batch job 42"),
        (["-s", "USR1", "42"], "Signal 10 to job 42"),
        (["-s", "USR1", "-f", "42"], "Signal 10 to full job 42"),
        (["-s", "USR1", "-b", "42"], "Signal 10 to batch job 42"),
        (["42.1"], "Terminating step 42.1"),
        (["-s", "USR1", "42.batch"], "Signal 10 to step 42.batch"),
    ],
)
def test_announcement(words, sentence):
    order = order_of(*words)
    [ref] = order.references
    assert order.announce(ref, "42") == sentence


@pytest.mark.parametrize(
    ("words", "verbosity"),
    [(["42"], 0), (["-v", "42"], 1), (["-vv", "-v", "42"], 3), (["-Q", "42"], -1)],
)
def test_verbosity(words, verbosity):
    assert order_of(*words).verbosity == verbosity


def test_filters_have_values_the_database_understands():
    order = order_of(
        *("-A a -n nm -p main -q high -R r -t R -u root --wckey=w -w n[1-2],n9".split())
    )
    assert order.filters == {
        "account": "a",
        "name": "nm",
        "partition": "main",
        "qos": "high",
        "reservation": "r",
        "state": "RUNNING",
        "user": 0,
        "wckey": "w",
        "nodelist": ["n1", "n2", "n9"],
    }
    assert order_of("--me").filters == {"user": os.geteuid()}
    assert order_of("-u", "60999").filters == {"user": 60999}


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("SCANCEL_ACCOUNT", "a", "account", "a"),
        ("SCANCEL_NAME", "nm", "name", "nm"),
        ("SCANCEL_PARTITION", "short", "partition", "short"),
        ("SCANCEL_QOS", "high", "qos", "high"),
        ("SCANCEL_STATE", "PD", "state", "PENDING"),
        ("SCANCEL_USER", "root", "user", 0),
        ("SCANCEL_WCKEY", "w", "wckey", "w"),
    ],
)
def test_filters_of_the_environment_yield_to_the_options(variable, value, name, expected):
    assert order_of("42", environ={variable: value}).filters == {name: expected}
    option = "R" if name == "state" else "1" if name == "user" else "other"
    given = order_of(f"--{name}={option}", "42", environ={variable: value}).filters[name]
    assert given != expected


def test_switches_of_the_environment():
    environ = {"SCANCEL_BATCH": "1", "SCANCEL_INTERACTIVE": "1", "SCANCEL_VERBOSE": "1"}
    order = order_of("42", environ=environ)
    assert (order.scope, order.interactive, order.verbosity) == ("batch", True, 1)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("42", {"job": 42}),
        ("42_7", {"job": 42, "tasks": "{[7,8)}"}),
        ("42_[1-3,9]", {"job": 42, "tasks": "{[1,4),[9,10)}"}),
        ("42_[0-10:5]", {"job": 42, "tasks": "{[0,1),[5,6),[10,11)}"}),
        ("42.3", {"job": 42, "step": 3}),
        ("42.batch", {"job": 42, "step": -5}),
        ("42_7.0", {"job": 42, "tasks": "{[7,8)}", "step": 0}),
    ],
)
def test_operand_becomes_a_target(word, expected):
    [ref] = order_of(word).references
    assert _target(ref) == expected


def test_one_operand_may_name_several_jobs():
    assert [ref.job_id for ref in order_of("1,2,3_4", "5").references] == [1, 2, 3, 5]


@pytest.mark.parametrize(
    "word", ["", ",", "42.extern", "42.interactive", "42_", "1-3", "+1", "４２"]
)
def test_operand_that_names_no_job(word):
    with pytest.raises(InvalidInput, match="Invalid job id"):
        order_of(word)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12))
def test_any_operand_is_taken_or_refused_with_a_sentence(text):
    try:
        order_of("--", text)
    except InvalidInput as error:
        assert error.message.startswith("Invalid job id ")


def candidate(row_id, array=None, task=None, waiting=None, limit=None, state="PENDING"):
    return Candidate((row_id, array, task, waiting, limit, state, "nm", "main", True))


PLAIN = candidate(42)
ELEMENT = candidate(43, array=40, task=3, limit=2, state="RUNNING")
WAITING = candidate(40, array=40, waiting="{[1,3),[5,8)}", limit=2)
ONE_LEFT = candidate(40, array=40, waiting="{[5,6)}")


@pytest.mark.parametrize(
    ("row", "label"),
    [(PLAIN, "42"), (ELEMENT, "40_3"), (WAITING, "40_[1-2,5-7%2]"), (ONE_LEFT, "40_5")],
)
def test_whole_row_is_written_as_squeue_writes_it(row, label):
    assert row.whole()[1] == label


@pytest.mark.parametrize(
    ("row", "word", "expected"),
    [
        (PLAIN, "42", ({"job": 42}, "42")),
        (PLAIN, "43", None),
        (PLAIN, "42_1", None),
        (PLAIN, "42.0", ({"job": 42, "step": 0}, "42")),
        # 元素可以用自己的号、数组的号或数组的号加下标点名
        (ELEMENT, "43", ({"job": 40, "tasks": "{[3,4)}"}, "40_3")),
        (ELEMENT, "40", ({"job": 40, "tasks": "{[3,4)}"}, "40_3")),
        (ELEMENT, "40_3", ({"job": 40, "tasks": "{[3,4)}"}, "40_3")),
        (ELEMENT, "40_[1-9]", ({"job": 40, "tasks": "{[3,4)}"}, "40_3")),
        (ELEMENT, "40_4", None),
        (ELEMENT, "43_3", None),
        (ELEMENT, "40_3.batch", ({"job": 40, "tasks": "{[3,4)}", "step": -5}, "43")),
        (WAITING, "40", ({"job": 40, "tasks": "{[1,3),[5,8)}"}, "40_[1-2,5-7%2]")),
        (WAITING, "40_[2-6]", ({"job": 40, "tasks": "{[2,3),[5,7)}"}, "40_[2,5-6]")),
        (WAITING, "40_7", ({"job": 40, "tasks": "{[7,8)}"}, "40_7")),
        (WAITING, "40_3", None),
    ],
)
def test_share_of_a_row(row, word, expected):
    share = row.share(parse_job_ref(word))
    assert (share and (_target(share[0]), share[1])) == expected


def test_row_without_named_jobs_is_taken_whole():
    assert [label for _, label in items(WAITING, [])] == ["40_[1-2,5-7%2]"]


def test_steps_of_what_has_not_started_are_left_out():
    step, job = parse_job_ref("42.0"), parse_job_ref("42")
    assert items(PLAIN, [step]) == []
    assert [label for _, label in items(PLAIN, [step, job])] == ["42"]
    started = candidate(42, state="RUNNING")
    assert len(items(started, [step, job])) == 2


@settings(max_examples=200, deadline=None)
@given(
    st.sets(st.integers(0, 30), min_size=1),
    st.sets(st.integers(0, 30), min_size=1),
)
def test_named_elements_that_wait_are_exactly_the_common_ones(waiting, named):
    text = "{" + ",".join(f"[{task},{task + 1})" for task in sorted(waiting)) + "}"
    row = candidate(40, array=40, waiting=text)
    listed = ",".join(map(str, sorted(named)))
    share = row.share(parse_job_ref(f"40_[{listed}]"))
    common = waiting & named
    if not common:
        assert share is None
        return
    found = {task for first, stop in share[0].ranges for task in range(first, stop)}
    assert found == common
