"""列：`-o` 与 `-O` 的写法、宽度、对齐、截断、表头，以及服务器怎样排一行。"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli.columns import MAX_WIDTH, Column, Field, Row, header, parse_codes, parse_names
from scns.errors import InvalidInput

FIELDS = {
    "i": Field("JOBID", "q.id::text"),
    "j": Field("NAME", "q.name"),
    "T": Field("STATE", "q.state"),
    "V": Field("SUBMIT_TIME", "q.submit_time", moment=True),
    "Z": Field("WORK_DIR", "q.directory"),
}
NAMES = {"jobid": FIELDS["i"], "name": FIELDS["j"], "state": FIELDS["T"]}


def codes(text):
    """解析 `-o`；返回列与不认识的字母。"""
    unknown: list[str] = []
    return parse_codes(text, FIELDS, unknown.append), unknown


def names(text):
    """解析 `-O`；返回列与不认识的名字。"""
    unknown: list[str] = []
    return parse_names(text, NAMES, unknown.append), unknown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 没有宽度就是表头自己
        ("%i", "JOBID"),
        ("%i %j", "JOBID NAME"),
        ("%10i|", "JOBID     |"),
        ("%.10i|", "     JOBID|"),
        # 表头也截断，两种对齐都留开头
        ("%3j|%.3T|%12i|", "NAM|STA|JOBID       |"),
        ("%.2j%2T", "NAST"),
        ("%0i|%00007i|", "JOBID|JOBID  |"),
        ("%.0i|", "JOBID|"),
        # 前面的文字与夹在中间的文字都原样
        ("a b%j c", "a bNAME c"),
        ('"%i","%j"', '"JOBID","NAME"'),
        ("abc", "abc"),
        ("", ""),
        # 空段略去：%% 不是转义
        ("%%j", "NAME"),
        ("x%%%j%", "xNAME"),
        ("%", ""),
    ],
)
def test_codes_make_the_header(text, expected):
    columns, unknown = codes(text)
    assert header(columns) == expected
    assert unknown == []


@pytest.mark.parametrize(
    ("text", "expected", "said"),
    [
        ("%i|%~|%.10~x|%5~y|z", "JOBID|%~|%.10~x|%5~y|z", ["~", "~", "~"]),
        ("%i%5", "JOBID%5", [""]),
        ("%5.3i|%-5i|", "%5.3i|%-5i|", [".", "-"]),
        ("%é", "%é", ["é"]),
        ("% i", "% i", [" "]),
    ],
)
def test_unknown_codes_print_themselves_and_complain(text, expected, said):
    columns, unknown = codes(text)
    assert header(columns) == expected
    assert unknown == said


def test_all_lists_small_letters_first():
    columns, unknown = codes("%all")
    assert header(columns) == "JOBID|NAME|STATE|SUBMIT_TIME|WORK_DIR"
    assert unknown == []


@pytest.mark.parametrize("text", ["%ALL", "%All"])
def test_all_is_case_insensitive(text):
    assert header(codes(text)[0]) == header(codes("%all")[0])


def test_all_may_follow_a_prefix():
    assert header(codes("x%all")[0]).startswith("xJOBID|")


def test_all_with_anything_after_it_is_just_letters():
    columns, unknown = codes("%all|")
    assert header(columns) == "%all|"
    assert unknown == ["a"]


def test_all_takes_the_suffixes_of_the_command():
    columns = parse_codes("%all", FIELDS, pytest.fail, ("|", " |", " "))
    assert header(columns) == "JOBID|NAME|STATE |SUBMIT_TIME |WORK_DIR "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,state", "NAME                STATE               "),
        ("NAME,sTaTe", "NAME                STATE               "),
        ("jobid:.8", "   JOBID"),
        ("name:3", "NAM"),
        ("name:,state:", "NAMESTATE"),
        ("jobid:.8xx,name:5|", "   JOBIDxxNAME |"),
        ("jobid:x,name:.|", "JOBIDxNAME|"),
        ("jobid,,name:4", "JOBID               NAME"),
        ("", ""),
        (",", ""),
    ],
)
def test_names_make_the_header(text, expected):
    columns, unknown = names(text)
    assert header(columns) == expected
    assert unknown == []


def test_unknown_names_leave_only_their_suffix():
    columns, unknown = names("Bogus:5|,jobid:5")
    assert header(columns) == "|JOBID"
    assert unknown == ["Bogus"]


@pytest.mark.parametrize("text", ["%99999j", "%1000000000000j"])
def test_absurd_widths_are_refused(text):
    with pytest.raises(InvalidInput, match="Invalid field width"):
        codes(text)
    with pytest.raises(InvalidInput, match="Invalid field width"):
        names("name:" + text[1:-1])


def test_widest_column_is_accepted():
    assert len(header(codes(f"%{MAX_WIDTH}j")[0])) == MAX_WIDTH


@pytest.mark.parametrize(
    ("width", "right", "text", "expected"),
    [
        (0, False, "abc", "abc"),
        (5, False, "abc", "abc  "),
        (5, True, "abc", "  abc"),
        (2, False, "abc", "ab"),
        (2, True, "abc", "ab"),
        (4, True, "作业", "  作业"),
    ],
)
def test_padding_keeps_the_first_characters(width, right, text, expected):
    assert Column(FIELDS["j"], width, right, "|").pad(text) == expected + "|"


@given(width=st.integers(0, 40), right=st.booleans(), text=st.text(max_size=60), suffix=st.text())
@settings(max_examples=200, deadline=None)
def test_padded_text_has_the_width(width, right, text, suffix):
    padded = Column(FIELDS["j"], width, right, suffix).pad(text)
    assert padded.endswith(suffix)
    body = padded[: len(padded) - len(suffix)]
    assert len(body) == (width or len(text))
    assert body.strip(" ") in text or text.startswith(body.strip(" "))


@given(st.text(alphabet="%.0123456789ijTVZ~ab|\"' ", max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_format_is_parsed_or_refused(text):
    try:
        columns, unknown = codes(text)
    except InvalidInput:
        return
    # 不认识的原样打印：字母一个不少
    assert all(letter in text for letter in unknown)
    assert len(Row(columns).texts) == len(Row(columns).moments) + 1


def test_row_is_one_text_without_times():
    row = Row(codes("%.18i %9j|")[0])
    assert row.select() == ("lpad(q.id::text, 18) || %s::text || rpad(q.name, 9) || %s::text")
    assert row.parameters == [" ", "|"]
    assert row.moments == []


def test_node_lists_are_not_cut_on_the_right():
    nodes = Field("NODELIST", "q.nodes", whole=True, uncut="q.state <> 'PENDING'")
    columns = parse_codes("%.3N|%3N|%.9N|", {"N": nodes}, pytest.fail)
    assert header(columns) == "NODELIST|NOD| NODELIST|"
    assert Row(columns).texts == [
        "CASE WHEN q.state <> 'PENDING' THEN format('%%3s', q.nodes) ELSE lpad(q.nodes, 3) END"
        " || %s::text || rpad(q.nodes, 3) || %s::text || "
        "CASE WHEN q.state <> 'PENDING' THEN format('%%9s', q.nodes) ELSE lpad(q.nodes, 9) END"
        " || %s::text"
    ]


def test_text_of_the_user_is_never_in_the_statement():
    hostile = "'; DROP TABLE scns.job; --"
    row = Row(codes(f"{hostile}%i{hostile}")[0])
    assert "DROP" not in row.select()
    assert row.parameters == [hostile, hostile]


def test_neighbouring_texts_become_one_parameter():
    row = Row(codes("a%~b%~c%i")[0])
    assert row.parameters == ["a%~b%~c"]


def test_empty_row_is_an_empty_text():
    assert Row(codes("")[0]).select() == "''::text"


def test_times_split_the_row_into_texts():
    row = Row(codes("%i %.20V|%j")[0])
    assert row.select() == (
        "(q.id::text) || %s::text, floor(extract(epoch FROM q.submit_time))::bigint, (q.name)"
    )
    assert row.parameters == [" "]


def test_times_are_shown_between_the_texts():
    row = Row(codes("%i %.8V|%3V.%j")[0])
    shown = row.join(("42 ", 7, "", None, "x"), lambda epoch: f"<{epoch}>")
    assert shown == "42      <7>|N/A.x"


def test_endless_time_is_none():
    row = Row(codes("%V")[0])
    assert row.join(("", 0, ""), str) == "NONE"


def test_time_fields_are_cut_and_padded_like_others():
    row = Row(codes("%4V%.6V")[0])
    assert row.join(("", 123456789, "", None, ""), str) == "1234   N/A"
