"""等一个作业（或整个数组）结束，给出它的退出码；`sbatch --wait` 与 `scns wait` 用。

来源：sbatch(1) `--wait`：退出码是作业的；死于信号或被取消是 1；数组是各元素里最大的。
"""

from __future__ import annotations

from scns.cli.bell import Bell
from scns.db import connect
from scns.errors import RequestRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ENDED = """
SELECT bool_and(q.end_time IS NOT NULL),
       max(CASE WHEN q.state = 'COMPLETED' THEN 0
                WHEN q.exit_signal > 0 OR q.state = 'CANCELLED' THEN 1
                ELSE coalesce(nullif(q.exit_code, 0), 1) END)
  FROM scns.queue q
 WHERE (q.id = %(job)s OR q.array_job_id = %(job)s)
   AND (%(tasks)s::int4multirange IS NULL OR q.array_task_id <@ %(tasks)s::int4multirange
        OR q.waiting && %(tasks)s::int4multirange)
"""


def until_ended(connection: Any, job_id: int) -> int:
    """等到作业的每一行都结束，返回退出码。

    参数：
        connection：交给这里用了，等的时候会还掉
    """
    bell = Bell(connection, (job_id,), command="sbatch")
    while (code := bell.look(ended, job_id)) is None:
        bell.wait()
    return code


def ended(connection: Any, job_id: int, tasks: str | None = None) -> int | None:
    """每一行都结束了的退出码；还有没结束的为 None。

    参数：
        tasks：只看数组里的这些序号，int4multirange 的写法；None 是全部
    异常：
        RequestRefused：没有这个作业
    """
    [(over, code)] = connect.call(connection, _ENDED, {"job": job_id, "tasks": tasks})
    if over is None:
        raise RequestRefused("Invalid job id specified")
    return int(code) if over else None
