"""一处资源的账：任何时段的空闲量都对。"""

from __future__ import annotations

from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.slot import Slot
from tests.unit.planner_cases import NOW

moments = st.integers(1, 30).map(float)
amounts = st.tuples(st.integers(0, 3), st.integers(0, 3))


@given(
    st.lists(st.tuples(moments | st.just(inf), amounts), max_size=6),
    st.lists(st.tuples(moments, moments | st.just(inf), amounts), max_size=6),
    moments,
    moments | st.just(inf),
)
@settings(max_examples=200, deadline=None)
def test_room_is_the_least_over_the_whole_window(running, promises, begin, length):
    slot = Slot("n", 0, (20, 20))
    for at, (end, amount) in enumerate(running):
        slot.start(NOW, NOW + end, at, amount)
    for start, length_of, amount in promises:
        slot.promise(NOW, NOW + start, NOW + start + length_of, amount)

    def free(moment, dim):
        taken = sum(amount[dim] for end, amount in running if moment < NOW + end)
        taken += sum(
            amount[dim]
            for start, length_of, amount in promises
            if NOW + start <= moment < NOW + start + length_of
        )
        return 20 - taken

    start, end = NOW + begin, NOW + begin + length
    edges = {NOW + e for e, _ in running} | {NOW + s for s, _, _ in promises}
    edges |= {NOW + s + n for s, n, _ in promises}
    inside = [start, *(edge for edge in edges if start < edge < end and edge < inf)]
    expected = tuple(min(free(moment, dim) for moment in inside) for dim in (0, 1))
    assert slot.room(NOW, start, end) == expected


@given(st.lists(st.tuples(moments, amounts), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_what_is_given_back_is_what_was_taken(jobs):
    slot = Slot("n", 0, (50, 50))
    slot.load((50, 50), range(50))
    for at, (end, amount) in enumerate(jobs):
        slot.start(NOW, NOW + end, at, amount, 1 << at)
    assert slot.mask.bit_count() == 50 - len(jobs)
    for at, (end, amount) in enumerate(jobs):
        slot.end(NOW + end, at, amount, 1 << at)
    assert slot.idle == (50, 50)
    assert slot.releases == []
    assert slot.mask.bit_count() == 50


def test_an_overdue_job_is_expected_to_end_very_soon():
    slot = Slot("n", 0, (4, 0))
    slot.load((1, 0), (0,))
    slot.releases = [(NOW - 100, 1, (3, 0))]
    assert slot.room(NOW, NOW, NOW + 10) == (1, 0)
    assert slot.room(NOW, NOW + 1, NOW + 10) == (4, 0)
    assert list(slot.changes(NOW)) == [NOW + 1]


def test_promises_are_forgotten_but_starts_are_not():
    slot = Slot("n", 0, (4, 0))
    slot.promise(NOW, NOW + 5, NOW + 10, (4, 0))
    slot.start(NOW, NOW + 5, 1, (2, 0))
    assert slot.room(NOW, NOW, NOW + 6) == (0, 0)
    slot.forget_promises()
    assert slot.room(NOW, NOW, NOW + 6) == (2, 0)


def test_a_reservation_closes_the_node_to_others():
    slot = Slot("n", 0, (4, 0))
    slot.walls = [(NOW + 10, NOW + 20, "r")]
    assert not slot.closed(NOW, NOW + 10, None)
    assert slot.closed(NOW, NOW + 11, None)
    assert slot.closed(NOW + 15, NOW + 30, None)
    assert not slot.closed(NOW + 20, NOW + 30, None)
    assert not slot.closed(NOW + 10, NOW + 20, "r")
