"""节点名的列表；各例都照着真的 `scontrol show hostnames` 与 `show hostlist` 核对过。"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scns.errors import InvalidInput
from scns.hostlist import MAX_NAMES, InvalidHostlist, compress, count, expand, sort_key

PROPERTY = settings(max_examples=150, deadline=None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ""),
        (",", ""),
        ("n1", "n1"),
        ("1", "1"),
        ("-", "-"),
        ("n1-n3", "n1-n3"),
        ("n[1]", "n1"),
        ("n[1-1]", "n1"),
        ("n[1-3]", "n1 n2 n3"),
        ("n[01-03,7],x", "n01 n02 n03 n7 x"),
        ("node[01-03,7],x", "node01 node02 node03 node7 x"),
        ("n[9-10]", "n9 n10"),
        ("n[09-10]", "n09 n10"),
        ("n[9-010]", "n9 n10"),
        ("n[001-3]", "n001 n002 n003"),
        ("n[099-100]", "n099 n100"),
        ("n[98-101]", "n98 n99 n100 n101"),
        ("n[2,1]", "n2 n1"),
        ("n[1,1]", "n1 n1"),
        ("n1,n1", "n1 n1"),
        ("n[1-3,2-4]", "n1 n2 n3 n2 n3 n4"),
        ("[1-3],a", "1 2 3 a"),
        ("n1,,n2", "n1 n2"),
        (",n1", "n1"),
        ("n1,", "n1"),
        (" n1", "n1"),
        ("n1 n2", "n1 n2"),
        ("n1, n2", "n1 n2"),
        ("n1\nn2\tn3", "n1 n2 n3"),
        ("n1;n2", "n1;n2"),
        ("n{1,2}", "n{1 2}"),
        ("é[1-2]", "é1 é2"),
        ("n-1.example.com", "n-1.example.com"),
    ],
)
def test_lists_expand_in_order(text: str, names: str) -> None:
    assert expand(text) == names.split()
    assert count(text) == len(names.split())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n[1-2][3-4]", "n13 n14 n23 n24"),
        ("n[1-2]x[3-4]", "n1x3 n1x4 n2x3 n2x4"),
        ("r[0-1]n[01-02],q", "r0n01 r0n02 r1n01 r1n02 q"),
        ("a[1,01]b[09-10]", "a1b09 a1b10 a01b09 a01b10"),
        ("a[1-2]b[1-2]c[1-2]", "a1b1c1 a1b1c2 a2b1c1 a2b1c2 a1b2c1 a1b2c2 a2b2c1 a2b2c2"),
        (
            "a[1-3]b[1-2]c[1-2]",
            "a1b1c1 a1b1c2 a2b1c1 a2b1c2 a3b1c1 a3b1c2 a1b2c1 a1b2c2 a2b2c1 a2b2c2 a3b2c1 a3b2c2",
        ),
        (
            "a[1-2]b[3-4]c[5-6]d[7-8]",
            "a1b3c5d7 a1b3c5d8 a2b3c5d7 a2b3c5d8 a1b4c5d7 a1b4c5d8 a2b4c5d7 a2b4c5d8 "
            "a1b3c6d7 a1b3c6d8 a2b3c6d7 a2b3c6d8 a1b4c6d7 a1b4c6d8 a2b4c6d7 a2b4c6d8",
        ),
    ],
)
def test_several_brackets_multiply_in_slurms_order(text: str, names: str) -> None:
    assert expand(text) == names.split()
    assert count(text) == len(names.split())


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("n[]", ""),
        ("n[,1]", ""),
        ("n[1,]", ""),
        ("n[1,,2]", ""),
        ("n[a]", "a"),
        ("n[1-a]", "1-a"),
        ("n[a-1]", "a-1"),
        ("n[-1]", "-1"),
        ("n[1-]", "1-"),
        ("n[3-1]", "3-1"),
        ("n[10-9]", "10-9"),
        ("n[1-2-3]", "1-2-3"),
        ("n[1:3]", "1:3"),
        ("n[1-4:2]", "1-4:2"),
        ("n[1 ,2]", "1 "),
        ("n[+1]", "+1"),
        ("n[٣]", "٣"),
        ("n[²]", "²"),
        ("n[1-9999999999999999999]", "1-9999999999999999999"),
        ("a[1-2]b[2-1]", "2-1"),
        ("a[x]b[1-2]", "x"),
        ("ok,n[3-1]", "3-1"),
    ],
)
def test_a_bad_range_is_named(text: str, part: str) -> None:
    with pytest.raises(InvalidHostlist) as refused:
        expand(text)
    assert refused.value.lines("scontrol") == [
        f"scontrol: error: Invalid range: `{part}'",
        f"Invalid hostlist: {text}",
    ]
    assert refused.value.exit_code == 1
    with pytest.raises(InvalidHostlist):
        count(text)


@pytest.mark.parametrize(
    "text",
    [
        "n[1-3",
        "n1-3]",
        "n]1[",
        "n[[1-2]]",
        "n[1-2]]",
        "n[1-2]m[",
        "n[1-3]x",
        "n[1-3]-ib",
        "a[1-2],b[1-2].c",
        "n-[1-2].example.com",
    ],
)
def test_a_bad_shape_is_refused_bare(text: str) -> None:
    with pytest.raises(InvalidHostlist) as refused:
        expand(text)
    assert refused.value.lines("scontrol") == [f"Invalid hostlist: {text}"]
    assert refused.value.text == text


def test_a_range_holds_so_many_hosts_at_most() -> None:
    assert count(f"n[1-{MAX_NAMES}]") == MAX_NAMES == len(expand(f"n[1-{MAX_NAMES}]"))
    with pytest.raises(InvalidHostlist, match=r"^Too many hosts in range `0-65536'$"):
        expand("n[0-65536]")


@pytest.mark.parametrize(
    "text",
    [
        "n[1-65536],m",
        "n[1-40000,50000-90000]",
        "x[1-300]y[1-300]",
        "[0-9]" * 5,
        "[1-9]" * 1000,
        "n[0-99999999999999999]",
    ],
)
def test_a_list_holds_so_many_hosts_at_most(text: str) -> None:
    # 先算后展开：真的展开这些名字，测试就跑不完
    with pytest.raises(InvalidHostlist, match=r"^Too many hosts in "):
        expand(text)


@pytest.mark.parametrize(
    ("names", "text", "ordered"),
    [
        ("n1", "n1", "n1"),
        ("n1,n2,n3,m07,m08", "n[1-3],m[07-08]", "m[07-08],n[1-3]"),
        ("n3,n1,n2", "n[3,1-2]", "n[1-3]"),
        ("n2,n1", "n[2,1]", "n[1-2]"),
        ("n5,n4,n3,n2,n1", "n[5,4,3,2,1]", "n[1-5]"),
        ("n1,n1", "n[1,1]", "n[1,1]"),
        ("n1,n2,n3,n2", "n[1-3,2]", "n[1-2,2-3]"),
        ("n1,m1,n2", "n1,m1,n2", "m1,n[1-2]"),
        ("n1,n2,n4", "n[1-2,4]", "n[1-2,4]"),
        ("n1,n2,n4,n5,n7", "n[1-2,4-5,7]", "n[1-2,4-5,7]"),
        ("n9,n10", "n[9-10]", "n[9-10]"),
        ("n10,n9", "n[10,9]", "n[9-10]"),
        ("n09,n10", "n[09-10]", "n[09-10]"),
        ("n9,n010", "n[9,010]", "n[9,010]"),
        ("n010,n9", "n[010,9]", "n[9,010]"),
        ("n8,n09,n10", "n[8,09-10]", "n[8,09-10]"),
        ("n099,n100", "n[099-100]", "n[099-100]"),
        ("n99,n100", "n[99-100]", "n[99-100]"),
        ("n00,n01", "n[00-01]", "n[00-01]"),
        ("n00,n1", "n[00,1]", "n[1,00]"),
        ("n0,n00,n000", "n[0,00,000]", "n[0,00,000]"),
        ("n0,n1,n01,n2", "n[0-1,01,2]", "n[0-2,01]"),
        ("n1,n2,n02,n03", "n[1-2,02-03]", "n[1-2,02-03]"),
        ("n02,n3,n1", "n[02,3,1]", "n[1,3,02]"),
        ("n010,n9,n11", "n[010,9,11]", "n[9,11,010]"),
        ("n10,n9,n09,n010", "n[10,9,09,010]", "n[9,09-10,010]"),
        ("x9,x10,x099,x100", "x[9-10,099-100]", "x[9-10,099-100]"),
        ("a,b,c", "a,b,c", "a,b,c"),
        ("a,a", "a,a", "a,a"),
        ("n,n1", "n,n1", "n,n1"),
        ("n1,N2", "n1,N2", "N2,n1"),
        ("n1x,n2x", "n1x,n2x", "n1x,n2x"),
        ("1,2,3", "[1-3]", "[1-3]"),
        ("1,x,2", "1,x,2", "[1-2],x"),
        ("r1n1,r1n2,r2n1", "r1n[1-2],r2n1", "r1n[1-2],r2n1"),
        ("n-1,n-2", "n-[1-2]", "n-[1-2]"),
        ("n4294967295,n4294967296", "n[4294967295-4294967296]", "n[4294967295-4294967296]"),
        ("b1,a10,a9,a,a1b,a02", "b1,a[10,9],a,a1b,a02", "a,a[9,02,10],a1b,b1"),
    ],
)
def test_names_fold_like_scontrol(names: str, text: str, ordered: str) -> None:
    assert compress(names.split(",")) == text
    assert compress(sorted(names.split(","), key=sort_key)) == ordered


def test_padded_names_fold_over_a_power_of_ten() -> None:
    names = [f"n{number:02d}" for number in range(8, 103)]
    assert compress(names) == "n[08-102]"
    assert expand("n[08-102]") == names


def test_nothing_folds_to_nothing() -> None:
    assert compress([]) == ""


def test_endless_digits_are_no_number() -> None:
    names = ["n" + "9" * 5000, "n" + "9" * 5000]
    assert compress(names) == ",".join(names)


NAMES = st.lists(
    st.builds(
        "{}{}".format,
        st.sampled_from(["n", "node", "r1n", "a-", ""]),
        st.one_of(
            st.integers(0, 120).map(str),
            st.integers(0, 12).map("{:02d}".format),
            st.integers(97, 103).map("{:03d}".format),
            st.just("x"),
        ),
    ),
    max_size=30,
)


@PROPERTY
@given(NAMES)
@example(["n99", "n100", "n0100"])
@example(["9", "10", "010"])
def test_folded_names_expand_to_the_same(names: list[str]) -> None:
    assert expand(compress(names)) == names
    assert count(compress(names)) == len(names)


@PROPERTY
@given(NAMES)
def test_folding_is_stable(names: list[str]) -> None:
    text = compress(names)
    assert compress(expand(text)) == text


@PROPERTY
@given(st.text("n1290[]-, .x", max_size=14) | st.text(max_size=12))
def test_a_list_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        names = expand(text)
    except InvalidInput as refused:
        assert f"Invalid hostlist: {text}" in (refused.message, *refused.notes)
    else:
        assert count(text) == len(names) <= MAX_NAMES
        assert not any(char in name for name in names for char in "[], ")


def test_many_names_fold_quickly() -> None:
    names = [f"node{number:05d}" for number in range(MAX_NAMES)]
    assert compress(names) == "node[00000-65535]"
