"""`scns tail`：跟着作业的输出文件；没启动就等着，结束了就结束，退出码是作业的。"""

from __future__ import annotations

import os
import sys
import time

from scns import arrays, filenames
from scns.cli.bell import Bell
from scns.cli.own.follower import Follower
from scns.cli.own.record import Record
from scns.cli.own.wait import tasks_of
from scns.cli.slurm.wait import ended
from scns.db import connect
from scns.errors import RequestRefused, ScnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: 在跑的作业，隔这么多秒看一眼文件；铃不响也隔这么多秒看一眼它结束没有。
INTERVAL, PATIENCE = 0.1, 60.0

_JOB = """
SELECT q.id, q.array_job_id, q.array_task_id, q.waiting IS NOT NULL, q.state, q.reason, q.owner,
       q.name, coalesce(q.batch_host, ''), q.batch, q.directory, q.standard_output,
       q.standard_error
  FROM scns.queue q
 WHERE (q.id = %(job)s OR q.array_job_id = %(job)s)
   AND (%(tasks)s::int4multirange IS NULL OR q.array_task_id <@ %(tasks)s::int4multirange
        OR q.waiting && %(tasks)s::int4multirange)
 ORDER BY q.waiting IS NOT NULL, q.id
 LIMIT 2
"""


class Job(Record):
    """作业此刻怎样，输出在哪里；列同 `_JOB`。"""

    job_id: int
    array_job_id: int | None
    array_task_id: int | None
    is_array: bool
    state: str
    reason: str
    owner: str
    name: str
    host: str
    batch: bool
    directory: str
    output: str | None
    error: str | None

    def path(self, *, error: bool) -> str:
        """输出文件；`error` 时是 stderr 的。

        异常：
            ScnsError：不是批处理作业，输出不在文件里
        """
        if not self.batch:
            raise ScnsError(f"job {self.job_id} is not a batch job, its output is not in a file")
        pattern = self.output or filenames.default_output(self.array_job_id is not None)
        if error:
            pattern = self.error or pattern
        facts = filenames.Facts(
            job_id=self.job_id,
            name=self.name,
            user=self.owner,
            array_job_id=self.array_job_id,
            array_task_id=self.array_task_id,
            node=self.host,
        )
        return os.path.join(self.directory, filenames.expand(pattern, facts))


def tail(job: str, *, lines: int, error: bool) -> int:
    """把输出写到 stdout，直到作业结束，返回它的退出码。

    参数：
        lines：从最后这么多行开始；-1 是全部
        error：跟 stderr
    """
    ref = arrays.parse_job_ref(job)
    connection = connect.connect()
    found = _find(connection, ref)
    if found.state == "PENDING":
        # 从等着的时候跟起的，什么都没有错过
        lines = -1
    bell = Bell(connection, (ref.job_id, found.job_id), command="scns tail")
    found = _until_started(bell, ref)
    if found.state == "PENDING" or (found.state == "CANCELLED" and not found.host):
        return 1
    follower = Follower(found.path(error=error), lines)
    while True:
        # 先看状态再读：结束之前写下的都读得到
        code = bell.look(ended, found.job_id)
        _write(follower)
        if code is not None:
            return code
        deadline = time.monotonic() + PATIENCE
        while not bell.wait(INTERVAL) and time.monotonic() < deadline:
            _write(follower)


def _find(connection: Any, ref: arrays.JobRef) -> Job:
    """指名的那一个作业。

    异常：
        RequestRefused：没有这个作业，或指的不止一个
    """
    rows = connect.call(connection, _JOB, {"job": ref.job_id, "tasks": tasks_of(ref)})
    if not rows:
        raise RequestRefused("Invalid job id specified")
    found = Job(*rows[0])
    several = ref.ranges is not None and arrays.count(ref.ranges) > 1
    if several or (ref.ranges is None and (len(rows) > 1 or found.is_array)):
        raise RequestRefused(
            f"job {ref.job_id} is an array; name one element, for example {ref.job_id}_"
            f"{found.array_task_id or 0}"
        )
    return found


def _until_started(bell: Bell, ref: arrays.JobRef) -> Job:
    """等到作业启动；被取消了也不再等。"""
    told = None
    while (found := bell.look(_find, ref)).state == "PENDING":
        if sys.stderr.isatty() and told != found.reason:
            told = found.reason
            sys.stderr.write(f"scns tail: job {ref.job_id} waits ({told}); see 'scns why'\n")
        bell.wait()
    return found


def _write(follower: Follower) -> None:
    """写出新到的。"""
    for block in follower.read():
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
