"""现成的客户端不加改动就能用：每个在自己的环境里，像用户的小程序那样用它。"""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(900)]


def test_submitit_runs_functions_arrays_and_resumes_after_a_signal(facts_of):
    assert facts_of("submitit") == {
        "result": 42,
        "logged": True,
        "array": [["0", 11], ["1", 22], ["2", 33]],
        "exception": True,
        "failed": "FAILED",
        "ranks": [[0, 2, 1, 1], [1, 2, 1, 1]],
        "waiting": "PENDING",
        "cancelled": "CANCELLED",
        "after": 2,
        "resumed": ["start", "checkpoint", "start"],
    }


def test_dask_jobqueue_scales_its_workers_up_and_down(facts_of):
    assert facts_of("dask") == {
        "shown": ["R/dask-worker", "R/dask-worker"],
        "squares": sum(x * x for x in range(50)),
        "workers_know_their_job": True,
        "answer_after_scaling_down": 7,
        "logs": True,
    }


def test_snakemake_runs_a_workflow_plain_as_an_array_and_sees_a_failure(facts_of):
    assert facts_of("snakemake") == {
        "plain": ["30", 2],
        "report": 1,
        "logs": 2,
        "array": ["30", 2],
        "failing": [1, True],
    }


def test_simple_slurm_submits_lists_cancels_and_runs(facts_of):
    assert facts_of("simple_slurm") == {
        "after_the_array": ["hello 3 simple", "hello 5 simple", "hello 7 simple"],
        "failed": "FAILED|7:0",
        "row": ["long", "1", "1"],
        "held": ["PD", "(JobHeldUser)"],
        "by_name": True,
        "cancelled": "CANCELLED",
        "after_term": "RUNNING",
        "after_kill": "CANCELLED",
        "srun": 0,
        "srun_files": [True, True],
    }


def test_parsl_starts_a_block_of_workers(facts_of):
    assert facts_of("parsl") == {"squares": [0, 1, 4, 9, 16, 25], "jobs": 1}


def test_qtoolkit_reads_the_queue_with_its_own_expressions(facts_of):
    assert facts_of("qtoolkit") == {
        "name": "toolkit",
        "limit": 300,
        "listed": True,
        "cancel": "SUCCESSFUL",
        "state": "CANCELLED",
        "refused": "FAILED",
    }


def test_clusterfutures_maps_calls_to_jobs(facts_of):
    assert facts_of("clusterfutures") == {"squares": [1, 4, 9], "jobs": 3, "exception": True}
