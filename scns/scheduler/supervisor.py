"""`scns up` 在后台留下的监督进程：PostgreSQL、stepd、scnsd 死了就再启动。

在 systemd 之下不用它，各单元自己重启。它死了别的照常运行；再来一个时逐个接管：
不是自己孩子的进程也能用 pidfd 等。启动与停止的次序都在这里。
"""

from __future__ import annotations

import argparse
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from scns import config, home
from scns.db.account import server_account
from scns.db.cluster import Cluster
from scns.errors import ScnsError
from scns.scheduler import SHUT_DOWN
from scns.scheduler.wakeup import Wakeup

log = logging.getLogger("supervisor")

#: 连续早夭时两次启动之间的等待，秒；一次比一次久，活过 `STEADY` 秒就从头来。
FIRST_PAUSE, LONGEST_PAUSE, STEADY = 0.1, 10.0, 10.0

#: 停止时等 scnsd、stepd 退出的秒数。
STOP_PATIENCE = 60.0

#: 启动的结果：进程号，以及自己的孩子（接管来的为 None）。
Launched = tuple[int, "subprocess.Popen[bytes] | None"]


@dataclass(slots=True)
class Service:
    """一个被看着的进程。

    参数：
        launch：已在运行就接管，否则启动
        retry_at：`time.monotonic()` 的时刻，到了再启动；None 是正在运行，或奉命停下了
    """

    name: str
    launch: Callable[[], Launched]
    pid: int | None = None
    child: subprocess.Popen[bytes] | None = None
    watch: int | None = None
    since: float = 0.0
    pause: float = FIRST_PAUSE
    retry_at: float | None = field(default=0.0)

    def begin(self) -> None:
        """接管或启动；不成就过一会儿再来。"""
        try:
            self.pid, self.child = self.launch()
            self.watch = os.pidfd_open(self.pid)
        except (OSError, ScnsError) as error:
            log.error("%s does not start: %s", self.name, error)
            self._later()
            return
        self.since, self.retry_at = time.monotonic(), None
        verb = "started" if self.child else "adopted"
        log.info("%s %s, pid %d", verb, self.name, self.pid)

    def ended(self) -> None:
        """进程没了：收走，准备再启动。"""
        code = self.child.wait() if self.child is not None else None
        log.warning("%s (pid %s) ended with %s", self.name, self.pid, code)
        if self.watch is not None:
            os.close(self.watch)
        if time.monotonic() - self.since > STEADY:
            self.pause = FIRST_PAUSE
        self.pid = self.child = self.watch = None
        if code == SHUT_DOWN:
            log.info("%s was told to shut down; 'scns up' starts it again", self.name)
            return
        self._later()

    def wake(self) -> None:
        """奉命停下的再启动。"""
        if self.pid is None and self.retry_at is None:
            self.retry_at = time.monotonic()

    def _later(self) -> None:
        self.retry_at = time.monotonic() + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


def services(state: str) -> list[Service]:
    """要看着的进程，按启动的次序。

    PostgreSQL 头一次要建库，近一秒；另两个会等它，所以排在前面，各自的装载与建库同时进行。
    """
    found = [Service("stepd", lambda: _stepd(state)), Service("scnsd", lambda: _scnsd(state))]
    if embedded(state):
        found.append(Service("postgres", lambda: _postgres(state)))
    return found


def embedded(state: str) -> bool:
    """用自带的 PostgreSQL；指名了外部数据库时为假。"""
    return not (
        os.environ.get("SCNS_DSN") or os.path.exists(os.path.join(home.run_dir(state), "dsn"))
    )


def _postgres(state: str) -> Launched:
    started = Cluster(state).start()
    return started.pid, started.process


def _stepd(state: str) -> Launched:
    running = home.stepd_pid(home.run_dir(state))
    if running is not None:
        return running, None
    account = server_account()
    words = [
        "--run",
        home.run_dir(state),
        "--spool",
        home.spool_dir(state),
        "--client-uid",
        str(account.uid),
        "--jobs-of",
        str(os.geteuid()),
        "--node",
        os.uname().nodename.split(".")[0],
        "--log",
        os.path.join(home.log_dir(state), "stepd.log"),
        "--foreground",
        *hook_options(state),
    ]
    child = _spawn(state, "stepd", ["-m", "scns.stepd", *words])
    return child.pid, child


