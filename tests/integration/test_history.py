"""大的历史：sacct 与 scontrol show job 只读要印的，不随早已结束的作业增长。"""

from __future__ import annotations

import re
import time

import pytest

from scns.db import connect
from tests.integration.answering import Shell, start, submit

#: 结束了的作业个数；半分钟一个，往回排。
SIZE, EVERY = 20_000, 30

_FILL = """
WITH made AS (
  INSERT INTO scns.submission (id, owner, uid, gid, group_name, name, partition, account, cpus,
                               environment_hash, directory, submit_time)
  SELECT nextval('scns.job_id_seq'), 'x', 70000 + g %% 100, 1, 'x', 'job' || g %% 1000, 'main',
         'x', 1, sha256('a'), '/', now() - make_interval(secs => g * %(every)s + 60)
    FROM generate_series(1, %(size)s) g RETURNING id, uid, submit_time), job AS (
  INSERT INTO scns.job (id, submission_id, uid, state, shape, priority, attempt, submit_time,
                        start_time, end_time, node_list, nodes_alloc, cpus_alloc)
  SELECT id, id, uid, CASE WHEN id %% 1000 = 0 THEN 'FAILED' ELSE 'COMPLETED' END, 1, 1, 1,
         submit_time, submit_time + interval '20 s', submit_time + interval '50 s', 'n1', 1, 1
    FROM made RETURNING id, state, start_time, end_time)
INSERT INTO scns.step (job_id, attempt, step_id, name, state, node_list, start_time, end_time)
SELECT id, 1, -5, 'batch', state, 'n1', start_time, end_time FROM job
"""


@pytest.fixture
def history(database, cursor, site):
    """两万个结束了的作业，一百个用户；root 有一个在跑，一个在等。返回最早的作业号。"""
    submit(database, hold=True)
    start(cursor, submit(database))
    cursor.execute("ALTER TABLE scns.job DISABLE TRIGGER USER")
    cursor.execute("INSERT INTO scns.environment (hash, body) VALUES (sha256('a'), 'A=1')")
    cursor.execute(_FILL, {"size": SIZE, "every": EVERY})
    cursor.execute("ANALYZE")
    cursor.execute("SELECT max(id) FROM scns.job")
    return cursor.fetchone()[0]


@pytest.fixture
def read(database, monkeypatch):
    """执行一个命令，返回它印了几行，它的语句从各表取出过几行。"""
    shell = Shell(database, monkeypatch)
    asked: list[tuple[str, object]] = []
    each, call = connect.each, connect.call

    def note_each(connection, statement, parameters, write):
        asked.append((statement, parameters))
        each(connection, statement, parameters, write)

    def note_call(connection, statement, parameters=()):
        asked.append((statement, parameters))
        return call(connection, statement, parameters)

    monkeypatch.setattr(connect, "each", note_each)
    monkeypatch.setattr(connect, "call", note_call)

    def one(command, *words):
        asked.clear()
        outcome = shell(command, *words)
        assert (outcome.code, outcome.err) == (0, "")
        rows = 0
        connection = database.connect("u:root")
        with connection.cursor() as opened:
            opened.execute("SET jit = off; SET max_parallel_workers_per_gather = 0")
            for statement, parameters in asked:
                if statement.startswith("SET "):
                    opened.execute(statement)
                    continue
                opened.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
                rows += _rows(opened.fetchone()[0][0]["Plan"])
        connection.close()
        return outcome.out.count("\n"), rows

    return one


def _rows(node):
    own = 0
    if "Scan" in node["Node Type"] and node.get("Relation Name") in ("job", "submission", "step"):
        own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        own += node.get("Rows Removed by Index Recheck", 0)
    return own * node["Actual Loops"] + sum(map(_rows, node.get("Plans", ())))


def test_sacct_reads_only_what_it_prints(history, read, cursor):
    middle = time.time() - EVERY * SIZE / 2
    hour = [time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(middle + at)) for at in (0, 3600)]
    named = ",".join(str(history - 2 * place) for place in range(200))
    cases = [
        ("-u", "70007", "-S", "now-1day"),
        ("-u", "70007", "-S", "now-1day", "-X", "-P", "-o", "JobIDRaw,State,Start"),
        ("-j", str(history)),
        ("-j", f"{history}.batch"),
        ("-j", named),
        ("-a", "-S", hour[0], "-E", hour[1]),
        ("-u", "70007", "-S", hour[0], "-E", hour[1]),
        ("-X", "--name", "job7", "-S", "now-2days", "-E", "now"),
        ("-s", "F", "-S", "now-30days"),
        ("-s", "R"),
        ("-s", "PD"),
        ("-N", "n1", "-S", hour[0], "-E", hour[1]),
    ]
    for words in cases:
        printed, rows = read("sacct", "-n", *words)
        # 选号、取作业与提交、取步；一个时间段要与 root 的两个活动作业、取过就丢的几行一起算
        assert rows <= 6 * printed + 250, (words, printed, rows)
    assert read("sacct", "-n", "-j", str(history))[0] == 2
    cursor.execute("SELECT count(*) FROM scns.job WHERE uid = 70007")
    assert cursor.fetchone() == (SIZE // 100,)


def test_whole_history_comes_in_order(history, read):
    printed, rows = read("sacct", "-n", "-S", "1970-01-02")
    # 每个一步；等着的没有步
    assert printed == 2 * SIZE + 3
    assert rows <= 6 * printed


def test_scontrol_does_not_read_the_history(history, read, monkeypatch, database):
    printed, rows = read("scontrol", "show", "job")
    assert printed > 40
    assert rows <= 250
    _, rows = read("scontrol", "show", "job", str(history - SIZE + 1))
    assert rows <= 20
    text = Shell(database, monkeypatch)("scontrol", "-o", "show", "job").out
    assert len(re.findall(r"^JobId=\d+ ", text, re.MULTILINE)) == text.count("\n")


def test_squeue_does_not_read_the_history(history, read):
    printed, rows = read("squeue", "-h")
    assert printed == 2
    assert rows <= 20
