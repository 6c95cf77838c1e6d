"""squeue：列出作业或作业步。来源：squeue(1) 22.05 版。"""

from __future__ import annotations

import os
import sys

from scns.cli.options import collect, parse
from scns.cli.squeue.listing import Listing
from scns.cli.squeue.selection import leading_number
from scns.cli.stop import answer
from scns.cli.tables.squeue import TABLE
from scns.db import connect
from scns.errors import RequestRefused, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.options import Parsed


def run(words: list[str]) -> int:
    """按选项列出作业，返回退出码。"""
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is not None:
        sys.stdout.write(text)
        return 0
    _check(parsed)
    chosen = collect(TABLE, parsed, environ=os.environ)
    listing = Listing(chosen)
    connection = connect.connect()
    _name_cluster(connection, chosen)
    if "json" in chosen.chosen or "yaml" in chosen.chosen:
        from scns.cli.squeue.record import dump

        dump(connection, sys.stdout.buffer.write, yaml="yaml" in chosen.chosen)
        return 0
    seconds = chosen.text("iterate")
    if seconds is not None:
        _repeat(listing, connection, leading_number(seconds)[0])
    if "watch" in chosen.chosen:
        _watch(listing, connection)
    listing.show(connection)
    sys.stdout.buffer.flush()
    return 0


def _check(chosen: Parsed) -> None:
    """命令行的用法；环境变量不算。

    异常：
        UsageError：多余的词、不能并用的选项，或不成数的间隔
    """
    if chosen.operands:
        sys.stdout.write(TABLE.usage)
        raise UsageError(f"Unrecognized option: {chosen.operands[0]}")
    if chosen.count("format") and chosen.count("Format"):
        raise UsageError("-O (--Format) is incompatible with -o (--format)")
    seconds = chosen.text("iterate")
    if seconds is not None and leading_number(seconds)[0] == 0:
        raise UsageError(f"--iterate={seconds}", notes=("",))


def _name_cluster(connection: Any, chosen: Parsed) -> None:
    """`-M`：只有一个集群，说它的名字。"""
    text = chosen.text("clusters")
    if text is None:
        return
    from scns.cli.control import check_clusters

    check_clusters(connection, text)
    ((name,),) = connect.call(
        connection, "SELECT max(value) FROM scns.setting_list WHERE name = 'ClusterName'"
    )
    sys.stdout.write(f"CLUSTER: {name}\n")
    sys.stdout.flush()


def _repeat(listing: Listing, connection: Any, seconds: int) -> None:
    """隔一段时间列一遍，直到被打断。"""
    import time

    while True:
        _show(listing, connection)
        sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
        time.sleep(seconds)


def _watch(listing: Listing, connection: Any) -> None:
    """一有作业变了就列一遍，直到被打断；终端上每遍都从头画起。Slurm 没有这个选项。"""
    from scns.cli.bell import Bell

    bell = Bell(connection, command="squeue")
    terminal = sys.stdout.isatty()
    while True:
        if terminal:
            sys.stdout.buffer.write(b"\033[H\033[J")
        bell.look(lambda connection: _show(listing, connection))
        if not terminal:
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
        bell.wait()


def _show(listing: Listing, connection: Any) -> None:
    """列一遍；没有那个作业不妨碍下一遍。"""
    try:
        listing.show(connection)
    except RequestRefused as error:
        sys.stderr.write("".join(f"{line}\n" for line in error.lines("squeue")))
