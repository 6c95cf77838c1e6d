"""验收测试的设施：一个真的实例，用装好的命令，像用户那样用它。"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from scns.db import connect
from tests.conftest import wait_until

#: 名义上 8 个 CPU 的场地，与 golden 用例的相同。
SITE = """
ClusterName=bench
DefMemPerCPU=64
MaxArraySize=110001
KillWait=2
NodeName={node} CPUs=8 RealMemory=16000
PartitionName=main Nodes=ALL Default=YES MaxTime=UNLIMITED
PartitionName=short Nodes=ALL MaxTime=10 DefaultTime=5
PartitionName=closed Nodes=ALL State=DOWN
"""


def command() -> list[str]:
    """装好的 `scns`；没有装（在源码树里跑）时用模块。"""
    installed = Path(sys.executable).with_name("scns")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "scns"]


def node_name() -> str:
    return os.uname().nodename.split(".")[0]


@dataclass(frozen=True)
class Instance:
    """一个在运行的实例与一个工作目录。"""

    home: Path
    work: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SLURM", "SBATCH", "SQUEUE", "SCNS", "XDG_"))
        }
        return kept | {"SCNS_HOME": str(self.home)}

    def run(self, *words: str, stdin: str | bytes = b"", **options: Any) -> Any:
        """运行 `scns WORDS…`；返回 CompletedProcess，输出是文本。"""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*command(), *words],
            input=data,
            capture_output=True,
            cwd=options.pop("cwd", self.work),
            env=self.environment | options.pop("env", {}),
            timeout=options.pop("timeout", 90),
            check=False,
            **options,
        )
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        return done

    def ok(self, *words: str, **options: Any) -> str:
        """运行并要求成功；返回 stdout。"""
        done = self.run(*words, **options)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return str(done.stdout)

    def script(self, text: str, name: str = "job.sh") -> str:
        """在工作目录写一个脚本，返回它的名字。"""
        path = self.work / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        return name

    def submit(self, text: str, *options: str) -> int:
        """提交一个脚本，返回作业号。"""
        return int(self.ok("sbatch", "--parsable", *options, self.script(text)).strip())

    def state(self, job_id: int) -> str:
        return self.ok("sacct", "-X", "-n", "-P", "-o", "State", "-j", str(job_id)).strip()

    def wait_state(self, job_id: int, *states: str, seconds: float = 30) -> str:
        """等到作业处于某个状态。"""

        def there() -> str | None:
            found = self.state(job_id)
            return found if found.split(" ")[0] in states else None

        found = str(wait_until(there, seconds, f"job {job_id} to be {'/'.join(states)}"))
        if not {"PENDING", "RUNNING", "SUSPENDED"} & set(states):
            # 账目在结局决定的那一刻就写着它；进程退尽、行里有结束时刻才算完
            wait_until(lambda: self.ended(job_id), seconds, f"job {job_id} to have ended")
        return found

    def ended(self, job_id: int) -> bool:
        """作业的行里已经有结束时刻。"""
        rows = self.sql("SELECT end_time IS NOT NULL FROM scns.job WHERE id = %s", job_id)
        return rows == [(True,)]

    def pid(self, name: str) -> int:
        return int((self.home / "run" / f"{name}.pid").read_text())

    def connect(self) -> Any:
        """以角色 scns 打开的连接，自动提交。"""
        text, descriptor = connect.dsn(str(self.home), "scns")
        connection = psycopg2.connect(text)
        connection.autocommit = True
        if descriptor is not None:
            os.close(descriptor)
        return connection

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """以角色 scns 直接查库；只用来制造场景与核对事实。"""
        connection = self.connect()
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def idle(self) -> bool:
        """什么也没有分配着。"""
        [(count,)] = self.sql("SELECT count(*) FROM scns.allocation")
        return count == 0

    def stop(self) -> None:
        self.run("down", "--force", timeout=120)
        marker = f"SCNS_HOME={self.home}".encode()
        wait_until(lambda: not survivors(marker), 20, "every process to be gone")


def survivors(marker: bytes) -> list[int]:
    """环境里带着标记、还活着的进程。"""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if marker in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def make_instance(site: str | None = SITE, under: str | None = None) -> Instance:
    """一个新的状态目录与工作目录；还没有启动。"""
    top = Path(tempfile.mkdtemp(prefix="scns-acceptance-", dir="/tmp"))
    top.chmod(0o755)
    home = top / "home" if under is None else top / under
    home.mkdir(parents=True)
    (top / "work").mkdir()
    if site is not None:
        (home / "scns.conf").write_text(site.format(node=node_name()))
    return Instance(home, top / "work")


def remove(instance: Instance) -> None:
    instance.stop()
    shutil.rmtree(instance.work.parent)


@pytest.fixture(scope="module")
def shared_instance() -> Iterator[Instance]:
    """一个文件里的测试共用的实例；8 个名义上的 CPU。"""
    made = make_instance()
    try:
        made.ok("up")
        yield made
    finally:
        remove(made)


@pytest.fixture
def instance(shared_instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """共用的实例，配一个崭新的工作目录。"""
    work = shared_instance.work / f"w{len(list(shared_instance.work.iterdir()))}"
    work.mkdir()
    return Instance(shared_instance.home, work)


@pytest.fixture
def own_instance() -> Iterator[Instance]:
    """只属于一个测试的实例：要杀守护进程、停数据库的测试用它。"""
    made = make_instance()
    try:
        made.ok("up")
        yield made
    finally:
        remove(made)
