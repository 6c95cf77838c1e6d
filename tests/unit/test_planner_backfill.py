"""回填：最早的机会，与算不出时守住哪里。"""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from scns.planner.backfill import earliest, licensed, shelter
from scns.planner.booking import book, tres_taken
from scns.planner.demand import Compiler
from scns.planner.ledger import Ledger
from scns.planner.plan import plan
from scns.planner.snapshot import Partition, Policy, Reservation
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting


def asked_of(nodes, asked, ran=(), uid=0, **more):
    """账本与编译好的要求。"""
    found = snapshot(nodes, [], list(ran), **more)
    ledger = Ledger(found)
    compiler = Compiler(ledger, found.partitions, found.reservations)
    return ledger, compiler.compile(waiting(1, asked, uid=uid))


def chance_of(nodes, asked, ran=(), horizon=inf, **more):
    ledger, demand = asked_of(nodes, asked, ran, **more)
    return earliest(demand, ledger, horizon)


def seats(chance):
    return {slot.name: tasks for slot, tasks in chance.spread}


# 最早的机会


def test_enough_jobs_have_to_end_first():
    ran = [running(1, 3, NOW + 30), running(2, 3, NOW + 10), running(3, 2, NOW + 20)]
    assert chance_of([node(busy=8)], request(5), ran).start == NOW + 20
    assert chance_of([node(busy=8)], request(6), ran).start == NOW + 30


def test_the_node_that_frees_first_is_chosen():
    nodes = [node("n1", busy=8), node("n2", busy=8)]
    ran = [running(1, 8, NOW + 50), running(2, 8, NOW + 20, on="n2")]
    chance = chance_of(nodes, request(8), ran)
    assert (chance.start, seats(chance)) == (NOW + 20, {"n2": 1})
    assert chance.end == NOW + 20 + 600


def test_several_nodes_must_be_free_together():
    nodes = [node("n1", busy=8), node("n2", busy=8), node("n3", busy=8)]
    ran = [running(at, 8, NOW + 10 * at, on=f"n{at}") for at in (1, 2, 3)]
    chance = chance_of(nodes, request(8, tasks=2), ran)
    assert (chance.start, seats(chance)) == (NOW + 20, {"n1": 1, "n2": 1})


def test_the_partition_that_is_free_first_is_chosen():
    nodes = [node("n1", busy=8), node("n2", busy=8)]
    parts = [Partition("a", ("n1",)), Partition("b", ("n2",))]
    ran = [running(1, 8, NOW + 50), running(2, 8, NOW + 20, on="n2")]
    asked = request(1, partitions=("a", "b"))
    chance = chance_of(nodes, asked, ran, partitions=parts)
    assert (chance.start, chance.need.partition) == (NOW + 20, "b")


def test_a_window_before_a_promise_is_used_if_it_is_long_enough():
    for limit, expected in ((40, NOW + 10), (41, NOW + 150)):
        ledger, demand = asked_of(
            [node(busy=8)], request(8, limit=limit), [running(1, 8, NOW + 10)]
        )
        ledger.promise(ledger.slots[0], NOW + 50, NOW + 150, (1, 0))
        assert earliest(demand, ledger, inf).start == expected


def test_a_window_between_promises_is_found_on_several_nodes_too():
    nodes = [node("n1", busy=8), node("n2", busy=8)]
    ran = [running(1, 8, NOW + 10), running(2, 8, NOW + 30, on="n2")]
    ledger, demand = asked_of(nodes, request(8, tasks=2, limit=20), ran)
    ledger.promise(ledger.slots[0], NOW + 40, NOW + 60, (8, 0))
    assert earliest(demand, ledger, inf).start == NOW + 60


def test_endless_jobs_leave_no_chance_if_they_hold_what_is_needed():
    ran = [running(1, 4, None), running(2, 4, NOW + 10)]
    assert chance_of([node(busy=8)], request(4), ran).start == NOW + 10
    assert chance_of([node(busy=8)], request(5), ran) is None
    nodes = [node("n1", busy=8), node("n2")]
    assert chance_of(nodes, request(8, tasks=2), [running(1, 8, None)]) is None


def test_nothing_is_seen_beyond_the_horizon():
    ran = [running(1, 8, NOW + 100)]
    assert chance_of([node(busy=8)], request(8), ran, horizon=NOW + 100).start == NOW + 100
    assert chance_of([node(busy=8)], request(8), ran, horizon=NOW + 99) is None


