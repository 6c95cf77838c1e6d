"""Prolog 与 Epilog：真的 stepd，以及 scnsd 怎样对待它的报告。"""

from __future__ import annotations

import getpass
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scns.states import JobState
from tests.integration.rounds import rows, run
from tests.integration.step_owner import Owner
from tests.integration.stepd_pair import MODES, Pair, is_alive, wait_for, words_of

#: scnsd 给的、Prolog 与 Epilog 也要的变量。
VARIABLES = {
    "SLURM_JOB_ID": "1",
    "SLURM_JOB_NAME": "$(touch pwned) a\tb",
    "SLURM_JOB_PARTITION": "main",
    "SLURM_JOB_NODELIST": "n1",
    "SLURM_CLUSTER_NAME": "bench",
    "LD_PRELOAD": "/nonexistent.so",
}


class Stage:
    """放 Prolog、Epilog 与它们的记录的目录，以及用它们的一对。"""

    def __init__(self, directory: Path, mode: str) -> None:
        self.directory = directory
        self.notes = directory / "notes"
        self._mode = mode
        self._pairs: list[Pair] = []

    def program(self, name: str, body: str) -> Path:
        """写一个程序；`$NOTES` 是记录。"""
        path = self.directory / name
        path.write_text(f"#!/bin/bash\nNOTES={self.notes}\n{body}\n")
        path.chmod(0o755)
        return path

    def start(self, prolog: str | None = None, epilog: str | None = None, *more: str) -> Pair:
        """用这两个程序的一对。"""
        words = words_of(self._mode)
        if prolog is not None:
            words += ["--prolog", str(self.program("prolog", prolog))]
        if epilog is not None:
            words += ["--epilog", str(self.program("epilog", epilog))]
        pair = Pair(*words, *more)
        self._pairs.append(pair)
        return pair

    def lines(self) -> list[str]:
        """记录的各行。"""
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def close(self) -> None:
        """停下各对。"""
        for pair in self._pairs:
            pair.close()


@pytest.fixture(params=MODES)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, request.param)
    yield made
    made.close()


def script(stage: Stage, body: str = "") -> str:
    return f"#!/bin/bash\necho script >> {stage.notes}\n{body}\n"


def told(stage: Stage, word: str) -> Callable[[], bool]:
    return lambda: any(line.startswith(word) for line in stage.lines())


def pid_after(stage: Stage, word: str) -> int:
    """记录里 `word PID` 的那一行的进程号。"""
    wait_for(told(stage, word), what=f"{word} in the notes")
    return next(int(line.split()[1]) for line in stage.lines() if line.startswith(word))


def test_prolog_script_and_epilog_run_in_this_order(stage: Stage):
    pair = stage.start("echo prolog >> $NOTES", "echo epilog >> $NOTES")
    ended = pair.run(1, script(stage, "sleep 60 & exit 3"))
    assert stage.lines() == ["prolog", "script", "epilog"]
    assert (ended["status"], ended["cause"], "epilog" in ended) == (3 << 8, None, False)
    assert list((pair.home / "spool" / "hooks").iterdir()) == []


def test_both_see_the_job_and_nothing_else(stage: Stage):
    show = (
        "streams=$(readlink /proc/$$/fd/0 /proc/$$/fd/1)\n"
        "{ tr '\\0' '\\n' < /proc/$$/environ; echo \"$streams\"; pwd; } > $NOTES."
    )
    pair = stage.start(f"{show}before", f"{show}after")
    pair.run(1, script(stage, "exit 3"), variables=VARIABLES)
    common = {
        "SLURM_JOB_ID=1",
        "SLURM_JOB_NAME=$(touch pwned) a\tb",
        "SLURM_JOB_PARTITION=main",
        "SLURM_JOB_NODELIST=n1",
        "SLURM_CLUSTER_NAME=bench",
        f"SLURM_JOB_USER={getpass.getuser()}",
        f"SLURM_JOB_UID={os.geteuid()}",
        f"SLURM_JOB_GID={os.getegid()}",
        "SLURMD_NODENAME=n1",
        "PATH=/usr/bin:/bin",
        "/dev/null",
        "/",
    }
    before = set(Path(f"{stage.notes}.before").read_text().splitlines())
    after = set(Path(f"{stage.notes}.after").read_text().splitlines())
    assert before == common | {"SLURM_SCRIPT_CONTEXT=prolog_slurmd"}
    assert after == common | {
        "SLURM_SCRIPT_CONTEXT=epilog_slurmd",
        "SLURM_JOB_EXIT_CODE=768",
        "SLURM_JOB_EXIT_CODE2=3:0",
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("exit 7", "exited with 7"),
        ("kill -9 $$", "was killed by signal 9"),
        ("sleep 60", "took longer than 1 seconds"),
    ],
)
def test_script_does_not_start_when_the_prolog_fails(stage: Stage, body: str, reason: str):
    pair = stage.start(body, "echo epilog >> $NOTES", "--hook-timeout", "1")
    ended = pair.run(1, script(stage))
    assert ended["cause"] == "prolog"
    assert reason in ended["error"]
    assert stage.lines() == ["epilog"]
    assert reason in pair.log.read_text()


