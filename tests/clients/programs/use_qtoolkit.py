"""qtoolkit（jobflow-remote 用它）：写脚本，提交，用自己的正则读 squeue 与 scontrol，取消。"""

import json
import time

from qtoolkit.core.data_objects import QResources
from qtoolkit.host.local import LocalHost
from qtoolkit.io.slurm import SlurmIO
from qtoolkit.manager import QueueManager


def main():
    manager = QueueManager(SlurmIO(), LocalHost())
    resources = QResources(
        job_name="toolkit",
        nodes=1,
        processes_per_node=1,
        memory_per_thread=50,
        time_limit=300,
        output_filepath="toolkit.out",
    )
    job_id = manager.submit("sleep 100", options=resources, work_dir=".").job_id
    while (job := manager.get_job(job_id)).state.name != "RUNNING":
        time.sleep(0.1)
    facts = {"name": job.name, "limit": job.info.time_limit}
    facts["listed"] = [one.job_id for one in manager.get_jobs_list([job_id])] == [job_id]
    facts["cancel"] = manager.cancel(job_id).status.name
    while manager.get_job(job_id).state.name == "RUNNING":
        time.sleep(0.1)
    facts["state"] = manager.get_job(job_id).sub_state.name
    refused = manager.submit(
        "true",
        options=QResources(queue_name="nosuch", nodes=1, processes_per_node=1),
        work_dir=".",
    )
    facts["refused"] = refused.status.name
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
