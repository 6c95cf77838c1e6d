"""等着的命令的快门：写对了的不经过 typer，写错了的让给它，不装载笨重的模块。"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from scns.cli.own import lean, tail, wait, watch


@pytest.fixture
def called(monkeypatch) -> list[tuple[Any, ...]]:
    """快门叫了谁，给了什么。"""
    calls: list[tuple[Any, ...]] = []
    for module, name in ((watch, "watch"), (wait, "wait"), (tail, "tail")):
        monkeypatch.setattr(
            module, name, lambda *words, name=name, **named: calls.append((name, *words, named))
        )
    return calls


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (
            "watch",
            (
                "watch",
                [],
                {"user": None, "me": False, "since": None, "estimates": False, "count": None},
            ),
        ),
        (
            "watch 42 -u bob -n3 43 --since=now-1hour --estimates",
            (
                "watch",
                ["42", "43"],
                {"user": "bob", "me": False, "since": "now-1hour", "estimates": True, "count": 3},
            ),
        ),
        ("tail 42", ("tail", "42", {"lines": 10, "error": False})),
        ("tail -e -n -1 42_7", ("tail", "42_7", {"lines": -1, "error": True})),
        ("tail --lines 0 42", ("tail", "42", {"lines": 0, "error": False})),
        ("wait 1 2", ("wait", ["1", "2"], {"timeout": None, "progress": False})),
        ("wait -t 0.5 --progress 1", ("wait", ["1"], {"timeout": 0.5, "progress": True})),
        ("wait --progress --no-progress 1", ("wait", ["1"], {"timeout": None, "progress": False})),
    ],
)
def test_what_is_written_right_goes_through_the_lean_door(called, monkeypatch, words, call):
    monkeypatch.setattr("sys.stderr", sys.__stdout__)
    run = lean.prepare(words.split())
    assert run is not None
    run()
    [(*done, named)] = called
    named.pop("as_json", None)
    if call[0] == "wait" and "progress" not in words:
        named["progress"] = False
    assert (*done, named) == call


@pytest.mark.parametrize(
    "words",
    [
        "",
        "up",
        "sbatch --wait",
        "watch --help",
        "watch -h",
        "watch --nonsense",
        "watch --count 0",
        "watch -n many",
        "wait",
        "wait --timeout -1 1",
        "wait --timeout soon 1",
        "tail",
        "tail 1 2",
        "tail -n -2 1",
        "tail --lines",
    ],
)
def test_what_is_not_goes_to_typer(called, words):
    assert lean.prepare(words.split()) is None
    assert called == []


@pytest.mark.parametrize("command", lean.COMMANDS)
def test_waiting_commands_start_lean(command):
    code = (
        "import sys\n"
        "from scns.cli.own import lean\n"
        f"__import__('scns.cli.own.{command}', fromlist=['x'])\n"
        "from scns.db import connect; connect.driver()\n"
        "print('\\n'.join(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n" + code],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    heavy = {"typer", "click", "rich", "json", "dataclasses", "typing", "subprocess", "argparse"}
    assert not heavy & set(loaded)
