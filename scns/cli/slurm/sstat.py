"""sstat：运行中的作业步用了多少。来源：sstat(1) 22.05 版。

字段与取值同 sacct；用量由 stepd 在步结束时报告，此前不知道的是空的，不编造。
"""

from __future__ import annotations

import os
import sys

from scns.arrays import InvalidJobRef, parse_job_refs, to_multirange
from scns.cli.accounting import lines, records, sheet, values
from scns.cli.fields.accounting import TEXT
from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.cli.tables.sstat import TABLE
from scns.db import connect
from scns.errors import InvalidInput, UsageError
from scns.times import format_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from scns.arrays import JobRef
    from scns.cli.options import Parsed

DEFAULT = (
    "jobid,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,maxrssnode,maxrsstask,averss,"
    "maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,mincputask,avecpu,ntasks,"
    "avecpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov,consumedenergy,maxdiskread,"
    "maxdiskreadnode,maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,maxdiskwritetask,"
    "avediskwrite,tresusageinave,tresusageinmax,tresusageinmaxnode,tresusageinmaxtask,"
    "tresusageinmin,tresusageinminnode,tresusageinmintask,tresusageintot,tresusageoutave,"
    "tresusageoutmax,tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutmin,"
    "tresusageoutminnode,tresusageoutmintask,tresusageouttot"
)

_RUNNING = """
SELECT q.id, t.step_id FROM scns.queue q
  JOIN scns.step_list t ON t.job_id = q.id AND t.attempt = q.attempt AND t.end_time IS NULL
 WHERE q.state IN ('RUNNING', 'SUSPENDED', 'COMPLETING')
   AND (q.id = %(job)s AND %(tasks)s::text IS NULL
        OR q.array_job_id = %(job)s
           AND (%(tasks)s::text IS NULL OR q.array_task_id <@ %(tasks)s::int4multirange))
 ORDER BY q.id, t.step_id
"""


_PLACES = """
SELECT coalesce(q.array_job_id || '_' || q.array_task_id, q.id::text), t.step_id, t.node_list
  FROM scns.queue q JOIN scns.step_list t ON t.job_id = q.id AND t.attempt = q.attempt
 WHERE q.id = %s AND t.step_id = ANY (%s)
 ORDER BY t.step_id
"""


def run(words: list[str]) -> int:
    """打印各步，返回退出码；有作业没有在跑时是 1。"""
    parsed = parse(TABLE, words)
    text = answer(TABLE, parsed)
    if text is None and "helpformat" in parsed.chosen:
        text = sheet.help_fields()
    if text is not None:
        sys.stdout.write(text)
        return 0
    chosen = collect(TABLE, parsed, environ=os.environ)
    wanted = ",".join([*chosen.all("jobs"), *chosen.operands])
    if not wanted:
        raise UsageError("You didn't give me any jobs to stat.")
    pids = "pidformat" in chosen.chosen
    layout = _layout(chosen, pids=pids)
    references = _references(wanted)
    connection = connect.connect()
    sizes = values.Sizes(convert="noconvert" not in chosen.chosen)
    time_format = os.environ.get("SLURM_TIME_FORMAT")

    def clock(epoch: int) -> str:
        return format_moment(epoch, time_format=time_format)

    output = sys.stdout.buffer
    if "noheader" not in chosen.chosen:
        output.write(layout.header().encode())
    code = 0
    for ref in references:
        found = _steps(connection, ref, everything="allsteps" in chosen.chosen)
        if not found:
            output.flush()
            sys.stderr.write(f"sstat: error: no steps running for job {ref.job_id}\n")
            code = 1
        for job_id, numbers in found.items():
            if pids:
                cells = _processes(connection, job_id, numbers)
                output.write("".join(map(layout.row, cells)).encode())
                continue
            chosen_steps = ("t.ended IS NULL AND t.step_id = ANY (%s)", [numbers])
            rows = records.Rows(("false", []), chosen_steps)
            lines.Lines(layout, sizes, clock, rows).write(connection, [job_id], output.write)
    output.flush()
    return code


def _steps(connection: Any, ref: JobRef, *, everything: bool) -> dict[int, list[int]]:
    """作业号到在跑的步；没有点名步的只要编了号的头一个，一个也没有时要批处理步。"""
    tasks = None if ref.ranges is None else to_multirange(ref.ranges)
    running: list[tuple[int, int]] = connect.call(
        connection, _RUNNING, {"job": ref.job_id, "tasks": tasks}
    )
    found: dict[int, list[int]] = {}
    for job_id, number in running:
        found.setdefault(job_id, []).append(number)
    if ref.step is not None:
        named = values.STEP_NAMES.get(ref.step)
        named = int(ref.step) if named is None else named
        found = {job_id: [named] for job_id, numbers in found.items() if named in numbers}
    elif not everything:
        found = {
            job_id: [next((number for number in numbers if number >= 0), numbers[0])]
            for job_id, numbers in found.items()
        }
    return found


def _references(text: str) -> list[JobRef]:
    """点名的作业与步；squeue 印出的 `42_[1-3]` 也读得回来。

    异常：
        InvalidInput：有一项不是作业号
    """
    try:
        return parse_job_refs(text)
    except InvalidJobRef as error:
        raise InvalidInput(f"Invalid job id {error.text}") from None


def _processes(connection: Any, job_id: int, numbers: list[int]) -> list[list[str]]:
    """`-i` 的各行；进程号只有这台机器上的，且是看得见的：自己的，root 看得见全部的。"""
    from scns.cli.scontrol.processes import processes

    names = {number: name for name, number in values.STEP_NAMES.items()}
    running = list(processes())
    rows = []
    for job, number, nodes in connect.call(connection, _PLACES, (job_id, numbers)):
        step = names.get(number, str(number))
        pids = [str(one.pid) for one in running if one.job == job_id and one.step == step]
        rows.append([f"{job}.{step}", nodes, ",".join(pids)])
    return rows


def _layout(chosen: Parsed, *, pids: bool) -> sheet.Layout:
    columns = sheet.parse_columns(",".join(chosen.all("format")) or DEFAULT)
    if pids:
        columns = [*sheet.parse_columns("jobid"), sheet.Column("Nodelist", 20, TEXT)]
        columns.append(sheet.Column("Pids", 20, TEXT))
    if "parsable" not in chosen.chosen and "parsable2" not in chosen.chosen:
        return sheet.Layout(columns, None, ending=False)
    return sheet.Layout(columns, "|", ending="parsable" in chosen.chosen)
