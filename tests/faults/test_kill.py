"""`kill -9` 任何一个守护进程：每个脚本恰好跑一次，退出码不丢，什么也不留着。"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from scns.db import connect
from tests.acceptance.conftest import Instance
from tests.conftest import wait_until

#: 每个脚本留下起止两个时刻；追加打开，所以跑两次就有四行。
STAMP = b"#!/bin/sh\ndate +%s.%N\nsleep 0.05\ndate +%s.%N\nexit $((SLURM_JOB_ID % 3))\n"


def submit_many(instance: Instance, count: int) -> list[int]:
    """在一个连接上提交许多个；每个写自己的输出文件。"""
    text, descriptor = connect.dsn(str(instance.home), connect.user_role())
    connection = psycopg2.connect(text)
    connection.autocommit = True
    if descriptor is not None:
        os.close(descriptor)
    (instance.work / "out").mkdir()
    request = {
        "name": "stamp",
        "directory": str(instance.work),
        "standard_output": "out/%j",
        "options": {"open_mode": "append"},
        "requeue": False,
    }
    ids = []
    with connection.cursor() as cursor:
        for _ in range(count):
            cursor.execute(
                "SELECT scns.submit(%s, %s, %s)",
                (json.dumps(request), STAMP, b"PATH=/usr/bin:/bin"),
            )
            ids.append(int(cursor.fetchone()[0]))
    connection.close()
    return ids


def query(instance: Instance, statement: str) -> list[tuple[Any, ...]] | None:
    """数据库此刻不在时返回 None。"""
    try:
        return instance.sql(statement)
    except psycopg2.Error:
        return None


def all_ended(instance: Instance) -> bool:
    rows = query(instance, "SELECT count(*) FROM scns.job WHERE end_time IS NULL")
    return rows == [(0,)]


def check(instance: Instance, ids: list[int]) -> None:
    """每个脚本恰好跑一次，从不超过 8 个，退出码都在，没有留着的占用。"""
    events = []
    for job_id in ids:
        stamps = (instance.work / "out" / str(job_id)).read_text().split()
        assert len(stamps) == 2, f"job {job_id} left {stamps}"
        events += [(float(stamps[0]), 1), (float(stamps[1]), -1)]
    level = peak = 0
    for _, step in sorted(events):
        level += step
        peak = max(peak, level)
    assert peak <= 8
    wrong = instance.sql(
        "SELECT id, state, exit_code FROM scns.job WHERE exit_code <> id % 3 OR attempt <> 1"
        " OR state <> CASE id % 3 WHEN 0 THEN 'COMPLETED' ELSE 'FAILED' END"
    )
    assert wrong == []
    assert instance.sql("SELECT count(*) FROM scns.allocation") == [(0,)]
    assert instance.sql("SELECT cpus_alloc, memory_alloc, idle_cpus::text FROM scns.node") == [
        (0, 0, "{[0,8)}")
    ]


def kill(pid: int) -> None:
    # 数据库刚被杀时 scnsd 可能自己先走了一步，监督进程正要再启动它
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def postmaster(instance: Instance) -> int:
    return int((instance.home / "data" / "postmaster.pid").read_text().split()[0])


def restarted(instance: Instance, name: str, old: int) -> bool:
    text = (instance.home / "run" / f"{name}.pid").read_text().strip()
    return text != "" and int(text) != old


@pytest.mark.slow
def test_thousand_jobs_run_once_each_and_never_more_than_eight(own_instance: Instance):
    ids = submit_many(own_instance, 1000)
    wait_until(lambda: all_ended(own_instance), 110, "all jobs to end")
    check(own_instance, ids)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_killing_scnsd_five_times_and_postgres_three_times_loses_nothing(own_instance: Instance):
    ids = submit_many(own_instance, 600)
    for turn in range(5):
        old = own_instance.pid("scnsd")
        kill(old)
        wait_until(lambda old=old: restarted(own_instance, "scnsd", old), 30, "scnsd to be back")
        if turn < 3:
            gone = postmaster(own_instance)
            kill(gone)
            wait_until(
                lambda: query(own_instance, "SELECT 1") is not None, 30, "PostgreSQL to be back"
            )
    wait_until(lambda: all_ended(own_instance), 110, "all jobs to end")
    check(own_instance, ids)


def test_killing_stepd_leaves_jobs_running_and_keeps_their_codes(own_instance: Instance):
    ids = submit_many(own_instance, 60)
    for name in ("stepd", "guardian", "stepd"):
        old = own_instance.pid(name)
        kill(old)
        wait_until(lambda name=name, old=old: restarted(own_instance, name, old), 30, name)
        time.sleep(0.2)  # 让下一次落在作业跑着的时候，而不是刚起来的时候
    wait_until(lambda: all_ended(own_instance), 60, "all jobs to end")
    check(own_instance, ids)


def test_submission_while_scnsd_is_down_runs_later(own_instance: Instance):
    kill(own_instance.pid("supervisor"))
    old = own_instance.pid("scnsd")
    kill(old)
    wait_until(lambda: not Path(f"/proc/{old}").exists(), 10, "scnsd to be gone")
    job_id = own_instance.submit("echo late", "-o", "out")
    assert own_instance.state(job_id) == "PENDING"
    own_instance.ok("up")
    own_instance.wait_state(job_id, "COMPLETED")
    assert (own_instance.work / "out").read_text() == "late\n"


def test_sigterm_of_scnsd_leaves_jobs_running_and_the_next_one_adopts_them(own_instance: Instance):
    job_id = own_instance.submit("echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done; exit 5")
    wait_until((own_instance.work / "pid").exists, what="the job to start")
    old = own_instance.pid("scnsd")
    os.kill(old, signal.SIGTERM)
    wait_until(lambda: restarted(own_instance, "scnsd", old), 30, "the next scnsd")
    os.kill(int((own_instance.work / "pid").read_text()), 0)
    (own_instance.work / "go").touch()
    own_instance.wait_state(job_id, "FAILED")
    assert own_instance.sql("SELECT exit_code, attempt FROM scns.job") == [(5, 1)]


def test_job_that_ends_while_postgres_is_away_is_recorded_when_it_is_back(own_instance: Instance):
    job_id = own_instance.submit("while [ ! -e go ]; do sleep 0.05; done; touch gone; exit 4")
    own_instance.wait_state(job_id, "RUNNING")
    os.kill(own_instance.pid("supervisor"), signal.SIGSTOP)
    try:
        kill(postmaster(own_instance))
        (own_instance.work / "go").touch()
        wait_until((own_instance.work / "gone").exists, what="the job to end")
        done = own_instance.run("squeue")
        assert done.returncode == 1
        assert "start it with 'scns up'" in done.stderr
    finally:
        os.kill(own_instance.pid("supervisor"), signal.SIGCONT)
    wait_until(lambda: query(own_instance, "SELECT 1") is not None, 30, "PostgreSQL to be back")
    own_instance.wait_state(job_id, "FAILED")
    assert own_instance.sql("SELECT exit_code FROM scns.job") == [(4,)]


def test_down_asks_when_jobs_run_and_force_requeues_them(own_instance: Instance):
    job_id = own_instance.submit("echo run >> runs; [ $(wc -l < runs) = 2 ] || sleep 300")
    own_instance.wait_state(job_id, "RUNNING")
    wait_until((own_instance.work / "runs").exists, what="the first run")
    refused = own_instance.run("down")
    assert refused.returncode == 1
    assert "1 job is running" in refused.stderr
    own_instance.ok("down", "--force", timeout=120)
    own_instance.ok("up")
    own_instance.wait_state(job_id, "COMPLETED")
    assert own_instance.sql("SELECT restarts, attempt FROM scns.job") == [(1, 2)]


def test_two_ups_at_once_start_one_instance(own_instance: Instance):
    own_instance.ok("down")
    from tests.acceptance.conftest import command

    started = [
        subprocess.Popen(
            [*command(), "up"], env=own_instance.environment, stdout=subprocess.DEVNULL
        )
        for _ in range(3)
    ]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    own_instance.ok("sbatch", "--wait", "--wrap", "true", "-o", "/dev/null")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_full_disk_refuses_the_submission_and_keeps_the_rest(own_instance: Instance):
    first = own_instance.submit("true", "-o", "/dev/null")
    own_instance.wait_state(first, "COMPLETED")
    own_instance.ok("down")
    data = own_instance.home / "data"
    moved = own_instance.home / "data.moved"
    data.rename(moved)
    data.mkdir(mode=0o700)
    os.chown(data, moved.stat().st_uid, moved.stat().st_gid)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(data)], check=True)
    try:
        os.chown(data, moved.stat().st_uid, moved.stat().st_gid)
        data.chmod(0o700)
        subprocess.run(["cp", "-a", f"{moved}/.", str(data)], check=True)
        own_instance.ok("up")
        filler = data / "filler"
        with filler.open("wb") as stream:
            try:
                while True:
                    stream.write(b"\0" * (1 << 20))
                    stream.flush()
            except OSError:
                pass
        script = own_instance.script("#!/bin/sh\n" + "# " + "x" * 3_000_000 + "\ntrue\n")
        refused = own_instance.run("sbatch", "--hold", script)
        assert refused.returncode != 0
        assert "Traceback" not in refused.stderr
        assert refused.stdout == ""
        filler.unlink()
        wait_until(lambda: query(own_instance, "SELECT 1") is not None, 30, "PostgreSQL")
        assert own_instance.sql("SELECT count(*) FROM scns.job") == [(1,)]
        own_instance.ok("sbatch", "--wait", "--wrap", "true", "-o", "/dev/null")
        own_instance.ok("down")
    finally:
        subprocess.run(["umount", "-l", str(data)], check=False)
