"""把合并好的选项变成提交请求：检查每个值，补上由几个选项一起决定的部分。"""

from __future__ import annotations

import time

from scns.cli import setters
from scns.errors import InvalidInput, RequestRefused, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from scns.cli.context import Context
    from scns.cli.options import Parsed

#: SubmitLine 至多留这么多字符，只供显示。
_MAX_SUBMIT_LINE = 65_536

#: 文本的最大字节数；没有列出的是 1024，照 slurmctld 的规矩。
_MAX_BYTES = {
    "arguments": 1 << 21,
    "array": 4096,
    "burst_buffer": 8192,
    "command": 4096,
    "dependency": 131_072,
    "directory": 4096,
    "exclude": 65_536,
    "exclude_names": 1 << 22,
    "node_list": 65_536,
    "node_names": 1 << 22,
    "standard_error": 4096,
    "standard_input": 4096,
    "standard_output": 4096,
    "submit_directory": 4096,
    "submit_line": 4 * _MAX_SUBMIT_LINE,
    "variables": 8192,
}

#: 选项写进作业环境的变量：`options` 的键到变量名。
_VARIABLES = {
    "acctg_freq": "SLURM_ACCTG_FREQ",
    "cpu_freq": "SLURM_CPU_FREQ_REQ",
    "cpus_per_gpu": "SLURM_CPUS_PER_GPU",
    "distribution": "SLURM_DISTRIBUTION",
    "gpu_bind": "SLURM_GPU_BIND",
    "gpu_freq": "SLURM_GPU_FREQ",
    "gpus": "SLURM_GPUS",
    "gpus_per_node": "SLURM_GPUS_PER_NODE",
    "gpus_per_socket": "SLURM_GPUS_PER_SOCKET",
    "gpus_per_task": "SLURM_GPUS_PER_TASK",
    "hint": "SLURM_HINT",
    "mem_bind": "SLURM_MEM_BIND",
    "memory_per_gpu": "SLURM_MEM_PER_GPU",
    "network": "SLURM_NETWORK",
    "open_mode": "SLURM_OPEN_MODE",
    "profile": "SLURM_PROFILE",
    "tasks_per_core": "SLURM_NTASKS_PER_CORE",
    "tasks_per_gpu": "SLURM_NTASKS_PER_GPU",
    "tasks_per_socket": "SLURM_NTASKS_PER_SOCKET",
    "threads_per_core": "SLURM_THREADS_PER_CORE",
}


