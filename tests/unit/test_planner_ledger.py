"""账本：由快照建成、随作业更新、换上新的占用。"""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.ledger import Booking, Ledger
from scns.planner.snapshot import Reservation
from tests.unit.planner_cases import NOW, node, running, snapshot

GPUS = {"gpu:a100": 2, "gpu:v100": 1, "gpu": 1, "fpga": 3}


def ledger_of(nodes, ran=(), **more):
    return Ledger(snapshot(nodes, [], list(ran), **more))


def test_a_vector_counts_a_kind_in_its_name_too():
    ledger = ledger_of([node(gres=GPUS)])
    assert ledger.dims == ("cpu", "mem", "fpga", "gpu", "gpu:a100", "gpu:v100")
    assert ledger.vector(2, 100, {"gpu:a100": 2, "fpga": 1}) == (2, 100, 1, 2, 2, 0)
    assert ledger.vector(0, 0, {"gpu": 1}) == (0, 0, 0, 1, 0, 0)
    assert ledger.slots[0].total == (8, 8000, 3, 4, 2, 1)


def test_resources_no_node_has_are_not_counted():
    ledger = ledger_of([node(gres={"gpu": 1})])
    assert ledger.vector(1, 0, {"fpga": 9, "gpu:a100": 1}) == (1, 0, 1)


@pytest.mark.parametrize(
    ("asked", "given_out"),
    [
        ({"gpu": 1}, {"gpu": 1}),
        ({"gpu": 2}, {"gpu": 1, "gpu:a100": 1}),
        ({"gpu": 4}, {"gpu": 1, "gpu:a100": 2, "gpu:v100": 1}),
        ({"gpu:v100": 1}, {"gpu:v100": 1}),
        ({"gpu:a100": 1, "gpu": 2}, {"gpu:a100": 2, "gpu": 1}),
        ({"fpga": 2}, {"fpga": 2}),
        ({}, {}),
    ],
)
def test_untyped_requests_fall_on_the_untyped_first_then_by_kind(asked, given_out):
    ledger = ledger_of([node(gres=GPUS)])
    assert ledger.concrete(ledger.slots[0], asked) == given_out


def test_kinds_in_use_are_passed_over():
    idle = {"gpu:a100": 0, "gpu:v100": 1, "gpu": 0, "fpga": 3}
    ledger = ledger_of([node(gres=GPUS, idle_gres=idle)])
    assert ledger.concrete(ledger.slots[0], {"gpu": 1}) == {"gpu:v100": 1}


def test_all_gres_of_a_node_do_not_depend_on_what_is_idle():
    ledger = ledger_of([node(gres=GPUS, idle_gres={})])
    assert ledger.all_gres(ledger.slots[0]) == GPUS


@given(st.lists(st.sampled_from(sorted(GPUS)), max_size=8))
@settings(max_examples=100, deadline=None)
def test_gres_are_never_given_twice(names):
    ledger = ledger_of([node(cpus=32, gres=GPUS)])
    slot = ledger.slots[0]
    taken = dict.fromkeys(GPUS, 0)
    for at, name in enumerate(names):
        amount = ledger.vector(1, 0, {name: 1})
        if any(have < want for have, want in zip(slot.idle, amount, strict=True)):
            continue
        chosen = ledger.concrete(slot, {name: 1})
        ledger.start(Booking(at, inf, [(slot, ledger.vector(1, 0, chosen), 1 << at)], ()))
        for kind, count in chosen.items():
            taken[kind] += count
    assert all(taken[kind] <= GPUS[kind] for kind in GPUS)
    assert min(slot.idle) >= 0


def test_expected_ends_become_releases_in_order():
    ran = [running(2, 1, NOW + 50), running(1, 2, NOW + 20), running(3, 1, None)]
    slot = ledger_of([node(busy=4)], ran).slots[0]
    assert [(end, job) for end, job, _ in slot.releases] == [
        (NOW + 20, 1),
        (NOW + 50, 2),
        (inf, 3),
    ]


def test_use_of_a_node_that_is_gone_is_ignored():
    ledger = ledger_of([node("n1")], [running(1, 2, NOW + 5, on="gone")])
    assert ledger.slots[0].releases == []


def test_licenses_in_use_are_taken_from_the_pool():
    ran = [running(1, 1, NOW + 9, licenses={"sim": 2}), running(2, 1, None, licenses={"sim": 1})]
    ledger = ledger_of([node(busy=2)], ran, licenses={"sim": 5, "cad": 1})
    assert ledger.license_names == ("cad", "sim")
    assert ledger.pool.idle == (1, 2)
    assert ledger.pool.room(NOW, NOW + 9, inf) == (1, 4)
    assert ledger.license_vector({"sim": 2}) == (0, 2)
    assert ledger.license_vector({}) == ()


def test_starts_and_ends_change_the_books():
    ledger = ledger_of([node("n1"), node("n2")], licenses={"sim": 2})
    one, other = ledger.slots
    booking = Booking(1, NOW + 60, [(one, (3, 10), 0b111), (other, (1, 5), 0b1)], (1,))
    mark = ledger.mark
    ledger.start(booking)
    assert (one.idle, other.idle, ledger.pool.idle) == ((5, 7990), (7, 7995), (1,))
    assert one.mask == 0b11111000
    assert ledger.mark is mark
    ledger.end(booking)
    assert (one.idle, other.idle, ledger.pool.idle) == ((8, 8000), (8, 8000), (2,))
    assert one.mask == 0b11111111
    assert ledger.mark is not mark


def test_a_round_forgets_the_promises_of_the_last():
    ledger = ledger_of([node()])
    slot = ledger.slots[0]
    ledger.promise(slot, NOW + 5, inf, (8, 0))
    ledger.promise(slot, NOW + 1, NOW + 2, (8, 0))
    assert slot.room(NOW, NOW, NOW + 10)[0] == 0
    ledger.begin(NOW + 1)
    assert slot.times == []
    assert slot.room(NOW + 1, NOW + 1, NOW + 10)[0] == 8


def test_an_exclusive_job_holds_the_cpus_left_over_until_it_ends():
    ran = [running(1, 2, NOW + 30)]
    slot = ledger_of([node(busy=2, exclusive_by=1)], ran).slots[0]
    assert slot.idle[0] == 0
    assert slot.room(NOW, NOW + 30, NOW + 40)[0] == 8


def test_an_exclusive_job_without_limit_holds_them_for_ever():
    slot = ledger_of([node(busy=2, exclusive_by=1)], [running(1, 2, None)]).slots[0]
    assert slot.room(NOW, NOW + 1e9, inf)[0] == 0


def test_loading_another_occupancy_leaves_nothing_of_the_first():
    first = snapshot(
        [node(busy=4, exclusive_by=7)],
        [],
        [running(7, 4, NOW + 50, licenses={"sim": 1})],
        licenses={"sim": 2},
        reservations=[Reservation("r", NOW + 5, NOW + 9, frozenset({"n1"}))],
    )
    ledger = Ledger(first)
    ledger.promise(ledger.slots[0], NOW + 1, inf, (1, 1))
    second = snapshot([node(busy=1)], [], [running(8, 1, NOW + 5)], licenses={"sim": 2})
    second.now = NOW + 2
    ledger.load(second)
    slot = ledger.slots[0]
    assert ledger.now == NOW + 2
    assert slot.idle == (7, 8000)
    assert slot.mask == 0b11111110
    assert [job for _, job, _ in slot.releases] == [8]
    assert slot.times == []
    assert slot.walls == [(NOW + 5, NOW + 9, "r")]
    assert ledger.pool.idle == (2,)
