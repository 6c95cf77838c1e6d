"""作业步的 GPU：各占各的，不够就等，没有说的看得见作业的全部。"""

from __future__ import annotations

import pytest

from tests.integration.step_owner import SLEEPER, Owner, step_ended
from tests.integration.stepd_pair import Pair


@pytest.fixture
def gpu_job(pair: Pair) -> int:
    """有两个 CPU、两块 GPU 的作业。"""
    variables = {"SLURM_JOB_ID": "7", "SLURM_JOB_GPUS": "2,5"}
    pair.submit(7, SLEEPER, cpus=[0, 1], variables=variables)
    return 7


def test_steps_hold_different_gpus_and_a_third_one_waits(pair: Pair, gpu_job: int):
    first, second, third = Owner(pair), Owner(pair), Owner(pair)
    assert first.step(gpu_job, held=0, gpus=1)["gpus"] == [2]
    assert second.step(gpu_job, held=0, gpus=1)["gpus"] == [5]
    assert third.step(gpu_job, held=0, gpus=1)["op"] == "waiting"
    first.run(1, "true")
    step_ended(pair, 0)
    assert third.expect("created")["gpus"] == [2]


def test_step_that_does_not_say_sees_all_and_holds_none(pair: Pair, gpu_job: int):
    assert Owner(pair).step(gpu_job, held=0)["gpus"] == [2, 5]
    assert Owner(pair).step(gpu_job, held=0, gpus=2)["gpus"] == [2, 5]
    assert Owner(pair).step(gpu_job, held=0, gpus=0)["gpus"] == []


def test_more_gpus_than_the_job_has_are_refused(pair: Pair, gpu_job: int):
    refused = Owner(pair).step(gpu_job, held=0, gpus=3)
    assert refused["error"] == "Invalid generic resource (gres) specification"


def test_each_task_has_variables_of_its_own(pair: Pair, gpu_job: int):
    owner = Owner(pair)
    owner.step(gpu_job, 2, 0)
    _, text = owner.run(2, "echo $SLURM_PROCID:$GPU", each={"GPU": ["2", "5"]})
    assert sorted(text.split()) == ["0:2", "1:5"]


@pytest.mark.parametrize(
    "each", [{"GPU": ["1"]}, {"A=B": ["1", "2"]}, {"": ["1", "2"]}, [1], {"A": 1}]
)
def test_variables_that_do_not_fit_the_tasks_are_refused(pair: Pair, gpu_job: int, each: object):
    owner = Owner(pair)
    owner.step(gpu_job, 2, 0)
    owner.launch(2, "true", each=each)
    assert owner.expect("refused", "error")
