"""dask-jobqueue：一群工人各是一个批作业，增减，用完全部取消。"""

import json
import os
import subprocess
import time
from pathlib import Path

from dask.distributed import Client
from dask_jobqueue import SLURMCluster


def listed(ids, *options):
    """squeue 里这几个作业还剩的行。"""
    words = ["squeue", "-h", "-j", ",".join(ids), *options]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def wait_left(ids, count):
    while len(listed(ids, "-t", "PD,R,CG", "-o", "%i")) != count:
        time.sleep(0.2)


def main():
    cluster = SLURMCluster(
        cores=1,
        processes=1,
        memory="400MB",
        walltime="00:05:00",
        job_name="dask-worker",
        log_directory="logs",
        local_directory=os.getcwd(),
        interface="lo",
        scheduler_options={"dashboard_address": ":0"},
        job_extra_directives=["--comment=dask"],
    )
    cluster.scale(jobs=2)
    client = Client(cluster)
    client.wait_for_workers(2, timeout=100)
    ids = sorted(worker.job_id for worker in cluster.workers.values())
    facts = {"shown": listed(ids, "-o", "%t/%j")}
    facts["squares"] = sum(client.gather(client.map(lambda x: x * x, range(50))))
    known = client.run(lambda: os.environ["SLURM_JOB_ID"])
    facts["workers_know_their_job"] = sorted(known.values()) == ids
    cluster.scale(jobs=1)
    wait_left(ids, 1)
    facts["answer_after_scaling_down"] = client.submit(lambda: 7).result(timeout=60)
    client.close()
    cluster.close()
    wait_left(ids, 0)
    facts["logs"] = sorted(path.name for path in Path("logs").iterdir()) == sorted(
        f"dask-worker-{one}.{end}" for one in ids for end in ("err", "out")
    )
    print(json.dumps(facts), flush=True)
    os._exit(0)  # distributed 会留下线程


if __name__ == "__main__":
    main()
