"""多因素优先级与 `scontrol top`。"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.priority import HIGHEST, Scale, Subject, Weights, priority_of, top

NOW = 1_000_000.0
DAY = 86400.0
SCALE = Scale(nodes=4, cpus=100, partition=10, qos=5)
FACTORS = ("age", "assoc", "fairshare", "job_size", "partition", "qos")
WEIGHTS = Weights(age=1000, fairshare=2000, job_size=500, partition=300, qos=100)


def test_every_factor_adds_its_weight():
    subject = Subject(
        NOW - 3.5 * DAY, nodes=1, cpus=25, fairshare=0.5, partition=5, qos=1, nice=7, site=40
    )
    found = priority_of(subject, WEIGHTS, SCALE, NOW)
    assert found.factors.age == 0.5
    assert found.factors.job_size == 0.25
    assert found.weighted.age == 500
    assert found.weighted.fairshare == 1000
    assert found.weighted.job_size == 125
    assert found.weighted.partition == 150
    assert found.weighted.qos == 20
    assert found.total == 500 + 1000 + 125 + 150 + 20 + 40 - 7


def test_age_stops_at_its_maximum_and_starts_when_eligible():
    def age(eligible):
        return priority_of(Subject(eligible, 1, 1), WEIGHTS, SCALE, NOW).factors.age

    assert age(NOW - 30 * DAY) == 1.0
    assert age(NOW + 5) == 0.0
    assert age(None) == 0.0


def test_small_jobs_can_be_favoured():
    small, large = Subject(NOW, 1, 1), Subject(NOW, 4, 100)
    plain = Weights(job_size=1000)
    favoured = Weights(job_size=1000, favor_small=True)
    assert priority_of(large, plain, SCALE, NOW).total == 1000
    assert (
        priority_of(small, favoured, SCALE, NOW).total
        > priority_of(large, favoured, SCALE, NOW).total
    )


def test_priority_is_never_zero_because_zero_means_held():
    subject = Subject(NOW, 1, 1, nice=10_000)
    assert priority_of(subject, WEIGHTS, SCALE, NOW).total == 1


def test_without_weights_only_nice_and_site_count():
    subject = Subject(NOW - DAY, 1, 1, fairshare=1.0, nice=3, site=10)
    assert priority_of(subject, Weights(), Scale(0, 0), NOW).total == 7


# ── 关系、资源与 PriorityFlags：手算的数 ───────────────────────────────────


def total(subject, scale=SCALE, **weights):
    return priority_of(subject, Weights(**weights), scale, NOW).total


def test_the_association_counts_by_its_share_of_the_highest():
    scale = Scale(4, 100, assoc=40)
    found = priority_of(Subject(NOW, 1, 1, assoc=10), Weights(assoc=1000), scale, NOW)
    assert (found.factors.assoc, found.weighted.assoc, found.total) == (0.25, 250, 250)


def test_each_tres_counts_by_its_share_of_the_partition():
    subject = Subject(
        NOW,
        1,
        8,
        tres={"cpu": 8, "mem": 1000, "gres/gpu": 0, "license/sim": 3},
        available={"cpu": 32, "mem": 8000, "gres/gpu": 4},
    )
    weights = Weights(tres={"cpu": 1000, "mem": 2000, "gres/gpu": 500, "license/sim": 100})
    found = priority_of(subject, weights, SCALE, NOW)
    # 没有要的、分区里没有的，都不列
    assert found.factors.tres == {"cpu": 0.25, "mem": 0.125}
    assert found.weighted.tres == {"cpu": 250, "mem": 250}
    assert found.total == 500


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("NO_NORMAL_ASSOC", 10 * 2 + 0.5 * 3 + 0.2 * 5 + 0.25 * 8),
        ("NO_NORMAL_PART", 0.25 * 2 + 5 * 3 + 0.2 * 5 + 0.25 * 8),
        ("NO_NORMAL_QOS", 0.25 * 2 + 0.5 * 3 + 1 * 5 + 0.25 * 8),
        ("NO_NORMAL_TRES", 0.25 * 2 + 0.5 * 3 + 0.2 * 5 + 16 * 8),
        ("NO_NORMAL_ALL", 10 * 2 + 5 * 3 + 1 * 5 + 16 * 8),
    ],
)
def test_a_factor_that_is_not_normalised_is_the_number_itself(flag, expected):
    scale = Scale(4, 100, partition=10, qos=5, assoc=40)
    subject = Subject(
        NOW, 1, 1, partition=5, qos=1, assoc=10, tres={"cpu": 16}, available={"cpu": 64}
    )
    weights = {"assoc": 2, "partition": 3, "qos": 5, "tres": {"cpu": 8}}
    assert total(subject, scale, flags=frozenset({flag}), **weights) == int(expected)


def test_with_accrue_always_age_counts_from_the_submission():
    waiting = Subject(None, 1, 1, submitted=NOW - DAY)
    assert total(waiting, age=1000, max_age=10 * DAY) == 1
    flags = frozenset({"ACCRUE_ALWAYS"})
    assert total(waiting, age=1000, max_age=10 * DAY, flags=flags) == 100
    assert total(Subject(NOW, 1, 1, submitted=NOW - DAY), age=1000, max_age=10 * DAY) == 1


def test_size_relative_to_time_is_cpus_over_minutes():
    flags = frozenset({"SMALL_RELATIVE_TO_TIME"})
    # 50 个 CPU、20 分钟：50 / 20 / 100
    assert total(Subject(NOW, 1, 50, minutes=20), job_size=1000, flags=flags) == 25
    # 两个节点平均有 50 个 CPU，比要的 4 个多
    assert total(Subject(NOW, 2, 4, minutes=20), job_size=1000, flags=flags) == 25
    assert total(Subject(NOW, 2, 4, minutes=0.5), job_size=1000, flags=flags) == 500
    assert total(Subject(NOW, 2, 4), job_size=1000, flags=flags) == 1
    favoured = {"job_size": 1000, "flags": flags, "favor_small": True}
    assert total(Subject(NOW, 1, 50, minutes=20), **favoured) == 975


def test_a_priority_fits_into_32_bits():
    flags = frozenset({"NO_NORMAL_QOS"})
    assert total(Subject(NOW, 1, 1, qos=2**31), qos=1000, flags=flags) == HIGHEST


subjects = st.builds(
    Subject,
    eligible=st.one_of(st.none(), st.floats(NOW - 30 * DAY, NOW + DAY)),
    nodes=st.integers(1, 6),
    cpus=st.integers(1, 200),
    fairshare=st.floats(0, 1),
    partition=st.integers(0, 10),
    qos=st.integers(0, 5),
    nice=st.integers(-1000, 1000),
    assoc=st.integers(0, 40),
    submitted=st.floats(NOW - 30 * DAY, NOW),
    minutes=st.one_of(st.none(), st.floats(0.5, 10_000)),
    tres=st.dictionaries(st.sampled_from(["cpu", "mem"]), st.integers(0, 99)),
    available=st.just({"cpu": 99, "mem": 99}),
)
switches = st.frozensets(st.sampled_from(["ACCRUE_ALWAYS", "SMALL_RELATIVE_TO_TIME", "INCR_ONLY"]))


@given(subjects, switches, st.booleans())
@settings(max_examples=200, deadline=None)
def test_factors_lie_between_zero_and_one_and_add_up(subject, flags, small):
    weights = Weights(9, 8, 7, 6, 5, 4, tres={"cpu": 3, "mem": 2}, favor_small=small, flags=flags)
    scale = Scale(4, 100, partition=10, qos=5, assoc=40)
    found = priority_of(subject, weights, scale, NOW)
    plain = [getattr(found.factors, name) for name in FACTORS]
    assert all(0 <= factor <= 1 for factor in (*plain, *found.factors.tres.values()))
    gained = sum(getattr(found.weighted, name) for name in FACTORS)
    gained += sum(found.weighted.tres.values())
    assert found.total == max(1, int(gained) - subject.nice) or abs(gained - round(gained)) < 1e-6


queues = st.dictionaries(st.integers(1, 50), st.integers(100, 110), min_size=1, max_size=12)


@given(queues, st.data())
@settings(max_examples=200, deadline=None)
def test_top_puts_the_chosen_first_and_takes_nothing_from_others(priorities, data):
    chosen = data.draw(st.lists(st.sampled_from(sorted(priorities)), unique=True, min_size=1))
    nice = dict.fromkeys(priorities, 5)
    changed = top(chosen, priorities, nice)
    after = {
        job: priority + nice[job] - changed.get(job, nice[job])
        for job, priority in priorities.items()
    }
    assert sum(after.values()) == sum(priorities.values())
    order = sorted(after, key=lambda job: (-after[job], job))
    assert order[: len(chosen)] == chosen
    before = sorted(priorities, key=lambda job: (-priorities[job], job))
    rest = [job for job in before if job not in chosen]
    assert [job for job in order if job not in chosen] == rest


def test_top_of_a_job_that_is_not_waiting_changes_nothing():
    assert top([99], {1: 10, 2: 5}, {}) == {}