def build(parsed: Parsed, context: Context) -> dict[str, Any]:
    """返回数据库函数 `submit` 的请求，可以直接写成 JSON。

    与表 `submission` 的列同名的键（没有的就是没有给出，由数据库补默认值）：
        name、directory（绝对路径）、batch、umask、submit_host、submit_line、arguments、
        limits（ulimit 的名字到［软，硬］，不限是 -1）：总有
        command：脚本的路径；来自标准输入或 `--wrap` 时没有
        partition、account、qos、comment、constraint、licenses：原文
        tasks、cpus_per_task、tasks_per_node、mincpus、nodes_min、nodes_max：个数
        memory_per_node、memory_per_cpu：MiB，至多其一；前者为 0 是节点的全部内存
        time_limit、time_min：秒，整分钟；time_limit 为 -1 是不限
        begin_time、deadline：ISO 8601，UTC
        nice、overcommit、requeue、kill_on_invalid_dep：如其名
        exclusive：`node`、`user`、`mcs`；null 是可以共用
        node_list、exclude：折叠的名单
        gres：每个节点要的通用资源，`NAME[:TYPE]:N,..`；`--gpus` 一类也折算在内
        array_indices：int4multirange 的文本；array_limit：同时至多几个，null 不限
        dependency：原文；dependency_any：各条件之间是“或”
        standard_input、standard_output、standard_error：路径或带 `%` 的样式
        options：只供显示或只在启动时用的，见下
    其余的键：
        hold：提交时扣住
        priority：管理员给的优先级
        edges：依赖图的边 ［{kind, job, task, delay}］
        for_uid、for_gid：root 替谁提交
    options 的键：
        given：用户自己写了的列，`tasks`、`cpus_per_task`、`tasks_per_node`
        variables：随选项进作业环境的变量
        submit_directory：与 directory 不同时提交者所在的目录
        process_nice：提交者的 nice 值，0 时没有
        node_names、exclude_names：展开的名单
        oversubscribe、contiguous、spread_job、use_min_nodes、no_kill：真假
        signal、signal_seconds、signal_scope：时限前的信号
        mail_type（事件的列表）、mail_user、open_mode（`append`、`truncate`）
        array、gres、gpus、gpus_per_node、gpus_per_task、gpus_per_socket：原文
        tasks_per_gpu、cpus_per_gpu、memory_per_gpu（MiB）、tmp（MiB）：数
        core_spec、thread_spec、sockets_per_node、cores_per_socket、threads_per_core、
        tasks_per_core、tasks_per_socket、delay_boot（秒）：数
        reservation、wckey、mcs_label、network、prefer、profile、distribution、hint 等：原文

    被取代了的值也检查；不妨碍提交的话记在 `context.warnings`。

    异常：
        InvalidInput、UsageError：选项的值不对，句子前面只有命令名
        RequestRefused：提交被拒，句子要由命令套上 `Batch job submission failed: ` 之类
    """
    request: dict[str, Any] = {
        "name": context.name,
        "directory": context.directory,
        "batch": context.command == "sbatch",
        "umask": context.umask,
        "limits": {name: list(pair) for name, pair in context.limits.items()},
        "arguments": context.arguments,
        "submit_host": context.host,
        "submit_line": context.submit_line[:_MAX_SUBMIT_LINE].encode("utf-8", "replace").decode(),
        "options": {},
    }
    if context.script is not None:
        request["command"] = context.script
    setters.apply(request, parsed, context)
    _refuse_conflicts(request, parsed)
    _warn(request, context)
    options = request["options"]
    given = [key for key in ("tasks", "cpus_per_task", "tasks_per_node") if key in request]
    if given:
        options["given"] = given
    _settle_nodes(request, context)
    if not options.keys().isdisjoint(_ABOUT_GPUS):
        _settle_gpus(request)
    _settle_sizes(request)
    _settle_times(request)
    _record_origin(request, context)
    _limit_texts(request)
    return request


_ABOUT_GPUS = ("gres", "gpus", "gpus_per_node", "gpus_per_task", "tasks_per_gpu", "cpus_per_gpu")


def _refuse_conflicts(request: dict[str, Any], parsed: Parsed) -> None:
    options = request["options"]
    if "quiet" in parsed.chosen and "verbose" in parsed.chosen:
        raise UsageError("don't specify both --verbose (-v) and --quiet (-Q)")
    if "burst_buffer" in options and "burst_buffer_file" in options:
        raise UsageError("Cannot specify both --burst-buffer and --bbf")
    if request.get("deadline", 0) < request.get("begin_time", 0) and "deadline" in request:
        raise UsageError("Incompatible begin and deadline time specification")
    if "tasks_per_gpu" in options:
        rival = next(
            (name for name in ("gpus-per-task", "ntasks-per-node") if name in parsed.chosen), None
        )
        if rival is not None:
            raise UsageError(
                f"--{rival} is mutually exclusive with --ntasks-per-gpu and SLURM_NTASKS_PER_GPU",
                style="fatal",
            )


def _warn(request: dict[str, Any], context: Context) -> None:
    for key, option in (("core_spec", "-S"), ("thread_spec", "--thread-spec")):
        if key in request["options"]:
            context.warnings.append(
                f"error: Ignoring {option} since it's not allowed by configuration "
                "(AllowSpecResourcesUsage = No)"
            )


def _settle_nodes(request: dict[str, Any], context: Context) -> None:
    """节点数：点了名而没有说个数的，就是点名的个数；任务少于节点时减节点。"""
    names = request["options"].get("node_names")
    if names and "nodes_min" not in request:
        request["nodes_min"] = len(names)
    elif "nodes_min" in request and "tasks" in request:
        tasks, least = request["tasks"], request["nodes_min"]
        request["nodes_max"] = max(min(request["nodes_max"], tasks), 1)
        if tasks < least:
            context.warnings.append(
                f"Warning: can't run {tasks} processes on {least} nodes, setting nnodes to {tasks}"
            )
            request["nodes_min"] = tasks


