"""sshare：各账户与用户的份额、用量与公平份额系数。来源：sshare(1) 22.05 版。

数由排优先级的同一个函数算出，用量算到此刻，在跑的也在内。
"""

from __future__ import annotations

import os
import sys
import time

from scns.cli.accounting.sheet import Column, Layout
from scns.cli.fields.accounting import NUMBER, TEXT
from scns.cli.fields.shares import DEFAULT, FIELDS, LONG, Row
from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.cli.tables.sshare import TABLE
from scns.db import connect
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scns.cli.options import Parsed
    from scns.planner.fairshare import Algorithm

_SETTINGS = """
SELECT v.name, v.value FROM scns.setting_list v
 WHERE v.name IN ('PriorityDecayHalfLife', 'PriorityFlags', 'FairShareDampeningFactor',
                  'ClusterName')
"""
_NAMES = """
SELECT coalesce(a.known_uid, -1), a.user_name FROM scns.association_list a WHERE a.user_name <> ''
UNION SELECT q.uid, q.owner FROM scns.queue q WHERE q.uid = ANY (%s)
"""
_LIMITS = """
SELECT a.account, CASE WHEN a.user_name <> '' THEN a.known_uid END, a.user_name,
       a.grp_tres_mins::text
  FROM scns.association_list a
"""
# 没有时限的不算：它们还要用多少没有人知道
_RUNNING = """
SELECT q.account, q.uid,
       sum(q.cpus_alloc * m.minutes)::bigint, sum(q.memory_alloc * m.minutes)::bigint,
       sum(q.nodes_alloc * m.minutes)::bigint
  FROM scns.queue q
 CROSS JOIN LATERAL (
    SELECT greatest(extract(epoch FROM q.limit_time - now()), 0) / 60 AS minutes) m
 WHERE q.state = 'RUNNING' AND q.limit_time IS NOT NULL AND isfinite(q.limit_time)
 GROUP BY q.account, q.uid
"""


def run(words: list[str]) -> int:
    """打印选出的各行，返回退出码。"""
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is None and "helpformat" in parsed.chosen:
        text = " ".join(f"{name:<15}" for name, _, _ in FIELDS).rstrip() + "\n"
    if text is not None:
        sys.stdout.write(text)
        return 0
    chosen = collect(TABLE, parsed, environ=os.environ)
    connection = connect.connect()
    if chosen.text("clusters") is not None:
        from scns.cli.control import check_clusters

        check_clusters(connection, chosen.text("clusters") or "")
    settings = dict(connect.call(connection, _SETTINGS))
    algorithm = _algorithm(settings)
    layout, values = _layout(chosen, fair_tree=algorithm.fair_tree)
    rows = _wanted(_rows(connection, settings, algorithm), chosen)
    lines = [] if "noheader" in chosen.chosen else [layout.header()]
    lines += [layout.row([value(row) for value in values]) for row in rows]
    sys.stdout.write("".join(lines))
    return 0


def _algorithm(settings: dict[str, str]) -> Algorithm:
    """设置里的算法；scnsd 把配置写在那里。"""
    from scns.planner.fairshare import Algorithm

    flags = settings.get("PriorityFlags", "").split(",")
    return Algorithm.of(flags, float(settings.get("FairShareDampeningFactor", "1")))


def _rows(connection: Any, settings: dict[str, str], algorithm: Algorithm) -> list[Row]:
    """账户树的每一行，从根往下。"""
    from scns.db import accounts
    from scns.times import parse_time_limit

    text = settings.get("PriorityDecayHalfLife")
    half_life = parse_time_limit(text) if text else None
    usage = accounts.read_usage(connect.call(connection, accounts.USAGE), half_life, time.time())
    others = set(usage) | _own(connection)
    tree = accounts.build_tree(connect.call(connection, accounts.SHARES), others, algorithm)
    names = dict(connect.call(connection, _NAMES, (sorted({uid for _, uid in others}),)))
    names.setdefault(os.geteuid(), _my_name())
    import json

    minutes = {
        (account, uid): json.loads(limit)
        for account, uid, user, limit in connect.call(connection, _LIMITS)
        if uid is not None or not user
    }
    running = _running(connection)
    rows = []
    ancestors: list[Row] = []
    for level in tree.levels(usage, names):
        key = (level.account, level.uid)
        row = Row(
            level,
            settings.get("ClusterName", ""),
            registered=key in minutes,
            fair_tree=algorithm.fair_tree,
        )
        row.minutes = minutes.get(key, {})
        row.running = dict.fromkeys(("cpu", "mem", "node"), 0)
        del ancestors[level.depth :]
        ancestors.append(row)
        for above in ancestors if key in running else ():
            above.running = {
                kind: amount + running[key][kind] for kind, amount in above.running.items()
            }
        rows.append(row)
    return rows


def _running(connection: Any) -> dict[tuple[str, int | None], dict[str, int]]:
    return {
        (account, uid): {"cpu": cpus, "mem": memory or 0, "node": nodes or 0}
        for account, uid, cpus, memory, nodes in connect.call(connection, _RUNNING)
    }


def _own(connection: Any) -> set[tuple[str, int]]:
    """自己没有登记时，账户就是自己的名字。"""
    name = _my_name()
    known = connect.call(
        connection, "SELECT FROM scns.association_list a WHERE a.user_name = %s", (name,)
    )
    return set() if known else {(name, os.geteuid())}


def _my_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _wanted(rows: list[Row], chosen: Parsed) -> list[Row]:
    """选出的行：默认是自己的与各账户的；`-U` 只要登记过的用户的。"""
    given = chosen.chosen
    accounts, users = chosen.text("accounts"), chosen.text("users")
    if accounts is not None:
        names = set(accounts.split(","))
        rows = [row for row in rows if row.level.account in names]
    if users is not None:
        named = set(users.split(","))
        rows = [row for row in rows if row.level.uid is None or row.level.user in named]
    elif "all" not in given and accounts is None:
        own = os.geteuid()
        rows = [row for row in rows if row.level.uid in (None, own)]
    if "Users" in given:
        rows = [row for row in rows if row.level.uid is not None and row.registered]
    return rows


def _layout(chosen: Parsed, *, fair_tree: bool) -> tuple[Layout, list[Callable[[Row], str]]]:
    """选出的列。

    异常：
        UsageError：没有这个字段
    """
    given = chosen.chosen
    long = LONG + (",LevelFS" if fair_tree else "") + ",GrpTRESMins,TRESRunMins"
    text = chosen.text("format") or (long if "long" in given else DEFAULT)
    columns, values = [], []
    for item in filter(None, text.split(",")):
        name, percent, size = item.strip().partition("%")
        found = next((row for row in FIELDS if row[0].lower().startswith(name.lower())), None)
        if found is None:
            raise UsageError(f'Invalid field requested: "{name}"')
        digits = size.lstrip("-")
        width = found[1]
        if percent and digits.isascii() and digits.isdigit():
            width = min(int(digits[:6]), 65536) * (-1 if size.startswith("-") else 1)
        columns.append(Column(found[0], width, TEXT if found[0] in ("Account", "User") else NUMBER))
        values.append(found[2])
    parsable = "parsable" in given or "parsable2" in given
    return Layout(columns, "|" if parsable else None, ending="parsable" in given), values
