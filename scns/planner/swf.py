"""工作负载的标准格式 SWF：每行一个作业，十八列。

来源：Parallel Workloads Archive, “The Standard Workload Format”, 2.2 版。-1 是不知道。
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scns.errors import InvalidInput

#: 只读前 15 列，余下的（分区、前一个作业、思考时间）用不到。
_FEWEST = 15


class InvalidTrace(InvalidInput):
    """不是一份 SWF；句子里有行号。"""


@dataclass(slots=True)
class Trace:
    """一个作业的记录。

    参数：
        submit：从负载开始算起的秒数
        run：实际运行的秒数
        limit：用户请求的时限，秒；None 不知道
        memory：每个处理器的内存，MiB；None 不知道
    """

    job_id: int
    submit: int
    run: int
    cpus: int
    limit: int | None = None
    memory: int | None = None
    uid: int = 0
    group: int = 0
    queue: int = 0


@dataclass(slots=True)
class Workload:
    """一份负载，按提交时刻排好。

    参数：
        cpus：头部说的处理器数；头部没说时，是最大的作业那么多
        skipped：没有运行时间或处理器数、因而略去的行数
    """

    jobs: list[Trace]
    cpus: int
    header: dict[str, str] = field(default_factory=dict)
    skipped: int = 0


def read(lines: Iterable[str]) -> Workload:
    """读一份 SWF；一行行地读，只留下作业。

    没有运行过（运行时间不是正数）或不知道处理器数的作业略去；请求的处理器数优先于实际的。

    异常：
        InvalidTrace：有一行不是数，或列数不够
    """
    header: dict[str, str] = {}
    jobs: list[Trace] = []
    skipped = 0
    ordered = True
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith(";"):
            name, colon, value = text[1:].partition(":")
            if colon:
                header.setdefault(name.strip(), value.strip())
        elif text:
            job = _job(text.split(), number)
            skipped += job is None
            if job is not None:
                ordered = ordered and (not jobs or _order(jobs[-1]) <= _order(job))
                jobs.append(job)
    if not ordered:
        # 绝大多数负载本来有序：排序要为每个作业另建一个键，一百万个就是一百兆
        jobs.sort(key=_order)
    widest = max((job.cpus for job in jobs), default=1)
    stated = max(_number(header.get("MaxProcs", "")), _number(header.get("MaxNodes", "")))
    return Workload(jobs, max(stated, widest), header, skipped)


def write(workload: Workload) -> Iterator[str]:
    """写成 SWF 的各行，带换行；读回来是同一份负载。"""
    header = workload.header | {"MaxProcs": f"{workload.cpus}"}
    yield from (f"; {name}: {value}\n" for name, value in header.items())
    for job in workload.jobs:
        limit = -1 if job.limit is None else job.limit
        memory = -1 if job.memory is None else job.memory * 1024
        yield (
            f"{job.job_id} {job.submit} -1 {job.run} {job.cpus} -1 -1 {job.cpus} {limit} {memory} 1"
            f" {job.uid} {job.group} -1 {job.queue} -1 -1 -1\n"
        )


def _order(job: Trace) -> tuple[int, int]:
    return job.submit, job.job_id


def _job(columns: list[str], number: int) -> Trace | None:
    if len(columns) < _FEWEST:
        raise InvalidTrace(f"line {number}: {len(columns)} columns, {_FEWEST} expected")
    values = _integers(columns[:_FEWEST], number)
    job_id, submit, _, run, used, _, _, wanted, limit, memory, _, uid, group, _, queue = values
    cpus = wanted if wanted > 0 else used
    if run <= 0 or cpus <= 0 or submit < 0:
        return None
    return Trace(
        job_id,
        submit,
        run,
        cpus,
        limit if limit > 0 else None,
        # SWF 里是 KB
        -(-memory // 1024) if memory > 0 else None,
        max(uid, 0),
        max(group, 0),
        max(queue, 0),
    )


def _integers(columns: list[str], number: int) -> list[int]:
    try:
        return list(map(int, columns))
    except ValueError:
        # 有的负载带小数，舍去
        try:
            return [int(float(column)) for column in columns]
        except (ValueError, OverflowError):
            raise InvalidTrace(f"line {number}: not a number") from None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
