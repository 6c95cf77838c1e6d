"""没有 cgroup 时找齐作业的进程：会话、亲缘与环境里的记号。

stepd 与 guardian 都是 subreaper，作业的进程无论怎样脱离父进程，最后都挂在两者之一名下。
所以平时只要看这两个进程的孩子名单：除了脚本没有别人，就没有遗留；名单上有了生人，才值得
扫一遍 /proc。
"""

from __future__ import annotations

import signal

from scns.stepd.processes import Process, children, scan, send, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def attribute(
    processes: Mapping[int, Process],
    roster: Mapping[str, Script],
    keepers: Collection[int],
    known: Mapping[int, tuple[int, str]],
    helpers: Collection[int] = (),
) -> dict[int, tuple[int, str]]:
    """判断每个进程属于哪个作业。

    依次：是脚本，在脚本的会话里，从前认出过，环境里有记号，祖先属于某作业。都不是而又直接挂在
    我们名下的，是洗掉了环境又另开会话的孤儿：它的 uid 只有一个作业在跑时就归那个作业；
    不止一个时先不定，等别的作业都结束。

    参数：
        roster：各作业的脚本，以记号为键
        keepers：stepd 与 guardian，不属于任何作业；孤儿挂在它们名下
        known：上一次的结果
        helpers：它们的帮手，与帮手的后代都不属于任何作业

    返回：
        进程号到启动时刻与记号
    """
    sessions = {}
    for mark, script in roster.items():
        leader = processes.get(script.pid)
        # 领头的换了人，说明脚本的会话早已空了，号码给了别人
        if leader is None or leader.ticks == script.ticks:
            sessions[script.pid] = mark
    owners: dict[int, str | None] = {}
    for pid, process in processes.items():
        claimed = _claim(process, sessions, roster, known)
        if pid in helpers:
            owners[pid] = None
        elif claimed is not None and pid not in keepers:
            owners[pid] = claimed
    for pid in processes:
        _inherit(pid, processes, roster, keepers, owners)
    return {pid: (processes[pid].ticks, mark) for pid, mark in owners.items() if mark is not None}


def _claim(
    process: Process,
    sessions: Mapping[int, str],
    roster: Mapping[str, Script],
    known: Mapping[int, tuple[int, str]],
) -> str | None:
    """只凭进程自己看它属于哪个作业；看不出来返回 None。"""
    mark = sessions.get(process.pid) or sessions.get(process.session)
    if mark is not None:
        return mark
    ticks, mark = known.get(process.pid, (None, None))
    if mark in roster and ticks == process.ticks:
        return mark
    script = None if process.mark is None else roster.get(process.mark)
    return process.mark if script is not None and script.uid == process.uid else None


def _inherit(
    pid: int,
    processes: Mapping[int, Process],
    roster: Mapping[str, Script],
    keepers: Collection[int],
    owners: dict[int, str | None],
) -> None:
    """沿祖先找到作业，记到一路经过的各个进程上。"""
    trail = []
    while pid in processes and pid not in owners and pid not in keepers:
        owners[pid] = None  # 先占位：照相不是一瞬间的事，亲缘可能成环
        trail.append(pid)
        pid = processes[pid].parent
    mark = owners.get(pid)
    if mark is None and pid in keepers and trail:
        uid = processes[trail[-1]].uid
        candidates = [mark for mark, script in roster.items() if script.uid == uid]
        mark = candidates[0] if len(candidates) == 1 else None
    for passed in trail:
        owners[passed] = mark


class Script:
    """名册上的一项：作业的脚本，也是作业会话的领头进程。"""

    __slots__ = ("pid", "ticks", "uid")

    def __init__(self, pid: int, ticks: int, uid: int) -> None:
        self.pid = pid
        self.ticks = ticks
        self.uid = uid


class Census:
    """各作业共用的名册；一轮循环里最多扫一遍 /proc。

    参数：
        keepers：stepd 与 guardian 的进程号
    """

    def __init__(self, keepers: Collection[int]) -> None:
        self._keepers = keepers
        self._roster: dict[str, Script] = {}
        self._living: set[int] = set()
        self._owners: dict[int, tuple[int, str]] = {}
        self._fresh = False
        #: 我们自己的短命子进程：替用户写一行字的帮手，没过关的启动者。
        self.helpers: set[int] = set()

    def enrol(self, mark: str, script: Script) -> None:
        """登记一个作业的脚本。"""
        self._roster[mark] = script
        self._living.add(script.pid)
        self._fresh = False

    def strike(self, mark: str) -> None:
        """作业结束，从名册除去。"""
        self._living.discard(self._roster.pop(mark).pid)

    def claim(self, mark: str, pid: int, ticks: int) -> None:
        """认下作业的一个进程：它是我们的孩子，记号要到 exec 之后才看得见。"""
        self._owners[pid] = (ticks, mark)
        self._fresh = False

    def strangers(self) -> bool:
        """我们名下有不认识的孩子：某个作业有了孤儿；没有这份名单的内核上总是真。"""
        found: set[int] = set()
        for keeper in self._keepers:
            listed = children(keeper)
            if listed is None:
                return True
            found.update(listed)
        return bool(found.difference(self._keepers, self.helpers, self._owners, self._living))

    def forget(self, pid: int) -> None:
        """孩子已收尸，进程号可能重用。"""
        self._owners.pop(pid, None)
        self._living.discard(pid)
        self.helpers.discard(pid)

    def expire(self) -> None:
        """新的一轮：上一轮的照片作废。"""
        self._fresh = False

    def of(self, mark: str) -> dict[int, int]:
        """作业的全部活进程：进程号到启动时刻。"""
        if not self._fresh:
            uids = {script.uid for script in self._roster.values()}
            self._owners = attribute(
                scan(uids), self._roster, self._keepers, self._owners, self.helpers
            )
            self._fresh = True
        return {pid: ticks for pid, (ticks, owner) in self._owners.items() if owner == mark}

    def suspects(self, mark: str, besides: Collection[int] = ()) -> bool:
        """作业在 `besides` 之外可能还有活的进程；假是确定的，真要扫过才知道。"""
        if any(owner == mark and pid not in besides for pid, (_, owner) in self._owners.items()):
            return True
        return self.strangers()


class Tree:
    """一个作业的进程，按名册找。

    参数：
        detached：脚本不在 stepd 与 guardian 名下（两者都换过），只能靠扫描
    """

    def __init__(self, census: Census, mark: str, detached: bool = False) -> None:
        self._census = census
        self._mark = mark
        self._detached = detached

    def empty(self) -> bool:
        """一个活进程也没有了；平时只花读两份名单的工夫。"""
        if not self._detached and not self._census.suspects(self._mark):
            return True
        return not self._census.of(self._mark)

    def pids(self) -> list[int]:
        """列出作业的活进程，脚本在内。"""
        return list(self._census.of(self._mark))

    def holds(self, pid: int) -> bool:
        """进程号此刻仍是名单上的那个进程。"""
        now = stat(pid)
        return now is not None and now.ticks == self._census.of(self._mark).get(pid)

    def kill(self) -> None:
        """KILL 全部进程；正在 fork 的可能逃过这一遍，调用者要重复到 `empty`。"""
        self._census.expire()
        send(signal.SIGKILL, self.pids(), self.holds)
