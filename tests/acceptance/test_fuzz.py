"""两千条随机的命令行与脚本：从不回溯，从不写下半个作业，从不挂住。

由语法生成，种子固定：选项取自各命令的选项表，值取自合法与不合法的池子。每条在 fork 出的
子进程里执行，与真的命令走同一个入口 `run_command`。
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from importlib import import_module
from typing import Any

import pytest

from scns.__main__ import run_command
from scns.cli.options import ALIAS, FLAG, OPTIONAL, STOP
from tests.acceptance.conftest import Instance

COUNT = 2000
SEED = 20261124

#: 一条命令最多跑多少秒。
PATIENCE = 20

COMMANDS = ("sbatch", "squeue", "scancel", "sinfo", "sacct", "scontrol")

#: 会等下去、会停掉服务的不试；它们各有自己的测试。
LEFT_OUT = {"wait", "watch", "iterate", "interactive", "export-file"}

VALUES = (
    "", "0", "1", "-1", "2", "9999999999999999999", "1.5", "abc", "1-2", "2-1", "1,2", "a,b",
    "1:30", "1-0", "1h", "UNLIMITED", "now", "now+1hour", "tomorrow", "never", "2026-11-24",
    "100", "1G", "2T", "10X", "main", "short", "nosuch", "main,short", "%j", "%A_%a", "%",
    "%.18i %.9P", "%all", "jobid:30,name:.5", "%5", "PD", "all", "R,CG", "bogus", "root",
    "nobody", "afterok:1", "afterany:1:2,after:3+5", "singleton", "afterok", "1-5", "0-99:3%4",
    "1--2", "5-", "USR1@30", "B:TERM", "@", "ALL", "NONE", "A=1,B", "gpu:1", "a&b|c", "[",
    "node[1-3]", "node[1-", "x" * 300, "é", "\x01", "'", '"', "\\", "a b", "-", "--", "=", "@",
    "KILL", "SIGTERM", "99", "RUNNING", "append", "yes", "no", "user", "begin,end", "cpus",
)  # fmt: skip

OPERANDS = (
    "1", "2", "1_2", "1_[1-3]", "1.0", "1.batch", "99999999", "abc", "", "1,2", "_", "1_",
    "jobname=x", "show", "job", "node", "partition", "config", "hold", "release", "update",
    "jobid=1", "timelimit=5", "name=y", "priority=3", "requeue", "suspend", "resume", "top",
    "nodename=nosuch", "state=resume", "hostnames", "n[1-3]", "write", "batch_script", "-",
    "ping", "version", "wait_job", "bogus", "licenses", "step", "listpids", "oneliner=1",
)  # fmt: skip

LINES = (
    "#SBATCH -n 2", "#SBATCH --time=1:00", "#SBATCH -J 'a b'", "#SBATCH --bogus", "#SBATCH x",
    "#SBATCH -o \"open", "#SBATCH", "##SBATCH -n 9", "#SBATCH --array=1-3%2", "echo hi",
    "#SBATCH --mem=1G --mem-per-cpu=1", "#SBATCH -d afterok:1", "", "#PBS -N pbs", "#PBS -l x",
    "#SBATCH -t", "#SBATCH --export=NONE # comment", "\x00", "\r", "é", "#SBATCH hetjob",
)  # fmt: skip

SHEBANGS = ("#!/bin/sh", "#!/bin/bash -l", "#! /usr/bin/env python3", "echo no shebang", "")


def command_line(dice: random.Random) -> tuple[str, list[str]]:
    """一条随机的命令。"""
    command = dice.choice(COMMANDS)
    table = import_module(f"scns.cli.tables.{command}").TABLE
    words: list[str] = ["--hold"] if command == "sbatch" else []
    for _ in range(dice.choice((0, 1, 1, 2, 2, 3, 5))):
        words += option(dice, table)
    if command == "sbatch":
        if dice.random() < 0.9:
            words.append("script.sh")
    elif command == "scontrol" or dice.random() < 0.5:
        words += [dice.choice(OPERANDS) for _ in range(dice.randrange(1, 5))]
    if dice.random() < 0.1:
        dice.shuffle(words)
    return command, words


def option(dice: random.Random, table) -> list[str]:
    """一个选项的某种写法，偶尔写坏。"""
    row = dice.choice([row for row in table.rows if row[0] not in LEFT_OUT])
    name, letter, kind = row[0], row[1], row[2]
    if kind == ALIAS:
        kind = table.names[name][2]
    value = dice.choice(VALUES)
    if dice.random() < 0.1:
        name = name[: dice.randrange(len(name) + 1)]
    if letter and dice.random() < 0.4:
        if kind in (FLAG, STOP):
            return [f"-{letter}"]
        return (
            [f"-{letter}{value}"]
            if kind == OPTIONAL or dice.random() < 0.5
            else [f"-{letter}", value]
        )
    if kind in (FLAG, STOP):
        return [f"--{name}"] if dice.random() < 0.9 else [f"--{name}={value}"]
    return (
        [f"--{name}={value}"] if kind == OPTIONAL or dice.random() < 0.6 else [f"--{name}", value]
    )


def script(dice: random.Random) -> bytes:
    lines = [dice.choice(SHEBANGS)] + [dice.choice(LINES) for _ in range(dice.randrange(6))]
    if dice.random() < 0.6:
        lines = ["#!/bin/sh", "#SBATCH -n 1", "true"]
    return "\n".join(lines).encode() + b"\n"


def execute(command: str, words: list[str], work: str, errors: str) -> int:
    """在子进程里执行，返回它的等待状态；超过 `PATIENCE` 秒被闹钟结束。"""
    child = os.fork()
    if child == 0:
        os.chdir(work)
        null = os.open(os.devnull, os.O_RDONLY)
        out = os.open(os.path.join(work, "out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        err = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for target, source in enumerate((null, out, err)):
            os.dup2(source, target)
        import sys

        sys.stdout = open(1, "w", closefd=False, errors="surrogateescape")
        sys.stderr = open(2, "w", closefd=False, errors="surrogateescape")
        sys.stdin = open(0, closefd=False)
        signal.alarm(PATIENCE)
        try:
            code = run_command(command, words)
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 99
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code & 0xFF)
    return os.waitpid(child, 0)[1]


def submissions(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM scns.submission")
        return int(cursor.fetchone()[0])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_random_command_lines_never_break_anything(own_instance: Instance, monkeypatch):
    monkeypatch.setenv("SCNS_HOME", str(own_instance.home))
    for name in list(os.environ):
        if name.startswith(("SBATCH_", "SLURM_", "SQUEUE_", "SACCT_", "SINFO_")):
            monkeypatch.delenv(name)
    own_instance.ok("sbatch", "--hold", "-a", "1-9", own_instance.script("true"))
    own_instance.ok("sbatch", "--wait", "-o", "/dev/null", own_instance.script("true"))
    counter = own_instance.connect()
    dice = random.Random(SEED)
    work, errors = str(own_instance.work), str(own_instance.work / "err")
    seen: Counter[str] = Counter()
    slowest = 0.0
    for number in range(COUNT):
        command, words = command_line(dice)
        if words and words[0] in ("shutdown", "reconfigure"):
            continue
        (own_instance.work / "script.sh").write_bytes(script(dice))
        before = submissions(counter) if command == "sbatch" else 0
        started = time.monotonic()
        status = execute(command, words, work, errors)
        slowest = max(slowest, time.monotonic() - started)
        said = (own_instance.work / "err").read_text(errors="replace")
        context = (number, command, words, said)
        assert os.WIFEXITED(status), context
        assert "Traceback" not in said, context
        assert "database error" not in said, context
        if os.WEXITSTATUS(status):
            seen[f"{command} refused"] += 1
        else:
            seen[command] += 1
        if command == "sbatch":
            after = submissions(counter)
            accepted = os.WEXITSTATUS(status) == 0
            assert after - before <= int(accepted), context
    counter.close()
    print(dict(seen), f"slowest {slowest:.2f} s")
    assert seen["sbatch"] > 50
    assert seen["sbatch refused"] > 50
    halves = own_instance.sql(
        "SELECT s.id FROM scns.submission s LEFT JOIN scns.job j ON j.submission_id = s.id"
        " WHERE j.id IS NULL OR s.script_hash IS NULL"
    )
    assert halves == []
    own_instance.ok("sbatch", "--wait", "-o", "/dev/null", own_instance.script("true"))
