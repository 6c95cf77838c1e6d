"""提交请求：从选项到数据库函数 `submit` 的键，与 Slurm 的句子。"""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli import context, request
from scns.cli.context import Context
from scns.cli.options import FLAG, STOP, collect, parse
from scns.cli.options_doc import table_of
from scns.errors import InvalidInput, RequestRefused, ScnsError, UsageError

LIMITS = {"NOFILE": [77, 4096], "CORE": [0, -1]}
NOW = 1_900_000_000  # 2030-03-17T17:46:40Z


def around(command: str = "sbatch", **named: Any) -> Context:
    usual: dict[str, Any] = {
        "name": "job.sh",
        "directory": "/home/ann",
        "host": "login",
        "uid": 1000,
        "now": NOW,
        "limits": LIMITS,
        "umask": 0o027,
    }
    return Context(command, **(usual | named))


def build(
    words: str = "",
    directives: str = "",
    command: str = "sbatch",
    environ: dict[str, str] | None = None,
    **named: Any,
) -> dict[str, Any]:
    table = table_of(command)
    parsed = parse(table, shlex.split(words))
    merged = collect(table, parsed, shlex.split(directives), environ or {})
    return request.build(merged, around(command, **named))


def details(words: str, **named: Any) -> Any:
    return build(words, **named)["options"]


def complaint(words: str, **named: Any) -> tuple[list[str], int]:
    with pytest.raises(ScnsError) as caught:
        build(words, **named)
    return caught.value.lines("sbatch"), caught.value.exit_code


# 总有的键


def test_plain_submission_has_the_surroundings_and_nothing_else():
    built = build(
        "job.sh a b",
        script="/home/ann/job.sh",
        arguments=["a", "b"],
        submit_line="sbatch job.sh a b",
    )
    assert built == {
        "name": "job.sh",
        "directory": "/home/ann",
        "batch": True,
        "umask": 0o027,
        "limits": LIMITS,
        "arguments": ["a", "b"],
        "submit_host": "login",
        "submit_line": "sbatch job.sh a b",
        "command": "/home/ann/job.sh",
        "options": {},
    }


def test_request_is_plain_json():
    words = (
        "-n2 -c3 -N1-2 --mem=1G -t 5 --begin=now+1hour -w n[1-2] -x n3 --gres=gpu:2 "
        "--mail-type=ALL --signal=B:USR1@30 -a 0-9%3 --exclusive=user --propagate=NOFILE -S1 -B 2:4"
    )
    built = build(words)
    assert json.loads(json.dumps(built)) == built


def test_script_from_stdin_or_wrap_has_no_command():
    assert "command" not in build("--wrap=true")


@pytest.mark.parametrize(
    ("command", "batch"), [("sbatch", True), ("srun", False), ("salloc", False)]
)
def test_only_sbatch_is_a_batch_job(command, batch):
    assert build(command=command)["batch"] is batch


