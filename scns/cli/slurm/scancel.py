"""scancel：取消作业，或给它们发信号。来源：scancel(1) 22.05 版。

只给作业号时一次请求就够，对错由 scnsd 判定；给了筛选、信号、作业步或要逐个确认时，
先在 `queue` 里找出还没结束的作业。
"""

from __future__ import annotations

import os
import sys

from scns.arrays import to_multirange
from scns.cli import control
from scns.cli.options import collect, parse
from scns.cli.scancel.order import FILTERS, Order
from scns.cli.stop import answer
from scns.cli.tables.scancel import TABLE
from scns.db import connect
from scns.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.arrays import JobRef
    from scns.cli.control import Json
    from scns.cli.scancel.candidates import Candidate, Item

#: 句子到 Slurm 的错误号；退出码是错误号除以 256 的余数（slurm_errno.h）。
_NUMBERS = {
    "Access/permission denied": 2002,
    "Invalid user id": 2010,
    "Invalid job id specified": 2017,
    "Job can not be altered now, try again later": 2020,
    "Job/step already completing or completed": 2021,
    "Job is pending execution": 2024,
}

_UNKNOWN = "Invalid job id specified"
_DONE = "Job/step already completing or completed"


def run(words: list[str]) -> int:
    """取消点名的或筛选出的作业；一个失败不妨碍其余，返回退出码。"""
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is not None:
        sys.stdout.write(text)
        return 0
    order = Order(collect(TABLE, parsed, environ=os.environ))
    if not order.references and not order.filters:
        raise UsageError("No job identification provided")
    connection = connect.connect()
    if order.clusters is not None:
        control.check_clusters(connection, order.clusters)
    steps = any(ref.step is not None for ref in order.references)
    if order.filters or steps or order.interactive or order.signal is not None:
        return _cancel_found(connection, order)
    items = [(ref, str(ref)) for ref in order.references]
    return _exit_code(_send(connection, order, items))


def _cancel_found(connection: Any, order: Order) -> int:
    """先找出还没结束的作业，再取消；返回退出码。"""
    from scns.cli.scancel import candidates

    found = candidates.find(connection, order)
    number = 0
    for ref in order.references:
        if not any(candidate.share(ref) for candidate in found):
            number = max(number, _refuse_unknown(order, ref))
    chosen = [
        (candidate, item)
        for candidate in found
        if candidate.wanted
        for item in candidates.items(candidate, order.references)
    ]
    if not chosen and order.filters and order.verbosity > 0:
        names = "".join(f"{FILTERS[name][1]}={order.filters[name]} " for name in order.filters)
        _say(f"error: No active jobs match ALL job filters, including: {names}")
    if not order.interactive:
        return _exit_code(max(number, _send(connection, order, [item for _, item in chosen])))
    for candidate, item in chosen:
        if _confirm(candidate, item):
            number = max(number, _send(connection, order, [item]))
    return _exit_code(number)


def _refuse_unknown(order: Order, ref: JobRef) -> int:
    """点名的作业不在或已结束；-Q 时不说。"""
    if order.verbosity >= 0:
        what = "job" if ref.step is None else "job step"
        _say(f"error: Kill job error on {what} id {ref}: {_UNKNOWN}")
    return 1


def _confirm(candidate: Candidate, item: Item) -> bool:
    """问一句；输入到了尽头就是不要。"""
    ref, label = item
    what = f"job_id={label}" if ref.step is None else f"step_id={label}.{ref.step}"
    question = f"Cancel {what} name={candidate.name} partition={candidate.partition} [y/n]? "
    while True:
        sys.stdout.write(question)
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            return False
        if line[0] in "yYnN":
            return line[0] in "yY"


def _send(connection: Any, order: Order, items: list[Item]) -> int:
    """发出请求并报告，返回最大的错误号；没有错是 0。"""
    if not items:
        return 0
    if order.verbosity > 0:
        for ref, label in items:
            _say(order.announce(ref, label))
    targets = [_target(ref) for ref, _ in items]
    control.outlive_own_end()
    sentences = control.ask(connection, "cancel", targets, order.argument(), command="scancel")
    return max(
        _report(order, ref, label, sentence)
        for (ref, label), sentence in zip(items, sentences, strict=True)
    )


def _target(ref: JobRef) -> dict[str, Json]:
    """请求里的一个目标；批处理步是 -5。"""
    target: dict[str, Json] = {"job": ref.job_id}
    if ref.ranges is not None:
        target["tasks"] = to_multirange(ref.ranges)
    if ref.step is not None:
        target["step"] = -5 if ref.step == "batch" else int(ref.step)
    return target


def _report(order: Order, ref: JobRef, label: str, sentence: str | None) -> int:
    """报告一个目标的结果，返回错误号。

    作业已经不在或已经结束，不给 -v 就不说；要作业结束时也不算错。
    """
    if sentence is None:
        return 0
    gone = (_DONE,) if ref.step is not None else (_DONE, _UNKNOWN)
    if sentence not in gone or order.verbosity > 0:
        what = "job" if ref.step is None else "job step"
        _say(f"error: Kill job error on {what} id {label}: {sentence}")
    if sentence in gone and order.ends:
        return 0
    return _NUMBERS.get(sentence, 1)


def _say(line: str) -> None:
    sys.stderr.write(f"scancel: {line}\n")


def _exit_code(number: int) -> int:
    return number % 256
