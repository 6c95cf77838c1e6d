"""各轮之间留着的快照总与库里的相同：不论做了什么，照它排的计划与从头读的一样。"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from scns.db import changes, jobs, lease, nodes
from scns.planner.plan import plan
from scns.planner.priority import Weights
from scns.planner.snapshot import Policy, Running, Snapshot
from scns.scheduler import mirror as mirror_
from scns.scheduler.mirror import Mirror
from scns.scheduler.ranking import Ranker
from scns.scheduler.reader import _COLUMNS, Head, Reader
from tests.integration.world import World

#: 比任何队列都长。
ALL = 100_000


@pytest.fixture
def world(database, cursor, site) -> World:
    cursor.execute(
        "INSERT INTO scns.node (name, cpus, memory, idle_cpus, last_seen, cores_per_socket, weight)"
        " VALUES ('n2', 4, 4000, '{[0,4)}', now(), 4, 2);"
        "INSERT INTO scns.partition (name, position, nodes, state, priority_tier)"
        " VALUES ('wide', 3, '{n1,n2}', 'UP', 2);"
        "INSERT INTO scns.qos (name) VALUES ('long')"
    )
    return World(database, cursor, {"matlab": 2})


class Chaos:
    """随意地做各种事。"""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = Random(seed)
        self.ids: list[int] = []
        self.done: list[str] = []

    def step(self) -> None:
        """做一件事，走一轮。"""
        names = [name for name in dir(self) if name.startswith("do_")]
        weights = [8 if name == "do_submit" else 4 if name == "do_end" else 1 for name in names]
        [name] = self.random.choices(names, weights)
        self.done.append(name)
        getattr(self, name)()

    def pick(self) -> int:
        """一个作业；多半是新近的。"""
        if not self.ids:
            self.do_submit()
        return self.random.choice(self.ids[-12:])

    def target(self) -> dict[str, Any]:
        """一个作业，或数组里的一段。"""
        start = self.random.randint(1, 5)
        tasks = {"tasks": f"{{[{start},{start + self.random.randint(1, 3)})}}"}
        return {"job": self.pick()} | (tasks if self.random.random() < 0.3 else {})

    def do_submit(self) -> None:
        pick = self.random.choice
        asked: dict[str, Any] = {
            "tasks": pick([1, 1, 1, 2, 3]),
            "time_limit": pick([60, 600, 3600]),
            "partition": pick(["main", "main", "short", "wide", "closed"]),
        }
        extras: list[dict[str, Any]] = [
            {"array_indices": "{[1,7)}", "array_limit": pick([1, 2, 3])},
            {"array_indices": "{[1,5)}"},
            {"hold": True},
            {"nice": pick([1, 10])},
            {"exclusive": "node"},
            {"licenses": "matlab:1"},
            {"memory_per_cpu": 3000},
            {"qos": "long"},
            {"nodes_min": 2, "tasks": 2, "partition": "wide"},
            {"time_min": 60, "time_limit": 3600},
            {"begin_time": (datetime.now(UTC) + timedelta(seconds=20)).isoformat()},
        ]
        if self.ids:
            kind = pick(["afterany", "afterok", "after", "singleton"])
            extras.append({"edges": [{"kind": kind, "job": self.pick()}]})
        for _ in range(pick([1, 1, 6])):
            extra = pick(extras) if self.random.random() < 0.5 else {}
            self.ids.append(self.world.submit(**(asked | extra)))
        self.world.run()

    def do_end(self) -> None:
        running = sorted(self.world.stepd.running)
        for job, attempt in self.random.sample(running, min(len(running), 2)):
            self.world.stepd.end(job, attempt, status=self.random.choice([0, 256]))
        self.world.run()

    def do_hold(self) -> None:
        self.world.ask("hold", self.target())

    def do_release(self) -> None:
        self.world.ask("release", self.target())

    def do_cancel(self) -> None:
        self.world.ask("cancel", self.target())

    def do_requeue(self) -> None:
        self.world.ask("requeue", {"job": self.pick()}, hold=self.random.random() < 0.3)

    def do_top(self) -> None:
        self.world.ask("top", {"job": self.pick()})

    def do_suspend(self) -> None:
        self.world.ask("suspend", {"job": self.pick()})

    def do_resume(self) -> None:
        self.world.ask("resume", *({"job": job} for job in self.ids[-12:] or [1]))

    def do_update(self) -> None:
        changes: dict[str, Any] = self.random.choice(
            [
                {"nice": 50},
                {"priority": self.random.choice([0, 7, 5_000_000_000])},
                {"time_limit": 120},
                {"tasks": 2},
                {"array_limit": self.random.choice([0, 1, 4])},
                {"partition": "wide"},
                {"qos": "long"},
                {"licenses": "matlab:2"},
                {"begin_time": (datetime.now(UTC) + timedelta(seconds=20)).isoformat()},
                {"edges": [{"kind": "afterany", "job": self.pick()}]},
            ]
        )
        self.world.ask("update", self.target(), changes=changes)

    def do_node(self) -> None:
        state = self.random.choice(["DRAIN", "RESUME", "DOWN", "RESUME"])
        node = self.random.choice(["n1", "n2"])
        self.world.ask("update_node", {"node": node}, changes={"state": state, "reason": "x"})

    def do_partition(self) -> None:
        changes = self.random.choice(
            [{"state": "DOWN"}, {"state": "UP"}, {"priority_tier": 5}, {"max_time": 300}]
        )
        self.world.ask("update_partition", {"partition": "main"}, changes=changes)

    def do_limit(self) -> None:
        self.world.cursor.execute(
            "UPDATE scns.qos SET max_jobs = %s, max_wall = %s WHERE name = 'long'",
            (self.random.choice([None, 1, 2]), self.random.choice([None, 300])),
        )
        self.world.cursor.execute(
            "INSERT INTO scns.account (name, parent) VALUES ('root2', 'root')"
            " ON CONFLICT DO NOTHING;"
            "UPDATE scns.association SET grp_jobs = %s WHERE account = 'root'",
            (self.random.choice([None, 3, 8]),),
        )
        self.world.run()

    def do_rank(self) -> None:
        weights = Weights(age=1000, job_size=self.random.choice([0, 100_000]))
        self.world.scheduler.ranker = Ranker(
            self.random.choice([weights, None]),
            None,
            300.0,  # type: ignore[arg-type]
        )
        self.world.run()

    def do_pass_time(self) -> None:
        self.world.pass_time(self.random.choice([1.0, 30.0, 400.0]))

    def do_slow_timer(self) -> None:
        self.world.scheduler.next_slow = 0.0
        self.world.run()

    def do_nothing(self) -> None:
        self.world.run()


def kept(world: World, now: float) -> tuple[Mirror, Snapshot]:
    """跟上之后留着的快照。"""
    scheduler = world.scheduler
    assert scheduler.epoch is not None
    scheduler.mirror.refresh(world.cursor, "n1", scheduler.epoch, now)
    return scheduler.mirror, scheduler.mirror.snapshot(world.cursor, now)


def check_rows(world: World, now: float) -> None:
    """留着的每一样都与从头读的相同；各形状的候选是真队列的一段开头。"""
    mirror, snapshot = kept(world, now)
    reader = Reader(world.scheduler.reader.policy, world.scheduler.reader.licenses)
    fresh, heads = reader.read(world.cursor, now, ALL)
    assert snapshot.nodes == fresh.nodes
    assert snapshot.partitions == fresh.partitions
    assert _by_id(snapshot.running) == _by_id(fresh.running)
    for name in ("account_limits", "user_limits", "qos_limits", "parents", "licenses", "safe"):
        assert getattr(snapshot, name) == getattr(fresh, name)
    lines: dict[int, list[Any]] = {}
    for job in sorted(fresh.waiting, key=lambda job: (-job.priority, job.job_id)):
        lines.setdefault(job.shape, []).append(job)
    ours: dict[int, list[Any]] = {}
    for job in sorted(mirror.queue, key=lambda job: (-job.priority, job.job_id)):
        ours.setdefault(job.shape, []).append(job)
    assert ours.keys() == lines.keys()
    whole = len(mirror.heads) == len(fresh.waiting)
    for shape, line in ours.items():
        expected = lines[shape][: len(line)]
        assert [_facts(job, whole) for job in line] == [_facts(job, whole) for job in expected]
        assert shape in mirror._more or len(line) == len(lines[shape])
    assert mirror.heads.keys() == {job.job_id for job in mirror.queue}
    for job_id, head in mirror.heads.items():
        assert _rounded(head) == _rounded(heads[job_id])


def check_plan(world: World, now: float) -> None:
    """照留着的排的计划，与看着整个队列排的相同；写着的原因也对。"""
    mirror, snapshot = kept(world, now)
    fresh, _ = Reader(snapshot.policy, snapshot.licenses).read(world.cursor, now, ALL)
    decided = world.scheduler.decide(now)
    assert decided is not None
    expected = plan(fresh)
    assert decided.starts == expected.starts
    started = {start.job_id for start in decided.starts}
    for job in mirror.queue:
        if job.job_id not in started:
            assert decided.blocked_of(job).text == expected.blocked_of(job).text


def check_told(world: World, now: float) -> None:
    """刚走完一轮，库里写着的原因就是计划的。"""
    mirror, _ = kept(world, now)
    if mirror.stale or not mirror.heads:
        return
    decided = world.scheduler.decide(now)
    assert decided is not None
    for job in mirror.queue:
        written = mirror.heads[job.job_id].reason
        text = decided.blocked_of(job).text
        assert written == text or {written, text} <= mirror_.UNTOLD


def _rounded(head: Head) -> Head:
    # 库里的时刻只到微秒
    return replace(head, expected=None if head.expected is None else round(head.expected, 3))


def _by_id(running: Iterable[Running]) -> dict[int, Running]:
    return {
        job.job_id: replace(job, uses=tuple(sorted(job.uses, key=lambda use: use.node)))
        for job in running
    }


def _facts(job: Any, whole: bool) -> Any:
    # 队列没有留全时，同一数组分在几个形状里的各行怎样分享 %N 看不全
    return (
        job.job_id,
        job.shape,
        job.priority,
        job.request,
        job.count if whole else None,
        job.uid,
        job.account,
        job.qos,
    )


@pytest.mark.parametrize(
    ("kind", "least"), [("easy", 1), ("conservative", 2), ("fifo", 1), ("firstfit", 2)]
)
def test_kept_snapshot_equals_a_fresh_one_whatever_happens(world, monkeypatch, kind, least):
    # 每个形状起初只留一两个，处处要向后读
    monkeypatch.setattr(mirror_, "ROWS", 1)
    monkeypatch.setattr(mirror_, "LEAST", least)
    world.scheduler.reader.policy = Policy(kind=kind)
    chaos = Chaos(world, seed=len(kind))
    for _ in range(25):
        chaos.step()
        # 失败时看得到做过什么
        print(chaos.done[-1])
        check_told(world, time.time())
        check_rows(world, time.time())
        check_plan(world, time.time())


def fill(world: World, limit: int = 600) -> tuple[int, int]:
    """占满 n1 的作业，与排在它后面、有预计的。"""
    running = world.submit(tasks=8, time_limit=limit)
    world.run()
    waiting = world.submit(tasks=8, time_limit=limit)
    world.run()
    assert world.value(waiting, "expected_start IS NOT NULL")
    return running, waiting


def test_a_job_that_may_no_longer_start_has_no_expected_start(world):
    running, _ = fill(world)
    orders: list[tuple[str, dict[str, Any]]] = [
        ("hold", {}),
        ("update", {"changes": {"priority": 0}}),
        ("update", {"changes": {"begin_time": "2999-01-01T00:00:00Z"}}),
        ("update", {"changes": {"edges": [{"kind": "afterok", "job": running}]}}),
        ("cancel", {}),
    ]
    for verb, argument in orders:
        waiting = world.submit(tasks=8, time_limit=600, nice=-5)
        world.run()
        assert world.value(waiting, "expected_start IS NOT NULL")
        assert world.ask(verb, {"job": waiting}, **argument) == [None]
        assert world.value(waiting, "expected_start") is None


def test_a_requeued_job_has_no_expected_start(world):
    running, waiting = fill(world)
    world.end(running)
    world.cursor.execute("UPDATE scns.job SET expected_start = now() WHERE id = %s", (waiting,))
    world.ask("requeue", {"job": waiting})
    assert world.value(waiting, "state") == "PENDING"
    assert world.value(waiting, "expected_start") is None


def test_a_job_overtaken_by_more_than_are_kept_has_no_expected_start(world, monkeypatch):
    monkeypatch.setattr(mirror_, "ROWS", 1)
    monkeypatch.setattr(mirror_, "LEAST", 1)
    _, waiting = fill(world)
    for _ in range(3):
        last = world.submit(tasks=8, time_limit=600)
    world.scheduler.mirror.forget()
    world.run()
    assert len(world.scheduler.mirror.heads) == 1
    world.ask("top", {"job": last})
    world.scheduler.mirror.forget()
    world.run()
    assert world.value(last, "expected_start IS NOT NULL")
    assert world.value(waiting, "expected_start") is None
    assert world.value(waiting, "reason") == "Priority"


class Counting:
    """数着语句的游标。"""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.statements: list[str] = []

    def execute(self, statement: str, values: Any = None) -> None:
        self.statements.append(statement)
        self._cursor.execute(statement, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def test_a_round_without_changes_neither_reads_the_queue_nor_plans(world):
    fill(world)
    world.run()
    watched = Counting(world.cursor)
    world.scheduler.cursor = watched
    world.scheduler.planner = None
    world.run()
    read = (jobs.SHAPES, jobs.HEADS, jobs.WAITING_JOBS, jobs.RUNNING, jobs.RUNNING_OF, nodes.NODES)
    assert not set(read) & set(watched.statements)


def test_a_round_reads_only_the_jobs_that_changed(world):
    fill(world)
    for limit in range(1, 30):
        world.submit(tasks=8, time_limit=60 * limit)
    world.run()
    world.run()
    watched = Counting(world.cursor)
    world.scheduler.cursor = watched
    added = world.submit(tasks=8, time_limit=60)
    world.run()
    assert added in world.scheduler.mirror.heads
    assert jobs.WAITING_JOBS in watched.statements
    assert not {jobs.SHAPES, jobs.HEADS} & set(watched.statements)


def test_too_many_changes_are_read_all_at_once(world, monkeypatch):
    monkeypatch.setattr(changes, "MANY", 3)
    fill(world)
    watched = Counting(world.cursor)
    world.scheduler.cursor = watched
    for _ in range(5):
        world.submit(tasks=8)
    world.run()
    assert jobs.SHAPES in watched.statements
    check_rows(world, time.time())


def test_the_slow_timer_reads_everything_again(world):
    fill(world)
    world.run()
    watched = Counting(world.cursor)
    world.scheduler.cursor = watched
    world.scheduler.next_slow = 0.0
    world.run()
    assert {jobs.SHAPES, jobs.RUNNING, nodes.NODES} <= set(watched.statements)


def test_the_slow_timer_spares_a_large_queue_most_readings(world, monkeypatch):
    monkeypatch.setattr(mirror_, "FEW", 0)
    monkeypatch.setattr(mirror_, "EACH", 10_000.0)
    fill(world)
    world.run()
    watched = Counting(world.cursor)
    world.scheduler.cursor = watched
    planned = []
    plan_once = world.scheduler.planner.plan
    monkeypatch.setattr(
        world.scheduler.planner,
        "plan",
        lambda *given: planned.append(1) or plan_once(*given),
    )
    now = time.time()
    for at, read in ((now + 40, False), (now + 20_000, True)):
        watched.statements.clear()
        world.scheduler.next_slow = 0.0
        world.scheduler.run_once(at)
        assert (jobs.SHAPES in watched.statements) is read
    assert len(planned) == 2


def test_a_clock_set_back_makes_no_job_wait_for_it(world):
    running = world.submit(tasks=8)
    world.scheduler.run_once(time.time() + 3600)
    waiting = world.submit(tasks=8)
    world.scheduler.run_once(time.time() + 3600)
    world.stepd.end(running)
    world.scheduler.run_once(time.time())
    assert world.value(waiting, "state") == "RUNNING"


def test_only_the_holder_of_the_lease_takes_the_changes(world):
    world.run()
    world.submit()
    epoch = world.scheduler.epoch
    assert not changes.take(world.cursor, "n1", epoch - 1)
    assert not changes.take(world.cursor, "n2", epoch)
    assert changes.take(world.cursor, "n1", epoch).jobs
    assert not changes.take(world.cursor, "n1", epoch)


def test_a_new_lease_reads_everything_again(world):
    fill(world)
    taken = world.submit()
    # 前一个持有者收走了，却没有来得及用
    assert changes.take(world.cursor, "n1", world.scheduler.epoch).jobs == {taken}
    world.scheduler.epoch = lease.acquire(world.cursor, "n1")
    world.run()
    assert taken in world.scheduler.mirror.heads


def test_a_late_commit_is_seen_when_it_commits(world, database):
    fill(world)
    late = database.connect("u:root")
    late.autocommit = False
    with late.cursor() as cursor:
        request = json.dumps({"name": "late", "directory": "/tmp", "tasks": 8})
        cursor.execute("SELECT scns.submit(%s, %s, %s)", (request, b"#!/bin/sh\n", b"A=1"))
        (job_id,) = cursor.fetchone()
    world.submit(tasks=8)
    world.run()
    assert job_id not in world.scheduler.mirror.heads
    late.commit()
    late.close()
    world.run()
    assert job_id in world.scheduler.mirror.heads


def test_a_job_locked_by_somebody_is_started_by_the_next_round(world, database):
    job_id = world.submit()
    other = database.connect("scns")
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("SELECT FROM scns.job WHERE id = %s FOR UPDATE", (job_id,))
        world.run()
        assert world.value(job_id, "state") == "PENDING"
    other.rollback()
    other.close()
    world.run()
    assert world.value(job_id, "state") == "RUNNING"


def test_a_mistake_in_planning_is_logged_and_stops_nothing_else(world, monkeypatch, caplog):
    running = world.submit()
    world.run()
    waiting = world.submit()

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(world.scheduler.planner, "plan", fail)
        world.end(running)
    assert "planning failed" in caplog.text
    assert world.value(running, "state") == "COMPLETED"
    assert world.value(waiting, "state") == "PENDING"
    world.run()
    assert world.value(waiting, "state") == "RUNNING"


def test_a_long_line_is_kept_only_in_part_and_still_runs_to_its_end(world, monkeypatch):
    monkeypatch.setattr(mirror_, "ROWS", 1)
    monkeypatch.setattr(mirror_, "LEAST", 2)
    monkeypatch.setattr(mirror_, "DEEPEST", 4)
    submitted = [world.submit(tasks=4) for _ in range(20)]
    order = []
    for _ in range(40):
        world.run()
        assert len(world.scheduler.mirror.heads) <= 9
        for job, attempt in sorted(world.stepd.running):
            order.append(job)
            world.stepd.end(job, attempt)
    assert order == submitted


def test_arrays_at_their_throttle_do_not_hide_the_jobs_behind_them(world, monkeypatch):
    monkeypatch.setattr(mirror_, "ROWS", 1)
    monkeypatch.setattr(mirror_, "LEAST", 1)
    monkeypatch.setattr(mirror_, "DEEPEST", 2)
    for _ in range(6):
        world.submit(array_indices="{[1,5)}", array_limit=1)
    for _ in range(4):
        world.run()
    assert len(world.stepd.running) == 6
    behind = world.submit()
    world.run()
    assert world.value(behind, "state") == "RUNNING"


#: 与计划有关的列，各改成另一个值。
_RELEVANT = {
    "job": [
        "priority = priority + 1",
        "shape = shape + 1",
        "eligible = false",
        "eligible_time = now() - interval '1 day'",
        "limit_time = now()",
        "kill_time = now()",
        "resuming = true",
        "waiting = '{[1,3)}'",
        "array_job_id = 1",
        "reason = 'None'",
    ],
    "submission": ["array_limit = 3", "account = 'other'"],
    "node": [
        "drain = true",
        "down = true",
        "stepd = false",
        "configured = false",
        "weight = 7",
        "position = 7",
        "features = '{a}'",
        "gres = '{\"gpu\": 1}'",
        "cpus = 16",
        "memory = 16000",
        "memory_alloc = memory_alloc + 1",
        "idle_cpus = '{}'",
    ],
    "allocation": ["memory = memory + 1", "gres = '{\"gpu\": [0]}'"],
    "partition": ["max_time = 77"],
    "association": ["grp_jobs = 1"],
    "qos": ["max_jobs = 1"],
    "setting": ["value = 'safe'"],
    "account": ["description = 'x'"],
    "os_user": ["uid = uid"],
}


def test_every_change_that_matters_to_planning_leaves_a_mark(world):
    fill(world)
    world.run()
    cursor, epoch = world.cursor, world.scheduler.epoch
    for table, listed in _RELEVANT.items():
        for change in listed:
            assert not changes.take(cursor, "n1", epoch)
            cursor.execute(f"BEGIN; UPDATE scns.{table} SET {change}")
            assert changes.take(cursor, "n1", epoch), f"{table}: {change}"
            cursor.execute("ROLLBACK")


def test_what_the_planner_writes_itself_leaves_no_mark(world):
    _, waiting = fill(world)
    world.run()
    world.cursor.execute(
        jobs.SET_REASONS,
        {"job_ids": [waiting], "reasons": ["Licenses"], "expected": [1e9], "moved": [True]},
    )
    world.cursor.execute(nodes.TOUCH_NODE, {"node": "n1", "cpu_load": 5, "free_memory": 5})
    assert not changes.take(world.cursor, "n1", world.scheduler.epoch)


def test_the_shape_tells_apart_everything_a_request_says(cursor):
    # 一个形状的要求只读一遍，因此读的每一列都要在形状里
    cursor.execute("SELECT pg_get_functiondef('scns.shape_of(scns.submission)'::regprocedure)")
    (text,) = cursor.fetchone()
    told = set(re.findall(r's[.]"?([a-z_]+)', text))
    assert set(_COLUMNS) - {"id"} <= told
