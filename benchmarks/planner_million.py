"""一百万个作业：由一份 SWF 抽出（种子固定），写成文件，再在各种策略之下读进来、模拟。

各策略各用一个进程，因此内存的峰值（`ru_maxrss`）互不相干。秒是进程的 CPU 秒；机器忙时也可比。
负荷 0.6 是严格先来先服务还跟得上的：它的利用率到不了 0.66。

用法：
    python -m benchmarks.planner_million TRACE [JOBS [LOAD [POLICY...]]]
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

from scns.cli.own.simulate import POLICIES
from scns.planner import swf
from scns.planner.report import summarise
from scns.planner.resample import resample
from scns.planner.simulate import simulate

JOBS, LOAD, SEED = 1_000_000, 0.6, 1

#: 子进程的第一个参数。
_CHILD = "--one"


def measure(path: Path, name: str) -> dict[str, float]:
    """读一份负载并模拟一种策略。"""
    gc.disable()  # 与 `scns simulate` 相同
    begin = process_time()
    with path.open(encoding="ascii") as lines:
        workload = swf.read(lines)
    read = process_time()
    history = simulate(workload, POLICIES[name])
    done = process_time()
    report = summarise(name, history, workload.cpus)
    return {
        "jobs": len(history),
        "read": read - begin,
        "simulated": done - read,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "wait": report.all.mean_wait,
        "longest": report.all.longest_wait,
        "slowdown": report.all.mean_slowdown,
        "utilisation": report.utilisation,
    }


def main() -> None:
    """各策略一行。"""
    if sys.argv[1:2] == [_CHILD]:
        print(json.dumps(measure(Path(sys.argv[2]), sys.argv[3])))
        return
    trace, *rest = sys.argv[1:] or sys.exit(__doc__)
    jobs, load = int(rest[0]) if rest else JOBS, float(rest[1]) if rest[1:] else LOAD
    with Path(trace).open(encoding="ascii", errors="replace") as lines:
        recorded = swf.read(lines)
    print(
        f"{'POLICY':<13}{'JOBS':>9}{'READ_S':>8}{'SIM_S':>8}{'JOBS/S':>8}{'PEAK_MIB':>10}"
        f"{'MEAN_WAIT':>11}{'MAX_WAIT':>10}{'MEAN_BSLD':>11}{'UTIL%':>7}"
    )
    with tempfile.TemporaryDirectory(prefix="scns-bench-") as folder:
        path = Path(folder) / "drawn.swf"
        with path.open("w", encoding="ascii") as out:
            out.writelines(swf.write(resample(recorded, jobs, load=load, seed=SEED)))
        for name in rest[2:] or POLICIES:
            child = [sys.executable, "-m", "benchmarks.planner_million", _CHILD, str(path), name]
            done = subprocess.run(child, check=True, stdout=subprocess.PIPE)
            found = json.loads(done.stdout)
            print(
                f"{name:<13}{found['jobs']:>9}{found['read']:>8.1f}{found['simulated']:>8.1f}"
                f"{found['jobs'] / found['simulated']:>8.0f}{found['peak']:>10.0f}"
                f"{found['wait']:>11.0f}{found['longest']:>10.0f}{found['slowdown']:>11.1f}"
                f"{found['utilisation'] * 100:>7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
