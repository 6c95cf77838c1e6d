"""PostgreSQL 服务进程的系统账户，以及以它的身份运行程序。

PostgreSQL 拒绝以 root 运行。root 启动时用系统用户 `scns`，没有就建立；普通用户启动时就是他自己。
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from scns.errors import ScnsError

#: root 启动时服务进程所用的系统用户。
SYSTEM_USER = "scns"

#: useradd 抢不到 /etc/passwd 的锁时立即失败，多半有人正在建立同一个用户；等这么多秒。
_CREATION_PATIENCE = 3.0

#: 子进程的环境：不带调用者的任何变量，消息一律英文。
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True)
class Account:
    """服务进程的账户。

    参数：
        name：系统用户名，写进 pg_ident.conf
        switch：启动子进程时是否要从 root 换成这个账户
    """

    name: str
    uid: int
    gid: int
    switch: bool

    def identity(self) -> dict[str, Any]:
        """给 `subprocess` 的身份参数；不需要换身份时为空。"""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: str) -> None:
        """把 root 刚建立的文件或目录交给这个账户；不跟随符号链接。"""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account() -> Account:
    """返回服务进程的账户；root 启动而系统用户不存在时建立它。

    异常：
        ScnsError：调用者的 uid 没有用户名，或系统用户建立不了
    """
    if os.geteuid() == 0:
        entry = _entry(SYSTEM_USER) or create_system_user(SYSTEM_USER)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
    entry = own_entry()
    return Account(entry.pw_name, entry.pw_uid, os.getegid(), switch=False)


def own_entry() -> pwd.struct_passwd:
    """返回调用者（有效 uid）在用户库里的条目。

    异常：
        ScnsError：没有条目；peer 认证靠用户名，没有名字谁也认不出
    """
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise ScnsError(f"User id {uid} has no name in the user database") from None


def create_system_user(name: str) -> pwd.struct_passwd:
    """用 useradd 建立不能登录的系统用户；同名的组已在时以它为主组。

    异常：
        ScnsError：没有 useradd 或它失败；句子里有要手工运行的命令
    """
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    shell = shutil.which("nologin", path=search) or "/bin/false"
    command = ["useradd", "--system", "--no-create-home", "--shell", shell]
    command += ["--gid", name] if _group_exists(name) else ["--user-group"]
    command.append(name)
    program = shutil.which("useradd", path=search)
    if program is None:
        complaint = "useradd is not installed"
    else:
        result = subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, env=ENVIRONMENT, check=False
        )
        deadline = time.monotonic() + (_CREATION_PATIENCE if result.returncode else 0)
        while True:
            entry = _entry(name)
            if entry is not None:
                return entry
            if time.monotonic() >= deadline:
                break
            time.sleep(0.05)
        complaint = result.stderr.strip() or f"useradd exited with {result.returncode}"
    raise ScnsError(
        f"System user {name} does not exist and could not be created: {complaint}\n"
        f"Run as root: {' '.join(command)}"
    )


def run_as(
    account: Account, arguments: list[str], *, directory: str = "/", lock: int | None = None
) -> subprocess.CompletedProcess[str]:
    """以服务进程的身份运行一个程序到结束；不检查退出码，错误输出并入 `stdout`。

    参数：
        directory：工作目录；缺省的根目录谁都进得去
        lock：状态目录的锁。改动数据目录的程序（initdb、pg_upgrade）也持有它：调用者被
            `kill -9` 而程序还在写时，别人不会同时动手
    """
    # 输出进内存文件而不是管道：调用者死了，程序也不会死于 SIGPIPE，留下半截工作
    with os.fdopen(os.memfd_create("output"), "w+b") as output:
        result = subprocess.run(
            arguments,
            cwd=directory,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            pass_fds=() if lock is None else (lock,),
            **account.identity(),
        )
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    return subprocess.CompletedProcess(arguments, result.returncode, said)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
