"""选项值的检查：从原文到检查过的值，错误的句子与退出码照 Slurm。

这里只管词与小的格式；大小、时刻、信号、数组等有自己的模块。来源：sbatch(1)、srun(1)。
"""

from __future__ import annotations

from scns.errors import InvalidInput
from scns.sizes import MAX_COUNT, parse_count

#: `--nice` 绝对值的上限。
MAX_NICE = 2147483645

#: `--priority` 的上界，不含。
MAX_PRIORITY = 4294967294

#: 可以带到作业里的 ulimit，照 Slurm 的次序。
LIMITS = ("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS")

#: 能发邮件的事件，照 `scontrol show job` 列出它们的次序。
MAIL_TYPES = (
    "ARRAY_TASKS",
    "INVALID_DEPEND",
    "BEGIN",
    "END",
    "FAIL",
    "REQUEUE",
    "STAGE_OUT",
    "TIME_LIMIT_50",
    "TIME_LIMIT_80",
    "TIME_LIMIT_90",
    "TIME_LIMIT",
)
_MAIL_ALL = ("INVALID_DEPEND", "BEGIN", "END", "FAIL", "REQUEUE", "STAGE_OUT")

PROFILES = ("none", "all", "energy", "task", "lustre", "filesystem", "network")
HINTS = ("compute_bound", "memory_bound", "multithread", "nomultithread")
CPU_BINDS = (
    *("q", "quiet", "v", "verbose", "one_thread", "no", "none", "rank", "rank_ldom"),
    *("socket", "sockets", "core", "cores", "thread", "threads", "ldom", "ldoms"),
    *("board", "boards"),
)
CPU_LISTS = ("map_cpu:", "mask_cpu:", "map_cpus:", "mask_cpus:", "map_ldom:", "mask_ldom:")
MEM_BINDS = (
    *("q", "quiet", "v", "verbose", "no", "none", "rank", "local"),
    *("sort", "nosort", "p", "prefer"),
)
MEM_LISTS = ("map_mem:", "mask_mem:")
FREQUENCIES = ("low", "medium", "high", "highm1")
GOVERNORS = ("conservative", "ondemand", "performance", "powersave", "schedutil", "userspace")


#: `--hint=help` 一类的回答。
_HELP = {
    "--hint": """\
Words of --hint:
    compute_bound    use all cores of each socket
    memory_bound     use one core of each socket
    [no]multithread  use the extra threads of each core or not""",
    "--cpu-bind": """\
Words of --cpu-bind, separated by commas:
    quiet, verbose   say nothing, or say how each task is bound
    none             do not bind
    rank, map_cpu:LIST, mask_cpu:LIST, rank_ldom, map_ldom:LIST, mask_ldom:LIST
    sockets, cores, threads, ldoms""",
    "--mem-bind": """\
Words of --mem-bind, separated by commas:
    quiet, verbose   say nothing, or say how each task is bound
    none, rank, local, map_mem:LIST, mask_mem:LIST, prefer, sort, nosort""",
}


class InvalidOption(InvalidInput):
    """选项的值不是它认得的词或格式。"""

    exit_code = 255

    def __init__(self, option: str) -> None:
        super().__init__(f"Invalid {option} specification")


class Help(InvalidInput):
    """值是 `help`：说明有哪些词，不做别的。"""

    style = "bare"

    def __init__(self, option: str) -> None:
        super().__init__(_HELP[option])


def _bad(sentence: str, exit_code: int = 1) -> InvalidInput:
    return InvalidInput(sentence, exit_code=exit_code)


def leading_integer(text: str) -> int:
    """读开头的整数，后面是什么都不管，如 C 的 strtoll；没有数字时是 0，结果有界。"""
    rest = text.strip(" \t\n\v\f\r")
    sign = -1 if rest[:1] == "-" else 1
    if rest[:1] in ("-", "+"):
        rest = rest[1:]
    end = 0
    while end < min(len(rest), 18) and "0" <= rest[end] <= "9":
        end += 1
    return sign * int(rest[:end] or "0")


def nice(text: str | None) -> int:
    """`--nice[=N]`；没有带值是 100，不是数字是 0。"""
    value = 100 if text is None else leading_integer(text)
    if abs(value) > MAX_NICE:
        raise _bad(f"Invalid --nice value, out of range (+/- {MAX_NICE})", 255)
    return value


