"""批处理脚本；各例都照着真的 Slurm 22.05 说的话核对过。"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scns.errors import RequestRefused, ScnsError, UsageError
from scns.script import MAX_SIZE, InvalidScript, check_script, directives, wrap

PROPERTY = settings(max_examples=150, deadline=None)

EMPTY = ["sbatch: error: Batch script is empty!"]
WHITESPACE = ["sbatch: error: Batch script contains only whitespace!"]
NO_SHEBANG = [
    "sbatch: error: This does not look like a batch script.  The first",
    "sbatch: error: line must start with #! followed by the path to an interpreter.",
    "sbatch: error: For instance: #!/bin/sh",
]
NUL = [
    "sbatch: error: The Slurm controller does not allow scripts that",
    "sbatch: error: contain a NULL character '\\0'.",
]
DOS = [
    "sbatch: error: Batch script contains DOS line breaks (\\r\\n)",
    "sbatch: error: instead of expected UNIX line breaks (\\n).",
]


def words(*lines: str) -> list[str]:
    """一个 bash 脚本里这几行指令的词。"""
    return directives("\n".join(["#!/bin/bash", *lines, "true", ""]).encode(), "job.sh")


def refusal(*lines: str) -> str:
    """取词时说的那句话。"""
    with pytest.raises(ScnsError) as caught:
        words(*lines)
    [line] = caught.value.lines("sbatch")
    return line


ROOT = Path(__file__).parents[2]

#: 导入它们要好几毫秒，sbatch 的热路径上不许有。
HEAVY = "re json argparse datetime dataclasses enum typing subprocess pathlib collections"


@pytest.mark.parametrize("module", ["script", "depends", "filenames", "signals", "export"])
def test_the_words_of_sbatch_load_nothing_heavy(module):
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import scns.{module};"
        f"print(*(set({HEAVY.split()!r}) & sys.modules.keys()))"
    )
    found = subprocess.run(
        [sys.executable, "-IS", "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []


# 收不收


@pytest.mark.parametrize(
    "body",
    [
        b"#!/bin/sh\necho hi\n",
        b"#! /bin/sh\n",
        b"#!/bin/sh",
        b"#!",
        b"#!\n",
        b"#!/nosuch\n",
        b"#!/bin/sh\r",
        b"#!/bin/sh\necho a\rb\n",
        b"#!/bin/sh\n\xff\xfe\n",
    ],
)
def test_whatever_starts_with_a_shebang_is_a_script(body):
    check_script(body)


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", EMPTY),
        (b" ", WHITESPACE),
        (b"\n", WHITESPACE),
        (b"  \n \n", WHITESPACE),
        (b"\v\f\r\n", WHITESPACE),
        (b"\0", WHITESPACE),
        (b" \0#!/bin/sh\n", WHITESPACE),
        (b"echo hi\n", NO_SHEBANG),
        (b"#", NO_SHEBANG),
        (b"abc\0", NO_SHEBANG),
        (b"abc\r\n", NO_SHEBANG),
        (b" #!/bin/sh\n", NO_SHEBANG),
        (b"\n#!/bin/sh\n", NO_SHEBANG),
        (b"\xef\xbb\xbf#!/bin/sh\n", NO_SHEBANG),
        (b"#SBATCH -J abc\ntrue\n", NO_SHEBANG),
        (b"#!/bin/sh\n\0", NUL),
        (b"#!/bin/sh\0\r\n", NUL),
        (b"#!/bin/bash\r\necho hi\r\n", DOS),
        (b"#!/bin/bash\n#SBATCH -J abc\r\ntrue\n", DOS),
    ],
)
def test_the_first_fault_is_told_in_slurms_words(body, lines):
    with pytest.raises(InvalidScript) as caught:
        check_script(body)
    assert caught.value.lines("sbatch") == lines
    assert caught.value.exit_code == 1


def test_four_mebibytes_are_the_limit():
    head = b"#!/bin/sh\n"
    check_script(head + b"#" * (MAX_SIZE - len(head)))
    with pytest.raises(RequestRefused) as caught:
        check_script(head + b"#" * (MAX_SIZE - len(head) + 1))
    assert caught.value.message == "Pathname of a file, directory or other parameter too long"


@given(st.binary(max_size=200))
@PROPERTY
@example(b"#!/bin/sh\n")
def test_a_script_is_accepted_or_refused_with_a_sentence(body):
    try:
        check_script(body)
    except ScnsError as error:
        assert all(line.startswith("sbatch: error: ") for line in error.lines("sbatch"))
    else:
        assert body.startswith(b"#!")
        assert b"\0" not in body and b"\r\n" not in body


# --wrap


def test_wrap_makes_the_script_slurm_makes():
    assert wrap("echo hi") == b"#!/bin/sh\n# This script was created by sbatch --wrap.\n\necho hi\n"


def test_wrap_keeps_bytes_that_are_not_utf8():
    assert wrap("echo \udcff").endswith(b"\n\necho \xff\n")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")))
@PROPERTY
def test_what_is_wrapped_is_a_script_without_directives(command):
    body = wrap(command)
    check_script(body)
    assert body.split(b"\n\n", 1)[1] == command.encode() + b"\n"


# 取词


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#SBATCH -J abc", ["-J", "abc"]),
        ("#SBATCH --ntasks=2 --time=10", ["--ntasks=2", "--time=10"]),
        ("#SBATCH --ntasks 3", ["--ntasks", "3"]),
        ("#SBATCH-J abc", ["-J", "abc"]),
        ("#SBATCH--job-name=x", ["--job-name=x"]),
        ("#SBATCHfoo", ["foo"]),
        ("#SBATCH\t-J\tabc", ["-J", "abc"]),
        ("#SBATCH -J abc   ", ["-J", "abc"]),
        ("#SBATCH -n2\t", ["-n2"]),
        ("#SBATCH -J \va\fb", ["-J", "a", "b"]),
        ("#SBATCH", []),
        ("#SBATCH   ", []),
        ("#SBATCH -J $HOME", ["-J", "$HOME"]),
        ("#SBATCH -J `id`", ["-J", "`id`"]),
        ("#SBATCH -J café", ["-J", "café"]),
        ("#SBATCH -J a -- -n2", ["-J", "a", "--", "-n2"]),
        ("#SBATCH -J a -", ["-J", "a", "-"]),
    ],
)
def test_words_split_at_blanks(line, expected):
    assert words(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#SBATCH -J 'a b'", ["-J", "a b"]),
        ('#SBATCH --job-name="a b"', ["--job-name=a b"]),
        ('#SBATCH -J a""b --comment=\'x y\'"z w"', ["-J", "ab", "--comment=x yz w"]),
        ('#SBATCH -J "it\'s"', ["-J", "it's"]),
        ("#SBATCH -J 'say \"x\"'", ["-J", 'say "x"']),
        ('#SBATCH -J "a#b"', ["-J", "a#b"]),
        ('#SBATCH -J ":y"', ["-J", ":y"]),
        ("#SBATCH -J x'':y", ["-J", "x:y"]),
        ('#SBATCH -J "hetjob a"', ["-J", "hetjob a"]),
    ],
)
def test_quotes_group(line, expected):
    assert words(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (r"#SBATCH -J a\"b", ["-J", 'a"b']),
        (r'#SBATCH -J "a\"b"', ["-J", 'a"b']),
        (r"#SBATCH -J 'a\'b'", ["-J", "a'b"]),
        (r"#SBATCH -J a\\b", ["-J", r"a\b"]),
        (r"#SBATCH -J a\b", ["-J", "ab"]),
        (r"#SBATCH -J a\#b", ["-J", "a#b"]),
        (r"#SBATCH -J a\ b", ["-J", "a", "b"]),
        (r'#SBATCH -J "a\ b"', ["-J", "a b"]),
        ("#SBATCH -J ab\\", ["-J", "ab"]),
    ],
)
def test_a_backslash_protects_anything_but_a_bare_blank(line, expected):
    assert words(line) == expected


def test_a_backslash_at_the_end_does_not_join_lines():
    assert words("#SBATCH -J ab\\", "#SBATCH --comment=c") == ["-J", "ab", "--comment=c"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#SBATCH -J abc # -n2", ["-J", "abc"]),
        ("#SBATCH -J a#b -n2", ["-J", "a"]),
        ("#SBATCH #", []),
        ("#SBATCH --comment=c #hetjob", ["--comment=c"]),
        ('#SBATCH --comment=c ""#x', ["--comment=c"]),
    ],
)
def test_a_bare_hash_ends_the_line_even_inside_a_word(line, expected):
    assert words(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('#SBATCH ""', []),
        ('#SBATCH "" -J x', []),
        ('#SBATCH --comment=c "" -J x', ["--comment=c"]),
        ("#SBATCH -J '' --comment=x", ["-J"]),
        ("#SBATCH -J a \\ --comment=x", ["-J", "a"]),
    ],
)
def test_an_empty_word_ends_the_line(line, expected):
    assert words(line) == expected


def test_the_words_of_all_lines_make_one_list():
    assert words("#SBATCH --job-name", "#SBATCH -n2", "# note", "", "#SBATCH -t 5") == [
        "--job-name",
        "-n2",
        "-t",
        "5",
    ]


@pytest.mark.parametrize(
    "line",
    ["##SBATCH -J abc", "# SBATCH -J abc", " #SBATCH -J abc", "\t#SBATCH -J abc", "#sbatch -J abc"],
)
def test_what_only_resembles_a_directive_is_a_comment(line):
    assert words(line, "#SBATCH -n2") == ["-n2"]


@pytest.mark.parametrize("gap", ["", "  ", " \t", "\v", "   # hello", "\t#c", "#", "#PBS -N x"])
def test_reading_goes_on_past_blank_lines_and_comments(gap):
    assert words(gap, "#SBATCH -J x") == ["-J", "x"]


@pytest.mark.parametrize("stop", ["echo hi", "import os", '"""doc"""', ": # SBATCH", "  true"])
def test_reading_stops_at_the_first_command(stop):
    assert words("#SBATCH -J abc", stop, "#SBATCH -J late") == ["-J", "abc"]


def test_the_shebang_line_holds_no_directive():
    assert directives(b"#!/bin/bash -x #SBATCH -J x\n", "job.sh") == []


@pytest.mark.parametrize("body", [b"#!/bin/sh\n#SBATCH -J x", b"#!/bin/sh\n#SBATCH -J x\n"])
def test_the_last_line_needs_no_line_break(body):
    assert directives(body, "job.sh") == ["-J", "x"]


def test_bytes_that_are_not_utf8_pass_like_command_line_arguments():
    assert directives(b"#!/bin/sh\n#SBATCH -J \xff\xfe\n", "job.sh") == ["-J", "\udcff\udcfe"]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (['#SBATCH -J "a b'], 'line 2: Unmatched `"` in [ "a b]'),
        (['#SBATCH "a'], 'line 2: Unmatched `"` in ["a]'),
        (["#SBATCH   'a b "], "line 2: Unmatched `'` in ['a b ]"),
        (["#SBATCH -n1   'a b "], "line 2: Unmatched `'` in [   'a b ]"),
        (['#SBATCH"a'], 'line 2: Unmatched `"` in ["a]'),
        (["#SBATCH -J 'a\\'"], "line 2: Unmatched `'` in [ 'a\\']"),
        (["", "#SBATCH -J x", "#SBATCH -J 'a  "], "line 4: Unmatched `'` in [ 'a  ]"),
        (['#SBATCH --foo "x'], 'line 2: Unmatched `"` in [ "x]'),
        (["#SBATCH : -J x"], "line 2: Unexpected `:` in [: -J x]"),
        (["#SBATCH:-J x"], "line 2: Unexpected `:` in [:-J x]"),
        (["#SBATCH -J :x"], "line 2: Unexpected `:` in [ :x]"),
        (["#SBATCH -J x :y"], "line 2: Unexpected `:` in [ :y]"),
    ],
)
def test_an_open_quote_or_a_leading_colon_is_fatal(lines, sentence):
    assert refusal(*lines) == f"sbatch: fatal: job.sh: {sentence}"


@pytest.mark.parametrize(
    ("path", "name"), [("/a/d/job.sh", "job.sh"), ("job.sh", "job.sh"), ("/dev/stdin", "stdin")]
)
def test_the_message_names_the_last_part_of_the_path(path, name):
    with pytest.raises(InvalidScript) as caught:
        directives(b'#!/bin/sh\n#SBATCH "a\n', path)
    assert caught.value.message.startswith(f"{name}: line 2: ")


@pytest.mark.parametrize(
    "line", ["#SBATCH hetjob", "#SBATCH HETJOB", "#SBATCH packjob", "#SBATCH -J x hetjob -n2"]
)
def test_heterogeneous_jobs_are_refused(line):
    with pytest.raises(UsageError):
        words(line)
    assert refusal(line) == ("sbatch: error: job.sh: line 2: heterogeneous jobs are not supported")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#SBATCH hetjobs", ["hetjobs"]),
        ('#SBATCH "hetjob"', ["hetjob"]),
        ("#SBATCH --comment=hetjob", ["--comment=hetjob"]),
        ("#SBATCH -J a# hetjob", ["-J", "a"]),
    ],
)
def test_only_the_bare_word_asks_for_a_heterogeneous_job(line, expected):
    assert words(line) == expected


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1),
        min_size=1,
        max_size=5,
    )
)
@PROPERTY
@example(["#", '"', "\\", ":", " "])
def test_words_written_in_quotes_are_read_back(chosen):
    quoted = " ".join('"' + w.replace("\\", "\\\\").replace('"', '\\"') + '"' for w in chosen)
    assert words(f"#SBATCH {quoted}") == chosen


@given(st.binary(max_size=120))
@PROPERTY
@example(b"\\")
@example(b"'")
def test_any_directive_is_read_or_refused_with_a_sentence(rest):
    try:
        found = directives(b"#!/bin/sh\n#SBATCH " + rest + b"\n", "job.sh")
    except ScnsError as error:
        assert error.message.startswith("job.sh: line ")
    else:
        assert all(found)


@given(st.lists(st.sampled_from(["", " ", "# c", "#SBATCH -n1", "true", " #SBATCH x", "#x"])))
@PROPERTY
def test_only_what_stands_before_the_first_command_counts(lines):
    before = lines[: lines.index("true")] if "true" in lines else lines
    assert words(*lines) == ["-n1"] * before.count("#SBATCH -n1")
