"""`scns why` 的句子：scnsd 给的事实（`scns.scheduler.explain`）说成英文；纯函数。

次序：作业怎样；什么不让它排队；缺什么、谁占着；谁在前面；预计何时启动；怎样改会早些。
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scns import sizes, times
from scns.cli.own.hindrances import hindered, rules
from scns.cli.own.spoken import amount, capital, count, ends, job, listed, moment

Facts = Mapping[str, Any]


def sentences(facts: Facts) -> list[str]:
    """一个作业的全部句子，头一句说它怎样。"""
    found = [*_states(facts), *_headline(facts)]
    if facts["state"] != "PENDING":
        return found
    if facts["hold"] is not None or facts["dependencies"] or facts["begin"] is not None:
        return [*found, *hindered(facts), *_released(facts)]
    return [*found, *_competing(facts)]


def _states(facts: Facts) -> Iterator[str]:
    """数组里有不同状态的元素时，各有几个。"""
    states = facts.get("states") or {}
    if len(states) > 1:
        each = [f"{number} {state}" for state, number in sorted(states.items())]
        yield f"Its elements: {', '.join(each)}."


def _headline(facts: Facts) -> Iterator[str]:
    subject, now = capital(job(facts)), facts["now"]
    state = facts["state"]
    if state == "PENDING":
        yield f"{subject} waits in partition {facts['partition']}: {facts['reason']}."
    elif state == "RUNNING":
        since = moment(facts["start"], now)
        running = f"{subject} has been running on {facts['nodes']} since {since}"
        yield f"{running} and {ends(facts['limit'], now)}."
    elif state == "SUSPENDED":
        resume = f"'scontrol resume {facts['job']}' lets it go on"
        yield f"{subject} is suspended on {facts['nodes']}; {resume}."
    elif state == "COMPLETING":
        yield f"{subject} is ending on {facts['nodes']}."
    else:
        code = f"{facts['exit_code'] or 0}:{facts['exit_signal'] or 0}"
        yield f"{subject} ended at {moment(facts['end'], now)}: {state}, exit code {code}."


def _released(facts: Facts) -> Iterator[str]:
    """没有了阻碍以后的预计。"""
    expected, now = facts.get("expected"), facts["now"]
    if facts["hold"] is not None and expected is not None:
        when = "at once" if expected <= now else f"at {moment(expected, now)}"
        yield f"Released now, it should start {when}."
    elif expected is not None:
        yield from _expected(facts)


def _competing(facts: Facts) -> Iterator[str]:
    if facts["starts"]:
        yield "Nothing stands in its way: it starts in the round at hand."
        return
    cause = list(rules(facts))
    yield from cause
    if not cause:
        yield from _short(facts)
    yield from _holders(facts)
    if not cause:
        yield from _promised(facts)
        yield from _ahead(facts)
    yield from _expected(facts)
    yield from _changes(facts)


def _short(facts: Facts) -> Iterator[str]:
    """缺的各种资源。"""
    for one in facts["short"]:
        what, free, total = one["what"], one["free"], one["total"]
        if what == "task":
            yield f"It asks for {count(one['asked'], 'task')}; there is room for {free} now."
            continue
        where = one["node"] or ("the site" if what.startswith("license") else "the partition")
        asked = f"It asks for {amount(what, one['asked'])}"
        if what == "cpu" and facts["asked"]["exclusive"]:
            asked = "It asks for a node of its own"
        if one["asked"] > total:
            never = "so it can never start as it is"
            yield f"{asked}; {where} has {_bare(what, total)} in all, {never}."
        else:
            yield f"{asked}; {where} has {_bare(what, free)} of {_bare(what, total)} free."


def _bare(what: str, number: int) -> str:
    return sizes.format_size(number) if what == "mem" else str(number)


def _holders(facts: Facts) -> Iterator[str]:
    """占着所缺资源的作业。"""
    kinds = {one["what"] for one in facts["short"]}
    for other in facts["held_by"]:
        held = listed(_held(other, kinds))
        holds = f"holds {held} and " if held else "runs and "
        yield f"{capital(job(other))} {holds}{ends(other['end'], facts['now'])}."
    more = facts["holders"] - len(facts["held_by"])
    if more:
        yield f"{count(more, 'more job')} hold{'s' if more == 1 else ''} some of it."


def _held(other: Facts, kinds: set[str]) -> list[str]:
    held = []
    if kinds & {"cpu", "task", "node"} and other["cpus"]:
        held.append(amount("cpu", other["cpus"]))
    if "mem" in kinds and other["memory"]:
        held.append(amount("mem", other["memory"]))
    for family in ("licenses", "gres"):
        prefix = "license" if family == "licenses" else "gres"
        held += [
            amount(f"{prefix}/{name}", number)
            for name, number in other[family].items()
            if {f"{prefix}/{name}", f"{prefix}/{name.partition(':')[0]}"} & kinds
        ]
    return held


def _promised(facts: Facts) -> Iterator[str]:
    """资源够，但已许给前面的作业。"""
    now = facts["now"]
    for other in facts["promised"]:
        nodes = listed(other["on"])
        if other["start"] is None:
            yield f"Enough is free, but {nodes} is kept for {job(other)}, which has waited long."
        else:
            yield (
                f"Enough is free, but {job(other)} is to start on {nodes} at"
                f" {moment(other['start'], now)}, and this job would still be running then."
            )
    if facts["short"] or facts["promised"]:
        return
    if facts["policy"] == "fifo":
        yield "Enough is free, but jobs start strictly in order here (sched/builtin)."
    elif facts["ahead"]["count"]:
        yield "Enough is free, but jobs before it take it first."


def _ahead(facts: Facts) -> Iterator[str]:
    """排在前面的作业。"""
    ahead, now = facts["ahead"], facts["now"]
    if any(one["asked"] > one["total"] for one in facts["short"]):
        return
    number = ahead["count"]
    if not number:
        yield "No waiting job stands before it."
        return
    more = "At least " if ahead["more"] else ""
    stand = f"{more}{count(number, 'waiting job')} stand{'s' if number == 1 else ''} before it"
    first = ahead["jobs"][0] if ahead["jobs"] else None
    if first is None:
        yield f"{stand}."
        return
    start = f", to start at {moment(first['expected'], now)}" if first["expected"] else ""
    which = job(first) if number == 1 else f"the first is {job(first)}"
    yield f"{stand}{': ' if number == 1 else '; '}{which}{start}."


def _expected(facts: Facts) -> Iterator[str]:
    expected, now = facts["expected"], facts["now"]
    if expected is not None:
        when = "now" if expected <= now else f"at {moment(expected, now)}"
        yield f"It should start {when}, or earlier if jobs end before their limits."
        return
    endless = [other for other in facts.get("held_by", ()) if other["end"] is None]
    if endless:
        yield f"When it starts cannot be told: {job(endless[0])} has no time limit."
    elif facts.get("ahead", {}).get("more"):
        yield "When it starts cannot be told: too many jobs stand before it."


# 怎样改


def _changes(facts: Facts) -> Iterator[str]:
    for change in facts.get("changes", ()):
        passes = "time_limit" in change and facts["ahead"]["count"] > 0
        backfill = ", by backfill" if passes else ""
        yield f"{_condition(change, facts)} {_result(change, facts['now'])}{backfill}."


def _condition(change: Facts, facts: Facts) -> str:
    if "dropped" in change:
        return f"Without --{change['dropped']}"
    if "partition" in change:
        return f"In partition {change['partition']} (--partition={change['partition']})"
    parts = []
    if "cpus" in change:
        option = (
            f"--ntasks={change['tasks']}"
            if "tasks" in change
            else f"--cpus-per-task={change['cpus_per_task']}"
        )
        fewer = max(facts["asked"]["cpus"] - change["cpus"], 1)
        parts.append(f"{count(fewer, 'CPU')} fewer ({option})")
    if "memory_per_node" in change:
        parts.append(f"--mem={sizes.format_size(change['memory_per_node'])}")
    if "memory_per_cpu" in change:
        parts.append(f"--mem-per-cpu={sizes.format_size(change['memory_per_cpu'])}")
    if "time_limit" in change:
        parts.append(f"--time={times.squeue_duration(change['time_limit'])} or less")
    return f"With {listed(parts)}"


def _result(change: Facts, now: float) -> str:
    start = change["start"]
    if start is None:
        return "it could start, though when cannot be told"
    if start <= now:
        return "it would start now"
    return f"it could start at {moment(start, now)}"
