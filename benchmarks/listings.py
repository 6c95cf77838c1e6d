"""squeue、sacct 与 scontrol show job 的毫秒数，随等着的与结束了的作业数怎样增长。

起一台临时的嵌入式服务器（没有 scnsd，作业不会动），把作业直接写进真的表里：等着的 10、1,000、
100,000 个，再换成 10 个等着的与 1,000、100,000、1,000,000 个结束了的，每个带一个批处理步。结束了的
每半分钟一个，往回排，一百万个是将近一年；属主轮流是五十个用户。每条命令以 `scns link` 的包装运行。
各栏是命令与它的后端合计的 CPU 毫秒，几次的平均，与机器忙不忙无关；RATIO 是末栏对首栏的比，WALL 与
LINES 是末栏最快的一次用了几毫秒、印了几行。

写进去时不触发 `event`：没有一条列表读它。

用法：
    python -m benchmarks.listings [RUNS] [LARGEST_HISTORY]
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from scns.db import connect, migrate
from scns.db.account import own_entry
from scns.db.bootstrap import bootstrap
from scns.db.cluster import Cluster
from scns.db.users import register
from scns.times import format_moment

#: 列名到 SQL 表达式。
Columns = dict[str, str]

#: CPU 毫秒、墙上的毫秒、行数。
Figures = tuple[float, float, int]

#: 一条命令跑够这么多毫秒就不再重复。
LONG = 5_000

QUEUES = (10, 1_000, 100_000)
HISTORIES = (1_000, 100_000, 1_000_000)

#: 头一个等着的与头一个结束了的作业号。
FIRST_WAITING, FIRST_FINISHED = 5_000_000, 1_000_000

#: 结束了的作业相隔几秒。
EVERY = 30

#: 一次工作流里的作业名；它的作业都在最近两天里。
RUN = "0b2f9c1e-run"

SITE = """
INSERT INTO scns.node (name, cpus, memory, idle_cpus, last_seen) VALUES
  ('n1', 64, 256000, '{[0,64)}', now());
INSERT INTO scns.partition (name, position, nodes, is_default, state) VALUES
  ('main', 0, '{n1}', true, 'UP'), ('short', 1, '{n1}', false, 'UP');
INSERT INTO scns.setting (name, value) VALUES ('ClusterName', 'bench'), ('MinJobAge', '300 sec');
"""

#: 与模板不同的列；`g` 是作业号。
SUBMISSION: Columns = {
    "id": "g",
    "owner": "CASE g %% 50 WHEN 7 THEN m.owner ELSE 'user' || g %% 50 END",
    "uid": "CASE g %% 50 WHEN 7 THEN m.uid ELSE 10000 + g %% 50 END",
    "name": f"CASE WHEN g %% 50 = 7 AND ago < 172800 THEN '{RUN}' ELSE 'job' || g %% 1000 END",
    "partition": "CASE g %% 4 WHEN 0 THEN 'short' ELSE 'main' END",
    "submit_time": "began - interval '20 seconds'",
}
#: 作业行里与提交一样的列，也由 `SUBMISSION` 而来。
COMMON = ("uid", "submit_time")
WAITING: Columns = {"id": "g", "submission_id": "g", "eligible": "true"}
FINISHED: Columns = {
    "id": "g",
    "submission_id": "g",
    "state": "CASE WHEN g %% 20 = 0 THEN 'FAILED' WHEN g %% 99 = 0 THEN 'CANCELLED'"
    " ELSE 'COMPLETED' END",
    "exit_code": "(g %% 20 = 0)::int",
    "exit_signal": "0",
    "attempt": "1",
    "eligible_time": "began - interval '20 seconds'",
    "start_time": "began",
    "end_time": "began + make_interval(secs => 10 + g %% 300)",
    "limit_time": "began + interval '1 hour'",
    "node_list": "'n1'",
    "batch_host": "'n1'",
    "nodes_alloc": "1",
    "cpus_alloc": "1",
    "memory_alloc": "64",
}
STEPS = """
INSERT INTO scns.step (job_id, attempt, step_id, name, state, node_list, start_time, end_time,
                       exit_code, exit_signal, user_milliseconds, system_milliseconds, max_rss)
SELECT j.id, 1, -5, 'batch', j.state, 'n1', j.start_time, j.end_time, j.exit_code, 0,
       1000 + j.id %% 9000, j.id %% 500, 2048 + j.id %% 4096
  FROM scns.job j WHERE j.id >= %s AND j.end_time IS NOT NULL