def priority(text: str) -> int:
    """`--priority=N|TOP`；TOP 是能有的最高值。"""
    if text.upper() == "TOP":
        return MAX_PRIORITY - 1
    value = leading_integer(text)
    if value < 0:
        raise _bad("Priority must be >= 0", 255)
    if value >= MAX_PRIORITY:
        raise _bad(f"Priority must be < {MAX_PRIORITY}", 255)
    return value


def mail_types(text: str) -> set[str]:
    """`--mail-type` 的事件；NONE 是空集。

    不认得的词在有认得的词时略过，与 Slurm 相同；一个也不认得才是错误。
    """
    events: set[str] = set()
    for word in text.upper().split(","):
        if word == "NONE":
            return set()
        if word == "ALL":
            events.update(_MAIL_ALL)
        elif word in MAIL_TYPES:
            events.add(word)
    if not events:
        raise InvalidOption("--mail-type")
    return events


def open_mode(text: str) -> str:
    """`--open-mode`：`append` 或 `truncate`，只看第一个字母。"""
    if text[:1] in ("a", "A"):
        return "append"
    if text[:1] in ("t", "T"):
        return "truncate"
    raise InvalidOption("--open-mode")


def exclusive(text: str | None) -> str:
    """`--exclusive[=WORD]`：`node`、`user`、`mcs`，或表示可以共用的 `shared`。"""
    words = {"exclusive": "node", "user": "user", "mcs": "mcs", "oversubscribe": "shared"}
    found = "node" if text is None else words.get(text.lower())
    if found is None:
        raise InvalidOption("--exclusive")
    return found


def yes_or_no(text: str, option: str) -> bool:
    """`yes` 是 True，`no` 是 False，不分大小写。"""
    if text.lower() not in ("yes", "no"):
        raise InvalidOption(option)
    return text.lower() == "yes"


def no_kill(text: str | None) -> bool:
    """读 `--no-kill[=off]`：真是节点坏了作业也不结束。"""
    if text is None or text.lower() == "set":
        return True
    if text.lower() in ("off", "no"):
        return False
    raise InvalidOption("--no-kill")


def limit_names(text: str | None) -> tuple[str, ...]:
    """`--propagate[=LIMITS]` 的 ulimit 名；没有带值与 ALL 是全部，NONE 一个也没有。"""
    if text is None or text.upper() == "ALL":
        return LIMITS
    if text.upper() == "NONE":
        return ()
    names = []
    for word in text.replace(",", " ").split():
        name = word.upper().removeprefix("RLIMIT_")
        if name not in LIMITS:
            raise _bad(f"Bad rlimit name: {word}\n--propagate={text} is not valid.")
        names.append(name)
    return tuple(names)


def distribution(text: str, plane_size: str | None = None) -> str:
    """`--distribution`：检查过的原文。

    参数：
        plane_size：环境变量 `SLURM_DIST_PLANESIZE`，`plane` 没有写大小时用它
    """
    lowered = text.lower()
    if lowered[:5] == "plane":
        size = text.partition("=")[2] if "=" in text else plane_size or ""
        if not (size.isascii() and size.isdigit() and 0 < len(size) < 11 and int(size) > 0):
            raise _bad(
                "Invalid plane size or size not specified\nInvalid --distribution specification",
                255,
            )
        return text
    base, _, flag = lowered.partition(",")
    levels = base.split(":")
    level = levels[0] in ("block", "cyclic", "*") and all(
        word in ("block", "cyclic", "fcyclic", "*") for word in levels[1:]
    )
    alone = base in ("arbitrary", "hostfile") or (base in ("pack", "nopack") and not flag)
    if not (alone or (level and len(levels) <= 3)) or flag not in ("", "pack", "nopack"):
        raise InvalidOption("--distribution")
    return text


def hint(text: str) -> str:
    """`--hint`：检查过的原文。"""
    for word in text.split(","):
        if word.lower() == "help":
            raise Help("--hint")
        if word.lower() not in HINTS:
            raise _bad(f'unrecognized --hint argument "{word}", see --hint=help')
    return text


def cpu_bind(text: str) -> str:
    """`--cpu-bind`：检查过的原文；`q`、`v` 是 quiet、verbose 的缩写。"""
    return _bind(text, "--cpu-bind", CPU_BINDS, CPU_LISTS, 1)


