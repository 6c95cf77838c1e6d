"""四种策略在真数据库上：八个 CPU，六个忙着，一个要八个的大作业在等，后面又来了小的。"""

from __future__ import annotations

import pytest

from scns import config
from scns.scheduler.reader import policy_of
from tests.integration.rounds import rows, run

#: 名字到配置里的几行。
LINES = {
    "builtin": ["SchedulerType=sched/builtin"],
    "backfill": ["SchedulerType=sched/backfill"],
    "conservative": ["SchedulerParameters=bf_conservative"],
    "firstfit": ["SchedulerType=sched/firstfit"],
    "old": ["SchedulerType=sched/firstfit", "SchedulerParameters=age_bound=0"],
}


@pytest.fixture
def under(scheduler, tmp_path):
    """换一种策略，写法照配置文件。"""

    def change(name: str) -> None:
        path = tmp_path / "scns.conf"
        path.write_text("\n".join(["ClusterName=x", *LINES[name]]) + "\n")
        settings = config.load(str(path), host="n1", cpus=8, memory_mib=1000)
        scheduler.reader.policy = policy_of(settings)
        # 与 `scontrol reconfigure` 一样：留着的快照作废
        scheduler.mirror.forget()

    return change


def states(cursor):
    return dict(rows(cursor, "name, state::text"))


@pytest.fixture
def crowd(scheduler, submit):
    """忙着的、大的、短的与长的，按这个次序；返回各自的作业号。"""
    ids = {"busy": submit(name="busy", tasks=6, time_limit=600)}
    run(scheduler)
    ids["large"] = submit(name="large", tasks=8, time_limit=600)
    ids["long"] = submit(name="long", tasks=1, time_limit=3600)
    ids["short"] = submit(name="short", tasks=1, time_limit=60)
    return ids


@pytest.mark.parametrize(
    ("policy", "passing"),
    [
        ("builtin", set()),
        ("backfill", {"short"}),
        ("conservative", {"short"}),
        ("firstfit", {"short", "long"}),
        ("old", set()),
    ],
)
def test_who_passes_the_large_job_is_what_the_policy_says(
    scheduler, crowd, under, cursor, policy, passing
):
    under(policy)
    run(scheduler)
    running = {name for name, state in states(cursor).items() if state == "RUNNING"}
    assert running == {"busy"} | passing


def test_only_a_policy_with_reservations_promises_a_moment(scheduler, crowd, under, cursor):
    promised = {}
    for policy in ("builtin", "firstfit", "backfill"):
        under(policy)
        run(scheduler)
        [(expected,)] = rows(cursor, "expected_start IS NOT NULL", "name = 'large'")
        promised[policy] = expected
    assert promised == {"builtin": False, "firstfit": False, "backfill": True}


def test_under_first_fit_a_large_job_that_waited_for_the_bound_is_passed_no_more(
    scheduler, stepd, submit, crowd, under, cursor
):
    under("firstfit")
    run(scheduler)
    under("old")
    submit(name="late", tasks=1, time_limit=60)
    stepd.end(crowd["short"])
    run(scheduler)
    assert states(cursor)["late"] == "PENDING"
    stepd.end(crowd["busy"])
    stepd.end(crowd["long"])
    run(scheduler)
    after = states(cursor)
    assert (after["large"], after["late"]) == ("RUNNING", "PENDING")
