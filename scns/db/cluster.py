"""嵌入式 PostgreSQL：准备、启动、接管、停止。

监督进程（root 或用户自己）导入它，所以只用标准库；角色与数据库由 `bootstrap` 建立。
postgres 是监督进程的直接子进程，不经 `pg_ctl`：17 毫秒就绪，`pg_ctl` 每 100 毫秒才看一眼。
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from scns import home as home_
from scns.db import binaries as binaries_
from scns.db import datadir, postmaster, upgrade
from scns.db.account import ENVIRONMENT, Account, server_account
from scns.db.binaries import Binaries
from scns.db.connect import PORT, SOCKET
from scns.db.serverlog import ServerLog
from scns.errors import ScnsError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

#: 每个 PostgreSQL 进程的地址空间上限，字节。没有它，一条 200 MB 的语句会占用 2.3 GB；有它，
#: 100 MB 的语句得到 “out of memory”，别人不受影响。最大的脚本（4 MiB）只用 48 MB。
ADDRESS_SPACE = 512 << 20

#: 等服务器就绪的秒数；崩溃后重放 WAL 可能要一分钟以上。
START_TIMEOUT = 300.0

#: 被 `kill -9` 的 postmaster 留下的后端离开之前，重试启动的秒数。
LEFTOVER_PATIENCE = 3.0

#: SIGQUIT 之后再等的秒数：postmaster 等后端 5 秒，然后对它们 SIGKILL。
QUIT_PATIENCE = 8.0


class StartFailed(Unavailable):
    """服务器在就绪之前退出了；句子里有它最后的话。"""


@dataclass(frozen=True)
class Started:
    """启动的结果。

    参数：
        pid：postmaster 的 pid
        process：由本次调用启动时是子进程，调用者要 `wait` 它；接管来的为 None
    """

    pid: int
    process: subprocess.Popen[bytes] | None


@dataclass(frozen=True)
class Cluster:
    """一个状态目录里的 PostgreSQL。

    参数：
        home：状态目录的绝对路径，见 `scns.home.state_home`
    """

    home: str

    @property
    def data(self) -> str:
        """数据目录。"""
        return home_.data_dir(self.home)

    @property
    def log(self) -> ServerLog:
        """服务器的日志。"""
        return ServerLog(self.home)

    def prepare(self) -> Binaries:
        """备好服务账户、目录、程序与数据目录，必要时升级；返回要用的程序。

        可以重复调用；服务器运行着时不得调用 `spawn`，但调用这里无害。

        异常：
            ScnsError：状态目录写不了、空间不足、没有程序，或升级不了
        """
        account = server_account()
        with self._exclusive(account, time.monotonic() + START_TIMEOUT) as lock:
            return self._prepare(account, lock)[0]

    def start(self, timeout: float = START_TIMEOUT) -> Started:
        """让服务器运行并就绪：已经运行就接管，否则启动。

        两个进程同时调用时一个启动，另一个接管。

        异常：
            StartFailed：服务器启动不了
            Unavailable：到时还没有就绪；服务器留着继续，再次调用会接着等
            ScnsError：见 `prepare`
        """
        account = server_account()
        deadline = time.monotonic() + timeout
        with self._exclusive(account, deadline) as lock:
            pid = self._running_past_shutdown(deadline)
            if pid is not None:
                self.wait_ready(pid, deadline)
                return Started(pid, None)
            chosen, upgraded = self._prepare(account, lock)
            process = self._spawn_until_ready(chosen, account, deadline)
            if not upgraded:
                upgrade.discard_old(self.home, chosen)
            return Started(process.pid, process)

    def spawn(self, binaries: Binaries, account: Account | None = None) -> subprocess.Popen[bytes]:
        """启动 postgres，不等它就绪；调用者保证没有别的在运行。"""
        account = account or server_account()
        environment = dict(ENVIRONMENT)
        stale = postmaster.read_pid_file(self.data)
        if stale is not None:
            # 那个 pid 或是还没被收走的僵尸，或已是别的进程；这个变量让 postgres 不当它是对手，
            # 但照样检查共享内存，所以没走的后端仍然挡得住它（miscinit.c，CreateLockFile）
            environment["PG_GRANDPARENT_PID"] = str(stale.pid)
        log = self.log.open()
        try:
            process = subprocess.Popen(
                [binaries.program("postgres"), "-D", self.data],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, _address_space()),
                **account.identity(),
            )
        finally:
            os.close(log)
        return process

    def wait_ready(
        self, server: subprocess.Popen[bytes] | int, deadline: float, log_offset: int = 0
    ) -> None:
        """等到服务器接受连接。

        参数：
            server：`spawn` 返回的子进程，或接管来的 pid
            deadline：`time.monotonic()` 的时刻
            log_offset：启动前日志的字节数；失败时只引用其后的话

        异常：
            StartFailed：它退出了
            Unavailable：到时还没有就绪
        """
        child = None if isinstance(server, int) else server
        pid = server if isinstance(server, int) else server.pid
        while True:
            found = postmaster.read_pid_file(self.data)
            if found is not None and found.pid == pid and found.status == "ready":
                return
            gone = (
                not postmaster.is_server(pid, self.data)
                if child is None
                else child.poll() is not None
            )
            if gone:
                raise StartFailed(self.log.complaint(log_offset))
            if time.monotonic() >= deadline:
                raise Unavailable(f"PostgreSQL (pid {pid}) is still starting; see {self.log.path}")
            time.sleep(0.002)

    def running_pid(self) -> int | None:
        """运行着的 postmaster 的 pid；没有则返回 None。

        只有数据目录的主人与 root 看得到；别人总是得到 None。
        """
        found = postmaster.read_pid_file(self.data)
        if found is None or not postmaster.is_server(found.pid, self.data):
            return None
        return found.pid

    def stop(self, grace: float = 10.0) -> bool:
        """停止服务器；本来就没有运行时返回 False。

        先 SIGINT（断开会话，做检查点），过了宽限期 SIGQUIT（立即退出，下次启动时恢复）。
        它若是本进程的子进程，随后还要由持有者 `wait`。

        参数：
            grace：宽限期，秒

        异常：
            ScnsError：SIGQUIT 之后仍不退出
        """
        pid = self.running_pid()
        if pid is None:
            return False
        for number, patience in ((signal.SIGINT, grace), (signal.SIGQUIT, QUIT_PATIENCE)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            if postmaster.wait_gone(pid, self.data, time.monotonic() + patience):
                return True
        raise ScnsError(f"PostgreSQL (pid {pid}) of {self.data} does not stop")

    def version(self) -> str:
        """下一次启动会用的 PostgreSQL 版本，例如 `18.6.3`；不改动任何东西。

        异常：
            ScnsError：没有可用的程序
        """
        major = datadir.data_major(self.data)
        return binaries_.choose(binaries_.find(self.home), major).serve.version_text

    def dsn(self, user: str, database: str = "scns") -> tuple[str, int | None]:
        """给出 libpq 连接串与要保持打开到连上为止的描述符，同 `scns.db.connect.dsn`。"""
        path, fd = home_.socket_path(home_.run_dir(self.home), SOCKET)
        host = os.path.dirname(path)
        words = {"host": host, "port": str(PORT), "dbname": database, "user": user}
        return " ".join(f"{key}={_quote(value)}" for key, value in words.items()), fd

    def _prepare(self, account: Account, lock: int) -> tuple[Binaries, bool]:
        """`prepare` 的本体，持锁调用；另返回是否刚刚升级过。"""
        upgrade.finish(self.home)
        major = datadir.data_major(self.data)
        choice = binaries_.choose(binaries_.find(self.home), major)
        old = choice.upgrade_from
        if old is not None and self.running_pid() is not None:
            # 运行着的旧版本照常服务，下次启动时再升级
            return old, False
        serve = choice.serve
        if serve.origin == "wheel":
            serve = binaries_.pin(self.home, serve)
        if major is None:
            datadir.initialise(self.data, account, serve, lock)
        elif old is not None:
            self._upgrade(account, old, serve, lock)
        else:
            datadir.write_settings(self.data, account, serve.major)
        return serve, old is not None

    def _upgrade(self, account: Account, old: Binaries, new: Binaries, lock: int) -> None:
        datadir.write_settings(self.data, account, old.major)
        if not upgrade.was_shut_down(self.data, account, old):
            process = self._spawn_until_ready(old, account, time.monotonic() + START_TIMEOUT)
            process.send_signal(signal.SIGINT)
            process.wait()
        seconds = upgrade.upgrade(self.home, account, old, new, lock)
        self.log.note(f"upgraded PostgreSQL {old.major} to {new.major} in {seconds:.1f} s")

    def _spawn_until_ready(
        self, chosen: Binaries, account: Account, deadline: float
    ) -> subprocess.Popen[bytes]:
        """启动并等它就绪；上一个 postmaster 被 `kill -9` 时，赶走它没走的后端再试。"""
        crashed = postmaster.read_pid_file(self.data) is not None
        began = time.monotonic()
        while True:
            offset = self.log.size()
            process = self.spawn(chosen, account)
            try:
                self.wait_ready(process, deadline, offset)
            except StartFailed:
                waited = time.monotonic() - began
                if not crashed or waited > LEFTOVER_PATIENCE:
                    raise
                # 空闲的后端自己会走；正在计算的要计算完才发觉，也可能永远算不完
                polite = waited < LEFTOVER_PATIENCE / 2
                for pid in postmaster.leftovers(self.data):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGQUIT if polite else signal.SIGKILL)
                time.sleep(0.05)
            else:
                return process

    def _running_past_shutdown(self, deadline: float) -> int | None:
        """运行着的 postmaster；正在停止的等它停完，那就是没有。"""
        pid = self.running_pid()
        found = postmaster.read_pid_file(self.data)
        if pid is None or found is None or found.status != "stopping":
            return pid
        if not postmaster.wait_gone(pid, self.data, deadline):
            raise Unavailable(f"PostgreSQL (pid {pid}) is still shutting down; see {self.log.path}")
        return None

    @contextmanager
    def _exclusive(self, account: Account, deadline: float) -> Iterator[int]:
        """建好各目录并持有状态目录的锁；其间的 OSError 换成指名路径的句子。"""
        try:
            datadir.lay_out(self.home, account)
            path = os.path.join(self.home, "lock")
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                self._lock(lock, deadline)
                yield lock
            finally:
                os.close(lock)
        except OSError as error:
            path = error.filename2 or error.filename or self.home
            raise ScnsError(f"Cannot use {path}: {error.strerror}") from error

    def _lock(self, lock: int, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Unavailable(
                        f"Another process is still starting the database of {self.home}"
                    ) from None
                time.sleep(0.02)
            else:
                return


def _address_space() -> tuple[int, int]:
    """子进程的 RLIMIT_AS：不超过已有的硬上限。"""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = ADDRESS_SPACE if hard == resource.RLIM_INFINITY else min(hard, ADDRESS_SPACE)
    return limit, limit


def _quote(value: str) -> str:
    """libpq 连接串里的值：总加引号，反斜杠与单引号前加反斜杠。"""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
