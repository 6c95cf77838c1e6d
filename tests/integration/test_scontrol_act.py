"""scontrol 动手的关键词：requeue、suspend、update、create、delete、write 等，与会话。"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.clusters import REPOSITORY
from tests.conftest import wait_until
from tests.integration.answering import Shell, answering, end, start, submit

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def shell(database, monkeypatch):
    return Shell(database, monkeypatch)


def refuse(sentence):
    return lambda asked: [{"error": sentence}] * max(len(asked.target), 1)


def changes_of(shell, database, *words):
    """`scontrol update` 发出的改动。"""
    with answering(database) as daemon:
        outcome = shell("scontrol", "update", *words)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", ""), words
    return daemon.last.argument["changes"]


def test_control_of_a_job(database, shell):
    cases = [
        (["requeue", "42"], "requeue", {"hold": False}),
        (["requeuehold", "42"], "requeue", {"hold": True}),
        (["requeue", "State=SpecialExit", "42"], "requeue", {"hold": False}),
        (["suspend", "42"], "suspend", {}),
        (["resume", "jobid=42"], "resume", {}),
        (["top", "42"], "top", {}),
    ]
    with answering(database) as daemon:
        for words, verb, argument in cases:
            outcome = shell("scontrol", *words)
            assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
            assert (daemon.last.verb, daemon.last.target) == (verb, [{"job": 42}])
            assert daemon.last.argument == argument


@pytest.mark.parametrize("words", [["scontrol", "requeue"], ["scancel"]])
@pytest.mark.parametrize("inside", [True, False])
def test_an_order_given_inside_the_job_outlives_the_job(database, words, inside):
    job_id = submit(database)
    ordering = []

    def end_the_job(_):
        wait_until(lambda: ordering, what="the command to be known")
        ordering[0].terminate()

    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    environment["SCNS_DSN"] = database.dsn()
    if inside:
        environment["SLURM_JOB_ID"] = str(job_id)
    with answering(database, end_the_job):
        command = [sys.executable, "-m", "scns", *words, str(job_id)]
        ordering.append(subprocess.Popen(command, env=environment, cwd=REPOSITORY))
        assert ordering[0].wait(60) == (0 if inside else -signal.SIGTERM)


def test_refusals_of_the_daemon_are_passed_on(database, shell):
    cases = [
        (["requeue", "99"], "Invalid job id specified", "Invalid job id specified for job 99"),
        (["requeue", "42"], "Job is pending execution", "Job is pending execution for job 42"),
        (
            ["suspend", "99"],
            "Invalid job id specified",
            "Unexpected message received for job 99",
        ),
        (["resume", "42"], "Job is not suspended", "Job is not suspended for job 42"),
        (
            ["update", "jobid=42", "timelimit=5"],
            "Invalid user id",
            "Invalid user id for job 42",
        ),
        (
            ["update", "nodename=n1", "state=drain", "reason=x"],
            "Invalid user id",
            "slurm_update error: Invalid user id",
        ),
        (
            ["update", "partitionname=nosuch", "state=up"],
            "Invalid partition name specified",
            "slurm_update error: Invalid partition name specified",
        ),
        (
            ["reconfigure"],
            "Access/permission denied",
            "slurm_reconfigure error: Access/permission denied",
        ),
        (
            ["shutdown"],
            "Access/permission denied",
            "slurm_shutdown error: Access/permission denied",
        ),
        (
            ["create", "partitionname=x", "nodes=n1"],
            "Duplicate partition name",
            "Error creating the partition: Duplicate partition name",
        ),
        (
            ["delete", "partitionname=main"],
            "Partition is in use",
            "delete_partition partitionname=main: Partition is in use",
        ),
    ]
    sentences = [sentence for _, sentence, _ in cases]
    with answering(database, lambda asked: refuse(sentences.pop(0))(asked)):
        for words, _, said in cases:
            outcome = shell("scontrol", *words)
            assert (outcome.code, outcome.out, outcome.err) == (1, "", said + "\n")


def test_requeue_of_what_is_no_id_goes_on_with_the_rest(database, shell):
    with answering(database, refuse("Job is pending execution")):
        outcome = shell("scontrol", "requeue", "state=bogus", "42")
    assert outcome.err == (
        "Invalid job id specified for job state=bogus\nJob is pending execution for job 42\n"
    )


def test_update_takes_values_as_words_and_cut_keys(database, shell):
    words = ("JobId", "42", "Nam", "x", "Timel", "5")
    with answering(database) as daemon:
        assert shell("scontrol", "upd", *words).code == 0
    assert daemon.last.target == [{"job": 42}]
    assert daemon.last.argument["changes"] == {"name": "x", "time_limit": 300}


def test_time_limit_can_be_moved(database, shell):
    job = submit(database, time_limit=600)
    assert changes_of(shell, database, f"jobid={job}", "timelimit=+5") == {"time_limit": 900}
    assert changes_of(shell, database, f"jobid={job}", "timelimit=-5") == {"time_limit": 300}
    endless = submit(database)
    assert changes_of(shell, database, f"jobid={endless}", "timelimit=+5") == {"time_limit": -1}
    outcome = shell("scontrol", "update", f"jobid={job}", "timelimit=-20")
    assert outcome.err == (
        "scontrol: error: TimeLimit decrement larger than current time limit (20 > 10)\n"
    )


def test_update_by_name_finds_the_jobs_that_have_not_ended(database, cursor, shell):
    jobs = [submit(database, name="x") for _ in range(3)]
    other = submit(database, user="u:alice", name="x")
    start(cursor, jobs[2])
    end(cursor, jobs[2])
    with answering(database) as daemon:
        shell("scontrol", "update", "jobname=x", "timelimit=5")
        shell("scontrol", "update", "jobname=x", "userid=60001", "timelimit=5")
    assert daemon.asked[0].target == [{"job": jobs[0]}, {"job": jobs[1]}, {"job": other}]
    assert daemon.asked[1].target == [{"job": other}]
    assert daemon.last.argument["changes"] == {"time_limit": 300}
    outcome = shell("scontrol", "update", "jobname=nosuch", "timelimit=5")
    assert outcome.err == "scontrol: error: No jobs with name 'nosuch'\n"


def test_update_of_nodes(database, cursor, shell):
    cursor.execute("INSERT INTO scns.node (name, position, cpus, memory) VALUES ('n2', 1, 4, 40)")
    with answering(database) as daemon:
        shell("scontrol", "update", "nodename=n[1-2]", "state=drain", 'reason="for test"')
        shell("scontrol", "update", "node=ALL", "state=resume")
        shell("scontrol", "update", "nodename=n1", "weight=5", "features=a,b", "gres=gpu:2")
    assert daemon.asked[0].verb == "update_node"
    assert daemon.asked[0].target == [{"node": "n1"}, {"node": "n2"}]
    assert [asked.argument["changes"] for asked in daemon.asked] == [
        {"state": "DRAIN", "reason": "for test"},
        {"state": "RESUME"},
        {"weight": 5, "features": ["a", "b"], "gres": {"gpu": 2}},
    ]
    assert daemon.asked[1].target == [{"node": "n1"}, {"node": "n2"}]


def test_update_and_create_of_partitions(database, shell):
    with answering(database) as daemon:
        shell("scontrol", "update", "partitionname=short", "state=down", "maxtime=1-0")
        shell("scontrol", "create", "partition=new", "nodes=n[1-2]", "default=yes", "maxnodes=2")
        shell(
            "scontrol", "update", "part=new", "nodes+=n3", "allowaccounts=a,b", "defaulttime=none"
        )
        shell("scontrol", "delete", "partitionname=new")
        shell("scontrol", "delete", "partition", "old")
    assert [(asked.verb, asked.target, asked.argument) for asked in daemon.asked] == [
        (
            "update_partition",
            [{"partition": "short"}],
            {"changes": {"state": "DOWN", "max_time": 86400}},
        ),
        (
            "create_partition",
            [{"partition": "new"}],
            {"changes": {"nodes": ["n1", "n2"], "is_default": True, "max_nodes": 2}},
        ),
        (
            "update_partition",
            [{"partition": "new"}],
            {
                "changes": {
                    "nodes+": ["n3"],
                    "allow_accounts": ["a", "b"],
                    "default_time": None,
                }
            },
        ),
        ("delete_partition", [{"partition": "new"}], {}),
        ("delete_partition", [{"partition": "old"}], {}),
    ]


def test_daemon_commands(database, shell):
    with answering(database) as daemon:
        assert shell("scontrol", "reconfigure").code == 0
        assert shell("scontrol", "shutdown", "slurmctld").code == 0
        assert shell("scontrol", "shutdown").code == 0
    assert [(asked.verb, asked.argument) for asked in daemon.asked] == [
        ("reconfigure", {}),
        ("shutdown", {"daemons": "controller"}),
        ("shutdown", {"daemons": "all"}),
    ]


def test_ping_says_whether_the_controller_holds_its_lease(database, cursor, shell):
    with answering(database):
        up = shell("scontrol", "ping")
    assert (up.code, up.out) == (0, "Slurmctld(primary) at n1 is UP\n")
    cursor.execute("UPDATE scns.lease SET until = now()")
    down = shell("scontrol", "ping")
    assert down.code == 1
    assert down.out.startswith("Slurmctld(primary) at n1 is DOWN\n")


def test_config_lists_settings_in_slurms_form(database, cursor, shell):
    cursor.execute("UPDATE scns.setting SET value = '30 sec' WHERE name = 'KillWait'")
    with answering(database):
        text = shell("scontrol", "show", "config").out
    lines = text.splitlines()
    assert lines[0].startswith("Configuration data as of 2")
    assert "ClusterName             = scns" in lines
    assert "KillWait                = 30 sec" in lines
    assert "MinJobAge               = 300 sec" in lines
    assert "MaxArraySize            = 110001" in lines
    names = [line.split()[0] for line in lines if " = " in line]
    assert names == sorted(names, key=str.lower)
    assert {"SelectType", "SLURM_VERSION", "SlurmctldPort", "StateSaveLocation"} <= set(names)
    assert "functions" not in text
    assert lines[-2:] == ["", "Slurmctld(primary) at n1 is UP"]


def test_entities_that_are_not_there(cursor, shell):
    assert shell("scontrol", "show", "reservation").out == "No reservations in the system\n"
    assert shell("scontrol", "show", "licenses").out == "No licenses configured in Slurm.\n"
    assert shell("scontrol", "show", "burstbuffer").out == ""
    cursor.execute("INSERT INTO scns.setting VALUES ('Licenses', 'matlab:4,foo')")
    assert shell("scontrol", "-o", "show", "lic").out == (
        "LicenseName=matlab Total=4 Used=0 Free=4 Reserved=0 Remote=no\n"
        "LicenseName=foo Total=1 Used=0 Free=1 Reserved=0 Remote=no\n"
    )


def test_license_use_counts_running_jobs(database, cursor, shell):
    cursor.execute("INSERT INTO scns.setting VALUES ('Licenses', 'matlab:4')")
    start(cursor, submit(database, licenses="matlab:3"))
    submit(database, licenses="matlab:1")
    assert shell("scontrol", "show", "licenses", "matlab").out == (
        "LicenseName=matlab\n    Total=4 Used=3 Free=1 Reserved=0 Remote=no\n"
    )


def test_step_shows_its_keys_in_order(database, cursor, shell):
    job = submit(database)
    start(cursor, job)
    cursor.execute(
        "INSERT INTO scns.step (job_id, attempt, step_id, name, state, node_list, start_time)"
        " VALUES (%s, 1, 0, 'sleep', 'RUNNING', 'n1', now())",
        (job,),
    )
    text = shell("scontrol", "show", "step", f"{job}.0").out
    assert [word.partition("=")[0] for word in text.split()] == (
        "StepId UserId StartTime TimeLimit State Partition NodeList Nodes CPUs Tasks Name Network"
        " TRES ResvPorts CPUFreqReq Dist SrunHost:Pid"
    ).split()
    assert text.startswith(f"StepId={job}.0 UserId=0 ")
    assert shell("scontrol", "show", "step", f"{job}.batch").out.startswith(f"StepId={job}.batch ")
    assert shell("scontrol", "show", "step", str(job)).out.count("StepId=") == 2
    missing = shell("scontrol", "show", "step", f"{job}.9")
    assert (missing.code, missing.out) == (1, f"Job step {job}.9 not found\n")


def test_batch_script_is_written(database, monkeypatch, tmp_path, shell):
    script = b'#!/bin/bash\n#SBATCH -J x\necho "a  b" \xff\n'
    job = submit(database, user="u:alice", script=script)
    monkeypatch.chdir(tmp_path)
    outcome = shell("scontrol", "write", "batch_script", str(job), "copy")
    assert outcome.out == f"batch script for job {job} written to copy\n"
    assert (tmp_path / "copy").read_bytes() == script
    shell("scontrol", "write", "batch_script", str(job))
    assert (tmp_path / f"slurm-{job}.sh").read_bytes() == script


def test_batch_script_goes_to_standard_output(database, shell):
    job = submit(database)
    assert shell("scontrol", "write", "batch_script", str(job), "-").out == "#!/bin/sh\ntrue\n"


def test_batch_script_that_cannot_be_had(database, shell):
    job = submit(database)
    unknown = shell("scontrol", "write", "batch_script", "99999999", "-")
    assert (unknown.code, unknown.err) == (
        0,
        "job script retrieval failed: Invalid job id specified\n",
    )
    foreign = shell("scontrol", "write", "batch_script", str(job), "-", user="u:alice")
    assert (foreign.code, foreign.err) == (0, "job script retrieval failed: Invalid user id\n")
    nowhere = shell("scontrol", "write", "batch_script", str(job), "/nosuch/file")
    assert nowhere.code == 1
    assert nowhere.err == "failed to open file `/nosuch/file`: No such file or directory\n"


def test_wait_job_returns_when_the_job_runs(database, cursor, shell):
    job = submit(database)
    start(cursor, job)
    outcome = shell("scontrol", "wait_job", str(job))
    assert (outcome.code, outcome.out, outcome.err) == (
        0,
        "",
        f"scontrol: Nodes are ready for job {job}\n",
    )
    end(cursor, job)
    ended = shell("scontrol", "wait_job", str(job))
    assert (ended.code, ended.err) == (1, f"scontrol: Job {job} no longer running\n")
    assert shell("scontrol", "wait_job", "999").code == 1


def test_session_reads_commands_and_keeps_its_settings(database, shell):
    job = submit(database)
    lines = ("oneliner", f"show job {job}", "bogus", "", "!!", f"update jobid={job} bogus=1")
    outcome = shell("scontrol", stdin="\n".join([*lines, "exit", "show config", ""]))
    assert outcome.code == 1
    assert outcome.out.count(f"JobId={job} ") == 1
    assert outcome.out.startswith("scontrol: oneliner\nscontrol: show job")
    assert outcome.err == (
        "invalid keyword: bogus\n"
        "Update of this parameter is not supported: bogus=1\nRequest aborted\n"
    )
    assert "Configuration" not in outcome.out


def test_session_on_a_terminal_has_line_editing(database):
    import pty

    pid, fd = pty.fork()
    if pid == 0:
        os.environ["SCNS_DSN"] = database.dsn()
        os.execv(
            sys.executable,
            [sys.executable, "-c", "from scns.cli.slurm import scontrol; scontrol.run([])"],
        )
    # 方向键向左再补一个字母：有行编辑才会变成 version
    os.write(fd, b"versin\x1b[Do\nexit\n")
    text = b""
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(fd)
    assert os.waitpid(pid, 0)[1] == 0
    assert b"slurm 22.05" in text
