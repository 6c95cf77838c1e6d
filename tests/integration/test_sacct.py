"""sacct：列、筛选、时间窗口、步、数组与消息；来源是 golden/sacct.toml 与 formats.md。"""

from __future__ import annotations

import json
import random
import re
import time

import pytest

from scns.cli.accounting.sheet import parse_columns
from scns.cli.fields.accounting import FIELDS
from tests.integration.answering import SCRIPT, Shell, end, start, submit

pytestmark = pytest.mark.usefixtures("site")

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


@pytest.fixture
def shell(database, monkeypatch):
    return Shell(database, monkeypatch)


def add_step(cursor, job, number, name, state="COMPLETED", **columns):
    """给作业的这一次运行添一个结束了的步。"""
    columns = {
        "cpus": 2,
        "tasks": 1,
        "exit_code": 0,
        "exit_signal": 0,
        "user_milliseconds": 1500,
        "system_milliseconds": 500,
        "max_rss": 3 << 10,
    } | columns
    names = ", ".join(columns)
    marks = ", ".join(f"%({column})s" for column in columns)
    cursor.execute(
        "INSERT INTO scns.step (job_id, attempt, step_id, name, state, node_list, start_time,"
        f" end_time, {names}) SELECT id, attempt, %(number)s, %(name)s, %(state)s, 'n1',"
        f" start_time, start_time + interval '10 s', {marks} FROM scns.job WHERE id = %(job)s",
        {"job": job, "number": number, "name": name, "state": state, **columns},
    )


@pytest.fixture
def done(database, cursor):
    """一个完成了的作业：两个 CPU、十分钟时限、批处理步与一个步。"""
    job = submit(
        database,
        name="nm",
        tasks=2,
        time_limit=600,
        submit_line="sbatch --parsable -J nm -n2 -t 10 job.sh",
    )
    start(cursor, job, cpus=2, memory=128)
    add_step(cursor, job, -5, "batch")
    add_step(cursor, job, 0, "stp")
    end(cursor, job)
    return job


def test_default_columns(shell, done):
    outcome = shell("sacct", "-j", str(done))
    assert outcome.out == (
        "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode \n"
        "------------ ---------- ---------- ---------- ---------- ---------- -------- \n"
        f"{done:<12}         nm       main       root          2  COMPLETED      0:0 \n"
        f"{str(done) + '.batch':<12}      batch                  root          2  COMPLETED"
        "      0:0 \n"
        f"{str(done) + '.0':<12}        stp                  root          2  COMPLETED      0:0 \n"
    )
    assert (outcome.code, outcome.err) == (0, "")


def test_allocations_brief_and_parsable(shell, done):
    assert shell("sacct", "-X", "-n", "-P", "-j", str(done)).out == (
        f"{done}|nm|main|root|2|COMPLETED|0:0\n"
    )
    assert shell("sacct", "-b", "-X", "-j", str(done)).out.splitlines()[0].split() == [
        "JobID",
        "State",
        "ExitCode",
    ]
    assert shell("sacct", "-P", "-j", str(done)).out == (
        "JobID|JobName|Partition|Account|AllocCPUS|State|ExitCode\n"
        f"{done}|nm|main|root|2|COMPLETED|0:0\n"
        f"{done}.batch|batch||root|2|COMPLETED|0:0\n"
        f"{done}.0|stp||root|2|COMPLETED|0:0\n"
    )
    assert shell("sacct", "-p", "-X", "-n", "-o", "jobid,state", "-j", str(done)).out == (
        f"{done}|COMPLETED|\n"
    )
    assert shell("sacct", "-PX", "--delimiter=,", "-o", "JobID,State", "-j", str(done)).out == (
        f"JobID,State\n{done},COMPLETED\n"
    )


