"""sacct 的筛选：哪些作业、哪些步、哪段时间。来源：sacct(1) “DEFAULT TIME WINDOW”等节。"""

from __future__ import annotations

from scns.arrays import InvalidJobRef, parse_job_refs, to_multirange
from scns.cli.accounting.records import ALL, Rows
from scns.cli.accounting.values import STEP_NAMES
from scns.errors import InvalidInput, UsageError
from scns.times import format_moment, parse_moment, parse_time_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.arrays import JobRef
    from scns.cli.accounting.records import Part
    from scns.cli.options import Parsed

#: 状态的全名与缩写；`COMPLETING` 之类不入账，不在其中。
STATES = {
    "PENDING": "PD",
    "RUNNING": "R",
    "SUSPENDED": "S",
    "COMPLETED": "CD",
    "CANCELLED": "CA",
    "FAILED": "F",
    "TIMEOUT": "TO",
    "NODE_FAIL": "NF",
    "PREEMPTED": "PR",
    "BOOT_FAIL": "BF",
    "DEADLINE": "DL",
    "OUT_OF_MEMORY": "OOM",
    "REQUEUED": "RQ",
    "RESIZING": "RS",
    "REVOKED": "RV",
    # 以下 Slurm 认得，却不是作业记在账里的状态：照收，什么也选不出
    "COMPLETING": "CG",
    "CONFIGURING": "CF",
    "RESV_DEL_HOLD": "RD",
    "REQUEUE_FED": "RF",
    "REQUEUE_HOLD": "RH",
    "SIGNALING": "SI",
    "SPECIAL_EXIT": "SE",
    "STAGE_OUT": "SO",
    "STOPPED": "ST",
}

#: 写成与部分索引 `job_active` 同样的条件，服务器才用得上它。
_ACTIVE = "q.state IN ('COMPLETING', 'PENDING', 'RUNNING', 'SUSPENDED')"

#: 窗口里还没有结束。头两个条件对有界的窗口说的是一回事：一个用户最近的作业靠 `end_time` 的
#: 索引，全体的一段旧事靠 `period` 的。
_ALIVE = (
    "(q.end_time >= to_timestamp(%s)"
    " AND q.period && tstzrange(to_timestamp(%s), to_timestamp(%s))"
    f" OR {_ACTIVE})"
)

#: 以名单筛选的选项与列。
_LISTS = {
    "accounts": "q.account",
    "name": "q.name",
    "partition": "q.partition",
    "qos": "q.qos",
    "reason": "q.reason",
    "constraints": 'q."constraint"',
    "wckeys": "q.options ->> 'wckey'",
}

#: 以个数的范围筛选的选项：列、消息里的词与字母。
_RANGES = {
    "nnodes": ("coalesce(q.nodes_alloc, q.nodes_min)", "node", "i"),
    "ncpus": ("coalesce(q.cpus_alloc, q.cpus)", "cpu", "I"),
}


class Selection:
    """命令行要哪些作业。

    属性：
        references：`-j` 点名的；没有点名时为空
        window：时间窗口的起止，epoch 秒
        duplicates：重新排队之前的各次运行也要
        nodes：`-N` 的节点；None 不筛选
        node_lists：其中有这些节点的名单的各种写法，见 `scns.cli.accounting.nodes`
        where、parameters：其余条件
    """

    __slots__ = (
        "_truncates",
        "_with_steps",
        "duplicates",
        "node_lists",
        "nodes",
        "parameters",
        "references",
        "where",
        "window",
    )

    def __init__(self, chosen: Parsed, now: float, uid: int) -> None:
        self.references = parse_references(chosen.all("jobs"))
        self.nodes = _nodes(chosen.text("nodelist"))
        states = parse_states(chosen.all("state"))
        self.window = _window(chosen, now, bool(states), bool(self.references))
        self.duplicates = "duplicates" in chosen.chosen
        self.node_lists: list[str] | None = None
        self._truncates = "truncate" in chosen.chosen
        self._with_steps = "allocations" not in chosen.chosen
        parts = [_period(states, self.window)]
        if self.references:
            parts.append(_named(self.references))
        parts += _listed(chosen)
        parts += _ranged(chosen)
        parts += _people(chosen, uid, named=bool(self.references or self.nodes))
        self.where = " AND ".join(condition for condition, _ in parts)
        self.parameters = [value for _, values in parts for value in values]

    def rows(self, *, whole: bool = False) -> Rows:
        """选出的作业要打印哪些行。

        写了步的点名只要那一步；没有写步的要作业和它的全部步。

        参数：
            whole：总要作业和它的全部步，`--json` 如此
        """
        jobs, steps = (ALL, ALL) if whole else self._named_rows()
        if self.node_lists is not None:
            there = " AND j.nodes = ANY (%s::text[])"
            jobs, steps = (
                (condition + there, [*values, self.node_lists])
                for condition, values in (jobs, steps)
            )
        return Rows(
            jobs,
            steps,
            with_steps=self._with_steps,
            window=self.window if self._truncates else None,
            duplicates=self.duplicates,
        )

    def _named_rows(self) -> tuple[Part, Part]:
        if all(ref.step is None for ref in self.references):
            return ALL, ALL
        jobs = [_covering(ref) for ref in self.references if ref.step is None]
        steps = list(jobs)
        for ref in self.references:
            if ref.step is not None:
                condition, values = _covering(ref)
                number = STEP_NAMES.get(ref.step)
                number = int(ref.step) if number is None else number
                steps.append((f"{condition} AND t.step_id = %s", [*values, number]))
        return _any(jobs), _any(steps)


