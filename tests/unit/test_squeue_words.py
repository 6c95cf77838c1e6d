"""squeue 里不要数据库的部分：次序、点名的作业、时刻、JSON 与 YAML 的外壳。"""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli.clock import Clock, today
from scns.cli.columns import Field
from scns.cli.dump import Json, Yaml
from scns.cli.fields import queue, queue_names, steps
from scns.cli.squeue.order import order_by
from scns.cli.squeue.selection import JobNames, Sql, items, leading_number, lengths
from scns.cli.squeue.steps import add_names
from scns.errors import UsageError

KEYS = {
    "i": ("id", "id DESC"),
    "P": ("part", "part DESC"),
    "p": ("prio", "prio DESC"),
    "c": ("", ""),
}


def order(keys):
    unknown: list[str] = []
    return order_by(keys, KEYS, "tie", unknown.append), unknown


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("i", "id, tie"),
        ("-i", "id DESC, tie"),
        ("P,-p", "part, prio DESC, tie"),
        ("Pp", "part, prio, tie"),
        ("+P,+i", "part, id, tie"),
        ("P,-i,p", "part, id DESC, prio, tie"),
        ("--i", "id DESC, tie"),
        ("", "tie"),
        (",", "tie"),
        # 不作数的键
        ("c", "tie"),
        ("cluster,i", "id, tie"),
        ("-CLUSTER,P", "part, tie"),
        ("i,cluster", "id, tie"),
    ],
)
def test_sort_keys_become_order_by(keys, expected):
    assert order(keys) == (expected, [])


def test_unknown_sort_keys_are_reported_from_the_end():
    assert order("i@P!") == ("id, part, tie", ["!", "@"])


def test_every_sort_key_has_two_directions():
    for table in (queue.SORT, steps.SORT):
        for up, down in table.values():
            assert bool(up) == bool(down)


@pytest.mark.parametrize(
    ("text", "whole", "parts"),
    [
        ("42", [42], []),
        ("42,43", [42, 43], []),
        ("42,", [42], []),
        (",42", [42], []),
        ("", [], []),
        ("42_3", [], [(42, 3)]),
        ("42_3,7,42_4", [7], [(42, 3), (42, 4)]),
        # 像 strtol：只看开头的数字
        ("42a", [42], []),
        ("42.0", [42], []),
        ("42 43", [42], []),
        ("42_x", [], [(42, 0)]),
        ("42_", [], [(42, 0)]),
        ("42_[1-3]", [], [(42, 0)]),
    ],
)
def test_jobs_are_read_by_their_leading_numbers(text, whole, parts):
    names = JobNames(text)
    assert (names.whole, names.parts) == (whole, parts)


@pytest.mark.parametrize("text", ["abc", "0", "-5", "_3", "3,abc", "00", " 3"])
def test_what_is_no_job_id_is_refused(text):
    bad = text.rpartition(",")[2]
    with pytest.raises(UsageError) as refused:
        JobNames(text)
    assert refused.value.lines("squeue") == [f"squeue: error: Invalid job id: {bad}"]
    assert refused.value.exit_code == 1


@pytest.mark.parametrize(
    ("text", "only"),
    [("42", 42), ("42_3", 42), ("42,", 42), ("42,43", None), ("42_1,42_2", None), ("", None)],
)
def test_a_single_named_job_is_known(text, only):
    assert JobNames(text).only() == only


@given(st.text(alphabet="0123456789_,.[]-ab", max_size=30))
@settings(max_examples=200, deadline=None)
def test_job_lists_are_read_or_refused(text):
    try:
        names = JobNames(text)
    except UsageError:
        return
    assert all(0 < number <= 2**62 for number in names.whole)
    assert all(0 <= task < 2**31 for _, task in names.parts)


def test_huge_numbers_stay_in_their_types():
    assert leading_number("9" * 50 + "x") == (2**31 - 1, "x")
    assert JobNames("9" * 30).whole == [2**62]
    assert JobNames("1_" + "9" * 30).parts == [(1, 2**31 - 1)]


def test_empty_items_are_skipped():
    assert items(",a,,b,") == ["a", "b"]


@pytest.mark.parametrize(
    ("environ", "bits", "id_length"),
    [
        ({}, 64, 31),
        ({"SLURM_BITSTR_LEN": "20"}, 20, 1 << 30),
        ({"SLURM_BITSTR_LEN": "0"}, 0, 1 << 30),
        ({"SLURM_BITSTR_LEN": "-1"}, 64, 1 << 30),
        ({"SLURM_BITSTR_LEN": "abc"}, 0, 1 << 30),
        ({"SLURM_BITSTR_LEN": "9" * 30}, 1 << 30, 1 << 30),
    ],
)
def test_length_of_task_lists(environ, bits, id_length):
    assert lengths(environ) == (bits, id_length)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42.0", [[42], [None], [0]]),
        ("42.batch", [[42], [None], [-5]]),
        ("42.extern,43.interactive", [[42, 43], [None, None], [-4, -6]]),
        ("42_7.1", [[42], [7], [1]]),
        ("42.x", [[42], [None], [0]]),
    ],
)
def test_steps_are_read(text, expected):
    built = Sql()
    add_names(built, text)
    assert built.parameters == expected


