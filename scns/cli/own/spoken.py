"""句子里的零件：多久、何时、多少、哪个作业；英文，纯函数。"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scns import sizes, times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def span(seconds: float) -> str:
    """一段时间，最多两级：`42 s`、`12 min`、`2 h 5 min`、`3 d 4 h`；不足一秒的也是 `1 s`。"""
    whole = max(round(seconds), 1)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        # 十分钟以内，半分钟也要紧
        return f"{minutes} min" + (f" {rest} s" if rest and minutes < 10 else "")
    if whole < _DAY:
        hours, rest = divmod(whole, _HOUR)
        return f"{hours} h" + (f" {rest // _MINUTE} min" if rest >= _MINUTE else "")
    days, rest = divmod(whole, _DAY)
    return f"{days} d" + (f" {rest // _HOUR} h" if rest >= _HOUR else "")


def moment(at: float, now: float) -> str:
    """一个时刻，将来的带上还有多久：`2026-03-01T12:00:00 (in 12 min)`。"""
    text = times.format_moment(round(at))
    return f"{text} (in {span(at - now)})" if at > now else text


def ends(at: float | None, now: float) -> str:
    """一个在跑的作业何时结束；没有时限时 `at` 是 None。"""
    if at is None:
        return "has no time limit"
    return f"ends by {moment(at, now)}" if at > now else "is about to end"


def count(number: int, noun: str, nouns: str | None = None) -> str:
    """个数与单复数：`1 CPU`、`2 CPUs`。"""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"


def amount(what: str, number: int) -> str:
    """一种资源的量：`2 CPUs`、`4000M of memory`、`1 gpu`、`2 matlab licenses`。"""
    kind, _, name = what.partition("/")
    if kind == "cpu":
        return count(number, "CPU")
    if kind == "mem":
        return f"{sizes.format_size(number)} of memory"
    if kind == "license":
        return count(number, f"{name} license")
    if kind == "gres":
        return f"{number} {name}"
    return count(number, kind)


def job(facts: Mapping[str, Any]) -> str:
    """提到一个作业：`job 42 (train, alice)`。"""
    return f"job {facts['job']} ({facts['name']}, {facts['owner']})"


def listed(words: Sequence[str]) -> str:
    """并列：`a`、`a and b`、`a, b and c`。"""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def capital(text: str) -> str:
    """句首的字母大写；其余不动。"""
    return text[:1].upper() + text[1:]
