"""sinfo --json 的一条记录：键、次序与类型照 22.05 版的 openapi/v0.0.38。

时刻是 epoch 秒，没有的是 0；内存是 MiB；没有的文本是空的。
"""

from __future__ import annotations

import json

from scns import nodestate
from scns.cli.dump import Json, Yaml
from scns.cli.fields.nodes import user_name
from scns.cli.sinfo.read import read_nodes
from scns.sizes import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from scns.cli.sinfo.model import Node

#: 不知道的负载，Slurm 的 NO_VAL；空闲内存不知道是 -2。
_NO_LOAD, _NO_MEMORY = 4_294_967_294, -2


def dump(connection: Any, write: Callable[[bytes], Any], *, yaml: bool) -> None:
    """写出全部节点；筛选与排版的选项不起作用，与 Slurm 相同。"""
    output = (Yaml if yaml else Json)("nodes", write)
    output.begin()
    for node in sorted(read_nodes(connection), key=lambda node: str(node.name)):
        output.record(json.dumps(record(node)).encode())
    output.end()


def record(node: Node) -> dict[str, Any]:
    """一个节点的记录。"""
    return {
        "architecture": node.architecture or "",
        "burstbuffer_network_address": "",
        "boards": 1,
        "boot_time": node.boot_time or 0,
        "comment": "",
        "cores": node.cores_per_socket,
        "cpu_binding": 0,
        "cpu_load": _NO_LOAD if node.cpu_load is None else node.cpu_load,
        "extra": "",
        "free_memory": _NO_MEMORY if node.free_memory is None else node.free_memory,
        "cpus": node.cpus,
        "last_busy": node.last_busy or 0,
        "features": node.features,
        "active_features": node.features,
        "gres": node.gres or "",
        "gres_drained": "N/A",
        "gres_used": node.gres_used or "",
        "mcs_label": "",
        "name": node.name,
        "next_state_after_reboot": "invalid",
        "address": node.address,
        "hostname": node.name,
        "state": node.base.lower(),
        "state_flags": nodestate.flags(**node.flags),
        "next_state_after_reboot_flags": [],
        "operating_system": node.operating_system or "",
        "owner": None,
        "partitions": node.partitions or [],
        "port": 0,
        "real_memory": node.memory,
        "reason": node.reason or "",
        "reason_changed_at": node.reason_time or 0,
        "reason_set_by_user": None if node.reason_uid is None else user_name(node.reason_uid),
        "slurmd_start_time": node.daemon_start or 0,
        "sockets": node.sockets,
        "threads": node.threads_per_core,
        "temporary_disk": node.tmp_disk,
        "weight": node.weight,
        "tres": f"cpu={node.cpus},mem={format_size(node.memory)},billing={node.cpus}",
        "slurmd_version": node.version or "",
        "alloc_memory": node.memory_alloc,
        "alloc_cpus": node.cpus_alloc,
        "idle_cpus": node.cpus - node.cpus_alloc,
        "tres_used": _used(node),
        "tres_weighted": float(node.cpus_alloc),
    }


def _used(node: Node) -> str | None:
    if not node.cpus_alloc and not node.memory_alloc:
        return None
    memory = f",mem={format_size(node.memory_alloc)}" if node.memory_alloc else ""
    return f"cpu={node.cpus_alloc}{memory}"
