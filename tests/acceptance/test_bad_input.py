"""坏输入：Slurm 有句子的用它的句子，退出码非零，什么也没有留下。"""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Instance, make_instance


def jobs(instance: Instance) -> int:
    [(count,)] = instance.sql("SELECT count(*) FROM scns.job")
    return int(count)


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (["nosuch.sh"], "sbatch: error: Unable to open file nosuch.sh", 1),
        (["plain.sh"], "sbatch: error: This does not look like a batch script.  The first", 1),
        (["empty.sh"], "sbatch: error: Batch script is empty!", 1),
        (["dos.sh"], "sbatch: error: Batch script contains DOS line breaks", 1),
        (["nul.sh"], "sbatch: error: The Slurm controller does not allow scripts that", 1),
        (["huge.sh"], "Pathname of a file, directory or other parameter too long", 1),
        (["--nosuch", "ok.sh"], "sbatch: unrecognized option '--nosuch'", 255),
        (["-t", "1h", "ok.sh"], "sbatch: error: Invalid --time specification", 255),
        (["-n", "abc", "ok.sh"], 'sbatch: error: Invalid numeric value "abc" for --ntasks.', 1),
        (["-p", "nosuch", "ok.sh"], "Invalid partition name specified", 1),
        (["-w", "nosuch", "ok.sh"], "Invalid node name specified", 1),
        (["--mem=2T", "ok.sh"], "Memory specification can not be satisfied", 1),
        (["-d", "afterok:x", "ok.sh"], "Job dependency problem", 1),
        (["-a", "5-", "ok.sh"], "Invalid job array specification", 1),
    ],
    ids=lambda value: str(value)[:40],
)
def test_sbatch_refuses_and_stores_nothing(instance: Instance, words, sentence, code):
    contents = {
        "ok.sh": b"#!/bin/sh\ntrue\n",
        "plain.sh": b"echo no shebang\n",
        "empty.sh": b"",
        "dos.sh": b"#!/bin/sh\r\ntrue\r\n",
        "nul.sh": b"#!/bin/sh\n\0\n",
        "huge.sh": b"#!/bin/sh\n" + b"#" * (5 << 20),
    }
    for name, body in contents.items():
        (instance.work / name).write_bytes(body)
    before = jobs(instance)
    done = instance.run("sbatch", *words)
    assert sentence in done.stderr
    assert done.returncode == code
    assert done.stdout == ""
    assert jobs(instance) == before


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (["squeue", "-j", "abc"], "squeue: error: Invalid job id: abc", 1),
        (["squeue", "-j", "99999999"], "slurm_load_jobs error: Invalid job id specified", 1),
        (["scancel"], "scancel: error: No job identification provided", 1),
        (["scancel", "abc"], "scancel: error: Invalid job id abc", 1),
        (["scontrol", "hold", "99999999"], "Invalid job id specified for job 99999999", 1),
        (["scontrol", "bogus"], "invalid keyword: bogus", 1),
        (["sacct", "-o", "bogus"], 'sacct: error: Invalid field requested: "bogus"', 1),
        (["sinfo", "--nosuch"], "sinfo: unrecognized option '--nosuch'", 1),
    ],
    ids=lambda value: str(value)[:40],
)
def test_other_commands_refuse_with_slurms_sentence(instance: Instance, words, sentence, code):
    done = instance.run(*words)
    assert sentence in done.stderr
    assert done.returncode == code


def test_commands_without_a_server_say_how_to_start_one():
    made = make_instance()
    try:
        for name in ("sbatch", "squeue", "sinfo", "sacct"):
            done = made.run(name, *(["--wrap", "true"] if name == "sbatch" else []))
            assert done.returncode == 1
            assert "start it with 'scns up'" in done.stderr
            assert "Traceback" not in done.stderr
    finally:
        made.stop()
        import shutil

        shutil.rmtree(made.work.parent)


def test_wrong_schema_is_named(own_instance: Instance):
    own_instance.sql("ALTER VIEW scns.queue RENAME TO queue_of_tomorrow")
    done = own_instance.run("squeue")
    assert done.returncode == 1
    assert "schema does not match" in done.stderr
    own_instance.sql("ALTER VIEW scns.queue_of_tomorrow RENAME TO queue")


def test_unknown_configuration_key_is_named_with_file_and_line():
    made = make_instance()
    conf = made.home / "scns.conf"
    conf.write_text(conf.read_text() + "Nosuchkey=1\n")
    try:
        done = made.run("up")
        assert done.returncode == 1
        assert f"{conf}:" in done.stderr
        assert "Nosuchkey" in done.stderr
        assert not (made.home / "data").exists()
    finally:
        made.stop()
        import shutil

        shutil.rmtree(made.work.parent)
