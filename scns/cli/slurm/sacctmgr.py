"""sacctmgr：账户、用户与 QOS，它们的份额与上限。来源：sacctmgr(1) 22.05 版。

与 Slurm 不同，改动直接写进数据库，scnsd 不在也行；它在的话立刻照新的上限排计划。
"""

from __future__ import annotations

import os
import sys

from scns.cli.options import collect, parse
from scns.cli.sacctmgr import words as grammar
from scns.cli.stop import answer
from scns.cli.tables.sacctmgr import TABLE
from scns.db import connect
from scns.errors import UsageError

_SHOWN = '"Account", "Association", "Cluster", "QOS", "RunAwayJobs", "TRES" or "User"'
_CHANGED = '"Account", "QOS" or "User"'

#: 动词的另一种写法在话里怎么称呼。
_CALLED = {"create": "add", "remove": "delete"}


def run(words: list[str]) -> int:
    """执行一条命令，返回退出码。

    异常：
        UsageError：没有这个动词或对象，或只读时要改
    """
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is not None:
        sys.stdout.write(text)
        return 0
    chosen = collect(TABLE, parsed, environ=os.environ)
    if not chosen.operands:
        sys.stdout.write(TABLE.usage + "\n")
        raise UsageError("too few arguments")
    verb = grammar.complete(chosen.operands[0], grammar.VERBS)
    if verb is None:
        raise UsageError(f"invalid keyword: {chosen.operands[0]}")
    asked = chosen.operands[1] if len(chosen.operands) > 1 else ""
    named = grammar.complete(asked, tuple(grammar.ENTITIES))
    entity = grammar.ENTITIES[named] if named else ""
    rest = chosen.operands[2:]
    if verb in ("list", "show"):
        if not entity:
            raise _no_entity("list", _SHOWN)
        from scns.cli.sacctmgr.show import show

        condition, _ = grammar.split(rest)
        return show(connect.connect(), chosen, entity, grammar.parse(condition))
    if entity not in grammar.ALLOWED:
        raise _no_entity(_CALLED.get(verb, verb), _CHANGED)
    if "readonly" in chosen.chosen:
        raise UsageError("Can't run this command in readonly mode.")
    from scns.cli.sacctmgr.change import Change

    change = Change(connect.connect(), chosen)
    if verb in ("add", "create"):
        return change.add(entity, rest)
    if verb == "modify":
        return change.modify(entity, rest)
    return change.delete(entity, rest)


def _no_entity(verb: str, known: str) -> UsageError:
    return UsageError(
        f"No valid entity in {verb} command\nInput line must include {known}", style="bare"
    )
