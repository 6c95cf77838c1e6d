"""一个小世界：真数据库、真的一轮，假的 stepd，会流逝的时间；问 `scns why`、看预计准不准用。"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from scns.config import Config
from scns.db import lease
from scns.db.prepared import PreparedCursor
from scns.planner.snapshot import Policy
from scns.scheduler.loop import Scheduler
from scns.scheduler.reader import Reader
from tests.conftest import Database
from tests.integration.rounds import BOOT, FakeStepd

#: 时间流逝时要一起往回挪的列。
_MOMENTS = (
    "begin_time submit_time eligible_time start_time end_time limit_time kill_time expected_start"
    " suspend_time start_by warn_time mail_time"
).split()

_NEXT = """
SELECT extract(epoch FROM least(
    (SELECT min(limit_time) FROM scns.job WHERE state = 'RUNNING'),
    (SELECT min(begin_time) FROM scns.job WHERE state = 'PENDING' AND NOT eligible
        AND hold IS NULL AND dependency = 'MET')) - now())::float8
"""


class World:
    """节点 n1（8 个 CPU、8000 MiB）上的 scnsd；作业只在时限到时或测试要求时结束。"""

    def __init__(self, database: Database, cursor: Any, licenses: dict[str, int] | None = None):
        self.database = database
        self.cursor = cursor.connection.cursor(cursor_factory=PreparedCursor)
        self.stepd = FakeStepd()
        #: 已经流逝的虚拟秒数。
        self.passed = 0.0
        cursor.execute("UPDATE scns.node SET stepd = true, boot_id = %s", (BOOT,))
        owned = ",".join(f"{name}:{count}" for name, count in (licenses or {}).items())
        cursor.execute("INSERT INTO scns.setting VALUES ('Licenses', %s)", (owned,))
        self.scheduler = Scheduler(
            node="n1",
            cursor=self.cursor,
            link=self.stepd,
            config=Config(nodes=(), partitions=()),
            conf_path=None,
            reload=lambda: None,  # type: ignore[arg-type,return-value]
            reader=Reader(Policy(), licenses or {}),
            next_slow=time.time() + 3600,
        )
        self.scheduler.epoch = lease.acquire(cursor, "n1")

    def submit(self, user: str = "u:root", **asked: Any) -> int:
        """提交一个作业，返回作业号；属主都是本机的 root，因此启动得了。"""
        request = {"name": "job.sh", "directory": "/tmp"} | asked
        connection = self.database.connect(user)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT scns.submit(%s, %s, %s)", (json.dumps(request), b"#!/bin/sh\n", b"A=1")
            )
            (job_id,) = cursor.fetchone()
        connection.close()
        return int(job_id)

    def ask(self, verb: str, *targets: Any, user: str = "u:root", **argument: Any) -> list[Any]:
        """请求一件事，走一轮，返回结果。"""
        connection = self.database.connect(user)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT scns.request(%s, %s, %s)", (verb, json.dumps(targets), json.dumps(argument))
            )
            (request_id,) = cursor.fetchone()
        connection.close()
        self.run()
        self.cursor.execute("SELECT result FROM scns.request WHERE id = %s", (request_id,))
        (result,) = self.cursor.fetchone()
        return list(result)

    def why(self, job_id: int, tasks: str | None = None, user: str = "u:root") -> dict[str, Any]:
        """`scns why` 的事实。"""
        target = {"job": job_id} | ({"tasks": tasks} if tasks else {})
        [facts] = self.ask("why", target, user=user)
        return dict(facts)

    def run(self) -> None:
        """走一轮；要求结束的作业随即结束。"""
        self.scheduler.run_once(time.time())
        for message in self.stepd.of("kill"):
            self.stepd.sent.remove(message)
            self.stepd.end(message["job"], message["attempt"], status=15, cause="killed")
        if self.stepd.ended:
            self.scheduler.run_once(time.time())

    def end(self, job_id: int) -> None:
        """作业自己成功结束。"""
        self.stepd.end(job_id)
        self.run()

    def value(self, job_id: int, column: str) -> Any:
        """队列里一个作业的一列。"""
        self.cursor.execute(f"SELECT {column} FROM scns.queue WHERE id = %s", (job_id,))
        return self.cursor.fetchone()[0]

    def count(self, where: str) -> int:
        """队列里这样的行有几个。"""
        self.cursor.execute(f"SELECT count(*) FROM scns.queue WHERE {where}")
        return int(self.cursor.fetchone()[0])

    def pass_time(self, seconds: float) -> None:
        """让这么多秒过去：一切时刻都往回挪。"""
        moved = ", ".join(f"{name} = {name} - %(by)s" for name in _MOMENTS)
        values = {"by": f"{seconds} seconds", "seconds": seconds}
        history = (
            "time = time - %(by)s, detail = detail || jsonb_strip_nulls(jsonb_build_object("
            "'expected', (detail ->> 'expected')::float8 - %(seconds)s))"
        )
        for table, columns in (("job", moved), ("event", history)):
            text = columns.replace("%(by)s", "%(by)s::interval")
            self.cursor.execute(f"UPDATE scns.{table} SET {text}", values)
        self.passed += seconds
        self.run()

    def until(self, condition: Callable[[], bool], most: int = 50) -> None:
        """让时间一件事一件事地过去，直到条件成立。"""
        self.run()
        for _ in range(most):
            if condition():
                return
            self.cursor.execute(_NEXT)
            (seconds,) = self.cursor.fetchone()
            assert seconds is not None, "nothing more will happen"
            self.pass_time(max(seconds, 0.0) + 0.001)
        raise AssertionError("it did not happen")

    def started_after(self, job_id: int) -> float:
        """等到作业（数组的头一个元素）启动，返回从现在起过了多少虚拟秒。"""
        before = self.passed
        self.until(lambda: self.value(job_id, "start_time IS NOT NULL"))
        return self.passed - before
