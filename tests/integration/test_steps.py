"""作业步与没有脚本的分配：真的 stepd，真的进程，描述符真的递过去。"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from tests.integration.step_owner import Owner, step_ended
from tests.integration.stepd_pair import Message, Pair, is_alive, wait_for


def test_tasks_run_with_their_numbers_in_the_passed_descriptors(pair: Pair, job: int):
    owner = Owner(pair)
    created = owner.step(job, 2, None)
    assert (created["step"], created["node"], created["cpus"]) == (0, "n1", 2)
    assert created["variables"] == {"SLURM_JOB_ID": "7", "SLURM_X": "x"}
    statuses, text = owner.run(2, "echo $SLURM_PROCID; exit $SLURM_PROCID")
    assert statuses == [0, 1 << 8]
    assert sorted(text.split()) == ["0", "1"]
    ended = step_ended(pair, 0)
    assert (ended["status"], ended["name"], ended["tasks"]) == (1 << 8, "stp", 2)
    assert not ended["killed"]


def test_step_numbers_count_up_and_are_not_reused_by_the_next_stepd(pair: Pair, job: int):
    for expected in range(2):
        owner = Owner(pair)
        assert owner.step(job)["step"] == expected
        owner.run(1, "true")
        step_ended(pair, expected)
        pair.order("step_ack", job, step=expected)
    pair.hello()
    pair.kill("stepd")
    assert Owner(pair).step(job)["step"] == 2


def test_step_that_does_not_fit_waits_for_its_turn(pair: Pair, job: int):
    first, second = Owner(pair), Owner(pair)
    first.step(job, 1, None)
    assert second.step(job, 1, 1)["op"] == "waiting"
    third = Owner(pair)
    assert third.step(job, 1, 0)["op"] == "created"  # --overlap 不等
    fourth = Owner(pair)
    assert fourth.step(job, 1, 1, immediate=True)["error"] == "Requested nodes are busy"
    first.run(1, "true")
    assert second.expect("created")["step"] == 2


def test_steps_that_fit_run_beside_each_other(pair: Pair, job: int):
    owners = [Owner(pair) for _ in range(3)]
    answers = [owner.step(job, 1, 1)["op"] for owner in owners]
    assert answers == ["created", "created", "waiting"]


def test_step_larger_than_the_job_is_refused(pair: Pair, job: int):
    refused = Owner(pair).step(job, 3)
    assert refused["error"] == "More processors requested than permitted"


def test_job_that_is_not_running_is_refused(pair: Pair):
    assert Owner(pair).step(99)["error"] == "Invalid job id specified"


def test_step_ends_with_its_connection(pair: Pair, job: int):
    owner = Owner(pair)
    owner.step(job)
    path = owner.launch(1, "echo $$; sleep 100 & echo $!; wait")
    pids = wait_for(lambda: len(path.read_text().split()) == 2 and path.read_text().split())
    owner.close()
    ended = step_ended(pair, 0)
    assert ended["killed"]
    assert not any(is_alive(int(pid)) for pid in pids)
    assert pair.hello()["jobs"][0]["state"] == "running"


def test_what_a_task_leaves_behind_ends_with_the_step(pair: Pair, job: int):
    owner = Owner(pair)
    owner.step(job)
    statuses, text = owner.run(1, "setsid sleep 100 >/dev/null 2>&1 & echo $!")
    assert statuses == [0]
    assert not is_alive(int(text))


def test_signal_reaches_only_its_step(pair: Pair, job: int):
    owners = [Owner(pair), Owner(pair)]
    paths = []
    for owner in owners:
        owner.step(job)
        paths.append(owner.launch(1, "trap 'exit 9' USR1; echo up; while :; do sleep 0.01; done"))
    for path in paths:
        wait_for(lambda path=path: path.read_text() == "up\n")
    owners[0].send("forward", signal=int(signal.SIGUSR1))
    assert owners[0].expect("exited")["status"] == 9 << 8
    pair.order("signal", job, signal=int(signal.SIGKILL), step=1)
    assert os.WIFSIGNALED(owners[1].expect("exited")["status"])
    assert step_ended(pair, 1)["killed"]


def test_steps_end_with_the_job_and_are_reported_before_it(pair: Pair, job: int):
    owner, waiting = Owner(pair), Owner(pair)
    owner.step(job, 2, None)
    owner.launch(2, "sleep 100")
    owner.expect("launched")
    assert waiting.step(job)["op"] == "waiting"
    pair.order("kill", job, grace=5.0, message="*** JOB 7 ON n1 CANCELLED ***")
    assert owner.expect("ending")["line"] == "*** STEP 7.0 ON n1 CANCELLED ***"
    assert "completing" in waiting.expect("refused")["error"]
    order = [pair.expect(lambda m: m["op"] in ("step_ended", "ended"))["op"] for _ in range(2)]
    assert order == ["step_ended", "ended"]


def test_program_that_is_not_there_is_told_and_ends_with_its_error_number(pair: Pair, job: int):
    owner = Owner(pair)
    owner.step(job)
    statuses, text = owner.run(1, "", programs=[["nosuch"]])
    assert statuses == [2 << 8]
    assert text == "slurmstepd-n1: error: execve(): nosuch: No such file or directory\n"


def test_tasks_open_their_own_files(pair: Pair, job: int):
    owner = Owner(pair)
    owner.step(job, 2, None)
    files = [str(pair.work / f"f{task}") for task in range(2)]
    owner.run(2, "echo $SLURM_PROCID", tasks=[[0, None, name, name] for name in files])
    assert [Path(name).read_text() for name in files] == ["0\n", "1\n"]


def test_step_survives_no_stepd_but_its_end_is_told_by_the_next(pair: Pair, job: int):
    owner = Owner(pair)
    owner.step(job)
    path = owner.launch(1, "echo $$; exec sleep 100")
    pid = int(wait_for(lambda: path.read_text().strip()))
    pair.kill("stepd")
    # 接手的 stepd 可能在连上之前就收拾好了，那就在名单里
    reported = wait_for(lambda: [one for one in pair.hello()["steps"] if one.get("ended")])
    assert [(one["step"], one["killed"]) for one in reported] == [(0, True)]
    assert not is_alive(pid)


def test_malformed_requests_are_refused_and_hurt_nobody(pair: Pair, job: int):
    owner = Owner(pair)
    for fields in ({}, {"job": "x"}, {"job": job}, {"job": job, "name": 1, "tasks": -1}):
        owner.send("step", **fields)
        owner.expect("refused")
    owner.send("launch")
    owner.expect("refused")
    owner.send("release", status=0)
    owner.expect("refused")
    owner.step(job)
    owner.send("launch", (2,), programs=[[]], tasks=[])
    owner.expect("refused")
    assert owner.run(1, "true")[0] == [0]


# ---- 没有脚本的分配 ----


def allocate(pair: Pair, job: int, **changes: Any) -> Message:
    message = pair.spec(job, "", op="allocate", held=True, cpus=[0], stdout=None)
    pair.client.send([message | changes])
    return pair.expect(lambda m: m.get("job") == job)


def test_allocation_ends_as_its_holder_says(pair: Pair):
    assert allocate(pair, 8)["op"] == "started"
    holder, runner = Owner(pair), Owner(pair)
    holder.send("hold", job=8)
    assert holder.expect("held")["variables"] == {"SLURM_JOB_ID": "8"}
    runner.step(8)
    assert runner.run(1, "echo in")[1] == "in\n"
    holder.send("release", status=4 << 8)
    holder.expect("revoked")
    ended = pair.ended(8)
    assert (ended["status"], ended["cause"]) == (4 << 8, None)


def test_allocation_ends_when_its_holder_is_gone(pair: Pair):
    allocate(pair, 8)
    holder, runner = Owner(pair), Owner(pair)
    holder.send("hold", job=8)
    holder.expect("held")
    runner.step(8)
    path = runner.launch(1, "echo $$; exec sleep 100")
    pid = int(wait_for(lambda: path.read_text().strip()))
    holder.close()
    assert pair.ended(8)["cause"] == "unheld"
    assert not is_alive(pid)


def test_allocation_is_held_by_one(pair: Pair, job: int):
    allocate(pair, 8)
    holder, other = Owner(pair), Owner(pair)
    holder.send("hold", job=8)
    holder.expect("held")
    for number in (8, job):
        other.send("hold", job=number)
        assert other.expect("refused")["error"] == "Access/permission denied"


def test_allocation_without_holder_stays_until_it_is_ended(pair: Pair):
    allocate(pair, 8, held=False)
    pair.order("kill", 8, grace=1.0, message=None)
    assert pair.ended(8)["cause"] == "killed"


def test_allocation_outlives_stepd_when_it_is_held_again(pair: Pair):
    allocate(pair, 8)
    first = Owner(pair)
    first.send("hold", job=8)
    first.expect("held")
    pair.kill("stepd")
    holder = Owner(pair)
    holder.send("hold", job=8)
    holder.expect("held")
    holder.send("release", status=0)
    assert pair.ended(8)["status"] == 0


def test_step_is_not_over_while_what_it_left_ignores_the_signal(pair: Pair, job: int):
    owner = Owner(pair)
    owner.step(job)
    left = "(trap '' TERM; echo $BASHPID; while :; do sleep 0.05; done) & "
    path = owner.launch(1, "", programs=[["/bin/bash", "-c", f"{left} wait"]])
    pid = int(wait_for(lambda: path.read_text().strip()))
    owner.send("finish", grace=0.2)
    owner.expect("finished")
    assert step_ended(pair, 0)["killed"]
    assert not is_alive(pid)
