"""scns.conf(5)，由 `scns.conf_model` 的键得出：哪些起作用，哪些认得而不起作用。"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scns.cli.man.commands import see_also
from scns.cli.man.keys import INERT, MEANINGS, NODE_MEANINGS, PARTITION_MEANINGS
from scns.cli.man.page import Page
from scns.conf_model import KEYS, NODE_KEYS, PARTITION_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.conf_model import Key

_GRAMMAR = """
The file has the grammar and the words of slurm.conf(5) of Slurm 22.05: a site that outgrows
scns takes its file along, and one that comes from Slurm brings it. Each line holds
*KEY*=*VALUE*; upper and lower case of keys are the same; `#` begins a comment; a backslash at
the end of a line continues it; `Include` *FILE* reads another file. A value with blanks is
quoted. Lines that begin with `NodeName`, `PartitionName`, `NodeSet` or `DownNodes` describe one
record with several keys.

scns reads `$SCNS_CONF`, else `$SCNS_HOME/scns.conf`, else `/etc/scns/scns.conf`. Without a file
there is this machine, with all of its CPUs and memory, and one partition `main` without limits.
`scontrol reconfigure` reads the file again.

A key of Slurm that scns does not use is accepted, and `scns doctor` lists it. A key that Slurm does
not know is an error that names the file and the line.
"""

_EXAMPLE = """
A machine with two partitions, one for short jobs:

    ClusterName=lab
    DefMemPerCPU=2000
    NodeName=node01 CPUs=64 RealMemory=256000 Gres=gpu:a100:2
    PartitionName=main Nodes=ALL Default=YES MaxTime=UNLIMITED
    PartitionName=short Nodes=ALL MaxTime=60 PriorityTier=2

Priority by waiting time and fair share:

    PriorityWeightAge=1000
    PriorityWeightFairshare=10000
    PriorityDecayHalfLife=7-0
"""


def configuration_page() -> Page:
    """返回手册页 scns.conf(5)。"""
    page = Page("scns.conf", 5, "the configuration file of scns")
    page.heading("DESCRIPTION")
    page.paragraphs(_GRAMMAR)
    _section(page, "KEYS", KEYS, MEANINGS)
    _section(page, "KEYS OF NodeName=", NODE_KEYS, NODE_MEANINGS)
    _section(page, "KEYS OF PartitionName=", PARTITION_KEYS, PARTITION_MEANINGS)
    page.heading("OTHER RECORDS")
    page.item("`NodeSet`=*NAME* `Nodes`=*NODES* | `Feature`=*NAMES*", "A name for several nodes.")
    page.item("`DownNodes`=*NODES* `State`=*STATE* `Reason`=*TEXT*", "Nodes out of service.")
    page.heading("KEYS WITHOUT EFFECT")
    page.paragraphs("The values of these keys are checked and shown, and have no effect:")
    page.paragraphs(_names(INERT))
    for title, keys in (
        ("These keys of Slurm are accepted and not looked at:", KEYS),
        ("After `NodeName`:", NODE_KEYS),
        ("After `PartitionName`:", PARTITION_KEYS),
    ):
        page.paragraphs(title)
        page.paragraphs(_names({key.name for key in keys.values() if not key.used}))
    page.heading("EXAMPLES")
    page.paragraphs(_EXAMPLE)
    see_also(page, "scns-doctor", "scontrol")
    return page


def _names(names: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names, key=str.lower))


def _section(page: Page, title: str, keys: Mapping[str, Key], meanings: Mapping[str, str]) -> None:
    page.heading(title)
    used = {key.name: key for key in keys.values() if key.used and key.name not in INERT}
    for name in sorted(used, key=str.lower):
        page.item(f"`{name}`=*{_value(used[name])}*", _meaning(used[name], meanings.get(name, "")))


def _value(key: Key) -> str:
    return key.kind.name if key.kind is not None else ""


def _meaning(key: Key, text: str) -> str:
    """一句含义，后面是默认值；没有默认值或默认值就是空的，不写。"""
    if key.kind is None or key.default in (None, "", (), {}):
        return text
    return f"{text} Default: `{key.kind.show(key.default)}`."
