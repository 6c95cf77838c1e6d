"""旁听一步时看哪些文件，哪一行写到哪里；`sattach` 用。

任务的输出直接进了文件、终端或管道，没有人在中间抄写；能让旁人看的只有文件。文件由看的人自己以自己的
身份打开，从旁听的这一刻看起。
"""

from __future__ import annotations

import os
import stat

from scns.cli.launch.streams import Label, write
from scns.errors import ScnsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from scns.cli.own.follower import Follower

    #: 一个任务的一个输出：`files` 里的序号，None 是 /dev/null，False 是说不出名字的。
    Place = int | bool | None


class Wanted:
    """要看的。

    参数：
        output、error：只看这个任务的 stdout、stderr；None 为全部
        label：每一行前面加上任务号
    """

    def __init__(self, output: int | None, error: int | None, *, label: bool) -> None:
        self.only = (output, error)
        self.label = label


class View:
    """要看的一个文件。

    参数：
        sink：抄到哪个描述符
        task：只有这一个任务往里写；几个任务合用的是 None
    """

    def __init__(self, path: str, sink: int, task: int | None) -> None:
        self.path = path
        self.sink = sink
        self.task = task

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"View({self.path!r}, {self.sink}, {self.task})"


def choose(
    files: Sequence[str], tasks: Sequence[Sequence[Place]], wanted: Wanted
) -> tuple[list[View], list[int]]:
    """要看哪些文件，哪些任务有看不到的输出。

    stdout 与 stderr 同在一个文件的只看一遍，写到 stdout。

    参数：
        files、tasks：`attached` 消息里的

    异常：
        ScnsError：要看的任务不存在，或几个任务写进同一个文件而又要把它们分开
    """
    for only in wanted.only:
        if only is not None and only >= len(tasks):
            raise ScnsError(f"there is no task {only}")
    everyone: dict[int, set[int]] = {}
    sinks: dict[int, int] = {}
    unseen = []
    for target, only in enumerate(wanted.only):
        for task, places in enumerate(tasks):
            place = places[target]
            if place is None:
                continue
            chosen = only is None or task == only
            if place is False:
                unseen += [task] if chosen else []
                continue
            everyone.setdefault(place, set()).add(task)
            if chosen:
                sinks.setdefault(place, target + 1)
    views = []
    for place, sink in sinks.items():
        sharing = everyone[place]
        apart = wanted.label or wanted.only != (None, None)
        if len(sharing) > 1 and apart:
            raise ScnsError(f"several tasks write to {files[place]}: they cannot be told apart")
        views.append(View(files[place], sink, min(sharing) if len(sharing) == 1 else None))
    return views, sorted(set(unseen))


class Reader:
    """跟着一个文件，把新写的抄出去。

    参数：
        width：任务号的宽度；None 为不加任务号

    异常：
        ScnsError：不是文件，或不许读
    """

    def __init__(self, view: View, width: int | None) -> None:
        self._sink = view.sink
        self._label: Label | None = None
        if width is not None and view.task is not None:
            self._label = Label(f"{view.task:{width}}: ".encode(), view.sink)
        self._follower = _follow(view.path)

    def copy(self) -> None:
        """把上一次以来新写的抄出去。"""
        for block in self._follower.read():
            if self._label is None:
                write(self._sink, block)
            else:
                self._label.take(block)

    def finish(self) -> None:
        """再也没有了：抄完剩下的，没有换行的末行也算。"""
        self.copy()
        if self._label is not None:
            self._label.take(b"")


def _follow(path: str) -> Follower:
    from scns.cli.own.follower import Follower

    try:
        # 先看后开：打开别人写着的 FIFO 会惊动写的一方
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ScnsError(f"{path} is not a regular file")
    except FileNotFoundError:
        return Follower(path)  # 以后才有的，从头看起
    except OSError as error:
        raise ScnsError(f"cannot read {path}: {error.strerror}") from None
    follower = Follower(path, 0)
    for _ in follower.read():
        continue
    return follower


def layout(attached: dict[str, Any]) -> str:
    """`--layout` 的全文。来源：sattach(1) 22.05 版，空白也相同。"""
    node, count = attached["node"], len(attached["tasks"])
    numbers = "".join(f"{task} " for task in range(count))
    return (
        "Job step layout:\n"
        f"\t{count} tasks, 1 nodes ({node})\n\n"
        f"\tNode 0 ({node}), {count} task(s): {numbers}\n"
    )
