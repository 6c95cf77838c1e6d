"""提交请求与数据库：`request.build` 的每个键 `submit` 都收得下，写在该写的列里。"""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from scns.cli import request
from scns.cli.context import Context
from scns.cli.options import collect, parse
from scns.cli.options_doc import table_of

SUBMIT = "SELECT scns.submit(%s::jsonb, %s, %s)"


def submitted(database: Any, words: str, columns: str) -> Any:
    """提交一条命令行，返回 queue 与 my_job 里的列。"""
    table = table_of("sbatch")
    surroundings = Context(
        directory="/tmp",
        script="/tmp/job.sh",
        name="job.sh",
        arguments=["a", "b c"],
        submit_line="sbatch " + words,
        host="login",
        now=1_900_000_000,
        limits={"NOFILE": [77, -1]},
    )
    built = request.build(collect(table, parse(table, shlex.split(words))), surroundings)
    connection = database.connect("u:alice")
    with connection.cursor() as own:
        own.execute(SUBMIT, (json.dumps(built), b"#!/bin/sh\n", b"PATH=/bin"))
        (job_id,) = own.fetchone()
        own.execute(
            f"SELECT {columns} FROM scns.queue q JOIN scns.my_job m USING (id) WHERE id = %s",
            (job_id,),
        )
        row = own.fetchone()
    connection.close()
    return row


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("words", "columns", "row"),
    [
        ("job.sh", "name, command, directory, submit_host, batch", None),
        ("-J 'a b' -n2 -c3", "name, tasks, cpus_per_task, mincpus, cpus", ("a b", 2, 3, 3, 6)),
        ("-N1 --ntasks-per-node=2", "tasks, tasks_per_node, nodes_max", (2, 2, 1)),
        ("--mem=100", "memory_per_node, memory_per_cpu", (100, None)),
        ("--mem-per-cpu=50", "memory_per_node, memory_per_cpu", (None, 50)),
        ("--mem-per-cpu=0", "memory_per_node, memory_per_cpu", (0, None)),
        ("-t 1:30 --time-min=1", "time_limit, time_min", (120, 60)),
        ("-t 0", "time_limit", (None,)),
        (
            "-H --begin=2033-01-02T03:04:05",
            "hold, extract(epoch FROM q.begin_time AT TIME ZONE 'UTC')::bigint > 1900000000",
            ("user", True),
        ),
        ("--exclusive=user", "exclusive", ("user",)),
        ("-s", "exclusive, q.options -> 'oversubscribe'", (None, True)),
        ("-O -n4", "overcommit, cpus", (True, 1)),
        ("--no-requeue --nice=5", "requeue, nice", (False, 5)),
        ("-a 1-3,7%2", "array_indices::text, array_limit", ("{[1,4),[7,8)}", 2)),
        ("-w n1 -H", "required_nodes, q.options -> 'node_names'", ("n1", ["n1"])),
        ("--kill-on-invalid-dep=no", "kill_on_invalid_dep", (False,)),
        ("-o o-%j -e none", "standard_output, standard_error", ("o-%j", "/dev/null")),
        ("--propagate=NOFILE", "limits", ({"NOFILE": [77, -1]},)),
        ("--signal=B:USR1@30", "q.options -> 'signal', q.options -> 'signal_scope'", (10, "batch")),
        ("-d afterany:99999999?singleton", "dependency_any, dependency_state", (True, "NEW")),
        ("--comment='é \"x\"'", "comment", ('é "x"',)),
    ],
)
def test_every_key_reaches_its_column(database, words, columns, row):
    if row is None:
        row = ("job.sh", "/tmp/job.sh", "/tmp", "login", True)
    assert submitted(database, words, columns) == row


@pytest.mark.usefixtures("site")
def test_arguments_and_line_are_kept_for_the_owner(database):
    assert submitted(database, "-n2 job.sh", "arguments, submit_line, umask") == (
        ["a", "b c"],
        "sbatch -n2 job.sh",
        0o022,
    )
