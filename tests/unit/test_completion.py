"""补全：看懂命令行、候选的种类、各外壳的答案；不用数据库，也不用外壳。"""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.__main__ import main
from scns.cli import SLURM_COMMANDS
from scns.cli.completion import grammar, keywords, slots
from scns.cli.completion.door import answer
from scns.cli.completion.line import quoted, split
from scns.cli.completion.script import SHELLS, door, script
from scns.cli.completion.values import STATEMENTS
from scns.cli.completion.wanted import DIRECTORIES, FILES, PROGRAMS, WORDS, Wanted, pieces
from scns.cli.options import ALIAS, VALUE
from scns.cli.options_doc import table_of
from scns.cli.own import COMMANDS
from scns.cli.tables import own

#: bash 的默认值。
BREAKS = " \t\n\"'@><=;|&(:"


def at(text: str) -> Wanted:
    """光标在 `text` 末尾时要补什么；以空格结尾就是新的一个词。"""
    words = shlex.split(text)
    return grammar.wanted([*words, ""] if text.endswith(" ") else words)


def values(text: str) -> list[str]:
    return [value for value, _ in at(text).matching()]


def summary(text: str) -> tuple[str, str, str, tuple[str, ...]]:
    found = at(text)
    return found.action, found.stay, found.partial, found.kinds


# 选项


def test_long_options_end_with_an_equals_sign_when_they_need_a_value():
    assert values("sbatch --par") == ["--parsable", "--partition="]
    assert values("sbatch --nic") == ["--nice"]
    assert values("sbatch --hol") == ["--hold"]


def test_refused_options_and_aliases_are_not_offered():
    assert "--container=" not in values("sbatch --cont")
    assert values("squeue --node") == ["--nodelist="]


def test_a_single_dash_offers_letters_and_names():
    found = dict(at("squeue -").matching())
    assert found["-p"] == "only these partitions"
    assert "--partition=" in found
    assert "-" not in found


@pytest.mark.parametrize(
    ("text", "stay", "partial"),
    [
        ("squeue -p ", "", ""),
        ("squeue -p ma", "", "ma"),
        ("squeue -pma", "-p", "ma"),
        ("squeue -p", "-p", ""),
        ("squeue -lpma", "-lp", "ma"),
        ("squeue --partition ma", "", "ma"),
        ("squeue --partition=ma", "--partition=", "ma"),
        ("squeue --partitions=ma", "--partitions=", "ma"),
        ("squeue --part=ma", "--part=", "ma"),
        ("squeue --part ma", "", "ma"),
        ("squeue -p main,sh", "main,", "sh"),
        ("squeue -pmain,sh", "-pmain,", "sh"),
        ("squeue --partition=main,sh", "--partition=main,", "sh"),
        ("scns squeue --partition=main,sh", "--partition=main,", "sh"),
        ("/some/bin/squeue -h -t R -p ma", "", "ma"),
    ],
)
def test_every_way_to_write_a_value_is_understood(text, stay, partial):
    assert summary(text) == (WORDS, stay, partial, ("partition",))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sbatch -w ", "node"),
        ("sbatch --exclude=n1,", "node"),
        ("sinfo -n ", "node"),
        ("sacct -N ", "node"),
        ("squeue --node=", "node"),
        ("sbatch -A ", "account"),
        ("sbatch --qos=", "qos"),
        ("sbatch -L ", "license"),
        ("sbatch --gres=", "gres"),
        ("sbatch -C ", "feature"),
        ("squeue -u ", "user"),
        ("squeue -j", "any-job"),
        ("squeue -j ", "any-job"),
        ("squeue --jobs=1,", "any-job"),
        ("sprio -j ", "any-job"),
        ("sacct -j ", "past-job"),
        ("sstat -j ", "step"),
        ("squeue -s ", "step"),
        ("srun --jobid=", "job"),
        ("scancel ", "job"),
        ("scancel -n ", "job-name"),
        ("scancel -u alice ", "job"),
        ("scancel -- ", "job"),
        ("seff ", "past-job"),
        ("sbatch -M ", "cluster"),
        ("scns why ", "any-job"),
        ("scns wait 1 ", "any-job"),
        ("scns tail -n 3 ", "past-job"),
        ("scns top -u ", "user"),
    ],
)
def test_names_from_the_database(text, kind):
    assert at(text).kinds == (kind,)


