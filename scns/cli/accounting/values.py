"""sacct 各字段的值：作业一行，作业步一行；没有列出的字段是空的。

来源：sacct(1) “Job Accounting Fields”；空着与不空着照 22.05 版的输出。
"""

from __future__ import annotations

from scns.arrays import format_indices, from_multirange
from scns.sizes import format_size
from scns.times import cpu_time, elapsed, format_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Record = dict[str, Any]
    Value = Callable[["Style", Record], str]


class Style:
    """怎样印时刻与大小。

    属性：
        now：此刻的 epoch 秒
        unit：内存的单位；None 是不失真的最大单位
        convert：`--noconvert` 时为假
        time_format：环境变量 SLURM_TIME_FORMAT
        window：`-T` 把起止截在其中的两个时刻；None 不截
    """

    __slots__ = ("cluster", "convert", "now", "time_format", "unit", "window")

    def __init__(
        self,
        now: float,
        *,
        unit: str | None = None,
        convert: bool = True,
        time_format: str | None = None,
        window: tuple[int, int] | None = None,
        cluster: str = "",
    ) -> None:
        self.now = int(now)
        self.unit = unit
        self.convert = convert
        self.time_format = time_format
        self.window = window
        self.cluster = cluster

    def moment(self, epoch: int | None, empty: str = "Unknown") -> str:
        """印一个时刻。"""
        return format_moment(epoch, empty, self.time_format, self.now)

    def size(self, amount: int, base: str) -> str:
        """印一个大小。"""
        return format_size(amount, base, unit=self.unit, convert=self.convert)

    def truncate(self, record: Record) -> None:
        """`-T`：起止截在窗口里。"""
        if self.window is None:
            return
        first, last = self.window
        if record["start"] is not None:
            record["start"] = max(record["start"], first)
            record["end"] = min(record["end"] or self.now, last)

    def seconds(self, record: Record) -> int:
        """从启动到结束（或此刻）的秒数，去掉挂起的时间；还没启动是 0。"""
        if record["start"] is None:
            return 0
        end = record["end"]
        if end is None:
            suspended = record.get("state") == "SUSPENDED" and record.get("suspend")
            end = suspended or self.now
        return max(int(end) - int(record["start"]) - int(record.get("suspended_seconds", 0)), 0)

    def suspended(self, job: Record) -> int:
        """这一次运行里挂起了多少秒。"""
        seconds = int(job["suspended_seconds"])
        if job["state"] == "SUSPENDED" and job["suspend"] is not None:
            seconds += self.now - job["suspend"]
        return seconds


def job_id(job: Record) -> str:
    """打印给用户的作业号，带元素或还没启动的序号。"""
    if job["array_job_id"] is None:
        return str(job["id"])
    if job["waiting"] is not None:
        indices = format_indices(from_multirange(job["waiting"]), job["array_limit"])
        return f"{job['array_job_id']}_[{indices}]"
    return f"{job['array_job_id']}_{job['array_task_id']}"


def step_name(step: Record) -> str:
    """作业步在号码里的写法。"""
    return {-5: "batch", -4: "extern", -6: "interactive"}.get(step["step_id"], str(step["step_id"]))


def state(job: Record) -> str:
    """作业的状态；谁取消的写在后面。收尾中的还算在运行。"""
    if job["state"] == "CANCELLED" and job["outcome_uid"] is not None:
        return f"CANCELLED by {job['outcome_uid']}"
    return "RUNNING" if job["state"] == "COMPLETING" else str(job["state"])


def exit_code(record: Record) -> str:
    """`码:信号`；脚本以大于 127 的码退出时减去 128，与 sacct 相同。"""
    code = record["exit_code"] or 0
    return f"{code - 128 if code >= 128 else code}:{record['exit_signal'] or 0}"


def _job_exit_code(_: Style, job: Record) -> str:
    # 被取消或超时的作业，信号只记在它的步上
    return "0:0" if job["state"] in ("CANCELLED", "TIMEOUT") else exit_code(job)


def cpus(job: Record) -> int:
    """分到的 CPU；还没有分到时是要求的。"""
    return int(job["cpus_alloc"] or job["cpus"])


def nodes(job: Record) -> int:
    """分到的节点数；还没有分到时是要求的。"""
    return int(job["nodes_alloc"] or job["nodes_min"])


def asked_memory(job: Record) -> int:
    """要求的内存总数，MiB；0 是节点的全部，没有要求时也是 0。"""
    if job["memory_per_cpu"]:
        return int(job["memory_per_cpu"]) * int(job["cpus"])
    if job["memory_per_node"] == 0:
        return int(job["largest_memory"] or 0) * int(job["nodes_min"])
    return int(job["memory_per_node"] or 0) * int(job["nodes_min"])


