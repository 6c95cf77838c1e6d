"""谁都可以连上 stepd：别人的作业碰不到，占不满它，递来的描述符不漏给任务。"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import socket
import struct
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scns.stepd import protocol
from tests.clusters import STRANGER, as_user, needs_root
from tests.integration.step_owner import SLEEPER, Owner
from tests.integration.stepd_pair import Message, Pair, is_alive, wait_for

NOBODY = 65534

#: nobody 的作业要换的字段。
THEIRS = {"uid": NOBODY, "gid": NOBODY, "user": "nobody"}


@pytest.fixture
def shared() -> Iterator[Pair]:
    """共享实例：谁的作业都跑，系统用户的也跑。"""
    made = Pair("--no-cgroup", "--min-uid", "1", shared=True)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def personal() -> Iterator[Pair]:
    """只跑自己的作业。"""
    made = Pair("--no-cgroup")
    try:
        yield made
    finally:
        made.close()


def answers(pair: Pair, user: str, messages: list[Message]) -> list[str]:
    """以这个用户的身份逐条发，返回各条的回答。"""

    def talk() -> list[str]:
        with protocol.connect(str(pair.run_dir)) as client:
            heard = []
            for message in messages:
                client.send([message])
                [answer] = client.receive(10)
                heard.append(str(answer.get("error", answer["op"])))
            return heard

    found: list[str] = as_user(user, talk)
    return found


def step_of(job: int) -> Message:
    wish = {"name": "x", "tasks": 1, "cpus": 1, "immediate": False, "held": 0, "hold": None}
    return {"op": "step", "job": job, **wish}


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


# ---- 别人的作业 ----


@needs_root
def test_job_of_another_user_is_out_of_reach(shared: Pair):
    shared.submit(7, SLEEPER, **THEIRS)
    denied = "Access/permission denied"
    asked = [
        step_of(7),
        {"op": "hold", "job": 7},
        {"op": "attach", "job": 7},
        {"op": "attach", "job": 7, "step": 0},
    ]
    assert answers(shared, "daemon", asked) == [denied] * 4
    assert answers(shared, STRANGER, [step_of(7)]) == ["created"]


@needs_root
def test_step_and_allocation_of_another_user_are_out_of_reach(shared: Pair):
    message = shared.spec(8, "", op="allocate", held=True, cpus=[0], stdout=None, **THEIRS)
    shared.client.send([message])
    shared.expect(lambda m: m.get("job") == 8)
    asked: list[Message] = [
        {"op": "hold", "job": 8},
        {"op": "release", "job": 8, "status": 0},
        {"op": "launch", "job": 8, "step": 0},
    ]
    denied = answers(shared, "daemon", asked)
    assert denied == [
        "Access/permission denied",
        "there is nothing to release",
        "there is no step to launch",
    ]
    assert answers(shared, STRANGER, [{"op": "hold", "job": 8}]) == ["held"]


@needs_root
def test_owner_of_a_job_commands_nobody(shared: Pair):
    shared.submit(7, SLEEPER, **THEIRS)
    pid = int(shared.hello()["jobs"][0]["pid"])
    orders: list[Message] = [
        {"op": "kill", "job": 7, "attempt": 1, "grace": 0, "message": None},
        {"op": "signal", "job": 7, "attempt": 1, "signal": 9, "scope": "all"},
        {"op": "shutdown", "kill": True},
        {"op": "ack", "job": 7, "attempt": 1},
        {"op": "hello"},
        shared.spec(9, SLEEPER, **THEIRS),
    ]

    def order() -> str:
        with protocol.connect(str(shared.run_dir)) as client:
            client.send(orders)  # 只有 start 有回答；它来的时候前面几条都已经看过了
            [answer] = client.receive(10)
            return str(answer["error"])

    assert as_user(STRANGER, order) == "operation not permitted"
    assert is_alive(pid)
    assert [job["job"] for job in shared.hello()["jobs"]] == [7]


@needs_root
def test_task_has_the_rights_of_the_owner_whoever_asked(shared: Pair):
    shared.submit(7, SLEEPER, **THEIRS)
    owner = Owner(shared)  # root
    owner.step(7)
    statuses, text = owner.run(1, "id -u; id -ru; id -G")
    assert (statuses, text.split()) == ([0], ["65534"] * 3)


@needs_root
def test_program_around_a_task_has_the_rights_of_the_owner(shared: Pair):
    program = shared.work / "after"
    program.write_text(f"#!/bin/sh\nid -u > {shared.work}/who\n")
    program.chmod(0o755)
    shared.submit(7, SLEEPER, **THEIRS, task_epilog=str(program))
    owner = Owner(shared)
    owner.step(7)
    owner.run(1, "true")
    who = shared.work / "who"
    assert (who.read_text(), who.stat().st_uid) == ("65534\n", NOBODY)


@pytest.mark.parametrize("job", [0, -1, 1 << 70, "7", None, [7], 7.0, True])
def test_forged_job_id_is_refused(personal: Pair, job: Any):
    personal.submit(7, SLEEPER)
    owner = Owner(personal)
    owner.send("hold", job=job)
    assert owner.expect("refused")["error"]
    assert is_alive(int(personal.hello()["jobs"][0]["pid"]))


# ---- 描述符 ----


def test_task_gets_its_three_descriptors_and_no_more(personal: Pair):
    personal.submit(7, SLEEPER)
    control, terminal = os.openpty()
    extra = [os.open(os.devnull, os.O_RDONLY) for _ in range(300)]
    output = os.open(personal.work / "fds", os.O_WRONLY | os.O_CREAT)
    owner = Owner(personal)
    owner.step(7)
    message = launch_message(personal, "ls /proc/self/fd", terminal=2)
    owner.send("launch", (2, output, terminal, *extra), **message)
    assert owner.expect("exited")["status"] == 0
    owner.expect("finished")
    for descriptor in (control, terminal, output, *extra):
        os.close(descriptor)
    # 第四个是 ls 打开的目录
    assert (personal.work / "fds").read_text().split() == ["0", "1", "2", "3"]


def launch_message(pair: Pair, script: str, **changes: Any) -> Message:
    return {
        "programs": [["/bin/sh", "-c", script]],
        "tasks": [[0, None, 1, 1]],
        "environment": "PATH=/usr/bin:/bin",
        "directory": str(pair.work),
        "umask": 0o022,
        "append": False,
        "limits": {},
    } | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"programs": []},
        {"programs": [[]]},
        {"tasks": [[0, None, 1, 99]]},
        {"tasks": [[5, None, 1, 1]]},
        {"tasks": [[0, None, 1, -1]]},
        {"tasks": []},
        {"tasks": [[0, None, 1, 1]] * 2},
        {"terminal": 2},
        {"terminal": -1},
        {"terminal": "0"},
        {"environment": 1},
        {"directory": "/a\0b"},
        {"limits": {"NOFILE": 3}},
        {"task_prolog": 1},
    ],
)
def test_refused_launch_keeps_no_descriptor(personal: Pair, changes: Message):
    personal.submit(7, SLEEPER)
    owner = Owner(personal)
    owner.step(7)
    pid = personal.pid("stepd")
    before = descriptors(pid)
    output = os.open(os.devnull, os.O_WRONLY)
    for _ in range(3):
        owner.send("launch", (2, output), **launch_message(personal, "true", **changes))
        assert owner.expect("refused")["error"]
    os.close(output)
    assert descriptors(pid) == before
    assert owner.run(1, "true")[0] == [0]


def test_descriptors_of_a_connection_that_goes_are_closed(personal: Pair):
    personal.hello()
    pid = personal.pid("stepd")
    before = descriptors(pid)
    owner = Owner(personal)
    owner.client._socket.sendall(struct.pack("!I", 1000))  # 说好还有一千个字节
    for _ in range(20):
        owner.client._pass(memoryview(b" "), [2] * 100)
    wait_for(lambda: descriptors(pid) > before)
    owner.close()
    wait_for(lambda: descriptors(pid) == before, what="every descriptor to be closed")


@needs_root
def test_user_who_passes_too_many_descriptors_is_dropped(shared: Pair):
    pid = shared.pid("stepd")
    shared.hello()
    before = descriptors(pid)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (800, 800))

    def flood() -> bool:
        with protocol.connect(str(shared.run_dir)) as client:
            try:
                for _ in range(400):
                    socket.send_fds(client._socket, [b"\0"], [2] * 2)
            except OSError:
                return True
            try:
                client.receive(10)
            except (OSError, protocol.ProtocolError):
                return True
            return False

    assert as_user(STRANGER, flood)
    wait_for(lambda: descriptors(pid) == before, what="every descriptor to be closed")
    assert answers(shared, "daemon", [step_of(7)]) == ["Invalid job id specified"]


@needs_root
def test_user_with_too_many_connections_locks_out_nobody(shared: Pair):
    pid = shared.pid("stepd")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (200, 200))

    def crowd() -> int:
        """连上许多；返回没有被关上的几条。"""
        clients = [protocol.connect(str(shared.run_dir)) for _ in range(100)]
        open_ones = 0
        for client in clients:
            try:
                client.send([{"op": "hold", "job": 99}])
                open_ones += bool(client.receive(5))
            except ConnectionError:
                continue
        return open_ones

    open_ones = as_user(STRANGER, crowd)
    assert 40 <= open_ones <= 50
    assert shared.submit(1, "#!/bin/sh\nexit 3\n", **THEIRS)["op"] == "started"
    assert shared.ended(1)["status"] == 3 << 8


def test_connection_beyond_the_last_descriptor_is_closed_and_the_next_is_served(personal: Pair):
    personal.hello()
    pid = personal.pid("stepd")
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = descriptors(pid)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, usual[1]))
    with protocol.connect(str(personal.run_dir)) as client, pytest.raises(ConnectionError):
        client.receive(10)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
    assert Owner(personal).step(99)["error"] == "Invalid job id specified"


def test_job_sees_the_limit_its_submitter_had_not_the_one_of_stepd(personal: Pair):
    personal.run(1, "#!/bin/bash\nulimit -Sn; ulimit -Hn\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert personal.output(1).split() == [str(soft), str(hard)]
    pid = personal.pid("stepd")
    assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (hard, hard)


# ---- 太大、太乱的消息 ----


@needs_root
def test_message_of_a_user_has_a_smaller_limit(shared: Pair):
    size = protocol.MAX_OWNER_FRAME + 1

    def send() -> bool:
        with protocol.connect(str(shared.run_dir)) as client:
            client._socket.sendall(struct.pack("!I", size))
            try:
                client.receive(10)
            except (OSError, protocol.ProtocolError):
                return True
            return False

    assert as_user(STRANGER, send)
    assert f"frame of {size} bytes is too long" in shared.log.read_text()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"step"',
        b"{",
        b'{"op": "step", "job": 1e999}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_drops_the_connection_and_nothing_else(personal: Pair, body: bytes):
    personal.submit(7, SLEEPER)
    with protocol.connect(str(personal.run_dir)) as client:
        client._socket.sendall(struct.pack("!I", len(body)) + body)
        try:
            heard = client.receive(10)
        except ConnectionError:
            heard = []
        assert all(message["op"] == "refused" for message in heard)
    assert [job["state"] for job in personal.hello()["jobs"]] == ["running"]


# ---- 终端 ----


def with_terminal(pair: Pair, terminal: int, script: str) -> tuple[Owner, Path]:
    """零号任务拿着这个描述符作终端；返回连接与任务的 stderr。"""
    pair.submit(7, SLEEPER)
    complaints = pair.work / "complaints"
    error = os.open(complaints, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    owner = Owner(pair)
    owner.step(7)
    message = launch_message(pair, script, terminal=1, tasks=[[0, 1, 1, 1]])
    owner.send("launch", (error, terminal), **message)
    os.close(error)
    return owner, complaints


def read_until(control: int, text: bytes) -> bytes:
    seen = b""

    def found() -> bool:
        nonlocal seen
        try:
            seen += os.read(control, 65536)
        except BlockingIOError:
            pass
        return text in seen

    os.set_blocking(control, False)
    wait_for(found, what=f"{text!r} on the terminal; saw {seen!r}")
    return seen


def test_terminal_becomes_the_controlling_one_of_task_zero(personal: Pair):
    control, terminal = os.openpty()
    owner, _ = with_terminal(personal, terminal, "ps -o tty= -p $$; cat </dev/tty; echo left")
    name = os.ttyname(terminal).removeprefix("/dev/")
    os.close(terminal)
    read_until(control, name.encode())
    os.write(control, b"\x03")
    assert owner.expect("exited")["status"] in (signal.SIGINT, (128 + signal.SIGINT) << 8)
    os.close(control)


def test_hang_up_of_the_terminal_ends_the_task(personal: Pair):
    control, terminal = os.openpty()
    owner, _ = with_terminal(personal, terminal, "echo up; exec sleep 100")
    os.close(terminal)
    read_until(control, b"up")
    os.close(control)
    assert owner.expect("exited")["status"] == signal.SIGHUP


def test_what_is_no_terminal_fails_the_task_with_a_sentence(personal: Pair):
    inner, outer = os.pipe()
    owner, complaints = with_terminal(personal, outer, "echo never")
    os.close(outer)
    assert owner.expect("exited")["status"] == 1 << 8
    assert "error: cannot take the terminal: Inappropriate ioctl" in complaints.read_text()
    with os.fdopen(inner, "rb") as stream:
        assert stream.read() == b""


def hold_terminal() -> tuple[int, int, int]:
    """一个会话握着它的控制终端；返回主、从两端与进程号。"""
    control, terminal = os.openpty()
    inner, outer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        os.write(outer, b"+")
        while True:
            signal.pause()
    os.close(outer)
    os.read(inner, 1)
    os.close(inner)
    return control, terminal, pid


def test_terminal_of_another_session_is_not_taken_away(personal: Pair):
    control, terminal, holder = hold_terminal()
    try:
        owner, complaints = with_terminal(personal, terminal, "echo never")
        assert owner.expect("exited")["status"] == 1 << 8
        assert "cannot take the terminal: Operation not permitted" in complaints.read_text()
        assert is_alive(holder)
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        os.close(control)
        os.close(terminal)


def test_client_waits_while_too_many_descriptors_are_on_their_way(personal: Pair, monkeypatch):
    refusals = [errno.ETOOMANYREFS] * 3

    def send_fds(sock: socket.socket, buffers: list[memoryview], fds: list[int]) -> int:
        if refusals:
            raise OSError(refusals.pop(), "Too many references")
        return really(sock, buffers, fds)

    really = socket.send_fds
    monkeypatch.setattr(protocol.socket, "send_fds", send_fds)
    personal.submit(7, SLEEPER, cpus=[0, 1])
    owner = Owner(personal)
    owner.step(7)
    assert owner.run(1, "echo passed") == ([0], "passed\n")
    assert refusals == []
