"""sinfo 的归组、筛选与次序：不要数据库的部分。"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli.fields.nodes import CODES, NAMES, NodeField
from scns.cli.options import collect, parse
from scns.cli.sinfo.groups import Filter, build, sort
from scns.cli.sinfo.model import Group, Node, Partition
from scns.cli.sinfo.read import NODE, PARTITION
from scns.cli.sinfo.record import record
from scns.cli.tables.sinfo import TABLE
from scns.errors import UsageError


def node(name: str = "n1", **columns: Any) -> Node:
    """一个八个 CPU、空闲、有应答的节点；`columns` 是另外的。"""
    given = dict.fromkeys(NODE) | {
        "name": name,
        "address": name,
        "cpus": 8,
        "sockets": 8,
        "cores_per_socket": 1,
        "threads_per_core": 1,
        "memory": 8000,
        "tmp_disk": 0,
        "weight": 1,
        "cpus_alloc": 0,
        "memory_alloc": 0,
        "features": "",
        "drain": False,
        "down": False,
        "silent": False,
        "completing": False,
    }
    return Node(given | columns)


def partition(name: str = "main", *nodes: str, **columns: Any) -> Partition:
    """一个没有限制的分区；`columns` 是另外的。"""
    given = dict.fromkeys(PARTITION) | {
        "name": name,
        "nodes": list(nodes),
        "is_default": False,
        "state": "UP",
        "min_nodes": 0,
        "priority_tier": 1,
        "priority_job_factor": 1,
        "hidden": False,
        "root_only": False,
    }
    return Partition(given | columns)


def wanted(*words: str) -> Filter:
    return Filter(collect(TABLE, parse(TABLE, words), environ={}))


def fields(letters: str) -> list[NodeField]:
    return [CODES[letter] for letter in letters]


def grouped(partitions, nodes, letters, *words, **options):
    """归组的结果：（分区，节点名）的列表。"""
    groups = build(partitions, nodes, fields(letters), wanted(*words), **options)
    return [(group.partition.name, [found.name for found in group.nodes]) for group in groups]


def lone(*nodes: Node, **columns: Any) -> Group:
    """这些节点的一组。"""
    group = Group(partition(**columns), 0, convert=True, clock=str)
    group.nodes = list(nodes)
    return group


@pytest.fixture(autouse=True)
def ordinary(monkeypatch):
    """用户不是管理员。"""
    monkeypatch.setattr("os.geteuid", lambda: 60001)


# ── 归组 ────────────────────────────────────────────────────────────────────


def test_nodes_without_visible_difference_share_a_row():
    nodes = [node("a"), node("b", cpus=4), node("c", memory=1)]
    assert grouped([partition("p", "a", "b", "c")], nodes, "Pt") == [("p", ["a", "b", "c"])]


def test_states_keep_nodes_apart_when_shown():
    nodes = [node("a"), node("b", cpus_alloc=3), node("c"), node("d", silent=True)]
    members = [partition("p", "a", "b", "c", "d")]
    assert grouped(members, nodes, "Pt") == [("p", ["a", "c"]), ("p", ["b"]), ("p", ["d"])]
    assert grouped(members, nodes, "P") == [("p", ["a", "b", "c", "d"])]


def test_partitions_share_a_row_when_they_look_the_same():
    nodes = [node("a"), node("b")]
    both = [partition("p", "a", "b"), partition("q", "b", max_time=600)]
    # 合成一行时一个节点只数一次
    assert grouped(both, nodes, "D") == [("p", ["a", "b"])]
    assert grouped(both, nodes, "l") == [("p", ["a", "b"]), ("q", ["b"])]
    assert grouped(both, nodes, "R") == [("p", ["a", "b"]), ("q", ["b"])]


def test_each_node_has_its_own_row_in_each_partition():
    nodes = [node("a"), node("b")]
    both = [partition("p", "a", "b"), partition("q", "b")]
    rows = [("p", ["a"]), ("p", ["b"]), ("q", ["b"])]
    assert grouped(both, nodes, "D", each_node=True) == rows
    assert grouped(both, nodes, "", each_node=True) == rows


def test_partition_without_nodes_has_a_row_when_named():
    empty = [partition("p")]
    assert grouped(empty, [], "P") == grouped(empty, [], "R") == [("p", [])]
    assert grouped(empty, [], "D") == []
    assert grouped(empty, [], "P", each_node=True) == []


def test_exact_compares_shown_sizes():
    nodes = [node("a"), node("b", cpus=4), node("c", memory=1)]
    members = [partition("p", "a", "b", "c")]
    assert len(grouped(members, nodes, "c", exact=True)) == 2
    assert len(grouped(members, nodes, "m", exact=True)) == 2
    assert len(grouped(members, nodes, "cm", exact=True)) == 3
    assert len(grouped(members, nodes, "t", exact=True)) == 1


def test_unknown_members_of_a_partition_are_left_out():
    assert grouped([partition("p", "a", "gone")], [node("a")], "P") == [("p", ["a"])]


@given(
    states=st.lists(
        st.tuples(st.integers(0, 8), st.booleans(), st.booleans(), st.booleans()), max_size=12
    ),
    letters=st.lists(st.sampled_from(sorted(CODES)), max_size=5),
    exact=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_every_node_is_in_one_row_of_its_partition(states, letters, exact):
    nodes = [
        node(f"n{n}", cpus_alloc=cpus, drain=drain, down=down, silent=silent, reason="r" * drain)
        for n, (cpus, drain, down, silent) in enumerate(states)
    ]
    names = [found.name for found in nodes]
    groups = build([partition("p", *names)], nodes, fields("".join(letters)), wanted(), exact=exact)
    shown = [found.name for group in groups for found in group.nodes]
    assert sorted(shown) == sorted(names)
    for group in groups:
        # 一行里的节点在不分开的字段上处处一样
        for letter in letters:
            field = CODES[letter]
            for key in filter(None, (field.node, field.exact if exact else None)):
                assert len({key(found) for found in group.nodes}) <= 1
        busy, idle, other, total = group.counts()
        assert busy + idle + other == total == len(group.nodes)
        allocated, free, rest, cpus = group.cpus()
        assert allocated + free + rest == cpus == 8 * total
        assert min(busy, idle, other, allocated, free, rest) >= 0


@given(st.lists(st.sampled_from(sorted(CODES)), max_size=4), st.booleans())
@settings(max_examples=100, deadline=None)
def test_every_field_prints_every_group(letters, short):
    groups = [
        lone(),
        lone(node(), node("n2", cpus=4, cpu_load=150, free_memory=9)),
        lone(node(down=True, silent=True, reason="r", reason_uid=0, reason_time=7)),
    ]
    table = fields("".join(letters)) if short else list(NAMES.values())
    for field, group in itertools.product(table, groups):
        assert isinstance(field.value(group), str)


# ── 值 ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("letter", "nodes", "expected"),
    [
        ("c", [], "0"),
        ("c", [{"cpus": 8}, {"cpus": 8}], "8"),
        ("c", [{"cpus": 8}, {"cpus": 4}], "4+"),
        ("c", [{"cpus": 1024}], "1K"),
        ("c", [{"cpus": 1536}], "1.50K"),
        ("c", [{"cpus": 1025}], "1025"),
        ("m", [{"memory": 2048}, {"memory": 4096}], "2048+"),
        ("O", [{}], "N/A"),
        ("O", [{"cpu_load": 173}], "1.73"),
        ("O", [{"cpu_load": 173}, {}], "1.73-N/A"),
        ("O", [{"cpu_load": 173}, {"cpu_load": 5}], "0.05-1.73"),
        ("e", [{"free_memory": 10}, {"free_memory": 9}], "9-10"),
        ("e", [{"free_memory": 10}, {"free_memory": 10}], "10"),
        ("e", [], "N/A"),
        ("z", [{}, {"sockets": 2, "cores_per_socket": 4}], "2+:1+:1"),
        ("t", [], "n/a"),
        ("T", [{"cpus_alloc": 8, "completing": True}], "allocated+"),
        ("t", [{"drain": True, "silent": True}], "drain*"),
        ("E", [{}], "none"),
        ("E", [{"reason": "why"}], "why"),
        ("u", [{"reason": "why", "reason_uid": 0}], "root"),
        ("U", [{"reason": "why", "reason_uid": 0}], "root(0)"),
        ("u", [{"reason": None, "reason_uid": 0}], "Unknown"),
        ("H", [{"reason": "why", "reason_time": 77}], "77"),
        ("H", [{"reason": "why"}], "Unknown"),
        ("v", [{"version": "1.2"}], "1.2"),
        ("G", [{"gres": "gpu:2"}], "gpu:2"),
        ("f", [{"features": "a,b"}], "a,b"),
    ],
)
def test_value_of_a_group(letter, nodes, expected):
    group = lone(*(node(f"n{n}", **columns) for n, columns in enumerate(nodes)))
    assert CODES[letter].value(group) == expected


@pytest.mark.parametrize(
    ("letter", "columns", "expected"),
    [
        ("s", {}, "1-infinite"),
        ("s", {"min_nodes": 2, "max_nodes": 9}, "2-9"),
        ("s", {"max_nodes": 1}, "1"),
        ("l", {}, "infinite"),
        ("l", {"max_time": 86400}, "1-00:00:00"),
        ("L", {}, "n/a"),
        ("L", {"default_time": 300}, "5:00"),
        ("a", {"state": "DRAIN"}, "drain"),
        ("a", {"state": "INACTIVE"}, "inactive"),
        ("P", {"is_default": True}, "main*"),
        ("R", {"is_default": True}, "main"),
        ("B", {"max_cpus_per_node": 7}, "7"),
        ("r", {"root_only": True}, "yes"),
        ("g", {"allow_groups": "a,b"}, "a,b"),
        ("h", {"oversubscribe": "EXCLUSIVE"}, "EXCLUSIVE"),
    ],
)
def test_value_of_a_partition(letter, columns, expected):
    assert CODES[letter].value(lone(**columns)) == expected


def test_large_counts_stay_plain_when_not_converted():
    group = lone(node(cpus=2048))
    group.convert = False
    assert CODES["c"].value(group) == "2048"


def test_names_are_folded_in_order():
    group = lone(node("n10"), node("n2"), node("m"), node("n3"), node("n1"))
    assert group.names() == "m,n[1-3,10]"


# ── 筛选 ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "columns", "expected"),
    [
        ([], {}, True),
        (["-n", "n[1-2]"], {}, True),
        (["-n", "n2"], {}, False),
        (["-n", "["], {}, False),
        (["-d"], {}, False),
        (["-d"], {"silent": True}, True),
        (["-r"], {"silent": True}, False),
        (["-R"], {}, False),
        (["-R"], {"reason": "r"}, False),
        (["-R"], {"reason": "r", "drain": True}, True),
        (["-R"], {"reason": "r", "down": True}, True),
        (["-R"], {"down": True}, False),
        (["-t", "idle"], {}, True),
        (["-t", "idle"], {"cpus_alloc": 1}, False),
        (["-t", "alloc,mix"], {"cpus_alloc": 1}, True),
        (["-t", "down&drain"], {"down": True}, False),
        (["-t", "down&drain"], {"down": True, "drain": True}, True),
        (["-t", "ALL"], {"down": True}, True),
        (["-t", ","], {}, False),
    ],
)
def test_filter_of_nodes(words, columns, expected):
    assert wanted(*words).takes(node("n1", **columns)) is expected


@pytest.mark.parametrize(
    ("words", "columns", "expected"),
    [
        ([], {}, True),
        ([], {"hidden": True}, False),
        (["-a"], {"hidden": True}, True),
        (["-p", "main"], {"hidden": True}, True),
        (["-p", "a,main"], {}, True),
        (["-p", "mai"], {}, False),
        (["-p", ""], {}, False),
    ],
)
def test_filter_of_partitions(words, columns, expected):
    assert wanted(*words).takes_partition(partition(**columns)) is expected


def test_administrators_see_hidden_partitions(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert wanted().takes_partition(partition(hidden=True))


@pytest.mark.parametrize("text", ["bogus", "idle,bogus", "idle&bogus", "idle&"])
def test_unknown_states_are_refused(text):
    bad = text.rpartition("&")[2].rpartition(",")[2]
    with pytest.raises(UsageError) as refused:
        wanted("-t", text)
    first, second = refused.value.lines("sinfo")
    assert first == f'sinfo: error: Bad state string: "{bad}"'
    assert second.startswith("sinfo: error: valid states: unknown,down,idle,allocated,?,mixed")


# ── 次序 ────────────────────────────────────────────────────────────────────


def sorted_names(groups, keys):
    chosen = list(groups)
    sort(chosen, keys)
    return " ".join(group.partition.name for group in chosen)


def test_sorting_is_stable_and_the_first_key_rules():
    groups = []
    for place, (name, cpus) in enumerate((("c", 1), ("a", 2), ("b", 1), ("d", 2))):
        group = Group(partition(name), place, convert=True, clock=str)
        group.nodes = [node(name, cpus=cpus)]
        groups.append(group)
    expected = {
        "": "c a b d",
        "#P": "c a b d",
        "P": "a b c d",
        "-P": "d c b a",
        "c": "c b a d",
        "-c": "a d c b",
        "c,P": "b c a d",
        "-c,-P": "d a c b",
        "@!": "c a b d",
        "P,#P": "a b c d",
    }
    assert {keys: sorted_names(groups, keys) for keys in expected} == expected


@pytest.mark.parametrize("letter", sorted(CODES))
def test_every_order_compares_any_groups(letter):
    groups = [
        lone(),
        lone(node(), max_time=60, default_time=60, max_cpus_per_node=1, oversubscribe="YES"),
        lone(node(down=True, reason="r", reason_uid=0, reason_time=7, gres="g", version="1")),
    ]
    for keys in (letter, "-" + letter):
        sort(groups, keys)
    assert len(groups) == 3


# ── JSON ────────────────────────────────────────────────────────────────────


def test_record_of_a_node_nobody_heard_of():
    found = record(node(silent=True))
    assert (found["state"], found["state_flags"]) == ("idle", ["NOT_RESPONDING"])
    assert (found["cpu_load"], found["free_memory"]) == (4294967294, -2)
    assert found["tres"] == "cpu=8,mem=8000M,billing=8"
    assert (found["tres_used"], found["reason_set_by_user"]) == (None, None)
    assert found["partitions"] == []


def test_record_of_a_busy_node():
    found = record(node(cpus_alloc=8, memory_alloc=2048, reason="r", reason_uid=0))
    assert (found["state"], found["idle_cpus"]) == ("allocated", 0)
    assert found["tres_used"] == "cpu=8,mem=2G"
    assert found["reason_set_by_user"] == "root"
