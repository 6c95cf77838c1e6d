"""parsl：SlurmProvider 起一块工人，用 srun 发射，用完取消。"""

import json
import os
import shutil

import parsl
from parsl.app.app import python_app
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.launchers import SrunLauncher
from parsl.providers import SlurmProvider


@python_app
def square(x):
    import os

    return x * x, os.environ["SLURM_JOB_ID"]


def main():
    pool = os.path.dirname(shutil.which("process_worker_pool.py"))
    provider = SlurmProvider(
        nodes_per_block=1,
        cores_per_node=2,
        init_blocks=1,
        max_blocks=1,
        walltime="00:05:00",
        exclusive=False,
        launcher=SrunLauncher(),
        worker_init=f"export PATH={pool}:$PATH",
    )
    workers = HighThroughputExecutor(
        label="workers", address="127.0.0.1", max_workers_per_node=2, provider=provider
    )
    with parsl.load(Config(executors=[workers], run_dir="runs")):
        answers = [one.result(timeout=200) for one in [square(x) for x in range(6)]]
    print(json.dumps({"squares": [a for a, _ in answers], "jobs": len({j for _, j in answers})}))


if __name__ == "__main__":
    main()
