"""命令从启动到结束的毫秒数，与裸解释器并列；每轮各跑一次，取中位数。

用法：python benchmarks/start.py [RUNS]；要有一个运行着的实例（`scns up`）。
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 30


def commands(directory: Path) -> dict[str, list[str]]:
    """要比较的命令；`linked` 是 `scns link` 写下的包装。"""
    script = directory / "job.sh"
    script.write_text("#!/bin/sh\ntrue\n")
    subprocess.run(["scns", "link", str(directory / "bin")], check=True, stdout=subprocess.DEVNULL)
    linked = directory / "bin"
    python = os.path.realpath(sys.executable)
    return {
        "python3 -I -S -c pass": [python, "-I", "-S", "-c", "pass"],
        "python3 -c pass": [sys.executable, "-c", "pass"],
        "scns sbatch --hold": ["scns", "sbatch", "--hold", "-Q", "-J", "bench", str(script)],
        "linked sbatch --hold": [
            str(linked / "sbatch"),
            "--hold",
            "-Q",
            "-J",
            "bench",
            str(script),
        ],
        "scns squeue": ["scns", "squeue", "-j", "1"],
        "linked squeue": [str(linked / "squeue"), "-j", "1"],
        "linked scontrol show job": [str(linked / "scontrol"), "show", "job", "1"],
        "linked sinfo": [str(linked / "sinfo")],
        "linked sacct -j": [str(linked / "sacct"), "-j", "1"],
        "linked scancel": [str(linked / "scancel"), "99999999"],
        "scns --help": ["scns", "--help"],
    }


def main() -> None:
    """交替运行，打印各自的最小值、中位数与对裸解释器的比。"""
    with tempfile.TemporaryDirectory(prefix="scns-bench-") as name:
        table = commands(Path(name))
        times: dict[str, list[float]] = {label: [] for label in table}
        for turn in range(RUNS + 1):
            for label, words in table.items():
                started = time.perf_counter()
                subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                if turn:  # 头一轮热身
                    times[label].append((time.perf_counter() - started) * 1000)
    subprocess.run(["scns", "scancel", "-n", "bench"], check=False)
    bare = statistics.median(times["python3 -I -S -c pass"])
    print(f"{'command':<28}{'min ms':>8}{'median':>8}{'ratio':>7}")
    for label, found in times.items():
        middle = statistics.median(found)
        print(f"{label:<28}{min(found):>8.1f}{middle:>8.1f}{middle / bare:>7.2f}")


if __name__ == "__main__":
    main()
