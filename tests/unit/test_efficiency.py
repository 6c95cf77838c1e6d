"""效率的账：归拢、加权、提醒。"""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from scns.cli.own.eff import table
from scns.cli.own.efficiency import Grouping, Run, advice, group


def run(job_id: int = 42, **more: Any) -> Run:
    fields: dict[str, Any] = {
        "job_id": job_id,
        "array_job_id": None,
        "array_task_id": None,
        "owner": "alice",
        "name": "train",
        "state": "COMPLETED",
        "cpus": 4,
        "memory": 4000,
        "time_limit": 3600,
        "seconds": 1800,
        "milliseconds": 3_600_000,
        "rss": 1000.0,
    }
    return Run(**(fields | more))


def element(task: int, **more: Any) -> Run:
    return run(50 + task, array_job_id=50, array_task_id=task, **more)


def test_one_job():
    [row] = group([run()], Grouping.JOB)
    assert (row.label, row.owner, row.name, row.jobs, row.state) == (
        "42",
        "alice",
        "train",
        1,
        "COMPLETED",
    )
    assert (row.cpu, row.cpus_used, row.memory_share, row.time) == (50, 2, 25, 50)
    assert (row.memory, row.memory_used, row.limit, row.seconds) == (4000, 1000, 3600, 1800)
    assert row.wasted == 1


def test_elements_of_an_array_are_one_line_or_each_their_own():
    runs = [element(1), element(2, state="FAILED", cpus=8), run()]
    rows = group(runs, Grouping.ARRAY)
    assert [(row.label, row.jobs, row.state, row.cpus) for row in rows] == [
        ("50", 2, "", 8),
        ("42", 1, "COMPLETED", 4),
    ]
    assert [row.label for row in group(runs, Grouping.JOB)] == ["50_1", "50_2", "42"]


def test_long_jobs_weigh_more():
    runs = [
        run(seconds=9000, milliseconds=36_000_000, rss=4000.0),
        run(43, seconds=1000, milliseconds=0, rss=0.0),
    ]
    [row] = group(runs, Grouping.TOTAL)
    assert (row.cpu, row.memory_share) == (90, 90)
    assert row.time == pytest.approx(100 * 10_000 / 7200)
    assert (row.label, row.owner, row.name) == ("", "", "")


def test_users_who_waste_most_come_first():
    runs = [run(owner="bob", milliseconds=7_200_000), run(43, milliseconds=0), run(44)]
    assert [(row.label, row.jobs) for row in group(runs, Grouping.USER)] == [
        ("alice", 2),
        ("bob", 1),
    ]


def test_what_was_not_measured_is_not_zero():
    [row] = group([run(milliseconds=None, rss=None, time_limit=None)], Grouping.JOB)
    assert (row.cpu, row.cpus_used, row.memory_share, row.memory_used) == (None,) * 4
    assert (row.limit, row.time, row.wasted) == (None, None, 0)
    [row] = group([run(seconds=0, memory=None)], Grouping.JOB)
    assert (row.cpu, row.memory_share, row.time) == (None, None, 0)


def test_nothing_is_no_line():
    assert group([], Grouping.TOTAL) == []


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 64), st.integers(0, 10**6), st.integers(0, 10**9)),
        min_size=1,
        max_size=8,
    )
)
def test_total_waste_is_the_sum_over_jobs_that_waste(jobs):
    runs = [
        run(at, cpus=cpus, seconds=seconds, milliseconds=min(used, cpus * seconds * 1000))
        for at, (cpus, seconds, used) in enumerate(jobs)
    ]
    [total] = group(runs, Grouping.TOTAL)
    assert total.wasted == pytest.approx(sum(row.wasted for row in group(runs, Grouping.JOB)))
    assert total.cpu is None or 0 <= total.cpu <= 100


def advise(**more: Any) -> list[str]:
    return advice(group([run(**more)], Grouping.JOB)[0])


def test_advice_says_what_would_do():
    assert advise(milliseconds=1_800_000 * 2 - 1, rss=1000.0, seconds=600) == [
        "It used at most 1000M of 4000M of memory; 1200M would do.",
        "It ran 00:10:00 of 01:00:00; --time=15:00 would let it start sooner by backfill.",
    ]
    assert advise(milliseconds=1_800_000, rss=3999.0) == ["It kept 1.0 of 4 CPUs busy; 1 would do."]
    assert advise(milliseconds=2_000_000, rss=3999.0) == ["It kept 1.1 of 4 CPUs busy; 2 would do."]


def test_no_advice_when_it_used_what_it_asked_for():
    assert advise(milliseconds=7_000_000, rss=3900.0, seconds=3500) == []
    assert advise(cpus=1, milliseconds=0, rss=None, time_limit=None) == []
    assert advise(milliseconds=None, memory=100, rss=10.0) == []


def printed(rows: Any, width: int = 200, **options: Any) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, **options).print(table(rows, width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_table_of_single_jobs_shows_states_and_of_arrays_counts():
    assert printed(group([run()], Grouping.JOB)) == [
        "JOBID USER  NAME  STATE      ELAPSED    LIMIT TIME% CPUS CPU%   MEM  USED MEM% WASTED",
        "42    alice train COMPLETED 00:30:00 01:00:00   50%    4  50% 4000M 1000M  25%   1.0h",
    ]
    assert printed(group([element(1), element(2)], Grouping.ARRAY))[1].split()[:4] == [
        "50",
        "alice",
        "train",
        "2",
    ]
    assert printed(group([run()], Grouping.USER))[0].split()[:2] == ["USER", "STATE"]
    assert printed(group([run(), run(43)], Grouping.TOTAL))[0].split()[0] == "JOBS"


def test_table_fits_eighty_columns_by_cutting_the_name():
    rows = group([run(name="a-very-long-name-of-a-job" * 2)], Grouping.JOB)
    lines = printed(rows, 80)
    assert max(map(len, lines)) <= 80
    assert "…" in lines[1]
    assert lines[1].endswith("1.0h")


def test_unmeasured_figures_are_dashes():
    rows = group([run(milliseconds=None, rss=None, time_limit=None, memory=None)], Grouping.JOB)
    assert printed(rows)[1].split()[4:] == "00:30:00 - - 4 - - - - 0.0h".split()
