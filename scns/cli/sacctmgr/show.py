"""sacctmgr 的 `show` 与 `list`。"""

from __future__ import annotations

import json
import sys

from scns.cli.accounting.sheet import Layout
from scns.cli.sacctmgr.fields import DEFAULT, WITH, choose
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.options import Parsed
    from scns.cli.sacctmgr.fields import Row
    from scns.cli.sacctmgr.words import Clause

_CLUSTER = """
SELECT coalesce((SELECT v.value FROM scns.setting_list v WHERE v.name = 'ClusterName'), ''),
       coalesce((SELECT c.owner FROM scns.controller c), '')
"""

#: 各关系，连同账户的说明与用户的默认账户；账户自己的 `user_name` 为空。
_ASSOCIATIONS = """
SELECT (to_jsonb(a) || jsonb_build_object(
         'description', c.description, 'organization', c.organization, 'parent', c.parent,
         'default_account', (SELECT d.account FROM scns.association_list d
                              WHERE d.user_name = a.user_name AND d.is_default
                                AND a.user_name <> ''),
         'admin', CASE WHEN a.known_uid = 0 THEN 'Administ+' ELSE 'None' END))::text
  FROM scns.association_list a JOIN scns.account_list c ON c.name = a.account
"""

_QOS = "SELECT to_jsonb(q)::text FROM scns.qos_list q ORDER BY q.name <> 'normal', q.name"


#: 各节点的通用资源与许可证：名字。
_TRES = """
SELECT DISTINCT 'gres', g.name FROM scns.node_list n, jsonb_object_keys(n.gres) g(name)
UNION
SELECT 'license', split_part(item, ':', 1)
  FROM scns.setting_list v, unnest(string_to_array(v.value, ',')) item
 WHERE v.name = 'Licenses' AND v.value <> '(null)'
 ORDER BY 1, 2
"""


def show(connection: Any, chosen: Parsed, entity: str, clause: Clause) -> int:
    """打印选出的记录，返回退出码。"""
    given = chosen.chosen
    if entity == "runawayjobs":
        # 作业的状态只有一份，没有第二个库会说它还在跑
        ((cluster, _),) = connect.call(connection, _CLUSTER)
        sys.stdout.write(f"Runaway Jobs: No runaway jobs found on cluster {cluster}\n")
        return 0
    together = "associations" in given or "withassoc" in clause.flags
    text = ",".join(clause.settings.get("format", []))
    if not text:
        text = DEFAULT[entity] + (WITH.get(entity, "") if together else "")
    columns, values = choose(entity, text)
    parsable = "parsable" in given or "parsable2" in given
    layout = Layout(columns, "|" if parsable else None, ending="parsable" in given)
    lines = [] if "noheader" in given else [layout.header()]
    for row in _rows(connection, entity, clause, together):
        lines.append(layout.row([value(row) for value in values]))
    sys.stdout.write("".join(lines))
    return 0


def _rows(connection: Any, entity: str, clause: Clause, together: bool) -> list[Row]:
    ((cluster, host),) = connect.call(connection, _CLUSTER)
    if entity == "cluster":
        found = [{"cluster": cluster, "host": host}]
        return [row for row in found if not clause.names or cluster in clause.names]
    if entity == "qos":
        rows = [json.loads(text) for (text,) in connect.call(connection, _QOS)]
        return [row for row in rows if not clause.names or row["name"] in clause.names]
    if entity == "tres":
        return _tres(connection)
    clusters = clause.settings.get("cluster")
    if clusters is not None and cluster not in clusters:
        return []
    rows = [
        json.loads(text) | {"cluster": cluster}
        for (text,) in connect.call(connection, _ASSOCIATIONS)
    ]
    return _wanted(_in_tree_order(rows), entity, clause, together)


def _tres(connection: Any) -> list[Row]:
    """跟踪的资源；前几个的编号与 Slurm 相同，其余从 1001 起。"""
    rows: list[Row] = [
        {"type": name, "name": "", "id": number}
        for name, number in (("cpu", 1), ("mem", 2), ("node", 4))
    ]
    found = connect.call(connection, _TRES)
    rows += [{"type": kind, "name": name, "id": 1001 + at} for at, (kind, name) in enumerate(found)]
    return rows


def _wanted(rows: list[Row], entity: str, clause: Clause, together: bool) -> list[Row]:
    accounts = set(clause.settings.get("account", []))
    users = set(clause.settings.get("user", []))
    (accounts if entity == "account" else users).update(clause.names)
    if "onlydefaults" in clause.flags:
        rows = [row for row in rows if row["is_default"]]
    rows = [
        row
        for row in rows
        if (not accounts or row["account"] in accounts) and (not users or row["user_name"] in users)
    ]
    if entity == "account":
        rows = rows if together else [row for row in rows if not row["user_name"]]
        return sorted(rows, key=lambda row: str(row["account"]))
    if entity == "user":
        rows = sorted((row for row in rows if row["user_name"]), key=_user_key)
        return rows if together else list({row["user_name"]: row for row in rows}.values())
    return rows


def _user_key(row: Row) -> tuple[str, str]:
    return row["user_name"], row["account"]


def _in_tree_order(rows: list[Row]) -> list[Row]:
    """从根往下：账户自己，其中的用户，再是下级账户。"""
    own = {row["account"]: row for row in rows if not row["user_name"]}
    ordered: list[Row] = []

    def visit(account: str) -> None:
        ordered.append(own[account])
        ordered.extend(
            sorted(
                (row for row in rows if row["account"] == account and row["user_name"]),
                key=_user_key,
            )
        )
        for name in sorted(own):
            if own[name]["parent"] == account:
                visit(name)

    if "root" in own:
        visit("root")
    return ordered
