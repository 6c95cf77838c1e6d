"""作业的用量：从进程的环境认出作业，CPU 由前后两遍之差得出。"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from scns.cli.board.usage import Meter
from tests.conftest import wait_until
from tests.unit.board_cases import job

NUMBER = 987_654

BUSY = "import sys; memory = b'x' * (64 << 20); print('on', flush=True)\nwhile True: pass"
IDLE = "import sys; print('on', flush=True); sys.stdin.read()"


@pytest.fixture
def spawn():
    """起一个自称属于某个作业的进程；测试结束时都结束。"""
    processes = []

    def one(code: str, number: int = NUMBER) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-IS", "-c", code],
            env={"SLURM_JOB_ID": str(number)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        process.stdout.readline()
        return process

    yield one
    for process in processes:
        process.kill()
        process.communicate()


def mine(**more):
    return job(NUMBER, uid=os.getuid(), start=time.time() - 5, **more)


def test_memory_at_once_and_cpu_from_the_second_time_on(spawn):
    spawn(BUSY)
    meter = Meter()
    first = meter.measure([mine()])[NUMBER]
    assert first.cpu is None
    assert 64 <= first.memory < 200
    busy = wait_until(lambda: (meter.measure([mine()])[NUMBER].cpu or 0) > 5, what="some CPU")
    assert busy


def test_processes_of_a_job_are_added_up(spawn):
    spawn(IDLE)
    one = Meter().measure([mine()])[NUMBER].memory
    spawn(IDLE)
    assert Meter().measure([mine()])[NUMBER].memory > one


def test_a_job_without_processes_here_is_not_measured(spawn):
    spawn(IDLE, number=NUMBER + 1)
    assert NUMBER not in Meter().measure([mine()])


def test_a_claim_is_believed_only_of_the_owner_and_after_the_start(spawn):
    spawn(IDLE)
    assert not Meter().measure([job(NUMBER, uid=os.getuid() + 1, start=time.time() - 5)])
    assert not Meter().measure([job(NUMBER, uid=os.getuid(), start=time.time() + 60)])
    assert not Meter().measure([job(NUMBER, "PENDING", uid=os.getuid())])


def test_ended_processes_are_forgotten(spawn):
    process = spawn(IDLE)
    meter = Meter()
    assert NUMBER in meter.measure([mine()])
    process.kill()
    process.wait()
    assert NUMBER not in meter.measure([mine()])
