"""抽出来的负载：可重复，大小照旧，负荷是要的那么多；写成 SWF 读回来还是它。"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.resample import resample
from scns.planner.simulate import simulate
from scns.planner.snapshot import Policy
from scns.planner.swf import InvalidTrace, Trace, Workload, read, write


def recorded(count=300, cpus=16):
    """一份记录：间隔与大小都不均匀。"""
    rng = Random(4)
    clock, jobs = 0, []
    for number in range(1, count + 1):
        clock += rng.choice([0, 1, 30, 400])
        run, size = rng.choice([5, 60, 900]), rng.choice([1, 2, 16])
        jobs.append(Trace(number, clock, run, size, limit=run * 2, memory=100, uid=number % 3))
    return Workload(jobs, cpus, {"Version": "2.2"})


def load_of(workload):
    work = sum(job.run * job.cpus for job in workload.jobs)
    span = workload.jobs[-1].submit - workload.jobs[0].submit
    return work / (span * workload.cpus)


def size_of(job):
    return job.run, job.cpus, job.limit, job.memory, job.uid


def test_the_same_seed_draws_the_same_jobs_and_another_seed_others():
    known = recorded()
    assert resample(known, 500, seed=7) == resample(known, 500, seed=7)
    assert resample(known, 500, seed=7) != resample(known, 500, seed=8)


def test_jobs_are_numbered_in_order_of_submission():
    jobs = resample(recorded(), 1000).jobs
    assert [job.job_id for job in jobs] == list(range(1, 1001))
    assert [job.submit for job in jobs] == sorted(job.submit for job in jobs)
    assert jobs[0].submit == 0


def test_only_jobs_of_the_record_are_drawn():
    known = recorded()
    assert {size_of(job) for job in resample(known, 2000).jobs} <= set(map(size_of, known.jobs))


def test_the_record_is_left_as_it_was():
    known = recorded()
    resample(known, 100, load=0.5)
    assert known == recorded()


@pytest.mark.parametrize("load", [0.1, 0.6, 1.5])
def test_the_load_is_what_was_asked_for(load):
    assert load_of(resample(recorded(), 20_000, load=load)) == pytest.approx(load, rel=0.05)


def test_without_a_load_the_pauses_are_those_of_the_record():
    known = recorded()
    assert load_of(resample(known, 20_000)) == pytest.approx(load_of(known), rel=0.1)


def test_a_record_of_one_job_can_be_drawn_from():
    jobs = resample(Workload([Trace(9, 100, 10, 2)], 4), 3, load=0.5).jobs
    assert [(job.run, job.cpus) for job in jobs] == [(10, 2)] * 3
    assert [job.submit for job in jobs] == [0, 10, 20]


def test_a_record_whose_jobs_came_at_once_can_be_drawn_from():
    known = Workload([Trace(at, 5, 10, 1) for at in range(4)], 4)
    assert [job.submit for job in resample(known, 3, load=0.5).jobs] == [0, 0, 0]


traces = st.builds(
    Trace,
    job_id=st.integers(1, 10**7),
    submit=st.integers(0, 10**9),
    run=st.integers(1, 10**6),
    cpus=st.integers(1, 10**4),
    limit=st.none() | st.integers(1, 10**6),
    memory=st.none() | st.integers(1, 10**6),
    uid=st.integers(0, 10**4),
    group=st.integers(0, 10**4),
    queue=st.integers(0, 50),
)


@given(st.lists(traces, max_size=20), st.integers(1, 10**5))
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_back(jobs, cpus):
    jobs.sort(key=lambda job: (job.submit, job.job_id))
    widest = max((job.cpus for job in jobs), default=1)
    load = Workload(jobs, max(cpus, widest), {"Version": "2.2", "MaxProcs": "1"})
    found = read(write(load))
    assert found.jobs == load.jobs
    assert found.cpus == load.cpus
    assert found.header == {"Version": "2.2", "MaxProcs": f"{load.cpus}"}


@given(st.lists(traces, max_size=20), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_jobs_out_of_order_are_put_in_order(jobs, rng):
    shuffled = list(jobs)
    rng.shuffle(shuffled)
    found = read(write(Workload(shuffled, 10**5))).jobs
    keys = [(job.submit, job.job_id) for job in found]
    assert keys == sorted(keys)
    assert sorted(map(size_of, found), key=repr) == sorted(map(size_of, jobs), key=repr)


def test_lines_are_read_one_at_a_time():
    taken = []

    def lines():
        for line in ("; MaxProcs: 4", "1 2 3", "never asked for"):
            taken.append(line)
            yield line

    with pytest.raises(InvalidTrace):
        read(lines())
    assert taken == ["; MaxProcs: 4", "1 2 3"]


def test_a_drawn_load_that_the_machine_can_bear_is_done_soon_after_the_last_arrival():
    drawn = resample(recorded(), 2000, load=0.5)
    history = simulate(drawn, Policy("easy"))
    assert len(history) == 2000
    assert max(ran.end for ran in history) < drawn.jobs[-1].submit * 1.1


def test_numbers_with_a_fraction_are_cut():
    line = "1 10.9 5 30.5 4 -1 -1 -1 -1 -1 1 -1 -1 0 -1 -1 -1 -1"
    [job] = read([line]).jobs
    assert replace(job, queue=0) == Trace(1, 10, 30, 4)