# 一个选项一个键


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        ("-J 'a b'", "name", "a b"),
        ("-J a -J b", "name", "b"),
        ("-J ''", "name", "job.sh"),
        ("-p short,main", "partition", "short,main"),
        ("-A proj", "account", "proj"),
        ("-q high", "qos", "high"),
        ("--comment='a b'", "comment", "a b"),
        ("-C 'a&b'", "constraint", "a&b"),
        ("-n4", "tasks", 4),
        ("-c2", "cpus_per_task", 2),
        ("--tasks-per-node=3", "tasks_per_node", 3),
        ("--mincpus=4", "mincpus", 4),
        ("-c2 --mincpus=4", "mincpus", 4),
        ("-c6 --mincpus=4", "mincpus", 6),
        ("-c2", "mincpus", 2),
        ("-N3", "nodes_min", 3),
        ("-N3", "nodes_max", 3),
        ("-N1-4", "nodes_max", 4),
        ("--nodes=-3", "nodes_min", 1),
        ("--mem=1G", "memory_per_node", 1024),
        ("--mem=100MB", "memory_per_node", 100),
        ("--mem=1024K", "memory_per_node", 1),
        ("--mem=0", "memory_per_node", 0),
        ("--mem-per-cpu=2g", "memory_per_cpu", 2048),
        ("--mem-per-cpu=0", "memory_per_node", 0),
        ("-t 90", "time_limit", 5400),
        ("-t 0:30", "time_limit", 60),
        ("-t 1-2:3:4", "time_limit", 93840),
        ("-t 0", "time_limit", -1),
        ("-t UNLIMITED", "time_limit", -1),
        ("-t -1", "time_limit", -1),
        ("-t 60 --time-min=10", "time_min", 600),
        ("--nice", "nice", 100),
        ("--nice=-5", "nice", -5),
        ("-O -n4", "overcommit", True),
        ("--requeue", "requeue", True),
        ("--no-requeue", "requeue", False),
        ("-H", "hold", True),
        ("--priority=77", "priority", 77),
        ("--priority=TOP", "priority", 4294967293),
        ("--exclusive", "exclusive", "node"),
        ("--exclusive=user", "exclusive", "user"),
        ("-s", "exclusive", None),
        ("-L matlab:2;disk", "licenses", "matlab:2,disk"),
        ("-a 1-3", "array_indices", "{[1,4)}"),
        ("-a 1-3%2", "array_limit", 2),
        ("-a 1-3", "array_limit", None),
        ("--kill-on-invalid-dep=yes", "kill_on_invalid_dep", True),
        ("-D /tmp", "directory", "/tmp"),
        ("-D d", "directory", "/home/ann/d"),
        ("-o out-%j", "standard_output", "out-%j"),
        ("-e none", "standard_error", "/dev/null"),
        ("-i in", "standard_input", "in"),
        ("-w n[01-02],n01", "node_list", "n[01-02]"),
        ("-w n[01-02],n01", "nodes_min", 2),
        ("-w n1 -N2", "nodes_min", 2),
        ("-x n3", "exclude", "n3"),
        ("--propagate=NOFILE", "limits", {"NOFILE": [77, 4096]}),
        ("--propagate=NONE", "limits", {}),
        ("--propagate", "limits", LIMITS),
        ("--propagate=STACK", "limits", {}),
    ],
)
def test_option_becomes_a_column(words, key, value):
    assert build(words)[key] == value


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        ("-n2", "given", ["tasks"]),
        ("-n2 -c1 --ntasks-per-node=2", "given", ["tasks", "cpus_per_task", "tasks_per_node"]),
        ("-s", "oversubscribe", True),
        ("--exclusive=oversubscribe", "oversubscribe", True),
        ("--contiguous", "contiguous", True),
        ("--spread-job", "spread_job", True),
        ("--use-min-nodes", "use_min_nodes", True),
        ("-k", "no_kill", True),
        ("-koff", "no_kill", False),
        ("--signal=USR1", "signal", 10),
        ("--signal=USR1", "signal_seconds", 60),
        ("--signal=B:TERM@5", "signal_scope", "batch"),
        ("--signal=10@60", "signal_scope", "steps"),
        ("--mail-type=end,BEGIN", "mail_type", ["BEGIN", "END"]),
        ("--mail-type=END --mail-type=FAIL", "mail_type", ["END", "FAIL"]),
        ("--mail-type=NONE", "mail_type", []),
        ("--mail-user=a@b", "mail_user", "a@b"),
        ("--open-mode=append", "open_mode", "append"),
        ("--wckey=w", "wckey", "w"),
        ("--reservation=r", "reservation", "r"),
        ("--tmp=2G", "tmp", 2048),
        ("-a 1,3", "array", "1,3"),
        ("-w n2,n1", "node_names", ["n2", "n1"]),
        ("-x n[3-4]", "exclude_names", ["n3", "n4"]),
        ("-S 1", "core_spec", 1),
        ("-S 1 --thread-spec=2", "thread_spec", 2),
        ("-B 2:*:2", "threads_per_core", 2),
        ("--delay-boot=5", "delay_boot", 300),
        ("--mcs-label=m", "mcs_label", "m"),
        ("--prefer=x", "prefer", "x"),
        ("-m block:cyclic", "distribution", "block:cyclic"),
        ("--ntasks-per-tres=2", "tasks_per_gpu", 2),
        ("-D /tmp", "submit_directory", "/home/ann"),
    ],
)
def test_option_becomes_a_detail(words, key, value):
    assert details(words)[key] == value


def test_later_rival_leaves_nothing_of_the_earlier():
    assert details("-S 1 --thread-spec=2").keys() == {"thread_spec"}
    built = build("-s --exclusive")
    assert (built["exclusive"], built["options"]) == ("node", {})
    assert build("--no-requeue", directives="--requeue")["requeue"] is False


