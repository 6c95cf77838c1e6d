"""一个作业的各行：`scontrol show job` 的字段与次序，照 22.05 版的输出。

输入是 `show_job` 取来的一行，键是列名；时刻是 epoch 秒，时长是秒，内存是 MiB。
"""

from __future__ import annotations

from scns.arrays import format_indices
from scns.cli.scontrol.record import layout, moment, shown
from scns.filenames import Facts, default_output
from scns.filenames import shown as expanded
from scns.sizes import format_size
from scns.times import elapsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from scns.cli.scontrol.record import Moment

    Job = dict[str, Any]

    #: 一个节点上的分配：节点、CPU 号、内存、通用资源。
    Allocation = tuple[str, str, int, str]

_SHARING = {None: "OK", "node": "NO", "user": "USER", "mcs": "MCS"}


def format_job(
    job: Job,
    allocations: Sequence[Allocation] = (),
    show: Moment = moment,
    *,
    one_line: bool = False,
    details: bool = False,
) -> str:
    """排好一个作业的记录。

    参数：
        allocations：`-d` 时各节点上的分配，按节点的次序
        show：印一个时刻
        details：多出 DerivedExitCode 与分配的各行
    """
    lines = [
        _name(job),
        f"UserId={job['owner']}({job['uid']}) GroupId={job['group_name']}({job['gid']})"
        " MCS_label=N/A",
        f"Priority={job['priority']} Nice={job['nice']} Account={job['account']} QOS={job['qos']}",
        f"JobState={job['state']} Reason={job['reason'].replace(' ', '_')}"
        f" Dependency={shown(job['dependency'])}",
        f"Requeue={int(job['requeue'])} Restarts={job['restarts']} BatchFlag={int(job['batch'])}"
        f" Reboot=0 ExitCode={job['exit_code'] or 0}:{job['exit_signal'] or 0}",
        *([f"DerivedExitCode={job['derived_code'] or 0}:0"] if details else []),
        f"RunTime={elapsed(job['run_time'])} TimeLimit={elapsed(job['time_limit'])}"
        f" TimeMin={elapsed(job['time_min'], 'N/A')}",
        *_times(job, show),
        f"Partition={job['partition']} AllocNode:Sid={job['submit_host'] or 'unknown'}:0",
        f"ReqNodeList={shown(job['required_nodes'])} ExcNodeList={shown(job['exclude'])}",
        f"NodeList={job['nodes'] or ''}",
        *([f"BatchHost={job['batch_host']}"] if job["batch_host"] else []),
        *_resources(job),
        *_allocated(allocations),
        *_requirements(job),
        f"Command={_command(job)}",
        f"WorkDir={job['directory']}",
        *([f"Comment={job['comment']} "] if job["comment"] is not None else []),
        *_files(job),
        *_optional(job),
        "",
    ]
    return layout(lines, one_line=one_line)


def _name(job: Job) -> str:
    """首行：作业号、数组与名字。"""
    words = [f"JobId={job['id']}"]
    if job["array_job_id"] is not None:
        task = job["array_task_id"]
        if job["ranges"] is not None:
            task = format_indices(job["ranges"], job["array_limit"])
        words += [f"ArrayJobId={job['array_job_id']}", f"ArrayTaskId={task}"]
        if job["array_limit"]:
            words.append(f"ArrayTaskThrottle={job['array_limit']}")
    return " ".join([*words, f"JobName={job['name']}"])


def _times(job: Job, show: Moment) -> list[str]:
    """各时刻：提交、够格、起止、挂起。"""
    eligible = job["eligible_time"]
    if eligible is None and job["hold"] is None and job["dependency"] is None:
        eligible = job["begin_time"]
    start, end = _span(job)
    deadline = show(job["deadline"], "N/A")
    before = 0
    if job["suspend_time"] is not None:
        before = job["suspend_time"] - job["start_time"] - job["suspended_seconds"]
    evaluated = show(job["start_time"], "Unknown")
    return [
        f"SubmitTime={show(job['submit_time'], 'Unknown')}"
        f" EligibleTime={show(eligible, 'Unknown')}",
        f"AccrueTime={show(job['eligible_time'], 'Unknown')}",
        f"StartTime={show(start, 'Unknown')} EndTime={show(end, 'Unknown')} Deadline={deadline}",
        f"SuspendTime={show(job['suspend_time'], 'None')} SecsPreSuspend={before}"
        f" LastSchedEval={evaluated} Scheduler=Main",
    ]


