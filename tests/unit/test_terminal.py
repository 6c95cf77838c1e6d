"""`--pty` 的终端与要经手的流：不必真的起一步的。"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from typing import Any

import pytest

from scns.cli.launch import demand, terminal
from scns.cli.launch.streams import Feed, Label, Wiring
from scns.cli.launch.terminal import Terminal, raw
from scns.errors import ScnsError


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """自己的标准输入换成一个 30 行 90 列的终端；返回它的主、从两端。"""
    control, own = os.openpty()
    fcntl.ioctl(control, termios.TIOCSWINSZ, struct.pack("4H", 30, 90, 0, 0))
    saved = os.dup(0)
    os.dup2(own, 0)
    yield control, own
    os.dup2(saved, 0)
    for descriptor in (saved, control, own):
        os.close(descriptor)


def size_of(descriptor: int) -> tuple[int, ...]:
    return struct.unpack("4H", fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8)))[:2]


def test_terminal_of_the_task_is_like_the_own_one(desk: tuple[int, int]):
    attributes = termios.tcgetattr(0)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, attributes)
    made = Terminal()
    assert size_of(made.slave) == (30, 90)
    assert not termios.tcgetattr(made.slave)[3] & termios.ECHO
    assert made.variables() == {
        b"SLURM_PTY_PORT": b"0",
        b"SLURM_PTY_WIN_COL": b"90",
        b"SLURM_PTY_WIN_ROW": b"30",
    }
    made.drain()


def test_window_follows(desk: tuple[int, int]):
    made = Terminal()
    fcntl.ioctl(desk[0], termios.TIOCSWINSZ, struct.pack("4H", 11, 22, 0, 0))
    made.fit()
    assert size_of(made.slave) == (11, 22)
    made.drain()


def test_own_terminal_is_raw_and_then_as_before(desk: tuple[int, int]):
    before = termios.tcgetattr(0)
    made = Terminal()
    made.take()
    made.take()
    now = termios.tcgetattr(0)
    assert not now[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert not now[1] & termios.OPOST
    made.restore()
    made.restore()
    assert termios.tcgetattr(0) == before
    made.drain()


def test_terminal_that_is_gone_is_not_restored_and_no_error(desk: tuple[int, int]):
    made = Terminal()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    made.restore()
    made.drain()


def test_raw_mode_leaves_the_given_attributes_alone(desk: tuple[int, int]):
    before = termios.tcgetattr(0)
    raw(before)
    assert termios.tcgetattr(0) == before


def test_descriptors_of_a_terminal_are_not_inherited(desk: tuple[int, int]):
    made = Terminal()
    assert not os.get_inheritable(made.master)
    assert not os.get_inheritable(made.slave)
    made.drain()


def test_everything_written_is_copied_before_the_end(desk: tuple[int, int], capfdbinary: Any):
    made = Terminal()
    os.write(made.slave, b"one\n")
    assert made.pump(made.master)
    assert made.pump(made.master)  # 暂时没有了
    os.write(made.slave, b"two\n")
    made.drain()
    assert capfdbinary.readouterr().out == b"one\r\ntwo\r\n"


def test_only_task_zero_gets_the_terminal(desk: tuple[int, int]):
    made, wiring = Terminal(), Wiring(3)
    wiring.attach(made)
    assert wiring.descriptors == [made.slave]
    assert wiring.streams == [[0, 0, 0], [None, None, None], [None, None, None]]
    assert (wiring.feed, wiring.terminal) == (made.feed, made)
    wiring.hang_up()
    assert (wiring.labels, wiring.terminal) == ({}, None)
    wiring.hang_up()


def test_input_that_is_no_terminal_goes_to_the_task_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(terminal.os, "isatty", lambda descriptor: False)
    made, wiring = Terminal(), Wiring(2)
    wiring.attach(made)
    assert wiring.descriptors == [made.slave, 0]
    assert (wiring.streams[0], wiring.feed) == ([1, 0, 0], None)
    before = termios.tcgetattr(made.slave)
    made.take()
    made.restore()
    assert termios.tcgetattr(made.slave) == before
    wiring.hang_up()


def test_what_is_typed_reaches_the_task(desk: tuple[int, int]):
    made = Terminal()
    made.take()
    feed = made.feed
    assert feed is not None
    assert feed.wants_input()
    os.write(desk[0], b"ls\n")
    feed.read()
    assert os.read(made.slave, 100) == b"ls\n"
    made.restore()
    made.drain()


# ---- 管道 ----


def piped() -> tuple[int, int]:
    inner, outer = os.pipe()
    os.set_blocking(outer, False)
    return inner, outer


def test_slow_reader_holds_the_input_back_and_a_gone_one_does_not(monkeypatch: Any):
    slow, to_slow = piped()
    gone, to_gone = piped()
    os.close(gone)
    feed = Feed([to_slow, to_gone])
    monkeypatch.setattr(os, "read", lambda descriptor, count: b"x" * count)
    while feed.wants_input():
        feed.read()
    monkeypatch.undo()
    assert feed.blocked() == [to_slow]
    os.read(slow, 1 << 20)
    feed.write(to_slow)
    os.close(slow)
    feed.write(to_slow)
    assert feed.blocked() == []


def test_end_of_the_input_closes_what_is_written_out(monkeypatch: pytest.MonkeyPatch):
    inner, outer = piped()
    feed = Feed([outer])
    blocks = [b"last", b""]
    monkeypatch.setattr(os, "read", lambda descriptor, count: blocks.pop(0))
    feed.read()
    feed.read()
    monkeypatch.undo()
    assert not feed.wants_input()
    assert (os.read(inner, 100), os.read(inner, 100)) == (b"last", b"")
    os.close(inner)


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        ([b"a\nb\n"], b"1: a\n1: b\n"),
        ([b"a", b"b\nc"], b"1: ab\n1: c\n"),
        ([b"\n", b"\n"], b"1: \n1: \n"),
        ([], b""),
        ([b"\xff\0\n"], b"1: \xff\0\n"),
    ],
)
def test_label_stands_before_whole_lines_only(blocks: list[bytes], text: bytes):
    inner, outer = os.pipe()
    label = Label(b"1: ", outer)
    for block in [*blocks, b""]:
        label.take(block)
    os.close(outer)
    with os.fdopen(inner, "rb") as stream:
        assert stream.read() == text


@pytest.mark.parametrize(
    ("value", "code"),
    [("7", 7), ("256", 0), ("", 1), ("x", 1), ("-3", 1), ("\u0663", 1), (None, 1)],
)
def test_exit_code_of_the_own_errors_is_what_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, value: str | None, code: int
):
    monkeypatch.delenv("SLURM_EXIT_ERROR", raising=False)
    if value is not None:
        monkeypatch.setenv("SLURM_EXIT_ERROR", value)

    def fail(words: list[str]) -> int:
        raise ScnsError("no")

    with pytest.raises(ScnsError) as raised:
        demand.run(fail, [])
    assert raised.value.exit_code == code
