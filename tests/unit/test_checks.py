"""选项值的检查：句子与退出码照 Slurm。"""

from __future__ import annotations

import os
import pwd
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli import checks
from scns.cli.gres import format_gres, parse_gpus, parse_gres, per_node
from scns.errors import InvalidInput


def refusal(check: Any, *arguments: Any, **named: Any) -> tuple[list[str], int]:
    with pytest.raises(InvalidInput) as caught:
        check(*arguments, **named)
    return caught.value.lines("sbatch"), caught.value.exit_code


def invalid(option: str) -> tuple[list[str], int]:
    return [f"sbatch: error: Invalid {option} specification"], 255


# nice 与 priority


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, 100),
        ("0", 0),
        ("5", 5),
        ("-7", -7),
        ("+8", 8),
        ("abc", 0),
        ("12x", 12),
        ("", 0),
        ("2147483645", 2147483645),
        ("-2147483645", -2147483645),
    ],
)
def test_nice_reads_a_leading_number(text, value):
    assert checks.nice(text) == value


@pytest.mark.parametrize("text", ["2147483646", "-2147483646", "9" * 5000])
def test_nice_out_of_range_is_refused(text):
    assert refusal(checks.nice, text) == (
        ["sbatch: error: Invalid --nice value, out of range (+/- 2147483645)"],
        255,
    )


def test_priority_is_a_number_or_top():
    assert checks.priority("77") == 77
    assert checks.priority("top") == 4294967293
    assert checks.priority("abc") == 0
    assert refusal(checks.priority, "-1") == (["sbatch: error: Priority must be >= 0"], 255)
    assert refusal(checks.priority, "4294967294")[0] == [
        "sbatch: error: Priority must be < 4294967294"
    ]


# 词


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("NONE", set()),
        ("END", {"END"}),
        ("begin,end", {"BEGIN", "END"}),
        ("TIME_LIMIT_80", {"TIME_LIMIT_80"}),
        ("BEGIN,bogus", {"BEGIN"}),
        ("FAIL,NONE,END", set()),
        ("ALL", {"INVALID_DEPEND", "BEGIN", "END", "FAIL", "REQUEUE", "STAGE_OUT"}),
        ("ARRAY_TASKS,FAIL", {"ARRAY_TASKS", "FAIL"}),
    ],
)
def test_mail_types_skip_unknown_words_among_known_ones(text, events):
    assert checks.mail_types(text) == events


@pytest.mark.parametrize("text", ["bogus", "", ",", "TIME_LIMIT_81"])
def test_mail_types_of_no_known_word_are_refused(text):
    assert refusal(checks.mail_types, text) == invalid("--mail-type")


def test_open_mode_looks_at_the_first_letter():
    assert [checks.open_mode(text) for text in ("append", "A", "truncate", "Tx")] == [
        "append",
        "append",
        "truncate",
        "truncate",
    ]
    for text in ("bogus", "", "0"):
        assert refusal(checks.open_mode, text) == invalid("--open-mode")


def test_exclusive_has_four_words():
    words = (None, "exclusive", "USER", "mcs", "oversubscribe")
    assert [checks.exclusive(text) for text in words] == ["node", "node", "user", "mcs", "shared"]
    assert refusal(checks.exclusive, "maybe") == invalid("--exclusive")
    assert refusal(checks.exclusive, "") == invalid("--exclusive")


def test_yes_or_no_is_nothing_else():
    assert checks.yes_or_no("YES", "--kill-on-invalid-dep") is True
    assert checks.yes_or_no("no", "--kill-on-invalid-dep") is False
    assert refusal(checks.yes_or_no, "maybe", "--kill-on-invalid-dep") == invalid(
        "--kill-on-invalid-dep"
    )


def test_no_kill_can_be_switched_off():
    assert [checks.no_kill(text) for text in (None, "set", "off", "NO")] == [
        True,
        True,
        False,
        False,
    ]
    assert refusal(checks.no_kill, "1") == invalid("--no-kill")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, checks.LIMITS),
        ("all", checks.LIMITS),
        ("NONE", ()),
        ("NOFILE", ("NOFILE",)),
        ("nofile,RLIMIT_CORE", ("NOFILE", "CORE")),
        ("AS STACK", ("AS", "STACK")),
    ],
)
def test_propagated_limits_are_named(text, names):
    assert checks.limit_names(text) == names


def test_unknown_limit_is_named_in_two_lines():
    assert refusal(checks.limit_names, "NOFILE,BOGUS") == (
        [
            "sbatch: error: Bad rlimit name: BOGUS",
            "sbatch: error: --propagate=NOFILE,BOGUS is not valid.",
        ],
        1,
    )


