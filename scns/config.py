"""读配置文件：slurm.conf 的文法与词，外加一个自己的键 `Database=`。

没有文件时是一台机器、一个不设限的分区 `main`。来源：slurm.conf(5) 22.05 版。
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scns import hostlist
from scns.conf_grammar import ConfigError, Line, read
from scns.conf_model import (
    DOWN_KEYS,
    KEYS,
    NODE_KEYS,
    NODE_SET_KEYS,
    PARTITION_KEYS,
    Config,
    Key,
    NodeConfig,
    PartitionConfig,
)
from scns.conf_values import BadValue
from scns.errors import InvalidInput

__all__ = ["KEYS", "Config", "ConfigError", "NodeConfig", "PartitionConfig", "load"]

#: 一行里已读好的值，以字段名（没有字段的以键名）索引。
Values = dict[str, Any]

#: 整行都用不着的记录。
_IGNORED_RECORDS = {"frontendname": "FrontendName", "poweraction": "PowerAction"}


def load(
    path: str | None,
    host: str,
    cpus: int,
    memory_mib: int,
    gres: Mapping[str, int] | None = None,
) -> Config:
    """读配置并查过它自己说的话合不合理。

    文件里没有写节点时用这台机器，没有写分区时是 `main`。文件里只有这台机器一个节点时，
    没有写的 CPUs 与 RealMemory 用实测的；其余情况与 Slurm 相同，是 1。Gres 只在没有写节点时用
    找到的。

    参数：
        path：配置文件；None 表示没有
        host：本机的短名
        cpus、memory_mib、gres：本机实有的；gres 为 None 是没有
    异常：
        ConfigError：文件读不了或不合语法，有不认得的键，值不对，或自相矛盾
    """
    own = NodeConfig(
        name=host, address=host, cpus=cpus, sockets=cpus, memory=memory_mib, gres=gres or {}
    )
    draft = _Draft()
    for line in [] if path is None else read(path):
        draft.take(line)
    nodes = draft.finished_nodes(own)
    draft.check_memory()
    return Config(
        nodes=nodes,
        partitions=draft.finished_partitions(nodes),
        ignored=tuple(draft.ignored),
        others=draft.others,
        **draft.values,
    )


class _Draft:
    """读到一半的配置；分区要等节点都齐了才拼得起来。"""

    def __init__(self) -> None:
        self.values: Values = {}
        self.others: dict[str, str] = {}
        self.ignored: list[tuple[str, str, int]] = []
        self._lines: dict[str, Line] = {}  # 全局字段 → 写着它的行
        self._nodes: dict[str, tuple[NodeConfig, Values]] = {}
        self._node_defaults: Values = {}
        self._partitions: dict[str, tuple[Line, Values]] = {}
        self._partition_defaults: Values = {}
        self._node_sets: dict[str, tuple[Line, Values]] = {}
        self._down: list[tuple[Line, str, Values]] = []

    # 一行一行地收

    def take(self, line: Line) -> None:
        """收下一行；第一个键说它是哪种记录。"""
        record, name = line.pairs[0]
        match record.lower():
            case "nodename":
                self._take_nodes(line, name)
            case "partitionname":
                self._take_partition(line, name)
            case "nodeset":
                self._node_sets[name] = line, self._read(line, NODE_SET_KEYS)
            case "downnodes":
                self._down.append((line, name, {"state": "DOWN"} | self._read(line, DOWN_KEYS)))
            case other if other in _IGNORED_RECORDS:
                self._ignore(line, _IGNORED_RECORDS[other])
            case _:
                self._take_parameter(line)

    def _take_parameter(self, line: Line) -> None:
        """全局的键；重复时后一个算数，SlurmctldHost 则是各行合起来。"""
        if len(line.pairs) > 1:
            name, value = line.pairs[1]
            raise line.error(
                f'one parameter a line, found "{name}={value}" too; quote a value with blanks'
            )
        name, text = line.pairs[0]
        key = _find(line, name, KEYS)
        if key.field is None:
            self._ignore(line, key.name)
            self.others[key.name] = text
            return
        value = _value(line, key, text)
        if key.field == "slurmctld_host":
            value = self.values.get(key.field, ()) + value
        self.values[key.field] = value
        self._lines[key.field] = line

    def _read(self, line: Line, keys: dict[str, Key]) -> Values:
        """记录里第一个键之外的值。"""
        values: Values = {}
        for name, text in line.pairs[1:]:
            key = _find(line, name, keys)
            if not key.used:
                self._ignore(line, key.name)
            elif (key.field or key.name) in values:
                raise line.error(f'"{name}" is given twice')
            else:
                values[key.field or key.name] = _value(line, key, text)
        return values

    def _ignore(self, line: Line, key: str) -> None:
        self.ignored.append((key, line.path, line.number))

    # 节点

    def _take_nodes(self, line: Line, text: str) -> None:
        values = self._read(line, NODE_KEYS)
        if text.upper() == "DEFAULT":
            if "address" in values:
                raise line.error("NodeAddr is not allowed with NodeName=DEFAULT")
            self._node_defaults |= values
            return
        if text.upper() == "ALL":
            raise line.error('"ALL" cannot be the name of a node')
        values = _with_topology(line, self._node_defaults | values)
        names = _expand(line, text)
        addresses = _expand(line, values.pop("address", text))
        if len(addresses) != len(names):
            raise line.error(f"{len(names)} nodes but {len(addresses)} addresses")
        for name, address in zip(names, addresses, strict=True):
            if name in self._nodes:
                raise line.error(f'node "{name}" is defined twice')
            self._nodes[name] = NodeConfig(name=name, address=address, **values), values

    def finished_nodes(self, own: NodeConfig) -> tuple[NodeConfig, ...]:
        """全部节点；`own` 是这台机器实测的样子。"""
        if not self._nodes:
            self._nodes[own.name] = own, {}
        found = {name: node for name, (node, _) in self._nodes.items()}
        if list(found) == [own.name]:
            found[own.name] = _measured(*self._nodes[own.name], own)
        for line, text, values in self._down:
            for name in _expand(line, text):
                if name not in found:
                    raise line.error(f'DownNodes names unknown node "{name}"')
                found[name] = replace(found[name], **values)
        return tuple(found.values())

    # 分区

    def _take_partition(self, line: Line, name: str) -> None:
        values = self._read(line, PARTITION_KEYS)
        priority = values.pop("Priority", None)
        if priority is not None:
            values = {"priority_tier": priority, "priority_job_factor": priority} | values
        if name.upper() == "DEFAULT":
            self._partition_defaults |= values
            return
        if not name or "," in name or name.split() != [name]:
            raise line.error(f'"{name}" cannot be the name of a partition')
        if name in self._partitions:
            raise line.error(f'partition "{name}" is defined twice')
        self._partitions[name] = line, self._partition_defaults | values

    def finished_partitions(self, nodes: tuple[NodeConfig, ...]) -> tuple[PartitionConfig, ...]:
        """全部分区，节点的名字已经展开。"""
        if not self._partitions:
            everything = tuple(node.name for node in nodes)
            return (PartitionConfig(name="main", nodes=everything, is_default=True),)
        known = {node.name: node for node in nodes}
        found: list[PartitionConfig] = []
        default = None
        for name, (line, values) in self._partitions.items():
            text = values.pop("Nodes", "")
            members = self._members(line, f'partition "{name}"', text, known)
            partition = PartitionConfig(name=name, nodes=members, **values)
            _check_partition(line, partition)
            if partition.is_default:
                if default is not None:
                    raise line.error(f'partitions "{default}" and "{name}" are both the default')
                default = name
            found.append(partition)
        return tuple(found)

    def _members(
        self, line: Line, who: str, text: str, known: dict[str, NodeConfig]
    ) -> tuple[str, ...]:
        """节点名单到节点；`ALL` 是全部，也可以指名 NodeSet。"""
        members: dict[str, None] = {}
        for name in _expand(line, text) if text else []:
            if name.upper() == "ALL":
                members |= dict.fromkeys(known)
            elif name in self._node_sets:
                members |= dict.fromkeys(self._node_set(name, known))
            elif name in known:
                members[name] = None
            else:
                raise line.error(f'{who} names unknown node "{name}"')
        if not members:
            raise line.error(f"{who} has no nodes")
        return tuple(members)

    def _node_set(self, name: str, known: dict[str, NodeConfig]) -> list[str]:
        line, values = self._node_sets[name]
        features = set(values.get("Feature", ()))
        members = [node.name for node in known.values() if features.intersection(node.features)]
        for node in _expand(line, values["Nodes"]) if values.get("Nodes") else []:
            if node not in known:
                raise line.error(f'node set "{name}" names unknown node "{node}"')
            members.append(node)
        return members

    # 全局

    def check_memory(self) -> None:
        """DefMemPerCPU 与 DefMemPerNode 只能有一个。"""
        if {"default_memory_per_cpu", "default_memory_per_node"} <= self.values.keys():
            line = self._lines["default_memory_per_node"]
            raise line.error("DefMemPerCPU and DefMemPerNode are mutually exclusive")


def _find(line: Line, name: str, keys: dict[str, Key]) -> Key:
    key = keys.get(name.lower())
    if key is None:
        from difflib import get_close_matches

        close = get_close_matches(name.lower(), keys, 1, 0.75)
        hint = f'; did you mean "{keys[close[0]].name}"?' if close else ""
        raise line.error(f'unknown key "{name}"{hint}')
    return key


def _value(line: Line, key: Key, text: str) -> Any:
    try:
        return text if key.kind is None else key.kind.parse(text)
    except BadValue as error:
        raise line.error(f"{key.name}={text}: {error.message}") from None


def _expand(line: Line, text: str) -> list[str]:
    try:
        names = hostlist.expand(text)
    except InvalidInput as error:
        raise line.error(error.message) from None
    if not names:
        raise line.error("no node names")
    return names


def _with_topology(line: Line, values: Values) -> Values:
    """补齐 CPU 数与插座数；写了两样而对不上的是错误。"""
    values = dict(values)
    boards = values.pop("Boards", 1)
    per_board = values.pop("SocketsPerBoard", None)
    if per_board is not None:
        values.setdefault("sockets", boards * per_board)
    per_socket = values.get("cores_per_socket", 1) * values.get("threads_per_core", 1)
    cpus = values.get("cpus")
    if "sockets" not in values and cpus is not None:
        values["sockets"] = max(cpus // per_socket, 1)
    total = values.get("sockets", 1) * per_socket
    if cpus is None:
        if values.keys() & {"sockets", "cores_per_socket", "threads_per_core"}:
            values["cpus"] = total
    elif cpus not in (total, total // values.get("threads_per_core", 1)):
        raise line.error(f"CPUs={cpus} does not match {total} = Sockets * Cores * Threads")
    return values


def _measured(node: NodeConfig, given: Values, own: NodeConfig) -> NodeConfig:
    """没有写的 CPU 数与内存用实测的。"""
    if "cpus" not in given:
        node = replace(node, cpus=own.cpus, sockets=own.sockets)
    return node if "memory" in given else replace(node, memory=own.memory)


def _check_partition(line: Line, partition: PartitionConfig) -> None:
    """一个分区自己的各个限度合不合理。"""
    about = f'partition "{partition.name}": '
    pairs = (
        ("DefaultTime", partition.default_time, "MaxTime", partition.max_time),
        ("MinNodes", partition.min_nodes, "MaxNodes", partition.max_nodes),
        (
            "DefMemPerCPU",
            partition.default_memory_per_cpu,
            "MaxMemPerCPU",
            partition.max_memory_per_cpu,
        ),
        (
            "DefMemPerNode",
            partition.default_memory_per_node,
            "MaxMemPerNode",
            partition.max_memory_per_node,
        ),
    )
    for low_name, low, high_name, high in pairs:
        if low is not None and high is not None and low > high:
            raise line.error(f"{about}{low_name} is above {high_name}")
    if partition.default_memory_per_cpu and partition.default_memory_per_node:
        raise line.error(f"{about}DefMemPerCPU and DefMemPerNode are mutually exclusive")
