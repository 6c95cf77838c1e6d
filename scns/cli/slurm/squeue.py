"""squeue：列出作业。每一行由服务器排好，这里只定选哪些列、哪些行、什么次序。

来源：squeue(1) 22.05 版。
"""

from __future__ import annotations

import os
import sys

from scns.cli import columns
from scns.cli.fields import queue
from scns.cli.options import collect, parse
from scns.cli.tables.squeue import TABLE
from scns.db import connect
from scns.errors import RequestRefused, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.columns import Column
    from scns.cli.options import Parsed

_DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
_LONG = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R"
_START = "%.18i %.9P %.8j %.8u %.2t  %.19S %.6D %20Y %R"


def run(words: list[str]) -> int:
    """按选项列出作业，返回退出码。"""
    chosen = collect(TABLE, parse(TABLE, words), environ=os.environ)
    sheet = _sheet(chosen)
    line, values = columns.row(sheet)
    where, parameters = _filters(chosen)
    order = f"{queue.SORT['P']}, {queue.SORT['t']}, {queue.SORT['p']} DESC, q.id"
    connection = connect.connect()
    output = sys.stdout.buffer
    if "noheader" not in chosen.chosen:
        if "long" in chosen.chosen:
            import time

            output.write(time.strftime("%a %b %d %H:%M:%S %Y\n").encode())
        output.write(columns.header(sheet).encode() + b"\n")
    connect.each(
        connection,
        f"SELECT {line} FROM scns.queue q WHERE {where} ORDER BY {order}",
        [*values, *parameters],
        output.write,
    )
    output.flush()
    return 0


def _sheet(chosen: Parsed) -> list[Column]:
    """选出要打印的列。"""
    text = chosen.text("format")
    if text is None:
        given = chosen.chosen
        text = _LONG if "long" in given else _START if "start" in given else _DEFAULT
    return columns.parse_codes(
        text, queue.CODES, lambda letter: _complain(f"Invalid job format specification: {letter}")
    )


def _complain(sentence: str) -> None:
    sys.stderr.write(f"squeue: error: {sentence}\n")


def _filters(chosen: Parsed) -> tuple[str, list[Any]]:
    """把筛选选项换成 WHERE 条件与参数。"""
    conditions = []
    parameters: list[Any] = []
    states = _states(chosen.text("states"))
    if states is not None:
        conditions.append("q.state = ANY (%s)")
        parameters.append(list(states))
    for option, column in (("partition", "q.partition"), ("name", "q.name")):
        text = chosen.text(option)
        if text is not None:
            conditions.append(f"{column} = ANY (%s)")
            parameters.append([item for item in text.split(",") if item])
    if "me" in chosen.chosen:
        conditions.append("q.uid = %s")
        parameters.append(os.geteuid())
    users = chosen.text("user")
    if users is not None:
        conditions.append("q.uid = ANY (%s)")
        parameters.append(_uids(users))
    jobs = chosen.text("jobs")
    if jobs is not None:
        numbers = [_job_number(item) for item in jobs.split(",") if item]
        conditions.append("(q.id = ANY (%s) OR q.array_job_id = ANY (%s))")
        parameters += [numbers, numbers]
    return " AND ".join(conditions) or "true", parameters


def _states(text: str | None) -> tuple[str, ...] | None:
    """`-t` 的状态；None 表示所有状态，没有给时是活动的。"""
    if text is None:
        return queue.ACTIVE
    wanted = []
    for item in text.split(","):
        name = item.upper()
        if name == "ALL":
            return None
        full = next((long for long, short in queue.SHORT.items() if name in (long, short)), None)
        if full is None:
            listed = ",".join(queue.SHORT)
            raise UsageError(
                f"Invalid job state specified: {item}\nValid job states include: {listed}",
                notes=("",),
            )
        wanted.append(full)
    return tuple(wanted)


def _uids(text: str) -> list[int]:
    """`-u` 的用户名或 uid；不认识的说一声，不妨碍其余。"""
    import pwd

    uids = []
    for item in text.split(","):
        if item.isascii() and item.isdigit():
            uids.append(int(item))
            continue
        try:
            uids.append(pwd.getpwnam(item).pw_uid)
        except KeyError:
            _complain(f"Invalid user: {item}")
    return uids


def _job_number(text: str) -> int:
    number, _, _ = text.partition("_")
    if not (number.isascii() and number.isdigit()):
        raise RequestRefused(f"Invalid job id: {text}")
    return int(number)
