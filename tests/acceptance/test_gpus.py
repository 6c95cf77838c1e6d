"""GPU 的全程：作业与作业步各有几块，从环境里看得见。"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import SITE, Instance, make_instance, remove

GPU_SITE = SITE.replace("RealMemory=16000", "RealMemory=16000 Gres=gpu:a100:4") + "GresTypes=gpu\n"

#: 两步一起跑，各自占着 GPU 等到两边都看见了才走。
TOGETHER = """#!/bin/sh
meet() { srun --exact -n1 --gres=gpu:1 sh -c "echo \\$CUDA_VISIBLE_DEVICES >> seen; \\
  while [ \\$(wc -l < seen) -lt 2 ]; do sleep 0.05; done"; }
: > seen
meet & meet & wait
"""


@pytest.fixture(scope="module")
def gpus() -> Iterator[Instance]:
    made = make_instance(GPU_SITE)
    try:
        made.ok("up")
        yield made
    finally:
        remove(made)


def output(instance: Instance, *words: str) -> list[str]:
    """提交，等它结束，返回输出的各行。"""
    instance.ok("sbatch", "-W", "-Q", "-o", "out", *words)
    return (instance.work / "out").read_text().splitlines()


def test_job_sees_its_own_gpus_only(gpus: Instance):
    shown = "echo $SLURM_JOB_GPUS $CUDA_VISIBLE_DEVICES $SLURM_GPUS_ON_NODE $SLURM_GPUS"
    assert output(gpus, "--gpus=2", "--wrap", shown) == ["0,1 0,1 2 2"]
    shown = "echo [$CUDA_VISIBLE_DEVICES]"
    assert output(gpus, "--export=ALL,CUDA_VISIBLE_DEVICES=3", "--wrap", shown) == ["[]"]


def test_steps_side_by_side_have_different_gpus(gpus: Instance):
    gpus.ok("sbatch", "-W", "-n2", "--gres=gpu:2", "-o", "out", gpus.script(TOGETHER))
    assert sorted((gpus.work / "seen").read_text().split()) == ["0", "1"]


def test_every_task_has_gpus_of_its_own_when_asked_for_by_task(gpus: Instance):
    done = gpus.run("srun", "-n2", "--gpus-per-task=2", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
    assert sorted(done.stdout.split()) == ["0,1", "2,3"], done.stderr


def test_step_may_leave_the_gpus_alone_or_ask_for_too_many(gpus: Instance):
    script = (
        'srun sh -c "echo [\\$SLURM_STEP_GPUS]"\n'
        'srun --gres=none sh -c "echo [\\$SLURM_STEP_GPUS]"\n'
        "srun --gres=gpu:3 true 2>&1; echo $?"
    )
    assert output(gpus, "--gres=gpu:a100:2", "--wrap", script) == [
        "[0,1]",
        "[]",
        "srun: error: Unable to create step for job "
        + gpus.ok("sacct", "-nX", "-o", "jobid").split()[-1]
        + ": Invalid generic resource (gres) specification",
        "1",
    ]
