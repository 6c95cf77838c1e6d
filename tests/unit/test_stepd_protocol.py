"""帧的编码与解码；客户端在套接字上的举止。"""

from __future__ import annotations

import json
import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.stepd import protocol
from scns.stepd.protocol import MAX_FRAME, Decoder, ProtocolError, connect, encode

# 文本里可以有 surrogateescape 出来的任何字节
texts = st.binary(max_size=40).map(lambda data: data.decode("utf-8", "surrogateescape"))
values = st.one_of(texts, st.integers(), st.none(), st.booleans(), st.lists(texts, max_size=3))
messages = st.dictionaries(texts, values, max_size=5)


@given(sent=st.lists(messages, max_size=5), sizes=st.lists(st.integers(1, 50), min_size=1))
@settings(max_examples=150, deadline=None)
def test_messages_survive_any_way_of_cutting_the_stream(sent, sizes):
    stream = b"".join(map(encode, sent))
    decoder = Decoder()
    received = []
    start = turn = 0
    while start < len(stream):
        size = sizes[turn % len(sizes)]
        received += decoder.feed(stream[start : start + size])
        start, turn = start + size, turn + 1
    assert received == sent


def test_frame_is_a_big_endian_length_and_ascii_json():
    frame = encode({"body": "é\udcff"})
    size, body = int.from_bytes(frame[:4], "big"), frame[4:]
    assert size == len(body)
    assert body == b'{"body":"\\u00e9\\udcff"}'
    assert json.loads(body)["body"].encode("utf-8", "surrogateescape") == "é".encode() + b"\xff"


def test_frame_that_is_too_long_is_refused_before_it_arrives():
    with pytest.raises(ProtocolError, match="too long"):
        Decoder().feed((MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(ProtocolError, match="too long"):
        encode({"body": "x" * MAX_FRAME})


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"", b"[" * 100_000, b"1" * 5000])
def test_frame_that_is_not_an_object_is_refused(body):
    with pytest.raises(ProtocolError):
        Decoder().feed(len(body).to_bytes(4, "big") + body)


@pytest.fixture
def listener(tmp_path: Path):
    """长路径的目录里的一个监听者；只接一条连接。"""
    directory = tmp_path / ("d" * 100) / ("e" * 100)
    directory.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        with protocol.address(str(directory)) as path:
            assert len(os.fsencode(path)) < 100
            server.bind(path)
        server.listen()
        yield server, str(directory)


def test_client_returns_at_once_when_nothing_has_arrived(listener):
    server, directory = listener
    with connect(directory) as client:
        peer, _ = server.accept()
        assert client.receive() == []
        assert client.receive(0.01) == []
        peer.close()


def test_client_sends_all_messages_in_one_write(listener):
    server, directory = listener
    with connect(directory) as client:
        peer, _ = server.accept()
        client.send([{"op": "hello"}, {"op": "shutdown", "kill": False}])
        assert Decoder().feed(peer.recv(1000)) == [
            {"op": "hello"},
            {"op": "shutdown", "kill": False},
        ]
        peer.close()


def test_client_gives_what_arrived_before_it_reports_the_end(listener):
    server, directory = listener
    with connect(directory) as client:
        peer, _ = server.accept()
        peer.sendall(encode({"n": 1}) + encode({"n": 2}) + b"\0")
        peer.close()
        assert client.receive(5) == [{"n": 1}, {"n": 2}]
        with pytest.raises(ConnectionError):
            client.receive(5)


def test_client_takes_a_frame_larger_than_one_read(listener):
    server, directory = listener
    message = {"body": "x" * 3_000_000}
    with connect(directory) as client:
        peer, _ = server.accept()
        writer = threading.Thread(target=peer.sendall, args=(encode(message),))
        writer.start()
        received = []
        while not received:
            received = client.receive(5)
        writer.join()
        peer.close()
        assert received == [message]


def test_connecting_where_nobody_listens_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        connect(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        connect(str(tmp_path / "no"))
