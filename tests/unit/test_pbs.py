"""`#PBS` 行换成 sbatch 的词。"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns import pbs
from scns.errors import UsageError


def words(*lines: str) -> list[str]:
    return pbs.directives("\n".join(["#!/bin/sh", *lines]).encode())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#PBS -N name", ["--job-name=name"]),
        ("#PBS -Nname", ["--job-name=name"]),
        ("#PBS -q queue -A acct", ["--partition=queue", "--account=acct"]),
        ("#PBS -l walltime=1:00:00,mem=4gb", ["--time=1:00:00", "--mem=4g"]),
        ("#PBS -l nodes=2:ppn=4", ["--nodes=2", "--ntasks-per-node=4"]),
        ("#PBS -m abe -M a@b", ["--mail-type=FAIL,BEGIN,END", "--mail-user=a@b"]),
        ("#PBS -m n", []),
        ("#PBS -r n", ["--no-requeue"]),
        ("#PBS -h", ["--hold"]),
        ("#PBS -V -j oe -S /bin/bash", []),
        ("#PBS -l feature=x", []),
        ("##PBS -N no", []),
        ("#PBS -N name # comment -q x", ["--job-name=name"]),
    ],
)
def test_options_are_translated(line, expected):
    assert words(line) == expected


def test_reading_stops_at_the_first_command():
    assert words("#PBS -N a", "true", "#PBS -N b") == ["--job-name=a"]


@pytest.mark.parametrize("line", ["#PBS stray", "#PBS -N", "#PBS --long"])
def test_anything_else_is_refused(line):
    with pytest.raises(UsageError):
        words(line)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_no_line_gives_anything_but_words_or_a_sentence(line):
    try:
        found = pbs.directives(b"#!/bin/sh\n#PBS " + line)
    except UsageError:
        return
    assert all(word.startswith("--") for word in found)
