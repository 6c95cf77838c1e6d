"""把 stepd 报告的作业步记进数据库。"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scns.db import steps
from scns.scheduler.outcome import exit_of

if TYPE_CHECKING:
    from scns.scheduler.link import StepKey


def record(cursor: Any, node: str, reports: dict[StepKey, dict[str, Any]]) -> list[dict[str, Any]]:
    """在一条语句里记下全部报告，返回记下了的。

    参数：
        reports：`step_started` 与 `step_ended` 消息
    """
    found = [(report, *conclude(report)) for report in reports.values()]
    columns = {
        "node": node,
        "job_ids": [report["job"] for report, *_ in found],
        "attempts": [report["attempt"] for report, *_ in found],
        "step_ids": [report["step"] for report, *_ in found],
        # 名字来自用户，可以是任何字节；库里只有 UTF-8
        "names": [
            report["name"].encode("utf-8", "replace").decode() or "step" for report, *_ in found
        ],
        "states": [state for _, state, _, _ in found],
        "tasks": [report["tasks"] for report, *_ in found],
        "cpus": [report["cpus"] for report, *_ in found],
        "started": [report["started"] for report, *_ in found],
        "ended": [report.get("ended") for report, *_ in found],
        "exit_codes": [code for _, _, code, _ in found],
        "exit_signals": [number for _, _, _, number in found],
        "users": [_milliseconds(report.get("user")) for report, *_ in found],
        "systems": [_milliseconds(report.get("system")) for report, *_ in found],
        "rss": [report.get("max_rss") for report, *_ in found],
    }
    cursor.execute(steps.RECORD, columns)
    return [report for report, *_ in found]


def conclude(report: dict[str, Any]) -> tuple[str, int | None, int | None]:
    """一步的（状态，退出码，信号）；还在跑的后两者是 None。

    来源：Slurm 22.05 的表现：死于信号的步是 CANCELLED。
    """
    if report["op"] == "step_started":
        return "RUNNING", None, None
    code, number = exit_of(report["status"])
    if number or (report["killed"] and not code):
        return "CANCELLED", code, number
    return ("FAILED" if code else "COMPLETED"), code, 0


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