"""

#: 在等着的作业里。
QUEUE_COMMANDS = {
    "squeue": "squeue",
    "squeue -j ID": "squeue -j {last}",
    "squeue -u USER": "squeue -u {uid}",
    "squeue -n NAME": "squeue -n job57",
    "squeue -p short -t PD": "squeue -p short -t PD",
    "squeue -o '%i %T %V'": "squeue -o %i_%T_%V",
    "scontrol show job ID": "scontrol show job {last}",
    "scontrol show job": "scontrol show job",
}
#: 在结束了的作业里；头几条是每天用的，印的行数不随历史增长。
HISTORY_COMMANDS = {
    "squeue (10 waiting)": "squeue",
    "scontrol show job (visible)": "scontrol show job",
    "sacct": "sacct",
    "sacct -u USER": "sacct -u {uid}",
    "sacct -j ID": "sacct -j {last}",
    "sacct -j ID,.. (500)": "sacct -j {many}",
    "sacct -S -E (an old hour)": "sacct -S {old} -E {later}",
    "sacct -u USER -S -E (a week)": "sacct -u {uid} -S now-7days -E now",
    "sacct -X --name RUN (poll)": "sacct -X --parsable2 --noheader --format=JobIdRaw,State"
    f" --starttime now-2days --endtime now --name {RUN}",
    "sacct -s R": "sacct -s R",
    "sacct -s F -S now-1day": "sacct -s F -S now-1day -E now",
    "sacct -S 0 -X (all)": "sacct -X -S 1970-01-02",
    "sacct -S 0 (all, steps)": "sacct -S 1970-01-02",
    "sacct -S 0 -X -o ..,Start": "sacct -X -S 1970-01-02 -o JobID,State,Start,End,Elapsed",
}


@contextmanager
def server(home: str) -> Iterator[Any]:
    """一台备好模式与场地的服务器；给出以主人打开的连接。"""
    cluster = Cluster(home)
    cluster.start()
    try:
        bootstrap(cluster)
        text, held = cluster.dsn("scns")
        connection = psycopg2.connect(text)
        if held is not None:
            os.close(held)
        connection.autocommit = True
        migrate.migrate(connection)
        register(connection, own_entry(), is_admin=True)
        yield connection
        connection.close()
    finally:
        cluster.stop(grace=5)


def template(home: str) -> int:
    """真的提交一个作业，别的照它写。"""
    connection = connect.connect(home)
    request = {"name": "job.sh", "directory": "/tmp", "time_limit": 3600, "memory_per_cpu": 64}
    [(job_id,)] = connect.call(
        connection,
        "SELECT scns.submit(%s, %s, %s)",
        (json.dumps(request), b"#!/bin/sh\ntrue\n", b"PATH=/usr/bin:/bin"),
    )
    connection.close()
    return int(job_id)


def fill(cursor: Any, model: int, base: int, sizes: tuple[int, int], columns: Columns) -> None:
    """照模板把作业号从 `base` 起的作业由前一个规模添到后一个；号大的结束得早。"""
    for table, changed in (
        ("submission", SUBMISSION),
        ("job", {**{name: SUBMISSION[name] for name in COMMON}, **columns}),
    ):
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum",
            (f"scns.{table}",),
        )
        names = [name for (name,) in cursor.fetchall()]
        values = [
            sql.SQL(changed[name]) if name in changed else sql.Identifier("t", name)
            for name in names
        ]
        cursor.execute(
            sql.SQL(
                "INSERT INTO scns.{} ({}) SELECT {} FROM scns.{} t, scns.submission m,"
                " generate_series(%(first)s, %(last)s) g, LATERAL (SELECT (g - %(base)s + 1)"
                " * %(every)s AS ago) a, LATERAL (SELECT now() - make_interval(secs => ago + 400)"
                " AS began) b WHERE t.id = %(model)s AND m.id = %(model)s"
            ).format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(values),
                sql.Identifier(table),
            ),
            {
                "base": base,
                "first": base + sizes[0],
                "last": base + sizes[1] - 1,
                "every": EVERY,
                "model": model,
            },
        )


def settle(cursor: Any) -> None:
    """像自动清理一样：记下统计与可见性。"""
    cursor.execute("VACUUM ANALYZE scns.submission")
    cursor.execute("VACUUM ANALYZE scns.job")
    cursor.execute("VACUUM ANALYZE scns.step")


def spent(postmaster: int) -> float:
    """至今用掉的 CPU，毫秒：结束了的命令与结束了的后端。"""
    client = resource.getrusage(resource.RUSAGE_CHILDREN)
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[13]) + int(fields[14])
    return (client.ru_utime + client.ru_stime + ticks / os.sysconf("SC_CLK_TCK")) * 1000


def measure(
    directory: Path, commands: dict[str, str], facts: dict[str, Any], runs: int
) -> dict[str, Figures]:
    """各条命令的 CPU（平均）、毫秒数（最快的一次）与行数。"""
    postmaster = Cluster(os.environ["SCNS_HOME"]).running_pid()
    assert postmaster is not None
    found = {}
    for label, text in commands.items():
        name, *words = text.format(**facts).split()
        times: list[float] = []
        lines = 0
        before = spent(postmaster)
        while len(times) <= runs and sum(times) < LONG:
            if len(times) == 1:  # 头一次热身
                time.sleep(0.05)
                before = spent(postmaster)
            started = time.perf_counter()
            done = subprocess.run(
                [str(directory / name), *words], stdout=subprocess.PIPE, check=True
            )
            times.append((time.perf_counter() - started) * 1000)
            lines = done.stdout.count(b"\n")
        time.sleep(0.05)
        counted = len(times[1:]) or 1
        found[label] = (spent(postmaster) - before) / counted, min(times[1:] or times), lines
    return found


def report(title: str, sizes: tuple[int, ...], tables: list[dict[str, Figures]]) -> None:
    """一张表：一行一条命令，一栏一个规模。"""
    heads = "".join(f"{size:>11,}" for size in sizes)
    print(f"\n{title:<30}{heads}{'RATIO':>8}{'WALL':>10}{'LINES':>11}")
    for label in tables[0]:
        row = [table[label][0] for table in tables]
        _, wall, lines = tables[-1][label]
        print(
            f"{label:<30}"
            + "".join(f"{took:>11.1f}" for took in row)
            + f"{row[-1] / row[0]:>8.2f}{wall:>10.1f}{lines:>11,}",
            flush=True,
        )


def queues(cursor: Any, directory: Path, model: int, runs: int) -> None:
    """等着的 10、1,000、100,000 个。"""
    tables, there = [], 0
    for size in QUEUES:
        fill(cursor, model, FIRST_WAITING, (there, size), WAITING)
        there = size
        settle(cursor)
        facts = {"last": FIRST_WAITING + size - 1, "uid": os.geteuid()}
        tables.append(measure(directory, QUEUE_COMMANDS, facts, runs))
    report("WAITING JOBS, CPU ms", QUEUES, tables)
    cursor.execute("DELETE FROM scns.job WHERE id >= %s", (FIRST_WAITING + 10,))
    cursor.execute("DELETE FROM scns.submission WHERE id >= %s", (FIRST_WAITING + 10,))


def histories(cursor: Any, directory: Path, model: int, runs: int, largest: int) -> None:
    """结束了的 1,000、100,000、1,000,000 个，另有 10 个等着。"""
    tables, there = [], 0
    sizes = tuple(size for size in HISTORIES if size <= largest)
    for size in sizes:
        fill(cursor, model, FIRST_FINISHED, (there, size), FINISHED)
        cursor.execute(STEPS, (FIRST_FINISHED + there,))
        there = size
        settle(cursor)
        hour = time.time() - 0.9 * EVERY * size
        oldest = FIRST_FINISHED + size - 1
        facts = {
            "last": oldest,
            "uid": os.geteuid(),
            "many": ",".join(str(oldest - 2 * place) for place in range(500)),
            "old": format_moment(hour),
            "later": format_moment(hour + 3600),
        }
        tables.append(measure(directory, HISTORY_COMMANDS, facts, runs))
    report("FINISHED JOBS, CPU ms", sizes, tables)


def main() -> None:
    """两张表。"""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    largest = int(sys.argv[2]) if len(sys.argv) > 2 else HISTORIES[-1]
    with tempfile.TemporaryDirectory(prefix="scns-bench-", dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o755)
        os.environ["SCNS_HOME"] = home = str(directory / "home")
        with server(home) as connection, connection.cursor() as cursor:
            cursor.execute(SITE)
            model = template(home)
            cursor.execute("ALTER TABLE scns.job DISABLE TRIGGER USER")
            subprocess.run(
                [sys.executable, "-m", "scns", "link", str(directory / "bin")],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            queues(cursor, directory / "bin", model, runs)
            histories(cursor, directory / "bin", model, runs, largest)


if __name__ == "__main__":
    main()