def test_times_are_iso_in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        built = build("--begin=2030-04-01T08:00 --deadline=2030-04-02")
        assert built["begin_time"] == "2030-04-01T00:00:00Z"
        assert built["deadline"] == "2030-04-01T16:00:00Z"
        assert build("--begin=now+60")["begin_time"] == "2030-03-17T17:47:40Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_options_enter_the_environment_of_the_job():
    given_ = details("--open-mode=append -m block --profile=Task --threads-per-core=2")
    assert given_["variables"] == {
        "SLURM_OPEN_MODE": "a",
        "SLURM_DISTRIBUTION": "block",
        "SLURM_PROFILE": "Task",
        "SLURM_THREADS_PER_CORE": "2",
    }


def test_nice_of_the_submitter_is_kept():
    assert details("", process_nice=5) == {"process_nice": 5}


def test_srun_keeps_its_streams_to_itself():
    built = build("-o none -e 2 -i all -W 5 -K1 -l --jobid=7 -n2", command="srun")
    assert not {"standard_output", "standard_error", "standard_input"} & built.keys()
    assert built["tasks"] == 2


def test_root_may_submit_for_others():
    built = build("--uid=65534 --gid=0", uid=0)
    assert (built["for_uid"], built["for_gid"]) == (65534, 0)


# 节点与任务


def test_fewer_tasks_than_nodes_reduce_the_nodes():
    table = table_of("sbatch")
    surroundings = around()
    merged = collect(table, parse(table, ["-n2", "-N3-5"]))
    built = request.build(merged, surroundings)
    assert (built["nodes_min"], built["nodes_max"]) == (2, 2)
    assert surroundings.warnings == [
        "Warning: can't run 2 processes on 3 nodes, setting nnodes to 2"
    ]


def test_more_nodes_than_tasks_are_not_asked_for():
    built = build("-n3 -N2-5")
    assert (built["nodes_min"], built["nodes_max"]) == (2, 3)


def test_node_list_can_be_a_file(tmp_path):
    listed = tmp_path / "nodes"
    listed.write_text("n1  # first\n\n# none\nn[2-3]\n")
    built = build(f"-F {listed}")
    assert built["options"]["node_names"] == ["n1", "n2", "n3"]
    assert built["nodes_min"] == 3
    assert build(f"-x {listed}")["exclude"] == "n[1-3]"
    assert build(f"-F {listed} -w n9")["node_list"] == "n9"


# GPU


@pytest.mark.parametrize(
    ("words", "gres"),
    [
        ("--gres=gpu:2", "gpu:2"),
        ("--gres=gpu:a100:2,shard", "gpu:a100:2,shard:1"),
        ("-G3", "gpu:3"),
        ("-G3 -N2", "gpu:2"),
        ("--gpus-per-node=a100:2", "gpu:a100:2"),
        ("--gpus-per-task=1 -n3", "gpu:3"),
        ("--gpus-per-task=1 --ntasks-per-node=2", "gpu:2"),
        ("--gres=gpu:1 -G2", "gpu:2"),
        ("-n4 --ntasks-per-gpu=2", "gpu:2"),
    ],
)
def test_every_way_of_asking_for_gpus_is_counted_for_one_node(words, gres):
    assert build(words)["gres"] == gres


def test_none_asks_for_no_gres():
    assert "gres" not in build("--gres=none")


def test_other_sizes_follow_the_gpus():
    built = build("-G2 --cpus-per-gpu=3 --mem-per-gpu=1G")
    assert (built["cpus_per_task"], built["memory_per_node"]) == (6, 2048)
    assert built["options"]["memory_per_gpu"] == 1024
    assert build("-G2 --ntasks-per-gpu=2")["tasks"] == 4
    assert build("-G2 -n4 --cpus-per-gpu=3")["cpus_per_task"] == 2
    assert "memory_per_node" not in build("--mem-per-gpu=1G")


@pytest.mark.parametrize("rival", ["gpus-per-task", "ntasks-per-node"])
def test_tasks_per_gpu_have_rivals(rival):
    assert complaint(f"--ntasks-per-gpu=2 --{rival}=1") == (
        [
            f"sbatch: fatal: --{rival} is mutually exclusive with --ntasks-per-gpu and "
            "SLURM_NTASKS_PER_GPU"
        ],
        1,
    )


# 句子