def test_field_of_the_job_and_its_steps(shell, done):
    cases = [
        ("AllocCPUS", ["2", "2", "2"]),
        ("AllocNodes", ["1", "1", "1"]),
        ("AllocTRES", ["billing=2,cpu=2,mem=128M,node=1", "cpu=2,node=1", "cpu=2,node=1"]),
        ("DerivedExitCode", ["0:0", "", ""]),
        ("Layout", ["", "Unknown", "Cyclic"]),
        ("NodeList", ["n1", "n1", "n1"]),
        ("QOS", ["normal", "", ""]),
        ("ReqCPUS", ["2", "2", "2"]),
        ("ReqNodes", ["1", "1", "1"]),
        ("ReqTRES", ["billing=2,cpu=2,mem=128M,node=1", "", ""]),
        ("ReqMem", ["128M", "", ""]),
        ("SubmitLine", ["sbatch --parsable -J nm -n2 -t 10 job.sh", "", ""]),
        ("Timelimit", ["00:10:00", "", ""]),
        ("TimelimitRaw", ["10", "", ""]),
        ("User", ["root", "", ""]),
        ("UID", ["0", "", ""]),
        ("Group", ["root", "", ""]),
        ("WCKey", ["", "", ""]),
        ("ConsumedEnergy", ["0", "0", "0"]),
        ("Cluster", ["scns", "scns", "scns"]),
        ("NTasks", ["", "1", "1"]),
        ("MaxRSS", ["", "3M", "3M"]),
        ("AveRSS", ["", "3M", "3M"]),
        ("MaxRSSNode", ["", "n1", "n1"]),
        ("TotalCPU", ["00:00:04", "00:00:02", "00:00:02"]),
        ("UserCPU", ["00:00:03", "00:01.500", "00:01.500"]),
        ("AveCPU", ["", "00:00:02", "00:00:02"]),
        ("CPUTimeRAW", ["{2 hours}", "20", "20"]),
        ("WorkDir", ["/tmp", "", ""]),
        ("TRESUsageInTot", ["", "cpu=00:00:02,mem=3M", "cpu=00:00:02,mem=3M"]),
        ("Suspended", ["00:00:00", "00:00:00", "00:00:00"]),
        ("AdminComment", ["", "", ""]),
    ]
    for field, lines in cases:
        title, *rows = shell("sacct", "-P", "-j", str(done), "-o", field).out.splitlines()
        assert title == field
        if lines[0] == "{2 hours}":
            assert 7200 <= int(rows[0]) < 7300
            rows[0] = lines[0]
        assert rows == lines, field


def test_times_are_local_moments(shell, done):
    for field in ["Eligible", "Start", "Submit", "End"]:
        out = shell("sacct", "-n", "-P", "-j", str(done), "-o", field).out
        assert re.fullmatch(f"({TIME}\n){{3}}", out)


def test_widths_justify_and_cut(shell, done):
    out = shell("sacct", "-X", "-j", str(done), "-o", "jobname%-12,state%5,jobid%20").out
    assert out == (
        "JobName      State                JobID \n"
        "------------ ----- -------------------- \n"
        f"nm           COMP+ {done:>20} \n"
    )
    assert shell("sacct", "-n", "-X", "-j", str(done), "-o", "jobname%12").out == (
        "          nm \n"
    )
    assert shell("sacct", "-nXj", str(done), "-o", "nodelist%-256").out == f"{'n1':<256} \n"


def test_random_formats_have_the_right_widths(shell, done):
    """值照 `-P` 的，宽度、对齐与截断照 `Column.pad`。"""
    names = [name for name, _, _ in FIELDS]
    rows = shell("sacct", "-nP", "-j", str(done), "-o", "all").out.splitlines()
    values = [dict(zip(names, row.split("|"), strict=True)) for row in rows]
    assert len(values) == 3
    chosen = random.Random(6)
    for _ in range(100):
        items = []
        for name in chosen.choices(names, k=chosen.randint(1, 8)):
            word = name if chosen.random() < 0.7 else name.lower()
            width = chosen.choice(["", "%{}", "%-{}"]).format(chosen.choice([0, 1, 2, 7, 19, 40]))
            items.append(word + width)
        text = ",".join(items)
        title, rule, *lines = shell("sacct", "-j", str(done), "-o", text).out.split("\n")
        columns = parse_columns(text)
        assert len(title) == len(rule) == sum(column.width + 1 for column in columns), text
        expected = [
            "".join(f"{column.pad(row[column.name])} " for column in columns) for row in values
        ]
        assert lines == [*expected, ""], text


def test_names_may_be_cut_and_all_is_everything(shell, done):
    assert shell("sacct", "-nPXj", str(done), "-o", "jobn,us,ST").out.startswith("nm|root|20")
    header = shell("sacct", "-PXj", str(done), "-o", "ALL").out.splitlines()[0]
    assert len(header.split("|")) == 109


