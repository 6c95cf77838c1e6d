"""命令的集成测试共用：替 scnsd 答复请求，在进程内执行一个命令，造各种状态的作业。"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from scns.errors import ScnsError
from tests.conftest import Database

_GETEUID = os.geteuid

SCRIPT = b"#!/bin/sh\ntrue\n"


@dataclass
class Asked:
    """scnsd 收到的一个请求。"""

    verb: str
    target: Any
    argument: Any
    uid: int
    operator: bool


#: 请求到结果；None 表示全部做到。
Reply = Callable[[Asked], Any]


@dataclass
class Daemon:
    """替身收到的请求，依次。"""

    asked: list[Asked] = field(default_factory=list)

    @property
    def last(self) -> Asked:
        return self.asked[-1]


@contextmanager
def answering(database: Database, reply: Reply | None = None) -> Iterator[Daemon]:
    """一个只会照 `reply` 答复的 scnsd；持有租约，离开时停下。"""
    daemon = Daemon()
    stopped = threading.Event()
    connection = database.connect("scns")
    cursor = connection.cursor()
    cursor.execute(
        "INSERT INTO scns.lease (name, owner, epoch, until)"
        " VALUES ('scheduler', 'n1', 1, now() + interval '1 hour') ON CONFLICT DO NOTHING"
    )

    def work() -> None:
        while not stopped.wait(0.001):
            cursor.execute(
                "SELECT id, verb, target, argument, uid, operator FROM scns.request"
                " WHERE done_time IS NULL ORDER BY id"
            )
            for request_id, *values in cursor.fetchall():
                asked = Asked(*values)
                daemon.asked.append(asked)
                result = reply(asked) if reply else None
                if result is None:
                    result = [None] * max(len(asked.target), 1)
                cursor.execute(
                    "UPDATE scns.request SET done_time = now(), result = %s WHERE id = %s",
                    (json.dumps(result), request_id),
                )

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield daemon
    finally:
        stopped.set()
        thread.join()
        connection.close()


@dataclass
class Outcome:
    """一个命令说了什么。"""

    code: int
    out: str
    err: str


def become(patch: pytest.MonkeyPatch, user: str) -> None:
    """让命令以为自己是这个角色的操作系统用户：测试自己未必是 root。

    测试已经换过的 `os.geteuid` 不动。
    """
    if user == "u:root" and os.geteuid is _GETEUID and _GETEUID() != 0:
        for name in ("getuid", "geteuid"):
            patch.setattr(os, name, lambda: 0)


class Shell:
    """以某个用户的身份在进程内执行命令，像 `scns.__main__` 那样报告错误。

    没有数据库时只能执行用不到它的命令。
    """

    def __init__(self, database: Database | None, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.monkeypatch = monkeypatch

    def __call__(self, command: str, *words: str, user: str = "u:root", stdin: str = "") -> Outcome:
        module = importlib.import_module(f"scns.cli.slurm.{command}")
        raw, err = io.BytesIO(), io.StringIO()
        out = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", write_through=True)
        with self.monkeypatch.context() as patch:
            if self.database is not None:
                patch.setenv("SCNS_DSN", self.database.dsn(user))
                become(patch, user)
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            try:
                code = module.run(list(words))
            except ScnsError as error:
                code = error.exit_code
                err.write("".join(line + "\n" for line in error.lines(command)))
            out.flush()
        return Outcome(code, raw.getvalue().decode(errors="surrogateescape"), err.getvalue())


def submit(
    database: Database, user: str = "u:root", script: bytes | None = SCRIPT, **asked: Any
) -> int:
    """提交一个作业，返回作业号。"""
    request = {"name": "job.sh", "directory": "/tmp", "command": "/tmp/job.sh"} | asked
    connection = database.connect(user)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT scns.submit(%s, %s, %s)", (json.dumps(request), script, b"PATH=/bin")
        )
        (job_id,) = cursor.fetchone()
    connection.close()
    return int(job_id)


def start(cursor: Any, job_id: int, node: str = "n1", cpus: int = 1, memory: int = 64) -> None:
    """让作业在节点上运行起来，一小时前启动。"""
    cursor.execute(
        "UPDATE scns.job SET state = 'RUNNING', reason = 'None', attempt = attempt + 1,"
        " start_time = now() - interval '1 hour', eligible_time = submit_time,"
        " node_list = %s, batch_host = %s, nodes_alloc = 1, cpus_alloc = %s, memory_alloc = %s"
        " WHERE id = %s",
        (node, node, cpus, memory, job_id),
    )
    cursor.execute(
        "INSERT INTO scns.allocation (job_id, node, attempt, cpu_ids, cpus, memory)"
        " SELECT %s, %s, attempt, int4multirange(int4range(0, %s)), %s, %s"
        " FROM scns.job WHERE id = %s",
        (job_id, node, cpus, cpus, memory, job_id),
    )


def end(cursor: Any, job_id: int, state: str = "COMPLETED", **columns: Any) -> None:
    """让作业结束；`columns` 是另外要改的列。"""
    columns = {"exit_code": 0, "reason": "None"} | columns
    setting = "".join(f", {name} = %({name})s" for name in columns)
    cursor.execute("DELETE FROM scns.allocation WHERE job_id = %s", (job_id,))
    cursor.execute(
        f"UPDATE scns.job SET state = %(state)s, end_time = now(), eligible = false{setting}"
        " WHERE id = %(id)s",
        {"state": state, "id": job_id, **columns},
    )
