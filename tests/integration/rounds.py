"""一轮的测试共用：假的 stepd，真的调度器，提交与请求的便捷函数。"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from scns.config import Config
from scns.db import lease
from scns.db.prepared import PreparedCursor
from scns.planner.snapshot import Policy
from scns.scheduler.link import StepdLink
from scns.scheduler.loop import Scheduler
from scns.scheduler.reader import Reader
from tests.conftest import Database

BOOT = "boot-1"


class FakeStepd(StepdLink):
    """收下 scnsd 的每一条消息，由测试决定作业怎样结束。"""

    def __init__(self) -> None:
        super().__init__(run_dir="/nonexistent")
        self.sent: list[dict[str, Any]] = []
        self.client = object()  # type: ignore[assignment]
        self.boot_id = BOOT

    def connect(self) -> bool:
        return True

    def receive(self) -> None:
        return None

    def _send(self, messages: list[dict[str, Any]]) -> None:
        self.sent += messages
        for message in messages:
            if message["op"] == "start":
                self._take({"op": "started", "job": message["job"], "attempt": message["attempt"]})

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.sent if message["op"] == kind]

    def end(self, job: int, attempt: int = 1, status: int = 0, cause: str | None = None) -> None:
        now = time.time()
        self._take(
            {
                "op": "ended",
                "job": job,
                "attempt": attempt,
                "status": status,
                "cause": cause,
                "started": now,
                "ended": now,
                "user": 0.5,
                "system": 0.25,
                "max_rss": 2048,
            }
        )


@pytest.fixture
def stepd() -> FakeStepd:
    return FakeStepd()


@pytest.fixture
def scheduler(cursor, site, stepd) -> Scheduler:
    cursor.execute("UPDATE scns.node SET stepd = true, boot_id = %s", (BOOT,))
    made = Scheduler(
        node="n1",
        cursor=cursor.connection.cursor(cursor_factory=PreparedCursor),
        link=stepd,
        config=Config(nodes=(), partitions=()),
        conf_path=None,
        reload=lambda: None,  # type: ignore[arg-type,return-value]
        reader=Reader(Policy()),
        next_slow=time.time() + 3600,
    )
    made.epoch = lease.acquire(cursor, "n1")
    return made


@pytest.fixture
def submit(database: Database):
    """提交一个作业，返回作业号；测试只写要紧的。"""
    connection = database.connect("u:root")

    def one(**request: Any) -> int:
        request = {"name": "job.sh", "directory": "/tmp"} | request
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT scns.submit(%s, %s, %s)",
                (json.dumps(request), b"#!/bin/sh\ntrue\n", b"PATH=/bin"),
            )
            (job_id,) = cursor.fetchone()
        return int(job_id)

    yield one
    connection.close()


@pytest.fixture
def ask(database: Database):
    """以某个用户的名义请求，返回请求号。"""

    def one(verb: str, *targets: dict[str, Any], user: str = "u:root", **argument: Any) -> int:
        connection = database.connect(user)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT scns.request(%s, %s, %s)", (verb, json.dumps(targets), json.dumps(argument))
            )
            (request_id,) = cursor.fetchone()
        connection.close()
        return int(request_id)

    return one


def rows(cursor: Any, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    cursor.execute(f"SELECT {columns} FROM scns.queue WHERE {where} ORDER BY id")
    return list(cursor.fetchall())


def node(cursor: Any) -> tuple[Any, ...]:
    cursor.execute("SELECT cpus_alloc, memory_alloc, idle_cpus::text FROM scns.node")
    return tuple(cursor.fetchone())


def result(cursor: Any, request_id: int) -> Any:
    cursor.execute("SELECT result FROM scns.request WHERE id = %s", (request_id,))
    return cursor.fetchone()[0]


def run(scheduler: Scheduler) -> None:
    scheduler.run_once(time.time())
