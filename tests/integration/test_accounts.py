"""账户的上限与多因素优先级在真数据库上：原因、放宽即启动、提交数、衰减的用量、公平份额。"""

from __future__ import annotations

import json
import math
import select
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg2
import pytest

from scns.config import Config
from scns.db.accounts import USAGE, read_usage
from scns.scheduler.ranking import Ranker
from tests.integration.world import World

pytestmark = pytest.mark.usefixtures("site")

POLICY = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
BASE = 4294901760


@pytest.fixture
def world(database, cursor):
    return World(database, cursor)


@pytest.fixture
def admin(database):
    """以管理员的身份调用函数，返回各行。"""
    connection = database.connect("u:root")

    def call(name, *values):
        marks = ", ".join(["%s"] * len(values))
        sent = [json.dumps(value) if isinstance(value, dict) else value for value in values]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM scns.{name}({marks})", sent)
            return cursor.fetchall()

    yield call
    connection.close()


@pytest.fixture
def phys(admin):
    """账户 phys，用户 root 在其中。"""
    admin("add_account", "phys", "physics", "uni", "root", {})
    admin("add_user", "root", 0, "phys", {})


def configure(world, **changes):
    """换一份配置，像重读配置文件之后那样。"""
    world.scheduler.config = replace(Config(nodes=(), partitions=()), **changes)
    world.scheduler.ranker = Ranker.of(world.scheduler.config)


def reasons(world):
    world.cursor.execute("SELECT reason FROM scns.job WHERE state = 'PENDING' ORDER BY id")
    return [reason for (reason,) in world.cursor.fetchall()]


# ── 上限 ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"max_jobs": 2}, "AssocMaxJobsLimit"),
        ({"grp_jobs": 2}, "AssocGrpJobsLimit"),
        ({"grp_tres": {"cpu": 2}}, "AssocGrpCpuLimit"),
        ({"grp_tres": {"mem": 128}}, "AssocGrpMemLimit"),
    ],
)
def test_a_user_at_a_limit_sees_it_and_starts_once_it_is_raised(world, admin, phys, limit, reason):
    for _ in range(3):
        world.submit(account="phys")
    assert admin("modify_associations", ["phys"], ["root"], limit) == [("phys", "root")]
    world.run()
    assert world.count("state = 'RUNNING'") == 2
    assert reasons(world) == [reason]
    raised = {
        key: dict.fromkeys(value) if isinstance(value, dict) else 3 for key, value in limit.items()
    }
    admin("modify_associations", ["phys"], ["root"], raised)
    world.run()
    assert world.count("state = 'RUNNING'") == 3


def test_raising_a_limit_wakes_the_scheduler(database, world, admin, phys):
    listener = database.connect("scns")
    listener.cursor().execute("LISTEN scns")
    admin("modify_associations", ["phys"], None, {"grp_jobs": 7})
    deadline = time.monotonic() + 10
    while not listener.notifies and time.monotonic() < deadline:
        select.select([listener], [], [], 0.1)
        listener.poll()
    assert [note.channel for note in listener.notifies] == ["scns"]
    listener.close()


def test_a_limit_of_an_account_binds_everyone_below_it(world, admin, phys):
    admin("add_account", "optics", "", "", "phys", {})
    admin("modify_associations", ["phys"], None, {"grp_jobs": 1})
    world.submit(account="optics")
    world.submit(account="phys")
    world.submit()
    world.run()
    # 没有说账户的也在默认账户 phys 里
    assert reasons(world) == ["AssocGrpJobsLimit"] * 2


def test_jobs_of_other_accounts_pass_one_at_its_limit(world, admin, phys):
    admin("modify_associations", ["phys"], None, {"grp_jobs": 0})
    stuck = world.submit(account="phys")
    other = world.submit(account="chem")
    world.run()
    assert world.value(stuck, "reason") == "AssocGrpJobsLimit"
    assert world.value(other, "state") == "RUNNING"


def test_a_qos_limits_its_jobs(world, admin):
    admin("add_qos", "debug", {"max_jobs": 1, "priority": 5})
    world.submit(qos="debug")
    stuck = world.submit(qos="debug")
    world.submit()
    world.run()
    assert reasons(world) == ["QOSMaxJobsPerUserLimit"]
    assert world.value(stuck, "state") == "PENDING"


