"""改节点与分区：状态、缘由、占着节点的作业，建立与删除，以及谁可以。"""

from __future__ import annotations

import grp
import os
import time
from typing import Any

import pytest

from scns.config import Config, NodeConfig, PartitionConfig
from scns.scheduler.verbs.node import standing
from tests.integration.world import World


@pytest.fixture
def world(database, cursor, site):
    return World(database, cursor)


def node(world: World, columns: str) -> tuple[Any, ...]:
    world.cursor.execute(f"SELECT {columns} FROM scns.node WHERE name = 'n1'")
    return tuple(world.cursor.fetchone())


def update_node(world: World, user: str = "u:root", name: str = "n1", **changes: Any) -> Any:
    [result] = world.ask("update_node", {"node": name}, user=user, changes=changes)
    return None if result is None else result["error"]


def partition(world: World, name: str, columns: str) -> tuple[Any, ...]:
    world.cursor.execute(f"SELECT {columns} FROM scns.partition WHERE name = %s", (name,))
    return tuple(world.cursor.fetchone())


def ask_partition(
    world: World, verb: str, name: str, user: str = "u:root", **changes: Any
) -> str | None:
    [result] = world.ask(verb, {"partition": name}, user=user, changes=changes)
    return None if result is None else result["error"]


@pytest.mark.parametrize(
    ("state", "before", "after"),
    [
        ("DRAIN", (False, False), (True, False)),
        ("FAIL", (False, False), (True, False)),
        ("DRAIN", (False, True), (True, True)),
        ("DOWN", (True, False), (True, True)),
        ("RESUME", (True, True), (False, False)),
        ("RESUME", (False, True), (False, False)),
        ("RESUME", (False, False), None),
        ("UNDRAIN", (True, True), (False, True)),
        ("UNDRAIN", (False, False), (False, False)),
        ("IDLE", (True, True), (True, False)),
        ("IDLE", (False, False), (False, False)),
        ("POWER_DOWN", (False, False), None),
        ("FUTURE", (False, False), None),
        ("ALLOCATED", (False, True), None),
        ("NORESP", (False, False), None),
    ],
)
def test_states_that_operators_give(state, before, after):
    drain, down = before
    assert standing(state, drain=drain, down=down) == after


def test_drained_node_takes_no_new_job_and_keeps_the_old_ones(world):
    old = world.submit()
    world.run()
    assert update_node(world, state="DRAIN", reason="disk") is None
    new = world.submit()
    world.run()
    assert (world.value(old, "state"), world.value(new, "state")) == ("RUNNING", "PENDING")
    assert node(world, "drain, reason, reason_uid, reason_time IS NOT NULL") == (
        True,
        "disk",
        0,
        True,
    )
    assert update_node(world, state="RESUME") is None
    assert world.value(new, "state") == "RUNNING"
    assert node(world, "drain, reason, reason_uid, reason_time") == (False, None, None, None)


def test_taking_a_node_away_needs_a_reason(world):
    for state in ("DRAIN", "DOWN"):
        assert (update_node(world, state=state) or "").startswith("You must specify a reason")
    assert update_node(world, state="DRAIN", reason="x") is None
    assert update_node(world, state="DOWN") is None
    assert node(world, "drain, down, reason") == (True, True, "x")


def test_resume_of_a_node_that_is_well_is_an_error(world):
    assert update_node(world, state="RESUME") == "Invalid node state specified"
    assert update_node(world, state="POWER_UP") == "Invalid node state specified"


def test_unknown_nodes_and_other_users_are_refused(world):
    assert update_node(world, name="nosuch", weight=2) == "Invalid node name specified"
    assert update_node(world, user="u:alice", weight=2) == "Invalid user id"
    assert node(world, "weight") == (1,)


