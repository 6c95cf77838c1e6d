"""`--export` 与 `--export-file`：提交时的环境里，哪些变量随作业走。

变量名与值都是字节，不必是 UTF-8。来源：sbatch(1) `--export`、`--export-file`；变量的次序与
引号的规则照着 Slurm 22.05 核对过。
"""

from __future__ import annotations

import os

from scns.errors import InvalidInput, RequestRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: 环境的上限，字节。
MAX_SIZE = 1024 * 1024

EXPORT_ENV = b"SLURM_EXPORT_ENV"
GET_USER_ENV = b"SLURM_GET_USER_ENV"

_TOO_LONG = "Pathname of a file, directory or other parameter too long"


class UnreadableExportFile(InvalidInput):
    """`--export-file` 指名的文件打不开；读文件的一方抛出。"""

    def __init__(self, name: str) -> None:
        super().__init__(f"Could not open user environment file {name}")


class Exported:
    """随作业走的环境。

    参数：
        variables：变量，次序就是存下的次序
        get_user_env：启动时要补上登录时会有的变量（HOME、USER、PATH 等）；已有的不动
    """

    __slots__ = ("get_user_env", "variables")

    def __init__(self, variables: dict[bytes, bytes], get_user_env: bool) -> None:
        self.variables = variables
        self.get_user_env = get_user_env

    def block(self) -> bytes:
        """存进数据库的字节，`split_block` 读得回来。

        异常：
            RequestRefused：大过 `MAX_SIZE`
        """
        return join_block(self.variables)


def exported(
    option: str | None, environment: Mapping[bytes, bytes], export_file: bytes | None = None
) -> Exported:
    """决定作业的环境。

    `ALL`（默认）是全部；`NONE` 与 `NIL` 只留 SLURM 开头的；名单 `A,B=1` 是点名的加上
    `SLURM_` 开头的，名单里的 `ALL` 是全部。逗号在引号里不分隔；整个一项包在引号里时去掉那
    一对，别处的引号是值的一部分。`SLURM_` 变量总是环境里的值，名单改不了。

    不是 ALL 时作业里有 `SLURM_EXPORT_ENV`（`--export` 的值，环境里已有的不改）与
    `SLURM_GET_USER_ENV=1`。

    参数：
        option：`--export` 的值；None 是没有写
        environment：提交者的环境
        export_file：`--export-file` 的内容，它取代整个环境；没有这个选项时为 None
    """
    chosen = None if option is None or option.upper() == "ALL" else option
    if export_file is not None:
        variables = split_block(export_file)
    elif chosen is None:
        variables = _named(environment)
    else:
        variables = _selected(chosen, environment)
    if chosen is not None:
        variables[GET_USER_ENV] = b"1"
    return Exported(variables, chosen is not None)


def _selected(option: str, environment: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """`--export` 不是 ALL 时的变量。"""
    whole = _named(environment)
    whole.setdefault(EXPORT_ENV, os.fsencode(option))
    kind = option.upper()
    if kind == "NONE":
        return {name: value for name, value in whole.items() if name.startswith(b"SLURM")}
    variables: dict[bytes, bytes] = {}
    for item in _items("" if kind == "NIL" else option):
        name, equals, value = os.fsencode(item).partition(b"=")
        if item.upper() == "ALL":
            variables.update(whole)
        elif equals and name:
            variables[name] = value
        elif name in whole:
            variables[name] = whole[name]
    variables.update((name, whole[name]) for name in whole if name.startswith(b"SLURM_"))
    return variables


def _named(environment: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """去掉名字为空的：execve 收，但 Python 起进程时不收。"""
    return {name: value for name, value in environment.items() if name}


def _items(text: str) -> Iterator[str]:
    """名单的各项；两种引号各自成对，互不相干。"""
    start = 0
    open_ = {"'": False, '"': False}
    for at, letter in enumerate(text + ","):
        if letter in open_:
            open_[letter] = not open_[letter]
            continue
        balanced = True not in open_.values()
        if at == len(text) or (letter == "," and balanced):
            item = text[start:at]
            if balanced and len(item) > 1 and item[0] in open_ and item[0] == item[-1]:
                item = item[1:-1]
            yield item
            start = at + 1


def join_block(variables: Mapping[bytes, bytes]) -> bytes:
    """`NAME=VALUE` 以 NUL 相隔，末尾没有 NUL。

    异常：
        RequestRefused：大过 `MAX_SIZE`
    """
    block = b"\0".join([name + b"=" + value for name, value in variables.items()])
    if len(block) > MAX_SIZE:
        raise RequestRefused(_TOO_LONG)
    return block


def split_block(block: bytes) -> dict[bytes, bytes]:
    """读 `join_block` 的字节，也读 `--export-file` 的内容。

    读到空的一项为止；没有等号、名字为空的略去；重复的名字取后一个，与 Slurm 相同。
    """
    variables: dict[bytes, bytes] = {}
    for entry in block.split(b"\0"):
        if not entry:
            break
        name, equals, value = entry.partition(b"=")
        if equals and name:
            variables[name] = value
    return variables
