"""真的系统上：一串要一个 CPU 的作业不断来，一个要全部 64 个 CPU 的作业何时启动，比许诺的早还是晚。

来的作业时限都是一分钟，真的只用几秒；大作业之后来的，每四个里有一个只要几秒的时限，回填的策略可以
让它先走。节点自称有 64 个 CPU，作业只是睡着，所以哪台机器都能量。各策略各起一个临时的实例，
量完就拆掉。

首次适应（`sched/firstfit`）不许诺时刻，保证的是年龄的界：等够 `AGE_BOUND` 秒，在跑的最迟各到时限，
因此它那一行的许诺是界加小作业的时限。

列：大作业等了多久、头一次许诺它等多久、比头一次许诺晚多久（负数是早）、比最紧的许诺晚多久、
等待期间来了几个小作业、其中几个先启动、它们平均等了多久。时间都是秒。

用法：
    python -m benchmarks.live_policies [SECONDS_OF_A_SMALL_JOB [POLICY...]]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scns.db import connect

CPUS = 64

#: 小作业的时限，秒；`sbatch -t 1`。
LIMIT = 60

#: 每四个小作业里的一个：时限与真的运行多久，秒。
SHORT_LIMIT, SHORT_RUN = 4, 3

#: 首次适应替队首守住节点以前等的秒数；默认是一小时，这里小，为了量得完。
AGE_BOUND = 20

#: 大作业至多等这么多秒。
PATIENCE = 180.0

#: 名字到 `SchedulerType=` 之后的配置。
POLICIES = {
    "sched/builtin": "sched/builtin",
    "sched/backfill": "sched/backfill",
    "bf_conservative": "sched/backfill\nSchedulerParameters=bf_conservative",
    "sched/firstfit": f"sched/firstfit\nSchedulerParameters=age_bound={AGE_BOUND}",
}

CONF = """ClusterName=live
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=8000
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
DefMemPerCPU=10
SchedulerType={policy}
"""

_JOB = """
SELECT extract(epoch FROM q.submit_time)::float8, extract(epoch FROM q.start_time)::float8
  FROM scns.queue q WHERE q.id = %s
"""

_PROMISES = """
SELECT extract(epoch FROM e.expected_start)::float8 FROM scns.event_list e
 WHERE e.job_id = %s AND e.kind = 'estimate' AND e.expected_start IS NOT NULL ORDER BY e.id
"""

#: 大作业等待期间来的小作业：几个，其中几个先启动了，平均等了多久。
_SMALL = """
SELECT count(*), count(*) FILTER (WHERE q.start_time < to_timestamp(%(start)s)),
       avg(extract(epoch FROM coalesce(q.start_time, now()) - q.submit_time))::float8
  FROM scns.queue q
 WHERE q.id <> %(big)s AND q.submit_time >= to_timestamp(%(submit)s)
   AND q.submit_time <= to_timestamp(%(start)s)
"""


def submit(
    connection: Any,
    name: str,
    tasks: int,
    script: str,
    limit: int = LIMIT,
    account: str | None = None,
) -> int:
    """提交一个作业，返回作业号。"""
    request: dict[str, object] = {
        "name": name,
        "directory": "/tmp",
        "tasks": tasks,
        "time_limit": limit,
        "standard_output": "/dev/null",
    }
    if account is not None:
        request["account"] = account
    [(job_id,)] = connect.call(
        connection,
        "SELECT scns.submit(%s, %s, %s)",
        (json.dumps(request), f"#!/bin/sh\n{script}\n".encode(), b"PATH=/usr/bin:/bin"),
    )
    return int(job_id)


def scns(home: Path, *words: str) -> None:
    """对这个实例运行一条 scns 命令。"""
    environment = os.environ | {"SCNS_HOME": str(home)}
    subprocess.run(
        [sys.executable, "-m", "scns", *words],
        env=environment,
        check=True,
        timeout=90,
        stdout=subprocess.DEVNULL,
    )


def measure(home: Path, seconds: float, bound: float | None = None) -> dict[str, float]:
    """填满机器，提交大作业，照样来小作业，直到大作业启动。

    参数：
        bound：没有许诺的策略保证大作业至多等的秒数
    """
    connection = connect.connect(str(home))
    pause = seconds / CPUS
    script = f"sleep {seconds:g}"
    # 稳定下来：每隔 pause 秒来一个，每个占 seconds 秒，正好占满
    for _ in range(CPUS + CPUS // 4):
        submit(connection, "small", 1, script)
        time.sleep(pause)
    big = submit(connection, "big", CPUS, "sleep 1")
    deadline = time.monotonic() + PATIENCE
    count = 0
    while time.monotonic() < deadline:
        count += 1
        if count % 4:
            submit(connection, "small", 1, script)
        else:
            submit(connection, "short", 1, f"sleep {SHORT_RUN}", SHORT_LIMIT)
        time.sleep(pause)
        [(submitted, started)] = connect.call(connection, _JOB, (big,))
        if started is not None:
            break
    else:
        started = float("nan")
    promises = [moment for (moment,) in connect.call(connection, _PROMISES, (big,))]
    if bound is not None:
        promises = [submitted + bound]
    [(came, passed, wait)] = connect.call(
        connection, _SMALL, {"big": big, "submit": submitted, "start": started}
    )
    connection.close()
    return {
        "wait": started - submitted,
        "promised": promises[0] - submitted if promises else float("nan"),
        "late": started - promises[0] if promises else float("nan"),
        "tightest": started - min(promises) if promises else float("nan"),
        "came": came,
        "passed": passed,
        "small_wait": wait or 0.0,
    }


def main() -> None:
    """各策略一行。"""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 16.0
    host = os.uname().nodename.split(".")[0]
    print(
        f"{'POLICY':<16}{'STARTED':>9}{'PROMISED':>10}{'LATE':>8}{'TIGHTEST':>10}"
        f"{'CAME':>6}{'PASSED':>8}{'SMALL_WAIT':>12}"
    )
    for label, policy in POLICIES.items():
        if sys.argv[2:] and label not in sys.argv[2:]:
            continue
        with tempfile.TemporaryDirectory(prefix="scns-bench-") as name:
            home = Path(name)
            home.chmod(0o755)
            (home / "scns.conf").write_text(CONF.format(host=host, cpus=CPUS, policy=policy))
            scns(home, "up")
            try:
                bound = AGE_BOUND + LIMIT if label == "sched/firstfit" else None
                found = measure(home, seconds, bound)
            finally:
                scns(home, "down", "--force")
        print(
            f"{label:<16}{found['wait']:>9.1f}{found['promised']:>10.1f}{found['late']:>8.1f}{found['tightest']:>10.1f}"
            f"{found['came']:>6.0f}{found['passed']:>8.0f}{found['small_wait']:>12.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
