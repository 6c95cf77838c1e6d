"""一轮看多少：代价由形状与启动数定，与队列多长无关；数的是次数，不是时间。"""

from __future__ import annotations

from collections import Counter

import pytest

from scns.planner import round as round_module
from scns.planner.demand import Compiler
from scns.planner.ledger import Ledger
from scns.planner.plan import decide, plan
from scns.planner.queue import Queue
from scns.planner.snapshot import Partition, Policy
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting


@pytest.fixture
def calls(monkeypatch):
    """`round` 里各个函数被调用的次数。"""
    counts = Counter()

    def count(name):
        real = getattr(round_module, name)

        def counted(*args):
            counts[name] += 1
            return real(*args)

        monkeypatch.setattr(round_module, name, counted)

    for name in ("place", "earliest", "book"):
        count(name)
    real_consider = round_module.Round._consider

    def consider(self, line, index):
        counts["consider"] += 1
        return real_consider(self, line, index)

    monkeypatch.setattr(round_module.Round, "_consider", consider)
    return counts


def crowd(count, shapes, least=5):
    """放不下的作业，共若干种形状。"""
    asked = [request(least, limit=600 + at) for at in range(shapes)]
    return [waiting(at, asked[at % shapes], shape=at % shapes) for at in range(count)]


BUSY = [running(9_999_999, 4, NOW + 100)]


@pytest.mark.parametrize("count", [100, 20_000])
def test_a_round_looks_at_each_shape_once_however_long_the_queue(calls, count):
    result = plan(snapshot([node(busy=4)], crowd(count, 10), BUSY))
    assert not result.starts
    assert calls["consider"] == 10
    assert calls["earliest"] == 1
    assert len(result.blocked) == 1


def test_larger_requests_are_not_tried_after_a_smaller_one_failed(calls):
    jobs = [waiting(at, request(1, limit=600, memory_per_node=9000 + at)) for at in range(500)]
    nodes = [node(f"n{at}", memory=20_000, idle_memory=8000, busy=1) for at in range(3)]
    ran = [running(at, 1, NOW + 100, on=f"n{at}", memory=12_000) for at in range(3)]
    plan(snapshot(nodes, jobs, ran))
    assert calls["consider"] == 500
    assert calls["place"] == 1


def test_what_needs_more_cpus_than_are_idle_is_not_placed_at_all(calls):
    plan(snapshot([node(busy=4)], crowd(1000, 50), BUSY))
    assert calls["place"] == 0


def test_a_full_cluster_ends_the_round_after_the_first_promise(calls):
    jobs = crowd(1000, 100, least=1)
    result = plan(snapshot([node(busy=8)], jobs, [running(1, 8, NOW + 100)]))
    assert calls["consider"] == 1
    assert result.blocked[0].expected_start == NOW + 100
    assert result.reason_of(jobs[500]) == "Priority"


def test_strict_fifo_ends_the_round_at_the_first_blocked_job(calls):
    plan(snapshot([node(busy=4)], crowd(1000, 100), BUSY, kind="fifo"))
    assert calls["consider"] == 1


def test_a_thousand_elements_of_an_array_start_without_looking_around(calls):
    array = waiting(5000, request(1), count=100_000, priority=200)
    nodes = [node(f"n{at}", cpus=100) for at in range(10)]
    result = plan(snapshot(nodes, [array, *crowd(1000, 10)]))
    assert len(result.starts) == 1000
    assert calls["book"] == 1000
    assert calls["consider"] <= 11


def test_an_arrival_costs_one_look_when_nothing_was_given_back(calls):
    found = snapshot([node(busy=4)], [], BUSY)
    ledger = Ledger(found)
    compiler = Compiler(ledger, found.partitions)
    queue = Queue(crowd(1000, 100))
    decide(ledger, compiler, queue, Policy())
    assert calls["consider"] == 100
    calls.clear()
    queue.add(waiting(5000, request(6, limit=5)))
    ledger.begin(NOW + 1)
    decide(ledger, compiler, queue, Policy())
    # 队首（它的许诺要重立）与新来的
    assert calls["consider"] == 2


def test_a_job_given_back_makes_everyone_worth_a_look_again(calls):
    found = snapshot([node()], [], [])
    ledger = Ledger(found)
    compiler = Compiler(ledger, found.partitions)
    queue = Queue([waiting(1, request(4))])
    first = decide(ledger, compiler, queue, Policy()).starts[0]
    queue = Queue(crowd(50, 10, least=6))
    decide(ledger, compiler, queue, Policy())
    calls.clear()
    ledger.end(first.booking)
    ledger.begin(NOW + 1)
    assert len(decide(ledger, compiler, queue, Policy()).starts) == 1


def test_reasons_of_jobs_not_looked_at_are_made_when_asked_for():
    parts = [Partition("main", ("n1",)), Partition("shut", ("n1",), up=False)]
    jobs = crowd(2000, 4)
    odd = waiting(7000, request(1, partitions=("shut",)), priority=1)
    later = waiting(7001, request(1), eligible=NOW + 60)
    throttled = waiting(7002, request(1), count=0)
    ran = [running(9, 8, NOW + 100)]
    every = [*jobs, odd, later, throttled]
    result = plan(snapshot([node(busy=8)], every, ran, partitions=parts))
    assert len(result.blocked) <= 5
    assert result.reason_of(jobs[1234]) == "Priority"
    assert result.blocked_of(jobs[1234]).blockers == (0,)
    assert result.reason_of(odd) == "PartitionDown"
    assert result.reason_of(later) == "BeginTime"
    assert result.blocked_of(later).expected_start == NOW + 60
    assert result.reason_of(throttled) == "JobArrayTaskLimit"
