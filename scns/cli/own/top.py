"""`scns top`：节点、队列、作业此刻怎样；有动静就更新，按键排序、过滤、取消。

不是终端时列一遍就走。
"""

from __future__ import annotations

import errno
import os
import pwd
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from scns.cli import control
from scns.cli.bell import Bell
from scns.cli.board import data, keys, view
from scns.cli.board.keys import Action, Mode, View
from scns.cli.board.usage import Meter
from scns.cli.own import sentences, why
from scns.db import connect
from scns.errors import ScnsError

if TYPE_CHECKING:
    from scns.cli.board.data import Board, Job

#: 没有动静时隔这么多秒更新一次：时间、负载与用量在变。
INTERVAL = 2.0

#: 动静再多，两次更新之间至少隔这么多秒，也至少是读一次所花的这么多倍。
LEAST_INTERVAL, LEAST_FACTOR = 0.25, 10

#: 不是终端、环境里也没有 COLUMNS 时的宽度。
_PLAIN_WIDTH = 160


def top(
    user: Annotated[str | None, typer.Option("--user", "-u", help="Only this user's jobs.")] = None,
    me: Annotated[bool, typer.Option("--me", help="Only my own jobs.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print once as plain text.")] = False,
    interval: Annotated[
        float, typer.Option("--interval", "-i", min=0.1, help="Seconds between refreshes.")
    ] = INTERVAL,
) -> int:
    """显示看板，直到按 q；不是终端时列一遍。"""
    mine = pwd.getpwuid(os.geteuid()).pw_name
    connection = connect.connect()
    wall = Wall(connection, user or mine, only=user, view=View(mine=me))
    if once or not (sys.stdin.isatty() and sys.stdout.isatty()):
        wall.print()
        return 0
    try:
        wall.run(interval)
    except OSError as error:
        # 终端关了：没有人在看
        if error.errno != errno.EIO:
            raise
    return 0


class Wall:
    """挂着的看板。

    参数：
        owner：`mine` 时只显示谁的作业
        only：一直只看谁的；None 是全部
    """

    def __init__(self, connection: Any, owner: str, only: str | None, view: View) -> None:
        self._bell = Bell(connection, command="top")
        self._owner = owner
        self._only = only
        self._view = view
        self._meter = Meter()
        self._console = Console(highlight=False)
        self._board: Board | None = None

    def print(self) -> None:
        """列一遍，全部作业，不管屏幕多高。"""
        plain = not self._console.is_terminal and "COLUMNS" not in os.environ
        width = _PLAIN_WIDTH if plain else self._console.width
        text = view.screen(self._read(), self._view, self._owner, width, None)
        for line in text.split("\n"):
            line.rstrip()
            self._console.print(line, soft_wrap=True)

    def run(self, interval: float) -> None:
        """占住屏幕，直到按 q；连接断了就照常报错。"""
        live = Live(console=self._console, screen=True, auto_refresh=False)
        with raw_terminal() as keyboard, resizes() as resized, live:
            while True:
                began = time.monotonic()
                self._board = self._read()
                spent = time.monotonic() - began
                if not self._until_due(live, interval, spent, (keyboard, resized)):
                    return

    def _read(self) -> Board:
        # 自己的作业很多时，别让别人的占满名额
        owner = self._owner if self._view.mine else self._only
        board = data.read(self._bell.connection, owner)
        return board.measured(self._meter.measure(board.jobs))

    def _until_due(
        self, live: Live, interval: float, spent: float, inputs: tuple[int, int]
    ) -> bool:
        """等到该重读；期间按键随时响应。该结束时返回 False。"""
        now = time.monotonic()
        soonest = now + max(LEAST_INTERVAL, spent * LEAST_FACTOR)
        latest = max(now + interval, soonest)
        rang = False
        while True:
            self._draw(live)
            due = soonest if rang else latest
            left = due - time.monotonic()
            if left <= 0:
                return True
            rang = self._bell.wait(left, *inputs) or rang
            _drain(inputs[1])
            for key in _pressed(inputs[0]):
                action = self._press(key)
                if action is Action.QUIT:
                    return False
                if action is not None:
                    return True

    def _draw(self, live: Live) -> None:
        assert self._board is not None
        width, height = self._console.size
        live.update(view.screen(self._board, self._view, self._owner, width, height), refresh=True)

    def _press(self, key: str) -> Action | None:
        assert self._board is not None
        shown = keys.arranged(self._board.jobs, self._view, self._owner)
        rows = view.page(self._board, *self._console.size)
        self._view, action = keys.press(self._view, key, shown, rows)
        job = keys.selected(self._view, shown)
        if action is Action.CANCEL and job is not None:
            self._view = replace(self._view, message=self._cancel(job))
        if action is Action.WHY and job is not None:
            self._view = replace(self._view, mode=Mode.WHY, lines=tuple(self._why(job)))
            return None
        return action

    def _cancel(self, job: Job) -> str:
        """请求取消，返回底行要说的话。"""
        argument = {"signal": None, "scope": "all", "states": None}
        # scnsd 不在时的提醒不能写在屏幕上，改在底行说
        warning = StringIO()
        try:
            with redirect_stderr(warning):
                [refusal] = control.ask(
                    self._bell.connection, "cancel", [job.target], argument, command="top"
                )
        except ScnsError as error:
            return error.message
        if refusal:
            return f"job {job.label}: {refusal}"
        return warning.getvalue().strip() or f"job {job.label} is being cancelled"

    def _why(self, job: Job) -> list[str]:
        try:
            answers = why.ask(self._bell.connection, [job.target])
        except ScnsError as error:
            return [error.message]
        if answers is None:
            return ["scnsd is not running, and nothing starts until it does ('scns up')."]
        [facts] = answers
        return [facts["error"]] if "error" in facts else sentences.sentences(facts)


@contextmanager
def raw_terminal() -> Iterator[int]:
    """键盘按一下就读得到，也不回显；离开时复原。"""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard)
        yield keyboard
    finally:
        # 终端没有了就没有什么要复原
        with suppress(termios.error):
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


@contextmanager
def resizes() -> Iterator[int]:
    """屏幕大小变了就可读的描述符。"""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    handler = signal.signal(signal.SIGWINCH, lambda *_: None)
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGWINCH, handler)
        os.close(reading)
        os.close(writing)


def _pressed(keyboard: int) -> list[str]:
    """此刻按下的键。"""
    if not select.select([keyboard], [], [], 0)[0]:
        return []
    try:
        typed = os.read(keyboard, 256)
    except OSError:
        typed = b""
    # 终端没有了就是该走了
    return keys.decode(typed) if typed else ["q"]


def _drain(descriptor: int) -> None:
    with suppress(BlockingIOError):
        while os.read(descriptor, 256):
            continue
