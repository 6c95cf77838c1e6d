"""每个选项怎样写进提交请求；`request.build` 照选项出现的次序调用它们。

后写的盖过先写的，互相取代的写同一个键，因此不必另记来源。值不对就抛出 Slurm 的句子。
"""

from __future__ import annotations

from scns.cli import checks
from scns.errors import InvalidInput, RequestRefused
from scns.sizes import parse_count, parse_memory, parse_node_count
from scns.times import parse_moment, parse_time_limit, round_up_minutes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scns.cli.context import Context
    from scns.cli.options import Parsed

    #: 正在写的请求；键见 `scns.cli.request.build`。
    Request = dict[str, Any]

    #: 从原文与选项名（带 `--`，写进错误里）得出值。
    Check = Callable[[str, str], Any]

    Setter = Callable[[Request, str | None, Context], None]


def _text(text: str, option: str) -> str:
    return text


def _limit(text: str, option: str) -> int:
    seconds = round_up_minutes(parse_time_limit(text, option))
    return -1 if seconds is None else seconds


def _plain(check: Callable[[str], Any]) -> Check:
    """把只要原文的检查配成 `Check`。"""
    return lambda text, option: check(text)


#: 写进请求的选项：选项名到（键，检查）。
_COLUMNS: dict[str, tuple[str, Check]] = {
    "account": ("account", _text),
    "comment": ("comment", _text),
    "constraint": ("constraint", _text),
    "cpus-per-task": ("cpus_per_task", parse_count),
    "job-name": ("name", _text),
    "kill-on-invalid-dep": ("kill_on_invalid_dep", checks.yes_or_no),
    "mem": ("memory_per_node", parse_memory),
    "mem-per-cpu": ("memory_per_cpu", parse_memory),
    "mem-per-gpu": ("memory_per_gpu", parse_memory),
    "mincpus": ("mincpus", parse_count),
    "ntasks": ("tasks", parse_count),
    "ntasks-per-node": ("tasks_per_node", parse_count),
    "partition": ("partition", _text),
    "qos": ("qos", _text),
    "time": ("time_limit", _limit),
    "time-min": ("time_min", _limit),
}

#: 写进请求的 `options` 的选项：选项名到（键，检查）。
_DETAILS: dict[str, tuple[str, Check]] = {
    "acctg-freq": ("acctg_freq", _plain(checks.acctg_freq)),
    "batch": ("batch_features", _text),
    "bb": ("burst_buffer", _text),
    "bbf": ("burst_buffer_file", _text),
    "context": ("context", _text),
    "cores-per-socket": ("cores_per_socket", parse_count),
    "cpu-freq": ("cpu_freq", _plain(checks.cpu_freq)),
    "cpus-per-gpu": ("cpus_per_gpu", parse_count),
    "delay-boot": ("delay_boot", parse_time_limit),
    "gpu-bind": ("gpu_bind", _text),
    "gpu-freq": ("gpu_freq", _text),
    "gpus": ("gpus", _text),
    "gpus-per-node": ("gpus_per_node", _text),
    "gpus-per-socket": ("gpus_per_socket", _text),
    "gpus-per-task": ("gpus_per_task", _text),
    "gres": ("gres", _text),
    "gres-flags": ("gres_flags", _plain(checks.gres_flags)),
    "hint": ("hint", _plain(checks.hint)),
    "mail-user": ("mail_user", _text),
    "mcs-label": ("mcs_label", _text),
    "mem-bind": ("mem_bind", _plain(checks.mem_bind)),
    "network": ("network", _text),
    "ntasks-per-core": ("tasks_per_core", parse_count),
    "ntasks-per-gpu": ("tasks_per_gpu", parse_count),
    "ntasks-per-socket": ("tasks_per_socket", parse_count),
    "ntasks-per-tres": ("tasks_per_gpu", parse_count),
    "open-mode": ("open_mode", _plain(checks.open_mode)),
    "power": ("power", _text),
    "prefer": ("prefer", _text),
    "profile": ("profile", _plain(checks.profile)),
    "reservation": ("reservation", _text),
    "sockets-per-node": ("sockets_per_node", parse_count),
    "switches": ("switches", _plain(checks.switches)),
    "threads-per-core": ("threads_per_core", parse_count),
    "tmp": ("tmp", parse_memory),
    "wckey": ("wckey", _text),
}

#: 开关：选项名到（键，值）；键带 `options.` 的写进 `options`。
_FLAGS: dict[str, tuple[str, bool]] = {
    "contiguous": ("options.contiguous", True),
    "hold": ("hold", True),
    "no-requeue": ("requeue", False),
    "overcommit": ("overcommit", True),
    "requeue": ("requeue", True),
    "spread-job": ("options.spread_job", True),
    "use-min-nodes": ("options.use_min_nodes", True),
}

