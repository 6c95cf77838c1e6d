"""sacctmgr 的 `add`、`modify` 与 `delete`：先做，说明做了什么，再问要不要留下。"""

from __future__ import annotations

import json
import sys

from scns.cli.sacctmgr.fields import tres
from scns.cli.sacctmgr.words import ALLOWED, parse, split, unknown
from scns.db import connect
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.options import Parsed
    from scns.cli.sacctmgr.words import Clause

#: 等一个回答的秒数。
PATIENCE = 30

_COMMIT = "Would you like to commit changes?"
_EVERYTHING = "You didn't set any conditions with 'WHERE'.\nAre you sure you want to continue?"

# 一种对象的全部名字；用户的可以只要一些账户里的
_ALL = {
    "user": (
        "SELECT DISTINCT a.user_name FROM scns.association_list a WHERE a.user_name <> ''"
        " AND (%(accounts)s::text[] IS NULL OR a.account = ANY (%(accounts)s))"
    ),
    "account": "SELECT c.name FROM scns.account_list c",
    "qos": "SELECT q.name FROM scns.qos_list q",
}

#: 设置的列在添加之后怎样说。
_LABELS = {
    "fairshare": "Fairshare",
    "priority": "Priority",
    "grp_jobs": "GrpJobs",
    "grp_submit": "GrpSubmitJobs",
    "grp_tres": "GrpTRES",
    "grp_tres_mins": "GrpTRESMins",
    "grp_tres_run_mins": "GrpTRESRunMins",
    "max_jobs": "MaxJobs",
    "max_submit": "MaxSubmitJobs",
    "max_tres_per_job": "MaxTRESPerJob",
    "max_tres_mins_per_job": "MaxTRESMins",
    "max_wall": "MaxWall",
}

_CLUSTER = "SELECT max(value) FROM scns.setting_list WHERE name = 'ClusterName'"

_STATEMENTS = {
    "add_account": "SELECT * FROM scns.add_account(%s, %s, %s, %s, %s::jsonb)",
    "add_user": "SELECT * FROM scns.add_user(%s, %s, %s, %s::jsonb)",
    "add_qos": "SELECT * FROM scns.add_qos(%s, %s::jsonb)",
    "modify_accounts": "SELECT * FROM scns.modify_accounts(%s::text[], %s, %s, %s)",
    "modify_associations": (
        "SELECT * FROM scns.modify_associations(%s::text[], %s::text[], %s::jsonb)"
    ),
    "modify_qos": "SELECT * FROM scns.modify_qos(%s::text[], %s::jsonb)",
    "set_default_account": "SELECT * FROM scns.set_default_account(%s::text[], %s)",
    "delete_accounts": "SELECT * FROM scns.delete_accounts(%s::text[])",
    "delete_users": "SELECT * FROM scns.delete_users(%s::text[], %s::text[])",
    "delete_qos": "SELECT * FROM scns.delete_qos(%s::text[])",
}


