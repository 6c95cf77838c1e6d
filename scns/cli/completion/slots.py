"""各个选项的值是什么：外壳的文件、数据库里的名字，还是固定的几个词。"""

from __future__ import annotations

from scns.cli.completion.wanted import DIRECTORIES, FILES, PROGRAMS, Wanted, pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scns.cli.completion.wanted import Candidate

#: 选项（`命令:选项` 优先）到值的种类；种类后面的 `,` 表示可以写一串。
#: 种类是 `scns.cli.completion.values` 的、`_ACTIONS` 的，或 `words_of` 的。
_OPTIONS = {
    "account": "account,",
    "accounts": "account,",
    "bbf": "files",
    "bcast": "files",
    "chdir": "directories",
    "cluster": "cluster,",
    "clusters": "cluster,",
    "constraint": "feature",
    "cpu-bind": "cpu-bind,",
    "cpu-freq": "cpu-freq",
    "dependency": "dependency",
    "distribution": "distribution",
    "epilog": "files",
    "error": "files",
    "exclude": "node,",
    "exclusive": "exclusive",
    "export": "export,",
    "export-file": "files",
    "Format": "field,",
    "format": "field,",
    "gid": "system-group",
    "gres": "gres,",
    "gres-flags": "gres-flags",
    "group": "system-group,",
    "hint": "hint",
    "input": "files",
    "jobid": "job",
    "jobs": "any-job,",
    "kill-on-bad-exit": "0|1",
    "kill-on-invalid-dep": "yes|no",
    "licenses": "license,",
    "mail-type": "mail-type,",
    "mail-user": "system-user",
    "mem-bind": "mem-bind,",
    "mpi": "none|list",
    "name": "job-name,",
    "no-kill": "off",
    "nodefile": "files",
    "nodelist": "node,",
    "open-mode": "append|truncate",
    "overlap": "force",
    "output": "files",
    "partition": "partition,",
    "prefer": "feature",
    "profile": "profile,",
    "prolog": "files",
    "propagate": "limit,",
    "qos": "qos,",
    "send-libs": "yes|no",
    "signal": "signal",
    "sort": "letter",
    "state": "state,",
    "states": "state,",
    "steps": "step,",
    "task-epilog": "files",
    "task-prolog": "files",
    "uid": "system-user",
    "units": "K|M|G|T|P",
    "user": "user,",
    "users": "user,",
    "wait-all-nodes": "0|1",
    "whole-hetjob": "yes|no",
    "sacct:jobs": "past-job,",
    "sacct:uid": "user,",
    "scancel:state": "cancel-state",
    "sinfo:nodes": "node,",
    "sinfo:states": "node-state,",
    "sstat:jobs": "step,",
    "squeue:states": "squeue-state,",
    "sprio:format": "code",
    "sinfo:format": "code",
    "squeue:format": "code",
    "scns eff:by": "array|job|user|total",
    "scns man:install": "directories",
    "scns simulate:jobs": "",
    "scns simulate:nodes": "",
    "scns simulate:plot": "files",
    "scns simulate:policy": "fifo|firstfit|easy|conservative",
}

#: 操作数；没有写的命令没有操作数可补，或由 `grammar` 另外处理。
_OPERANDS = {
    "sbatch": "files",
    "srun": "programs",
    "salloc": "programs",
    "scancel": "job",
    "sattach": "step",
    "sbcast": "files",
    "seff": "past-job",
    "sstat": "step",
    "scns why": "any-job",
    "scns wait": "any-job",
    "scns tail": "past-job",
    "scns watch": "any-job",
    "scns eff": "past-job",
    "scns simulate": "files",
    "scns link": "directories",
    "scns man": "page",
    "scns help": "command",
    "scns completion": "bash|zsh|fish",
}

_ACTIONS = {"files": FILES, "directories": DIRECTORIES, "programs": PROGRAMS}

#: 候选由 `words_of` 给出的种类。
STATIC = frozenset(
    "cancel-state code command cpu-bind cpu-freq dependency distribution exclusive export field"
    " gres-flags hint letter limit mail-type mem-bind node-state page profile signal squeue-state"
    " state system-group system-user".split()
)


def of_option(command: str, option: str, stay: str, text: str) -> Wanted:
    """一个选项的值；`text` 是已经写下的，`stay` 是它前面的。"""
    slot = _OPTIONS.get(f"{command}:{option}", _OPTIONS.get(option, ""))
    return fill(command, slot, stay, text)


def of_operand(command: str, text: str, before: Iterable[str] = ()) -> Wanted:
    """一个操作数；`before` 是已经写了的操作数。"""
    found = fill(command, _OPERANDS.get(command, ""), "", text)
    found.taken = frozenset(before)
    return found


