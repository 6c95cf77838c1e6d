"""留到下一轮的许诺：与每轮从头许诺的决定、许诺、原因都相同；该作废的时候作废。"""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from random import Random

import pytest

from scns.planner import round as round_module
from scns.planner.demand import Compiler
from scns.planner.ledger import Ledger
from scns.planner.plan import decide, plan
from scns.planner.queue import Queue
from scns.planner.simulate import simulate, times
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
from scns.planner.swf import Trace, Workload
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting
from tests.unit.planner_reference import Reference

MEMORY = 16


class World:
    """作业按时（或者有时提早）结束的小集群：留着的账本与队列，和每轮重建的快照并行。"""

    def __init__(self, rng: Random, tests: int, early: float) -> None:
        self.rng = rng
        self.now = NOW
        self.early = early
        self.policy = Policy("conservative", age_bound=None, bf_max_job_test=tests)
        count = rng.choice([1, 1, 2, 3])
        self.nodes = {f"n{at}": rng.choice([4, 8]) for at in range(count)}
        self.partitions = [Partition("main", tuple(self.nodes))]
        if count > 1:
            some = tuple(rng.sample(list(self.nodes), rng.randint(1, count)))
            self.partitions.append(Partition("other", some, tier=rng.choice([1, 2])))
        self.ledger = Ledger(self.snapshot())
        self.compiler = Compiler(self.ledger, self.partitions)
        self.queue = Queue(tier=self.compiler.tier)
        self.waiting: dict[int, Waiting] = {}
        self.running: dict[int, tuple] = {}
        self.ends: list[tuple[float, int]] = []
        self.requests: list[Request] = []
        self.next_id = 1
        self.kept = self.rounds = 0

    def snapshot(self) -> Snapshot:
        taken = {name: [set(), 0] for name in self.nodes}
        runs = []
        for start in getattr(self, "running", {}).values():
            for place in start.places:
                taken[place.node][0] |= set(place.cpu_ids)
                taken[place.node][1] += place.memory
            uses = tuple(Use(each.node, len(each.cpu_ids), each.memory) for each in start.places)
            runs.append(Running(start.job_id, 0, "", start.booking.end, uses))
        nodes = [
            Node(
                name,
                cpus,
                tuple(cpu for cpu in range(cpus) if cpu not in taken[name][0]),
                MEMORY,
                MEMORY - taken[name][1],
            )
            for name, cpus in self.nodes.items()
        ]
        queue = list(getattr(self, "waiting", {}).values())
        return Snapshot(self.now, nodes, self.partitions, runs, queue, policy=self.policy)

    def change(self) -> None:
        """提交、结束，偶尔取消或改优先级；时间走到下一件事。"""
        rng = self.rng
        due = self.ends[0][0] if self.ends else float("inf")
        if rng.random() < 0.6 or not self.ends:
            self.now = min(due, self.now + rng.choice([0, 1, 2, 5]))
            self.submit()
        else:
            self.now = due
        if self.waiting and rng.random() < 0.05:
            job = self.waiting[rng.choice(list(self.waiting))]
            if rng.random() < 0.5:
                self.queue.remove(self.waiting.pop(job.job_id))
            else:
                self.queue.set_priority(job, rng.randint(1, 3))
        while self.ends and self.ends[0][0] <= self.now:
            start = self.running.pop(heappop(self.ends)[1])
            self.ledger.end(start.booking)

    def submit(self) -> None:
        rng = self.rng
        if not self.requests or rng.random() < 0.7:
            parts = [part.name for part in self.partitions]
            self.requests.append(
                Request(
                    tuple(rng.sample(parts, rng.randint(1, len(parts)))),
                    tasks=rng.choice([1, 1, 2, 3, 5, 9]),
                    cpus_per_task=rng.choice([1, 1, 2]),
                    nodes_max=rng.choice([None, None, 1, 2]),
                    memory_per_node=rng.choice([None, None, 3, 10]),
                    exclusive=rng.random() < 0.1,
                    time_limit=rng.choice([3, 10, 17, 30, 60]),
                )
            )
        shape = rng.randrange(len(self.requests))
        priority = 2 if rng.random() < 0.9 else 3
        job = Waiting(self.next_id, shape, priority, self.now, self.requests[shape])
        self.waiting[job.job_id] = job
        self.queue.add(job)
        self.next_id += 1

    def step(self) -> None:
        fresh = plan(self.snapshot())
        self.ledger.begin(self.now)
        self.rounds += 1
        before = self.ledger.standing
        kept = decide(self.ledger, self.compiler, self.queue, self.policy)
        self.kept += before is not None and self.ledger.standing is before
        assert kept.starts == fresh.starts
        promises = {job_id: (each.expected_start, each.nodes) for job_id, each in
                    fresh.blocked.items() if each.expected_start is not None}  # fmt: skip
        assert promises == {
            job_id: (each.expected_start, each.nodes)
            for job_id, each in kept.blocked.items()
            if each.expected_start is not None
        }
        started = {start.job_id for start in kept.starts}
        for job in self.waiting.values():
            if job.job_id not in started:
                assert kept.blocked_of(job) == fresh.blocked_of(job)
        for start in kept.starts:
            self.queue.remove(self.waiting.pop(start.job_id))
            self.running[start.job_id] = start
            length = start.time_limit
            if self.rng.random() < self.early:
                length = self.rng.randint(1, length)
            heappush(self.ends, (self.now + length, start.job_id))