def test_too_long_a_job_waits_for_its_wall_limit(world, admin, phys):
    admin("modify_associations", ["phys"], ["root"], {"max_wall": 60})
    long = world.submit(account="phys", time_limit=120)
    short = world.submit(account="phys", time_limit=60)
    world.run()
    assert world.value(long, "reason") == "AssocMaxWallDurationPerJobLimit"
    assert world.value(short, "state") == "RUNNING"


def test_why_names_the_limit(world, admin, phys):
    admin("modify_associations", ["phys"], ["root"], {"max_jobs": 0})
    job = world.submit(account="phys")
    world.run()
    excess = world.why(job)["excess"]
    assert (excess["reason"], excess["most"]) == ("AssocMaxJobsLimit", 0)


def refusal(world, **asked):
    with pytest.raises(psycopg2.Error) as caught:
        world.submit(**asked)
    assert caught.value.pgcode == "SC001"
    assert caught.value.diag.message_primary == POLICY
    return caught.value.diag.message_detail


def test_more_submissions_than_allowed_are_refused_in_slurms_words(world, admin, phys):
    admin("modify_associations", ["phys"], ["root"], {"max_submit": 2})
    world.submit(account="phys")
    assert refusal(world, account="phys", array_indices="{[0,2)}") == "AssocMaxSubmitJobLimit"
    world.submit(account="phys")
    assert refusal(world, account="phys") == "AssocMaxSubmitJobLimit"
    world.submit(account="chem")


def test_an_ended_job_makes_room_for_another_submission(world, admin, phys):
    admin("modify_associations", ["phys"], None, {"max_submit": 1})
    job = world.submit(account="phys")
    world.run()
    assert refusal(world, account="phys") == "AssocMaxSubmitJobLimit"
    world.end(job)
    world.submit(account="phys")


def test_the_submit_limit_of_the_user_replaces_that_of_the_account(world, admin, phys):
    admin("modify_associations", ["phys"], None, {"max_submit": 1})
    admin("modify_associations", ["phys"], ["root"], {"max_submit": 2})
    world.submit(account="phys")
    world.submit(account="phys")
    assert refusal(world, account="phys") == "AssocMaxSubmitJobLimit"


def test_an_array_counts_each_task_against_the_whole_account(world, admin, phys):
    admin("add_account", "optics", "", "", "phys", {})
    admin("modify_associations", ["phys"], None, {"grp_submit": 5})
    world.submit(account="optics", array_indices="{[0,4)}")
    assert refusal(world, account="phys", array_indices="{[0,2)}") == "AssocGrpSubmitJobsLimit"
    world.submit(account="phys")


def test_a_qos_bounds_submissions(world, admin):
    admin("add_qos", "debug", {"max_submit": 1, "grp_submit": 1})
    world.submit(qos="debug")
    assert refusal(world, qos="debug") == "QOSMaxSubmitJobPerUserLimit"
    assert refusal(world, user="u:alice", qos="debug") == "QOSGrpSubmitJobsLimit"


def test_a_submit_limit_holds_against_many_at_once(world, admin, phys):
    admin("modify_associations", ["phys"], ["root"], {"max_submit": 3})

    def attempt(_):
        try:
            return world.submit(account="phys")
        except psycopg2.Error as error:
            assert error.pgcode == "SC001"
            return None

    with ThreadPoolExecutor(8) as pool:
        accepted = [job for job in pool.map(attempt, range(16)) if job is not None]
    assert len(accepted) == 3


def test_only_administrators_change_accounts(database):
    connection = database.connect("u:alice")
    with connection.cursor() as cursor, pytest.raises(psycopg2.Error) as caught:
        cursor.execute("SELECT scns.add_account('phys', '', '', 'root', '{}')")
    assert caught.value.diag.message_primary == "Access/permission denied"
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT * FROM scns.association")
    connection.close()


def test_a_newcomer_has_an_account_of_his_own_name_and_no_limits(world):
    job = world.submit(user="u:alice")
    assert world.value(job, "account") == "alice"
    assert world.value(job, "priority") == BASE


# ── 用量 ────────────────────────────────────────────────────────────────────


def usage(world):
    world.cursor.execute("SELECT account, uid, cpu_seconds FROM scns.usage ORDER BY account")
    return world.cursor.fetchall()


