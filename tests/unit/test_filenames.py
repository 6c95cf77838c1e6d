"""输出文件名的模式；各例都照着真的 Slurm 22.05 建出的文件核对过。"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scns.filenames import NO_TASK, Facts, default_output, expand, shown

PROPERTY = settings(max_examples=150, deadline=None)

BATCH = Facts(job_id=570, name="n m", user="root", node="vm.example.org")
ELEMENT = Facts(job_id=577, name="n m", user="root", node="vm", array_job_id=570, array_task_id=13)
STEP = Facts(job_id=570, name="n m", user="root", node="vm", node_index=2, step=3, task=1)


def test_the_default_depends_on_whether_it_is_an_array():
    assert default_output(False) == "slurm-%j.out"
    assert default_output(True) == "slurm-%A_%a.out"


@pytest.mark.parametrize(
    ("pattern", "batch", "element", "step"),
    [
        ("%A", "570", "570", "570"),
        ("%a", "4294967294", "13", "4294967294"),
        ("%J", "570", "577", "570.3"),
        ("%j", "570", "577", "570"),
        ("%N", "vm", "vm", "vm"),
        ("%n", "0", "0", "2"),
        ("%s", "batch", "batch", "3"),
        ("%t", "0", "0", "1"),
        ("%u", "root", "root", "root"),
        ("%x", "n m", "n m", "n m"),
        ("%b", "4", "3", "4"),
        ("%%", "%", "%", "%"),
        ("slurm-%A_%a.out", "slurm-570_4294967294.out", "slurm-570_13.out", None),
        ("%jx%j", "570x570", "577x577", None),
        ("d/%j.out", "d/570.out", "d/577.out", None),
        ("plain.txt", "plain.txt", "plain.txt", None),
        ("", "", "", None),
    ],
)
def test_each_letter_stands_for_its_fact(pattern, batch, element, step):
    assert expand(pattern, BATCH) == batch
    assert expand(pattern, ELEMENT) == element
    if step is not None:
        assert expand(pattern, STEP) == step


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%5A", "00570"),
        ("%5J", "00570"),
        ("%5j", "00570"),
        ("%05j", "00570"),
        ("%0j", "570"),
        ("%00j", "570"),
        ("%1j", "570"),
        ("%9j", "000000570"),
        ("%10j", "0000000570"),
        ("%11j", "0000000570"),
        ("%12j", "0000000570"),
        ("%123j", "0000000570"),
        ("%" + "9" * 5000 + "j", "0000000570"),
        ("%" + "0" * 5000 + "5j", "00570"),
        ("%5a", "4294967294"),
        ("%5n", "00000"),
        ("%99t", "0000000000"),
        ("%5s", "batch"),
        ("%5x", "n m"),
        ("%5u", "root"),
        ("%5N", "vm"),
        ("%5J.%3s", "00570.batch"),
    ],
)
def test_a_number_pads_numbers_up_to_ten_digits(pattern, expected):
    assert expand(pattern, BATCH) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("%5s", "00003"), ("%5J", "00570.3"), ("%12J", "0000000570.3"), ("%5t", "00001")],
)
def test_steps_are_numbers_and_padded(pattern, expected):
    assert expand(pattern, STEP) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%", "%"),
        ("a%", "a%"),
        ("%z", "%z"),
        ("%h", "%h"),
        ("%M", "%M"),
        ("%-5j", "%-5j"),
        ("%.3j", "%.3j"),
        ("% j", "% j"),
        ("%%j", "%j"),
        ("%%%j", "%570"),
        ("%5", "5"),
        ("a%5", "a5"),
        ("%5z", "5z"),
        ("%5%", "5%"),
        ("%5%j", "5570"),
        ("%5%%", "5%"),
        ("%5%5j", "500570"),
        ("%５j", "%５j"),
    ],
)
def test_what_is_no_pattern_stays(pattern, expected):
    assert expand(pattern, BATCH) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("\\%j", "%j"),
        ("a\\b", "ab"),
        ("a\\\\b", "a\\b"),
        ("a\\b%j", "ab%j"),
        ("%j\\", "%j"),
        ("\\\\%j", "\\%j"),
        ("\\%t", "%t"),
        ("%%\\", "%%"),
    ],
)
def test_one_backslash_turns_all_patterns_off(pattern, expected):
    assert expand(pattern, BATCH) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%j", "570"),
        ("%A", "570"),
        ("%a", "4294967294"),
        ("%u", "root"),
        ("%x.err", "n m.err"),
        ("a-%j", "a-570"),
        ("%J", "%J"),
        ("%N", "%N"),
        ("%n%s%t", "%n%s%t"),
        ("%b", "%b"),
        ("%%", "%%"),
        ("%%j", "%570"),
        ("%%%j", "%%570"),
        ("%5j", "%5j"),
        ("\\%j", "\\570"),
        ("%j\\", "570\\"),
        ("a%", "a%"),
        ("%a%A", "4294967294570"),
        ("", ""),
    ],
)
def test_show_job_prints_what_is_known_before_the_start(pattern, expected):
    assert shown(pattern, BATCH) == expected


def test_show_job_of_a_whole_array_prints_no_task():
    whole = Facts(job_id=570, name="x", user="root", array_job_id=570)
    assert shown(default_output(True), whole) == f"slurm-570_{NO_TASK}.out"
    assert shown(default_output(True), ELEMENT) == "slurm-570_13.out"


FACTS = st.builds(
    Facts,
    job_id=st.integers(1, 2**31),
    name=st.text(max_size=8),
    user=st.text("abc", min_size=1, max_size=5),
    node=st.text("n01.", max_size=6),
    array_job_id=st.none() | st.integers(1, 2**31),
    array_task_id=st.none() | st.integers(0, 4_000_000),
    step=st.none() | st.integers(0, 1000),
)


@given(st.text(st.characters(exclude_characters="%\\")), FACTS)
@PROPERTY
def test_a_name_without_percent_and_backslash_is_itself(name, facts):
    assert expand(name, facts) == name == shown(name, facts)


@given(st.text(), FACTS)
@PROPERTY
def test_a_name_with_its_percents_doubled_is_itself(name, facts):
    name = name.replace("\\", "")
    assert expand(name.replace("%", "%%"), facts) == name


@given(st.text(), FACTS)
@PROPERTY
def test_a_name_with_everything_escaped_is_itself(name, facts):
    assert expand("".join("\\" + letter for letter in name), facts) == name


@given(st.text("%0123456789AaJjNnstuxbz\\/. "), FACTS)
@PROPERTY
@example("%%%", BATCH)
@example("%1%2%3", BATCH)
def test_any_pattern_gives_a_name(pattern, facts):
    assert isinstance(expand(pattern, facts), str)
    assert isinstance(shown(pattern, facts), str)


@given(st.integers(0, 30), st.integers(1, 2**32))
@PROPERTY
def test_padding_never_cuts_and_never_exceeds_ten(width, job_id):
    facts = Facts(job_id=job_id, name="x", user="u")
    printed = expand(f"%{width}j", facts)
    assert int(printed) == job_id
    assert len(printed) == max(len(str(job_id)), min(width, 10))
