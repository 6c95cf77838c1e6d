"""`scns top` 在真数据库上：读到什么，不是终端时怎样，终端上按键怎样。"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time

import pytest

from scns.cli.board import data
from tests.clusters import REPOSITORY
from tests.integration.answering import answering, end, start, submit


@pytest.fixture
def alice(database):
    connection = database.connect("u:alice")
    yield connection
    connection.close()


def environment(database, **more: str) -> dict[str, str]:
    return os.environ | {
        "SCNS_DSN": database.dsn("u:root"),
        "PYTHONPATH": str(REPOSITORY),
        "TERM": "xterm",
        **more,
    }


def test_board_has_nodes_jobs_and_totals(database, cursor, site, alice):
    runs, waits = submit(database), submit(database, user="u:alice", name="mine")
    start(cursor, runs, cpus=2, memory=500)
    cursor.execute("UPDATE scns.node SET cpus_alloc = 2, memory_alloc = 500, stepd = true")
    board = data.read(alice)
    assert (board.cluster, board.alive, board.running, board.waiting) == ("scns", False, 1, 1)
    [node] = board.nodes
    assert (node.name, node.cpus, node.cpus_alloc, node.memory_alloc, node.state, node.jobs) == (
        "n1",
        8,
        2,
        500,
        "mixed",
        1,
    )
    assert [(job.label, job.owner, job.state) for job in board.jobs] == [
        (str(runs), "root", "RUNNING"),
        (str(waits), "alice", "PENDING"),
    ]
    assert board.jobs[0].seconds == pytest.approx(3600, abs=60)
    assert (board.jobs[0].cpus, board.jobs[0].memory, board.jobs[0].nodes) == (2, 500, "n1")
    assert [job.name for job in data.read(alice, "alice").jobs] == ["mine"]


def test_waiting_jobs_come_in_the_order_of_their_turn(database, cursor, site, alice):
    last, first = submit(database), submit(database, priority=4294999999)
    assert [job.job_id for job in data.read(alice).jobs] == [first, last]


def test_arrays_count_their_elements(database, cursor, site, alice):
    array = submit(database, array_indices="{[0,30)}", array_limit=2)
    cursor.execute("SELECT id FROM scns.split_array(%s, '{0,1,2}') ORDER BY task", (array,))
    first, second, _ = [row[0] for row in cursor.fetchall()]
    start(cursor, first)
    end(cursor, first)
    start(cursor, second)
    board = data.read(alice)
    assert (board.running, board.waiting) == (1, 28)
    row = next(job for job in board.jobs if job.waiting is not None)
    assert (row.label, row.size, row.done, row.running) == (f"{array}_[3-29%2]", 27, 1, 2)
    assert row.target == {"job": array, "tasks": "{[3,30)}"}
    element = next(job for job in board.jobs if job.job_id == second)
    assert element.target == {"job": array, "tasks": "{[1,2)}"}


def test_plain_text_without_a_terminal(database, cursor, site):
    for at in range(40):
        submit(database, name=f"job{at}")
    found = subprocess.run(
        [sys.executable, "-m", "scns", "top"],
        capture_output=True,
        text=True,
        env=environment(database, COLUMNS="100"),
        timeout=30,
        check=True,
    )
    lines = found.stdout.splitlines()
    assert "\x1b" not in found.stdout
    assert lines[0].startswith("scns scns  0 running, 40 waiting")
    assert lines[2].split()[:3] == ["JOBID", "USER", "NAME"]
    assert len(lines) == 3 + 40
    assert max(map(len, lines)) <= 100


class Screen:
    """一个伪终端里的 `scns top`。"""

    def __init__(self, database, **more: str) -> None:
        self.control, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scns", "top"],
            stdin=terminal,
            stdout=terminal,
            stderr=subprocess.PIPE,
            env=environment(database, COLUMNS="100", LINES="30", **more),
        )
        os.close(terminal)
        self.seen = ""

    def until(self, text: str, seconds: float = 20.0) -> str:
        """等到屏幕上写过这些字；返回至此写的一切，此后重新开始。"""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            if time.monotonic() > deadline:
                pytest.fail(f"the screen never said {text!r}, but {self.seen[-2000:]!r}")
            if select.select([self.control], [], [], 0.1)[0]:
                self.seen += os.read(self.control, 65536).decode("utf-8", "replace")
        seen, self.seen = self.seen, ""
        return seen

    def type(self, keys: str) -> None:
        os.write(self.control, keys.encode())

    def close(self) -> tuple[int, str]:
        self.type("q")
        _, err = self.process.communicate(timeout=20)
        os.close(self.control)
        return self.process.returncode, err.decode()


def test_changes_appear_and_keys_act(database, cursor, site):
    job = submit(database, name="first")
    with answering(database) as daemon:
        screen = Screen(database)
        screen.until("first")
        submit(database, name="second")
        screen.until("second")
        screen.type("j")
        screen.type("c")
        screen.until(f"Cancel job {job} (first, root)? y/n")
        screen.type("y")
        screen.until(f"job {job} is being cancelled")
        assert (daemon.last.verb, daemon.last.target) == ("cancel", [{"job": job}])
        screen.type("fsec\r")
        screen.until("filter: sec")
        screen.type("h")
        screen.until("Keys")
        screen.type("x")
        assert screen.close() == (0, "")


def test_reasons_are_explained_on_a_key(database, cursor, site):
    job = submit(database, hold=True)
    facts = {
        "now": time.time(),
        "job": str(job),
        "name": "job.sh",
        "owner": "root",
        "state": "PENDING",
        "states": {},
        "partition": "main",
        "reason": "JobHeldUser",
        "hold": "user",
        "dependencies": [],
        "begin": None,
    }
    with answering(database, lambda asked: [facts] if asked.verb == "why" else None):
        screen = Screen(database)
        screen.until("JobHeldUser")
        screen.type("w")
        screen.until("Its owner holds it")
        screen.type("x")
        assert screen.close() == (0, "")


def test_refusals_are_told_at_the_bottom(database, cursor, site):
    submit(database)
    refusal = [{"error": "Access/permission denied"}]
    with answering(database, lambda asked: refusal):
        screen = Screen(database)
        screen.until("job.sh")
        screen.type("cy")
        screen.until("Access/permission denied")
        assert screen.close() == (0, "")


def test_no_color_is_respected(database, cursor, site):
    submit(database)
    screen = Screen(database, NO_COLOR="1")
    seen = screen.until("job.sh")
    assert "\x1b[3" not in seen.replace("\x1b[3J", "")
    assert screen.close()[0] == 0


def test_a_lost_terminal_ends_it(database, cursor, site):
    screen = Screen(database)
    screen.until("No jobs.")
    os.close(screen.control)
    _, err = screen.process.communicate(timeout=20)
    assert b"Traceback" not in err