def _span(job: Job) -> tuple[int | None, int | None]:
    """起止；排队的是预计的，没有时限就没有预计的结束。"""
    if job["state"] != "PENDING":
        return job["start_time"] or job["end_time"], job["end_time"] or job["limit_time"]
    start = job["expected_start"] or job["begin_time"]
    if start is None or job["time_limit"] is None:
        return start, None
    return start, start + job["time_limit"]


def _resources(job: Job) -> list[str]:
    """节点、CPU 与可计量的资源。"""
    pending = job["state"] == "PENDING"
    nodes = job["nodes_alloc"] or job["nodes_min"]
    count = str(nodes)
    if pending and job["nodes_max"]:
        count = f"{nodes}-{job['nodes_max']}"
    cpus = job["cpus_alloc"] or job["cpus"]
    cores, threads = job["cores_per_socket"] or "*", job["threads_per_core"] or "*"
    per_socket, per_core = job["tasks_per_socket"] or "*", job["tasks_per_core"] or "*"
    reserved = f"CoreSpec={job['core_spec'] or '*'}"
    if job["thread_spec"]:
        reserved = f"ThreadSpec={job['thread_spec']}"
    return [
        f"NumNodes={count} NumCPUs={cpus} NumTasks={job['tasks']}"
        f" CPUs/Task={job['cpus_per_task']} ReqB:S:C:T=0:0:{cores}:{threads}",
        f"TRES={trackable(job)}",
        f"Socks/Node={job['sockets_per_node'] or '*'}"
        f" NtasksPerN:B:S:C={job['tasks_per_node'] or 0}:0:{per_socket}:{per_core}"
        f" {reserved}",
    ]


def trackable(job: Job) -> str:
    """TRES：要求的，启动后是分到的；没有内存要求时没有 mem。"""
    nodes = job["nodes_alloc"] or job["nodes_min"]
    cpus = job["cpus_alloc"] or job["cpus"]
    memory = job["memory_alloc"]
    if job["nodes_alloc"] is None:
        memory = _asked_memory(job, nodes, cpus)
    words = [f"cpu={cpus}"]
    if memory:
        words.append(f"mem={format_size(memory)}")
    words += [f"node={nodes}", f"billing={cpus}"]
    for item in (job["gres"] or "").split(","):
        name, _, amount = item.rpartition(":")
        if name and amount.isdigit():
            words.append(f"gres/{name}={int(amount) * nodes}")
    return ",".join(words)


def _asked_memory(job: Job, nodes: int, cpus: int) -> int | None:
    """要求的内存，MiB；0 是节点的全部，没有要求时是 None。"""
    if job["memory_per_cpu"]:
        return int(job["memory_per_cpu"]) * cpus
    if job["memory_per_cpu"] == 0 or job["memory_per_node"] == 0:
        return int(job["largest_memory"] or 0) * nodes
    if job["memory_per_node"]:
        return int(job["memory_per_node"]) * nodes
    return None


def _allocated(allocations: Sequence[Allocation]) -> list[str]:
    """`-d` 的各行：相邻节点分到的一样就合成一行。"""
    if not allocations:
        return []
    from scns.hostlist import compress

    groups: list[tuple[tuple[str, int, str], list[str]]] = []
    for node, cpus, memory, gres in allocations:
        got = (cpus, memory, gres)
        if not groups or groups[-1][0] != got:
            groups.append((got, []))
        groups[-1][1].append(node)
    total = ",".join(dict.fromkeys(got[2] for got, _ in groups if got[2]))
    return [
        f"JOB_GRES={total or '(null)'}",
        *(
            f"  Nodes={compress(nodes)} CPU_IDs={got[0]} Mem={got[1]} GRES={got[2]}"
            for got, nodes in groups
        ),
    ]


