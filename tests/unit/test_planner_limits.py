"""上限：到了就不启动，原因用 Slurm 的说法；放宽了马上启动。"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.planner.limits import submit_excess, tres_of
from scns.planner.plan import plan
from scns.planner.snapshot import Limits
from tests.unit.planner_cases import NOW, node, request, running, snapshot, waiting

GPUS = {"gpu": 4}


def verdict(asked, limits, ran=(), **more):
    """账户 phys 的用户 7 想启动一个作业；`limits` 按 account、user、qos 给。"""
    job = waiting(1, asked, uid=7, account="phys", qos="long", **more)
    result = plan(
        snapshot(
            [node(gres=GPUS)],
            [job],
            list(ran),
            parents={"phys": "root"},
            account_limits=limits.get("account", {}),
            user_limits=limits.get("user", {}),
            qos_limits=limits.get("qos", {}),
            licenses={"sim": 9},
        )
    )
    return "started" if result.starts else result.reason_of(job)


def mine(job_id=9, cpus=1, **more):
    return running(job_id, cpus, NOW + 99, uid=7, account="phys", qos="long", **more)


@pytest.mark.parametrize(
    ("owner", "limits", "reason"),
    [
        ("account", Limits(grp_jobs=1), "AssocGrpJobsLimit"),
        ("account", Limits(max_jobs=1), "AssocMaxJobsLimit"),
        ("account", Limits(grp_tres={"cpu": 3}), "AssocGrpCpuLimit"),
        ("account", Limits(grp_tres={"mem": 399}), "AssocGrpMemLimit"),
        ("account", Limits(grp_tres={"node": 1}), "AssocGrpNodeLimit"),
        ("account", Limits(grp_tres={"gres/gpu": 1}), "AssocGrpGRES"),
        ("account", Limits(grp_tres={"license/sim": 1}), "AssocGrpLicense"),
        ("account", Limits(max_tres_per_job={"cpu": 1}), "AssocMaxCpuPerJobLimit"),
        ("account", Limits(max_tres_per_job={"mem": 199}), "AssocMaxMemPerJob"),
        ("account", Limits(max_tres_per_job={"node": 0}), "AssocMaxNodePerJobLimit"),
        ("account", Limits(max_tres_per_job={"gres/gpu": 0}), "AssocMaxGRESPerJob"),
        ("account", Limits(max_wall=599), "AssocMaxWallDurationPerJobLimit"),
        ("user", Limits(max_jobs=1), "AssocMaxJobsLimit"),
        ("user", Limits(grp_tres={"cpu": 3}), "AssocGrpCpuLimit"),
        ("qos", Limits(grp_jobs=1), "QOSGrpJobsLimit"),
        ("qos", Limits(max_jobs=1), "QOSMaxJobsPerUserLimit"),
        ("qos", Limits(grp_tres={"cpu": 3}), "QOSGrpCpuLimit"),
        ("qos", Limits(max_tres_per_user={"cpu": 3}), "QOSMaxCpuPerUserLimit"),
        ("qos", Limits(max_tres_per_user={"mem": 399}), "QOSMaxMemoryPerUser"),
        ("qos", Limits(max_tres_per_user={"node": 1}), "QOSMaxNodePerUserLimit"),
        ("qos", Limits(max_tres_per_user={"gres/gpu": 1}), "QOSMaxGRESPerUser"),
        ("qos", Limits(max_tres_per_job={"cpu": 1}), "QOSMaxCpuPerJobLimit"),
        ("qos", Limits(max_wall=599), "QOSMaxWallDurationPerJobLimit"),
        ("account", Limits(max_tres_mins_per_job={"cpu": 19}), "AssocMaxCpuMinutesPerJobLimit"),
        ("account", Limits(max_tres_mins_per_job={"mem": 1999}), "AssocMaxMemMinutesPerJob"),
        ("account", Limits(grp_tres_run_mins={"cpu": 22}), "AssocGrpCPURunMinutesLimit"),
        ("account", Limits(grp_tres_run_mins={"node": 10}), "AssocGrpNodeRunMinutes"),
        ("user", Limits(grp_tres_run_mins={"gres/gpu": 10}), "AssocGrpGRESRunMinutes"),
        ("qos", Limits(grp_tres_run_mins={"mem": 2000}), "QOSGrpMemoryRunMinutes"),
        ("qos", Limits(max_tres_mins_per_job={"node": 9}), "QOSMaxNodeMinutesPerJob"),
        ("qos", Limits(min_tres_per_job={"cpu": 3}), "QOSMinCpuNotSatisfied"),
        ("qos", Limits(min_tres_per_job={"gres/gpu": 2}), "QOSMinGRES"),
        ("qos", Limits(max_jobs_per_account=1), "MaxJobsPerAccount"),
        ("qos", Limits(max_tres_per_account={"cpu": 3}), "MaxCpuPerAccount"),
        ("qos", Limits(max_tres_per_account={"mem": 399}), "MaxMemoryPerAccount"),
    ],
)
def test_at_a_limit_the_reason_is_slurms_word(owner, limits, reason):
    asked = request(2, memory_per_node=200, gres={"gpu": 1}, licenses={"sim": 1})
    ran = [mine(cpus=2, memory=200, gres={"gpu": 1}, licenses={"sim": 1})]
    key = {"account": "phys", "user": ("phys", 7), "qos": "long"}[owner]
    assert verdict(asked, {owner: {key: limits}}, ran) == reason


@pytest.mark.parametrize(
    ("owner", "limits"),
    [
        ("account", Limits(grp_jobs=2, max_jobs=2, grp_tres={"cpu": 4, "gres/gpu": 2})),
        ("user", Limits(max_jobs=2, max_wall=600)),
        ("qos", Limits(max_tres_per_user={"cpu": 4}, max_tres_per_job={"cpu": 2, "node": 1})),
    ],
)
def test_the_same_job_starts_at_once_when_the_limit_is_raised(owner, limits):
    asked = request(2, gres={"gpu": 1})
    ran = [mine(cpus=2, gres={"gpu": 1})]
    key = {"account": "phys", "user": ("phys", 7), "qos": "long"}[owner]
    assert verdict(asked, {owner: {key: limits}}, ran) == "started"


@pytest.mark.parametrize(
    ("owner", "limits"),
    [
        # 在跑的两个 CPU 还有 99 秒：3.3 分钟；这一个按时限要 20 分钟
        ("account", Limits(grp_tres_run_mins={"cpu": 23})),
        ("qos", Limits(min_tres_per_job={"cpu": 2}, max_jobs_per_account=2)),
        ("qos", Limits(max_tres_mins_per_job={"cpu": 20})),
    ],
)
def test_at_the_limit_exactly_it_starts(owner, limits):
    key = {"account": "phys", "qos": "long"}[owner]
    assert verdict(request(2), {owner: {key: limits}}, [mine(cpus=2)]) == "started"


@pytest.mark.parametrize(
    ("assoc", "qos", "expected"),
    [
        (Limits(max_jobs=0), Limits(max_jobs=9), "started"),
        (Limits(grp_jobs=0), Limits(grp_jobs=9), "started"),
        (Limits(max_wall=1), Limits(max_wall=9999), "started"),
        (Limits(grp_tres={"cpu": 1}), Limits(grp_tres={"cpu": 99}), "started"),
        (Limits(grp_tres={"cpu": 1}), Limits(grp_tres={"mem": 9999}), "AssocGrpCpuLimit"),
        (Limits(max_tres_per_job={"cpu": 1}), Limits(max_tres_per_job={"cpu": 9}), "started"),
        (Limits(max_jobs=0), Limits(grp_jobs=9), "AssocMaxJobsLimit"),
    ],
)
@pytest.mark.parametrize("owner", ["account", "user"])
def test_a_limit_of_the_qos_replaces_the_same_one_of_the_association(owner, assoc, qos, expected):
    key = {"account": "phys", "user": ("phys", 7)}[owner]
    assert verdict(request(2), {owner: {key: assoc}, "qos": {"long": qos}}) == expected


def test_a_job_without_end_exceeds_any_limit_in_minutes():
    for limits in (
        Limits(max_tres_mins_per_job={"cpu": 10**9}),
        Limits(grp_tres_run_mins={"cpu": 10**9}),
    ):
        found = verdict(request(1, limit=None), {"account": {"phys": limits}})
        assert found.startswith("Assoc")


def spent(used, limit, *, safe, ran=()):
    """账户 phys 用掉了 `used` 个 CPU 分钟；一个 2 CPU、10 分钟的作业。"""
    job = waiting(1, request(2), uid=7, account="phys")
    limits = {"root": Limits(grp_tres_mins={"cpu": limit})}
    result = plan(
        snapshot(
            [node()],
            [job],
            list(ran),
            parents={"phys": "root"},
            account_limits=limits,
            usage={("phys", 7): used / 2, ("phys", 8): used / 2},
            safe=safe,
        )
    )
    return "started" if result.starts else result.reason_of(job)


@pytest.mark.parametrize(
    ("used", "safe", "expected"),
    [
        (99, False, "started"),
        (100, False, "AssocGrpCPUMinutesLimit"),
        (80, True, "started"),
        (81, True, "AssocGrpCPUMinutesLimit"),
    ],
)
def test_minutes_used_below_an_account_add_up(used, safe, expected):
    assert spent(used, 100, safe=safe) == expected


def test_to_be_safe_what_running_jobs_may_still_use_counts_too():
    ran = [running(9, 2, NOW + 600, uid=8, account="phys")]
    assert spent(60, 100, safe=True, ran=ran) == "started"
    assert spent(61, 100, safe=True, ran=ran) == "AssocGrpCPUMinutesLimit"
    assert spent(61, 100, safe=False, ran=ran) == "started"


def test_a_limit_of_a_parent_account_binds_its_children():
    limits = {"account": {"root": Limits(grp_tres={"cpu": 3})}}
    other = running(9, 2, NOW + 99, uid=8, account="root")
    assert verdict(request(2), limits, [other]) == "AssocGrpCpuLimit"
    assert verdict(request(1), limits, [other]) == "started"


def test_per_user_limits_do_not_count_other_users():
    limits = {"account": {"phys": Limits(max_jobs=1)}}
    other = running(9, 2, NOW + 99, uid=8, account="phys")
    assert verdict(request(2), limits, [other]) == "started"


def test_an_endless_job_exceeds_any_wall_limit_and_a_shrinkable_one_its_minimum():
    limits = {"qos": {"long": Limits(max_wall=500)}}
    assert verdict(request(1, limit=None), limits) == "QOSMaxWallDurationPerJobLimit"
    assert verdict(request(1, limit=900, time_min=500), limits) == "started"


def test_an_exclusive_job_counts_with_the_whole_node():
    limits = {"account": {"phys": Limits(grp_tres={"cpu": 7})}}
    assert verdict(request(1, exclusive=True), limits) == "AssocGrpCpuLimit"
    limits = {"account": {"phys": Limits(grp_tres={"cpu": 8})}}
    assert verdict(request(1, exclusive=True), limits) == "started"


def test_jobs_started_in_this_round_count_too():
    jobs = [waiting(at, request(1), shape=1, uid=7, account="phys") for at in range(4)]
    array = waiting(9, request(1), uid=8, account="phys", count=5)
    limits = {"phys": Limits(max_jobs=2)}
    result = plan(snapshot([node()], [*jobs, array], account_limits=limits))
    assert [start.job_id for start in result.starts] == [0, 1, 9, 9]
    assert result.reason_of(jobs[3]) == "AssocMaxJobsLimit"
    assert result.reason_of(array) == "AssocMaxJobsLimit"


def test_a_job_nobody_looked_at_still_knows_its_limit():
    jobs = [waiting(1, request(8)), waiting(2, request(8), uid=7, account="phys")]
    limits = {"phys": Limits(max_tres_per_job={"cpu": 4})}
    ran = [running(9, 8, NOW + 99)]
    result = plan(snapshot([node(gres=GPUS, busy=8)], jobs, ran, account_limits=limits))
    assert list(result.blocked) == [1]
    assert result.reason_of(jobs[1]) == "AssocMaxCpuPerJobLimit"


def test_a_job_at_its_limit_blocks_nobody_else():
    jobs = [waiting(1, request(8), uid=7, account="phys"), waiting(2, request(8), uid=8)]
    limits = {"phys": Limits(max_jobs=0)}
    result = plan(snapshot([node()], jobs, account_limits=limits, kind="fifo"))
    assert [start.job_id for start in result.starts] == [2]


def test_the_excess_tells_whose_limit_and_how_far():
    job = waiting(1, request(3), uid=7, account="phys")
    ran = [running(9, 2, NOW + 99, uid=8, account="phys")]
    limits = {"phys": Limits(grp_tres={"cpu": 4})}
    excess = plan(snapshot([node()], [job], ran, account_limits=limits)).blocked[1].excess
    assert (excess.owner, excess.limit) == ("account phys", "GrpTRES=cpu")
    assert (excess.most, excess.used, excess.asked) == (4, 2, 3)


def test_a_circle_of_accounts_does_not_hang():
    job = waiting(1, request(1), account="a")
    result = plan(
        snapshot([node()], [job], parents={"a": "b", "b": "a"}, account_limits={"b": Limits()})
    )
    assert len(result.starts) == 1


def test_what_a_request_counts_for():
    assert tres_of(request(2, tasks=3, memory_per_cpu=10, gres={"gpu": 2}, nodes_min=2)) == {
        "cpu": 6,
        "mem": 60,
        "node": 2,
        "gres/gpu": 4,
    }
    assert tres_of(request(2, tasks=3, overcommit=True, licenses={"x": 1})) == {
        "cpu": 1,
        "mem": 0,
        "node": 1,
        "license/x": 1,
    }


def test_submission_limits_count_waiting_and_running():
    limits = Limits(max_submit=10, grp_submit=100)
    assert submit_excess(limits, "account phys", mine=9, everyone=99) is None
    over = submit_excess(limits, "account phys", mine=9, everyone=50, asked=2)
    assert over is not None
    assert over.reason == "AssocMaxSubmitJobLimit"
    over = submit_excess(limits, "account phys", mine=1, everyone=100)
    assert over is not None
    assert over.reason == "AssocGrpSubmitJobsLimit"


def test_a_limit_of_the_user_replaces_the_one_of_the_account():
    ran = [mine(9), mine(10)]
    above = {"phys": Limits(max_jobs=1)}
    assert verdict(request(), {"account": above}, ran) == "AssocMaxJobsLimit"
    own = {("phys", 7): Limits(max_jobs=3)}
    assert verdict(request(), {"account": above, "user": own}, ran) == "started"
    higher = {"phys": Limits(max_jobs=3), "root": Limits(max_jobs=1)}
    assert verdict(request(), {"account": higher}, ran) == "started"


caps = st.one_of(st.none(), st.integers(0, 3))
limit_sets = st.builds(
    Limits,
    grp_jobs=caps,
    max_jobs=caps,
    grp_tres=st.dictionaries(st.sampled_from(["cpu", "mem", "node"]), st.integers(0, 12)),
    max_tres_per_job=st.dictionaries(st.sampled_from(["cpu", "mem"]), st.integers(0, 6)),
)


@given(
    limit_sets,
    limit_sets,
    limit_sets,
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(0, 4), st.integers(1, 3)),
        min_size=1,
        max_size=12,
    ),
)
@settings(max_examples=200, deadline=None)
def test_limits_hold_after_any_round_and_block_only_what_would_break_them(root, phys, user, rows):
    """集群够大，放不下的只能是因为上限。"""
    jobs = [
        waiting(
            at,
            request(cpus, memory_per_node=memory or None),
            uid=uid,
            account="phys",
            count=count,
            shape=at,
        )
        for at, (uid, cpus, memory, count) in enumerate(rows)
    ]
    limits = {"root": root, "phys": phys}
    users = {("phys", 0): user}
    result = plan(
        snapshot(
            [node(cpus=1000)],
            jobs,
            account_limits=limits,
            user_limits=users,
            parents={"phys": "root"},
        )
    )
    started = [jobs[start.job_id] for start in result.starts]

    def breaks(those):
        """这些作业一起运行，破不破上限；`Max*` 由近及远，头一个写了的算数。"""
        for uid in {job.uid for job in those}:
            own = [job for job in those if job.uid == uid]
            above = [user, phys, root] if uid == 0 else [phys, root]
            most = next((each.max_jobs for each in above if each.max_jobs is not None), None)
            if most is not None and len(own) > most:
                return True
            for job in own:
                for kind, count in tres_of(job.request).items():
                    caps = [
                        each.max_tres_per_job for each in above if kind in each.max_tres_per_job
                    ]
                    if caps and count > caps[0][kind]:
                        return True
        for owner, mine in [(root, those), (phys, those), (user, [j for j in those if j.uid == 0])]:
            if owner.grp_jobs is not None and len(mine) > owner.grp_jobs:
                return True
            used = {"cpu": 0, "mem": 0, "node": 0}
            for job in mine:
                for kind, count in tres_of(job.request).items():
                    used[kind] += count
            if any(used[kind] > most for kind, most in owner.grp_tres.items() if used[kind]):
                return True
        return False

    assert not breaks(started)
    for job in jobs:
        if sum(each is job for each in started) < job.count:
            assert breaks([*started, job])
            assert result.reason_of(job).startswith("Assoc")
