"""`--export` 与 `--export-file`；各例都照着真的 Slurm 22.05 存下的环境核对过。"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scns.errors import RequestRefused
from scns.export import (
    MAX_SIZE,
    UnreadableExportFile,
    exported,
    join_block,
    split_block,
)

PROPERTY = settings(max_examples=150, deadline=None)

ENVIRONMENT = {
    b"FOO": b"bar",
    b"FOOX": b"y",
    b"OTHER": b"x",
    b"SLURM_X": b"1",
    b"SLURMY": b"2",
    b"SPANK_Z": b"3",
    b"SBATCH_Q": b"4",
    b"MULTI": b"a\nb",
    b"EMPTY": b"",
    b"SLURM_JOB_ID": b"7",
}

SUBMITTED = [name + b"=" + value for name, value in ENVIRONMENT.items()]
SLURM = [b"SLURM_X=1", b"SLURM_JOB_ID=7"]


def entries(option: str | None, environment: dict[bytes, bytes] | None = None) -> list[bytes]:
    """作业环境的各项，按次序。"""
    found = exported(option, ENVIRONMENT if environment is None else environment)
    return found.block().split(b"\0")


def marks(option: str) -> list[bytes]:
    """不是 ALL 时 Slurm 自己加的两项。"""
    return [b"SLURM_EXPORT_ENV=" + option.encode(), b"SLURM_GET_USER_ENV=1"]


@pytest.mark.parametrize("option", [None, "ALL", "all"])
def test_all_passes_everything_in_order(option):
    assert entries(option) == SUBMITTED
    assert not exported(option, ENVIRONMENT).get_user_env


@pytest.mark.parametrize("option", ["NONE", "none"])
def test_none_keeps_what_slurm_set(option):
    assert entries(option) == [b"SLURM_X=1", b"SLURMY=2", b"SLURM_JOB_ID=7", *marks(option)]
    assert exported(option, ENVIRONMENT).get_user_env


@pytest.mark.parametrize("option", ["NIL", "nil", "", "NOSUCH", "foo", " FOO", ",", "''", "'"])
def test_a_list_without_a_known_name_keeps_slurms_variables_only(option):
    assert entries(option) == [*SLURM, *marks(option)]


@pytest.mark.parametrize(
    ("option", "listed"),
    [
        ("FOO", [b"FOO=bar"]),
        ("FOO=new", [b"FOO=new"]),
        ("BAZ=1,FOO", [b"BAZ=1", b"FOO=bar"]),
        ("FOO,FOO=2", [b"FOO=2"]),
        ("FOO=1,FOO=2", [b"FOO=2"]),
        ("FOO,NONE", [b"FOO=bar"]),
        ("NIL,FOO", [b"FOO=bar"]),
        ("X=", [b"X="]),
        ("X==1", [b"X==1"]),
        ("FOO,,OTHER", [b"FOO=bar", b"OTHER=x"]),
        (",FOO,", [b"FOO=bar"]),
        ("FOO ,OTHER", [b"OTHER=x"]),
        ("A=1 2", [b"A=1 2"]),
        ("A=1,2", [b"A=1"]),
        ("A=\\,B", [b"A=\\"]),
        ("A={1,2},B", [b"A={1"]),
        ("FOO=$OTHER", [b"FOO=$OTHER"]),
        ("EMPTY,MULTI", [b"EMPTY=", b"MULTI=a\nb"]),
        ("café=é", ["café=é".encode()]),
    ],
)
def test_a_list_passes_what_it_names(option, listed):
    assert entries(option) == [*listed, *SLURM, *marks(option)]


@pytest.mark.parametrize(
    ("option", "listed"),
    [
        ('"A=1,2"', [b"A=1,2"]),
        ("'A=1,2',B", [b"A=1,2"]),
        ("'FOO','OTHER'", [b"FOO=bar", b"OTHER=x"]),
        ('"A=1,2","B=3,4"', [b"A=1,2", b"B=3,4"]),
        ("''A=1''", [b"'A=1'"]),
        ("A='1,2'", [b"A='1,2'"]),
        ('A="1,2",B=3', [b'A="1,2"', b"B=3"]),
        ('A="1,2"x,B', [b'A="1,2"x']),
        ('A="1",B="2,3",OTHER', [b'A="1"', b'B="2,3"', b"OTHER=x"]),
        ('A=a"b,c"d', [b'A=a"b,c"d']),
        ('"A"=1', [b'"A"=1']),
        ("'A=1'x", [b"'A=1'x"]),
        ("'A=1\"", [b"'A=1\""]),
        ('"A=1","B=2"x', [b"A=1", b'"B=2"x']),
        ("A=it's,B=it's", [b"A=it's,B=it's"]),
        ("A='1\"2',C", [b"A='1\"2',C"]),
        ("A='x", [b"A='x"]),
        ("'FOO,OTHER", []),
        ('"X=\'Y "', [b'"X=\'Y "']),
        ("'X=\",',=1'", [b"'X=\",',=1'"]),
        ('FOO,"', [b"FOO=bar"]),
    ],
)
def test_quotes_protect_commas_and_vanish_only_around_a_whole_item(option, listed):
    assert entries(option) == [*listed, *SLURM, *marks(option)]


@pytest.mark.parametrize(
    ("option", "added"),
    [
        ("ALL,BAZ=1", [b"BAZ=1"]),
        ("ALL,NONE", []),
        ("ALL,ALL", []),
        ("all,EMPTY,MULTI", []),
        ("ALL,'A=1,2',B", [b"A=1,2"]),
        ("ALL,A='1,2'", [b"A='1,2'"]),
        ('"ALL",A=1', [b"A=1"]),
    ],
)
def test_all_in_a_list_is_everything_and_the_list_adds_to_it(option, added):
    mark, last = marks(option)
    assert entries(option) == [*SUBMITTED, mark, *added, last]


def test_a_name_before_all_comes_first_and_all_has_the_last_word():
    mark, last = marks("BAZ=1,FOO=new,ALL")
    assert entries("BAZ=1,FOO=new,ALL") == [
        b"BAZ=1", b"FOO=bar", *SUBMITTED[1:], mark, last
    ]  # fmt: skip


def test_all_then_a_new_value_replaces_in_place():
    mark, last = marks("ALL,FOO=new")
    assert entries("ALL,FOO=new") == [b"FOO=new", *SUBMITTED[1:], mark, last]


def test_a_list_cannot_change_slurms_variables():
    assert entries("SLURM_X=9") == [*SLURM, *marks("SLURM_X=9")]


@pytest.mark.parametrize("option", ["NONE", "FOO", "ALL,A=1"])
def test_an_inherited_export_env_stays(option):
    inside = {b"FOO": b"bar", b"SLURM_EXPORT_ENV": b"NIL", b"SLURM_GET_USER_ENV": b"0"}
    found = exported(option, inside).variables
    assert found[b"SLURM_EXPORT_ENV"] == b"NIL"
    assert found[b"SLURM_GET_USER_ENV"] == b"1"


def test_all_sets_no_variable_of_its_own():
    assert entries("ALL", {b"A": b"1"}) == [b"A=1"]


def test_the_environment_given_is_not_changed():
    before = dict(ENVIRONMENT)
    for option in (None, "NONE", "ALL,FOO=new", "FOO"):
        exported(option, ENVIRONMENT)
    assert before == ENVIRONMENT


def test_bytes_that_are_not_utf8_pass_through():
    assert entries("A=\udcff,B", {b"B": b"\xfe"})[:2] == [b"A=\xff", b"B=\xfe"]


def test_a_variable_without_a_name_is_dropped():
    assert entries(None, {b"": b"x", b"A": b"1"}) == [b"A=1"]
    assert entries("=X,A", {b"A": b"1"})[0] == b"A=1"


# --export-file


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"A=1\0B=2", [b"A=1", b"B=2"]),
        (b"A=1\0B=x\ny\0D=\0", [b"A=1", b"B=x\ny", b"D="]),
        (b"A=1\0B\0C=3\0", [b"A=1", b"C=3"]),
        (b"A=1\0\0B=2\0", [b"A=1"]),
        (b"A=1\0C\0\0B=2\0", [b"A=1"]),
        (b"\0A=1\0", []),
        (b"A=1\0A=2\0FOO=9\0", [b"A=2", b"FOO=9"]),
        (b"A=1\nB=2\n", [b"A=1\nB=2\n"]),
        (b"A 1=2\0 B=3\0", [b"A 1=2", b" B=3"]),
        (b"A=1\0=x\0B=\0", [b"A=1", b"B="]),
    ],
)
def test_an_export_file_replaces_the_whole_environment(content, expected):
    found = exported(None, ENVIRONMENT, content)
    assert found.block().split(b"\0") == (expected or [b""])
    assert not found.get_user_env


def test_export_with_an_export_file_only_asks_for_the_login_variables():
    found = exported("FOO", ENVIRONMENT, b"A=1\0")
    assert found.block() == b"A=1\0SLURM_GET_USER_ENV=1"
    assert found.get_user_env


def test_an_export_file_that_cannot_be_read_has_its_sentence():
    assert UnreadableExportFile("nosuch").lines("sbatch") == [
        "sbatch: error: Could not open user environment file nosuch"
    ]


# 存下的字节


def test_one_mebibyte_is_the_limit():
    join_block({b"A": b"x" * (MAX_SIZE - 2)})
    with pytest.raises(RequestRefused) as caught:
        join_block({b"A": b"x" * (MAX_SIZE - 1)})
    assert caught.value.message == "Pathname of a file, directory or other parameter too long"
    with pytest.raises(RequestRefused):
        exported(None, {b"A": b"x" * MAX_SIZE}).block()


NAMES = st.binary(min_size=1, max_size=8).map(lambda raw: raw.translate(None, b"\0=") or b"N")
VALUES = st.binary(max_size=8).map(lambda raw: raw.replace(b"\0", b""))
ENVIRONMENTS = st.dictionaries(NAMES, VALUES, max_size=8)


@given(ENVIRONMENTS)
@PROPERTY
def test_a_block_reads_back_in_order(variables):
    assert list(split_block(join_block(variables)).items()) == list(variables.items())


@given(ENVIRONMENTS)
@PROPERTY
def test_by_default_the_job_has_the_environment_of_the_submission(variables):
    assert split_block(exported(None, variables).block()) == variables


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), ENVIRONMENTS)
@PROPERTY
@example('ALL,"', {b"A": b"1"})
def test_any_list_gives_an_environment(option, variables):
    found = exported(option, variables)
    assert split_block(found.block()) == found.variables
    assert found.get_user_env == (option.upper() != "ALL")
    slurm = {name: value for name, value in variables.items() if name.startswith(b"SLURM_")}
    slurm.pop(b"SLURM_GET_USER_ENV", None)
    assert slurm.items() <= found.variables.items()


@given(st.lists(st.tuples(st.text("ABC", min_size=1), st.text("xyz=' ,")), max_size=4))
@PROPERTY
def test_items_in_double_quotes_keep_their_commas(pairs):
    pairs = [(name, value.replace("'", "")) for name, value in pairs if name != "ALL"]
    option = ",".join(f'"{name}={value}"' for name, value in pairs)
    found = exported(option, {}).variables
    assert {name: found[name.encode()] for name, _ in pairs} == {
        name: value.encode() for name, value in pairs
    }


@given(st.binary(max_size=60))
@PROPERTY
def test_any_export_file_is_read(content):
    variables = split_block(content)
    assert all(variables) and not any(b"=" in name for name in variables)
    assert split_block(join_block(variables)) == variables
