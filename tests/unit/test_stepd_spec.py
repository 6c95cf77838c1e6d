"""`start` 消息的检查：不合格的整条退回，合格的换算准确。"""

from __future__ import annotations

import resource

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.stepd.spec import Field, Owner, Spec


def message(**changes: object) -> dict[str, object]:
    """一条合格的 `start`。"""
    return {
        "op": "start",
        "job": 42,
        "attempt": 1,
        "label": "42_7",
        "uid": 1000,
        "gid": 1000,
        "user": "ann",
        "groups": [1000, 20],
        "script": "00ff",
        "environment": "ab",
        "variables": {"A": "1", "B": None, "C": "\udcff"},
        "arguments": ["x", "\udcfe"],
        "directory": "/home/ann",
        "stdin": None,
        "stdout": "out",
        "stderr": None,
        "append": False,
        "umask": 0o22,
        "limits": {"NOFILE": [100], "CORE": [-1], "NOSUCH": [1]},
        "nice": 0,
        "cpus": [0, 3],
        "memory": 100,
        "grace": 2,
        **changes,
    }


def test_good_message_is_taken_apart():
    spec = Spec(message())
    assert (spec.job, spec.attempt, spec.script, spec.environment) == (42, 1, "00ff", "ab")
    assert spec.variables == {b"A": b"1", b"B": None, b"C": b"\xff"}
    assert spec.arguments == [b"x", b"\xfe"]
    assert spec.limits == {resource.RLIMIT_NOFILE: 100, resource.RLIMIT_CORE: -1}
    assert (spec.cpus, spec.memory, spec.umask, spec.append) == ([0, 3], 100, 0o22, False)
    assert (spec.owner.user, spec.owner.groups, spec.owner.grace) == ("ann", [1000, 20], 2.0)


def test_null_means_devnull_all_groups_no_limit():
    nothing = dict.fromkeys(("stdin", "stdout", "stderr", "groups", "cpus", "memory"))
    spec = Spec(message(**nothing))
    assert (spec.stdin, spec.owner.stdout, spec.owner.stderr) == ("/dev/null",) * 3
    assert (spec.owner.groups, spec.cpus, spec.memory) == (None, None, None)


def test_relative_paths_start_in_the_directory_and_stderr_follows_stdout():
    spec = Spec(message(stdin="in", stdout="o/out"))
    assert spec.stdin == "/home/ann/in"
    assert spec.owner.stdout == spec.owner.stderr == "/home/ann/o/out"
    assert Spec(message(stderr="/x/err")).owner.stderr == "/x/err"


def test_infinite_limit_is_written_in_two_ways():
    for value in (-1, 2**64 - 1):
        spec = Spec(message(limits={"CORE": [value]}))
        assert spec.limits == {resource.RLIMIT_CORE: resource.RLIM_INFINITY}


def test_what_is_kept_for_the_journal_is_enough_to_know_the_owner_again():
    spec = Spec(message())
    again = Owner(spec.kept)
    assert vars(again) == vars(spec.owner)


@pytest.mark.parametrize(
    "changes",
    [
        {"job": 0},
        {"job": "42"},
        {"job": True},
        {"job": 1 << 64},
        {"attempt": -1},
        {"uid": 1.5},
        {"uid": None},
        {"uid": 2**32 - 1},
        {"gid": 2**32},
        {"groups": [2**32]},
        {"user": "\ud800"},
        {"user": None},
        {"user": "a\0b"},
        {"groups": [1, "2"]},
        {"groups": 5},
        {"script": "../../etc/passwd"},
        {"script": ""},
        {"script": "AB"},
        {"script": "a" * 129},
        {"environment": None},
        {"variables": []},
        {"variables": {"": "x"}},
        {"variables": {"A=B": "x"}},
        {"variables": {"A\0": "x"}},
        {"variables": {"A": 1}},
        {"variables": {"A": "\0"}},
        {"arguments": "x"},
        {"arguments": [1]},
        {"directory": "/a\0b"},
        {"stdout": 1},
        {"append": 0},
        {"umask": "022"},
        {"limits": {"NOFILE": []}},
        {"limits": {"NOFILE": 3}},
        {"limits": {"NOFILE": [-2]}},
        {"nice": None},
        {"nice": -21},
        {"cpus": [-1]},
        {"memory": 0},
        {"grace": -1},
        {"grace": 1e10},
        {"grace": float("nan")},
        {"grace": float("inf")},
        {"grace": None},
    ],
    ids=str,
)
def test_bad_field_is_refused_by_name(changes: dict[str, object]):
    with pytest.raises(ValueError) as caught:
        Spec(message(**changes))
    (name,) = changes
    word = "NOFILE" if name == "limits" else "A" if name == "variables" else name
    assert any(hint in str(caught.value) for hint in (word, name, "surrogates"))


@pytest.mark.parametrize("name", [key for key in message() if key != "op"])
def test_every_field_is_required_or_may_be_null(name: str):
    without = message()
    del without[name]
    optional = {"groups", "stdin", "stdout", "stderr", "cpus", "memory"}
    if name in optional:
        Spec(without)
    else:
        with pytest.raises(ValueError, match=name):
            Spec(without)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@given(name=st.sampled_from(sorted(message())), value=anything)
@settings(max_examples=200, deadline=None)
def test_no_value_whatever_causes_anything_but_a_value_error(name: str, value: object):
    try:
        Spec(message(**{name: value}))
    except ValueError:
        return


def test_body_is_any_bytes():
    assert Field({"body": "a\0\udcff"}).body("body") == b"a\0\xff"
    with pytest.raises(ValueError, match="body is not a string"):
        Field({"body": None}).body("body")
    with pytest.raises(ValueError, match="surrogates"):
        Field({"body": "\ud800"}).body("body")
