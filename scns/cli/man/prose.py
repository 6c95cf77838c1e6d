"""一页手册里选项表说不出的那些话。"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prose:
    """一个命令的文字；各段的写法见 `Page.paragraphs`。

    参数：
        synopsis：命令名之后的写法，一种一行
        description：做什么
        differences：与 Slurm 不同之处；空的是没有
        status：退出码
        examples：例子，缩进四格的是命令
        also：SEE ALSO 里另外的页
    """

    synopsis: str
    description: str
    differences: str = ""
    status: str = "0 on success, 1 on an error or a wrong option."
    examples: str = ""
    also: tuple[str, ...] = ()


def prose(command: str) -> Prose:
    """一个仿 Slurm 的命令的文字。"""
    from scns.cli.man.prose_jobs import JOBS
    from scns.cli.man.prose_views import VIEWS

    known = {**JOBS, **VIEWS}
    if command in known:
        return known[command]
    text = f"`{command}` works like the command of the same name in Slurm 22.05."
    return Prose("[*OPTIONS*] [*ARGUMENTS*]", text)