#: 只检查的个数，srun 自己再读：选项名到（错误里的名字，最小值）。
_NUMBERS = {
    "immediate": ("immediate", 0),
    "jobid": ("--jobid", 1),
    "kill-on-bad-exit": ("--kill-on-bad-exit", 0),
    "msg-timeout": ("--msg-timeout", 1),
    "relative": ("--relative", 0),
    "resv-ports": ("--resv-port", 0),
    "threads": ("--threads", 1),
    "wait": ("--wait", 0),
}

_STREAMS = {"input": "standard_input", "output": "standard_output", "error": "standard_error"}

_MEMORY = ("mem", "mem-per-cpu", "mem-per-gpu")


def apply(request: Request, parsed: Parsed, context: Context) -> None:
    """把各选项照次序写进请求；被取代了的值也检查，与 Slurm 相同。"""
    for name, value in parsed.ordered:
        text = value if isinstance(value, str) else None
        setter = _SETTERS.get(name)
        if setter is not None:
            setter(request, text, context)
        elif text is None:
            _switch(request, name)
        elif name in _STREAMS:
            # srun 自己用这些选项指每个任务的流，与作业的文件无关
            if context.command == "sbatch":
                request[_STREAMS[name]] = "/dev/null" if text.lower() == "none" else text
        elif name in _NUMBERS:
            parse_count(text, *_NUMBERS[name])
        elif name in _COLUMNS:
            key, check = _COLUMNS[name]
            request[key] = check(text, f"--{name}")
        elif name in _DETAILS:
            key, check = _DETAILS[name]
            request["options"][key] = check(text, f"--{name}")
    for name in _MEMORY:
        # 三种内存请求留哪一种由来源决定，见 `options.collect`
        if name not in parsed.chosen:
            request.pop(_COLUMNS[name][0], None)


def _switch(request: Request, name: str) -> None:
    if name in _FLAGS:
        key, value = _FLAGS[name]
        inner = key.removeprefix("options.")
        (request if inner == key else request["options"])[inner] = value


def _array(request: Request, text: str | None, context: Context) -> None:
    from scns import arrays

    most = arrays.MAX_ARRAY_SIZE if context.max_array_size is None else context.max_array_size
    try:
        spec = arrays.parse_array(text or "", most)
    except InvalidInput as error:
        raise RequestRefused(error.message) from None
    request["array_indices"] = arrays.to_multirange(spec.ranges)
    request["array_limit"] = spec.limit
    request["options"]["array"] = text


def _begin(request: Request, text: str | None, context: Context) -> None:
    request["begin_time"] = parse_moment(text or "", context.now, "--begin")


def _deadline(request: Request, text: str | None, context: Context) -> None:
    request["deadline"] = parse_moment(text or "", context.now, "--deadline")


def _chdir(request: Request, text: str | None, context: Context) -> None:
    path = text or ""
    request["directory"] = path if path[:1] == "/" else f"{context.directory}/{path}"


def _core_spec(request: Request, text: str | None, context: Context) -> None:
    request["options"].pop("thread_spec", None)
    request["options"]["core_spec"] = parse_count(text or "", "--core-spec", 0)


def _thread_spec(request: Request, text: str | None, context: Context) -> None:
    request["options"].pop("core_spec", None)
    request["options"]["thread_spec"] = parse_count(text or "", "--thread-spec")


def _cpu_bind(request: Request, text: str | None, context: Context) -> None:
    checks.cpu_bind(text or "")


def _dependency(request: Request, text: str | None, context: Context) -> None:
    from scns import depends

    try:
        found = depends.parse(text or "")
    except InvalidInput as error:
        raise RequestRefused(error.message) from None
    request["dependency"] = text
    request["dependency_any"] = found.any
    request["edges"] = found.edges()


def _distribution(request: Request, text: str | None, context: Context) -> None:
    size = context.environ.get("SLURM_DIST_PLANESIZE")
    request["options"]["distribution"] = checks.distribution(text or "", size)


def _exclusive(request: Request, text: str | None, context: Context) -> None:
    kind = checks.exclusive(text)
    if kind == "shared":
        _oversubscribe(request, text, context)
    else:
        request["exclusive"] = kind
        request["options"].pop("oversubscribe", None)


def _oversubscribe(request: Request, text: str | None, context: Context) -> None:
    request["exclusive"] = None
    request["options"]["oversubscribe"] = True


