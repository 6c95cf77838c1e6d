"""选项解析：与 glibc 的 getopt_long 一致，三处来源的先后与 Slurm 一致。"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli.help import help_text, usage_text
from scns.cli.options import ALIAS, OPTIONAL, VALUE, Parsed, Table, collect, parse
from scns.cli.options_doc import COMMANDS, table_of
from scns.errors import ScnsError, UsageError

SBATCH = table_of("sbatch")
SQUEUE = table_of("squeue")
SCANCEL = table_of("scancel")
SACCT = table_of("sacct")
SRUN = table_of("srun")


def complaint(command: str, *words: str) -> tuple[list[str], int]:
    with pytest.raises(UsageError) as caught:
        parse(table_of(command), words)
    return caught.value.lines(command), caught.value.exit_code


# 写法


@pytest.mark.parametrize(
    "words",
    [
        ["--ntasks=4"],
        ["--ntasks", "4"],
        ["-n4"],
        ["-n", "4"],
        ["-Hn4"],
        ["-n9", "-n", "4"],
        ["--ntasks=9", "-n4"],
    ],
)
def test_spellings_of_one_value_are_equal(words):
    assert parse(SBATCH, words).chosen["ntasks"] == "4"


def test_attached_equals_sign_is_part_of_a_short_value():
    assert parse(SBATCH, ["-n=2"]).chosen == {"ntasks": "=2"}


def test_long_value_may_be_empty():
    assert parse(SBATCH, ["--cpus-per-task="]).chosen == {"cpus-per-task": ""}


def test_value_is_taken_even_if_it_looks_like_an_option():
    assert parse(SBATCH, ["--job-name", "-n2"]).chosen == {"job-name": "-n2"}
    assert parse(SBATCH, ["-J", "--"]).chosen == {"job-name": "--"}


def test_optional_value_must_be_attached():
    parsed = parse(SBATCH, ["--nice", "--exclusive=user", "-k", "-koff", "job.sh"])
    assert parsed.ordered == [
        ("nice", True),
        ("exclusive", "user"),
        ("no-kill", True),
        ("no-kill", "off"),
    ]
    assert parsed.operands == ["job.sh"]


def test_flags_bundle_and_repeat():
    parsed = parse(SQUEUE, ["-arh", "-vv", "--verbose"])
    assert set(parsed.chosen) == {"all", "array", "noheader", "verbose"}
    assert parsed.count("verbose") == 3


def test_repeated_values_keep_their_order():
    parsed = parse(SACCT, ["-j", "7", "-o", "JobID", "--jobs=8,9", "-X"])
    assert parsed.all("jobs") == ["7", "8,9"]
    assert parsed.chosen["jobs"] == "8,9"
    assert parsed.text("format") == "JobID"
    assert parsed.text("allocations") is None
    assert parsed.text("state") is None


def test_unique_prefix_is_enough():
    parsed = parse(SQUEUE, ["--noh", "--job=5", "--form=%j"])
    assert parsed.chosen == {"noheader": True, "jobs": "5", "format": "%j"}


def test_prefix_of_two_spellings_of_one_option_is_not_ambiguous():
    assert parse(SQUEUE, ["--use=ann"]).chosen == {"user": "ann"}
    assert parse(SCANCEL, ["--clus=all"]).chosen == {"clusters": "all"}
    assert parse(SRUN, ["--cpu-b=q"]).chosen == {"cpu-bind": "q"}


def test_exact_name_wins_over_longer_ones():
    assert parse(SBATCH, ["--mem=1", "--time=2", "--nodes=3"]).chosen == {
        "mem": "1",
        "time": "2",
        "nodes": "3",
    }


def test_other_spellings_mean_the_same_option():
    assert parse(SBATCH, ["--tasks-per-node=2"]).chosen == {"ntasks-per-node": "2"}
    assert parse(SBATCH, ["--cluster=c"]).chosen == {"clusters": "c"}
    assert parse(SCANCEL, ["--jobname=a"]).chosen == {"name": "a"}
    assert parse(SACCT, ["--uid=0", "--fields=JobID"]).chosen == {"user": "0", "format": "JobID"}
    assert parse(SRUN, ["--cpu_bind=cores"]).chosen == {"cpu-bind": "cores"}
    assert parse(SQUEUE, ["-U", "a"]).chosen == {"account": "a"}


# 操作数


def test_options_after_the_script_belong_to_the_script():
    parsed = parse(SBATCH, ["-n2", "job.sh", "a", "b c", "-n", "3"])
    assert parsed.operands == ["job.sh", "a", "b c", "-n", "3"]
    assert parsed.chosen == {"ntasks": "2"}


def test_two_hyphens_end_the_options():
    assert parse(SBATCH, ["-H", "--", "job.sh", "-n4"]).operands == ["job.sh", "-n4"]
    assert parse(SCANCEL, ["--", "-5"]).operands == ["-5"]
    assert parse(SCANCEL, ["1", "--", "-v", "2"]).operands == ["1", "-v", "2"]


def test_other_commands_take_options_after_operands():
    parsed = parse(SCANCEL, ["42", "--signal", "USR2", "43"])
    assert (parsed.chosen, parsed.operands) == ({"signal": "USR2"}, ["42", "43"])
    parsed = parse(table_of("scontrol"), ["show", "job", "-o", "7"])
    assert (parsed.chosen, parsed.operands) == ({"oneliner": True}, ["show", "job", "7"])


def test_hyphen_alone_is_an_operand():
    assert parse(SCANCEL, ["-"]).operands == ["-"]


def test_squeue_takes_the_job_list_from_the_first_operand():
    parsed = parse(SQUEUE, ["-j", "42,43", "-h", "-o", "%i"])
    assert (parsed.text("jobs"), parsed.operands) == ("42,43", [])
    parsed = parse(SQUEUE, ["--steps", "42.0"])
    assert (parsed.text("steps"), parsed.operands) == ("42.0", [])
    parsed = parse(SQUEUE, ["-j", "1", "2"])
    assert (parsed.text("jobs"), parsed.operands) == ("1", ["2"])
    assert parse(SQUEUE, ["stray"]).operands == ["stray"]
    assert parse(SQUEUE, ["-j"]).chosen == {"jobs": True}


# 用法错误


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--nosuch", "job.sh"], "unrecognized option '--nosuch'"),
        (["--nosuch=1"], "unrecognized option '--nosuch=1'"),
        (["--immediate"], "unrecognized option '--immediate'"),
        (["-l"], "invalid option -- 'l'"),
        (["-Hy"], "invalid option -- 'y'"),
        (["--job-name"], "option '--job-name' requires an argument"),
        (["--job-n"], "option '--job-name' requires an argument"),
        (["-J"], "option requires an argument -- 'J'"),
        (["-HJ"], "option requires an argument -- 'J'"),
        (["--hold=yes"], "option '--hold' doesn't allow an argument"),
        (["--tasks-per-node"], "option '--tasks-per-node' requires an argument"),
        (
            ["--n=1"],
            "option '--n=1' is ambiguous; possibilities: '--network' '--nice' '--no-kill' "
            "'--no-requeue' '--nodefile' '--nodelist' '--nodes' '--ntasks' '--ntasks-per-core' "
            "'--ntasks-per-gpu' '--ntasks-per-node' '--ntasks-per-socket' '--ntasks-per-tres'",
        ),
        (
            ["--ho"],
            None,
        ),
    ],
)
def test_sbatch_says_what_getopt_says(words, sentence):
    if sentence is None:
        assert parse(SBATCH, words).chosen == {"hold": True}
        return
    assert complaint("sbatch", *words) == (
        [f"sbatch: {sentence}", 'Try "sbatch --help" for more information'],
        255,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_exit_code_and_hint_depend_on_the_command(command):
    lines, exit_code = complaint(command, "--nosuch")
    assert lines[0] == f"{command}: unrecognized option '--nosuch'"
    assert exit_code == (255 if command in ("sbatch", "srun", "salloc") else 1)
    hint = [] if command in ("sacct", "sstat") else [f'Try "{command} --help" for more information']
    assert lines[1:] == hint


def test_sacct_rejects_a_stray_negative_number():
    lines, exit_code = complaint("sacct", "-nu", "ann", "-o", "Account%256", "|", "tail", "-1")
    assert (lines, exit_code) == (["sacct: invalid option -- '1'"], 1)


def test_help_stops_the_parsing():
    assert parse(SBATCH, ["-n2", "--help", "--nosuch"]).chosen == {"ntasks": "2", "help": True}
    assert parse(SBATCH, ["-Vy"]).chosen == {"version": True}
    assert complaint("sbatch", "--nosuch", "--help")[1] == 255


# 来源


def merged(command: str, words: str = "", directives: str = "", **environ: str) -> Parsed:
    table = table_of(command)
    return collect(table, parse(table, words.split()), directives.split(), environ)


def test_command_line_beats_environment_beats_directive():
    assert merged("sbatch", directives="-J dir").chosen == {"job-name": "dir"}
    assert merged("sbatch", "", "-J dir", SBATCH_JOB_NAME="env").chosen == {"job-name": "env"}
    assert merged("sbatch", "-J cli", "-J dir", SBATCH_JOB_NAME="env").chosen == {"job-name": "cli"}


def test_sources_are_processed_in_slurm_s_order():
    both = merged("sbatch", "-n3 job.sh", "-n1 --exclusive", SBATCH_PARTITION="p")
    assert both.ordered == [
        ("ntasks", "1"),
        ("exclusive", True),
        ("partition", "p"),
        ("ntasks", "3"),
    ]
    assert both.operands == ["job.sh"]


@pytest.mark.parametrize("value", ["", "1", "0", "no"])
def test_variable_that_switches_a_flag_need_only_exist(value):
    assert merged("sbatch", SBATCH_WAIT=value).chosen == {"wait": True}
    assert merged("squeue", SQUEUE_ARRAY=value).chosen == {"array": True}
    assert merged("srun", SLURM_LABELIO=value).chosen == {"label": True}


def test_variable_of_an_optional_value_may_be_empty():
    assert merged("sbatch", SBATCH_EXCLUSIVE="").chosen == {"exclusive": True}
    assert merged("sbatch", SBATCH_EXCLUSIVE="user").chosen == {"exclusive": "user"}


def test_debug_variable_is_the_number_of_v():
    assert merged("sbatch", SBATCH_DEBUG="2").count("verbose") == 2
    assert merged("sbatch", "-v", SBATCH_DEBUG="1").count("verbose") == 2
    assert merged("srun", SLURM_DEBUG="0").chosen == {}
    assert merged("scancel", SCANCEL_VERBOSE="true").count("verbose") == 1
    assert merged("sbatch", SBATCH_DEBUG="9" * 5000).count("verbose") == 1


def test_variables_of_other_commands_do_not_count():
    assert merged("sbatch", SLURM_NTASKS="4", SBATCH_COMMENT="c", SALLOC_GRES="g").chosen == {}
    assert merged("srun", SLURM_NPROCS="3", SLURM_NTASKS="4").chosen == {"ntasks": "4"}


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("--requeue", "--no-requeue", "no-requeue"),
        ("--no-requeue", "--requeue", "requeue"),
        ("--exclusive", "-s", "oversubscribe"),
        ("-s", "--exclusive=user", "exclusive"),
        ("-F nodes", "-w n1", "nodelist"),
        ("-S 1", "--thread-spec=2", "thread-spec"),
    ],
)
def test_rival_options_replace_each_other(first, second, kept):
    assert set(merged("sbatch", f"{first} {second}").chosen) == {kept}
    assert set(merged("sbatch", second, first).chosen) == {kept}


def test_environment_can_be_rivalled_by_the_command_line():
    assert merged("sbatch", "--requeue", SBATCH_NO_REQUEUE="1").chosen == {"requeue": True}
    assert merged("squeue", "--me", SQUEUE_USERS="bob").chosen == {"me": True}


def test_own_format_hides_the_one_from_the_environment():
    assert merged("squeue", SQUEUE_FORMAT="%i").text("format") == "%i"
    assert merged("squeue", "-l", SQUEUE_FORMAT="%i").chosen == {"long": True}
    assert merged("squeue", "-O name", SQUEUE_FORMAT="%i").chosen == {"Format": "name"}
    assert merged("squeue", SQUEUE_FORMAT="%i", SQUEUE_FORMAT2="name").chosen == {"format": "%i"}
    assert merged("sacct", "-b", SACCT_FORMAT="state").chosen == {"brief": True}
    assert merged("sinfo", "-s", SINFO_FORMAT="%P").chosen == {"summarize": True}


EXCLUSIVE_MEMORY = "sbatch: fatal: --mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive."


@pytest.mark.parametrize(
    ("words", "directives"),
    [
        ("--mem-per-cpu=50 --mem=100", ""),
        ("--mem=100", "--mem-per-cpu=50"),
        ("", "--mem=100 --mem-per-gpu=50"),
    ],
)
def test_two_kinds_of_memory_are_refused(words, directives):
    with pytest.raises(UsageError) as caught:
        merged("sbatch", words, directives)
    assert (caught.value.lines("sbatch"), caught.value.exit_code) == ([EXCLUSIVE_MEMORY], 1)


def test_written_memory_replaces_that_of_the_environment():
    assert merged("sbatch", "--mem=1G", SBATCH_MEM_PER_CPU="5").chosen == {"mem": "1G"}
    assert merged("sbatch", "", "--mem=1G", SBATCH_MEM_PER_CPU="5").chosen == {"mem": "1G"}
    assert merged("srun", "--mem-per-cpu=5", SLURM_MEM_PER_NODE="9").chosen == {"mem-per-cpu": "5"}


def test_two_kinds_of_memory_in_the_environment_are_refused():
    with pytest.raises(UsageError) as caught:
        merged("sbatch", SBATCH_MEM_PER_CPU="5", SBATCH_MEM_PER_NODE="9")
    assert caught.value.lines("sbatch") == [
        "sbatch: fatal: SLURM_MEM_PER_CPU, SLURM_MEM_PER_GPU, and SLURM_MEM_PER_NODE are "
        "mutually exclusive."
    ]


def test_word_that_is_no_option_in_a_directive_is_an_error():
    with pytest.raises(UsageError) as caught:
        merged("sbatch", "", "-n2 foo")
    assert caught.value.lines("sbatch") == [
        "sbatch: error: Invalid directive found in batch script: foo"
    ]
    assert caught.value.exit_code == 255


def test_directives_cannot_ask_for_help_or_wrap():
    quiet = merged("sbatch", "", "--help -Q -v --wrap=x -V -n2")
    assert quiet.chosen == {"ntasks": "2"}


def test_directive_takes_the_next_word_as_its_value():
    assert merged("sbatch", "", "--job-name -n2").chosen == {"job-name": "-n2"}


@pytest.mark.parametrize(
    ("command", "words", "sentence"),
    [
        ("sbatch", "--container=/x", "jobs do not run in OCI containers"),
        ("sbatch", "--reboot", "nodes are not rebooted for a job"),
        ("srun", "--x11 true", "X11 connections are not forwarded"),
        ("srun", "-Z true", "every step needs an allocation"),
        ("scancel", "--sibling=c 1", "there are no federated clusters"),
        ("sacct", "-c", "there is no job completion log"),
    ],
)
def test_refused_option_says_why(command, words, sentence):
    with pytest.raises(UsageError) as caught:
        merged(command, words)
    (line,) = caught.value.lines(command)
    assert line.startswith(f"{command}: error: --")
    assert line.endswith(sentence)
    assert caught.value.exit_code == table_of(command).exit_code


# 帮助


def test_usage_of_sbatch_starts_as_slurm_s():
    lines = usage_text(SBATCH).split("\n")
    assert lines[0] == "Usage: sbatch [-N nnodes] [-n ntasks]"
    assert all(len(line) <= 80 for line in lines)
    assert "[--array=LIST[%N]]" in usage_text(SBATCH)


def test_usage_of_squeue_is_slurm_s():
    assert usage_text(SQUEUE) == (
        "Usage: squeue [-A account] [--clusters names] [-i seconds] [--job jobid]\n"
        "              [-n name] [-o format] [-p partitions] [--qos qos]\n"
        "              [--reservation reservation] [--sort fields] [--start]\n"
        "              [--step step_id] [-t states] [-u user_name] [--usage]\n"
        "              [-L licenses] [-w nodes] [--federation] [--local] [--sibling]\n"
        "\t      [-ahjlrsv]\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option(command):
    table = table_of(command)
    text = help_text(table)
    assert text.startswith(table.help_line + "\n")
    for row in table.rows:
        if row[2] != ALIAS:
            assert f"--{row[0]}" in text


def test_help_of_sbatch_looks_like_slurm_s():
    lines = help_text(SBATCH).split("\n")
    assert lines[0] == "Usage: sbatch [OPTIONS(0)...] [ : [OPTIONS(N)...]] script(0) [args(0)...]"
    assert lines[1:3] == ["", "Parallel run options:"]
    assert "  -n, --ntasks=N              count of tasks" in lines
    assert "  -h, --help                  show this help message" in lines
    assert "  -s, --oversubscribe         may share the CPUs (no effect)" in lines


# 与 glibc 对照


class _Option(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("has_arg", ctypes.c_int),
        ("flag", ctypes.c_void_p),
        ("val", ctypes.c_int),
    )


class Glibc:
    """真的 getopt_long，经 ctypes 调用。"""

    def __init__(self, table: Table) -> None:
        self.libc = ctypes.CDLL(None)
        self.table = table
        numbers = {id(row): at + 1000 for at, row in enumerate(table.rows)}
        self.of_number = {number: table.rows[number - 1000] for number in numbers.values()}
        entries = [
            (name.encode(), self._has_arg(row), None, numbers[id(row)])
            for name, row in table.names.items()
        ]
        self.longs = (_Option * (len(entries) + 1))(*[_Option(*entry) for entry in entries])
        letters = "".join(
            letter + ":" * self._has_arg(row) for letter, row in table.letters.items()
        )
        self.letters = (("" if table.permute else "+") + letters).encode()

    @staticmethod
    def _has_arg(row: Any) -> int:
        return {VALUE: 1, OPTIONAL: 2}.get(row[2], 0)

    def parse(self, words: list[str]) -> tuple[list[tuple[str, Any]], list[str] | None, str]:
        """返回各选项、操作数（有错时为 None）与 stderr。"""
        argv = [b"CMD", *(word.encode() for word in words)]
        array = (ctypes.c_char_p * (len(argv) + 1))(*argv, None)
        ctypes.c_int.in_dll(self.libc, "optind").value = 0
        found: list[tuple[str, Any]] = []
        with tempfile.TemporaryFile() as said:
            saved = os.dup(2)
            os.dup2(said.fileno(), 2)
            try:
                failed = self._loop(len(argv), array, found)
            finally:
                os.dup2(saved, 2)
                os.close(saved)
            said.seek(0)
            message = said.read().decode()
        place = ctypes.c_int.in_dll(self.libc, "optind").value
        operands = [item.decode() for item in array[place : len(argv)]]
        return found, None if failed else operands, message

    def _loop(self, count: int, array: Any, found: list[tuple[str, Any]]) -> bool:
        while True:
            got = self.libc.getopt_long(count, array, self.letters, self.longs, None)
            if got == -1:
                return False
            if got == ord("?"):
                return True
            row = self.of_number[got] if got >= 1000 else self.table.letters[chr(got)]
            value = ctypes.c_char_p.in_dll(self.libc, "optarg").value
            found.append((row[0], True if value is None else value.decode()))


GLIBC = {name: Glibc(table_of(name)) for name in ("sbatch", "squeue", "sacct", "scancel")}


def words_for(table: Table) -> st.SearchStrategy[list[str]]:
    name = st.sampled_from(sorted(table.names))
    cut = st.integers(1, 20)
    value = st.sampled_from(["", "1", "x y", "-5", "--", "=", "a=b"])
    long = st.builds(lambda name, cut: "--" + name[:cut], name, cut)
    letters = st.text(st.sampled_from([*table.letters, "y", ":", "-"]), min_size=1, max_size=3)
    short = letters.map(lambda text: "-" + text)
    word = st.one_of(
        long,
        st.builds(lambda name: f"--{name}", name),
        st.builds(lambda long, value: f"{long}={value}", long, value),
        short,
        st.builds(lambda short, value: short + value, short, value),
        value,
        st.sampled_from(["-", "--", "job.sh", "42"]),
    )
    return st.lists(word, max_size=6)


@pytest.mark.parametrize("command", sorted(GLIBC))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_parser_agrees_with_glibc(command, data):
    table = table_of(command)
    words = data.draw(words_for(table))
    found, operands, message = GLIBC[command].parse(words)
    plain = Table("CMD", table.rows, help_line="", usage="", permute=table.permute, try_line=False)
    try:
        parsed = parse(plain, words, stop=False)
    except UsageError as error:
        assert operands is None
        assert "\n".join(error.lines("CMD")) + "\n" == message
    else:
        assert (parsed.ordered, parsed.operands) == (found, operands)


@pytest.mark.parametrize("command", COMMANDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_words_give_options_or_an_error_of_ours(command, data):
    table = table_of(command)
    line = st.lists(st.text(max_size=12), max_size=5)
    words = data.draw(st.one_of(line, words_for(table)))
    directives = data.draw(line)
    try:
        parsed = collect(table, parse(table, words), directives, {"SBATCH_DEBUG": "x"})
    except ScnsError as error:
        assert error.lines(command)
    else:
        assert set(parsed.chosen) <= {name for name, _ in parsed.ordered}
        assert set(parsed.chosen) <= set(table.names)


# 分量


def test_hot_command_loads_only_its_own_table_and_no_heavy_module():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import scns.errors; before = {*sys.modules};"
        "from scns.cli.tables.sbatch import TABLE; from scns.cli.options import parse;"
        "parse(TABLE, ['-n2', 'job.sh']);"
        "print(*sorted({*sys.modules} - before))"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    output = subprocess.run(
        [sys.executable, "-IS", "-c", code, root], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [name for name in output if name != "__future__"] == [
        "scns.cli",
        "scns.cli.options",
        "scns.cli.tables",
        "scns.cli.tables.allocation",
        "scns.cli.tables.sbatch",
    ]
