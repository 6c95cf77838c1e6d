"""`scontrol update JobId=…`：改一个作业的要求。来源：scontrol(1) “Job Specifications”。

值在这里检查过、换成请求 `update` 的 `changes`；准不准、来不来得及由 scnsd 判定。
"""

from __future__ import annotations

from scns.arrays import JobRef
from scns.cli import checks, control
from scns.cli.scontrol import update_values as values
from scns.cli.scontrol.act import find, target
from scns.cli.scontrol.session import Session, matches
from scns.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.cli.scontrol.update_values import Changes, Setter

_UNKNOWN = "Invalid job id specified"

_NAMED = """
SELECT q.id, q.array_job_id, q.array_task_id, q.waiting IS NOT NULL FROM scns.queue q
 WHERE q.name = %s AND q.end_time IS NULL AND (%s::int IS NULL OR q.uid = %s::int) ORDER BY q.id
"""

#: 作业的时限，给 `TimeLimit=+5` 用；数组的元素各有一行时是几行。
_TIME_LIMITS = """
SELECT DISTINCT q.time_limit FROM scns.queue q WHERE q.id = %s OR q.array_job_id = %s
"""


class Refused(InvalidInput):
    """值不合语法，而 Slurm 把它交给控制者去拒绝：句子后面带着作业号。"""


def update_jobs(session: Session, words: list[str]) -> None:
    """改点名的各作业；一个被拒不妨碍其余。

    异常：
        InvalidInput：键不认识、值不对，或没有要改的
    """
    draft = Draft(words)
    if not draft.count:
        raise InvalidInput("No changes specified", style="bare")
    refs = _references(session, draft)
    if refs is None:
        session.complain(f"{_UNKNOWN} for job {draft.job}")
        return
    if draft.relative is not None:
        draft.changes["time_limit"] = _relative_limit(session, refs, draft.relative)
    if draft.refusal is not None:
        results: list[str | None] = [draft.refusal] * len(refs)
    else:
        targets = [target(ref) for ref in refs]
        argument = {"changes": draft.changes}
        results = control.ask(session.connection, "update", targets, argument)
    for ref, sentence in zip(refs, results, strict=True):
        if sentence is not None:
            session.complain(f"{sentence} for job {ref}")


def _references(session: Session, draft: Draft) -> list[JobRef] | None:
    """点名的作业；没有写作业号时按名字找。不是作业号时返回 None。"""
    if draft.job is not None:
        return find(session, draft.job) if "=" not in draft.job else None
    name = draft.changes.pop("name", None)
    if name is None:
        raise InvalidInput("No job ID specified")
    rows = session.rows(_NAMED, (name, draft.uid, draft.uid))
    if not rows:
        whose = "" if draft.uid is None else f"user ID {draft.uid} and "
        raise InvalidInput(f"No jobs with {whose}name '{name}'")
    return [_reference(*row) for row in rows]


def _reference(job_id: int, array: int | None, task: int | None, waiting: bool) -> JobRef:
    if array is None or waiting:
        return JobRef(job_id)
    return JobRef(array, [(task or 0, (task or 0) + 1)])


def _relative_limit(session: Session, refs: list[JobRef], seconds: int) -> int:
    """`TimeLimit=+5` 之后的时限，秒；不限的还是不限。

    异常：
        InvalidInput：不止一个作业，作业不在，或减得比现在的还多
    """
    if len(refs) > 1:
        raise InvalidInput("TimeLimit increment/decrement not supported for job arrays")
    rows = session.rows(_TIME_LIMITS, (refs[0].job_id, refs[0].job_id))
    if not rows:
        raise InvalidInput(f"Could not load state information for job {refs[0]}: {_UNKNOWN}")
    current = rows[0][0]
    if current is None:
        return -1
    if current + seconds < 0:
        raise InvalidInput(
            "TimeLimit decrement larger than current time limit"
            f" ({-seconds // 60} > {current // 60})"
        )
    return int(current) + seconds


