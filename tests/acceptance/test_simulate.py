"""`scns simulate`：真的命令、真的负载文件；表里的数与规划器自己的一样。"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from scns.planner.report import summarise
from scns.planner.simulate import Machine, simulate
from scns.planner.snapshot import Policy
from scns.planner.swf import read

ROOT = Path(__file__).resolve().parent.parent.parent

#: 四个 CPU：一个小的占一半，一个要全部的等它，小的长的会耽误它，小的短的不会。
ROWS = (
    (1, 0, 100, 2, 100, 7),
    (2, 1, 50, 4, 50, 8),
    (3, 2, 500, 1, 500, 9),
    (4, 3, 20, 1, 20, 9),
    (5, 4, -1, 1, 20, 9),
)


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "four.swf"
    lines = ["; MaxProcs: 4"]
    for number, submitted, run, cpus, limit, user in ROWS:
        lines.append(
            f"{number} {submitted} -1 {run} {cpus} -1 -1 {cpus} {limit} -1 1 {user} 1 1 1 -1 -1 -1"
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def scns(*words):
    return subprocess.run(
        [sys.executable, "-m", "scns", "simulate", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def test_it_compares_all_policies(trace):
    done = scns(trace)
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head.split() == (
        "POLICY JOBS MEAN_WAIT MAX_WAIT MEAN_BSLD UTIL% MAKESPAN JOBS/S".split()
    )
    assert [line.split()[0] for line in lines[:4]] == ["fifo", "firstfit", "easy", "conservative"]
    assert lines[4] == "1 jobs without run time or size were skipped"


def test_its_figures_are_those_of_the_planner(trace):
    figures = json.loads(scns(trace, "--json", "-p", "easy").stdout)
    with trace.open() as lines:
        workload = read(lines)
    own = summarise("easy", simulate(workload, Policy("easy"), Machine(4)), 4)
    assert [one["name"] for one in figures] == ["easy"]
    assert figures[0]["all"]["mean_wait"] == own.all.mean_wait
    assert figures[0]["utilisation"] == own.utilisation


def test_backfill_helps_the_short_and_not_the_long(trace):
    figures = {one["name"]: one for one in json.loads(scns(trace, "--json").stdout)}
    assert figures["fifo"]["users"]["8"]["mean_wait"] == 99
    assert figures["easy"]["users"]["8"]["mean_wait"] == 99
    assert figures["firstfit"]["users"]["8"]["mean_wait"] > 99
    assert figures["easy"]["users"]["9"]["mean_wait"] < figures["fifo"]["users"]["9"]["mean_wait"]


def test_the_machine_can_be_another_one(trace):
    done = scns(trace, "--nodes", 2, "--cpus", 1, "-p", "fifo")
    assert "1 jobs are larger than the machine and never started" in done.stdout
    assert done.stdout.splitlines()[1].split()[1] == "3"


def test_users_get_a_table_each(trace):
    done = scns(trace, "--users", "-p", "fifo")
    table = done.stdout.split("\nfifo\n")[1].splitlines()
    assert [line.split()[0] for line in table] == ["UID", "7", "8", "9"]


def test_limits_may_be_estimates_or_none(trace):
    for factor in (0, 5):
        assert scns(trace, "--estimate", factor, "-p", "easy").returncode == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "Cannot read"),
        ("1 2 3\n", "line 1: 3 columns, 15 expected"),
        ("; nothing\n", "has no jobs that ran"),
    ],
)
def test_a_bad_trace_is_one_sentence(tmp_path, text, said):
    path = tmp_path / "bad.swf"
    if text is not None:
        path.write_text(text)
    done = scns(path)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_unknown_policy_is_refused(trace):
    done = scns(trace, "-p", "lottery")
    assert done.returncode == 1
    assert "Unknown policy lottery; known: fifo, firstfit, easy, conservative" in done.stderr


def test_as_many_jobs_as_wanted_are_drawn_from_the_trace(trace):
    words = (trace, "--jobs", 200, "--load", 0.5, "--json", "-p", "easy", "-p", "fifo")
    first, again = scns(*words).stdout, scns(*words).stdout
    assert first == again
    assert scns(*words, "--seed", 2).stdout != first
    for one in json.loads(first):
        assert one["all"]["jobs"] == 200
        assert set(one["users"]) == {"7", "8", "9"}


def test_a_load_alone_draws_as_many_jobs_as_the_trace_has(trace):
    easy, busy = (
        json.loads(scns(trace, "--load", load, "--json", "-p", "easy").stdout)[0]
        for load in (0.1, 5)
    )
    assert easy["all"]["jobs"] == busy["all"]["jobs"] == 4
    assert easy["makespan"] > busy["makespan"]


def test_a_plot_is_drawn_when_matplotlib_is_there(trace, tmp_path):
    image = tmp_path / "plot.png"
    done = scns(trace, "--plot", image)
    if importlib.util.find_spec("matplotlib") is None:
        assert done.returncode == 1
        assert "pip install 'scns[plot]'" in done.stderr
    else:
        assert image.read_bytes().startswith(b"\x89PNG")
