"""批处理作业看到的 SLURM_* 变量。"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scns.variables import BatchFacts, array_shape, batch_variables, repeated

FACTS = BatchFacts(
    job_id=42,
    name="job.sh",
    user="ann",
    uid=1000,
    gid=1000,
    account="ann",
    qos="normal",
    partition="main",
    cluster="bench",
    controller="head",
    node="n1",
    node_list="n1",
    nodes=(("n1", 1, 1),),
    submit_directory="/home/ann",
    submit_host="login",
    memory_per_cpu=64,
)


def variables(**changes: object) -> dict[str, str]:
    found = batch_variables(replace(FACTS, **changes))  # type: ignore[arg-type]
    return {name: value for name, value in found.items() if value is not None}


def test_plain_job_has_exactly_slurms_variables():
    assert sorted(name for name in variables() if name.startswith("SLURM")) == sorted(
        "SLURMD_NODENAME SLURM_CLUSTER_NAME SLURM_CPUS_ON_NODE SLURM_GTIDS SLURM_JOBID"
        " SLURM_JOB_ACCOUNT SLURM_JOB_CPUS_PER_NODE SLURM_JOB_GID SLURM_JOB_ID SLURM_JOB_NAME"
        " SLURM_JOB_NODELIST SLURM_JOB_NUM_NODES SLURM_JOB_PARTITION SLURM_JOB_QOS SLURM_JOB_UID"
        " SLURM_JOB_USER SLURM_LOCALID SLURM_MEM_PER_CPU SLURM_NNODES SLURM_NODEID SLURM_NODELIST"
        " SLURM_NODE_ALIASES SLURM_PRIO_PROCESS SLURM_PROCID SLURM_SUBMIT_DIR SLURM_SUBMIT_HOST"
        " SLURM_TASKS_PER_NODE SLURM_TOPOLOGY_ADDR SLURM_TOPOLOGY_ADDR_PATTERN"
        " SLURM_WORKING_CLUSTER".split()
    )


def test_variables_of_options_that_were_not_given_are_removed():
    found = batch_variables(FACTS)
    for name in ("SLURM_NTASKS", "SLURM_CPUS_PER_TASK", "SLURM_ARRAY_TASK_ID", "SLURM_CONF"):
        assert found[name] is None


def test_tasks_and_cpus_follow_the_options():
    found = variables(tasks=2, cpus_per_task=2, nodes=(("n1", 4, 2),))
    assert found["SLURM_NTASKS"] == found["SLURM_NPROCS"] == "2"
    assert found["SLURM_CPUS_PER_TASK"] == "2"
    assert found["SLURM_CPUS_ON_NODE"] == "4"


def test_memory_per_node_hides_memory_per_cpu():
    found = variables(memory_per_node=100)
    assert found["SLURM_MEM_PER_NODE"] == "100"
    assert "SLURM_MEM_PER_CPU" not in found


def test_several_nodes_are_folded():
    found = variables(nodes=(("n1", 4, 2), ("n2", 4, 2), ("n3", 1, 1)), node_list="n[1-3]")
    assert found["SLURM_JOB_CPUS_PER_NODE"] == "4(x2),1"
    assert found["SLURM_TASKS_PER_NODE"] == "2(x2),1"
    assert found["SLURM_NNODES"] == "3"


def test_array_elements_know_the_array():
    found = variables(array_job_id=40, array_task_id=3, array_shape=(3, 3, 7, 2))
    assert [
        found[f"SLURM_ARRAY_{name}"]
        for name in ("JOB_ID", "TASK_ID", "TASK_COUNT", "TASK_MIN", "TASK_MAX", "TASK_STEP")
    ] == ["40", "3", "3", "3", "7", "2"]


@pytest.mark.parametrize(
    ("counts", "text"), [([1], "1"), ([2, 2], "2(x2)"), ([1, 2, 2, 1], "1,2(x2),1"), ([], "")]
)
def test_repeated_counts_are_folded(counts, text):
    assert repeated(counts) == text


@pytest.mark.parametrize(
    ("ranges", "shape"),
    [
        ([(1, 4)], (3, 1, 3, 1)),
        ([(3, 4), (5, 6), (7, 8)], (3, 3, 7, 2)),
        ([(0, 1), (5, 7)], (3, 0, 6, 1)),
        ([(9, 10)], (1, 9, 9, 1)),
        ([(0, 100_000)], (100_000, 0, 99_999, 1)),
    ],
)
def test_shape_of_an_array(ranges, shape):
    assert array_shape(ranges) == shape
