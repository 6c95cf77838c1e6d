"""真的系统上的公平份额：两个账户的份数是 3 比 1，活都干不完，各得多少 CPU 时间。

节点自称有 8 个 CPU，作业只是睡一两秒。临时的实例，量完就拆掉。

用法：
    python -m benchmarks.fair_share [SECONDS]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.live_policies import scns, submit
from scns.db import connect

CPUS = 8

#: 每个账户总有这么多作业在等。
BACKLOG = 40

SHARES = {"rich": 3, "poor": 1}

CONF = """ClusterName=live
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=8000
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
DefMemPerCPU=10
PriorityType=priority/multifactor
PriorityWeightFairshare=100000
PriorityCalcPeriod=0:02
PriorityDecayHalfLife=1-0
"""

_WAITING = "SELECT count(*) FROM scns.queue q WHERE q.account = %s AND q.state = 'PENDING'"

_USED = """
SELECT coalesce(sum(extract(epoch FROM coalesce(q.end_time, now()) - q.start_time)
                    * q.cpus_alloc), 0)::float8, count(*)
  FROM scns.queue q WHERE q.account = %s AND q.start_time IS NOT NULL
"""


def feed(connection: Any) -> None:
    """让每个账户都有活等着。"""
    for account in SHARES:
        [(waiting,)] = connect.call(connection, _WAITING, (account,))
        for _ in range(BACKLOG - waiting):
            submit(connection, account, 1, "sleep 1.5", account=account)


def main() -> None:
    """跑够时间，打印各账户用了多少，占多少。"""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    host = os.uname().nodename.split(".")[0]
    with tempfile.TemporaryDirectory(prefix="scns-bench-") as name:
        home = Path(name)
        home.chmod(0o755)
        (home / "scns.conf").write_text(CONF.format(host=host, cpus=CPUS))
        scns(home, "up")
        try:
            for account, shares in SHARES.items():
                scns(home, "sacctmgr", "-i", "add", "account", account, f"fairshare={shares}")
                scns(home, "sacctmgr", "-i", "add", "user", "root", f"account={account}")
            connection = connect.connect(str(home))
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                feed(connection)
                time.sleep(0.5)
            used = {name: connect.call(connection, _USED, (name,))[0] for name in SHARES}
            connection.close()
        finally:
            scns(home, "down", "--force")
    whole = sum(amount for amount, _ in used.values())
    print(f"{'ACCOUNT':<10}{'SHARES':>7}{'JOBS':>7}{'CPU_SECONDS':>13}{'PART%':>8}{'DUE%':>7}")
    for account, (amount, jobs) in used.items():
        due = SHARES[account] / sum(SHARES.values())
        print(
            f"{account:<10}{SHARES[account]:>7}{jobs:>7}{amount:>13.1f}"
            f"{100 * amount / whole:>8.1f}{100 * due:>7.1f}"
        )


if __name__ == "__main__":
    main()
