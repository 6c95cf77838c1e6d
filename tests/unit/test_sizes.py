"""内存大小与个数；各例都照着真的 Slurm 22.05 说的话核对过。"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scns.errors import InvalidInput
from scns.sizes import (
    MAX_COUNT,
    InvalidCount,
    InvalidMemory,
    InvalidNodeCount,
    format_node_count,
    format_size,
    parse_count,
    parse_memory,
    parse_node_count,
)

PROPERTY = settings(max_examples=150, deadline=None)


# 内存


@pytest.mark.parametrize(
    ("text", "mebibytes"),
    [
        ("0", 0),
        ("0K", 0),
        ("0G", 0),
        ("100", 100),
        ("100M", 100),
        ("100m", 100),
        ("512m", 512),
        ("100MB", 100),
        ("100mb", 100),
        ("100Mb", 100),
        ("100mB", 100),
        ("1K", 1),
        ("100k", 1),
        ("1024K", 1),
        ("1025K", 2),
        ("2048K", 2),
        ("2048KB", 2),
        ("1G", 1024),
        ("1GB", 1024),
        ("100g", 102_400),
        ("1t", 1_048_576),
        ("2T", 2_097_152),
        ("010", 10),
        (" 5", 5),
        ("+5", 5),
        ("00000000000000000000000005", 5),
        ("2047T", 2_146_435_072),
    ],
)
def test_memory_is_a_whole_number_with_a_unit(text: str, mebibytes: int) -> None:
    assert parse_memory(text) == mebibytes


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "M",
        "abc",
        "1.5G",
        "10X",
        "1P",
        "1E",
        "100B",
        "100b",
        "100BB",
        "100MiB",
        "100MX",
        "5 ",
        "5 M",
        "-1",
        "+-1",
        "0x10",
        "1e3",
        "1_000",
        "٣",
        "1\u212a",
        "100Mß",
        "2048T",
        "9223372036854775807",
        "99999999999999999999",
        "9" * 5000,
    ],
)
def test_anything_else_is_no_memory(text: str) -> None:
    with pytest.raises(InvalidMemory) as refused:
        parse_memory(text)
    assert refused.value.lines("sbatch") == ["sbatch: error: Invalid --mem specification"]
    assert refused.value.exit_code == 255


def test_the_refusal_names_the_option() -> None:
    with pytest.raises(InvalidMemory, match=r"^Invalid --mem-per-cpu specification$"):
        parse_memory("abc", "--mem-per-cpu")


@pytest.mark.parametrize(
    ("mebibytes", "shown", "unconverted"),
    [
        (0, "0", "0"),
        (1, "1M", "1M"),
        (64, "64M", "64M"),
        (300, "300M", "300M"),
        (1023, "1023M", "1023M"),
        (1024, "1G", "1024M"),
        (1280, "1280M", "1280M"),
        (1500, "1500M", "1500M"),
        (1536, "1.50G", "1536M"),
        (2048, "2G", "2048M"),
        (2560, "2.50G", "2560M"),
        (62_500, "62500M", "62500M"),
        (64_000, "62.50G", "64000M"),
        (128_000, "125G", "128000M"),
        (786_432, "768G", "786432M"),
        (999_999, "999999M", "999999M"),
        (1_048_576, "1T", "1048576M"),
        (1_572_864, "1.50T", "1572864M"),
        (2_621_440, "2.50T", "2621440M"),
        (3_072_000, "3000G", "3072000M"),
        (1_073_741_824, "1P", "1073741824M"),
        (1_610_612_736, "1.50P", "1610612736M"),
        (2**40, "1024P", "1099511627776M"),
    ],
)
def test_memory_is_shown_in_the_largest_exact_unit(
    mebibytes: int, shown: str, unconverted: str
) -> None:
    assert format_size(mebibytes) == shown
    assert format_size(mebibytes, convert=False) == unconverted


@pytest.mark.parametrize(
    ("size", "shown", "unconverted"),
    [
        (0, "0", "0"),
        (100, "100", "100"),
        (1000, "1000", "1000"),
        (1024, "1K", "1024"),
        (1_263_616, "1234K", "1263616"),
        (4_194_304, "4M", "4194304"),
        (1_572_864, "1.50M", "1572864"),
        (1_074_266_112, "1024.50M", "1074266112"),
        (5_368_709_120, "5G", "5368709120"),
    ],
)
def test_used_memory_counts_from_bytes(size: int, shown: str, unconverted: str) -> None:
    assert format_size(size, "") == shown
    assert format_size(size, "", convert=False) == unconverted


@pytest.mark.parametrize(
    ("mebibytes", "unit", "text"),
    [
        (128, "K", "131072K"),
        (128, "M", "128M"),
        (128, "G", "0.12G"),
        (2048, "G", "2G"),
        (1536, "G", "1.50G"),
        (1, "T", "0.00T"),
        (1_048_576, "P", "0.00P"),
        (1_073_741_824, "P", "1P"),
        (0, "K", "0"),
    ],
)
def test_a_unit_may_be_asked_for(mebibytes: int, unit: str, text: str) -> None:
    assert format_size(mebibytes, unit=unit) == text


def test_an_asked_unit_beats_noconvert() -> None:
    assert format_size(2048, unit="G", convert=False) == "2G"
    assert format_size(1_263_616, "", unit="K") == "1234K"


@PROPERTY
@given(st.integers(0, MAX_COUNT))
@example(1024)
@example(1536)
def test_printed_memory_reads_back(mebibytes: int) -> None:
    assert parse_memory(format_size(mebibytes, convert=False)) == mebibytes
    shown = format_size(mebibytes)
    if "." not in shown and "P" not in shown:
        assert parse_memory(shown) == mebibytes


@PROPERTY
@given(st.integers(1, 2**50), st.sampled_from(["", "K", "M"]))
def test_no_unit_loses_anything(amount: int, base: str) -> None:
    shown = format_size(amount, base)
    number, unit = (shown[:-1], shown[-1]) if shown[-1] in "KMGTP" else (shown, "")
    levels = (
        "KMGTP".find(unit) - "KMGTP".find(base) if unit and base else " KMGTP".find(unit or " ")
    )
    assert float(number) * 1024**levels == amount


@PROPERTY
@given(st.text("0123456789KMGTkmgtbB.-+ e²", max_size=8) | st.text(max_size=8))
def test_memory_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        mebibytes = parse_memory(text)
    except InvalidInput as refused:
        assert refused.message == "Invalid --mem specification"
    else:
        assert 0 <= mebibytes <= MAX_COUNT


# 个数


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("8", 8), ("010", 10), (" 2", 2), ("+2", 2), ("2147483647", 2_147_483_647)],
)
def test_a_count_is_a_whole_number(text: str, number: int) -> None:
    assert parse_count(text, "--ntasks") == number


@pytest.mark.parametrize(
    "text",
    ["", " ", "0", "-1", "-2", "1.5", "2k", "2K", "abc", "=2", "2 ", "0x10", "1e3", "1_0", "٣"],
)
def test_a_bad_count_is_quoted(text: str) -> None:
    with pytest.raises(InvalidCount) as refused:
        parse_count(text, "--ntasks")
    assert refused.value.lines("sbatch") == [
        f'sbatch: error: Invalid numeric value "{text}" for --ntasks.'
    ]
    assert refused.value.exit_code == 1


def test_zero_counts_where_the_option_says_so() -> None:
    assert parse_count("0", "--core-spec", minimum=0) == 0
    with pytest.raises(InvalidCount, match=r'^Invalid numeric value "-1" for --core-spec\.$'):
        parse_count("-1", "--core-spec", minimum=0)


@pytest.mark.parametrize("text", ["2147483648", "9223372036854775807", "9" * 5000])
def test_a_count_too_big_for_32_bits_is_refused(text: str) -> None:
    with pytest.raises(InvalidCount) as refused:
        parse_count(text, "--ntasks")
    assert refused.value.message == f"Numeric argument ({text}) to big for --ntasks."


@PROPERTY
@given(st.integers(1, MAX_COUNT))
def test_a_printed_count_reads_back(number: int) -> None:
    assert parse_count(str(number), "--ntasks") == number


@PROPERTY
@given(st.text("0123456789-+ .k²", max_size=6) | st.text(max_size=6), st.integers(0, 1))
def test_a_count_is_read_or_refused_with_a_sentence(text: str, minimum: int) -> None:
    try:
        number = parse_count(text, "--ntasks", minimum)
    except InvalidInput as refused:
        assert refused.message.endswith("for --ntasks.")
    else:
        assert minimum <= number <= MAX_COUNT


# 节点数


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("1", (1, 1)),
        ("2", (2, 2)),
        ("1-1", (1, 1)),
        ("1-2", (1, 2)),
        ("-3", (1, 3)),
        ("-1", (1, 1)),
        ("1k", (1024, 1024)),
        ("1K", (1024, 1024)),
        ("1m", (1_048_576, 1_048_576)),
        ("1-1k", (1, 1024)),
        (" 1", (1, 1)),
        ("1 ", (1, 1)),
        ("1 -2", (1, 2)),
        ("1- 2", (1, 2)),
        ("1-2 ", (1, 2)),
        ("+1", (1, 1)),
        ("2147483647", (2_147_483_647, 2_147_483_647)),
        ("0", (1, 1)),
        ("0-0", (1, 1)),
        ("0-3", (1, 3)),
        ("2-0", (2, 2)),
    ],
)
def test_node_counts_are_one_number_or_two(text: str, nodes: tuple[int, int]) -> None:
    assert parse_node_count(text) == nodes


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", ""),
        (" ", " "),
        ("abc", "abc"),
        ("1.5", "1.5"),
        ("1,2", "1,2"),
        ("1kk", "1kk"),
        ("1G", "1G"),
        ("0x10", "0x10"),
        ("a-1", "a"),
        ("1-a", "a"),
        ("1-2-3", "2-3"),
        ("٣", "٣"),
        ("2147483648", "2147483648"),
        ("4294967296", "4294967296"),
        ("2097152k", "2097152k"),
    ],
)
def test_a_bad_node_count_is_quoted(text: str, quoted: str) -> None:
    with pytest.raises(InvalidNodeCount) as refused:
        parse_node_count(text)
    assert refused.value.lines("sbatch") == [f'sbatch: error: "{quoted}" is not a valid node count']
    assert refused.value.exit_code == 255


@pytest.mark.parametrize(
    ("text", "minimum", "maximum"),
    [("2-1", 2, 1), ("2k-1k", 2048, 1024), ("1-", 1, -1), ("-", 1, -1), ("4- ", 4, -1)],
)
def test_at_most_is_not_less_than_at_least(text: str, minimum: int, maximum: int) -> None:
    with pytest.raises(InvalidNodeCount) as refused:
        parse_node_count(text)
    sentence = f"Maximum node count {maximum} is less than minimum node count {minimum}"
    assert refused.value.message == sentence
    assert refused.value.exit_code == 255


def test_a_pending_job_shows_both_node_counts_once_it_asked() -> None:
    assert format_node_count(1) == "1"
    assert format_node_count(1, 1) == "1-1"
    assert format_node_count(1, 3) == "1-3"


@PROPERTY
@given(st.integers(1, MAX_COUNT), st.integers(0, 100))
def test_printed_node_counts_read_back(minimum: int, more: int) -> None:
    maximum = min(minimum + more, MAX_COUNT)
    assert parse_node_count(format_node_count(minimum, maximum)) == (minimum, maximum)
    assert parse_node_count(format_node_count(minimum)) == (minimum, minimum)


@PROPERTY
@given(st.text("0123456789-+ .kmKM²", max_size=7) | st.text(max_size=7))
def test_node_counts_are_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        minimum, maximum = parse_node_count(text)
    except InvalidInput as refused:
        assert "node count" in refused.message
    else:
        assert 1 <= minimum <= maximum <= MAX_COUNT