def test_an_ended_job_is_charged_to_its_account(world):
    job = world.submit(tasks=4, account="phys", time_limit=36000)
    world.run()
    world.pass_time(1000)
    assert usage(world) == []
    world.end(job)
    [(account, uid, seconds)] = usage(world)
    assert (account, uid) == ("phys", 0)
    assert seconds == pytest.approx(4000, rel=0.01)


def test_usage_halves_after_a_half_life(world):
    configure(world, priority_decay_half_life=1000)
    first = world.submit(account="phys", tasks=2)
    world.run()
    world.pass_time(2000)
    world.end(first)
    # 两个 CPU 用了 2000 秒，早用的已经衰减：积分
    whole = 2 * 1000 / math.log(2) * (1 - 0.25)
    assert usage(world)[0][2] == pytest.approx(whole, rel=0.01)
    world.cursor.execute("UPDATE scns.usage SET as_of = as_of - interval '1000 s'")
    second = world.submit(account="phys")
    world.run()
    world.end(second)
    assert usage(world)[0][2] == pytest.approx(whole / 2, rel=0.01)


# ── 优先级 ──────────────────────────────────────────────────────────────────


def test_without_weights_it_is_first_come_first_served(world):
    configure(world)
    job = world.submit(nice=10)
    world.run()
    assert world.value(job, "priority") == BASE - 10


def test_a_new_job_gets_its_priority_in_the_same_round(world, admin):
    configure(world, priority_weight_qos=1000)
    admin("add_qos", "high", {"priority": 10})
    admin("add_qos", "low", {"priority": 5})
    low, high = world.submit(tasks=8, qos="low"), world.submit(tasks=8, qos="high", nice=3)
    world.run()
    assert (world.value(low, "priority"), world.value(high, "priority")) == (500, 997)
    assert world.value(high, "state") == "RUNNING"
    assert world.value(low, "reason") == "Resources"


def test_held_jobs_and_explicit_priorities_are_left_alone(world):
    configure(world, priority_weight_job_size=1000)
    held, fixed = world.submit(hold=True), world.submit(tasks=8, priority=77)
    world.submit(tasks=8, priority=99)
    world.run()
    assert world.value(held, "priority") == 0
    assert world.value(fixed, "priority") == 77
    world.ask("release", {"job": held})
    # 一个节点的全部，八个 CPU 里的一个
    assert world.value(held, "priority") == int(1000 * (1 + 1 / 8) / 2)
    world.ask("update", {"job": held}, changes={"priority": 5})
    world.scheduler.ranker.next_time = 0
    world.run()
    assert world.value(held, "priority") == 5


def test_waiting_jobs_age_when_the_period_is_over(world):
    configure(world, priority_weight_age=1000, priority_max_age=10_000, priority_calc_period=300)
    world.submit(tasks=8)
    job = world.submit(tasks=8)
    world.run()
    world.pass_time(5000)
    assert world.value(job, "priority") == 1
    assert world.scheduler.due is not None
    world.scheduler.run_once(time.time() + 301)
    assert world.value(job, "priority") == pytest.approx(530, abs=2)


def test_who_used_less_than_his_share_goes_first(world, admin):
    configure(world, priority_weight_fairshare=1000)
    admin("add_account", "rich", "", "", "root", {"fairshare": 3})
    admin("add_account", "poor", "", "", "root", {"fairshare": 1})
    for account in ("rich", "poor"):
        admin("add_user", "root", 0, account, {})
    running = [world.submit(account=name, tasks=4) for name in ("poor", "rich")]
    world.run()
    world.pass_time(1000)
    for job in running:
        world.end(job)
    world.scheduler.ranker.next_time = 0
    poor, rich = world.submit(account="poor", tasks=8), world.submit(account="rich", tasks=8)
    world.run()
    assert world.value(rich, "priority") == 1000
    assert world.value(poor, "priority") == 500
    assert world.value(rich, "state") == "RUNNING"


def test_someone_without_an_account_still_has_a_share(world):
    configure(world, priority_weight_fairshare=1000)
    job = world.submit(tasks=8)
    world.run()
    assert world.value(job, "priority") == 1000