def mem_bind(text: str) -> str:
    """`--mem-bind`：检查过的原文。"""
    return _bind(text, "--mem-bind", MEM_BINDS, MEM_LISTS, 255)


def _bind(
    text: str, option: str, words: tuple[str, ...], lists: tuple[str, ...], exit_code: int
) -> str:
    in_list = False  # 号码与掩码里也有逗号，它们从数字开始，跟着前面的 map_、mask_ 走
    for word in text.lower().replace(";", ",").split(","):
        if word.startswith(lists):
            in_list = True
        elif not (in_list and word[:1].isdigit()):
            in_list = False
            if word == "help":
                raise Help(option)
            if word not in words:
                raise _bad(f'unrecognized {option} argument "{word}", see {option}=help', exit_code)
    return text


def gres_flags(text: str) -> str:
    """`--gres-flags`：检查过的词。"""
    if text.lower() not in ("disable-binding", "enforce-binding"):
        raise InvalidOption("--gres-flags")
    return text.lower()


def profile(text: str) -> str:
    """`--profile`：检查过的原文。"""
    words = text.lower().split(",")
    if not all(word in PROFILES for word in words):
        raise _bad(f"invalid --profile={text} option", 255)
    return text


def acctg_freq(text: str) -> str:
    """`--acctg-freq`：检查过的原文，`N` 或 `task=N` 之类。"""
    for word in text.lower().split(","):
        kind, equals, number = word.partition("=")
        if equals and kind not in ("task", "energy", "network", "filesystem"):
            number = ""
        elif not equals:
            number = kind
        if not (number.isascii() and number.isdigit()):
            raise _bad(f"Invalid --acctg-freq specification: {word}", 255)
    return text


def cpu_freq(text: str) -> str:
    """`--cpu-freq=P1[-P2[:P3]]`：检查过的原文。"""
    bounds, _, governor = text.lower().partition(":")
    low, dash, high = bounds.partition("-")
    sound = (low in GOVERNORS and not dash) or _is_frequency(low)
    if not sound or (dash and not _is_frequency(high)) or governor not in ("", *GOVERNORS):
        raise _bad("Invalid --cpu-freq argument", 255)
    return text


def _is_frequency(text: str) -> bool:
    return text in FREQUENCIES or (text.isascii() and text.isdigit())


def switches(text: str) -> str:
    """`--switches=N[@TIME]`：检查过的原文。"""
    parse_count(text.partition("@")[0], "--switches")
    return text


def extra_node_info(text: str) -> tuple[int | None, int | None, int | None]:
    """`--extra-node-info=S[:C[:T]]`：插槽、核、线程各至少多少；没有要求的是 None。"""
    parts = [*text.split(":", 2), "", ""][:3]
    first, second, third = (
        _at_least(part, f"{place} arg of -B")
        for part, place in zip(parts, ("first", "second", "third"), strict=True)
    )
    return first, second, third


def _at_least(text: str, what: str) -> int | None:
    if text[:1] in ("", "*"):
        return None
    low, dash, high = text.partition("-")
    for number in (low, high) if dash else (low,):
        if not (number.isascii() and number.isdigit() and len(number) < 11):
            raise _bad(f'Invalid numeric value "{text}" for {what}.')
    return min(int(low), MAX_COUNT)


def get_user_env(text: str | None) -> str | None:
    """`--get-user-env[=SECS][MODE]`：`S`、`L` 或 None（没有指定怎样取）。"""
    if text is None:
        return None
    mode = text.lstrip("0123456789")[:1].upper()
    if mode not in ("", "S", "L"):
        raise InvalidOption("--get-user-env")
    return mode or None


def user_id(text: str, option: str, *, privileged: bool, group: bool = False) -> int:
    """`--uid`、`--gid` 的号码或名字；只有 root 可以用。

    参数：
        option：`--uid` 或 `--gid`
        privileged：调用者是 root
        group：在组里找而不是在用户里找
    """
    if not privileged:
        raise _bad(f"{option} only permitted by root user", 255)
    if text.isascii() and text.isdigit() and len(text) < 11:
        return int(text)
    try:
        if group:
            import grp

            return grp.getgrnam(text).gr_gid
        import pwd

        return pwd.getpwnam(text).pw_uid
    except (KeyError, ValueError, UnicodeEncodeError):
        raise InvalidOption(option) from None