def test_long_has_its_columns(shell, done):
    header = shell("sacct", "-l", "-P", "-j", str(done)).out.splitlines()[0].split("|")
    assert len(header) == 54
    assert header[:4] == ["JobID", "JobIDRaw", "JobName", "Partition"]


def test_pending_job_is_known_at_once(database, shell):
    job = submit(database, tasks=2, hold=True)
    fields = "JobID,State,ExitCode,Start,End,NodeList,NCPUS,AllocNodes,AllocTRES,Elapsed"
    assert shell("sacct", "-nPj", str(job), "-o", fields).out == (
        f"{job}|PENDING|0:0|Unknown|Unknown|None assigned|2|0||00:00:00\n"
    )
    for words in (["-E", "now"], ["-S", "now-1hour", "-E", "now"], []):
        assert shell("sacct", "-nX", "-P", "-o", "jobid", *words).out == f"{job}\n"


def test_running_job_and_its_batch_step(database, cursor, shell):
    job = submit(database)
    start(cursor, job)
    assert shell("sacct", "-nP", "-o", "JobID,State,ExitCode,End", "-j", str(job)).out == (
        f"{job}|RUNNING|0:0|Unknown\n{job}.batch|RUNNING|0:0|Unknown\n"
    )


def test_cancelled_job_names_who_did_it(database, cursor, shell):
    job = submit(database, hold=True)
    end(cursor, job, "CANCELLED", outcome_uid=60001, exit_code=None)
    assert shell("sacct", "-nPj", str(job), "-o", "JobID,State,ExitCode,NodeList,Start").out == (
        f"{job}|CANCELLED by 60001|0:0|None assigned|None\n"
    )
    running = submit(database)
    start(cursor, running)
    add_step(cursor, running, -5, "batch", "CANCELLED", exit_code=0, exit_signal=15)
    end(cursor, running, "CANCELLED", outcome_uid=0, exit_code=0, exit_signal=15)
    assert shell("sacct", "-nPj", str(running), "-o", "State,ExitCode").out == (
        "CANCELLED by 0|0:0\nCANCELLED|0:15\n"
    )


def test_exit_code_of_the_job(database, cursor, shell):
    cases = [
        ("FAILED", 1, 0, "1:0"),
        ("FAILED", 137, 0, "9:0"),
        ("FAILED", 0, 9, "0:9"),
        ("TIMEOUT", 0, 15, "0:0"),
        ("OUT_OF_MEMORY", 0, 125, "0:125"),
    ]
    for state, code, signal, shown in cases:
        job = submit(database)
        start(cursor, job)
        end(cursor, job, state, exit_code=code, exit_signal=signal)
        out = shell("sacct", "-nPXj", str(job), "-o", "State,ExitCode").out
        assert out == f"{state}|{shown}\n"


def test_array_shows_its_elements_and_the_rest(database, cursor, shell):
    job = submit(database, array_indices="{[0,5)}", array_limit=2)
    cursor.execute("SELECT id FROM scns.split_array(%s, '{0,1}') ORDER BY task", (job,))
    elements = [row[0] for row in cursor.fetchall()]
    for element in elements:
        start(cursor, element, cpus=0)
        end(cursor, element)
    out = shell("sacct", "-nPX", "-j", str(job), "-o", "JobID,JobIDRaw").out
    assert out == (f"{job}_0|{elements[0]}\n{job}_1|{elements[1]}\n{job}_[2-4%2]|{job}\n")
    assert shell("sacct", "-nPX", "-j", f"{job}_1", "-o", "JobID").out == f"{job}_1\n"
    assert shell("sacct", "-nPX", "-j", f"{job}_[0-1]", "-o", "JobID").out == (
        f"{job}_0\n{job}_1\n"
    )
    assert shell("sacct", "-nPX", "-j", str(elements[0]), "-o", "JobID").out == f"{job}_0\n"


def test_jobs_may_be_named_many_times_and_by_step(shell, done):
    assert shell("sacct", "-nP", "-j", f"{done}.batch", "-o", "JobID").out == f"{done}.batch\n"
    assert shell("sacct", "-nP", "-j", f"{done}.0", "-o", "JobID").out == f"{done}.0\n"
    assert shell("sacct", "-nP", "-j", f"{done}.7", "-o", "JobID").out == ""
    out = shell("sacct", "-n", "-X", "--parsable2", "-j", "99", "-j", str(done), "-o", "JobID").out
    assert out == f"{done}\n"


