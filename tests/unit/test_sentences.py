"""`scns why` 的句子：事实进，英文出。"""

from __future__ import annotations

import time
from typing import Any

import pytest

from scns.cli.own.sentences import sentences

NOW = 1_000_000.0
SOON = NOW + 720
MOMENT = "1970-01-12T13:58:40 (in 12 min)"


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def other(job: str = "40", name: str = "sim", owner: str = "bob", **more: Any) -> dict[str, Any]:
    """句子里提到的别的作业。"""
    return {
        "job": job,
        "name": name,
        "owner": owner,
        "state": "RUNNING",
        "reason": "None",
        "cpus": 4,
        "memory": 1000,
        "licenses": {},
        "gres": {},
        "end": SOON,
        "expected": None,
    } | more


def waits(**more: Any) -> dict[str, Any]:
    """一个排队的作业的事实；默认资源够用、没有谁在前面。"""
    asked = {
        "cpus": 8,
        "tasks": 8,
        "cpus_per_task": 1,
        "nodes": 1,
        "time_limit": 3600,
        "exclusive": False,
    }
    return (
        {
            "now": NOW,
            "job": "42",
            "name": "train",
            "owner": "alice",
            "account": "phys",
            "state": "PENDING",
            "states": {"PENDING": 1},
            "partition": "main",
            "hold": None,
            "dependencies": [],
            "begin": None,
            "reason": "Resources",
            "starts": False,
            "short": [],
            "held_by": [],
            "holders": 0,
            "promised": [],
            "ahead": {"count": 0, "more": False, "jobs": []},
            "excess": None,
            "unavailable": [],
            "partitions": [],
            "throttle": {"limit": None, "active": 0},
            "policy": "easy",
            "expected": None,
            "changes": [],
        }
        | more
        | {"asked": asked | more.get("asked", {})}
    )


def short(what: str, asked: int, free: int, total: int, node: str | None = "n1") -> dict[str, Any]:
    return {"what": what, "node": node, "asked": asked, "free": free, "total": total}


def rest(facts: dict[str, Any]) -> list[str]:
    """头一句之后的。"""
    return sentences(facts)[1:]


# 不在排队的


def test_running_job_says_since_when_and_until_when():
    facts = waits(state="RUNNING", nodes="n1", start=NOW - 60, limit=SOON)
    since = "has been running on n1 since 1970-01-12T13:45:40"
    assert sentences(facts) == [f"Job 42 (train, alice) {since} and ends by {MOMENT}."]
    assert sentences(facts | {"limit": None})[0].endswith("and has no time limit.")


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (
            {"state": "SUSPENDED", "nodes": "n1"},
            "Job 42 (train, alice) is suspended on n1; 'scontrol resume 42' lets it go on.",
        ),
        ({"state": "COMPLETING", "nodes": "n1"}, "Job 42 (train, alice) is ending on n1."),
        (
            {"state": "FAILED", "end": NOW, "exit_code": 3, "exit_signal": None},
            "Job 42 (train, alice) ended at 1970-01-12T13:46:40: FAILED, exit code 3:0.",
        ),
        (
            {"state": "CANCELLED", "end": NOW, "exit_code": None, "exit_signal": None},
            "Job 42 (train, alice) ended at 1970-01-12T13:46:40: CANCELLED, exit code 0:0.",
        ),
    ],
)
def test_jobs_that_do_not_wait(facts, text):
    assert sentences(waits(**facts)) == [text]


def test_elements_in_several_states_are_counted():
    facts = waits(states={"PENDING": 5, "COMPLETED": 2, "RUNNING": 3})
    assert sentences(facts)[0] == "Its elements: 2 COMPLETED, 5 PENDING, 3 RUNNING."


# 不能排队的


@pytest.mark.parametrize(
    ("hold", "text"),
    [
        ("user", "Its owner holds it; 'scontrol release 42' lets it go."),
        ("admin", "An administrator holds it, and only an administrator can release it."),
        ("requeue", "It was requeued in held state; 'scontrol release 42' lets it go."),
    ],
)
def test_held_jobs_say_who_can_release_them(hold, text):
    assert rest(waits(hold=hold)) == [text]
    assert rest(waits(hold=hold, expected=NOW))[1:] == ["Released now, it should start at once."]
    assert rest(waits(hold=hold, expected=SOON))[1:] == [
        f"Released now, it should start at {MOMENT}."
    ]


def test_begin_time():
    assert rest(waits(begin=SOON, expected=SOON)) == [
        f"It asked not to start before {MOMENT} (--begin).",
        f"It should start at {MOMENT}, or earlier if jobs end before their limits.",
    ]


