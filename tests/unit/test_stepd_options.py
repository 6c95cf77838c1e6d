"""stepd 的命令行与规矩。"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scns.stepd.__main__ import main
from scns.stepd.options import Options, UsageError, parse

BASE = ["--run", "/r", "--spool", "/s", "--client-uid", "990"]


def options(*more: str, own: int = 0) -> Options:
    """以 `own` 的身份启动的选项。"""
    made = parse([*BASE, *more], own)
    assert made is not None
    return made


def test_defaults():
    made = options("--shared")
    assert (made.run_dir, made.spool, made.client_uid) == ("/r", "/s", 990)
    assert (made.jobs_of, made.min_uid, made.allow_root) == (None, 1000, False)
    assert (made.log, made.cgroups, made.foreground) == (None, True, False)
    assert made.node == os.uname().nodename.split(".")[0]


def test_everything_can_be_said():
    made = options(
        *("--jobs-of=0", "--node", "n7", "--log", "/l", "--no-cgroup", "--foreground"),
        *("--min-uid", "500", "--allow-root"),
    )
    assert (made.jobs_of, made.node, made.log, made.min_uid) == (0, "n7", "/l", 500)
    assert (made.cgroups, made.foreground, made.allow_root) == (False, True, True)


@pytest.mark.parametrize(
    ("words", "own", "complaint"),
    [
        ([], 0, "--run is required"),
        (["--run", "/r"], 0, "--spool is required"),
        (["--run", "/r", "--spool", "/s"], 0, "--client-uid is required"),
        ([*BASE], 0, "exactly one of"),
        ([*BASE, "--shared", "--jobs-of", "5"], 0, "exactly one of"),
        ([*BASE, "--shared"], 5, "needs root"),
        ([*BASE, "--jobs-of", "6"], 5, "needs root"),
        ([*BASE, "--jobs-of", "-1"], 0, "--jobs-of is not a number: -1"),
        ([*BASE, "--jobs-of", "²"], 0, "--jobs-of is not a number"),
        ([*BASE, "--shared", "extra"], 0, "unexpected argument extra"),
        ([*BASE, "--nonsense"], 0, "--nonsense"),
    ],
)
def test_bad_command_line_says_why(words: list[str], own: int, complaint: str):
    with pytest.raises(UsageError, match=complaint):
        parse(words, own)


def test_help_and_usage_errors_touch_nothing(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m scns.stepd")
    assert main(["--shared"]) == 2
    assert capsys.readouterr().err.startswith("stepd: --run is required\nusage: ")


def test_shared_rules():
    made = options("--shared", "--min-uid", "1000")
    assert made.refusal(1000) is None
    assert made.refusal(0) == "jobs of root are not allowed"
    assert made.refusal(999) == "jobs of system users (uid below 1000) are not allowed"
    assert options("--shared", "--allow-root").refusal(0) is None


def test_personal_rules():
    made = options("--jobs-of", "1000", own=1000)
    assert made.refusal(1000) is None
    for other in (0, 999, 1001):
        assert made.refusal(other) == "only jobs of uid 1000 run here"


def test_who_may_command():
    made = options("--jobs-of", "1000", own=1000)
    assert [uid for uid in (0, 1, 990, 999, 1000, 1001) if made.commands(uid)] == [0, 990, 1000]


def test_instance_follows_the_run_directory_through_links(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    def name(directory: str) -> str:
        made = parse([*BASE[2:], "--shared", "--run", str(tmp_path / directory)], 0)
        assert made is not None
        return made.instance

    assert name("real") == name("link") != name("other")
    assert name("real").startswith("scns-")
