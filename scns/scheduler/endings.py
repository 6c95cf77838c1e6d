"""把 stepd 报告的结束记进数据库。"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any

from scns.db import accounts, jobs, nodes
from scns.scheduler.outcome import Ending, decide, requeue_on_exit
from scns.states import Hold, JobState
from scns.times import format_moment

if TYPE_CHECKING:
    from scns.config import Config
    from scns.scheduler.link import Key, StepdLink

log = logging.getLogger(__name__)

#: 结局在作业输出里的说法。来源：slurmstepd 的报错。
_NOTICES = {
    "TIMEOUT": " DUE TO TIME LIMIT",
    "DEADLINE": " DUE TO TIME LIMIT",
    "REQUEUE": " DUE TO JOB REQUEUE",
    "NODE_FAIL": " DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS",
}


def notice(job_id: int, node: str, outcome: str | None, at: float) -> str:
    """作业被结束时写进它输出的一行，与 slurmstepd 逐字相同。"""
    cause = _NOTICES.get(outcome or "", "")
    moment = format_moment(int(at))
    return f"slurmstepd-{node}: error: *** JOB {job_id} ON {node} CANCELLED AT {moment}{cause} ***"


def drain_reason(report: dict[str, Any]) -> str | None:
    """stepd 的报告说明节点有毛病时，排空它的缘由；没有毛病为 None。

    来源：slurmd 的 Prolog 与 Epilog 失败时的表现。
    """
    if report["cause"] == "prolog":
        return "Prolog error"
    return "Epilog error" if report.get("epilog") == "failed" else None


def drain(cursor: Any, node: str, link: StepdLink) -> bool:
    """Prolog 或 Epilog 失败了就排空本节点，在记下结束之前；排空了返回 True。"""
    reasons = [drain_reason(report) for report in link.ended.values()]
    reason = next((one for one in reasons if one is not None), None)
    if reason is None:
        return False
    log.error("draining %s: %s", node, reason)
    cursor.execute(nodes.DRAIN, {"node": node, "reason": reason, "uid": os.geteuid()})
    return True


def record(
    cursor: Any, link: StepdLink, config: Config, half_life: float | None = None
) -> tuple[list[Key], list[int]]:
    """在一个事务里记下全部已报告的结束，连同用掉的 CPU 时间。

    参数：
        config：看其中以哪些退出码结束的重新排队
        half_life：用量的半衰期，秒；None 不衰减

    返回：
        可以向 stepd 确认的（作业号，第几次），以及状态变了的作业与数组号
    """
    reports = dict(link.ended)
    for key, error in link.refused.items():
        reports.setdefault(key, _refusal(error))
    cursor.execute(jobs.OUTCOMES, {"ids": [job_id for job_id, _ in reports]})
    facts = {(row[0], row[1]): row[2:] for row in cursor.fetchall()}
    decided: list[tuple[Key, dict[str, Any], Ending, str | None]] = []
    for key, report in reports.items():
        if key not in facts:
            continue  # 行里已是更新的一次：旧的报告改不了任何东西，确认即可
        outcome, requeue, hold = facts[key]
        if report.get("error"):
            log.warning("job %d attempt %d: %s", *key, report["error"])
        ending = decide(outcome, report["status"], report["cause"], requeue)
        if requeue and outcome is None and report["cause"] != "prolog":
            ending, held = requeue_on_exit(ending, config.requeue_exit, config.requeue_exit_hold)
            hold = Hold.REQUEUE.value if held else hold
        if outcome is None and report["cause"] == "prolog":
            hold = Hold.REQUEUE.value
        decided.append((key, report, ending, hold))
    touched = _write(cursor, decided, half_life) if decided else []
    link.refused.clear()
    return list(reports), touched


def _write(
    cursor: Any,
    decided: list[tuple[Key, dict[str, Any], Ending, str | None]],
    half_life: float | None,
) -> list[int]:
    cursor.execute("BEGIN")
    try:
        cursor.execute(jobs.RECORD_ENDED, _parameters(decided))
        changed = cursor.fetchall()
        ended = {job_id for job_id, _ in changed}
        cursor.execute(accounts.CHARGE, {"ids": sorted(ended), "half_life": half_life})
        again = [
            (key[0], hold, 0 if hold or ending.state == JobState.NODE_FAIL else jobs.REQUEUE_DELAY)
            for key, _, ending, hold in decided
            if ending.requeue and key[0] in ended
        ]
        if again:
            job_ids, holds, delays = (list(column) for column in zip(*again, strict=True))
            cursor.execute(
                jobs.REQUEUE_ENDED, {"job_ids": job_ids, "holds": holds, "delays": delays}
            )
        unprepared = [key[0] for key, report, _, _ in decided if report["cause"] == "prolog"]
        if unprepared:
            cursor.execute(jobs.LAUNCH_REQUEUED, {"ids": unprepared})
        cursor.execute("COMMIT")
    except BaseException:
        if not cursor.connection.closed:
            cursor.connection.rollback()
        raise
    requeued = {job_id for job_id, _, _ in again}
    touched = [job_id for job_id, _ in changed if job_id not in requeued]
    return touched + [array for job_id, array in changed if array and job_id not in requeued]


def _parameters(
    decided: list[tuple[Key, dict[str, Any], Ending, str | None]],
) -> dict[str, list[Any]]:
    endings = [ending for _, _, ending, _ in decided]
    reports = [report for _, report, _, _ in decided]
    return {
        "job_ids": [key[0] for key, _, _, _ in decided],
        "attempts": [key[1] for key, _, _, _ in decided],
        "states": [ending.state.value for ending in endings],
        "reasons": [ending.reason for ending in endings],
        "exit_codes": [ending.exit_code for ending in endings],
        "exit_signals": [ending.exit_signal for ending in endings],
        "times": [report["ended"] for report in reports],
        "step_states": [ending.step_state for ending in endings],
        "step_codes": [ending.step_code for ending in endings],
        "step_signals": [ending.step_signal for ending in endings],
        "users": [_milliseconds(report.get("user")) for report in reports],
        "systems": [_milliseconds(report.get("system")) for report in reports],
        "rss": [report.get("max_rss") for report in reports],
    }


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _refusal(error: str) -> dict[str, Any]:
    """stepd 拒绝启动：当作没能启动的一次结束。"""
    now = time.time()
    return {"status": None, "cause": "launch", "error": error, "started": now, "ended": now}


def lost(now: float) -> dict[str, Any]:
    """这一次随节点重启而去，没有人收到它的退出码。"""
    return {"status": None, "cause": "lost", "started": now, "ended": now}


def never_started(now: float) -> dict[str, Any]:
    """还没启动就已经有了结局。"""
    return {"status": None, "cause": "killed", "started": now, "ended": now}
