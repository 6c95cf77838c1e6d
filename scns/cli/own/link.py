"""`scns link DIR`：把 sbatch、squeue 等以本名放进一个目录，现成的脚本与工具就找得到它们。"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scns.cli import SLURM_COMMANDS
from scns.cli.launcher import named_home, preamble
from scns.errors import ScnsError

#: 认出自己写的文件：别人的同名程序不覆盖。
MARK = "# made by scns link"


def link(
    directory: Annotated[Path, typer.Argument(help="Directory to put the commands into.")],
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace files that scns did not make.")
    ] = False,
) -> None:
    """写下各命令的包装；目录不存在就建立。"""
    put(directory, named_home(), force=force)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{', '.join(SLURM_COMMANDS)} are in {directory.resolve()}")
    if str(directory.resolve()) not in os.environ.get("PATH", "").split(os.pathsep):
        console.print(f"put it on PATH: export PATH={shlex.quote(str(directory.resolve()))}:$PATH")
    console.print("see also: scns completion, scns man")


def put(directory: Path, state: str | None, *, force: bool = False) -> None:
    """把各命令的包装写进一个目录；目录不存在就建立。

    参数：
        state：没有 `SCNS_HOME` 时用的状态目录；None 时由命令自己找
        force：不是 scns 写的同名文件也换掉

    异常：
        ScnsError：写不了，有别人的同名文件，或解释器的路径写不进 `#!` 行
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        paths = [directory / name for name in SLURM_COMMANDS]
        if not force:
            for path in paths:
                _check_ours(path)
        for path in paths:
            _write(path, wrapper(path.name, state))
    except OSError as error:
        raise ScnsError(f"Cannot write {error.filename}: {error.strerror}") from None


def wrapper(command: str, state: str | None) -> str:
    """一个命令的包装，直接由 Python 解释。

    不经过 sh：dash 会丢掉名字不合它规矩的环境变量，bash 导出的函数就没了。
    `-IS` 跳过 site：省几毫秒，也不受工作目录与 PYTHONPATH 里同名模块的影响。
    """
    lines = [f"#!{interpreter()} -IS", MARK, *preamble(state)]
    lines += ["from scns.__main__ import main", f"main([{command!r}, *sys.argv[1:]])"]
    return "\n".join(lines) + "\n"


def interpreter() -> str:
    """`#!` 行里的解释器；内核只认 127 字节以内、没有空格的路径。

    异常：
        ScnsError：虚拟环境的路径太长或有空格
    """
    if len(os.fsencode(sys.executable)) > 120 or " " in sys.executable:
        raise ScnsError(
            f"{sys.executable} is too long or has a blank, so the kernel cannot start a script "
            "with it; install scns in another directory"
        )
    return sys.executable


def _check_ours(path: Path) -> None:
    if path.is_symlink() or (path.exists() and MARK not in path.read_text(errors="replace")):
        raise ScnsError(f"{path} exists and was not made by scns; use --force to replace it")


def _write(path: Path, text: str) -> None:
    # 先写旁边再改名：别人正在执行旧的也不会读到一半
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.chmod(0o755)
    beside.replace(path)
