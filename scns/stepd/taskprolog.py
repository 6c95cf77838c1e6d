"""TaskProlog：每个任务之前，以作业主人的身份运行的程序；它的标准输出改任务的环境。

来源：slurm.conf(5) `TaskProlog`。与 Prolog 不同，它没有特权，所以运行什么可以听 scnsd 的。
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

#: 输出至多看这么多，字节。
_MAX_OUTPUT = 1 << 20


class TaskPrologError(Exception):
    """TaskProlog 失败了，任务不能运行；文本写给用户。

    参数：
        code：任务的退出码
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def interpret(output: bytes, environment: dict[bytes, bytes]) -> tuple[dict[bytes, bytes], bytes]:
    """照 TaskProlog 的输出改环境；返回新的环境，与要写到任务标准输出的内容。

    认得 `export 名字=值`、`unset 名字`、`print 文本`，别的行不理。
    """
    changed = dict(environment)
    printed = []
    for line in output.split(b"\n"):
        word, _, rest = line.partition(b" ")
        name, equals, value = rest.partition(b"=")
        if b"\0" in line:
            continue
        if word == b"export" and name and equals:
            changed[name.strip()] = value
        elif word == b"unset":
            changed.pop(rest.strip(), None)
        elif word == b"print":
            printed.append(rest + b"\n")
    return changed, b"".join(printed)


def prepare(program: str, environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """在将要成为任务的子进程里运行 TaskProlog，返回任务的环境；已经降成用户，接好了输出。

    异常：
        TaskPrologError：程序运行不了，或没有以 0 结束
        OSError：进程数到了上限，或输出写不进去
    """
    outlet, inlet = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(program, environment, inlet)
    os.close(inlet)
    pieces = []
    left = _MAX_OUTPUT
    while piece := os.read(outlet, 1 << 16):
        pieces.append(piece[:left])
        left -= len(pieces[-1])
    os.close(outlet)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1
        raise TaskPrologError(f"TaskProlog failed status={status}", code)
    changed, printed = interpret(b"".join(pieces), environment)
    while printed:
        printed = printed[os.write(1, printed) :]
    return changed


def _become(program: str, environment: dict[bytes, bytes], inlet: int) -> NoReturn:
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)
        os.dup2(inlet, 1)
        context = {**environment, b"SLURM_SCRIPT_CONTEXT": b"prolog_task"}
        os.execve(program, [program], context)  # noqa: S606
    except OSError as error:
        os.write(2, f"{program}: {error.strerror}\n".encode("utf-8", "surrogateescape"))
    finally:
        os._exit(127)
