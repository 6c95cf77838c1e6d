"""`scontrol wait_job`：等到作业的节点可用。来源：scontrol(1)。"""

from __future__ import annotations

import time

from scns.cli.scontrol.session import Session

#: 两次查看之间等多久，秒；用尽之后一直用最后一个。
_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5)

_STATE = "SELECT q.state FROM scns.queue q WHERE q.id = %s"


def wait_job(session: Session, text: str) -> None:
    """作业启动后返回；它已经结束或不存在时退出码是 1。"""
    if not (text.isascii() and text.isdigit() and 0 < int(text[:18]) < 2**31):
        session.insist(f"Invalid job_id {text}")
        return
    round_ = 0
    while True:
        rows = session.rows(_STATE, (int(text),))
        state = rows[0][0] if rows else None
        if state != "PENDING":
            break
        time.sleep(_PAUSES[min(round_, len(_PAUSES) - 1)])
        round_ += 1
    if state in ("RUNNING", "SUSPENDED"):
        session.warn(f"scontrol: Nodes are ready for job {text}")
    elif state is None:
        session.insist(f"scontrol: Problem running job {text}")
    else:
        session.insist(f"scontrol: Job {text} no longer running")
