"""kill -9 之下的 stepd：作业不断，状态不丢，恰好执行一次。"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.integration.stepd_pair import MODES, ROOT, Message, Pair, is_alive, wait_for

#: 报到，记一次执行，等到放行，以 7 退出。
WAITS = "#!/bin/sh\necho $$\necho x >>count$SLURM_JOB_ID\nread line <gate$SLURM_JOB_ID\nexit 7\n"


def begin(pair: Pair, *jobs: int) -> None:
    """启动几个等着放行的作业，等到都报了到。"""
    for job in jobs:
        os.mkfifo(pair.work / f"gate{job}")
        pair.submit(job, WAITS)
    for job in jobs:
        pair.pids_in(job)


def release(pair: Pair, job: int) -> None:
    """放行。"""
    (pair.work / f"gate{job}").write_text("go\n")


def settle(pair: Pair, job: int) -> Message:
    """放行，等它结束，确认；结局以后不会再出现。"""
    release(pair, job)
    ended = pair.ended(job)
    pair.order("ack", job)
    assert job not in [known["job"] for known in pair.hello()["jobs"]]
    return ended


def check_exactly_once(pair: Pair, *jobs: int) -> None:
    """执行过恰好一次。"""
    for job in jobs:
        assert (pair.work / f"count{job}").read_text() == "x\n"


def test_jobs_and_their_statuses_survive_the_death_of_stepd(pair: Pair):
    begin(pair, 1, 2, 3)
    pair.kill("stepd")
    assert [job["state"] for job in pair.hello()["jobs"]] == ["running"] * 3
    assert settle(pair, 1)["status"] == 7 << 8
    pair.kill("stepd")
    begin(pair, 4)
    for job in (2, 3, 4):
        ended = settle(pair, job)
        assert (ended["status"], ended["cause"]) == (7 << 8, None)
    check_exactly_once(pair, 1, 2, 3, 4)


def test_stepd_takes_the_place_of_a_dead_guardian(pair: Pair):
    begin(pair, 1, 2)
    old = pair.pid("stepd")
    pair.kill("guardian")
    assert pair.pid("guardian") == old
    begin(pair, 3)
    assert settle(pair, 1)["status"] == 7 << 8
    pair.kill("stepd")
    for job in (2, 3):
        assert settle(pair, job)["status"] == 7 << 8
    check_exactly_once(pair, 1, 2, 3)


def test_jobs_run_on_when_both_have_been_replaced(pair: Pair):
    begin(pair, 1, 2)
    pair.kill("stepd")  # 作业归 guardian
    pair.kill("guardian")  # 作业归 init
    # 状态要等 init 收尸才问得到，6.15 以前的内核问不到
    pair.order("kill", 2, grace=5, message=None)
    assert settle(pair, 1)["status"] in (7 << 8, None)
    assert pair.ended(2)["status"] in (signal.SIGTERM, None)
    assert not any(map(is_alive, pair.pids_in(2)))
    check_exactly_once(pair, 1, 2)


def test_end_between_two_stepds_is_not_lost(pair: Pair):
    begin(pair, 1, 2)
    guardian, stepd = pair.pid("guardian"), pair.pid("stepd")
    os.kill(guardian, signal.SIGSTOP)
    os.kill(stepd, signal.SIGKILL)
    release(pair, 1)
    wait_for(lambda: not any(map(is_alive, [stepd, *pair.pids_in(1)])))
    os.kill(guardian, signal.SIGCONT)
    wait_for(lambda: pair.pid("stepd") != stepd)
    pair.connect()
    pair.hello()
    assert wait_for(lambda: [j for j in pair.hello()["jobs"] if j.get("status") == 7 << 8])
    assert settle(pair, 2)["status"] == 7 << 8


def test_end_while_both_are_dead_is_reported_as_lost(pair: Pair):
    begin(pair, 1)
    (pid,) = pair.pids_in(1)
    pids = [pair.pid("guardian"), pair.pid("stepd")]
    for each in pids:
        os.kill(each, signal.SIGKILL)
    wait_for(lambda: not any(map(is_alive, pids)))
    release(pair, 1)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), what="init to reap")
    pair.start()
    ended = wait_for(lambda: [j for j in pair.hello()["jobs"] if j.get("op") == "ended"])[0]
    assert (ended["status"], ended["cause"]) == (None, "lost")
    check_exactly_once(pair, 1)


def test_kill_in_progress_is_carried_on_by_the_next_stepd(pair: Pair):
    script = (
        "#!/bin/bash\ntrap '' TERM\n(setsid sleep 300) & echo $! $$\nwhile :; do sleep 60; done\n"
    )
    pair.submit(1, script)
    pids = pair.pids_in(1, 2)
    pair.order("kill", 1, grace=1.0, message=None)
    pair.hello()
    pair.kill("stepd")
    ended = pair.ended(1)
    assert (ended["status"], ended["cause"]) == (signal.SIGKILL, "killed")
    assert not any(map(is_alive, pids))


def test_jobs_of_before_a_reboot_are_lost():
    pair = Pair("--no-cgroup")
    try:
        begin(pair, 1)
        pids = [pair.pid("guardian"), pair.pid("stepd")]
        pair.client.send([{"op": "shutdown", "kill": False}])
        wait_for(lambda: not any(map(is_alive, pids)))
        journal = pair.home / "spool" / "journal"
        record = json.loads(journal.read_text())
        # 那个号码现在是别人的
        journal.write_text(json.dumps({**record, "boot": "another", "pid": os.getpid()}) + "\n")
        pair.start()
        (job,) = pair.hello()["jobs"]
        assert (job["status"], job["cause"]) == (None, "lost")
        pair.kill("stepd")
        assert pair.hello()["jobs"] == [job]
        os.kill(record["pid"], signal.SIGKILL)
    finally:
        pair.close()


def test_torn_line_at_the_end_of_the_journal_is_ignored(pair: Pair):
    begin(pair, 1)
    with (pair.home / "spool" / "journal").open("a") as journal:
        journal.write('{"event":"started","job":2,"att')
    pair.kill("stepd")
    assert [job["job"] for job in pair.hello()["jobs"]] == [1]
    assert settle(pair, 1)["status"] == 7 << 8


def test_start_is_refused_while_the_journal_cannot_be_written(pair: Pair):
    begin(pair, 1)
    size = (pair.home / "spool" / "journal").stat().st_size
    stepd = pair.pid("stepd")
    soft, hard = resource.prlimit(stepd, resource.RLIMIT_FSIZE)
    resource.prlimit(stepd, resource.RLIMIT_FSIZE, (size + 10, hard))
    refused = pair.submit(2, "#!/bin/sh\ntouch ran\n")
    assert refused["op"] == "refused"
    assert refused["error"].startswith("cannot start: ")
    release(pair, 1)
    assert pair.ended(1)["status"] == 7 << 8
    resource.prlimit(stepd, resource.RLIMIT_FSIZE, (soft, hard))
    assert not (pair.work / "ran").exists()
    assert pair.run(2, "#!/bin/sh\ntouch ran\n")["status"] == 0
    pair.hello()  # 确认已经送到
    pair.kill("stepd")
    assert 2 not in [job["job"] for job in pair.hello()["jobs"]]


def test_pair_outlives_the_program_on_disk(tmp_path: Path):
    shutil.copytree(ROOT / "scns" / "stepd", tmp_path / "scns" / "stepd")
    (tmp_path / "scns" / "__init__.py").touch()
    pair = Pair(package=tmp_path)
    try:
        begin(pair, 1)
        shutil.rmtree(tmp_path / "scns")
        pair.kill("stepd")
        pair.kill("guardian")
        pair.kill("stepd")
        begin(pair, 2)
        assert settle(pair, 2)["status"] == 7 << 8
        assert {job["job"] for job in pair.hello()["jobs"]} == {1}
    finally:
        pair.close()


QUICK = "#!/bin/sh\necho x >>count$SLURM_JOB_ID\nexit 7\n"


def run_to_the_end(pair: Pair, job: int) -> Message:
    """像 scnsd 那样坚持：断了就重连，没听说过的作业就再送一遍。"""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            known = [one for one in pair.hello()["jobs"] if one["job"] == job]
            if not known:
                pair.submit(job, QUICK)
            over = bool(known) and known[0].get("op") == "ended"
            ended = known[0] if over else pair.ended(job)
            pair.order("ack", job)
            pair.hello()
            return ended
        except OSError:
            pair.client.close()
            pair.connect()
    pytest.fail(f"job {job} does not end")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("phase", range(2))
def test_job_runs_exactly_once_wherever_stepd_dies(
    mode: str, phase: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    fuse = tmp_path / "fuse"
    monkeypatch.setenv("CRASH_AFTER", str(fuse))
    command = (str(Path(__file__).with_name("stepd_crashing.py")),)
    pair = Pair.in_mode(mode, command=command)
    first = phase * 4 + MODES.index(mode) * 2
    crashes = 0
    try:
        for job in range(1, 80):  # 从启动到确认一共五六百句
            fuse.write_text(str(first + job * 8))
            ended = run_to_the_end(pair, job)
            assert (ended["status"], ended["cause"]) == (7 << 8, None)
            check_exactly_once(pair, job)
            crashes += not fuse.exists()
        assert crashes > 50
    finally:
        pair.close()
