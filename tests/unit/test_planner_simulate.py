"""模拟：负载的格式、各策略的行为、统计。"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.fairshare import Account, Tree
from scns.planner.priority import Scale, Weights
from scns.planner.ranking import Multifactor
from scns.planner.report import bounded_slowdown, course, summarise, table, user_table
from scns.planner.simulate import Machine, Ran, compare, simulate, times, unlimited
from scns.planner.snapshot import Policy
from scns.planner.swf import InvalidTrace, Trace, Workload, read

WEEK = 7 * 86400


def workload(*jobs, cpus=8):
    """作业写成（提交，运行，CPU）或再加（时限，用户，组）。"""
    traces = [
        Trace(at + 1, *job[:3], *([job[3]] if len(job) > 3 else [None]))
        for at, job in enumerate(jobs)
    ]
    return Workload(traces, cpus)


def starts(history):
    return {ran.job.job_id: ran.start for ran in history}


# 格式


def test_a_trace_is_read_with_its_header():
    found = read(
        [
            "; Version: 2.2\n",
            ";MaxProcs: 128\n",
            "; just a remark\n",
            "\n",
            "2 50 -1 60 -1 -1 -1 8 600 2048 1 7 3 0 2 -1 -1 -1\n",
            "1 10.0 5 30 4 -1 -1 -1 -1 -1 1 -1 -1 0 -1 -1 -1\n",
        ]
    )
    assert found.header["Version"] == "2.2"
    assert found.cpus == 128
    assert found.jobs == [
        Trace(1, 10, 30, 4),
        Trace(2, 50, 60, 8, limit=600, memory=2, uid=7, group=3, queue=2),
    ]


def test_jobs_that_never_ran_are_left_out_and_counted():
    found = read(["1 0 -1 0 4" + " -1" * 13, "2 0 -1 5 0" + " -1" * 13])
    assert (found.jobs, found.skipped) == ([], 2)


def test_without_a_header_the_machine_is_as_wide_as_the_widest_job():
    assert read(["1 0 -1 9 32" + " -1" * 13]).cpus == 32


@pytest.mark.parametrize("line", ["1 2 3", "1 0 -1 x 4" + " -1" * 13, "inf " * 18])
def test_a_broken_line_is_refused_with_its_number(line):
    with pytest.raises(InvalidTrace, match=r"^line 2: "):
        read(["; ok", line])


# 策略


def test_fifo_waits_where_first_fit_passes():
    jobs = workload((0, 100, 6), (1, 100, 8), (2, 10, 2))
    assert starts(simulate(jobs, Policy("fifo"))) == {1: 0, 2: 100, 3: 200}
    assert starts(simulate(jobs, Policy("firstfit"))) == {1: 0, 3: 2, 2: 100}


def test_easy_passes_only_who_does_not_delay_the_first():
    jobs = workload((0, 100, 6), (1, 100, 8), (2, 98, 2), (3, 98, 2))
    # 3 号到 100 为止，不碍 2 号；4 号要用到 101
    assert starts(simulate(jobs, Policy("easy"))) == {1: 0, 3: 2, 2: 100, 4: 200}


def test_conservative_delays_nobody_ahead():
    jobs = workload((0, 10, 6), (1, 10, 8), (2, 10, 6), (3, 100, 2))
    # easy 只护着 2 号：4 号在 20 与 3 号一起启动
    assert starts(simulate(jobs, Policy("conservative"))) == {1: 0, 2: 10, 3: 20, 4: 20}


def test_a_job_that_ends_early_lets_the_next_start_early():
    jobs = workload((0, 10, 8, 1000), (1, 5, 8, 1000))
    assert starts(simulate(jobs, Policy("easy"))) == {1: 0, 2: 10}


def test_a_job_runs_no_longer_than_its_limit():
    (ran,) = simulate(workload((0, 100, 1, 30)), Policy("easy"))
    assert ran.end == 30


def test_a_job_larger_than_the_machine_never_starts():
    history = simulate(workload((0, 10, 9), (1, 10, 1), cpus=8), Policy("easy"))
    assert starts(history) == {2: 1}


def test_tasks_spread_over_several_nodes_when_memory_allows():
    job = Trace(1, 0, 10, 6, memory=100)
    where = Machine(cpus=4, nodes=2, memory=400)
    assert len(simulate(Workload([job], 8), Policy(), where)) == 1
    assert not simulate(Workload([job], 8), Policy(), Machine(4, 2, memory=200))


random_jobs = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 60), st.integers(1, 12), st.integers(1, 3)),
    min_size=1,
    max_size=40,
)


def random_workload(jobs):
    """时限是运行时间的整数倍，因此诚实。"""
    traces = [
        Trace(at, submit, run, cpus, limit=run * factor)
        for at, (submit, run, cpus, factor) in enumerate(sorted(jobs))
    ]
    return Workload(traces, 12)


class Promises:
    """记下每个作业得到的许诺：启动不得晚于它，新的许诺也不得。"""

    def __init__(self, first_only):
        self.first_only = first_only
        self.promised = {}

    def __call__(self, now, plan):
        for start in plan.starts:
            assert now <= self.promised.get(start.job_id, now)
        blocked = list(plan.blocked.values())
        for each in blocked[:1] if self.first_only else blocked:
            if each.expected_start is not None:
                assert each.expected_start <= self.promised.get(each.job_id, float("inf"))
                self.promised[each.job_id] = each.expected_start


shapes = st.sampled_from([(12, 1), (4, 3)])


@given(random_jobs, st.sampled_from(["easy", "conservative"]), shapes)
@settings(max_examples=100, deadline=None)
def test_the_promise_to_the_first_is_kept_under_honest_limits(jobs, kind, shape):
    """时限诚实、没有更优先的后来者时，队首不晚于许诺启动，且许诺只会提前。"""
    load = random_workload(jobs)
    history = simulate(load, Policy(kind), Machine(*shape), watch=Promises(True))
    assert len(history) == len(load.jobs)


@given(random_jobs, shapes)
@settings(max_examples=60, deadline=None)
def test_conservative_keeps_every_promise_under_exact_limits(jobs, shape):
    """时限正好时，每个作业都不晚于许诺；时限有余时，前面的提早会打乱后面的，只有队首有保证。"""
    load = random_workload(jobs)
    simulate(load, Policy("conservative"), Machine(*shape), limit=times(1), watch=Promises(False))


@given(random_jobs, st.sampled_from(["fifo", "firstfit", "easy", "conservative"]))
@settings(max_examples=100, deadline=None)
def test_no_more_cpus_run_than_there_are_and_everyone_runs_once(jobs, kind):
    load = random_workload(jobs)
    history = simulate(load, Policy(kind))
    assert sorted(ran.job.job_id for ran in history) == list(range(len(jobs)))
    edges = sorted(
        [(ran.start, 1, ran.job.cpus) for ran in history]
        + [(ran.end, 0, -ran.job.cpus) for ran in history]
    )
    used = 0
    for _, _, cpus in edges:
        used += cpus
        assert 0 <= used <= 12
    assert all(ran.start >= ran.job.submit for ran in history)


def test_the_same_workload_gives_the_same_history():
    rng = Random(5)
    jobs = [(rng.randint(0, 500), rng.randint(1, 90), rng.randint(1, 12), 2) for _ in range(200)]
    runs = [simulate(random_workload(jobs), Policy()) for _ in range(2)]
    assert runs[0] == runs[1]


# 不饿死


def stream(length, until):
    """一串没完没了的两 CPU 的作业，夹着一个要全部八个 CPU 的，在 100 提交。"""
    small = [(at, length, 2) for at in range(0, until, length // 4)]
    return workload(*sorted([*small, (100, 10, 8)]))


def big_start(history):
    return next(ran.start for ran in history if ran.job.cpus == 8)


def test_without_limits_a_large_job_starves_until_the_stream_ends():
    history = simulate(stream(80, 5000), Policy("firstfit", age_bound=None), limit=unlimited)
    assert big_start(history) > 4500


@pytest.mark.parametrize("kind", ["easy", "firstfit", "conservative"])
@pytest.mark.parametrize("bound", [0, 300, 1000])
def test_without_limits_a_large_job_starts_at_the_latest_a_run_after_the_age_bound(kind, bound):
    length = 80
    history = simulate(stream(length, 5000), Policy(kind, age_bound=bound), limit=unlimited)
    # 等够了年龄以后，最迟到那时在跑的都结束；多出的是两次规划之间的一步
    assert big_start(history) <= 100 + bound + length + length // 4


def test_on_several_nodes_a_large_job_starts_too():
    small = [(at, 80, 1) for at in range(0, 4000, 8)]
    load = workload(*sorted([*small, (100, 10, 12)]), cpus=12)
    history = simulate(load, Policy("easy", age_bound=200), Machine(4, 3), limit=unlimited)
    big = next(ran for ran in history if ran.job.cpus == 12)
    assert big.start <= 100 + 200 + 80 + 8


def test_with_limits_easy_needs_no_age_bound():
    history = simulate(stream(80, 5000), Policy("easy", age_bound=None))
    assert big_start(history) <= 180


# 公平份额


def test_two_accounts_with_shares_3_to_1_get_their_parts_in_a_week():
    rng = Random(3)
    jobs = [
        Trace(at, 0, rng.choice([7200, 10800, 14400]), rng.choice([1, 2]), uid=at % 2, group=at % 2)
        for at in range(800)
    ]
    tree = Tree(
        [Account("group0", None, 3), Account("group1", None, 1)],
        {("group0", 0): 1, ("group1", 1): 1},
    )
    weights = Weights(fairshare=1000)
    ranking = Multifactor(weights, Scale(1, 8), tree, half_life=WEEK, period=3600.0)
    history = simulate(Workload(jobs, 8), Policy("easy"), limit=times(1.0), ranking=ranking)
    used = [0.0, 0.0]
    for ran in history:
        used[ran.job.uid] += ran.job.cpus * max(0.0, min(ran.end, WEEK) - ran.start)
    assert sum(used) > 0.95 * 8 * WEEK
    assert used[0] / sum(used) == pytest.approx(0.75, rel=0.05)


def test_age_alone_keeps_the_order_of_submission():
    jobs = workload(*((at, 50, 8) for at in range(20)))
    tree = Tree([], {})
    ranking = Multifactor(Weights(age=100_000), Scale(1, 8), tree, period=10.0)
    order = [ran.job.job_id for ran in simulate(jobs, Policy(), ranking=ranking)]
    assert order == list(range(1, 21))


# 统计


def ran(submit, start, end, cpus=1, uid=0):
    return Ran(Trace(1, submit, int(end - start), cpus, uid=uid), start, end)


def test_bounded_slowdown_has_a_threshold_and_a_floor():
    assert bounded_slowdown(ran(0, 30, 90)) == 1.5
    assert bounded_slowdown(ran(0, 95, 100)) == 10.0
    assert bounded_slowdown(ran(0, 0, 1)) == 1.0


def test_a_report_counts_everyone_and_each_user():
    history = [ran(0, 0, 100, cpus=2), ran(10, 50, 100, cpus=1, uid=7)]
    report = summarise("easy", history, cpus=4)
    assert report.all.mean_wait == 20
    assert report.all.longest_wait == 40
    assert report.all.mean_slowdown == pytest.approx((1 + 90 / 50) / 2)
    assert report.makespan == 100
    assert report.utilisation == pytest.approx(250 / 400)
    assert report.users[7].jobs == 1
    assert report.users[7].cpu_seconds == 50


def test_the_course_tells_busy_cpus_and_waiting_jobs():
    history = [ran(0, 0, 100, cpus=2), ran(10, 50, 100, cpus=1)]
    assert course(history) == [(0, 2, 0), (10, 2, 1), (50, 3, 0), (100, 0, 0)]


def test_an_empty_simulation_has_a_report_too():
    report = summarise("easy", [], cpus=4)
    assert (report.all.jobs, report.utilisation) == (0, 0.0)
    assert table([report]).splitlines()[1].split()[:2] == ["easy", "0"]


def test_policies_are_compared_side_by_side():
    jobs = workload((0, 100, 6), (1, 100, 8), (2, 10, 2))
    reports = compare(jobs, [("fifo", Policy("fifo")), ("easy", Policy("easy"))])
    lines = table(reports).splitlines()
    assert lines[0].split() == [
        "POLICY", "JOBS", "MEAN_WAIT", "MAX_WAIT", "MEAN_BSLD", "UTIL%", "MAKESPAN",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["fifo", "easy"]
    assert reports[1].all.mean_wait < reports[0].all.mean_wait
    assert user_table(reports[0]).splitlines()[1].split()[:2] == ["0", "3"]
