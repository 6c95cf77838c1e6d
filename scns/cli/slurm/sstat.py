"""sstat：运行中的作业步用了多少。来源：sstat(1) 22.05 版。

字段与取值同 sacct；用量由 stepd 在步结束时报告，此前不知道的是空的，不编造。
"""

from __future__ import annotations

import os
import sys
import time

from scns.cli.accounting import records, sheet, values
from scns.cli.options import collect, parse
from scns.cli.stop import answer
from scns.cli.tables.sstat import TABLE
from scns.db import connect
from scns.errors import InvalidInput, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
SELECT q.id FROM scns.queue q
 WHERE q.state IN ('RUNNING', 'SUSPENDED', 'COMPLETING')
   AND (q.id = %(job)s AND %(task)s::int IS NULL
        OR q.array_job_id = %(job)s AND (%(task)s::int IS NULL OR q.array_task_id = %(task)s))
 ORDER BY q.id
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
    layout = _layout(chosen)
    references = [_reference(word) for word in wanted.split(",") if word]
    connection = connect.connect()
    style = values.Style(time.time(), convert="noconvert" not in chosen.chosen)
    write = sys.stdout.write
    if "noheader" not in chosen.chosen:
        write(layout.header())
    code = 0
    for job, task, step in references:
        rows = _steps(connection, job, task, step, everything="allsteps" in chosen.chosen)
        if not rows:
            sys.stderr.write(f"sstat: error: no steps running for job {job}\n")
            code = 1
        for row in rows:
            cells = (values.STEP.get(column.name, _empty)(style, row) for column in layout.columns)
            write(layout.row(cells))
    return code


def _steps(
    connection: Any, job: int, task: int | None, step: str | None, *, everything: bool
) -> list[dict[str, Any]]:
    """在跑的步；没有点名步的只要编了号的头一个，一个也没有时要批处理步。"""
    ids = [row[0] for row in connect.call(connection, _RUNNING, {"job": job, "task": task})]
    found = []
    for record, steps in records.pages(connection, ids, [], steps=True):
        running = [one | {"job": record} for one in steps if one["end"] is None]
        if step is not None:
            running = [one for one in running if values.step_name(one) == step]
        elif not everything:
            numbered = [one for one in running if one["step_id"] >= 0]
            running = (numbered or running)[:1]
        found += running
    return found


def _reference(word: str) -> tuple[int, int | None, str | None]:
    """`JOB[_TASK][.STEP]`。

    异常：
        InvalidInput：不是作业号
    """
    job, _, step = word.partition(".")
    number, _, task = job.partition("_")
    digits = number + task
    if not (digits.isascii() and digits.isdigit() and number and len(digits) < 19):
        raise InvalidInput(f"Invalid job id {word}")
    return int(number), int(task) if task else None, step or None


def _empty(_: values.Style, __: dict[str, Any]) -> str:
    return ""


def _layout(chosen: Parsed) -> sheet.Layout:
    columns = sheet.parse_columns(",".join(chosen.all("format")) or DEFAULT)
    if "parsable" not in chosen.chosen and "parsable2" not in chosen.chosen:
        return sheet.Layout(columns, None, ending=False)
    return sheet.Layout(columns, "|", ending="parsable" in chosen.chosen)