@pytest.mark.parametrize("early", [0.0, 0.1])
@pytest.mark.parametrize("tests", [2, 5, 500])
def test_kept_promises_are_those_of_a_fresh_round(tests, early):
    rounds = kept = 0
    for seed in range(40):
        world = World(Random(f"{tests} {early} {seed}"), tests, early)
        for _ in range(60):
            world.change()
            world.step()
        rounds, kept = rounds + world.rounds, kept + world.kept
    # 不是每轮都从头来：有提早结束的也至少留下四分之一
    assert kept > rounds / 4


def test_kept_promises_are_those_of_the_exhaustive_planner():
    seen = 0
    for seed in range(60):
        world = World(Random(f"exhaustive {seed}"), 500, 0.0)
        for _ in range(25):
            world.change()
            answer = Reference(world.snapshot()).run()
            world.ledger.begin(world.now)
            found = decide(world.ledger, world.compiler, world.queue, world.policy)
            assert [start.job_id for start in found.starts] == [start[0] for start in answer.starts]
            assert answer.promises == {
                job_id: (each.expected_start, tuple(sorted(each.nodes)))
                for job_id, each in found.blocked.items()
                if each.expected_start is not None
            }
            seen += len(answer.promises)
            for start in found.starts:
                world.queue.remove(world.waiting.pop(start.job_id))
                world.running[start.job_id] = start
                heappush(world.ends, (start.booking.end, start.job_id))
    assert seen > 500


# 何时算过，何时不算


@pytest.fixture
def searches(monkeypatch):
    """找过几次最早的机会。"""
    counts = Counter()
    real = round_module.earliest

    def counted(*args):
        counts["earliest"] += 1
        return real(*args)

    monkeypatch.setattr(round_module, "earliest", counted)
    return counts


class Kept:
    """一个节点，八个 CPU，一个作业占着，几个作业排着；第一轮已经过去。"""

    def __init__(self, waits=5, policy=None, **more):
        found = snapshot([node()], [], **more)
        self.policy = policy or Policy("conservative")
        self.ledger = Ledger(found)
        self.compiler = Compiler(self.ledger, found.partitions, found.reservations)
        self.queue = Queue([waiting(1, request(8, limit=100))])
        [self.first] = self.round(NOW).starts
        self.queue.remove(next(iter(self.queue)))
        self.jobs = [waiting(10 + at, request(8, limit=10 + at)) for at in range(waits)]
        for job in self.jobs:
            self.queue.add(job)
        self.last = self.round(NOW)

    def round(self, now):
        self.ledger.begin(now)
        return decide(self.ledger, self.compiler, self.queue, self.policy)


def test_an_arrival_is_the_only_one_that_gets_a_promise_made(searches):
    world = Kept()
    assert searches["earliest"] == 5
    world.queue.add(waiting(50, request(8, limit=7)))
    result = world.round(NOW + 1)
    assert searches["earliest"] == 6
    assert result.blocked[50].expected_start == NOW + 100 + 10 + 11 + 12 + 13 + 14


def test_a_job_whose_time_has_come_starts_and_nobody_is_planned_anew(searches):
    world = Kept()
    world.ledger.end(world.first.booking)
    result = world.round(NOW + 100)
    assert [start.job_id for start in result.starts] == [10]
    assert searches["earliest"] == 5
    assert list(result.blocked) == [11, 12, 13, 14]
    assert result.reason_of(world.jobs[1]) == "Resources"
    assert result.reason_of(world.jobs[2]) == "Priority"
    assert result.blocked[11].blockers == (10,)


def test_a_start_makes_room_for_one_more_promise(searches):
    world = Kept(policy=Policy("conservative", bf_max_job_test=2))
    assert list(world.last.blocked) == [10, 11]
    world.ledger.end(world.first.booking)
    result = world.round(NOW + 100)
    assert list(result.blocked) == [11, 12]
    assert searches["earliest"] == 3


