"""submitit：函数当作业，数组，两个任务，失败，依赖与取消，收到信号后存档并重新排队。"""

import json
import time
from pathlib import Path

import submitit


def add(a, b):
    return a + b


def fail():
    raise ValueError("planned failure")


def rank():
    own = submitit.JobEnvironment()
    return own.global_rank, own.num_tasks, own.num_nodes, len(own.hostnames)


class Resumable:
    """第一次一直睡；存档以后重来的那一次立刻返回。"""

    def __call__(self, flag):
        with Path(flag).open("a") as stream:
            stream.write("start\n")
        while Path(flag).read_text() == "start\n":
            time.sleep(0.1)
        return Path(flag).read_text().split()

    def checkpoint(self, flag):
        with Path(flag).open("a") as stream:
            stream.write("checkpoint\n")
        return submitit.helpers.DelayedSubmission(self, flag)


def executor(**parameters):
    made = submitit.AutoExecutor(folder="logs/%j", cluster="slurm")
    made.update_parameters(timeout_min=5, mem_gb=0.25, cpus_per_task=1, **parameters)
    return made


def wait_state(job, *states):
    while (state := job.watcher.get_state(job.job_id, mode="force")).split(" ")[0] not in states:
        time.sleep(0.2)
    return state


def main():
    single = executor(name="single", slurm_array_parallelism=2)
    job = single.submit(add, 40, 2)
    facts = {"result": job.result()}
    facts["logged"] = "JobEnvironment" in (job.stdout() or "") + (job.stderr() or "")

    jobs = single.map_array(add, [1, 2, 3], [10, 20, 30])
    facts["array"] = [[one.job_id.split("_")[1], one.result()] for one in jobs]

    bad = single.submit(fail)
    facts["exception"] = "planned failure" in str(bad.exception())
    facts["failed"] = wait_state(bad, "FAILED")

    facts["ranks"] = sorted(executor(nodes=1, tasks_per_node=2).submit(rank).results())

    slow = single.submit(time.sleep, 100)
    after = executor(slurm_dependency=f"afterany:{slow.job_id}").submit(add, 1, 1)
    wait_state(slow, "RUNNING")
    facts["waiting"] = wait_state(after, "PENDING")
    slow.cancel()
    facts["cancelled"] = wait_state(slow, "CANCELLED").split(" ")[0]
    facts["after"] = after.result()

    resumable = single.submit(Resumable(), str(Path("flag").resolve()))
    while not Path("flag").exists():
        time.sleep(0.1)
    resumable._interrupt()  # 与调度器快到时限时发的是同一个信号
    facts["resumed"] = resumable.result()
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
