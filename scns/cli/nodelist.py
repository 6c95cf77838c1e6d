"""`--nodelist`、`--exclude` 与 `--nodefile` 的节点名：名单，或写着名单的文件。

来源：sbatch(1)。
"""

from __future__ import annotations

from scns import hostlist
from scns.errors import InvalidInput, UsageError

#: 名单文件至多读这么多字符。
_MAX_FILE = 1 << 20


def names_of(text: str) -> list[str]:
    """展开名单，重复的只留一个；带 `/` 的是文件名。

    异常：
        UsageError：名单不合语法，或文件读不了
    """
    return _expand(_read(text) if "/" in text else text)


def names_in_file(path: str) -> list[str]:
    """展开文件里的名单。

    异常：
        UsageError：文件读不了，或名单不合语法
    """
    try:
        text = _read(path)
    except UsageError:
        raise UsageError("Invalid --nodefile node file", exit_code=255) from None
    return _expand(text)


def _expand(text: str) -> list[str]:
    try:
        return list(dict.fromkeys(hostlist.expand(text)))
    except InvalidInput:
        raise UsageError("Invalid node list specified", style="fatal") from None


def _read(path: str) -> str:
    """读文件里的名单，一行一项，`#` 之后是注释；换成以逗号隔开的一串。"""
    try:
        with open(path, encoding="ascii") as stream:
            text = stream.read(_MAX_FILE)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a list of nodes"
        raise UsageError(f"slurm_allocate_resources error opening file {path}, {reason}") from None
    items = (line.partition("#")[0].strip() for line in text.split("\n"))
    return ",".join(item for item in items if item)
