"""stepd 的存储目录：脚本的副本、各作业的路径；环境只在内存里。

    SPOOL/scripts/UID/KEY/slurm_script   脚本，每个用户每份不同的一个文件，0500，属于用户
    SPOOL/jobs/job00042                  符号链接，指向上面的目录

作业看见的 `$0` 是 `SPOOL/jobs/job00042/slurm_script`。每个作业只多一个符号链接：建目录与硬链接
要贵好几倍。目录都属于 stepd 的用户，别人能穿过，不能写也不能列：以 root 写入的路径上没有一段
归用户管。
"""

from __future__ import annotations

import os
from collections import OrderedDict

from scns.stepd.files import names, remove, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    #: uid 的文本，与内容的键。
    Script = tuple[str, str]

#: 留着的脚本份数与总字节数的上限；删早了也不要紧，启动时说缺，客户端会补发。
_MAX_SCRIPTS = 4096
_MAX_SCRIPT_BYTES = 256 << 20

#: 环境占用内存的上限，字节。
_MAX_ENVIRONMENTS = 64 << 20

#: 每个环境条目除内容以外的内存，粗略估计，字节。
_ENTRY_OVERHEAD = 150

#: 留下的链接数。
_MAX_SPARES = 16

_SCRIPT_NAME = "slurm_script"


class Spool:
    """脚本与作业的路径。

    参数：
        root：`SPOOL`；不存在时建立

    异常：
        PermissionError：目录属于别人，或别人能写
        OSError：建不了
    """

    def __init__(self, root: str) -> None:
        self._scripts_dir = os.path.join(root, "scripts")
        self._jobs_dir = os.path.join(root, "jobs")
        for directory in (root, self._scripts_dir, self._jobs_dir):
            _own_directory(directory)
        #: 这个 stepd 存下的脚本与字节数，最久没用的在前。前任存的不算：断电之后内容未必还在。
        self._scripts: OrderedDict[Script, int] = OrderedDict()
        #: 作业号到它用的脚本；`$0` 在作业结束之前一直有效，所以用着的不清理。
        self._used: dict[int, Script] = {}
        #: 结束了的作业留下的链接，最早的在前：作业号到脚本。
        self._spares: dict[int, Script] = {}

    def keep_script(self, uid: int, key: str, body: bytes) -> None:
        """存下一份脚本；已经有的不动，内容由键决定。

        参数：
            key：十六进制文本，由调用者检查

        异常：
            OSError：磁盘满了等
        """
        script = (str(uid), key)
        if script in self._scripts:
            return
        directory = self._directory(script)
        _own_directory(os.path.dirname(directory))
        _own_directory(directory)
        partial = os.path.join(directory, ".partial")
        remove(partial)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o500)
        try:
            write_all(fd, body)
            os.fchmod(fd, 0o500)
            if uid != os.geteuid():
                os.fchown(fd, uid, -1)
        finally:
            os.close(fd)
        os.rename(partial, os.path.join(directory, _SCRIPT_NAME))
        self._scripts[script] = len(body)
        self._prune()

    def has_script(self, uid: int, key: str) -> bool:
        """这份脚本在不在。"""
        return (str(uid), key) in self._scripts

    def place(self, job: int, uid: int, key: str) -> str:
        """给作业一份脚本，返回作业看见的路径。

        异常：
            OSError：磁盘满了等
        """
        script = (str(uid), key)
        link = self._link(job)
        if self._spares.pop(job, None) != script:
            remove(link)
            spare = next((old for old, other in self._spares.items() if other == script), None)
            if spare is None:
                target = os.path.join("..", "scripts", *script)
                os.symlink(target, link)  # noqa: PTH211  stepd 不加载 pathlib
            else:
                del self._spares[spare]
                os.rename(self._link(spare), link)
        self._used[job] = script
        self._scripts.move_to_end(script)
        return os.path.join(link, _SCRIPT_NAME)

    def clear(self, job: int) -> None:
        """作业结束，收回它的路径。

        链接留几个，给用同一份脚本的下一个作业改名用：有的文件系统新建 inode 要找很久。
        """
        script = self._used.pop(job, None)
        if script is None:
            return
        self._spares[job] = script
        if len(self._spares) > _MAX_SPARES:
            oldest = next(iter(self._spares))
            del self._spares[oldest]
            remove(self._link(oldest))

    def inherit(self, jobs: Iterable[int]) -> None:
        """接手前任的：列出的作业还在用的留着，其余的路径与脚本都删掉。"""
        wanted = {os.path.basename(self._link(job)): job for job in jobs}
        for name in names(self._jobs_dir):
            link = os.path.join(self._jobs_dir, name)
            if name in wanted:
                uid, key = os.readlink(link).split("/")[-2:]
                self._used[wanted[name]] = (uid, key)
            else:
                remove(link)
        used = set(self._used.values())
        for uid in names(self._scripts_dir):
            for key in names(os.path.join(self._scripts_dir, uid)):
                if (uid, key) not in used:
                    self._discard((uid, key))

    def _prune(self) -> None:
        """太多了就扔掉最久没用的；用着的与刚存下的不扔。"""
        size = sum(self._scripts.values())
        used = {*self._used.values(), next(reversed(self._scripts))}
        for script in [each for each in self._scripts if each not in used]:
            if len(self._scripts) <= _MAX_SCRIPTS and size <= _MAX_SCRIPT_BYTES:
                return
            size -= self._scripts.pop(script)
            self._discard(script)
            for spare in [old for old, other in self._spares.items() if other == script]:
                del self._spares[spare]
                remove(self._link(spare))

    def _discard(self, script: Script) -> None:
        directory = self._directory(script)
        for name in names(directory):
            remove(os.path.join(directory, name))
        os.rmdir(directory)

    def _directory(self, script: Script) -> str:
        return os.path.join(self._scripts_dir, *script)

    def _link(self, job: int) -> str:
        return os.path.join(self._jobs_dir, f"job{job:05d}")


class Environments:
    """作业的环境，以内容的键为名；超过上限时丢掉最久没用的。"""

    def __init__(self, limit: int = _MAX_ENVIRONMENTS) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, tuple[int, dict[bytes, bytes]]] = OrderedDict()
        self._size = 0

    def keep(self, key: str, block: bytes) -> None:
        """存下以 NUL 分隔的 `名字=值`；没有名字的条目不要。"""
        old = self._kept.pop(key, None)
        if old is not None:
            self._size -= old[0]
        parsed = {}
        for entry in block.split(b"\0"):
            name, equals, value = entry.partition(b"=")
            if name and equals:
                parsed[name] = value
        size = len(block) + _ENTRY_OVERHEAD * len(parsed)
        self._kept[key] = (size, parsed)
        self._size += size
        while self._size > self._limit and len(self._kept) > 1:
            _, (freed, _) = self._kept.popitem(last=False)
            self._size -= freed

    def get(self, key: str) -> dict[bytes, bytes] | None:
        """取出环境；没有时返回 None。不要改动返回的字典。"""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[1]


def _own_directory(path: str) -> None:
    """确保目录在，属于自己，别人不能写。"""
    os.makedirs(path, 0o711, exist_ok=True)
    found = os.lstat(path)
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(
            f"{path} must belong to uid {os.geteuid()} and be writable by it only"
        )
