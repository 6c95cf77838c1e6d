"""TaskEpilog 与 `--task-prolog`、`--task-epilog`：以用户的身份，在任务前后，不改任务的结局。"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.step_owner import SLEEPER, Owner, step_ended
from tests.integration.stepd_pair import Pair, is_alive, wait_for


@pytest.fixture
def program(pair: Pair) -> Callable[[str, str], str]:
    """写一个程序，返回它的路径；`$NOTES` 是记录。"""

    def write(name: str, body: str) -> str:
        path = pair.work / name
        path.write_text(f"#!/bin/bash\nNOTES={pair.work}/notes\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return write


Write = Callable[[str, str], str]


def notes(pair: Pair) -> list[str]:
    path = pair.work / "notes"
    return path.read_text().splitlines() if path.exists() else []


def sleeping(pair: Pair, **programs: Any) -> None:
    """一个分到两个 CPU 的作业，它的步用这些程序。"""
    pair.submit(7, SLEEPER, cpus=[0, 1], **programs)


SHOW = "echo $SLURM_SCRIPT_CONTEXT $SLURM_JOB_ID $SLURM_TASK_PID $KEPT $PWD >> $NOTES"


def test_program_runs_after_the_script_in_its_environment_and_directory(pair: Pair, program: Write):
    body = "#!/bin/sh\necho task $$ $SLURM_TASK_PID\n"
    ended = pair.run(1, body, task_epilog=program("after", f"{SHOW}\ncat; id -u >> $NOTES"))
    assert ended["status"] == 0
    _, own, told = pair.output(1).split()
    assert own == told
    assert notes(pair) == [f"epilog_task 1 {own} yes {pair.work}", str(os.geteuid())]


@pytest.mark.parametrize(
    ("body", "status"), [("exit 7", 7 << 8), ("kill -9 $$", 9), ("kill -SEGV $$", 11)]
)
def test_result_of_the_script_is_kept(pair: Pair, program: Write, body: str, status: int):
    ended = pair.run(
        1, f"#!/bin/sh\n{body}\n", task_epilog=program("after", "echo ran >> $NOTES"), limits={}
    )
    assert (ended["status"] & ~0x80, ended["cause"]) == (status, None)
    assert notes(pair) == ["ran"]


@pytest.mark.parametrize(
    ("body", "status"), [("exit 3", 3 << 8), ("kill -9 $$", 9), (None, 127 << 8)]
)
def test_failure_is_told_and_changes_nothing(
    pair: Pair, program: Write, body: str | None, status: int
):
    path = "/nonexistent/after" if body is None else program("after", body)
    assert pair.run(1, "#!/bin/sh\necho out\n", task_epilog=path)["status"] == 0
    lines = pair.output(1).splitlines()
    assert (lines[0], lines[-1]) == (
        "out",
        f"slurmstepd-n1: error: TaskEpilog failed status={status}",
    )


def test_its_output_goes_nowhere_and_its_complaints_to_the_task(pair: Pair, program: Write):
    pair.run(1, "#!/bin/sh\necho out\n", task_epilog=program("after", "echo no; echo yes >&2"))
    assert pair.output(1) == "out\nyes\n"


def test_script_that_cannot_start_is_told_as_ever(pair: Pair, program: Write):
    after = program("after", "echo ran >> $NOTES")
    ended = pair.run(1, "#!/nonexistent/sh\n", task_epilog=after)
    assert ended["status"] == 2 << 8
    assert "bad interpreter" in pair.output(1)
    ended = pair.run(2, "#!/bin/sh\n", task_epilog=after, stdin="/nonexistent/in")
    assert (ended["cause"], "/nonexistent/in" in ended["error"]) == ("launch", True)


def test_program_runs_when_the_job_is_killed_and_its_grace_is_bounded(pair: Pair, program: Write):
    after = program("after", "echo $$ >> $NOTES; sleep 100")
    pair.submit(1, "#!/bin/sh\necho $$\nexec sleep 100\n", task_epilog=after)
    [script] = pair.pids_in(1)
    pair.order("kill", 1, grace=1.0, message=None)
    wait_for(lambda: notes(pair), what="the epilog to run")
    assert not is_alive(script)
    ended = pair.ended(1)
    assert ended["cause"] == "killed"
    assert not is_alive(int(notes(pair)[0]))


def test_signal_for_the_script_reaches_it_and_not_what_waits_for_it(pair: Pair, program: Write):
    script = "#!/bin/sh\ntrap 'echo got' USR1\necho up\nwhile :; do sleep 0.02; done\n"
    pair.submit(1, script, task_epilog=program("after", "echo ran >> $NOTES"))
    wait_for(lambda: pair.output(1) == "up\n")
    pair.order("signal", 1, signal=int(signal.SIGUSR1), scope="batch")
    wait_for(lambda: "got" in pair.output(1))
    pair.order("signal", 1, signal=int(signal.SIGTERM), scope="all")
    assert pair.ended(1)["status"] == signal.SIGTERM
    assert notes(pair) == ["ran"]


def test_end_of_the_script_is_known_to_the_successor_of_stepd(pair: Pair, program: Write):
    script = f"#!/bin/sh\nwhile [ ! -e {pair.work}/go ]; do sleep 0.02; done\nexit 6\n"
    pair.submit(1, script, task_epilog=program("after", "echo ran >> $NOTES"))
    pair.hello()
    pair.kill("stepd")
    (pair.work / "go").touch()
    assert pair.ended(1)["status"] == 6 << 8
    assert notes(pair) == ["ran"]


def test_both_run_around_each_task_of_a_step_the_own_ones_inside(pair: Pair, program: Write):
    say = "echo {} $SLURM_PROCID >> $NOTES"
    site = {
        "task_prolog": program("sp", say.format("site-before")),
        "task_epilog": program("se", say.format("site-after")),
    }
    own = {
        "task_prolog": program("op", say.format("before") + "\necho export ADDED=here"),
        "task_epilog": program("oe", say.format("after")),
    }
    sleeping(pair, **site)
    owner = Owner(pair)
    owner.step(7, 2)
    statuses, text = owner.run(2, "echo $ADDED; exit $SLURM_PROCID", **own)
    assert (statuses, text) == ([0, 1 << 8], "here\nhere\n")
    for task in (0, 1):
        words = [line.split()[0] for line in notes(pair) if line.endswith(f" {task}")]
        assert words == ["site-before", "before", "after", "site-after"]


def test_step_does_not_end_before_its_program_has(pair: Pair, program: Write):
    sleeping(pair)
    owner = Owner(pair)
    owner.step(7)
    gate = pair.work / "gate"
    os.mkfifo(gate)
    owner.launch(1, "exit 3", task_epilog=program("after", f"echo at >> $NOTES; read < {gate}"))
    wait_for(lambda: notes(pair) == ["at"])
    assert [one["op"] for one in pair.hello()["steps"]] == ["step_started"]
    Path(gate).write_text("go\n")
    assert owner.expect("exited")["status"] == 3 << 8
    assert step_ended(pair, 0)["status"] == 3 << 8


def test_signal_of_the_step_reaches_the_task_once(pair: Pair, program: Write):
    sleeping(pair)
    owner = Owner(pair)
    owner.step(7)
    path = owner.launch(
        1,
        "trap 'echo got' USR1; echo up; while :; do sleep 0.02; done",
        task_epilog=program("after", "echo ran >> $NOTES"),
    )
    wait_for(lambda: path.read_text() == "up\n")
    owner.send("forward", signal=int(signal.SIGUSR1))
    wait_for(lambda: "got" in path.read_text())
    owner.send("finish", grace=5.0)
    assert owner.expect("exited")["status"] == signal.SIGTERM
    assert path.read_text().count("got") == 1
    assert notes(pair) == ["ran"]


@pytest.mark.parametrize("field", ["task_prolog", "task_epilog"])
def test_name_of_a_program_that_is_no_text_is_refused(pair: Pair, job: int, field: str):
    owner = Owner(pair)
    owner.step(job)
    owner.launch(1, "true", **{field: ["/bin/true"]})
    assert field in owner.expect("refused")["error"]