def _extra_node_info(request: Request, text: str | None, context: Context) -> None:
    found = checks.extra_node_info(text or "")
    keys = ("sockets_per_node", "cores_per_socket", "threads_per_core")
    for key, value in zip(keys, found, strict=True):
        if value is not None:
            request["options"][key] = value


def _get_user_env(request: Request, text: str | None, context: Context) -> None:
    checks.get_user_env(text)


def _uid(request: Request, text: str | None, context: Context) -> None:
    root = context.uid == 0
    request["for_uid"] = checks.user_id(text or "", "--uid", privileged=root)


def _gid(request: Request, text: str | None, context: Context) -> None:
    root = context.uid == 0
    request["for_gid"] = checks.user_id(text or "", "--gid", privileged=root, group=True)


def _kill_command(request: Request, text: str | None, context: Context) -> None:
    from scns import signals

    try:
        signals.parse_signal(text or "TERM")
    except InvalidInput:
        raise checks.InvalidOption("--kill-command") from None


def _licenses(request: Request, text: str | None, context: Context) -> None:
    for item in (text or "").replace(";", ",").split(","):
        name, colon, count = item.partition(":")
        if not name or (colon and not (count.isascii() and count.isdigit() and len(count) < 10)):
            raise RequestRefused("Invalid license specification")
    request["licenses"] = (text or "").replace(";", ",")


def _mail_type(request: Request, text: str | None, context: Context) -> None:
    # 几次 --mail-type 合在一起
    before = set(request["options"].get("mail_type", ()))
    events = before | checks.mail_types(text or "")
    request["options"]["mail_type"] = [name for name in checks.MAIL_TYPES if name in events]


def _nice(request: Request, text: str | None, context: Context) -> None:
    request["nice"] = checks.nice(text)


def _no_kill(request: Request, text: str | None, context: Context) -> None:
    request["options"]["no_kill"] = checks.no_kill(text)


def _nodes(request: Request, text: str | None, context: Context) -> None:
    request["nodes_min"], request["nodes_max"] = parse_node_count(text or "")


def _nodelist(request: Request, text: str | None, context: Context) -> None:
    from scns.cli import nodelist

    _set_nodes(request, "node_list", "node_names", nodelist.names_of(text or ""))


def _nodefile(request: Request, text: str | None, context: Context) -> None:
    from scns.cli import nodelist

    _set_nodes(request, "node_list", "node_names", nodelist.names_in_file(text or ""))


def _exclude(request: Request, text: str | None, context: Context) -> None:
    from scns.cli import nodelist

    _set_nodes(request, "exclude", "exclude_names", nodelist.names_of(text or ""))


def _set_nodes(request: Request, key: str, names_key: str, names: list[str]) -> None:
    from scns import hostlist

    request[key] = hostlist.compress(names) or None
    request["options"][names_key] = names


def _priority(request: Request, text: str | None, context: Context) -> None:
    value = checks.priority(text or "")
    if value:
        request["priority"] = value


def _propagate(request: Request, text: str | None, context: Context) -> None:
    wanted = checks.limit_names(text)
    request["limits"] = {name: context.limits[name] for name in wanted if name in context.limits}


def _signal(request: Request, text: str | None, context: Context) -> None:
    from scns import signals

    found = signals.parse_signal_option(text or "")
    request["options"]["signal"] = found.number
    request["options"]["signal_seconds"] = found.seconds
    request["options"]["signal_scope"] = found.scope


def _wait_all_nodes(request: Request, text: str | None, context: Context) -> None:
    if parse_count(text or "", "--wait-all-nodes", 0) > 1:
        raise checks.InvalidOption("--wait-all-nodes")


_SETTERS: dict[str, Setter] = {
    "array": _array,
    "begin": _begin,
    "chdir": _chdir,
    "core-spec": _core_spec,
    "cpu-bind": _cpu_bind,
    "deadline": _deadline,
    "dependency": _dependency,
    "distribution": _distribution,
    "exclude": _exclude,
    "exclusive": _exclusive,
    "extra-node-info": _extra_node_info,
    "get-user-env": _get_user_env,
    "gid": _gid,
    "kill-command": _kill_command,
    "licenses": _licenses,
    "mail-type": _mail_type,
    "nice": _nice,
    "no-kill": _no_kill,
    "nodefile": _nodefile,
    "nodelist": _nodelist,
    "nodes": _nodes,
    "oversubscribe": _oversubscribe,
    "priority": _priority,
    "propagate": _propagate,
    "signal": _signal,
    "thread-spec": _thread_spec,
    "uid": _uid,
    "wait-all-nodes": _wait_all_nodes,
}
