"""仿 Slurm 的命令的手册页，由选项表、字段表与 `prose` 得出。"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from scns.cli import SLURM_COMMANDS
from scns.cli.man.page import Page
from scns.cli.man.prose import Prose, prose
from scns.cli.options import ACCEPTED, ALIAS, FLAG, IMPLEMENTED, OPTIONAL, STOP, Table
from scns.cli.own import COMMANDS
from scns.cli.summaries import summary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scns.cli.options import Row

#: 每个命令都看的环境变量。
SURROUNDINGS = (
    ("`SCNS_HOME`", "The state directory: data, sockets and logs of the instance to use."),
    ("`SCNS_DSN`", "The connection string of a PostgreSQL to use instead of the instance's own."),
)

_ABBREVIATIONS = """
Long options may be abbreviated as long as they stay unique. `--opt`=*V* and `--opt` *V*, `-o`*V*
and `-o` *V* are the same; a value that may be left out is attached: `--opt`=*V* or `-o`*V*.
"""
_MARKS = """
*No effect* marks options that are read and checked and do nothing else; *refused* marks options
that end the command with the sentence that follows.
"""


def command_page(command: str) -> Page:
    """一个仿 Slurm 的命令的页。"""
    table: Table = import_module(f"scns.cli.tables.{command}").TABLE
    text = prose(command)
    page = Page(command, 1, as_phrase(summary(command)))
    synopsis(page, command, text.synopsis)
    page.heading("DESCRIPTION")
    page.paragraphs(text.description)
    if text.differences:
        page.heading("DIFFERENCES FROM SLURM")
        page.paragraphs(text.differences)
    page.heading("OPTIONS")
    if command != "seff":
        page.paragraphs(_ABBREVIATIONS + _MARKS)
    page.items(option(table, row) for row in _sorted(table))
    if command == "scontrol":
        _keywords(page)
    _fields(page, command)
    _environment(page, command, table)
    _ending(page, text)
    return page


def as_phrase(sentence: str) -> str:
    """NAME 里的写法：小写开头，没有句点。"""
    head = sentence[:1].lower() if sentence[1:2].islower() or sentence[1:2] == " " else sentence[:1]
    return (head + sentence[1:]).rstrip(".")


def synopsis(page: Page, command: str, text: str) -> None:
    """SYNOPSIS 一节；一行一种写法。"""
    page.heading("SYNOPSIS")
    for line in text.split("\n"):
        page.paragraphs(f"`{command}` {line}".rstrip())


def option(table: Table, row: Row) -> tuple[str, str]:
    """一个选项的词条与说明：各种拼法、值、环境变量、待遇。"""
    aliases = [one for one in table.rows if one[2] == ALIAS and one[3] == row[0]]
    spelled = [f"`-{one[1]}`" for one in (row, *aliases) if one[1]]
    spelled += [f"`--{one[0]}`" for one in (row, *aliases) if one[0]]
    term = ", ".join(spelled)
    if row[2] == OPTIONAL:
        term += f"[=*{row[3]}*]"
    elif row[2] not in (FLAG, STOP):
        term += f"=*{row[3]}*" if row[0] else f" *{row[3]}*"
    body = [_sentence(row[4])]
    variables = [f"`{variable}`" for variable, name in table.environ if name == row[0]]
    if variables:
        body.append(f"Also set by {' or '.join(variables)}.")
    if row[5] == ACCEPTED:
        body.append("(*No effect*.)")
    elif row[5] != IMPLEMENTED:
        body.append(f"(*Refused*: {row[5]}.)")
    return term, " ".join(body)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "..")) else text + "."


def _sorted(table: Table) -> Iterable[Row]:
    rows = [row for row in table.rows if row[2] != ALIAS]
    return sorted(rows, key=lambda row: ((row[0] or row[1]).lower(), row[0]))


def _keywords(page: Page) -> None:
    from scns.cli.tables.scontrol import KEYWORDS

    page.heading("COMMANDS")
    for name, argument, text, treatment in KEYWORDS:
        body = _sentence(text)
        if treatment != IMPLEMENTED:
            body += f" (*Refused*: {treatment}.)"
        page.item(f"`{name}` *{argument}*" if argument else f"`{name}`", body)
    for heading, names in _update_keys():
        page.heading(heading)
        page.paragraphs(", ".join(f"`{name}`" for name in names))


def _update_keys() -> list[tuple[str, list[str]]]:
    """`scontrol update` 改得了的键，照字母；取自各自的解析表。"""
    from scns.cli.scontrol import update_job, update_node, update_partition

    return [
        (f"KEYS OF UPDATE {entity}=", sorted({row[0] for row in module.KEYS}, key=str.lower))
        for entity, module in (
            ("JobId", update_job),
            ("NodeName", update_node),
            ("PartitionName", update_partition),
        )
    ]


def _fields(page: Page, command: str) -> None:
    from scns.cli.fields.catalogue import letters_of, names_of

    letters, names = letters_of(command), names_of(command)
    if letters:
        page.heading("FIELDS OF --format")
        page.items((f"`%{letter}`", header or "(no heading)") for letter, header in letters)
    if names:
        page.heading("FIELDS OF --Format" if letters else "FIELDS OF --format")
        page.paragraphs(", ".join(names))


def _environment(page: Page, command: str, table: Table) -> None:
    page.heading("ENVIRONMENT")
    if table.environ:
        page.paragraphs(
            "These variables set options; the command line wins. A variable of an option without"
            " a value sets it whatever the value."
        )
        pairs = [f"`{variable}` (`--{name}`)" for variable, name in sorted(table.environ)]
        page.paragraphs(", ".join(pairs))
    page.items(SURROUNDINGS)
    if command in ("sbatch", "srun", "salloc"):
        from scns.cli.man.variables import job_variables

        page.heading("VARIABLES OF THE JOB")
        page.paragraphs("The job sees, where they apply:")
        page.paragraphs(", ".join(f"`{name}`" for name in job_variables()))


def _ending(page: Page, text: Prose) -> None:
    page.heading("EXIT STATUS")
    page.paragraphs(text.status)
    if text.examples:
        page.heading("EXAMPLES")
        page.paragraphs(text.examples)
    see_also(page, *text.also)


def see_also(page: Page, *names: str) -> None:
    """SEE ALSO 一节；有那一页的才列，`scns` 总在最后。"""
    there = {"scns.conf", *SLURM_COMMANDS, *(f"scns-{name}" for name in COMMANDS)}
    ours = [name for name in names if name in there]
    if page.name != "scns":
        ours.append("scns")
    page.heading("SEE ALSO")
    page.paragraphs(", ".join(f"`{name}`({5 if name == 'scns.conf' else 1})" for name in ours))
