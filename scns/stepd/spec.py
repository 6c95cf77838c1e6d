"""`start` 消息里的要求：检查类型，换成启动时用的样子。

来自套接字的每个字段都当作不可信的；一项不合格就整条退回，不猜。
"""

from __future__ import annotations

import os
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.stepd.protocol import Message

_HEX = frozenset("0123456789abcdef")
_INTEGER_LIMIT = 1 << 64
_UID_LIMIT = (1 << 32) - 1  # 最大的那个表示“不变”，不是 uid
_SECONDS_LIMIT = 1e9
_MOMENT_LIMIT = 1e11


class Field:
    """取消息的字段并检查类型。

    异常：
        ValueError：字段不在或类型不对，文本里写明是哪一个；各方法都可能抛出
    """

    __slots__ = ("_message",)

    def __init__(self, message: Message) -> None:
        self._message = message

    def has(self, name: str) -> bool:
        """消息里有这个字段，而且不是 null。"""
        return self._message.get(name) is not None

    def integer(self, name: str, minimum: int = 0) -> int:
        """不小于 `minimum` 的整数。"""
        value = self._message.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name} is not an integer")
        if not minimum <= value < _INTEGER_LIMIT:
            raise ValueError(f"{name} is out of range")
        return value

    def uid(self, name: str) -> int:
        """用户号或组号。"""
        value = self.integer(name)
        if value >= _UID_LIMIT:
            raise ValueError(f"{name} is out of range")
        return value

    def seconds(self, name: str) -> float:
        """时长，非负的有限秒数。"""
        return self._number(name, _SECONDS_LIMIT)

    def moment(self, name: str) -> float:
        """时刻，Unix 秒。"""
        return self._number(name, _MOMENT_LIMIT)

    def _number(self, name: str, limit: float) -> float:
        value = self._message.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name} is not a number")
        if not 0 <= value < limit:
            raise ValueError(f"{name} is out of range")
        return float(value)

    def text(self, name: str) -> str:
        """文本，不含 NUL；可以带 `surrogateescape` 的字节。"""
        value = self._message.get(name)
        if not isinstance(value, str) or "\0" in value:
            raise ValueError(f"{name} is not a string")
        os.fsencode(value)  # 不成对的代理字符在这里就抛出 ValueError
        return value

    def optional_text(self, name: str) -> str | None:
        """文本或 null。"""
        return None if self._message.get(name) is None else self.text(name)

    def body(self, name: str) -> bytes:
        """任意字节。"""
        value = self._message.get(name)
        if not isinstance(value, str):
            raise ValueError(f"{name} is not a string")
        return value.encode("utf-8", "surrogateescape")

    def key(self, name: str) -> str:
        """十六进制文本；要用作文件名，别的字符一概不许。"""
        value = self.text(name)
        if not 1 <= len(value) <= 128 or not _HEX.issuperset(value):
            raise ValueError(f"{name} is not a hexadecimal key")
        return value

    def flag(self, name: str) -> bool:
        """真或假。"""
        value = self._message.get(name)
        if not isinstance(value, bool):
            raise ValueError(f"{name} is not a boolean")
        return value

    def items(self, name: str) -> list[Field]:
        """列表；每一项各自用 `name` 去取。"""
        value = self._message.get(name)
        if not isinstance(value, list):
            raise ValueError(f"{name} is not a list")
        return [Field({name: item}) for item in value]

    def optional_integers(self, name: str) -> list[int] | None:
        """非负整数的列表或 null。"""
        if self._message.get(name) is None:
            return None
        return [item.integer(name) for item in self.items(name)]

    def optional_uids(self, name: str) -> list[int] | None:
        """用户号或组号的列表或 null。"""
        if self._message.get(name) is None:
            return None
        return [item.uid(name) for item in self.items(name)]

    def table(self, name: str) -> dict[str, object]:
        """对象。"""
        value = self._message.get(name)
        if not isinstance(value, dict):
            raise ValueError(f"{name} is not an object")
        return value