@pytest.mark.parametrize(
    ("text", "action", "stay", "partial"),
    [
        ("sbatch jo", FILES, "", "jo"),
        ("sbatch -c 2 ", FILES, "", ""),
        ("sbatch job.sh --par", FILES, "", "--par"),
        ("sbatch -o out", FILES, "", "out"),
        ("sbatch -oout", FILES, "-o", "out"),
        ("sbatch --output=out/", FILES, "--output=", "out/"),
        ("sbatch -D ", DIRECTORIES, "", ""),
        ("sbatch --chdir=/t", DIRECTORIES, "--chdir=", "/t"),
        ("srun ho", PROGRAMS, "", "ho"),
        ("srun -n 2 hostname ", FILES, "", ""),
        ("salloc ba", PROGRAMS, "", "ba"),
        ("scns link ", DIRECTORIES, "", ""),
        ("scns simulate tr", FILES, "", "tr"),
        ("scns simulate --plot=", FILES, "--plot=", ""),
        ("scns man --install ", DIRECTORIES, "", ""),
        ("scontrol write batch_script 1 fi", FILES, "", "fi"),
        ("scontrol update JobId=1 StdOut=o", FILES, "StdOut=", "o"),
        ("scontrol update JobId=1 WorkDir=", DIRECTORIES, "WorkDir=", ""),
    ],
)
def test_files_are_left_to_the_shell(text, action, stay, partial):
    assert summary(text) == (action, stay, partial, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sbatch --mail-type=BE", ["BEGIN"]),
        ("sbatch --mail-type=be", ["begin"]),
        ("sbatch --mail-type=BEGIN,EN", ["END"]),
        ("sbatch --open-mode=", ["append", "truncate"]),
        ("sbatch --kill-on-invalid-dep y", ["yes"]),
        ("sbatch --propagate=NOF", ["NOFILE"]),
        ("sbatch --hint=mem", ["memory_bound"]),
        ("sbatch --cpu-freq=hi", ["high", "highm1"]),
        ("srun --mpi=", ["none", "list"]),
        ("srun --mem-bind=qui", ["quiet"]),
        ("srun --cpu-bind=map_c", ["map_cpu:", "map_cpus:"]),
        ("sbatch --profile=l", ["lustre"]),
        ("squeue -t PENDING,RU", ["RUNNING"]),
        ("squeue -t al", ["all"]),
        ("sacct -s CA", ["CANCELLED"]),
        ("sinfo -t dra", ["drained", "draining"]),
        ("scancel -t ", ["PENDING", "RUNNING", "SUSPENDED"]),
        ("scancel --signal=US", ["USR1", "USR2"]),
        ("scancel -s us", ["usr1", "usr2"]),
        ("sbatch --signal=B:TE", ["TERM"]),
        ("sbatch --signal=TERM@", []),
        ("squeue -O jobarr", ["jobarrayid"]),
        ("squeue -O jobid,timel", ["timeleft", "timelimit"]),
        ("sacct -o jobid,MaxRSSN", ["MaxRSSNode"]),
        ("sacct --format=jobid,maxrssn", ["maxrssnode"]),
        ("sshare -o Raw", ["RawShares", "RawUsage"]),
        ("squeue -o %i", ["%i"]),
        ("squeue -S -i,P", ["P"]),
        ("scns eff --by ", ["array", "job", "user", "total"]),
        ("scns simulate -p e", ["easy"]),
        ("scns completion ", ["bash", "zsh", "fish"]),
        ("scns completion bash ", []),
        ("scns man scns.", ["scns.conf"]),
        ("scns man up ", []),
        ("scns help sb", ["sbatch"]),
        ("scns help sbatch ", []),
    ],
)
def test_fixed_words(text, expected):
    assert values(text) == expected


def test_signal_option_of_sbatch_may_name_who_gets_it():
    assert {"B:", "R:", "TERM"} <= set(values("sbatch --signal="))
    assert "B:" not in values("scancel --signal=")


def test_format_codes_continue_after_other_text():
    found = at("squeue -o '%i %'")
    assert (found.stay, found.partial) == ("%i ", "%")
    assert ("%T", "STATE") in found.matching()


