"""clusterfutures：concurrent.futures 的执行器，每个调用一个作业，用 srun 运行。"""

import json
import os

import cfut


def square(x):
    import os

    return x * x, os.environ["SLURM_JOB_ID"]


def main():
    with cfut.SlurmExecutor(additional_setup_lines=["#SBATCH --time=00:05:00"]) as executor:
        answers = list(executor.map(square, [1, 2, 3]))
        failed = executor.submit(os.listdir, "/nonexistent").exception()
    facts = {"squares": [answer for answer, _ in answers]}
    facts["jobs"] = len({job_id for _, job_id in answers})
    facts["exception"] = "FileNotFoundError" in repr(failed)
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
