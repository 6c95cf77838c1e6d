"""seff：一个作业要了多少，用了多少。来源：Slurm 随附的 contribs/seff。"""

from __future__ import annotations

import sys

from scns import __version__
from scns.arrays import parse_job_ref
from scns.db import connect
from scns.errors import ScnsError, UsageError
from scns.times import elapsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_USAGE = """\
Usage: seff [Options] <Jobid>
       Options:
       -h    Help menu
       -v    Version
       -d    Debug mode: display raw Slurm data
"""

#: 原版只有 `-h`；长名与别的命令一样。
_HELP = {"-h", "--help", "--usage"}

_NAMES = (
    "id array_job_id array_task_id cluster owner group state exit_code nodes cpus memory per_cpu "
    "seconds milliseconds rss"
).split()

#: 内存是 MiB，峰值是 KiB；挂起的时间不算在内。
_JOB = """
SELECT q.id, q.array_job_id, q.array_task_id,
       (SELECT max(v.value) FROM scns.setting_list v WHERE v.name = 'ClusterName'),
       q.owner, q.group_name, q.state, coalesce(q.exit_code, 0), coalesce(q.nodes_alloc, 1),
       coalesce(q.cpus_alloc, q.cpus), coalesce(q.memory_alloc, 0), q.memory_per_cpu IS NOT NULL,
       coalesce(floor(extract(epoch FROM coalesce(q.end_time, now()) - q.start_time))::bigint
                - q.suspended_seconds, 0),
       (SELECT coalesce(sum(t.user_milliseconds + t.system_milliseconds), 0)::bigint
          FROM scns.step_list t WHERE t.job_id = q.id AND t.attempt = q.attempt),
       (SELECT coalesce(max(t.max_rss), 0)
          FROM scns.step_list t WHERE t.job_id = q.id AND t.attempt = q.attempt)
  FROM scns.queue q
 WHERE CASE WHEN %(task)s::int IS NULL THEN q.id = %(job)s
            ELSE q.array_job_id = %(job)s AND q.array_task_id = %(task)s END
"""

_KIB = 1024


class NoSuchJob(ScnsError):
    """没有这个作业；seff 只说一句，退出码 2。"""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__("Job not found.", style="bare")


def run(words: list[str]) -> int:
    """打印一个作业的效率，返回退出码。"""
    flags = {word for word in words if word.startswith("-")}
    rest = [word for word in words if word not in flags]
    asked = bool(flags & _HELP)
    if flags - _HELP - {"-v", "-d"} or (not asked and "-v" not in flags and len(rest) != 1):
        raise UsageError(_USAGE.rstrip("\n"), style="bare")
    if asked:
        sys.stdout.write(_USAGE)
        return 0
    if "-v" in flags:
        sys.stdout.write(f"seff {__version__}\n")
        return 0
    job = find(connect.connect(), rest[0])
    if "-d" in flags:
        sys.stdout.write("".join(f"{name}={job[name]}\n" for name in _NAMES))
    sys.stdout.write("".join(line + "\n" for line in lines(job)))
    return 0


def find(connection: Any, word: str) -> dict[str, Any]:
    """一个作业的账；`word` 是 `42` 或 `42_7`。

    异常：
        NoSuchJob：没有这个作业
    """
    ref = parse_job_ref(word)
    task = None if ref.ranges is None else ref.ranges[0][0]
    rows = connect.call(connection, _JOB, {"job": ref.job_id, "task": task})
    if not rows:
        raise NoSuchJob
    return dict(zip(_NAMES, rows[0], strict=True))


def lines(job: dict[str, Any]) -> list[str]:
    """各行，与 seff 逐字相同。"""
    found = [f"Job ID: {job['id']}"]
    if job["array_job_id"] is not None and job["array_task_id"] is not None:
        found.append(f"Array Job ID: {job['array_job_id']}_{job['array_task_id']}")
    found.append(f"Cluster: {job['cluster']}")
    found.append(f"User/Group: {job['owner']}/{job['group']}")
    state = job["state"]
    going = state in ("PENDING", "RUNNING", "SUSPENDED", "COMPLETING")
    found.append(f"State: {state}" + ("" if going else f" (exit code {job['exit_code']})"))
    if job["cpus"] == 1:
        found.append("Cores: 1")
    else:
        found.append(f"Nodes: {job['nodes']}")
        found.append(f"Cores per node: {job['cpus'] // job['nodes']}")
    if state == "PENDING":
        return [*found, "Efficiency not available for jobs in the PENDING state."]
    found += _usage(job)
    if going:
        found.append(f"WARNING: Efficiency statistics may be misleading for {state} jobs.")
    return found


def _usage(job: dict[str, Any]) -> list[str]:
    cpu = job["milliseconds"] // 1000
    core_seconds = job["seconds"] * job["cpus"]
    memory = job["memory"] * _KIB
    if job["per_cpu"]:
        share = f"{size(memory // job['cpus'])}/core"
    else:
        share = f"{size(memory // job['nodes'])}/node"
    return [
        f"CPU Utilized: {elapsed(cpu)}",
        f"CPU Efficiency: {_percent(cpu, core_seconds)} of {elapsed(core_seconds)} core-walltime",
        f"Job Wall-clock time: {elapsed(job['seconds'])}",
        f"Memory Utilized: {size(job['rss'])}",
        f"Memory Efficiency: {_percent(job['rss'], memory)} of {size(memory)} ({share})",
    ]


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole if whole else 0:.2f}%"


def size(kib: float) -> str:
    """大小，两位小数：`876.69 MB`、`31.25 GB`；零是 `0.00 MB`。"""
    if not kib:
        return "0.00 MB"
    for unit in ("KB", "MB", "GB", "TB", "PB"):
        if kib < _KIB:
            return f"{kib:.2f} {unit}"
        kib /= _KIB
    return f"{kib:.2f} EB"
