"""`--test-only`：问 scnsd 的规划器，这样的作业会何时启动；什么也不提交。"""

from __future__ import annotations

import sys
import time

from scns.cli import control
from scns.db import connect
from scns.errors import ScnsError, Unavailable
from scns.times import format_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_CHECK = "SELECT scns.check_submission(%s::jsonb)::text"

_ASK = "SELECT scns.request('estimate', '[]', jsonb_build_object('submission', %s::jsonb))"

_ANSWER = """
SELECT r.done_time IS NOT NULL, (SELECT bool_or(c.alive) FROM scns.controller c),
       (r.result -> 0 ->> 'job'), (r.result -> 0 ->> 'start')::float8,
       (r.result -> 0 ->> 'cpus'), (r.result -> 0 ->> 'nodes'), (r.result -> 0 ->> 'partition'),
       (r.result -> 0 ->> 'reason')
  FROM scns.my_request r WHERE r.id = %s
"""

#: 这样的作业在现有配置上永远启动不了。
_NEVER = ("PartitionConfig", "PartitionNodeLimit", "BadConstraints")

#: 最多等多少秒。
_PATIENCE = 10.0


def report(command: str, connection: Any, built: Mapping[str, Any]) -> int:
    """打印估计的启动时刻，返回退出码。

    异常：
        ScnsError：这样的作业提交不了；句子不带前缀
        Unavailable：scnsd 不在
    """
    try:
        [(submission,)] = connect.call(connection, _CHECK, (control.encode(built),))
    except connect.Refused as refused:
        if refused.detail is not None:
            sys.stderr.write(f"{command}: error: {refused.detail}\n")
        raise ScnsError(f"allocation failure: {refused.message}", style="bare") from None
    [(request_id,)] = connect.call(connection, _ASK, (submission,))
    job, start, cpus, nodes, partition, reason = _wait(connection, request_id)
    if start is None and reason in _NEVER:
        raise ScnsError(
            "allocation failure: Requested node configuration is not available", style="bare"
        )
    if start is None:
        sys.stderr.write(
            f"{command}: Job {job} has no expected start in partition {partition} ({reason})\n"
        )
        return 0
    sys.stderr.write(
        f"{command}: Job {job} to start at {format_moment(int(start))} using {cpus} processors"
        f" on nodes {nodes} in partition {partition}\n"
    )
    return 0


def _wait(connection: Any, request_id: int) -> tuple[Any, ...]:
    deadline = time.monotonic() + _PATIENCE
    pause = 0.001
    while time.monotonic() < deadline:
        [(done, alive, *found)] = connect.call(connection, _ANSWER, (request_id,))
        if done:
            return tuple(found)
        if not alive:
            break
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    raise Unavailable("scnsd is not running, so there is nobody to estimate a start")
