"""状态目录的布局与数据目录：建立、设置、谁可以连接。

```
HOME/                 root：0711；普通用户：0700
  data/               数据目录，0700，属于服务账户
  pg/VERSION/         程序的副本
  run/.s.PGSQL.5432   套接字；目录 0755，属于服务账户
  log/postgres.log    服务器的日志，只有启动它的人可读
  lock                启动与停止互斥
  postgresql.conf     场地自己的设置；升级与重装都不碰它
```
"""

from __future__ import annotations

import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scns import home as home_
from scns.db import durable
from scns.db.account import Account, run_as
from scns.db.binaries import Binaries, pin_dir
from scns.db.durable import remove_tree, rename, replace_file
from scns.errors import ScnsError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: 我们的设置，每次启动时写进 `data/postgresql.scns.conf`；场地的 `HOME/postgresql.conf` 在它之后
#: 读，可以改。
SETTINGS = """\
# Written by scns at every start. Settings of your own go into ../postgresql.conf, read after this.
cluster_name = 'scns'
listen_addresses = ''
unix_socket_directories = '../run'
max_connections = 400
authentication_timeout = 5s
shared_buffers = 16MB
work_mem = 16MB
temp_file_limit = 256MB
wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
max_parallel_workers_per_gather = 0
synchronous_commit = on
autovacuum = on
jit = off
shared_preload_libraries = 'plpgsql'
log_checkpoints = off
"""

#: 只有新版本认得的设置：大版本到文本。
_NEWER_SETTINGS = {16: "reserved_connections = 8\n", 18: "io_method = sync\n"}

#: 追加在 initdb 写的 postgresql.conf 之后。
_INCLUDES = "\ninclude 'postgresql.scns.conf'\ninclude_if_exists '../postgresql.conf'\n"

#: `HOME/postgresql.conf` 最初的内容。
_SITE_SETTINGS = """\
# PostgreSQL settings of this site, read after those of scns; they survive upgrades.
# Each server process may use 512 MiB of address space, shared_buffers included.
"""

HBA = """\
# Written by scns at every start.
# TYPE  DATABASE  USER         METHOD
local   all       postgres     peer map=super
local   scns      scns         peer map=super
local   scns      +scns_user   peer map=users
local   all       all          reject
"""


def settings(major: int) -> str:
    """`postgresql.scns.conf` 的全文。

    套接字目录写成相对于数据目录的路径，状态目录的路径再长也不超过 108 字节的上限。
    `wal_level = minimal` 排除了流复制：要复制的场地用自己的服务器。不用并行查询：它要
    /dev/shm，容器里常常只有 64 MiB。plpgsql 预先装载：每个会话都要它，各自装载一次是
    0.4 毫秒。
    """
    return SETTINGS + "".join(text for since, text in _NEWER_SETTINGS.items() if major >= since)


def ident(server_user: str) -> str:
    """`pg_ident.conf` 的全文。

    `super`：root 与服务账户可以做 postgres 与 scns；`users`：其余的人只能做冠以 `u:` 的自己，
    叫 postgres 或 scns 的操作系统用户因此碰不到系统角色。
    """
    lines = ["# Written by scns at every start.", "# MAP   SYSTEM-USER   DATABASE-USER"]
    quoted = '"' + server_user.replace('"', '""') + '"'
    for person in dict.fromkeys(("root", quoted)):
        lines += [f"super   {person}   {role}" for role in ("postgres", "scns")]
    lines.append('users   /^(.*)$   "u:\\1"')
    return "\n".join(lines) + "\n"


def lay_out(home: str, account: Account) -> None:
    """建立状态目录与其中的各目录；已有的只检查。

    异常：
        ScnsError：状态目录属于别人、别人可写，或服务账户进不去
    """
    shared = account.switch
    _make_home(home, 0o711 if shared else 0o700)
    if shared:
        _check_reachable(home, account)
    for path in (pin_dir(home), home_.log_dir(home), home_.bin_dir(home)):
        _make_directory(path, 0o755)
    run = home_.run_dir(home)
    _make_directory(run, 0o755)
    if os.lstat(run).st_uid != account.uid:
        account.give(run)
    with suppress(FileExistsError), open(os.path.join(home, "postgresql.conf"), "x") as stream:
        os.fchmod(stream.fileno(), 0o644)
        stream.write(_SITE_SETTINGS)


