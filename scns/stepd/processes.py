"""从 /proc 看进程，给进程发信号。

`/proc/PID/stat` 的字段见 proc(5)；启动时刻（第 22 个字段）与进程号合起来才认得准一个进程。
"""

from __future__ import annotations

import os
import signal

from scns.stepd.files import names, read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

#: 作业环境里认领进程的变量；值是 `实例.作业号.第几次`。
MARK = "SCNS_ATTEMPT"

_MARK_FIELD = b"\0" + MARK.encode() + b"="
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_ENVIRON_LIMIT = 4 << 20


class Stat:
    """`/proc/PID/stat` 里用得着的字段。

    参数：
        state：一个字母；`Z` 与 `X` 是已经死了的
        ticks：启动时刻，开机以来的时钟滴答
        user、system：自己与已收尸子进程的 CPU 秒数
    """

    __slots__ = ("parent", "session", "state", "system", "ticks", "user")

    def __init__(self, text: bytes) -> None:
        # 程序名可以含括号与空格，所以从最后一个右括号数起
        fields = text[text.rindex(b")") + 2 :].split()
        self.state = fields[0].decode()
        self.parent = int(fields[1])
        self.session = int(fields[3])
        self.user = (int(fields[11]) + int(fields[13])) / _TICKS_PER_SECOND
        self.system = (int(fields[12]) + int(fields[14])) / _TICKS_PER_SECOND
        self.ticks = int(fields[19])

    @property
    def dead(self) -> bool:
        """只剩等人收尸的僵尸。"""
        return self.state in "ZX"


class Process:
    """一个活进程在某一刻的样子。

    参数：
        mark：环境里的 `MARK`；没有、读不到、不必读时为 None
    """

    __slots__ = ("mark", "parent", "pid", "session", "ticks", "uid")

    def __init__(
        self, pid: int, parent: int, session: int, ticks: int, uid: int, mark: str | None
    ) -> None:
        self.pid = pid
        self.parent = parent
        self.session = session
        self.ticks = ticks
        self.uid = uid
        self.mark = mark


def stat(pid: int) -> Stat | None:
    """读一个进程的状态；进程不存在时返回 None。"""
    try:
        return Stat(read_bytes(f"/proc/{pid}/stat"))
    except (OSError, ValueError, IndexError):
        return None


def scan(uids: Collection[int]) -> dict[int, Process]:
    """给全机的活进程照一张相；只读属于 `uids` 的进程的环境。"""
    found = {}
    for name in names("/proc"):
        if name.isdigit():
            process = _look(int(name), uids)
            if process is not None:
                found[process.pid] = process
    return found


def _look(pid: int, uids: Collection[int]) -> Process | None:
    now = stat(pid)
    if now is None or now.dead:
        return None
    try:
        uid = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
    mark = _read_mark(pid) if uid in uids else None
    return Process(pid, now.parent, now.session, now.ticks, uid, mark)


def _read_mark(pid: int) -> str | None:
    try:
        environ = b"\0" + read_bytes(f"/proc/{pid}/environ", _ENVIRON_LIMIT)
    except OSError:
        return None
    start = environ.find(_MARK_FIELD)
    if start < 0:
        return None
    value = environ[start + len(_MARK_FIELD) :].split(b"\0", 1)[0]
    return value.decode("ascii", "replace")


def children(pid: int) -> list[int] | None:
    """列出一个单线程进程的子进程，僵尸在内；内核没有这份名单时返回 None。"""
    try:
        return [int(child) for child in read_bytes(f"/proc/{pid}/task/{pid}/children").split()]
    except OSError:
        return None


def send(number: int, pids: Iterable[int], holds: Callable[[int], bool]) -> None:
    """给名单上的进程发信号。

    进程号会被重用，所以先用 pidfd 占住进程，再由 `holds` 确认它仍属于这个作业。
    """
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        except OSError:
            handle = -1  # 5.3 以前的内核没有 pidfd，某些容器不许用
        try:
            if not holds(pid):
                continue
            if handle >= 0:
                signal.pidfd_send_signal(handle, number)
            else:
                os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue  # 已经死了；或在个人实例里换了别的 uid（sudo），管不着
        finally:
            if handle >= 0:
                os.close(handle)


def kill_group(leader: int) -> None:
    """杀死一组；领头的刚出生、还没有自成一组的只杀它自己。"""
    for kill in (os.killpg, os.kill):
        try:
            kill(leader, signal.SIGKILL)
        except ProcessLookupError:
            continue
