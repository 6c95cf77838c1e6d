"""`scns doctor`：查这台机器，每个发现一句话，外加一句怎么办。"""

from __future__ import annotations

import os
import resource
import shutil
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import psutil
from rich.console import Console
from rich.markup import escape

from scns import __version__, config, gpus, home
from scns.cli.own import instance
from scns.db import connect
from scns.errors import ScnsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: 状态目录所在磁盘少于这么多 MiB 就警告：数据库写不下时提交会被拒绝。
DISK_MIB = 1024

#: 打开文件数的软上限少于此值时，作业多了会不够用。
OPEN_FILES = 1024

#: 与数据库服务器的时钟差多少秒以上要提醒：时限与开始时刻都以数据库的时钟为准。
CLOCK_SECONDS = 2.0


class Level(StrEnum):
    """一个发现有多要紧。"""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """一个发现。

    参数：
        cure：怎么办；没有什么要办时为 None
    """

    level: Level
    sentence: str
    cure: str | None = None


def doctor() -> int:
    """打印全部发现；有错误时退出码为 1。"""
    state = instance.state_directory()
    console = Console(highlight=False, soft_wrap=True)
    colours = {Level.OK: "green", Level.NOTE: "cyan", Level.WARNING: "yellow", Level.ERROR: "red"}
    worst = 0
    for finding in findings(state):
        console.print(
            f"[{colours[finding.level]}]{finding.level.value:>7}[/]  {escape(finding.sentence)}"
        )
        if finding.cure is not None:
            console.print(f"         cure: {escape(finding.cure)}")
        worst = max(worst, int(finding.level is Level.ERROR))
    return worst


def findings(state: str) -> Iterator[Finding]:
    """依次检查各方面。"""
    yield Finding(Level.OK, f"scns {__version__}, state in {state}")
    yield from check_configuration(state)
    yield from check_daemons(state)
    yield from check_enforcement(state)
    yield check_disk(state)
    yield check_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    yield from check_clock(state)


def check_configuration(state: str) -> Iterator[Finding]:
    """配置文件读不读得懂，哪些键没有用上。"""
    path = home.conf_path(state)
    if path is None:
        yield Finding(Level.OK, "no configuration file: this machine and one partition, main")
        return
    try:
        settings = config.load(path, host="localhost", cpus=1, memory_mib=1, gres=gpus.detect())
    except ScnsError as error:
        yield Finding(Level.ERROR, error.message, f"correct {path}")
        return
    yield Finding(Level.OK, f"configuration {path}")
    yield from check_gpus(gpus.detect(), settings)
    for key, file, line in settings.ignored:
        yield Finding(Level.NOTE, f"{file}:{line}: {key} is accepted and has no effect in scns")


def check_gpus(found: Mapping[str, int], settings: config.Config) -> Iterator[Finding]:
    """机器上的 GPU 在配置里有没有；没有配置文件时自动算进去，不必查。

    参数：
        found：找到的种类与个数
    """
    named = any(gpus.numbered(node.gres) for node in settings.nodes)
    if found and not named:
        listed = ",".join(f"{kind}:{count}" for kind, count in found.items())
        yield Finding(
            Level.WARNING,
            f"this machine has GPUs ({listed}) that no job can ask for",
            f"write Gres={listed} on its NodeName= line, and GresTypes=gpu",
        )


def check_daemons(state: str) -> Iterator[Finding]:
    """各守护进程在不在。"""
    for part in instance.components(state):
        if part.state in ("running", "external"):
            where = f", pid {part.pid}" if part.pid is not None else ""
            yield Finding(Level.OK, f"{part.name} {part.version} is {part.state}{where}")
        else:
            yield Finding(
                Level.WARNING, f"{part.name} is {part.state}", "start everything with: scns up"
            )


def check_enforcement(state: str) -> Iterator[Finding]:
    """内存、CPU、进程树由内核管住，还是只能尽力。"""
    found = instance.welcome(state)
    if found is None:
        yield Finding(
            Level.NOTE,
            "stepd does not answer, so what the kernel enforces is not known",
            "start it with 'scns up', as the user who owns the state directory",
        )
        return
    yield from enforcement(found.get("controllers"), os.geteuid() == 0)


def enforcement(controllers: list[str] | None, root: bool) -> Iterator[Finding]:
    """由 stepd 报告的 cgroup v2 控制器得出管得住什么。

    参数：
        controllers：None 表示连 cgroup 目录也建不了
    """
    cure = (
        "boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)"
        if root
        else "ask for a delegated cgroup: systemd-run --user --scope -p Delegate=yes scns up"
    )
    if controllers is None:
        yield Finding(
            Level.WARNING,
            "no cgroup v2: a job's processes are found by session, parent and environment; "
            "one that hides from all three can outlive its job",
            cure,
        )
        controllers = []
    else:
        yield Finding(Level.OK, "every job has a cgroup: none of its processes outlives it")
    if "memory" in controllers:
        yield Finding(Level.OK, "memory limits are enforced by the kernel")
    else:
        yield Finding(
            Level.WARNING,
            "memory limits are not enforced: memory decides what starts, "
            "but a running job may use more than it asked for",
            cure,
        )
    if "cpuset" in controllers:
        yield Finding(Level.OK, "jobs are bound to their CPUs by the kernel")
    else:
        yield Finding(
            Level.NOTE, "jobs are bound to their CPUs by affinity, which a job can widen itself"
        )


def check_disk(state: str) -> Finding:
    """状态目录所在的磁盘还有没有地方。"""
    existing = state
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    free = shutil.disk_usage(existing).free >> 20
    if free < DISK_MIB:
        return Finding(
            Level.WARNING,
            f"only {free} MiB are free on the disk of {state}; a full disk refuses submissions",
            "free some space, or move the state directory with SCNS_HOME",
        )
    return Finding(Level.OK, f"{free} MiB free on the disk of the state directory")


def check_open_files(soft: int) -> Finding:
    """打开文件数的软上限。"""
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        return Finding(
            Level.WARNING,
            f"at most {soft} files can be open, too few for many running jobs",
            f"raise it before 'scns up': ulimit -n {OPEN_FILES}",
        )
    return Finding(Level.OK, f"open files limit {soft}")


def check_clock(state: str) -> Iterator[Finding]:
    """本机与数据库的时钟差；开机时刻在将来说明时钟被拨回过。"""
    if psutil.boot_time() > time.time():
        yield Finding(
            Level.ERROR,
            "the clock stands before the time this machine was booted",
            "set the clock: timedatectl set-ntp true",
        )
    try:
        connection = connect.connect(state)
    except ScnsError:
        return
    [(there,)] = connect.call(connection, "SELECT extract(epoch FROM clock_timestamp())::float8")
    connection.close()
    apart = abs(time.time() - there)
    if apart > CLOCK_SECONDS:
        yield Finding(
            Level.WARNING,
            f"this machine's clock and the database's are {apart:.0f} s apart",
            "synchronise both: timedatectl set-ntp true",
        )
    else:
        yield Finding(Level.OK, "the clock agrees with the database's")