def edge(kind: str, *still: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": kind, "on": "40", "delay": 0, "state": "WAITING", "open": list(still)} | more


@pytest.mark.parametrize(
    ("kind", "done"),
    [
        ("afterok", "has succeeded"),
        ("afterany", "has ended"),
        ("afternotok", "has failed"),
        ("after", "has started"),
        ("aftercorr", "has succeeded, element by element"),
    ],
)
def test_dependencies_on_one_job(kind, done):
    assert rest(waits(dependencies=[edge(kind, other())])) == [
        f"It waits until job 40 (sim, bob) {done} ({kind}).",
        f"Job 40 (sim, bob) runs and ends by {MOMENT}.",
    ]


def test_dependency_on_a_waiting_job():
    parent = other(state="PENDING", reason="Priority", expected=SOON)
    assert rest(waits(dependencies=[edge("afterok", parent)]))[1] == (
        f"Job 40 (sim, bob) is still waiting (Priority), to start at {MOMENT}."
    )
    parent = other(state="PENDING", reason="JobHeldUser")
    assert rest(waits(dependencies=[edge("afterok", parent)]))[1] == (
        "Job 40 (sim, bob) is still waiting (JobHeldUser)."
    )
    parent = other(state="SUSPENDED")
    assert rest(waits(dependencies=[edge("afterok", parent)]))[1] == (
        "Job 40 (sim, bob) is SUSPENDED."
    )


def test_dependency_with_a_delay():
    assert rest(waits(dependencies=[edge("after", other(), delay=90)]))[0] == (
        "It waits until job 40 (sim, bob) has started 1 h 30 min ago (after)."
    )


def test_dependency_on_an_array():
    still = [other("40_1"), other("40_2"), other("40_[3-9]", state="PENDING")]
    assert rest(waits(dependencies=[edge("afterany", *still)])) == [
        "It waits until job 40 has ended (afterany).",
        "Of 40, 2 run and 1 still wait.",
    ]


def test_dependency_that_can_never_be_met():
    assert rest(waits(dependencies=[edge("afterok", state="NEVER")])) == [
        "Its dependency afterok:40 can never be satisfied; it will not start unless"
        " 'scontrol update JobId=42 Dependency=' removes it."
    ]


def test_singleton():
    still = [other("40"), other("41")]
    assert rest(waits(dependencies=[edge("singleton", *still, on=None)])) == [
        "It waits for 2 earlier jobs of the same name to end (singleton): job 40 (sim, bob)."
    ]


def test_met_dependencies_are_not_mentioned():
    both = [edge("afterok", state="MET"), edge("afterany", other())]
    assert len(rest(waits(dependencies=both))) == 2


# 规矩挡着的


@pytest.mark.parametrize(
    ("reason", "rules", "text"),
    [
        (
            "PartitionTimeLimit",
            {"name": "short", "max_time": 600},
            "It asks for 1:00:00; partition short allows at most 10:00.",
        ),
        (
            "PartitionNodeLimit",
            {"name": "main", "max_nodes": 2, "nodes": 5},
            "It asks for 1 node; partition main allows 2.",
        ),
        (
            "PartitionNodeLimit",
            {"name": "main", "max_nodes": None, "nodes": 1},
            "It asks for 1 node; partition main allows 1.",
        ),
        (
            "PartitionDown",
            {"name": "main", "up": False, "inactive": False},
            "Partition main is down and starts nothing.",
        ),
        (
            "PartitionInactive",
            {"name": "main", "up": False, "inactive": True},
            "Partition main is inactive and starts nothing.",
        ),
        ("AccountNotAllowed", {}, "Account phys may not use partition main."),
        (
            "BadConstraints",
            {},
            "No node of partition main is left by what it insists on"
            " (--constraint, --nodelist, --exclude).",
        ),
        (
            "Reservation",
            {},
            "Its reservation has not begun, or is not for it (--reservation).",
        ),
    ],
)
def test_rules_of_the_partition(reason, rules, text):
    assert rest(waits(reason=reason, partitions=[rules] if rules else [])) == [text]


@pytest.mark.parametrize(
    ("excess", "text"),
    [
        (
            {"owner": "account phys", "limit": "GrpTRES=cpu", "most": 8, "used": 6, "asked": 4},
            "The limit of account phys allows 8 CPUs (GrpTRES=cpu); 6 in use, 4 more asked.",
        ),
        (
            {"owner": "user 1000", "limit": "MaxJobs", "most": 1, "used": 1, "asked": 1},
            "The limit of user 1000 allows 1 job (MaxJobs); 1 in use, 1 more asked.",
        ),
        (
            {"owner": "qos long", "limit": "MaxWall", "most": 3600, "used": 0, "asked": 7200},
            "The limit of qos long allows jobs of at most 1:00:00 (MaxWall).",
        ),
        (
            {"owner": "account a", "limit": "GrpTRESMins=cpu", "most": 60, "used": 61, "asked": 0},
            "The limit of account a allows 60 cpu minutes (GrpTRESMins=cpu);"
            " 61 used, 0 more asked.",
        ),
        (
            {
                "owner": "qos q",
                "limit": "MaxTRESMinsPerJob=node",
                "most": 5,
                "used": 0,
                "asked": 9,
            },
            "The limit of qos q allows 5 node minutes (MaxTRESMinsPerJob=node);"
            " 0 used, 9 more asked.",
        ),
        (
            {"owner": "qos big", "limit": "MinTRESPerJob=cpu", "most": 4, "used": 0, "asked": 1},
            "The limit of qos big asks for at least 4 CPUs (MinTRESPerJob=cpu); it asks for less.",
        ),
    ],
)
def test_limits_of_accounts(excess, text):
    assert rest(waits(reason="AssocGrpCpuLimit", excess=excess)) == [text]


def node(**more: Any) -> dict[str, Any]:
    return {
        "node": "n1",
        "drain": False,
        "down": False,
        "stepd": True,
        "reason": None,
        "since": None,
        "by": None,
    } | more


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (
            node(drain=True, reason="disk", by="root", since=NOW),
            "n1 is drained ('disk' by root since 1970-01-12T13:46:40)",
        ),
        (node(drain=True), "n1 is drained"),
        (node(down=True, reason="dead"), "n1 is down ('dead')"),
        (node(stepd=False, since=NOW, by="root"), "n1 does not answer"),
        (node(), "n1 is not available"),
    ],
)
def test_unavailable_nodes(facts, text):
    assert rest(waits(reason="ReqNodeNotAvail, x", unavailable=[facts])) == [
        f"Nodes it needs take no jobs: {text}."
    ]


