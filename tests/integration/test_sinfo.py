"""sinfo：列、归组、筛选、次序、JSON 与消息。

期望的输出是真的 Slurm 22.05 对同样的节点所说的：golden/sinfo.toml，以及照着它另录的。
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from typing import Any

import pytest

from scns.cli.fields.nodes import CODES, NAMES
from scns.cli.sinfo.read import NODE, PARTITION
from tests.integration.answering import Shell, start, submit

HEADER = "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\n"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """没有会改变输出的环境变量，本地时区是 UTC，用户是管理员。"""
    for name in list(os.environ):
        if name.startswith(("SINFO_", "SLURM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("scns.db.connect.user_role", lambda: "u:root")
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.fixture
def shell(database, monkeypatch):
    return Shell(database, monkeypatch)


@pytest.fixture
def sinfo(shell):
    """执行 sinfo，返回标准输出；出错就失败。"""

    def call(*words: str) -> str:
        outcome = shell("sinfo", *words)
        assert (outcome.code, outcome.err) == (0, ""), outcome
        return outcome.out

    return call


@pytest.fixture
def one(cursor):
    """golden 的场地：一个节点 n1，8 个 CPU；分区 main、short、closed。"""
    add_node(cursor, "n1", cpus=8, sockets=8, memory=8000, address="127.0.0.1")
    add_partition(cursor, "main", "n1", is_default=True)
    add_partition(cursor, "short", "n1", max_time=600, default_time=300)
    add_partition(cursor, "closed", "n1", state="DOWN")


@pytest.fixture
def many(cursor):
    """录制时的场地：fake[1-12]、other[1-2]、vm，各种状态；分区 main、short、closed、wide。"""
    for number in range(1, 13):
        add_node(cursor, f"fake{number}", cpus=4, sockets=4, memory=4000, features=["f1", "f2"])
    for number in (1, 2):
        add_node(
            cursor,
            f"other{number}",
            cpus=16,
            sockets=2,
            cores_per_socket=4,
            threads_per_core=2,
            memory=6000,
            tmp_disk=100,
            weight=3,
        )
    add_node(cursor, "vm", cpus=8, sockets=8, memory=8000, cpu_load=173, free_memory=22699)
    names = [f"fake{number}" for number in range(1, 13)] + ["other1", "other2"]
    update(cursor, names, last_seen=None)
    update(cursor, [f"fake{n}" for n in range(5, 13)], down=True, reason="fake", reason_uid=0)
    update(cursor, ["other2"], down=True, reason="none-such", reason_uid=0)
    update(
        cursor,
        ["fake2"],
        down=True,
        drain=True,
        reason="a reason with more than twenty letters",
        reason_uid=0,
        reason_time="2026-11-24T11:26:40Z",
    )
    add_partition(cursor, "main", "vm", is_default=True)
    add_partition(cursor, "short", "vm", max_time=600, default_time=300)
    add_partition(cursor, "closed", "vm", state="DOWN")
    add_partition(cursor, "wide", *names, "vm", max_time=86400, max_nodes=9)


def insert(cursor, table, columns):
    names = ", ".join(columns)
    marks = ", ".join(f"%({name})s" for name in columns)
    cursor.execute(
        f"INSERT INTO scns.{table} (position, {names}) SELECT count(*), {marks} FROM scns.{table}",
        columns,
    )


def add_node(cursor, name, **columns: Any):
    insert(cursor, "node", {"name": name, "last_seen": "2099-01-01"} | columns)


def add_partition(cursor, name, *nodes, options=None, **columns: Any):
    insert(
        cursor,
        "partition",
        {"name": name, "nodes": list(nodes), "options": json.dumps(options or {})} | columns,
    )


def update(cursor, names, **columns):
    setting = ", ".join(f"{name} = %({name})s" for name in columns)
    cursor.execute(
        f"UPDATE scns.node SET {setting} WHERE name = ANY (%(names)s)", columns | {"names": names}
    )


def occupy(cursor, name, cpus, memory=0):
    update(cursor, [name], cpus_alloc=cpus, memory_alloc=memory)


# ── 默认的格式 ──────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("one")
def test_default_columns(sinfo):
    assert sinfo() == (
        HEADER
        + "main*        up   infinite      1   idle n1\n"
        + "short        up      10:00      1   idle n1\n"
        + "closed     down   infinite      1   idle n1\n"
    )


@pytest.mark.usefixtures("one")
def test_summary(sinfo):
    assert sinfo("-s") == (
        "PARTITION AVAIL  TIMELIMIT   NODES(A/I/O/T) NODELIST\n"
        "main*        up   infinite          0/1/0/1 n1\n"
        "short        up      10:00          0/1/0/1 n1\n"
        "closed     down   infinite          0/1/0/1 n1\n"
    )


@pytest.mark.usefixtures("one")
def test_long_starts_with_the_date(sinfo):
    date, _, table = sinfo("-l").partition("\n")
    time.strptime(date, "%a %b %d %H:%M:%S %Y")
    assert table == (
        "PARTITION AVAIL  TIMELIMIT   JOB_SIZE ROOT OVERSUBS     GROUPS  NODES       STATE"
        " NODELIST\n"
        "main*        up   infinite 1-infinite   no       NO        all      1        idle n1\n"
        "short        up      10:00 1-infinite   no       NO        all      1        idle n1\n"
        "closed     down   infinite 1-infinite   no       NO        all      1        idle n1\n"
    )
    assert "\n" not in sinfo("-l", "-h", "-p", "short").rstrip("\n")


@pytest.mark.usefixtures("one")
def test_each_node_and_partition(sinfo):
    assert sinfo("-N") == (
        "NODELIST   NODES PARTITION STATE \n"
        "n1             1     main* idle  \n"
        "n1             1     short idle  \n"
        "n1             1    closed idle  \n"
    )


@pytest.mark.usefixtures("one")
def test_each_node_in_long(sinfo):
    assert sinfo("-N", "-l", "-p", "short").split("\n")[1:] == [
        "NODELIST   NODES PARTITION       STATE CPUS    S:C:T MEMORY TMP_DISK WEIGHT AVAIL_FE"
        " REASON              ",
        "n1             1     short        idle 8       8:1:1   8000        0      1   (null)"
        " none                ",
        "",
    ]


@pytest.mark.usefixtures("one")
def test_reasons_of_nothing(sinfo):
    assert sinfo("-R") == "REASON               USER      TIMESTAMP           NODELIST\n"


@pytest.mark.usefixtures("many")
def test_states_are_apart_in_the_order_of_slurm(sinfo):
    assert sinfo() == (
        HEADER
        + "main*        up   infinite      1   idle vm\n"
        + "short        up      10:00      1   idle vm\n"
        + "closed     down   infinite      1   idle vm\n"
        + "wide         up 1-00:00:00      1 drain* fake2\n"
        + "wide         up 1-00:00:00      4  idle* fake[1,3-4],other1\n"
        + "wide         up 1-00:00:00      9  down* fake[5-12],other2\n"
        + "wide         up 1-00:00:00      1   idle vm\n"
    )


@pytest.mark.usefixtures("many")
def test_reasons(sinfo):
    assert sinfo("-R") == (
        "REASON               USER      TIMESTAMP           NODELIST\n"
        "a reason with more t root      2026-11-24T11:26:40 fake2\n"
        "fake                 root      Unknown             fake[5-12]\n"
        "none-such            root      Unknown             other2\n"
    )
    assert sinfo("-h", "-R", "-l") == (
        "a reason with more t root(0)      2026-11-24T11:26:40 drain* fake2\n"
        "fake                 root(0)      Unknown             down*  fake[5-12]\n"
        "none-such            root(0)      Unknown             down*  other2\n"
    )


@pytest.mark.usefixtures("many")
def test_nodes_come_by_name_and_number(sinfo):
    shown = sinfo("-h", "-N", "-o", "%N %P").split("\n")[:-1]
    assert shown == [
        *(f"fake{number} wide" for number in range(1, 13)),
        "other1 wide",
        "other2 wide",
        "vm main*",
        "vm short",
        "vm closed",
        "vm wide",
    ]


def test_columns_grow_with_the_names(sinfo, cursor):
    add_node(cursor, "bigmemorynode1", cpus=1024, memory=8192)
    add_partition(cursor, "averylongpartitionname", "bigmemorynode1", state="DRAIN")
    add_partition(cursor, "none", state="INACTIVE")
    assert sinfo() == (
        "PARTITION              AVAIL  TIMELIMIT  NODES  STATE NODELIST\n"
        "averylongpartitionname drain   infinite      1   idle bigmemorynode1\n"
        "none                   inact   infinite      0    n/a \n"
    )
    assert sinfo("-N") == (
        "NODELIST        NODES              PARTITION STATE \n"
        "bigmemorynode1      1 averylongpartitionname idle  \n"
    )


def test_empty_site_prints_headers_only(sinfo):
    assert sinfo() == HEADER
    assert sinfo("-N") == "NODELIST   NODES PARTITION STATE \n"


# ── 字段 ────────────────────────────────────────────────────────────────────

#: 字母、表头与 short 分区的值。
ONE_CODES = """
a AVAIL up
A NODES(A/I) 0/1
b ACTIVE_FEATURES (null)
B MAX_CPUS_PER_NODE UNLIMITED
c CPUS 8
C CPUS(A/I/O/T) 0/8/0/8
d TMP_DISK 0
D NODES 1
e FREE_MEM N/A
E REASON none
f AVAIL_FEATURES (null)
F NODES(A/I/O/T) 0/1/0/1
g GROUPS all
G GRES (null)
h OVERSUBSCRIBE NO
H TIMESTAMP Unknown
I PRIO_JOB_FACTOR 1
l TIMELIMIT 10:00
L DEFAULTTIME 5:00
m MEMORY 8000
M PREEMPT_MODE OFF
n HOSTNAMES n1
N NODELIST n1
o NODE_ADDR 127.0.0.1
O CPU_LOAD N/A
p PRIO_TIER 1
P PARTITION short
r ROOT no
R PARTITION short
s JOB_SIZE 1-infinite
S ALLOCNODES all
t STATE idle
T STATE idle
u USER Unknown
U USER Unknown
v VERSION N/A
V CLUSTER N/A
w WEIGHT 1
X SOCKETS 8
Y CORES 1
z S:C:T 8:1:1
Z THREADS 1
"""


@pytest.mark.usefixtures("one")
def test_every_code(sinfo):
    rows = [line.split(" ", 2) for line in ONE_CODES.strip().split("\n")]
    asked = "".join(f"%{letter};" for letter, _, _ in rows)
    headers, values, _ = sinfo("-p", "short", "-o", asked).split("\n")
    assert headers.split(";")[:-1] == [header for _, header, _ in rows]
    assert dict(zip(CODES, values.split(";"), strict=False)) == {
        letter: value for letter, _, value in rows
    }
    assert [letter for letter, _, _ in rows] == list(CODES)


#: 名字、表头与 short 分区的值。
ONE_NAMES = """
AllocMem ALLOCMEM 0
AllocNodes ALLOCNODES all
Available AVAIL up
Cluster CLUSTER N/A
Comment COMMENT (null)
Cores CORES 1
CPUs CPUS 8
CPUsLoad CPU_LOAD N/A
CPUsState CPUS(A/I/O/T) 0/8/0/8
DefaultTime DEFAULTTIME 5:00
Disk TMP_DISK 0
Extra EXTRA (null)
Features AVAIL_FEATURES (null)
features_act ACTIVE_FEATURES (null)
FreeMem FREE_MEM N/A
Gres GRES (null)
GresUsed GRES_USED (null)
Groups GROUPS all
MaxCPUsPerNode MAX_CPUS_PER_NODE UNLIMITED
Memory MEMORY 8000
NodeAddr NODE_ADDR 127.0.0.1
NodeAI NODES(A/I) 0/1
NodeAIOT NODES(A/I/O/T) 0/1/0/1
NodeHost HOSTNAMES n1
NodeList NODELIST n1
Nodes NODES 1
OverSubscribe OVERSUBSCRIBE NO
Partition PARTITION short
PartitionName PARTITION short
Port PORT 0
PreemptMode PREEMPT_MODE OFF
PriorityJobFactor PRIO_JOB_FACTOR 1
PriorityTier PRIO_TIER 1
Reason REASON none
Root ROOT no
Share OVERSUBSCRIBE NO
Size JOB_SIZE 1-infinite
SocketCoreThread S:C:T 8:1:1
Sockets SOCKETS 8
StateCompact STATE idle
StateComplete STATECOMPLETE idle
StateLong STATE idle
Threads THREADS 1
Time TIMELIMIT 10:00
TimeStamp TIMESTAMP Unknown
User USER Unknown
UserLong USER Unknown
Version VERSION N/A
Weight WEIGHT 1
"""


@pytest.mark.usefixtures("one")
def test_every_named_field(sinfo):
    rows = [line.split(" ", 2) for line in ONE_NAMES.strip().split("\n")]
    asked = ",".join(f"{name}:;" for name, _, _ in rows)
    headers, values, _ = sinfo("-p", "short", "-O", asked).split("\n")
    assert headers.split(";")[:-1] == [header for _, header, _ in rows]
    assert values.split(";")[:-1] == [value for _, _, value in rows]
    assert {name.lower() for name, _, _ in rows} == set(NAMES)


#: 全部分区的节点合在一起。
MERGED = {
    "%N": "fake[1-12],other[1-2],vm\n",
    "%D %A %F": "15 0/5 0/5/10/15\n",
    "%C": "0/36/52/88\n",
    "%c %m %d %w": "4+ 4000+ 0+ 1+\n",
    "%X %Y %Z %z": "2+ 1+ 1+ 2+:1+:1+\n",
    "%O %e": "1.73-N/A 22699-N/A\n",
    "%a": "up\ndown\n",
    "%l": "infinite\n10:00\n1-00:00:00\n",
    "%s %L": "1-infinite n/a\n1-infinite 5:00\n1-9 n/a\n",
    "%t %D": "idle 1\ndrain* 1\nidle* 4\ndown* 9\n",
    "%T %D": "drained* 1\nidle* 4\ndown* 9\nidle 1\n",
    "%f %D": "(null) 3\nf1,f2 12\n",
    "%E %u %U": (
        "none Unknown Unknown\na reason with more than twenty letters root root(0)\n"
        "fake root root(0)\nnone-such root root(0)\n"
    ),
    "%o": "vm\nfake1\nfake2\nfake3\nfake4\nfake5\nfake6\nfake7\nfake8\nfake9\nfake10\nfake11\n"
    "fake12\nother1\nother2\n",
    "%v %G": "N/A (null)\n",
    "%P %N": "main* vm\nshort vm\nclosed vm\nwide fake[1-12],other[1-2],vm\n",
}


@pytest.mark.usefixtures("many")
def test_only_shown_differences_keep_nodes_apart(sinfo):
    found = {text: sinfo("-h", "-o", text) for text in MERGED}
    assert {text: sorted(rows.split("\n")) for text, rows in found.items()} == {
        text: sorted(rows.split("\n")) for text, rows in MERGED.items()
    }
    for text in ("%t %D", "%P %N"):
        assert found[text] == MERGED[text]


@pytest.mark.usefixtures("many")
def test_exact_keeps_sizes_apart(sinfo):
    assert sinfo("-h", "-e", "-p", "wide", "-o", "%c %m %D %N") == (
        "4 4000 12 fake[1-12]\n16 6000 2 other[1-2]\n8 8000 1 vm\n"
    )
    assert sinfo("-h", "-e", "-p", "wide", "-o", "%z %D") == "4:1:1 12\n2:4:2 2\n8:1:1 1\n"
    assert sinfo("-h", "-e", "-p", "wide", "-o", "%O %D") == "N/A 14\n1.73 1\n"
    # 没有印出的不分
    assert sinfo("-h", "-e", "-p", "wide", "-o", "%D") == "15\n"


@pytest.mark.usefixtures("many")
def test_complete_states(sinfo):
    assert sinfo("-h", "-p", "wide", "-O", "statecomplete:", "-S", "-t") == (
        "down+drain+not_responding\nidle+not_responding\ndown+not_responding\nidle\n"
    )


def test_counts_of_cpus_become_kilo(sinfo, cursor):
    add_node(cursor, "a", cpus=1024, sockets=1024, memory=8192, tmp_disk=4096)
    add_node(cursor, "b", cpus=2048, sockets=2048, memory=1048576, tmp_disk=1536, weight=2048)
    add_node(cursor, "c", cpus=1536, memory=1000)
    add_partition(cursor, "p", "a", "b", "c")
    assert sinfo("-h", "-N", "-o", "%c %m %d %w %X %z %C") == (
        "1K 8192 4096 1 1K 1K:1:1 0/1024/0/1024\n"
        "2K 1048576 1536 2048 2K 2K:1:1 0/2048/0/2048\n"
        "1.50K 1000 0 1 1 1:1:1 0/1536/0/1536\n"
    )
    assert sinfo("-h", "--noconvert", "-N", "-n", "a", "-o", "%c %z") == "1024 1024:1:1\n"


def test_partition_options(sinfo, cursor):
    add_partition(
        cursor,
        "p",
        options={
            "allow_groups": ["root", "adm"],
            "oversubscribe": "FORCE:3",
            "root_only": True,
        },
        min_nodes=2,
        max_nodes=2,
        max_cpus_per_node=7,
        priority_tier=5,
        priority_job_factor=3,
        default_time=5400,
    )
    add_partition(cursor, "q", min_nodes=2, max_nodes=1, state="INACTIVE")
    assert sinfo("-h", "-o", "%P %a %g %h %r %s %B %p %I %L") == (
        "p up root,adm FORCE:3 yes 2 7 5 3 1:30:00\nq inactive all NO no 2-1 UNLIMITED 1 1 n/a\n"
    )


def test_hidden_partitions(sinfo, cursor, monkeypatch):
    add_partition(cursor, "seen")
    add_partition(cursor, "shy", options={"hidden": True})
    assert sinfo("-h", "-o", "%R") == "seen\nshy\n"
    monkeypatch.setattr("os.geteuid", lambda: 60001)
    assert sinfo("-h", "-o", "%R") == "seen\n"
    assert sinfo("-h", "-a", "-o", "%R") == "seen\nshy\n"
    assert sinfo("-h", "-p", "shy", "-o", "%R") == "shy\n"


def test_generic_resources(sinfo, database, cursor):
    add_node(cursor, "n1", cpus=8, memory=8000, gres='{"gpu": 4, "nic": 1}', idle_cpus="{[0,8)}")
    add_partition(cursor, "main", "n1", is_default=True)
    start(cursor, submit(database))
    cursor.execute("""UPDATE scns.allocation SET gres = '{"gpu": 2}'""")
    assert sinfo("-h", "-o", "%G") == "gpu:4,nic:1\n"
    assert sinfo("-h", "-O", "gresused:,allocmem:.5") == "gpu:2    0\n"


# ── 状态 ────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("one")
def test_states_follow_the_node(sinfo, cursor):
    expected = {
        (0, False, False): "idle idle 0/8/0/8 0/1/0/1",
        (3, False, False): "mix mixed 3/5/0/8 1/0/0/1",
        (8, False, False): "alloc allocated 8/0/0/8 1/0/0/1",
        (0, True, False): "drain drained 0/0/8/8 0/0/1/1",
        (3, True, False): "drng draining 3/0/5/8 0/0/1/1",
        (0, False, True): "down down 0/0/8/8 0/0/1/1",
        (0, True, True): "drain drained 0/0/8/8 0/0/1/1",
    }
    found = {}
    for cpus, drain, down in expected:
        update(cursor, ["n1"], cpus_alloc=cpus, drain=drain, down=down, reason="r")
        found[cpus, drain, down] = sinfo("-h", "-p", "short", "-o", "%t %T %C %F").rstrip("\n")
    assert found == expected


@pytest.mark.usefixtures("one")
def test_silent_node_is_marked(sinfo, cursor):
    update(cursor, ["n1"], last_seen="2001-01-01")
    assert sinfo("-h", "-p", "short", "-o", "%t %T") == "idle* idle*\n"


@pytest.mark.usefixtures("one")
def test_node_of_a_job_going_away_is_completing(sinfo, database, cursor):
    job = submit(database)
    start(cursor, job, cpus=0)
    cursor.execute("UPDATE scns.job SET state = 'COMPLETING' WHERE id = %s", (job,))
    assert sinfo("-h", "-p", "short", "-o", "%t %T %F") == "comp completing 1/0/0/1\n"
    occupy(cursor, "n1", 8)
    assert sinfo("-h", "-p", "short", "-o", "%t %T") == "alloc+ allocated+\n"
    update(cursor, ["n1"], drain=True)
    assert sinfo("-h", "-p", "short", "-o", "%t %T") == "drng draining\n"


@pytest.mark.usefixtures("one")
def test_reason_of_nobody(sinfo, cursor):
    update(cursor, ["n1"], drain=True, reason="r", reason_uid=4294967, reason_time="2001-02-03")
    assert sinfo("-h", "-R", "-o", "%u|%U|%E") == "4294967|4294967(4294967)|r\n"


# ── 筛选 ────────────────────────────────────────────────────────────────────

#: 选项到 wide 分区里选出的节点。
FILTERS = {
    "-r": "vm",
    "-d": "fake[1-12],other[1-2]",
    "-n fake[1-2],nosuch": "fake[1-2]",
    "-n nosuch": "",
    "-n [": "",
    "-t all": "fake[1-12],other[1-2],vm",
    "-t _": "",
    "-t down": "fake[2,5-12],other2",
    "-t idle": "fake[1,3-4],other1,vm",
    "-t IDLE,drain": "fake[1-4],other1,vm",
    "-t drained": "fake2",
    "-t draining": "",
    "-t alloc": "",
    "-t mix": "",
    "-t unk": "",
    "-t no_respond": "fake[1-12],other[1-2]",
    "-t idle&no_respond": "fake[1,3-4],other1",
    "-t down&drain": "fake2",
    "-R": "fake[2,5-12],other2",
    "-R -n fake[1-5]": "fake[2,5]",
    "-r -t down": "",
}


@pytest.mark.usefixtures("many")
def test_filters(sinfo):
    found = {}
    for words in FILTERS:
        given = ["" if word == "_" else word for word in words.split()]
        found[words] = sinfo("-h", "-p", "wide", "-o", "%P|%N", *given).rstrip("\n")
    assert found == {words: f"wide|{nodes}" for words, nodes in FILTERS.items()}


@pytest.mark.usefixtures("many")
def test_partitions_without_matching_nodes_are_shown(sinfo):
    assert sinfo("-t", "down", "-p", "short") == (
        HEADER + "short        up      10:00      0    n/a \n"
    )
    # 不印分区就没有它们的行
    assert sinfo("-h", "-t", "mix", "-o", "%t") == ""
    assert sinfo("-h", "-N", "-t", "mix") == ""


@pytest.mark.usefixtures("one")
def test_partitions_by_name(sinfo, monkeypatch):
    expected = {"short": "short", "closed,main": "main closed", "nosuch": "", "": ""}
    found = {names: " ".join(sinfo("-h", "-p", names, "-o", "%R").split()) for names in expected}
    assert found == expected
    monkeypatch.setenv("SINFO_PARTITION", "short")
    assert sinfo("-h", "-o", "%R") == "short\n"


# ── 次序 ────────────────────────────────────────────────────────────────────

#: 键到各行；一行是分区的头一个字母与状态。
ORDERS = {
    None: "m:idle s:idle c:idle w:drain* w:idle* w:down* w:idle",
    "#P,-t": "m:idle s:idle c:idle w:drain* w:idle* w:down* w:idle",
    "#P,t": "m:idle s:idle c:idle w:idle w:down* w:idle* w:drain*",
    "P,-t": "c:idle m:idle s:idle w:drain* w:idle* w:down* w:idle",
    "-P,-t": "w:drain* w:idle* w:down* w:idle s:idle m:idle c:idle",
    "-t,#P": "w:drain* w:idle* w:down* m:idle s:idle c:idle w:idle",
    "T,P": "c:idle m:idle s:idle w:idle w:down* w:idle* w:drain*",
    "D,#P,-t": "m:idle s:idle c:idle w:drain* w:idle w:idle* w:down*",
    "-D,#P,-t": "w:down* w:idle* m:idle s:idle c:idle w:drain* w:idle",
    "a,#P,-t": "c:idle m:idle s:idle w:drain* w:idle* w:down* w:idle",
    "l,#P,-t": "s:idle w:drain* w:idle* w:down* w:idle m:idle c:idle",
    "-l,#P,-t": "m:idle c:idle w:drain* w:idle* w:down* w:idle s:idle",
    "N,#P": "w:idle* w:drain* w:down* m:idle s:idle c:idle w:idle",
    "-m,#P": "m:idle s:idle c:idle w:idle w:idle* w:drain* w:down*",
    "@,#P,-t": "m:idle s:idle c:idle w:drain* w:idle* w:down* w:idle",
}


@pytest.mark.usefixtures("many")
def test_order_of_rows(sinfo):
    found = {}
    for keys in ORDERS:
        words = [] if keys is None else ["-S", keys]
        shown = sinfo("-h", "-o", "%.1R:%t", *words).split()
        found[keys] = " ".join(shown)
    assert found == ORDERS


@pytest.mark.usefixtures("many")
def test_every_sort_key_sorts(sinfo):
    for letter in CODES:
        for keys in (letter, "-" + letter):
            assert sinfo("-h", "-S", keys).count("\n") == 7


@pytest.mark.usefixtures("many")
def test_sort_variable(sinfo, monkeypatch):
    monkeypatch.setenv("SINFO_SORT", "-P")
    assert sinfo("-h", "-o", "%R") == "wide\nshort\nmain\nclosed\n"
    assert sinfo("-h", "-o", "%R", "-S", "P") == "closed\nmain\nshort\nwide\n"


# ── 格式与消息 ──────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("one")
def test_format_language(sinfo):
    expected = {
        "%10P|%.10P|%3P|": "short     |     short|sho|\n",
        "x%P": "xshort\n",
        "%%D": "1\n",
        "abc": "abc\n",
        "": "\n",
    }
    assert {text: sinfo("-h", "-p", "short", "-o", text) for text in expected} == expected


@pytest.mark.usefixtures("one")
def test_unknown_codes(shell):
    outcome = shell("sinfo", "-h", "-p", "short", "-o", "%i|%~|%5x|%P")
    assert outcome.out == "%i|%~|%5x|short\n"
    assert outcome.err == "".join(f"Invalid node format specification: {x}\n" for x in "i~x")
    outcome = shell("sinfo", "-p", "short", "-O", "partition:,nodes:.5,Bogus:4|,cpus:3x")
    assert outcome.out == "PARTITIONNODES|CPUx\nshort    1|8  x\n"
    assert outcome.err == "sinfo: error: Invalid job format specification: Bogus\n"


@pytest.mark.usefixtures("one")
def test_all_codes(sinfo):
    headers, values, _ = sinfo("-p", "short", "-o", "%all").split("\n")
    assert headers.startswith("AVAIL|ACTIVE_FEATURES|CPUS|")
    assert "|S:C:T|NODES(A/I) |MAX_CPUS_PER_NODE |" in headers
    assert headers.endswith("|CORES |THREADS ")
    assert len(headers.split("|")) == len(values.split("|")) == 42


@pytest.mark.usefixtures("one")
def test_later_of_both_formats_wins(sinfo, monkeypatch):
    assert sinfo("-p", "short", "-o", "%P", "-O", "nodes:") == "NODES\n1\n"
    monkeypatch.setenv("SINFO_FORMAT", "%P %a")
    assert sinfo("-h", "-p", "short") == "short up\n"
    assert sinfo("-h", "-p", "short", "-o", "%a") == "up\n"


VALID = (
    "unknown,down,idle,allocated,?,mixed,future,drain,drained,draining,no_respond,reserved,"
    "perfctrs,cloud,completing,powering_down,powered_down,power_down,powering_up,fail,maint,"
    "reboot,reboot^,unknown"
)

#: 词、标准输出、标准错误与退出码。
MESSAGES = [
    (
        ["-t", "down,bogus"],
        "",
        f'sinfo: error: Bad state string: "bogus"\nsinfo: error: valid states: {VALID}\n',
        1,
    ),
    (["-i", "abc"], "", "sinfo: error: Error: invalid entry for --iterate=abc\n", 1),
    (["-i", "0"], "", "sinfo: error: Error: invalid entry for --iterate=0\n", 1),
    (
        ["-a", "-p", "short"],
        "",
        "sinfo: error: Conflicting options, -a and -p, specified."
        " Please choose one or the other.\n",
        1,
    ),
    (
        ["--nosuch"],
        "",
        "sinfo: unrecognized option '--nosuch'\nTry \"sinfo --help\" for more information\n",
        1,
    ),
    (
        ["-M", "nosuch"],
        "",
        "sinfo: error: No cluster 'nosuch' known by database.\n"
        "sinfo: error: 'nosuch' can't be reached now, or it is an invalid entry for --cluster."
        "  Use 'sacctmgr list clusters' to see available clusters.\n",
        1,
    ),
    (["-T"], "No reservations in the system\n", "", 0),
    (["-h", "-p", "nosuch", "stray"], "", "", 0),
    (["-p", "nosuch"], HEADER, "", 0),
]


@pytest.mark.usefixtures("one")
def test_messages(shell):
    found = []
    for words, *_ in MESSAGES:
        outcome = shell("sinfo", *words)
        found.append((words, outcome.out, outcome.err, outcome.code))
    assert found == MESSAGES


@pytest.mark.usefixtures("one")
def test_cluster_is_named(sinfo, cursor):
    cursor.execute("INSERT INTO scns.setting (name, value) VALUES ('ClusterName', 'scns')")
    assert sinfo("-M", "scns", "-h", "-p", "short", "-o", "%a") == "CLUSTER: scns\nup\n"


@pytest.mark.parametrize("word", ["--help", "--usage", "--version"])
def test_help_needs_no_database(monkeypatch, word):
    outcome = Shell(None, monkeypatch)("sinfo", word)
    assert outcome.code == 0
    assert outcome.out


@pytest.mark.usefixtures("one")
def test_iterate_repeats_with_a_date_and_a_blank_line(shell, monkeypatch):
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", pause)
    dates: list[str] = []
    monkeypatch.setattr("scns.cli.slurm.sinfo.today", lambda: dates.append("") or "DATE")
    with pytest.raises(KeyboardInterrupt):
        shell("sinfo", "-i", "3", "-p", "short")
    assert pauses == [3, 3]
    assert len(dates) == 2


# ── JSON ────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("many")
def test_json(sinfo, cursor):
    occupy(cursor, "vm", 2, 128)
    found = json.loads(sinfo("--json", "-p", "short", "-n", "nosuch"))
    assert list(found) == ["meta", "errors", "nodes"]
    nodes = {node["name"]: node for node in found["nodes"]}
    assert len(nodes) == 15
    expected = {
        "cores": 1,
        "cpu_load": 173,
        "free_memory": 22699,
        "cpus": 8,
        "features": "",
        "hostname": "vm",
        "state": "mixed",
        "state_flags": [],
        "partitions": ["main", "short", "closed", "wide"],
        "real_memory": 8000,
        "reason": "",
        "reason_set_by_user": None,
        "sockets": 8,
        "tres": "cpu=8,mem=8000M,billing=8",
        "alloc_memory": 128,
        "alloc_cpus": 2,
        "idle_cpus": 6,
        "tres_used": "cpu=2,mem=128M",
        "tres_weighted": 2.0,
    }
    assert {key: nodes["vm"][key] for key in expected} == expected
    drained = nodes["fake2"]
    assert (drained["state"], drained["state_flags"]) == ("down", ["DRAIN", "NOT_RESPONDING"])
    assert drained["reason_changed_at"] == 1795519600
    assert drained["reason_set_by_user"] == "root"
    assert (drained["cpu_load"], drained["free_memory"]) == (4294967294, -2)
    assert drained["tres_used"] is None
    assert len(drained) == 45


@pytest.mark.usefixtures("one")
def test_yaml(sinfo):
    text = sinfo("--yaml")
    assert "\n- !!map\n  !!str architecture: !!null null\n" in text
    assert '\n  !!str tres: !!str "cpu=8,mem=8000M,billing=8"\n' in text


def test_json_of_an_empty_site(sinfo):
    assert json.loads(sinfo("--json"))["nodes"] == []
    assert sinfo("--yaml").endswith("!!str nodes: !!seq []\n...\n")


# ── 其余 ────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("many")
def test_random_formats_have_the_right_widths(sinfo):
    chosen = random.Random(5)
    for _ in range(80):
        short = chosen.random() < 0.5
        table = CODES if short else NAMES
        items, total = [], 0
        for _ in range(chosen.randrange(1, 8)):
            name = chosen.choice(list(table))
            # 靠右时不截断的表头另有测试
            dot = "" if table[name].whole else chosen.choice(("", "."))
            width = chosen.randrange(1, 40)
            items.append(f"%{dot}{width}{name}" if short else f"{name}:{dot}{width}")
            total += width
        option = chosen.choice(("-N", "-e", "-r", "-h", "-l"))
        text = ("" if short else ",").join(items)
        lines = sinfo(option, "-o" if short else "-O", text).split("\n")[:-1]
        assert {len(line) for line in lines[option == "-l" :]} <= {total}, text


@pytest.mark.usefixtures("one")
def test_headers_of_names_are_not_cut_when_justified_right(sinfo):
    assert sinfo("-p", "short", "-o", "%.1n|%1n|%.1N|%1N|%.1o|%.1P|") == (
        "HOSTNAMES|H|NODELIST|N|NODE_ADDR|P|\nn|n|n|n|1|s|\n"
    )


def test_columns_that_are_read_exist(cursor):
    for columns, relation in ((NODE, "node_list n"), (PARTITION, "partition_list p")):
        listed = ", ".join(columns.values())
        cursor.execute(f"SELECT {listed} FROM scns.{relation}")
        assert len(cursor.description) == len(columns)


@pytest.mark.usefixtures("one")
def test_anybody_may_look(shell):
    outcome = shell("sinfo", user="u:alice")
    assert (outcome.code, outcome.err) == (0, "")
    assert re.fullmatch(re.escape(HEADER) + r"(.*\n){3}", outcome.out)