class Draft:
    """命令行要改什么。

    属性：
        job：JobId 的原文；None 表示没有写
        uid：UserID，只用来按名字找作业
        changes：改动，键见 `KEYS`
        count：写了几项改动，包括没有作用的
        relative：时限加减多少秒
        refusal：要原样说给每个作业的句子
    """

    def __init__(self, words: list[str]) -> None:
        self.job: str | None = None
        self.uid: int | None = None
        self.changes: Changes = {}
        self.count = 0
        self.relative: int | None = None
        self.refusal: str | None = None
        place = 0
        while place < len(words):
            word = words[place]
            tag, equals, value = word.partition("=")
            place += 1
            if not equals and matches(tag, "Nice", 2):
                value = "100"
            elif not equals:
                if place == len(words):
                    raise InvalidInput(f"Invalid input: {word}\nRequest aborted", style="bare")
                value = words[place]
                place += 1
            self._take(tag.rstrip("+"), value, word)

    def _take(self, tag: str, value: str, word: str) -> None:
        if matches(tag, "JobId", 3):
            self.job = value
        elif matches(tag, "UserID", 3):
            self.uid = _uid(value)
        elif matches(tag, "TimeLimit", 5) and value[:1] in ("+", "-"):
            amount = values.parse_limit(value[1:], "TimeLimit")
            self.relative = amount if value[0] == "+" else -amount
            self.count += 1
        else:
            for name, minimum, key, setter in KEYS:
                if matches(tag, name, minimum):
                    self._set(setter, key, value, name)
                    return
            raise InvalidInput(
                f"Update of this parameter is not supported: {word}\nRequest aborted",
                style="bare",
            )

    def _set(self, setter: Setter, key: str, value: str, name: str) -> None:
        self.count += 1
        try:
            setter(self.changes, key, value, name)
        except Refused as error:
            self.refusal = error.message


def _uid(text: str) -> int:
    import pwd

    if text.isascii() and text.isdigit() and len(text) < 11:
        return int(text)
    try:
        return pwd.getpwnam(text).pw_uid
    except (KeyError, ValueError):
        raise InvalidInput(f"Invalid UserID: {text}\nRequest aborted", style="bare") from None


# 各键自己的换算


def _throttle(changes: Changes, key: str, value: str, name: str) -> None:
    amount = checks.leading_integer(value)
    if amount < 0:
        raise values.invalid(name)
    changes[key] = amount or None


def _nice(changes: Changes, key: str, value: str, _: str) -> None:
    amount = checks.leading_integer(value)
    if abs(amount) > checks.MAX_NICE:
        raise InvalidInput(f"Nice value out of range (+/- {checks.MAX_NICE}). Value ignored")
    changes[key] = amount


def _priority(changes: Changes, key: str, value: str, name: str) -> None:
    changes[key] = values.parse_number(value, name, checks.MAX_PRIORITY)


def _cpus(changes: Changes, key: str, value: str, name: str) -> None:
    low, dash, high = value.partition("-")
    least = values.parse_number(low, name)
    most = values.parse_number(high, name) if dash else None
    if least < 1 or (most is not None and most < least):
        raise values.invalid(name, value)
    changes[key] = least
    if most is not None:
        changes["cpus_max"] = most


def _nodes(changes: Changes, _: str, value: str, __: str) -> None:
    from scns.sizes import parse_node_count

    changes["nodes_min"], changes["nodes_max"] = parse_node_count(value)


def _memory_per_node(changes: Changes, key: str, value: str, name: str) -> None:
    values.memory(changes, key, value, name)
    changes.pop("memory_per_cpu", None)


def _memory_per_cpu(changes: Changes, key: str, value: str, name: str) -> None:
    values.memory(changes, key, value, name)
    changes.pop("memory_per_node", None)


def _sharing(changes: Changes, key: str, value: str, name: str) -> None:
    found: Changes = {}
    values.switch(found, key, value, name)
    changes["oversubscribe"] = found[key]
    changes["exclusive"] = None if found[key] else "node"


def _specialized(changes: Changes, key: str, value: str, name: str) -> None:
    changes[key] = None if value in ("-1", "*") else values.parse_number(value, name)


def _node_names(changes: Changes, key: str, value: str, _: str) -> None:
    from scns import hostlist

    try:
        names = list(dict.fromkeys(hostlist.expand(value)))
    except InvalidInput:
        raise Refused("Invalid node name specified") from None
    changes[key] = hostlist.compress(names) or None
    changes["node_names" if key == "node_list" else "exclude_names"] = names


def _dependency(changes: Changes, key: str, value: str, _: str) -> None:
    from scns import depends

    try:
        found = depends.parse(value)
    except InvalidInput as error:
        raise Refused(error.message) from None
    changes[key] = value or None
    changes["dependency_any"] = found.any
    changes["edges"] = found.edges()