@pytest.mark.parametrize(
    ("text", "stay", "partial", "kinds"),
    [
        ("sbatch -d ", "", "", ("job",)),
        ("sbatch -d 4", "", "4", ("job",)),
        ("sbatch -d afterok:", "afterok:", "", ("job",)),
        ("sbatch -d afterok:1:2", "afterok:1:", "2", ("job",)),
        ("sbatch --dependency=afterok:1,after", "--dependency=afterok:1,", "after", ("job",)),
        ("sbatch --dependency=afterok:1?", "--dependency=afterok:1?", "", ("job",)),
        ("sbatch -d singleton:", "singleton:", "", ()),
        ("scontrol update JobId=1 Dependency=afterany:", "Dependency=afterany:", "", ("job",)),
    ],
)
def test_dependencies_are_kinds_then_jobs(text, stay, partial, kinds):
    assert summary(text) == (WORDS, stay, partial, kinds)


def test_kinds_of_dependencies():
    assert values("sbatch -d aftern") == ["afternotok:"]
    assert values("sbatch -d s") == ["singleton"]


def test_what_is_already_in_a_list_is_not_offered_again():
    assert at("squeue -p main,").matching([("main", ""), ("short", "")]) == [("short", "")]
    assert at("scancel 42 ").matching([("42", ""), ("43", "")]) == [("43", "")]
    assert "PENDING" not in values("squeue -t PENDING,")


@pytest.mark.parametrize(
    "text",
    [
        "squeue --nosuch=",
        "squeue -%",
        "squeue --me=",
        "squeue --no ",
        "sbatch --time=",
        "sbatch -J ",
        "scns nosuch ",
        "scns up ",
        "sinfo ",
        "scontrol version ",
        "scontrol nosuch ",
        "sacctmgr show user nosuch=",
    ],
)
def test_where_nothing_can_be_said_nothing_is(text):
    found = at(text)
    assert found.action == WORDS
    assert not found.kinds


def test_a_complete_word_of_flags_is_offered_as_it_is():
    assert values("squeue -h") == ["-h"]
    assert values("squeue -hl") == ["-hl"]


def test_no_command_no_candidates():
    assert grammar.wanted([]).matching() == []
    assert grammar.wanted(["scns"]).matching() == []
    assert grammar.wanted(["not-ours", ""]).action == FILES


# scns 与它自己的命令


def test_first_word_after_scns_is_a_command():
    found = dict(at("scns ").matching())
    assert set(found) == {*SLURM_COMMANDS, *COMMANDS, "help"}
    assert found["why"].startswith("Say why")
    assert values("scns --") == ["--help", "--version"]


@pytest.mark.parametrize("command", COMMANDS)
def test_options_of_own_commands(command):
    expected = {
        f"--{row[0]}=" if row[2] == VALUE else f"--{row[0]}" for row in own.table(command).rows
    }
    assert set(values(f"scns {command} --")) == expected


@pytest.mark.parametrize("command", SLURM_COMMANDS)
def test_every_slurm_command_has_options_with_descriptions(command):
    found = dict(at(f"{command} --").matching())
    assert "--help" in found
    assert all(found.values())


# scontrol 与 sacctmgr


def test_keywords_of_scontrol():
    assert values("scontrol sho") == ["show"]
    assert values("scontrol SH") == ["SHOW"]
    assert "shutdown" not in values("scontrol ")
    assert values("scontrol -o -d rel") == ["release"]


