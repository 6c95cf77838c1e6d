"""多因素优先级与 `scontrol top`。"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.priority import Scale, Subject, Weights, priority_of, top

NOW = 1_000_000.0
DAY = 86400.0
SCALE = Scale(nodes=4, cpus=100, partition=10, qos=5)
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
