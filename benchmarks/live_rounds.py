"""真的一轮要多久：嵌入式 PostgreSQL 里等着 10^3 到 10^6 个作业，形状十种与一万种。

作业由 SQL 直接写进表里，调度器在本进程里走真的一轮，stepd 是假的。每种情形测三轮：什么也没变的，
刚提交了一个作业的，刚结束了一个作业、因此启动下一个的。full 是集群占满，spare 是空着一个 CPU、
谁也放不下。

TOTAL 是一轮的毫秒，DB 是其中等数据库的，PLAN 是规划器的；都取几轮的中位数。FIRST 是开头全部读一遍
的那一轮，连同头一次写下原因，MIB 是进程因此多占的内存；ALL 是以后又全部重读的一轮。
RATIO 对同一列的第一行；毫秒随机器而变，比值才可以比较。

用法：
    python -m benchmarks.live_rounds [--quick]
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2

from scns.config import Config
from scns.db import lease, migrate
from scns.db.bootstrap import bootstrap
from scns.db.cluster import Cluster
from scns.db.prepared import PreparedCursor
from scns.planner.snapshot import Policy
from scns.scheduler.link import StepdLink
from scns.scheduler.loop import Scheduler
from scns.scheduler.reader import Reader

CPUS = 64
#: 每个等待的作业要几个 CPU：spare 里空着的一个不够。
PIECE = 2
REPEATS = 5

_SITE = """
INSERT INTO scns.node (name, cpus, memory, idle_cpus, last_seen, cores_per_socket, stepd, boot_id)
VALUES ('n1', %(cpus)s, 64000, int4multirange(int4range(0, %(cpus)s)), now(), %(cpus)s, true, 'b');
INSERT INTO scns.partition (name, nodes, is_default) VALUES ('main', '{n1}', true);
INSERT INTO scns.setting (name, value) VALUES ('DefMemPerCPU', '10'), ('MinJobAge', '300 sec');
INSERT INTO scns.os_user (role, name, uid, gid, group_name)
VALUES ('u:root', 'root', 0, 0, 'root') ON CONFLICT DO NOTHING;
INSERT INTO scns.environment (hash, body) VALUES ('x', 'A=1');
"""

#: 各形状的时限不同；同形状的作业之间只有先后。
_FILL = """
WITH made AS (
    INSERT INTO scns.submission (id, owner, uid, gid, group_name, name, partition, account, tasks,
                                 cpus, memory_per_cpu, time_limit, environment_hash, directory)
    SELECT nextval('scns.job_id_seq'), 'root', 0, 0, 'root', 'job', 'main', 'root', %(piece)s,
           %(piece)s, 10, 6000 + 60 * (n %% %(shapes)s), 'x', '/tmp'
      FROM generate_series(1, %(jobs)s) n
    RETURNING *
)
INSERT INTO scns.job (id, submission_id, uid, state, eligible, shape, priority, eligible_time)
SELECT m.id, m.id, 0, 'PENDING', true, scns.shape_of(m), scns.base_priority(), now()
  FROM made m
