"""sshare：各账户与用户的份额、用量与公平份额系数。来源：sshare(1) 22.05 版。

数由排优先级的同一个函数算出，用量算到此刻，在跑的也在内。
"""

from __future__ import annotations

import os
import sys
import time

from scns.cli.accounting.sheet import Column, Layout
from scns.cli.fields.accounting import NUMBER, TEXT
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
    from scns.planner.fairshare import Level

#: 字段：名字、宽度、取值；次序就是 `--helpformat` 的，也是缩写的先后。
FIELDS: tuple[tuple[str, int, Callable[[Level], str]], ...] = (
    ("Account", -20, lambda row: " " * row.depth + row.account),
    ("Cluster", 10, lambda _: ""),
    ("EffectvUsage", 13, lambda row: f"{row.share.effective_usage:.6f}"),
    ("FairShare", 10, lambda row: f"{row.share.factor:.6f}" if row.uid is not None else ""),
    ("LevelFS", 10, lambda row: _level(row.share.level_fs)),
    ("NormShares", 11, lambda row: f"{row.share.norm_shares:.6f}"),
    ("NormUsage", 11, lambda row: f"{row.norm_usage:.6f}"),
    ("RawShares", 10, lambda row: str(row.shares)),
    ("RawUsage", 11, lambda row: f"{row.used:.0f}"),
    ("User", 10, lambda row: row.user),
)

DEFAULT = "Account,User,RawShares,NormShares,RawUsage,EffectvUsage,FairShare"
LONG = "Account,User,RawShares,NormShares,RawUsage,NormUsage,EffectvUsage,FairShare,LevelFS"

_HALF_LIFE = "SELECT max(value) FROM scns.setting_list WHERE name = 'PriorityDecayHalfLife'"
_NAMES = """
SELECT coalesce(a.known_uid, -1), a.user_name FROM scns.association_list a WHERE a.user_name <> ''
UNION SELECT q.uid, q.owner FROM scns.queue q WHERE q.uid = ANY (%s)
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
    layout, values = _layout(chosen)
    connection = connect.connect()
    if chosen.text("clusters") is not None:
        from scns.cli.control import check_clusters

        check_clusters(connection, chosen.text("clusters") or "")
    rows = _wanted(_levels(connection), chosen)
    lines = [] if "noheader" in chosen.chosen else [layout.header()]
    lines += [layout.row([value(row) for value in values]) for row in rows]
    sys.stdout.write("".join(lines))
    return 0


def _levels(connection: Any) -> list[Level]:
    """账户树的每一层，从根往下。"""
    from scns.db import accounts
    from scns.times import parse_time_limit

    now = time.time()
    ((text,),) = connect.call(connection, _HALF_LIFE)
    half_life = parse_time_limit(text) if text else None
    usage = accounts.read_usage(connect.call(connection, accounts.USAGE), half_life, now)
    others = set(usage) | _own(connection)
    tree = accounts.build_tree(connect.call(connection, accounts.SHARES), others)
    names = dict(connect.call(connection, _NAMES, (sorted({uid for _, uid in others}),)))
    names.setdefault(os.geteuid(), _my_name())
    return tree.levels(usage, names)


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


def _wanted(rows: list[Level], chosen: Parsed) -> list[Level]:
    """选出的行：默认是自己的与各账户的。"""
    given = chosen.chosen
    accounts, users = chosen.text("accounts"), chosen.text("users")
    if accounts is not None:
        names = set(accounts.split(","))
        rows = [row for row in rows if row.account in names]
    if users is not None:
        named = set(users.split(","))
        rows = [row for row in rows if row.uid is None or row.user in named]
    elif "all" not in given and accounts is None:
        own = os.geteuid()
        rows = [row for row in rows if row.uid in (None, own)]
    return [row for row in rows if row.uid is not None] if "Users" in given else rows


def _layout(chosen: Parsed) -> tuple[Layout, list[Callable[[Level], str]]]:
    """选出的列。

    异常：
        UsageError：没有这个字段
    """
    given = chosen.chosen
    text = chosen.text("format") or (LONG if "long" in given else DEFAULT)
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


def _level(value: float) -> str:
    return "inf" if value == float("inf") else f"{value:.6f}"
