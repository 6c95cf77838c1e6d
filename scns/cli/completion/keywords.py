"""scontrol 与 sacctmgr 的操作数：关键词、实体与 `KEY=VALUE`。"""

from __future__ import annotations

from scns.cli.completion import slots
from scns.cli.completion.wanted import Wanted, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scns.cli.completion.wanted import Candidate

#: `scontrol show` 的实体与它的记录的种类；照常用的先后，都是 `ENTITIES` 认得的写法。
SHOWN = {
    "job": "any-job",
    "node": "node",
    "partition": "partition",
    "step": "step",
    "config": "",
    "licenses": "license",
    "reservation": "",
    "hostnames": "node,",
    "hostlist": "node,",
    "hostlistsorted": "node,",
    "aliases": "node",
    "daemons": "",
    "topology": "",
}

#: 对作业做的事与能做它的作业的状态。
_ACTS = {
    "hold": "pending-job",
    "uhold": "pending-job",
    "release": "pending-job",
    "requeue": "past-job",
    "requeuehold": "past-job",
    "suspend": "running-job",
    "resume": "suspended-job",
    "top": "pending-job",
    "wait_job": "job",
    "listpids": "running-job",
}

#: `update` 的各个键的值；其余的没有什么可补。
_VALUES = {
    "jobid": "job,",
    "nodename": "node,",
    "partitionname": "partition",
    "account": "account",
    "allowaccounts": "account,",
    "allowgroups": "system-group,",
    "denyaccounts": "account,",
    "dependency": "dependency",
    "excnodelist": "node,",
    "features": "feature",
    "gres": "gres,",
    "jobname": "job-name",
    "licenses": "license,",
    "mailtype": "mail-type,",
    "mailuser": "system-user",
    "name": "job-name",
    "nodelist": "node,",
    "nodes": "node,",
    "partition": "partition,",
    "qos": "qos,",
    "reqnodelist": "node,",
    "requeue": "0|1",
    "stderr": "files",
    "stdin": "files",
    "stdout": "files",
    "userid": "user",
    "workdir": "directories",
}
_YES_NO = ("contiguous", "default", "disablerootjobs", "exclusiveuser", "hidden", "rootonly")
_STATES = {
    "NodeName": "DOWN|DRAIN|FAIL|IDLE|RESUME|UNDRAIN",
    "PartitionName": "UP|DOWN|DRAIN|INACTIVE",
}
_RECORDS = ("JobId", "NodeName", "PartitionName")


def scontrol(before: Sequence[str], partial: str) -> Wanted:
    """`scontrol` 的操作数；`before` 是光标之前的。"""
    if not before:
        return Wanted("", partial, _commands(), fold=True)
    verb = _verb(before[0])
    place = len(before)
    if verb == "show":
        return _show(before, partial)
    if verb in ("update", "create"):
        return _update(verb, before[1:], partial)
    if verb == "delete":
        return _delete(before, partial)
    if verb == "write":
        if place == 1:
            return Wanted("", partial, [("batch_script", "save the script of a job")])
        return slots.fill("scontrol", "past-job" if place == 2 else "files", "", partial)
    if verb in _ACTS:
        return slots.fill("scontrol", _ACTS[verb] + ",", "", partial)
    return Wanted()


def _commands() -> list[Candidate]:
    from scns.cli.options import IMPLEMENTED
    from scns.cli.tables.scontrol import KEYWORDS

    return [(name, text) for name, _, text, treatment in KEYWORDS if treatment == IMPLEMENTED]


def _verb(word: str) -> str:
    """关键词的全名；缩写与 scontrol 一样取头一个，不认得就是原样。"""
    from scns.cli.scontrol.keywords import ACTIONS
    from scns.cli.scontrol.session import matches

    return next((row[0] for row in ACTIONS if matches(word, row[0], row[1])), word)


def _show(before: Sequence[str], partial: str) -> Wanted:
    entity, equals, value = partial.partition("=")
    if len(before) == 1 and not equals:
        return Wanted("", partial, [(name, "") for name in SHOWN], fold=True)
    if len(before) == 1:
        return slots.fill("scontrol", _shown(entity), f"{entity}=", value)
    return slots.fill("scontrol", _shown(before[1]) if len(before) == 2 else "", "", partial)


