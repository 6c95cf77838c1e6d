"""作业结束时记什么。"""

from __future__ import annotations

import pytest

from scns.scheduler.outcome import decide, exit_of
from scns.states import JobState


@pytest.mark.parametrize(
    ("status", "expected"), [(None, (0, 0)), (0, (0, 0)), (7 << 8, (7, 0)), (15, (0, 15))]
)
def test_wait_status_becomes_code_and_signal(status, expected):
    assert exit_of(status) == expected


@pytest.mark.parametrize(
    ("outcome", "status", "cause", "state", "reason", "code", "signal", "step"),
    [
        (None, 0, None, "COMPLETED", "None", 0, 0, "COMPLETED"),
        (None, 7 << 8, None, "FAILED", "NonZeroExitCode", 7, 0, "FAILED"),
        (None, 9, None, "FAILED", "JobLaunchFailure", 0, 9, "CANCELLED"),
        (None, 53, "launch", "FAILED", "JobLaunchFailure", 0, 53, "FAILED"),
        (None, 9, "oom", "OUT_OF_MEMORY", "OutOfMemory", 0, 125, "OUT_OF_MEMORY"),
        ("CANCELLED", 15, "killed", "CANCELLED", "None", 0, 15, "CANCELLED"),
        ("CANCELLED", 0, "killed", "CANCELLED", "None", 0, 15, "CANCELLED"),
        ("TIMEOUT", 9, "killed", "TIMEOUT", "TimeLimit", 0, 15, "CANCELLED"),
        (None, None, "lost", "NODE_FAIL", "NodeDown", 0, 0, "CANCELLED"),
    ],
)
def test_every_way_to_end(outcome, status, cause, state, reason, code, signal, step):
    ending = decide(outcome, status, cause, requeue=False)
    assert (ending.state, ending.reason) == (JobState(state), reason)
    assert (ending.exit_code, ending.exit_signal) == (code, signal)
    assert ending.step_state == step
    assert ending.requeue is False


@pytest.mark.parametrize("cause", ["lost", "killed"])
def test_job_ended_by_the_node_is_requeued_when_it_may_be(cause):
    assert decide(None, 15, cause, requeue=True).requeue is True


def test_decided_outcome_wins_over_an_exit_with_zero():
    assert decide("TIMEOUT", 0, None, requeue=True).state == JobState.TIMEOUT


def test_asked_requeue_goes_back_to_the_queue():
    assert decide("REQUEUE", 15, "killed", requeue=True).requeue is True