@pytest.mark.parametrize(
    "text",
    [
        "block",
        "cyclic:fcyclic",
        "Block:Cyclic:Block",
        "*:*",
        "arbitrary",
        "plane=4",
        "pack",
        "block:block,NoPack",
        "arbitrary,pack",
    ],
)
def test_distribution_is_kept_as_written(text):
    assert checks.distribution(text) == text


@pytest.mark.parametrize(
    "text", ["bogus", "", ",pack", "block:bogus", "block:block:block:block", "pack,pack", "block,x"]
)
def test_distribution_of_unknown_words_is_refused(text):
    assert refusal(checks.distribution, text) == invalid("--distribution")


def test_plane_needs_a_size():
    assert checks.distribution("plane", "3") == "plane"
    for text in ("plane", "plane=", "plane=0", "plane=x", "plane=-1"):
        assert refusal(checks.distribution, text) == (
            [
                "sbatch: error: Invalid plane size or size not specified",
                "sbatch: error: Invalid --distribution specification",
            ],
            255,
        )


def test_hint_names_the_word_it_does_not_know():
    assert checks.hint("NoMultithread") == "NoMultithread"
    assert refusal(checks.hint, "bogus") == (
        ['sbatch: error: unrecognized --hint argument "bogus", see --hint=help'],
        1,
    )


@pytest.mark.parametrize(
    "text",
    [
        "q",
        "verbose,cores",
        "none",
        "map_cpu:0,1,2",
        "mask_cpu:0x3,0xc",
        "rank_ldom",
        "v,mask_ldom:0x1,0x2,q",
    ],
)
def test_cpu_bind_knows_words_and_lists(text):
    assert checks.cpu_bind(text) == text


@pytest.mark.parametrize(("text", "word"), [("bogus", "bogus"), ("q,1,2", "1"), ("", "")])
def test_cpu_bind_names_the_word_it_does_not_know(text, word):
    assert refusal(checks.cpu_bind, text) == (
        [f'sbatch: error: unrecognized --cpu-bind argument "{word}", see --cpu-bind=help'],
        1,
    )


def test_mem_bind_is_a_usage_error():
    assert checks.mem_bind("local,sort") == "local,sort"
    assert checks.mem_bind("map_mem:0,1") == "map_mem:0,1"
    assert refusal(checks.mem_bind, "cores")[1] == 255


def test_small_words_are_checked():
    assert checks.gres_flags("Enforce-Binding") == "enforce-binding"
    assert refusal(checks.gres_flags, "x") == invalid("--gres-flags")
    assert checks.profile("Task,Energy") == "Task,Energy"
    assert refusal(checks.profile, "x") == (["sbatch: error: invalid --profile=x option"], 255)


@pytest.mark.parametrize("text", ["30", "task=30", "Task=1,energy=0", "network=5,filesystem=6"])
def test_accounting_frequency_is_kept_as_written(text):
    assert checks.acctg_freq(text) == text


@pytest.mark.parametrize(
    ("text", "word"), [("x", "x"), ("task=", "task="), ("task=1,gpu=2", "gpu=2"), ("", "")]
)
def test_accounting_frequency_names_what_is_wrong(text, word):
    assert refusal(checks.acctg_freq, text) == (
        [f"sbatch: error: Invalid --acctg-freq specification: {word}"],
        255,
    )


@pytest.mark.parametrize("text", ["low", "2400000", "Low-High", "1-2:OnDemand", "Performance"])
def test_cpu_frequency_is_kept_as_written(text):
    assert checks.cpu_freq(text) == text


@pytest.mark.parametrize("text", ["", "fast", "low-", "low-high:x", "performance-high"])
def test_cpu_frequency_is_checked(text):
    assert refusal(checks.cpu_freq, text) == (
        ["sbatch: error: Invalid --cpu-freq argument"],
        255,
    )


@pytest.mark.parametrize(
    ("check", "option"),
    [(checks.hint, "--hint"), (checks.cpu_bind, "--cpu-bind"), (checks.mem_bind, "--mem-bind")],
)
def test_help_lists_the_words(check, option):
    lines, exit_code = refusal(check, "help")
    assert lines[0].startswith(f"Words of {option}")
    assert exit_code == 1
    assert refusal(check, "help,bogus")[0] == lines


# 数


def test_switches_are_a_positive_number():
    assert checks.switches("1") == "1"
    assert checks.switches("2@10:00") == "2@10:00"
    assert refusal(checks.switches, "0@1") == (
        ['sbatch: error: Invalid numeric value "0" for --switches.'],
        1,
    )


