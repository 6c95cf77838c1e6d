"""任务的输入输出接到哪里，以及要由 srun 经手的两种：加标签的输出与分发的输入。

平时任务直接拿着 srun 的描述符，srun 不抄写；只有 `-l` 要逐行加上任务号、几个任务都要同一份
输入时，才用管道。来源：srun(1) “IO Redirection”。
"""

from __future__ import annotations

import os

from scns import filenames
from scns.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scns.cli.launch.terminal import Terminal
    from scns.filenames import Facts

    #: 任务的一个流：描述符的序号、由任务打开的路径，或 None。
    Stream = int | str | None

_CHUNK = 1 << 16

#: 替一个不读的任务攒着的输入的上限，字节。
_MAX_PENDING = 1 << 20


class Wiring:
    """接好的各个流，与 srun 要守着的管道。

    属性：
        streams：每个任务的（stdin，stdout，stderr）
        descriptors：要递给 stepd 的，头一个用来写启动不了的原因
        labels：要抄写的读端到抄写它的
        feed：分发输入的；没有时为 None
        terminal：零号任务的终端；没有时为 None
    """

    def __init__(self, count: int) -> None:
        self.descriptors = [2]
        self.streams: list[list[Stream]] = [[None, None, None] for _ in range(count)]
        self.labels: dict[int, Label | Terminal] = {}
        self.feed: Feed | None = None
        self.terminal: Terminal | None = None
        self._ours: list[int] = []

    def share(self, target: int, descriptor: int, only: int | None = None) -> None:
        """让任务拿着这个描述符；`only` 是只给这一个任务。"""
        index = self.index(descriptor)
        for task, streams in enumerate(self.streams):
            if only is None or task == only:
                streams[target] = index

    def label(self, target: int, sink: int) -> None:
        """每个任务一根管道，读出的各行加上任务号写到 `sink`。"""
        width = len(str(len(self.streams) - 1))
        for task, streams in enumerate(self.streams):
            inner, outer = os.pipe()
            self.labels[inner] = Label(f"{task:{width}}: ".encode(), sink)
            streams[target] = self.index(outer)
            self._ours.append(outer)

    def spread(self) -> None:
        """每个任务一根管道，stdin 的内容各给一份。"""
        outlets = []
        for streams in self.streams:
            inner, outer = os.pipe()
            os.set_blocking(outer, False)
            streams[0] = self.index(inner)
            self._ours.append(inner)
            outlets.append(outer)
        self.feed = Feed(outlets)

    def attach(self, terminal: Terminal) -> None:
        """零号任务拿着终端，别的任务什么也不接。标准输入不是终端的，原样给它。"""
        self.terminal = terminal
        self.feed = terminal.feed
        # 启动不了的话写到任务的终端上：自己的终端在原始模式，换行不带回车
        self.descriptors = [terminal.slave]
        self.labels[terminal.master] = terminal
        for target in (0, 1, 2):
            self.share(target, terminal.slave, 0)
        if terminal.feed is None:
            self.share(0, 0, 0)

    def hang_up(self) -> None:
        """任务都结束了：终端里剩下的抄完，不再守着它。"""
        terminal, self.terminal = self.terminal, None
        if terminal is not None:
            self.labels.pop(terminal.master, None)
            terminal.drain()
            terminal.restore()

    def paths(self, target: int, paths: list[str]) -> None:
        """由各任务自己打开的文件。"""
        for streams, path in zip(self.streams, paths, strict=True):
            streams[target] = path

    def passed(self) -> None:
        """都递出去了：关上自己的一份，管道才读得到尽头。"""
        for descriptor in self._ours:
            os.close(descriptor)
        self._ours.clear()

    def index(self, descriptor: int) -> int:
        """描述符是要递的第几个；还没有的加上。"""
        if descriptor not in self.descriptors:
            self.descriptors.append(descriptor)
        return self.descriptors.index(descriptor)


class Label:
    """一个任务的一个流：攒成行，加上任务号。"""

    def __init__(self, prefix: bytes, sink: int) -> None:
        self._prefix = prefix
        self._sink = sink
        self._rest = b""

    def pump(self, descriptor: int) -> bool:
        """读一段，写出完整的各行；读到尽头返回 False。"""
        data = os.read(descriptor, _CHUNK)
        self.take(data)
        return bool(data)

    def take(self, data: bytes) -> None:
        """写出完整的各行；空的是到了尽头，没有换行的末行也写出。"""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            lines.append(self._rest)
            self._rest = b""
        write(self._sink, b"".join(self._prefix + line + b"\n" for line in lines))


