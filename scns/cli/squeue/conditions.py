"""squeue 的筛选选项：换成写在 `jobs` 的一行 `q` 上的条件。

`q` 有哪些列见 `scns.cli.fields.queue`。来源：squeue(1) 22.05 版。
"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

import os

from scns.cli.fields import queue
from scns.cli.squeue.selection import MIN_JOB_AGE, VISIBLE, Sql, items, min_job_age
from scns.errors import InvalidInput, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scns.cli.options import Parsed


def where(chosen: Parsed, complain: Callable[[str], None]) -> Sql:
    """作业的条件：状态、用户、分区、名字等。

    参数：
        complain：不妨碍其余的错误，例如不认识的用户
    异常：
        UsageError：不认识的状态
    """
    built = Sql()
    _add_states(built, chosen)
    add_owner(built, chosen, complain)
    add_partition(built, chosen)
    for option, column in (("name", "q.name"), ("account", "q.account"), ("qos", "q.qos")):
        text = chosen.text(option)
        if text is not None:
            built.add(f"{column} = ANY (%s::text[])", items(text))
    text = chosen.text("reservation")
    if text is not None:
        built.add("q.options ->> 'reservation' = %s", text)
    text = chosen.text("licenses")
    if text is not None:
        built.add(
            "EXISTS (SELECT FROM unnest(string_to_array(q.licenses, ',')) held"
            " WHERE split_part(held, ':', 1) = ANY (%s::text[]))",
            [item.partition(":")[0] for item in items(text)],
        )
    built.add(f"NOT ({queue.MERGED})")
    return built


def _add_states(built: Sql, chosen: Parsed) -> None:
    """状态；结束了的还要在 MinJobAge 之内。

    活动的状态写成与部分索引一样的条件，结束了的靠结束时刻的索引：都不读旧的作业。
    """
    text = chosen.text("states")
    if text is None:
        text = "PENDING" if "start" in chosen.chosen else ",".join(queue.ACTIVE)
    if text.lower() == "all":
        visible = f"(q.state = ANY (%s::text[]) OR {VISIBLE})"
        built.add(visible, list(queue.ACTIVE), MIN_JOB_AGE)
        return
    wanted = [_state(item) for item in items(text)]
    active = [state for state in wanted if state in queue.ACTIVE]
    ended = [state for state in wanted if state not in queue.ACTIVE]
    if not ended:
        built.add("q.state = ANY (%s::text[])", active)
    elif not active:
        built.add(f"q.state = ANY (%s::text[]) AND {VISIBLE}", ended, MIN_JOB_AGE)
    else:
        built.add(
            f"(q.state = ANY (%s::text[]) OR q.state = ANY (%s::text[]) AND {VISIBLE})",
            active,
            ended,
            MIN_JOB_AGE,
        )


def _state(item: str) -> str:
    name = item.upper()
    for state, short in queue.SHORT.items():
        if name in (state, short):
            return state
    known = ",".join(queue.SHORT)
    raise UsageError(
        f"Invalid job state specified: {item}\nValid job states include: {known}", notes=("",)
    )


def add_owner(built: Sql, chosen: Parsed, complain: Callable[[str], None]) -> None:
    """`--me` 与 `-u`。"""
    if "me" in chosen.chosen:
        built.add("q.uid = %s", os.geteuid())
    users = chosen.text("user")
    if users is not None:
        built.add("q.uid = ANY (%s::int[])", _uids(users, complain))


def _uids(text: str, complain: Callable[[str], None]) -> list[int]:
    """用户名或 uid；不认识的说一声，后面跟一个空行，与 Slurm 相同。"""
    import pwd

    uids = []
    for item in items(text):
        try:
            uids.append(pwd.getpwnam(item).pw_uid)
            continue
        except (KeyError, ValueError):
            pass
        try:
            uids.append(pwd.getpwuid(int(item if item.isdigit() else "x")).pw_uid)
        except (KeyError, ValueError, OverflowError):
            complain(f"Invalid user: {item}\n")
    return uids


def add_partition(built: Sql, chosen: Parsed) -> None:
    """`-p`；排在几个分区的作业，有一个对上就算。"""
    text = chosen.text("partition")
    if text is not None:
        column = "q.part" if "priority" in chosen.chosen else "q.partition"
        built.add(f"string_to_array({column}, ',') && %s::text[]", items(text))


def add_nodes(built: Sql, chosen: Parsed, connection: Any) -> None:
    """`-w`：分配在这些节点上的作业。

    折叠的名单不能在服务器上展开，所以先问有哪几种，挑出对得上的。

    异常：
        InvalidInput：没有这个节点
    """
    text = chosen.text("nodelist")
    if text is None:
        return
    from scns.db import connect
    from scns.hostlist import expand

    wanted = expand(text)
    known = {name for (name,) in connect.call(connection, "SELECT name FROM scns.node_list")}
    for name in wanted:
        if name not in known:
            raise InvalidInput(f"Invalid node name {name}")
    lists = connect.call(
        connection,
        "SELECT DISTINCT q.nodes FROM scns.queue q WHERE q.nodes IS NOT NULL"
        f" AND (q.state = ANY (%s::text[]) OR {VISIBLE})",
        [list(queue.ACTIVE), min_job_age(connection)],
    )
    matching = [listed for (listed,) in lists if not set(wanted).isdisjoint(expand(listed))]
    built.add("q.nodes = ANY (%s::text[])", matching)
