"""`scontrol update`、`create PartitionName=…`：改或新建分区。来源：scontrol(1)。"""

from __future__ import annotations

from scns.cli import control
from scns.cli.scontrol import update_values as values
from scns.cli.scontrol.session import Session, matches
from scns.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.scontrol.update_values import Changes

_STATES = ("UP", "DOWN", "DRAIN", "INACTIVE")


def update_partition(session: Session, words: list[str]) -> None:
    """改一个分区。

    异常：
        InvalidInput：没有写名字，或没有要改的
    """
    try:
        name, changes = parse(words)
    except InvalidInput as error:
        session.report(error)
        # Slurm 在这之后还要说一遍没有发生的错误
        session.insist("slurm_update error: No error")
        return
    _insist_on_name(name)
    if not changes:
        raise InvalidInput("No changes specified")
    _ask(session, "update_partition", name, changes, "slurm_update error")


def create_partition(session: Session, words: list[str]) -> None:
    """新建一个分区。

    异常：
        InvalidInput：键不认识、值不对，或名字不能用
    """
    name, changes = parse(words)
    _insist_on_name(name)
    if name.upper() == "DEFAULT":
        raise InvalidInput('PartitionName cannot be "DEFAULT".')
    _ask(session, "create_partition", name, changes, "Error creating the partition")


def _ask(session: Session, verb: str, name: str, changes: Changes, said: str) -> None:
    target = [{"partition": name}]
    [sentence] = control.ask(session.connection, verb, target, {"changes": changes})
    if sentence is not None:
        session.insist(f"{said}: {sentence}")


def _insist_on_name(name: str) -> None:
    if not name:
        raise InvalidInput("PartitionName must be given.")


def parse(words: list[str]) -> tuple[str, Changes]:
    """分区的名字（没有写时是空的）与改动。

    异常：
        InvalidInput：键不认识，或值不对
    """
    found = ""
    changes: Changes = {}
    for word in words:
        tag, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(f"Invalid input: {word}  Request aborted")
        if matches(tag, "PartitionName", 2):
            found = value
            continue
        sign = tag[-1:] if tag[-1:] in ("+", "-") else ""
        for name, minimum, key, setter in KEYS:
            if matches(tag.removesuffix(sign), name, minimum):
                _set(changes, key + sign, setter, value, name, word)
                break
        else:
            raise InvalidInput(
                f"Update of this parameter is not supported: {word}\n\nRequest aborted"
            )
    return found, changes


def _set(changes: Changes, key: str, setter: Any, value: str, name: str, word: str) -> None:
    if key[-1:] in ("+", "-") and key[:-1] != "nodes":
        raise InvalidInput(f"Invalid input {word}")
    try:
        setter(changes, key, value, name)
    except _Unacceptable as error:
        raise InvalidInput(f"Invalid input: {word}\n{error}") from None


class _Unacceptable(Exception):
    """值不是认得的词；文本说有哪些词。"""


def _state(changes: Changes, key: str, value: str, name: str) -> None:
    for state in _STATES:
        if value and matches(value, state):
            changes[key] = state
            return
    raise _Unacceptable("Acceptable State values are UP, DOWN, DRAIN and INACTIVE")


def _yes_no(changes: Changes, key: str, value: str, name: str) -> None:
    for word, meaning in (("NO", False), ("YES", True)):
        if value and matches(value, word):
            changes[key] = meaning
            return
    raise _Unacceptable(f"Acceptable {name} values are YES and NO")


def _nodes(changes: Changes, key: str, value: str, _: str) -> None:
    if value.upper() == "ALL":
        changes[key] = "ALL"
        return
    from scns.hostlist import expand

    changes[key] = list(dict.fromkeys(expand(value)))


def _members(changes: Changes, key: str, value: str, _: str) -> None:
    everyone = value == "" or value.upper() == "ALL"
    changes[key] = None if everyone else [item for item in value.split(",") if item]


def _time(changes: Changes, key: str, value: str, name: str) -> None:
    found = None if value.upper() == "NONE" else values.parse_limit(value, name)
    changes[key] = found


def _priority(changes: Changes, _: str, value: str, name: str) -> None:
    amount = values.parse_number(value, name, 65535)
    changes["priority_tier"] = changes["priority_job_factor"] = amount


def _oversubscribe(changes: Changes, key: str, value: str, __: str) -> None:
    kind, _, count = value.partition(":")
    for word in ("NO", "EXCLUSIVE", "YES", "FORCE"):
        if kind and matches(kind, word):
            amount = count if count.isdigit() else "4"
            changes[key] = f"{word}:{amount}" if word in ("YES", "FORCE") else word
            return
    raise _Unacceptable("Acceptable OverSubscribe values are NO, EXCLUSIVE, YES:#, and FORCE:#")


#: 名字、至少几个字母、`changes` 的键、换算；次序就是缩写有歧义时的先后。
KEYS: tuple[tuple[str, int, str, Any], ...] = (
    ("MaxTime", 4, "max_time", _time),
    ("DefaultTime", 8, "default_time", _time),
    ("MaxCPUsPerNode", 4, "max_cpus_per_node", values.limit),
    ("MaxNodes", 4, "max_nodes", values.limit),
    ("MinNodes", 2, "min_nodes", values.number),
    ("Default", 7, "is_default", _yes_no),
    ("DisableRootJobs", 1, "disable_root_jobs", _yes_no),
    ("ExclusiveUser", 1, "exclusive_user", _yes_no),
    ("Hidden", 1, "hidden", _yes_no),
    ("LLN", 1, "", values.ignored),
    ("RootOnly", 3, "root_only", _yes_no),
    ("ReqResv", 3, "", values.ignored),
    ("OverSubscribe", 5, "oversubscribe", _oversubscribe),
    ("Shared", 2, "oversubscribe", _oversubscribe),
    ("OverTimeLimit", 5, "over_time_limit", values.limit),
    ("PreemptMode", 3, "", values.ignored),
    ("Priority", 3, "priority_tier", _priority),
    ("PriorityJobFactor", 9, "priority_job_factor", values.number),
    ("PriorityTier", 9, "priority_tier", values.number),
    ("State", 2, "state", _state),
    ("Nodes", 1, "nodes", _nodes),
    ("AllowGroups", 6, "allow_groups", _members),
    ("AllowAccounts", 6, "allow_accounts", _members),
    ("AllowQos", 6, "", values.ignored),
    ("DenyAccounts", 5, "deny_accounts", _members),
    ("DenyQos", 5, "", values.ignored),
    ("AllocNodes", 6, "", values.ignored),
    ("Alternate", 3, "", values.ignored),
    ("GraceTime", 5, "", values.ignored),
    ("DefMemPerCPU", 10, "default_memory_per_cpu", values.limit),
    ("DefMemPerNode", 10, "default_memory_per_node", values.limit),
    ("MaxMemPerCPU", 10, "max_memory_per_cpu", values.limit),
    ("MaxMemPerNode", 10, "max_memory_per_node", values.limit),
    ("QoS", 3, "", values.ignored),
    ("JobDefaults", 4, "", values.ignored),
    ("TresBillingWeights", 1, "", values.ignored),
)