def _settle_gpus(request: dict[str, Any]) -> None:
    """把 GPU 的各种写法折算成每个节点的 gres、任务数、CPU 数与内存。"""
    from scns.cli.gres import format_gres, parse_gpus, parse_gres, per_node

    options = request["options"]
    asked = {
        key: (parse_gres if key == "gres" else parse_gpus)(options[key]) if key in options else {}
        for key in ("gres", "gpus", "gpus_per_node", "gpus_per_task")
    }
    nodes = request.get("nodes_min", 1)
    per_gpu = options.get("tasks_per_gpu")
    if per_gpu is not None and "tasks" in request and not any(asked.values()):
        asked["gpus"] = {"gpu": -(-request["tasks"] // per_gpu)}
    tasks_here = request.get("tasks_per_node") or -(-request.get("tasks", nodes) // nodes)
    wanted = per_node(*asked.values(), nodes=nodes, tasks_per_node=tasks_here)
    if wanted:
        request["gres"] = format_gres(wanted)
    gpus = max(
        wanted.get("gpu", 0),
        sum(count for name, count in wanted.items() if name.startswith("gpu:")),
    )
    if per_gpu is not None and gpus and "tasks" not in request:
        tasks_here = per_gpu * gpus
        request["tasks"] = tasks_here * nodes
    if "cpus_per_gpu" in options and gpus and "cpus_per_task" not in request:
        request["cpus_per_task"] = -(-options["cpus_per_gpu"] * gpus // tasks_here)
    if "memory_per_gpu" in request and gpus:
        request["memory_per_node"] = request["memory_per_gpu"] * gpus


def _settle_sizes(request: dict[str, Any]) -> None:
    if "cpus_per_task" in request:
        # 一个任务的 CPU 要在同一个节点上
        request["mincpus"] = max(request.get("mincpus", 1), request["cpus_per_task"])
    if "memory_per_gpu" in request:
        request["options"]["memory_per_gpu"] = request.pop("memory_per_gpu")
    if request.get("memory_per_cpu") == 0:
        # slurmctld 把 --mem-per-cpu=0 当作 --mem=0
        request["memory_per_node"] = request.pop("memory_per_cpu")


def _settle_times(request: dict[str, Any]) -> None:
    if request.get("time_min") == -1:
        if request.get("time_limit", -1) != -1:
            raise RequestRefused(
                "Invalid time-min specification (exceeds job's time or other limits)"
            )
        del request["time_min"]
    for key in ("begin_time", "deadline"):
        if key in request:
            at = time.gmtime(request[key])
            request[key] = (
                f"{at.tm_year:04}-{at.tm_mon:02}-{at.tm_mday:02}"
                f"T{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02}Z"
            )


def _record_origin(request: dict[str, Any], context: Context) -> None:
    options = request["options"]
    if request["directory"] != context.directory:
        options["submit_directory"] = context.directory
    if context.process_nice:
        options["process_nice"] = context.process_nice
    variables = {
        variable: str(options[key])[:1] if key == "open_mode" else str(options[key])
        for key, variable in _VARIABLES.items()
        if key in options
    }
    if variables:
        options["variables"] = variables
    if not request["name"]:
        request["name"] = context.name


def _limit_texts(request: dict[str, Any]) -> None:
    """每段文本都要是 UTF-8，且不过长；数据库不收别的。"""
    for key, texts in _texts(request):
        try:
            size = sum(len(text.encode()) for text in texts)
        except UnicodeEncodeError:
            raise InvalidInput(f"{key.replace('_', ' ')} is not valid UTF-8 text") from None
        if size > _MAX_BYTES.get(key, 1024):
            raise RequestRefused("Pathname of a file, directory or other parameter too long")


def _texts(request: dict[str, Any]) -> Iterator[tuple[str, Iterable[str]]]:
    """请求里的文本，连同所在的键。"""
    for key, value in request.items():
        if isinstance(value, str):
            yield key, (value,)
        elif key == "options":
            yield from _texts(value)
        elif key == "variables":
            yield key, value.values()
        elif isinstance(value, list) and value and isinstance(value[0], str):
            yield key, value
