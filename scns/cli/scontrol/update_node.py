"""`scontrol update NodeName=…`：改节点的状态、缘由、权重与特征。来源：scontrol(1)。"""

from __future__ import annotations

from scns.cli import control
from scns.cli.scontrol import update_values as values
from scns.cli.scontrol.session import Session, matches
from scns.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.scontrol.update_values import Changes

#: 能改成的状态与至少几个字母；其余 Slurm 认得的状态由 scnsd 拒绝。
_STATES = (
    ("NORESP", 3),
    ("CANCEL_REBOOT", 3),
    ("DRAIN", 3),
    ("FAIL", 3),
    ("FUTURE", 3),
    ("RESUME", 3),
    ("POWER_DOWN", 7),
    ("POWER_UP", 7),
    ("UNDRAIN", 3),
    ("DOWN", 3),
    ("IDLE", 3),
    ("ALLOCATED", 3),
    ("MIXED", 3),
)

#: 要有缘由的状态。
_NEED_REASON = ("DOWN", "DRAIN", "FAIL")


def update_nodes(session: Session, words: list[str]) -> None:
    """改点名的各节点；都要么做到，要么说同一个理由。

    异常：
        InvalidInput：键不认识、值不对，或没有要改的
    """
    names, changes = parse(words)
    if changes.get("state") in _NEED_REASON and not changes.get("reason"):
        raise InvalidInput(
            "You must specify a reason when DOWNING or DRAINING a node. Request denied",
            style="bare",
        )
    if not changes:
        raise InvalidInput("No changes specified", style="bare")
    targets = [{"node": name} for name in _nodes(session, names)]
    results = control.ask(session.connection, "update_node", targets, {"changes": changes})
    for sentence in dict.fromkeys(results):
        if sentence is not None:
            session.insist(f"slurm_update error: {sentence}")


def parse(words: list[str]) -> tuple[str, Changes]:
    """节点的名单与改动。

    异常：
        InvalidInput：键不认识，或值不对
    """
    names = ""
    changes: Changes = {}
    for word in words:
        tag, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(f"Invalid input: {word}  Request aborted")
        if matches(tag, "NodeName"):
            names = value
            continue
        for name, minimum, key, setter in KEYS:
            if matches(tag, name, minimum):
                setter(changes, key, value, name)
                break
        else:
            raise InvalidInput(
                f"Update of this parameter is not supported: {word}\nRequest aborted",
                style="bare",
            )
    return names, changes


def _nodes(session: Session, text: str) -> list[str]:
    """名单里的节点；`ALL` 是全部。"""
    if text.upper() == "ALL":
        rows = session.rows("SELECT n.name FROM scns.node_list n ORDER BY n.position, n.name")
        return [name for (name,) in rows]
    from scns.hostlist import expand

    return list(dict.fromkeys(expand(text)))


def _state(changes: Changes, key: str, value: str, _: str) -> None:
    for name, minimum in _STATES:
        if matches(value, name, minimum):
            changes[key] = name
            return
    raise InvalidInput(
        f"Invalid input: {key}={value}\nRequest aborted\n"
        "Valid states are: NoResp DRAIN FAIL FUTURE RESUME POWER_DOWN POWER_UP UNDRAIN\n"
        "Not all states are valid given a node's prior state",
        style="bare",
    )


def _reason(changes: Changes, key: str, value: str, _: str) -> None:
    changes[key] = value.removeprefix('"').removesuffix('"')


def _features(changes: Changes, key: str, value: str, _: str) -> None:
    changes[key] = [item for item in value.split(",") if item]


def _gres(changes: Changes, key: str, value: str, _: str) -> None:
    from scns.cli.gres import parse_gres

    changes[key] = parse_gres(value) if value else {}


#: 名字、至少几个字母、`changes` 的键、换算；次序就是缩写有歧义时的先后。
KEYS: tuple[tuple[str, int, str, Any], ...] = (
    ("NodeAddr", 5, "address", values.text),
    ("ActiveFeatures", 3, "features", _features),
    ("Extra", 1, "extra", values.optional_text),
    ("Features", 1, "features", _features),
    ("AvailableFeatures", 3, "features", _features),
    ("Gres", 1, "gres", _gres),
    ("Weight", 1, "weight", values.number),
    ("Comment", 2, "comment", values.optional_text),
    ("Reason", 1, "reason", _reason),
    ("State", 1, "state", _state),
)
