"""找出一页，给人看，或把全部写进一个目录。"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from scns.cli import SLURM_COMMANDS
from scns.cli.man.commands import command_page
from scns.cli.man.configuration import configuration_page
from scns.cli.man.own import overview_page, own_page
from scns.cli.man.plain import plain
from scns.cli.man.roff import roff
from scns.cli.own import COMMANDS
from scns.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from scns.cli.man.page import Page


def pages() -> list[Page]:
    """全部的页。"""
    return [
        overview_page(),
        *map(command_page, SLURM_COMMANDS),
        *map(own_page, COMMANDS),
        configuration_page(),
    ]


def find(name: str) -> Page:
    """一个名字的页；`up` 与 `scns-up` 都行。

    异常：
        UsageError：没有这一页
    """
    if name in SLURM_COMMANDS:
        return command_page(name)
    if name.removeprefix("scns-") in COMMANDS:
        return own_page(name.removeprefix("scns-"))
    if name in ("scns.conf", "conf"):
        return configuration_page()
    if name == "scns":
        return overview_page()
    raise UsageError(f"No manual page for {name}; 'scns --help' lists the commands")


def install(directory: Path) -> int:
    """把全部的页写进 `directory` 下的 man1 与 man5，返回页数。

    异常：
        OSError：写不进去
    """
    written = pages()
    for page in written:
        folder = directory / f"man{page.section}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / page.file_name).write_text(roff(page), encoding="ascii")
    return len(written)


def show(page: Page) -> None:
    """在终端上经 man 或分页程序，不在终端上就直接打印。"""
    if not sys.stdout.isatty():
        sys.stdout.write(plain(page))
    elif not _through_man(page):
        columns = min(shutil.get_terminal_size().columns, 100)
        _through_pager(plain(page, columns))


def _through_man(page: Page) -> bool:
    """交给 man；没有 man，或它不认 `-l`（busybox），返回 False。"""
    program = shutil.which("man")
    if program is None:
        return False
    with tempfile.TemporaryDirectory(prefix="scns-man-") as directory:
        path = os.path.join(directory, page.file_name)
        with open(path, "w", encoding="ascii") as stream:
            stream.write(roff(page))
        return subprocess.run([program, "-l", path], check=False).returncode == 0


def _through_pager(text: str) -> None:
    """交给 `PAGER`，没有设就是 less；都不行就打印。"""
    words = shlex.split(os.environ.get("PAGER") or "less")
    program = shutil.which(words[0]) if words else None
    if program is None:
        sys.stdout.write(text)
        return
    subprocess.run([program, *words[1:]], input=text.encode(), check=False)