def test_array_throttle_names_the_elements_that_run():
    facts = waits(
        reason="JobArrayTaskLimit",
        throttle={"limit": 1, "active": 1},
        held_by=[other("42_1")],
        holders=1,
        expected=SOON,
    )
    assert rest(facts) == [
        "At most 1 element of the array may run at a time (%1), and 1 runs now.",
        f"Job 42_1 (sim, bob) runs and ends by {MOMENT}.",
        f"It should start at {MOMENT}, or earlier if jobs end before their limits.",
    ]


# 缺资源的


def test_cpus_short_and_who_holds_them():
    facts = waits(
        short=[short("cpu", 8, 2, 8)],
        held_by=[other(), other("41", "x", "eve", cpus=1)],
        holders=4,
        expected=SOON,
    )
    assert rest(facts) == [
        "It asks for 8 CPUs; n1 has 2 of 8 free.",
        f"Job 40 (sim, bob) holds 4 CPUs and ends by {MOMENT}.",
        f"Job 41 (x, eve) holds 1 CPU and ends by {MOMENT}.",
        "2 more jobs hold some of it.",
        "No waiting job stands before it.",
        f"It should start at {MOMENT}, or earlier if jobs end before their limits.",
    ]


@pytest.mark.parametrize(
    ("lack", "asks", "holds"),
    [
        (
            short("mem", 4000, 1000, 8000),
            "It asks for 4000M of memory; n1 has 1000M of 8000M free.",
            "holds 1000M of memory",
        ),
        (
            short("cpu", 20, 5, 16, None),
            "It asks for 20 CPUs; the partition has 16 in all, so it can never start as it is.",
            "holds 4 CPUs",
        ),
        (
            short("cpu", 12, 5, 16, None),
            "It asks for 12 CPUs; the partition has 5 of 16 free.",
            "holds 4 CPUs",
        ),
        (
            short("node", 2, 1, 2, None),
            "It asks for 2 nodes; the partition has 1 of 2 free.",
            "holds 4 CPUs",
        ),
        (
            short("task", 3, 2, 8, None),
            "It asks for 3 tasks; there is room for 2 now.",
            "holds 4 CPUs",
        ),
        (
            short("license/matlab", 2, 1, 2, None),
            "It asks for 2 matlab licenses; the site has 1 of 2 free.",
            "holds 1 matlab license",
        ),
        (
            short("gres/gpu", 2, 1, 2),
            "It asks for 2 gpu; n1 has 1 of 2 free.",
            "holds 2 gpu:a100",
        ),
    ],
)
def test_every_kind_of_shortage(lack, asks, holds):
    holder = other(licenses={"matlab": 1}, gres={"gpu:a100": 2})
    found = rest(waits(short=[lack], held_by=[holder], holders=1))
    assert found[0] == asks
    assert found[1] == f"Job 40 (sim, bob) {holds} and ends by {MOMENT}."


