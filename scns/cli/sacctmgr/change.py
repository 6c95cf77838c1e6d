"""sacctmgr 的 `add`、`modify` 与 `delete`：先做，说明做了什么，再问要不要留下。"""

from __future__ import annotations

import json
import sys

from scns.cli.sacctmgr.words import ALLOWED, parse, split
from scns.db import connect
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from scns.cli.options import Parsed

_QUESTION = "Would you like to commit changes? (You have 30 seconds to decide)\n(N/y): "

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
        if entity == "user":
            accounts = accounts or [settings.get("default_account", "")]
            if accounts == [""]:
                raise UsageError(" Need name of account to add user to.", style="bare")
            settings.pop("default_account", None)
        self._begin()
        lines = []
        for name in names:
            lines += self._add_one(entity, name, accounts, dict(settings))
        if not lines:
            return self._nothing(" Nothing new added.\n")
        title = {"account": "Account(s)", "user": "User(s)", "qos": "QOS(s)"}[entity]
        return self._finish([f" Adding {title}\n", *lines])

    def _add_one(
        self, entity: str, name: str, accounts: Iterable[str], settings: dict[str, Any]
    ) -> list[str]:
        if entity == "qos":
            added = self._call("add_qos", name, settings)
            return [f"  {name}\n"] if added == [(True,)] else []
        if entity == "account":
            parent = settings.pop("parent", "root")
            about = settings.pop("description", name)
            owner = settings.pop("organization", parent if parent != "root" else name)
            added = self._call("add_account", name, about, owner, parent, settings)
            return [f"  {name}\n"] if added == [(True,)] else []
        uid = _uid(name)
        return [
            self._association(account, name)
            for account in accounts
            if self._call("add_user", name, uid, account, settings) == [(True,)]
        ]

    def modify(self, entity: str, words: list[str]) -> int:
        """改对象，返回退出码；一个也没有改时是 1。"""
        where, changes = split(words)
        condition, clause = parse(where), parse(changes)
        settings = clause.settings
        if not settings:
            raise UsageError(" You didn't give me anything to set", style="bare")
        _check(entity, settings)
        names = condition.names + condition.settings.get(entity, [])
        self._begin()
        if entity == "qos":
            rows = self._call("modify_qos", names, settings)
            lines = [f"  {name}\n" for (name,) in rows]
        else:
            accounts = condition.settings.get("account")
            lines = (
                self._modify_users(names, accounts, settings)
                if entity == "user"
                else self._modify_accounts(names, settings)
            )
        if not lines:
            return self._nothing("  Nothing modified\n")
        title = {"account": "account associations", "user": "user associations", "qos": "qos"}
        return self._finish([f" Modified {title[entity]}...\n", *lines])

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
        clause = parse([word for word in words if word.lower() not in ("where", "set")])
        names = clause.names + clause.settings.get(entity, [])
        self._begin()
        if entity == "user":
            accounts = clause.settings.get("account")
            rows = self._call("delete_users", names, accounts)
            lines = [self._association(*row) for row in sorted(rows)]
        else:
            rows = self._call(f"delete_{'accounts' if entity == 'account' else 'qos'}", names)
            lines = [f"  {name}\n" for (name,) in sorted(rows)]
        if not lines:
            return self._nothing("  Nothing deleted\n")
        title = {"account": "account", "user": "user associations", "qos": "QOS(s)"}[entity]
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
        if not self._immediate:
            sys.stdout.write(_QUESTION)
            sys.stdout.flush()
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                self._connection.rollback()
                sys.stdout.write(" Changes Discarded\n")
                return 0
        self._connection.commit()
        return 0


def _check(entity: str, settings: dict[str, Any]) -> None:
    for name in settings:
        if name not in ALLOWED[entity]:
            raise UsageError(
                f" Unknown option: {name.replace('_', '')}\n"
                " Use keyword 'where' to modify condition",
                style="bare",
            )


def _uid(name: str) -> int | None:
    """这台机器认得的用户号；不认得时为 None，等他登记。"""
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None
