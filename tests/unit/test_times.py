"""时限、时长与时刻；各例都照着真的 Slurm 22.05 说的话核对过。"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scns.errors import InvalidInput
from scns.times import (
    MAX_TIME_LIMIT,
    InvalidMoment,
    InvalidTimeLimit,
    cpu_time,
    elapsed,
    format_moment,
    parse_moment,
    parse_time_limit,
    round_up_minutes,
    squeue_duration,
)

#: 2026-11-24T10:32:48 UTC，星期二。
NOW = 1_795_516_368

#: 欧洲中部的时区规则，写全了就不靠系统的时区库。
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"

PROPERTY = settings(max_examples=150, deadline=None)


@pytest.fixture(autouse=True)
def timezone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """各测试从 UTC 开始；要别的时区就以 TZ 的值调用它。"""

    def choose(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    choose("UTC")
    yield choose
    monkeypatch.undo()
    time.tzset()


# 时限


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 60),
        ("90", 5400),
        ("007", 420),
        ("1:30", 90),
        ("01:00", 60),
        ("90:00", 5400),
        ("0:30", 30),
        ("5:99", 399),
        ("00:00:59", 59),
        ("1:00:00", 3600),
        ("25:00:00", 90_000),
        ("1:60:60", 7260),
        ("1-", 86_400),
        ("1-0", 86_400),
        ("1-2", 93_600),
        ("1-24", 172_800),
        ("1-2:3", 93_780),
        ("1-2:3:4", 93_784),
        ("0-0:0:1", 1),
    ],
)
def test_a_time_limit_takes_six_forms(text: str, seconds: int) -> None:
    assert parse_time_limit(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "00",
        "0:00",
        "0:0:0",
        "0-0",
        "0-",
        "-0",
        "-1",
        "-5",
        "-99999",
        "UNLIMITED",
        "unlimited",
        "INFINITE",
        "Infinite",
    ],
)
def test_zero_negative_and_two_words_mean_no_limit(text: str) -> None:
    assert parse_time_limit(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "1d",
        "1h",
        "10m",
        "1.5",
        "+5",
        " 5",
        "5 ",
        "1 2",
        "1:",
        ":5",
        ":",
        "-",
        "--",
        "--1",
        "-1-2",
        "-1:2",
        "1-2-3",
        "1-:5",
        "1-5:",
        "1-0:",
        "1:-1",
        "1-1-1",
        "1:2:3:4",
        "1-2:3:4:5",
        "INF",
        "unlimite",
        "1_0",
        "5\n",
        "٣",
        "²",
        "ınfınıte",
        "9" * 30,
        "9" * 5000,
    ],
)
def test_anything_else_is_no_time_limit(text: str) -> None:
    with pytest.raises(InvalidTimeLimit) as refused:
        parse_time_limit(text)
    assert refused.value.lines("sbatch") == ["sbatch: error: Invalid --time specification"]
    assert refused.value.exit_code == 255


def test_the_refusal_names_the_option() -> None:
    with pytest.raises(InvalidTimeLimit, match=r"^Invalid --time-min specification$"):
        parse_time_limit("abc", "--time-min")


def test_the_longest_limit_still_fits_32_bits() -> None:
    minutes = MAX_TIME_LIMIT // 60
    assert parse_time_limit(str(minutes)) == MAX_TIME_LIMIT < 2**31
    assert round_up_minutes(MAX_TIME_LIMIT) == MAX_TIME_LIMIT
    with pytest.raises(InvalidTimeLimit):
        parse_time_limit(str(minutes + 1))


@pytest.mark.parametrize(
    ("seconds", "rounded"),
    [(None, None), (0, 0), (1, 60), (59, 60), (60, 60), (61, 120), (90, 120), (93_784, 93_840)],
)
def test_seconds_round_up_to_whole_minutes(seconds: int | None, rounded: int | None) -> None:
    assert round_up_minutes(seconds) == rounded


@pytest.mark.parametrize(
    ("text", "in_squeue", "in_scontrol"),
    [
        ("1", "1:00", "00:01:00"),
        ("90", "1:30:00", "01:30:00"),
        ("1:30", "2:00", "00:02:00"),
        ("90:00", "1:30:00", "01:30:00"),
        ("25:00:00", "1-01:00:00", "1-01:00:00"),
        ("1-0", "1-00:00:00", "1-00:00:00"),
        ("1-2:3", "1-02:03:00", "1-02:03:00"),
        ("1-2:3:4", "1-02:04:00", "1-02:04:00"),
        ("0", "UNLIMITED", "UNLIMITED"),
        ("UNLIMITED", "UNLIMITED", "UNLIMITED"),
        ("infinite", "UNLIMITED", "UNLIMITED"),
        ("0:30", "1:00", "00:01:00"),
        ("00:00:59", "1:00", "00:01:00"),
        ("01:00", "1:00", "00:01:00"),
        ("-1", "UNLIMITED", "UNLIMITED"),
        ("1439", "23:59:00", "23:59:00"),
        ("525600", "365-00:00:00", "365-00:00:00"),
    ],
)
def test_a_limit_is_shown_rounded_up(text: str, in_squeue: str, in_scontrol: str) -> None:
    limit = round_up_minutes(parse_time_limit(text))
    assert squeue_duration(limit) == in_squeue
    assert elapsed(limit) == in_scontrol


# 时长


@pytest.mark.parametrize(
    ("seconds", "in_squeue", "in_sacct"),
    [
        (0, "0:00", "00:00:00"),
        (1, "0:01", "00:00:01"),
        (59.9, "0:59", "00:00:59"),
        (60, "1:00", "00:01:00"),
        (3599, "59:59", "00:59:59"),
        (3600, "1:00:00", "01:00:00"),
        (36_000, "10:00:00", "10:00:00"),
        (86_399, "23:59:59", "23:59:59"),
        (86_400, "1-00:00:00", "1-00:00:00"),
        (8_640_000, "100-00:00:00", "100-00:00:00"),
        (-1, "INVALID", "INVALID"),
        (-0.5, "INVALID", "INVALID"),
    ],
)
def test_durations_print_two_ways(seconds: float, in_squeue: str, in_sacct: str) -> None:
    assert squeue_duration(seconds) == in_squeue
    assert elapsed(seconds) == in_sacct


def test_no_limit_has_another_word_in_sinfo() -> None:
    assert squeue_duration(None) == elapsed(None) == "UNLIMITED"
    assert squeue_duration(None, "infinite") == "infinite"
    assert elapsed(None, "") == ""


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "00:00:00"),
        (999, "00:00:00"),
        (1000, "00:00.001"),
        (12_345, "00:00.012"),
        (1_000_000, "00:00:01"),
        (61_500_000, "01:01.500"),
        (3_599_999_999, "59:59.999"),
        (3_600_500_000, "01:00:00"),
        (7_384_123_456, "02:03:04"),
        (90_061_999_999, "1-01:01:01"),
        (-1, "INVALID"),
    ],
)
def test_cpu_time_shows_milliseconds_below_an_hour(microseconds: int, text: str) -> None:
    assert cpu_time(microseconds) == text


@PROPERTY
@given(st.integers(1, MAX_TIME_LIMIT))
@example(86_399)
@example(86_400)
def test_a_printed_duration_reads_back(seconds: int) -> None:
    assert parse_time_limit(squeue_duration(seconds)) == seconds
    assert parse_time_limit(elapsed(seconds)) == seconds


@PROPERTY
@given(st.integers(0, MAX_TIME_LIMIT))
def test_rounding_up_adds_less_than_a_minute(seconds: int) -> None:
    rounded = round_up_minutes(seconds)
    assert rounded is not None
    assert rounded % 60 == 0
    assert 0 <= rounded - seconds < 60


@PROPERTY
@given(st.text("0123456789:-. hmdUNLIMTEDF²\n", max_size=12) | st.text(max_size=12))
def test_a_limit_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        limit = parse_time_limit(text)
    except InvalidInput as refused:
        assert refused.message == "Invalid --time specification"
    else:
        assert limit is None or 0 < limit <= MAX_TIME_LIMIT


# 时刻


def moment(text: str, now: float = NOW, *, past: bool = False) -> str:
    """读出的时刻，印成 UTC 的文本，好与 Slurm 说的比对。"""
    epoch = parse_moment(text, now, past=past)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch))


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("now", "2026-11-24T10:32:48"),
        (" now ", "2026-11-24T10:32:48"),
        ("now+0", "2026-11-24T10:32:48"),
        ("now+1", "2026-11-24T10:32:49"),
        ("now+60", "2026-11-24T10:33:48"),
        ("now+1second", "2026-11-24T10:32:49"),
        ("now+90seconds", "2026-11-24T10:34:18"),
        ("now+1minute", "2026-11-24T10:33:48"),
        ("now+2minutes", "2026-11-24T10:34:48"),
        ("now+1hour", "2026-11-24T11:32:48"),
        ("now+1hours", "2026-11-24T11:32:48"),
        ("now+1Hour", "2026-11-24T11:32:48"),
        ("now+ 1 hour", "2026-11-24T11:32:48"),
        ("now + 1hour", "2026-11-24T11:32:48"),
        ("NOW+1DAY", "2026-11-25T10:32:48"),
        ("now+3days", "2026-11-27T10:32:48"),
        ("now+1 week", "2026-12-01T10:32:48"),
        ("now+2weeks", "2026-12-08T10:32:48"),
        ("now-1hour", "2026-11-24T09:32:48"),
        ("now-0", "2026-11-24T10:32:48"),
        ("now+1day noon", "2026-11-25T12:00:00"),
    ],
)
def test_moments_count_from_now(text: str, when: str) -> None:
    assert moment(text) == when


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("today", "2026-11-24T00:00:00"),
        ("tomorrow", "2026-11-25T00:00:00"),
        ("midnight", "2026-11-25T00:00:00"),
        ("noon", "2026-11-24T12:00:00"),
        ("fika", "2026-11-24T15:00:00"),
        ("teatime", "2026-11-24T16:00:00"),
        ("Noon", "2026-11-24T12:00:00"),
        ("todaynoon", "2026-11-24T12:00:00"),
        ("teatime tomorrow", "2026-11-25T16:00:00"),
        ("tomorrow teatime", "2026-11-25T16:00:00"),
        ("tomorrow-noon", "2026-11-25T12:00:00"),
        ("tomorrowTnoon", "2026-11-25T12:00:00"),
        ("fikatomorrow", "2026-11-25T15:00:00"),
        ("today 3:00", "2026-11-24T03:00:00"),
        ("16:00tomorrow", "2026-11-25T16:00:00"),
        ("16:00-tomorrow", "2026-11-25T16:00:00"),
    ],
)
def test_moments_have_words(text: str, when: str) -> None:
    assert moment(text) == when


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("16:00", "2026-11-24T16:00:00"),
        ("23:59:30", "2026-11-24T23:59:30"),
        ("12:30:59", "2026-11-24T12:30:59"),
        ("10:33", "2026-11-24T10:33:00"),
        ("10:32", "2026-11-25T10:32:00"),
        ("10:32:59", "2026-11-25T10:32:59"),
        ("9:05", "2026-11-25T09:05:00"),
        ("16:00T", "2026-11-24T16:00:00"),
        ("4:00pm", "2026-11-24T16:00:00"),
        ("4:00 PM", "2026-11-24T16:00:00"),
        ("1:00:00pm", "2026-11-24T13:00:00"),
        ("12:00am", "2026-11-25T00:00:00"),
        ("12:00pm", "2026-11-24T12:00:00"),
        ("0:30am", "2026-11-25T00:30:00"),
        ("0:30pm", "2026-11-24T12:30:00"),
        ("3:00 4:00", "2026-11-25T04:00:00"),
    ],
)
def test_a_time_of_day_is_the_next_one(text: str, when: str) -> None:
    assert moment(text) == when


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2030-01-02", "2030-01-02T00:00:00"),
        ("2030-01-2", "2030-01-02T00:00:00"),
        ("2030-01-02T", "2030-01-02T00:00:00"),
        ("2030-01-02T03:04", "2030-01-02T03:04:00"),
        ("2030-01-02T03:04:05", "2030-01-02T03:04:05"),
        ("2030-01-02-03:04", "2030-01-02T03:04:00"),
        ("2030-01-02 03:04", "2030-01-02T03:04:00"),
        ("2030-01-0203:04", "2030-01-02T03:04:00"),
        ("2030-01-02T03:04 pm", "2030-01-02T15:04:00"),
        ("2030-01-02Tnoon", "2030-01-02T12:00:00"),
        ("2030-02-30", "2030-03-02T00:00:00"),
        ("2030-01-02 2031-01-02", "2031-01-02T00:00:00"),
        ("1960-01-02", "1960-01-02T00:00:00"),
        ("1970-01-01", "1970-01-01T00:00:00"),
        ("9999-01-01", "9999-01-01T00:00:00"),
    ],
)
def test_iso_dates(text: str, when: str) -> None:
    assert moment(text) == when


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("0102", "2027-01-02T00:00:00"),
        ("1231", "2026-12-31T00:00:00"),
        ("1124", "2027-11-24T00:00:00"),
        ("010230", "2030-01-02T00:00:00"),
        ("0102-16:00", "2027-01-02T16:00:00"),
        ("0102-0304", "2027-03-04T00:00:00"),
        ("0431", "2027-05-01T00:00:00"),
        ("1/2", "2027-01-02T00:00:00"),
        ("1/2/30", "2030-01-02T00:00:00"),
        ("01/02/30", "2030-01-02T00:00:00"),
        ("01.02.30", "2030-01-02T00:00:00"),
        ("01.02", "2027-01-02T00:00:00"),
        ("01/0230", "2030-01-02T00:00:00"),
        ("0102/30", "2030-01-02T00:00:00"),
        ("1/31/", "2027-01-31T00:00:00"),
        ("12/31/99", "2099-12-31T00:00:00"),
        ("01/02/30-03:04:05", "2030-01-02T03:04:05"),
        ("12/31T16:00", "2026-12-31T16:00:00"),
        ("12/31 16:00", "2026-12-31T16:00:00"),
        ("16:00 12/31", "2026-12-31T16:00:00"),
        ("11/23", "2027-11-23T00:00:00"),
        ("11/25", "2026-11-25T00:00:00"),
        ("11/24-00:00", "2027-11-24T00:00:00"),
        ("11/24-23:59", "2026-11-24T23:59:00"),
    ],
)
def test_a_date_without_year_is_the_next_one(text: str, when: str) -> None:
    assert moment(text) == when


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("23:00", "2026-11-24T23:00:00"),
        ("midnight", "2026-11-24T00:00:00"),
        ("noon", "2026-11-24T12:00:00"),
        ("11/23", "2026-11-23T00:00:00"),
        ("11/24", "2026-11-24T00:00:00"),
        ("11/24-23:00", "2026-11-24T23:00:00"),
        ("12/31", "2025-12-31T00:00:00"),
        ("1231", "2025-12-31T00:00:00"),
        ("0101", "2026-01-01T00:00:00"),
        ("now-1hour", "2026-11-24T09:32:48"),
        ("tomorrow", "2026-11-25T00:00:00"),
    ],
)
def test_sacct_looks_back(text: str, when: str) -> None:
    assert moment(text, past=True) == when


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("never", 0),
        ("yesterday", 0),
        ("25:00", 0),
        ("24:00", 0),
        ("now+", 3),
        ("now-", 3),
        ("now+ ", 3),
        ("now+hour", 3),
        ("nowx", 3),
        ("now 1", 4),
        ("now+1fortnight", 4),
        ("now+1min", 4),
        ("now+1.5hour", 4),
        ("Tnow+1fortnight", 5),
        ("now+60 noon", 6),
        ("now+1hourx", 9),
        ("now+1hour+1day", 9),
        ("now+1hour 5", 11),
        ("now+1 hours x", 12),
        ("TEATIME", 1),
        ("today-1day", 7),
        ("tomorrow+1hour", 8),
        ("2030-01-02T25:00", 11),
        ("2030-01-02t03:04", 10),
        ("2030-01-02T03:04Z", 16),
        ("2030-01-02T03:04+01:00", 16),
        ("2030-01-02T03:04:05.5", 19),
        ("2030-13-01", 5),
        ("2030-00-01", 5),
        ("2030-01-32", 8),
        ("2030-01-00", 8),
        ("2030-01-", 8),
        ("2030-1-2", 0),
        ("2030/01/02", 0),
        ("20a0-01-01", 2),
        ("10000-01-01", 2),
        ("20300102", 0),
        ("1301", 0),
        ("0132", 2),
        ("01022030", 6),
        ("01/02/2030", 8),
        ("01/02/3", 7),
        ("1.2.3", 5),
        ("00/01", 0),
        ("13/01", 0),
        ("1/", 2),
        ("1/a", 2),
        ("1/32", 2),
        ("1/31/a", 5),
        ("1", 1),
        ("5", 1),
        ("55", 0),
        ("4pm", 1),
        ("4:", 2),
        (":4", 0),
        ("4:5", 3),
        ("1a:00", 1),
        ("1:a0", 2),
        ("1:0:00", 3),
        ("1:00:", 5),
        ("4:05:6", 6),
        ("12:60", 3),
        ("12:30:60", 6),
        ("4:00p", 4),
        ("4:00pmx", 6),
        ("4:00 am pm", 8),
        ("13:00pm", 5),
        ("13:00am", 5),
        ("-5", 2),
        ("٣:00", 0),
    ],
)
def test_a_refused_moment_says_where(text: str, position: int) -> None:
    with pytest.raises(InvalidMoment) as refused:
        parse_moment(text, NOW, "--begin")
    assert refused.value.lines("sbatch") == [
        f"Invalid time specification (pos={position}): {text}",
        "sbatch: error: Invalid --begin specification",
    ]
    assert refused.value.exit_code == 255


@pytest.mark.parametrize("text", ["now+1day today now", "noon now", "today now+1hour"])
def test_now_stands_first_or_not_at_all(text: str) -> None:
    with pytest.raises(InvalidMoment):
        parse_moment(text, NOW)


@pytest.mark.parametrize("text", ["", " ", "T", "-", " - T "])
def test_a_moment_that_says_nothing_is_refused_without_a_place(text: str) -> None:
    with pytest.raises(InvalidMoment) as refused:
        parse_moment(text, NOW, "--deadline")
    assert refused.value.lines("sbatch") == ["sbatch: error: Invalid --deadline specification"]


def test_sacct_says_one_bare_line_and_exits_1() -> None:
    with pytest.raises(InvalidMoment) as refused:
        parse_moment("never", NOW)
    assert refused.value.lines("sacct") == ["Invalid time specification (pos=0): never"]
    assert refused.value.exit_code == 1


@pytest.mark.parametrize(
    "text",
    [
        "now+99999999999999999999",
        "now+999999999weeks",
        "now-999999999weeks",
        "now+" + "9" * 5000 + "days",
    ],
)
def test_a_moment_out_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(InvalidMoment):
        parse_moment(text, NOW)


def test_now_may_have_a_fraction() -> None:
    assert parse_moment("now+1", NOW + 0.75) == NOW + 1


def test_moments_are_local(timezone: Callable[[str], None]) -> None:
    timezone("CST-8")
    assert parse_moment("2030-01-02T08:00", NOW) == calendar.timegm((2030, 1, 2, 0, 0, 0))
    assert format_moment(NOW) == "2026-11-24T18:32:48"
    # 此地已是 18:32，正午要等明日
    assert format_moment(parse_moment("noon", NOW)) == "2026-11-25T12:00:00"


def test_an_hour_from_now_is_an_hour_when_clocks_change(timezone: Callable[[str], None]) -> None:
    timezone(BERLIN)
    # 2026-10-25 03:00 拨回 02:00；这是拨回之前的 02:30
    before = calendar.timegm((2026, 10, 25, 0, 30, 0))
    for hours in range(4):
        assert parse_moment(f"now+{hours}hours", before) == before + hours * 3600


def test_a_skipped_hour_moves_on(timezone: Callable[[str], None]) -> None:
    timezone(BERLIN)
    assert format_moment(parse_moment("2027-03-28T02:30", NOW)) in (
        "2027-03-28T01:30:00",
        "2027-03-28T03:30:00",
    )


# 印出


def test_an_unset_moment_prints_its_word() -> None:
    assert format_moment(None) == "N/A"
    assert format_moment(None, "Unknown") == "Unknown"
    assert format_moment(0) == "1970-01-01T00:00:00"
    assert format_moment(NOW + 0.9) == "2026-11-24T10:32:48"


@pytest.mark.parametrize(
    ("offset_days", "text"),
    [
        (0, "10:32:48"),
        (-1, "Ystday 10:32"),
        (1, "Tomorr 10:32"),
        (2, "Thu 10:32"),
        (6, "Mon 10:32"),
        (7, "1 Dec 10:32"),
        (-2, "22 Nov 10:32"),
        (-300, "28 Jan 10:32"),
        (36, "30 Dec 10:32"),
        (40, "3 Jan 2027"),
        (-400, "20 Oct 2025"),
    ],
)
def test_relative_times_by_distance(offset_days: int, text: str) -> None:
    epoch = NOW + offset_days * 86_400
    assert format_moment(epoch, time_format="relative", now=NOW) == text


def test_relative_to_the_present_by_default() -> None:
    now = time.time()
    assert format_moment(now, time_format="relative")[2] == ":"


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        (None, "2026-11-24T10:32:48"),
        ("", "2026-11-24T10:32:48"),
        ("standard", "2026-11-24T10:32:48"),
        ("nonsense", "2026-11-24T10:32:48"),
        ("%a %T", "Tue 10:32:48"),
        ("%s", str(NOW)),
        ("x%%y", "x%y"),
        ("%H:%M:%S" + "-" * 23, "10:32:48" + "-" * 23),
        ("%H:%M:%S" + "-" * 24, "2026-11-24T10:32:48"),
    ],
)
def test_slurm_time_format(time_format: str | None, text: str) -> None:
    assert format_moment(NOW, time_format=time_format) == text


@PROPERTY
@given(
    st.integers(-30_000_000_000, 200_000_000_000),
    st.sampled_from(["UTC", "CST-8", "EST5", "NPT-5:45"]),
)
def test_a_printed_moment_reads_back(epoch: int, zone: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        try:
            assert parse_moment(format_moment(epoch), NOW) == epoch
            assert parse_moment(format_moment(epoch), NOW, past=True) == epoch
        finally:
            patch.undo()
            time.tzset()


@PROPERTY
@given(
    st.lists(
        st.sampled_from(
            "now,today,noon,hours,day,week,am,pm,T,x,+,-,:,/,0,1,01,12,99,2030,٣, ,\n".split(",")
        ),
        max_size=8,
    ).map("".join)
    | st.text(max_size=10),
    st.booleans(),
)
def test_a_moment_is_read_or_refused_with_a_sentence(text: str, past: bool) -> None:
    try:
        epoch = parse_moment(text, NOW, "--begin", past=past)
    except InvalidInput as refused:
        assert refused.message == "Invalid --begin specification"
        assert refused.exit_code == 255
    else:
        assert isinstance(epoch, int)
        assert format_moment(epoch)


@PROPERTY
@given(st.integers(0, 23), st.integers(0, 59), st.integers(NOW - 10**8, NOW + 10**8))
def test_a_time_of_day_lies_within_a_day(hour: int, minute: int, now: int) -> None:
    ahead = parse_moment(f"{hour}:{minute:02d}", now) - now
    # 本分钟已经过去：下一次在明日
    assert -now % 60 <= ahead <= 86_400
