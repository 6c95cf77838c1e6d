"""simple-slurm：脚本走标准输入，数组由 range 来，依赖由字典来，它的 squeue、scancel 与 srun。"""

import datetime
import json
import subprocess
import time
from pathlib import Path

from simple_slurm import Slurm


def state(job_id):
    words = ["sacct", "-X", "-n", "-P", "-o", "State,ExitCode", "-j", str(job_id)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def wait_state(job_id, *states):
    while not state(job_id).startswith(states):
        time.sleep(0.1)
    return state(job_id)


def main():
    array = Slurm(
        array=range(3, 8, 2),
        cpus_per_task=1,
        job_name="simple",
        output=f"%x_{Slurm.JOB_ARRAY_MASTER_ID}_{Slurm.JOB_ARRAY_ID}.out",
        time=datetime.timedelta(minutes=5),
        mem="64M",
    )
    array.add_cmd("X=hello")
    first = array.sbatch(f"echo $X {Slurm.SLURM_ARRAY_TASK_ID} $SLURM_JOB_NAME", verbose=False)
    after = Slurm("-J", "after", dependency={"afterok": first}, output="after.out", parsable=True)
    wait_state(after.sbatch("sort simple_*.out", verbose=False), "COMPLETED")
    facts = {"after_the_array": Path("after.out").read_text().splitlines()}

    bad = Slurm(output="bad.out").sbatch("exit 7", verbose=False)
    facts["failed"] = wait_state(bad, "FAILED")

    long = Slurm(job_name="long", output="long.out", time="00:05:00")
    running = long.sbatch("sleep 100", verbose=False)
    held = Slurm(job_name="held", hold=True, output="held.out")
    waiting = held.sbatch("true", verbose=False)
    while long.squeue.jobs.get(running, {}).get("ST") != "R":
        time.sleep(0.1)
        long.squeue.update_squeue()
    rows = long.squeue.jobs
    facts["row"] = [rows[running][name] for name in ("NAME", "CPUS", "NODES")]
    facts["held"] = [rows[waiting]["ST"], rows[waiting]["NODELIST(REASON)"]]
    facts["by_name"] = list(long.squeue.get_filtered_jobs("held")) == [waiting]
    held.scancel.cancel_job(waiting)
    facts["cancelled"] = wait_state(waiting, "CANCELLED").split()[0]
    long.scancel.signal_job(running)  # 头一次发 TERM，只到作业步
    facts["after_term"] = state(running).split("|")[0]
    long.scancel.signal_job(running)  # 再一次发 KILL
    facts["after_kill"] = wait_state(running, "CANCELLED").split()[0]

    facts["srun"] = Slurm(ntasks=2, output="srun-%t.out").srun("hostname")
    facts["srun_files"] = [Path(f"srun-{task}.out").stat().st_size > 0 for task in (0, 1)]
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