"""


class SilentStepd(StepdLink):
    """收下一切，什么也不做；作业何时结束由测量者说。"""

    def __init__(self) -> None:
        super().__init__(run_dir="/nonexistent")
        self.client = object()  # type: ignore[assignment]
        self.boot_id = "b"

    def connect(self) -> bool:
        return True

    def receive(self) -> None:
        return None

    def _send(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            if message["op"] == "start":
                self._take({"op": "started", "job": message["job"], "attempt": message["attempt"]})

    def end_one(self) -> None:
        """正在跑的里面最老的一个成功结束。"""
        job, attempt = min(self.running)
        report = {"op": "ended", "job": job, "attempt": attempt, "status": 0, "cause": None}
        now = time.time()
        self._take(report | {"started": now, "ended": now})


class Watch:
    """数着花去的秒数的游标；也能量一个函数。"""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._cursor, name)
        return self.timed(value) if callable(value) else value

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """量着的函数。"""

        def call(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - began

        return call


class Bench:
    """一个填好了的数据库与它的调度器。"""

    def __init__(self, connection: Any, jobs: int, shapes: int, *, spare: bool) -> None:
        self.connection = connection
        cursor = connection.cursor(cursor_factory=PreparedCursor)
        cursor.execute("SET synchronous_commit = off")
        cursor.execute(_SITE, {"cpus": CPUS + spare})
        filling = {"piece": PIECE, "shapes": shapes, "jobs": CPUS // PIECE}
        cursor.execute(_FILL, filling)
        self.database = Watch(cursor)
        self.stepd = SilentStepd()
        self.scheduler = Scheduler(
            node="n1",
            cursor=self.database,
            link=self.stepd,
            config=Config(nodes=(), partitions=()),
            conf_path=None,
            reload=lambda: Config(nodes=(), partitions=()),
            reader=Reader(Policy()),
            next_slow=time.time() + 3600,
        )
        self.scheduler.epoch = lease.acquire(cursor, "n1")
        # 先占满，再填满队列
        self.scheduler.run_once(time.time())
        # 写历史与记号不在测量之内：相当于 scnsd 重新连上一个早已填满的库
        cursor.execute("ALTER TABLE scns.job DISABLE TRIGGER USER")
        cursor.execute(_FILL, filling | {"jobs": jobs})
        cursor.execute("ALTER TABLE scns.job ENABLE TRIGGER USER")
        self.scheduler.mirror.forget()
        cursor.execute("VACUUM ANALYZE scns.job, scns.submission")
        self.planner = Watch(None)
        planner = self.scheduler.planner
        planner.plan = self.planner.timed(planner.plan)  # type: ignore[method-assign]

    def round(self) -> tuple[float, float, float]:
        """走一轮：全部、数据库、规划器的毫秒数。"""
        self.database.seconds = self.planner.seconds = 0.0
        began = time.perf_counter()
        self.scheduler.run_once(time.time())
        total = time.perf_counter() - began
        return total * 1000, self.database.seconds * 1000, self.planner.seconds * 1000

    def submit(self) -> None:
        """提交一个与头一个同形状的作业。"""
        request = {"name": "new", "directory": "/tmp", "tasks": PIECE, "time_limit": 6060}
        cursor = self.connection.cursor()
        cursor.execute('SET SESSION AUTHORIZATION "u:root"')
        cursor.execute(
            "SELECT scns.submit(%s, %s, %s)", (json.dumps(request), b"#!/bin/sh\n", b"A=1")
        )
        cursor.execute("RESET SESSION AUTHORIZATION")


def resident() -> float:
    """此刻的常驻内存，MiB。"""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(bench: Bench) -> dict[str, tuple[float, float, float]]:
    """各种轮的（全部、数据库、规划器）毫秒数，与多占的内存。"""
    before = resident()
    found = {"first": bench.round()}
    found["memory"] = (resident() - before, 0.0, 0.0)
    bench.round()
    changes: dict[str, Callable[[], None]] = {
        "all": bench.scheduler.mirror.forget,
        "idle": lambda: None,
        "submit": bench.submit,
        "end": bench.stepd.end_one,
    }
    for name, change in changes.items():
        rounds = []
        for _ in range(REPEATS):
            change()
            rounds.append(bench.round())
            # 启动与原因写下之后的下一轮不在其中
            bench.round()
        found[name] = tuple(median(column) for column in zip(*rounds, strict=True))  # type: ignore[assignment]
    return found


def main() -> None:
    """打印表。"""
    counts = (1_000, 10_000) if "--quick" in sys.argv[1:] else (1_000, 10_000, 100_000, 1_000_000)
    print(
        f"{'SCENE':<6}{'SHAPES':>7}{'WAITING':>9}{'FIRST_MS':>10}{'MIB':>6}{'ALL_MS':>9}"
        + "".join(
            f"{name + '_TOTAL':>14}{'DB':>8}{'PLAN':>8}{'RATIO':>7}"
            for name in ("IDLE", "SUBMIT", "END")
        ),
        flush=True,
    )
    first: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="scns-bench-") as name:
        os.chmod(name, 0o755)
        cluster = Cluster(name)
        server = cluster.start().process
        try:
            bootstrap(cluster)
            cases = [
                (scene, shapes, count)
                for scene in ("full", "spare")
                for shapes in (10, 10_000)
                for count in counts
                if count >= shapes
            ]
            for at, (scene, shapes, count) in enumerate(cases):
                found = _case(cluster, f"bench_{at}", scene, shapes, count)
                line = f"{scene:<6}{shapes:>7}{count:>9}{found['first'][0]:>10.1f}"
                line += f"{found['memory'][0]:>6.0f}{found['all'][0]:>9.1f}"
                for kind in ("idle", "submit", "end"):
                    total, database, planner = found[kind]
                    first.setdefault(kind, total)
                    line += (
                        f"{total:>14.2f}{database:>8.2f}{planner:>8.2f}{total / first[kind]:>7.1f}"
                    )
                print(line, flush=True)
        finally:
            cluster.stop()
            if server is not None:
                server.wait(60)


def _case(cluster: Cluster, database: str, scene: str, shapes: int, count: int) -> Any:
    """一种情形，在自己的数据库里。"""
    with closing(_connect(cluster, "postgres")) as admin:
        cursor = admin.cursor()
        cursor.execute(f"CREATE DATABASE {database} OWNER scns TEMPLATE template0 ENCODING 'UTF8'")
    try:
        with closing(_connect(cluster, database)) as connection:
            cursor = connection.cursor(cursor_factory=PreparedCursor)
            cursor.execute(
                "CREATE EXTENSION btree_gist; CREATE SCHEMA scns AUTHORIZATION scns;"
                " GRANT USAGE ON SCHEMA scns TO scns_user"
            )
            migrate.migrate(connection)
            return measure(Bench(connection, count, shapes, spare=scene == "spare"))
    finally:
        with closing(_connect(cluster, "postgres")) as admin:
            admin.cursor().execute(f"DROP DATABASE {database} WITH (FORCE)")


def _connect(cluster: Cluster, database: str) -> Any:
    text, held = cluster.dsn("postgres", database)
    try:
        connection = psycopg2.connect(text)
    finally:
        if held is not None:
            os.close(held)
    connection.autocommit = True
    return connection


if __name__ == "__main__":
    main()