@pytest.mark.parametrize(
    ("text", "said"), [("8", "8.??"), ("abc", "abc.??"), ("8.", "8.??"), ("x.0", "x.0")]
)
def test_what_is_no_step_is_refused(text, said):
    with pytest.raises(UsageError, match="Invalid job_step id") as refused:
        add_names(Sql(), text)
    assert refused.value.message == f"Invalid job_step id: {said}"


def test_every_code_but_the_vestigial_ones_has_a_name():
    named = {id(field) for field in queue_names.NAMES.values()}
    unnamed = {letter for letter, field in queue.CODES.items() if id(field) not in named}
    assert unnamed == {"x"}


def test_names_are_in_lower_case():
    for table in (queue_names.NAMES, steps.NAMES):
        assert all(name == name.lower() for name in table)


@pytest.mark.parametrize(
    "field",
    [*queue.CODES.values(), *queue_names.NAMES.values(), *steps.CODES.values()],
    ids=lambda field: field.header,
)
def test_percent_signs_in_expressions_are_doubled(field):
    assert isinstance(field, Field)
    assert "%" not in field.value.replace("%%", "")


@pytest.fixture
def utc(monkeypatch):
    """本地时区是 UTC。"""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (None, "2026-11-24T10:57:38"),
        ("", "2026-11-24T10:57:38"),
        ("standard", "2026-11-24T10:57:38"),
        ("%a %T", "Tue 10:57:38"),
        ("%s", "1795517858"),
        ("%Y|%j", "2026|328"),
    ],
)
def test_times_follow_slurm_time_format(form, expected, capsys):
    clock = Clock("squeue", {} if form is None else {"SLURM_TIME_FORMAT": form})
    assert clock(1795517858) == expected
    assert clock(1795517858) == expected
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("form", ["bogus", "%Y-%m-%dT%H:%M:%S %Z %Y-%m-%dT%H:%M:%S"])
def test_bad_time_formats_are_reported_and_dropped(form, capsys):
    clock = Clock("squeue", {"SLURM_TIME_FORMAT": form})
    assert clock(1795517858) == "2026-11-24T10:57:38"
    assert capsys.readouterr().err == f"squeue: error: invalid SLURM_TIME_FORMAT = '{form}'\n"


def test_relative_times_of_today_are_a_clock():
    now = int(time.time())
    shown = Clock("squeue", {"SLURM_TIME_FORMAT": "relative"})(now)
    assert shown == time.strftime("%H:%M:%S", time.localtime(now))


def test_today_is_the_line_above_long_tables():
    time.strptime(today(), "%a %b %d %H:%M:%S %Y")


def dumped(kind, records):
    pieces: list[bytes] = []
    output = kind("jobs", pieces.append)
    output.begin()
    for record in records:
        output.record(json.dumps(record).encode() + b"\n")
    output.end()
    return b"".join(pieces).decode()


@pytest.mark.parametrize("records", [[], [{"a": 1}], [{"a": "x"}, {"b": None}, {"c": [1, 2]}]])
def test_json_has_the_shell_of_slurm(records):
    found = json.loads(dumped(Json, records))
    assert list(found) == ["meta", "errors", "jobs"]
    assert found["meta"]["plugin"]["type"] == "openapi/v0.0.38"
    assert found["meta"]["Slurm"]["release"] == "22.05.8"
    assert found["errors"] == []
    assert found["jobs"] == records


def test_yaml_tags_every_value():
    record = {
        "name": "a b",
        "id": 3,
        "empty": "",
        "none": None,
        "yes": True,
        "load": 1.5,
        "flags": ["X"],
        "nothing": [],
        "inner": {"k": "v", "list": [{"n": 1}]},
        "void": {},
    }
    text = dumped(Yaml, [record, {"id": 4}])
    assert text.startswith("%YAML 1.1\n--- !!map\n!!str meta: !!map\n")
    assert text.endswith("...\n")
    body = text[text.index("!!str jobs:") :]
    assert body.split("\n") == [
        "!!str jobs: !!seq",
        "- !!map",
        '  !!str name: !!str "a b"',
        "  !!str id: !!int 3",
        "  !!str empty: !!null null",
        "  !!str none: !!null null",
        "  !!str yes: !!bool true",
        "  !!str load: !!float 1.5",
        "  !!str flags: !!seq",
        "  - !!str X",
        "  !!str nothing: !!seq []",
        "  !!str inner: !!map",
        "    !!str k: !!str v",
        "    !!str list: !!seq",
        "    - !!map",
        "      !!str n: !!int 1",
        "  !!str void: !!map {}",
        "- !!map",
        "  !!str id: !!int 4",
        "...",
        "",
    ]


def test_yaml_of_nothing_is_an_empty_list():
    assert dumped(Yaml, []).endswith("!!str errors: !!seq []\n!!str jobs: !!seq []\n...\n")


@pytest.mark.parametrize("text", ["-", "- a", "a: b", 'say "x"', "a\nb", "#c", "é", "{", "😀"])
def test_odd_texts_are_quoted_in_yaml(text):
    line = next(line for line in dumped(Yaml, [{"t": text}]).split("\n") if "!!str t:" in line)
    quoted = line.partition("!!str t: !!str ")[2]
    assert json.loads(quoted) == text
