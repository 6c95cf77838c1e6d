"""sacct 各字段的值与 JSON 的记录：不要数据库，给定一行作业与步。"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli.accounting.document import job_document
from scns.cli.accounting.records import _runs
from scns.cli.accounting.values import JOB, STEP, Style, exit_code, job_id, step_name
from scns.cli.fields.accounting import FIELDS

NINE = 1770022800  # 2026-02-02T09:00:00Z
HOUR = 3600

#: 跑完了的作业：两个 CPU，一小时。
ENDED = {
    "id": 42,
    "submission_id": 42,
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
    "batch": True,
    "suspended_seconds": 0,
    "suspend": None,
    "constraint_": None,
    "priority": 5,
    "wckey": None,
    "reservation": None,
    "submit": NINE,
    "eligible": NINE,
    "start": NINE + 60,
    "end": NINE + 60 + HOUR,
    "submit_line": "sbatch job.sh",
    "largest_memory": 16000,
    "derived_code": 0,
    "user_ms": 2500,
    "system_ms": 750,
}

PENDING = ENDED | {
    "state": "PENDING",
    "reason": "Priority",
    "attempt": 0,
    "nodes": None,
    "nodes_alloc": None,
    "cpus_alloc": None,
    "memory_alloc": None,
    "start": None,
    "end": None,
    "derived_code": None,
    "user_ms": None,
    "system_ms": None,
}

RUNNING = ENDED | {"state": "RUNNING", "end": None}

STEP_0 = {
    "job": ENDED,
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
    "start": NINE + 60,
    "end": NINE + 70,
}


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def style():
    """此刻是启动后半小时。"""
    return Style(NINE + 60 + HOUR // 2, cluster="bench")


def test_every_value_belongs_to_a_field():
    names = {name for name, _, _ in FIELDS}
    assert set(JOB) <= names
    assert set(STEP) <= names


@pytest.mark.parametrize(
    ("field", "ended", "running", "pending"),
    [
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
        ("Cluster", "bench", "bench", "bench"),
        ("Comment", "", "", ""),
        ("DBIndex", "42", "42", "42"),
        ("DerivedExitCode", "0:0", "0:0", "0:0"),
        ("Elapsed", "01:00:00", "00:30:00", "00:00:00"),
        ("ElapsedRaw", "3600", "1800", "0"),
        ("Eligible", "2026-02-02T09:00:00", "2026-02-02T09:00:00", "2026-02-02T09:00:00"),
        ("End", "2026-02-02T10:01:00", "Unknown", "Unknown"),
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
        ("Reserved", "00:01:00", "00:01:00", "00:31:00"),
        ("ResvCPU", "00:02:00", "00:02:00", "01:02:00"),
        ("ResvCPURAW", "120", "120", "3720"),
        ("Start", "2026-02-02T09:01:00", "2026-02-02T09:01:00", "Unknown"),
        ("State", "COMPLETED", "RUNNING", "PENDING"),
        ("Submit", "2026-02-02T09:00:00", "2026-02-02T09:00:00", "2026-02-02T09:00:00"),
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
    ],
)
def test_value_of_a_job(style, field, ended, running, pending):
    assert [JOB[field](style, job) for job in (ENDED, RUNNING, PENDING)] == [
        ended,
        running,
        pending,
    ]


@pytest.mark.parametrize(
    ("field", "changes", "expected"),
    [
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
        ("Start", {"start": None}, "None"),
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
        ("Elapsed", {"suspended_seconds": 600}, "00:50:00"),
        ("Suspended", {"suspended_seconds": 600}, "00:10:00"),
        ("TotalCPU", {"user_ms": 3600_000, "system_ms": 0}, "01:00:00"),
        ("TotalCPU", {"user_ms": 86400_000, "system_ms": 1000}, "1-00:00:01"),
        ("Comment", {"comment": "c d"}, "c d"),
        ("Constraints", {"constraint_": "a&b"}, "a&b"),
        ("Reservation", {"reservation": "r"}, "r"),
        ("WCKey", {"wckey": "w"}, "w"),
        ("SubmitLine", {"submit_line": None}, ""),
    ],
)
def test_value_of_another_job(style, field, changes, expected):
    assert JOB[field](style, ENDED | changes) == expected


def test_suspended_job_stands_still(style):
    job = RUNNING | {"state": "SUSPENDED", "suspend": NINE + 960, "suspended_seconds": 100}
    assert JOB["Elapsed"](style, job) == "00:13:20"
    assert JOB["Suspended"](style, job) == "00:16:40"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "42"),
        ({"array_job_id": 40, "array_task_id": 3}, "40_3"),
        ({"array_job_id": 42, "waiting": "{[1,4)}"}, "42_[1-3]"),
        ({"array_job_id": 42, "waiting": "{[1,2),[5,6)}", "array_limit": 4}, "42_[1,5%4]"),
    ],
)
def test_number_of_a_job(changes, expected):
    assert job_id(PENDING | changes) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [(-5, "batch"), (-4, "extern"), (-6, "interactive"), (0, "0"), (12, "12")],
)
def test_name_of_a_step(number, expected):
    assert step_name(STEP_0 | {"step_id": number}) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Account", "acc"),
        ("AllocCPUS", "2"),
        ("AllocNodes", "2"),
        ("AllocTRES", "cpu=2,node=2"),
        ("AveCPU", "00:00:03"),
        ("AveRSS", "3M"),
        ("CPUTime", "00:00:20"),
        ("CPUTimeRAW", "20"),
        ("Elapsed", "00:00:10"),
        ("Eligible", "2026-02-02T09:01:00"),
        ("End", "2026-02-02T09:01:10"),
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
        ("Submit", "2026-02-02T09:01:00"),
        ("SystemCPU", "00:00.750"),
        ("TRESUsageInTot", "cpu=00:00:03,mem=3M"),
        ("TotalCPU", "00:03.250"),
        ("UserCPU", "00:02.500"),
    ],
)
def test_value_of_a_step(style, field, expected):
    assert STEP[field](style, STEP_0) == expected


def test_step_of_several_tasks_has_no_extremes(style):
    step = STEP_0 | {"tasks": 4}
    for field in ("MaxRSSNode", "MaxRSSTask", "MinCPU", "AveRSS", "TRESUsageInMax"):
        assert STEP[field](style, step) == ""
    assert STEP["MaxRSS"](style, step) == "3M"
    assert STEP["TRESUsageInTot"](style, step) == "cpu=00:00:03,mem=3M"


def test_step_that_still_runs_has_used_nothing_yet(style):
    step = STEP_0 | {
        "state": "RUNNING",
        "end": None,
        "exit_code": None,
        "exit_signal": None,
        "max_rss": None,
        "user_ms": None,
        "system_ms": None,
    }
    for field in ("MaxRSS", "AveRSS", "AveCPU", "TRESUsageInTot", "MaxRSSTask"):
        assert STEP[field](style, step) == ""
    assert STEP["Elapsed"](style, step) == "00:30:00"
    assert STEP["ExitCode"](style, step) == "0:0"


def test_batch_step_has_no_layout_of_tasks(style):
    step = STEP_0 | {"step_id": -5}
    assert STEP["Layout"](style, step) == "Unknown"
    assert STEP["JobID"](style, step) == "42.batch"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 255), st.integers(0, 64))
def test_exit_code_never_passes_127(code, signal):
    shown, shown_signal = map(int, exit_code({"exit_code": code, "exit_signal": signal}).split(":"))
    assert 0 <= shown < 128
    assert shown % 128 == code % 128
    assert shown_signal == signal


@settings(max_examples=200, deadline=None)
@given(
    st.integers(NINE, NINE + 10_000),
    st.integers(0, 10_000),
    st.integers(0, 20_000),
    st.integers(0, 20_000),
)
def test_truncated_times_lie_in_the_window(begin, lasted, first, length):
    window = (NINE + first, NINE + first + length)
    style = Style(NINE + 50_000, window=window)
    job = ENDED | {"start": begin, "end": begin + lasted}
    style.truncate(job)
    assert job["start"] >= window[0]
    assert job["end"] <= window[1]
    assert style.seconds(job) <= min(lasted, length)


def test_pending_job_is_not_truncated():
    job = dict(PENDING)
    Style(NINE, window=(NINE, NINE)).truncate(job)
    assert job == PENDING


def test_runs_of_a_job_are_told_apart():
    steps = [
        STEP_0 | {"attempt": attempt, "step_id": number}
        for attempt in (1, 2, 3)
        for number in (-5, 0)
    ]
    job = ENDED | {"attempt": 3}
    [(last, own)] = _runs(job, steps, duplicates=False)
    assert (last, [step["attempt"] for step in own]) == (job, [3, 3])
    first, second, third = _runs(job, steps, duplicates=True)
    assert [run["state"] for run, _ in (first, second, third)] == [
        "REQUEUED",
        "REQUEUED",
        "COMPLETED",
    ]
    assert [own[0]["attempt"] for _, own in (first, second, third)] == [1, 2, 3]
    assert (first[0]["start"], first[0]["end"]) == (NINE + 60, NINE + 70)
    assert third[0] is job


def test_requeued_job_that_waits_has_no_current_steps():
    steps = [STEP_0 | {"step_id": -5}]
    job = PENDING | {"attempt": 1}
    assert list(_runs(job, steps, duplicates=False)) == [(job, [])]
    earlier, now = _runs(job, steps, duplicates=True)
    assert (earlier[0]["state"], earlier[0]["nodes"]) == ("REQUEUED", "n[1-2]")
    assert now == (job, [])


def test_document_has_the_keys_of_slurm(style):
    document = job_document(style, ENDED, [STEP_0])
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


def test_document_of_a_pending_job(style):
    document = job_document(style, PENDING, [])
    assert document["allocation_nodes"] == 0
    assert document["flags"] == []
    assert document["nodes"] == "None assigned"
    assert document["state"] == {"current": "PENDING", "reason": "Priority"}
    assert document["tres"]["allocated"] == []
    assert document["time"]["total"] == {"seconds": 0, "microseconds": 0}


def test_document_numbers_generic_resources_by_name(style):
    document = job_document(style, ENDED | {"gres": "gpu:a100:2,fpga:1"}, [])
    assert document["tres"]["requested"][-2:] == [
        {"type": "gres", "name": "fpga", "id": 1001, "count": 1},
        {"type": "gres", "name": "gpu:a100", "id": 1002, "count": 2},
    ]


def test_document_of_a_step_of_several_tasks_has_only_the_total(style):
    [step] = job_document(style, ENDED, [STEP_0 | {"tasks": 2}])["steps"]
    assert step["tres"]["requested"]["max"] == []
    assert step["tres"]["requested"]["total"] == [
        {"type": "cpu", "name": None, "id": 1, "count": 3250},
        {"type": "mem", "name": None, "id": 2, "count": 3 << 20},
    ]


def test_document_names_the_killer_if_he_has_a_name(style):
    killed = ENDED | {"state": "CANCELLED", "outcome_uid": 0}
    assert job_document(style, killed, [])["kill_request_user"] == "root"
    nobody = ENDED | {"state": "CANCELLED", "outcome_uid": 60999}
    assert job_document(style, nobody, [])["kill_request_user"] is None
