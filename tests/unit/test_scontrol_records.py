"""scontrol show node、partition、step 的版面；样子取自 golden/scontrol.toml 与 sinfo.toml。"""

from __future__ import annotations

import time

import pytest

from scns.cli.scontrol.show_license import _counts
from scns.cli.scontrol.show_node import format_node, state
from scns.cli.scontrol.show_partition import format_partition
from scns.cli.scontrol.show_step import format_step

NINE = 1770022800  # 2026-02-02T09:00:00Z

#: 一个空闲的节点。
NODE = {
    "name": "n1",
    "cpus": 8,
    "sockets": 2,
    "cores_per_socket": 4,
    "threads_per_core": 1,
    "memory": 16000,
    "tmp_disk": 0,
    "weight": 1,
    "address": "10.0.0.1",
    "cpus_alloc": 0,
    "memory_alloc": 0,
    "drain": False,
    "down": False,
    "silent": False,
    "completing": False,
    "reason": None,
    "reason_uid": None,
    "reason_time": None,
    "cpu_load": 125,
    "free_memory": 9000,
    "architecture": "x86_64",
    "operating_system": "Linux 6.1",
    "version": "0.1.0",
    "features": "",
    "partitions": "main,short",
    "gres": None,
    "gres_used": None,
    "boot_time": NINE - 86400,
    "daemon_start": NINE - 3600,
    "last_busy": NINE,
}

#: 一个没有限制的默认分区。
PARTITION = {
    "name": "main",
    "is_default": True,
    "state": "UP",
    "max_time": None,
    "default_time": None,
    "min_nodes": 0,
    "max_nodes": None,
    "max_cpus_per_node": None,
    "default_memory_per_cpu": None,
    "default_memory_per_node": None,
    "max_memory_per_cpu": None,
    "max_memory_per_node": None,
    "priority_tier": 1,
    "priority_job_factor": 1,
    "nodes": "n1,n2,n3",
    "allow_groups": None,
    "allow_accounts": None,
    "deny_accounts": None,
    "disable_root_jobs": False,
    "exclusive_user": False,
    "hidden": False,
    "root_only": False,
    "oversubscribe": None,
    "over_time_limit": None,
    "total_cpus": 24,
    "total_memory": 48000,
    "total_nodes": 3,
}

#: 两个节点上的一个步。
STEP = {
    "job_id": 42,
    "step_id": 0,
    "array_job_id": None,
    "array_task_id": None,
    "uid": 0,
    "start_time": NINE,
    "time_limit": 600,
    "state": "RUNNING",
    "partition": "main",
    "node_list": "n[1-2]",
    "cpus": 4,
    "tasks": 2,
    "name": "sleep",
    "submit_host": "login",
}


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def line(text, start):
    """以 `start` 开头的那一行，去掉缩进。"""
    [found] = [row.strip() for row in text.split("\n") if row.strip().startswith(start)]
    return found


def test_idle_node():
    assert format_node(NODE) == (
        "NodeName=n1 Arch=x86_64 CoresPerSocket=4 \n"
        "   CPUAlloc=0 CPUEfctv=8 CPUTot=8 CPULoad=1.25\n"
        "   AvailableFeatures=(null)\n"
        "   ActiveFeatures=(null)\n"
        "   Gres=(null)\n"
        "   NodeAddr=10.0.0.1 NodeHostName=n1 Version=0.1.0\n"
        "   OS=Linux 6.1 \n"
        "   RealMemory=16000 AllocMem=0 FreeMem=9000 Sockets=2 Boards=1\n"
        "   State=IDLE ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A\n"
        "   Partitions=main,short \n"
        "   BootTime=2026-02-01T09:00:00 SlurmdStartTime=2026-02-02T08:00:00\n"
        "   LastBusyTime=2026-02-02T09:00:00\n"
        "   CfgTRES=cpu=8,mem=16000M,billing=8\n"
        "   AllocTRES=\n"
        "   CapWatts=n/a\n"
        "   CurrentWatts=0 AveWatts=0\n"
        "   ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s\n"
        "\n"
    )


