"""手册页：每个命令一页，选项一个不少，roff 合语法。"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scns.cli import SLURM_COMMANDS
from scns.cli.man import keys, show
from scns.cli.man.commands import as_phrase, command_page, option
from scns.cli.man.configuration import configuration_page
from scns.cli.man.own import own_page
from scns.cli.man.page import (
    BODY,
    BOLD,
    EXAMPLE,
    HEADING,
    ITALIC,
    PARAGRAPH,
    ROMAN,
    TERM,
    Page,
    spans,
)
from scns.cli.man.plain import plain
from scns.cli.man.prose import prose
from scns.cli.man.roff import escape, roff
from scns.cli.man.variables import job_variables
from scns.cli.options import ALIAS
from scns.cli.options_doc import table_of
from scns.cli.own import COMMANDS
from scns.conf_model import KEYS, NODE_KEYS, PARTITION_KEYS
from scns.errors import UsageError

PAGES = {page.file_name: page for page in show.pages()}

#: 一行里合语法的转义。
ESCAPES = re.compile(r"\\(?:\(rs|\(ha|\(ti|\(ga|\(aq|\(dq|-|&|fB|fI|fR)")


def headings(page: Page) -> list[str]:
    return [text for kind, text in page.blocks if kind == HEADING]


def section(page: Page, title: str) -> str:
    """一节的文字，一块一行。"""
    found = False
    lines = []
    for kind, text in page.blocks:
        if kind == HEADING:
            found = text == title
        elif found:
            lines.append(text)
    return "\n".join(lines)


# 页


def test_every_command_has_a_page_and_so_has_the_configuration():
    expected = {f"{name}.1" for name in SLURM_COMMANDS}
    expected |= {f"scns-{name}.1" for name in COMMANDS} | {"scns.1", "scns.conf.5"}
    assert set(PAGES) == expected


@pytest.mark.parametrize("name", PAGES)
def test_sections_are_those_of_a_manual_page_in_the_usual_order(name):
    usual = ["SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]
    found = headings(PAGES[name])
    assert len(set(found)) == len(found)
    listed = [title for title in found if title in usual]
    assert listed == [title for title in usual if title in listed]
    assert found[-1] == "SEE ALSO"
    if name != "scns.conf.5":
        assert {"SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "EXIT STATUS"} <= set(found)


@pytest.mark.parametrize("name", PAGES)
def test_text_is_english_and_every_block_has_some(name):
    page = PAGES[name]
    assert page.summary.isascii()
    assert not page.summary.endswith(".")
    for kind, text in page.blocks:
        assert text.strip(), (name, kind)
        assert text.isascii(), (name, text)


@pytest.mark.parametrize("name", PAGES)
def test_every_term_has_a_body_and_every_heading_something_below(name):
    kinds = [kind for kind, _ in PAGES[name].blocks]
    for kind, following in zip(kinds, [*kinds[1:], HEADING], strict=True):
        if kind == TERM:
            assert following == BODY
        if kind == HEADING:
            assert following in (PARAGRAPH, TERM, EXAMPLE)


@pytest.mark.parametrize("name", PAGES)
def test_see_also_names_pages_that_exist(name):
    named = re.findall(r"`([\w.-]+)`\((\d)\)", section(PAGES[name], "SEE ALSO"))
    assert named
    for other, number in named:
        assert f"{other}.{number}" in PAGES
        assert f"{other}.{number}" != name


@pytest.mark.parametrize("command", SLURM_COMMANDS)
def test_every_option_is_listed_with_all_its_spellings(command):
    options = section(command_page(command), "OPTIONS")
    table = table_of(command)
    for row in table.rows:
        proper = row if row[2] != ALIAS else table.names[row[3]]
        for spelled in (f"--{row[0]}" if row[0] else "", f"-{row[1]}" if row[1] else ""):
            if spelled:
                assert f"`{spelled}`" in options
        assert option(table, proper)[0] in options.splitlines()


def test_an_option_says_how_it_is_written_what_sets_it_and_whether_it_works():
    sbatch = table_of("sbatch")
    term, body = option(sbatch, sbatch.names["mem"])
    assert term == "`--mem`=*SIZE[KMGT]*"
    assert body == "Memory on each node; 0 is all of it. Also set by `SBATCH_MEM_PER_NODE`."
    term, body = option(sbatch, sbatch.names["clusters"])
    assert term == "`-M`, `--clusters`, `--cluster`=*NAMES*"
    assert "`SLURM_CLUSTERS` or `SBATCH_CLUSTERS`" in body
    assert option(sbatch, sbatch.names["nice"])[0] == "`--nice`[=*N*]"
    assert option(sbatch, sbatch.names["contiguous"])[1] == "Adjacent nodes. (*No effect*.)"
    assert (
        "(*Refused*: --container is not supported" in option(sbatch, sbatch.names["container"])[1]
    )


def test_scontrol_lists_its_commands_and_the_keys_of_update():
    page = command_page("scontrol")
    assert "`show` *ENTITY [ID]*" in section(page, "COMMANDS")
    assert "*Refused*" in section(page, "COMMANDS")
    assert "`TimeLimit`" in section(page, "KEYS OF UPDATE JobId=")
    assert "`State`" in section(page, "KEYS OF UPDATE NodeName=")
    assert "`MaxTime`" in section(page, "KEYS OF UPDATE PartitionName=")


def test_fields_of_the_lists_are_named():
    squeue = command_page("squeue")
    assert "`%i`\nJOBID" in section(squeue, "FIELDS OF --format")
    assert "arrayjobid" in section(squeue, "FIELDS OF --Format")
    assert "MaxRSS" in section(command_page("sacct"), "FIELDS OF --format")
    assert "`%P`" in section(command_page("sinfo"), "FIELDS OF --format")
    assert "RawShares" in section(command_page("sshare"), "FIELDS OF --format")
    assert "FIELDS OF --format" not in headings(command_page("scancel"))


def test_variables_of_the_job_are_those_that_it_gets():
    names = job_variables()
    assert names == sorted(set(names))
    assert {"SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_TASK_PID"} <= set(names)
    assert "`SLURM_ARRAY_TASK_ID`" in section(command_page("sbatch"), "VARIABLES OF THE JOB")


def test_a_command_without_prose_still_gets_a_page(monkeypatch):
    assert "works like the command of the same name" in prose("brand-new").description
    monkeypatch.setitem(COMMANDS, "brand-new", ("brand_new", "Do something."))
    page = own_page("brand-new")
    assert section(page, "DESCRIPTION") == "Do something."
    assert section(page, "SYNOPSIS") == "`scns brand-new` [*OPTIONS*] *[ARGUMENTS]*"


@pytest.mark.parametrize(
    ("sentence", "phrase"),
    [
        ("Submit a batch script.", "submit a batch script"),
        ("A thing.", "a thing"),
        ("CPU time of jobs.", "CPU time of jobs"),
    ],
)
def test_name_line_is_a_phrase(sentence, phrase):
    assert as_phrase(sentence) == phrase


# 配置文件的键


@pytest.mark.parametrize(
    ("known", "meanings"),
    [
        (KEYS, keys.MEANINGS),
        (NODE_KEYS, keys.NODE_MEANINGS),
        (PARTITION_KEYS, keys.PARTITION_MEANINGS),
    ],
)
def test_every_key_with_an_effect_has_a_meaning(known, meanings):
    used = {key.name for key in known.values() if key.used and key.name not in keys.INERT}
    assert used == set(meanings)
    assert all(text.endswith(".") for text in meanings.values())


def test_inert_keys_are_keys():
    names = {key.name for table in (KEYS, PARTITION_KEYS) for key in table.values() if key.used}
    assert names >= keys.INERT


def test_configuration_page_tells_keys_that_work_from_those_that_do_not():
    page = configuration_page()
    assert "`MaxArraySize`=*number*" in section(page, "KEYS")
    assert "Default: `1001`." in section(page, "KEYS")
    assert "InactiveLimit" not in section(page, "KEYS")
    assert "InactiveLimit" in section(page, "KEYS WITHOUT EFFECT")
    assert "SelectType" in section(page, "KEYS WITHOUT EFFECT")


# 记号与 roff


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", [(ROMAN, "plain")]),
        ("a `b` *c*", [(ROMAN, "a "), (BOLD, "b"), (ROMAN, " "), (ITALIC, "c")]),
        ("`a*b`", [(BOLD, "a*b")]),
        ("2 * 3", [(ROMAN, "2 * 3")]),
        ("a ` b", [(ROMAN, "a ` b")]),
        ("", []),
    ],
)
def test_marks_become_fonts_and_single_ones_stay(text, expected):
    assert [span for span in spans(text) if span[1]] == expected


def test_every_special_character_prints_itself():
    assert escape(r"a\b-c^d~e`f") == r"a\(rsb\-c\(had\(tie\(gaf"


def test_lines_that_would_be_requests_are_guarded():
    page = Page("x", 1, "y")
    page.heading('SAY "NO"')
    page.paragraphs(".hidden file\n\n    'quoted'\n    .dot")
    page.item("`.rc`", "'tis")
    lines = roff(page).splitlines()
    assert '.SH "SAY \\(dqNO\\(dq"' in lines
    assert r"\&.hidden file" in lines
    assert r"\(aqquoted\(aq" in lines
    assert r"\&.dot" in lines
    assert r"\fB.rc\fR" in lines
    assert r"\&'tis" in lines


@pytest.mark.parametrize("name", PAGES)
def test_source_is_ascii_and_has_only_known_requests_and_escapes(name):
    source = roff(PAGES[name])
    assert source.isascii()
    lines = source.splitlines()
    assert lines[1].startswith('.TH "')
    for line in lines[1:]:
        if line[:1] in (".", "'"):
            assert line.split(" ")[0] in (
                ".TH", ".SH", ".PP", ".TP", ".RS", ".RE", ".nf", ".fi", ".nh", ".ad",
            ), line  # fmt: skip
        assert "\\" not in ESCAPES.sub("", line), line
        assert line.count(r"\fB") + line.count(r"\fI") == line.count(r"\fR"), line
        assert line.strip()
    assert source.count("\n.RS") == source.count("\n.RE")
    assert source.count("\n.nf") == source.count("\n.fi")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("name", PAGES)
def test_groff_has_nothing_to_complain_about(name):
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8"],
        input=roff(PAGES[name]).encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", b"")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_options_can_be_copied_from_the_formatted_page():
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-P-c", "-P-b", "-P-u"],
        input=roff(PAGES["sbatch.1"]).encode(),
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode()
    assert "--ntasks-per-node" in text
    assert "sbatch --wrap='make -j4' -c 4" in text
    assert "first=$(sbatch --parsable job.sh)" in text


# 显示


@pytest.mark.parametrize("name", PAGES)
def test_plain_text_keeps_to_the_width_and_shows_no_marks(name):
    page = PAGES[name]
    text = plain(page, 80)
    examples = {f"{' ' * 11}{line}" for kind, e in page.blocks if kind == EXAMPLE
                for line in e.split("\n")}  # fmt: skip
    for line in text.splitlines():
        # 词条写在一行里，不折
        assert len(line) <= 80 or line in examples or line.startswith(" " * 7 + line.strip()), line
        assert line == line.rstrip()
    assert "`" not in text
    assert "\n\n\n" not in text
    assert text.startswith(f"{page.name}({page.section})\n\nNAME\n")


def test_page_is_printed_when_nobody_looks(capsys):
    show.show(show.find("sbatch"))
    assert capsys.readouterr().out == plain(PAGES["sbatch.1"])


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("sbatch", "sbatch.1"),
        ("up", "scns-up.1"),
        ("scns-up", "scns-up.1"),
        ("scns", "scns.1"),
        ("scns.conf", "scns.conf.5"),
        ("conf", "scns.conf.5"),
    ],
)
def test_pages_are_found_by_the_name_of_the_command(name, page):
    assert show.find(name).file_name == page


def test_unknown_page_is_an_error_that_says_what_to_do():
    with pytest.raises(UsageError, match=r"No manual page for sbtach; 'scns --help' lists"):
        show.find("sbtach")


def test_all_pages_are_written_where_man_looks(tmp_path):
    assert show.install(tmp_path) == len(PAGES)
    written = {path.name: path for path in tmp_path.rglob("*.*") if path.is_file()}
    assert set(written) == set(PAGES)
    assert written["scns.conf.5"].parent.name == "man5"
    assert written["sbatch.1"].parent.name == "man1"
    assert written["sbatch.1"].read_text("ascii") == roff(PAGES["sbatch.1"])
    show.install(tmp_path)


def scns(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scns", *words], capture_output=True, text=True, check=False
    )


def test_command_shows_installs_and_refuses(tmp_path):
    assert scns("man").stdout.startswith("scns(1)\n")
    assert scns("man", "squeue").stdout.startswith("squeue(1)\n")
    done = scns("man", "--install", str(tmp_path / "share"))
    assert done.returncode == 0
    assert (tmp_path / "share" / "man1" / "scns-why.1").exists()
    refused = scns("man", "nonsense")
    assert refused.returncode == 1
    assert refused.stderr.startswith("scns: error: No manual page for nonsense")
    (tmp_path / "file").write_text("")
    refused = scns("man", "--install", str(tmp_path / "file" / "below"))
    assert refused.returncode == 1
    assert refused.stderr.startswith("scns: error: Cannot write")


@pytest.mark.parametrize("pager", ["", "no-such-pager", "cat -n"])
def test_terminal_without_man_gets_the_pager_or_the_plain_text(pager, monkeypatch, capfd):
    monkeypatch.setattr(show.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(show, "_through_man", lambda page: False)
    monkeypatch.setattr(show.shutil, "which", lambda word: None if word != "cat" else "/bin/cat")
    monkeypatch.setenv("PAGER", pager)
    show.show(PAGES["sdiag.1"])
    shown = capfd.readouterr().out
    assert "sdiag(1)" in shown
    assert shown.startswith("     1\t") == (pager == "cat -n")


def test_man_is_given_a_file_with_the_page(tmp_path, monkeypatch):
    stand_in = tmp_path / "man"
    stand_in.write_text(f'#!/bin/sh\n[ "$1" = -l ] && cp "$2" {tmp_path}/shown\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(show.sys.stdout, "isatty", lambda: True, raising=False)
    show.show(PAGES["scns.1"])
    assert (tmp_path / "shown").read_text() == roff(PAGES["scns.1"])


def test_building_needs_only_the_standard_library():
    root = Path(__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "from scns.cli.man.show import pages; pages()\n"
        "names = {name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(names - {'scns', '__main__'}))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