def _make_home(home: str, mode: int) -> None:
    parent = os.path.dirname(home)
    try:
        os.makedirs(parent, exist_ok=True)
    except FileExistsError:
        raise ScnsError(f"{parent} is not a directory") from None
    _make_directory(home, mode)
    found = os.stat(home)
    if not stat.S_ISDIR(found.st_mode):
        raise ScnsError(f"{home} is not a directory")
    if found.st_uid != os.geteuid():
        raise ScnsError(f"{home} belongs to {_user_name(found.st_uid)}, who alone can start it")
    if found.st_mode & 0o022:
        raise ScnsError(f"{home} is writable by other users; run: chmod go-w {home}")
    if not any(Path(home).iterdir()):
        # 空目录是特地为此准备的（例如 mktemp -d），权限随我们定；装着东西的不动
        os.chmod(home, mode)


def _make_directory(path: str, mode: int) -> None:
    """建立目录并定下权限，不受 umask 影响；已有的不动。"""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return
    os.chmod(path, mode)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"


def _check_reachable(home: str, account: Account) -> None:
    """服务账户与用户要能穿过每一级上级目录。"""
    path = os.path.realpath(home)
    while True:
        found = os.stat(path)
        own = found.st_uid == account.uid and found.st_mode & stat.S_IXUSR
        if not (found.st_mode & stat.S_IXOTH or own):
            raise ScnsError(
                f"User {account.name} cannot enter {path}, which leads to {home}.\n"
                f"Run: chmod o+x {path}, or set SCNS_HOME to another directory"
            )
        if path == os.sep:
            return
        path = os.path.dirname(path)


def data_major(data: str) -> int | None:
    """数据目录的 PostgreSQL 大版本；还没有数据目录，或它是空的，返回 None。

    异常：
        ScnsError：目录里有东西，却不是数据目录
    """
    version = durable.read(os.path.join(data, "PG_VERSION"))
    if version is not None and version.strip().isdigit():
        return int(version)
    try:
        if not any(Path(data).iterdir()):
            return None
    except FileNotFoundError:
        return None
    raise ScnsError(f"{data} is not a PostgreSQL data directory; move it away")


def initialise(
    data: str, account: Account, binaries: Binaries, lock: int, extra: Sequence[str] = ()
) -> None:
    """建立一个崭新的数据目录，写好设置并落盘。

    在 `data` 旁边的 `.new` 目录里做完再改名，所以 `data` 要么没有，要么是完整的；
    上一次做到一半留下的先清掉。

    参数：
        lock：状态目录的锁，见 `run_as`
        extra：给 initdb 的其余选项

    异常：
        ScnsError：initdb 失败；句子是它最后的话
    """
    fresh = data + ".new"
    remove_tree(fresh)
    try:
        os.mkdir(fresh, 0o700)
        account.give(fresh)
        result = run_as(account, _initdb(binaries, fresh, extra), lock=lock)
        if result.returncode:
            raise ScnsError(f"Could not create {data}: {last_words(result.stdout)}")
        _include_settings(fresh, account)
        write_settings(fresh, account, binaries.major)
        rename(fresh, data)
    except BaseException:
        remove_tree(fresh)
        raise


def _initdb(binaries: Binaries, data: str, extra: Sequence[str]) -> list[str]:
    return [
        binaries.program("initdb"),
        f"--pgdata={data}",
        "--username=postgres",
        "--auth=peer",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-instructions",
        *extra,
    ]


def last_words(output: str) -> str:
    """一个失败的程序最后说的话；什么也没说时如实说。"""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if "error" in line or "FATAL" in line] or lines
    return told[-1] if told else "it gave no reason"


def write_settings(data: str, account: Account, major: int) -> None:
    """写下我们的设置与认证规则。"""
    replace_file(os.path.join(data, "postgresql.scns.conf"), settings(major), account)
    replace_file(os.path.join(data, "pg_hba.conf"), HBA, account)
    replace_file(os.path.join(data, "pg_ident.conf"), ident(account.name), account)


def _include_settings(data: str, account: Account) -> None:
    """让 initdb 写的 postgresql.conf 再读我们的与场地的设置。"""
    path = os.path.join(data, "postgresql.conf")
    text = (durable.read(path) or b"").decode()
    replace_file(path, text + _INCLUDES, account)