def _shown(word: str) -> str:
    """一种实体的记录的种类。"""
    from scns.cli.scontrol.session import matches
    from scns.cli.scontrol.show import ENTITIES

    full = next((row[0] for row in ENTITIES if matches(word, row[0], row[1])), "")
    stem = full.removesuffix("id").removesuffix("name")
    return next((slot for name, slot in SHOWN.items() if stem in (name, f"{name}s")), "")


def _update(verb: str, before: Sequence[str], partial: str) -> Wanted:
    """`KEY=VALUE`：先说改哪一个，再说改什么。"""
    record = _record(before)
    key, equals, value = partial.partition("=")
    if equals:
        return slots.fill("scontrol", _slot(key.rstrip("+-"), record), f"{key}=", value)
    if record is None:
        names: Sequence[str] = ("PartitionName",) if verb == "create" else _RECORDS
    else:
        names = _keys(record)
    return Wanted("", partial, [(f"{name}=", "") for name in names], fold=True)


def _record(words: Sequence[str]) -> str | None:
    """已经写了的词说的是哪一种记录；作业优先。"""
    from scns.cli.scontrol.session import matches

    tags = [word.partition("=")[0] for word in words]
    return next((one for one in _RECORDS if any(matches(tag, one, 3) for tag in tags)), None)


def _keys(record: str) -> list[str]:
    from scns.cli.scontrol import update_job, update_node, update_partition

    module = {"JobId": update_job, "NodeName": update_node}.get(record, update_partition)
    return sorted({row[0] for row in module.KEYS}, key=str.lower)


def _slot(key: str, record: str | None) -> str:
    lowered = key.lower()
    if lowered == "state":
        return _STATES.get(record or "", "")
    return "YES|NO" if lowered in _YES_NO else _VALUES.get(lowered, "")


def _delete(before: Sequence[str], partial: str) -> Wanted:
    key, equals, value = partial.partition("=")
    if equals or len(before) > 1:
        return slots.fill("scontrol", "partition", f"{key}=" if equals else "", value or partial)
    return Wanted("", partial, [("PartitionName=", "")], fold=True)


_KINDS = {"account": "account", "user": "user", "qos": "qos", "cluster": "cluster"}


def sacctmgr(before: Sequence[str], partial: str) -> Wanted:
    """`sacctmgr` 的操作数：动词、对象、`where`、`set` 与 `KEY=VALUE`。"""
    from scns.cli.sacctmgr import words

    if not before:
        return Wanted("", partial, [(verb, "") for verb in words.VERBS], fold=True)
    if len(before) == 1:
        names = [(name, "") for name in dict.fromkeys(words.ENTITIES.values())]
        return Wanted("", partial, names, fold=True)
    entity = words.ENTITIES.get(words.complete(before[1], tuple(words.ENTITIES)) or "", "")
    key, equals, value = partial.partition("=")
    if equals:
        return _setting(entity, key, value)
    listed = [(f"{name}=", "") for name in (*words.SETTINGS, *_NAMES)]
    flags = [(name, "") for name in ("where", "set", *words.FLAGS)]
    kinds = (_KINDS[entity],) if entity in _KINDS and words.complete(before[0], words.VERBS) else ()
    return Wanted("", partial, [*flags, *listed], kinds=kinds)


#: `names`、`users`、`clusters` 的缩写，人们写的是它们。
_NAMES = ("name", "user", "cluster")


def _setting(entity: str, key: str, value: str) -> Wanted:
    lowered = key.lower().rstrip("+-")
    before, partial = pieces(value, ",")
    stay = f"{key}={before}"
    if lowered == "format":
        from scns.cli.sacctmgr.fields import FIELDS

        fields = [(row[0], "") for row in FIELDS.get(entity, ())]
        return Wanted(stay, partial, fields, fold=True)
    if lowered in ("name", "names"):
        return Wanted(stay, partial, kinds=(_KINDS[entity],) if entity in _KINDS else ())
    singular = lowered.removesuffix("s") if lowered != "qos" else lowered
    kind = {"parent": "account", "defaultaccount": "account"}.get(singular, singular)
    return Wanted(stay, partial, kinds=(kind,) if kind in _KINDS else ())
