"""sacct 选哪些作业：点名、窗口、状态与个数的范围；不碰数据库。"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli.accounting.selection import STATES, Selection, parse_states
from scns.cli.options import collect, parse
from scns.cli.tables.sacct import TABLE
from scns.errors import InvalidInput, ScnsError

#: 2026-02-02T09:00:00Z，零点与它相差九小时。
NOW = 1770022800
MIDNIGHT = NOW - 9 * 3600


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def selection(*words, uid=0):
    return Selection(collect(TABLE, parse(TABLE, list(words)), environ={}), NOW, uid)


@pytest.mark.parametrize(
    ("words", "window"),
    [
        ([], (MIDNIGHT, NOW)),
        (["-S", "now-1hour"], (NOW - 3600, NOW)),
        (["-S", "02/01/26"], (MIDNIGHT - 86400, NOW)),
        (["-S", "2026-02-02T08:00"], (NOW - 3600, NOW)),
        (["-S", "08:00", "-E", "08:30"], (NOW - 3600, NOW - 1800)),
        (["-E", "now"], (MIDNIGHT, NOW)),
        (["-S", "now", "-E", "now+1hour"], (NOW, NOW + 3600)),
        # 点了名就不论何时
        (["-j", "42"], (0, NOW)),
        (["-j", "42", "-S", "now-1hour"], (NOW - 3600, NOW)),
        (["-j", "42", "-s", "CD"], (0, NOW)),
        # 只问状态就是问此刻
        (["-s", "R"], (NOW + 1, NOW + 1)),
        (["-s", "R", "-E", "now-1hour"], (NOW - 3600, NOW - 3600)),
        (["-s", "R", "-S", "now-1hour"], (NOW - 3600, NOW)),
    ],
)
def test_window(words, window):
    assert selection(*words).window == window


def test_window_the_wrong_way_round():
    with pytest.raises(
        ScnsError,
        match=r"Start time \(2026-02-02T09:00:00\) requested is after"
        r" end time \(2026-02-02T08:00:00\)\.",
    ):
        selection("-S", "now", "-E", "now-1hour")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R", ["RUNNING"]),
        ("running,pd", ["RUNNING", "PENDING"]),
        ("CD,F,TO", ["COMPLETED", "FAILED", "TIMEOUT"]),
        ("Out_Of_Memory", ["OUT_OF_MEMORY"]),
        ("OOM,,", ["OUT_OF_MEMORY"]),
        ("PD,CG,cf", ["PENDING", "COMPLETING", "CONFIGURING"]),
        ("", []),
    ],
)
def test_states(text, expected):
    assert parse_states([text]) == expected


@pytest.mark.parametrize("text", ["bogus", "R,bogus", "COMPLETE"])
def test_unknown_state(text):
    with pytest.raises(InvalidInput, match="unrecognized job state value"):
        parse_states([text])


def test_short_and_long_names_of_the_states_are_all_different():
    names = [*STATES, *STATES.values()]
    assert len(set(names)) == len(names)
    for long, short in STATES.items():
        assert parse_states([long.lower(), short.lower()]) == [long, long]


@pytest.mark.parametrize(
    ("words", "condition", "parameters"),
    [
        (["-A", "a,b"], "q.account = ANY (%s)", [["a", "b"]]),
        (["--name=x", "--name", "y"], "q.name = ANY (%s)", [["x", "y"]]),
        (["-r", "main,"], "q.partition = ANY (%s)", [["main"]]),
        (["-q", "high"], "q.qos = ANY (%s)", [["high"]]),
        (["-W", "w"], "q.options ->> 'wckey' = ANY (%s)", [["w"]]),
        (["-i", "2-4"], "coalesce(q.nodes_alloc, q.nodes_min) BETWEEN %s AND %s", [2, 4]),
        (["-I", "3"], "coalesce(q.cpus_alloc, q.cpus) BETWEEN %s AND %s", [3, 3]),
    ],
)
def test_filters_become_conditions(words, condition, parameters):
    chosen = selection(*words)
    assert condition in chosen.where
    for value in parameters:
        assert value in chosen.parameters


def test_every_condition_has_its_parameters():
    words = (
        "-j 42,43_[1-3] -S now-1day -E now -s R,PD,CD,S -A a -r main -q q -i 1-2 -I 1-4 -k 5 -K 10"
        " -u root -g 0 --name=n -W w -R r -C c"
    )
    chosen = selection(*words.split())
    assert chosen.where.count("%s") == len(chosen.parameters)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-i", "x"], "invalid node range -i 'x'"),
        (["-I", "2-x"], "invalid cpu range -I '2-x'"),
        (["-k", "abc"], "Invalid time limit specification"),
        (["-u", "nosuch"], "Invalid user id: nosuch"),
        (["-g", "nosuch"], "Invalid group id: nosuch"),
        (["-j", "4x"], "Bad job/step specified: 4x"),
        (["-N", "n[1-"], ""),
    ],
)
def test_bad_filters_are_refused(words, sentence):
    with pytest.raises(ScnsError) as caught:
        selection(*words)
    assert sentence in caught.value.message


def test_ordinary_user_asks_for_himself():
    assert 60001 in flat(selection(uid=60001).parameters)
    for words in (["-a"], ["-j", "42"], ["-N", "n1"], ["-u", "root"]):
        assert 60001 not in flat(selection(*words, uid=60001).parameters), words
    assert selection(uid=0).parameters == selection("-a", uid=0).parameters


def flat(values):
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["-j", "-s", "-S", "-E", "-u", "-g", "-i", "-I", "-k", "-K", "-N", "-A"]),
    st.text(max_size=15),
)
def test_any_value_is_taken_or_refused_with_a_sentence(option, text):
    try:
        chosen = selection(option, text)
    except ScnsError as error:
        assert error.message
        return
    assert chosen.where.count("%s") == len(chosen.parameters)
