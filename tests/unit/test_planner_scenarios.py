"""整段的故事：一串小作业与一个大作业、估错的时限、换分区、断续的节点。"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scns.planner.plan import Planner, plan
from scns.planner.queue import Queue
from scns.planner.simulate import Machine, simulate, times, unlimited
from scns.planner.snapshot import Node, Partition, Policy, Running, Snapshot, Use
from scns.planner.swf import Trace, Workload
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting

CPUS = 64


def flood(length=60, until=1200):
    """六十四个 CPU 上一串一个 CPU 的作业，正好占满；100 秒时来一个要全部的。"""
    small = [(at * length / CPUS, length, 1) for at in range(CPUS * until // length)]
    jobs = sorted([*((int(at), run, cpus) for at, run, cpus in small), (100, 30, CPUS)])
    return Workload([Trace(at, *job) for at, job in enumerate(jobs)], CPUS)


def big(history):
    return next(ran for ran in history if ran.job.cpus == CPUS)


class FirstPromise:
    """大作业得到的第一个许诺。"""

    def __init__(self, load):
        self.job_id = next(at for at, job in enumerate(load.jobs) if job.cpus == CPUS)
        self.moment = None

    def __call__(self, now, found):
        blocked = found.blocked.get(self.job_id)
        if blocked is not None and self.moment is None:
            self.moment = blocked.expected_start


@pytest.mark.parametrize("kind", ["fifo", "easy", "conservative"])
def test_a_job_for_the_whole_machine_starts_when_it_was_promised(kind):
    load = flood()
    promise = FirstPromise(load)
    started = big(simulate(load, Policy(kind), watch=promise)).start
    assert started <= 100 + 60 + 1
    if kind != "fifo":
        assert promise.moment is not None
        assert started <= promise.moment


def test_first_fit_alone_starves_it_and_the_age_bound_saves_it():
    load = flood()
    starved = big(simulate(load, Policy("firstfit", age_bound=None)))
    assert starved.start >= 1200
    saved = big(simulate(load, Policy("firstfit", age_bound=600)))
    assert saved.start <= 100 + 600 + 60 + 1


def test_easy_fills_the_gap_in_front_of_the_large_job():
    load = flood(until=600)
    for at, job in enumerate(load.jobs):
        if job.cpus == 1 and at % 3 == 0:
            job.run = 5
    easy, fifo = (simulate(load, Policy(kind)) for kind in ("easy", "fifo"))

    def passed(history):
        """在大作业等待的时候启动的小作业数。"""
        return sum(100 < ran.start < big(history).start for ran in history)

    # 赶得及的小作业先走，大作业并不因此晚
    assert passed(easy) > 10
    assert passed(fifo) == 0
    assert big(easy).start <= big(fifo).start


def test_overestimated_limits_only_bring_the_start_forward():
    load = flood(length=60)
    promise = FirstPromise(load)
    started = big(simulate(load, Policy("easy"), limit=times(5), watch=promise)).start
    assert started <= promise.moment
    assert started < 100 + 5 * 60


def test_without_limits_the_age_bound_is_the_promise():
    load = flood()
    started = big(simulate(load, Policy("easy", age_bound=300), limit=unlimited)).start
    assert 100 + 300 <= started <= 100 + 300 + 60 + 1


def test_on_four_nodes_the_large_job_starts_too():
    load = flood()
    started = big(simulate(load, Policy("easy"), Machine(16, 4))).start
    assert started <= 100 + 60 + 1


# 守护进程那样一轮一轮地走


class Daemon:
    """一个小集群，用长期保留的规划器与队列，一轮一轮地走。"""

    def __init__(self, nodes: dict[str, int], partitions: list[Partition]) -> None:
        self.nodes = nodes
        self.partitions = partitions
        self.down: set[str] = set()
        self.planner = Planner()
        self.queue = Queue()
        self.jobs = {}
        self.ran = {}
        self.now = NOW

    def snapshot(self) -> Snapshot:
        taken = {name: set() for name in self.nodes}
        runs = []
        for job_id, (start, begun) in self.ran.items():
            uses = []
            for place in start.places:
                taken[place.node] |= set(place.cpu_ids)
                uses.append(Use(place.node, len(place.cpu_ids)))
            end = None if start.time_limit is None else begun + start.time_limit
            runs.append(Running(job_id, 0, "", end, tuple(uses)))
        nodes = [
            Node(name, cpus, tuple(set(range(cpus)) - taken[name]), 0, 0, up=name not in self.down)
            for name, cpus in self.nodes.items()
        ]
        return Snapshot(self.now, nodes, self.partitions, runs)

    def submit(self, job_id, *args, **more):
        self.jobs[job_id] = waiting(job_id, *args, **more)
        self.queue.add(self.jobs[job_id])

    def step(self, seconds=0):
        """过一会儿，走一轮，返回启动的作业号。"""
        self.now += seconds
        self.last = self.planner.plan(self.snapshot(), self.queue)
        for start in self.last.starts:
            self.ran[start.job_id] = (start, self.now)
            self.queue.remove(self.jobs.pop(start.job_id))
        return [start.job_id for start in self.last.starts]

    def end(self, job_id):
        del self.ran[job_id]

    def reason(self, job_id):
        return self.last.reason_of(self.jobs[job_id])


@pytest.fixture
def daemon():
    return Daemon({"n1": 8, "n2": 8}, [Partition("main", ("n1", "n2")), Partition("one", ("n1",))])


def test_jobs_start_as_others_end(daemon):
    daemon.submit(1, request(8))
    daemon.submit(2, request(8))
    daemon.submit(3, request(8))
    assert daemon.step() == [1, 2]
    assert daemon.reason(3) == "Resources"
    assert daemon.step(10) == []
    daemon.end(1)
    assert daemon.step() == [3]


def test_a_node_that_comes_back_is_used_at_once(daemon):
    daemon.down = {"n1", "n2"}
    daemon.submit(1, request(4))
    assert daemon.step() == []
    assert daemon.reason(1) == "ReqNodeNotAvail, UnavailableNodes:n[1-2]"
    daemon.down = {"n1"}
    assert daemon.step(5) == [1]
    assert daemon.ran[1][0].places[0].node == "n2"


def test_a_partition_that_is_closed_and_opened_again(daemon):
    daemon.submit(1, request(4, partitions=("one",)))
    daemon.partitions[1] = replace(daemon.partitions[1], up=False)
    assert daemon.step() == []
    assert daemon.reason(1) == "PartitionDown"
    daemon.partitions[1] = replace(daemon.partitions[1], up=True)
    assert daemon.step() == [1]


def test_a_partition_changed_in_place_is_noticed(daemon):
    daemon.submit(1, request(4, partitions=("one",)))
    daemon.partitions[1].up = False
    assert daemon.step() == []
    daemon.partitions[1].up = True
    assert daemon.step() == [1]


def test_a_better_priority_takes_the_next_place(daemon):
    for at in (1, 2):
        daemon.submit(at, request(8))
    daemon.step()
    daemon.submit(3, request(8))
    daemon.submit(4, request(8))
    daemon.step(1)
    assert daemon.reason(4) == "Priority"
    daemon.queue.set_priority(daemon.jobs[4], 999)
    daemon.step(1)
    assert daemon.reason(4) == "Resources"
    daemon.end(1)
    assert daemon.step() == [4]


def test_a_cancelled_first_job_frees_its_promise(daemon):
    daemon.submit(1, request(8, limit=None))
    daemon.submit(2, request(6, limit=100))
    assert daemon.step() == [1, 2]
    daemon.submit(3, request(8, limit=50))
    daemon.submit(4, request(2, limit=500))
    assert daemon.step(1) == []
    assert daemon.last.blocked[3].expected_start == NOW + 100
    daemon.queue.remove(daemon.jobs.pop(3))
    assert daemon.step(1) == [4]


def test_an_overdue_job_delays_but_does_not_confuse(daemon):
    daemon.submit(1, request(8, limit=10, nodelist=frozenset({"n1"})))
    daemon.submit(2, request(8, limit=10, nodelist=frozenset({"n2"})))
    daemon.step()
    daemon.submit(3, request(8, limit=10))
    for _ in range(3):
        assert daemon.step(10) == []
    assert daemon.last.blocked[3].expected_start == daemon.now + 1
    daemon.end(2)
    assert daemon.step() == [3]


def test_two_rounds_without_a_change_decide_nothing_new(daemon):
    for at in range(1, 6):
        daemon.submit(at, request(5))
    first = daemon.step()
    assert first
    assert daemon.step() == []
    assert daemon.step() == []


def test_plans_made_from_nothing_agree_with_the_kept_ones(daemon):
    for at in range(1, 20):
        daemon.submit(at, request(1 + at % 7, limit=60 * (1 + at % 3)))
        before = [replace(job) for job in daemon.queue]
        fresh = plan(replace(daemon.snapshot(), waiting=before))
        assert daemon.step(7) == [start.job_id for start in fresh.starts]
        if at % 4 == 0 and daemon.ran:
            daemon.end(min(daemon.ran))


# 快照的边角


def test_an_empty_cluster_plans_nothing():
    result = plan(Snapshot(NOW, [], [], waiting=[waiting(1)]))
    assert not result.starts
    assert result.reason_of(waiting(1)) == "PartitionConfig"


def test_an_empty_queue_plans_nothing():
    result = plan(snapshot([node()], []))
    assert (result.starts, result.blocked, result.first) == ([], {}, {})


def test_a_partition_naming_unknown_nodes_uses_those_it_has():
    parts = [Partition("main", ("gone", "n1"))]
    assert len(plan(snapshot([node()], [waiting(1)], partitions=parts)).starts) == 1


def test_a_suspended_job_gives_its_cpus_but_not_its_memory():
    jobs = [waiting(1, request(8, memory_per_node=3000)), waiting(2, request(8))]
    ran = [running(9, 0, NOW + 50, memory=6000)]
    result = plan(snapshot([node(idle_memory=2000)], jobs, ran))
    assert result.blocked[1].expected_start == NOW + 50
    # 2 号不碍 1 号的内存，可是它要用满 CPU 到许诺之后
    assert not result.starts
    jobs[1].request = request(8, limit=50)
    assert [s.job_id for s in plan(snapshot([node(idle_memory=2000)], jobs, ran)).starts] == [2]
