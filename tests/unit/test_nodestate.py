"""节点的状态：由占用与标志得出的词、记号、次序，以及 `sinfo -t` 的词。"""

from __future__ import annotations

import itertools

import pytest

from scns.nodestate import (
    SHORT,
    WORDS,
    base_state,
    flags,
    known_word,
    mark,
    matches,
    rank,
    shown_state,
)

#: 标志的全部组合。
FLAGS = [
    {"drain": drain, "completing": completing, "silent": silent}
    for drain, completing, silent in itertools.product((False, True), repeat=3)
]
BASES = ("DOWN", "IDLE", "MIXED", "ALLOCATED")


def given(*names):
    return {name: name in names for name in ("drain", "completing", "silent")}


@pytest.mark.parametrize(
    ("cpus", "allocated", "down", "expected"),
    [
        (8, 0, False, "IDLE"),
        (8, 1, False, "MIXED"),
        (8, 7, False, "MIXED"),
        (8, 8, False, "ALLOCATED"),
        (8, 0, True, "DOWN"),
        (8, 8, True, "DOWN"),
        (1, 1, False, "ALLOCATED"),
    ],
)
def test_base_state_follows_the_cpus_taken(cpus, allocated, down, expected):
    assert base_state(cpus, allocated, down) == expected


@pytest.mark.parametrize(
    ("base", "drain", "completing", "expected"),
    [
        ("IDLE", False, False, "idle"),
        ("MIXED", False, False, "mixed"),
        ("ALLOCATED", False, False, "allocated"),
        ("DOWN", False, False, "down"),
        ("IDLE", True, False, "drained"),
        ("DOWN", True, False, "drained"),
        ("MIXED", True, False, "draining"),
        ("ALLOCATED", True, False, "draining"),
        ("IDLE", True, True, "draining"),
        ("IDLE", False, True, "completing"),
        ("MIXED", False, True, "completing"),
        ("ALLOCATED", False, True, "allocated"),
        ("DOWN", False, True, "down"),
    ],
)
def test_shown_state(base, drain, completing, expected):
    assert shown_state(base, drain=drain, completing=completing) == expected


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("marks", FLAGS, ids=str)
def test_every_shown_state_has_a_short_form(base, marks):
    word = shown_state(base, drain=marks["drain"], completing=marks["completing"])
    assert word in SHORT


@pytest.mark.parametrize(
    ("base", "marks", "expected"),
    [
        ("IDLE", given(), ""),
        ("IDLE", given("silent"), "*"),
        ("DOWN", given("silent"), "*"),
        ("ALLOCATED", given("completing"), "+"),
        ("ALLOCATED", given("completing", "silent"), "*"),
        ("ALLOCATED", given("completing", "drain"), ""),
        ("MIXED", given("completing"), ""),
    ],
)
def test_mark(base, marks, expected):
    assert mark(base, **marks) == expected


def test_flags_come_in_the_order_of_scontrol():
    assert flags(drain=True, completing=True, silent=True) == [
        "COMPLETING",
        "DRAIN",
        "NOT_RESPONDING",
    ]
    assert flags(drain=False, completing=False, silent=False) == []


def test_rank_puts_flagged_nodes_above_the_others():
    ordered = [
        rank("DOWN", **given()),
        rank("IDLE", **given()),
        rank("ALLOCATED", **given()),
        rank("MIXED", **given()),
        rank("IDLE", **given("drain")),
        rank("IDLE", **given("completing")),
        rank("DOWN", **given("silent")),
        rank("IDLE", **given("silent")),
        rank("DOWN", **given("silent", "drain")),
    ]
    assert ordered == sorted(ordered)
    assert len(set(ordered)) == len(ordered)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("idle", "idle"),
        ("IDLE", "idle"),
        ("i", "idle"),
        ("alloc", "allocated"),
        ("a", "allocated"),
        ("allocated", "allocated"),
        ("mix", "mixed"),
        ("m", "mixed"),
        ("d", "down"),
        ("dr", "drain"),
        ("draine", "drained"),
        ("draini", "draining"),
        ("drng", "draining"),
        ("comp", "completing"),
        ("no_resp", "no_respond"),
        ("unk", "unknown"),
        ("resv", "reserved"),
        ("futr", "future"),
        ("maint", "maint"),
        ("plnd", "planned"),
        ("boot", "reboot"),
        ("?", "?"),
        ("drainx", None),
        ("failing", None),
        ("inval", None),
        ("down*", None),
        ("~idle", None),
        ("", None),
    ],
)
def test_state_words_may_be_cut_short(text, expected):
    assert known_word(text) == expected


@pytest.mark.parametrize("word", sorted(set(WORDS)))
def test_every_listed_word_is_known(word):
    assert known_word(word) == word


@pytest.mark.parametrize(
    ("word", "base", "marks", "expected"),
    [
        ("idle", "IDLE", given(), True),
        # 没有应答不妨碍 idle，别的标志妨碍
        ("idle", "IDLE", given("silent"), True),
        ("idle", "IDLE", given("drain"), False),
        ("idle", "IDLE", given("completing"), False),
        ("down", "DOWN", given("drain", "silent"), True),
        ("down", "IDLE", given("drain"), False),
        ("allocated", "ALLOCATED", given("drain"), True),
        ("allocated", "MIXED", given(), False),
        ("mixed", "MIXED", given("completing"), True),
        ("drain", "IDLE", given("drain"), True),
        ("drain", "MIXED", given("drain"), True),
        ("drained", "IDLE", given("drain"), True),
        ("drained", "DOWN", given("drain"), True),
        ("drained", "MIXED", given("drain"), False),
        ("draining", "MIXED", given("drain"), True),
        ("draining", "IDLE", given("drain", "completing"), True),
        ("draining", "IDLE", given("drain"), False),
        ("completing", "IDLE", given("completing"), True),
        ("completing", "IDLE", given(), False),
        ("no_respond", "DOWN", given("silent"), True),
        ("no_respond", "DOWN", given(), False),
        ("maint", "IDLE", given(), False),
        ("unknown", "IDLE", given("silent"), False),
    ],
)
def test_states_match_as_in_slurm(word, base, marks, expected):
    assert matches(word, base, **marks) is expected


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("marks", FLAGS, ids=str)
def test_a_draining_node_is_never_drained(base, marks):
    drained, draining = (matches(word, base, **marks) for word in ("drained", "draining"))
    assert not (drained and draining)
    assert (drained or draining) == matches("drain", base, **marks) == marks["drain"]