@pytest.mark.parametrize(
    ("text", "stay", "kinds"),
    [
        ("scontrol show job ", "", ("any-job",)),
        ("scontrol show jobid ", "", ("any-job",)),
        ("scontrol show jobs ", "", ("any-job",)),
        ("scontrol show job=", "job=", ("any-job",)),
        ("scontrol sho no ", "", ("node",)),
        ("scontrol show node ", "", ("node",)),
        ("scontrol show partition ", "", ("partition",)),
        ("scontrol show partitionname=", "partitionname=", ("partition",)),
        ("scontrol show step ", "", ("step",)),
        ("scontrol show licenses ", "", ("license",)),
        ("scontrol show hostnames n1,", "n1,", ("node",)),
        ("scontrol show config ", "", ()),
        ("scontrol show job 1 ", "", ()),
        ("scontrol show nosuch ", "", ()),
        ("scontrol hold ", "", ("pending-job",)),
        ("scontrol release 1,", "1,", ("pending-job",)),
        ("scontrol suspend ", "", ("running-job",)),
        ("scontrol resume ", "", ("suspended-job",)),
        ("scontrol requeue ", "", ("past-job",)),
        ("scontrol update jobid=", "jobid=", ("job",)),
        ("scontrol update JobId=1,", "JobId=1,", ("job",)),
        ("scontrol update NodeName=", "NodeName=", ("node",)),
        ("scontrol update PartitionName=", "PartitionName=", ("partition",)),
        ("scontrol update PartitionName=x Nodes+=", "Nodes+=", ("node",)),
        ("scontrol update JobId=1 Partition=", "Partition=", ("partition",)),
        ("scontrol update JobId=1 TimeLimit=", "TimeLimit=", ()),
        ("scontrol delete PartitionName=", "PartitionName=", ("partition",)),
        ("scontrol delete partitionname ", "", ("partition",)),
        ("scontrol write batch_script ", "", ("past-job",)),
        ("scontrol listpids ", "", ("running-job",)),
    ],
)
def test_operands_of_scontrol_that_name_things(text, stay, kinds):
    found = at(text)
    assert (found.action, found.stay, found.kinds) == (WORDS, stay, kinds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("scontrol update ", ["JobId=", "NodeName=", "PartitionName="]),
        ("scontrol update jo", ["jobid="]),
        ("scontrol update JobId=1 TimeL", ["TimeLimit="]),
        ("scontrol update jobid=1 timel", ["timelimit="]),
        ("scontrol update NodeName=n1 St", ["State="]),
        ("scontrol update NodeName=n1 State=DR", ["DRAIN"]),
        ("scontrol update PartitionName=x State=I", ["INACTIVE"]),
        ("scontrol update PartitionName=x Hidden=", ["YES", "NO"]),
        ("scontrol update PartitionName=x MaxTi", ["MaxTime="]),
        ("scontrol create ", ["PartitionName="]),
        ("scontrol delete ", ["PartitionName="]),
        ("scontrol write ", ["batch_script"]),
        ("scontrol show par", ["partition"]),
    ],
)
def test_words_of_scontrol(text, expected):
    assert values(text) == expected


def test_every_entity_that_is_offered_is_one_that_show_knows():
    from scns.cli.scontrol.session import matches
    from scns.cli.scontrol.show import ENTITIES

    for name in keywords.SHOWN:
        assert any(matches(name, full, minimum) for full, minimum, _ in ENTITIES), name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sacctmgr a", ["add"]),
        ("sacctmgr -i add us", ["user"]),
        (
            "sacctmgr show ",
            ["account", "association", "cluster", "qos", "runawayjobs", "tres", "user"],
        ),
        ("sacctmgr modify user whe", ["where"]),
        ("sacctmgr modify user where na", ["names=", "name="]),
        ("sacctmgr modify user set MaxJ", []),
        (
            "sacctmgr modify user set maxjobsp",
            ["maxjobsperuser=", "maxjobspu=", "maxjobsperaccount=", "maxjobspa="],
        ),
        ("sacctmgr show qos format=Max", None),
    ],
)
def test_words_of_sacctmgr(text, expected):
    if expected is None:
        assert "MaxWall" in values(text)
    else:
        assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("sacctmgr show user name=", ("user",)),
        ("sacctmgr show account names=a,", ("account",)),
        ("sacctmgr add user alice Account=", ("account",)),
        ("sacctmgr add account x parent=", ("account",)),
        ("sacctmgr modify user where user=", ("user",)),
        ("sacctmgr delete qos ", ("qos",)),
        ("sacctmgr show association name=", ()),
        ("sacctmgr add user alice Fairshare=", ()),
    ],
)
def test_names_in_sacctmgr(text, kinds):
    assert at(text).kinds == kinds


# 表


def test_every_slot_is_of_a_known_kind():
    for slot in [*slots._OPTIONS.values(), *slots._OPERANDS.values(), *keywords._VALUES.values(),
                 *keywords._ACTS.values(), *keywords.SHOWN.values()]:  # fmt: skip
        kind = slot.rstrip(",")
        known = kind in slots.STATIC or kind in slots._ACTIONS or kind in STATEMENTS
        assert known or "|" in kind or kind in ("", "off", "force"), slot


@pytest.mark.parametrize("kind", sorted(slots.STATIC - {"code", "field", "letter"}))
def test_every_fixed_kind_has_words(kind):
    assert slots.words_of(kind)


def test_every_option_with_a_slot_is_an_option():
    names = {
        name for command in SLURM_COMMANDS if command != "seff" for name in table_of(command).names
    }
    for key in slots._OPTIONS:
        command, _, option = key.rpartition(":")
        if not command:
            assert option in names, key
        elif command.startswith("scns "):
            assert option in own.table(command[5:]).names, key
        else:
            assert option in table_of(command).names, key