def test_unknown_job_prints_the_header_only(shell):
    assert shell("sacct", "-j", "99999999").out.count("\n") == 2
    assert shell("sacct", "-n", "-j", "99999999").out == ""


def test_filters(shell, done):
    cases = [
        (["-s", "F", "-S", "now-1hour", "-E", "now"], 0),
        (["-s", "CD", "-S", "now-1hour", "-E", "now+1minute"], 1),
        (["--state=completed"], 1),
        (["-s", "R", "-S", "now-2hours", "-E", "now"], 1),
        (["-S", "now+1minute", "-E", "now+2minutes"], 0),
        (["--name=other"], 0),
        (["--name=other,nm"], 1),
        (["-u", "root"], 1),
        (["-u", "60001,60002"], 0),
        (["-g", "0"], 1),
        (["-A", "root"], 1),
        (["-r", "short"], 0),
        (["-r", "short,main"], 1),
        (["-N", "n1"], 1),
        (["-N", "n[2-9]"], 0),
        (["-q", "normal"], 1),
        (["-i", "1-4"], 1),
        (["-I", "3-4"], 0),
        (["-k", "10"], 1),
        (["-k", "1", "-K", "5"], 0),
        (["-M", "all"], 1),
        (["-D"], 1),
    ]
    for words, count in cases:
        out = shell("sacct", "-n", "-X", "-P", "-j", str(done), "-o", "JobID", *words).out
        assert out == f"{done}\n" * count, words


def test_jobs_outside_the_window_are_left_out(cursor, shell, done):
    cursor.execute(
        "UPDATE scns.job SET start_time = start_time - interval '3 days',"
        " end_time = end_time - interval '3 days';"
        "UPDATE scns.submission SET submit_time = submit_time - interval '3 days';"
        "UPDATE scns.job SET submit_time = submit_time - interval '3 days'"
    )
    assert shell("sacct", "-nX", "-P", "-o", "JobID").out == ""
    assert shell("sacct", "-nX", "-P", "-o", "JobID", "-S", "now-4days").out == f"{done}\n"
    assert shell("sacct", "-nX", "-P", "-o", "JobID", "-j", str(done)).out == f"{done}\n"
    assert shell("sacct", "-nX", "-P", "-o", "JobID", "-s", "CD").out == ""


def test_state_alone_means_at_this_moment(database, cursor, shell, done):
    waiting, running = submit(database), submit(database)
    start(cursor, running)
    assert shell("sacct", "-nXP", "-o", "JobID", "-s", "PD").out == f"{waiting}\n"
    assert shell("sacct", "-nXP", "-o", "JobID", "-s", "R,PD").out == f"{waiting}\n{running}\n"


def test_truncate_cuts_times_to_the_window(shell, done):
    out = shell("sacct", "-nXPT", "-j", str(done), "-S", "now-10minutes", "-o", "ElapsedRaw").out
    assert 595 <= int(out) <= 605


def test_ordinary_user_sees_own_jobs_unless_asked_otherwise(database, monkeypatch, shell, done):
    own = submit(database, user="u:alice")
    monkeypatch.setattr("os.geteuid", lambda: 60001)
    monkeypatch.setattr("scns.db.connect.user_role", lambda: "u:alice")
    words = ["-nXP", "-o", "JobID"]
    assert shell("sacct", *words, user="u:alice").out == f"{own}\n"
    assert shell("sacct", *words, "-a", user="u:alice").out == f"{done}\n{own}\n"
    assert shell("sacct", *words, "-j", str(done), user="u:alice").out == f"{done}\n"


def test_units_of_memory(database, shell, done):
    words = ["-nXP", "-o", "ReqMem", "-j"]
    assert shell("sacct", *words, str(done), "--units=K").out == "131072K\n"
    assert shell("sacct", *words, str(done), "--units=G").out == "0.12G\n"
    big = submit(database, memory_per_node=2048)
    assert shell("sacct", *words, str(big)).out == "2G\n"
    assert shell("sacct", *words, str(big), "--noconvert").out == "2048M\n"