@pytest.mark.parametrize(
    ("words", "lines", "exit_code"),
    [
        ("-n abc", ['error: Invalid numeric value "abc" for --ntasks.'], 1),
        ("-n=2", ['error: Invalid numeric value "=2" for --ntasks.'], 1),
        ("--ntasks=0", ['error: Invalid numeric value "0" for --ntasks.'], 1),
        ("--ntasks=-1", ['error: Invalid numeric value "-1" for --ntasks.'], 1),
        ("--ntasks=1.5", ['error: Invalid numeric value "1.5" for --ntasks.'], 1),
        ("-c ''", ['error: Invalid numeric value "" for --cpus-per-task.'], 1),
        ("--nodes=abc", ['error: "abc" is not a valid node count'], 255),
        ("--nodes=1,2", ['error: "1,2" is not a valid node count'], 255),
        (
            "--nodes=2-1",
            ["error: Maximum node count 1 is less than minimum node count 2"],
            255,
        ),
        ("--mem=1.5G", ["error: Invalid --mem specification"], 255),
        ("--mem=10X", ["error: Invalid --mem specification"], 255),
        ("--mem-per-cpu=abc", ["error: Invalid --mem-per-cpu specification"], 255),
        ("--tmp=x", ["error: Invalid --tmp specification"], 255),
        ("-t abc", ["error: Invalid --time specification"], 255),
        ("-t ''", ["error: Invalid --time specification"], 255),
        ("--time-min=1d", ["error: Invalid --time-min specification"], 255),
        (
            "--begin=never",
            [
                None,
                "error: Invalid --begin specification",
            ],
            255,
        ),
        (
            "--deadline=now+",
            [None, "error: Invalid --deadline specification"],
            255,
        ),
        (
            "--begin=now+2hours --deadline=now+1hour",
            ["error: Incompatible begin and deadline time specification"],
            1,
        ),
        ("--signal=USR1@abc", ["error: Invalid --signal specification"], 255),
        ("--signal=B:", ["error: Invalid --signal specification"], 255),
        ("--mail-type=bogus", ["error: Invalid --mail-type specification"], 255),
        ("--open-mode=bogus", ["error: Invalid --open-mode specification"], 255),
        ("--exclusive=bogus", ["error: Invalid --exclusive specification"], 255),
        ("-m bogus", ["error: Invalid --distribution specification"], 255),
        (
            "--kill-on-invalid-dep=maybe",
            ["error: Invalid --kill-on-invalid-dep specification"],
            255,
        ),
        ("--uid=0", ["error: --uid only permitted by root user"], 255),
        (
            "--nice=2147483646",
            ["error: Invalid --nice value, out of range (+/- 2147483645)"],
            255,
        ),
        (
            "--hint=bogus",
            ['error: unrecognized --hint argument "bogus", see --hint=help'],
            1,
        ),
        (
            "--propagate=BOGUS",
            ["error: Bad rlimit name: BOGUS", "error: --propagate=BOGUS is not valid."],
            1,
        ),
        ("--gres=gpu:", ["error: Invalid generic resource (gres) specification"], 1),
        ("-w 'n['", ["fatal: Invalid node list specified"], 1),
        ("-F /nosuch/file", ["error: Invalid --nodefile node file"], 255),
        (
            "-w ./nosuch",
            [
                "error: slurm_allocate_resources error opening file ./nosuch, "
                "No such file or directory"
            ],
            1,
        ),
        ("-Q -v", ["error: don't specify both --verbose (-v) and --quiet (-Q)"], 1),
        ("--bb=a --bbf=b", ["error: Cannot specify both --burst-buffer and --bbf"], 1),
        ("--wait-all-nodes=2", ["error: Invalid --wait-all-nodes specification"], 255),
    ],
)
def test_bad_value_is_refused_with_slurm_s_sentence(words, lines, exit_code):
    said, code = complaint(words)
    assert said[-1] == f"sbatch: {lines[-1]}"
    assert len(said) == len(lines)
    if lines[0] is None:
        assert said[0].startswith("Invalid time specification (pos=")
    else:
        assert said == [f"sbatch: {line}" for line in lines]
    assert code == exit_code


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("-a 1-", "Invalid job array specification"),
        ("-a x", "Invalid job array specification"),
        ("-L a:b:c", "Invalid license specification"),
        ("-L ''", "Invalid license specification"),
        ("-d afterok", "Job dependency problem"),
        ("-d afterok:abc", "Job dependency problem"),
        (
            "-t 10 --time-min=0",
            "Invalid time-min specification (exceeds job's time or other limits)",
        ),
        (
            "--comment=" + "x" * 1025,
            "Pathname of a file, directory or other parameter too long",
        ),
    ],
)
def test_what_the_controller_would_refuse_is_a_refusal(words, sentence):
    with pytest.raises(RequestRefused) as caught:
        build(words)
    assert caught.value.message == sentence


