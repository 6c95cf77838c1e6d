"""scns.conf 里的 Prolog 与 Epilog，在一个真的实例上。"""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.conftest import SITE, command, make_instance, node_name, remove
from tests.conftest import wait_until


def program(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_prolog_and_epilog_of_the_configuration_run_and_a_failure_drains_the_node():
    instance = make_instance()
    try:
        notes = instance.work / "notes"
        prolog = program(
            instance.home / "prolog",
            f"echo prolog $SLURM_JOB_PARTITION $SLURM_CLUSTER_NAME >> {notes}\n"
            f"[ ! -e {notes}.bad ]",
        )
        epilog = program(
            instance.home / "epilog",
            f"echo epilog $SLURM_JOB_NAME $SLURM_JOB_EXIT_CODE2 >> {notes}",
        )
        (instance.home / "scns.conf").write_text(
            SITE.format(node=node_name())
            + f"Prolog={prolog}\nEpilog={epilog}\nPrologEpilogTimeout=20\n"
        )
        instance.ok("up")
        job = instance.submit(f"echo script >> {notes}; exit 3", "-J", "named")
        instance.wait_state(job, "FAILED")
        expected = ["prolog main bench", "script", "epilog named 3:0"]
        assert notes.read_text().splitlines() == expected

        Path(f"{notes}.bad").touch()
        held = instance.submit(f"echo never >> {notes}")
        show = ("squeue", "-h", "-o", "%T (%r)", "-j", str(held))
        reason = "PENDING (launch failed requeued held)"
        wait_until(lambda: instance.ok(*show).strip() == reason, 30, "the job to be held")
        node = instance.ok("scontrol", "show", "node", node_name())
        assert "+DRAIN" in node
        assert "Reason=Prolog error" in node

        Path(f"{notes}.bad").unlink()
        instance.ok("scontrol", "update", f"nodename={node_name()}", "state=resume")
        instance.ok("scontrol", "release", str(held))
        instance.wait_state(held, "COMPLETED")
        assert notes.read_text().splitlines().count("never") == 1
    finally:
        remove(instance)


def test_task_programs_of_the_configuration_run_around_the_script_and_each_task():
    instance = make_instance()
    try:
        notes = instance.work / "notes"
        say = f"echo $SLURM_SCRIPT_CONTEXT $SLURM_JOB_ID $SLURM_PROCID >> {notes}"
        before = program(instance.home / "before", f"{say}; echo export ADDED=x")
        after = program(instance.home / "after", say)
        (instance.home / "scns.conf").write_text(
            SITE.format(node=node_name()) + f"TaskProlog={before}\nTaskEpilog={after}\n"
        )
        instance.ok("up")
        words = " ".join(command())
        job = instance.submit(f'{words} srun sh -c "exit 4"; echo $? $ADDED > code', "-o", "out")
        instance.wait_state(job, "COMPLETED")
        assert (instance.work / "code").read_text() == "4 x\n"
        around = [f"prolog_task {job} 0", f"epilog_task {job} 0"]
        assert notes.read_text().splitlines() == [around[0], *around, around[1]]
        assert "TaskEpilog" not in instance.run("doctor").stdout
        assert instance.ok("sacct", "-n", "-P", "-j", str(job), "-o", "ExitCode").split() == [
            "0:0",
            "0:0",
            "4:0",
        ]
    finally:
        remove(instance)
