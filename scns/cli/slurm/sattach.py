"""sattach：看着一个正在运行的作业步。来源：sattach(1) 22.05 版。

任务的输出不经过任何人的手，所以看得到的只有进了文件的；写到 srun 的终端或管道里的，说清楚为什么
不行。输入送不进去：任务的标准输入是 srun 的。
"""

from __future__ import annotations

import select
import sys

from scns import arrays
from scns.cli.launch import demand
from scns.cli.tables.sattach import TABLE
from scns.errors import RequestRefused, ScnsError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scns.cli.launch.channel import Channel
    from scns.cli.launch.viewing import Reader
    from scns.cli.options import Parsed

#: 隔这么多秒看一眼文件。
INTERVAL = 0.1

_ELEMENT = "SELECT q.id FROM scns.queue q WHERE q.array_job_id = %s AND q.array_task_id = %s"


def run(words: list[str]) -> int:
    """看到这一步结束，返回它最坏的任务的退出码。"""
    return demand.run(_run, words)


def _run(words: list[str]) -> int:
    found = demand.options(TABLE, words)
    if found is None:
        return 0
    merged = found[1]
    job, step = _step_of(merged.operands)
    filters = [_filter(merged, name) for name in ("output-filter", "error-filter")]
    from scns.cli.launch import viewing
    from scns.cli.launch.channel import Channel

    channel = Channel()
    try:
        attached = channel.ask({"op": "attach", "job": job, "step": step}, "attached")
    except RequestRefused as refused:
        raise ScnsError(f"Could not get job step info: {refused.message}") from None
    if "layout" in merged.chosen:
        sys.stdout.write(viewing.layout(attached))
        return 0
    wanted = viewing.Wanted(filters[0], filters[1], label="label" in merged.chosen)
    views, unseen = viewing.choose(attached["files"], attached["tasks"], wanted)
    quiet = "quiet" in merged.chosen
    label = f"{job}.{'batch' if step is None else step}"
    _complain(label, bool(views), unseen, quiet=quiet)
    width = len(str(len(attached["tasks"]) - 1)) if wanted.label else None
    readers = [viewing.Reader(view, width) for view in views]
    statuses = _follow(channel, readers)
    return _report(attached["node"], statuses, quiet=quiet)


def _step_of(operands: list[str]) -> tuple[int, int | None]:
    """操作数说的作业号与步号；批处理脚本的步号是 None。

    异常：
        UsageError：不是 `JOBID.STEPID`
        RequestRefused：没有这个数组元素
    """
    if len(operands) != 1:
        raise UsageError("Need exactly one step id, for example 42.0")
    [text] = operands
    if "." not in text:
        raise UsageError("Did not find a period in the step ID string")
    head, _, tail = text.partition(".")
    try:
        ref = arrays.parse_job_ref(text)
    except arrays.InvalidJobRef:
        what, word = ("stepid", tail) if head.isdigit() else ("jobid", head)
        raise UsageError(f'"{word}" does not look like a {what}') from None
    if ref.step not in ("batch", None) and not str(ref.step).isdigit():
        raise RequestRefused("Could not get job step info: Invalid job id specified")
    step = None if ref.step == "batch" else int(str(ref.step))
    return (ref.job_id if ref.ranges is None else _element(ref)), step


def _element(ref: arrays.JobRef) -> int:
    """数组的一个元素自己的作业号。"""
    from scns.db import connect

    ranges = ref.ranges or []
    if arrays.count(ranges) != 1:
        raise UsageError(f'"{ref}" does not name one task of the array')
    rows = connect.call(connect.connect(), _ELEMENT, (ref.job_id, ranges[0][0]))
    if not rows:
        raise RequestRefused("Could not get job step info: Invalid job id specified")
    return int(rows[0][0])


def _filter(merged: Parsed, name: str) -> int | None:
    """`--output-filter` 等的任务号；没有给或写 `-` 是全部。"""
    text = merged.text(name)
    if text is None or text == "-":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"Invalid numeric value {text!r} for {name}.")
    return int(text)


def _complain(label: str, some: bool, unseen: list[int], *, quiet: bool) -> None:
    """有看不到的输出：一样也看不到是错，不然提醒一句。"""
    if unseen and not some:
        raise ScnsError(
            f"StepId={label} writes to a terminal or a pipe of its srun, where nobody else can"
            " read.\nStart it with --output=FILE to attach to it."
        )
    if unseen and not quiet:
        from scns.cli.launch.step import tasks

        _say(f"some output of {tasks(unseen)} goes to the srun of StepId={label} and is not shown")


def _follow(channel: Channel, readers: list[Reader]) -> dict[int, int | None]:
    """看到结束，返回各任务的等待状态。"""
    statuses: dict[int, int | None] = {}
    poller = select.poll()
    poller.register(channel.fileno(), select.POLLIN)
    over = False
    while not over:
        if not channel.pending:
            poller.poll(INTERVAL * 1000 if readers else None)
        for message in channel.receive():
            if message["op"] == "exited":
                statuses[message["task"]] = message["status"]
            over = over or message["op"] == "finished"
        for reader in readers:
            reader.finish() if over else reader.copy()
    return statuses


def _report(node: str, statuses: dict[int, int | None], *, quiet: bool) -> int:
    """报告失败了的任务，返回最坏的退出码。"""
    from scns.cli.launch.step import describe, shell_code, tasks

    known = [status for status in statuses.values() if status is not None]
    for status in sorted(set(known) - {0}):
        if not quiet:
            same = [task for task, found in statuses.items() if found == status]
            _say(f"error: {node}: {tasks(same)}: {describe(status)}")
    return max(map(shell_code, known), default=0)


def _say(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"sattach: {text}\n")
    sys.stderr.flush()
