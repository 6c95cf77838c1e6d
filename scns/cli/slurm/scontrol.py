"""scontrol：查看与管理。来源：scontrol(1) 22.05 版。"""

from __future__ import annotations

import os
import sys

from scns.cli.options import collect, parse
from scns.cli.scontrol.keywords import process
from scns.cli.scontrol.session import Session
from scns.cli.stop import answer
from scns.cli.tables.scontrol import TABLE


def run(words: list[str]) -> int:
    """执行一条命令；没有写命令就从标准输入逐行读，返回退出码。"""
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is not None:
        sys.stdout.write(text)
        return 0
    chosen = collect(TABLE, parsed, environ=os.environ)
    session = Session(
        one_line="oneliner" in chosen.chosen,
        details="details" in chosen.chosen,
        quiet="quiet" in chosen.chosen,
        verbose="verbose" in chosen.chosen,
    )
    clusters = chosen.text("clusters")
    if clusters is not None:
        from scns.cli.control import check_clusters

        check_clusters(session.connection, clusters)
    if chosen.operands:
        process(session, chosen.operands)
    else:
        from scns.cli.scontrol.shell import converse

        converse(session)
    return session.exit_code
