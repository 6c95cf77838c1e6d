"""stepd 的日记：哪些作业启动了、结束了、被确认了；只追加，死了的 stepd 由它交代后事。

一行一条 JSON 记录，每行有 `event`、`job`、`attempt`：

    started   开机标识、进程号、启动时刻与日后用得着的要求；写下之后作业才放行
    stopping  有人要结束它，`until` 是宽限的终点
    exited    脚本的等待状态；写下之后才收尸，状态因此不会丢
    ended     完整的 `ended` 消息；写下之后才告诉客户端
    released  分配的主人交还了它，`verdict` 是说好的等待状态，`unheld` 是主人不见了
    step      建立了一个作业步；步号不再给别的步用
    tasks     步里各任务的进程号与启动时刻；写下之后任务才放行
    task      一个任务的等待状态；写下之后才收尸
    step_ended  完整的 `step_ended` 消息
    next_step   更早的步都记好了，可以忘掉，只留下步号用到了哪里
    acked     客户端记好了，可以忘掉

不 fsync：断电以后在跑的作业本来就没有了。kill -9 不会丢写进内核的东西；写到一半的行没有
换行符，读的时候略过。每个 stepd 启动时都换一个新文件，旧文件从此不变，等在关口上的子进程
才好放心地看它的末行。
"""

from __future__ import annotations

import json
import os

from scns.stepd.files import write_all
from scns.stepd.spec import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from scns.stepd.protocol import Message

    Key = tuple[int, int]

#: 攒了这么多条已无用的记录就重写一遍。
_MAX_WASTE = 5000

#: 关于作业步的记录。
STEP_EVENTS = ("step", "tasks", "task", "step_ended", "next_step")

_to_json = json.JSONEncoder(separators=(",", ":")).encode


class Past:
    """日记里一个还没有确认的作业。

    参数：
        started：`started` 记录
        killed：脚本结束之前有人要求结束作业
        until：TERM 之后宽限的终点，Unix 秒；没有发过时为 None
        exited：脚本结束的时刻，Unix 秒；没有结束时为 None
        status：脚本的等待状态；没有结束，或者无从知道，为 None
        error：启动失败的原因
        final：`ended` 消息；没有收拾完时为 None
    """

    def __init__(self, started: Message) -> None:
        self.started = started
        self.killed = False
        self.until: float | None = None
        self.exited: float | None = None
        self.status: int | None = None
        self.error: str | None = None
        self.final: Message | None = None
        self.verdict: int | None = None
        self.unheld = False
        #: 关于作业步的各条记录，照先后。
        self.steps: list[Message] = []

    def add(self, record: Message) -> None:
        """并入后来的一条记录。

        异常：
            ValueError：字段的类型不对
        """
        field = Field(record)
        event = record.get("event")
        if event == "stopping":
            self.killed = self.killed or self.exited is None
            self.until = field.moment("until")
        elif event == "exited":
            self.exited = field.moment("ended")
            self.status = None if record.get("status") is None else field.integer("status")
            self.error = field.optional_text("error")
        elif event == "ended":
            self.final = field.table("message")
        elif event == "released":
            self.verdict = None if record.get("verdict") is None else field.integer("verdict")
            self.unheld = field.flag("unheld")
        elif event in STEP_EVENTS:
            self.steps.append(record)


def read(path: str) -> dict[Key, list[bytes]]:
    """读出日记里各个没有确认的作业的原文各行；没有文件时为空。

    残缺的行略过：最后一行可能只写了一半，磁盘满时中间也会有。
    """
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return {}
    kept: dict[Key, list[bytes]] = {}
    for line in lines:
        record = _parse(line)
        key = None if record is None else _key(record)
        if record is None or key is None:
            continue
        event = record.get("event")
        if event == "started":
            kept[key] = [line]
        elif event == "acked":
            kept.pop(key, None)
        elif key in kept:
            kept[key].append(line)
    return kept


def recall(lines: Iterable[bytes]) -> Past:
    """把一个作业的各行合成它的过去。

    异常：
        ValueError：头一行不是 `started`，或字段的类型不对
    """
    first, *rest = [_parse(line) or {} for line in lines]
    if first.get("event") != "started":
        raise ValueError("no started record")
    past = Past(first)
    for record in rest:
        past.add(record)
    return past


