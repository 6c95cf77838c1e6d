"""GPU 的编号：一个节点上哪几块给哪个作业，作业从哪些变量知道是哪几块。

编号从 0 起，与驱动的次序相同；几种型号的，按型号的名字排，各占一段。
来源：gres.conf(5)，sbatch(1) “OUTPUT ENVIRONMENT VARIABLES”，gpu 插件 22.05 版。
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

#: 各家运行库靠它们知道能用哪几块 GPU。
VISIBLE = (
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
)


def is_gpu(kind: str) -> bool:
    """`gpu` 与 `gpu:a100` 是 GPU，别的通用资源没有编号。"""
    return kind == "gpu" or kind.startswith("gpu:")


def numbered(gres: Mapping[str, int]) -> dict[str, range]:
    """节点的各种 GPU 各占哪一段编号。

    参数：
        gres：节点的通用资源，例如 `{"gpu:a100": 4}`
    """
    found = {}
    first = 0
    for kind in sorted(filter(is_gpu, gres)):
        found[kind] = range(first, first + gres[kind])
        first += gres[kind]
    return found


def pick(
    wanted: Mapping[str, int], gres: Mapping[str, int], used: Collection[int]
) -> list[int] | None:
    """为作业挑几块空着的 GPU，编号小的在先。

    参数：
        wanted：作业在这个节点上要的通用资源，型号已经定下
        gres：节点的通用资源
        used：别的作业占着的编号

    返回：
        升序的编号，没有要 GPU 时为空；不够时为 None
    """
    numbers = numbered(gres)
    picked: list[int] = []
    for kind in filter(is_gpu, wanted):
        idle = [one for one in numbers.get(kind, ()) if one not in used]
        if len(idle) < wanted[kind]:
            return None
        picked += idle[: wanted[kind]]
    return sorted(picked)


def variables(ids: Iterable[int], *, step: bool = False) -> dict[str, str | None]:
    """作业或作业步里与 GPU 有关的变量；值为 None 的要从环境里去掉。

    一块也没有分到的去掉这些变量：提交时的环境里可能有，说的是别处的 GPU。
    """
    listed: str | None = ",".join(map(str, ids)) or None
    own = "SLURM_STEP_GPUS" if step else "SLURM_JOB_GPUS"
    count = None if listed is None else str(listed.count(",") + 1)
    return {own: listed, "SLURM_GPUS_ON_NODE": count} | dict.fromkeys(VISIBLE, listed)


def detect(root: str = "/") -> dict[str, int]:
    """这台机器的 GPU：种类到个数，例如 `{"gpu:nvidia_a100-sxm4-40gb": 4}`；没有时为空。

    NVIDIA 的由驱动在 /proc 里列出，型号照 `AutoDetect=nvml` 的写法；AMD 的是 /sys 里 kfd 拓扑中
    有计算单元的节点，不分型号。不启动 nvidia-smi：它要一秒，驱动没有装好时还会挂起。
    来源：gres.conf(5) “AutoDetect”。

    参数：
        root：/proc 与 /sys 所在的目录，测试用
    """
    models = [f"gpu:{name}" for name in _nvidia(os.path.join(root, "proc/driver/nvidia/gpus"))]
    models += ["gpu:amd"] * _amd(os.path.join(root, "sys/class/kfd/kfd/topology/nodes"))
    return {kind: models.count(kind) for kind in sorted(set(models))}


def _nvidia(directory: str) -> list[str]:
    """各块 NVIDIA GPU 的型号。"""
    found = []
    for name in _entries(directory):
        for line in _lines(os.path.join(directory, name, "information")):
            label, colon, value = line.partition(":")
            if colon and label.strip() == "Model":
                found.append("_".join(value.lower().split()) or "nvidia")
    return found


def _amd(directory: str) -> int:
    """有计算单元的节点有几个；CPU 也是节点，它的 simd_count 是 0。"""
    return sum(
        any(
            line.startswith("simd_count ") and line.split()[1] != "0"
            for line in _lines(os.path.join(directory, name, "properties"))
        )
        for name in _entries(directory)
    )


def _entries(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as found:
            return sorted(entry.name for entry in found)
    except OSError:
        return []


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().splitlines()
    except OSError:
        return []
