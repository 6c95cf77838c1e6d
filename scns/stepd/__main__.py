"""`python -m scns.stepd`：检查命令行与环境，成为 guardian 与 stepd 这一对。"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time

from scns.stepd import cgroup
from scns.stepd.guardian import Pair
from scns.stepd.kernel import close_descriptors, raise_open_files
from scns.stepd.log import log
from scns.stepd.options import USAGE, Options, UsageError, parse
from scns.stepd.spool import Spool

_LOCK_NAME = "stepd.lock"


class CannotStart(Exception):
    """起不来；文本是理由。"""


def main(arguments: list[str]) -> int:
    """返回退出码：0 为正常停下或只要帮助，2 为命令行不对，其余为起不来。"""
    try:
        options = parse(arguments, os.geteuid())
    except UsageError as error:
        sys.stderr.write(f"stepd: {error}\n{USAGE}")
        return 2
    if options is None:
        sys.stdout.write(USAGE)
        return 0
    _clean_up_inheritance()
    try:
        lock = _prepare(options)
    except (CannotStart, OSError) as error:
        log(str(error))
        return 1
    ready = None if options.foreground else _detach()
    hierarchy = cgroup.prepare(options.instance) if options.cgroups else None
    where = "no cgroups" if hierarchy is None else f"cgroups in {hierarchy.path}"
    log(f"{options.instance} in {options.run_dir}, {where}")
    code = Pair(options, hierarchy, ready).keep_alive()
    os.close(lock)
    return code


def _clean_up_inheritance() -> None:
    """不带着启动者的东西：描述符、信号处置、目录、umask 都换成自己的。"""
    for _ in range(3):
        # 0、1、2 有缺的就补上，不然后来打开的文件会占了它们的位置
        if os.open(os.devnull, os.O_RDWR) > 2:
            break
    close_descriptors()
    raise_open_files()
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    # 写断了的管道、写满了的文件要的是错误，不是死；屏蔽而不忽略，因为 exec 不恢复忽略
    signal.pthread_sigmask(signal.SIG_SETMASK, (signal.SIGPIPE, signal.SIGXFSZ))
    os.chdir("/")
    os.umask(0o022)


def _prepare(options: Options) -> int:
    """准备目录、锁与日志；返回锁的描述符，握着它就没有第二对。

    异常：
        CannotStart：已经有一对在运行
        OSError：目录或日志用不了
    """
    os.makedirs(options.run_dir, 0o755, exist_ok=True)
    path = os.path.join(options.run_dir, _LOCK_NAME)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if not _take(lock):
        raise CannotStart(f"stepd is already running in {options.run_dir}")
    Spool(options.spool)
    if options.log is not None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        os.dup2(os.open(options.log, flags, 0o640), 2)
    return lock


def _take(lock: int) -> bool:
    """锁上；多试几次，因为别人看一眼有没有人锁着，也要占它一瞬。"""
    for pause in (0.02, 0.05, 0.1, 0.0):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause)
        else:
            return True
    return False


def _detach() -> int:
    """到后台去；前台的进程等到 stepd 开始监听才退出。返回报告用的描述符。"""
    waiting, ready = os.pipe()
    if os.fork() > 0:
        os.close(ready)
        os._exit(0 if os.read(waiting, 1) else 1)
    os.close(waiting)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return ready


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
