"""cgroup：在哪里，关得住，量得出，杀得净；没有 cgroup 的机器上只测找位置。"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scns.stepd import cgroup as module
from scns.stepd.cgroup import Cgroup, Hierarchy, locate, prepare

HYBRID = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:5 - cgroup2 cgroup2 rw\n"
)
UNIFIED = "26 22 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
CONTAINER = "26 22 0:23 /docker/c1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n"


@pytest.mark.parametrize(
    ("mounts", "own", "expected"),
    [
        (HYBRID, "4:memory:/a/b\n0::/\n", "/sys/fs/cgroup/unified"),
        (HYBRID, "4:memory:/\n0::/x.slice\n", "/sys/fs/cgroup/unified/x.slice"),
        (UNIFIED, "0::/system.slice/stepd.service\n", "/sys/fs/cgroup/system.slice/stepd.service"),
        (CONTAINER, "0::/docker/c1\n", "/sys/fs/cgroup"),
        (CONTAINER, "0::/docker/c1/sub\n", "/sys/fs/cgroup/sub"),
        (CONTAINER, "0::/docker/c12\n", None),
        (UNIFIED, "0::/../outside\n", None),
        (UNIFIED, "4:memory:/\n", None),
        ("35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "0::/\n", None),
        ("", "", None),
    ],
)
def test_own_directory_is_found_in_the_mount_table(mounts: str, own: str, expected: str | None):
    assert locate(mounts, own) == expected


@pytest.fixture
def hierarchy() -> Iterator[Hierarchy]:
    """真的 cgroup；不许用就跳过。"""
    found = prepare("scns-unit-test")
    if found is None:
        pytest.skip("cgroup2 is not usable here")
    yield found
    # 被 KILL 的孙进程不归我们收尸，死透之前目录还删不掉
    deadline = time.monotonic() + 10
    while Path(found.path).exists() and time.monotonic() < deadline:
        found.tidy(())
        found.close()
        time.sleep(0.01)
    assert not Path(found.path).exists()


def begin(hierarchy: Hierarchy, cgroup: Cgroup, body: Callable[[], object]) -> int:
    """在 cgroup 里 fork 一个执行 `body` 的进程，等到它就位。"""
    pid = hierarchy.fork(cgroup)
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    deadline = time.monotonic() + 5
    while pid not in cgroup.pids() and time.monotonic() < deadline:
        time.sleep(0.001)
    return pid


def reap(pid: int) -> int:
    """收尸，返回等待状态。"""
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("clones", [True, False])
def test_process_is_born_inside_and_killed_inside(hierarchy: Hierarchy, clones: bool):
    hierarchy.clones = hierarchy.clones and clones
    group = hierarchy.create("1.1")
    assert group.empty()
    pid = begin(hierarchy, group, signal.pause)
    assert group.pids() == [pid]
    assert group.holds(pid)
    assert not group.holds(os.getpid())
    assert not Cgroup(group.path[:-1]).holds(pid)
    assert not group.empty()
    group.kill()
    assert reap(pid) == signal.SIGKILL
    assert group.empty()
    assert not group.holds(pid)
    group.close()
    assert not Path(group.path).exists()


def test_kill_works_on_kernels_without_cgroup_kill(
    hierarchy: Hierarchy, monkeypatch: pytest.MonkeyPatch
):
    group = hierarchy.create("1.1")
    pid = begin(hierarchy, group, signal.pause)
    monkeypatch.setattr(module, "_write", lambda path, text: False)
    group.kill()
    assert reap(pid) == signal.SIGKILL


def test_processes_in_nested_groups_count_too(hierarchy: Hierarchy):
    group = hierarchy.create("1.1")
    inner = Cgroup(f"{group.path}/made/by the job")
    os.makedirs(inner.path)
    pid = begin(hierarchy, inner, signal.pause)
    assert group.pids() == [pid]
    assert group.holds(pid)
    assert not group.empty()
    group.kill()
    reap(pid)
    group.close()
    assert not Path(group.path).exists()


def test_usage_counts_processes_that_nobody_waited_for(hierarchy: Hierarchy):
    group = hierarchy.create("1.1")

    def burn() -> None:
        if os.fork() == 0:
            end = time.process_time() + 0.1
            while time.process_time() < end:
                pass
            os._exit(0)
        signal.pause()

    pid = begin(hierarchy, group, burn)
    deadline = time.monotonic() + 10
    while group.usage()[0] + group.usage()[1] < 0.09 and time.monotonic() < deadline:
        time.sleep(0.01)
    user, system, peak = group.usage()
    assert user + system >= 0.09
    assert (peak is None) == ("memory" not in hierarchy.controllers)
    assert not group.out_of_memory()
    group.kill()
    reap(pid)


def test_limits_are_set_where_the_controllers_are(hierarchy: Hierarchy):
    group = hierarchy.create("1.1")
    first = min(os.sched_getaffinity(0))
    group.limit(64, [first, 9999])
    if "memory" in hierarchy.controllers:
        assert Path(group.path, "memory.max").read_text().strip() == str(64 << 20)
    if "cpuset" in hierarchy.controllers:
        assert Path(group.path, "cpuset.cpus").read_text().strip() == str(first)


def test_limits_are_written_as_the_kernel_reads_them(tmp_path: Path):
    for name in ("memory.max", "memory.oom.group", "cpuset.cpus"):
        (tmp_path / name).touch()
    first = min(os.sched_getaffinity(0))
    Cgroup(str(tmp_path)).limit(64, [9999, first])
    assert (tmp_path / "memory.max").read_text() == str(64 << 20)
    assert (tmp_path / "memory.oom.group").read_text() == "1"
    assert (tmp_path / "cpuset.cpus").read_text() == str(first)


def test_counters_are_read_as_the_kernel_writes_them(tmp_path: Path):
    group = Cgroup(str(tmp_path))
    assert group.usage() == (0.0, 0.0, None)
    assert not group.out_of_memory()
    (tmp_path / "cpu.stat").write_text(
        "usage_usec 3000000\nuser_usec 2500000\nsystem_usec 500000\n"
    )
    (tmp_path / "memory.peak").write_text("1048576\n")
    (tmp_path / "memory.events").write_text("low 0\noom 1\noom_kill 2\n")
    assert group.usage() == (2.5, 0.5, 1024)
    assert group.out_of_memory()


def test_left_over_directories_are_tidied_up_except_those_in_use(hierarchy: Hierarchy):
    used, unused, busy = (hierarchy.create(name) for name in ("1.1", "2.1", "3.1"))
    pid = begin(hierarchy, busy, signal.pause)
    hierarchy.tidy({used.path})
    assert [Path(group.path).exists() for group in (used, unused, busy)] == [True, False, True]
    hierarchy.close()
    assert Path(hierarchy.path).exists()
    busy.kill()
    reap(pid)


def test_place_where_one_may_not_write_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "locate", lambda mounts, own: None)
    assert prepare("scns-unit-test") is None
    (tmp_path / "file").touch()
    monkeypatch.setattr(module, "locate", lambda mounts, own: str(tmp_path / "file"))
    assert prepare("scns-unit-test") is None
    # 能写，但不是 cgroup：放进去的进程不在里面
    (tmp_path / "cgroup.controllers").touch()
    for name in ("cgroup.subtree_control", "cgroup.procs"):
        (tmp_path / "scns-unit-test").mkdir(exist_ok=True)
        (tmp_path / "scns-unit-test" / name).touch()
    monkeypatch.setattr(module, "locate", lambda mounts, own: str(tmp_path))
    assert prepare("scns-unit-test") is None
    assert not [
        line
        for line in subprocess.check_output(["ps", "-o", "stat=", "--ppid", str(os.getpid())])
        .decode()
        .split()
        if line.startswith("Z")
    ]
