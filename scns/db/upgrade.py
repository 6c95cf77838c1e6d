"""大版本升级：`pg_upgrade --copy`，旧的数据目录留到新的一次好启动。

```
data          旧的，升级期间不改动
data.upgrade  升级的去处；失败时留着供查看，下次重来
data.upgraded 升级成功，等着换名
data.old      换下来的旧目录；要退回去：停止服务器，把它改名为 data，装回旧的程序
```
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scns import home as home_
from scns.db import datadir
from scns.db.account import run_as
from scns.db.binaries import pin_dir
from scns.db.durable import remove_tree, rename
from scns.errors import ScnsError

if TYPE_CHECKING:
    from scns.db.account import Account
    from scns.db.binaries import Binaries

#: 工作目录名的开头。
_WORK = "pg_upgrade."

#: pg_upgrade 在工作目录里放的套接字名，最长五位端口号。
_SOCKET = ".s.PGSQL.50432"


def finish(home: str) -> None:
    """做完被打断的换名：升级成功的目录就位，旧的让开。"""
    data = home_.data_dir(home)
    upgraded = data + ".upgraded"
    if not os.path.isdir(upgraded):
        return
    if os.path.isdir(data):
        remove_tree(data + ".old")
        rename(data, data + ".old")
    rename(upgraded, data)


def was_shut_down(data: str, account: Account, binaries: Binaries) -> bool:
    """数据目录是否干净地停止过；不是的要先用旧程序恢复，pg_upgrade 才接受。"""
    return _control(data, account, binaries)["Database cluster state"] == "shut down"


def upgrade(home: str, account: Account, old: Binaries, new: Binaries, lock: int) -> float:
    """把干净停止的数据目录升级到 `new` 的大版本，返回秒数。

    参数：
        lock：状态目录的锁，见 `run_as`

    异常：
        ScnsError：升级失败；旧的数据目录原封不动
    """
    began = time.monotonic()
    data = home_.data_dir(home)
    target = data + ".upgrade"
    remove_tree(target)
    # 18 起缺省带校验和，而两边必须一致
    checksums = _control(data, account, old)["Data page checksum version"] != "0"
    if checksums:
        extra = ["--data-checksums"]
    else:
        extra = ["--no-data-checksums"] if new.major >= 18 else []
    datadir.initialise(target, account, new, lock, extra)
    with _work_directory(home) as work:
        account.give(work)
        command = _pg_upgrade(old, new, data, target, work)
        result = run_as(account, command, directory=work, lock=lock)
    if result.returncode:
        raise ScnsError(
            f"Could not upgrade {data} from PostgreSQL {old.major} to {new.major}: "
            f"{failure_reason(result.stdout)}\n"
            f"Nothing was changed; see {target}/pg_upgrade_output.d"
        )
    rename(target, data + ".upgraded")
    finish(home)
    return time.monotonic() - began


def _control(data: str, account: Account, binaries: Binaries) -> dict[str, str]:
    """pg_controldata 的输出，按项名索引。"""
    result = run_as(account, [binaries.program("pg_controldata"), data])
    if result.returncode:
        raise ScnsError(f"{data} is damaged: {datadir.last_words(result.stdout)}")
    pairs = (line.partition(":") for line in result.stdout.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def _work_directory(home: str) -> tempfile.TemporaryDirectory[str]:
    """pg_upgrade 的工作目录，只有服务账户可进。

    它把套接字也放在里面，又不认相对路径，所以状态目录的路径太长时改用系统的临时目录。
    """
    longest = os.path.join(home, _WORK + "XXXXXXXX", _SOCKET)
    fits = len(os.fsencode(longest)) <= home_.SOCKET_PATH_LIMIT
    return tempfile.TemporaryDirectory(prefix=_WORK, dir=home if fits else None)


def _pg_upgrade(old: Binaries, new: Binaries, data: str, target: str, work: str) -> list[str]:
    return [
        new.program("pg_upgrade"),
        f"--old-bindir={old.directory}",
        f"--new-bindir={new.directory}",
        f"--old-datadir={data}",
        f"--new-datadir={target}",
        f"--socketdir={work}",
        "--username=postgres",
        "--copy",
    ]


def failure_reason(output: str) -> str:
    """pg_upgrade 为什么失败：最后一步的进度行之后的说明，并成一行。"""
    told: list[str] = []
    for line in output.splitlines():
        text = line.strip()
        if text.endswith((" ok", " fatal")):
            told.clear()
        elif text and text != "Failure, exiting":
            told.append(text)
    return " ".join(told) or "pg_upgrade gave no reason"


def discard_old(home: str, serving: Binaries) -> None:
    """新版本好好地启动过了：删除旧的数据目录与用不着的程序副本。"""
    data = home_.data_dir(home)
    leftovers = [Path(data + suffix) for suffix in (".old", ".upgrade", ".upgrade.new")]
    for path in (*leftovers, *Path(home).glob(_WORK + "*")):
        remove_tree(str(path))
    if serving.origin != "pinned":
        return
    for copy in Path(pin_dir(home)).iterdir():
        if copy.name != serving.version_text:
            remove_tree(str(copy))