def test_test_only_uses_the_priority_it_would_get(database, world, admin):
    configure(world, priority_weight_qos=1000)
    admin("add_qos", "high", {"priority": 10})
    running = world.submit(tasks=8, time_limit=600)
    world.run()
    world.submit(tasks=8, time_limit=6000)
    world.run()
    connection = database.connect("u:root")
    for qos, after in (("high", 600), ("normal", 6600)):
        request = json.dumps({"name": "x", "directory": "/tmp", "tasks": 8, "qos": qos})
        with connection.cursor() as cursor:
            cursor.execute("SELECT scns.check_submission(%s)", (request,))
            (submission,) = cursor.fetchone()
        [answer] = world.ask("estimate", submission=submission)
        world.cursor.execute(
            "SELECT extract(epoch FROM start_time)::float8 FROM scns.job WHERE id = %s", (running,)
        )
        (started,) = world.cursor.fetchone()
        if qos == "high":
            assert answer["start"] == pytest.approx(started + after, abs=2)
        else:
            assert answer["start"] is None or answer["start"] > started + 600
    connection.close()


def test_top_outlives_a_new_calculation(world):
    configure(world, priority_weight_job_size=1000)
    world.submit(tasks=8)
    world.run()
    big, small = world.submit(tasks=8), world.submit(tasks=1)
    world.run()
    world.ask("top", {"job": small})
    world.scheduler.ranker.next_time = 0
    world.run()
    assert world.value(small, "priority") > world.value(big, "priority")


def test_changing_nice_is_not_lost(world):
    configure(world, priority_weight_job_size=1000)
    world.submit(tasks=8)
    job = world.submit(tasks=8)
    world.run()
    world.ask("update", {"job": job}, changes={"nice": 100})
    assert world.value(job, "priority") == 900
    world.scheduler.ranker.next_time = 0
    world.run()
    assert world.value(job, "priority") == 900


def test_taking_the_weights_away_returns_to_first_come_first_served(world):
    configure(world, priority_weight_job_size=1000)
    world.submit(tasks=8)
    job = world.submit(tasks=8, nice=1)
    world.run()
    assert world.value(job, "priority") == 999
    configure(world)
    world.run()
    assert world.value(job, "priority") == BASE - 1


# ── 关系与资源的因素、PriorityFlags、用量清零 ───────────────────────────────


def recalculate(world):
    world.scheduler.ranker.next_time = 0
    world.run()


def test_the_priority_of_an_association_is_inherited_and_shared(world, admin, phys):
    configure(world, priority_weight_assoc=1000)
    admin("add_account", "optics", "", "", "phys", {})
    admin("modify_associations", ["phys"], None, {"priority": 10})
    admin("add_account", "chem", "", "", "root", {"priority": 40})
    world.submit(tasks=8, account="chem")
    world.run()
    jobs = [world.submit(tasks=8, account=name) for name in ("phys", "optics", "chem", "none")]
    world.run()
    assert [world.value(job, "priority") for job in jobs] == [250, 250, 1000, 1]
    admin("modify_associations", ["phys"], ["root"], {"priority": 20})
    recalculate(world)
    assert world.value(jobs[0], "priority") == 500


def test_each_tres_adds_its_share_of_the_partition(world):
    world.cursor.execute("UPDATE scns.node SET gres = '{\"gpu:a100\": 4}'")
    weights = {"cpu": 1000, "mem": 8000, "gres/gpu": 400, "license/sim": 10}
    configure(world, priority_weight_tres=weights)
    world.submit(tasks=8)
    world.run()
    job = world.submit(tasks=2, memory_per_node=800, gres="gpu:a100:1")
    world.submit(tasks=8)
    world.run()
    # 8 个 CPU 里的 2 个，8000 MiB 里的 800，4 块里的 1 块
    assert world.value(job, "priority") == 250 + 800 + 100


def test_with_incr_only_priorities_never_fall(world, admin):
    admin("add_qos", "high", {"priority": 10})
    world.submit(tasks=8)
    world.run()
    for flags, expected in ((("INCR_ONLY",), 1000), ((), 500)):
        configure(world, priority_weight_qos=1000, priority_flags=flags)
        admin("modify_qos", ["high"], {"priority": 10})
        job = world.submit(tasks=8, qos="high")
        world.run()
        assert world.value(job, "priority") == 1000
        admin("add_qos", "higher", {"priority": 20})
        recalculate(world)
        assert world.value(job, "priority") == expected
        admin("delete_qos", ["higher"])


def test_with_calculate_running_running_jobs_are_ranked_too(world):
    settings = {"priority_weight_age": 1000, "priority_max_age": 1000}
    configure(world, **settings)
    job = world.submit(tasks=8)
    world.run()
    before = world.value(job, "priority")
    world.pass_time(500)
    recalculate(world)
    assert world.value(job, "priority") == before
    configure(world, **settings, priority_flags=("CALCULATE_RUNNING",))
    recalculate(world)
    assert world.value(job, "priority") == pytest.approx(500, abs=3)


