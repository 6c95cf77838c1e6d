"""`scns why` 在造出来的情形里：说什么，预计何时启动，与后来真的发生的相比。"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from scns.cli.own.sentences import sentences
from scns.planner.snapshot import Policy
from scns.scheduler.explain import LATER
from tests.integration.world import World

#: 预计与真的相差不许超过的虚拟秒数：每等一件事，时间多走一点点。
CLOSE = 3.0


@pytest.fixture
def world(database, cursor, site):
    return World(database, cursor, {"matlab": 2})


def said(facts: dict[str, Any]) -> list[str]:
    """头一句之后的句子，时刻都换成 T。"""
    return [
        re.sub(r"\d{4}-\d\d-\d\dT[0-9:]{8}( \(in [^)]*\))?", "T", sentence)
        for sentence in sentences(facts)[1:]
    ]


def wait_told(facts: dict[str, Any]) -> float:
    """预计还要等多少秒。"""
    return float(facts["expected"] - facts["now"])


EXPECTED = "It should start at T, or earlier if jobs end before their limits."


def test_too_few_cpus(world):
    holder = world.submit(name="sim", tasks=6, time_limit=600)
    world.run()
    job = world.submit(tasks=8, time_limit=60)
    facts = world.why(job)
    assert said(facts) == [
        "It asks for 8 CPUs; n1 has 2 of 8 free.",
        f"Job {holder} (sim, root) holds 6 CPUs and ends by T.",
        "No waiting job stands before it.",
        EXPECTED,
        "With 6 CPUs fewer (--ntasks=2) it would start now.",
    ]
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_change_said_to_start_it_now_does(world):
    world.submit(tasks=6, time_limit=600)
    world.run()
    job = world.submit(tasks=8, time_limit=60)
    [change] = world.why(job)["changes"]
    world.ask("cancel", {"job": job})
    world.submit(tasks=change["tasks"], time_limit=60)
    world.run()
    assert world.count("state = 'RUNNING'") == 2


def test_too_little_memory(world):
    holder = world.submit(name="sim", memory_per_node=7000, time_limit=300)
    world.run()
    job = world.submit(memory_per_node=4000, time_limit=60)
    facts = world.why(job)
    assert said(facts) == [
        "It asks for 4000M of memory; n1 has 1000M of 8000M free.",
        f"Job {holder} (sim, root) holds 7000M of memory and ends by T.",
        "No waiting job stands before it.",
        EXPECTED,
        "With --mem=1000M it would start now.",
    ]
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_too_few_licenses(world):
    holder = world.submit(name="sim", licenses="matlab:1", time_limit=300)
    world.submit(name="other", time_limit=100)
    world.run()
    job = world.submit(licenses="matlab:2", time_limit=60)
    facts = world.why(job)
    assert facts["reason"] == "Licenses"
    assert said(facts) == [
        "It asks for 2 matlab licenses; the site has 1 of 2 free.",
        f"Job {holder} (sim, root) holds 1 matlab license and ends by T.",
        "No waiting job stands before it.",
        EXPECTED,
    ]
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_behind_a_higher_priority(world):
    world.submit(tasks=8, time_limit=120)
    world.run()
    job = world.submit(tasks=8, time_limit=60)
    urgent = world.submit(name="urgent", tasks=8, time_limit=200, priority=4294999999)
    world.run()
    facts = world.why(job)
    assert facts["reason"] == "Priority"
    assert said(facts)[2:] == [
        f"1 waiting job stands before it: job {urgent} (urgent, root), to start at T.",
        EXPECTED,
    ]
    assert wait_told(facts) == pytest.approx(320, abs=CLOSE)
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_behind_the_reservation_of_a_large_job(world):
    world.submit(tasks=6, time_limit=600)
    world.run()
    large = world.submit(name="large", tasks=8, time_limit=100)
    job = world.submit(tasks=2, time_limit=3600)
    facts = world.why(job)
    assert said(facts) == [
        f"Enough is free, but job {large} (large, root) is to start on n1 at T,"
        " and this job would still be running then.",
        f"1 waiting job stands before it: job {large} (large, root), to start at T.",
        EXPECTED,
        "With --time=9:00 or less it would start now, by backfill.",
    ]
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_dependency_on_a_running_job(world):
    parent = world.submit(name="first", time_limit=400)
    world.run()
    job = world.submit(time_limit=60, edges=[{"kind": "afterany", "job": parent}])
    facts = world.why(job)
    assert said(facts) == [
        f"It waits until job {parent} (first, root) has ended (afterany).",
        f"Job {parent} (first, root) runs and ends by T.",
        EXPECTED,
    ]
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_dependency_on_a_waiting_job(world):
    world.submit(tasks=8, time_limit=100)
    world.run()
    parent = world.submit(name="first", time_limit=200)
    job = world.submit(time_limit=60, edges=[{"kind": "afterany", "job": parent}])
    started = world.submit(time_limit=60, edges=[{"kind": "after", "job": parent, "delay": 1}])
    world.run()
    facts, other = world.why(job), world.why(started)
    assert said(facts)[1] == (
        f"Job {parent} (first, root) is still waiting (Resources), to start at T."
    )
    assert wait_told(facts) == pytest.approx(300, abs=CLOSE)
    assert wait_told(other) == pytest.approx(160, abs=CLOSE)
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_dependency_that_can_never_be_met(world):
    parent = world.submit()
    job = world.submit(edges=[{"kind": "afterok", "job": parent}])
    world.ask("cancel", {"job": parent})
    facts = world.why(job)
    assert facts["reason"] == "DependencyNeverSatisfied"
    assert said(facts) == [
        f"Its dependency afterok:{parent} can never be satisfied; it will not start unless"
        f" 'scontrol update JobId={job} Dependency=' removes it."
    ]


def test_singleton(world):
    first = world.submit(name="only", time_limit=100)
    world.run()
    job = world.submit(name="only", edges=[{"kind": "singleton"}])
    facts = world.why(job)
    assert said(facts) == [
        "It waits for 1 earlier job of the same name to end (singleton):"
        f" job {first} (only, root).",
        EXPECTED,
    ]
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_begin_time(world):
    world.cursor.execute("SELECT (now() + interval '500 seconds')::text")
    (begin,) = world.cursor.fetchone()
    job = world.submit(begin_time=begin)
    facts = world.why(job)
    assert said(facts) == ["It asked not to start before T (--begin).", EXPECTED]
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_held_by_its_owner(world):
    world.submit(tasks=8, time_limit=300)
    world.run()
    job = world.submit(user="u:root", hold=True)
    facts = world.why(job)
    assert said(facts) == [
        f"Its owner holds it; 'scontrol release {job}' lets it go.",
        "Released now, it should start at T.",
    ]
    world.ask("release", {"job": job})
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_held_by_an_administrator(world):
    job = world.submit(user="u:alice", hold=True)
    world.ask("hold", {"job": job})
    facts = world.why(job, user="u:alice")
    assert facts["reason"] == "JobHeldAdmin"
    assert said(facts) == [
        "An administrator holds it, and only an administrator can release it.",
        "Released now, it should start at once.",
    ]


def test_limit_of_the_partition(world):
    job = world.submit(partition="short", time_limit=3600)
    facts = world.why(job)
    assert facts["reason"] == "PartitionTimeLimit"
    assert said(facts) == [
        "It asks for 1:00:00; partition short allows at most 10:00.",
        "With --time=10:00 or less it would start now.",
        "In partition main (--partition=main) it would start now.",
    ]
    assert facts["expected"] is None


def test_partition_that_is_down(world):
    job = world.submit(partition="closed")
    assert said(world.why(job)) == [
        "Partition closed is down and starts nothing.",
        "In partition main (--partition=main) it would start now.",
    ]


def test_drained_node(world):
    world.cursor.execute(
        "UPDATE scns.node SET drain = true, reason = 'disk', reason_uid = 0, reason_time = now()"
    )
    job = world.submit()
    facts = world.why(job)
    assert facts["reason"] == "ReqNodeNotAvail, UnavailableNodes:n1"
    assert said(facts) == ["Nodes it needs take no jobs: n1 is drained ('disk' by root since T)."]
    world.cursor.execute("UPDATE scns.node SET drain = false")
    assert world.started_after(job) < CLOSE


def test_node_without_its_daemons(world):
    world.cursor.execute("UPDATE scns.node SET stepd = false")
    world.scheduler.stepd_up = True
    job = world.submit()
    assert said(world.why(job)) == ["Nodes it needs take no jobs: n1 does not answer."]


def test_array_throttle(world):
    array = world.submit(name="sweep", array_indices="{[0,4)}", array_limit=2, time_limit=200)
    world.run()
    facts = world.why(array)
    assert facts["reason"] == "JobArrayTaskLimit"
    assert sentences(facts)[0] == "Its elements: 2 PENDING, 2 RUNNING."
    assert said(facts)[1:] == [
        "At most 2 elements of the array may run at a time (%2), and 2 run now.",
        f"Job {array}_0 (sweep, root) runs and ends by T.",
        f"Job {array}_1 (sweep, root) runs and ends by T.",
        EXPECTED,
    ]
    assert wait_told(facts) == pytest.approx(200, abs=CLOSE)


def test_one_element_of_an_array(world):
    array = world.submit(array_indices="{[0,9)}", tasks=4, time_limit=100)
    world.run()
    facts = world.why(array, "{[7,8)}")
    assert facts["job"] == f"{array}_7"
    assert wait_told(facts) == pytest.approx(300, abs=CLOSE)
    before = world.passed
    world.until(lambda: world.count(f"array_job_id = {array} AND array_task_id = 7") == 1)
    assert world.passed - before == pytest.approx(wait_told(facts), abs=CLOSE)


def test_more_than_the_machine_has(world):
    job = world.submit(tasks=9)
    facts = world.why(job)
    assert facts["reason"] == "PartitionConfig"
    assert said(facts) == [
        "It asks for 9 CPUs; n1 has 8 in all, so it can never start as it is.",
        "With 1 CPU fewer (--ntasks=8) it would start now.",
    ]


def test_jobs_without_limit_make_the_start_unknowable(world):
    holder = world.submit(name="endless", tasks=8)
    world.run()
    job = world.submit()
    facts = world.why(job)
    assert said(facts)[1:] == [
        f"Job {holder} (endless, root) holds 8 CPUs and has no time limit.",
        "No waiting job stands before it.",
        f"When it starts cannot be told: job {holder} (endless, root) has no time limit.",
    ]


def test_strict_order(world):
    world.scheduler.reader.policy = Policy(kind="fifo")
    world.submit(tasks=6, time_limit=600)
    world.run()
    world.submit(name="large", tasks=8, time_limit=100)
    job = world.submit(tasks=1, time_limit=60)
    facts = world.why(job)
    assert said(facts)[0] == (
        "Enough is free, but jobs start strictly in order here (sched/builtin)."
    )
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_job_that_is_about_to_start(world):
    job = world.submit()
    assert said(world.why(job)) == ["Nothing stands in its way: it starts in the round at hand."]
    assert world.value(job, "state") == "RUNNING"


def test_jobs_that_run_or_are_over(world):
    job = world.submit(name="run", time_limit=600)
    world.run()
    assert sentences(world.why(job))[0].startswith(f"Job {job} (run, root) has been running on n1")
    world.end(job)
    assert "COMPLETED, exit code 0:0" in sentences(world.why(job))[0]


def test_unknown_jobs_are_refused(world):
    array = world.submit(array_indices="{[0,4)}", hold=True)
    assert world.why(4711) == {"error": "Invalid job id specified"}
    assert world.why(array, "{[9,10)}") == {"error": "Invalid job id specified"}


def test_jobs_of_others_can_be_asked_about(world):
    job = world.submit(hold=True)
    assert world.why(job, user="u:bob")["owner"] == "root"


def test_too_many_questions_in_a_round_are_put_off(world, monkeypatch):
    monkeypatch.setattr("scns.scheduler.explain.BUDGET_SECONDS", 0.0)
    job = world.submit(hold=True)
    answers = world.ask("why", *[{"job": job}] * 3)
    assert [facts.get("error") for facts in answers] == [None, LATER, LATER]
    assert "error" not in world.why(job)


def test_a_failing_answer_leaves_the_daemon_alone(world, monkeypatch):
    job = world.submit(hold=True)
    monkeypatch.setattr("scns.scheduler.explain.forecast", lambda *_, **__: 1 / 0)
    assert world.why(job) == {"error": "Unspecified error"}
    world.ask("release", {"job": job})
    assert world.value(job, "state") == "RUNNING"


def test_nothing_is_written_by_asking(world):
    world.submit(tasks=8, time_limit=600)
    job = world.submit(tasks=8)
    world.run()
    world.cursor.execute("SELECT to_jsonb(j) FROM scns.job j ORDER BY id")
    before = world.cursor.fetchall()
    world.why(job)
    world.cursor.execute("SELECT to_jsonb(j) FROM scns.job j ORDER BY id")
    assert json.dumps(before) == json.dumps(world.cursor.fetchall())


def test_limit_of_a_qos(world):
    world.cursor.execute("""UPDATE scns.qos SET grp_tres = '{"cpu": 4}' WHERE name = 'normal'""")
    world.submit(name="first", tasks=3, time_limit=300)
    world.run()
    job = world.submit(tasks=2, time_limit=60)
    facts = world.why(job)
    assert facts["reason"] == "QOSGrpCpuLimit"
    assert said(facts) == [
        "The limit of qos normal allows 4 CPUs (GrpTRES=cpu); 3 in use, 2 more asked.",
        EXPECTED,
        "With 1 CPU fewer (--ntasks=1) it would start now.",
    ]
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_limit_of_a_user_names_the_user(world):
    world.cursor.execute(
        "INSERT INTO scns.account (name) VALUES ('root') ON CONFLICT DO NOTHING;"
        "INSERT INTO scns.association (account, user_name, uid, max_jobs)"
        " VALUES ('root', 'root', 0, 1)"
        " ON CONFLICT (account, user_name) DO UPDATE SET max_jobs = 1"
    )
    world.submit(account="root", time_limit=300)
    world.run()
    job = world.submit(account="root", time_limit=60)
    facts = world.why(job)
    assert said(facts) == [
        "The limit of user root allows 1 job (MaxJobs); 1 in use, 1 more asked.",
        EXPECTED,
    ]
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_more_jobs_before_it_than_are_looked_at(world, monkeypatch):
    monkeypatch.setattr("scns.scheduler.explain.DEPTH", 3)
    world.submit(tasks=8, time_limit=600)
    world.run()
    jobs = [world.submit(tasks=8, time_limit=600) for _ in range(6)]
    facts = world.why(jobs[-1])
    assert (facts["ahead"]["count"], facts["ahead"]["more"], facts["expected"]) == (3, True, None)
    assert said(facts)[2:] == [
        f"At least 3 waiting jobs stand before it; the first is job {jobs[0]} (job.sh, root),"
        " to start at T.",
        "When it starts cannot be told: too many jobs stand before it.",
    ]
    assert world.why(jobs[1])["ahead"]["more"] is False


def test_elements_of_an_array_count_each(world):
    world.submit(tasks=8, time_limit=600)
    world.run()
    array = world.submit(name="sweep", array_indices="{[0,50)}", time_limit=100)
    job = world.submit(time_limit=100)
    facts = world.why(job)
    assert facts["ahead"]["count"] == 50
    assert f"the first is job {array}_[0-49] (sweep, root)" in said(facts)[2]
    # 八个 CPU，五十个各一百秒
    assert wait_told(facts) == pytest.approx(600 + 6 * 100, abs=CLOSE)
    assert world.started_after(job) == pytest.approx(wait_told(facts), abs=CLOSE)


def test_a_node_kept_for_a_job_that_has_waited_long(world):
    world.scheduler.reader.policy = Policy(age_bound=0.0)
    world.submit(name="endless", tasks=6)
    world.run()
    large = world.submit(name="large", tasks=8, time_limit=60)
    job = world.submit(tasks=2, time_limit=60)
    facts = world.why(job)
    assert said(facts)[0] == (
        f"Enough is free, but n1 is kept for job {large} (large, root), which has waited long."
    )
    assert world.value(job, "state") == "PENDING"


def test_jobs_of_other_partitions_do_not_stand_before_it(world):
    world.cursor.execute(
        "INSERT INTO scns.node (name, cpus, memory, idle_cpus, stepd, boot_id)"
        " VALUES ('n2', 4, 4000, '{[0,4)}', true, 'boot-1');"
        "INSERT INTO scns.partition (name, position, nodes) VALUES ('other', 9, '{n2}')"
    )
    world.submit(tasks=8, time_limit=600)
    world.submit(tasks=4, time_limit=300, partition="other")
    world.run()
    world.submit(tasks=8)
    job = world.submit(tasks=2, time_limit=60, partition="other")
    facts = world.why(job)
    assert said(facts)[0] == "It asks for 2 CPUs; n2 has 0 of 4 free."
    assert said(facts)[2] == "No waiting job stands before it."
    assert wait_told(facts) == pytest.approx(300, abs=CLOSE)


def test_higher_tiers_stand_before_higher_priorities(world):
    world.cursor.execute("UPDATE scns.partition SET priority_tier = 5 WHERE name = 'short'")
    world.submit(tasks=8, time_limit=600)
    world.run()
    job = world.submit(tasks=8, time_limit=60, priority=4294999999, partition="short,main")
    first = world.submit(tasks=8, time_limit=60, partition="short")
    assert world.why(job)["ahead"]["count"] == 0
    assert world.why(first)["ahead"]["count"] == 1


def test_what_it_insists_on_is_named(world):
    world.cursor.execute(
        "INSERT INTO scns.node (name, cpus, memory, idle_cpus, stepd, boot_id)"
        " VALUES ('n2', 4, 4000, '{[0,4)}', true, 'boot-1');"
        "UPDATE scns.partition SET nodes = '{n1,n2}' WHERE name = 'main'"
    )
    world.submit(tasks=8, time_limit=600, node_list="n1")
    world.run()
    job = world.submit(tasks=1, time_limit=60, node_list="n1")
    assert said(world.why(job))[-1] == "Without --nodelist it would start now."