def test_columns_are_changed_and_the_others_stay(world):
    changes = {"weight": 7, "features": ["a", "b"], "comment": "c", "gres": {"gpu": 2}}
    assert update_node(world, **changes) is None
    assert node(world, "weight, features, comment, gres, cpus, reason") == (
        7,
        ["a", "b"],
        "c",
        {"gpu": 2},
        8,
        None,
    )
    update_node(world, comment=None)
    assert node(world, "weight, comment") == (7, None)


def test_new_features_are_known_to_the_jobs(world):
    update_node(world, features=["fast"])
    job_id = world.submit(constraint="fast")
    world.run()
    assert world.value(job_id, "state") == "RUNNING"


def test_reason_alone_can_be_changed_and_taken_away(world):
    update_node(world, state="DRAIN", reason="one")
    update_node(world, reason="two")
    assert node(world, "drain, reason") == (True, "two")
    update_node(world, weight=3)
    assert node(world, "drain, reason") == (True, "two")
    update_node(world, reason="")
    assert node(world, "drain, reason, reason_uid") == (True, None, None)


@pytest.mark.parametrize(("requeue", "state"), [(True, "PENDING"), (False, "NODE_FAIL")])
@pytest.mark.parametrize("heard", [True, False])
def test_jobs_of_a_node_that_goes_down_end_or_go_back(world, requeue, state, heard):
    job_id = world.submit(requeue=requeue)
    world.run()
    if not heard:
        world.cursor.execute("UPDATE scns.node SET last_seen = now() - interval '1 hour'")
    world.stepd.sent.clear()
    update_node(world, state="DOWN", reason="fire")
    assert world.value(job_id, "state") == state
    assert node(world, "cpus_alloc, memory_alloc, idle_cpus::text") == (0, 0, "{[0,8)}")
    if state == "NODE_FAIL":
        assert world.value(job_id, "reason") == "NodeDown"


def test_processes_on_a_node_that_goes_down_are_ended(world):
    job_id = world.submit()
    world.run()
    world.database.connect("u:root").cursor().execute(
        "SELECT scns.request('update_node', %s, %s)",
        ('[{"node": "n1"}]', '{"changes": {"state": "DOWN", "reason": "fire"}}'),
    )
    world.scheduler.run_once(time.time())
    [kill] = world.stepd.of("kill")
    assert kill["job"] == job_id
    assert kill["message"].endswith("DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***")


def test_partition_goes_down_and_up(world):
    assert ask_partition(world, "update_partition", "main", state="DOWN") is None
    job_id = world.submit()
    world.run()
    assert world.value(job_id, "reason") == "PartitionDown"
    ask_partition(world, "update_partition", "main", state="UP")
    assert world.value(job_id, "state") == "RUNNING"


def test_limits_and_rules_are_changed(world):
    changes = {"max_time": 600, "default_time": 60, "max_nodes": 1, "allow_accounts": ["a"]}
    changes |= {"root_only": True, "oversubscribe": "EXCLUSIVE", "over_time_limit": 5}
    assert ask_partition(world, "update_partition", "main", **changes) is None
    assert partition(world, "main", "max_time, default_time, max_nodes, options") == (
        600,
        60,
        1,
        {
            "allow_accounts": ["a"],
            "root_only": True,
            "oversubscribe": "EXCLUSIVE",
            "over_time_limit": 5,
        },
    )
    back = {"max_time": -1, "allow_accounts": None, "root_only": False, "oversubscribe": "NO"}
    ask_partition(world, "update_partition", "main", **back)
    assert partition(world, "main", "max_time, options") == (None, {"over_time_limit": 5})


def test_nodes_of_a_partition_are_set_added_and_removed(world):
    world.cursor.execute(
        "INSERT INTO scns.node (name, cpus, memory, position) VALUES ('n2', 4, 4000, 1)"
    )
    for changes, members in (
        ({"nodes": ["n2"]}, ["n2"]),
        ({"nodes+": ["n1", "n2"]}, ["n2", "n1"]),
        ({"nodes-": ["n2"]}, ["n1"]),
        ({"nodes": "ALL"}, ["n1", "n2"]),
    ):
        assert ask_partition(world, "update_partition", "main", **changes) is None
        assert partition(world, "main", "nodes") == (members,)
    refused = ask_partition(world, "update_partition", "main", nodes=["n3"], state="DOWN")
    assert refused == "Invalid node name specified"
    assert partition(world, "main", "state, nodes") == ("UP", ["n1", "n2"])


