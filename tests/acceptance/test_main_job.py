"""主线：脚本提交、运行、记录，像用户那样看到结果。"""

from __future__ import annotations

import os
import re
import subprocess
import time

import pytest

from tests.acceptance.conftest import Instance, make_instance, node_name, remove
from tests.conftest import wait_until

NODE = node_name()


def test_script_runs_and_is_recorded(instance: Instance):
    done = instance.run("sbatch", "--wait", "-o", "out-%j", instance.script("echo hello; exit 3"))
    job_id = int(re.fullmatch(r"Submitted batch job (\d+)\n", done.stdout)[1])
    assert done.returncode == 3
    assert (instance.work / f"out-{job_id}").read_text() == "hello\n"
    rows = instance.ok("sacct", "-n", "-P", "-j", str(job_id), "-o", "JobID,State,ExitCode")
    assert rows == f"{job_id}|FAILED|3:0\n{job_id}.batch|FAILED|3:0\n"


def test_script_from_stdin_and_from_wrap(instance: Instance):
    instance.ok("sbatch", "--wait", "-o", "a", stdin="#!/bin/sh\necho from stdin\n")
    instance.ok("sbatch", "--wait", "-o", "b", "--wrap", "echo from wrap")
    assert (instance.work / "a").read_text() == "from stdin\n"
    assert (instance.work / "b").read_text() == "from wrap\n"


def test_script_is_kept_when_its_file_is_deleted(instance: Instance):
    name = instance.script("echo kept")
    job_id = instance.ok("sbatch", "--parsable", "--hold", "-o", "out", name).strip()
    (instance.work / name).unlink()
    instance.ok("scontrol", "release", job_id)
    instance.wait_state(int(job_id), "COMPLETED")
    assert (instance.work / "out").read_text() == "kept\n"


def test_working_directory_arguments_and_environment_reach_the_job(instance: Instance):
    name = instance.script('pwd; printf "<%s>" "$@"; echo; echo $COLOUR $SLURM_JOB_NAME')
    instance.ok("sbatch", "--wait", "-o", "out", "-J", "x y", name, "a b", env={"COLOUR": "blue"})
    assert (instance.work / "out").read_text() == f"{instance.work}\n<a b>\nblue x y\n"


def test_array_runs_every_element_under_its_throttle(instance: Instance):
    text = "echo $SLURM_ARRAY_TASK_ID >> started; sleep 0.2"
    instance.ok("sbatch", "--wait", "-a", "1-5%2", "-o", "o%a", instance.script(text))
    assert sorted((instance.work / "started").read_text().split()) == ["1", "2", "3", "4", "5"]
    assert sorted(path.name for path in instance.work.glob("o*")) == ["o1", "o2", "o3", "o4", "o5"]


def test_dependent_job_runs_after_its_parent(instance: Instance):
    first = instance.submit("sleep 0.3; echo first >> log", "-o", "/dev/null")
    second = instance.submit("echo second >> log", "-d", f"afterok:{first}", "-o", "/dev/null")
    instance.wait_state(second, "COMPLETED")
    assert (instance.work / "log").read_text() == "first\nsecond\n"


def test_cancel_leaves_no_process_of_the_tree(instance: Instance):
    text = """\
echo $$ >> pids
(setsid sh -c 'echo $$ >> pids; exec sleep 300' &)
(sh -c '(setsid sh -c "echo \\$\\$ >> pids; trap : TERM; while :; do sleep 1; done" &)' &)
env -i setsid sh -c 'echo $$ >> pids; exec sleep 300' &
sleep 300
"""
    job_id = instance.submit(text, "-o", "out")
    pids = instance.work / "pids"
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 4, what="four processes")
    instance.ok("scancel", str(job_id))
    assert instance.wait_state(job_id, "CANCELLED") == f"CANCELLED by {os.getuid()}"
    for pid in pids.read_text().split():
        assert not alive(int(pid))
    assert f"*** JOB {job_id} ON {NODE} CANCELLED AT " in (instance.work / "out").read_text()


def test_processes_left_behind_end_with_their_job(instance: Instance):
    job_id = instance.submit("setsid sleep 300 & echo $! > pid", "-o", "/dev/null")
    instance.wait_state(job_id, "COMPLETED")
    assert not alive(int((instance.work / "pid").read_text()))


def alive(pid: int) -> bool:
    """进程还在，而且不是等人收走的僵尸。"""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return stream.read().rsplit(b")", 1)[1].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def test_time_limit_ends_an_endless_script(instance: Instance):
    job_id = instance.submit("while :; do sleep 1; done", "-t", "1", "-o", "out")
    instance.wait_state(job_id, "RUNNING")
    instance.sql("UPDATE scns.job SET limit_time = now() WHERE id = %s", job_id)
    # 改的人没有敲铃：随便提交一个，让 scnsd 看一眼
    instance.submit("true", "-o", "/dev/null")
    assert instance.wait_state(job_id, "TIMEOUT") == "TIMEOUT"
    said = (instance.work / "out").read_text()
    line = rf"slurmstepd-{NODE}: error: \*\*\* JOB {job_id} ON {NODE} CANCELLED AT \S+ DUE TO TIME"
    assert re.search(line + r" LIMIT \*\*\*", said)


