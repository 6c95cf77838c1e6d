"""时限、时长与时刻：Slurm 的写法读进来，Slurm 的写法印出去。

时限与时长以秒计，None 表示不限；时刻是 epoch 秒，按进程的本地时区读写。现在几点由调用者给。
来源：sbatch(1) `--time`、`--begin`，sacct(1) `--starttime`，squeue(1) `SLURM_TIME_FORMAT`。
"""

from __future__ import annotations

import time

from scns.errors import InvalidInput

#: 最长的时限，秒：32 位整数装得下的最后一个整分钟，约 68 年。
MAX_TIME_LIMIT = (2**31 - 1) // 60 * 60

#: 时刻的上下界：公元 1 年与 9999 年（UTC），再远的日历印不成四位数的年。
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86_400, 604_800

_UNLIMITED = ("-1", "INFINITE", "UNLIMITED")
_DIGITS = frozenset("0123456789")
_BLANKS = frozenset(" \t\n\v\f\r")

_DAYS = {"today": 0, "tomorrow": _DAY}
_CLOCKS = {"midnight": 0, "noon": 12, "fika": 15, "teatime": 16}
#: 复数在前：按次序比对，`hours` 不能被 `hour` 截走。
_UNITS = {
    "seconds": 1,
    "second": 1,
    "minutes": _MINUTE,
    "minute": _MINUTE,
    "hours": _HOUR,
    "hour": _HOUR,
    "days": _DAY,
    "day": _DAY,
    "weeks": _WEEK,
    "week": _WEEK,
}

_STANDARD = "%Y-%m-%dT%H:%M:%S"
#: Slurm 存放自定格式的缓冲区，含结尾的 NUL；更长的格式不算数。
_FORMAT_BUFFER = 32


class InvalidTimeLimit(InvalidInput):
    """时限不合语法，或长过 `MAX_TIME_LIMIT`。"""

    exit_code = 255

    def __init__(self, option: str) -> None:
        super().__init__(f"Invalid {option} specification")


class InvalidMoment(InvalidInput):
    """时刻不合语法。

    参数：
        position：从 0 数起，读不下去的位置；None 表示整个文本什么也没有说
        option：是谁的值，例如 `--begin`；None 表示只说那一行不带前缀的话（sacct）
    """

    exit_code = 255

    def __init__(self, text: str, position: int | None, option: str | None) -> None:
        place = f"Invalid time specification (pos={position or 0}): {text}"
        if option is None:
            super().__init__(place, style="bare", exit_code=1)
        else:
            super().__init__(f"Invalid {option} specification")
        self.position = position
        self._first = [] if option is None or position is None else [place]

    def lines(self, command: str) -> list[str]:
        """Slurm 先由解析函数说一行不带前缀的话，再由命令说是哪个选项。"""
        return self._first + super().lines(command)


class _Stray(Exception):
    """时刻读到这里读不下去了。"""

    def __init__(self, position: int) -> None:
        self.position = position


# 时限


def parse_time_limit(text: str, option: str = "--time") -> int | None:
    """把时限文本换算成秒；不限时返回 None。

    接受 Slurm 的六种写法：分、分:秒、时:分:秒、日-时、日-时:分、日-时:分:秒。各段可以超出
    进位（`90:00` 是 90 分钟）。`0`、`-1`、`UNLIMITED`、`INFINITE`（不分大小写）是不限；
    Slurm 还收 `1-`（一日整）与 `-5`（负数，等于不限），这里照收。

    参数：
        option：写进错误里的选项名
    异常：
        InvalidTimeLimit：不是上述任何一种写法，或太长
    """
    if text.isascii() and text.upper() in _UNLIMITED:
        return None
    seconds = _limit_seconds(text)
    if seconds is None or seconds > MAX_TIME_LIMIT:
        raise InvalidTimeLimit(option)
    return seconds or None


def _limit_seconds(text: str) -> int | None:
    """时限的秒数；0 表示不限，None 表示不合语法。"""
    days, dash, clock = text.rpartition("-")
    if dash and not days:
        return 0 if _is_number(clock) else None
    if dash:
        fields = [days, *(clock or "0").split(":")]
    else:
        # 不带日、又不足三段时，头一段是分钟而不是小时
        fields = clock.split(":")
        fields = ["0"] * (2 if len(fields) < 3 else 1) + fields
    if len(fields) > 4 or not all(map(_is_number, fields)):
        return None
    numbers = [int(field) for field in fields] + [0, 0]
    return numbers[0] * _DAY + numbers[1] * _HOUR + numbers[2] * _MINUTE + numbers[3]


def _is_number(text: str) -> bool:
    # 长度有界：int() 拒绝 4300 位以上的数字，用的是另一种异常
    return text.isdigit() and text.isascii() and len(text) <= 18


