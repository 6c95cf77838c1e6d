"""真实的客户端：各自的虚拟环境，一个带着链接好的命令的实例。

默认跳过：要联网用 pip 装几百兆。要跑时：

    python -m pytest -m clients tests/clients

环境变量 `SCNS_CLIENT_VENVS` 指一个目录时，环境建在那里并留着，下次不再安装。
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Instance, make_instance, remove

#: 各客户端的程序（`programs/use_NAME.py`）与它要装的包；版本钉住，客户端变了不算我们的错。
REQUIREMENTS = {
    "submitit": ["submitit==1.5.4"],
    "dask": ["dask-jobqueue==0.9.0", "distributed==2026.8.0", "dask==2026.8.0"],
    "snakemake": [
        "snakemake==9.27.1",
        "snakemake-executor-plugin-slurm==2.8.0",
        "snakemake-executor-plugin-slurm-jobstep==0.6.1",
    ],
    "simple_slurm": ["simple-slurm==0.3.6"],
    "parsl": ["parsl==2026.10.26"],
    "qtoolkit": ["qtoolkit==0.1.7"],
    "clusterfutures": ["clusterfutures==0.5"],
}

PROGRAMS = Path(__file__).with_name("programs")

HOW = "real clients are installed with pip: run `python -m pytest -m clients tests/clients`"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """没有指名要跑时，这个目录里的都跳过，理由里写着怎么跑。"""
    if "clients" in config.getoption("markexpr"):
        return
    for item in items:
        if item.get_closest_marker("clients"):
            item.add_marker(pytest.mark.skip(reason=HOW))


@pytest.fixture(scope="session")
def environments() -> Iterator[Path]:
    """放虚拟环境的目录；不是人给的就用完删掉。"""
    given = os.environ.get("SCNS_CLIENT_VENVS")
    if given:
        yield Path(given)
        return
    made = Path(tempfile.mkdtemp(prefix="scns-clients-", dir="/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def linked() -> Iterator[tuple[Instance, Path]]:
    """一个实例，与以本名放着 sbatch、squeue 等的目录。"""
    made = make_instance()
    try:
        made.ok("up")
        commands = made.work.parent / "commands"
        made.ok("link", str(commands))
        yield made, commands
    finally:
        remove(made)


def interpreter(environments: Path, name: str) -> Path:
    """装好这个客户端的解释器；装不上（没有网络）时跳过这个测试。"""
    python = environments / name / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environments / name], check=True)
    installed = subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *REQUIREMENTS[name]],
        capture_output=True,
        text=True,
    )
    if installed.returncode:
        pytest.skip(f"pip could not install {name}: {installed.stderr.strip()[-200:]}")
    return python


@pytest.fixture
def facts_of(environments: Path, linked: tuple[Instance, Path]) -> Callable[[str], Any]:
    """运行一个客户端的程序，返回它以 JSON 报告的事实。

    程序在自己的环境里、在一个空目录里运行，PATH 上先是链接好的命令；它对这个项目一无所知。
    """
    instance, commands = linked

    def run(name: str) -> Any:
        python = interpreter(environments, name)
        work = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=instance.work))
        path = f"{commands}:{python.parent}:{os.environ['PATH']}"
        environment = instance.environment | {"PATH": path, "HOME": str(work)}
        # 链接的命令自己知道状态目录，用户的环境里不会有它
        del environment["SCNS_HOME"]
        done = subprocess.run(
            [python, PROGRAMS / f"use_{name}.py"],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run
