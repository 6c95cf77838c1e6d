"""`scns simulate TRACE`：用排计划的同一个规划器重放一份负载（SWF），比较各种策略。"""

from __future__ import annotations

import gc
import json
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scns.errors import InvalidInput, Unavailable
from scns.planner import report, swf
from scns.planner.resample import resample
from scns.planner.simulate import Machine, asked, times, unlimited
from scns.planner.simulate import simulate as replay
from scns.planner.snapshot import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from scns.planner.plan import Plan
    from scns.planner.simulate import Ran
    from scns.planner.swf import Workload

#: 策略的名字到策略，次序就是表里的。
POLICIES = {
    "fifo": Policy("fifo"),
    "firstfit": Policy("firstfit", age_bound=None),
    "easy": Policy("easy"),
    "conservative": Policy("conservative"),
}

#: 进度过了这么多秒才出现，此后每隔这么多秒更新。
_PATIENCE, _PERIOD = 2.0, 0.5


def simulate(
    trace: Annotated[Path, typer.Argument(help="Workload in Standard Workload Format.")],
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", "-p", help=f"One of {', '.join(POLICIES)}; repeat to compare."),
    ] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Number of equal nodes.")] = 1,
    cpus: Annotated[
        int | None, typer.Option(min=1, help="CPUs of each node (default: what the trace says).")
    ] = None,
    estimate: Annotated[
        float | None,
        typer.Option(min=0, help="Time limits are this times the real run time; 0: no limits."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Draw this many jobs from the trace at random, with repetition."),
    ] = None,
    load: Annotated[
        float | None,
        typer.Option(min=0.01, help="Draw jobs and pause between them so as to ask for this load."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws other jobs.")] = 0,
    users: Annotated[bool, typer.Option("--users", help="Add a table of each user.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw busy CPUs and waiting jobs over time into this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """模拟并打印各策略的统计。"""
    chosen = _policies(policy)
    # 模拟不造环，回收只会一遍遍地看几百万个还在用的对象：保守回填要多三成时间
    gc.disable()
    workload = _read(trace)
    if jobs is not None or load is not None:
        workload = resample(workload, jobs or len(workload.jobs), load=load, seed=seed)
    machine = Machine(cpus or -(-workload.cpus // nodes), nodes)
    limit = asked if estimate is None else times(estimate) if estimate else unlimited
    histories, reports, speeds = [], [], []
    for name in chosen:
        begun = time.process_time()
        with Pace(name, len(workload.jobs), sys.stderr) as pace:
            watch = pace if pace.enabled else None
            history = replay(workload, POLICIES[name], machine, limit=limit, watch=watch)
        speeds.append(len(history) / max(time.process_time() - begun, 1e-9))
        reports.append(report.summarise(name, history, machine.cpus * machine.nodes))
        if plot is not None:
            # 不画就不留：一百万个作业的经过是一百多兆
            histories.append(history)
    if as_json:
        print(json.dumps([asdict(one) for one in reports], indent=2))
    else:
        _print(workload, reports, speeds, users=users)
    if plot is not None:
        draw(plot, chosen, histories, machine.cpus * machine.nodes)


class Pace:
    """模拟走到了哪里：终端上原地更新的一行，完了就擦去；不是终端时什么也不写。

    参数：
        jobs：一共几个作业
        clock：秒
    """

    def __init__(
        self, name: str, jobs: int, out: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.enabled = out.isatty()
        self._name = name
        self._jobs = jobs
        self._out = out
        self._clock = clock
        self._started = 0
        self._begun = clock()
        self._next = self._begun + _PATIENCE
        self._shown = False

    def __enter__(self) -> Pace:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=self._out, flush=True)

    def __call__(self, now: float, plan: Plan) -> None:
        """一轮过去了。"""
        del now
        self._started += len(plan.starts)
        moment = self._clock()
        if moment < self._next:
            return
        self._next = moment + _PERIOD
        self._shown = True
        speed = self._started / (moment - self._begun)
        done = f"{self._name}: {self._started:,} of {self._jobs:,} jobs started"
        print(f"\r\x1b[K{done}, {speed:,.0f}/s", end="", file=self._out, flush=True)


def _policies(names: list[str] | None) -> list[str]:
    chosen = list(dict.fromkeys(names or POLICIES))
    for name in chosen:
        if name not in POLICIES:
            raise InvalidInput(f"Unknown policy {name}; known: {', '.join(POLICIES)}")
    return chosen


def _read(trace: Path) -> Workload:
    try:
        with trace.open(encoding="ascii", errors="replace") as lines:
            workload = swf.read(lines)
    except OSError as error:
        raise InvalidInput(f"Cannot read {trace}: {error.strerror}") from None
    if not workload.jobs:
        raise InvalidInput(f"{trace} has no jobs that ran")
    return workload


def _print(
    workload: Workload, reports: Sequence[report.Report], speeds: Sequence[float], *, users: bool
) -> None:
    """各策略一行，末列是每秒 CPU 时间模拟几个作业；略去的与永远放不下的另说。"""
    head, *lines = report.table(reports).splitlines()
    print(f"{head} {'JOBS/S':>8}")
    for line, speed in zip(lines, speeds, strict=True):
        print(f"{line} {speed:>8.0f}")
    if workload.skipped:
        print(f"{workload.skipped} jobs without run time or size were skipped")
    lost = len(workload.jobs) - min(one.all.jobs for one in reports)
    if lost:
        print(f"{lost} jobs are larger than the machine and never started")
    if users:
        for one in reports:
            print(f"\n{one.name}\n{report.user_table(one)}", end="")


def draw(path: Path, names: Sequence[str], histories: Sequence[list[Ran]], cpus: int) -> None:
    """画出在用的 CPU 与等待的作业随时间的变化。

    异常：
        Unavailable：没有装 matplotlib
        InvalidInput：文件写不了，或不认得它的格式
    """
    try:
        import_module("matplotlib").use("Agg")
        pyplot = import_module("matplotlib.pyplot")
    except ImportError:
        raise Unavailable("plots need matplotlib: pip install 'scns[plot]'") from None
    figure, (upper, lower) = pyplot.subplots(2, 1, sharex=True, figsize=(10, 6))
    for name, history in zip(names, histories, strict=True):
        rows = report.course(history)
        hours = [moment / 3600 for moment, _, _ in rows]
        upper.step(hours, [busy for _, busy, _ in rows], where="post", label=name, linewidth=0.8)
        lower.step(hours, [waiting for _, _, waiting in rows], where="post", linewidth=0.8)
    upper.axhline(cpus, color="grey", linewidth=0.5)
    upper.set_ylabel("busy CPUs")
    upper.legend(loc="lower right")
    lower.set_ylabel("waiting jobs")
    lower.set_xlabel("hours")
    figure.tight_layout()
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"Cannot draw {path}: {error}") from None
    finally:
        pyplot.close(figure)