def test_with_accrue_always_a_hindered_job_ages(world):
    configure(
        world,
        priority_weight_age=1000,
        priority_max_age=1000,
        priority_flags=("ACCRUE_ALWAYS",),
    )
    first = world.submit(tasks=8, time_limit=36000)
    job = world.submit(
        tasks=8, dependency=f"afterok:{first}", edges=[{"kind": "afterok", "job": first}]
    )
    world.run()
    world.pass_time(500)
    recalculate(world)
    assert world.value(job, "priority") == pytest.approx(500, abs=3)


def test_without_fair_tree_the_factor_is_a_power_of_two(world, admin):
    configure(world, priority_weight_fairshare=1000, priority_flags=("NO_FAIR_TREE",))
    admin("add_account", "rich", "", "", "root", {"fairshare": 3})
    admin("add_account", "poor", "", "", "root", {"fairshare": 1})
    for account in ("rich", "poor"):
        admin("add_user", "root", 0, account, {})
    world.cursor.execute(
        "INSERT INTO scns.usage VALUES ('rich', 0, 500, now()), ('poor', 0, 500, now())"
    )
    jobs = [world.submit(account=name, tasks=8) for name in ("rich", "poor")]
    world.run()
    # 各用了一半：2^-(0.5/0.75) 与 2^-(0.5/0.25)
    assert [world.value(job, "priority") for job in jobs] == [629, 250]


def used(world):
    world.cursor.execute(USAGE)
    return sum(read_usage(world.cursor.fetchall(), None, time.time()).values())


def test_a_suspended_job_keeps_its_usage_and_adds_nothing(world):
    configure(world, priority_decay_half_life=None)
    job = world.submit(tasks=2, time_limit=36000)
    world.run()
    world.pass_time(1000)
    world.ask("suspend", {"job": job})
    assert world.value(job, "state") == "SUSPENDED"
    assert used(world) == pytest.approx(2000, abs=60)
    world.pass_time(5000)
    assert used(world) == pytest.approx(2000, abs=60)


@pytest.mark.parametrize("period", ["NOW", "DAILY", "YEARLY"])
def test_usage_before_the_reset_counts_no_more(world, period):
    configure(world, priority_decay_half_life=None)
    ended = world.submit(tasks=2, time_limit=10**8)
    world.run()
    world.pass_time(1000)
    world.end(ended)
    running = world.submit(tasks=2, time_limit=10**8)
    world.run()
    assert used(world) >= 2000
    world.pass_time(400 * 86400)
    world.cursor.execute("UPDATE scns.usage SET as_of = as_of - interval '400 days'")
    before = used(world)
    configure(world, priority_usage_reset_period=period, priority_decay_half_life=None)
    world.run()
    after = used(world)
    assert after <= before - 2000
    assert after <= 2 * 366 * 86400
    world.end(running)
    [(_, _, seconds)] = usage(world)
    assert seconds == pytest.approx(after, abs=20)


def test_now_resets_usage_once_only(world):
    configure(world, priority_usage_reset_period="NOW")
    world.run()
    world.cursor.execute("SELECT time FROM scns.reset")
    first = world.cursor.fetchone()
    world.run()
    world.cursor.execute("SELECT time FROM scns.reset")
    assert world.cursor.fetchone() == first


# ── QOS 取代关系的上限、分钟数、DenyOnLimit、AccountingStorageEnforce ────────


def enforce(world, words):
    world.cursor.execute(
        "INSERT INTO scns.setting VALUES ('AccountingStorageEnforce', %s)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (words,),
    )


def test_the_limit_of_the_qos_replaces_that_of_the_association(world, admin, phys):
    admin("modify_associations", ["phys"], ["root"], {"max_jobs": 0, "max_submit": 1})
    admin("add_qos", "long", {"max_jobs": 2, "max_submit": 5})
    for _ in range(3):
        world.submit(account="phys", qos="long")
    world.run()
    assert reasons(world) == ["QOSMaxJobsPerUserLimit"]


