"""信号的名字与 `--signal`；各例都照着真的 Slurm 22.05 核对过。"""

from __future__ import annotations

import signal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scns.errors import ScnsError
from scns.signals import (
    NUMBERS,
    InvalidSignal,
    InvalidSignalOption,
    WarningSignal,
    parse_signal,
    parse_signal_option,
    signal_name,
)

PROPERTY = settings(max_examples=150, deadline=None)

#: Slurm 认得的全部名字。
KNOWN = "HUP INT QUIT ABRT KILL USR1 USR2 ALRM TERM CONT STOP TSTP TTIN TTOU URG XCPU".split()

#: 内核有而 Slurm 不认得名字的。
UNKNOWN = "ILL TRAP IOT BUS FPE SEGV PIPE STKFLT CHLD CLD XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN"


@pytest.mark.parametrize("name", KNOWN)
def test_the_numbers_are_those_of_this_kernel(name):
    assert NUMBERS[name] == getattr(signal, "SIG" + name)


def test_slurm_knows_these_names_and_no_others():
    assert sorted(NUMBERS) == sorted(KNOWN)


@pytest.mark.parametrize(
    "form", ["USR1", "SIGUSR1", "usr1", "sigusr1", "SigUsr1", "10", " 10", "10 "]
)
def test_a_signal_may_be_named_or_numbered(form):
    assert parse_signal(form) == 10


@pytest.mark.parametrize("number", [1, 9, 15, 34, 64])
def test_any_number_of_the_kernel_is_a_signal(number):
    assert parse_signal(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "BOGUS",
        "",
        "0",
        "65",
        "99999",
        "-1",
        "1.5",
        "10x",
        "SIG",
        "SIG10",
        "SIGSIGUSR1",
        "USR 1",
        "²",
    ]
    + UNKNOWN.split(),
)
def test_anything_else_is_told_as_scancel_tells_it(text):
    with pytest.raises(InvalidSignal) as caught:
        parse_signal(text)
    assert caught.value.lines("scancel") == [f"Unknown job signal: {text}"]
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("number", range(1, 65))
def test_printed_signals_read_back(number):
    assert parse_signal(signal_name(number)) == number


@pytest.mark.parametrize(
    ("text", "number", "seconds", "scope", "printed"),
    [
        ("USR1", 10, 60, "steps", "USR1@60"),
        ("USR1@30", 10, 30, "steps", "USR1@30"),
        ("SIGUSR1@5", 10, 5, "steps", "USR1@5"),
        ("10@60", 10, 60, "steps", "USR1@60"),
        ("KILL@0", 9, 0, "steps", "KILL@0"),
        ("USR1@", 10, 0, "steps", "USR1@0"),
        ("USR1 @ 30", 10, 30, "steps", "USR1@30"),
        ("USR1@65535", 10, 65535, "steps", "USR1@65535"),
        ("B:USR1", 10, 60, "batch", "B:USR1@60"),
        ("b:usr1@30", 10, 30, "batch", "B:USR1@30"),
        ("R:USR1@30", 10, 30, "steps", "R:USR1@30"),
        ("RB:USR1", 10, 60, "batch", "RB:USR1@60"),
        ("BR:USR1@30", 10, 30, "batch", "RB:USR1@30"),
        (":USR1", 10, 60, "steps", "USR1@60"),
        ("34@1", 34, 1, "steps", "34@1"),
    ],
)
def test_the_forms_of_the_signal_option(text, number, seconds, scope, printed):
    found = parse_signal_option(text)
    assert (found.number, found.seconds, found.scope) == (number, seconds, scope)
    assert str(found) == printed


def test_the_reservation_flag_is_kept():
    assert parse_signal_option("R:USR1").reservation
    assert not parse_signal_option("B:USR1").reservation


@pytest.mark.parametrize(
    "text",
    "USR1@abc B: B @30 R:@30 USR1@-1 USR1@65536 USR1@100000000000 USR1@30x USR1@1.5 B:R:USR1 "
    "X:USR1 BB:USR1 RRB:USR1 USR1@30@40 0 0@30 B:0 BOGUS 99".split()
    + ["", " "],
)
def test_bad_signal_options_get_slurms_sentence(text):
    with pytest.raises(InvalidSignalOption) as caught:
        parse_signal_option(text)
    assert caught.value.lines("sbatch") == ["sbatch: error: Invalid --signal specification"]
    assert caught.value.exit_code == 255


@given(st.integers(1, 64), st.integers(0, 65535), st.booleans(), st.booleans())
@PROPERTY
def test_printed_signal_options_read_back(number, seconds, batch, reservation):
    printed = str(WarningSignal(number, seconds, batch=batch, reservation=reservation))
    found = parse_signal_option(printed)
    assert str(found) == printed
    assert (found.number, found.seconds) == (number, seconds)
    assert (found.batch, found.reservation) == (batch, reservation)


@given(st.one_of(st.text(max_size=20), st.text("RB:@USIG1029 ", max_size=12)))
@PROPERTY
@example("１@２")
def test_any_text_is_a_signal_option_or_refused_with_a_sentence(text):
    try:
        found = parse_signal_option(text)
    except ScnsError as error:
        assert error.message == "Invalid --signal specification"
    else:
        assert 1 <= found.number <= 64 and 0 <= found.seconds <= 65535
