"""任何集群与队列都成立的性质。"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.demand import Compiler
from scns.planner.ledger import Ledger
from scns.planner.plan import Planner, decide, plan
from scns.planner.queue import Queue
from scns.planner.snapshot import (
    Node,
    Partition,
    Policy,
    Request,
    Reservation,
    Running,
    Snapshot,
    Use,
    Waiting,
)
from tests.unit.planner_reference import Reference
from tests.unit.test_planner_reference import NOW, POLICIES, random_snapshot

cases = st.tuples(st.integers(0, 10**9), st.sampled_from(POLICIES))


def case(seed, kind):
    return random_snapshot(Random(seed), kind)


@given(cases)
@settings(max_examples=200, deadline=None)
def test_nothing_is_ever_oversold(drawn):
    snapshot = case(*drawn)
    idle = {node.name: set(node.idle) for node in snapshot.nodes}
    memory = {node.name: node.idle_memory for node in snapshot.nodes}
    gres = {node.name: Counter(node.idle_gres) for node in snapshot.nodes}
    licenses = Counter(snapshot.licenses)
    for job in snapshot.running:
        licenses.subtract(job.licenses)
    requests = {job.job_id: job.request for job in snapshot.waiting}
    for start in plan(snapshot).starts:
        licenses.subtract(requests[start.job_id].licenses)
        for place in start.places:
            assert set(place.cpu_ids) <= idle[place.node]
            idle[place.node] -= set(place.cpu_ids)
            memory[place.node] -= place.memory
            gres[place.node].subtract(place.gres)
    assert min(memory.values()) >= 0
    assert min((n for each in gres.values() for n in each.values()), default=0) >= 0
    assert min(licenses.values(), default=0) >= 0


@given(cases)
@settings(max_examples=150, deadline=None)
def test_what_fits_and_delays_nobody_starts(drawn):
    snapshot = case(*drawn)
    if snapshot.policy.kind == "fifo":
        return
    result = plan(snapshot)
    book = Reference(snapshot)
    jobs = {job.job_id: job for job in snapshot.waiting}
    left = Counter({job.job_id: job.count for job in snapshot.waiting})
    for start in result.starts:
        dealt = {place.node: place.tasks for place in start.places}
        book.book(jobs[start.job_id], book.parts[start.partition], NOW, dealt)
        left[start.job_id] -= 1
    for blocked in result.blocked.values():
        if blocked.expected_start is not None:
            # 许诺各占一份；它的摆法由穷举的规划器重算
            job = jobs[blocked.job_id]
            parts = [book.parts[name] for name in job.request.partitions]
            parts = sorted((p for p in parts if book.possible(job, p)), key=lambda p: -p.tier)
            moment, part, dealt = book.chance(job, parts)
            assert moment == blocked.expected_start
            book.book(job, part, moment, dealt)
    for job_id, count in left.items():
        job = jobs[job_id]
        for name in job.request.partitions:
            if count and book.possible(job, book.parts[name]):
                assert book.try_at(job, book.parts[name], NOW) is None


@given(cases)
@settings(max_examples=100, deadline=None)
def test_the_same_snapshot_gives_the_same_plan_in_any_order(drawn):
    snapshot = case(*drawn)
    first = plan(snapshot)
    assert plan(snapshot) == first
    rng = Random(1)
    shuffled = replace(
        snapshot,
        waiting=rng.sample(list(snapshot.waiting), len(snapshot.waiting)),
        running=rng.sample(list(snapshot.running), len(snapshot.running)),
    )
    again = plan(shuffled)
    assert again.starts == first.starts
    assert again.blocked == first.blocked


@given(cases)
@settings(max_examples=100, deadline=None)
def test_every_waiting_job_has_a_reason(drawn):
    snapshot = case(*drawn)
    result = plan(snapshot)
    started = Counter(start.job_id for start in result.starts)
    for job in snapshot.waiting:
        if started[job.job_id] < job.count:
            assert result.reason_of(job)


@given(cases)
@settings(max_examples=60, deadline=None)
def test_a_plan_leaves_the_snapshot_as_it_was(drawn):
    snapshot = case(*drawn)
    before = repr(snapshot)
    plan(snapshot)
    assert repr(snapshot) == before


@given(st.lists(cases, min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_kept_planner_decides_as_a_new_one_whatever_changes(drawn):
    kept = Planner()
    for each in drawn:
        first = case(*each)
        # 同样的配置、别的占用，再来一次
        second = replace(
            first, now=first.now + 5, running=(), nodes=[emptied(n) for n in first.nodes]
        )
        for snapshot in (first, second, replace(second, partitions=second.partitions[:1])):
            assert kept.plan(snapshot) == plan(snapshot)


def emptied(node):
    return replace(node, idle=tuple(range(node.cpus)), idle_memory=node.memory, idle_gres=node.gres)


# 长期保留的账本与队列


class World:
    """一个随时间变化的小集群；长期保留的账本与队列，和每轮重建的快照并行。"""

    def __init__(self, rng: Random, kind: str) -> None:
        self.rng = rng
        self.now = NOW
        self.policy = Policy(kind=kind, age_bound=rng.choice([None, 30]))
        self.cpus = {f"n{at}": rng.choice([4, 8]) for at in range(rng.choice([1, 1, 2]))}
        self.partitions = [Partition("main", tuple(self.cpus))]
        if rng.random() < 0.4:
            self.partitions.append(Partition("other", (rng.choice(list(self.cpus)),)))
        self.ledger = Ledger(self.snapshot_of([], []))
        self.compiler = Compiler(self.ledger, self.partitions)
        self.queue = Queue()
        self.planner = Planner()
        self.other = Queue()
        self.twins: dict[int, Waiting] = {}
        self.waiting: dict[int, Waiting] = {}
        self.running: dict[int, tuple] = {}
        self.requests: list[Request] = []
        self.next_id = 1

    def snapshot_of(self, running, waiting) -> Snapshot:
        taken = {name: set() for name in self.cpus}
        runs = []
        for start, end in running:
            uses = []
            for place in start.places:
                taken[place.node] |= set(place.cpu_ids)
                uses.append(Use(place.node, len(place.cpu_ids)))
            runs.append(Running(start.job_id, 0, "", end, tuple(uses)))
        nodes = [
            Node(name, cpus, tuple(c for c in range(cpus) if c not in taken[name]), 0, 0)
            for name, cpus in self.cpus.items()
        ]
        return Snapshot(self.now, nodes, self.partitions, runs, waiting, policy=self.policy)

    def change(self) -> None:
        """提交、取消、改优先级或有作业结束，然后过一会儿。"""
        rng = self.rng
        action = rng.choice(["submit", "submit", "submit", "end", "end", "cancel", "priority"])
        if action == "submit":
            self.submit()
        elif action == "end" and self.running:
            start, _ = self.running.pop(rng.choice(list(self.running)))
            self.ledger.end(start.booking)
        elif self.waiting:
            job = self.waiting[rng.choice(list(self.waiting))]
            if action == "cancel":
                self.drop(job)
            else:
                priority = rng.randint(1, 3)
                self.queue.set_priority(job, priority)
                self.other.set_priority(self.twins[job.job_id], priority)
        self.now += rng.choice([0, 1, 5, 20])

    def submit(self) -> None:
        rng = self.rng
        if not self.requests or rng.random() < 0.6:
            parts = [part.name for part in self.partitions]
            self.requests.append(
                Request(
                    tuple(rng.sample(parts, rng.randint(1, len(parts)))),
                    tasks=rng.choice([1, 2, 3, 6]),
                    time_limit=rng.choice([None, 10, 30, 60]),
                )
            )
        shape = rng.randrange(len(self.requests))
        priority = rng.randint(1, 3)
        job = Waiting(self.next_id, shape, priority, self.now, self.requests[shape])
        self.waiting[job.job_id] = job
        self.twins[job.job_id] = replace(job)
        self.queue.add(job)
        self.other.add(self.twins[job.job_id])
        self.next_id += 1

    def drop(self, job: Waiting) -> None:
        del self.waiting[job.job_id]
        self.queue.remove(job)
        self.other.remove(self.twins.pop(job.job_id))

    def step(self) -> None:
        snapshot = self.snapshot_of(self.running.values(), list(self.waiting.values()))
        fresh = plan(snapshot)
        assert self.planner.plan(snapshot, self.other).starts == fresh.starts
        self.ledger.begin(self.now)
        kept = decide(self.ledger, self.compiler, self.queue, self.policy)
        assert kept.starts == fresh.starts
        assert kept.first == fresh.first
        for start in kept.starts:
            self.drop(self.waiting[start.job_id])
            end = None if start.time_limit is None else self.now + start.time_limit
            self.running[start.job_id] = (start, end)
        for job in self.waiting.values():
            assert kept.reason_of(job) == fresh.reason_of(job)
            one, other = kept.blocked_of(job), fresh.blocked_of(job)
            if other.expected_start is not None:
                assert one == other


@pytest.mark.parametrize("kind", POLICIES)
def test_a_kept_queue_and_ledger_decide_as_a_fresh_snapshot_would(kind):
    for seed in range(40):
        world = World(Random(f"{kind} {seed}"), kind)
        for _ in range(40):
            world.change()
            world.step()


def test_a_kept_ledger_notices_that_a_reservation_is_over():
    nodes = [Node(name, 4, (), 0, 0) for name in ("n1", "n2")]
    nodes[1].idle = (0, 1, 2, 3)
    wall = Reservation("r", NOW - 10, NOW + 10, frozenset({"n2"}))
    partitions = [Partition("main", ("n1", "n2"))]
    ran = [Running(9, 0, "", NOW + 100, (Use("n1", 4),))]
    snapshot = Snapshot(NOW, nodes, partitions, ran, reservations=[wall])
    ledger = Ledger(snapshot)
    compiler = Compiler(ledger, partitions, [wall])
    both = Request(("main",), tasks=8, time_limit=50)
    one = Request(("main",), nodelist=frozenset({"n2"}), time_limit=50)
    queue = Queue([Waiting(1, 1, 1, NOW, both), Waiting(2, 2, 1, NOW, one)])
    assert not decide(ledger, compiler, queue, Policy()).starts
    ledger.begin(NOW + 10)
    starts = decide(ledger, compiler, queue, Policy()).starts
    assert [start.job_id for start in starts] == [2]
