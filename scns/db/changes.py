"""变化的收取：自上次以来，与排计划有关的哪些行变了。

每张排计划要读的表都有触发器（`functions.sql` 的“变化”一节），改动与记号在同一个事务里，因此：
- 不漏：看得见改动，就看得见记号；提交得晚的，记号也到那时才看得见，留给下一次收取。
- 先收后读：收取之后才读行，读到的不比记号旧；其间又变了的，又有新的记号。
- 只有租约的持有者收得走，一条语句里核对：被取代的收走的，都提交在易主之前，而新的持有者在易主之后
  全部读一遍。
- 记号不落盘，服务器崩溃后是空的；那时连接必然断了，重连之后也全部读一遍。
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: 一次至多点名这么多处变化；更多时不如全部重读。
MANY = 2_000

#: 收走全部记号；多于 `limit` 处的不再一一列出，但照样收走。租约不在手里就什么也不收。
TAKE = """
WITH held AS (
    SELECT FROM scns.lease
     WHERE name = 'scheduler' AND owner = %(owner)s AND epoch = %(epoch)s
), taken AS (
    DELETE FROM scns.change WHERE EXISTS (SELECT FROM held) RETURNING job_id, node
)
SELECT DISTINCT job_id, node FROM taken LIMIT %(limit)s
"""


@dataclass(slots=True)
class Changes:
    """变了的作业与节点；`everything` 为真时不止这些，全部重读。"""

    jobs: set[int]
    nodes: set[str]
    everything: bool

    def __bool__(self) -> bool:
        return self.everything or bool(self.jobs or self.nodes)


def take(cursor: Any, owner: str, epoch: int) -> Changes:
    """收走变化；之后必须把点到的行都重读，读不成就下次全部重读。"""
    cursor.execute(TAKE, {"owner": owner, "epoch": epoch, "limit": MANY + 1})
    rows = cursor.fetchall()
    return Changes(
        {job_id for job_id, _ in rows if job_id is not None},
        {node for _, node in rows if node is not None},
        len(rows) > MANY or (None, None) in rows,
    )
