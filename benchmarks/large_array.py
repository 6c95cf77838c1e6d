"""一个 100,000 个元素的数组：提交、列出、取消一大段各要多久，占几行。

用法：python benchmarks/large_array.py；要有一个运行着的实例（`scns up`）。
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from scns.db import connect

SIZE = 100_000


def timed(*words: str) -> tuple[float, str]:
    """运行一条命令，返回毫秒数与它的输出。"""
    started = time.perf_counter()
    done = subprocess.run(["scns", *words], capture_output=True, text=True, check=True)
    return (time.perf_counter() - started) * 1000, done.stdout


def rows(job_id: str) -> int:
    """数组占的作业行数。"""
    connection = connect.connect()
    [(count,)] = connect.call(
        connection,
        "SELECT count(*) FROM scns.queue WHERE id = %s OR array_job_id = %s",
        (job_id, job_id),
    )
    connection.close()
    return int(count)


def main() -> None:
    """打印各步的毫秒数与行数。"""
    with tempfile.TemporaryDirectory(prefix="scns-bench-") as name:
        script = Path(name) / "job.sh"
        script.write_text("#!/bin/sh\ntrue\n")
        took, said = timed(
            "sbatch", "--parsable", "--hold", f"--array=1-{SIZE}", "-o", "/dev/null", str(script)
        )
        job_id = said.strip()
        print(f"{'sbatch --array=1-' + str(SIZE):<36}{took:8.1f} ms  {rows(job_id)} row(s)")
        took, said = timed("squeue", "-j", job_id)
        print(f"{'squeue -j (folded)':<36}{took:8.1f} ms  {len(said.splitlines()) - 1} line(s)")
        took, said = timed("squeue", "-h", "-r", "-j", job_id, "-o", "%i")
        print(
            f"{'squeue -r (one line an element)':<36}{took:8.1f} ms  {len(said.splitlines())} lines"
        )
        took, _ = timed("scancel", f"{job_id}_[5-90000]")
        print(f"{'scancel ID_[5-90000]':<36}{took:8.1f} ms  {rows(job_id)} row(s)")
        took, said = timed("squeue", "-h", "-j", job_id, "-o", "%i")
        print(f"{'squeue afterwards':<36}{took:8.1f} ms  {said.strip()}")
        took, _ = timed("scancel", job_id)
        print(f"{'scancel ID':<36}{took:8.1f} ms  {rows(job_id)} row(s)")


if __name__ == "__main__":
    main()