def hook_options(state: str) -> list[str]:
    """配置里的 Prolog、Epilog 与时限，写成 stepd 的选项；stepd 重新启动才看得见改动。

    从这里给而不由 scnsd 给：scnsd 没有特权，不能由它决定 stepd 以 root 运行什么。

    异常：
        ScnsError：配置文件不对
    """
    path = home.conf_path(state)
    if path is None:
        return []
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    host = os.uname().nodename.split(".")[0]
    settings = config.load(path, host, len(os.sched_getaffinity(0)), memory)
    chosen = {
        "--prolog": settings.prolog,
        "--epilog": settings.epilog,
        "--hook-timeout": settings.prolog_epilog_timeout,
    }
    pairs = [(name, str(value)) for name, value in chosen.items() if value is not None]
    return [word for pair in pairs for word in pair]


def _scnsd(state: str) -> Launched:
    running = home.holder(home.run_dir(state), "scnsd")
    if running is not None:
        return running, None
    words = ["-m", "scns.scheduler.main", "--home", state]
    if os.geteuid() == 0:
        words += ["--user", server_account().name]
    words += ["--log", os.path.join(home.log_dir(state), "scnsd.log")]
    child = _spawn(state, "scnsd", words)
    return child.pid, child


def _spawn(state: str, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
    """以同一个解释器启动自己的模块；说不进日志的话（例如导入失败）留在 NAME.err。"""
    path = os.path.join(home.log_dir(state), f"{name}.err")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    errors = os.open(path, flags, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
        )
    finally:
        os.close(errors)


def supervise(state: str) -> int:
    """看着各进程，直到 SIGTERM；随后按次序停下它们。SIGHUP 让奉命停下的再启动。"""
    wakeup = Wakeup()
    wakeup.install()
    watched = services(state)
    while not wakeup.stopped:
        now = time.monotonic()
        if wakeup.reloaded:
            wakeup.reloaded = False
            for service in watched:
                service.wake()
        for service in watched:
            if service.retry_at is not None and service.retry_at <= now:
                service.begin()
        _wait(wakeup, watched)
        for service in watched:
            if service.watch is not None and _is_over(service.watch):
                service.ended()
    stop(
        state,
        {service.name: service.pid for service in watched if service.pid is not None},
        [service.child for service in watched if service.child is not None],
    )
    return 0


def _is_over(watch: int) -> bool:
    return bool(select.select([watch], [], [], 0)[0])


def _wait(wakeup: Wakeup, watched: list[Service]) -> None:
    """等到有进程结束、收到信号，或该再启动了；都没有就一直睡。"""
    poller = select.poll()
    poller.register(wakeup.fileno(), select.POLLIN)
    for service in watched:
        if service.watch is not None:
            poller.register(service.watch, select.POLLIN)
    due = [service.retry_at for service in watched if service.retry_at is not None]
    timeout = None if not due else max(0.0, min(due) - time.monotonic()) * 1000 + 1
    poller.poll(timeout)
    wakeup.drain()


def running_pids(state: str) -> dict[str, int]:
    """没有监督进程时，由 pid 文件得知谁在运行。"""
    run = home.run_dir(state)
    pids = {"stepd": home.stepd_pid(run), "scnsd": home.holder(run, "scnsd")}
    return {name: pid for name, pid in pids.items() if pid is not None}


def stop(
    state: str, pids: Mapping[str, int], children: Sequence[subprocess.Popen[bytes]] = ()
) -> None:
    """按次序停下：先 scnsd（不再启动作业），再 stepd（结束作业），最后 PostgreSQL。

    参数：
        pids：部件名到进程号；不在其中的没有运行
        children：自己的孩子，停下之后要收走
    """
    for name in ("scnsd", "stepd"):
        if name in pids:
            _end(name, pids[name], children)
    if embedded(state):
        Cluster(state).stop()
    for child in children:
        child.wait()


def _end(name: str, pid: int, children: Sequence[subprocess.Popen[bytes]]) -> None:
    """TERM，等它走；太久就 KILL。"""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not select.select([watch], [], [], STOP_PATIENCE)[0]:
            log.error("%s (pid %d) does not stop; killing it", name, pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            select.select([watch], [], [], STOP_PATIENCE)
    finally:
        os.close(watch)
    for child in children:
        if child.pid == pid:
            child.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """监督进程的入口；`--stop` 时只停下各进程。"""
    parser = argparse.ArgumentParser(prog="scns-supervisor")
    parser.add_argument("--home", required=True, help="state directory")
    parser.add_argument("--stop", action="store_true", help="stop everything in order and exit")
    options = parser.parse_args(arguments)
    path = os.path.join(home.log_dir(options.home), "supervisor.log")
    logging.basicConfig(filename=path, level="INFO", format="%(asctime)s %(levelname)s %(message)s")
    if options.stop:
        stop(options.home, running_pids(options.home))
        return 0
    lock = home.take_pid_file(os.path.join(home.run_dir(options.home), "supervisor.pid"))
    if lock is None:
        return 0
    try:
        return supervise(options.home)
    finally:
        os.close(lock)


if __name__ == "__main__":
    sys.exit(main())
