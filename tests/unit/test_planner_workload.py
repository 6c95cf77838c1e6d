"""负载的格式、优先级的排名与统计的表。"""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.fairshare import Account, Tree
from scns.planner.priority import Scale, Weights
from scns.planner.ranking import Multifactor
from scns.planner.report import course, summarise, table, user_table
from scns.planner.simulate import Machine, Ran, asked, simulate, times, unlimited
from scns.planner.snapshot import Policy
from scns.planner.swf import InvalidTrace, Trace, Workload, read
from tests.unit.planner_cases import request, waiting

DAY = 86400.0
traces = st.builds(
    Trace,
    job_id=st.integers(1, 10**6),
    submit=st.integers(0, 10**8),
    run=st.integers(1, 10**6),
    cpus=st.integers(1, 10**5),
    limit=st.none() | st.integers(1, 10**6),
    memory=st.none() | st.integers(1, 10**6),
    uid=st.integers(0, 999),
    group=st.integers(0, 99),
    queue=st.integers(0, 9),
)


def line_of(job):
    """一个作业在 SWF 里的一行。"""
    limit = -1 if job.limit is None else job.limit
    memory = -1 if job.memory is None else job.memory * 1024
    columns = (
        job.job_id, job.submit, -1, job.run, job.cpus, -1, -1, job.cpus, limit, memory, 1,
        job.uid, job.group, -1, job.queue, -1, -1, -1,
    )  # fmt: skip
    return " ".join(map(str, columns))


@given(st.lists(traces, max_size=20))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back_in_order_of_submission(jobs):
    found = read(map(line_of, jobs))
    assert found.jobs == sorted(jobs, key=lambda job: (job.submit, job.job_id))
    assert found.skipped == 0
    assert found.cpus == max((job.cpus for job in jobs), default=1)


@pytest.mark.parametrize(
    ("header", "cpus"),
    [
        (["; MaxProcs: 64"], 64),
        (["; MaxNodes: 256"], 256),
        (["; MaxNodes: 8", "; MaxProcs: 64"], 64),
        (["; MaxProcs: unknown"], 4),
        (["; MaxProcs: 2"], 4),
        ([], 4),
    ],
)
def test_the_machine_is_what_the_header_says_but_holds_the_widest_job(header, cpus):
    assert read([*header, line_of(Trace(1, 0, 5, 4))]).cpus == cpus


def test_requested_processors_come_before_used_ones():
    line = "1 0 -1 10 4 -1 -1 8 -1 -1 1 -1 -1 -1 -1 -1 -1 -1"
    assert read([line]).jobs[0].cpus == 8


def test_memory_is_rounded_up_to_whole_mebibytes():
    line = "1 0 -1 10 4 -1 -1 4 -1 1025 1 -1 -1 -1 -1 -1 -1 -1"
    assert read([line]).jobs[0].memory == 2


def test_unknown_owners_are_number_zero():
    line = "1 0 -1 10 4 -1 -1 4 -1 -1 1 -1 -1 -1 -1 -1 -1 -1"
    job = read([line]).jobs[0]
    assert (job.uid, job.group, job.queue) == (0, 0, 0)


@pytest.mark.parametrize("text", ["1 2 3", "a b c d e f g h i j k l m n o", "nan " * 18])
def test_a_line_that_is_no_job_names_itself(text):
    with pytest.raises(InvalidTrace) as caught:
        read([";", "", text])
    assert caught.value.message.startswith("line 3: ")


# 时限从哪里来


def test_limits_come_from_the_request_or_the_run_or_nowhere():
    plain, wished = Trace(1, 0, 100, 1), Trace(2, 0, 100, 1, limit=500)
    assert (asked(plain), asked(wished)) == (100, 500)
    assert (times(1.5)(plain), times(1.001)(plain)) == (150, 101)
    assert unlimited(wished) is None


def test_an_unlimited_job_still_ends_when_its_run_is_over():
    load = Workload([Trace(1, 0, 100, 1, limit=5)], 1)
    assert simulate(load, Policy(), limit=unlimited)[0].end == 100
    assert simulate(load, Policy())[0].end == 5


def test_repeated_job_numbers_do_no_harm():
    load = Workload([Trace(7, 0, 10, 1), Trace(7, 0, 10, 1), Trace(7, 5, 10, 1)], 1)
    assert [ran.start for ran in simulate(load, Policy())] == [0, 10, 20]


def test_several_nodes_are_as_good_as_one_for_jobs_that_fit_on_each():
    jobs = [Trace(at, at, 50, 2) for at in range(30)]
    one = simulate(Workload(jobs, 8), Policy(), Machine(8))
    two = simulate(Workload(jobs, 8), Policy(), Machine(4, 2))
    assert [ran.start for ran in one] == [ran.start for ran in two]


def test_an_empty_workload_has_an_empty_history():
    assert simulate(Workload([], 8), Policy()) == []


# 排名


def multifactor(**weights):
    tree = Tree(
        [Account("group0", None, 1), Account("group1", None, 1)],
        {("group0", 0): 1, ("group1", 1): 1},
    )
    return Multifactor(Weights(**weights), Scale(1, 8), tree, half_life=DAY, period=60.0)