@pytest.mark.parametrize("command", [one for one in SLURM_COMMANDS if one != "seff"])
def test_every_value_can_be_asked_for_without_an_error(command):
    table = table_of(command)
    for row in table.rows:
        if row[2] == ALIAS:
            continue
        for text in ("", "x", "x,y", "a:b", "%", "="):
            found = grammar.wanted([command, f"--{row[0]}={text}"])
            assert (found.stay + found.partial).endswith(text)
            found.matching()


# 候选


def test_case_follows_what_is_written():
    words = [("JobId=", ""), ("NodeName=", "")]
    assert Wanted("", "", words, fold=True).matching() == words
    assert Wanted("", "jo", words, fold=True).matching() == [("jobid=", "")]
    assert Wanted("", "JO", words, fold=True).matching() == [("JOBID=", "")]
    assert Wanted("", "Jo", words, fold=True).matching() == [("JobId=", "")]
    assert Wanted("", "J", words, fold=True).matching() == [("JobId=", "")]
    assert Wanted("", "jo", words).matching() == []


def test_candidates_are_not_repeated_and_those_of_the_database_come_first():
    wanted = Wanted("", "a", [("ab", "word"), ("ac", "")])
    assert wanted.matching([("ab", "name"), ("b", "")]) == [("ab", "name"), ("ac", "")]


def test_pieces_end_at_the_last_separator():
    assert pieces("a,b:c", ",:") == ("a,b:", "c")
    assert pieces("abc", ",") == ("", "abc")
    assert pieces("", ",") == ("", "")


# bash 的一行


@pytest.mark.parametrize(
    ("text", "words", "kept", "quote"),
    [
        ("squeue", ["squeue"], "", ""),
        ("squeue ", ["squeue", ""], "", ""),
        ("squeue  -p   ma", ["squeue", "-p", "ma"], "", ""),
        ("squeue --partition=ma", ["squeue", "--partition=ma"], "--partition=", ""),
        ("sbatch -d afterok:1:", ["sbatch", "-d", "afterok:1:"], "afterok:1:", ""),
        ("x 'a b' c", ["x", "a b", "c"], "", ""),
        ("x 'a b", ["x", "a b"], "", "'"),
        ('x "a \\" b', ["x", 'a " b'], "", '"'),
        ('x --n="a b', ["x", "--n=a b"], "--n=", '"'),
        ("x a\\ b", ["x", "a b"], "", ""),
        ("x ''", ["x", ""], "", ""),
        ("x '' ", ["x", "", ""], "", ""),
        ("x 'a:b", ["x", "a:b"], "", "'"),
        ("x a\\", ["x", "a"], "", ""),
    ],
)
def test_line_is_split_like_the_shell_does(text, words, kept, quote):
    line = split(text, BREAKS)
    assert (line.words, line.kept, line.quote) == (words, kept, quote)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])), max_size=4))
def test_quoted_words_are_read_back(words):
    text = " ".join(["x", *(shlex.quote(word) for word in words), ""])
    assert split(text, BREAKS).words == ["x", *words, ""]


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1), st.data())
def test_candidates_are_quoted_so_that_they_are_read_back(value, data):
    quote = data.draw(st.sampled_from(["", "'", '"']))
    line = split(f"x {quote}{quoted(value, quote)}{quote} ", BREAKS)
    assert line.words == ["x", value, ""]


# 门


def reply(*arguments: str, names: tuple[str, ...] = ("main", "short")) -> list[str]:
    """一次 TAB 的答案的各行；动态的候选是 `names`。"""

    def fetch(kinds: tuple[str, ...], partial: str) -> list[tuple[str, str]]:
        return [(name, "about it") for name in names] if kinds else []

    return answer(list(arguments), fetch).splitlines()


def test_bash_gets_what_readline_has_to_insert():
    assert reply("bash", BREAKS, "squeue -p m") == ["words\t", "main"]
    assert reply("bash", BREAKS, "squeue --partition=m") == ["words\t", "main"]
    assert reply("bash", BREAKS, "squeue --partition=x,") == ["words\tx,", "x,main", "x,short"]
    assert reply("bash", BREAKS, "squeue -pm") == ["words\t-p", "-pmain"]
    assert reply("bash", BREAKS, "sbatch -d afterok:m") == ["words\t", "main"]
    assert reply("bash", " ", "squeue --partition=m") == [
        "words\t--partition=",
        "--partition=main",
    ]


