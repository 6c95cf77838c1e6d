"""cgroup v2：每个作业一个目录，作业的进程一个也逃不掉。

目录是 `自己所在的 cgroup/实例/作业号.第几次`。能不能用，试了才知道：挂载可以是只读的，容器可以
不许写，内核可以太旧；不能用时退回 `scns.stepd.tree`。控制器（内存、CPU 集）是另一回事，
没有它们目录照样能管住进程。来源：内核文档 admin-guide/cgroup-v2。
"""

from __future__ import annotations

import os
import signal
import time

from scns.stepd.files import names, read_bytes
from scns.stepd.kernel import fork_into
from scns.stepd.processes import send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

#: 自己待的叶子：打开控制器的 cgroup 里不许有进程，见 “No Internal Process Constraint”。
_LEAF = "scns-daemon"


class Cgroup:
    """一个作业的 cgroup。

    参数：
        path：目录的绝对路径
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._suffix = "/" + "/".join(path.split("/")[-2:])

    def limit(self, memory: int | None, cpus: Collection[int] | None) -> None:
        """设上限；没有相应控制器时什么也不做，由 `Hierarchy.controllers` 如实报告。

        参数：
            memory：MiB；None 为不限
            cpus：CPU 编号，只取本机有的；None 为不限
        """
        if memory is not None:
            _write(f"{self.path}/memory.max", str(memory << 20))
            _write(f"{self.path}/memory.oom.group", "1")
        present = sorted(set(cpus or ()) & os.sched_getaffinity(0))
        if present:
            _write(f"{self.path}/cpuset.cpus", ",".join(map(str, present)))

    def empty(self) -> bool:
        """一个活进程也没有了，下级 cgroup 也算。"""
        try:
            return b"populated 0" in read_bytes(f"{self.path}/cgroup.events")
        except OSError:
            return True  # 目录都没有了

    def pids(self) -> list[int]:
        """列出活进程，下级 cgroup 里的也在内。"""
        found = []
        for directory, _, _ in os.walk(self.path):
            try:
                found += read_bytes(f"{directory}/cgroup.procs", 1 << 24).split()
            except OSError:
                continue
        return [int(pid) for pid in found if pid != b"0"]  # 0：在别的 PID 名字空间里

    def holds(self, pid: int) -> bool:
        """进程此刻在这个 cgroup 或它的下级里。"""
        try:
            lines = read_bytes(f"/proc/{pid}/cgroup").decode("utf-8", "surrogateescape")
        except OSError:
            return False
        path = next((line[3:] for line in lines.split("\n") if line.startswith("0::")), "")
        return f"{self._suffix}/" in f"{path}/"

    def kill(self) -> None:
        """KILL 全部进程；5.14 起的内核一次杀净，正在 fork 的也逃不掉。"""
        if not _write(f"{self.path}/cgroup.kill", "1"):
            send(signal.SIGKILL, self.pids(), self.holds)

    def usage(self) -> tuple[float, float, int | None]:
        """返回用户态与内核态的 CPU 秒数，以及内存峰值（KiB；没有内存控制器时为 None）。"""
        cpu = _read_table(f"{self.path}/cpu.stat")
        try:
            peak = int(read_bytes(f"{self.path}/memory.peak")) >> 10
        except (OSError, ValueError):
            peak = None
        return cpu.get("user_usec", 0) / 1e6, cpu.get("system_usec", 0) / 1e6, peak

    def out_of_memory(self) -> bool:
        """有进程因为超出作业的内存上限被内核杀死。"""
        return _read_table(f"{self.path}/memory.events").get("oom_kill", 0) > 0

    def close(self) -> None:
        """删掉目录；已经没有活进程。"""
        for directory, _, _ in os.walk(self.path, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                continue


class Hierarchy:
    """本实例在 cgroup 树里的位置。

    参数：
        path：放各作业目录的地方
        controllers：真正生效的控制器
        clones：子进程能一出生就在 cgroup 里；不能时自己搬进去
    """

    def __init__(self, path: str, controllers: tuple[str, ...]) -> None:
        self.path = path
        self.controllers = controllers
        self.clones = True

    def create(self, name: str) -> Cgroup:
        """建立一个作业的目录。

        异常：
            OSError：建不了
        """
        cgroup = Cgroup(f"{self.path}/{name}")
        os.makedirs(cgroup.path, 0o755, exist_ok=True)
        return cgroup

    def fork(self, cgroup: Cgroup) -> int:
        """fork，子进程在 `cgroup` 里；返回值同 `os.fork`。

        异常：
            OSError：进程数到了上限等
        """
        if self.clones:
            directory = os.open(cgroup.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                return fork_into(directory)
            finally:
                os.close(directory)
        pid = os.fork()
        if pid == 0 and not _write(f"{cgroup.path}/cgroup.procs", "0"):
            os._exit(1)
        return pid

    def own_procs(self) -> str:
        """stepd 自己所在的 cgroup 的 cgroup.procs；写进 0 就搬到那里。"""
        base = os.path.dirname(self.path)
        leaf = f"{base}/{_LEAF}/cgroup.procs"
        return leaf if os.path.exists(leaf) else f"{base}/cgroup.procs"

    def tidy(self, used: Collection[str]) -> None:
        """删掉前任来不及删的目录；`used` 里的路径还用着，有进程的本来就删不掉。"""
        for name in names(self.path):
            path = f"{self.path}/{name}"
            if path not in used and os.path.isdir(path):
                Cgroup(path).close()

    def close(self) -> None:
        """删掉本实例的目录；还有作业在跑就留着。"""
        try:
            os.rmdir(self.path)
        except OSError:
            return


def prepare(instance: str) -> Hierarchy | None:
    """建好本实例的目录并试用；任何一步不成就返回 None。

    参数：
        instance：实例的名字，同一个运行目录总是同一个
    """
    try:
        mounts = read_bytes("/proc/self/mountinfo", 1 << 22).decode("utf-8", "surrogateescape")
        own = read_bytes("/proc/self/cgroup").decode("utf-8", "surrogateescape")
    except OSError:
        return None
    directory = locate(mounts, own)
    if directory is None:
        return None
    base = directory.removesuffix(f"/{_LEAF}")
    path = f"{base}/{instance}"
    try:
        os.makedirs(path, 0o755, exist_ok=True)
        hierarchy = Hierarchy(path, _enable(base, path))
        probe = hierarchy.create(f"probe.{os.getpid()}")
    except OSError:
        return None
    try:
        if not _try(hierarchy, probe):
            hierarchy.clones = False
            if not _try(hierarchy, probe):
                return None
    finally:
        probe.close()
    return hierarchy


def locate(mountinfo: str, own: str) -> str | None:
    """由挂载表与自己的 cgroup 得出目录；没有挂载 cgroup2，或者看不到自己的，返回 None。

    参数：
        mountinfo：`/proc/self/mountinfo` 的内容
        own：`/proc/self/cgroup` 的内容；v1 与 v2 混用时也只看 `0::` 那一行
    """
    path = next((line[3:] for line in own.split("\n") if line.startswith("0::")), None)
    if path is None or ".." in path.split("/"):
        return None
    for line in mountinfo.split("\n"):
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            root, mount = fields.split(" ")[3:5]
            root = root.rstrip("/")
            if f"{path}/".startswith(f"{root}/"):
                return (mount + path.removeprefix(root)).rstrip("/")
    return None


def _enable(base: str, path: str) -> tuple[str, ...]:
    """逐级打开内存与 CPU 集控制器；返回作业目录里真正有的。"""
    wanted = ("memory", "cpuset")
    available = read_bytes(f"{base}/cgroup.controllers").decode().split()
    # 真正的根没有 cgroup.type，也不受“不许有进程”之限
    if not set(wanted).isdisjoint(available) and os.path.exists(f"{base}/cgroup.type"):
        leaf = f"{base}/{_LEAF}"
        os.makedirs(leaf, 0o755, exist_ok=True)
        _write(f"{leaf}/cgroup.procs", "0")
    for directory in (base, path):
        for name in wanted:
            _write(f"{directory}/cgroup.subtree_control", f"+{name}")
    enabled = read_bytes(f"{path}/cgroup.subtree_control").decode().split()
    return tuple(name for name in wanted if name in enabled)


def _try(hierarchy: Hierarchy, probe: Cgroup) -> bool:
    """真的放一个进程进去，看它在不在，也看杀不杀得掉。"""
    try:
        pid = hierarchy.fork(probe)
    except OSError:
        return False
    if pid == 0:
        try:
            signal.pause()
        finally:
            os._exit(1)
    deadline = time.monotonic() + 5
    while not (found := probe.holds(pid) and pid in probe.pids()):
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break  # 自己搬不进去，已经退出
        if time.monotonic() > deadline:
            break
        time.sleep(0.001)
    if found:
        probe.kill()
    else:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return found


def _put(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _write(path: str, text: str) -> bool:
    try:
        _put(path, text)
    except OSError:
        return False
    return True


def _read_table(path: str) -> dict[str, int]:
    """读“名字 数值”各占一行的文件；读不了时为空。"""
    try:
        lines = read_bytes(path).decode().splitlines()
    except OSError:
        return {}
    return {name: int(value) for name, _, value in (line.partition(" ") for line in lines)}
