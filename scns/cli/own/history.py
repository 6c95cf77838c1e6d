"""历史的读者：从某一刻起的每一件事，一件不漏，一件不重。

序列号不足为凭：8 号可能比 7 号先看得见。这里记的是事务号：一次读到快照的 xmin 为止的都已定局，
下一次从那里再读，只认没有读过的。
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scns.db import connect

#: 从游标起看得见的事，连同这一次快照的 xmin；没有事时也有一行。
_READ = """
WITH edge AS MATERIALIZED (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin)
SELECT edge.xmin, e.id, e.txid, extract(epoch FROM e.time)::float8, e.job_id, e.kind, e.before,
       e.after, e.reason, e.nodes, e.exit_code, e.exit_signal, e.array_job_id, e.array_task_id,
       e.tasks::text, extract(epoch FROM e.expected_start)::float8
  FROM edge
  LEFT JOIN scns.event_list e
    ON (%(cursor)s = 0 OR e.txid >= %(cursor)s)
   AND (%(since)s::float8 IS NULL OR e.time >= to_timestamp(%(since)s))
   AND (%(ids)s::bigint[] IS NULL OR e.job_id = ANY (%(ids)s) OR e.array_job_id = ANY (%(ids)s))
 ORDER BY e.id
"""

#: 分开问：连在一起时，规划器会为几件事扫过整张作业表。
_NAMES = "SELECT q.id, q.owner, q.name, q.partition FROM scns.queue q WHERE q.id = ANY (%s)"

_EDGE = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


@dataclass(frozen=True, slots=True)
class Event:
    """一件事，见 `scns.event_list`。

    参数：
        time、expected：epoch 秒
        kind：`state` 状态改变，`cancel` 数组里的一部分取消，`estimate` 预计的启动时刻变了
        before：None 是新提交的
        tasks：取消的是哪些序号
    """

    time: float
    job_id: int
    kind: str
    before: str | None
    after: str | None
    reason: str | None
    nodes: str | None
    exit_code: int | None
    exit_signal: int | None
    array_job_id: int | None
    array_task_id: int | None
    tasks: str | None
    expected: float | None
    owner: str
    name: str
    partition: str


class History:
    """历史的一个读者。

    参数：
        ids：只要这些作业与数组的；None 是全部
        since：epoch 秒，从那时起的都要；None 是从此刻起
    """

    def __init__(
        self, connection: Any, ids: list[int] | None = None, since: float | None = None
    ) -> None:
        self._connection = connection
        self._ids = ids
        self._since = since
        self._seen: set[int] = set()
        self._cursor = 0
        if since is None:
            [(self._cursor,)] = connect.call(connection, _EDGE)
            self.read()

    def read(self) -> list[Event]:
        """上一次以来的事，按先后。"""
        values = {"cursor": self._cursor, "since": self._since, "ids": self._ids}
        rows = connect.call(self._connection, _READ, values)
        self._cursor = rows[0][0]
        found = [row for row in rows if row[1] is not None]
        fresh = [row for row in found if row[1] not in self._seen]
        # 定局了的不会再读到，不必记着
        self._seen = {row[1] for row in found if row[2] >= self._cursor}
        names = self._names({row[4] for row in fresh})
        return [Event(*(row[3:] + names[row[4]])) for row in fresh if row[4] in names]

    def _names(self, ids: set[int]) -> dict[int, tuple[str, str, str]]:
        """作业的属主、名字、分区；已经清掉的不在其中。"""
        if not ids:
            return {}
        rows = connect.call(self._connection, _NAMES, (list(ids),))
        return {job_id: (owner, name, partition) for job_id, owner, name, partition in rows}
