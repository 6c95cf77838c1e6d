"""sacct 各字段的值与 JSON 的记录：服务器对给定的一行作业与步算出什么。"""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scns.cli.accounting import records
from scns.cli.accounting.document import job_document
from scns.cli.accounting.records import ALL, Rows
from scns.cli.accounting.selection import Selection
from scns.cli.accounting.values import MOMENTS, Sizes, job_values, step_values
from scns.cli.fields import sql
from scns.cli.fields.accounting import FIELDS
from scns.cli.options import collect, parse
from scns.cli.tables.sacct import TABLE
from scns.hostlist import compress, expand
from scns.sizes import format_size
from scns.times import cpu_time, elapsed
from tests.integration.answering import end, start, submit

NINE = 1770022800  # 2026-02-02T09:00:00Z
HOUR = 3600

#: 跑完了的作业：两个 CPU，一小时。
ENDED = {
    "id": 42,
    "array_job_id": None,
    "array_task_id": None,
    "array_limit": None,
    "waiting": None,
    "name": "nm",
    "owner": "root",
    "uid": 0,
    "gid": 0,
    "group_name": "root",
    "partition": "main",
    "account": "acc",
    "qos": "normal",
    "state": "COMPLETED",
    "outcome_uid": None,
    "reason": "None",
    "exit_code": 0,
    "exit_signal": 0,
    "attempt": 1,
    "nodes": "n1",
    "nodes_alloc": 1,
    "nodes_min": 1,
    "cpus": 2,
    "cpus_alloc": 2,
    "memory_alloc": 128,
    "memory_per_cpu": 64,
    "memory_per_node": None,
    "time_limit": 7200,
    "comment": None,
    "directory": "/w",
    "gres": None,
    "suspended_seconds": 0,
    "suspend": None,
    "constraint_": None,
    "priority": 5,
    "wckey": None,
    "reservation": None,
    "submit": NINE,
    "eligible": NINE,
    "begun": NINE + 60,
    "ended": NINE + 60 + HOUR,
    "submit_line": "sbatch job.sh",
    "largest_memory": 16000,
    "derived_code": 0,
    "user_ms": 2500,
    "system_ms": 750,
    "elapsed": HOUR,
    "suspended": 0,
    "label": "42",
}

PENDING = ENDED | {
    "state": "PENDING",
    "reason": "Priority",
    "attempt": 0,
    "nodes": None,
    "nodes_alloc": None,
    "cpus_alloc": None,
    "memory_alloc": None,
    "begun": None,
    "ended": None,
    "derived_code": None,
    "user_ms": None,
    "system_ms": None,
    "elapsed": 0,
}

