"""作业的一行怎样变成规划器的 `Subject`：关系的继承、资源与许可证。"""

from __future__ import annotations

import json

import pytest

from scns.db import priorities
from scns.db.accounts import SHARES
from scns.db.priorities import Measures, read_measures, subject_of
from scns.planner.priority import Scale, Weights

TRES = Weights(tres={"cpu": 1})
ANSWERS = {
    priorities.SCALE: [(2, 16, 10, 5, 40)],
    SHARES: [
        ("root", "", None, 1, None, None),
        ("phys", "", None, 1, "root", 10),
        ("optics", "", None, 1, "phys", None),
        ("optics", "alice", 7, 1, "phys", 30),
        ("optics", "unseen", None, 1, "phys", 99),
    ],
    priorities.PARTITION_NODES: [
        ("main", 8, 4000, json.dumps({"gpu:a100": 4})),
        ("main", 8, 4000, "{}"),
        ("short", 8, 4000, "{}"),
    ],
    priorities.LICENSES: [("sim:9,fluent",)],
}


def row(**more):
    """账户 optics 里用户 7 的一个作业，列的次序同 `SUBJECTS`。"""
    columns = {
        "id": 1, "account": "optics", "uid": 7, "eligible": 5.0, "submitted": 4.0, "nodes": 2,
        "cpus": 6, "partition_factor": 1, "qos_priority": 0, "nice": 3, "site": 2,
        "time_limit": 90, "partition": "main,short", "memory_per_node": None,
        "memory_per_cpu": None, "gres": None, "licenses": None,
    }  # fmt: skip
    assert more.keys() <= columns.keys()
    return tuple((columns | more).values())


def asked(**more):
    return subject_of(row(**more), TRES, read_measures(ANSWERS.__getitem__, TRES), 0.5)


def test_the_columns_become_the_fields_of_the_same_meaning():
    subject = subject_of(row(), Weights(age=1), Measures(Scale(1, 1)), 0.5)
    assert (subject.eligible, subject.submitted, subject.minutes) == (5.0, 4.0, 1.5)
    assert (subject.nodes, subject.cpus, subject.fairshare) == (2, 6, 0.5)
    assert (subject.partition, subject.qos, subject.nice, subject.site) == (1, 0, 3, 2)
    assert (subject.assoc, subject.tres) == (0, {})
    assert subject_of(row(time_limit=None), TRES, Measures(Scale(1, 1)), 0.0).minutes is None


@pytest.mark.parametrize(
    ("account", "uid", "priority"),
    [("optics", 7, 30), ("optics", 8, 10), ("phys", 7, 10), ("root", 7, 0), ("none", 7, 0)],
)
def test_the_nearest_association_with_a_priority_counts(account, uid, priority):
    weights = Weights(assoc=1)
    measures = read_measures(ANSWERS.__getitem__, weights)
    assert measures.scale.assoc == 40
    assert subject_of(row(account=account, uid=uid), weights, measures, 0.0).assoc == priority


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"mem": 0, "cpu": 6, "node": 2}),
        ({"memory_per_node": 100}, {"mem": 200}),
        ({"memory_per_cpu": 10}, {"mem": 60}),
        ({"gres": "gpu:a100:2"}, {"gres/gpu": 4, "gres/gpu:a100": 4}),
        ({"gres": "gpu"}, {"gres/gpu": 2}),
        ({"gres": "none"}, {"node": 2}),
        ({"licenses": "sim:3,fluent"}, {"license/sim": 3, "license/fluent": 1}),
        ({"gres": "::", "licenses": ":"}, {"cpu": 6}),
    ],
)
def test_what_a_job_asks_for(more, expected):
    found = asked(**more).tres
    assert {kind: found.get(kind) for kind in expected} == expected


def test_what_there_is_in_the_first_partition_and_all_licenses():
    assert asked().available == {
        "cpu": 16, "mem": 8000, "node": 2, "gres/gpu": 4, "gres/gpu:a100": 4,
        "license/sim": 9, "license/fluent": 1,
    }  # fmt: skip
    assert asked(partition="short").available["cpu"] == 8
    assert "cpu" not in asked(partition="gone").available


def test_nothing_is_read_that_has_no_weight():
    def ask(statement):
        assert statement == priorities.SCALE
        return ANSWERS[statement]

    assert read_measures(ask, Weights(age=1)).totals == {}
