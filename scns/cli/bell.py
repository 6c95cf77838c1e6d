"""门铃：历史里添了什么就响一声；响了才去看，不响就等着，什么也不做。

铃声没有内容，也可以丢：真相总在数据库里，每 `PATIENCE` 秒也总看一眼。铃是 scnsd 拉的 FIFO
（`scns.bells`），所以闲着等的人不占连接：几百个 `sbatch --wait`、`srun`、`scns watch` 一起等，别的
命令照样连得上。刚看过的连接留一会儿，接着响时不必再连；名额紧的时候（`scns.crowded`）看过就还，
也看得少些：两百个一齐反复地连，服务器就只顾着接待了。
用 `SCNS_DSN` 指名数据库时不知道本机的铃是不是它的，就在连接上 LISTEN。
"""

from __future__ import annotations

import os
import select
import sys
import time

from scns import bells, home
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    Seen = TypeVar("Seen")

#: 接连响的时候，两次之间至少隔这么多秒：一千次改变不值得看一千遍。
SPACING = 0.04

#: 响个不停的时候，看过几次之后两次之间加倍再加倍，直到看一次所花的 `BUSY_FACTOR` 倍，至多
#: `LONGEST_SPACING` 秒：看的人多得数据库慢下来时，大家都看得少些。安静了 `LONGEST_SPACING` 秒
#: 又从头算起。
SWIFT_LOOKS, BUSY_FACTOR, LONGEST_SPACING = 5, 50, 1.0

#: 不响也隔这么多秒看一眼：铃声丢了不过晚这么久。
PATIENCE = 300.0

#: 看过之后连接留这么多秒。
QUIET = 60.0

#: 名额紧的时候，两次之间至少隔这么多秒；连不上时一次比一次久。
SCARCE_SPACING, LONGEST_SCARCE = 1.0, 8.0

#: 数据库不在时隔多久再试，秒；一次比一次久。
FIRST_RETRY, LONGEST_RETRY = 0.05, 2.0

#: 听着的连接断了，隔这么多秒才去看。
_BREATH = 0.2

#: 数据库不在多久才说一声，秒：重新启动用不了这么久。
_SILENCE = 1.0


