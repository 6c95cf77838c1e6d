"""同一份负载（SWF）在各种策略之下：平均等待、平均有界减速、利用率，与模拟的速度。

速度是每秒 CPU 时间模拟几个作业；机器忙时也可比。`-x5` 的两行是用户把时限估成实际的五倍。

用法：
    python -m benchmarks.planner_policies TRACE [POLICY...]
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from time import process_time

from scns.planner.report import summarise, table
from scns.planner.simulate import asked, simulate, times
from scns.planner.snapshot import Policy
from scns.planner.swf import read

#: 名字、策略、时限取请求的几倍；None 是请求的。
RUNS = (
    ("fifo", Policy("fifo"), None),
    ("firstfit", Policy("firstfit", age_bound=None), None),
    ("easy", Policy("easy"), None),
    ("easy-x5", Policy("easy"), 5.0),
    ("conservative", Policy("conservative"), None),
    ("conserv.-x5", Policy("conservative"), 5.0),
)


def main() -> None:
    """打印表，每种策略一行。"""
    path, *names = sys.argv[1:] or sys.exit(__doc__)
    gc.disable()  # 与 `scns simulate` 相同
    with Path(path).open(encoding="ascii", errors="replace") as file:
        workload = read(file)
    reports, speeds = [], []
    for name, policy, factor in RUNS:
        if names and name not in names:
            continue
        begin = process_time()
        history = simulate(workload, policy, limit=times(factor) if factor else asked)
        speeds.append(len(history) / (process_time() - begin))
        reports.append(summarise(name, history, workload.cpus))
    lines = table(reports).splitlines()
    print(f"{lines[0]} {'JOBS/S':>8}")
    for line, speed in zip(lines[1:], speeds, strict=True):
        print(f"{line} {speed:>8.0f}")


if __name__ == "__main__":
    main()
