"""通用资源的名单：`--gres`、`--gpus` 一类选项怎样写，合成每个节点要多少。

来源：sbatch(1) `--gres`、`--gpus`、`--gpus-per-node`、`--gpus-per-task`。
"""

from __future__ import annotations

from scns.errors import InvalidInput
from scns.sizes import MAX_COUNT


class InvalidGres(InvalidInput):
    """名单不合语法；句子与没有这种资源时相同。"""

    def __init__(self) -> None:
        super().__init__("Invalid generic resource (gres) specification")


def parse_gres(text: str) -> dict[str, int]:
    """把名单换成 `NAME[:TYPE]` 到个数；没有写个数是 1，`none` 是空。

    个数可以带 k（1024）或 m（1024²）；同一种写了几次就相加，0 是不要。

    异常：
        InvalidGres：不合语法
    """
    counts: dict[str, int] = {}
    if text.lower() == "none":
        return counts
    for item in text.split(","):
        parts = item.removeprefix("gres:").split(":")
        amount = _scaled(parts[-1])
        if amount is not None:
            parts.pop()
        if not 0 < len(parts) <= 2 or not all(parts):
            raise InvalidGres
        name = ":".join(parts)
        if amount != 0:
            counts[name] = counts.get(name, 0) + (amount or 1)
    return counts


def parse_gpus(text: str) -> dict[str, int]:
    """把 `--gpus` 一类选项的 `[TYPE:]N,..` 换成 `gpu[:TYPE]` 到个数。

    异常：
        InvalidGres：不合语法
    """
    return parse_gres(",".join(f"gpu:{item}" for item in text.split(",")))


def format_gres(counts: dict[str, int]) -> str:
    """写回规范的名单 `NAME[:TYPE]:N,..`。"""
    return ",".join(f"{name}:{count}" for name, count in counts.items())


def per_node(
    gres: dict[str, int],
    job: dict[str, int],
    node: dict[str, int],
    task: dict[str, int],
    *,
    nodes: int,
    tasks_per_node: int,
) -> dict[str, int]:
    """合成每个节点要的通用资源。

    整个作业的个数摊到最少的节点数上，除不尽向上取；每个任务的个数乘以每个节点的任务数。
    几种写法说的是同一种资源时取最大的，`--gres` 里的也一样。

    参数：
        gres、job、node、task：`--gres`、`--gpus`、`--gpus-per-node`、`--gpus-per-task`
        nodes：至少几个节点
        tasks_per_node：一个节点上有几个任务
    """
    wanted = dict(gres)
    shares = (
        {name: -(-count // nodes) for name, count in job.items()},
        node,
        {name: min(count * tasks_per_node, MAX_COUNT) for name, count in task.items()},
    )
    for share in shares:
        for name, count in share.items():
            wanted[name] = max(wanted.get(name, 0), count)
    return wanted


def _scaled(text: str) -> int | None:
    """带 k、m 的个数；不是数字时是 None。"""
    digits = text.rstrip("kKmM")
    scale = {"": 1, "k": 1024, "m": 1024**2}.get(text[len(digits) :].lower())
    if scale is None or not (digits.isascii() and digits.isdigit() and len(digits) < 11):
        return None
    return min(int(digits) * scale, MAX_COUNT)
