"""状态目录：数据、套接字、日志、pid 文件都在哪里。

只用标准库，客户端热路径也用它。套接字路径再长也不要紧：绑定与连接都经
`/proc/self/fd/N`，见 `socket_path`。
"""

import fcntl
import os

#: 系统级（root 启动）状态目录。
SYSTEM_HOME = "/var/lib/scns"

#: 找不到状态目录里的配置时再看这里。
SYSTEM_CONF = "/etc/scns/scns.conf"

#: Unix 套接字地址的上限是 108 字节，含结尾的 NUL。
SOCKET_PATH_LIMIT = 107


def state_home() -> str:
    """客户端要找的状态目录，绝对路径。

    依次：`SCNS_HOME`；root 用系统目录；普通用户先用自己已有的目录，自己没有而系统级实例
    在运行时用系统目录；都没有则是自己将要建立的目录。
    """
    own = own_home()
    if "SCNS_HOME" in os.environ or os.geteuid() == 0 or os.path.isdir(own):
        return own
    if os.path.exists(os.path.join(run_dir(SYSTEM_HOME), ".s.PGSQL.5432")):
        return SYSTEM_HOME
    return own


def own_home() -> str:
    """自己的实例的状态目录，`scns up` 启动的就是它；还没有建立也返回。"""
    named = os.environ.get("SCNS_HOME")
    if named:
        return os.path.abspath(named)
    if os.geteuid() == 0:
        return SYSTEM_HOME
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(state, "scns")


def run_dir(home: str) -> str:
    """套接字与 pid 文件的目录；所有本机用户可进入。"""
    return os.path.join(home, "run")


def data_dir(home: str) -> str:
    """嵌入式 PostgreSQL 的数据目录。"""
    return os.path.join(home, "data")


def log_dir(home: str) -> str:
    """各守护进程的日志目录。"""
    return os.path.join(home, "log")


def bin_dir(home: str) -> str:
    """仿 Slurm 的命令以本名所在的目录；作业的 PATH 以它结尾。"""
    return os.path.join(home, "bin")


def spool_dir(home: str) -> str:
    """stepd 的脚本副本与日记目录。"""
    return os.path.join(home, "spool")


def conf_path(home: str) -> str | None:
    """配置文件的路径；没有配置文件时返回 None。

    `SCNS_CONF` 指名的文件即使不存在也返回，让读它的人报错，而不是悄悄用默认值。
    """
    named = os.environ.get("SCNS_CONF")
    if named:
        return os.path.abspath(named)
    for path in (os.path.join(home, "scns.conf"), SYSTEM_CONF):
        if os.path.exists(path):
            return path
    return None


def socket_path(directory: str, name: str) -> tuple[str, int | None]:
    """给出可用于 bind 或 connect 的套接字路径。

    返回：
        路径，以及要保持打开到 bind 或 connect 之后的目录描述符；路径够短时后者为 None
    """
    path = os.path.join(directory, name)
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path, None
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{fd}/{name}", fd


def holder(directory: str, name: str, lock: str | None = None) -> int | None:
    """守护进程的进程号，取自 `NAME.pid`；没有运行或看不到时返回 None。

    进程一直锁着一个文件，锁随它一起消失，所以不会把旧文件里的号码当成活的进程。

    参数：
        lock：它锁着的文件；None 时就是 pid 文件自己
    """
    path = os.path.join(directory, f"{name}.pid")
    try:
        descriptor = _open_plain(path if lock is None else os.path.join(directory, lock))
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_pid(path)
    finally:
        os.close(descriptor)
    return None


def _read_pid(path: str) -> int | None:
    try:
        with open(_open_plain(path), "rb") as stream:
            text = stream.read(32).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _open_plain(path: str) -> int:
    """只读打开；目录可能属于服务账户，所以不跟随链接，也不让 FIFO 卡住。"""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)


def stepd_pid(directory: str) -> int | None:
    """守着 stepd 的 guardian 的进程号；它与 stepd 共用一把锁。"""
    return holder(directory, "guardian", "stepd.lock")


def take_pid_file(path: str) -> int | None:
    """写下自己的进程号并锁住；别人锁着时返回 None，否则返回要一直打开的描述符。"""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor
