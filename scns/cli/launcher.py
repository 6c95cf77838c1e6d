"""怎样不靠 site 与当前目录，从别处启动这一份 scns：`scns link` 的包装与补全脚本都要。"""

from __future__ import annotations

import os

from scns.db import connect


def search_path() -> list[str]:
    """`python -IS` 之下要加进 `sys.path` 的目录：scns 的，与驱动的（不在一处时）。

    异常：
        Unavailable：没有装驱动
    """
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    [package] = connect.package_path("psycopg2")
    driver = os.path.dirname(os.path.realpath(package))
    return [own] if driver == os.path.realpath(own) else [own, driver]


def named_home() -> str | None:
    """环境里指名的状态目录，绝对路径；没有指名时为 None。"""
    state = os.environ.get("SCNS_HOME")
    return os.path.abspath(state) if state else None


def preamble(state: str | None) -> list[str]:
    """几行 Python：备好路径；`state` 是没有 `SCNS_HOME` 时用的状态目录，None 时由命令自己找。"""
    lines = ["import sys", f"sys.path[1:1] = {search_path()!r}"]
    if state:
        lines += ["import os", f"os.environ.setdefault('SCNS_HOME', {state!r})"]
    return lines
