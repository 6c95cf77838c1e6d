"""squeue --json 的一条记录：键、次序与类型照 22.05 版的 openapi/v0.0.38。

表达式写在 `jobs` 的一行 `q` 上。时刻是 epoch 秒，没有的是 0；时限是分钟；内存是 MiB；
没有的文本是空的。
"""

# 拼起来的片段都是代码里的常量；用户给的文字只作参数。
# ruff: noqa: S608

from __future__ import annotations

from scns.cli.dump import Json, Yaml
from scns.cli.fields import queue
from scns.cli.fields.queue_names import NAMES
from scns.cli.options import Parsed
from scns.cli.squeue import selection
from scns.db import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NULL = "NULL::int"
_ZERO = "0"
_EMPTY = "''::text"
_FALSE = "false"


def _epoch(expression: str) -> str:
    return f"coalesce(floor(extract(epoch FROM {expression}))::bigint, 0)"


def _text(expression: str) -> str:
    return f"coalesce({expression}, '')"


def _option(name: str) -> str:
    return _text(f"q.options ->> '{name}'")


def _number(name: str) -> str:
    """数字的选项；没有要求是 null。"""
    return f"(q.options ->> '{name}')::int"


def _tres(name: str) -> str:
    """`-O` 的字段，没有时是空的而不是 N/A。"""
    return f"replace({NAMES[name].value}, 'N/A', '')"


_ALLOCATED = "q.nodes_alloc IS NOT NULL AND q.state <> 'PENDING'"
_FLAGS = (
    "array_remove(ARRAY[CASE WHEN q.options -> 'given' ?| ARRAY['tasks', 'cpus_per_task']"
    " THEN 'JOB_CPUS_SET' END, CASE WHEN q.kill_on_invalid_dep THEN 'KILL_INV_DEP'"
    " WHEN NOT q.kill_on_invalid_dep THEN 'NO_KILL_INV_DEP' END, CASE WHEN"
    " q.start_time IS NOT NULL THEN 'JOB_WAS_RUNNING' END], NULL)"
)
_SHARED = (
    "CASE WHEN q.options ->> 'oversubscribe' = 'true' THEN 'yes' WHEN q.exclusive = 'node'"
    " THEN 'none' ELSE q.exclusive END"
)
#: 分配在各节点上的 CPU 与内存。
_RESOURCES = (
    f"CASE WHEN {_ALLOCATED} AND q.end_time IS NULL THEN json_build_object('nodes', q.nodes,"
    " 'allocated_cpus', q.cpus_alloc, 'allocated_hosts', q.nodes_alloc, 'allocated_nodes',"
    " (SELECT coalesce(json_agg(json_build_object('nodename', a.node, 'cpus', a.cpus,"
    " 'memory_allocated', a.memory) ORDER BY a.node), '[]')"
    " FROM scns.allocation_list a WHERE a.job_id = q.id)) END"
)

