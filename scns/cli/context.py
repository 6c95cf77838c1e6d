"""提交时的周遭：目录、umask、ulimit、主机名；只在这里向操作系统打听。"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Context:
    """`request.build` 除选项外要知道的一切。

    参数：
        command：`sbatch`、`srun` 或 `salloc`
        name：没有 `--job-name` 时作业叫什么
        directory：提交时所在的目录，绝对路径
        script：脚本的路径，scontrol 的 `Command=`；None 表示来自标准输入或 `--wrap`
        arguments：脚本的参数
        submit_line：整个命令行，sacct 的 SubmitLine
        now：此刻的 epoch 秒
        limits：ulimit 的名字（`NOFILE` 等）到［软，硬］，不限是 -1
        process_nice：提交者的 nice 值
        environ：环境变量
        max_array_size：下标必须小于它；None 时只查语法，由数据库查

    属性：
        warnings：不妨碍提交、要说给用户听的话，每句前面加 `sbatch: `
    """

    __slots__ = (
        "arguments",
        "command",
        "directory",
        "environ",
        "host",
        "limits",
        "max_array_size",
        "name",
        "now",
        "process_nice",
        "script",
        "submit_line",
        "uid",
        "umask",
        "warnings",
    )

    def __init__(
        self,
        command: str = "sbatch",
        name: str = "sbatch",
        *,
        directory: str = "/",
        script: str | None = None,
        arguments: Sequence[str] = (),
        submit_line: str = "",
        host: str = "",
        uid: int = -1,
        umask: int = 0o022,
        now: float = 0.0,
        limits: Mapping[str, Sequence[int]] | None = None,
        process_nice: int = 0,
        environ: Mapping[str, str] | None = None,
        max_array_size: int | None = None,
    ) -> None:
        self.command = command
        self.name = name
        self.directory = directory
        self.script = script
        self.arguments = list(arguments)
        self.submit_line = submit_line
        self.host = host
        self.uid = uid
        self.umask = umask
        self.now = now
        self.limits = limits or {}
        self.process_nice = process_nice
        self.environ = environ or {}
        self.max_array_size = max_array_size
        self.warnings: list[str] = []


def here(
    command: str,
    words: Sequence[str],
    *,
    name: str,
    script: str | None = None,
    arguments: Sequence[str] = (),
) -> Context:
    """按本进程此刻的样子造一个 `Context`。

    参数：
        words：命令行里命令名之后的词
        name、script、arguments：见 `Context`
    异常：
        OSError：当前目录已被删去
    """
    umask = os.umask(0o077)
    os.umask(umask)
    return Context(
        command,
        name,
        directory=os.getcwd(),
        script=script,
        arguments=arguments,
        submit_line=" ".join([command, *words]),
        host=os.uname().nodename.partition(".")[0],
        uid=os.getuid(),
        umask=umask,
        now=time.time(),
        limits=_limits(),
        process_nice=os.nice(0),
        environ=os.environ,
    )


def _limits() -> dict[str, list[int]]:
    import resource

    from scns.cli.checks import LIMITS

    return {name: list(resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))) for name in LIMITS}