def test_used_up_minutes_stop_an_account_until_they_are_raised(world, admin, phys):
    admin("modify_associations", ["phys"], None, {"grp_tres_mins": {"cpu": 100}})
    world.cursor.execute("INSERT INTO scns.usage VALUES ('phys', 60001, 6000, now())")
    job = world.submit(account="phys")
    world.run()
    assert world.value(job, "reason") == "AssocGrpCPUMinutesLimit"
    assert world.why(job)["excess"]["limit"] == "GrpTRESMins=cpu"
    admin("modify_associations", ["phys"], None, {"grp_tres_mins": {"cpu": 101}})
    world.run()
    assert world.value(job, "state") == "RUNNING"


def test_safe_starts_only_what_the_minutes_suffice_for(world, admin, phys):
    enforce(world, "associations,limits,safe")
    admin("modify_associations", ["phys"], None, {"grp_tres_mins": {"cpu": 100}})
    first = world.submit(account="phys", time_limit=3600)
    second = world.submit(account="phys", time_limit=3600)
    third = world.submit(account="phys", time_limit=1200)
    world.run()
    states = [world.value(job, "state") for job in (first, second, third)]
    assert states == ["RUNNING", "PENDING", "RUNNING"]
    assert world.value(second, "reason") == "AssocGrpCPUMinutesLimit"


def test_a_job_without_a_time_limit_gets_that_of_its_association(world, admin, phys):
    admin("modify_associations", ["phys"], None, {"max_wall": 120})
    job = world.submit(account="phys")
    world.run()
    assert world.value(job, "time_limit") == 120
    assert world.value(job, "state") == "RUNNING"


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        ({"max_tres_per_job": {"cpu": 2}}, {"tasks": 3}),
        ({"max_tres_per_user": {"mem": 100}}, {"memory_per_node": 101}),
        ({"max_tres_per_account": {"gres/gpu": 1}}, {"gres": "gpu:a100:2"}),
        ({"max_tres_per_job": {"license/sim": 1}}, {"licenses": "sim:2"}),
        ({"max_wall": 60}, {"time_limit": 61}),
        ({"max_tres_mins_per_job": {"cpu": 9}}, {"tasks": 2, "time_limit": 300}),
        ({"min_tres_per_job": {"cpu": 2}}, {"tasks": 1}),
    ],
)
def test_deny_on_limit_refuses_what_would_only_wait(world, admin, limits, asked):
    world.cursor.execute("UPDATE scns.node SET gres = '{\"gpu:a100\": 4}'")
    world.cursor.execute("UPDATE scns.setting SET value = 'sim:9' WHERE name = 'Licenses'")
    admin("add_qos", "strict", {"flags": ["DenyOnLimit"], **limits})
    admin("add_qos", "lax", limits)
    assert refusal(world, qos="strict", **asked) == "DenyOnLimit"
    world.submit(qos="lax", **asked)
    world.submit(qos="strict", tasks=2, time_limit=60, memory_per_node=1)


def test_a_qos_bounds_the_submissions_of_an_account(world, admin):
    admin("add_qos", "debug", {"max_submit_per_account": 1})
    world.submit(qos="debug", account="phys")
    assert refusal(world, user="u:alice", qos="debug", account="phys") == "MaxSubmitJobsPerAccount"
    world.submit(qos="debug", account="chem")


def test_associations_are_required_when_enforced(world, admin, phys):
    enforce(world, "associations")
    world.submit(account="phys")
    for asked in ({"account": "nosuch"}, {"user": "u:alice"}):
        with pytest.raises(psycopg2.Error) as caught:
            world.submit(**asked)
        said = caught.value.diag.message_primary
        assert said == "Invalid account or account/partition combination specified"
    # root 总在账户 root 里
    world.submit(account="root")


def test_a_known_qos_is_required_when_enforced(world):
    world.submit(qos="nosuch")
    enforce(world, "associations,qos")
    with pytest.raises(psycopg2.Error) as caught:
        world.submit(account="root", qos="nosuch")
    assert caught.value.diag.message_primary == "Invalid qos specification"
    world.submit(account="root", qos="normal")


@pytest.mark.parametrize(
    ("words", "running"), [("none", 2), ("associations", 2), ("limits", 1), ("(null)", 1)]
)
def test_limits_hold_unless_only_other_words_are_enforced(world, admin, phys, words, running):
    enforce(world, words)
    admin("modify_associations", ["phys"], None, {"max_jobs": 1, "max_submit": 2})
    for _ in range(2):
        world.submit(account="phys")
    world.run()
    assert world.count("state = 'RUNNING'") == running