@pytest.mark.slow
def test_one_minute_limit_is_kept_by_the_clock(instance: Instance):
    job_id = instance.submit("while :; do sleep 1; done", "-t", "1", "-o", "out")
    started = time.monotonic()
    assert instance.wait_state(job_id, "TIMEOUT", seconds=90) == "TIMEOUT"
    assert 55 < time.monotonic() - started < 75


def test_unwritable_output_fails_with_code_53(instance: Instance):
    job_id = instance.submit("true", "-o", "/proc/nosuch/out")
    instance.wait_state(job_id, "FAILED")
    shown = instance.ok("scontrol", "show", "job", str(job_id))
    assert "Reason=JobLaunchFailure" in shown
    assert "ExitCode=0:53" in shown


def test_missing_directory_becomes_tmp_with_a_line(instance: Instance):
    out = instance.work / "out"
    job_id = instance.submit("pwd", "-D", "/nosuch", "-o", str(out))
    instance.wait_state(job_id, "COMPLETED")
    assert out.read_text().endswith("going to /tmp instead\n/tmp\n")


def test_short_names_are_linked_and_found(instance: Instance):
    instance.ok("link", "bin")
    environment = instance.environment
    environment["PATH"] = f"{instance.work}/bin:{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-c", "sbatch --wait -o out --wrap 'echo linked' && squeue -h && cat out"],
        capture_output=True,
        text=True,
        cwd=instance.work,
        env=environment,
        check=True,
    )
    assert done.stdout.endswith("linked\n")


def test_script_finds_srun_without_a_link_after_the_users_own_path(instance: Instance):
    script = instance.script(
        "#!/bin/sh\nexport PATH=/usr/bin:/bin:${PATH##*:}\nsrun echo from a step\n"
        "echo ${PATH##*:}\n"
    )
    assert instance.run("sbatch", "-W", "-o", "out", script).returncode == 0
    home = instance.environment["SCNS_HOME"]
    assert (instance.work / "out").read_text() == f"from a step\n{home}/bin\n"


def test_test_only_answers_from_the_planner_and_submits_nothing(instance: Instance):
    before = instance.sql("SELECT count(*) FROM scns.job")
    done = instance.run("sbatch", "--test-only", instance.script("true"))
    assert re.fullmatch(
        rf"sbatch: Job \d+ to start at \S+ using 1 processors on nodes {NODE} in partition main\n",
        done.stderr,
    )
    assert instance.sql("SELECT count(*) FROM scns.job") == before


def test_up_is_idempotent_and_status_names_every_part(instance: Instance):
    assert "already running" in instance.ok("up")
    import json

    parts = json.loads(instance.ok("status", "--json"))
    assert {name: part["state"] for name, part in parts.items()} == dict.fromkeys(
        ("postgres", "stepd", "scnsd", "supervisor"), "running"
    )
    assert all(part["pid"] for part in parts.values())


def test_doctor_says_what_is_enforced(instance: Instance):
    said = instance.ok("doctor")
    assert "memory limits are" in said
    assert "cgroup" in said


def test_state_path_too_long_for_a_socket_address_works():
    made = make_instance(under="/".join(["d" * 60] * 4))
    try:
        made.ok("up")
        made.ok("sbatch", "--wait", "-o", "out", "--wrap", "echo long")
        assert (made.work / "out").read_text() == "long\n"
    finally:
        remove(made)


def test_without_a_configuration_file_there_is_one_partition_main():
    made = make_instance(site=None)
    try:
        made.ok("up")
        assert made.ok("sinfo", "-h", "-o", "%P %a %l").split() == ["main*", "up", "infinite"]
    finally:
        remove(made)


def test_array_of_100000_elements_is_one_row_and_parts_of_it_are_cancelled_by_range(
    instance: Instance,
):
    script = instance.script("true")
    job_id = int(instance.ok("sbatch", "--parsable", "-H", "-a", "1-100000", script))
    where = "array_job_id = %s"
    assert instance.sql(f"SELECT count(*) FROM scns.job WHERE {where}", job_id) == [(1,)]
    assert len(instance.ok("squeue", "-h", "-r", "-j", str(job_id)).splitlines()) == 100_000
    instance.ok("scancel", f"{job_id}_[5-90000]")
    shown = instance.ok("squeue", "-h", "-j", str(job_id), "-o", "%i")
    assert shown == f"{job_id}_[1-4,90001-100000]\n"
    assert instance.sql(f"SELECT count(*) FROM scns.job WHERE {where}", job_id) == [(1,)]
    instance.ok("scancel", str(job_id))
    assert instance.ok("squeue", "-h", "-j", str(job_id)) == ""


def test_outside_database_is_used_when_a_dsn_names_it(database):
    made = make_instance(site=None)
    outside = Instance(made.home, made.work)
    dsn = {"SCNS_DSN": f"host={database.server.socket_directory} dbname={database.name}"}
    try:
        outside.ok("up", env=dsn)
        outside.ok("sbatch", "--wait", "-o", "out", "--wrap", "echo outside", env=dsn)
        assert (made.work / "out").read_text() == "outside\n"
        assert not (made.home / "data").exists()
        outside.ok("down", env=dsn)
    finally:
        remove(made)


def test_bootstrap_sql_prepares_a_server_of_ones_own(instance: Instance):
    assert "CREATE DATABASE scns" in instance.ok("up", "--bootstrap-sql")