def test_missing_prolog_counts_as_failed(stage: Stage):
    pair = stage.start(None, None, "--prolog", "/nonexistent/prolog")
    assert pair.run(1, script(stage))["cause"] == "prolog"
    assert stage.lines() == []
    assert "cannot run /nonexistent/prolog: No such file or directory" in pair.log.read_text()


def test_prolog_keeps_nobody_waiting_and_a_kill_ends_it(stage: Stage):
    pair = stage.start("[ $SLURM_JOB_ID = 2 ] && exit 0\necho at $$ >> $NOTES\nsleep 600")
    pair.submit(1, script(stage))
    prolog = pid_after(stage, "at")
    assert pair.run(2, "#!/bin/sh\nexit 5\n")["status"] == 5 << 8
    pair.order("kill", 1, grace=5, message=None)
    ended = pair.ended(1)
    assert (ended["status"], ended["cause"]) == (signal.SIGTERM, "killed")
    wait_for(lambda: not is_alive(prolog), what="the prolog to die")
    assert "script" not in stage.lines()


def test_signals_of_the_user_do_not_reach_the_prolog(stage: Stage):
    pair = stage.start("echo at $$ >> $NOTES\nread < $NOTES.fifo")
    os.mkfifo(f"{stage.notes}.fifo")
    pair.submit(1, script(stage))
    pid_after(stage, "at")
    for scope in ("batch", "all"):
        pair.order("signal", 1, signal=int(signal.SIGKILL), scope=scope)
    pair.hello()
    Path(f"{stage.notes}.fifo").write_text("go\n")
    assert pair.ended(1)["cause"] is None
    assert "script" in stage.lines()


def test_script_cannot_feign_a_failed_prolog(stage: Stage):
    pair = stage.start("exit 0")
    assert pair.run(1, script(stage, "kill -53 $$"))["cause"] == "launch"


def test_prolog_goes_on_when_stepd_dies_and_the_script_runs_once(stage: Stage):
    pair = stage.start("echo at $$ >> $NOTES\nread < $NOTES.fifo")
    os.mkfifo(f"{stage.notes}.fifo")
    pair.submit(1, script(stage))
    pid_after(stage, "at")
    pair.kill("stepd")
    assert [job["job"] for job in pair.hello()["jobs"]] == [1]
    Path(f"{stage.notes}.fifo").write_text("go\n")
    assert pair.ended(1)["cause"] is None
    assert stage.lines().count("script") == 1


def test_failure_is_known_to_the_successor_of_stepd(stage: Stage):
    pair = stage.start("echo at $$ >> $NOTES\nread < $NOTES.fifo; exit 1")
    os.mkfifo(f"{stage.notes}.fifo")
    pair.submit(1, script(stage))
    pid_after(stage, "at")
    pair.kill("stepd")
    pair.hello()
    Path(f"{stage.notes}.fifo").write_text("go\n")
    assert pair.ended(1)["cause"] == "prolog"
    assert "script" not in stage.lines()


def test_task_prolog_changes_the_environment_and_the_output_of_the_script(stage: Stage):
    pair = stage.start()
    program = stage.program(
        "task",
        "echo export ADDED=a=b c; echo unset GONE; echo print for $SLURM_JOB_ID in $KEPT\n"
        "echo nonsense; echo export; cat; id -u > $NOTES",
    )
    body = "echo $ADDED-$KEPT-${GONE-unset}-${SLURM_SCRIPT_CONTEXT-unset}"
    pair.run(1, f"#!/bin/sh\n{body}\n", task_prolog=str(program))
    assert pair.output(1) == "for 1 in yes\na=b c-yes-unset-unset\n"
    assert stage.lines() == [str(os.geteuid())]


@pytest.mark.parametrize(("body", "code"), [("exit 7", 7), ("kill -9 $$", 1)])
def test_script_does_not_run_when_the_task_prolog_fails(stage: Stage, body: str, code: int):
    pair = stage.start()
    ended = pair.run(1, script(stage), task_prolog=str(stage.program("task", body)))
    assert (ended["status"], ended["cause"]) == (code << 8, None)
    assert "slurmstepd-n1: error: TaskProlog failed status=" in pair.output(1)
    assert stage.lines() == []