def test_exclusive_job_asks_for_a_node():
    facts = waits(short=[short("cpu", 8, 6, 8)], asked={"exclusive": True})
    assert rest(facts)[0] == "It asks for a node of its own; n1 has 6 of 8 free."


def test_endless_jobs_make_the_start_unknowable():
    facts = waits(short=[short("cpu", 8, 2, 8)], held_by=[other(end=None)], holders=1)
    assert rest(facts)[-1] == (
        "When it starts cannot be told: job 40 (sim, bob) has no time limit."
    )
    many = waits(ahead={"count": 500, "more": True, "jobs": []})
    assert rest(many)[-1] == "When it starts cannot be told: too many jobs stand before it."


# 排在后面的


def test_jobs_before_it_are_counted_and_the_first_named():
    first = other("41", "big", "carol", state="PENDING", expected=SOON)
    one = waits(short=[short("cpu", 8, 2, 8)], ahead={"count": 1, "more": False, "jobs": [first]})
    assert rest(one)[1] == (
        f"1 waiting job stands before it: job 41 (big, carol), to start at {MOMENT}."
    )
    three = one | {"ahead": {"count": 3, "more": False, "jobs": [first | {"expected": None}]}}
    assert rest(three)[1] == "3 waiting jobs stand before it; the first is job 41 (big, carol)."
    more = one | {"ahead": {"count": 500, "more": True, "jobs": []}}
    assert rest(more)[1] == "At least 500 waiting jobs stand before it."


def test_room_promised_to_a_larger_job():
    larger = other("41", "big", "carol", start=SOON, on=["n1", "n2"])
    ahead = {"count": 1, "more": False, "jobs": [larger]}
    assert rest(waits(promised=[larger], ahead=ahead))[0] == (
        f"Enough is free, but job 41 (big, carol) is to start on n1 and n2 at {MOMENT},"
        " and this job would still be running then."
    )
    assert rest(waits(promised=[larger | {"start": None, "on": ["n1"]}], ahead=ahead))[0] == (
        "Enough is free, but n1 is kept for job 41 (big, carol), which has waited long."
    )


def test_strict_order():
    ahead = {"count": 1, "more": False, "jobs": [other("41")]}
    assert rest(waits(policy="fifo", ahead=ahead))[0] == (
        "Enough is free, but jobs start strictly in order here (sched/builtin)."
    )
    assert rest(waits(ahead=ahead))[0] == "Enough is free, but jobs before it take it first."


def test_nothing_in_the_way():
    assert rest(waits(starts=True, expected=NOW)) == [
        "Nothing stands in its way: it starts in the round at hand."
    ]


# 改法


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"cpus": 6, "tasks": 6}, "With 2 CPUs fewer (--ntasks=6) it would start now."),
        (
            {"cpus": 7, "cpus_per_task": 7},
            "With 1 CPU fewer (--cpus-per-task=7) it would start now.",
        ),
        ({"memory_per_node": 3000}, "With --mem=3000M it would start now."),
        ({"memory_per_cpu": 1024}, "With --mem-per-cpu=1G it would start now."),
        (
            {"time_limit": 3600},
            "With --time=1:00:00 or less it would start now, by backfill.",
        ),
        (
            {"cpus": 6, "tasks": 6, "time_limit": 540},
            "With 2 CPUs fewer (--ntasks=6) and --time=9:00 or less it would start now,"
            " by backfill.",
        ),
        ({"partition": "long"}, "In partition long (--partition=long) it would start now."),
        ({"dropped": "exclusive"}, "Without --exclusive it would start now."),
    ],
)
def test_changes(change, text):
    ahead = {"count": 1, "more": False, "jobs": [other("41")]}
    assert rest(waits(ahead=ahead, changes=[change | {"start": NOW}]))[-1] == text


def test_changes_that_help_later():
    later = waits(changes=[{"cpus": 6, "tasks": 6, "start": SOON}])
    assert rest(later)[-1] == f"With 2 CPUs fewer (--ntasks=6) it could start at {MOMENT}."
    unknown = waits(changes=[{"time_limit": 600, "start": None}])
    assert rest(unknown)[-1] == (
        "With --time=10:00 or less it could start, though when cannot be told."
    )
