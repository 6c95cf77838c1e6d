"""sacctmgr 命令行上的词：`where` 的条件与 `set` 的设置。来源：sacctmgr(1) 22.05 版。"""

from __future__ import annotations

from scns.errors import InvalidInput, UsageError
from scns.sizes import parse_memory
from scns.times import parse_time_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

#: 动词与对象的各种写法；可以缩写，取头一个。
VERBS = ("add", "create", "delete", "remove", "list", "show", "modify")
ENTITIES = {
    "account": "account",
    "accounts": "account",
    "association": "association",
    "associations": "association",
    "cluster": "cluster",
    "clusters": "cluster",
    "qos": "qos",
    "runawayjobs": "runawayjobs",
    "tres": "tres",
    "user": "user",
    "users": "user",
}

#: 设置的名字到（列，种类）；种类：number 个数，time 时长，text 文字，tres 或其中一种资源；
#: 名字可以缩写，取头一个。
SETTINGS = {
    "account": ("account", "names"),
    "accounts": ("account", "names"),
    "names": ("name", "names"),
    "users": ("user", "names"),
    "clusters": ("cluster", "names"),
    "parent": ("parent", "text"),
    "description": ("description", "text"),
    "organization": ("organization", "text"),
    "defaultaccount": ("default_account", "text"),
    "fairshare": ("fairshare", "number"),
    "shares": ("fairshare", "number"),
    "flags": ("flags", "flags"),
    "priority": ("priority", "number"),
    "grpjobs": ("grp_jobs", "number"),
    "grpsubmitjobs": ("grp_submit", "number"),
    "grptres": ("grp_tres", "tres"),
    "grptresmins": ("grp_tres_mins", "cpu minutes"),
    "grptresrunmins": ("grp_tres_run_mins", "tres"),
    "grpcpus": ("grp_tres", "cpu"),
    "grpcpumins": ("grp_tres_mins", "cpu"),
    "grpcpurunmins": ("grp_tres_run_mins", "cpu"),
    "grpnodes": ("grp_tres", "node"),
    "grpmemory": ("grp_tres", "mem"),
    "maxjobs": ("max_jobs", "number"),
    "maxjobsperuser": ("max_jobs", "number"),
    "maxjobspu": ("max_jobs", "number"),
    "maxjobsperaccount": ("max_jobs_per_account", "number"),
    "maxjobspa": ("max_jobs_per_account", "number"),
    "maxsubmitjobs": ("max_submit", "number"),
    "maxsubmitjobsperuser": ("max_submit", "number"),
    "maxsubmitjobspu": ("max_submit", "number"),
    "maxsubmitpu": ("max_submit", "number"),
    "maxsubmitjobsperaccount": ("max_submit_per_account", "number"),
    "maxsubmitjobspa": ("max_submit_per_account", "number"),
    "maxsubmitpa": ("max_submit_per_account", "number"),
    "maxwalldurationperjob": ("max_wall", "time"),
    "maxtresperjob": ("max_tres_per_job", "tres"),
    "maxtrespj": ("max_tres_per_job", "tres"),
    "maxtresperuser": ("max_tres_per_user", "tres"),
    "maxtrespu": ("max_tres_per_user", "tres"),
    "maxtresperaccount": ("max_tres_per_account", "tres"),
    "maxtrespa": ("max_tres_per_account", "tres"),
    "maxtresminsperjob": ("max_tres_mins_per_job", "tres"),
    "maxcpusperjob": ("max_tres_per_job", "cpu"),
    "maxcpuminsperjob": ("max_tres_mins_per_job", "cpu"),
    "maxnodesperjob": ("max_tres_per_job", "node"),
    "maxcpusperuser": ("max_tres_per_user", "cpu"),
    "maxnodesperuser": ("max_tres_per_user", "node"),
    "mintresperjob": ("min_tres_per_job", "tres"),
    "mincpusperjob": ("min_tres_per_job", "cpu"),
    "format": ("format", "names"),
}

#: Slurm 设得了而这里不起作用的：拒绝，不假装。
_UNSUPPORTED = (
    "adminlevel", "comment", "defaultqos", "defaultwckey", "gracetime", "grpjobsaccrue", "grpwall",
    "limitfactor", "maxjobsaccrue", "maxtrespernode", "maxtrespn", "minpriothreshold", "partition",
    "preempt", "preemptexempttime", "preemptmode", "qoslevel", "rawusage", "usagefactor",
    "usagethreshold", "wckeys",
)  # fmt: skip

#: 是开关的词。
FLAGS = (
    "withassoc", "withcoordinators", "withdeleted", "withrawqoslevel", "withsubaccounts",
    "wopinfo", "woplimits", "wolimits", "onlydefaults", "tree",
)  # fmt: skip

