"""scancel 的命令行：先整个检查过，错的一句话拒绝，不碰数据库。"""

from __future__ import annotations

import pytest

from tests.integration.answering import Shell


@pytest.fixture
def shell(monkeypatch):
    return Shell(None, monkeypatch)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "scancel: error: No job identification provided"),
        (["abc"], "scancel: error: Invalid job id abc"),
        (["--", "-5"], "scancel: error: Invalid job id -5"),
        (["42_x"], "scancel: error: Invalid job id 42_x"),
        (["0"], "scancel: error: Invalid job id 0"),
        (["-Q", "abc"], "scancel: error: Invalid job id abc"),
        (["-s", "BOGUS", "42"], "Unknown job signal: BOGUS"),
        (["-s", "0", "42"], "Unknown job signal: 0"),
        (["-s", "99", "42"], "Unknown job signal: 99"),
        (
            ["-t", "BOGUS", "42"],
            "Invalid job state specified: BOGUS\n"
            "Valid job states are PENDING, RUNNING, and SUSPENDED",
        ),
        (["-u", "nosuch"], "scancel: error: Invalid user name: nosuch"),
        (
            ["--nosuch"],
            "scancel: unrecognized option '--nosuch'\nTry \"scancel --help\" for more information",
        ),
    ],
)
def test_bad_command_line_is_refused_before_anything_is_asked(shell, words, sentence):
    outcome = shell("scancel", *words)
    assert (outcome.code, outcome.out, outcome.err) == (1, "", sentence + "\n")


def test_version_and_help_are_printed(shell):
    assert shell("scancel", "--version").out.startswith("slurm 22.05")
    assert "--interactive" in shell("scancel", "--help").out
