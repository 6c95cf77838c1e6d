"""等一个作业（或整个数组）结束，给出它的退出码；`sbatch --wait` 用。

来源：sbatch(1) `--wait`：退出码是作业的；死于信号或被取消是 1；数组是各元素里最大的。
"""

from __future__ import annotations

import select

from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: 通知可能丢：最多隔这么多毫秒自己看一眼。
_PATIENCE = 1000

_ENDED = """
SELECT bool_and(q.end_time IS NOT NULL),
       max(CASE WHEN q.state = 'COMPLETED' THEN 0
                WHEN q.exit_signal > 0 OR q.state = 'CANCELLED' THEN 1
                ELSE coalesce(nullif(q.exit_code, 0), 1) END)
  FROM scns.queue q WHERE q.id = %s OR q.array_job_id = %s
"""


def until_ended(connection: Any, job_id: int) -> int:
    """等到作业的每一行都结束，返回退出码。"""
    connect.call(connection, "LISTEN scns_end")
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    while True:
        [(ended, code)] = connect.call(connection, _ENDED, (job_id, job_id))
        if ended:
            return int(code)
        # 查询期间到的通知已在队列里，那就立刻再看
        if not connection.notifies:
            poller.poll(_PATIENCE)
            connect.poll(connection)
        connection.notifies.clear()
