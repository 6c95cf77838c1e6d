"""814 个录自真 Slurm 的用例：逐文件运行，不通过的恰好是 DIFFERENCES.md 里写明的。"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Instance, make_instance, remove

HERE = Path(__file__).resolve().parent

FILES = sorted(path.stem for path in HERE.glob("*.toml"))

#: 用例期望的场地，见 README.md。
SITE = """
ClusterName=bench
DefMemPerCPU=64
MaxArraySize=110001
MinJobAge=300
KillWait=30
InactiveLimit=0
EnforcePartLimits=NO
NodeName={node} NodeAddr=127.0.0.1 CPUs=8 RealMemory=16000
PartitionName=main Nodes=ALL Default=YES MaxTime=UNLIMITED
PartitionName=short Nodes=ALL MaxTime=10 DefaultTime=5
PartitionName=closed Nodes=ALL State=DOWN
"""

#: 别的用户要先有多用户的登记，见 DIFFERENCES.md。
SKIPPED_TAGS = "other-user"


def known_differences() -> set[str]:
    """DIFFERENCES.md 里列出的用例，写作 `FILE: NAME`。"""
    text = (HERE / "DIFFERENCES.md").read_text("utf-8")
    return set(re.findall(r"^- `([a-z]+: .+?)`：", text, re.MULTILINE))


@pytest.fixture(scope="module")
def site() -> Iterator[Instance]:
    if os.geteuid() != 0:
        pytest.skip("the cases were recorded as root and expect root")
    made = make_instance(site=SITE)
    try:
        made.ok("up")
        made.ok("link", "bin")
        yield made
    finally:
        remove(made)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", FILES)
def test_cases_pass_but_for_the_listed_differences(site: Instance, name: str):
    environment = site.environment | {
        "PATH": f"{site.work}/bin:{os.environ['PATH']}",
        "BATCH_PREFIX": "",
    }
    done = subprocess.run(
        [sys.executable, HERE / "run.py", "-j", "6", "--skip", SKIPPED_TAGS, f"{name}.toml"],
        cwd=HERE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    closing = done.stdout.strip().splitlines()[-1]
    print(f"{name}: {closing}")
    assert re.fullmatch(r"\d+ passed, \d+ failed", closing), done.stdout + done.stderr
    failed = set(re.findall(r"^FAIL ([a-z]+: .+?) \(\d", done.stdout, re.MULTILINE))
    listed = {case for case in known_differences() if case.startswith(f"{name}: ")}
    assert failed - listed == set(), done.stdout
    assert listed - failed == set(), "listed as different, but passes now"


def test_at_most_two_in_a_hundred_differ():
    import tomllib

    cases = {
        f"{path.stem}: {case['name']}"
        for path in HERE.glob("*.toml")
        for case in tomllib.loads(path.read_text("utf-8"))["case"]
    }
    assert len(cases) == 814
    assert known_differences() <= cases
    assert len(known_differences()) <= 0.02 * len(cases)