def round_up_minutes(seconds: int | None) -> int | None:
    """把时限向上取到整分钟，仍以秒计；None（不限）不变。"""
    return None if seconds is None else -(-seconds // _MINUTE) * _MINUTE


# 时长


def squeue_duration(seconds: float | None, unlimited: str = "UNLIMITED") -> str:
    """按 squeue 与 sinfo 的样子印时长：`M:SS`、`H:MM:SS`、`D-HH:MM:SS`，首段不补零。

    参数：
        seconds：秒，小数舍去；None 印成 `unlimited`，负数印成 `INVALID`
        unlimited：squeue 说 `UNLIMITED`，sinfo 说 `infinite`
    """
    if seconds is None:
        return unlimited
    if seconds < 0:
        return "INVALID"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}-{hour:02d}:{minute:02d}:{second:02d}"
    if hours:
        return f"{hours}:{minute:02d}:{second:02d}"
    return f"{minutes}:{second:02d}"


def elapsed(seconds: float | None, unlimited: str = "UNLIMITED") -> str:
    """按 scontrol 与 sacct 的样子印时长：`HH:MM:SS`、`D-HH:MM:SS`。

    参数与 `squeue_duration` 相同。
    """
    if seconds is None:
        return unlimited
    if seconds < 0:
        return "INVALID"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour:02d}:{minute:02d}:{second:02d}"
    return f"{days}-{clock}" if days else clock


def cpu_time(microseconds: int) -> str:
    """按 sacct 的 TotalCPU、UserCPU、SystemCPU 印 CPU 时间。

    不足一小时而毫秒不为零时是 `MM:SS.mmm`，其余与 `elapsed` 相同；毫秒以下舍去。
    """
    milliseconds = microseconds // 1000
    seconds, millisecond = divmod(milliseconds, 1000)
    if millisecond == 0 or not 0 <= seconds < _HOUR:
        return elapsed(seconds)
    return f"{seconds // 60:02d}:{seconds % 60:02d}.{millisecond:03d}"


# 时刻


def parse_moment(text: str, now: float, option: str | None = None, *, past: bool = False) -> int:
    """把时刻文本换算成 epoch 秒。

    词可以连写，也可以用空白、`-`、`T` 隔开，后说的盖过先说的：
    `now[±N[seconds|minutes|hours|days|weeks]]`（只能在最前）、`today`、`tomorrow`、`midnight`、
    `noon`、`fika`、`teatime`、`HH:MM[:SS][AM|PM]`、`MMDD[YY]`、`MM/DD[/YY]`、`MM.DD[.YY]`、
    `YYYY-MM-DD`。只有日期是当日零点；只有钟点是最近的将来，没有年份是下一次到来的那天。

    参数：
        now：此刻的 epoch 秒
        option：写进错误里的选项名，见 `InvalidMoment`
        past：改向过去找：只有钟点是今日，没有年份是不晚于本月的那天（sacct 的 `-S`、`-E`）
    异常：
        InvalidMoment：不合语法，或远在公元 1 年至 9999 年之外
    """
    moment = _Moment(int(now))
    try:
        at = 0
        while at < len(text):
            at = moment.read(text, at)
    except _Stray as stray:
        raise InvalidMoment(text, stray.position, option) from None
    if moment.date is None and moment.clock is None:
        raise InvalidMoment(text, None, option)
    return moment.resolve(past)


class _Moment:
    """读到一半的时刻。

    date 是年月日，年可以还不知道；clock 是时分秒。还没有说到的是 None。
    """

    __slots__ = ("clock", "date", "exact", "now")

    def __init__(self, now: int) -> None:
        self.now = now
        self.date: tuple[int | None, int, int] | None = None
        self.clock: tuple[int, int, int] | None = None
        # 只说了 now±N 时的答案：不绕道本地钟点，夏令时重复的那一小时里也不差
        self.exact: int | None = None

    def read(self, text: str, at: int) -> int:
        """读 `at` 处的一个词，返回下一个词的位置；读不懂时抛出 `_Stray`。"""
        if text[at] in " \tT-":
            return at + 1
        if self.date is None and self.clock is None and _word(text, at, ("now",)):
            delta, at = _read_delta(text, at + len("now"))
            self.exact = self.now + delta
            if not _EARLIEST <= self.exact <= _LATEST:
                raise _Stray(at - 1)
            local = time.localtime(self.exact)
            self.date, self.clock = local[:3], local[3:6]
            return at
        self.exact = None
        if word := _word(text, at, _DAYS):
            self.date = time.localtime(self.now + _DAYS[word])[:3]
        elif word := _word(text, at, _CLOCKS):
            self.clock = (_CLOCKS[word], 0, 0)
        elif text[at] in _DIGITS and ":" in text[at + 1 : at + 3]:
            self.clock, at = _read_clock(text, at)
        else:
            self.date, at = _read_date(text, at)
        return at + len(word or "")

    def resolve(self, past: bool) -> int:
        """补上没有说到的部分，换算成 epoch 秒；至少说到了日期或钟点之一。"""
        if self.exact is not None:
            return self.exact
        hour, minute, second = self.clock or (0, 0, 0)
        today = time.localtime(self.now)
        if self.date is None:
            ahead = past or (hour, minute) > (today.tm_hour, today.tm_min)
            self.date = time.localtime(self.now + (0 if ahead else _DAY))[:3]
        year, month, day = self.date
        if year is None and past:
            year = today.tm_year - (month > today.tm_mon)
        elif year is None:
            reached = (today.tm_mon, today.tm_mday, today.tm_hour, today.tm_min)
            year = today.tm_year + ((month, day, hour, minute) <= reached)
        return int(time.mktime((year, month, day, hour, minute, second, 0, 0, -1)))