def test_node_with_work_generic_resources_and_a_reason():
    node = NODE | {
        "cpus_alloc": 3,
        "memory_alloc": 2048,
        "features": "a,b",
        "gres": "fpga:1,gpu:4",
        "gres_used": "gpu:2",
        "drain": True,
        "reason": "bad disk",
        "reason_uid": 0,
        "reason_time": NINE,
    }
    assert format_node(node) == (
        "NodeName=n1 Arch=x86_64 CoresPerSocket=4 \n"
        "   CPUAlloc=3 CPUEfctv=8 CPUTot=8 CPULoad=1.25\n"
        "   AvailableFeatures=a,b\n"
        "   ActiveFeatures=a,b\n"
        "   Gres=fpga:1,gpu:4\n"
        "   GresUsed=gpu:2\n"
        "   NodeAddr=10.0.0.1 NodeHostName=n1 Version=0.1.0\n"
        "   OS=Linux 6.1 \n"
        "   RealMemory=16000 AllocMem=2048 FreeMem=9000 Sockets=2 Boards=1\n"
        "   State=MIXED+DRAIN ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A\n"
        "   Partitions=main,short \n"
        "   BootTime=2026-02-01T09:00:00 SlurmdStartTime=2026-02-02T08:00:00\n"
        "   LastBusyTime=2026-02-02T09:00:00\n"
        "   CfgTRES=cpu=8,mem=16000M,billing=8,gres/fpga=1,gres/gpu=4\n"
        "   AllocTRES=cpu=3,mem=2G,gres/gpu=2\n"
        "   CapWatts=n/a\n"
        "   CurrentWatts=0 AveWatts=0\n"
        "   ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s\n"
        "   Reason=bad disk [root@2026-02-02T09:00:00]\n"
        "\n"
    )


def test_node_that_never_reported():
    node = NODE | dict.fromkeys(
        "address cpu_load free_memory architecture operating_system version boot_time"
        " daemon_start last_busy".split()
    )
    text = format_node(node | {"partitions": ""})
    assert text.startswith("NodeName=n1 Arch=unknown CoresPerSocket=4 \n")
    assert line(text, "CPUAlloc=").endswith("CPULoad=N/A")
    assert line(text, "NodeAddr=") == "NodeAddr=n1 NodeHostName=n1 Version=unknown"
    assert line(text, "OS=") == "OS=unknown"
    assert "FreeMem=N/A" in text
    assert "Partitions" not in text
    assert line(text, "BootTime=") == "BootTime=None SlurmdStartTime=None"
    assert line(text, "LastBusyTime=") == "LastBusyTime=Unknown"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "IDLE"),
        ({"cpus_alloc": 1}, "MIXED"),
        ({"cpus_alloc": 8}, "ALLOCATED"),
        ({"down": True}, "DOWN"),
        ({"down": True, "silent": True}, "DOWN+NOT_RESPONDING"),
        ({"silent": True}, "IDLE+NOT_RESPONDING"),
        ({"drain": True}, "IDLE+DRAIN"),
        ({"drain": True, "cpus_alloc": 8}, "ALLOCATED+DRAIN"),
        ({"completing": True}, "IDLE+COMPLETING"),
    ],
)
def test_state_of_a_node(changes, expected):
    assert state(NODE | changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reason": "x", "reason_time": None}, ["Reason=x"]),
        (
            {"reason": "x", "reason_uid": 60999, "reason_time": NINE},
            ["Reason=x [60999@2026-02-02T09:00:00]"],
        ),
        (
            {"reason": "x\ny\nz", "reason_uid": 0, "reason_time": NINE},
            ["Reason=x [root@2026-02-02T09:00:00]", "       y", "       z"],
        ),
    ],
)
def test_reason_of_a_node(changes, expected):
    lines = [row.removeprefix("   ") for row in format_node(NODE | changes).split("\n")]
    assert lines[-2 - len(expected) : -2] == expected


def test_node_on_one_line():
    one = format_node(NODE, one_line=True)
    assert one.count("\n") == 1
    assert one.split() == format_node(NODE).split()


def test_partition_without_limits():
    assert format_partition(PARTITION) == (
        "PartitionName=main\n"
        "   AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL\n"
        "   AllocNodes=ALL Default=YES QoS=N/A\n"
        "   DefaultTime=NONE DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO\n"
        "   MaxNodes=UNLIMITED MaxTime=UNLIMITED MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED\n"
        "   Nodes=n[1-3]\n"
        "   PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe=NO\n"
        "   OverTimeLimit=NONE PreemptMode=OFF\n"
        "   State=UP TotalCPUs=24 TotalNodes=3 SelectTypeParameters=NONE\n"
        "   JobDefaults=(null)\n"
        "   DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED\n"
        "   TRES=cpu=24,mem=48000M,node=3,billing=24\n"
        "\n"
    )