class Owner:
    """作业属于谁，输出写到哪里；作业跑起来以后还用得着，所以也记进日记。

    参数：
        message：`start` 消息，或日记里的 `started` 记录

    异常：
        ValueError：缺字段，或字段的类型不对
    """

    #: 从消息抄进日记的字段。
    FIELDS = ("label", "uid", "gid", "user", "groups", "directory", "stdout", "stderr", "grace")

    def __init__(self, message: Message) -> None:
        field = Field(message)
        self.label = field.text("label")
        self.uid = field.uid("uid")
        self.gid = field.uid("gid")
        self.user = field.text("user")
        self.groups = field.optional_uids("groups")
        self.directory = field.text("directory")
        self.stdout = self.absolute(field.optional_text("stdout") or os.devnull)
        named = field.optional_text("stderr")
        self.stderr = self.stdout if named is None else self.absolute(named)
        self.grace = field.seconds("grace")

    def absolute(self, path: str) -> str:
        """相对的路径从作业的目录算起。"""
        return os.path.join(self.directory, path)


class Around:
    """每个任务前后以用户的身份运行的程序；没有的为 None。

    异常：
        ValueError：字段的类型不对
    """

    __slots__ = ("epilog", "prolog")

    def __init__(self, field: Field) -> None:
        self.prolog = field.optional_text("task_prolog")
        self.epilog = field.optional_text("task_epilog")

    def kept(self) -> dict[str, object]:
        """要记进日记的字段。"""
        both = {"task_prolog": self.prolog, "task_epilog": self.epilog}
        return {name: program for name, program in both.items() if program is not None}


class Grant:
    """分给作业的资源，没有要运行的脚本：`srun` 与 `salloc` 的分配。

    参数：
        message：`allocate` 消息

    异常：
        ValueError：缺字段，或字段的类型不对
    """

    def __init__(self, message: Message) -> None:
        field = Field(message)
        self.job = field.integer("job", 1)
        self.attempt = field.integer("attempt")
        self.variables = _variables(field.table("variables"))
        self.cpus = field.optional_integers("cpus")
        self.memory = None if message.get("memory") is None else field.integer("memory", 1)
        self.owner = Owner(message)
        self.around = Around(field)
        self.kept = {name: message.get(name) for name in (*Owner.FIELDS, "cpus")}
        self.kept |= self.around.kept()


class Spec(Grant):
    """启动一个脚本的全部要求。

    参数：
        message：`start` 消息

    异常：
        ValueError：缺字段，或字段的类型不对
    """

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        field = Field(message)
        self.script = field.key("script")
        self.environment = field.key("environment")
        self.arguments = [os.fsencode(item.text("arguments")) for item in field.items("arguments")]
        self.append = field.flag("append")
        self.umask = field.integer("umask") & 0o777
        self.limits = read_limits(field.table("limits"))
        self.nice = field.integer("nice", -20)
        self.stdin = self.owner.absolute(field.optional_text("stdin") or os.devnull)


def _variables(table: dict[str, object]) -> dict[bytes, bytes | None]:
    """要改的环境变量；值为 None 是删去。"""
    field = Field(table)
    found = {}
    for name in table:
        if not name or "=" in name or "\0" in name:
            raise ValueError("variables has a name that is not valid")
        value = field.optional_text(name)
        found[os.fsencode(name)] = None if value is None else os.fsencode(value)
    return found


def read_limits(table: dict[str, object]) -> dict[int, int]:
    """软限制，以 `resource` 的编号为键；本机没有的种类略过。

    异常：
        ValueError：值不是［软，硬］
    """
    field = Field(table)
    found = {}
    for name in table:
        kind = getattr(resource, f"RLIMIT_{name}", None)
        soft = next(iter(field.items(name)), None)
        if soft is None:
            raise ValueError(f"{name} has no soft limit")
        value = soft.integer(name, -1)
        if isinstance(kind, int):
            found[kind] = value if value < 1 << 63 else resource.RLIM_INFINITY
    return found
