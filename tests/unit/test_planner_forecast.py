"""预测：把同一个规划器往前推，算出的启动时刻就是照着走会发生的。"""

from __future__ import annotations

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.forecast import Throttle, forecast
from scns.planner.plan import plan
from scns.planner.simulate import simulate
from scns.planner.snapshot import Limits, Partition, Policy, Reservation
from scns.planner.swf import Trace, Workload
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting


def test_a_job_that_fits_starts_now():
    assert forecast(snapshot([node()], [waiting(1)]), 1) == NOW


def test_a_job_starts_when_enough_running_jobs_have_ended():
    shot = snapshot(
        [node(busy=8)],
        [waiting(1, request(6))],
        [running(10, 4, NOW + 100), running(11, 4, NOW + 300)],
    )
    assert forecast(shot, 1) == NOW + 300


def test_an_overdue_job_is_taken_to_end_soon():
    shot = snapshot([node(busy=8)], [waiting(1)], [running(10, 8, NOW - 50)])
    assert forecast(shot, 1) == NOW + 1


def test_jobs_before_it_run_first_for_their_whole_time():
    shot = snapshot(
        [node(busy=8)],
        [waiting(1, request(8, 600)), waiting(2, request(8, 200)), waiting(3, request(8))],
        [running(10, 8, NOW + 100)],
    )
    assert [forecast(shot, job) for job in (1, 2, 3)] == [NOW + 100, NOW + 700, NOW + 900]


def test_a_short_job_is_foretold_to_pass_by_backfill():
    shot = snapshot(
        [node(busy=6)],
        [waiting(1, request(8)), waiting(2, request(2, 300)), waiting(3, request(2, 600))],
        [running(10, 6, NOW + 400)],
    )
    assert forecast(shot, 2) == NOW
    assert forecast(shot, 3) == NOW + 1000


def test_nothing_is_foretold_behind_a_job_without_limit():
    shot = snapshot([node(busy=8)], [waiting(1, request(4))], [running(10, 8, None)])
    assert forecast(shot, 1) is None


def test_a_job_that_never_fits_has_no_forecast():
    assert forecast(snapshot([node()], [waiting(1, request(9))]), 1) is None


def test_a_job_not_in_the_snapshot_has_no_forecast():
    assert forecast(snapshot([node()], [waiting(1)]), 2) is None


def test_begin_time_is_waited_for():
    later = waiting(1, eligible=NOW + 50)
    assert forecast(snapshot([node()], [later]), 1) == NOW + 50
    shot = snapshot([node(busy=8)], [later], [running(10, 8, NOW + 200)])
    assert forecast(shot, 1) == NOW + 200


def test_licenses_come_back_with_the_jobs_that_hold_them():
    asked = request(licenses={"matlab": 2})
    shot = snapshot(
        [node(busy=2)],
        [waiting(1, asked)],
        [
            running(10, 1, NOW + 100, licenses={"matlab": 1}),
            running(11, 1, NOW + 300, licenses={"matlab": 1}),
        ],
        licenses={"matlab": 2},
    )
    assert forecast(shot, 1) == NOW + 300


def test_memory_and_exclusive_nodes_come_back():
    shot = snapshot(
        [node("n1", busy=2, idle_memory=1000, exclusive_by=10), node("n2", busy=8)],
        [waiting(1, request(4, memory_per_node=4000, nodelist=frozenset({"n1"})))],
        [running(10, 2, NOW + 100, memory=7000), running(11, 8, None, on="n2")],
    )
    assert forecast(shot, 1) == NOW + 100


def test_elements_of_an_array_start_one_after_another():
    shot = snapshot([node(busy=6)], [waiting(1, request(1, 100), count=5)], [running(10, 6, None)])
    throttle = {1: Throttle(5)}
    starts = [forecast(shot, 1, nth=nth, arrays=throttle) for nth in (1, 2, 3, 5)]
    assert starts == [NOW, NOW, NOW + 100, NOW + 200]


def test_array_throttle_counts_the_elements_that_run():
    shot = snapshot(
        [node(busy=1)],
        [waiting(1, request(1, 100), count=0)],
        [running(10, 1, NOW + 70, array_id=1)],
    )
    throttle = {1: Throttle(left=3, active=1, limit=1)}
    starts = [forecast(shot, 1, nth=nth, arrays=throttle) for nth in (1, 2, 3)]
    assert starts == [NOW + 70, NOW + 170, NOW + 270]


def test_limits_give_way_when_their_jobs_end():
    shot = snapshot(
        [node(busy=2)],
        [waiting(1, account="phys"), waiting(2, account="phys")],
        [running(10, 2, NOW + 80, account="phys")],
        account_limits={"phys": Limits(grp_jobs=1)},
    )
    assert forecast(shot, 1) == NOW + 80
    assert forecast(shot, 2) == NOW + 680


def test_a_reservation_is_waited_out():
    shot = snapshot(
        [node()],
        [waiting(1)],
        reservations=[Reservation("upkeep", NOW + 60, NOW + 500, frozenset({"n1"}))],
    )
    assert forecast(shot, 1) == NOW + 500


def test_partitions_that_are_down_start_nothing():
    shot = snapshot([node()], [waiting(1)], partitions=[Partition("main", ("n1",), up=False)])
    assert forecast(shot, 1) is None


def test_the_snapshot_is_left_alone():
    shot = snapshot(
        [node(busy=8)],
        [waiting(1, request(1), count=3), waiting(2, request(8))],
        [running(10, 8, NOW + 10)],
    )
    before = deepcopy(shot)
    throttle = {1: Throttle(3)}
    forecast(shot, 2, arrays=throttle)
    assert shot == before
    assert throttle == {1: Throttle(3)}


def test_rounds_are_bounded():
    shot = snapshot(
        [node(busy=8)],
        [waiting(at, request(8)) for at in range(1, 30)],
        [running(99, 8, NOW + 10)],
    )
    assert forecast(shot, 29, rounds=30) is not None
    assert forecast(shot, 29, rounds=29) is None


_jobs = st.lists(
    st.tuples(st.integers(1, 8), st.integers(1, 20).map(lambda limit: limit * 60)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(_jobs, st.sampled_from(["fifo", "firstfit", "easy", "conservative"]))
def test_forecast_is_what_the_simulation_does(jobs, kind):
    workload = Workload([Trace(at, 0, run, cpus) for at, (cpus, run) in enumerate(jobs)], 8)
    policy = Policy(kind=kind)
    happened = {ran.job.job_id: NOW + ran.start for ran in simulate(workload, policy)}
    queue = [waiting(at, request(cpus, run), priority=100) for at, (cpus, run) in enumerate(jobs)]
    shot = snapshot([node()], queue, policy=policy)
    assert {job.job_id: forecast(shot, job.job_id) for job in queue} == happened


@settings(max_examples=100, deadline=None)
@given(_jobs)
def test_forecast_and_promise_of_the_first_blocked_job_agree(jobs):
    queue = [waiting(at + 1, request(*job)) for at, job in enumerate(jobs)]
    shot = snapshot([node(busy=5)], queue, [running(90, 2, NOW + 90), running(91, 3, NOW + 200)])
    decided = plan(shot)
    for blocked in decided.blocked.values():
        if blocked.expected_start is not None:
            # 后面的作业不耽误它；排在前面、此刻启动的早些结束也不会
            assert forecast(shot, blocked.job_id) == blocked.expected_start
