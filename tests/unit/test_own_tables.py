"""自己的命令的选项表与 typer 所知的一致；`scns --help` 与 `scns help`。"""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer.main

from scns.__main__ import main
from scns.cli import SLURM_COMMANDS
from scns.cli.app import build
from scns.cli.options import FLAG, STOP, VALUE
from scns.cli.overview import overview, own_help
from scns.cli.own import COMMANDS
from scns.cli.summaries import GROUPS, known, summary
from scns.cli.tables import own


def parameters(command: str) -> list[object]:
    """typer 登记的一个命令的参数。"""
    return list(typer.main.get_command(build([command, "x"])).commands[command].params)


def options_of(command: str) -> set[tuple[str, str, str, str]]:
    """typer 所知的选项：长名、单字母、带不带值、说明。"""
    found = set()
    for one in parameters(command):
        if one.param_type_name != "option":
            continue
        spelled = [*one.opts, *one.secondary_opts]
        letters = [name[1:] for name in spelled if not name.startswith("--")]
        kind = FLAG if one.is_flag else VALUE
        text = one.help
        if kind == VALUE and one.default is not None:
            exact = isinstance(one.default, float)
            text += f" Default: {one.default:g}." if exact else f" Default: {one.default}."
        for name in spelled:
            if name.startswith("--"):
                found.add((name[2:], letters[0] if letters else "", kind, text))
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_table_says_what_typer_knows(command):
    table = own.table(command)
    listed = {(row[0], row[1], row[2], row[4]) for row in table.rows if row[2] != STOP}
    assert listed == options_of(command)
    assert table.letters["h"] is table.names["help"]


@pytest.mark.parametrize("command", COMMANDS)
def test_operands_are_those_of_typer(command):
    arguments = [one for one in parameters(command) if one.param_type_name == "argument"]
    written = own.operands(command)
    assert bool(arguments) == bool(written)
    for one in arguments:
        assert (one.nargs == -1) == ("..." in written)
        assert one.required != written.startswith("[")
        assert own.explanation(command) == one.help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_and_command_is_explained_in_english(command):
    for one in parameters(command):
        assert one.help, (command, one.name)
        assert one.help.isascii()
    assert summary(command).isascii()
    assert summary(command).endswith(".")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_lists_every_option_in_lines_that_fit(command):
    text = own_help(command)
    assert text.startswith(f"Usage: scns {command} [OPTIONS]")
    assert summary(command) in text
    assert own.explanation(command) in text
    for row in own.table(command).rows:
        assert f"--{row[0]}" in text
        assert row[4] in text
    assert all(len(line) <= 100 and line == line.rstrip() for line in text.splitlines())


def test_help_of_a_command_that_has_no_table_yet_is_that_of_typer(monkeypatch, capsys):
    monkeypatch.setattr(own, "is_listed", lambda command: False)
    assert main(["down", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--force" in shown
    assert shown != own_help("down")


def test_a_command_without_a_table_still_has_help():
    table = own.table("brand-new")
    assert [row[0] for row in table.rows] == ["help"]
    assert own.operands("brand-new") == "[ARGUMENTS]"


def test_overview_lists_every_command_once_in_a_line_that_fits():
    text = overview()
    for command in known():
        lines = [line for line in text.splitlines() if line.startswith(f"  {command} ")]
        assert len(lines) == 1, command
        assert summary(command) in lines[0]
    assert all(len(line) <= 100 for line in text.splitlines())
    assert "More:" not in text


def test_a_command_in_no_group_is_listed_at_the_end(monkeypatch):
    monkeypatch.setitem(COMMANDS, "brand-new", ("brand_new", "Do something."))
    assert "More:\n  brand-new   Do something.\n" in overview()


def test_no_command_is_in_two_groups():
    names = [name for _, group in GROUPS for name in group]
    assert len(set(names)) == len(names)


def test_every_slurm_command_has_a_sentence_of_its_own():
    sentences = [summary(command) for command in SLURM_COMMANDS]
    assert len(set(sentences)) == len(sentences)
    assert "A command of Slurm." not in sentences


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_asking_for_help_is_no_error(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out == overview()


def test_saying_nothing_is_a_usage_error_that_shows_help(capsys):
    assert main([]) == 2
    assert capsys.readouterr().out == overview()


@pytest.mark.parametrize("command", ["down", "why"])
@pytest.mark.parametrize("shape", ["{} --help", "{} -h", "help {}"])
def test_each_way_to_ask_for_the_options_of_a_command(command, shape, capsys):
    assert main(shape.format(command).split()) == 0
    assert capsys.readouterr().out == own_help(command)


def scns(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scns", *words], capture_output=True, text=True, check=False
    )


def test_help_of_a_slurm_command_is_its_own():
    asked = scns("help", "squeue")
    assert asked.stdout == scns("squeue", "--help").stdout
    assert asked.stdout.startswith("Usage: squeue")


@pytest.mark.parametrize("word", ["-h", "--help", "--usage"])
def test_seff_too_knows_the_usual_words_for_help(word):
    done = scns("seff", word)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: seff")


def test_an_unknown_command_is_named_with_what_resembles_it(capsys):
    assert main(["sbtach"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("scns: error: no such command: sbtach; similar: sbatch")
    assert main(["qqqqqq"]) == 2
    assert "similar" not in capsys.readouterr().err


def test_help_loads_neither_typer_nor_rich():
    code = (
        "import sys; from scns.__main__ import main; main(['--help']); main(['top', '-h'])\n"
        "print([name for name in ('typer', 'rich', 're') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("[]\n")
