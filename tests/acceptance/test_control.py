"""作业控制，从头到尾：真的守护进程、真的进程树、真的信号与信。"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import SITE, Instance, make_instance, node_name, remove
from tests.conftest import wait_until

#: 脚本与它另开会话的孩子各自数数；都停住了才算停住。
COUNTING = """#!/bin/bash
setsid bash -c 'for i in $(seq 2000); do echo $i > child; sleep 0.02; done' &
for i in $(seq 2000); do echo $i > own; sleep 0.02; done
"""


def counts(work: Path) -> tuple[str, str]:
    return (work / "own").read_text(), (work / "child").read_text()


def wait_counting(work: Path) -> None:
    """等到脚本与孩子都又数了一下。"""
    wait_until(lambda: (work / "own").exists() and (work / "child").exists(), 20, "a first count")
    before = wait_until(lambda: all(counts(work)) and counts(work), 20, "two numbers")
    wait_until(
        lambda: (
            all(counts(work)) and all(a != b for a, b in zip(counts(work), before, strict=True))
        ),
        20,
        "both to count on",
    )


def stands_still(work: Path) -> bool:
    before = counts(work)
    time.sleep(0.3)
    return counts(work) == before


def test_suspension_stops_the_whole_tree_and_frees_the_cpus(instance: Instance):
    job_id = instance.submit(COUNTING, "-n", "8", "-o", "/dev/null")
    wait_counting(instance.work)
    instance.ok("scontrol", "suspend", str(job_id))
    wait_until(lambda: stands_still(instance.work), 20, "the counting to stop")
    assert instance.ok("squeue", "-h", "-j", str(job_id), "-o", "%T").strip() == "SUSPENDED"
    other = instance.submit("true", "-n", "8", "-o", "/dev/null")
    instance.wait_state(other, "COMPLETED")
    instance.ok("scontrol", "resume", str(job_id))
    wait_counting(instance.work)
    assert instance.ok("squeue", "-h", "-j", str(job_id), "-o", "%T").strip() == "RUNNING"
    instance.ok("scancel", str(job_id))
    instance.wait_state(job_id, "CANCELLED")


def test_suspended_job_can_be_cancelled(instance: Instance):
    job_id = instance.submit(COUNTING, "-o", "/dev/null")
    wait_counting(instance.work)
    instance.ok("scontrol", "suspend", str(job_id))
    instance.ok("scancel", str(job_id))
    instance.wait_state(job_id, "CANCELLED")
    assert stands_still(instance.work)


def test_suspended_job_survives_a_killed_scnsd(own_instance: Instance):
    job_id = own_instance.submit(COUNTING, "-o", "/dev/null")
    wait_counting(own_instance.work)
    own_instance.ok("scontrol", "suspend", str(job_id))
    pid = own_instance.pid("scnsd")
    os.kill(pid, 9)
    wait_until(
        lambda: (
            own_instance.run("scontrol", "ping").stdout.endswith("UP\n")
            and own_instance.pid("scnsd") != pid
        ),
        30,
        "a new scnsd",
    )
    wait_until(lambda: stands_still(own_instance.work), 20, "the counting to stand still")
    own_instance.ok("scontrol", "resume", str(job_id))
    wait_counting(own_instance.work)
    own_instance.ok("scancel", str(job_id))
    own_instance.wait_state(job_id, "CANCELLED")


def test_warning_signal_reaches_the_batch_script(instance: Instance):
    text = "trap 'echo warned; exit 7' USR1; echo ready; while :; do sleep 0.1; done"
    job_id = instance.submit(text, "-t", "1", "--signal=B:USR1@57", "-o", "out")
    instance.wait_state(job_id, "FAILED")
    assert (instance.work / "out").read_text() == "ready\nwarned\n"


def test_requeued_script_runs_again_and_appends(instance: Instance):
    text = 'echo "run ${SLURM_RESTART_COUNT:-0}"; [ -n "$SLURM_RESTART_COUNT" ] || sleep 60'
    job_id = instance.submit(text, "-o", "out")
    wait_until(lambda: (instance.work / "out").exists(), 20, "the output")
    wait_until(lambda: "run 0" in (instance.work / "out").read_text(), 20, "the first run")
    instance.ok("scontrol", "requeue", str(job_id))
    instance.wait_state(job_id, "COMPLETED")
    lines = (instance.work / "out").read_text().splitlines()
    assert lines[0] == "run 0"
    assert lines[-1] == "run 1"
    assert lines[1].endswith("DUE TO JOB REQUEUE ***")


def test_changed_job_runs_as_changed(instance: Instance):
    (instance.work / "elsewhere").mkdir()
    job_id = instance.submit("pwd; echo $SLURM_JOB_NAME $SLURM_JOB_CPUS_PER_NODE", "-H")
    changes = ["Name=renamed", "NumCPUs=3", f"WorkDir={instance.work}/elsewhere", "StdOut=out-%j"]
    instance.ok("scontrol", "update", f"JobId={job_id}", *changes)
    instance.ok("scontrol", "release", str(job_id))
    instance.wait_state(job_id, "COMPLETED")
    output = instance.work / "elsewhere" / f"out-{job_id}"
    assert output.read_text() == f"{instance.work}/elsewhere\nrenamed 3\n"


def test_shortened_limit_ends_a_running_job(instance: Instance):
    job_id = instance.submit("sleep 300", "-t", "10", "-o", "out")
    instance.wait_state(job_id, "RUNNING")
    instance.sql(
        "UPDATE scns.job SET start_time = start_time - interval '2 minutes' WHERE id = %s", job_id
    )
    instance.ok("scontrol", "update", f"JobId={job_id}", "TimeLimit=1")
    instance.wait_state(job_id, "TIMEOUT")
    assert "DUE TO TIME LIMIT" in (instance.work / "out").read_text()


def test_missed_deadline_ends_a_waiting_job(instance: Instance):
    job_id = instance.submit("true", "-t", "60", "--deadline=now+1minute", "-o", "/dev/null")
    instance.wait_state(job_id, "DEADLINE")


@pytest.fixture
def mailing():
    """MailProg 把参数写进一个文件的实例。"""
    made = make_instance(site=None)
    box = made.work.parent / "box"
    box.mkdir(mode=0o777)
    box.chmod(0o777)
    program = made.work.parent / "mailprog"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> {box}/mail; echo >> {box}/mail\n')
    program.chmod(0o755)
    (made.home / "scns.conf").write_text(f"{SITE.format(node=node_name())}\nMailProg={program}\n")
    try:
        made.ok("up")
        yield made, box / "mail"
    finally:
        remove(made)


def test_mail_is_sent_by_an_unprivileged_process(mailing):
    instance, mail = mailing
    options = ["--mail-type=BEGIN,END,FAIL", "--mail-user=a@b.org", "-J", "x", "-o", "/dev/null"]
    job_id = instance.submit("exit 3", *options)
    wait_until(lambda: mail.exists() and len(mail.read_text().splitlines()) == 2, 30, "two letters")
    first, second = sorted(mail.read_text().splitlines())
    assert first.startswith(f"-s|Slurm Job_id={job_id} Name=x Began, Queued time 00:00:0")
    assert second.startswith(f"-s|Slurm Job_id={job_id} Name=x Failed, Run time 00:00:0")
    assert second.endswith(", FAILED, ExitCode 3|a@b.org|")
    if os.geteuid() == 0:
        assert mail.stat().st_uid != 0


def test_shutdown_leaves_jobs_alone_until_scnsd_is_started_again(own_instance: Instance):
    job_id = own_instance.submit("sleep 1; echo done", "-o", "out")
    own_instance.wait_state(job_id, "RUNNING")
    own_instance.ok("scontrol", "shutdown")
    wait_until(lambda: not alive(own_instance), 20, "scnsd to stop")
    later = own_instance.submit("echo later", "-o", "later")
    wait_until(lambda: (own_instance.work / "out").read_text() == "done\n", 20, "the job to end")
    assert not alive(own_instance)
    own_instance.ok("up")
    own_instance.wait_state(job_id, "COMPLETED")
    own_instance.wait_state(later, "COMPLETED")


def alive(instance: Instance) -> bool:
    try:
        os.kill(instance.pid("scnsd"), 0)
    except (ProcessLookupError, ValueError, FileNotFoundError):
        return False
    return True
