"""看得见的命令在真实例上：为什么等、等到结束、跟着输出、状态一变就知道、用了多少。"""

from __future__ import annotations

import json
import re
import subprocess
import time

from tests.acceptance.conftest import command, node_name
from tests.conftest import wait_until


def seconds_told(text: str) -> float:
    """`(in 9 min 25 s)` 里的秒数。"""
    [told] = re.findall(r"It should start at \S+ \(in ([^)]*)\)", text)
    units = {"s": 1, "min": 60, "h": 3600}
    words = told.split()
    return sum(
        int(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True)
    )


def start_time(instance, job: int) -> float:
    """作业真的启动的时刻，epoch 秒。"""
    [(started,)] = instance.sql(
        "SELECT extract(epoch FROM start_time)::float8 FROM scns.job WHERE id = %s", job
    )
    return float(started)


def test_why_names_the_holder_and_its_forecast_comes_true(instance):
    holder = instance.submit("exec sleep 300", "-n", "6", "-J", "busy")
    instance.wait_state(holder, "RUNNING")
    instance.sql(
        "UPDATE scns.job SET limit_time = now() + interval '4 seconds' WHERE id = %s RETURNING id",
        holder,
    )
    job = instance.submit("true", "-n", "8", "-t", "1")
    asked = time.time()
    told = wait_until(
        lambda: (found := instance.ok("why", str(job))) and "It asks for" in found and found,
        what="a reason",
    )
    assert "It asks for 8 CPUs" in told
    assert f"Job {holder} (busy," in told
    assert "With 6 CPUs fewer (--ntasks=2) it would start now." in told
    expected = asked + seconds_told(told)
    instance.wait_state(job, "COMPLETED", "RUNNING", "COMPLETING")
    # 到了时限的作业结束前，还有 KillWait 那么久的宽限
    assert -2 <= start_time(instance, job) - expected <= 4


def test_why_as_json_and_of_unknown_jobs(instance):
    job = instance.submit("true", "--hold")
    [facts] = json.loads(instance.ok("why", "--json", str(job)))
    assert (facts["job"], facts["reason"], facts["hold"]) == (str(job), "JobHeldUser", "user")
    unknown = instance.run("why", "4711000")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "scns: error: Invalid job id specified 4711000\n"
    instance.ok("scancel", str(job))


def test_wait_returns_the_exit_code_when_the_job_ends(instance):
    job = instance.submit("sleep 0.5; exit 7")
    began = time.monotonic()
    assert instance.run("wait", str(job)).returncode == 7
    assert time.monotonic() - began < 20
    assert instance.run("wait", str(job)).returncode == 7


def test_wait_for_an_array_shows_its_progress(instance):
    array = instance.submit("sleep 0.2; exit $SLURM_ARRAY_TASK_ID", "-a", "0-3%2")
    done = instance.run("wait", "--progress", str(array))
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == f"{array} job.sh: 4/4 done, 3 failed"
    assert instance.run("wait", f"{array}_[0-1]").returncode == 1


def test_tail_shows_the_whole_output_of_a_job_not_yet_started(instance):
    job = instance.submit("for i in 1 2 3; do echo line $i; sleep 0.2; done; exit 5", "--hold")
    tailing = subprocess.Popen(
        [*command(), "tail", str(job)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=instance.environment,
        cwd=instance.work,
    )
    instance.ok("scontrol", "release", str(job))
    out, err = tailing.communicate(timeout=60)
    assert (out, err, tailing.returncode) == ("line 1\nline 2\nline 3\n", "", 5)


def test_watch_shows_each_change_of_a_job_once(instance):
    watching = subprocess.Popen(
        [*command(), "watch", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=instance.environment,
        cwd=instance.work,
    )
    wait_until(
        lambda: instance.sql(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'idle'"
            " AND query LIKE '%%pg_current_snapshot%%'"
        ),
        what="the watcher",
    )
    job = instance.submit("true")
    seen = []
    while "COMPLETED" not in seen:
        event = json.loads(watching.stdout.readline())
        if event["job"] == str(job):
            seen.append(event["after"])
            assert time.time() - event["time"] < 5
    watching.kill()
    watching.communicate()
    assert seen == ["PENDING", "RUNNING", "COMPLETED"]


def test_efficiency_of_a_job_that_keeps_one_cpu_busy(instance):
    job = instance.submit("timeout 2 sh -c 'while :; do :; done'; true", "-n", "4", "-t", "10")
    instance.ok("wait", str(job))
    lines = instance.ok("seff", str(job)).splitlines()
    assert lines[0] == f"Job ID: {job}"
    assert "Cores per node: 4" in lines
    [row] = json.loads(instance.ok("eff", "--json", str(job)))
    assert row["cpus"] == 4
    assert row["cpus_used"] < 2
    assert "CPUs busy" in instance.ok("eff", str(job))


def test_top_prints_once_without_a_terminal(instance):
    job = instance.submit("true", "--hold", "-J", "for-top")
    out = instance.ok("top")
    assert out.startswith("scns bench")
    assert [line for line in out.splitlines() if line.startswith(f"{job} ")]
    instance.ok("scancel", str(job))


def test_stats_count_the_jobs_that_ran(instance):
    instance.ok("wait", str(instance.submit("true")))
    found = json.loads(instance.ok("stats", "--json"))
    assert found["waits"]["jobs"] >= 1


def test_a_tab_names_the_jobs_partitions_and_nodes_of_the_instance(instance):
    job = instance.submit("sleep 60", "--job-name=tabbed", "--hold")

    def tab(*words: str) -> list[str]:
        return instance.ok("__complete", "fish", *words).splitlines()[1:]

    try:
        assert f"{job}\ttabbed PENDING" in tab("scancel", "")
        assert f"{job}\ttabbed PENDING" in tab("sbatch", f"--dependency=afterok:{job}")
        assert [line.split("\t")[0] for line in tab("squeue", "-p", "")] == [
            "main",
            "short",
            "closed",
        ]
        assert [line.split("\t")[0] for line in tab("scontrol", "show", "node", "")] == [
            node_name()
        ]
    finally:
        instance.ok("scancel", str(job))
    instance.wait_state(job, "CANCELLED")
    assert f"{job}\ttabbed CANCELLED" in tab("seff", str(job))
