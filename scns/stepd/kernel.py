"""Python 没有包装的几件 Linux 的事。

收养孤儿，从描述符读信号，在 cgroup 里出生，成批关描述符，问死者的退出状态。
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import struct

from scns.stepd.files import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# 2019 年起新增的系统调用，各体系结构同号
_SYS_CLONE3 = 435
_SYS_CLOSE_RANGE = 436
_LAST_DESCRIPTOR = 0xFFFFFFFF
_CLONE_INTO_CGROUP = 0x200000000
_CLONE_ARGS = struct.Struct("11Q")

_SIGSET_BITS = 1024  # glibc 与 musl 的 sigset_t
_SIGINFO = struct.Struct("I124x")  # struct signalfd_siginfo，头一个字段是信号

_PIDFD_GET_INFO = 0xC040FF0B  # _IOWR(0xFF, 11, struct pidfd_info)
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO = struct.Struct("2Q11Ii")

# PyDLL 不放开 GIL：fork 出的子进程回到解释器时必须还握着它
_libc = ctypes.PyDLL(None, use_errno=True)
_signalfd = _libc.signalfd
_signalfd.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
_prctl = _libc.prctl
_prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
_clone3 = _libc["syscall"]
_clone3.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_size_t]
_clone3.restype = ctypes.c_long
_close_range = _libc["syscall"]
_close_range.argtypes = [ctypes.c_long, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint]
_close_range.restype = ctypes.c_long
_before_fork = ctypes.pythonapi.PyOS_BeforeFork
_after_fork_parent = ctypes.pythonapi.PyOS_AfterFork_Parent
_after_fork_child = ctypes.pythonapi.PyOS_AfterFork_Child
for _hook in (_before_fork, _after_fork_parent, _after_fork_child):
    _hook.argtypes = []
    _hook.restype = None


def adopt_orphans() -> None:
    """让自己成为 subreaper：后代里的孤儿归自己，不归 init。见 prctl(2)。

    异常：
        OSError：内核不许；3.4 以前的内核没有
    """
    if _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


def die_with_parent() -> None:
    """父进程一死，自己就收到 KILL；exec 之后仍然作数。见 prctl(2) PR_SET_PDEATHSIG。"""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def signal_descriptor(numbers: Collection[int]) -> int:
    """给出可以读到这些信号的描述符，不阻塞；见 signalfd(2)。信号要由调用者屏蔽。

    异常：
        OSError：描述符用完了
    """
    bits = 8 * ctypes.sizeof(ctypes.c_ulong)
    mask = (ctypes.c_ulong * (_SIGSET_BITS // bits))()
    for number in numbers:
        mask[(number - 1) // bits] |= 1 << (number - 1) % bits
    fd = int(_signalfd(-1, mask, os.O_NONBLOCK | os.O_CLOEXEC))
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return fd


def read_signals(descriptor: int) -> list[int]:
    """读出 `signal_descriptor` 里已经来了的信号；同一个信号来几次只算一次。"""
    try:
        data = os.read(descriptor, 64 * _SIGINFO.size)
    except BlockingIOError:
        return []
    return [number for (number,) in _SIGINFO.iter_unpack(data)]


def fork_into(directory: int) -> int:
    """fork，子进程一出生就在 cgroup 里；返回值同 `os.fork`。

    先 fork 再写 cgroup.procs，闲时要等一个 RCU 宽限期（实测 6 至 20 毫秒）；clone3 不用等。
    前后三个调用是 CPython 为“类似 fork 的函数”公开的 C API。

    参数：
        directory：cgroup 目录的描述符

    异常：
        OSError：5.7 以前的内核没有，或容器不许用
    """
    arguments = ctypes.create_string_buffer(
        _CLONE_ARGS.pack(_CLONE_INTO_CGROUP, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, directory)
    )
    _before_fork()
    pid = int(_clone3(_SYS_CLONE3, arguments, _CLONE_ARGS.size))
    if pid == 0:
        _after_fork_child()
        return 0
    _after_fork_parent()
    if pid < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return pid


def close_descriptors(keep: Collection[int] = ()) -> None:
    """关掉 0、1、2 与 `keep` 以外的全部描述符。

    不用 `os.closerange`：编译时没有 close_range 的 Python 会一个个去关，上限可以是一百万。
    """
    first = 3
    for kept in [*sorted(keep), _LAST_DESCRIPTOR + 1]:
        if first < kept and _close_range(_SYS_CLOSE_RANGE, first, kept - 1, 0) != 0:
            _close_listed(keep)  # 5.9 以前的内核没有
            return
        first = max(first, kept + 1)


def _close_listed(keep: Collection[int]) -> None:
    for name in names("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                continue  # 列目录用的那一个，已经关了


#: 启动者给的 RLIMIT_NOFILE 的软上限；还没有抬高过为 None。
_usual_open_files: int | None = None


def raise_open_files() -> None:
    """把自己能打开的文件数抬到硬上限：连接与递来的描述符是别人的，不能由它们占满。"""
    global _usual_open_files
    _usual_open_files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def restore_open_files() -> None:
    """恢复启动者给的软上限；作业与管理员的程序看见的与从前一样。"""
    if _usual_open_files not in (None, resource.RLIM_INFINITY):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard == resource.RLIM_INFINITY or _usual_open_files <= hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (_usual_open_files, hard))


def exit_status(handle: int) -> int | None:
    """问一个已被别人收尸的进程的等待状态。

    参数：
        handle：它在世时打开的 pidfd

    返回：
        None：还没有被收尸；6.15 以前的内核永远如此
    """
    request = bytearray(_PIDFD_INFO.size)
    struct.pack_into("Q", request, 0, _PIDFD_INFO_EXIT)
    try:
        fcntl.ioctl(handle, _PIDFD_GET_INFO, request)
    except OSError:
        return None
    reply = _PIDFD_INFO.unpack(request)
    return int(reply[-1]) if reply[0] & _PIDFD_INFO_EXIT else None
