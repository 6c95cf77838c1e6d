"""一个全是空作业的数组：每秒跑完几个，每个用去各部件多少 CPU。

用法：python benchmarks/throughput.py [JOBS] [ROUNDS]；要有一个运行着而没有作业的实例（`scns up`）。
JOBS（1000）个元素的数组跑 ROUNDS（3）遍。`jobs` 是作业自己的进程，从 fork 到结束；`machine` 是整台
机器的，别人用的也在内，所以只在安静的机器上才作数。
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from scns import home

JOBS, ROUNDS = (int(word) for word in [*sys.argv[1:], *("1000", "3")[len(sys.argv) - 1 :]])


def spent() -> dict[str, float]:
    """各部件至今用掉的 CPU 秒。"""
    run = Path(home.run_dir(home.state_home()))
    top = psutil.Process(int((run / "supervisor.pid").read_text()))
    stepd = psutil.Process(int((run / "stepd.pid").read_text())).cpu_times()
    scnsd = psutil.Process(int((run / "scnsd.pid").read_text())).cpu_times()
    idle = psutil.cpu_times()
    return {
        "postgres": sum(map(server_time, top.children(recursive=True))),
        "scnsd": scnsd.user + scnsd.system,
        "stepd": stepd.user + stepd.system,
        "jobs": stepd.children_user + stepd.children_system,
        "machine": sum(idle) - idle.idle - idle.iowait - idle.guest - idle.guest_nice,
    }


def server_time(process: psutil.Process) -> float:
    """PostgreSQL 的一个进程用掉的，连同已经结束的会话的；别的进程是零。"""
    try:
        if "postgres" not in " ".join(process.cmdline()):
            return 0.0
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def run_array() -> None:
    """提交，等到全部结束。"""
    command = ["scns", "sbatch", "--parsable", "-o", "/dev/null", "-a", f"1-{JOBS}"]
    submitted = subprocess.run(
        [*command, "--wrap", "true"], check=True, capture_output=True, text=True
    )
    subprocess.run(["scns", "wait", submitted.stdout.strip()], check=True)


def main() -> None:
    """每遍打印一行。"""
    for _ in range(ROUNDS):
        before, began = spent(), time.perf_counter()
        run_array()
        seconds, after = time.perf_counter() - began, spent()
        used = "  ".join(
            f"{name} {(after[name] - before[name]) / JOBS * 1e3:.2f}" for name in before
        )
        print(f"{JOBS / seconds:6.1f} jobs/s; CPU ms per job: {used}", flush=True)


if __name__ == "__main__":
    main()
