"""补全的另外两半：真数据库里的候选，与真的 bash、zsh、fish。"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from scns.cli.completion import values
from scns.cli.completion.script import script
from scns.cli.completion.values import STATEMENTS, fetch
from tests.conftest import wait_until
from tests.integration.answering import become, end, start, submit
from tests.integration.terminal import terminal

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def names(database, monkeypatch):
    """问一种候选的值；`user` 是以谁的身份。"""

    def ask(*kinds, partial="", user="u:root"):
        with monkeypatch.context() as patch:
            patch.setenv("SCNS_DSN", database.dsn(user))
            become(patch, user)
            return [value for value, _ in fetch(kinds, partial)]

    return ask


@pytest.mark.parametrize("user", ["u:root", "u:alice"])
def test_every_statement_runs_for_every_user(database, user):
    connection = database.connect(user)
    with connection.cursor() as cursor:
        for statement in STATEMENTS.values():
            cursor.execute(statement, {"partial": "", "most": 5})
            assert len(cursor.description) == 2
    connection.close()


def test_jobs_are_told_apart_by_state_newest_first(database, cursor, names):
    waiting = submit(database, name="waits")
    ended = submit(database, name="over")
    start(cursor, ended)
    end(cursor, ended)
    running = submit(database, name="runs")
    start(cursor, running)
    assert names("job") == [str(running), str(waiting)]
    assert names("pending-job") == [str(waiting)]
    assert names("running-job") == [str(running)]
    assert names("suspended-job") == []
    assert sorted(names("past-job")) == sorted(map(str, (ended, running, waiting)))
    assert sorted(names("any-job")) == sorted(map(str, (ended, running, waiting)))
    assert names("job-name") == ["runs", "waits"]
    assert names("step") == [f"{running}.batch"]


def test_job_is_described_by_name_and_state_and_by_owner_if_it_is_not_mine(
    database, cursor, monkeypatch
):
    theirs = submit(database, user="u:bob", name="simulation")
    mine = submit(database, user="u:alice", name="analysis")
    monkeypatch.setenv("SCNS_DSN", database.dsn("u:alice"))
    assert fetch(("job",), "") == [(str(mine), "analysis PENDING")]
    assert fetch(("any-job",), "") == [
        (str(mine), "analysis PENDING"),
        (str(theirs), "simulation PENDING bob"),
    ]


def test_array_is_offered_whole_and_by_started_element(database, cursor, names):
    array = submit(database, array_indices="{[0,10)}")
    assert names("job") == [str(array)]
    cursor.execute("SELECT id FROM scns.split_array(%s, '{3,4}')", (array,))
    [first, _] = [row[0] for row in cursor.fetchall()]
    start(cursor, first)
    assert set(names("job")) == {str(array), f"{array}_3", f"{array}_4"}
    assert set(names("running-job")) == {str(array), f"{array}_3"}
    assert names("job", partial=f"{array}_4") == [f"{array}_4"]


def test_a_prefix_is_looked_for_in_the_database(database, names):
    first = submit(database)
    assert names("job", partial=str(first)) == [str(first)]
    assert names("job", partial="99999") == []
    assert names("node", partial="n") == ["n1"]
    assert names("node", partial="%") == []
    assert names("node", partial="'; DROP TABLE") == []


def test_names_of_the_site(cursor, names):
    cursor.execute(
        "UPDATE scns.node SET features = '{fast,big}', gres = '{\"gpu:a100\": 2}' WHERE name = 'n1'"
    )
    cursor.execute("INSERT INTO scns.setting VALUES ('Licenses', 'matlab:3,ansys:1')")
    assert names("partition") == ["main", "short", "closed"]
    assert names("node") == ["n1"]
    assert names("feature") == ["big", "fast"]
    assert names("gres") == ["gpu", "gpu:a100"]
    assert names("license") == ["ansys", "matlab"]
    assert names("cluster") == ["scns"]
    assert names("partition", "cluster") == ["main", "short", "closed", "scns"]


def test_users_are_those_with_jobs_or_associations(database, names):
    submit(database, user="u:bob")
    assert "bob" in names("user", user="u:alice")


def test_no_database_is_no_candidates(monkeypatch, tmp_path):
    monkeypatch.delenv("SCNS_DSN", raising=False)
    monkeypatch.setenv("SCNS_HOME", str(tmp_path))
    assert fetch(("job", "node"), "") == []
    assert fetch((), "") == []


def test_a_user_nobody_knows_gets_no_candidates(database, monkeypatch):
    monkeypatch.setenv("SCNS_DSN", database.dsn("u:nobody-at-all"))
    assert fetch(("job",), "") == []


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / ".s.PGSQL.5432"))
        listener.listen()
        monkeypatch.setenv("SCNS_DSN", f"host={tmp_path} user=x dbname=x")
        monkeypatch.setattr(values, "PATIENCE", 0.05)
        assert fetch(("job",), "") == []


@pytest.mark.usefixtures("cursor")
def test_a_fault_of_ours_leaves_nobody_waiting(monkeypatch):
    def fail(kinds, partial):
        raise RuntimeError

    monkeypatch.setattr(values, "_ask", fail)
    monkeypatch.setattr("sys.unraisablehook", lambda _: None)
    begun = time.monotonic()
    assert fetch(("job",), "") == []
    assert time.monotonic() - begun < 60


# 真的外壳


@pytest.fixture
def surroundings(database, tmp_path):
    """外壳的环境：没有用户自己的设置，作业在测试的数据库里。"""
    return {
        "HOME": str(tmp_path),
        "INPUTRC": os.devnull,
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "SCNS_DSN": database.dsn("u:root"),
        "TERM": "xterm",
        "ZDOTDIR": str(tmp_path),
    }


@pytest.fixture
def job(database, cursor):
    """数据库里唯一的作业，号码独一无二。"""
    cursor.execute("SELECT setval('scns.job_id_seq', 4711)")
    return submit(database, name="needle")


def write_script(shell, tmp_path):
    path = tmp_path / f"completion.{shell}"
    path.write_text(script(shell))
    return path


def bash_reply(path, surroundings, line, cwd=None):
    """bash 的补全函数对一行给出的 COMPREPLY。"""
    code = 'source "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _scns; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "--norc", "-c", code, "bash", path, line],
        env=surroundings,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_bash_completes_options_and_names(job, surroundings, tmp_path):
    path = write_script("bash", tmp_path)
    cases = {
        "sbatch --pars": ["--parsable"],
        "squeue -p ma": ["main"],
        "squeue --partition=main,sh": ["main,short"],
        "sbatch -psh": ["-pshort"],
        f"scancel {job // 10}": [str(job)],
        f"sbatch --dependency=afterok:{job // 10}": [str(job)],
        "scontrol show node ": ["n1"],
        "scns scontrol update jobid=": [str(job)],
        "scns wh": ["why"],
        "/opt/bin/squeue -n nee": ["needle"],
    }
    for line, expected in cases.items():
        assert bash_reply(path, surroundings, line) == expected, line


def test_bash_completes_files_behind_an_attached_letter(surroundings, tmp_path):
    path = write_script("bash", tmp_path)
    (tmp_path / "results.txt").touch()
    (tmp_path / "rest").mkdir()
    found = bash_reply(path, surroundings, "sbatch -ores", tmp_path)
    assert sorted(found) == ["-orest", "-oresults.txt"]
    assert bash_reply(path, surroundings, "sbatch -Dres", tmp_path) == ["-Drest"]


def test_bash_says_nothing_when_there_is_no_database(surroundings, tmp_path):
    path = write_script("bash", tmp_path)
    there = surroundings | {"SCNS_DSN": f"host={tmp_path} user=x dbname=x"}
    assert bash_reply(path, there, "scancel ") in ([], [""])
    assert bash_reply(path, there, "sbatch --pars") == ["--parsable"]


def test_bash_at_a_terminal(job, surroundings, tmp_path):
    path = write_script("bash", tmp_path)
    (tmp_path / "a script.sh").touch()
    with terminal(["bash", "--norc", "--noprofile", "-i"], surroundings) as shell:
        shell.type(f"source {path}; cd {tmp_path}; show() {{ printf '<%s>' \"$@\"; echo; }}\n")
        shell.type('sbatch() { show "$@"; }; squeue() { show "$@"; }; echo rea\'\'dy\n')
        shell.see("ready")
        shell.type("squeue --parti\tsh\t-n nee\t\n")
        shell.see("<--partition=short><-n><needle>")
        shell.type("sbatch --dependency=aftero\t47\t a\\ s\t\n")
        shell.see(f"<--dependency=afterok:{job}><a script.sh>")
        shell.type("SCNS_NOTHING=1 squeue -w n\t --nohe\t\n")
        shell.see("<-w><n1><--noheader>")
        shell.type("sbatch --output=a\t\n")
        shell.see("<--output=a script.sh>")
        shell.type("squeue -p \t\t")
        listed = shell.see("short")
        assert "main" in listed or "main" in shell.shown


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_options_names_and_files(job, surroundings, tmp_path):
    path = write_script("fish", tmp_path)
    (tmp_path / "results.txt").touch()
    (tmp_path / "rest").mkdir()

    def reply(line):
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {path}; complete -C '{line}'"],
            env=surroundings,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    assert reply("sbatch --pars") == ["--parsable\tprint the job id only"]
    assert reply("squeue -p ma") == ["main\tup, default, nodes: 1"]
    assert [line.split("\t")[0] for line in reply("sbatch --partition=main,")] == [
        "--partition=main,short",
        "--partition=main,closed",
    ]
    assert reply("scancel ") == [f"{job}\tneedle PENDING"]
    assert reply("sbatch -d afterok:") == [f"afterok:{job}\tneedle PENDING"]
    assert [line.split("\t")[0] for line in reply('squeue -n "nee')] == ["needle"]
    assert [line.split("\t")[0] for line in reply("sbatch --output=resu")] == [
        "--output=results.txt"
    ]
    assert [line.split("\t")[0] for line in reply("sbatch -D res")] == ["rest/"]
    assert [line.split("\t")[0] for line in reply("scns wh")] == ["why"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_at_a_terminal(job, surroundings, tmp_path):
    path = write_script("zsh", tmp_path)
    (tmp_path / "a script.sh").touch()
    with terminal(["zsh", "-f", "-i"], surroundings) as shell:
        shell.type(f"autoload -Uz compinit; compinit -u -D; source {path}; cd {tmp_path}\n")
        shell.type("show() { printf '<%s>' \"$@\"; echo; }\n")
        shell.type('sbatch() { show "$@"; }; squeue() { show "$@"; }; echo rea\'\'dy\n')
        shell.see("ready\r\n")
        shell.type("squeue --parti\tsh\t -n nee\t\n")
        shell.see("<--partition=short><-n><needle>")
        shell.type("sbatch --dependency=aftero\t47\t a\\ s\t\n")
        shell.see(f"<--dependency=afterok:{job}><a script.sh>")
        shell.type("sbatch -psh\t --output=a\t\n")
        shell.see("<-pshort><--output=a script.sh>")
        shell.type("squeue -p main,sh\t\n")
        shell.see("<-p><main,short>")
        shell.type("squeue -p \t")
        shell.see("up, default, nodes: 1")


def test_a_script_found_by_the_shell_itself_works_too(job, surroundings, tmp_path):
    # zsh 在 fpath 里找到的文件，头一次就是那个函数
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "_scns").write_text(script("zsh"))
    with terminal(["zsh", "-f", "-i"], surroundings) as shell:
        shell.type(f"fpath+=({tmp_path}/functions); autoload -Uz compinit; compinit -u -D\n")
        shell.type("squeue() { printf '<%s>' \"$@\"; echo; }; echo rea''dy\n")
        shell.see("ready\r\n")
        shell.type("squeue -p mai\t\n")
        shell.see("<-p><main>")
        shell.type(f"squeue -j {job // 10}\t\n")
        shell.see(f"<-j><{job}>")


def test_nothing_is_left_behind_by_a_tab(surroundings, tmp_path):
    path = write_script("bash", tmp_path)
    bash_reply(path, surroundings, "scancel ")
    marker = f"HOME={tmp_path}".encode()
    wait_until(lambda: not _running(marker), what="the door to have ended")


def _running(marker):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found
