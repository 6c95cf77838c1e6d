"""`scontrol update` 的规矩：哪些键落在哪里，谁在作业的哪个状态改得了哪些。纯函数。

键是客户端请求里的，见 `scns.cli.scontrol.update_job`；句子与 Slurm 22.05 的 slurmctld 相同。
来源：scontrol(1) “Job Specifications”。
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scns.states import TERMINAL, Hold, JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scns.scheduler.requests import Row

#: 不论状态都改得了的列。
_ANY_STATE = frozenset({"comment", "name", "nice", "requeue", "array_limit", "time_limit"})

#: 只有排队的作业改得了的列。
_PENDING_COLUMNS = frozenset(
    "time_min cpus_per_task cpus tasks nodes_min nodes_max tasks_per_node mincpus memory_per_node"
    " memory_per_cpu partition qos account standard_input standard_output standard_error exclusive"
    " exclude node_list constraint gres licenses dependency dependency_any begin_time deadline"
    " directory".split()
)

#: 只有排队的作业改得了的选项。
_PENDING_OPTIONS = frozenset(
    "sockets_per_node cores_per_socket threads_per_core tmp reservation wckey switches"
    " oversubscribe contiguous core_spec thread_spec burst_buffer node_names exclude_names".split()
)

_OPTIONS = _PENDING_OPTIONS | {"admin_comment", "mail_type", "mail_user"}

_COLUMNS = _ANY_STATE | _PENDING_COLUMNS

#: 既不是列也不是选项、另有做法的。
_OTHERS = frozenset({"priority", "edges", "end_time"})

#: 照收而没有作用的：Slurm 的 `NumCPUs=2-4` 的上限。
_IGNORED = frozenset({"cpus_max"})

#: 改了就要像提交一样查过的。
_CHECKED = frozenset(
    "partition account qos tasks cpus cpus_per_task nodes_min nodes_max tasks_per_node mincpus"
    " memory_per_node memory_per_cpu time_min constraint node_list exclude gres licenses"
    " reservation".split()
)

#: 改了就要重新决定参不参与排计划的。
_ABOUT_ELIGIBILITY = frozenset({"begin_time", "edges", "priority"})

#: 已经结束的作业还改得了的。
_AFTER_END = frozenset({"comment", "admin_comment"})

NOT_PENDING = "Job is no longer pending execution"
FINISHED = "Job has already finished"
DENIED = "Access/permission denied"
TOO_LONG = "Pathname of a file, directory or other parameter too long"

#: 文本的最大长度，字符；与提交时相同。
_MAX_LENGTH = {"name": 1024, "directory": 4096}

_POSITIVE = {
    "tasks": "Task count specification invalid",
    "cpus_per_task": "Task count specification invalid",
    "cpus": "Task count specification invalid",
    "nodes_min": "Node count specification invalid",
}


@dataclass(frozen=True, slots=True)
class Revision:
    """一次 update 要改的。

    参数：
        keys：全部的键
        columns：submission 的列；options：其中的选项，None 是不要了
        priority：0 是扣住；None 是没有改
        edges：依赖图的边；None 是没有改
        end_time：在跑的作业到何时为止；None 是没有改
    """

    keys: frozenset[str]
    columns: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    priority: int | None = None
    edges: list[Any] | None = None
    end_time: str | None = None

    @property
    def about_eligibility(self) -> bool:
        """参不参与排计划可能因此变了。"""
        return not self.keys.isdisjoint(_ABOUT_ELIGIBILITY)

    def checked(self, *, operator: bool) -> bool:
        """要像提交一样查过；管理员给的时限可以超出分区的。"""
        return not self.keys.isdisjoint(_CHECKED) or ("time_limit" in self.keys and not operator)


def sort_out(changes: Mapping[str, Any]) -> Revision | str:
    """分清各键落在哪里；不认识的键、不可能的值，返回拒绝的句子。"""
    known = _COLUMNS | _OPTIONS | _OTHERS | _IGNORED
    unknown = sorted(changes.keys() - known)
    if unknown:
        return f"Update of this parameter is not supported: {unknown[0]}"
    for key, sentence in _POSITIVE.items():
        if key in changes and not (isinstance(changes[key], int) and changes[key] > 0):
            return sentence
    for key, most in _MAX_LENGTH.items():
        if len(changes.get(key) or "") > most:
            return TOO_LONG
    columns = {key: value for key, value in changes.items() if key in _COLUMNS}
    for key in ("name", "directory", "partition", "account", "qos"):
        if not columns.get(key, True):
            # 这几样不能没有；空的当作没有写
            del columns[key]
    return Revision(
        keys=frozenset(changes),
        columns=columns,
        options={key: value for key, value in changes.items() if key in _OPTIONS},
        priority=changes.get("priority"),
        edges=changes.get("edges"),
        end_time=changes.get("end_time"),
    )


def refusal(row: Row, revision: Revision, *, operator: bool, uid: int) -> str | None:
    """这一行不能这样改的理由；能改时为 None。"""
    if not operator and uid != row.uid:
        return "Invalid user id"
    state = JobState(row.state)
    if state != JobState.PENDING:
        if not revision.keys.isdisjoint(_PENDING_COLUMNS | _PENDING_OPTIONS | {"edges"}):
            return NOT_PENDING
        if state in TERMINAL and not revision.keys <= _AFTER_END:
            return FINISHED
    if "end_time" in revision.keys and state != JobState.RUNNING:
        return "Job is not running"
    if "time_limit" in revision.keys and state == JobState.COMPLETING:
        return FINISHED
    return None if operator else _not_allowed(row, revision)


def _not_allowed(row: Row, revision: Revision) -> str | None:
    """属主自己不能做的。"""
    if not revision.keys.isdisjoint({"deadline", "admin_comment"}):
        return DENIED
    if revision.priority is not None and (revision.priority > 0 or row.hold == Hold.ADMIN):
        return DENIED
    if "nice" in revision.columns and revision.columns["nice"] < row.nice:
        return DENIED
    limit = revision.columns.get("time_limit")
    longer = limit is not None and longer_limit(limit, row.time_limit)
    return DENIED if longer and row.state != JobState.PENDING else None


def longer_limit(new: int, old: int | None) -> bool:
    """时限变长了；`new` 为 -1、`old` 为 None 是不限。"""
    if old is None:
        return False
    return new == -1 or new > old
