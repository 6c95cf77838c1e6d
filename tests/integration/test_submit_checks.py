"""提交时的检查：特性、通用资源、许可证、数组、分区的规矩与限度，以及替别人提交。"""

from __future__ import annotations

import json
from typing import Any

import psycopg2
import pytest

from tests.conftest import Database

NO_GRES = "Invalid generic resource (gres) specification"
NO_FEATURE = "Invalid feature specification"
NO_LICENSE = "Invalid license specification"
NO_ARRAY = "Invalid job array specification"
NO_TIME = "Requested time limit is invalid (missing or exceeds some limit)"
NO_NODES = "Node count specification invalid"
NO_ACCOUNT = "Invalid account or account/partition combination specified"
NO_CONFIG = "Requested node configuration is not available"
NO_MEMORY = "Memory required by task is not available"
DENIED = "Access/permission denied"
NO_GROUP = "User's group not permitted to use this partition"

pytestmark = pytest.mark.usefixtures("site")


def submit(database: Database, user: str = "u:alice", **request: Any) -> int:
    connection = database.connect(user)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT scns.submit(%s, %s, %s)",
                (json.dumps({"name": "x", "directory": "/tmp"} | request), b"#!/bin/sh\n", b"A=1"),
            )
            (job_id,) = cursor.fetchone()
    finally:
        connection.close()
    return int(job_id)


def refusal(database: Database, user: str = "u:alice", **request: Any) -> str | None:
    """拒绝的句子；收下了为 None。"""
    try:
        submit(database, user, **request)
    except psycopg2.Error as error:
        assert error.pgcode in ("SC001", "SC002"), error
        return str(error.diag.message_primary)
    return None