def _requirements(job: Job) -> list[str]:
    """每个节点至少要什么。"""
    least = max(job["mincpus"] or 1, job["cpus_per_task"] * (job["tasks_per_node"] or 1))
    per_cpu = job["memory_per_cpu"]
    if per_cpu:
        memory = f"MinMemoryCPU={format_size(per_cpu)}"
    else:
        memory = f"MinMemoryNode={format_size(job['memory_per_node'] or 0)}"
    sharing = "YES" if job["oversubscribe"] == "true" else _SHARING.get(job["exclusive"], "NO")
    return [
        f"MinCPUsNode={least} {memory} MinTmpDiskNode={format_size(int(job['tmp'] or 0))}",
        f"Features={shown(job['features'])} DelayBoot={elapsed(int(job['delay_boot'] or 0))}",
        *([f"Prefer={job['prefer']}"] if job["prefer"] else []),
        *([f"Reservation={job['reservation']}"] if job["reservation"] else []),
        f"OverSubscribe={sharing} Contiguous={int(job['contiguous'] == 'true')}"
        f" Licenses={shown(job['licenses'])} Network={shown(job['network'])}",
    ]


def _command(job: Job) -> str:
    """脚本的路径与参数；别人的参数看不见。"""
    return " ".join(filter(None, [shown(job["command"]), job["arguments"]]))


def _files(job: Job) -> list[str]:
    """批处理作业的输入输出文件。"""
    if not job["batch"]:
        return []
    output = job["standard_output"] or default_output(job["array_job_id"] is not None)
    facts = Facts(
        job_id=job["id"],
        name=job["name"],
        user=job["owner"],
        array_job_id=job["array_job_id"],
        array_task_id=job["array_task_id"],
    )
    output = expanded(output, facts)
    error = job["standard_error"]
    names = {
        "StdErr": output if error is None else expanded(error, facts),
        "StdIn": expanded(job["standard_input"] or "/dev/null", facts),
        "StdOut": output,
    }
    return [f"{key}={_path(job, name)}" for key, name in names.items()]


def _path(job: Job, name: str) -> str:
    return name if name.startswith("/") else f"{job['directory']}/{name}"


def _optional(job: Job) -> list[str]:
    """有才打印的各行；`Power=` 总在。"""
    invalid = job["kill_on_invalid_dep"]
    memory = job["memory_per_gpu"]
    per_node = [_tres("gres:", job["option_gres"]), _tres("gres:gpu:", job["gpus_per_node"])]
    pairs = (
        ("Switches", job["switches"]),
        ("BurstBuffer", job["burst_buffer"]),
        ("Power", ""),
        ("KillOInInvalidDependent", None if invalid is None else "Yes" if invalid else "No"),
        ("CpusPerTres", _tres("gres:gpu:", job["cpus_per_gpu"])),
        ("MemPerTres", memory and f"gres:gpu:{memory}"),
        ("TresPerJob", _tres("gres:gpu:", job["gpus"])),
        ("TresPerNode", ",".join(filter(None, per_node)) or None),
        ("TresPerSocket", _tres("gres:gpu:", job["gpus_per_socket"])),
        ("TresPerTask", _tres("gres:gpu:", job["gpus_per_task"])),
    )
    lines = [f"{key}={value}" for key, value in pairs if value is not None]
    if job["mail_user"] and job["mail_type"]:
        lines.append(f"MailUser={job['mail_user']} MailType={job['mail_type']}")
    if job["tasks_per_gpu"]:
        lines.append(f"NtasksPerTRES={job['tasks_per_gpu']}")
    return lines


def _tres(prefix: str, value: str | None) -> str | None:
    return None if value is None else ",".join(prefix + item for item in value.split(","))