def _read_delta(text: str, at: int) -> tuple[int, int]:
    """读 `now` 之后的 `±N[单位]`，没有时是 0；返回秒数与下一个位置。"""
    at = _skip_blanks(text, at)
    if at == len(text):
        return 0, at
    sign = at
    if text[sign] not in "+-":
        raise _Stray(sign)
    start = at = _skip_blanks(text, at + 1)
    while at < len(text) and text[at] in _DIGITS:
        at += 1
    if not _is_number(text[start:at]):
        raise _Stray(sign)
    amount = int(text[start:at])
    at = _skip_blanks(text, at)
    if unit := _word(text, at, _UNITS):
        amount *= _UNITS[unit]
        at += len(unit)
    elif at < len(text):
        raise _Stray(at - 1)
    return (amount if text[sign] == "+" else -amount), at


def _read_clock(text: str, at: int) -> tuple[tuple[int, int, int], int]:
    """读 `HH:MM[:SS][AM|PM]`，时可以是一位；返回时分秒与下一个位置。"""
    hour, at = _read_number(text, at, 0, 23)
    if text[at] != ":":
        raise _Stray(at)
    minute, at = _read_number(text, at + 1, 0, 59, digits=2)
    second = 0
    if text[at : at + 1] == ":":
        second, at = _read_number(text, at + 1, 0, 59, digits=2)
    marker = _skip_blanks(text, at)
    if half := _word(text, marker, ("am", "pm")):
        if hour > 12:
            raise _Stray(marker)
        hour = hour % 12 + (12 if half == "pm" else 0)
        at = marker + 2
    return (hour, minute, second), at


def _read_date(text: str, at: int) -> tuple[tuple[int | None, int, int], int]:
    """读 `YYYY-MM-DD`、`MMDD[YY]` 或以 `/`、`.` 隔开的后者；返回年月日与下一个位置。"""
    if text[at + 4 : at + 5] == "-" == text[at + 7 : at + 8]:
        century, _ = _read_number(text, at, 0, 99, digits=2)
        year, _ = _read_number(text, at + 2, 0, 99, digits=2)
        month, _ = _read_number(text, at + 5, 1, 12, digits=2)
        day, at = _read_number(text, at + 8, 1, 31)
        return (century * 100 + year, month, day), at
    month, at = _read_number(text, at, 1, 12)
    at += text[at : at + 1] in ("/", ".")
    day, at = _read_number(text, at, 1, 31)
    at += text[at : at + 1] in ("/", ".")
    if at == len(text) or text[at] not in _DIGITS:
        return (None, month, day), at
    year, at = _read_number(text, at, 0, 99, digits=2)
    return (2000 + year, month, day), at


def _read_number(text: str, at: int, low: int, high: int, digits: int = 1) -> tuple[int, int]:
    """读一个至少 `digits` 位、至多两位的数，返回它与下一个位置。"""
    end = at
    while end < min(at + 2, len(text)) and text[end] in _DIGITS:
        end += 1
    if end < at + digits:
        raise _Stray(end)
    number = int(text[at:end])
    if not low <= number <= high:
        raise _Stray(at)
    return number, end


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _word(text: str, at: int, words: dict[str, int] | tuple[str, ...]) -> str | None:
    """`at` 处是哪一个词，不分大小写；都不是时返回 None。"""
    for word in words:
        if text[at : at + len(word)].lower() == word:
            return word
    return None


def format_moment(
    epoch: float | None,
    empty: str = "N/A",
    time_format: str | None = None,
    now: float | None = None,
) -> str:
    """把 epoch 秒印成本地时间 `YYYY-MM-DDTHH:MM:SS`。

    参数：
        epoch：None 印成 `empty`
        empty：squeue 说 `N/A`，scontrol 与 sacct 说 `Unknown`
        time_format：环境变量 SLURM_TIME_FORMAT 的值：`standard`、`relative` 或 strftime(3) 的
            格式；不成格式的与 None 同为 `standard`
        now：`relative` 相对的时刻；None 表示此刻
    """
    if epoch is None:
        return empty
    local = time.localtime(epoch)
    if time_format == "relative":
        return time.strftime(_relative(local, time.localtime(now)), local)
    if not time_format or "%" not in time_format or len(time_format) >= _FORMAT_BUFFER:
        time_format = _STANDARD
    return time.strftime(time_format, local)


def _relative(when: time.struct_time, today: time.struct_time) -> str:
    """选 `relative` 的格式：今日、昨日、明日、七日之内、本年、别的年，各有写法。"""
    if when.tm_year != today.tm_year:
        return "%-d %b %Y"
    days = when.tm_yday - today.tm_yday
    near = {-1: "Ystday %H:%M", 0: "%H:%M:%S", 1: "Tomorr %H:%M"}
    return near.get(days) or ("%a %H:%M" if 1 < days < 7 else "%-d %b %H:%M")