def test_format_comes_from_the_environment(monkeypatch, shell, done):
    monkeypatch.setenv("SACCT_FORMAT", "jobid,state")
    assert shell("sacct", "-XP", "-j", str(done)).out == f"JobID|State\n{done}|COMPLETED\n"
    assert shell("sacct", "-XP", "-o", "user", "-j", str(done)).out == "User\nroot\n"


def test_time_format_comes_from_the_environment(monkeypatch, shell, done):
    monkeypatch.setenv("SLURM_TIME_FORMAT", "%s")
    out = shell("sacct", "-nXP", "-o", "End", "-j", str(done)).out
    assert abs(int(out) - time.time()) < 60


def test_many_jobs_come_in_pages_in_order(database, cursor, monkeypatch, shell):
    monkeypatch.setattr("scns.cli.accounting.records.PAGE", 3)
    jobs = [submit(database) for _ in range(8)]
    out = shell("sacct", "-nXP", "-o", "JobID").out
    assert out.split() == [str(job) for job in jobs]


def requeue(cursor, job):
    """让在跑的这一次以重新排队告终。"""
    add_step(cursor, job, -5, "batch", "CANCELLED", exit_signal=15)
    cursor.execute("DELETE FROM scns.allocation WHERE job_id = %s", (job,))
    cursor.execute(
        "UPDATE scns.job SET state = 'PENDING', start_time = NULL, end_time = NULL,"
        " node_list = NULL, batch_host = NULL, nodes_alloc = NULL, cpus_alloc = NULL,"
        " memory_alloc = NULL, restarts = restarts + 1, reason = 'BeginTime' WHERE id = %s",
        (job,),
    )


def test_duplicates_are_the_runs_before_a_requeue(database, cursor, shell):
    job = submit(database, tasks=2)
    start(cursor, job, cpus=2, memory=128)
    requeue(cursor, job)
    words = ["-nP", "-j", str(job), "-o", "JobID,State,ElapsedRaw,AllocCPUS,NodeList,ExitCode"]
    assert shell("sacct", *words).out == f"{job}|PENDING|0|2|None assigned|0:0\n"
    earlier = f"{job}|REQUEUED|10|2|n1|0:0\n{job}.batch|CANCELLED|10|2|n1|0:15\n"
    assert shell("sacct", *words, "-D").out == (earlier + f"{job}|PENDING|0|2|None assigned|0:0\n")
    start(cursor, job, cpus=2, memory=128)
    add_step(cursor, job, -5, "batch")
    end(cursor, job)
    last = f"{job}|COMPLETED|3600|2|n1|0:0\n"
    step = f"{job}.batch|COMPLETED|10|2|n1|0:0\n"
    assert shell("sacct", *words).out == last + step
    assert shell("sacct", *words, "--duplicates").out == earlier + last + step
    assert shell("sacct", *words, "-D", "-X").out == f"{job}|REQUEUED|10|2|n1|0:0\n{last}"


RULE = "-" * 80


def test_batch_script_is_printed_as_submitted(database, monkeypatch, shell, done):
    odd = submit(database, script=b"#!/bin/sh\n\xff\xfe")
    outcome = shell("sacct", "-B", "-j", f"{done},{odd},99999999")
    assert outcome.code == 0
    script = SCRIPT.decode()
    assert outcome.out.startswith(f"Batch Script for {done}\n{RULE}\n{script}\nBatch Script for")
    assert outcome.out.endswith("#!/bin/sh\n\udcff\udcfe\n")
    monkeypatch.setattr("scns.db.connect.user_role", lambda: "u:alice")
    other = shell("sacct", "--batch-script", "-j", str(done), user="u:alice")
    assert other.out == f"Batch Script for {done}\n{RULE}\nNONE\n\n"


def test_environment_is_not_kept_for_accounting(shell, done):
    assert shell("sacct", "--env-vars", "-j", str(done)).out == (
        f"Environment used for {done} (must be batch to display)\n{RULE}\nNONE\n\n"
    )


def test_stored_things_need_named_jobs(shell, done):
    cases = [
        (["-B"], "When requesting job scripts you must also request specific jobs with the '-j'"),
        (
            ["--env-vars"],
            "When requesting job environment you must also request specific jobs with the '-j'",
        ),
        (
            ["-B", "--env-vars", "-j", str(done)],
            "Options --batch-script and --env-vars are mutually exclusive",
        ),
    ]
    for words, sentence in cases:
        outcome = shell("sacct", *words)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith(f"sacct: fatal: {sentence}"), words