def tres(job: Record, *, allocated: bool) -> dict[str, int]:
    """可计量资源的名字到个数，按名字排；内存以 MiB 计。还没有分到时没有分配。"""
    if allocated and job["nodes_alloc"] is None:
        return {}
    count = job["nodes_alloc"] if allocated else job["nodes_min"]
    amount = job["cpus_alloc"] if allocated else job["cpus"]
    found = {"billing": amount, "cpu": amount}
    for item in (job["gres"] or "").split(","):
        name, _, number = item.rpartition(":")
        if name and number.isdigit():
            found[f"gres/{name}"] = int(number) * count
    found["mem"] = job["memory_alloc"] if allocated else asked_memory(job)
    found["node"] = count
    return {name: number for name, number in sorted(found.items()) if number}


def _tres_text(style: Style, found: dict[str, int]) -> str:
    return ",".join(
        f"{name}={style.size(number, 'M') if name == 'mem' else number}"
        for name, number in found.items()
    )


def _reserved(style: Style, job: Record) -> int:
    """从够格到启动（或放弃、或此刻）等了多少秒。"""
    if job["eligible"] is None:
        return 0
    until = job["start"] or job["end"] or style.now
    return max(int(until) - int(job["eligible"]), 0)


def _minutes(job: Record) -> str:
    return "UNLIMITED" if job["time_limit"] is None else str(-(-job["time_limit"] // 60))


def _start(style: Style, job: Record) -> str:
    # 没有启动就结束了的作业，Slurm 说 None 而不是 Unknown
    return style.moment(job["start"], "None" if job["end"] is not None else "Unknown")


def _cpu(record: Record, *names: str) -> str:
    return cpu_time(sum(int(record[name] or 0) for name in names) * 1000)


#: 作业一行的值。
JOB: dict[str, Value] = {
    "Account": lambda _, j: j["account"],
    "AllocCPUS": lambda _, j: str(cpus(j)),
    "AllocNodes": lambda _, j: str(j["nodes_alloc"] or 0),
    "AllocTRES": lambda s, j: _tres_text(s, tres(j, allocated=True)),
    "Cluster": lambda s, _: s.cluster,
    "Comment": lambda _, j: j["comment"] or "",
    "Constraints": lambda _, j: j["constraint_"] or "",
    "ConsumedEnergy": lambda _s, _j: "0",
    "ConsumedEnergyRaw": lambda _s, _j: "0",
    "CPUTime": lambda s, j: elapsed(s.seconds(j) * cpus(j)),
    "CPUTimeRAW": lambda s, j: str(s.seconds(j) * cpus(j)),
    "DBIndex": lambda _, j: str(j["id"]),
    "DerivedExitCode": lambda _, j: f"{j['derived_code'] or 0}:0",
    "Elapsed": lambda s, j: elapsed(s.seconds(j)),
    "ElapsedRaw": lambda s, j: str(s.seconds(j)),
    "Eligible": lambda s, j: s.moment(j["eligible"]),
    "End": lambda s, j: s.moment(j["end"]),
    "ExitCode": _job_exit_code,
    "Flags": lambda _, j: "SchedMain" if j["start"] is not None else "",
    "GID": lambda _, j: str(j["gid"]),
    "Group": lambda _, j: j["group_name"],
    "JobID": lambda _, j: job_id(j),
    "JobIDRaw": lambda _, j: str(j["id"]),
    "JobName": lambda _, j: j["name"],
    "NCPUS": lambda _, j: str(cpus(j)),
    "NNodes": lambda _, j: str(nodes(j)),
    "NodeList": lambda _, j: j["nodes"] or "None assigned",
    "Partition": lambda _, j: j["partition"],
    "Priority": lambda _, j: str(j["priority"]),
    "QOS": lambda _, j: j["qos"],
    "QOSRAW": lambda _s, _j: "1",
    "Reason": lambda _, j: j["reason"],
    "ReqCPUS": lambda _, j: str(j["cpus"]),
    "ReqMem": lambda s, j: s.size(asked_memory(j), "M"),
    "ReqNodes": lambda _, j: str(j["nodes_min"]),
    "ReqTRES": lambda s, j: _tres_text(s, tres(j, allocated=False)),
    "Reservation": lambda _, j: j["reservation"] or "",
    "Reserved": lambda s, j: elapsed(_reserved(s, j)),
    "ResvCPU": lambda s, j: elapsed(_reserved(s, j) * j["cpus"]),
    "ResvCPURAW": lambda s, j: str(_reserved(s, j) * j["cpus"]),
    "Start": _start,
    "State": lambda _, j: state(j),
    "Submit": lambda s, j: s.moment(j["submit"]),
    "SubmitLine": lambda _, j: j["submit_line"] or "",
    "Suspended": lambda s, j: elapsed(s.suspended(j)),
    "SystemCPU": lambda _, j: _cpu(j, "system_ms"),
    "Timelimit": lambda _, j: elapsed(j["time_limit"]),
    "TimelimitRaw": lambda _, j: _minutes(j),
    "TotalCPU": lambda _, j: _cpu(j, "user_ms", "system_ms"),
    "UID": lambda _, j: str(j["uid"]),
    "User": lambda _, j: j["owner"],
    "UserCPU": lambda _, j: _cpu(j, "user_ms"),
    "WCKey": lambda _, j: j["wckey"] or "",
    "WorkDir": lambda _, j: j["directory"],
}


def _step_nodes(step: Record) -> int:
    from scns.hostlist import count

    return count(step["node_list"])


def _memory(style: Style, step: Record) -> str:
    return "" if step["max_rss"] is None else style.size(step["max_rss"], "")


def _one_task(step: Record, text: str) -> str:
    """只有一个任务时，最大、最小与平均都是它的。"""
    return text if step["tasks"] == 1 and step["max_rss"] is not None else ""


def _average_cpu(step: Record) -> str:
    if step["user_ms"] is None:
        return ""
    total = int(step["user_ms"]) + int(step["system_ms"] or 0)
    return elapsed(total // 1000 // max(step["tasks"], 1))


def _usage(style: Style, step: Record) -> str:
    if step["user_ms"] is None:
        return ""
    seconds = (int(step["user_ms"]) + int(step["system_ms"] or 0)) // 1000
    words = [f"cpu={elapsed(seconds)}"]
    if step["max_rss"] is not None:
        words.append(f"mem={_memory(style, step)}")
    return ",".join(words)


#: 作业步一行的值；`step["job"]` 是它的作业。
STEP: dict[str, Value] = {
    "Account": lambda _, t: t["job"]["account"],
    "AllocCPUS": lambda _, t: str(t["cpus"]),
    "AllocNodes": lambda _, t: str(_step_nodes(t)),
    "AllocTRES": lambda _, t: f"cpu={t['cpus']},node={_step_nodes(t)}",
    "AveCPU": lambda _, t: _average_cpu(t),
    "AveRSS": lambda s, t: _one_task(t, _memory(s, t)),
    "Cluster": lambda s, _: s.cluster,
    "ConsumedEnergy": lambda _s, _t: "0",
    "ConsumedEnergyRaw": lambda _s, _t: "0",
    "CPUTime": lambda s, t: elapsed(s.seconds(t) * t["cpus"]),
    "CPUTimeRAW": lambda s, t: str(s.seconds(t) * t["cpus"]),
    "DBIndex": lambda _, t: str(t["job"]["id"]),
    "Elapsed": lambda s, t: elapsed(s.seconds(t)),
    "ElapsedRaw": lambda s, t: str(s.seconds(t)),
    "Eligible": lambda s, t: s.moment(t["start"]),
    "End": lambda s, t: s.moment(t["end"]),
    "ExitCode": lambda _, t: exit_code(t),
    "JobID": lambda _, t: f"{job_id(t['job'])}.{step_name(t)}",
    "JobIDRaw": lambda _, t: f"{t['job']['id']}.{step_name(t)}",
    "JobName": lambda _, t: t["name"],
    "Layout": lambda _, t: "Unknown" if t["step_id"] < 0 else "Cyclic",
    "MaxRSS": _memory,
    "MaxRSSNode": lambda _, t: _one_task(t, t["node_list"]),
    "MaxRSSTask": lambda _, t: _one_task(t, "0"),
    "MinCPU": lambda _, t: _average_cpu(t) if t["tasks"] == 1 else "",
    "MinCPUNode": lambda _, t: _one_task(t, t["node_list"]),
    "MinCPUTask": lambda _, t: _one_task(t, "0"),
    "NCPUS": lambda _, t: str(t["cpus"]),
    "NNodes": lambda _, t: str(_step_nodes(t)),
    "NodeList": lambda _, t: t["node_list"],
    "NTasks": lambda _, t: str(t["tasks"]),
    "ReqCPUFreq": lambda _s, _t: "Unknown",
    "ReqCPUFreqGov": lambda _s, _t: "Unknown",
    "ReqCPUFreqMax": lambda _s, _t: "Unknown",
    "ReqCPUFreqMin": lambda _s, _t: "Unknown",
    "ReqCPUS": lambda _, t: str(t["cpus"]),
    "ReqNodes": lambda _, t: str(_step_nodes(t)),
    "Start": lambda s, t: s.moment(t["start"]),
    "State": lambda _, t: t["state"],
    "Submit": lambda s, t: s.moment(t["start"]),
    "Suspended": lambda _s, _t: "00:00:00",
    "SystemCPU": lambda _, t: _cpu(t, "system_ms"),
    "TotalCPU": lambda _, t: _cpu(t, "user_ms", "system_ms"),
    "TRESUsageInAve": lambda s, t: _one_task(t, _usage(s, t)),
    "TRESUsageInMax": lambda s, t: _one_task(t, _usage(s, t)),
    "TRESUsageInMin": lambda s, t: _one_task(t, _usage(s, t)),
    "TRESUsageInTot": _usage,
    "UserCPU": lambda _, t: _cpu(t, "user_ms"),
}
