"""历史的读者：从某一刻起的每一件事，一件不漏，一件不重。

序列号不足为凭：8 号可能比 7 号先看得见。这里记的是事务号：一次读到快照的 xmin 为止的都已定局，
下一次从那里再读，只认没有读过的。换了连接、数据库重新启动过，照样接得上。
"""

from __future__ import annotations

from scns.cli.own.record import Record
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: 从崩溃中恢复之后，没来得及写下的事务号会再用一遍，至多这么多：它们的 WAL 都还在缓冲区里，
#: 那里装不下更多。
RENUMBERED = 2000

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

_RECENT = "SELECT e.id, e.txid FROM scns.event_list e WHERE e.txid >= %s"

#: 最近一次检查点：恢复总以检查点结束，它没有变就没有崩溃过。
_CHECKPOINT = "SELECT checkpoint_lsn::text FROM pg_control_checkpoint()"


class Event(Record):
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

    def __init__(self, ids: list[int] | None = None, since: float | None = None) -> None:
        self._ids = ids
        self._since = since
        #: 读过的事与它的事务号；再也不会读到的不留。
        self._seen: dict[int, int] = {}
        self._cursor = 0
        self._connection: Any = None
        self._checkpoint: str | None = None

    def begin(self, connection: Any) -> None:
        """从此刻起；给了 `since` 的什么也不做。"""
        if self._since is None:
            [(self._cursor,)] = connect.call(connection, _EDGE)
            self._seen = dict(connect.call(connection, _RECENT, (self._cursor - RENUMBERED,)))

    def read(self, connection: Any) -> list[Event]:
        """上一次以来的事，按先后；半路断了可以再来一次。"""
        self._notice(connection)
        values = {"cursor": self._cursor, "since": self._since, "ids": self._ids}
        rows = connect.call(connection, _READ, values)
        fresh = [row for row in rows if row[1] is not None and row[1] not in self._seen]
        names = self._names(connection, {row[4] for row in fresh})
        self._cursor = rows[0][0]
        oldest = self._cursor - RENUMBERED
        kept = {id_: txid for id_, txid in self._seen.items() if txid >= oldest}
        self._seen = kept | {row[1]: row[2] for row in fresh if row[2] >= oldest}
        return [Event(*(row[3:] + names[row[4]])) for row in fresh if row[4] in names]

    def _notice(self, connection: Any) -> None:
        """换了连接：其间若崩溃过，从重新编号的地方再读起。"""
        if connection is self._connection:
            return
        [(checkpoint,)] = connect.call(connection, _CHECKPOINT)
        if self._checkpoint not in (None, checkpoint):
            self._cursor = max(self._cursor - RENUMBERED, 0)
        self._connection, self._checkpoint = connection, checkpoint

    @staticmethod
    def _names(connection: Any, ids: set[int]) -> dict[int, tuple[str, str, str]]:
        """作业的属主、名字、分区；已经清掉的不在其中。"""
        if not ids:
            return {}
        rows = connect.call(connection, _NAMES, (list(ids),))
        return {job_id: (owner, name, partition) for job_id, owner, name, partition in rows}
