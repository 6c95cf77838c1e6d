"""守护进程 scnsd 的入口：装好、降权、连库、循环；断了重连，收到 SIGTERM 就走。

停下时作业照常运行：它们是 stepd 的孩子，下一个 scnsd 接着管。
"""

from __future__ import annotations

import argparse
import logging
import os
import pwd
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import psycopg2

from scns import __version__, config, gpus, home
from scns.db import connect, lease, migrate
from scns.db.prepared import PreparedCursor
from scns.errors import ScnsError
from scns.scheduler import SHUT_DOWN
from scns.scheduler.link import StepdLink
from scns.scheduler.loop import Scheduler
from scns.scheduler.reader import Reader
from scns.scheduler.ringer import Ringer
from scns.scheduler.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger("scnsd")

#: 数据库不在时两次尝试的间隔，秒。
RECONNECT_SECONDS = 0.05


def entry(arguments: Sequence[str] | None = None) -> int:
    """命令 `scnsd`；返回退出码。"""
    options = _parse(arguments)
    _log_to(options.log)
    try:
        # 降权之前打开：之后进不去属于 root 的目录
        lock = _lock(options.home)
        migrate.functions_digest()
        _drop_privileges(options.user)
        return run(options)
    except ScnsError as error:
        log.error("%s", error)
        return error.exit_code
    finally:
        if "lock" in locals():
            os.close(lock)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scnsd", description="The scns scheduling daemon.")
    parser.add_argument("--home", default=home.state_home(), help="state directory")
    parser.add_argument("--node", default=short_host_name(), help="name of this node")
    parser.add_argument("--user", help="run as this user (when started by root)")
    parser.add_argument("--log", help="log file (default: stderr)")
    parser.add_argument("--version", action="version", version=f"scns {__version__}")
    return parser.parse_args(arguments)


def short_host_name() -> str:
    """主机名的第一段：没有配置文件时的节点名。"""
    return socket.gethostname().split(".")[0]


def _log_to(path: str | None) -> None:
    handler = logging.FileHandler(path) if path else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=os.environ.get("SCNS_LOG_LEVEL", "INFO"), handlers=[handler])


def _lock(state: str) -> int:
    """同一个状态目录只许一个 scnsd；锁随进程一起消失。

    异常：
        ScnsError：已有一个在运行
    """
    descriptor = home.take_pid_file(os.path.join(home.run_dir(state), "scnsd.pid"))
    if descriptor is None:
        raise ScnsError(f"scnsd is already running for {state}")
    return descriptor


def _drop_privileges(user: str | None) -> None:
    """从 root 变成无特权的用户；模块都已导入，之后读不到 root 的虚拟环境也不要紧。"""
    if user is None or os.geteuid() != 0:
        return
    try:
        entry_ = pwd.getpwnam(user)
    except KeyError:
        raise ScnsError(f"user {user} does not exist") from None
    os.initgroups(user, entry_.pw_gid)
    os.setgid(entry_.pw_gid)
    os.setuid(entry_.pw_uid)


def load_config(path: str | None, node: str) -> config.Config:
    """读配置；没有文件时是这台机器与一个 main 分区。"""
    return config.load(
        path,
        host=node,
        cpus=len(os.sched_getaffinity(0)),
        memory_mib=psutil.virtual_memory().total >> 20,
        gres=gpus.detect(),
    )


def run(options: argparse.Namespace) -> int:
    """连库、循环，直到要求停止；奉命停下的返回 `SHUT_DOWN`。"""
    conf = home.conf_path(options.home)
    settings = load_config(conf, options.node)
    link = StepdLink(home.run_dir(options.home))
    wakeup = Wakeup()
    wakeup.install()
    ringer = Ringer(home.run_dir(options.home))
    ringer.install()
    log.info("scnsd %s started on %s, pid %d", __version__, options.node, os.getpid())
    ready = configured = False
    code = 0
    try:
        while not wakeup.stopped:
            connection = _connect(options.home, wakeup)
            if connection is None:
                break
            scheduler = Scheduler(
                node=options.node,
                cursor=connection.cursor(cursor_factory=PreparedCursor),
                link=link,
                config=settings,
                conf_path=conf,
                reload=lambda: load_config(conf, options.node),
                reader=Reader.of(settings),
                configured=configured,
            )
            try:
                scheduler.begin()
                if not ready:
                    notify_ready()
                    ready = True
                ringer.ring_all()
                _serve(scheduler, connection, wakeup, ringer)
            except psycopg2.Error as error:
                # 连接断在半路时 libpq 有时只给一个没有说法的 DatabaseError
                lost = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
                if not lost and not connection.closed:
                    raise
                log.warning(
                    "lost the database: %s", (str(error).strip() or "no message").splitlines()[0]
                )
            finally:
                if not connection.closed:
                    connection.close()
            settings, configured = scheduler.config, scheduler.configured
            if scheduler.stopping:
                code = SHUT_DOWN
                break
    finally:
        link.close()
        wakeup.close()
    log.info("scnsd stopped; running jobs go on")
    return code


def _serve(scheduler: Scheduler, connection: Any, wakeup: Wakeup, ringer: Ringer) -> None:
    """一轮接一轮，直到停止或断线。"""
    while not (wakeup.stopped or scheduler.stopping):
        if wakeup.reloaded:
            wakeup.reloaded = False
            scheduler.reload_config()
        more = scheduler.run_once(time.time())
        woken = ringer.take(connection)
        if not (more or woken):
            client = scheduler.link.client
            wakeup.wait(
                connection,
                None if client is None else client.fileno(),
                scheduler.wait_seconds(time.time()),
                ringer.take,
            )
    if scheduler.epoch is not None:
        lease.release(scheduler.cursor, scheduler.node, scheduler.epoch)


def _connect(state: str, wakeup: Wakeup) -> Any:
    """以角色 `scns` 连上；数据库不在时一直试到它回来，要求停止时返回 None。

    异常：
        WrongSchema：库比本版本新，再等也没有用
    """
    said = False
    while not wakeup.stopped:
        try:
            text, descriptor = connect.dsn(state, "scns")
            try:
                connection = psycopg2.connect(text)
            finally:
                if descriptor is not None:
                    os.close(descriptor)
            connection.autocommit = True
            found = migrate.schema_version(connection)
        except (psycopg2.OperationalError, OSError) as error:
            if not said:
                log.warning("waiting for the database: %s", str(error).strip().splitlines()[0])
                said = True
            wakeup.wait(None, None, RECONNECT_SECONDS)
            continue
        if found == migrate.SCHEMA_VERSION and migrate.has_functions(connection):
            return connection
        connection.close()
        if found is not None and found > migrate.SCHEMA_VERSION:
            raise migrate.WrongSchema(found)
        # 正在建立或升级；做这件事的是 `scns up`
        if not said:
            log.warning("waiting for the database schema %s", migrate.SCHEMA_VERSION)
            said = True
        wakeup.wait(None, None, RECONNECT_SECONDS)
    return None


def notify_ready() -> None:
    """告诉 systemd 可以用了；不在 systemd 之下时什么也不做。来源：sd_notify(3)。"""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.sendto(b"READY=1", address)


if __name__ == "__main__":
    sys.exit(entry())