def test_the_window_of_the_policy_is_the_horizon():
    jobs = [waiting(1, request(8)), waiting(2, request(4, limit=None))]
    ran = [running(9, 4, NOW + 100)]
    near = Policy(bf_window=99, age_bound=None)
    far = Policy(bf_window=100, age_bound=None)
    assert len(plan(snapshot([node(busy=4)], jobs, ran, policy=near)).starts) == 1
    assert not plan(snapshot([node(busy=4)], jobs, ran, policy=far)).starts


def test_no_more_promises_are_made_than_the_policy_tests():
    jobs = [waiting(at, request(8, limit=10 + at)) for at in range(1, 6)]
    policy = Policy("conservative", bf_max_job_test=2)
    result = plan(snapshot([node(busy=8)], jobs, [running(9, 8, NOW + 10)], policy=policy))
    expected = [result.blocked_of(job).expected_start for job in jobs]
    assert expected == [NOW + 10, NOW + 21, None, None, None]


def test_licenses_and_cpus_must_come_together():
    ran = [
        running(1, 8, NOW + 10),
        running(2, 0, NOW + 70, licenses={"sim": 1}),
    ]
    asked = request(8, licenses={"sim": 1})
    assert chance_of([node(busy=8)], asked, ran, licenses={"sim": 1}).start == NOW + 70
    assert chance_of([node(busy=8)], asked, ran, licenses={"sim": 2}).start == NOW + 10


def test_licenses_promised_elsewhere_are_not_counted():
    ledger, demand = asked_of([node()], request(1, licenses={"sim": 2}), licenses={"sim": 3})
    assert licensed(demand, ledger, NOW, NOW + 600)
    ledger.promise(ledger.pool, NOW + 599, NOW + 700, (2,))
    assert not licensed(demand, ledger, NOW, NOW + 600)
    assert licensed(demand, ledger, NOW, NOW + 599)


def test_reservations_are_waited_out():
    wall = Reservation("r", NOW + 50, NOW + 100, frozenset({"n1"}))
    ran = [running(1, 8, NOW + 10)]
    for limit, expected in ((40, NOW + 10), (41, NOW + 100)):
        asked = request(8, limit=limit)
        chance = chance_of([node(busy=8)], asked, ran, reservations=[wall])
        assert chance.start == expected


def test_a_job_of_a_reservation_waits_for_it_to_begin():
    wall = Reservation("r", NOW + 50, NOW + 100, frozenset({"n1"}), uids=frozenset({7}))
    asked = request(8, limit=40, reservation="r")
    chance = chance_of([node()], asked, uid=7, reservations=[wall])
    assert chance.start == NOW + 50


@pytest.mark.parametrize("seed", range(60))
def test_the_earliest_moment_equals_a_search_second_by_second(seed):
    rng = Random(seed)
    ran = [running(at, rng.randint(1, 3), NOW + rng.randint(1, 25)) for at in range(3)]
    used = sum(use.cpus for job in ran for use in job.uses)
    limit = rng.choice([3, 8, 20])
    asked = request(rng.randint(3, 10), limit=limit)
    ledger, demand = asked_of([node(cpus=10, busy=used)], asked, ran)
    slot = ledger.slots[0]
    for _ in range(2):
        start = NOW + rng.randint(1, 30)
        ledger.promise(slot, start, start + rng.randint(1, 15), (rng.randint(1, 4), 0))
    found = earliest(demand, ledger, inf)
    cpus = asked.cpus_per_task
    naive = next(
        NOW + second
        for second in range(90)
        if all(
            slot.room(NOW, NOW + at, NOW + at + 1)[0] >= cpus
            for at in range(second, second + limit)
        )
    )
    # 现在就放得下的不会来问
    assert naive == NOW or found.start == naive


# 守住


def test_the_node_with_the_fewest_endless_jobs_is_sheltered():
    nodes = [node("n1", busy=6), node("n2", busy=8), node("n3", busy=7)]
    ran = [
        running(1, 6, None),
        running(2, 8, NOW + 10, on="n2"),
        running(3, 7, None, on="n3"),
    ]
    ledger, demand = asked_of(nodes, request(8, limit=None), ran)
    # n2 现在最满，可是它上面的会结束；要八个的在 n2 上有指望
    assert seats(shelter(demand, ledger)) == {"n2": 1}


def test_among_equals_the_node_that_lacks_least_now_is_sheltered():
    nodes = [node("n1", busy=6), node("n2", busy=3)]
    ran = [running(1, 6, None), running(2, 3, None, on="n2")]
    ledger, demand = asked_of(nodes, request(8), ran)
    chance = shelter(demand, ledger)
    assert seats(chance) == {"n2": 1}
    assert chance.end == inf