RUNNING = ENDED | {"state": "RUNNING", "ended": None, "elapsed": HOUR // 2}

STEP_0 = {
    "job_id": 42,
    "attempt": 1,
    "step_id": 0,
    "name": "stp",
    "state": "COMPLETED",
    "node_list": "n[1-2]",
    "tasks": 1,
    "cpus": 2,
    "exit_code": 0,
    "exit_signal": 0,
    "max_rss": 3 << 20,
    "user_ms": 2500,
    "system_ms": 750,
    "begun": NINE + 60,
    "ended": NINE + 70,
    "elapsed": 10,
}


#: 行里不是 text 的列。
_TYPES = {
    "waiting": "int4multirange",
    **dict.fromkeys(
        (
            "id uid gid priority submit eligible begun ended suspend user_ms system_ms elapsed"
            " suspended max_rss"
        ).split(),
        "bigint",
    ),
    **dict.fromkeys(
        (
            "array_job_id array_task_id array_limit outcome_uid exit_code exit_signal attempt"
            " nodes_alloc nodes_min cpus cpus_alloc memory_alloc memory_per_cpu memory_per_node"
            " time_limit suspended_seconds largest_memory derived_code step_id tasks job_id"
        ).split(),
        "int",
    ),
}


@pytest.fixture
def evaluate(cursor, site):
    """算出各表达式在一行作业（与一行步）上的值。"""

    def one(expressions, job, step=None):
        tables, values = [], []
        for name, row in (("j", job), ("t", step)):
            if row is not None:
                columns = ", ".join(f"{key} {_TYPES.get(key, 'text')}" for key in row)
                tables.append(f"jsonb_to_record(%s) AS {name}({columns})")
                values.append(json.dumps(row))
        cursor.execute(f"SELECT {', '.join(expressions)} FROM {', '.join(tables)}", values)
        return list(cursor.fetchone())

    return one


def test_every_value_belongs_to_a_field():
    names = {name for name, _, _ in FIELDS}
    assert set(job_values(Sizes())) <= names
    assert set(step_values(Sizes())) <= names
    assert set(job_values(Sizes())) & set(step_values(Sizes())) >= MOMENTS


#: 字段，在跑完了的、在跑的、等着的作业上的值；None 随此刻而变。时刻是 epoch 秒。
_JOB_CASES = [
    ("Account", "acc", "acc", "acc"),
    ("AllocCPUS", "2", "2", "2"),
    ("AllocNodes", "1", "1", "0"),
    (
        "AllocTRES",
        "billing=2,cpu=2,mem=128M,node=1",
        "billing=2,cpu=2,mem=128M,node=1",
        "",
    ),
    ("CPUTime", "02:00:00", "01:00:00", "00:00:00"),
    ("CPUTimeRAW", "7200", "3600", "0"),
    ("Cluster", "scns", "scns", "scns"),
    ("Comment", "", "", ""),
    ("Constraints", "", "", ""),
    ("ConsumedEnergy", "0", "0", "0"),
    ("ConsumedEnergyRaw", "0", "0", "0"),
    ("QOSRAW", "1", "1", "1"),
    ("Reservation", "", "", ""),
    ("DBIndex", "42", "42", "42"),
    ("DerivedExitCode", "0:0", "0:0", "0:0"),
    ("Elapsed", "01:00:00", "00:30:00", "00:00:00"),
    ("ElapsedRaw", "3600", "1800", "0"),
    ("Eligible", str(NINE), str(NINE), str(NINE)),
    ("End", str(NINE + 60 + HOUR), "Unknown", "Unknown"),
    ("ExitCode", "0:0", "0:0", "0:0"),
    ("Flags", "SchedMain", "SchedMain", ""),
    ("GID", "0", "0", "0"),
    ("Group", "root", "root", "root"),
    ("JobID", "42", "42", "42"),
    ("JobIDRaw", "42", "42", "42"),
    ("JobName", "nm", "nm", "nm"),
    ("NCPUS", "2", "2", "2"),
    ("NNodes", "1", "1", "1"),
    ("NodeList", "n1", "n1", "None assigned"),
    ("Partition", "main", "main", "main"),
    ("Priority", "5", "5", "5"),
    ("QOS", "normal", "normal", "normal"),
    ("Reason", "None", "None", "Priority"),
    ("ReqCPUS", "2", "2", "2"),
    ("ReqMem", "128M", "128M", "128M"),
    ("ReqNodes", "1", "1", "1"),
    (
        "ReqTRES",
        "billing=2,cpu=2,mem=128M,node=1",
        "billing=2,cpu=2,mem=128M,node=1",
        "billing=2,cpu=2,mem=128M,node=1",
    ),
    ("Reserved", "00:01:00", "00:01:00", None),
    ("ResvCPU", "00:02:00", "00:02:00", None),
    ("ResvCPURAW", "120", "120", None),
    ("Start", str(NINE + 60), str(NINE + 60), "Unknown"),
    ("State", "COMPLETED", "RUNNING", "PENDING"),
    ("Submit", str(NINE), str(NINE), str(NINE)),
    ("SubmitLine", "sbatch job.sh", "sbatch job.sh", "sbatch job.sh"),
    ("Suspended", "00:00:00", "00:00:00", "00:00:00"),
    ("SystemCPU", "00:00.750", "00:00.750", "00:00:00"),
    ("Timelimit", "02:00:00", "02:00:00", "02:00:00"),
    ("TimelimitRaw", "120", "120", "120"),
    ("TotalCPU", "00:03.250", "00:03.250", "00:00:00"),
    ("UID", "0", "0", "0"),
    ("User", "root", "root", "root"),
    ("UserCPU", "00:02.500", "00:02.500", "00:00:00"),
    ("WCKey", "", "", ""),
    ("WorkDir", "/w", "/w", "/w"),
]


def test_value_of_a_job(evaluate):
    values = job_values(Sizes())
    assert {case[0] for case in _JOB_CASES} == set(values)
    for place, job in enumerate((ENDED, RUNNING, PENDING), 1):
        cases = [case for case in _JOB_CASES if case[place] is not None]
        got = evaluate([values[case[0]] for case in cases], job)
        assert dict(zip([case[0] for case in cases], got, strict=True)) == {
            case[0]: case[place] for case in cases
        }


_OTHER_JOBS = [
    ("State", {"state": "CANCELLED", "outcome_uid": 1000}, "CANCELLED by 1000"),
    ("State", {"state": "CANCELLED"}, "CANCELLED"),
    ("State", {"state": "COMPLETING"}, "RUNNING"),
    ("State", {"state": "TIMEOUT", "outcome_uid": 0}, "TIMEOUT"),
    ("ExitCode", {"state": "FAILED", "exit_code": 3}, "3:0"),
    ("ExitCode", {"state": "FAILED", "exit_code": 0, "exit_signal": 9}, "0:9"),
    ("ExitCode", {"state": "FAILED", "exit_code": 130}, "2:0"),
    ("ExitCode", {"state": "CANCELLED", "exit_signal": 15}, "0:0"),
    ("ExitCode", {"state": "TIMEOUT", "exit_signal": 15}, "0:0"),
    ("ExitCode", {"exit_code": None, "exit_signal": None}, "0:0"),
    ("DerivedExitCode", {"derived_code": 7}, "7:0"),
    ("Start", {"begun": None}, "None"),
    ("Eligible", {"eligible": None}, "Unknown"),
    ("Reserved", {"eligible": None}, "00:00:00"),
    ("Timelimit", {"time_limit": None}, "UNLIMITED"),
    ("TimelimitRaw", {"time_limit": None}, "UNLIMITED"),
    ("TimelimitRaw", {"time_limit": 61}, "2"),
    ("Timelimit", {"time_limit": 90000}, "1-01:00:00"),
    ("ReqMem", {"memory_per_cpu": None, "memory_per_node": 2048, "nodes_min": 2}, "4G"),
    ("ReqMem", {"memory_per_cpu": None, "memory_per_node": 0}, "16000M"),
    ("ReqMem", {"memory_per_cpu": None}, "0"),
    (
        "ReqTRES",
        {"gres": "gpu:2,fpga:1", "nodes_min": 2},
        "billing=2,cpu=2,gres/fpga=2,gres/gpu=4,mem=128M,node=2",
    ),
    ("Elapsed", {"elapsed": 3000}, "00:50:00"),
    ("Suspended", {"suspended": 600}, "00:10:00"),
    ("TotalCPU", {"user_ms": 3600_000, "system_ms": 0}, "01:00:00"),
    ("TotalCPU", {"user_ms": 86400_000, "system_ms": 1000}, "1-00:00:01"),
    ("Comment", {"comment": "c d"}, "c d"),
    ("Constraints", {"constraint_": "a&b"}, "a&b"),
    ("Reservation", {"reservation": "r"}, "r"),
    ("WCKey", {"wckey": "w"}, "w"),
    ("SubmitLine", {"submit_line": None}, ""),
]


def test_value_of_another_job(evaluate):
    values = job_values(Sizes())
    for field, changes, expected in _OTHER_JOBS:
        assert evaluate([values[field]], ENDED | changes) == [expected], (field, changes)


_STEP_CASES = [
    ("Account", "acc"),
    ("AllocCPUS", "2"),
    ("AllocNodes", "2"),
    ("AllocTRES", "cpu=2,node=2"),
    ("AveCPU", "00:00:03"),
    ("AveRSS", "3M"),
    ("CPUTime", "00:00:20"),
    ("CPUTimeRAW", "20"),
    ("Elapsed", "00:00:10"),
    ("Eligible", str(NINE + 60)),
    ("End", str(NINE + 70)),
    ("ExitCode", "0:0"),
    ("JobID", "42.0"),
    ("JobIDRaw", "42.0"),
    ("JobName", "stp"),
    ("Layout", "Cyclic"),
    ("MaxRSS", "3M"),
    ("MaxRSSNode", "n[1-2]"),
    ("MaxRSSTask", "0"),
    ("MinCPU", "00:00:03"),
    ("NTasks", "1"),
    ("NodeList", "n[1-2]"),
    ("ReqCPUFreq", "Unknown"),
    ("State", "COMPLETED"),
    ("Submit", str(NINE + 60)),
    ("SystemCPU", "00:00.750"),
    ("TRESUsageInTot", "cpu=00:00:03,mem=3M"),
    ("TotalCPU", "00:03.250"),
    ("UserCPU", "00:02.500"),
]


def test_value_of_a_step(evaluate):
    values = step_values(Sizes())
    got = evaluate([values[field] for field, _ in _STEP_CASES], ENDED, STEP_0)
    assert got == [expected for _, expected in _STEP_CASES]


def test_no_value_is_null(evaluate):
    """值连成一行，有一个 NULL 就什么也不剩。"""
    bare = dict.fromkeys(ENDED) | {
        key: ENDED[key]
        for key in (
            "id name owner uid gid group_name partition account qos state reason nodes_min cpus"
            " directory suspended_seconds priority submit elapsed suspended label"
        ).split()
    }
    step = dict.fromkeys(STEP_0) | {
        key: STEP_0[key] for key in "step_id name state node_list tasks cpus elapsed".split()
    }
    for values, rows in ((job_values(Sizes()), (bare,)), (step_values(Sizes()), (bare, step))):
        assert None not in evaluate(values.values(), *rows)


def test_step_of_several_tasks_has_no_extremes(evaluate):
    values = step_values(Sizes())
    fields = "MaxRSSNode MaxRSSTask MinCPU AveRSS TRESUsageInMax MaxRSS TRESUsageInTot".split()
    got = evaluate([values[field] for field in fields], ENDED, STEP_0 | {"tasks": 4})
    assert got == ["", "", "", "", "", "3M", "cpu=00:00:03,mem=3M"]


def test_step_that_still_runs_has_used_nothing_yet(evaluate):
    step = (
        STEP_0
        | dict.fromkeys("ended exit_code exit_signal max_rss user_ms system_ms".split())
        | {"state": "RUNNING"}
    )
    fields = "MaxRSS AveRSS AveCPU TRESUsageInTot MaxRSSTask ExitCode".split()
    values = step_values(Sizes())
    got = evaluate([values[field] for field in fields], ENDED, step)
    assert got == ["", "", "", "", "", "0:0"]


def test_names_of_steps(evaluate):
    values = step_values(Sizes())
    for number, name in ((-5, "batch"), (-4, "extern"), (-6, "interactive"), (0, "0"), (12, "12")):
        step = STEP_0 | {"step_id": number}
        layout = "Unknown" if number < 0 else "Cyclic"
        expressions = [values["JobID"], values["JobIDRaw"], values["Layout"]]
        job = ENDED | {"label": "40_3"}
        assert evaluate(expressions, job, step) == [f"40_3.{name}", f"42.{name}", layout]


def test_exit_code_never_passes_127(evaluate):
    exit_code = step_values(Sizes())["ExitCode"]
    for code in (0, 1, 127, 128, 130, 137, 255):
        [shown] = evaluate([exit_code], ENDED, STEP_0 | {"exit_code": code, "exit_signal": 9})
        assert shown == f"{code % 128}:9"


# ── 与客户端的写法一致 ──────────────────────────────────────────────────────


def column(cursor, expression, values, kind="bigint"):
    """表达式在各个 `v` 上的值。"""
    # 参数替换也在这里做：`%%` 要成 `%`
    cursor.execute(
        f"SELECT {expression} FROM unnest(%s::{kind}[]) WITH ORDINALITY AS u(v, n) ORDER BY n",
        (list(values),),
    )
    return [value for (value,) in cursor.fetchall()]


SIZES = [
    0, 1, 2, 511, 512, 513, 1023, 1024, 1025, 1536, 2047, 2048, 128 << 10, 3 << 19, 1 << 20,
    (1 << 20) + 512, 3 << 29, 1 << 30, 5 << 30, (1 << 40) + 512, 3 << 39, 1 << 40, 123456789,
    1 << 50,
]  # fmt: skip


@pytest.mark.parametrize("base", ["", "M"])
def test_sizes_are_those_of_the_client(cursor, base):
    values = [value for value in SIZES if base == "" or value <= 1 << 32]
    got = column(cursor, sql.size("v", base=base), values)
    assert got == [format_size(value, base) for value in values]
    got = column(cursor, sql.size("v", "true", base), values)
    assert got == [format_size(value, base, convert=False) for value in values]
    for unit in "KMGTP":
        got = column(cursor, sql.size_in("v", unit, base), values)
        assert got == [format_size(value, base, unit=unit) for value in values], unit


def test_durations_are_those_of_the_client(cursor):
    seconds = [0, 1, 59, 60, 3599, 3600, 86_399, 86_400, 90_061, 31_536_000, 10**9, -1]
    assert column(cursor, sql.elapsed("v"), [*seconds, None]) == [
        elapsed(value) for value in [*seconds, None]
    ]
    spent = [0, 1, 999, 1000, 1001, 59_999, 3_599_999, 3_600_000, 3_600_001, 86_400_500]
    assert column(cursor, sql.cpu_time("v"), spent) == [cpu_time(value * 1000) for value in spent]


def test_moments_lose_their_fraction(cursor):
    texts = [f"2026-02-02 09:00:00.{fraction}+00" for fraction in ("0", "499999", "5", "999999")]
    assert column(cursor, sql.epoch("v"), texts, "timestamptz") == [NINE] * 4
    assert column(cursor, sql.epoch("v"), ["1969-12-31 23:59:58.5+00"], "timestamptz") == [-2]


def test_nodes_are_counted_as_the_client_counts_them(cursor):
    lists = ["", "n1", "n[1-3]", "n[1-3,7]", "a,b", "a,n[1-2],b[08-11,20],c", "x-1-2"]
    lists += [compress(f"n{number}" for number in range(0, stop, 3)) for stop in (1, 50, 200)]
    got = column(cursor, sql.host_count("v"), lists, "text")
    assert got == [len(expand(names)) for names in lists]


# ── 各次运行 ────────────────────────────────────────────────────────────────


def runs(cursor, job, names, **options):
    """一个作业的各次运行的几列。"""
    rows = Rows(ALL, ALL, **options)
    cursor.execute(
        f"SELECT {', '.join(f'j.{name}' for name in names)} FROM {records.PAGE_OF}"
        f" CROSS JOIN LATERAL {records.runs(rows)} ORDER BY j.attempt",
        ([job],),
    )
    return cursor.fetchall()


@pytest.fixture
def job(database, cursor, site):
    """在跑的作业，一小时前启动。"""
    number = submit(database)
    start(cursor, number)
    cursor.execute(
        "UPDATE scns.job SET submit_time = to_timestamp(%(at)s), eligible_time ="
        " to_timestamp(%(at)s), start_time = to_timestamp(%(at)s + 60.75) WHERE id = %(job)s",
        {"at": NINE, "job": number},
    )
    return number


def test_suspended_job_stands_still(cursor, job):
    cursor.execute(
        "UPDATE scns.job SET state = 'SUSPENDED', suspend_time = to_timestamp(%s),"
        " suspended_seconds = 100 WHERE id = %s",
        (NINE + 960, job),
    )
    now = int(time.time())
    [(spent, suspended)] = runs(cursor, job, ["elapsed", "suspended"])
    assert spent == 800
    assert abs(suspended - (100 + now - NINE - 960)) <= 60


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_truncated_times_lie_in_the_window(shared, data):
    cursor, job = shared
    begin = NINE + data.draw(st.integers(0, 10_000))
    lasted = data.draw(st.integers(0, 10_000))
    first = NINE + data.draw(st.integers(0, 20_000))
    last = first + data.draw(st.integers(0, 20_000))
    cursor.execute(
        "UPDATE scns.job SET start_time = to_timestamp(%s), end_time = to_timestamp(%s)"
        " WHERE id = %s",
        (begin, begin + lasted, job),
    )
    [(begun, ended, spent)] = runs(cursor, job, "begun ended elapsed".split(), window=(first, last))
    assert (begun, ended) == (max(begin, first), min(begin + lasted, last))
    assert spent == max(ended - begun, 0)


@pytest.fixture
def shared(cursor, job):
    """各例共用的一个结束了的作业。"""
    end(cursor, job)
    return cursor, job


def test_pending_job_is_not_truncated(database, cursor, site):
    number = submit(database)
    [row] = runs(cursor, number, ["begun", "ended", "attempt"], window=(NINE, NINE))
    assert row == (None, None, None)


def test_fractions_of_a_second_are_dropped(cursor, job):
    end(cursor, job)
    cursor.execute(
        "UPDATE scns.job SET end_time = to_timestamp(%s + 0.5) WHERE id = %s", (NINE + 70, job)
    )
    assert runs(cursor, job, ["begun", "ended", "elapsed"]) == [(NINE + 60, NINE + 70, 10)]


# ── 点名的步 ────────────────────────────────────────────────────────────────

JOB = {"id": 42, "array_job_id": None, "array_task_id": None, "waiting": None}
ELEMENT = {"id": 43, "array_job_id": 40, "array_task_id": 3, "waiting": None}
WAITING = {"id": 40, "array_job_id": 40, "array_task_id": None, "waiting": "{[5,8)}"}


@pytest.mark.usefixtures("site")
def test_named_steps_choose_rows(cursor):
    cases = [
        ("42", JOB, None, True),
        ("42", JOB, -5, True),
        ("42.batch", JOB, None, False),
        ("42.batch", JOB, -5, True),
        ("42.batch", JOB, 0, False),
        ("42.0", JOB, 0, True),
        ("42.0,42", JOB, 1, True),
        ("40_3.0", ELEMENT, 0, True),
        ("40_3.0", ELEMENT, 1, False),
        ("40_4.0", ELEMENT, 0, False),
        ("40.0", ELEMENT, 0, True),
        ("43.0", ELEMENT, 0, True),
        ("40_3.0,40_6", WAITING, None, True),
        ("41.0,40_[1-3]", ELEMENT, 7, True),
        ("41.0,42_3", ELEMENT, None, False),
    ]
    for named, row, step, wanted in cases:
        chosen = Selection(collect(TABLE, parse(TABLE, ["-j", named]), environ={}), NINE, 0)
        condition, values = chosen.rows().jobs if step is None else chosen.rows().steps
        columns = ", ".join(f"{key} {_TYPES[key]}" for key in row)
        cursor.execute(
            f"SELECT coalesce({condition}, false) FROM jsonb_to_record(%s) AS j({columns}),"
            " (SELECT %s::int AS step_id) t",
            [*values, json.dumps(row), step],
        )
        assert cursor.fetchone() == (wanted,), (named, step)


# ── JSON 的记录 ─────────────────────────────────────────────────────────────


def test_document_has_the_keys_of_slurm():
    document = job_document("bench", ENDED, [STEP_0])
    assert (
        list(document)
        == (
            "account comment allocation_nodes array association cluster constraints container"
            " derived_exit_code time exit_code flags group het job_id name mcs nodes partition"
            " priority qos required kill_request_user reservation state steps tres user wckey"
            " working_directory"
        ).split()
    )
    assert list(document["time"]) == (
        "elapsed eligible end start submission suspended system total user limit".split()
    )
    [step] = document["steps"]
    assert (
        list(step)
        == (
            "nodes tres time exit_code tasks pid CPU kill_request_user state statistics step task"
        ).split()
    )
    assert list(step["tres"]) == ["requested", "consumed", "allocated"]


def test_document_of_a_pending_job():
    document = job_document("bench", PENDING, [])
    assert document["allocation_nodes"] == 0
    assert document["flags"] == []
    assert document["nodes"] == "None assigned"
    assert document["state"] == {"current": "PENDING", "reason": "Priority"}
    assert document["tres"]["allocated"] == []
    assert document["time"]["total"] == {"seconds": 0, "microseconds": 0}


def test_document_numbers_generic_resources_by_name():
    document = job_document("bench", ENDED | {"gres": "gpu:a100:2,fpga:1"}, [])
    assert document["tres"]["requested"][-2:] == [
        {"type": "gres", "name": "fpga", "id": 1001, "count": 1},
        {"type": "gres", "name": "gpu:a100", "id": 1002, "count": 2},
    ]


def test_document_of_a_step_of_several_tasks_has_only_the_total():
    [step] = job_document("bench", ENDED, [STEP_0 | {"tasks": 2}])["steps"]
    assert step["tres"]["requested"]["max"] == []
    assert step["tres"]["requested"]["total"] == [
        {"type": "cpu", "name": None, "id": 1, "count": 3250},
        {"type": "mem", "name": None, "id": 2, "count": 3 << 20},
    ]


def test_document_names_the_killer_if_he_has_a_name():
    killed = ENDED | {"state": "CANCELLED", "outcome_uid": 0}
    assert job_document("bench", killed, [])["kill_request_user"] == "root"
    nobody = ENDED | {"state": "CANCELLED", "outcome_uid": 60999}
    assert job_document("bench", nobody, [])["kill_request_user"] is None
