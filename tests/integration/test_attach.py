"""旁听一步：stepd 说得出输出在哪里、任务怎样结束；旁听的走了什么也不变。"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.step_owner import Owner
from tests.integration.stepd_pair import Message, Pair, is_alive, wait_for


def attach(pair: Pair, job: int, step: int | None = 0) -> tuple[Owner, Message]:
    listener = Owner(pair)
    listener.send("attach", job=job, step=step)
    return listener, listener.expect("attached", "refused")


def gated(pair: Pair, tasks: int, **changes: Any) -> tuple[Owner, Path]:
    """一步，任务等到门开了，以自己的任务号为退出码。"""
    owner = Owner(pair)
    owner.step(7, tasks)
    gate = pair.work / "gate"
    body = f"while [ ! -e {gate} ]; do sleep 0.02; done; exit $SLURM_PROCID"
    owner.launch(tasks, body, **changes)
    owner.expect("launched")
    return owner, gate


def test_listener_is_told_how_each_task_ends(pair: Pair, job: int):
    owner, gate = gated(pair, 2)
    listener, attached = attach(pair, job)
    assert (attached["node"], len(attached["tasks"])) == ("n1", 2)
    gate.touch()
    told = [listener.expect("exited") for _ in range(2)]
    assert {one["task"]: one["status"] for one in told} == {0: 0, 1: 1 << 8}
    listener.expect("finished")
    owner.expect("finished")


def test_task_that_ended_before_is_told_too(pair: Pair, job: int):
    owner = Owner(pair)
    owner.step(job, 2)
    owner.launch(2, "[ $SLURM_PROCID = 1 ] && exit 5; exec sleep 100")
    assert owner.expect("exited")["task"] == 1
    listener, _ = attach(pair, job)
    assert listener.expect("exited")["status"] == 5 << 8


def test_outputs_are_named_where_they_are_files(pair: Pair, job: int):
    inner, outer = os.pipe()
    regular = os.open(pair.work / "shared", os.O_WRONLY | os.O_CREAT)
    null = os.open(os.devnull, os.O_WRONLY)
    owner = Owner(pair)
    owner.step(job, 2)
    streams = [[0, None, 1, "own"], [0, None, 2, 3]]
    message = {
        "programs": [["/bin/sleep", "100"]],
        "tasks": streams,
        "environment": "",
        "directory": str(pair.work),
        "umask": 0o022,
        "append": False,
        "limits": {},
    }
    owner.send("launch", (2, regular, null, outer), **message)
    owner.expect("launched")
    for descriptor in (inner, outer, regular, null):
        os.close(descriptor)
    _, attached = attach(pair, job)
    files = [str(pair.work / "shared"), str(pair.work / "own")]
    assert (attached["files"], attached["tasks"]) == (files, [[0, 1], [None, False]])


def test_script_is_listened_to_until_its_job_is_over(pair: Pair):
    gate = pair.work / "gate"
    script = f"#!/bin/sh\nwhile [ ! -e {gate} ]; do sleep 0.02; done; exit 4\n"
    pair.submit(7, script, stderr=str(pair.work / "err"))
    listener, attached = attach(pair, 7, None)
    assert attached["files"] == [str(pair.work / "out7"), str(pair.work / "err")]
    assert attached["tasks"] == [[0, 1]]
    gate.touch()
    assert listener.expect("exited")["status"] == 4 << 8
    listener.expect("finished")


def test_step_that_is_not_there_is_refused(pair: Pair, job: int):
    owner = Owner(pair)
    assert attach(pair, job, 0)[1]["error"] == "Invalid job id specified"
    assert attach(pair, 99, 0)[1]["error"] == "Invalid job id specified"
    owner.step(job)
    assert "not been launched" in attach(pair, job, 0)[1]["error"]
    owner.run(1, "true")
    completed = "Job/step already completing or completed"
    assert attach(pair, job, 0)[1]["error"] == completed
    assert attach(pair, job, 1)[1]["error"] == "Invalid job id specified"


def test_allocation_without_script_has_none_to_listen_to(pair: Pair):
    message = pair.spec(8, "", op="allocate", held=False, cpus=[0], stdout=None)
    pair.client.send([message])
    pair.expect(lambda m: m.get("job") == 8)
    assert attach(pair, 8, None)[1]["error"] == "Invalid job id specified"


def test_listener_that_leaves_changes_nothing(pair: Pair, job: int):
    owner, gate = gated(pair, 1)
    listeners = [attach(pair, job)[0] for _ in range(3)]
    pid = pair.hello()["jobs"][0]["pid"]
    for listener in listeners[:2]:
        listener.close()
    pair.hello()
    assert is_alive(pid)
    gate.touch()
    assert owner.expect("exited")["status"] == 0
    listeners[2].expect("finished")


def test_connection_does_one_thing_at_a_time(pair: Pair, job: int):
    owner, _ = gated(pair, 1)
    listener, _ = attach(pair, job)
    listener.send("attach", job=job, step=0)
    assert "one step" in listener.expect("refused")["error"]
    assert "one step" in listener.step(job)["error"]
    owner.send("attach", job=job, step=0)
    assert "one step" in owner.expect("refused")["error"]


@pytest.mark.parametrize("step", [-1, "0", 1.5, True, [0]])
def test_step_that_is_no_number_is_refused(pair: Pair, job: int, step: Any):
    listener = Owner(pair)
    listener.send("attach", job=job, step=step)
    assert "step" in listener.expect("refused")["error"]


def test_listener_hears_of_the_end_of_the_job(pair: Pair, job: int):
    _, _ = gated(pair, 1)
    listener, _ = attach(pair, job)
    pair.order("kill", job, grace=5.0, message=None)
    listener.expect("finished")
    wait_for(lambda: pair.ended(job), what="the job to end")