def test_as_many_nodes_are_sheltered_as_the_job_needs():
    nodes = [node(f"n{at}", busy=at) for at in (4, 1, 3, 2)]
    ran = [running(at, at, None, on=f"n{at}") for at in (1, 2, 3, 4)]
    ledger, demand = asked_of(nodes, request(8, tasks=2, nodes_min=2), ran)
    assert seats(shelter(demand, ledger)) == {"n1": 1, "n2": 1}


def test_named_nodes_are_sheltered_whatever_they_lack():
    nodes = [node("n1", busy=1), node("n2", busy=7)]
    ran = [running(1, 1, None), running(2, 7, None, on="n2")]
    ledger, demand = asked_of(nodes, request(8, nodelist=frozenset({"n2"})), ran)
    assert seats(shelter(demand, ledger)) == {"n2": 1}


def test_a_sheltered_node_still_takes_what_the_sheltered_job_does_not_need():
    jobs = [
        waiting(1, request(6, limit=None, memory_per_node=4000), eligible=NOW - 99),
        waiting(2, request(3, limit=None, memory_per_node=3000)),
        waiting(3, request(2, limit=None, memory_per_node=3000)),
    ]
    # 空着 8 - 1 = 7 个 CPU，内存不够 1 号的：它要守住 6 个，余 1 个
    crowded = [node(cpus=9, busy=1, idle_memory=3500)]
    ran = [running(9, 1, None, memory=4500)]
    result = plan(snapshot(crowded, jobs, ran, policy=Policy(age_bound=50)))
    assert not result.starts
    roomy = [node(cpus=9, busy=1, memory=16000, idle_memory=3500)]
    ran = [running(9, 1, None, memory=12500)]
    result = plan(snapshot(roomy, jobs, ran, policy=Policy(age_bound=50)))
    assert not result.starts
    # 内存有余的时候，守住的只是 CPU
    jobs[0].request = request(8, limit=None)
    result = plan(snapshot([node(cpus=9, busy=2)], jobs, [running(9, 2, None)],
                           policy=Policy(age_bound=50)))  # fmt: skip
    assert not result.starts


def test_other_nodes_go_on_taking_jobs_while_one_is_sheltered():
    nodes = [node("n1", busy=2), node("n2", busy=6)]
    ran = [running(8, 2, None), running(9, 6, None, on="n2")]
    jobs = [
        waiting(1, request(8, limit=None), eligible=NOW - 99),
        waiting(2, request(2, limit=None)),
        waiting(3, request(2, limit=None)),
    ]
    result = plan(snapshot(nodes, jobs, ran, policy=Policy(age_bound=50)))
    assert [(s.job_id, s.places[0].node) for s in result.starts] == [(2, "n2")]
    assert result.blocked[1].nodes == ("n1",)


def test_licenses_are_sheltered_too():
    ran = [running(9, 1, None, licenses={"sim": 1})]
    jobs = [
        waiting(1, request(1, limit=None, licenses={"sim": 2}), eligible=NOW - 99),
        waiting(2, request(1, limit=None, licenses={"sim": 1})),
    ]
    policy = Policy(age_bound=50)
    result = plan(snapshot([node(busy=1)], jobs, ran, licenses={"sim": 2}, policy=policy))
    assert not result.starts
    assert result.reason_of(jobs[0]) == "Licenses"


# 落实


def test_what_a_chance_takes_is_what_the_start_takes():
    nodes = [node("n1", gres={"gpu": 2}), node("n2", gres={"gpu": 2})]
    asked = request(8, tasks=2, memory_per_cpu=10, gres={"gpu": 1}, licenses={"sim": 3})
    ledger, demand = asked_of(nodes, asked, licenses={"sim": 5})
    chance = earliest(demand, ledger, inf) or shelter(demand, ledger)
    chance.limit = 600
    taken = tres_taken(chance, asked, ledger)
    assert taken == {"cpu": 16, "mem": 160, "node": 2, "gres/gpu": 2, "license/sim": 3}
    start = book(waiting(1, asked), demand, chance, ledger)
    assert [place.cpu_ids for place in start.places] == [tuple(range(8))] * 2
    assert [slot.idle for slot in ledger.slots] == [(0, 7920, 1)] * 2
    assert ledger.pool.idle == (2,)
    ledger.end(start.booking)
    assert [slot.idle for slot in ledger.slots] == [(8, 8000, 2)] * 2