def fill(command: str, slot: str, stay: str, text: str) -> Wanted:
    """照种类补一个值；种类是空的，就没有什么可补。"""
    if slot == "dependency":
        return _dependency(stay, text)
    if slot == "signal":
        return _signal(command, stay, text)
    if slot == "letter":
        before, text = pieces(text, ",+-")
        return Wanted(stay + before, text, words_of("letter", command))
    if slot == "code":
        before, text = pieces(text, " |,:;/")
        return Wanted(stay + before, text, words_of("code", command))
    if slot.endswith(","):
        before, text = pieces(text, ",")
        found = fill(command, slot[:-1], stay + before, text)
        found.taken = frozenset(before.split(","))
        return found
    if slot in _ACTIONS:
        return Wanted(stay, text, action=_ACTIONS[slot])
    fold = slot.endswith(("state", "field", "mail-type"))
    if slot in STATIC:
        return Wanted(stay, text, words_of(slot, command), fold=fold)
    if "|" in slot or slot in ("off", "force"):
        return Wanted(stay, text, _bare(slot.split("|")))
    return Wanted(stay, text, kinds=(slot,) if slot else ())


def _bare(names: Iterable[str]) -> list[Candidate]:
    return [(name, "") for name in names]


def _dependency(stay: str, text: str) -> Wanted:
    """`afterok:42:43,singleton`：先是种类，冒号之后是作业号；单写作业号就是 afterany。"""
    before, term = pieces(text, ",?")
    kind, colon, _ = term.partition(":")
    if not colon:
        return Wanted(stay + before, term, words_of("dependency"), kinds=("job",))
    inside, partial = pieces(term, ":")
    kinds = () if kind == "singleton" else ("job",)
    return Wanted(stay + before + inside, partial, kinds=kinds)


def _signal(command: str, stay: str, text: str) -> Wanted:
    """scancel 的是信号的名字；sbatch 的前面可以有 `B:`、`R:`，后面有 `@秒数`。"""
    before, partial = pieces(text, ":")
    words = words_of("signal")
    if command != "scancel" and not before:
        words += [("B:", "only to the batch shell"), ("R:", "only in a reservation")]
    return Wanted(stay + before, partial, [] if "@" in partial else words, fold=True)


def words_of(kind: str, command: str = "") -> list[Candidate]:
    """固定的候选；各处的名单只在用到时装载。"""
    if kind in ("field", "code", "letter"):
        return _fields(kind, command)
    if kind == "dependency":
        from scns.depends import KINDS, SINGLETON

        named = [(f"{name}:", "") for name in sorted(KINDS) if name != "afterburstbuffer"]
        return [*named, (SINGLETON, "one job of this name at a time")]
    if kind == "signal":
        from scns.signals import NUMBERS

        return [(name, str(number)) for name, number in NUMBERS.items()]
    if kind in ("command", "page"):
        from scns.cli.summaries import known, summary

        pages = [("scns.conf", "the configuration file")] if kind == "page" else []
        return [*((name, summary(name)) for name in known()), *pages]
    if kind in ("system-user", "system-group"):
        return _bare(_system(kind))
    return _bare(_listed(kind))


def _fields(kind: str, command: str) -> list[Candidate]:
    from scns.cli.fields.catalogue import letters_of, names_of

    if kind == "field":
        return _bare(names_of(command))
    sign = "%" if kind == "code" else ""
    return [(sign + letter, header) for letter, header in letters_of(command)]


def _system(kind: str) -> list[str]:
    if kind == "system-user":
        import pwd

        return sorted({entry.pw_name for entry in pwd.getpwall()})
    import grp

    return sorted({entry.gr_name for entry in grp.getgrall()})


def _listed(kind: str) -> Sequence[str]:
    from scns.cli import checks

    if kind == "mail-type":
        return ("NONE", "ALL", *checks.MAIL_TYPES)
    if kind == "limit":
        return ("ALL", "NONE", *checks.LIMITS)
    if kind == "node-state":
        from scns.nodestate import SHORT

        return (*SHORT, "all")
    if kind in ("state", "squeue-state"):
        from scns.cli.accounting.selection import STATES

        return (*STATES, "COMPLETING", "all") if kind == "squeue-state" else tuple(STATES)
    return _WORDS.get(kind) or {
        "cpu-bind": (*checks.CPU_BINDS, *checks.CPU_LISTS),
        "cpu-freq": (*checks.FREQUENCIES, *checks.GOVERNORS),
        "hint": checks.HINTS,
        "mem-bind": (*checks.MEM_BINDS, *checks.MEM_LISTS),
        "profile": checks.PROFILES,
    }.get(kind, ())


_WORDS = {
    "cancel-state": ("PENDING", "RUNNING", "SUSPENDED"),
    "distribution": ("block", "cyclic", "plane=", "arbitrary", "pack", "nopack"),
    "exclusive": ("user", "mcs"),
    "export": ("ALL", "NONE", "NIL"),
    "gres-flags": ("disable-binding", "enforce-binding"),
}
