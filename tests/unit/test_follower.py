"""跟着正在长的文件：不漏、不重，截短与替换都跟得上。"""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli.own import follower
from scns.cli.own.follower import Follower
from scns.errors import ScnsError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out"


def read(one: Follower) -> bytes:
    return b"".join(one.read())


def test_what_is_written_is_read_once(path):
    path.write_bytes(b"one\n")
    one = Follower(str(path))
    assert read(one) == b"one\n"
    assert read(one) == b""
    with path.open("ab") as stream:
        stream.write(b"two\n")
    assert read(one) == b"two\n"
    one.close()


def test_a_file_that_does_not_exist_yet_is_waited_for(path):
    one = Follower(str(path), lines=1)
    assert read(one) == b""
    path.write_bytes(b"one\ntwo\n")
    assert read(one) == b"two\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (-1, b"a\nb\nc\n"),
        (0, b""),
        (1, b"c\n"),
        (2, b"b\nc\n"),
        (3, b"a\nb\nc\n"),
        (9, b"a\nb\nc\n"),
    ],
)
def test_it_begins_with_the_last_lines(path, lines, expected):
    path.write_bytes(b"a\nb\nc\n")
    assert read(Follower(str(path), lines)) == expected


def test_a_last_line_without_newline_counts(path):
    path.write_bytes(b"a\nb\nc")
    assert read(Follower(str(path), 2)) == b"b\nc"


def test_a_file_cut_short_is_read_from_its_beginning(path):
    path.write_bytes(b"long line\n")
    one = Follower(str(path), lines=1)
    read(one)
    path.write_bytes(b"new\n")
    assert read(one) == b"new\n"


def test_a_file_replaced_is_read_to_its_end_and_then_the_new_one(path, tmp_path):
    path.write_bytes(b"one\n")
    one = Follower(str(path), lines=1)
    read(one)
    with path.open("ab") as stream:
        stream.write(b"two\n")
    other = tmp_path / "other"
    other.write_bytes(b"three\nfour\n")
    other.rename(path)
    assert read(one) == b"two\nthree\nfour\n"
    path.unlink()
    assert read(one) == b""


def test_files_that_cannot_be_read_are_refused(path, tmp_path):
    path.touch()
    with pytest.raises(ScnsError, match=r"cannot read .*: Not a directory"):
        read(Follower(f"{path}/below"))
    with pytest.raises(ScnsError, match="is not a regular file"):
        read(Follower(str(tmp_path)))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ScnsError, match="is not a regular file"):
        read(Follower(str(tmp_path / "pipe")))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.binary(max_size=12).map(lambda text: text.replace(b"\r", b"")), max_size=12),
    st.integers(0, 12),
    st.integers(1, 9),
)
def test_last_lines_are_those_of_splitlines(tmp_path_factory, pieces, lines, block):
    content = b"\n".join(pieces)
    path = tmp_path_factory.mktemp("tail") / "out"
    path.write_bytes(content)
    before = follower._BLOCK
    follower._BLOCK = block
    try:
        one = Follower(str(path), lines)
        found = read(one)
        one.close()
    finally:
        follower._BLOCK = before
    parts = content.split(b"\n")
    whole = [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
    assert found == b"".join(whole[len(whole) - lines :] if lines < len(whole) else whole)