def job_of(group, cpus=1):
    return waiting(1, request(cpus), eligible=0.0, uid=group, account=f"group{group}")


def ran_of(group, start, end, cpus=1):
    return Ran(Trace(1, 0, int(end - start), cpus, uid=group, group=group), start, end)


def test_before_anything_ran_everyone_is_equal():
    ranking = multifactor(fairshare=1000)
    ranking.advance(0.0, [])
    assert ranking.priority(job_of(0), 0.0) == ranking.priority(job_of(1), 0.0) == 1000


def test_who_used_more_comes_later():
    ranking = multifactor(fairshare=1000)
    ranking.advance(100.0, [ran_of(0, 0, 90), ran_of(1, 0, 10)])
    assert ranking.priority(job_of(1), 100.0) == 1000
    assert ranking.priority(job_of(0), 100.0) == 500


def test_a_long_run_is_charged_bit_by_bit_and_only_once():
    slow, fast = multifactor(fairshare=1000), multifactor(fairshare=1000)
    run = ran_of(0, 0, 900)
    for now in (100.0, 400.0, 1000.0):
        slow.advance(now, [run])
    fast.advance(1000.0, [run])
    assert slow._usage.values[("group0", 0)] == pytest.approx(fast._usage.values[("group0", 0)])


def test_old_usage_is_forgiven():
    ranking = multifactor(fairshare=1000)
    ranking.advance(1000.0, [ran_of(0, 0, 1000)])
    ranking.advance(1000.0 + 20 * DAY, [ran_of(1, 20 * DAY, 20 * DAY + 1000)])
    assert ranking.priority(job_of(0), 0.0) > ranking.priority(job_of(1), 0.0)


def test_a_stranger_to_the_tree_has_no_share():
    ranking = multifactor(fairshare=1000)
    ranking.advance(0.0, [])
    assert ranking.priority(waiting(1, uid=9, account="group9"), 0.0) == 1


def test_size_and_age_count_beside_the_share():
    ranking = multifactor(job_size=1000, age=700)
    ranking.advance(0.0, [])
    assert ranking.priority(job_of(0, cpus=8), 0.0) > ranking.priority(job_of(0, cpus=1), 0.0)
    assert ranking.priority(job_of(0), 7 * DAY) - ranking.priority(job_of(0), 0.0) == 700


def test_the_better_ranked_job_of_two_starts_first_in_a_simulation():
    jobs = [
        Trace(0, 0, 100, 8, uid=0, group=0),
        Trace(1, 10, 100, 8, uid=0, group=0),
        Trace(2, 20, 100, 8, uid=1, group=1),
    ]
    history = simulate(Workload(jobs, 8), Policy(), ranking=multifactor(fairshare=1000))
    assert [ran.job.job_id for ran in history] == [0, 2, 1]


# 统计

histories = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 50), st.integers(1, 8)),
    max_size=30,
)


def history_of(rows):
    return [
        Ran(Trace(at, submit, run, cpus, uid=at % 3), submit + wait, submit + wait + run)
        for at, (submit, wait, run, cpus) in enumerate(rows)
    ]


@given(histories)
@settings(max_examples=100, deadline=None)
def test_users_add_up_to_everyone(rows):
    report = summarise("x", history_of(rows), 8)
    users = report.users.values()
    assert sum(each.jobs for each in users) == report.all.jobs == len(rows)
    assert sum(each.cpu_seconds for each in users) == report.all.cpu_seconds
    assert sum(each.mean_wait * each.jobs for each in users) == pytest.approx(
        report.all.mean_wait * report.all.jobs
    )
    assert max((each.longest_wait for each in users), default=0) == report.all.longest_wait


@given(histories)
@settings(max_examples=100, deadline=None)
def test_the_course_begins_and_ends_with_an_idle_machine(rows):
    points = course(history_of(rows))
    assert [moment for moment, _, _ in points] == sorted({moment for moment, _, _ in points})
    assert all(busy >= 0 and waits >= 0 for _, busy, waits in points)
    assert not points or points[-1][1:] == (0, 0)


def test_columns_line_up():
    history = history_of([(0, 5, 100, 1), (3, 500, 1000, 8)])
    for text in (
        table([summarise("a", history, 8), summarise("longer-name", history[:1], 8)]),
        user_table(summarise("a", history, 8)),
    ):
        lines = text.splitlines()
        assert len({len(line) for line in lines}) == 1
        assert text.endswith("\n")
        assert not any(line.endswith(" ") for line in lines)


def test_a_machine_in_use_from_beginning_to_end_is_used_fully():
    history = [Ran(Trace(1, 0, 100, 8), 0.0, 100.0)]
    assert summarise("x", history, 8).utilisation == 1.0


def test_usage_without_decay_lasts():
    ranking = Multifactor(
        Weights(fairshare=10), Scale(1, 8), Tree([Account("group0")], {("group0", 0): 1}),
        half_life=inf,
    )  # fmt: skip
    ranking.advance(100.0, [ran_of(0, 0, 100, cpus=2)])
    ranking.advance(10 * DAY, [])
    assert ranking._usage.values == {("group0", 0): 200.0}