def test_bash_does_not_add_a_space_where_more_follows():
    assert reply("bash", BREAKS, "squeue --parti") == ["nospace\t", "--partition="]
    assert reply("bash", BREAKS, "sbatch -d afterok") == ["nospace\t", "afterok:"]
    assert reply("bash", BREAKS, "squeue --nohea") == ["words\t", "--noheader"]
    assert reply("bash", BREAKS, "squeue --no")[0] == "words\t"


def test_bash_gets_names_with_blanks_quoted():
    assert reply("bash", BREAKS, "squeue -n ", names=("a b",)) == ["words\t", "a\\ b"]
    assert reply("bash", BREAKS, "squeue -n 'a ", names=("a b",)) == ["words\t", "a b"]
    assert reply("bash", BREAKS, 'squeue --name="a', names=('a"b',)) == ["words\t", 'a\\"b']


def test_bash_is_told_to_look_for_files_itself():
    assert reply("bash", BREAKS, "sbatch --output=ou") == ["files\t", "ou"]
    assert reply("bash", BREAKS, "sbatch -oou") == ["files\t-o", "ou"]
    assert reply("bash", BREAKS, "sbatch -D ") == ["directories\t", ""]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_get_descriptions(shell):
    assert reply(shell, "squeue", "-p", "m") == ["words\t", "main\tabout it"]
    assert reply(shell, "squeue", "--partition=m") == ["words\t--partition=", "main\tabout it"]
    assert reply(shell, "sbatch", "--output=ou") == ["files\t--output=", "ou"]
    assert reply(shell, "squeue", "--nohea") == ["words\t", "--noheader\tno header line"]


def test_control_characters_of_other_peoples_names_do_not_reach_the_terminal():
    assert reply("fish", "squeue", "-n", "", names=("a\x1b[31mb", "c\nd", "ok")) == [
        "words\t",
        "ok\tabout it",
    ]
    text = answer(["fish", "squeue", "-p", ""], lambda kinds, partial: [("x", "a\x1b[2Jb\tc")])
    assert text == "words\t\nx\ta?[2Jb?c\n"


# 命令


def scns(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scns", *words], capture_output=True, text=True, check=False
    )


def test_the_door_answers_and_never_says_an_error():
    done = scns("__complete", "fish", "sbatch", "--pars")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "words\t\n--parsable\tprint the job id only\n"
    for words in ([], ["bash"], ["bash", " "], ["nosuch", "x"], ["fish", "squeue", "-p", "\udc80"]):
        done = subprocess.run(
            [sys.executable, "-m", "scns", "__complete", *words], capture_output=True, check=False
        )
        assert done.stderr == b""


def test_the_door_is_lean():
    code = (
        "import sys\n"
        "from scns.cli.completion.door import answer\n"
        "none = lambda kinds, partial: []\n"
        "for text in ('sbatch --p', 'sbatch -d ', 'scontrol update JobId=1 ', 'scns up --'):\n"
        "    answer(['bash', ' ', text], none)\n"
        "print('\\n'.join(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    heavy = {"typer", "click", "rich", "re", "json", "dataclasses", "enum", "subprocess", "typing"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize("shell", SHELLS)
def test_script_names_every_command_and_knows_the_way(shell, capsys):
    text = script(shell)
    assert "@" not in text.replace("[@]", "").replace("(@", "").replace('"$@"', "").replace(
        "=:@", ""
    )
    for command in SLURM_COMMANDS:
        assert f" {command}" in text
    assert sys.executable in text
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == text


def test_completion_says_which_shells_there_are(capsys):
    assert main(["completion", "csh"]) == 2
    assert "bash" in capsys.readouterr().err
    assert main(["completion"]) == 2


def test_door_works_with_no_help_from_the_surroundings(tmp_path):
    done = subprocess.run(
        [*door(), "fish", "sbatch", "--pars"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={},
    )
    assert done.stdout == "words\t\n--parsable\tprint the job id only\n"


def test_door_keeps_to_the_instance_it_was_made_for(monkeypatch):
    monkeypatch.setenv("SCNS_HOME", "/some/it's/place")
    assert "os.environ.setdefault('SCNS_HOME', \"/some/it's/place\")" in door()[-1]
    monkeypatch.delenv("SCNS_HOME")
    assert "SCNS_HOME" not in door()[-1]