def parse_references(texts: list[str]) -> list[JobRef]:
    """`-j` 的各次出现。

    异常：
        InvalidInput：有一项不是作业号
    """
    try:
        return [ref for text in texts for ref in parse_job_refs(text)]
    except InvalidJobRef as error:
        raise InvalidInput(f"Bad job/step specified: {error.text}", style="fatal") from None


def _covering(ref: JobRef) -> Part:
    if ref.ranges is None:
        return "%s IN (j.id, j.array_job_id)", [ref.job_id]
    condition = "j.array_task_id <@ %s::int4multirange OR j.waiting IS NOT NULL"
    return f"j.array_job_id = %s AND ({condition})", [ref.job_id, to_multirange(ref.ranges)]


def _any(parts: list[Part]) -> Part:
    conditions = [f"({condition})" for condition, _ in parts]
    return f"({' OR '.join(conditions) or 'false'})", [v for _, values in parts for v in values]


def parse_states(texts: list[str]) -> list[str]:
    """`-s` 的状态，全名或缩写，大小写不论。

    异常：
        InvalidInput：没有这个状态
    """
    states = []
    for item in ",".join(texts).split(","):
        name = item.strip().upper()
        if not name:
            continue
        full = next((long for long, short in STATES.items() if name in (long, short)), None)
        if full is None:
            raise InvalidInput(f"unrecognized job state value '{item}'", style="fatal")
        states.append(full)
    return states


def _window(chosen: Parsed, now: float, states: bool, jobs: bool) -> tuple[int, int]:
    """时间窗口；没有写的一端由 `-s` 与 `-j` 决定。

    异常：
        InvalidMoment：时刻不合语法
        UsageError：起在止之后
    """
    first_text, last_text = chosen.text("starttime"), chosen.text("endtime")
    if states and not jobs and first_text is None and last_text is None:
        # 只问状态就是问此刻；往后一秒，这一秒里刚结束的就不算还在
        return int(now) + 1, int(now) + 1
    last = int(now) if last_text is None else parse_moment(last_text, now, past=True)
    if first_text is not None:
        first = parse_moment(first_text, now, past=True)
    elif jobs:
        first = 0
    else:
        first = last if states else parse_moment("midnight", now, past=True)
    if first > last:
        raise UsageError(
            f"Start time ({format_moment(first)}) requested is after"
            f" end time ({format_moment(last)})."
        )
    return first, last


