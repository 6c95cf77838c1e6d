"""sacct -N：在这些节点上运行过的作业。

折叠的名单不能在服务器上展开，所以先问有哪几种，挑出对得上的。
"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

from scns.db import connect
from scns.hostlist import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.accounting.selection import Selection


def narrow(connection: Any, selection: Selection) -> None:
    """只留分在 `selection.nodes` 之一上的作业；有 `-D` 时各次运行分别看。"""
    jobs, parameters = f"FROM scns.queue q WHERE {selection.where}", [*selection.parameters]
    statement = f"SELECT DISTINCT q.nodes {jobs} AND q.nodes IS NOT NULL"
    there = "q.nodes = ANY (%s::text[])"
    if selection.duplicates:
        statement += (
            " UNION SELECT t.node_list FROM scns.step_list t"
            f" WHERE t.job_id IN (SELECT q.id {jobs})"
        )
        parameters *= 2
        there = (
            f"({there} OR EXISTS (SELECT FROM scns.step_list t"
            " WHERE t.job_id = q.id AND t.node_list = ANY (%s::text[])))"
        )
    lists = [names for (names,) in connect.call(connection, statement, parameters)]
    wanted = selection.nodes or set()
    selection.node_lists = [names for names in lists if not wanted.isdisjoint(expand(names))]
    selection.where += f" AND {there}"
    selection.parameters += [selection.node_lists] * there.count("%s")