def test_array_beyond_the_site_s_limit_is_refused():
    assert build("-a 0-9", max_array_size=10)["array_indices"] == "{[0,10)}"
    with pytest.raises(RequestRefused, match="Invalid job array specification"):
        build("-a 0-10", max_array_size=10)


def test_replaced_values_are_checked_too():
    assert complaint("-n2", directives="-n abc")[0] == [
        'sbatch: error: Invalid numeric value "abc" for --ntasks.'
    ]
    assert complaint("-t 5", environ={"SBATCH_TIMELIMIT": "abc"}) == (
        ["sbatch: error: Invalid --time specification"],
        255,
    )


def test_memory_of_the_environment_gives_way():
    built = build("--mem-per-cpu=5", environ={"SBATCH_MEM_PER_NODE": "100"})
    assert built["memory_per_cpu"] == 5
    assert "memory_per_node" not in built
    assert build(environ={"SBATCH_MEM_PER_NODE": "100"})["memory_per_node"] == 100


def test_specialised_cores_are_ignored_with_a_word():
    table = table_of("sbatch")
    surroundings = around()
    request.build(collect(table, parse(table, ["-S", "1"])), surroundings)
    assert surroundings.warnings == [
        "error: Ignoring -S since it's not allowed by configuration (AllowSpecResourcesUsage = No)"
    ]


@pytest.mark.parametrize("words", ["-J \udcff", "--comment=a\udc80"])
def test_text_that_is_no_utf_8_is_refused(words):
    with pytest.raises(InvalidInput, match="is not valid UTF-8 text"):
        build(words)


def test_submit_line_is_shown_even_if_it_is_no_utf_8():
    assert build(submit_line="sbatch \udcff")["submit_line"] == "sbatch ?"
    assert len(build(submit_line="x" * 100_000)["submit_line"]) == 65_536


# 依赖


def test_dependency_becomes_edges():
    built = build("-d afterok:7:8_2,after:9+5")
    assert built["dependency"] == "afterok:7:8_2,after:9+5"
    assert built["dependency_any"] is False
    assert [(edge["kind"], edge["job"]) for edge in built["edges"]] == [
        ("afterok", 7),
        ("afterok", 8),
        ("after", 9),
    ]
    assert built["edges"][1]["task"] == 2
    assert build("-d afterok:7?afterany:8")["dependency_any"] is True


# 周遭


def test_surroundings_are_those_of_the_process():
    found = context.here("sbatch", ["-n2", "job.sh"], name="job.sh", script="/x/job.sh")
    umask = os.umask(0)
    os.umask(umask)
    assert found.umask == umask
    assert found.directory == os.getcwd()
    assert found.uid == os.getuid()
    assert found.submit_line == "sbatch -n2 job.sh"
    assert abs(found.now - time.time()) < 5
    assert set(found.limits) >= {"NOFILE", "CORE", "STACK"}
    assert all(len(pair) == 2 for pair in found.limits.values())
    assert re.fullmatch(r"[^.]+", found.host)


# 任何选项


VALUES = ("", "1", "0", "x", "1:2", "-1", "a,b", "10G", "now", "yes", "n[1-2]", "1" * 40, "é", "/")


@pytest.mark.parametrize("command", ["sbatch", "srun", "salloc"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_options_give_json_or_an_error_of_ours(command, data):
    table = table_of(command)
    rows = sorted(set(table.names.values()))
    words = []
    for row in data.draw(st.lists(st.sampled_from(rows), max_size=5)):
        if row[2] == STOP:
            continue
        value = data.draw(st.one_of(st.sampled_from(VALUES), st.text(max_size=8)))
        words.append(f"--{row[0]}" if row[2] == FLAG else f"--{row[0]}={value}")
    try:
        built = request.build(collect(table, parse(table, words)), around(command))
    except (InvalidInput, UsageError, RequestRefused) as error:
        assert error.lines(command)
    else:
        assert json.loads(json.dumps(built)) == built