class Change:
    """一次改动，在一个事务里；用户说了算才提交。

    参数：
        immediate：不问（`-i`）
        quiet：不说做了什么（`-Q`）
    """

    def __init__(self, connection: Any, chosen: Parsed) -> None:
        self._connection = connection
        self._immediate = "immediate" in chosen.chosen
        self._quiet = "quiet" in chosen.chosen
        ((cluster,),) = connect.call(connection, _CLUSTER)
        self._cluster = cluster or ""

    def add(self, entity: str, words: list[str]) -> int:
        """添上对象，返回退出码；一个新的也没有时是 1。"""
        clause = parse([word for word in words if word.lower() not in ("where", "set")])
        names, settings = clause.names, clause.settings
        names += settings.pop("user", []) if entity == "user" else []
        names += settings.pop("account", []) if entity == "account" else []
        if not names:
            raise UsageError(f" Need name of {entity} to add.", style="bare")
        accounts = settings.pop("account", [])
        settings.pop("cluster", None)
        _check(entity, settings)
        self._begin()
        if entity == "user":
            lines = self._add_users(names, accounts, settings)
        elif entity == "account":
            lines = self._add_accounts(names, settings)
        else:
            added = [name for name in names if self._call("add_qos", name, settings) == [(True,)]]
            lines = [" Adding QOS(s)\n", *(f"  {name}\n" for name in added)] if added else []
        return self._finish(lines) if lines else self._nothing(" Nothing new added.\n")

    def _add_accounts(self, names: list[str], settings: dict[str, Any]) -> list[str]:
        given = settings.pop("parent", None)
        parent = given or "root"
        about = settings.pop("description", None)
        owner = settings.pop("organization", None)
        above = parent if parent != "root" else None
        added = [
            name
            for name in names
            if self._call(
                "add_account", name, about or name, owner or above or name, parent, settings
            )
            == [(True,)]
        ]
        if not added:
            return []
        lines = [" Adding Account(s)\n", *(f"  {name}\n" for name in added), " Settings\n"]
        lines.append(f"  Description     = {about or 'Account Name'}\n")
        lines.append(f"  Organization    = {owner or 'Parent/Account Name'}\n")
        lines.append(" Associations\n")
        lines += [f"  A = {name:<10} C = {self._cluster:<10}\n" for name in added]
        if settings or given:
            lines.append(" Settings\n")
        lines += [_setting("Parent", given)] if given else []
        return lines + _settings(settings)

    def _add_users(
        self, names: list[str], accounts: list[str], settings: dict[str, Any]
    ) -> list[str]:
        default = settings.pop("default_account", None)
        accounts = accounts or ([default] if default else [])
        if not accounts:
            raise UsageError(" Need name of account to add user to.", style="bare")
        known = self._all("user")
        added = [
            (name, account)
            for name in names
            for account in accounts
            if self._call("add_user", name, _uid(name), account, settings) == [(True,)]
        ]
        if not added:
            return []
        fresh = [name for name in names if name not in known]
        if default is not None:
            self._call("set_default_account", names, default)
        lines = [" Adding User(s)\n", *(f"  {name}\n" for name in fresh)] if fresh else []
        if fresh:
            lines += [" Settings =\n", f"  Default Account = {default or accounts[0]}\n"]
        lines.append(" Associations =\n")
        for name, account in added:
            lines.append(f"  U = {name:<9} A = {account:<10} C = {self._cluster:<10}\n")
        return [*lines, " Non Default Settings\n", *_settings(settings)]

    def modify(self, entity: str, words: list[str]) -> int:
        """改对象，返回退出码；一个也没有改时是 1。"""
        where, changes = split(words)
        condition, clause = parse(where), parse(changes)
        settings = clause.settings
        if not settings:
            raise UsageError(" You didn't give me anything to set", style="bare")
        _check(entity, settings)
        names = self._named(entity, condition)
        if names is None:
            if not self._confirmed(_EVERYTHING):
                sys.stdout.write("Aborted\n")
                return 0
            names = self._all(entity)
        self._begin()
        if entity == "qos":
            rows = self._call("modify_qos", names, settings)
            lines = [f"  {name}\n" for (name,) in rows]
        elif entity == "user":
            lines = self._modify_users(names, condition.settings.get("account"), settings)
        else:
            lines = self._modify_accounts(names, settings)
        if not lines:
            return self._nothing("  Nothing modified\n")
        title = {"account": "account associations", "user": "user associations", "qos": "qos"}
        return self._finish([f" Modified {title[entity]}...\n", *lines])

    def _named(self, entity: str, condition: Clause) -> list[str] | None:
        """条件选中的名字；一个条件也没有时为 None。"""
        names: list[str] = condition.names + condition.settings.get(entity, [])
        accounts = condition.settings.get("account") if entity == "user" else None
        clusters = condition.settings.get("cluster")
        if clusters is not None and self._cluster not in clusters:
            return []
        if names or (accounts is None and clusters is None):
            return names or None
        return self._all(entity, accounts)

    def _all(self, entity: str, accounts: list[str] | None = None) -> list[str]:
        rows = connect.call(self._connection, _ALL[entity], {"accounts": accounts})
        return [name for (name,) in rows]

    def _modify_users(
        self, names: list[str], accounts: list[str] | None, settings: dict[str, Any]
    ) -> list[str]:
        default = settings.pop("default_account", None)
        lines = []
        if default is not None:
            rows = self._call("set_default_account", names, default)
            lines = [self._association(default, name) for (name,) in rows]
        if settings:
            rows = self._call("modify_associations", accounts, names, settings)
            lines = [self._association(*row) for row in sorted(rows)]
        return lines

    def _modify_accounts(self, names: list[str], settings: dict[str, Any]) -> list[str]:
        about = [settings.pop(key, None) for key in ("description", "organization", "parent")]
        lines = []
        if any(value is not None for value in about):
            rows = self._call("modify_accounts", names, *about)
            lines = [self._association(name, "") for (name,) in rows]
        if settings:
            rows = self._call("modify_associations", names, None, settings)
            lines = [self._association(*row) for row in sorted(rows)]
        return lines

    def delete(self, entity: str, words: list[str]) -> int:
        """去掉对象，返回退出码；一个也没有去掉时是 1。"""
        condition = parse([word for word in words if word.lower() not in ("where", "set")])
        names = self._named(entity, condition)
        if names is None:
            raise UsageError(" No conditions given to remove, not executing.", style="bare")
        self._begin()
        titles = {"account": "accounts", "user": "users", "qos": "QOS(s)"}
        title = titles[entity]
        if entity == "user":
            accounts = condition.settings.get("account")
            rows = sorted(self._call("delete_users", names, accounts))
            if accounts is None:
                lines = [f"  {name}\n" for name in sorted({user for _, user in rows})]
            else:
                title = "user associations"
                lines = [self._association(*row) for row in rows]
        else:
            rows = self._call(f"delete_{'accounts' if entity == 'account' else 'qos'}", names)
            lines = [f"  {name}\n" for (name,) in sorted(rows)]
        if not lines:
            return self._nothing("  Nothing deleted\n")
        return self._finish([f" Deleting {title}...\n", *lines])

    def _association(self, account: str, user: str) -> str:
        text = f"  C = {self._cluster:<10} A = {account:<20}"
        return (text + (f" U = {user:<9}" if user else "")).rstrip() + "\n"

    def _begin(self) -> None:
        self._connection.autocommit = False

    def _call(self, function: str, *values: Any) -> list[tuple[Any, ...]]:
        sent = [json.dumps(value) if isinstance(value, dict) else value for value in values]
        return connect.call(self._connection, _STATEMENTS[function], sent)

    def _nothing(self, text: str) -> int:
        self._connection.rollback()
        sys.stdout.write(text)
        return 1

    def _finish(self, lines: list[str]) -> int:
        if not self._quiet:
            sys.stdout.write("".join(lines))
        if not self._confirmed(_COMMIT):
            self._connection.rollback()
            sys.stdout.write(" Changes Discarded\n")
            return 0
        self._connection.commit()
        return 0

    def _confirmed(self, question: str) -> bool:
        """问一句；`-i` 不问就是答应，过了时候没有回答就是不。"""
        if self._immediate:
            return True
        sys.stdout.write(f"{question} (You have {PATIENCE} seconds to decide)\n(N/y): ")
        sys.stdout.flush()
        return _answered() and sys.stdin.readline().strip().lower() in ("y", "yes")


def _answered() -> bool:
    """等标准输入有话可读；不是文件描述符的总是有。"""
    import select

    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):
        return True
    return bool(select.select([descriptor], [], [], PATIENCE)[0])


def _settings(settings: dict[str, Any]) -> list[str]:
    """设了的上限；没有设的（不限）不说。"""
    return [_setting(_LABELS[name], value) for name, value in settings.items() if value is not None]


def _setting(label: str, value: Any) -> str:
    text = tres(value) if isinstance(value, dict) else value
    return f"  {label:<13} = {text}\n"


def _check(entity: str, settings: dict[str, Any]) -> None:
    for name in settings:
        if name not in ALLOWED[entity]:
            raise unknown(name.replace("_", ""))


def _uid(name: str) -> int | None:
    """这台机器认得的用户号；不认得时为 None，等他登记。"""
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None
