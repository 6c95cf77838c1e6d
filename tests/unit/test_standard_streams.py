"""命令的标准流：关着的、不成 UTF-8 的、别的区域设置，都不出回溯。"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def scns(*words, redirect="", **options):
    """经 shell 运行一个用不着数据库的命令，`redirect` 是重定向。"""
    environment = os.environ | options.pop("env", {})
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirect}', "sh", sys.executable, "-m", "scns", *words],
        capture_output=True,
        check=False,
        env=environment,
        timeout=60,
        **options,
    )


@pytest.mark.parametrize(
    ("words", "redirect", "code"),
    [
        (["scontrol", "version"], ">&-", 0),
        (["scontrol", "bogus"], "2>&-", 1),
        (["scontrol"], "<&-", 0),
        (["scancel", "abc"], "<&- >&- 2>&-", 1),
        (["sacct", "--helpformat"], ">&-", 0),
    ],
)
def test_closed_streams_are_no_error(words, redirect, code):
    done = scns(*words, redirect=redirect)
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False)


def test_full_disk_is_no_traceback():
    for words in (["sacct", "--helpformat"], ["scontrol", "version"]):
        done = scns(*words, redirect=">/dev/full")
        sentence = f"{words[0]}: error: No space left on device\n"
        assert (done.returncode, done.stderr) == (1, sentence.encode())


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_bytes_pass_whatever_the_locale(locale):
    environment = {"LC_ALL": locale}
    done = scns("scontrol", "show", "hostnames", b"\xffn[1-2],\xe6\xb1\x89", env=environment)
    assert done.stdout == b"\xffn1\n\xffn2\n\xe6\xb1\x89\n"
    refused = scns("scontrol", b"\xff\xe6\xb1\x89", env=environment)
    assert (refused.returncode, refused.stderr) == (1, b"invalid keyword: \xff\xe6\xb1\x89\n")


def test_bytes_pass_through_a_session():
    done = scns("scontrol", input=b"show hostnames \xffn[1-2]\nbogus\xfe\n")
    assert b"\n\xffn1\n\xffn2\n" in done.stdout
    assert done.stderr == b"invalid keyword: bogus\xfe\n"