class Feed:
    """把 stdin 分发给各任务；有人读得慢就先不读。"""

    def __init__(self, outlets: list[int]) -> None:
        self._pending = dict.fromkeys(outlets, b"")
        self._ended = False

    def wants_input(self) -> bool:
        """还要读 stdin。"""
        if self._ended or not self._pending:
            return False
        return all(len(pending) < _MAX_PENDING for pending in self._pending.values())

    def blocked(self) -> list[int]:
        """还有东西没写完的管道。"""
        return [outlet for outlet, pending in self._pending.items() if pending]

    def read(self) -> None:
        """从 stdin 读一段给大家。"""
        try:
            data = os.read(0, _CHUNK)
        except OSError:
            data = b""
        self._ended = not data
        for outlet in list(self._pending):
            self._pending[outlet] += data
            self.write(outlet)

    def write(self, outlet: int) -> None:
        """能写多少写多少；写完了而输入到了尽头的、没有人读的，关上。"""
        pending = self._pending[outlet]
        try:
            while pending:
                pending = pending[os.write(outlet, pending) :]
        except BlockingIOError:
            self._pending[outlet] = pending
            return
        except OSError:
            pending, gone = b"", True
        else:
            gone = self._ended
        self._pending[outlet] = pending
        if gone:
            os.close(outlet)
            del self._pending[outlet]


def write(descriptor: int, data: bytes) -> None:
    """写完；读的人走了就算了。"""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except OSError:
            return


def connect(
    count: int,
    options: tuple[str | None, str | None, str | None],
    *,
    labelled: bool,
    append: bool,
    directory: str,
    facts: Callable[[int], Facts],
) -> Wiring:
    """照 `-i`、`-o`、`-e` 接好各任务的流。

    参数：
        options：三个选项的值；没有写为 None
        labelled：`-l`
        append：已有的输出文件接着写
        directory：相对的文件名从这里算起
        facts：由任务号得出文件名里的事实

    异常：
        InvalidInput：文件打不开
    """
    wiring = Wiring(count)
    source, output, error = options

    def names(pattern: str) -> list[str]:
        found = [filenames.expand(pattern, facts(task)) for task in range(count)]
        return [os.path.join(directory, name) for name in found]

    _connect_input(wiring, source, count, names)
    sinks: list[int | None] = []
    for target, choice in ((1, output), (2, error)):
        if target == 2 and choice is None and output is not None and not _is_task(output, count):
            # 没有说 stderr 去哪里，就与 stdout 在一起
            for streams in wiring.streams:
                streams[2] = streams[1]
            sinks.append(sinks[0])
        else:
            sinks.append(_connect_output(wiring, target, choice, count, append, names))
    if labelled:
        for target, sink in enumerate(sinks, 1):
            if sink is not None:
                wiring.label(target, sink)
    return wiring


def _is_task(text: str, count: int) -> bool:
    return text.isascii() and text.isdigit() and int(text) < count


def _connect_input(
    wiring: Wiring, choice: str | None, count: int, names: Callable[[str], list[str]]
) -> None:
    if choice is not None and choice.lower() == "none":
        return
    if choice is not None and _is_task(choice, count):
        wiring.share(0, 0, int(choice))
    elif choice is not None and choice.lower() != "all":
        paths = names(choice)
        os.close(_open(paths[0], os.O_RDONLY, "stdin"))
        wiring.paths(0, paths)
    elif count == 1:
        wiring.share(0, 0)
    elif not _is_null(0):
        wiring.spread()


def _connect_output(
    wiring: Wiring,
    target: int,
    choice: str | None,
    count: int,
    append: bool,
    names: Callable[[str], list[str]],
) -> int | None:
    """接好一个输出；返回加标签时写到哪里，由任务自己打开的为 None。"""
    if choice is None or choice.lower() == "all":
        wiring.share(target, target)
        return target
    if choice.lower() == "none":
        return None
    if _is_task(choice, count):
        wiring.share(target, target, int(choice))
        return None
    paths = names(choice)
    if len(set(paths)) > 1:
        wiring.paths(target, paths)
        return None
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if append else os.O_TRUNC)
    sink = _open(paths[0], flags, "stdout" if target == 1 else "stderr")
    wiring.share(target, sink)
    return sink


def _open(path: str, flags: int, what: str) -> int:
    try:
        return os.open(path, flags | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise InvalidInput(f"Could not open {what} file {path}: {error.strerror}") from None


def _is_null(descriptor: int) -> bool:
    try:
        return os.fstat(descriptor).st_rdev == os.stat(os.devnull).st_rdev
    except OSError:
        return True
