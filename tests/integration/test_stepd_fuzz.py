"""任意的消息：stepd 不死，也不忘掉在跑的作业；解析的一方只抛出 ValueError。"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scns.stepd import protocol
from scns.stepd.job import Job
from scns.stepd.peer import Wish
from scns.stepd.spec import Around, Field, Grant, Owner, Spec
from scns.stepd.task import Launch
from tests.integration.step_owner import SLEEPER
from tests.integration.stepd_pair import Pair, is_alive

#: 消息里出现的全部字段。
FIELDS = (
    "job attempt step signal scope grace message name tasks cpus hold held immediate programs "
    "environment directory umask append limits terminal task_prolog task_epilog status uid gid "
    "user groups label variables memory key body script arguments stdin stdout stderr nice"
).split()

#: `shutdown` 之外的全部命令，与没有的。
OPERATIONS = (
    *protocol.OWNER_OPERATIONS,
    *"hello script environment start allocate signal kill suspend resume pids ack step_ack".split(),
    "nonsense",
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.sampled_from([1 << 31, 1 << 64, -(1 << 70), 1e300, 0.5])
    | st.sampled_from(["", "all", "batch", "steps", "/dev/null", "a\0b", "\ud800", "\udcff", "7"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["NOFILE", "A", "", "a=b", "x\0"]), inner, max_size=3)
    ),
    max_leaves=6,
)
#: 多半合规矩的值，让消息走得深些。
plausible = {
    "job": st.just(7),
    "attempt": st.just(1),
    "step": st.integers(0, 3),
    "tasks": st.just([[0, None, 0, 0]]) | st.integers(1, 3),
    "programs": st.just([["/bin/true"]]),
    "environment": st.just("A=1"),
    "directory": st.just("/"),
    "umask": st.just(18),
    "append": st.booleans(),
    "limits": st.just({}),
    "name": st.just("s"),
    "cpus": st.integers(1, 2),
    "held": st.integers(0, 2),
    "immediate": st.booleans(),
}
fields = st.fixed_dictionaries(
    {}, optional={name: plausible.get(name, values) | values for name in FIELDS}
)
messages = st.builds(lambda op, rest: {"op": op, **rest}, st.sampled_from(OPERATIONS), fields)

ORDINARY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def running() -> Iterator[Pair]:
    """一对 stepd，跑着一个作业。"""
    made = Pair("--no-cgroup")
    try:
        made.submit(7, SLEEPER, cpus=[0, 1])
        yield made
    finally:
        made.close()


def harmless(message: dict[str, Any]) -> bool:
    """不是真的要结束、停住那个作业。"""
    about = message.get("job") == 7 and message.get("attempt") == 1
    return not (about and message["op"] in ("kill", "signal", "suspend"))


@ORDINARY
@given(st.lists(messages.filter(harmless), min_size=1, max_size=4))
def test_any_messages_leave_stepd_and_its_job_alone(running: Pair, told: list[dict[str, Any]]):
    pid = running.pid("stepd")
    with protocol.connect(str(running.run_dir)) as client:
        for message in told:
            client.pass_on(message, [2])
        client.send([{"op": "hello"}])
        try:
            client.receive(10)
        except ConnectionError:
            pass  # 不合规矩的可以断开
    [job] = [one for one in running.hello()["jobs"] if one["job"] == 7]
    assert job["state"] == "running"
    assert is_alive(job["pid"])
    assert running.pid("stepd") == pid


@ORDINARY
@given(fields)
def test_only_value_errors_come_out_of_a_message(message: dict[str, Any]):
    job: Any = Job.__new__(Job)
    parsers = (
        lambda: Launch(Field(message), 1, [2]),
        lambda: Wish(Field(message), job),
        lambda: Owner(message),
        lambda: Grant(message),
        lambda: Spec(message),
        lambda: Around(Field(message)),
    )
    for parse in parsers:
        try:
            parse()
        except ValueError as error:
            assert str(error)


@ORDINARY
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_protocol_error(data: bytes):
    decoder = protocol.Decoder(1000)
    try:
        for start in range(0, len(data), 7):
            for message in decoder.feed(data[start : start + 7]):
                assert isinstance(message, dict)
    except protocol.ProtocolError as error:
        assert str(error)


@ORDINARY
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.integers(), max_size=4))
def test_message_survives_the_way_in_any_pieces(message: dict[str, Any]):
    frame = protocol.encode(message)
    decoder = protocol.Decoder()
    found = [one for byte in frame for one in decoder.feed(bytes([byte]))]
    assert found == [message]


@pytest.mark.parametrize(
    ("streams", "outputs"),
    [
        ([0, None, "out", "/abs/err"], ("/w/out", "/abs/err")),
        ([0, None, None, 1], (None, None)),
        ([0, 1, 0, 0], (False, False)),
    ],
)
def test_outputs_are_named_without_touching_them(streams: list[Any], outputs: Any):
    inner, outer = os.pipe()
    null = os.open(os.devnull, os.O_WRONLY)
    message = {
        "programs": [["/bin/true"]],
        "tasks": [streams],
        "environment": "",
        "directory": "/w",
        "umask": 0,
        "append": False,
        "limits": {},
    }
    launch = Launch(Field(message), 1, [outer, null])
    assert launch.outputs() == [outputs]
    assert launch.kept_by(0) >= {outer}
    for descriptor in (inner, outer, null):
        os.close(descriptor)
