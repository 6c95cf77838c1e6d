"""srun 与 salloc：在作业里运行一步，在作业外取得分配，用完什么也不留下。"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import Instance, command, node_name
from tests.conftest import wait_until

NODE = node_name()


def start(instance: Instance, *words: str, **options: Any) -> subprocess.Popen[str]:
    """起一个 `scns WORDS…`，不等它。"""
    return subprocess.Popen(
        [*command(), *words],
        cwd=instance.work,
        env=instance.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def in_batch(instance: Instance, text: str, *options: str) -> str:
    """在批处理脚本里运行，返回输出；`srun` 就是 `scns srun`。"""
    words = " ".join(command())
    script = f'#!/bin/bash\nsrun() {{ {words} srun "$@"; }}\n{text}\n'
    instance.run("sbatch", "-W", "-o", "out", *options, instance.script(script))
    return (instance.work / "out").read_text()


def rows(instance: Instance, job_id: int) -> list[str]:
    listed = instance.ok("sacct", "-n", "-P", "-j", str(job_id), "-o", "JobID,State,ExitCode")
    return listed.split()


def newest_job(instance: Instance) -> int:
    [(job_id,)] = instance.sql("SELECT max(id) FROM scns.job")
    return int(job_id)


def wait_file(path: Path) -> str:
    return str(wait_until(lambda: path.exists() and path.read_text().strip(), 20, str(path)))


def test_step_of_a_job_is_numbered_and_recorded(instance: Instance):
    text = in_batch(instance, "srun -J one echo $SLURM_STEP_ID a; srun false; echo $?", "-n1")
    assert text.splitlines()[1:] == [f"srun: error: {NODE}: task 0: Exited with exit code 1", "1"]
    job_id = newest_job(instance)
    assert rows(instance, job_id) == [
        f"{job_id}|COMPLETED|0:0",
        f"{job_id}.batch|COMPLETED|0:0",
        f"{job_id}.0|COMPLETED|0:0",
        f"{job_id}.1|FAILED|1:0",
    ]


def test_srun_finds_its_job_by_the_number_alone(instance: Instance):
    text = in_batch(
        instance,
        "j=$SLURM_JOB_ID; for v in ${!SLURM*}; do unset $v; done; export SLURM_JOB_ID=$j\n"
        "srun -n1 --cpu-bind=q --cpus-per-task=1 --nodes=1 sh -c 'echo $SLURM_JOB_NODELIST'",
    )
    assert text == f"{NODE}\n"


def test_script_on_stdin_of_a_step(instance: Instance):
    assert in_batch(instance, "echo 'echo from $1' | srun -n1 sh -s x") == "from x\n"


def test_each_task_gets_all_of_stdin(instance: Instance):
    done = instance.run("srun", "-Q", "-n3", "wc", "-c", stdin="x" * 200_000)
    assert done.stdout.split() == ["200000"] * 3


def test_labels_follow_whole_lines_of_both_streams(instance: Instance):
    done = instance.run("srun", "-Q", "-l", "-n2", "sh", "-c", "printf 'a\\nb'; echo e >&2")
    assert sorted(done.stdout.split("\n")) == ["", "0: a", "0: b", "1: a", "1: b"]
    assert sorted(done.stderr.split("\n")) == ["", "0: e", "1: e"]


def test_files_of_a_step_follow_patterns(instance: Instance):
    instance.ok("srun", "-Q", "-n2", "-o", "%t-%s.out", "sh", "-c", "echo $SLURM_PROCID")
    assert [(instance.work / f"{task}-0.out").read_text() for task in (0, 1)] == ["0\n", "1\n"]
    instance.ok("srun", "-Q", "-n2", "-o", "both", "sh", "-c", "echo x; echo y >&2")
    assert sorted((instance.work / "both").read_text().split()) == ["x", "x", "y", "y"]


def test_failed_task_ends_the_step_when_asked(instance: Instance):
    script = '[ "$SLURM_PROCID" = 0 ] && exit 3; sleep 100'
    done = instance.run("srun", "-Q", "-K", "-n2", "sh", "-c", script)
    assert done.returncode == 137
    assert f"srun: error: {NODE}: task 0: Exited with exit code 3" in done.stderr
    assert "srun: Terminating StepId=" in done.stderr


def test_what_srun_cannot_do_is_refused_with_a_sentence(instance: Instance):
    done = instance.run("srun", "--x11", "true")
    assert done.stderr.startswith("srun: error: --x11 is not supported")
    assert instance.run("srun").stderr == "srun: fatal: No command given to execute.\n"


def test_second_interrupt_ends_a_step_and_nothing_is_left(instance: Instance):
    running = start(instance, "srun", "-n2", "sh", "-c", "echo $$ >p$SLURM_PROCID; exec sleep 100")
    pids = [int(wait_file(instance.work / f"p{task}")) for task in (0, 1)]
    running.send_signal(signal.SIGINT)
    assert running.stderr is not None
    assert running.stderr.readline() == "srun: interrupt (one more within 1 sec to abort)\n"
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 130
    running.communicate()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    wait_until(instance.idle, 10, "the allocation to be gone")


def test_killed_srun_leaves_neither_process_nor_allocation(instance: Instance):
    running = start(instance, "srun", "sh", "-c", "echo $$ >p; exec sleep 100")
    pid = int(wait_file(instance.work / "p"))
    running.kill()
    running.communicate()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10, "the task to be gone")
    wait_until(instance.idle, 10, "the allocation to be gone")
    instance.wait_state(newest_job(instance), "CANCELLED")


def test_interrupt_cancels_what_is_still_pending(instance: Instance):
    blocker = instance.submit("sleep 100", "-n8")
    instance.wait_state(blocker, "RUNNING")
    for name, said in (("srun", "Force Terminated job"), ("salloc", "has been revoked")):
        waiting = start(instance, name, "-n8", "true")
        assert waiting.stderr is not None
        first = waiting.stderr.readline()
        assert first.startswith((f"{name}: job ", f"{name}: Pending job allocation"))
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(20) == 1
        assert said in waiting.communicate()[1]
        assert instance.state(newest_job(instance)).startswith("CANCELLED")
    instance.ok("scancel", str(blocker))
    wait_until(instance.idle, 20, "everything to be gone")


def test_immediate_gives_up_and_leaves_nothing_pending(instance: Instance):
    blocker = instance.submit("sleep 100", "-n8")
    instance.wait_state(blocker, "RUNNING")
    done = instance.run("salloc", "-Q", "-I1", "-n1", "true")
    assert done.returncode == 1
    assert "salloc: error: Job submit/allocate failed: Requested nodes are busy\n" in done.stderr
    assert instance.ok("squeue", "-h", "-t", "PD") == ""
    instance.ok("scancel", str(blocker))
    wait_until(instance.idle, 20, "everything to be gone")


def test_salloc_runs_its_command_with_the_variables_of_the_job(instance: Instance):
    script = "echo $SLURM_JOB_ID $SLURM_NTASKS $SLURM_JOB_NODELIST; exit 4"
    done = instance.run("salloc", "-n2", "sh", "-c", script)
    job_id = newest_job(instance)
    assert (done.returncode, done.stdout) == (4, f"{job_id} 2 {NODE}\n")
    assert done.stderr == (
        f"salloc: Granted job allocation {job_id}\nsalloc: Relinquishing job allocation {job_id}\n"
    )
    assert rows(instance, job_id) == [f"{job_id}|FAILED|4:0"]


def test_cancelled_salloc_is_told_and_its_command_signalled(instance: Instance):
    running = start(instance, "salloc", "-K", "sh", "-c", "echo $$ >p; exec sleep 100")
    wait_file(instance.work / "p")
    instance.ok("scancel", str(newest_job(instance)))
    assert running.wait(20) != 0
    assert "has been revoked." in running.communicate()[1]


def test_allocation_without_shell_stays_until_it_is_cancelled(instance: Instance):
    instance.ok("salloc", "--no-shell", "-n1")
    job_id = newest_job(instance)
    done = instance.run("srun", f"--jobid={job_id}", "echo", "inside")
    assert done.stdout == "inside\n"
    instance.ok("scancel", str(job_id))
    instance.wait_state(job_id, "CANCELLED")


def test_one_step_is_cancelled_and_the_job_goes_on(instance: Instance):
    words = " ".join(command())
    job_id = instance.submit(f"{words} srun sh -c 'echo $$ >p; exec sleep 100'; echo $? >code")
    wait_file(instance.work / "p")
    unknown = instance.run("scancel", f"{job_id}.7")
    assert unknown.returncode == 225
    wait_until(lambda: f"{job_id}.0" in instance.ok("squeue", "-hs", "-o", "%i"), 10, "the step")
    instance.ok("scancel", f"{job_id}.0")
    instance.wait_state(job_id, "COMPLETED")
    assert (instance.work / "code").read_text() == "143\n"


def test_signal_without_scope_reaches_the_step_and_not_the_script(instance: Instance):
    words = " ".join(command())
    step = "trap 'exit 9' USR1; echo up >p; while :; do sleep 0.05; done"
    job_id = instance.submit(f'{words} srun sh -c "{step}"; echo $? >code')
    wait_file(instance.work / "p")
    instance.ok("scancel", "--signal=USR1", str(job_id))
    instance.wait_state(job_id, "COMPLETED")
    assert (instance.work / "code").read_text() == "9\n"


def test_allocation_nobody_holds_ends_by_itself(instance: Instance):
    running = start(instance, "salloc", "sh", "-c", "echo $$ >p; exec sleep 100")
    pid = int(wait_file(instance.work / "p"))
    running.kill()
    os.kill(pid, signal.SIGKILL)
    running.communicate()
    instance.wait_state(newest_job(instance), "CANCELLED")
    wait_until(instance.idle, 10, "the allocation to be gone")


def program(instance: Instance, name: str, body: str) -> str:
    path = instance.work / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_programs_around_a_step_run_here_with_the_variables_of_the_step(instance: Instance):
    say = "echo $SLURM_SCRIPT_CONTEXT $SLURM_JOB_ID.$SLURM_STEP_ID $MINE >> notes"
    words = [f"--{name}={program(instance, name, say)}" for name in ("prolog", "epilog")]
    done = instance.run(
        "srun", "-Q", *words, "sh", "-c", "echo task >> notes; exit 3", env={"MINE": "x"}
    )
    job_id = newest_job(instance)
    assert done.returncode == 3
    assert (instance.work / "notes").read_text().splitlines() == [
        f"prolog_srun {job_id}.0 x",
        "task",
        f"epilog_srun {job_id}.0 x",
    ]


def test_program_around_a_step_that_cannot_run_is_told_and_the_step_runs(instance: Instance):
    done = instance.run("srun", "-Q", "--prolog=/nonexistent/p", "--epilog=none", "echo", "ran")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr == "srun: Access denied for /nonexistent/p: No such file or directory\n"


def test_programs_around_each_task_are_found_and_run_as_the_task(instance: Instance):
    program(instance, "before", "echo export ADDED=$SLURM_PROCID; echo print hello")
    program(instance, "after", "echo $SLURM_SCRIPT_CONTEXT $SLURM_PROCID > after$SLURM_PROCID")
    script = "echo $SLURM_PROCID-$ADDED; exit $SLURM_PROCID"
    around = ("--task-prolog=./before", "--task-epilog=./after")
    done = instance.run("srun", "-Q", "-n2", *around, "sh", "-c", script)
    assert done.returncode == 1
    assert sorted(done.stdout.split()) == ["0-0", "1-1", "hello", "hello"]
    for task in (0, 1):
        assert (instance.work / f"after{task}").read_text() == f"epilog_task {task}\n"


def test_failed_program_before_a_task_keeps_it_from_running(instance: Instance):
    path = program(instance, "before", "exit 6")
    done = instance.run("srun", "-Q", f"--task-prolog={path}", "echo", "never")
    assert (done.returncode, done.stdout) == (6, "")
    assert "error: TaskProlog failed status=" in done.stderr