_LIMITS = {
    "fairshare", "priority", "grp_jobs", "grp_submit", "grp_tres", "grp_tres_mins",
    "grp_tres_run_mins", "max_jobs", "max_submit", "max_tres_per_job", "max_tres_mins_per_job",
    "max_wall",
}  # fmt: skip

#: 一个对象改得了的列。
ALLOWED = {
    "account": _LIMITS | {"parent", "description", "organization"},
    "user": _LIMITS | {"default_account"},
    "qos": (_LIMITS - {"fairshare", "grp_tres_mins"})
    | {
        "description", "flags", "max_jobs_per_account", "max_submit_per_account",
        "max_tres_per_user", "max_tres_per_account", "min_tres_per_job",
    },
}  # fmt: skip


class Clause:
    """一串条件或设置。

    属性：
        names：点名的对象
        settings：列名到值；None 是不限
        flags：写了的开关
    """

    __slots__ = ("flags", "names", "settings")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.settings: dict[str, Any] = {}
        self.flags: set[str] = set()


def complete(word: str, known: Sequence[str]) -> str | None:
    """补全缩写，取头一个；没有时为 None。"""
    lowered = word.lower()
    return next((one for one in known if lowered and one.startswith(lowered)), None)


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """拆成条件与设置；没有写 `where` 的，`set` 之前是条件。"""
    where: list[str] = []
    changes: list[str] = []
    target = where
    for word in words:
        if word.lower() in ("where", "set"):
            target = where if word.lower() == "where" else changes
        else:
            target.append(word)
    return where, changes


def parse(words: Sequence[str]) -> Clause:
    """读一串 `NAME` 与 `KEY=VALUE`。

    异常：
        UsageError：没有这个键；InvalidInput：值不对
    """
    clause = Clause()
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            flag = complete(word, FLAGS) if len(word) > 4 else None
            if flag is not None:
                clause.flags.add(flag)
            else:
                clause.names += _names(word)
            continue
        found = complete(key.rstrip("+-"), tuple(SETTINGS))
        if found is None and complete(key, _UNSUPPORTED):
            raise UsageError(f" Option not supported: {word}", style="bare")
        if found is None or (key[-1:] in "+-" and found != "flags"):
            raise unknown(word)
        column, kind = SETTINGS[found]
        value = _value(key, kind, text.strip("\"'"))
        if column == "name":
            clause.names += value
        elif isinstance(value, dict):
            clause.settings.setdefault(column, {}).update(value)
        else:
            clause.settings[column] = value
    return clause


def unknown(word: str) -> UsageError:
    """没有这个设置，或这个对象没有。"""
    return UsageError(
        f" Unknown option: {word}\n Use keyword 'where' to modify condition", style="bare"
    )


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _value(key: str, kind: str, text: str) -> Any:
    match kind:
        case "names":
            return _names(text)
        case "text":
            return text
        case "number":
            return _number(key, text)
        case "time":
            return None if text == "-1" else parse_time_limit(text)
        case "flags":
            return _qos_flags(key, text)
        case "cpu minutes":
            amounts = dict(_amount(key, *item.partition("=")[::2]) for item in _names(text))
            if amounts.keys() - {"cpu"}:
                raise InvalidInput(f" {key} counts cpu only: {text}", style="bare")
            return amounts
        case "tres":
            return dict(_amount(key, *item.partition("=")[::2]) for item in _names(text))
        case _:
            return dict([_amount(key, kind, text)])


def _qos_flags(key: str, text: str) -> list[str]:
    """`Flags=`、`Flags+=` 与 `Flags-=`：认得的只有一个，所以加减都成了整个换掉；-1 是去掉全部。

    异常：
        InvalidInput：不认得的词
    """
    for word in _names(text) if text != "-1" else ():
        if word.lower() != "denyonlimit":
            raise InvalidInput(f" Flag not supported: {word}; expected DenyOnLimit", style="bare")
    return [] if text in ("", "-1") or key.endswith("-") else ["DenyOnLimit"]


def _number(key: str, text: str) -> int | None:
    """非负的整数；-1 是不限。"""
    if text == "-1":
        return None
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 31):
        raise InvalidInput(f" Bad value for {key}: {text}", style="bare")
    return int(text)


def _amount(key: str, kind: str, text: str) -> tuple[str, int | None]:
    """一种资源与它的数；内存是 MiB。"""
    lowered = kind.lower()
    if lowered not in ("cpu", "mem", "node") and lowered.partition("/")[0] not in (
        "gres",
        "license",
    ):
        raise InvalidInput(f" Unknown TRES {kind} for {key}", style="bare")
    if lowered == "mem" and text != "-1":
        return lowered, parse_memory(text)
    return lowered if "/" not in kind else kind, _number(key, text)
