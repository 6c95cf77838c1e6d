"""配置到排程策略。"""

from __future__ import annotations

import pytest

from scns import config
from scns.planner.snapshot import Policy
from scns.scheduler.reader import policy_of


def policy(tmp_path, *lines: str) -> Policy:
    path = tmp_path / "scns.conf"
    path.write_text("\n".join(["ClusterName=x", *lines]) + "\n")
    return policy_of(config.load(str(path), host="n1", cpus=1, memory_mib=1))


def test_backfill_with_one_reservation_is_the_default(tmp_path):
    assert policy(tmp_path) == Policy(kind="easy")


def test_builtin_is_strictly_first_in_first_out(tmp_path):
    assert policy(tmp_path, "SchedulerType=sched/builtin").kind == "fifo"


def test_backfill_parameters_are_slurms(tmp_path):
    found = policy(tmp_path, "SchedulerParameters=bf_max_job_test=7,bf_window=60,defer")
    assert (found.kind, found.bf_max_job_test, found.bf_window) == ("easy", 7, 3600.0)


def test_every_job_may_get_a_reservation(tmp_path):
    assert policy(tmp_path, "SchedulerParameters=bf_conservative").kind == "conservative"


def test_first_fit_is_a_scheduler_of_its_own(tmp_path):
    assert policy(tmp_path, "SchedulerType=sched/firstfit") == Policy("firstfit")


@pytest.mark.parametrize("scheduler", ["sched/builtin", "sched/firstfit"])
def test_conservative_backfill_needs_the_backfill_scheduler(tmp_path, scheduler):
    found = policy(tmp_path, f"SchedulerType={scheduler}", "SchedulerParameters=bf_conservative")
    assert found.kind != "conservative"


@pytest.mark.parametrize("scheduler", ["sched/firstfit", "sched/backfill"])
def test_the_bound_by_age_is_in_seconds(tmp_path, scheduler):
    found = policy(tmp_path, f"SchedulerType={scheduler}", "SchedulerParameters=age_bound=20")
    assert found.age_bound == 20.0


def test_the_bound_by_age_is_an_hour_when_nothing_is_said(tmp_path):
    assert policy(tmp_path, "SchedulerType=sched/firstfit").age_bound == 3600.0


@pytest.mark.parametrize("value", ["bf_window=soon", "bf_max_job_test=-1", "age_bound=long"])
def test_values_that_are_no_numbers_are_left_alone(tmp_path, value):
    assert policy(tmp_path, f"SchedulerParameters={value}") == Policy(kind="easy")