class Bell:
    """一个门铃，连同等它的人用的数据库连接。

    先装铃再看：看的时候到的铃声留着，下一次 `wait` 立刻返回。

    参数：
        connection：已有的连接，交给它用了；None 是要用时再连
        jobs：只等这些作业与数组的动静；空的是全部
        command：数据库不在时，以它的名义说一声
    """

    def __init__(
        self, connection: Any = None, jobs: Iterable[int] = (), *, command: str = "scns"
    ) -> None:
        self._command = command
        self._connection: Any = None
        #: 给来的，还没有用过。
        self._given = connection
        self._crowded = False
        self._last = self._used = 0.0
        self._spent = 0.0
        self._streak = 0
        self._jobs = bells.names(jobs)
        #: 铃的路径到读端的描述符；没有铃的是空的。
        self._fifos = _open_all(self._jobs)

    @property
    def connection(self) -> Any:
        """打开着的连接；没有就连上。

        异常：
            NoServer：连不上
        """
        if self._connection is None or self._connection.closed:
            given, self._given = self._given, None
            self._adopt(connect.connect(patience=0) if given is None else given)
        return self._connection

    def release(self) -> None:
        """还掉连接。"""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _adopt(self, connection: Any) -> None:
        try:
            if self._fifos:
                [(self._crowded,)] = connect.call(connection, "SELECT scns.crowded()")
            else:
                connect.call(connection, "LISTEN scns_event")
        except connect.NoServer:
            connection.close()
            raise
        self._connection = connection
        self._used = time.monotonic()

    def look(
        self, function: Callable[..., Seen], *arguments: Any, deadline: float | None = None
    ) -> Seen:
        """看一次：返回 `function(connection, *arguments)`；数据库不在就等它回来再看。

        参数：
            function：可以重做的查询
            deadline：等到 `time.monotonic()` 的这一刻为止；None 是一直等，与 Slurm 相同
        异常：
            NoServer：到了 `deadline`，或状态目录都没有了
        """
        began, pause, told, scarce = time.monotonic(), FIRST_RETRY, False, SCARCE_SPACING
        while True:
            started = time.monotonic()
            try:
                result = function(self.connection, *arguments)
                break
            except connect.Crowded:
                if deadline is not None and started >= deadline:
                    raise
                time.sleep(scarce * (0.5 + _share()))
                scarce = min(scarce * 2, LONGEST_SCARCE)
                continue
            except connect.NoServer as error:
                self.release()
                if (deadline is not None and started >= deadline) or not self._present():
                    raise
                if not told and started - began >= _SILENCE:
                    told = True
                    self._tell(error)
            time.sleep(pause * (0.5 + _share()))
            pause = min(pause * 2, LONGEST_RETRY)
        self._used = time.monotonic()
        self._spent = self._used - started
        return result

    def _tell(self, error: connect.NoServer) -> None:
        # 句子来自 sbatch 的 _job_wait
        sys.stderr.write(
            f"{self._command}: error: Currently unable to load job state information,"
            f" retrying: {error.message}\n"
        )
        sys.stderr.flush()

    def _present(self) -> bool:
        """装着铃的目录还在；没有铃的无从知道，当作在。"""
        return not self._fifos or all(os.path.exists(path) for path in self._fifos)

    # ---- 等 ----

    def wait(self, seconds: float | None = None, *others: int) -> bool:
        """等到铃响，别的描述符可读，或过了 `seconds` 秒；铃响了返回 True。

        参数：
            seconds：None 是 `PATIENCE` 上下，各人略有先后，免得几百个人同时来看
        异常：
            NoServer：状态目录没有了
        """
        if seconds is None:
            seconds = PATIENCE * (0.75 + _share() / 2)
        deadline = time.monotonic() + seconds
        if self._fifos:
            rang = self._wait_for_fifos(deadline, others)
        else:
            rang = self._wait_for_notices(deadline, others)
        self._last = time.monotonic()
        return rang

    def _wait_for_fifos(self, deadline: float, others: tuple[int, ...]) -> bool:
        if self._crowded:
            self.release()
        ours = set(self._fifos.values())
        rest = self._used + QUIET
        ready = _ready((*ours, *others), min(rest, deadline))
        if not ready and rest < deadline:
            self.release()
            ready = _ready((*ours, *others), deadline)
        rang = not ours.isdisjoint(ready)
        if rang:
            self._pause(deadline, others)
        # 合上重开，铃才会再响；等够了的也重开：目录可能换过
        if rang or not ready:
            for path, descriptor in self._fifos.items():
                self._fifos[path] = _open(path)
                os.close(descriptor)
        return rang

    def _wait_for_notices(self, deadline: float, others: tuple[int, ...]) -> bool:
        try:
            connection = self.connection
            while not self._heard(connection):
                ready = _ready((connection.fileno(), *others), deadline)
                if connection.fileno() in ready:
                    connect.poll(connection)
                elif ready or time.monotonic() >= deadline:
                    return False
            self._pause(deadline, others)
            connect.poll(connection)
            connection.notifies.clear()
        except connect.NoServer:
            # 断了：下一次看的时候再连上；断的时候可能漏听了，但也不必马上就看
            self.release()
            _ready(others, min(time.monotonic() + _BREATH, deadline))
        return True

    def _heard(self, connection: Any) -> bool:
        """到了的通知里有自己等的；别人的不留。"""
        rang = any(
            self._jobs == [bells.EVERY] or one.payload in self._jobs for one in connection.notifies
        )
        connection.notifies.clear()
        return rang

    def _pause(self, deadline: float, others: tuple[int, ...]) -> None:
        """刚看过不久的，等一等再看；这期间的铃声并作一次。"""
        quiet = time.monotonic() - self._last > LONGEST_SPACING
        self._streak = 0 if quiet else self._streak + 1
        spacing = spacing_after(self._streak, self._spent)
        if self._crowded:
            spacing = max(spacing, SCARCE_SPACING * (0.5 + _share()))
        _ready(others, min(self._last + spacing, deadline))


def spacing_after(streak: int, spent: float) -> float:
    """接连看了 `streak` 次、上一次花了 `spent` 秒之后，隔多少秒再看。"""
    grown = SPACING * 2.0 ** min(max(streak - SWIFT_LOOKS, 0), 10)
    return max(SPACING, min(grown, spent * BUSY_FACTOR, LONGEST_SPACING))


def _ready(descriptors: tuple[int, ...], until: float) -> set[int]:
    """等到其中有可读、可看的，或到了 `until`；返回是哪些。"""
    left = until - time.monotonic()
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    # 向上取整：早醒半毫秒就会空转一轮
    return {found for found, _ in poller.poll(int(left * 1000) + 1 if left > 0 else 0)}


def _open_all(names: list[str]) -> dict[str, int]:
    """打开本机的铃；数据库是指名的，或本机没有铃，就是空的。"""
    if "SCNS_DSN" in os.environ:
        return {}
    directory = bells.directory(home.run_dir(home.state_home()))
    try:
        return {path: _open(path) for path in (os.path.join(directory, name) for name in names)}
    except connect.NoServer:
        return {}


def _open(path: str) -> int:
    """一个铃的读端：没有人写时也打得开，此后有人写过又合上就可读（POLLHUP）。"""
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise connect.NoServer(f"cannot open {path}: {error.strerror}") from None


def _share() -> float:
    """0 到 1 之间的一个数，一次一个样。"""
    return os.urandom(1)[0] / 256
