"""一轮的测试用的设施，见 `tests.integration.rounds`；与一对 stepd 的测试用的。"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.rounds import ask, scheduler, stepd, submit
from tests.integration.step_owner import SLEEPER
from tests.integration.stepd_pair import MODES, Pair

__all__ = ["ask", "job", "pair", "scheduler", "stepd", "submit"]


@pytest.fixture(params=MODES)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """一对 guardian 与 stepd；两种找进程的办法各来一遍。"""
    made = Pair.in_mode(request.param)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def job(pair: Pair) -> int:
    """一个在跑的作业，分到两个 CPU。"""
    pair.submit(7, SLEEPER, cpus=[0, 1], variables={"SLURM_JOB_ID": "7", "SLURM_X": "x"})
    return 7