#: 键到表达式。
RECORD = {
    "account": _text("q.account"),
    "accrue_time": _epoch(queue.ELIGIBLE),
    "admin_comment": _EMPTY,
    "array_job_id": "coalesce(q.array_job_id, 0)",
    "array_task_id": "q.task",
    "array_max_tasks": "coalesce(q.array_limit, 0)",
    "array_task_string": f"CASE WHEN q.pick IS NULL THEN '' ELSE {queue.TASKS} END",
    "association_id": _ZERO,
    "batch_features": _option("batch_features"),
    "batch_flag": "q.batch",
    "batch_host": _text("q.batch_host"),
    "flags": _FLAGS,
    "burst_buffer": _option("burst_buffer"),
    "burst_buffer_state": _EMPTY,
    "cluster": queue.CLUSTER,
    "cluster_features": _EMPTY,
    "command": f"CASE WHEN q.command IS NULL THEN '' ELSE {queue.COMMAND} END",
    "comment": _text("q.comment"),
    "container": _EMPTY,
    "contiguous": "coalesce((q.options ->> 'contiguous')::bool, false)",
    "core_spec": _number("core_spec"),
    "thread_spec": _number("thread_spec"),
    "cores_per_socket": _number("cores_per_socket"),
    "billable_tres": "q.cpus_alloc::float8",
    "cpus_per_task": "q.cpus_per_task",
    "cpu_frequency_minimum": _NULL,
    "cpu_frequency_maximum": _NULL,
    "cpu_frequency_governor": _NULL,
    "cpus_per_tres": _tres("cpus-per-tres"),
    "deadline": _epoch("q.deadline"),
    "delay_boot": "coalesce((q.options ->> 'delay_boot')::int, 0)",
    "dependency": f"CASE WHEN q.dependency_state = 'MET' THEN '' ELSE {queue.DEPENDENCY} END",
    "derived_exit_code": f"({NAMES['derivedec'].value})::int",
    "eligible_time": _epoch(queue.ELIGIBLE),
    "end_time": _epoch(queue.END),
    "excluded_nodes": _text("q.exclude"),
    "exit_code": f"({NAMES['exit_code'].value})::int",
    "features": _text('q."constraint"'),
    "federation_origin": _EMPTY,
    "federation_siblings_active": _EMPTY,
    "federation_siblings_viable": _EMPTY,
    "gres_detail": "'{}'::text[]",
    "group_id": "q.gid",
    "group_name": "q.group_name",
    "job_id": "q.id",
    "job_resources": _RESOURCES,
    "job_state": "q.state",
    "last_sched_evaluation": _epoch(NAMES["lastschedeval"].value),
    "licenses": _text("q.licenses"),
    "max_cpus": _ZERO,
    "max_nodes": "coalesce(q.nodes_max, 0)",
    "mcs_label": _option("mcs_label"),
    "memory_per_tres": _tres("mem-per-tres"),
    "name": "q.name",
    "nodes": _text("q.nodes"),
    "nice": "nullif(q.nice, 0)",
    "tasks_per_core": _number("tasks_per_core"),
    "tasks_per_node": "coalesce(q.tasks_per_node, 0)",
    "tasks_per_socket": _number("tasks_per_socket"),
    "tasks_per_board": _ZERO,
    "cpus": queue.CPUS,
    "node_count": queue.NODES,
    "tasks": "q.tasks",
    "het_job_id": _ZERO,
    "het_job_id_set": _EMPTY,
    "het_job_offset": _ZERO,
    "partition": "q.partition",
    "prefer": _option("prefer"),
    "memory_per_node": "CASE WHEN q.memory_per_cpu > 0 THEN NULL ELSE q.memory_per_node END",
    "memory_per_cpu": "nullif(q.memory_per_cpu, 0)",
    "minimum_cpus_per_node": queue.MIN_CPUS,
    "minimum_tmp_disk_per_node": "coalesce((q.options ->> 'tmp')::int, 0)",
    "preempt_time": _ZERO,
    "pre_sus_time": (
        "coalesce(floor(extract(epoch FROM q.suspend_time - q.start_time))::int"
        " - q.suspended_seconds, 0)"
    ),
    "priority": "q.priority",
    "profile": "q.options ->> 'profile'",
    "qos": _text("q.qos"),
    "reboot": _FALSE,
    "required_nodes": _text("q.required_nodes"),
    "requeue": "q.requeue",
    "resize_time": _ZERO,
    "restart_cnt": "q.restarts",
    "resv_name": _option("reservation"),
    "shared": _SHARED,
    "show_flags": "ARRAY['SHOW_ALL', 'SHOW_DETAIL', 'SHOW_LOCAL']",
    "sockets_per_board": _ZERO,
    "sockets_per_node": _number("sockets_per_node"),
    "start_time": _epoch(queue.START),
    "state_description": _EMPTY,
    "state_reason": queue.REASON,
    "standard_error": NAMES["stderr"].value,
    "standard_input": NAMES["stdin"].value,
    "standard_output": NAMES["stdout"].value,
    "submit_time": _epoch("q.submit_time"),
    "suspend_time": _epoch("q.suspend_time"),
    "system_comment": _EMPTY,
    "time_limit": "q.time_limit / 60",
    "time_minimum": "coalesce(q.time_min, 0) / 60",
    "threads_per_core": _number("threads_per_core"),
    "tres_bind": _option("gpu_bind"),
    "tres_freq": _option("gpu_freq"),
    "tres_per_job": _tres("tres-per-job"),
    "tres_per_node": _tres("tres-per-node"),
    "tres_per_socket": _tres("tres-per-socket"),
    "tres_per_task": _tres("tres-per-task"),
    "tres_req_str": queue.TRES,
    "tres_alloc_str": f"CASE WHEN {_ALLOCATED} THEN {queue.TRES} ELSE '' END",
    "user_id": "q.uid",
    "user_name": "q.owner",
    "wckey": _option("wckey"),
    "current_working_directory": "q.directory",
}


def dump(connection: Any, write: Callable[[bytes], Any], *, yaml: bool) -> None:
    """写出看得见的全部作业；筛选与排版的选项不起作用，与 Slurm 相同。"""
    listed = ", ".join(f"{expression} AS {key}" for key, expression in RECORD.items())
    source = selection.source(Parsed(), None, {"SLURM_BITSTR_LEN": "0"})
    statement = (
        f"{source.terms[0]} SELECT row_to_json(r)::text FROM (SELECT {listed} FROM jobs q"
        f" WHERE q.state = ANY (%s::text[]) OR {selection.VISIBLE} ORDER BY q.id) r"
    )
    output = (Yaml if yaml else Json)("jobs", write)
    output.begin()
    parameters = [list(queue.ACTIVE), selection.min_job_age(connection)]
    connect.each(connection, statement, parameters, output.record)
    output.end()