def test_a_job_of_the_shape_that_started_is_looked_at_next():
    world = Kept(waits=0)
    same = request(3, limit=50)
    for job_id in (20, 21, 22):
        world.queue.add(waiting(job_id, same, shape=20))
    world.policy = Policy("conservative", bf_max_job_test=1)
    assert list(world.round(NOW + 1).blocked) == [20]
    world.ledger.end(world.first.booking)
    assert [start.job_id for start in world.round(NOW + 100).starts] == [20, 21]


@pytest.mark.parametrize(
    "what", ["early", "overdue", "cancel", "last", "priority", "ahead", "policy"]
)
def test_what_disturbs_the_promises_has_them_made_anew(searches, what):
    world = Kept()
    now, jobs = NOW + 50, world.jobs
    if what == "early":
        world.ledger.end(world.first.booking)
    elif what == "overdue":
        now = NOW + 100
    elif what == "cancel":
        world.queue.remove(jobs.pop(1))
    elif what == "last":
        world.queue.remove(jobs.pop())
    elif what == "priority":
        world.queue.set_priority(jobs[4], 500)
    elif what == "ahead":
        world.queue.add(waiting(50, request(8, limit=7), priority=500))
    else:
        world.policy = Policy("conservative", bf_max_job_test=4)
    before = searches["earliest"]
    result = world.round(now)
    assert searches["earliest"] >= before + 4
    running_on = [] if what == "early" else [running(1, 8, NOW + 100)]
    busy = 0 if what == "early" else 8
    found = Snapshot(
        now,
        [node(busy=busy)],
        [Partition("main", ("n1",))],
        running_on,
        list(world.queue),
        policy=world.policy,
    )
    fresh = plan(found)
    assert [start.job_id for start in result.starts] == [start.job_id for start in fresh.starts]
    assert result.blocked == fresh.blocked


@pytest.mark.parametrize(
    "asked",
    [
        request(8, limit=90, time_min=5),
        request(8, licenses={"sim": 1}),
    ],
)
def test_promises_that_could_come_earlier_by_themselves_are_not_kept(asked):
    world = Kept(waits=1, licenses={"sim": 1})
    assert world.ledger.standing is not None
    world.queue.add(waiting(50, asked))
    world.round(NOW + 1)
    assert world.ledger.standing is None


def test_an_array_is_planned_anew_each_round():
    world = Kept(waits=1)
    world.queue.add(waiting(50, request(2), count=3))
    world.round(NOW + 1)
    assert world.ledger.standing is None


def test_a_job_that_never_gets_a_chance_is_planned_anew_each_round():
    ran = [running(9, 2, None)]
    found = snapshot([node(busy=2)], [], ran)
    ledger = Ledger(found)
    compiler = Compiler(ledger, found.partitions)
    queue = Queue([waiting(1, request(8))])
    decide(ledger, compiler, queue, Policy("conservative"))
    assert ledger.standing is None


def test_a_reservation_or_a_window_keeps_nothing():
    wall = Reservation("r", NOW + 5000, NOW + 6000, frozenset({"n1"}))
    assert Kept(reservations=[wall]).ledger.standing is None
    assert Kept(policy=Policy("conservative", bf_window=9999)).ledger.standing is None


def test_a_job_too_large_for_the_machine_disturbs_nothing(searches):
    world = Kept(waits=2)
    world.queue.add(waiting(5, request(99)))
    world.round(NOW + 1)
    searches.clear()
    world.queue.add(waiting(60, request(8, limit=5)))
    result = world.round(NOW + 2)
    assert searches["earliest"] == 1
    assert result.reason_of(waiting(5, request(99))) == "PartitionConfig"


def test_an_empty_queue_keeps_nothing_and_records_nothing():
    world = Kept(waits=0)
    assert world.ledger.standing is None
    assert world.queue.changes is None


@pytest.mark.parametrize("factor", [1, 3])
def test_a_crowded_simulation_decides_as_without_keeping(monkeypatch, factor):
    rng = Random(11)
    jobs = [
        Trace(at, at * 3, rng.randint(1, 90), rng.choice([1, 2, 3, 5, 8, 12])) for at in range(300)
    ]
    load, policy = Workload(jobs, 12), Policy("conservative", bf_max_job_test=20)
    kept = simulate(load, policy, limit=times(factor))
    real = Ledger.begin

    def begin(ledger, now):
        ledger.standing = None
        real(ledger, now)

    monkeypatch.setattr(Ledger, "begin", begin)
    assert simulate(load, policy, limit=times(factor)) == kept