def _period(states: list[str], window: tuple[int, int]) -> Part:
    """窗口里的作业；给了状态，就是窗口里曾在（或结束于）这些状态的。"""
    # 窗口的止包括那一整秒：作业一提交，问 `-E now` 就要看得见
    first, beyond = window[0], window[1] + 1
    if not states:
        submitted = "q.submit_time < to_timestamp(%s)"
        if first == 0:
            return submitted, [beyond]
        return f"{submitted} AND {_ALIVE}", [beyond, first, first, beyond]
    conditions: list[str] = []
    parameters: list[Any] = []
    for state in states:
        if state == "PENDING":
            conditions.append(
                "(q.submit_time < to_timestamp(%s) AND (q.start_time IS NULL"
                f" OR q.start_time >= to_timestamp(%s)) AND {_ALIVE})"
            )
            parameters += [beyond, first, first, first, beyond]
        elif state == "RUNNING":
            conditions.append(f"(q.start_time < to_timestamp(%s) AND {_ALIVE})")
            parameters += [beyond, first, first, beyond]
        elif state == "SUSPENDED":
            conditions.append("q.state = 'SUSPENDED'")
        else:
            conditions.append(
                "(q.state = %s AND q.end_time >= to_timestamp(%s)"
                " AND q.end_time < to_timestamp(%s))"
            )
            parameters += [state, first, beyond]
    return "(" + " OR ".join(conditions) + ")", parameters


def _named(references: list[JobRef]) -> Part:
    whole = [ref.job_id for ref in references if ref.ranges is None]
    conditions = ["q.id = ANY (%s)", "q.array_job_id = ANY (%s)"]
    parameters: list[Any] = [whole, whole]
    for ref in references:
        if ref.ranges is not None:
            conditions.append(
                "(q.array_job_id = %s AND (q.array_task_id <@ %s::int4multirange"
                " OR q.waiting && %s::int4multirange))"
            )
            tasks = to_multirange(ref.ranges)
            parameters += [ref.job_id, tasks, tasks]
    return "(" + " OR ".join(conditions) + ")", parameters


def _listed(chosen: Parsed) -> list[Part]:
    parts: list[Part] = []
    for option, column in _LISTS.items():
        texts = chosen.all(option)
        if texts:
            items = [item for item in ",".join(texts).split(",") if item]
            parts.append((f"{column} = ANY (%s)", [items]))
    return parts


def _ranged(chosen: Parsed) -> list[Part]:
    """`-i`、`-I` 的个数与 `-k`、`-K` 的时限。"""
    parts: list[Part] = []
    for option, (column, what, letter) in _RANGES.items():
        text = chosen.text(option)
        if text is not None:
            low, dash, high = text.partition("-")
            if not low.isdecimal() or (dash and not high.isdecimal()):
                raise UsageError(f"invalid {what} range -{letter} '{text}'")
            parts.append((f"{column} BETWEEN %s AND %s", [int(low), int(high or low)]))
    shortest, longest = (chosen.text(f"timelimit-{end}") for end in ("min", "max"))
    if shortest is not None:
        limit = parse_time_limit(shortest, "time limit")
        if longest is None:
            parts.append(("q.time_limit IS NOT DISTINCT FROM %s", [limit]))
        else:
            most = parse_time_limit(longest, "time limit")
            parts.append(("coalesce(q.time_limit, 2147483647) >= %s", [limit or 2**31 - 1]))
            parts.append(("coalesce(q.time_limit, 2147483647) <= %s", [most or 2**31 - 1]))
    return parts


def _people(chosen: Parsed, uid: int, *, named: bool) -> list[Part]:
    """哪些用户与组；普通用户没有点名时只看自己的。"""
    parts: list[Part] = []
    groups = chosen.all("group")
    if groups:
        parts.append(("q.gid = ANY (%s)", [_numbers(groups, "group")]))
    users = chosen.all("user") if "user" in chosen.chosen else []
    if users and "-1" not in users:
        parts.append(("q.uid = ANY (%s)", [_numbers(users, "user")]))
    elif not users and "allusers" not in chosen.chosen and not named and uid != 0:
        parts.append(("q.uid = %s", [uid]))
    return parts


def _numbers(texts: list[str], kind: str) -> list[int]:
    """用户或组的名字换成号码。

    异常：
        UsageError：没有这个用户或组
    """
    import grp
    import pwd

    numbers = []
    for item in ",".join(texts).split(","):
        if item.isascii() and item.isdigit() and len(item) < 11:
            numbers.append(int(item))
        elif item:
            try:
                numbers.append(
                    grp.getgrnam(item).gr_gid if kind == "group" else pwd.getpwnam(item).pw_uid
                )
            except (KeyError, ValueError):
                raise UsageError(f"Invalid {kind} id: {item}") from None
    return numbers


def _nodes(text: str | None) -> set[str] | None:
    if text is None:
        return None
    from scns.hostlist import expand

    return set(expand(text))
