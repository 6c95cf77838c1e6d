"""stepd 的命令行：它没有配置文件，规矩全在这里。"""

from __future__ import annotations

import getopt
import os
import zlib

USAGE = """\
usage: python -m scns.stepd --run DIR --spool DIR --client-uid UID
                            (--jobs-of UID | --shared [--min-uid N] [--allow-root])
                            [--prolog FILE] [--epilog FILE] [--hook-timeout N]
                            [--node NAME] [--log FILE] [--no-cgroup] [--foreground]

  --run DIR         directory of the socket, the lock and the pid files
  --spool DIR       directory of the scripts and the journal, writable by nobody else
  --client-uid UID  who may give orders, besides root and the user stepd runs as
  --jobs-of UID     run the jobs of this user and of nobody else
  --shared          run the jobs of all users (needs root)
  --min-uid N       refuse uids below N, the system users (default 1000)
  --allow-root      run jobs of root too
  --node NAME       node name in messages to users (default: short host name)
  --log FILE        append log lines to FILE (default: stderr)
  --prolog FILE     run FILE before each batch job, with stepd's own rights
  --epilog FILE     run FILE after each job, likewise
  --hook-timeout N  kill the prolog or epilog after N seconds (default: never)
  --no-cgroup       do not use cgroups even where they work
  --foreground      stay attached to the terminal
"""

_LONG = [
    "run=",
    "spool=",
    "client-uid=",
    "jobs-of=",
    "shared",
    "min-uid=",
    "allow-root",
    "node=",
    "log=",
    "prolog=",
    "epilog=",
    "hook-timeout=",
    "no-cgroup",
    "foreground",
    "help",
]


class UsageError(Exception):
    """命令行不合语法，或各选项合不到一起。"""


class Options:
    """一个 stepd 实例的全部规矩。

    参数：
        run_dir、spool：绝对路径，符号链接已经解开
        client_uid：scnsd 的 uid
        jobs_of：个人实例只跑这个 uid 的作业；共享实例为 None
        min_uid：共享实例里最小的 uid
        allow_root：共享实例也跑 root 的作业
        log：日志文件；None 为留在 stderr
        prolog、epilog：作业前后运行的程序，绝对路径；None 为没有
        hook_timeout：它们至多运行多久，秒；None 不限
    """

    def __init__(self, chosen: dict[str, str], own_uid: int) -> None:
        self.own_uid = own_uid
        self.run_dir = os.path.realpath(_required(chosen, "run"))
        self.spool = os.path.realpath(_required(chosen, "spool"))
        self.client_uid = _number(_required(chosen, "client-uid"), "client-uid")
        only = chosen.get("jobs-of")
        self.jobs_of = None if only is None else _number(only, "jobs-of")
        self.min_uid = _number(chosen.get("min-uid", "1000"), "min-uid")
        self.allow_root = "allow-root" in chosen
        self.node = chosen.get("node") or os.uname().nodename.split(".")[0]
        self.log = os.path.abspath(chosen["log"]) if "log" in chosen else None
        self.prolog = _program(chosen, "prolog")
        self.epilog = _program(chosen, "epilog")
        limit = chosen.get("hook-timeout")
        self.hook_timeout = None if limit is None else _number(limit, "hook-timeout")
        self.cgroups = "no-cgroup" not in chosen
        self.foreground = "foreground" in chosen
        if (self.jobs_of is None) != ("shared" in chosen):
            raise UsageError("exactly one of --jobs-of and --shared is required")
        if own_uid not in (0, self.jobs_of):
            raise UsageError("running jobs of other users needs root")

    @property
    def instance(self) -> str:
        """实例的名字：同一个运行目录总是同一个，不同的几乎总不同。"""
        return f"scns-{zlib.crc32(os.fsencode(self.run_dir)):08x}"

    def commands(self, uid: int) -> bool:
        """这个用户可以下命令。"""
        return uid in (self.client_uid, self.own_uid, 0)

    def refusal(self, uid: int) -> str | None:
        """这个用户的作业不许跑的理由；可以跑时为 None。"""
        if self.jobs_of is not None:
            return None if uid == self.jobs_of else f"only jobs of uid {self.jobs_of} run here"
        if uid == 0:
            return None if self.allow_root else "jobs of root are not allowed"
        if uid < self.min_uid:
            return f"jobs of system users (uid below {self.min_uid}) are not allowed"
        return None


def parse(arguments: list[str], own_uid: int) -> Options | None:
    """解析命令行；只要帮助时返回 None。

    异常：
        UsageError：不合语法
    """
    try:
        pairs, rest = getopt.getopt(arguments, "", _LONG)
    except getopt.GetoptError as error:
        raise UsageError(str(error)) from None
    if rest:
        raise UsageError(f"unexpected argument {rest[0]}")
    chosen = {name.removeprefix("--"): value for name, value in pairs}
    return None if "help" in chosen else Options(chosen, own_uid)


def _required(chosen: dict[str, str], name: str) -> str:
    value = chosen.get(name)
    if not value:
        raise UsageError(f"--{name} is required")
    return value


def _program(chosen: dict[str, str], name: str) -> str | None:
    path = chosen.get(name)
    if path is not None and not path.startswith("/"):
        raise UsageError(f"--{name} is not an absolute path: {path}")
    return path


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"--{name} is not a number: {text}")
    return int(text)