def test_extra_node_info_has_up_to_three_parts():
    assert checks.extra_node_info("2") == (2, None, None)
    assert checks.extra_node_info("*:4") == (None, 4, None)
    assert checks.extra_node_info("1-2:*:2") == (1, None, 2)
    assert refusal(checks.extra_node_info, "2:x") == (
        ['sbatch: error: Invalid numeric value "x" for second arg of -B.'],
        1,
    )
    assert refusal(checks.extra_node_info, "1:2:3:4")[0] == [
        'sbatch: error: Invalid numeric value "3:4" for third arg of -B.'
    ]


def test_get_user_env_has_a_mode():
    values = {None: None, "": None, "10": None, "10S": "S", "l": "L"}
    assert {text: checks.get_user_env(text) for text in values} == values
    assert refusal(checks.get_user_env, "10x") == invalid("--get-user-env")


# 身份


def test_only_root_may_name_another_user():
    assert refusal(checks.user_id, "0", "--uid", privileged=False) == (
        ["sbatch: error: --uid only permitted by root user"],
        255,
    )


def test_user_is_a_number_or_a_known_name():
    root = pwd.getpwuid(0).pw_name
    assert checks.user_id(root, "--uid", privileged=True) == 0
    assert checks.user_id("65534", "--uid", privileged=True) == 65534
    assert checks.user_id("0", "--gid", privileged=True, group=True) == 0
    for text in ("nosuchuser", "", "-1", "1" * 20, "\udcff", "a\0b"):
        assert refusal(checks.user_id, text, "--uid", privileged=True) == invalid("--uid")
    assert refusal(checks.user_id, "nosuchgroup", "--gid", privileged=True, group=True) == invalid(
        "--gid"
    )


# 通用资源


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("none", {}),
        ("gpu", {"gpu": 1}),
        ("gpu:2", {"gpu": 2}),
        ("gpu:a100", {"gpu:a100": 1}),
        ("gpu:a100:2,shard:1k", {"gpu:a100": 2, "shard": 1024}),
        ("gres:gpu:1,gpu:1", {"gpu": 2}),
        ("disk:2M", {"disk": 2 * 1024**2}),
        ("gpu:0", {}),
        ("gpu:0,gpu:a100:1", {"gpu:a100": 1}),
    ],
)
def test_gres_are_names_and_counts(text, counts):
    assert parse_gres(text) == counts


@pytest.mark.parametrize("text", ["", "gpu:", ":1", "gpu:a:b:1", "gpu,,x", "gpu:a:b:c", "3"])
def test_malformed_gres_are_refused(text):
    assert refusal(parse_gres, text) == (
        ["sbatch: error: Invalid generic resource (gres) specification"],
        1,
    )


def test_gpus_are_gres_with_a_short_name():
    assert parse_gpus("2") == {"gpu": 2}
    assert parse_gpus("a100:2,v100:1") == {"gpu:a100": 2, "gpu:v100": 1}
    assert refusal(parse_gpus, "")[1] == 1


def test_gres_of_one_node_are_the_largest_of_what_was_asked():
    wanted = per_node(
        {"shard": 3, "gpu": 1},
        {"gpu": 5},
        {"gpu": 2},
        {"gpu:a100": 2},
        nodes=2,
        tasks_per_node=4,
    )
    assert wanted == {"shard": 3, "gpu": 3, "gpu:a100": 8}
    assert format_gres(wanted) == "shard:3,gpu:3,gpu:a100:8"
    assert parse_gres(format_gres(wanted)) == wanted


# 任何文本


TEXT_CHECKS = (
    checks.nice,
    checks.priority,
    checks.mail_types,
    checks.open_mode,
    checks.exclusive,
    checks.no_kill,
    checks.limit_names,
    checks.distribution,
    checks.hint,
    checks.cpu_bind,
    checks.mem_bind,
    checks.gres_flags,
    checks.profile,
    checks.acctg_freq,
    checks.cpu_freq,
    checks.switches,
    checks.extra_node_info,
    checks.get_user_env,
    parse_gres,
    parse_gpus,
)


@pytest.mark.parametrize("check", TEXT_CHECKS, ids=lambda check: check.__name__)
@settings(max_examples=40, deadline=None)
@given(text=st.one_of(st.text(max_size=20), st.from_regex(r"[a-z0-9:,=@*-]{0,12}")))
def test_any_text_is_accepted_or_refused_with_a_sentence(check, text):
    try:
        check(text)
    except InvalidInput as error:
        assert error.exit_code in (1, 255)
        said = error.lines("sbatch")
        assert isinstance(error, checks.Help) or all(
            line.startswith("sbatch: error: ") for line in said
        )


def test_own_user_is_found_by_name():
    own = pwd.getpwuid(os.getuid()).pw_name
    assert checks.user_id(own, "--uid", privileged=True) == os.getuid()