def test_there_is_one_default_partition(world):
    ask_partition(world, "update_partition", "short", is_default=True)
    world.cursor.execute("SELECT name FROM scns.partition WHERE is_default")
    assert world.cursor.fetchall() == [("short",)]


def test_partition_is_created_used_and_deleted(world):
    created = ask_partition(world, "create_partition", "new", nodes="ALL", max_time=120)
    assert created is None
    assert partition(world, "new", "nodes, max_time, state, position") == (["n1"], 120, "UP", 3)
    job_id = world.submit(partition="new")
    world.run()
    assert world.value(job_id, "state") == "RUNNING"
    assert ask_partition(world, "delete_partition", "new") == "Partition is in use"
    world.end(job_id)
    assert ask_partition(world, "delete_partition", "new") is None
    assert ask_partition(world, "delete_partition", "new") == "Invalid partition name specified"


def test_waiting_jobs_use_their_partition_too(world):
    world.submit(partition="main,short", hold=True)
    assert ask_partition(world, "delete_partition", "short") == "Partition is in use"
    assert ask_partition(world, "delete_partition", "closed") is None


@pytest.mark.parametrize("name", ["main", "", "a,b", "a b", "new"])
def test_partition_that_cannot_be_created_is_not(world, name):
    changes: dict[str, Any] = {"nodes": ["nosuch"]} if name == "new" else {}
    expected = (
        "Invalid node name specified" if name == "new" else "Invalid partition name specified"
    )
    assert ask_partition(world, "create_partition", name, **changes) == expected
    world.cursor.execute("SELECT count(*) FROM scns.partition")
    assert world.cursor.fetchone() == (3,)


@pytest.mark.parametrize("verb", ["update_partition", "create_partition", "delete_partition"])
def test_partitions_belong_to_the_operators(world, verb):
    assert ask_partition(world, verb, "short", user="u:alice", state="DOWN") == "Invalid user id"
    assert partition(world, "short", "state") == ("UP",)


def test_unknown_keys_and_partitions_are_refused(world):
    refused = ask_partition(world, "update_partition", "main", owner="x")
    assert refused == "Update of this parameter is not supported: owner"
    refused = ask_partition(world, "update_partition", "nosuch", state="UP")
    assert refused == "Invalid partition name specified"


def test_reconnecting_keeps_what_an_operator_changed(world):
    world.scheduler.config = Config(
        nodes=(NodeConfig(name="n1", cpus=8, memory=8000),),
        partitions=(PartitionConfig(name="main", nodes=("n1",), is_default=True),),
    )
    world.scheduler.begin()
    ask_partition(world, "update_partition", "main", state="DOWN")
    ask_partition(world, "create_partition", "new", nodes="ALL")
    world.scheduler.begin()  # 与数据库断开又连上
    world.cursor.execute("SELECT name, state FROM scns.partition ORDER BY position")
    assert world.cursor.fetchall() == [("main", "DOWN"), ("new", "UP")]
    world.scheduler.reload = lambda: world.scheduler.config
    world.ask("reconfigure")
    world.cursor.execute("SELECT name, state FROM scns.partition")
    assert world.cursor.fetchall() == [("main", "UP")]


def test_members_of_allowed_groups_are_looked_up(world):
    group = grp.getgrgid(os.getegid()).gr_name
    ask_partition(world, "update_partition", "main", allow_groups=[group, "no-such-group"])
    [options] = partition(world, "main", "options")
    assert options["allow_groups"] == [group, "no-such-group"]
    assert set(options["group_members"]) == set(grp.getgrnam(group).gr_mem)
    ask_partition(world, "update_partition", "main", allow_groups=None)
    assert partition(world, "main", "options") == ({},)
