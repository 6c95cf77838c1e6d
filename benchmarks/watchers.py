"""许多人一起看着：`scns watch` 的内存、闲着的花费、状态改变多久看得见、吞吐量。

用法：python benchmarks/watchers.py [WATCHERS] [SECONDS] [JOBS]；要有一个运行着的实例
（`scns up`）。先不带看的人，再带 WATCHERS（200）个，各量一遍：SECONDS（60）秒里各部件用掉的
CPU，一个作业启动到各人看见的毫秒数，JOBS（300）个空作业要多久。
"""

from __future__ import annotations

import json
import os
import selectors
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from scns import home
from scns.cli.bell import QUIET

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCHERS, SECONDS, JOBS = (
    int(word) for word in [*sys.argv[1:], *("200", "60", "300")[len(sys.argv) - 1 :]]
)

#: 量几次看见的快慢。
ROUNDS = 10


class Crowd:
    """一群 `scns watch`。"""

    def __init__(self, number: int) -> None:
        self.processes = [
            subprocess.Popen(["scns", "watch", "--json"], stdout=subprocess.PIPE)
            for _ in range(number)
        ]
        self._selector = selectors.DefaultSelector()
        for process in self.processes:
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            self._selector.register(process.stdout, selectors.EVENT_READ, [b""])
        if number:
            self._until_all_watch()

    def _until_all_watch(self) -> None:
        """提交一个扣住的作业，直到人人看见了它。"""
        quiet: set[int] = set(range(len(self.processes)))
        while quiet:
            submit("--hold")
            until = time.time() + 2
            for which, _, _ in self.lines(until):
                quiet.discard(which)

    def lines(self, until: float) -> Iterator[tuple[int, float, dict[str, object]]]:
        """到 `until` 为止看见的：谁、何时、什么。"""
        while (left := until - time.time()) > 0:
            for key, _ in self._selector.select(left):
                now = time.time()
                data = os.read(key.fd, 1 << 20)
                *whole, key.data[0] = (key.data[0] + data).split(b"\n")
                which = next(i for i, p in enumerate(self.processes) if p.stdout is key.fileobj)
                for line in whole:
                    yield which, now, json.loads(line)

    def memory(self) -> tuple[float, float]:
        """一个人平均占的与独占的内存，MB。"""
        found = [psutil.Process(process.pid).memory_full_info() for process in self.processes]
        return (
            statistics.mean(one.rss for one in found) / 1e6,
            statistics.mean(one.uss for one in found) / 1e6,
        )

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.communicate()


def submit(*words: str) -> int:
    command = ["scns", "sbatch", "--parsable", "-o", "/dev/null", *words, "--wrap", "true"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def parts() -> dict[str, list[psutil.Process]]:
    """各部件的进程。"""
    run = Path(home.run_dir(home.state_home()))
    top = psutil.Process(int((run / "supervisor.pid").read_text()))
    found: dict[str, list[psutil.Process]] = {"scnsd": [], "stepd": [], "postgres": []}
    for process in top.children(recursive=True):
        words = " ".join(process.cmdline())
        for name, mark in (("scnsd", "scheduler.main"), ("stepd", "scns.stepd")):
            if mark in words:
                found[name].append(process)
        if "postgres" in words:
            found["postgres"].append(process)
    return found


def spent() -> dict[str, float]:
    """各部件至今用掉的 CPU 毫秒，精确到内核的纳秒记账。"""
    return {
        name: sum(
            int(Path(f"/proc/{one.pid}/schedstat").read_text().split()[0]) / 1e6 for one in ones
        )
        for name, ones in parts().items()
    }


@contextmanager
def accounted(title: str) -> Iterator[None]:
    before, began = spent(), time.time()
    yield
    seconds, after = time.time() - began, spent()
    used = "  ".join(f"{name} {after[name] - before[name]:.0f}" for name in before)
    print(f"  {title}: {seconds:.1f} s; CPU ms: {used}", flush=True)


def seen_after(crowd: Crowd) -> list[float]:
    """从作业启动到各人看见，毫秒；最后一个人的另算在末尾。"""
    delays: list[float] = []
    for _ in range(ROUNDS):
        job = submit()
        for _, now, event in crowd.lines(time.time() + 3):
            if event["job"] == str(job) and event["after"] == "RUNNING":
                delays.append((now - float(str(event["time"]))) * 1000)
    return sorted(delays)


def until_done(job: int) -> None:
    subprocess.run(["scns", "wait", str(job)], check=True)


def measure(number: int) -> None:
    print(f"{number} watchers")
    crowd = Crowd(number)
    try:
        if number:
            print("  one watcher: {:.1f} MB resident, {:.1f} MB of its own".format(*crowd.memory()))
        # 等刚才的连接都还掉
        time.sleep(QUIET + 5)
        print(f"  sessions: {sum('u:' in ' '.join(p.cmdline()) for p in parts()['postgres'])}")
        with accounted("idle"):
            time.sleep(SECONDS)
        if number:
            delays = seen_after(crowd)
            print(
                f"  seen after ms: median {statistics.median(delays):.0f}, "
                f"95 % {delays[int(len(delays) * 0.95)]:.0f}, last {delays[-1]:.0f}, "
                f"{len(delays)} of {number * ROUNDS}"
            )
        with accounted(f"{JOBS} jobs"):
            until_done(submit("-a", f"1-{JOBS}"))
    finally:
        crowd.stop()


def main() -> None:
    for number in (0, 1, WATCHERS):
        measure(number)
    subprocess.run(["scns", "scancel", "--state=PENDING", "-n", "wrap"], check=False)


if __name__ == "__main__":
    main()
