"""`scns why` 的句子里，与此刻的资源无关的：被扣住、依赖、开始时刻、上限、分区与节点的规矩。"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scns import times
from scns.cli.own.spoken import amount, capital, count, ends, job, listed, moment, span

Facts = Mapping[str, Any]


def hindered(facts: Facts) -> Iterator[str]:
    """什么不让它排队。"""
    number = facts["job"]
    if facts["hold"] == "admin":
        yield "An administrator holds it, and only an administrator can release it."
    elif facts["hold"] == "user":
        yield f"Its owner holds it; 'scontrol release {number}' lets it go."
    elif facts["hold"] is not None:
        yield f"It was requeued in held state; 'scontrol release {number}' lets it go."
    for edge in facts["dependencies"]:
        yield from _dependency(edge, facts)
    now = facts["now"]
    if facts["begin"] is not None:
        yield f"It asked not to start before {moment(facts['begin'], now)} (--begin)."


_UNTIL = {
    "after": "has started",
    "afterok": "has succeeded",
    "afterany": "has ended",
    "afternotok": "has failed",
    "aftercorr": "has succeeded, element by element",
}


def _dependency(edge: Facts, facts: Facts) -> Iterator[str]:
    """一条依赖：等谁，等到什么，那边怎样了。"""
    kind, still, now = edge["kind"], edge["open"], facts["now"]
    if edge["state"] == "MET":
        return
    if edge["state"] == "NEVER":
        yield (
            f"Its dependency {kind}:{edge['on']} can never be satisfied; it will not start unless"
            f" 'scontrol update JobId={facts['job']} Dependency=' removes it."
        )
        return
    if kind == "singleton":
        first = f": {job(still[0])}" if still else ""
        number = count(len(still), "earlier job")
        yield f"It waits for {number} of the same name to end (singleton){first}."
        return
    delay = f" {span(edge['delay'] * 60)} ago" if edge["delay"] else ""
    on = job(still[0]) if len(still) == 1 else f"job {edge['on']}"
    yield f"It waits until {on} {_UNTIL[kind]}{delay} ({kind})."
    if len(still) == 1:
        yield f"{capital(job(still[0]))} {_progress(still[0], now)}."
    elif still:
        pending = sum(one["state"] == "PENDING" for one in still)
        yield f"Of {edge['on']}, {len(still) - pending} run and {pending} still wait."


def _progress(other: Facts, now: float) -> str:
    if other["state"] == "PENDING":
        expected = other.get("expected")
        start = f", to start at {moment(expected, now)}" if expected and expected > now else ""
        return f"is still waiting ({other['reason']}){start}"
    if other["state"] == "RUNNING":
        return f"runs and {ends(other['end'], now)}"
    return f"is {other['state']}"


def rules(facts: Facts) -> Iterator[str]:
    """不在于此刻的资源，而在于规矩：上限、分区、节点、数组的节流。"""
    reason = facts["reason"].partition(",")[0]
    if facts["excess"]:
        yield from _excess(facts["excess"])
    elif reason == "JobArrayTaskLimit":
        limit, active = facts["throttle"]["limit"], facts["throttle"]["active"]
        most = f"At most {count(limit, 'element')} of the array may run at a time (%{limit})"
        yield f"{most}, and {active} run{'s' if active == 1 else ''} now."
    elif facts["unavailable"]:
        nodes = [_node(node, facts["now"]) for node in facts["unavailable"]]
        yield f"Nodes it needs take no jobs: {listed(nodes)}."
    elif reason in _RULES:
        yield from _RULES[reason](facts)


def _excess(excess: Facts) -> Iterator[str]:
    """超出的上限，见 `scns.planner.limits.Excess`。"""
    owner, limit = excess["owner"], excess["limit"]
    name, _, what = limit.partition("=")
    if name == "MaxWall":
        most = times.squeue_duration(excess["most"])
        yield f"The limit of {owner} allows jobs of at most {most} ({limit})."
        return
    if name == "MinTRESPerJob":
        least = amount(what, excess["most"])
        yield f"The limit of {owner} asks for at least {least} ({limit}); it asks for less."
        return
    if name.endswith("Mins") or name == "MaxTRESMinsPerJob":
        # 用量以分钟计：`cpu` 是 CPU 分钟
        asked = f"{excess['used']} used, {excess['asked']} more asked"
        yield f"The limit of {owner} allows {excess['most']} {what} minutes ({limit}); {asked}."
        return
    what = what or "job"
    yield (
        f"The limit of {owner} allows {amount(what, excess['most'])} ({limit});"
        f" {excess['used']} in use, {excess['asked']} more asked."
    )


def _node(node: Facts, now: float) -> str:
    name = node["node"]
    if node["drain"] or node["down"]:
        state = "is drained" if node["drain"] else "is down"
    else:
        state = "does not answer" if not node["stepd"] else "is not available"
    told = [f"'{node['reason']}'"] if node["reason"] else []
    if node["by"] and (node["drain"] or node["down"]):
        told.append(f"by {node['by']}")
    if node["since"] and (node["drain"] or node["down"]):
        told.append(f"since {moment(node['since'], now)}")
    return f"{name} {state}" + (f" ({' '.join(told)})" if told else "")


def _time_limit(facts: Facts) -> Iterator[str]:
    asked = times.squeue_duration(facts["asked"]["time_limit"])
    for rules in facts["partitions"]:
        if rules["max_time"] is not None:
            most = times.squeue_duration(rules["max_time"])
            yield f"It asks for {asked}; partition {rules['name']} allows at most {most}."


def _node_limit(facts: Facts) -> Iterator[str]:
    asked = count(facts["asked"]["nodes"], "node")
    for rules in facts["partitions"]:
        most = rules["nodes"] if rules["max_nodes"] is None else rules["max_nodes"]
        yield f"It asks for {asked}; partition {rules['name']} allows {most}."


def _closed(facts: Facts) -> Iterator[str]:
    for rules in facts["partitions"]:
        if not rules["up"]:
            state = "inactive" if rules["inactive"] else "down"
            yield f"Partition {rules['name']} is {state} and starts nothing."


def _account(facts: Facts) -> Iterator[str]:
    yield f"Account {facts['account']} may not use partition {facts['partition']}."


def _constraints(facts: Facts) -> Iterator[str]:
    yield (
        f"No node of partition {facts['partition']} is left by what it insists on"
        " (--constraint, --nodelist, --exclude)."
    )


def _reservation(facts: Facts) -> Iterator[str]:
    yield "Its reservation has not begun, or is not for it (--reservation)."


_RULES: dict[str, Callable[[Facts], Iterator[str]]] = {
    "PartitionTimeLimit": _time_limit,
    "PartitionNodeLimit": _node_limit,
    "PartitionDown": _closed,
    "PartitionInactive": _closed,
    "AccountNotAllowed": _account,
    "BadConstraints": _constraints,
    "Reservation": _reservation,
}
