"""seff 与 `scns eff` 在真数据库上：要了多少，用了多少。"""

from __future__ import annotations

import json

import pytest

from scns.cli.app import run
from tests.integration.answering import Shell, become, end, start, submit


@pytest.fixture
def shell(database, monkeypatch):
    return Shell(database, monkeypatch)


@pytest.fixture
def scns(database, monkeypatch, capsys):
    """在进程内执行 `scns`，返回退出码、stdout、stderr。"""

    def one(*words: str, user: str = "u:root"):
        monkeypatch.setenv("SCNS_DSN", database.dsn(user))
        become(monkeypatch, user)
        code = run(list(words))
        return (code, *capsys.readouterr())

    return one


def ran(database, cursor, user="u:root", usage=(1_800_000, 600_000, 1_048_576), **asked):
    """一个跑了一小时、用了 40 分钟 CPU、1 GiB 内存的作业。"""
    job = submit(database, user=user, **asked)
    start(cursor, job, cpus=2, memory=4096)
    if usage:
        cursor.execute(
            "INSERT INTO scns.step (job_id, attempt, step_id, name, state, node_list, start_time,"
            " user_milliseconds, system_milliseconds, max_rss)"
            " VALUES (%s, 1, -5, 'batch', 'COMPLETED', 'n1', now(), %s, %s, %s)",
            (job, *usage),
        )
    end(cursor, job)
    cursor.execute(
        "UPDATE scns.job SET end_time = start_time + interval '1 hour' WHERE id = %s", (job,)
    )
    return job


def test_seff_prints_what_slurm_prints(shell, database, cursor, site):
    job = ran(database, cursor, memory_per_node=4096)
    assert shell("seff", str(job)).out == (
        f"Job ID: {job}\n"
        "Cluster: scns\n"
        "User/Group: root/root\n"
        "State: COMPLETED (exit code 0)\n"
        "Nodes: 1\n"
        "Cores per node: 2\n"
        "CPU Utilized: 00:40:00\n"
        "CPU Efficiency: 33.33% of 02:00:00 core-walltime\n"
        "Job Wall-clock time: 01:00:00\n"
        "Memory Utilized: 1.00 GB\n"
        "Memory Efficiency: 25.00% of 4.00 GB (4.00 GB/node)\n"
    )


def test_seff_of_jobs_that_are_not_over(shell, database, cursor, site):
    job = submit(database)
    assert shell("seff", str(job)).out.splitlines()[-3:] == [
        "State: PENDING",
        "Cores: 1",
        "Efficiency not available for jobs in the PENDING state.",
    ]
    start(cursor, job, cpus=4, memory=400)
    lines = shell("seff", str(job)).out.splitlines()
    assert "State: RUNNING" in lines
    assert lines[-2:] == [
        "Memory Efficiency: 0.00% of 400.00 MB (100.00 MB/core)",
        "WARNING: Efficiency statistics may be misleading for RUNNING jobs.",
    ]


def test_seff_of_an_element(shell, database, cursor, site):
    array = submit(database, array_indices="{[0,3)}")
    cursor.execute("SELECT id FROM scns.split_array(%s, '{1}')", (array,))
    (element,) = cursor.fetchone()
    start(cursor, element)
    lines = shell("seff", f"{array}_1").out.splitlines()
    assert lines[:2] == [f"Job ID: {element}", f"Array Job ID: {array}_1"]
    assert "Cores: 1" in lines
    assert shell("seff", f"{array}_2").code == 2


def test_seff_refuses_what_it_does_not_know(shell, site):
    unknown = shell("seff", "4711")
    assert (unknown.code, unknown.err) == (2, "Job not found.\n")
    for words in ([], ["1", "2"], ["-x", "1"]):
        wrong = shell("seff", *words)
        assert (wrong.code, wrong.err.splitlines()[0]) == (1, "Usage: seff [Options] <Jobid>")
    assert shell("seff", "-h").out.startswith("Usage: seff")
    assert shell("seff", "-v").out.startswith("seff ")


def test_seff_can_show_what_it_read(shell, database, cursor, site):
    job = ran(database, cursor)
    assert f"id={job}\n" in shell("seff", "-d", str(job)).out


def test_eff_of_a_job_gives_advice(scns, database, cursor, site):
    job = ran(database, cursor, time_limit=36_000)
    code, out, _ = scns("eff", str(job))
    assert code == 0
    lines = out.splitlines()
    assert lines[1].split() == [
        str(job),
        *"root job.sh COMPLETED 01:00:00 10:00:00 10% 2 33% 4G 1G 25% 1.3h".split(),
    ]
    assert lines[2:] == [
        "It kept 0.7 of 2 CPUs busy; 1 would do.",
        "It used at most 1G of 4G of memory; 1300M would do.",
        "It ran 01:00:00 of 10:00:00; --time=1:30:00 would let it start sooner by backfill.",
    ]


def test_eff_of_an_array_and_of_its_elements(scns, database, cursor, site):
    array = submit(database, array_indices="{[0,3)}")
    cursor.execute("SELECT id FROM scns.split_array(%s, '{0,1}') ORDER BY task", (array,))
    for (element,) in cursor.fetchall():
        start(cursor, element)
        end(cursor, element)
    whole = json.loads(scns("eff", "--json", str(array))[1])
    assert [(row["label"], row["jobs"]) for row in whole] == [(str(array), 2)]
    each = json.loads(scns("eff", "--json", "--by", "job", str(array))[1])
    assert [row["label"] for row in each] == [f"{array}_0", f"{array}_1"]
    one = json.loads(scns("eff", "--json", "--by", "job", f"{array}_1")[1])
    assert [row["label"] for row in one] == [f"{array}_1"]


def test_eff_of_users_and_periods(scns, database, cursor, site):
    ran(database, cursor)
    ran(database, cursor, user="u:alice")
    old = ran(database, cursor, user="u:alice")
    cursor.execute(
        "UPDATE scns.job SET start_time = start_time - interval '9 days',"
        " end_time = end_time - interval '9 days' WHERE id = %s",
        (old,),
    )

    def labels(*words: str, user: str = "u:root") -> list[str]:
        return [row["label"] for row in json.loads(scns("eff", "--json", *words, user=user)[1])]

    assert labels("--all", "--by", "user", "-S", "now-1day") == ["root", "alice"]
    assert len(labels("-u", "alice", "-S", "now-1day")) == 1
    assert len(labels("-u", "alice", "-S", "now-30days")) == 2
    assert len(labels("-u", "alice", "-S", "now-30days", "-E", "now-1day")) == 1
    assert len(labels("-S", "now-1day")) == 1


def test_eff_says_when_there_is_nothing(scns, database, cursor, site):
    assert scns("eff", "-u", "bob")[1] == "No jobs in that period.\n"
    assert scns("eff", "4711")[2] == "scns: error: None of these jobs has started\n"
    assert scns("eff", "-a", "-u", "bob")[2] == "scns: error: --user and --all exclude each other\n"


def test_jobs_without_measurements_have_dashes(scns, database, cursor, site):
    job = ran(database, cursor, usage=None)
    assert scns("eff", str(job))[1].splitlines()[1].split()[4:] == (
        "01:00:00 - - 2 - 4G - - 0.0h".split()
    )
