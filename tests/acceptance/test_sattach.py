"""sattach：看着一步，看到它结束；看不到的说清楚。"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Instance, command, node_name
from tests.conftest import wait_until

NODE = node_name()


@pytest.fixture
def step(instance: Instance) -> Any:
    """一个作业里的一步：任务各等到门开了，写一行，以任务号为退出码。"""

    def begin(*options: str) -> int:
        body = (
            "echo before; echo up > up$SLURM_PROCID;"
            " while [ ! -e gate ]; do sleep 0.05; done; echo from $SLURM_PROCID;"
            " echo oops >&2; exit $SLURM_PROCID"
        )
        words = " ".join([*command(), "srun", *options])
        job = instance.submit(f"{words} sh -c '{body}'", "-n2")
        wait_until(lambda: (instance.work / "up0").exists(), 30, "the step")
        return job

    return begin


def watch(instance: Instance, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*command(), "sattach", *words],
        cwd=instance.work,
        env=instance.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def attached(instance: Instance, process: subprocess.Popen[str]) -> None:
    """等到它在看着文件。"""

    def reading() -> bool:
        descriptors = Path(f"/proc/{process.pid}/fd")
        try:
            names = [os.readlink(entry) for entry in descriptors.iterdir()]
        except OSError:
            return False  # 看的时候恰好关上了一个
        return any(name.startswith(str(instance.work)) for name in names)

    wait_until(reading, 20, "sattach to open the file")


def test_output_is_shown_from_now_on_until_the_step_ends(instance: Instance, step: Any):
    job = step("-n2", "-o", "out%t", "-e", "err%t")
    wait_until(lambda: (instance.work / "up1").exists(), 30, "both tasks")
    running = watch(instance, "--label", f"{job}.0")
    attached(instance, running)
    (instance.work / "gate").touch()
    out, err = running.communicate(timeout=60)
    assert sorted(out.splitlines()) == ["0: from 0", "1: from 1"]
    assert sorted(err.splitlines()) == [
        "0: oops",
        "1: oops",
        f"sattach: error: {NODE}: task 1: Exited with exit code 1",
    ]
    assert running.returncode == 1


def test_filters_choose_the_task(instance: Instance, step: Any):
    job = step("-n2", "-o", "out%t", "-e", "err%t")
    running = watch(instance, "-Q", "--output-filter=1", "--error-filter=0", f"{job}.0")
    attached(instance, running)
    (instance.work / "gate").touch()
    assert running.communicate(timeout=60) == ("from 1\n", "oops\n")


def test_batch_script_is_shown_too(instance: Instance):
    job = instance.submit(
        "echo a; touch up0; while [ ! -e gate ]; do sleep 0.05; done; echo b; exit 3"
    )
    wait_until(lambda: (instance.work / "up0").exists(), 30, "the script")
    running = watch(instance, f"{job}.batch")
    attached(instance, running)
    (instance.work / "gate").touch()
    out, err = running.communicate(timeout=60)
    assert (out, running.returncode) == ("b\n", 3)
    assert err == f"sattach: error: {NODE}: task 0: Exited with exit code 3\n"


def test_layout_is_printed_for_any_running_step(instance: Instance, step: Any):
    job = step("-n2")
    shown = instance.ok("sattach", "--layout", f"{job}.0")
    assert shown.splitlines()[0] == "Job step layout:"
    assert shown.splitlines()[-1] == f"\tNode 0 ({NODE}), 2 task(s): 0 1 "
    (instance.work / "gate").touch()


def test_step_that_writes_to_its_srun_is_told_why_it_cannot_be_seen(instance: Instance):
    running = subprocess.Popen(
        [*command(), "srun", "-Q", "sh", "-c", "echo $SLURM_JOB_ID > up; sleep 100"],
        cwd=instance.work,
        env=instance.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    path = instance.work / "up"
    job = wait_until(lambda: path.exists() and path.read_text().strip(), 30, "the step")
    done = instance.run("sattach", f"{job}.0")
    running.terminate()
    running.communicate(timeout=60)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith(f"sattach: error: StepId={job}.0 writes to a terminal or a pipe")
    assert "--output=FILE" in second


@pytest.mark.parametrize("text", ["999999.0", "999999.batch", "999999_1.0"])
def test_unknown_step_is_refused_with_the_sentence_of_slurm(instance: Instance, text: str):
    done = instance.run("sattach", text)
    assert done.returncode == 1
    assert done.stderr == (
        "sattach: error: Could not get job step info: Invalid job id specified\n"
    )


def test_own_errors_exit_as_the_environment_says(instance: Instance):
    done = instance.run("sattach", "999999.0", env={"SLURM_EXIT_ERROR": "9"})
    assert done.returncode == 9