def set_up(cursor: Any, partition: dict[str, Any] | None = None, **settings: str) -> None:
    """改设置，以及分区 main 的列与规矩。"""
    for name, value in settings.items():
        cursor.execute(
            "INSERT INTO scns.setting VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )
    for name, value in (partition or {}).items():
        if name.startswith(("max_", "min_")):
            cursor.execute(f"UPDATE scns.partition SET {name} = %s WHERE name = 'main'", (value,))
        else:
            cursor.execute(
                "UPDATE scns.partition SET options = options || %s WHERE name = 'main'",
                (json.dumps({name: value}),),
            )


@pytest.mark.parametrize(
    ("constraint", "sentence"),
    [
        ("fast", None),
        ("fast&big", None),
        ("fast|(big&fast)", None),
        ("[fast|big]", None),
        ("[fast|big]&big", None),
        (" fast ", None),
        ("nosuch", NO_FEATURE),
        ("fast&nosuch", NO_FEATURE),
        ("", NO_FEATURE),
        ("&", NO_FEATURE),
        ("fast&&big", NO_FEATURE),
        ("fast&", NO_FEATURE),
        ("(fast", NO_FEATURE),
        ("fast)", NO_FEATURE),
        ("(fast]", NO_FEATURE),
        ("fast(big)", NO_FEATURE),
        ("fast*2", NO_FEATURE),
        ("x", NO_FEATURE),
    ],
)
def test_features_must_exist_and_the_expression_be_one(database, cursor, constraint, sentence):
    cursor.execute("UPDATE scns.node SET features = '{fast,big}'")
    assert refusal(database, constraint=constraint, hold=True) == sentence


@pytest.mark.parametrize(
    ("gres", "sentence"),
    [
        ("gpu:1", None),
        ("gpu:a100:2", None),
        ("gpu:99", None),
        ("disk:1,gpu:1", None),
        ("none", None),
        ("gpu:h100:1", NO_GRES),
        ("tape:1", NO_GRES),
        ("gpu:1,tape:1", NO_GRES),
    ],
)
def test_gres_must_be_on_some_node(database, cursor, gres, sentence):
    cursor.execute("""UPDATE scns.node SET gres = '{"gpu:a100": 2, "disk": 1}'""")
    assert refusal(database, gres=gres, hold=True) == sentence


def test_unknown_gres_is_told_without_the_usual_form(database):
    with pytest.raises(psycopg2.Error) as refused:
        submit(database, gres="gpu:1")
    assert refused.value.pgcode == "SC002"


@pytest.mark.parametrize(
    ("licenses", "sentence"),
    [
        ("matlab", None),
        ("matlab:4", None),
        ("matlab:2,ansys:1", None),
        ("matlab:5", NO_LICENSE),
        ("nosuch", NO_LICENSE),
        ("matlab:1,nosuch:1", NO_LICENSE),
        ("matlab:x", NO_LICENSE),
        ("a:b:c", NO_LICENSE),
        ("matlab:99999999999", NO_LICENSE),
        ("", None),
    ],
)
def test_licenses_must_be_owned(database, cursor, licenses, sentence):
    set_up(cursor, Licenses="matlab:4,ansys:1")
    assert refusal(database, licenses=licenses, hold=True) == sentence


@pytest.mark.parametrize("setting", ["(null)", None])
def test_without_licenses_there_is_none_to_ask_for(database, cursor, setting):
    if setting is not None:
        set_up(cursor, Licenses=setting)
    assert refusal(database, licenses="matlab:1") == NO_LICENSE


@pytest.mark.parametrize(
    ("most", "indices", "sentence"),
    [
        ("1001", "{[0,1001)}", None),
        ("1001", "{[1000,1001)}", None),
        ("1001", "{[1001,1002)}", NO_ARRAY),
        ("0", "{[0,1)}", NO_ARRAY),
        ("1001", "{[-1,2)}", NO_ARRAY),
        ("1001", "{}", NO_ARRAY),
    ],
)
def test_indices_stay_below_the_greatest_array_size(database, cursor, most, indices, sentence):
    set_up(cursor, MaxArraySize=most)
    assert refusal(database, array_indices=indices) == sentence


def test_there_are_at_most_so_many_jobs_at_a_time(database, cursor):
    set_up(cursor, MaxJobCount="3")
    jobs = [submit(database) for _ in range(3)]
    assert refusal(database) == "Resource temporarily unavailable"
    cursor.execute(
        "UPDATE scns.job SET state = 'CANCELLED', end_time = now(), eligible = false WHERE id = %s",
        (jobs[1],),
    )
    assert refusal(database) is None
    assert refusal(database) == "Resource temporarily unavailable"


def test_unknown_reservation_is_refused(database):
    assert refusal(database, options={"reservation": "x"}) == "Requested reservation is invalid"


@pytest.mark.parametrize(
    ("rules", "user", "sentence"),
    [
        ({"root_only": True}, "u:alice", DENIED),
        ({"root_only": True}, "u:root", None),
        ({"disable_root_jobs": True}, "u:root", DENIED),
        ({"disable_root_jobs": True}, "u:alice", None),
        ({"allow_groups": ["alice"]}, "u:alice", None),
        ({"allow_groups": ["staff"]}, "u:alice", NO_GROUP),
        ({"allow_groups": ["staff"], "group_members": ["alice"]}, "u:alice", None),
        ({"allow_groups": ["staff"], "group_members": ["bob"]}, "u:alice", NO_GROUP),
        ({"allow_groups": ["staff"]}, "u:root", None),
        ({"allow_users": ["bob"]}, "u:alice", DENIED),
        ({"allow_users": ["alice"]}, "u:alice", None),
        ({"deny_users": ["alice"]}, "u:alice", DENIED),
        ({"deny_users": ["bob"]}, "u:alice", None),
    ],
)
def test_partition_is_for_whom_it_says_whatever_is_enforced(
    database, cursor, rules, user, sentence
):
    set_up(cursor, rules, EnforcePartLimits="NO")
    assert refusal(database, user) == sentence


def test_root_jobs_can_be_forbidden_everywhere(database, cursor):
    set_up(cursor, DisableRootJobs="Yes")
    assert refusal(database, "u:root") == DENIED
    assert refusal(database, "u:alice") is None


@pytest.mark.parametrize(
    ("rules", "request_", "sentence"),
    [
        ({"max_time": 600}, {"time_limit": 660}, NO_TIME),
        ({"max_time": 600}, {"time_limit": 600}, None),
        ({"max_time": 600}, {"time_limit": -1}, NO_TIME),
        ({"max_time": 600}, {"time_limit": 660, "time_min": 60}, None),
        ({"max_time": 600}, {}, None),
        ({"max_nodes": 1}, {"nodes_min": 2}, NO_NODES),
        ({"min_nodes": 2}, {"nodes_max": 1}, NO_NODES),
        ({}, {"nodes_min": 2}, NO_CONFIG),
        ({}, {"tasks": 9}, NO_CONFIG),
        ({"max_cpus_per_node": 4}, {"tasks": 5}, NO_CONFIG),
        ({"max_memory_per_node": 1000}, {"memory_per_node": 1001}, NO_MEMORY),
        ({"max_memory_per_cpu": 100}, {"memory_per_cpu": 101}, NO_MEMORY),
        ({"allow_accounts": ["physics"]}, {}, NO_ACCOUNT),
        ({"allow_accounts": ["physics"]}, {"account": "physics"}, None),
        ({"deny_accounts": ["physics"]}, {"account": "physics"}, NO_ACCOUNT),
    ],
)
def test_limits_refuse_only_when_enforced(database, cursor, rules, request_, sentence):
    set_up(cursor, rules, EnforcePartLimits="NO")
    assert refusal(database, **request_) is None
    set_up(cursor, EnforcePartLimits="ALL")
    assert refusal(database, **request_) == sentence


def test_any_partition_may_do_or_all_must(database, cursor):
    both = {"partition": "main,short", "time_limit": 1200}
    for enforced, sentence in (("NO", None), ("ANY", None), ("ALL", NO_TIME)):
        set_up(cursor, EnforcePartLimits=enforced)
        assert refusal(database, **both) == sentence
    set_up(cursor, {"max_time": 60}, EnforcePartLimits="ANY")
    assert refusal(database, **both) == NO_TIME


@pytest.mark.parametrize("limit", ["MaxMemPerNode", "MaxMemPerCPU"])
def test_memory_of_the_cluster_is_a_limit_too(database, cursor, limit):
    set_up(cursor, EnforcePartLimits="ALL", **{limit: "100"})
    asked = "memory_per_node" if limit == "MaxMemPerNode" else "memory_per_cpu"
    assert refusal(database, **{asked: 101}) == NO_MEMORY
    assert refusal(database, **{asked: 100}) is None


def test_root_submits_for_others(database, cursor):
    job_id = submit(database, "u:root", for_uid=60001)
    cursor.execute(
        "SELECT owner, uid, gid, group_name, account FROM scns.queue WHERE id = %s", (job_id,)
    )
    assert cursor.fetchone() == ("alice", 60001, 60001, "alice", "alice")
    job_id = submit(database, "u:root", for_uid=60001, for_gid=60002)
    cursor.execute("SELECT uid, gid, group_name FROM scns.queue WHERE id = %s", (job_id,))
    assert cursor.fetchone() == (60001, 60002, "bob")
    job_id = submit(database, "u:root", for_gid=777)
    cursor.execute("SELECT uid, gid, group_name FROM scns.queue WHERE id = %s", (job_id,))
    assert cursor.fetchone() == (0, 777, "777")


@pytest.mark.parametrize(
    ("user", "request_"),
    [
        ("u:alice", {"for_uid": 0}),
        ("u:alice", {"for_uid": 60001}),
        ("u:alice", {"for_gid": 0}),
        ("u:root", {"for_uid": 4242}),
        ("u:root", {"for_uid": 99999999999}),
    ],
)
def test_nobody_else_submits_for_others_nor_for_strangers(database, cursor, user, request_):
    assert refusal(database, user, **request_) == "Invalid user id"
    cursor.execute("SELECT count(*) FROM scns.job")
    assert cursor.fetchone() == (0,)


def test_rights_of_a_job_for_another_are_those_of_its_owner(database, cursor):
    set_up(cursor, {"root_only": True})
    assert refusal(database, "u:root", for_uid=60001) == DENIED


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"deadline": "2100-01-01T00:00:00Z", "time_limit": 600}, 600),
        ({"deadline": "2100-01-01T00:00:00Z", "time_limit": 600, "time_min": 60}, 60),
        ({"deadline": "2100-01-01T00:00:00Z"}, 0),
        ({"time_limit": 600}, None),
    ],
)
def test_deadline_says_when_the_job_must_have_started(database, cursor, request_, expected):
    submit(database, **request_)
    cursor.execute(
        "SELECT extract(epoch FROM s.deadline - j.start_by)::int"
        " FROM scns.job j JOIN scns.submission s ON s.id = j.submission_id"
    )
    assert cursor.fetchone() == (expected,)


def test_test_only_refuses_the_same(database):
    connection = database.connect("u:alice")
    for request_, sentence in (({"constraint": "x"}, NO_FEATURE), ({"licenses": "x"}, NO_LICENSE)):
        with connection.cursor() as cursor, pytest.raises(psycopg2.Error) as refused:
            asked = {"name": "x", "directory": "/tmp"} | request_
            cursor.execute("SELECT scns.check_submission(%s)", (json.dumps(asked),))
        assert refused.value.diag.message_primary == sentence
    connection.close()