def test_missing_task_prolog_fails_the_script_only(stage: Stage):
    pair = stage.start()
    ended = pair.run(1, script(stage), task_prolog="/nonexistent/task")
    assert (ended["status"], ended["cause"]) == (127 << 8, None)
    assert "/nonexistent/task: No such file or directory" in pair.output(1)


def test_task_prolog_runs_before_each_task_of_a_step(stage: Stage):
    pair = stage.start()
    program = stage.program("task", "echo export NUMBER=n$SLURM_PROCID")
    pair.submit(1, "#!/bin/sh\nsleep 600\n", cpus=[0, 1], task_prolog=str(program))
    for _ in range(2):
        owner = Owner(pair)
        assert owner.step(1, 2)["op"] == "created"
        statuses, text = owner.run(2, "echo $NUMBER")
        owner.close()
        assert (statuses, sorted(text.split())) == ([0, 0], ["n0", "n1"])
        pair.kill("stepd")
    pair.order("kill", 1, grace=1, message=None)
    pair.ended(1)


def test_failed_epilog_is_reported_and_leaves_the_result_alone(stage: Stage):
    pair = stage.start(None, "exit 1")
    ended = pair.run(1, script(stage, "exit 3"))
    assert (ended["status"], ended["cause"], ended["epilog"]) == (3 << 8, None, "failed")


def test_epilog_that_takes_too_long_is_killed(stage: Stage):
    pair = stage.start(None, "echo at $$ >> $NOTES\nsleep 600", "--hook-timeout", "1")
    pair.submit(1, script(stage))
    epilog = pid_after(stage, "at")
    pair.order("kill", 1, grace=0, message=None)  # 它不归作业的主人管
    assert pair.run(2, "#!/bin/sh\nexit 5\n")["status"] == 5 << 8
    ended = pair.ended(1)
    assert (ended["status"], ended["cause"], ended["epilog"]) == (0, None, "failed")
    assert not is_alive(epilog)


def test_epilog_is_done_again_when_stepd_dies_during_it(stage: Stage):
    body = "[ -e $NOTES.again ] && echo second $SLURM_JOB_PARTITION >> $NOTES && exit 0\n"
    pair = stage.start(None, body + "touch $NOTES.again; echo at $$ >> $NOTES; exec sleep 600")
    pair.submit(1, script(stage, "exit 3"), variables=VARIABLES)
    epilog = pid_after(stage, "at")
    pair.kill("stepd")
    # 重新连上之前就可能做完了，那时结局在 welcome 里
    (told_of,) = pair.hello()["jobs"]
    ended = told_of if told_of.get("op") == "ended" else pair.ended(1)
    assert (ended["status"], "epilog" in ended) == (3 << 8, False)
    assert stage.lines() == ["script", f"at {epilog}", "second main"]
    assert not is_alive(epilog)


def standing(cursor: Any) -> tuple[Any, ...]:
    cursor.execute("SELECT drain, reason FROM scns.node")
    return tuple(cursor.fetchone())


@pytest.mark.parametrize("requeue", [True, False])
def test_failed_prolog_holds_the_job_and_drains_the_node(cursor, scheduler, stepd, submit, requeue):
    job = submit(requeue=requeue)
    run(scheduler)
    stepd.end(job, status=53, cause="prolog")
    run(scheduler)
    assert rows(cursor, "state, hold, reason") == [
        (JobState.PENDING.value, "requeue", "launch failed requeued held")
    ]
    assert standing(cursor) == (True, "Prolog error")
    other = submit()
    run(scheduler)
    assert rows(cursor, "state", f"id = {other}") == [("PENDING",)]


def test_cancelled_job_stays_cancelled_when_its_prolog_fails(cursor, scheduler, stepd, submit):
    job = submit()
    run(scheduler)
    cursor.execute("UPDATE scns.job SET outcome = 'CANCELLED' WHERE id = %s", (job,))
    stepd.end(job, status=53, cause="prolog")
    run(scheduler)
    cursor.execute("SELECT state FROM scns.job WHERE id = %s", (job,))
    assert cursor.fetchone() == ("CANCELLED",)


def test_failed_epilog_drains_the_node_and_keeps_the_result(cursor, scheduler, stepd, submit):
    job = submit()
    run(scheduler)
    stepd.end(job)
    stepd.ended[job, 1]["epilog"] = "failed"
    run(scheduler)
    cursor.execute("SELECT state, exit_code FROM scns.job WHERE id = %s", (job,))
    assert cursor.fetchone() == ("COMPLETED", 0)
    assert standing(cursor) == (True, "Epilog error")


def test_reason_of_an_administrator_is_kept(cursor, scheduler, stepd, submit):
    job = submit()
    run(scheduler)
    cursor.execute("UPDATE scns.node SET drain = true, reason = 'new disk'")
    stepd.end(job, status=53, cause="prolog")
    run(scheduler)
    assert standing(cursor) == (True, "new disk")