def started_ending(job: int, attempt: int, pid: int) -> bytes:
    """`started` 那一行的结尾，含换行；关口上的子进程用它认出自己的一行。"""
    return f'"job":{job},"attempt":{attempt},"pid":{pid}}}\n'.encode()


class Journal:
    """打开的日记；打开时换成新文件，只留下没有确认的作业。

    参数：
        path：文件；`路径.new` 是重写时的临时文件
        kept：要留下的作业的各行

    异常：
        OSError：写不了；旧文件还在，作业不受影响
    """

    def __init__(self, path: str, kept: dict[Key, list[bytes]]) -> None:
        self._path = path
        self._kept = {key: list(lines) for key, lines in kept.items()}
        self._waste = 0
        self._torn = False
        self._fd = -1
        self._rewrite()

    def fileno(self) -> int:
        """此刻文件的描述符；`tidy` 之后会变。"""
        return self._fd

    def started(self, job: int, attempt: int, pid: int, fields: Message) -> None:
        """记下作业启动；见 `append`。"""
        # 字段的次序要合 started_ending
        self.append("started", {**fields, "job": job, "attempt": attempt, "pid": pid})

    def append(self, event: str, fields: Message) -> None:
        """追加一条记录；`fields` 里必有 `job` 与 `attempt`。

        异常：
            OSError：写不进去，磁盘满了等；这条记录等于没有
        """
        line = _line({"event": event, **fields})
        # 上一次只写进去半行：先结束它，免得把这一行也毁了
        data = b"\n" + line if self._torn else line
        written = os.write(self._fd, data)
        self._torn = written < len(data)
        if self._torn:
            raise OSError(f"{self._path}: short write")
        key = _key(fields)
        if key is not None:
            self._kept.setdefault(key, []).append(line[:-1])

    def forget(self, job: int, attempt: int) -> None:
        """客户端确认了；写不进去也不要紧，最多再报一遍。"""
        self._waste += len(self._kept.pop((job, attempt), ())) + 1
        try:
            self.append("acked", {"job": job, "attempt": attempt})
        except OSError:
            return
        del self._kept[job, attempt]

    def forget_step(self, job: int, attempt: int, step: int) -> None:
        """客户端记好了一个作业步；它的各行换成一行，只说步号用到了哪里。"""
        lines = self._kept.get((job, attempt), [])
        kept, last = [], step
        for line in lines:
            record = _parse(line) or {}
            if record.get("event") == "next_step" and isinstance(record["next"], int):
                last = max(last, record["next"] - 1)
            elif record.get("step") != step:
                kept.append(line)
        fields: Message = {"job": job, "attempt": attempt, "next": last + 1}
        self._waste += len(lines) - len(kept)
        self._kept[job, attempt] = kept
        try:
            self.append("next_step", fields)
        except OSError:
            kept.append(_line({"event": "next_step", **fields})[:-1])

    def tidy(self) -> None:
        """无用的记录多了就重写。不要在启动作业的中途调用，见 `scns.stepd.launch` 的关口。"""
        if self._waste > _MAX_WASTE + len(self._kept):
            try:
                self._rewrite()
            except OSError:
                self._waste = 0  # 磁盘满了；旧文件照用，过一阵再试

    def close(self) -> None:
        """关上；内容都已经交给内核了。"""
        os.close(self._fd)

    def _rewrite(self) -> None:
        partial = f"{self._path}.new"
        fd = os.open(
            partial,
            os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC,
            0o600,
        )
        try:
            lines = (line + b"\n" for lines in self._kept.values() for line in lines)
            write_all(fd, b"".join(lines))
            os.rename(partial, self._path)
        except OSError:
            os.close(fd)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._waste = 0
        self._torn = False


def boot_id() -> str:
    """本次开机的标识，见 random(4)。"""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _line(record: Message) -> bytes:
    return _to_json(record).encode("ascii") + b"\n"


def _parse(line: bytes) -> Message | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _key(record: Message) -> Key | None:
    job, attempt = record.get("job"), record.get("attempt")
    return (job, attempt) if isinstance(job, int) and isinstance(attempt, int) else None