def test_partition_with_every_limit():
    partition = PARTITION | {
        "name": "short",
        "is_default": False,
        "state": "DRAIN",
        "max_time": 90000,
        "default_time": 300,
        "min_nodes": 1,
        "max_nodes": 2,
        "max_cpus_per_node": 4,
        "default_memory_per_cpu": 64,
        "max_memory_per_node": 4096,
        "priority_tier": 3,
        "priority_job_factor": 5,
        "nodes": "n1",
        "allow_groups": "staff,wheel",
        "allow_accounts": "a,b",
        "deny_accounts": "c",
        "disable_root_jobs": True,
        "exclusive_user": True,
        "hidden": True,
        "root_only": True,
        "oversubscribe": "FORCE:4",
        "over_time_limit": "5",
        "total_cpus": 8,
        "total_memory": 2048,
        "total_nodes": 1,
    }
    assert format_partition(partition) == (
        "PartitionName=short\n"
        "   AllowGroups=staff,wheel AllowAccounts=a,b AllowQos=ALL\n"
        "   AllocNodes=ALL Default=NO QoS=N/A\n"
        "   DefaultTime=00:05:00 DisableRootJobs=YES ExclusiveUser=YES GraceTime=0 Hidden=YES\n"
        "   MaxNodes=2 MaxTime=1-01:00:00 MinNodes=1 LLN=NO MaxCPUsPerNode=4\n"
        "   Nodes=n1\n"
        "   PriorityJobFactor=5 PriorityTier=3 RootOnly=YES ReqResv=NO OverSubscribe=FORCE:4\n"
        "   OverTimeLimit=5 PreemptMode=OFF\n"
        "   State=DRAIN TotalCPUs=8 TotalNodes=1 SelectTypeParameters=NONE\n"
        "   JobDefaults=(null)\n"
        "   DefMemPerCPU=64 MaxMemPerNode=4096\n"
        "   TRES=cpu=8,mem=2G,node=1,billing=8\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("changes", "start", "expected"),
    [
        ({"deny_accounts": "c"}, "AllowGroups=", "AllowGroups=ALL DenyAccounts=c AllowQos=ALL"),
        ({"nodes": "", "total_nodes": 0}, "Nodes=", "Nodes=(null)"),
        ({"default_memory_per_node": 100}, "DefMem", "DefMemPerNode=100 MaxMemPerNode=UNLIMITED"),
        ({"max_memory_per_cpu": 100}, "DefMem", "DefMemPerNode=UNLIMITED MaxMemPerCPU=100"),
    ],
)
def test_other_faces_of_a_partition(changes, start, expected):
    assert line(format_partition(PARTITION | changes), start) == expected


def test_step():
    assert format_step(STEP) == (
        "StepId=42.0 UserId=0 StartTime=2026-02-02T09:00:00 TimeLimit=00:10:00\n"
        "   State=RUNNING Partition=main NodeList=n[1-2]\n"
        "   Nodes=2 CPUs=4 Tasks=2 Name=sleep Network=(null)\n"
        "   TRES=cpu=4,node=2\n"
        "   ResvPorts=(null)\n"
        "   CPUFreqReq=Default Dist=Cyclic\n"
        "   SrunHost:Pid=login:0\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"step_id": -5}, "StepId=42.batch"),
        ({"step_id": -4}, "StepId=42.extern"),
        ({"step_id": -6}, "StepId=42.interactive"),
        ({"array_job_id": 40, "array_task_id": 2, "step_id": 3}, "StepId=40_2.3"),
    ],
)
def test_name_of_a_step(changes, expected):
    assert format_step(STEP | changes).split()[0] == expected


def test_batch_step_has_no_layout_of_tasks():
    text = format_step(STEP | {"step_id": -5, "time_limit": None, "submit_host": None})
    assert "Dist=Unknown" in text
    assert "TimeLimit=UNLIMITED" in text
    assert "SrunHost:Pid=unknown:0" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("(null)", {}),
        ("matlab", {"matlab": 1}),
        ("matlab:2,ansys:3", {"matlab": 2, "ansys": 3}),
        ("matlab=2;ansys", {"matlab": 2, "ansys": 1}),
        ("a:1,a:2", {"a": 3}),
    ],
)
def test_counts_of_licenses(text, expected):
    assert _counts(text) == expected
