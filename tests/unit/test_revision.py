"""`scontrol update` 的规矩：键落在哪里，谁在什么状态改得了什么。"""

from __future__ import annotations

from typing import Any

import pytest

from scns.cli.scontrol import update_job
from scns.scheduler.requests import Row
from scns.scheduler.verbs import revision as rules

OWNER, OTHER = 1000, 1001


def row(state: str = "PENDING", **given: Any) -> Row:
    values: dict[str, Any] = {
        "position": 1,
        "job_id": 42,
        "uid": OWNER,
        "state": state,
        "attempt": 0,
        "array_job_id": None,
        "array_task_id": None,
        "is_array": False,
        "tasks": None,
        "hold": None,
        "requeue": True,
        "batch_host": None,
        "batch": True,
        "whole": None,
        "submission_id": 42,
        "nice": 0,
        "time_limit": 600,
    }
    return Row(**(values | given))


def refusal(
    changes: dict[str, Any], state: str = "PENDING", uid: int = OWNER, **given: Any
) -> str | None:
    revision = rules.sort_out(changes)
    assert not isinstance(revision, str)
    return rules.refusal(row(state, **given), revision, operator=uid == 0, uid=uid)


def test_every_key_that_scontrol_sends_is_known():
    sent = {key for _, _, key, _ in update_job.KEYS if key}
    sent |= {"cpus_max", "nodes_max", "exclusive", "node_names", "exclude_names"}
    sent |= {"dependency_any", "edges"}
    for key in sorted(sent):
        assert not isinstance(rules.sort_out({key: 1 if key in rules._POSITIVE else None}), str), (
            key
        )


def test_columns_options_and_the_rest_are_told_apart():
    revision = rules.sort_out(
        {"name": "x", "reservation": None, "priority": 5, "edges": [], "end_time": "2100-01-01"}
    )
    assert isinstance(revision, rules.Revision)
    assert (revision.columns, revision.options) == ({"name": "x"}, {"reservation": None})
    assert (revision.priority, revision.edges, revision.end_time) == (5, [], "2100-01-01")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"uid": 0}, "Update of this parameter is not supported: uid"),
        ({"tasks": 0}, "Task count specification invalid"),
        ({"tasks": "three"}, "Task count specification invalid"),
        ({"cpus_per_task": -1}, "Task count specification invalid"),
        ({"nodes_min": 0}, "Node count specification invalid"),
        ({"name": "x" * 1025}, rules.TOO_LONG),
        ({"directory": "/" + "x" * 4096}, rules.TOO_LONG),
    ],
)
def test_impossible_changes_are_refused_before_any_job_is_looked_at(changes, sentence):
    assert rules.sort_out(changes) == sentence


def test_what_cannot_be_empty_stays_as_it_is():
    revision = rules.sort_out({"name": "", "directory": "", "comment": None})
    assert isinstance(revision, rules.Revision)
    assert revision.columns == {"comment": None}


@pytest.mark.parametrize("state", ["RUNNING", "SUSPENDED", "COMPLETING", "COMPLETED"])
@pytest.mark.parametrize(
    "key",
    "tasks partition memory_per_node begin_time constraint directory reservation edges deadline"
    " licenses standard_output account contiguous".split(),
)
def test_only_pending_jobs_change_what_they_ask_for(state, key):
    changes = {key: 1 if key == "tasks" else None}
    assert refusal(changes, state, uid=0) == "Job is no longer pending execution"


@pytest.mark.parametrize("key", ["name", "nice", "requeue", "comment", "array_limit", "time_limit"])
@pytest.mark.parametrize("state", ["RUNNING", "SUSPENDED"])
def test_running_jobs_change_what_does_not_need_resources(state, key):
    assert refusal({key: None}, state, uid=0) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"comment": "late"}, None),
        ({"admin_comment": "late", "comment": "too"}, None),
        ({"name": "x"}, "Job has already finished"),
        ({"time_limit": 60}, "Job has already finished"),
        ({"comment": "x", "name": "y"}, "Job has already finished"),
    ],
)
def test_ended_jobs_still_take_comments(changes, expected):
    assert refusal(changes, "COMPLETED", uid=0) == expected


def test_only_the_owner_and_operators_change_a_job():
    assert refusal({"name": "x"}, uid=OTHER) == "Invalid user id"
    assert refusal({"name": "x"}) is None
    assert refusal({"name": "x"}, uid=0) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": 1},
        {"priority": 4294901760},
        {"nice": -1},
        {"deadline": None},
        {"admin_comment": "x"},
    ],
)
def test_owners_do_not_push_their_jobs(changes):
    assert refusal(changes) == "Access/permission denied"
    assert refusal(changes, uid=0) is None


def test_owners_hold_their_jobs_and_are_nicer_to_others():
    assert refusal({"priority": 0}) is None
    assert refusal({"priority": 0}, hold="admin") == "Access/permission denied"
    assert refusal({"nice": 5}) is None
    assert refusal({"nice": 5}, nice=10) == "Access/permission denied"


@pytest.mark.parametrize(
    ("new", "old", "longer"),
    [(600, 600, False), (660, 600, True), (60, 600, False), (-1, 600, True), (60, None, False)],
)
def test_longer_limits_of_running_jobs_need_an_operator(new, old, longer):
    assert rules.longer_limit(new, old) is longer
    expected = "Access/permission denied" if longer else None
    assert refusal({"time_limit": new}, "RUNNING", time_limit=old) == expected
    assert refusal({"time_limit": new}, "RUNNING", uid=0, time_limit=old) is None
    assert refusal({"time_limit": new}, "PENDING", time_limit=old) is None


@pytest.mark.parametrize("state", ["PENDING", "SUSPENDED", "COMPLETING"])
def test_end_time_is_for_running_jobs(state):
    assert refusal({"end_time": "2100-01-01"}, state, uid=0) == "Job is not running"
    assert refusal({"end_time": "2100-01-01"}, "RUNNING", uid=0) is None


def test_limit_of_a_job_going_away_is_settled():
    assert refusal({"time_limit": 60}, "COMPLETING", uid=0) == "Job has already finished"


@pytest.mark.parametrize(
    ("changes", "owner", "operator"),
    [
        ({"partition": "x"}, True, True),
        ({"reservation": "x"}, True, True),
        ({"time_limit": 60}, True, False),
        ({"name": "x"}, False, False),
        ({"requeue": True, "comment": "x"}, False, False),
    ],
)
def test_requests_for_resources_are_checked_like_submissions(changes, owner, operator):
    revision = rules.sort_out(changes)
    assert isinstance(revision, rules.Revision)
    assert revision.checked(operator=False) is owner
    assert revision.checked(operator=True) is operator
