"""sacct --batch-script 与 --env-vars：提交时存下的脚本与环境。来源：sacct(1)。"""

from __future__ import annotations

import sys

from scns.db import connect
from scns.errors import RequestRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_RULE = "-" * 80

#: 没有存下，或不许看；Slurm 的 NONE 自带一个换行。
_NONE = b"NONE\n"


def show(connection: Any, jobs: Iterable[tuple[int, str]], stored: str) -> None:
    """逐个作业打印。

    环境只有 scnsd 读得到，所以一律是 NONE，与没有配置 `AccountingStoreFlags=job_env` 的
    Slurm 相同。

    参数：
        jobs：作业号与印给用户的写法
        stored：`batch-script` 或 `env-vars`
    """
    write = sys.stdout.buffer.write
    for number, label in jobs:
        if stored == "batch-script":
            title, body = f"Batch Script for {label}", _script(connection, number)
        else:
            title = f"Environment used for {label} (must be batch to display)"
            body = _NONE
        write(f"{title}\n{_RULE}\n".encode() + body + b"\n")
    sys.stdout.buffer.flush()


def _script(connection: Any, number: int) -> bytes:
    try:
        [(body,)] = connect.call(connection, "SELECT scns.batch_script(%s)", (number,))
    except RequestRefused:
        return _NONE
    return bytes(body) or _NONE
