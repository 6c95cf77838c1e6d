"""信号：名字与号码，以及 `--signal` 的写法。

来源：sbatch(1) `--signal`，scancel(1) `--signal`。
"""

from __future__ import annotations

from scns.errors import InvalidInput, UsageError

#: Slurm 认得的名字到 Linux 的号码；其余的信号只能用号码指名。
#: 不导入 signal 模块：它带进 enum，要 3 毫秒。
NUMBERS = {
    "HUP": 1,
    "INT": 2,
    "QUIT": 3,
    "ABRT": 6,
    "KILL": 9,
    "USR1": 10,
    "USR2": 12,
    "ALRM": 14,
    "TERM": 15,
    "CONT": 18,
    "STOP": 19,
    "TSTP": 20,
    "TTIN": 21,
    "TTOU": 22,
    "URG": 23,
    "XCPU": 24,
}

_NAMES = {number: name for name, number in NUMBERS.items()}

#: 内核的最后一个信号，SIGRTMAX。
_LAST = 64

#: 没有写 `@秒` 时，在时限之前多久送信号，秒。
DEFAULT_SECONDS = 60

_MAX_SECONDS = 65_535


class InvalidSignal(InvalidInput):
    """不是信号的名字，也不是号码；句子是 scancel 的。"""

    def __init__(self, text: str) -> None:
        super().__init__(f"Unknown job signal: {text}", style="bare")


class InvalidSignalOption(UsageError):
    """`--signal` 不合语法。"""

    exit_code = 255

    def __init__(self) -> None:
        super().__init__("Invalid --signal specification")


class WarningSignal:
    """时限之前要送的信号。

    参数：
        number：信号的号码
        seconds：在时限之前多少秒
        batch：只送给批处理脚本；否则只送给作业步
        reservation：节点进入预约之前也送（`R:`）
    """

    __slots__ = ("batch", "number", "reservation", "seconds")

    def __init__(
        self,
        number: int,
        seconds: int = DEFAULT_SECONDS,
        *,
        batch: bool = False,
        reservation: bool = False,
    ) -> None:
        self.number = number
        self.seconds = seconds
        self.batch = batch
        self.reservation = reservation

    @property
    def scope(self) -> str:
        """送到哪里，stepd 的说法：`batch` 或 `steps`。"""
        return "batch" if self.batch else "steps"

    def __str__(self) -> str:
        flags = "R" * self.reservation + "B" * self.batch
        return f"{flags}{':' if flags else ''}{signal_name(self.number)}@{self.seconds}"


def parse_signal(text: str) -> int:
    """信号的名字（大小写不论，可带 `SIG`）或号码，换成号码。

    Slurm 还收 64 以上的号码，但内核没有那些信号；这里拒绝。

    异常：
        InvalidSignal：没有这个信号
    """
    number = _number(text)
    if number is None:
        raise InvalidSignal(text)
    return number


def signal_name(number: int) -> str:
    """信号的名字，不带 `SIG`；没有名字的印号码。"""
    return _NAMES.get(number, str(number))


def parse_signal_option(text: str) -> WarningSignal:
    """读 `--signal` 的值：`[{R|B}:]信号[@秒]`。

    `R` 与 `B` 可以并写，大小写不论。没有 `@` 是 60 秒；`@` 之后什么也不写是 0 秒。

    异常：
        InvalidSignalOption：不合语法，没有这个信号，或秒数大过 65535
    """
    flags, _, rest = text.rpartition(":")
    name, at, delay = rest.partition("@")
    flags = flags.upper()
    number = _number(name)
    seconds = _seconds(delay) if at else DEFAULT_SECONDS
    if number is None or seconds is None or flags not in ("", "B", "R", "BR", "RB"):
        raise InvalidSignalOption
    return WarningSignal(number, seconds, batch="B" in flags, reservation="R" in flags)


def _number(text: str) -> int | None:
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 4:
        return int(text) if 0 < int(text) <= _LAST else None
    return NUMBERS.get(text.upper().removeprefix("SIG"))


def _seconds(text: str) -> int | None:
    text = text.strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    return int(text) if int(text) <= _MAX_SECONDS else None