def test_json_has_the_whole_job_and_its_steps(cursor, shell, done):
    cursor.execute("SELECT floor(extract(epoch FROM start_time))::bigint FROM scns.job")
    [(started,)] = cursor.fetchall()
    document = json.loads(shell("sacct", "--json", "-j", str(done), "-o", "State").out)
    assert list(document) == ["meta", "errors", "jobs"]
    assert document["meta"]["plugin"]["type"] == "openapi/dbv0.0.38"
    [job] = document["jobs"]
    assert (job["job_id"], job["name"], job["user"]) == (done, "nm", "root")
    assert job["state"] == {"current": "COMPLETED", "reason": "None"}
    assert job["exit_code"] == {"status": "SUCCESS", "return_code": 0}
    assert (job["time"]["start"], job["time"]["elapsed"], job["time"]["limit"]) == (
        started,
        3600,
        10,
    )
    assert job["time"]["user"] == {"seconds": 3, "microseconds": 0}
    assert job["required"] == {"CPUs": 2, "memory": 128}
    assert [(item["type"], item["id"], item["count"]) for item in job["tres"]["allocated"]] == [
        ("cpu", 1, 2),
        ("mem", 2, 128),
        ("node", 4, 1),
        ("billing", 5, 2),
    ]
    batch, step = job["steps"]
    assert (batch["step"]["id"], step["step"]["id"]) == ("batch", 0)
    assert step["nodes"] == {"list": ["n1"], "count": 1, "range": "n1"}
    assert step["tres"]["requested"]["max"][1] == {
        "type": "mem",
        "name": None,
        "id": 2,
        "count": 3 << 20,
        "task": 0,
        "node": "n1",
    }


def test_json_of_jobs_that_did_not_end_well(database, cursor, shell):
    waiting = submit(database, array_indices="{[0,3)}", array_limit=2)
    killed, failed = submit(database), submit(database, time_limit=None)
    start(cursor, killed)
    end(cursor, killed, "CANCELLED", exit_code=0, exit_signal=9, outcome_uid=0)
    start(cursor, failed)
    end(cursor, failed, "FAILED", exit_code=3)
    jobs = {job["job_id"]: job for job in json.loads(shell("sacct", "--json", "-X").out)["jobs"]}
    assert jobs[waiting]["array"] == {
        "job_id": waiting,
        "limits": {"max": {"running": {"tasks": 2}}},
        "task": "0-2",
        "task_id": None,
    }
    assert (jobs[waiting]["nodes"], jobs[waiting]["tres"]["allocated"]) == ("None assigned", [])
    assert jobs[waiting]["time"]["start"] == 0
    assert jobs[killed]["exit_code"]["signal"] == {"signal_id": 9, "name": "Killed"}
    assert jobs[killed]["kill_request_user"] == "root"
    assert jobs[failed]["exit_code"] == {"status": "ERROR", "return_code": 3}
    assert jobs[failed]["time"]["limit"] is None
    assert all(job["steps"] == [] for job in jobs.values())
    assert json.loads(shell("sacct", "--json", "-j", "99999999").out)["jobs"] == []


def test_yaml_says_the_same(shell, done):
    lines = shell("sacct", "--yaml", "-j", str(done)).out.splitlines()
    assert lines[:2] == ["%YAML 1.1", "--- !!map"]
    assert f"  !!str job_id: !!int {done}" in lines
    assert "    !!str current: !!str COMPLETED" in lines
    assert lines[-1] == "..."


def test_cancelled_job_is_cancelled_for_accounting_before_its_processes_are_gone(
    shell, database, cursor
):
    job = submit(database)
    start(cursor, job)
    cursor.execute(
        "UPDATE scns.job SET state = 'COMPLETING', outcome = 'CANCELLED', outcome_uid = 0,"
        " kill_time = now()"
    )
    [row] = shell("sacct", "-X", "-n", "-P", "-j", str(job), "-o", "State,End").out.splitlines()
    state, ended = row.split("|")
    assert state == "CANCELLED by 0"
    assert re.fullmatch(TIME, ended)
