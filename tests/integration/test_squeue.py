"""squeue：列、筛选、数组、次序、步、JSON 与消息。

期望的输出是真的 Slurm 22.05 对同样的作业所说的：golden/squeue.toml、golden/arrays.toml，
以及照着它们另录的。
"""

from __future__ import annotations

import json
import random
import re
import time
from typing import Any

import pytest

from scns.arrays import format_indices, normalize, to_multirange
from scns.cli.fields import queue, queue_names, sql, steps
from scns.cli.options import collect, parse
from scns.cli.squeue.listing import Listing
from scns.cli.squeue.selection import Sql, filled
from scns.cli.tables.squeue import TABLE
from scns.sizes import format_size
from scns.times import squeue_duration
from tests.integration.answering import Shell, end, start, submit

pytestmark = pytest.mark.usefixtures("site", "bare")

HEADER = "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


@pytest.fixture
def bare(monkeypatch):
    """没有会改变输出的环境变量，本地时区是 UTC。"""
    import os

    for name in list(os.environ):
        if name.startswith(("SQUEUE_", "SLURM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def shell(database, monkeypatch):
    return Shell(database, monkeypatch)


@pytest.fixture
def squeue(shell):
    """执行 squeue，返回标准输出；出错就失败。"""

    def call(*words: str, user: str = "u:root") -> str:
        outcome = shell("squeue", *words, user=user)
        assert (outcome.code, outcome.err) == (0, ""), outcome
        return outcome.out

    return call


def hold(database, **asked: Any) -> int:
    return submit(database, hold=True, **asked)


def change(cursor, job, **columns):
    """改 job 的几列。"""
    setting = ", ".join(f"{name} = %({name})s" for name in columns)
    cursor.execute(f"UPDATE scns.job SET {setting} WHERE id = %(job)s", columns | {"job": job})


def split(cursor, array, *tasks):
    """把元素从数组里分出来，返回它们的作业号。"""
    cursor.execute("SELECT id FROM scns.split_array(%s, %s)", (array, list(tasks)))
    return [row[0] for row in cursor.fetchall()]


# ── 默认的列 ────────────────────────────────────────────────────────────────


def test_an_empty_queue_prints_the_header_only(squeue):
    assert squeue() == HEADER


def test_default_columns_of_a_held_job(squeue, database):
    job = hold(database)
    assert squeue() == (
        HEADER + f"{job:>18}      main   job.sh     root PD       0:00      1 (JobHeldUser)\n"
    )


def test_default_columns_of_a_running_job(squeue, database, cursor):
    job = submit(database)
    start(cursor, job)
    line = squeue("-h")
    assert re.fullmatch(rf" *{job}      main   job.sh     root  R    1:00:0\d      1 n1\n", line)


def test_long_starts_with_the_date(squeue, database):
    job = hold(database)
    date, *rest = squeue("-l").split("\n")
    time.strptime(date, "%a %b %d %H:%M:%S %Y")
    assert rest == [
        "             JOBID PARTITION     NAME     USER    STATE       TIME TIME_LIMI  NODES"
        " NODELIST(REASON)",
        f"{job:>18}      main   job.sh     root  PENDING       0:00 UNLIMITED      1 (JobHeldUser)",
        "",
    ]


def test_long_without_header_has_no_date(squeue, database):
    hold(database)
    assert squeue("-hl").count("\n") == 1


def test_names_are_cut_to_their_columns(squeue, database):
    job = hold(database, name="averylongjobname")
    assert squeue("-h").split() == [
        str(job), "main", "averylon", "root", "PD", "0:00", "1", "(JobHeldUser)"
    ]  # fmt: skip


def test_start_lists_pending_jobs_with_expected_starts(squeue, database, cursor):
    first, second, running = (submit(database) for _ in range(3))
    start(cursor, running)
    soon = "2099-01-02T03:04:05"
    change(cursor, second, expected_start=soon + "Z", eligible=True)
    assert squeue("--start") == (
        "             JOBID PARTITION     NAME     USER ST          START_TIME  NODES"
        " SCHEDNODES           NODELIST(REASON)\n"
        f"{second:>18}      main   job.sh     root PD {soon}      1"
        " (null)               (Priority)\n"
        f"{first:>18}      main   job.sh     root PD                 N/A      1"
        " (null)               (Priority)\n"
    )


def test_start_takes_other_states_when_asked(squeue, database, cursor):
    submit(database)
    running = submit(database)
    start(cursor, running)
    assert squeue("--start", "-h", "-t", "R", "-o", "%i") == f"{running}\n"


# ── 字段 ────────────────────────────────────────────────────────────────────

#: 扣住的作业：`sbatch -H -J nm -n2 -t 90 --comment=cm -o out.txt -e err.txt job.sh`。
HELD = {
    "name": "nm",
    "tasks": 2,
    "time_limit": 5400,
    "comment": "cm",
    "standard_output": "out.txt",
    "standard_error": "err.txt",
    "submit_host": "host",
}

HELD_CODES = """
a root | A {job} | b N/A | B n/a | c 1 | C 2 | d 0 | D 1 | e N/A | E (null) | f (null) | F {job}
g root | G 0 | h OK | H * | i {job} | I * | j nm | J * | k cm | K N/A | l 1:30:00 | L 1:30:00
m 64M | M 0:00 | n  | N  | o /tmp/job.sh | O 0 | p 0.00000000000000 | P main | q normal | Q 0
r JobHeldUser | R (JobHeldUser) | s  | S N/A | t PD | T PENDING | u root | U 0 | v (null)
w (null) | W (null) | x  | X N/A | y 0 | Y (null) | z *:*:* | Z /tmp
"""


def table(text):
    """`名字 值` 的表，以 `|` 或换行相隔。"""
    cells = re.split(r"\s*[|\n]\s*", text.strip("\n"))
    return [tuple(cell.partition(" ")[::2]) for cell in cells if cell]


def test_codes_of_a_held_job(squeue, database):
    job = hold(database, **HELD)
    expected = {letter: value.format(job=job).strip() for letter, value in table(HELD_CODES)}
    asked = "".join(f"%{letter};" for letter in expected)
    values = squeue("-h", "-o", asked).removesuffix(";\n").split(";")
    assert dict(zip(expected, values, strict=True)) == expected


def test_every_code_of_a_held_job_is_in_the_table():
    assert {letter for letter, _ in table(HELD_CODES)} == set(queue.CODES) - {"V"}


def test_submission_time(squeue, database):
    hold(database)
    assert re.fullmatch(TIME + "\n", squeue("-h", "-o", "%V"))


#: 名字、表头与扣住的作业的值。
HELD_NAMES = """
Account ACCOUNT root
AccrueTime ACCRUE_TIME N/A
admin_comment ADMIN_COMMENT (null)
AllocNodes ALLOC_NODES host
AllocSID ALLOC_SID 0
ArrayJobID ARRAY_JOB_ID {job}
ArrayTaskID ARRAY_TASK_ID N/A
AssocID ASSOC_ID 0
BatchFlag BATCH_FLAG 1
BatchHost EXEC_HOST n/a
BoardsPerNode BOARDS_PER_NODE 0
BurstBuffer BURST_BUFFER (null)
BurstBufferState BURST_BUFFER_STATE (null)
Cluster CLUSTER scns
ClusterFeature CLUSTER_FEATURES (null)
Command COMMAND /tmp/job.sh
Comment COMMENT cm
Container CONTAINER (null)
Contiguous CONTIGUOUS 0
Cores CORES_PER_SOCKET *
CoreSpec CORE_SPEC N/A
cpus-per-task CPUS_PER_TASK 1
CPUsPerTask CPUS_PER_TASK 1
cpus-per-tres CPUS_PER_TRES N/A
Deadline DEADLINE N/A
DelayBoot DELAY_BOOT 0:00
Dependency DEPENDENCY (null)
DerivedEC DERIVED_EC 0
EligibleTime ELIGIBLE_TIME N/A
EndTime END_TIME N/A
exit_code EXIT_CODE 0
Feature FEATURES (null)
gres TRES_PER_NODE N/A
GroupID GROUP 0
GroupName GROUP root
HetJobID HET_JOB_ID N/A
HetJobIDSet HET_JOB_ID_SET N/A
HetJobOffset HET_JOB_OFFSET N/A
JobArrayID JOBID {job}
JobID JOBID {job}
Licenses LICENSES (null)
MaxCPUs MAX_CPUS 2
MaxNodes MAX_NODES 1
MCSLabel MCSLABEL (null)
mem-per-tres MEM_PER_TRES N/A
MinCpus MIN_CPUS 1
MinMemory MIN_MEMORY 64M
MinTime TIME_MIN 0:00
MinTmpDisk MIN_TMP_DISK 0
Name NAME nm
Network NETWORK (null)
Nice NICE 0
NodeList NODELIST
NTPerBoard NTASKS_PER_BOARD 0
NTPerCore NTASKS_PER_CORE N/A
NTPerNode NTASKS_PER_NODE 0
NTPerSocket NTASKS_PER_SOCKET N/A
NumCPUs CPUS 2
NumNodes NODES 1
NumTasks TASKS 2
NumTask TASKS 2
Origin ORIGIN NA
OriginRaw ORIGIN_RAW NA
OverSubscribe OVER_SUBSCRIBE OK
PackJobID HET_JOB_ID N/A
Partition PARTITION main
PreemptTime PREEMPT_TIME N/A
Prefer PREFER (null)
Priority PRIORITY 0.00000000000000
PriorityLong PRIORITY 0
Profile PROFILE NotSet
QOS QOS normal
Reason REASON JobHeldUser
ReasonList NODELIST(REASON) (JobHeldUser)
Reboot REBOOT 0
ReqNodes REQ_NODES
ReqSwitch REQ_SWITCH 0
Requeue REQUEUE 1
Reservation RESERVATION (null)
ResizeTime RESIZE_TIME N/A
RestartCnt RESTART_COUNT 0
SchedNodes SCHEDNODES (null)
SCT S:C:T *:*:*
Shared OVER_SUBSCRIBE OK
SiblingsActive ACTIVE_SIBLINGS NA
SiblingsActiveRaw ACTIVE_SIBLINGS_RAW NA
SiblingsViable VIABLE_SIBLINGS NA
SiblingsViableRaw VIALBLE_SIBLINGS_RAW NA
Sockets SOCKETS_PER_NODE *
SPerBoard SOCKETS_PER_BOARD 0
StartTime START_TIME N/A
State STATE PENDING
StateCompact ST PD
STDERR STDERR /tmp/err.txt
STDIN STDIN /dev/null
STDOUT STDOUT /tmp/out.txt
system_comment SYSTEM_COMMENT (null)
Threads THREADS_PER_CORE *
TimeLeft TIME_LEFT 1:30:00
TimeLimit TIME_LIMIT 1:30:00
TimeUsed TIME 0:00
tres TRES_ALLOC cpu=2,mem=128M,node=1,billing=2
tres-alloc TRES_ALLOC cpu=2,mem=128M,node=1,billing=2
tres-bind TRES_BIND N/A
tres-freq TRES_FREQ N/A
tres-per-job TRES_PER_JOB N/A
tres-per-node TRES_PER_NODE N/A
tres-per-socket TRES_PER_SOCKET N/A
tres-per-task TRES_PER_TASK N/A
UserID UID 0
UserName USER root
Wait4Switch WAIT4SWITCH 0:00
WCKey WCKEY (null)
WorkDir WORK_DIR /tmp
"""


def test_every_named_field_of_a_held_job(squeue, database):
    job = hold(database, **HELD)
    rows = [line.split(" ", 2) for line in HELD_NAMES.strip().split("\n")]
    asked = ",".join(f"{row[0]}:|" for row in rows)
    headers, values, _ = squeue("-O", asked).split("\n")
    expected = [(row + ["", ""])[2].format(job=job) for row in rows]
    found = dict(zip([row[0] for row in rows], values.split("|"), strict=False))
    assert headers.split("|")[:-1] == [row[1] for row in rows]
    assert found == dict(zip([row[0] for row in rows], expected, strict=True))


def test_every_named_field_is_in_the_table():
    known = {line.split(" ")[0].lower() for line in HELD_NAMES.strip().split("\n")}
    others = {
        "lastschedeval", "packjobidset", "packjoboffset", "pendingtime", "selectjobinfo",
        "submittime",
    }  # fmt: skip
    assert known | others == set(queue_names.NAMES)


def test_unknown_fields_are_reported_and_left_out(shell, database):
    hold(database)
    for name in ("alloctime", "nodes", "maxsockets", "StepID", "user"):
        outcome = shell("squeue", "-O", name)
        assert (outcome.code, outcome.out) == (0, "\n\n")
        assert outcome.err == f"squeue: error: Invalid job format specification: {name}\n"


def test_fields_are_twenty_wide_without_gaps(squeue, database):
    hold(database, name="abcdefgh")
    assert squeue("-h", "-O", "name,state,reason") == (
        "abcdefgh            PENDING             JobHeldUser         \n"
    )
    assert squeue("-h", "-O", "name:5,state:4") == "abcdePEND\n"
    assert squeue("-h", "-O", "name:,state:") == "abcdefghPENDING\n"


#: 要求得多的作业：提交时给的，与提交后直接写进 `submission` 的（免得先要有特性、许可证等）。
ASKING = {
    "name": "big",
    "tasks": 6,
    "tasks_per_node": 3,
    "cpus_per_task": 2,
    "memory_per_node": 1536,
    "time_limit": 1800,
    "time_min": 300,
    "nice": 7,
    "requeue": False,
    "arguments": ["a", "b"],
    "hold": True,
}
AMENDED = {
    "cpus": 12,
    "nodes_min": 2,
    "nodes_max": 5,
    "account": "acc",
    "exclusive": "node",
    "constraint": "f1&f2",
    "licenses": "lic:2,other:1",
    "gres": "gpu:2",
}
OPTIONS = {
    "contiguous": True,
    "wckey": "wk",
    "reservation": "resv",
    "tmp": 500,
    "core_spec": 1,
    "sockets_per_node": 1,
    "cores_per_socket": 2,
    "threads_per_core": 3,
    "gres": "gpu:2",
    "network": "ib",
    "profile": "task",
    "switches": "2@10",
    "prefer": "f2",
    "tasks_per_core": 1,
    "tasks_per_socket": 2,
    "delay_boot": 300,
    "gpus_per_task": "1",
}


def amend(cursor, job, options=None, **columns):
    """改 submission 的几列。"""
    if options is not None:
        columns["options"] = json.dumps(options)
    setting = ", ".join(f'"{name}" = %({name})s' for name in columns)
    cursor.execute(
        f"UPDATE scns.submission SET {setting} WHERE id = %(job)s", columns | {"job": job}
    )


@pytest.fixture
def demanding(database, cursor):
    """要求得多的作业。"""
    job = submit(database, **ASKING)
    amend(cursor, job, OPTIONS, **AMENDED)
    return job


ASKING_CODES = """
a acc | b gres:gpu:2 | c 6 | C 12 | d 500M | D 2 | f f1&f2 | h NO | H 1 | I 2 | J 3 | l 30:00
m 1.50G | o /tmp/job.sh a b | O 1 | v resv | w wk | W lic:2,other:1 | X 1 | y 7 | z 1:2:3
"""


def test_codes_of_a_demanding_job(squeue, demanding):
    expected = dict(table(ASKING_CODES))
    asked = "".join(f"%{letter};" for letter in expected)
    values = squeue("-h", "-o", asked).removesuffix(";\n").split(";")
    assert dict(zip(expected, values, strict=True)) == expected


ASKING_NAMES = """
MaxNodes 5 | MinTime 5:00 | Network ib | Profile Task | ReqSwitch 2 | Wait4Switch 5:00
Prefer f2 | NTPerCore 1 | NTPerSocket 2 | NTPerNode 3 | DelayBoot 5:00 | Requeue 0
tres-per-node gres:gpu:2 | tres-per-task gres:gpu:1
tres cpu=12,mem=3G,node=2,billing=12,gres/gpu=4
"""


def test_named_fields_of_a_demanding_job(squeue, demanding):
    expected = dict(table(ASKING_NAMES))
    asked = ",".join(f"{name}:;" for name in expected)
    values = squeue("-h", "-O", asked).removesuffix(";\n").split(";")
    assert dict(zip(expected, values, strict=True)) == expected


def test_sharing(squeue, database):
    for asked in (
        {"exclusive": "user"},
        {"exclusive": "mcs"},
        {"options": {"oversubscribe": True}},
        {"exclusive": "node", "options": {"oversubscribe": True}},
    ):
        hold(database, **asked)
    assert squeue("-h", "-S", "i", "-o", "%h") == "USER\nMCS\nYES\nYES\n"


def test_memory(squeue, database):
    for asked in (
        {"memory_per_node": 1500},
        {"memory_per_cpu": 2048, "tasks": 2},
        {"memory_per_node": 0},
        {"memory_per_cpu": 0},
    ):
        hold(database, **asked)
    assert squeue("-h", "-S", "i", "-O", "minmemory:|,tres:") == (
        "1500M|cpu=1,mem=1500M,node=1,billing=1\n"
        "2G|cpu=2,mem=4G,node=1,billing=2\n"
        "0|cpu=1,mem=8000M,node=1,billing=1\n"
        "0|cpu=1,mem=8000M,node=1,billing=1\n"
    )


def test_without_memory_there_is_none_in_the_tres(squeue, database, cursor):
    cursor.execute("DELETE FROM scns.setting WHERE name = 'DefMemPerCPU'")
    hold(database)
    assert squeue("-h", "-O", "tres:") == "cpu=1,node=1,billing=1\n"


def test_noconvert_keeps_megabytes(squeue, database):
    hold(database, memory_per_node=2048)
    assert squeue("-h", "--noconvert", "-o", "%m") == "2048M\n"
    assert squeue("-h", "--noconvert", "-O", "minmemory:") == "2048M\n"


def test_arguments_of_others_are_not_shown(squeue, database):
    submit(database, "u:alice", arguments=["--password", "x"])
    assert squeue("-h", "-o", "%o", user="u:bob") == "/tmp/job.sh\n"
    assert squeue("-h", "-o", "%o", user="u:alice") == "/tmp/job.sh --password x\n"


def test_job_from_standard_input_has_no_command(squeue, database):
    hold(database, command=None, arguments=["a"])
    assert squeue("-h", "-o", "%o") == "(null)\n"


def test_file_names(squeue, database):
    cases = (
        ({}, "/tmp/slurm-{job}.out|/tmp/slurm-{job}.out|/dev/null|"),
        ({"directory": "/", "standard_output": "o"}, "/o|/o|/dev/null|"),
        ({"standard_output": "/abs", "standard_error": "rel"}, "/abs|/tmp/rel|/dev/null|"),
        # 样式不展开，与 Slurm 相同
        (
            {"standard_output": "o%j_%x.%%", "standard_input": "in%j"},
            "/tmp/o%j_%x.%%|/tmp/o%j_%x.%%|/tmp/in%j|",
        ),
        ({"batch": False}, "|||"),
    )
    jobs = [hold(database, **asked) for asked, _ in cases]
    assert squeue("-h", "-S", "i", "-O", "stdout:|,stderr:|,stdin:|").split("\n")[:-1] == [
        expected.format(job=job) for job, (_, expected) in zip(jobs, cases, strict=True)
    ]


def test_running_job(squeue, database, cursor):
    job = submit(database, tasks=3, cpus_per_task=2, time_limit=7200)
    start(cursor, job, cpus=6, memory=384)
    change(cursor, job, limit_time="2099-01-01T00:00:00Z")
    assert squeue("-h", "-o", "%B|%C|%D|%e|%N|%r|%R|%t|%T") == (
        "n1|6|1|2099-01-01T00:00:00|n1|None|n1|R|RUNNING\n"
    )
    assert re.fullmatch(rf"{TIME}\|1:00:0\d\|59:5\d\n|{TIME}\|1:00:00\|1:00:00\n",
                        squeue("-h", "-o", "%S|%M|%L"))  # fmt: skip
    assert squeue("-h", "-O", "tres:") == "cpu=6,mem=384M,node=1,billing=6\n"


def test_running_job_without_limit_has_no_end(squeue, database, cursor):
    job = submit(database)
    start(cursor, job)
    assert squeue("-h", "-o", "%e|%6e|%.6e|%L|%l") == "NONE|NONE  |  NONE|UNLIMITED|UNLIMITED\n"


def test_suspended_job_does_not_use_time(squeue, database, cursor):
    job = submit(database, time_limit=7200)
    start(cursor, job)
    cursor.execute(
        "UPDATE scns.job SET state = 'SUSPENDED', suspend_time = start_time + interval '10 min',"
        " suspended_seconds = 60 WHERE id = %s",
        (job,),
    )
    assert squeue("-h", "-o", "%t|%T|%M|%L|%R") == "S|SUSPENDED|9:00|1:51:00|n1\n"


def test_ended_jobs(squeue, database, cursor):
    cases = {
        ("COMPLETED", "None"): "CD|COMPLETED|n1",
        ("FAILED", "NonZeroExitCode"): "F|FAILED|(NonZeroExitCode)",
        ("TIMEOUT", "TimeLimit"): "TO|TIMEOUT|(TimeLimit)",
        ("CANCELLED", "None"): "CA|CANCELLED|n1",
        ("OUT_OF_MEMORY", "OutOfMemory"): "OOM|OUT_OF_MEMORY|(OutOfMemory)",
        ("NODE_FAIL", "NodeDown"): "NF|NODE_FAIL|n1",
        ("DEADLINE", "DeadLine"): "DL|DEADLINE|(DeadLine)",
    }
    for state, reason in cases:
        job = submit(database)
        start(cursor, job)
        end(cursor, job, state, reason=reason)
    shown = squeue("-h", "-t", "all", "-S", "i", "-o", "%t|%T|%R")
    assert shown.split("\n")[:-1] == list(cases.values())
    assert squeue("-h", "-j", str(job)) == ""


def test_exit_codes_are_wait_statuses(squeue, database, cursor):
    job, killed = submit(database), submit(database)
    for ended, columns in ((job, {"exit_code": 3}), (killed, {"exit_signal": 9})):
        start(cursor, ended)
        end(cursor, ended, "FAILED", **columns)
    assert squeue("-h", "-t", "all", "-S", "i", "-O", "exit_code:") == "768\n9\n"


def test_job_cancelled_while_pending_has_an_end(squeue, database, cursor):
    job = hold(database)
    change(cursor, job, state="CANCELLED", end_time="2099-01-02T03:04:05Z")
    assert squeue("-h", "-t", "CA", "-o", "%S|%e|%M|%R|%r") == (
        "2099-01-02T03:04:05|2099-01-02T03:04:05|0:00||JobHeldUser\n"
    )


def test_begin_time_is_the_earliest_start(squeue, database):
    submit(database, begin_time="2099-01-02T03:04:05Z", time_limit=600)
    assert squeue("-h", "-o", "%S|%e|%r") == ("2099-01-02T03:04:05|2099-01-02T03:14:05|BeginTime\n")
    assert squeue("-h", "-O", "eligibletime:") == "2099-01-02T03:04:05\n"


def test_expected_start_is_never_in_the_past(squeue, database, cursor):
    job = submit(database)
    change(cursor, job, expected_start="2001-01-01")
    assert squeue("-h", "-o", "%S") >= time.strftime("%Y-%m-%dT", time.gmtime())


def test_time_limits(squeue, database):
    cases = {
        60: "1:00",
        5400: "1:30:00",
        90000: "1-01:00:00",
        31536000: "365-00:00:00",
        31536060: "INVALID",
        -1: "UNLIMITED",
    }
    for limit in cases:
        hold(database, time_limit=limit)
    assert squeue("-h", "-S", "i", "-o", "%l|%L").split("\n")[:-1] == [
        f"{expected}|{expected}" for expected in cases.values()
    ]


def test_dependencies(squeue, database, cursor):
    parent, array = hold(database), hold(database, array_indices="{[1,4)}")
    edges = [
        {"kind": "afterok", "job": parent},
        {"kind": "afterany", "job": array},
        {"kind": "afterok", "job": array, "task": 2},
        {"kind": "after", "job": parent, "delay": 5},
    ]
    child = submit(database, edges=edges)
    either = submit(database, edges=edges[:2], dependency_any=True)
    alone = submit(database, edges=[{"kind": "singleton"}])
    failed = submit(database)
    start(cursor, failed)
    end(cursor, failed, "FAILED")
    never = submit(database, edges=[{"kind": "afterok", "job": failed}])
    cursor.execute("SELECT scns.settle_dependencies(NULL)")
    assert squeue("-h", "-j", f"{child},{either},{alone},{never}", "-S", "i", "-o", "%E") == (
        f"afterok:{parent}(unfulfilled),afterany:{array}_*(unfulfilled),"
        f"afterok:{array}_2(unfulfilled),after:{parent}+5(unfulfilled)\n"
        f"afterok:{parent}(unfulfilled)?afterany:{array}_*(unfulfilled)\n"
        "singleton(unfulfilled)\n"
        f"afterok:{failed}(failed)\n"
    )


def test_newline_in_a_name_is_printed(squeue, database):
    hold(database, name="a\\n\nb\tc\\")
    assert squeue("-h", "-o", "%j|") == "a\\n\nb\tc\\|\n"


def test_all_codes(squeue, database):
    hold(database)
    headers, values, _ = squeue("-o", "%all").split("\n")
    assert len(headers.split("|")) == len(values.split("|")) == 52


def test_only_the_code_is_an_error(shell, database):
    job = hold(database)
    outcome = shell("squeue", "-h", "-o", "%i|%~|%.10~x")
    assert (outcome.code, outcome.out) == (0, f"{job}|%~|%.10~x\n")
    assert outcome.err == "squeue: error: Invalid job format specification: ~\n" * 2


# ── 筛选 ────────────────────────────────────────────────────────────────────


@pytest.fixture
def jobs(database, cursor):
    """几个人、几个分区、几种状态的作业，按提交的次序。"""
    made = {
        "held": hold(database, name="a"),
        "alice": submit(database, "u:alice", name="b"),
        "short": submit(database, "u:bob", name="c", partition="short"),
        "both": submit(database, name="d", partition="short,main"),
        "running": submit(database, "u:alice", name="e"),
        "done": submit(database, name="f"),
        "old": submit(database, name="g"),
    }
    amend(cursor, made["alice"], account="acc", qos="high")
    amend(cursor, made["short"], licenses="lic:2")
    amend(cursor, made["both"], {"reservation": "resv"})
    for name in ("running", "done", "old"):
        start(cursor, made[name], cpus=0)
        if name != "running":
            end(cursor, made[name])
    change(cursor, made["old"], end_time="2001-01-01")
    return made


#: 选项（以空格隔开，`_` 是空的值）到选出的作业。
FILTERS = {
    "": "held alice short both running",
    "-a": "held alice short both running",
    "--hide --local": "held alice short both running",
    "-t all": "held alice short both running done",
    "-t ALL": "held alice short both running done",
    "-t pd": "held alice short both",
    "-t PENDING,r": "held alice short both running",
    "-t pd,,cd": "held alice short both done",
    "-t CD": "done",
    "-t completed,f": "done",
    "-t BF,SO": "",
    "-t _": "",
    "-u root": "held both",
    "-u 0": "held both",
    "-u _": "",
    "-p main": "held alice both running",
    "-p short": "short both",
    "-p short,main": "held alice short both running",
    "-p nosuch": "",
    "-p _": "",
    "-n a,c": "held short",
    "-n a,\xa0c": "held",
    "-n _": "",
    "-A acc": "alice",
    "-q high": "alice",
    "-R resv": "both",
    "-L lic": "short",
    "-L lic:7": "short",
    "-L nosuch": "",
    "-w n1": "running",
    "-w n1 -t all": "running done",
    "-t r -u root": "",
    "-u root -p short": "both",
}


def test_filters(squeue, jobs):
    names = {str(number): name for name, number in jobs.items()}
    found = {}
    for words in FILTERS:
        given = ["" if word == "_" else word for word in words.split(" ") if word]
        shown = squeue("-h", "-S", "i", "-o", "%i", *given).split()
        found[words] = " ".join(names[number] for number in shown)
    assert found == FILTERS


def test_me_is_the_caller(squeue, jobs, monkeypatch):
    monkeypatch.setattr("scns.db.connect.user_role", lambda: "u:alice")
    monkeypatch.setattr("os.geteuid", lambda: 60001)
    expected = f"{jobs['alice']}\n{jobs['running']}\n"
    assert squeue("-h", "--me", "-S", "i", "-o", "%i") == expected
    # 后写的胜
    assert squeue("-h", "-u", "root", "--me", "-S", "i", "-o", "%i") == expected
    assert squeue("-h", "--me", "-u", "root", "-S", "i", "-o", "%i") == (
        f"{jobs['held']}\n{jobs['both']}\n"
    )


def test_variables_filter_too(squeue, jobs, monkeypatch):
    expected = {
        "SQUEUE_PARTITION=short": "c d",
        "SQUEUE_STATES=cd": "f",
        "SQUEUE_NAMES=a": "a",
        "SQUEUE_USERS=root": "a d",
        "SQUEUE_ACCOUNT=acc": "b",
        "SQUEUE_QOS=high": "b",
        "SQUEUE_LICENSES=lic": "c",
    }
    found = {}
    for setting in expected:
        variable, _, value = setting.partition("=")
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            found[setting] = " ".join(squeue("-h", "-S", "i", "-o", "%j").split())
    assert found == expected


def test_options_beat_variables(squeue, jobs, monkeypatch):
    monkeypatch.setenv("SQUEUE_FORMAT", "%j %T")
    assert squeue("-h", "-n", "a") == "a PENDING\n"
    assert squeue("-h", "-n", "a", "-o", "%T") == "PENDING\n"
    monkeypatch.setenv("SQUEUE_SORT", "-i")
    assert squeue("-h", "-u", "root", "-o", "%j") == "d\na\n"
    monkeypatch.delenv("SQUEUE_FORMAT")
    monkeypatch.setenv("SQUEUE_FORMAT2", "name:3,state:")
    assert squeue("-h", "-n", "a") == "a  PENDING\n"


def test_named_jobs(squeue, jobs):
    held, short, done = (str(jobs[name]) for name in ("held", "short", "done"))
    assert squeue("-h", f"-j{held}", "-o", "%i") == f"{held}\n"
    assert squeue("-h", "-j", f"{short},{held},99999999", "-S", "i", "-o", "%i") == (
        f"{held}\n{short}\n"
    )
    assert squeue("-h", "-j", "-S", "i", "-o", "%j") == "a\nb\nc\nd\ne\n"
    assert squeue("-h", "-j", done) == ""
    assert squeue("-h", "-j", done, "-t", "all", "-o", "%i") == f"{done}\n"
    assert squeue("-h", "--jobs=") == ""
    assert squeue("-j", "99999998,99999999") == HEADER


def test_one_unknown_job_is_an_error(shell, jobs):
    for word in ("99999999", "99999999_1", "9" * 30):
        outcome = shell("squeue", "-j", word)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err == "slurm_load_jobs error: Invalid job id specified\n"


def test_jobs_older_than_min_job_age_are_forgotten(shell, jobs):
    assert shell("squeue", "-t", "all", "-j", str(jobs["old"])).code == 1
    both = f"{jobs['old']},{jobs['held']}"
    assert shell("squeue", "-h", "-t", "all", "-j", both).out.count("\n") == 1


def test_min_job_age_may_carry_its_unit(squeue, jobs, cursor):
    cursor.execute("UPDATE scns.setting SET value = '300 sec' WHERE name = 'MinJobAge'")
    assert squeue("-h", "-t", "cd", "-o", "%i") == f"{jobs['done']}\n"
    cursor.execute("UPDATE scns.setting SET value = '0 sec' WHERE name = 'MinJobAge'")
    assert squeue("-h", "-t", "cd", "-o", "%i") == ""
    cursor.execute("DELETE FROM scns.setting WHERE name = 'MinJobAge'")
    assert squeue("-h", "-t", "cd", "-o", "%i") == f"{jobs['done']}\n"


def test_node_lists_are_unfolded(squeue, database, cursor):
    cursor.execute(
        "INSERT INTO scns.node (name, cpus, memory) SELECT 'm' || n, 1, 1"
        " FROM generate_series(1, 12) n"
    )
    jobs = [submit(database) for _ in range(3)]
    for job, nodes in zip(jobs, ("m[1-3,10]", "m[4-12]", "n1"), strict=True):
        start(cursor, job, cpus=0)
        change(cursor, job, node_list=nodes)
    assert squeue("-h", "-w", "m10", "-S", "i", "-o", "%i") == f"{jobs[0]}\n{jobs[1]}\n"
    assert squeue("-h", "-w", "m[1-2],n1", "-S", "i", "-o", "%i") == f"{jobs[0]}\n{jobs[2]}\n"
    assert squeue("-h", "-w", "") == ""


def test_what_is_not_cut_when_justified_right(squeue, database, cursor):
    job = submit(database, time_limit=90000)
    start(cursor, job)
    waiting = hold(database, name="longname")
    columns = "%1N|%.1N|%1R|%.1R|%.3N|%.1Y|%.1l|%.1L|%.1M|%.1j|%.1S|%1l|"
    head, first, second, _ = squeue("-S", "i", "-o", columns).split("\n")
    assert head == "N|NODELIST|N|NODELIST(REASON)|NODELIST|SCHEDNODES|T|T|T|N|S|T|"
    fields = first.split("|")
    assert fields[:7] == ["n", "n1", "n", "n1", " n1", "(null)", "1-01:00:00"]
    assert fields[7].startswith("23:5") or fields[7] == "1-00:00:00"
    assert fields[8].startswith("1:00:")
    assert fields[9:] == ["j", time.strftime("%Y")[0], "1", ""]
    # 原因与 UNLIMITED 要截
    assert second == " | |(|(|   |(null)|U|U|0|l|N|U|"
    assert str(waiting) in squeue("-h", "-o", "%i")


# ── 消息 ────────────────────────────────────────────────────────────────────

STATES = (
    "PENDING,RUNNING,SUSPENDED,COMPLETED,CANCELLED,FAILED,TIMEOUT,NODE_FAIL,PREEMPTED,BOOT_FAIL,"
    "DEADLINE,OUT_OF_MEMORY,COMPLETING,CONFIGURING,RESIZING,RESV_DEL_HOLD,REQUEUED,REQUEUE_FED,"
    "REQUEUE_HOLD,REVOKED,SIGNALING,SPECIAL_EXIT,STAGE_OUT,STOPPED"
)


#: 词、标准输出、标准错误与退出码。
MESSAGES = [
    (["-j", "abc"], "", "squeue: error: Invalid job id: abc\n", 1),
    (["-j", "0"], "", "squeue: error: Invalid job id: 0\n", 1),
    (
        ["-t", "bogus"],
        "",
        "squeue: error: Invalid job state specified: bogus\n"
        f"squeue: error: Valid job states include: {STATES}\n\n",
        1,
    ),
    (
        ["-t", "all,pd"],
        "",
        "squeue: error: Invalid job state specified: all\n"
        f"squeue: error: Valid job states include: {STATES}\n\n",
        1,
    ),
    (["-u", "nosuchuser"], HEADER, "squeue: error: Invalid user: nosuchuser\n\n", 0),
    (["-u", "4294967290"], HEADER, "squeue: error: Invalid user: 4294967290\n\n", 0),
    (["-w", "nosuch"], "", "squeue: error: Invalid node name nosuch\n", 1),
    (["-w", "n1,nosuch"], "", "squeue: error: Invalid node name nosuch\n", 1),
    (["-S", "@"], HEADER, "squeue: error: Invalid sort specification: @\n", 1),
    (["-S", "xyi"], HEADER, "squeue: error: Invalid sort specification: y\n", 1),
    (["-S", "b"], HEADER, "squeue: Invalid sort specification: b\n", 0),
    (["-i", "abc"], "", "squeue: error: --iterate=abc\n\n", 1),
    (["-i", "0"], "", "squeue: error: --iterate=0\n\n", 1),
    (["-i", "-1"], "", "squeue: error: --iterate=-1\n\n", 1),
    (
        ["-o", "%i", "-O", "name"],
        "",
        "squeue: error: -O (--Format) is incompatible with -o (--format)\n",
        1,
    ),
    (["-s", "8"], "", "squeue: error: Invalid job_step id: 8.??\n", 1),
    (
        ["-M", "nosuch"],
        "",
        "squeue: error: No cluster 'nosuch' known by database.\n"
        "squeue: error: 'nosuch' can't be reached now, or it is an invalid entry for --cluster."
        "  Use 'sacctmgr list clusters' to see available clusters.\n",
        1,
    ),
    (["-M", "scns"], "CLUSTER: scns\n" + HEADER, "", 0),
    (
        ["--nosuch"],
        "",
        "squeue: unrecognized option '--nosuch'\nTry \"squeue --help\" for more information\n",
        1,
    ),
    (["-o", "%99999i"], "", "squeue: error: Invalid field width: 99999\n", 1),
]


def test_messages(shell):
    found = []
    for words, *_ in MESSAGES:
        outcome = shell("squeue", *words)
        found.append((words, outcome.out, outcome.err, outcome.code))
    assert found == MESSAGES


def test_stray_word_prints_the_usage(shell):
    outcome = shell("squeue", "stray")
    assert outcome.code == 1
    assert outcome.out.startswith("Usage: squeue [-A account]")
    assert outcome.err == "squeue: error: Unrecognized option: stray\n"


@pytest.mark.parametrize("word", ["--help", "--usage", "--version", "-V"])
def test_help_needs_no_database(monkeypatch, word):
    outcome = Shell(None, monkeypatch)("squeue", word)
    assert outcome.code == 0
    assert outcome.out


def test_known_users_are_listed_beside_unknown_ones(shell, jobs):
    outcome = shell("squeue", "-h", "-u", "nosuchuser,root", "-S", "i", "-o", "%j")
    assert outcome.out == "a\nd\n"


def test_iterate_repeats_with_a_date_and_a_blank_line(shell, database, monkeypatch):
    hold(database)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", pause)
    printed: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        with monkeypatch.context() as patch:
            patch.setattr("scns.cli.clock.today", lambda: printed.append("") or "DATE")
            shell("squeue", "-i", "3x", "-o", "%j")
    assert pauses == [3, 3]
    assert len(printed) == 2


# ── 数组 ────────────────────────────────────────────────────────────────────


def stepped(first, last, step):
    """`--array=first-last:step` 的区间文本。"""
    return to_multirange([(n, n + 1) for n in range(first, last + 1, step)])


def test_array_is_one_row_with_folded_tasks(squeue, database):
    cases = [
        ("{[1,4)}", None, "1-3"),
        ("{[0,1)}", None, "0"),
        ("{[1,2),[3,4),[5,6),[7,8)}", None, "1,3,5,7"),
        ("{[0,1),[5,6),[10,11)}", None, "0,5,10"),
        ("{[1,4)}", 2, "1-3%2"),
        ("{[1,3),[4,6)}", 2, "1-2,4-5%2"),
        ("{[1,4)}", 0, "1-3"),
        ("{[1,4)}", 99, "1-3%99"),
        ("{[1,10000)}", None, "1-9999"),
        # 间隔整齐、够多够散的才折
        (stepped(0, 99, 3), None, "0-99:3"),
        (stepped(1, 23, 2), None, "1-23:2"),
        (stepped(1, 13, 2), None, "1-13:2"),
        (stepped(1, 11, 2), None, "1,3,5,7,9,11"),
        (stepped(0, 50, 10), None, "0-50:10"),
        (stepped(0, 40, 10), None, "0,10,20,30,40"),
        (stepped(1, 13, 12), None, "1,13"),
        (stepped(0, 300, 2), 3, "0-300:2%3"),
    ]
    jobs = [hold(database, array_indices=ranges, array_limit=limit) for ranges, limit, _ in cases]
    shown = squeue("-h", "-S", "i", "-o", "%i|%.30i|%F|%K|%A").split("\n")[:-1]
    assert shown == [
        f"{job}_[{tasks}]|{f'{job}_[{tasks}]':>30}|{job}|{tasks}|{job}"
        for job, (_, _, tasks) in zip(jobs, cases, strict=True)
    ]


IRREGULAR = "1,5,9,20,30,40,50,61,72,83,94,105,117,119,121,133,144,155,166,177,188,199-202"


def test_long_task_lists_are_cut(squeue, database, monkeypatch):
    cut = "1,5,9,20,30,40,50,61,72,83,94,105,117,119,121,133,144,155,16...%7"
    expected = {
        None: cut,
        "20": "1,5,9,20,30,40,5...%7",
        "0": IRREGULAR + "%7",
        "200": IRREGULAR + "%7",
        "-1": cut,
        "abc": IRREGULAR + "%7",
    }
    numbers = [int(item) for item in IRREGULAR.split(",")[:-1]]
    ranges = [(n, n + 1) for n in numbers] + [(199, 203)]
    job = hold(database, array_indices=to_multirange(ranges), array_limit=7)
    for length, tasks in expected.items():
        if length is not None:
            monkeypatch.setenv("SLURM_BITSTR_LEN", length)
        # 没有这个变量时作业号还要放进 Slurm 的 32 字节
        shown = f"{job}_[{tasks}]"[: 31 if length is None else None]
        assert squeue("-h", "-o", "%i %K") == f"{shown} {tasks}\n"


def test_array_option_shows_each_task(squeue, database):
    job = hold(database, array_indices="{[1,4),[7,8)}", array_limit=2)
    assert squeue("-h", "-r", "-o", "%i %K %F %A %T") == "".join(
        f"{job}_{task} {task} {job} {job} PENDING\n" for task in (1, 2, 3, 7)
    )


def test_array_variable_is_the_array_option(squeue, database, monkeypatch):
    job = hold(database, array_indices="{[1,3)}")
    monkeypatch.setenv("SQUEUE_ARRAY", "1")
    assert squeue("-h", "-o", "%i") == f"{job}_1\n{job}_2\n"


def test_tasks_stay_together_when_sorted_backwards(squeue, database):
    array, single = hold(database, array_indices="{[1,4)}"), hold(database)
    assert squeue("-h", "-r", "-S", "-i", "-o", "%i").split() == [
        str(single), f"{array}_1", f"{array}_2", f"{array}_3"
    ]  # fmt: skip


def test_running_tasks_have_rows_of_their_own(squeue, database, cursor):
    job = submit(database, array_indices="{[1,5)}", array_limit=2)
    change(cursor, job, reason="JobArrayTaskLimit", eligible=False)
    for task in split(cursor, job, 1, 2):
        start(cursor, task, cpus=0)
    assert squeue("-h", "-o", "%i %T %r") == (
        f"{job}_[3-4%2] PENDING JobArrayTaskLimit\n{job}_1 RUNNING None\n{job}_2 RUNNING None\n"
    )


def test_the_last_task_keeps_its_index(squeue, database, cursor):
    job = hold(database, array_indices="{[7,8)}")
    split(cursor, job, 7)
    assert squeue("-h", "-o", "%i|%K|%F|%A") == f"{job}_7|7|{job}|{job}\n"


@pytest.fixture
def parted(database, cursor):
    """数组 1-9%3：2 在跑，4 单独扣住，6 改了名，8 换了分区；返回各行的号。"""
    job = hold(database, array_indices="{[1,10)}", array_limit=3)
    two, four, six, eight = split(cursor, job, 2, 4, 6, 8)
    start(cursor, two)
    change(cursor, four, hold="admin", reason="JobHeldAdmin")
    other = hold(database, name="other")
    cursor.execute("SELECT submission_id FROM scns.job WHERE id = %s", (other,))
    change(cursor, six, submission_id=cursor.fetchone()[0])
    cursor.execute("DELETE FROM scns.job WHERE id = %s", (other,))
    change(cursor, eight, partition="short")
    return {"job": job, "two": two, "four": four, "six": six, "eight": eight}


def ids(text):
    """各行按作业号的次序。"""
    return sorted(text.split("\n")[:-1])


def test_pending_tasks_are_merged_into_their_array(squeue, parted):
    job, four = parted["job"], parted["four"]
    # 并过的不带 %3；原因并在一起；改了名字或分区的不并
    assert ids(squeue("-h", "-o", "%i|%K|%A|%t|%r|%R")) == sorted(
        [
            f"{job}_[1,3-5,7,9]|1,3-5,7,9|{job}|PD|JobHeldUser,JobHeldAdmin|"
            "(JobHeldUser,JobHeldAdmin)",
            f"{job}_2|2|{parted['two']}|R|None|n1",
            f"{job}_6|6|{parted['six']}|PD|JobHeldUser|(JobHeldUser)",
            f"{job}_8|8|{parted['eight']}|PD|JobHeldUser|(JobHeldUser)",
        ]
    )
    assert four not in squeue("-h", "-o", "%A").split()


def test_array_unique_does_not_merge(squeue, parted):
    job = parted["job"]
    assert ids(squeue("-h", "--array-unique", "-o", "%i|%r")) == sorted(
        [
            f"{job}_[1,3,5,7,9%3]|JobHeldUser",
            f"{job}_2|None",
            f"{job}_4|JobHeldAdmin",
            f"{job}_6|JobHeldUser",
            f"{job}_8|JobHeldUser",
        ]
    )


def test_array_option_shows_parted_tasks_once(squeue, parted):
    shown = squeue("-h", "-r", "-o", "%i").split()
    assert sorted(shown) == [f"{parted['job']}_{task}" for task in range(1, 10)]


def test_named_tasks(squeue, parted):
    expected = {
        "3": "{job}_3|3|{job}|JobHeldUser",
        "4": "{job}_4|4|{four}|JobHeldAdmin",
        "2": "{job}_2|2|{two}|None",
        "3,5": "{job}_[3,5]|3,5|{job}|JobHeldUser",
        # 单独有行的也并进点名的
        "3,4,5": "{job}_[3-5]|3-5|{job}|JobHeldUser,JobHeldAdmin",
        # 数组那一行只剩一个下标时不再是合成的一行
        "3,4": "{job}_3|3|{job}|JobHeldUser {job}_4|4|{four}|JobHeldAdmin",
        "99": "",
    }
    found = {}
    for tasks in expected:
        named = ",".join(f"{parted['job']}_{task}" for task in tasks.split(","))
        found[tasks] = ids(squeue("-h", "-j", named, "-o", "%i|%K|%A|%r"))
    assert found == {
        tasks: sorted(rows.format(**parted).split()) for tasks, rows in expected.items()
    }


def test_named_tasks_are_listed_without_folding(squeue, database):
    job = hold(database, array_indices=stepped(0, 98, 2), array_limit=3)
    named = ",".join(f"{job}_{task}" for task in range(0, 40, 2))
    assert squeue("-h", "-j", named, "-o", "%K") == (",".join(map(str, range(0, 40, 2))) + "\n")


def test_whole_array_beats_its_named_tasks(squeue, database):
    job = hold(database, array_indices="{[1,4)}", array_limit=2)
    assert squeue("-h", "-j", f"{job}_2,{job}", "-o", "%i") == f"{job}_[1-3%2]\n"


def test_named_tasks_may_be_shown_one_by_one(squeue, database):
    job = hold(database, array_indices="{[1,9)}")
    assert squeue("-h", "-r", "-j", f"{job}_2,{job}_5", "-o", "%i") == f"{job}_2\n{job}_5\n"


def test_task_is_found_by_its_own_id(squeue, parted):
    four = parted["four"]
    assert squeue("-h", "-j", str(four), "-o", "%i|%A") == f"{parted['job']}_4|{four}\n"


def test_task_of_a_job_that_is_no_array(squeue, database):
    job = hold(database)
    assert squeue("-j", f"{job}_1") == HEADER


def test_default_output_of_tasks(squeue, parted):
    job = parted["job"]
    shown = squeue("-h", "-j", f"{job}_2", "-O", "stdout:")
    assert shown == f"/tmp/slurm-{job}_2.out\n"


# ── 次序 ────────────────────────────────────────────────────────────────────


@pytest.fixture
def crowd(database, cursor):
    """各种作业；名字就是记号。"""

    def make(name, **asked):
        return submit(database, **({"name": name} | asked))

    made = {
        "h1": make("h1", hold=True),
        "h2": make("h2", hold=True),
        "r1": make("r1", time_limit=600),
        "r2": make("r2", tasks=2),
        "w": make("w", partition="closed", time_limit=60),
        "q1": make("q1", partition="short", memory_per_node=2000),
        "q2": make("q2", partition="short", nice=50, tasks=8),
        "q3": make("q3", partition="short"),
    }  # fmt: skip
    for name, cpus in (("r1", 1), ("r2", 2)):
        start(cursor, made[name], cpus=0)
        change(cursor, made[name], cpus_alloc=cpus)
    cursor.execute(
        "UPDATE scns.job SET start_time = start_time - interval '1 day' WHERE id = %s",
        (made["r2"],),
    )
    return made


#: 键到作业的次序。
ORDERS = [
    # 分区、状态、优先级；扣住的新的在前，等待的先来的在前
    (None, "w h2 h1 r1 r2 q1 q3 q2"),
    ("P,t,-p", "w h2 h1 r1 r2 q1 q3 q2"),
    ("i", "h1 h2 r1 r2 w q1 q2 q3"),
    ("-i", "q3 q2 q1 w r2 r1 h2 h1"),
    ("j", "h1 h2 q1 q2 q3 r1 r2 w"),
    ("-j", "w r2 r1 q3 q2 q1 h2 h1"),
    ("t,i", "h1 h2 w q1 q2 q3 r1 r2"),
    ("T,i", "h1 h2 w q1 q2 q3 r1 r2"),
    ("-t,-i", "r2 r1 q3 q2 q1 w h2 h1"),
    ("-p", "r1 r2 w q1 q3 q2 h2 h1"),
    ("p", "h2 h1 q2 q3 q1 w r2 r1"),
    ("-Q", "r1 r2 w q1 q3 q2 h2 h1"),
    # 没有启动时刻的总在后
    ("S", "r2 r1 h1 h2 w q1 q2 q3"),
    ("-S", "r1 r2 h1 h2 w q1 q2 q3"),
    ("", "r1 r2 q3 q2 q1 w h2 h1"),
    ("l,i", "w q1 q2 q3 r1 h1 h2 r2"),
    ("-l,i", "h1 h2 r2 r1 q1 q2 q3 w"),
    ("L,i", "r1 w q1 q2 q3 h1 h2 r2"),
    ("-M,i", "r2 r1 h1 h2 w q1 q2 q3"),
    ("-C,i", "q2 r2 h1 h2 r1 w q1 q3"),
    ("-m,i", "q1 h1 h2 r1 r2 w q2 q3"),
    ("N,i", "r1 r2 h1 h2 w q1 q2 q3"),
    ("B,i", "h1 h2 w q1 q2 q3 r1 r2"),
    ("D,i", "h1 h2 r1 r2 w q1 q2 q3"),
    ("V,i", "h1 h2 r1 r2 w q1 q2 q3"),
    ("u,U,g,G,i", "h1 h2 r1 r2 w q1 q2 q3"),
    ("c,d,f,h,H,I,J,n,O,v,z,i", "h1 h2 r1 r2 w q1 q2 q3"),
    ("cluster,-i", "q3 q2 q1 w r2 r1 h2 h1"),
]


def test_order_of_rows(squeue, crowd):
    found = []
    for keys, _ in ORDERS:
        words = [] if keys is None else ["-S", keys]
        found.append((keys, " ".join(squeue("-h", "-o", "%j", *words).split())))
    assert found == ORDERS


def test_end_times_sort_with_unknown_ones_first(squeue, crowd, cursor):
    change(cursor, crowd["r1"], limit_time="2099-01-01")
    change(cursor, crowd["r2"], limit_time="2098-01-01")
    assert squeue("-h", "-S", "e", "-o", "%j").split()[-2:] == ["r2", "r1"]
    assert squeue("-h", "-S", "-e", "-o", "%j").split()[:2] == ["r1", "r2"]


def test_nodes_sort_by_their_numbers(squeue, database, cursor):
    jobs = [submit(database) for _ in range(3)]
    for job, node in zip(jobs, ("n10", "n9", "m2"), strict=True):
        start(cursor, job, cpus=0)
        change(cursor, job, node_list=node, batch_host=node)
    assert squeue("-h", "-S", "N", "-o", "%N") == "m2\nn9\nn10\n"


def test_one_row_for_each_partition(squeue, database):
    both = hold(database, partition="short,main")
    single = hold(database)
    assert squeue("-h", "-S", "P,i", "-o", "%i %P") == f"{single} main\n{both} short,main\n"
    assert squeue("-h", "-P", "-S", "P,i", "-o", "%i %P") == (
        f"{both} main\n{single} main\n{both} short\n"
    )
    assert squeue("-h", "-P", "-p", "short", "-o", "%i %P") == f"{both} short\n"
    assert squeue("-h", "-p", "short", "-o", "%i %P") == f"{both} short,main\n"


def test_partition_tier_comes_before_priority(squeue, database, cursor):
    low, high = submit(database), submit(database, partition="short", nice=100)
    cursor.execute("UPDATE scns.partition SET priority_tier = 5 WHERE name = 'short'")
    assert squeue("-h", "-S", "-p", "-o", "%i") == f"{low}\n{high}\n"
    assert squeue("-h", "-P", "-S", "-p", "-o", "%i") == f"{high}\n{low}\n"


# ── 时刻 ────────────────────────────────────────────────────────────────────


def test_times_are_local(squeue, database, cursor, monkeypatch):
    cases = [
        ("UTC", None, "2026-11-24T10:57:38"),
        ("Europe/Berlin", None, "2026-11-24T11:57:38"),
        ("XYZ-5:30", None, "2026-11-24T16:27:38"),
        ("UTC", "%a %T", "Tue 10:57:38"),
        ("UTC", "%s", "1795517858"),
        ("Europe/Berlin", "standard", "2026-11-24T11:57:38"),
    ]
    job = hold(database)
    change(cursor, job, submit_time="2026-11-24T10:57:38.9Z")
    for zone, form, expected in cases:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()
            if form is not None:
                patch.setenv("SLURM_TIME_FORMAT", form)
            shown = squeue("-h", "-o", "%V|%30V|%.4V")
        assert shown == f"{expected}|{expected:<30}|{expected[:4]}\n"


def test_bad_time_format_is_said_once(shell, database, monkeypatch):
    hold(database)
    hold(database)
    monkeypatch.setenv("SLURM_TIME_FORMAT", "bogus")
    outcome = shell("squeue", "-h", "-o", "%V %V")
    assert outcome.err == "squeue: error: invalid SLURM_TIME_FORMAT = 'bogus'\n"
    assert re.fullmatch(rf"({TIME} {TIME}\n){{2}}", outcome.out)
    # 不印时刻就不提
    assert shell("squeue", "-h", "-o", "%i").err == ""


# ── 作业步 ──────────────────────────────────────────────────────────────────


def add_step(cursor, job, number, name, **columns):
    columns = {"state": "RUNNING", "tasks": 3, "cpus": 2, "end_time": None} | columns
    cursor.execute(
        "INSERT INTO scns.step (job_id, attempt, step_id, name, state, node_list, tasks, cpus,"
        " start_time, end_time) SELECT id, attempt, %(number)s, %(name)s, %(state)s, node_list,"
        " %(tasks)s, %(cpus)s, now() - interval '90 s', %(end_time)s FROM scns.job"
        " WHERE id = %(job)s",
        {"job": job, "number": number, "name": name} | columns,
    )


@pytest.fixture
def stepping(database, cursor):
    """两个运行的作业与一个数组的元素；前一个有两个步，一个已结束。"""
    first, second = submit(database), submit(database, "u:alice", partition="short")
    array = submit(database, array_indices="{[3,4)}")
    split(cursor, array, 3)
    for job in (first, second, array):
        start(cursor, job, cpus=0)
    add_step(cursor, first, 0, "zero", state="COMPLETED", end_time="2026-01-01")
    add_step(cursor, first, 1, "one")
    return {"first": first, "second": second, "array": array}


def test_steps_of_running_jobs(squeue, stepping):
    lines = squeue("-s").split("\n")
    assert lines[0] == "         STEPID     NAME PARTITION     USER      TIME NODELIST"
    assert [line.split()[:4] for line in lines[1:-1]] == [
        [f"{stepping['first']}.1", "one", "main", "root"],
        [f"{stepping['first']}.batch", "batch", "main", "root"],
        [f"{stepping['array']}_3.batch", "batch", "main", "root"],
        [f"{stepping['second']}.batch", "batch", "short", "alice"],
    ]


#: 选项到作业步，照打印的次序。
STEPS = {
    "-s{first}.1": "{first}.1",
    "-s {first}.1": "{first}.1",
    "-s {first}.batch,{second}.batch": "{first}.batch {second}.batch",
    "-s {array}_3.batch": "{array}_3.batch",
    "-s {first}.9": "",
    "-s -j {first}": "{first}.1 {first}.batch",
    "-s -j 99999999": "",
    "-s -p short": "{second}.batch",
    "-s -u root": "{first}.1 {first}.batch {array}_3.batch",
    "-s -w n1 -p short": "{second}.batch",
    # 这些对作业步不起作用
    "-s -t PD -n nosuch -A nosuch -p short": "{second}.batch",
    "-s -S -i": "{array}_3.batch {second}.batch {first}.batch {first}.1",
    "-s -S u,i": "{second}.batch {first}.1 {first}.batch {array}_3.batch",
    "-s -S @,P,l,N,i": "{first}.1 {first}.batch {array}_3.batch {second}.batch",
    "-s -S -U,-P,M,S": "{second}.batch {first}.1 {first}.batch {array}_3.batch",
}


def test_choice_and_order_of_steps(squeue, stepping):
    found = {
        words: squeue("-h", "-o", "%i", *words.format(**stepping).split()).split()
        for words in STEPS
    }
    # 最后一条的批处理步与作业同时启动，先后不定
    assert {words: sorted(shown) for words, shown in found.items()} == {
        words: sorted(expected.format(**stepping).split()) for words, expected in STEPS.items()
    }
    del found["-s -S -U,-P,M,S"]
    assert found == {words: STEPS[words].format(**stepping).split() for words in found}


def test_codes_of_a_step(squeue, stepping):
    shown = squeue("-h", "-s", f"{stepping['first']}.1", "-o", "%i|%A|%b|%j|%l|%N|%P|%u|%U|%M")
    assert re.fullmatch(
        rf"{stepping['first']}\.1\|3\|\(null\)\|one\|UNLIMITED\|n1\|main\|root\|0\|1:3\d\n", shown
    )
    assert re.fullmatch(TIME + "\n", squeue("-h", "-s", f"{stepping['first']}.1", "-o", "%S"))


STEP_NAMES = """
ArrayJobId ARRAY_JOB_ID 0
ArrayTaskId ARRAY_TASK_ID N/A
Cluster CLUSTER scns
Container CONTAINER (null)
CPUFreq CPU_FREQ 0-0:0
cpus-per-tres CPUS_PER_TRES (null)
Gres TRES_PER_JOB (null)
JobId JOB_ID {job}
mem-per-tres MEM_PER_TRES (null)
Network NETWORK (null)
Nodes NODELIST n1
NumCPUs NUM_CPUS 2
NumTasks TASKS 3
Partition PARTITION main
ResvPorts RESERVED_PORTS (null)
StepId STEPID {job}.1
StepName NAME one
StepState STATE RUNNING
TimeLimit TIME_LIMIT UNLIMITED
tres-bind TRES_BIND (null)
tres-freq TRES_FREQ (null)
tres-per-job TRES_PER_STEP (null)
tres-per-node TRES_PER_JOB (null)
tres-per-socket TRES_PER_SOCKET (null)
tres-per-step TRES_PER_STEP (null)
tres-per-task TRES_PER_TASK (null)
UserId UID 0
UserName USER root
"""


def test_every_named_field_of_a_step(squeue, stepping):
    job = stepping["first"]
    rows = [line.split(" ", 2) for line in STEP_NAMES.strip().split("\n")]
    asked = ",".join(f"{name}:|" for name, _, _ in rows)
    headers, values, _ = squeue("-s", f"{job}.1", "-O", asked).split("\n")
    assert headers.split("|")[:-1] == [header for _, header, _ in rows]
    assert values.split("|")[:-1] == [value.format(job=job) for _, _, value in rows]
    listed = {name.lower() for name, _, _ in rows}
    assert listed | {"starttime", "timeused"} == set(steps.NAMES)


def test_all_codes_of_steps(squeue, stepping):
    assert squeue("-s", "-o", "%all").split("\n")[0] == (
        "TRES_PER_JOB|STEPID|NAME|TIME_LIMIT|USER|TASKS|TIME|NODELIST|PARTITION|START_TIME|UID|"
    )


def test_unknown_step_fields(shell, stepping):
    outcome = shell("squeue", "-s", "-o", "%i %t", "-p", "short")
    assert outcome.out == f"STEPID %t\n{stepping['second']}.batch %t\n"
    assert outcome.err == "squeue: error: Invalid job step format specification: t\n"
    outcome = shell("squeue", "-h", "-s", "-O", "Name", "-p", "short")
    assert outcome.err == "squeue: error: Invalid job step format specification: Name\n"


# ── JSON ────────────────────────────────────────────────────────────────────


@pytest.fixture
def records(squeue):
    """--json 的各条，按作业号。"""

    def read(*words):
        found = json.loads(squeue("--json", *words))
        assert sorted(found) == ["errors", "jobs", "meta"]
        return {job["job_id"]: job for job in found["jobs"]}

    return read


def test_json_has_every_visible_job(records, jobs):
    visible = {number for name, number in jobs.items() if name != "old"}
    assert set(records()) == visible
    # 别的选项不起作用，与 Slurm 相同
    assert set(records("-u", "nobody", "-j", "99", "-o", "%i")) == visible


def test_json_of_an_empty_queue(records):
    assert records() == {}


def test_json_of_a_demanding_job(records, demanding):
    job = records()[demanding]
    expected = {
        "account": "acc",
        "array_job_id": 0,
        "array_task_id": None,
        "batch_flag": True,
        "command": "/tmp/job.sh a b",
        "comment": "",
        "contiguous": True,
        "cores_per_socket": 2,
        "cpus": 12,
        "cpus_per_task": 2,
        "dependency": "",
        "features": "f1&f2",
        "job_state": "PENDING",
        "licenses": "lic:2,other:1",
        "max_nodes": 5,
        "memory_per_cpu": None,
        "memory_per_node": 1536,
        "minimum_cpus_per_node": 6,
        "minimum_tmp_disk_per_node": 500,
        "name": "big",
        "nice": 7,
        "node_count": 2,
        "nodes": "",
        "prefer": "f2",
        "requeue": False,
        "resv_name": "resv",
        "shared": "none",
        "standard_output": f"/tmp/slurm-{demanding}.out",
        "start_time": 0,
        "tasks": 6,
        "tasks_per_node": 3,
        "time_limit": 30,
        "time_minimum": 5,
        "tres_alloc_str": "",
        "tres_per_node": "gres:gpu:2",
        "tres_req_str": "cpu=12,mem=3G,node=2,billing=12,gres/gpu=4",
        "user_id": 0,
        "user_name": "root",
        "wckey": "wk",
        "current_working_directory": "/tmp",
    }
    assert {key: job[key] for key in expected} == expected
    assert job["submit_time"] == pytest.approx(time.time(), abs=60)
    assert job["job_resources"] is None


def test_json_of_arrays_and_running_jobs(records, database, cursor):
    array = hold(database, array_indices=stepped(1, 99, 3), array_limit=2)
    running = submit(database)
    start(cursor, running, cpus=2, memory=128)
    found = records()
    assert found[array]["array_task_string"] == "1-97:3%2"
    assert (found[array]["array_job_id"], found[array]["array_max_tasks"]) == (array, 2)
    assert found[array]["time_limit"] is None
    job = found[running]
    assert job["job_resources"] == {
        "nodes": "n1",
        "allocated_cpus": 2,
        "allocated_hosts": 1,
        "allocated_nodes": [{"nodename": "n1", "cpus": 2, "memory_allocated": 128}],
    }
    assert job["tres_alloc_str"] == "cpu=2,mem=128M,node=1,billing=2"
    assert (job["batch_host"], job["job_state"]) == ("n1", "RUNNING")


def test_json_has_the_keys_of_slurm_in_its_order(records, database):
    hold(database)
    (job,) = records().values()
    keys = list(job)
    assert keys[:5] == [
        "account", "accrue_time", "admin_comment", "array_job_id", "array_task_id"
    ]  # fmt: skip
    assert keys[-1] == "current_working_directory"
    assert len(keys) == 111


def test_yaml_is_tagged(squeue, database):
    job = hold(database, name='say "x"')
    text = squeue("--yaml")
    assert f"\n  !!str job_id: !!int {job}\n" in text
    assert '\n  !!str name: !!str "say \\"x\\""\n' in text
    assert text.startswith("%YAML 1.1\n")


# ── 服务器排的与这里排的一样 ────────────────────────────────────────────────


def evaluate(cursor, expression, kind, values):
    """在服务器上对每个值算一遍表达式 `v`。"""
    cursor.execute(
        f"SELECT {expression} FROM unnest(%s::{kind}[]) WITH ORDINALITY AS t(v, n) ORDER BY n",
        (values,),
    )
    return [row[0] for row in cursor.fetchall()]


def test_durations_are_those_of_times(cursor):
    chosen = random.Random(1)
    values = [0, 1, 59, 60, 3599, 3600, 86399, 86400, 31536000]
    values += [int(2 ** chosen.uniform(0, 24.9)) for _ in range(500)]
    assert evaluate(cursor, sql.duration("v"), "int", values) == [
        squeue_duration(value) for value in values
    ]
    assert evaluate(cursor, sql.duration("v"), "int", [-1, 31536001]) == ["INVALID"] * 2


def test_sizes_are_those_of_sizes(cursor):
    chosen = random.Random(2)
    values = [0, 1, 512, 1000, 1024, 1500, 1536, 2560, 8000, 1047552, 1048576, 1572864, 1049088]
    values += [int(2 ** chosen.uniform(0, 30)) for _ in range(300)]
    values += [512 * chosen.randrange(1, 10000) for _ in range(300)]
    assert evaluate(cursor, sql.size("v"), "int", values) == [
        format_size(value) for value in values
    ]


def test_task_lists_are_those_of_arrays(cursor):
    chosen = random.Random(3)
    cases = []
    for _ in range(400):
        step, count = chosen.choice((1, 1, 2, 3, 7)), chosen.randrange(1, 60)
        first = chosen.randrange(0, 1000)
        tasks = list(range(first, first + step * count, step))
        for _ in range(chosen.choice((0, 0, 1, 3))):
            tasks.append(chosen.randrange(0, 2000))
        cases.append(normalize((task, task + 1) for task in tasks))
    texts = [to_multirange(ranges) for ranges in cases]
    for length in (64, 20, 8, 3, 0, 1000):
        shown = evaluate(
            cursor, sql.indices("v::int4multirange", "true", str(length)), "text", texts
        )
        assert shown == [format_indices(ranges, length=length) for ranges in cases]


def test_random_formats_have_the_right_widths(squeue, database, cursor):
    hold(database, **HELD)
    hold(database, array_indices=stepped(1, 99, 3), array_limit=2)
    start(cursor, submit(database))
    chosen = random.Random(4)
    letters, names = list(queue.CODES), list(queue_names.NAMES)
    for _ in range(150):
        short = chosen.random() < 0.5
        items, total = [], 0
        for _ in range(chosen.randrange(1, 8)):
            name = chosen.choice(letters if short else names)
            field = queue.CODES[name] if short else queue_names.NAMES[name]
            # 靠右时不截断的另有测试
            dot = "" if field.uncut or field.whole else chosen.choice(("", "."))
            width = chosen.randrange(1, 40)
            items.append(f"%{dot}{width}{name}" if short else f"{name}:{dot}{width}")
            total += width
        text = ("" if short else ",").join(items)
        lines = squeue("-o" if short else "-O", text).split("\n")
        assert [len(line) for line in lines] == [total] * 4 + [0], text


# ── 计划 ────────────────────────────────────────────────────────────────────


@pytest.fixture
def crowded(cursor):
    """一万五千个等待的作业，二百个用户；三万个早已结束的。"""
    cursor.execute("ALTER TABLE scns.job DISABLE TRIGGER USER")
    cursor.execute("INSERT INTO scns.environment (hash, body) VALUES (sha256('a'), 'A=1')")
    for count, state in ((15000, "PENDING"), (30000, "COMPLETED")):
        cursor.execute(
            "WITH made AS (INSERT INTO scns.submission (id, owner, uid, gid, group_name, name,"
            " partition, account, cpus, environment_hash, directory)"
            " SELECT nextval('scns.job_id_seq'), 'x', 70000 + g %% 200, 1, 'x', 'job', 'main',"
            " 'x', 1, sha256('a'), '/' FROM generate_series(1, %(count)s) g RETURNING id, uid)"
            " INSERT INTO scns.job (id, submission_id, uid, state, eligible, shape, priority,"
            " start_time, end_time, attempt) SELECT id, id, uid, %(state)s, %(waits)s, 1, 1,"
            " CASE WHEN NOT %(waits)s THEN now() - interval '2 days' END,"
            " CASE WHEN NOT %(waits)s THEN now() - interval '1 day' END,"
            " CASE WHEN %(waits)s THEN 0 ELSE 1 END FROM made",
            {"count": count, "state": state, "waits": state == "PENDING"},
        )
    cursor.execute("ANALYZE")


def plan(database, *words):
    """语句的计划里，各个扫描的（表，索引或 None，实际取回的行数）。"""
    chosen = collect(TABLE, parse(TABLE, words), environ={})
    connection = database.connect("u:root")
    statement, parameters = Listing(chosen)._statement(Sql())
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off; SET max_parallel_workers_per_gather = 0")
        cursor.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", filled(connection, parameters)
        )
        (found,) = cursor.fetchone()
    connection.close()
    scans = []

    def visit(node):
        if node["Actual Loops"] and "Scan" in node["Node Type"]:
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            scans.append(
                (node.get("Relation Name"), node.get("Index Name"), rows * node["Actual Loops"])
            )
        for child in node.get("Plans", ()):
            visit(child)

    visit(found[0]["Plan"])
    return scans


def read_from(scans, relation):
    """从一张表里取出过几行。"""
    return sum(rows for name, _, rows in scans if name == relation)


#: 选项到最多从 `job` 里取出几行。
MOST_READ = {
    # 别人的不读
    "-u 0": 0,
    "--me": 0,
    "-j 5": 2,
    "-j 5,6,7": 6,
    "-j 5_1": 2,
    "-t CD": 0,
    "-t R,CG": 0,
    "-s": 0,
    # 全部等待的，但不读结束了的
    "": 15000,
    "-r": 15000,
    "-t PD,F": 15000,
    "-t all": 15000,
}


@pytest.mark.usefixtures("crowded")
def test_only_the_asked_jobs_are_read(database, cursor, monkeypatch):
    read = {words: read_from(plan(database, *words.split()), "job") for words in MOST_READ}
    assert {words: rows for words, rows in read.items() if rows > MOST_READ[words]} == {}
    monkeypatch.setattr("os.geteuid", lambda: 70007)
    scans = plan(database, "--me")
    assert read_from(scans, "job") == read_from(scans, "submission") == 75
    assert "job_active_of_user" in {index for _, index, _ in scans}


@pytest.mark.usefixtures("crowded")
def test_large_queue_comes_whole(squeue):
    text = squeue("-h")
    assert text.count("\n") == 15000
    assert {len(line) for line in text.split("\n")[:-1]} == {78}


def test_default_columns_are_streamed(database, monkeypatch, shell):
    hold(database)

    def call(_, statement, *__):
        assert statement.startswith("SET "), "rows were fetched"

    monkeypatch.setattr("scns.db.connect.call", call)
    assert shell("squeue").out.count("\n") == 2
