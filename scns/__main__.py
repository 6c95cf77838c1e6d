"""唯一的门：仿 Slurm 的命令直接进各自的模块，其余交给 typer。

热命令不许付 typer、SQLModel 的装载钱，所以这里几乎什么也不导入；
打印错误、换成退出码也只在这一处。
"""

from __future__ import annotations

import os
import sys

from scns.cli import SLURM_COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from scns.errors import ScnsError


def main(arguments: Sequence[str] | None = None) -> int:
    """命令 `scns`；返回退出码。热命令不返回，直接结束进程。"""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len(words) > 1 and words[0] == "help":
        words = [words[1], "--help"]
    if words and words[0] in SLURM_COMMANDS:
        # 跳过解释器的收尾：输出已经刷出，连接由内核关闭，省 3 毫秒
        os._exit(run_command(words[0], words[1:]))
    if words and words[0] == "__complete":
        from scns.cli.completion.door import run as complete

        complete(words[1:])
    if len(words) == 2 and words[0] == "completion" and words[1] in ("bash", "zsh", "fish"):
        # 每开一个外壳都要运行一次，不值得为它装载 typer
        from scns.cli.completion.script import script

        sys.stdout.write(script(words[1]))
        return 0
    if not words or words[0] in ("--help", "-h", "help"):
        from scns.cli.overview import overview

        sys.stdout.write(overview())
        # 没有说要做什么是用法错误，问有什么可做则不是
        return 0 if words else 2
    from scns.cli.own import lean

    waiting = lean.prepare(words)
    if waiting is not None:
        os._exit(_finish("scns", waiting))
    if len(words) == 2 and words[1] in ("--help", "-h"):
        from scns.cli.overview import own_help
        from scns.cli.tables.own import is_listed

        if is_listed(words[0]):
            sys.stdout.write(own_help(words[0]))
            return 0
    from scns.cli.app import run

    return run(words)


def run_command(command: str, words: list[str]) -> int:
    """运行一个仿 Slurm 的命令，把错误打印成它的样子，返回退出码。"""
    return _finish(command, lambda: _module(command).run(words))


def _finish(command: str, run: Callable[[], int]) -> int:
    """做完一件事，把错误打印成 `command` 的样子，返回退出码。"""
    from scns.errors import ScnsError

    _pass_bytes()
    try:
        code = run()
        sys.stdout.flush()
    except ScnsError as error:
        code = _report(command, error)
    except BrokenPipeError:
        # 读者走了（`squeue | head`）：与 C 程序死于 SIGPIPE 一样安静
        code = 141
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        # 多半是输出写不出去，例如磁盘满
        code = _report(command, ScnsError(error.strerror or str(error)))
    _flush()
    return int(code)


def _pass_bytes() -> None:
    """标准流不论区域设置都是 UTF-8，不成 UTF-8 的字节原样进出，与 C 程序相同。

    关着的标准流（`sacct >&-`）接到空设备，免得它的号码被别的文件占去。
    """
    from io import TextIOWrapper

    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w"))
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _module(command: str) -> ModuleType:
    # importlib.import_module 要多装载 warnings；__import__ 的 fromlist 足够
    return __import__(f"scns.cli.slurm.{command}", fromlist=["run"])


def _report(command: str, error: ScnsError) -> int:
    _flush()
    sys.stderr.write("".join(line + "\n" for line in error.lines(command)))
    return error.exit_code


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # 磁盘满或管道断：热命令随后就 _exit，不能因为刷不出而打印一串回溯
            continue


if __name__ == "__main__":
    sys.exit(main())
