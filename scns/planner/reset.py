"""用量何时清零：slurm.conf(5) `PriorityUsageResetPeriod`。"""

from __future__ import annotations

import time


def period_start(period: str, now: float) -> float:
    """此刻所在的一段从何时开始，epoch 秒，按本机的时区。

    日从零点起，周从星期日起，月、季、年从头一天的零点起。

    参数：
        period：`DAILY`、`WEEKLY`、`MONTHLY`、`QUARTERLY` 或 `YEARLY`
        now：epoch 秒
    """
    here = time.localtime(now)
    year, month, day = here.tm_year, here.tm_mon, here.tm_mday
    match period:
        case "WEEKLY":
            # tm_wday 从星期一算起
            day -= (here.tm_wday + 1) % 7
        case "MONTHLY":
            day = 1
        case "QUARTERLY":
            month, day = month - (month - 1) % 3, 1
        case "YEARLY":
            month, day = 1, 1
    return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))
