"""Prolog、Epilog 与 TaskProlog 的规矩：不必真的起一对 stepd 的。"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from scns.errors import ScnsError
from scns.scheduler.endings import drain_reason
from scns.scheduler.outcome import decide
from scns.scheduler.supervisor import hook_options
from scns.states import JobState
from scns.stepd.hooks import describe, exit_variables
from scns.stepd.options import UsageError, parse
from scns.stepd.taskprolog import interpret

BASE = ["--run", "/r", "--spool", "/s", "--client-uid", "990", "--shared"]


@pytest.mark.parametrize(
    ("output", "environment", "printed"),
    [
        (b"", {b"A": b"1"}, b""),
        (b"export B=2\n", {b"A": b"1", b"B": b"2"}, b""),
        (b"export A=x=y z", {b"A": b"x=y z"}, b""),
        (b"export A=\n", {b"A": b""}, b""),
        (b"unset A\nunset NONE\n", {}, b""),
        (b"export A=2\nunset A\n", {}, b""),
        (b"print one\nprint  two\nprint\n", {b"A": b"1"}, b"one\n two\n\n"),
        (b"export\nexport =x\nexport B\nother\nA=2\n", {b"A": b"1"}, b""),
        (b"export B=a\0b\nexport \xff=\xfe\n", {b"A": b"1", b"\xff": b"\xfe"}, b""),
    ],
)
def test_output_of_the_task_prolog_is_read_line_by_line(output, environment, printed):
    given = {b"A": b"1"}
    assert interpret(output, given) == (environment, printed)
    assert given == {b"A": b"1"}


@pytest.mark.parametrize(
    ("status", "variables"),
    [
        (None, {}),
        (0, {"SLURM_JOB_EXIT_CODE": "0", "SLURM_JOB_EXIT_CODE2": "0:0"}),
        (3 << 8, {"SLURM_JOB_EXIT_CODE": "768", "SLURM_JOB_EXIT_CODE2": "3:0"}),
        (9, {"SLURM_JOB_EXIT_CODE": "9", "SLURM_JOB_EXIT_CODE2": "0:9"}),
    ],
)
def test_epilog_is_told_how_the_script_ended(status, variables):
    assert exit_variables(status) == variables


def test_failure_is_said_in_words():
    assert describe(7 << 8) == "exited with 7"
    assert describe(int(signal.SIGKILL)) == "was killed by signal 9"


def test_stepd_learns_the_programs_from_its_command_line():
    plain = parse(BASE, 0)
    assert plain is not None
    assert (plain.prolog, plain.epilog, plain.hook_timeout) == (None, None, None)
    more = ["--prolog", "/etc/before", "--epilog", "/etc/after", "--hook-timeout", "60"]
    made = parse([*BASE, *more], 0)
    assert made is not None
    assert (made.prolog, made.epilog, made.hook_timeout) == ("/etc/before", "/etc/after", 60)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--prolog", "before"], "--prolog is not an absolute path: before"),
        (["--epilog", ""], "--epilog is not an absolute path: "),
        (["--hook-timeout", "1m"], "--hook-timeout is not a number: 1m"),
    ],
)
def test_bad_programs_are_refused(words, complaint):
    with pytest.raises(UsageError, match=complaint):
        parse([*BASE, *words], 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Prolog=/etc/before\n", ["--prolog", "/etc/before"]),
        (
            "Epilog=/etc/after\nPrologEpilogTimeout=90\n",
            ["--epilog", "/etc/after", "--hook-timeout", "90"],
        ),
        ("TaskProlog=/etc/task\n", []),
    ],
)
def test_supervisor_tells_stepd_what_the_configuration_says(
    text: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SCNS_CONF", raising=False)
    (tmp_path / "scns.conf").write_text(text)
    assert hook_options(str(tmp_path)) == words


def test_stepd_does_not_start_without_the_hooks_of_a_broken_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SCNS_CONF", raising=False)
    (tmp_path / "scns.conf").write_text("Prolog=/etc/before\nNonsense=1\n")
    with pytest.raises(ScnsError):
        hook_options(str(tmp_path))


@pytest.mark.parametrize("requeue", [True, False])
def test_job_whose_prolog_failed_goes_back_to_the_queue(requeue):
    ending = decide(None, 53, "prolog", requeue)
    assert (ending.state, ending.requeue, ending.step_state) == (JobState.FAILED, True, None)


def test_decided_outcome_wins_over_a_failed_prolog():
    ending = decide("CANCELLED", 53, "prolog", requeue=True)
    assert (ending.state, ending.requeue) == (JobState.CANCELLED, False)


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ({"cause": None}, None),
        ({"cause": "launch"}, None),
        ({"cause": "prolog", "epilog": "failed"}, "Prolog error"),
        ({"cause": "killed", "epilog": "failed"}, "Epilog error"),
    ],
)
def test_node_is_drained_for_a_failed_program_only(report, reason):
    assert drain_reason(report) == reason