def _licenses(changes: Changes, key: str, value: str, _: str) -> None:
    changes[key] = value.replace(";", ",") or None


def _gres(changes: Changes, key: str, value: str, _: str) -> None:
    from scns.cli.gres import format_gres, parse_gres

    try:
        changes[key] = format_gres(parse_gres(value)) or None if value else None
    except InvalidInput:
        raise Refused("Invalid generic resource (gres) specification") from None


def _mail_types(changes: Changes, key: str, value: str, _: str) -> None:
    events = checks.mail_types(value)
    changes[key] = [name for name in checks.MAIL_TYPES if name in events]


#: 名字、至少几个字母、`changes` 的键、换算；次序就是缩写有歧义时的先后。
KEYS: tuple[tuple[str, int, str, Any], ...] = (
    ("AdminComment", 3, "admin_comment", values.optional_text),
    ("ArrayTaskThrottle", 10, "array_limit", _throttle),
    ("ClusterFeatures", 8, "", values.ignored),
    ("Clusters", 8, "", values.ignored),
    ("Comment", 3, "comment", values.optional_text),
    ("DelayBoot", 5, "", values.ignored),
    ("TimeLimit", 5, "time_limit", values.seconds),
    ("TimeMin", 5, "time_min", values.seconds),
    ("Priority", 2, "priority", _priority),
    ("Nice", 2, "nice", _nice),
    ("CPUsPerTask", 6, "cpus_per_task", values.number),
    ("NumCPUs", 6, "cpus", _cpus),
    ("NumTasks", 8, "tasks", values.number),
    ("ReqProcs", 8, "tasks", values.number),
    ("Requeue", 4, "requeue", values.switch),
    ("ReqNodes", 8, "nodes_min", _nodes),
    ("NumNodes", 8, "nodes_min", _nodes),
    ("ReqSockets", 4, "sockets_per_node", values.number),
    ("ReqCores", 4, "cores_per_socket", values.number),
    ("TasksPerNode", 2, "tasks_per_node", values.number),
    ("ReqThreads", 4, "threads_per_core", values.number),
    ("MinCPUsNode", 4, "mincpus", values.number),
    ("MinMemoryNode", 10, "memory_per_node", _memory_per_node),
    ("MinMemoryCPU", 10, "memory_per_cpu", _memory_per_cpu),
    ("MinTmpDiskNode", 5, "tmp", values.memory),
    ("Partition", 2, "partition", values.text),
    ("QOS", 2, "qos", values.text),
    ("ReservationName", 3, "reservation", values.optional_text),
    ("Name", 2, "name", values.text),
    ("JobName", 4, "name", values.text),
    ("WCKey", 1, "wckey", values.optional_text),
    ("StdOut", 6, "standard_output", values.optional_text),
    ("StdErr", 6, "standard_error", values.optional_text),
    ("StdIn", 5, "standard_input", values.optional_text),
    ("Switches", 5, "switches", values.optional_text),
    ("wait-for-switch", 5, "", values.ignored),
    ("OverSubscribe", 2, "oversubscribe", _sharing),
    ("Shared", 2, "oversubscribe", _sharing),
    ("Contiguous", 3, "contiguous", values.switch),
    ("CoreSpec", 4, "core_spec", _specialized),
    ("ThreadSpec", 4, "thread_spec", _specialized),
    ("ExcNodeList", 3, "exclude", _node_names),
    ("NodeList", 8, "node_list", _node_names),
    ("ReqNodeList", 8, "node_list", _node_names),
    ("Features", 1, "constraint", values.optional_text),
    ("Gres", 2, "gres", _gres),
    ("Account", 1, "account", values.text),
    ("BurstBuffer", 1, "burst_buffer", values.optional_text),
    ("Dependency", 1, "dependency", _dependency),
    ("Licenses", 1, "licenses", _licenses),
    ("EligibleTime", 2, "begin_time", values.begin),
    ("StartTime", 2, "begin_time", values.begin),
    ("EndTime", 2, "end_time", values.moment),
    ("Reboot", 3, "", values.ignored),
    ("Deadline", 3, "deadline", values.begin),
    ("WorkDir", 2, "directory", values.text),
    ("MailType", 5, "mail_type", _mail_types),
    ("MailUser", 5, "mail_user", values.optional_text),
)
