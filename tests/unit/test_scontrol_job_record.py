"""scontrol show job 的版面：各种作业的每一行；样子取自 golden/scontrol.toml。"""

from __future__ import annotations

import time

import pytest

from scns.cli.scontrol.job_lines import format_job

NINE = 1770022800  # 2026-02-02T09:00:00Z
HOUR = 3600

#: 一个什么也没有要求、刚提交的作业。
PLAIN = {
    **dict.fromkeys(
        "array_job_id array_task_id array_limit ranges hold exit_code exit_signal derived_code"
        " time_limit time_min dependency required_nodes exclude nodes batch_host nodes_max"
        " nodes_alloc cpus_alloc memory_alloc tasks_per_node mincpus memory_per_node exclusive"
        " licenses gres comment standard_input standard_output standard_error arguments"
        " kill_on_invalid_dep eligible_time begin_time start_time end_time limit_time"
        " expected_start suspend_time deadline cores_per_socket threads_per_core"
        " tasks_per_socket tasks_per_core core_spec thread_spec sockets_per_node tmp features"
        " delay_boot prefer reservation oversubscribe contiguous network switches burst_buffer"
        " cpus_per_gpu memory_per_gpu gpus gpus_per_node gpus_per_socket gpus_per_task"
        " tasks_per_gpu option_gres mail_user mail_type largest_memory".split()
    ),
    "id": 42,
    "name": "nm",
    "owner": "root",
    "uid": 0,
    "gid": 0,
    "group_name": "root",
    "priority": 4294901759,
    "nice": 0,
    "account": "root",
    "qos": "normal",
    "state": "PENDING",
    "reason": "None",
    "requeue": True,
    "restarts": 0,
    "batch": True,
    "run_time": 0,
    "partition": "main",
    "submit_host": "login",
    "submit_time": NINE,
    "suspended_seconds": 0,
    "nodes_min": 1,
    "cpus": 1,
    "tasks": 1,
    "cpus_per_task": 1,
    "memory_per_cpu": 64,
    "command": "/w/job.sh",
    "directory": "/w",
}

#: 在两个节点上运行着的作业。
RUNNING = PLAIN | {
    "state": "RUNNING",
    "run_time": 65,
    "time_limit": 2 * HOUR,
    "eligible_time": NINE,
    "start_time": NINE + 60,
    "limit_time": NINE + 60 + 2 * HOUR,
    "nodes": "n[1-2]",
    "batch_host": "n1",
    "nodes_min": 2,
    "nodes_alloc": 2,
    "cpus": 4,
    "cpus_alloc": 4,
    "memory_alloc": 256,
    "tasks": 4,
}


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def lines_of(job, *arguments, **options):
    """各行，去掉缩进。"""
    return [line.removeprefix("   ") for line in format_job(job, *arguments, **options).split("\n")]


def line(job, start):
    """以 `start` 开头的那一行。"""
    [found] = [text for text in lines_of(job) if text.startswith(start)]
    return found


def test_pending_job():
    assert format_job(PLAIN) == (
        "JobId=42 JobName=nm\n"
        "   UserId=root(0) GroupId=root(0) MCS_label=N/A\n"
        "   Priority=4294901759 Nice=0 Account=root QOS=normal\n"
        "   JobState=PENDING Reason=None Dependency=(null)\n"
        "   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0\n"
        "   RunTime=00:00:00 TimeLimit=UNLIMITED TimeMin=N/A\n"
        "   SubmitTime=2026-02-02T09:00:00 EligibleTime=Unknown\n"
        "   AccrueTime=Unknown\n"
        "   StartTime=Unknown EndTime=Unknown Deadline=N/A\n"
        "   SuspendTime=None SecsPreSuspend=0 LastSchedEval=Unknown Scheduler=Main\n"
        "   Partition=main AllocNode:Sid=login:0\n"
        "   ReqNodeList=(null) ExcNodeList=(null)\n"
        "   NodeList=\n"
        "   NumNodes=1 NumCPUs=1 NumTasks=1 CPUs/Task=1 ReqB:S:C:T=0:0:*:*\n"
        "   TRES=cpu=1,mem=64M,node=1,billing=1\n"
        "   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*\n"
        "   MinCPUsNode=1 MinMemoryCPU=64M MinTmpDiskNode=0\n"
        "   Features=(null) DelayBoot=00:00:00\n"
        "   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)\n"
        "   Command=/w/job.sh\n"
        "   WorkDir=/w\n"
        "   StdErr=/w/slurm-42.out\n"
        "   StdIn=/dev/null\n"
        "   StdOut=/w/slurm-42.out\n"
        "   Power=\n"
        "   \n"
        "\n"
    )


def test_running_job():
    assert format_job(RUNNING) == (
        "JobId=42 JobName=nm\n"
        "   UserId=root(0) GroupId=root(0) MCS_label=N/A\n"
        "   Priority=4294901759 Nice=0 Account=root QOS=normal\n"
        "   JobState=RUNNING Reason=None Dependency=(null)\n"
        "   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0\n"
        "   RunTime=00:01:05 TimeLimit=02:00:00 TimeMin=N/A\n"
        "   SubmitTime=2026-02-02T09:00:00 EligibleTime=2026-02-02T09:00:00\n"
        "   AccrueTime=2026-02-02T09:00:00\n"
        "   StartTime=2026-02-02T09:01:00 EndTime=2026-02-02T11:01:00 Deadline=N/A\n"
        "   SuspendTime=None SecsPreSuspend=0 LastSchedEval=2026-02-02T09:01:00 Scheduler=Main\n"
        "   Partition=main AllocNode:Sid=login:0\n"
        "   ReqNodeList=(null) ExcNodeList=(null)\n"
        "   NodeList=n[1-2]\n"
        "   BatchHost=n1\n"
        "   NumNodes=2 NumCPUs=4 NumTasks=4 CPUs/Task=1 ReqB:S:C:T=0:0:*:*\n"
        "   TRES=cpu=4,mem=256M,node=2,billing=4\n"
        "   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*\n"
        "   MinCPUsNode=1 MinMemoryCPU=64M MinTmpDiskNode=0\n"
        "   Features=(null) DelayBoot=00:00:00\n"
        "   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)\n"
        "   Command=/w/job.sh\n"
        "   WorkDir=/w\n"
        "   StdErr=/w/slurm-42.out\n"
        "   StdIn=/dev/null\n"
        "   StdOut=/w/slurm-42.out\n"
        "   Power=\n"
        "   \n"
        "\n"
    )


def test_one_line_keeps_the_words_and_their_order():
    one = format_job(RUNNING, one_line=True)
    assert one.count("\n") == 1
    assert one.split() == format_job(RUNNING).split()
    assert one.endswith(" Power= \n")


def test_interactive_job_has_no_files():
    job = RUNNING | {"batch": False, "command": None}
    text = format_job(job)
    assert "StdOut" not in text
    assert "StdIn" not in text
    assert "BatchFlag=0" in text
    assert line(job, "Command=") == "Command=(null)"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"id": 43, "array_job_id": 42, "array_task_id": 7},
            "JobId=43 ArrayJobId=42 ArrayTaskId=7",
        ),
        (
            {"array_job_id": 42, "ranges": [(0, 5), (7, 8)]},
            "JobId=42 ArrayJobId=42 ArrayTaskId=0-4,7",
        ),
        (
            {"array_job_id": 42, "ranges": [(1, 4)], "array_limit": 2},
            "JobId=42 ArrayJobId=42 ArrayTaskId=1-3%2 ArrayTaskThrottle=2",
        ),
        (
            {"array_job_id": 42, "ranges": [(n, n + 1) for n in range(0, 100, 3)]},
            "JobId=42 ArrayJobId=42 ArrayTaskId=0-99:3",
        ),
    ],
)
def test_first_line_says_which_part_of_an_array(changes, expected):
    assert lines_of(PLAIN | changes)[0] == f"{expected} JobName=nm"


def test_element_has_its_own_files():
    job = PLAIN | {"id": 43, "array_job_id": 42, "array_task_id": 7}
    assert line(job, "StdOut=") == "StdOut=/w/slurm-42_7.out"
    named = job | {"standard_output": "%x-%A.%a", "standard_error": "/e/%j", "standard_input": "in"}
    assert line(named, "StdOut=") == "StdOut=/w/nm-42.7"
    assert line(named, "StdErr=") == "StdErr=/e/43"
    assert line(named, "StdIn=") == "StdIn=/w/in"


def test_error_goes_where_the_output_goes():
    job = PLAIN | {"standard_output": "out"}
    assert line(job, "StdErr=") == "StdErr=/w/out"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # 预计何时启动，加上时限
        (
            {"expected_start": NINE + HOUR, "time_limit": HOUR},
            "StartTime=2026-02-02T10:00:00 EndTime=2026-02-02T11:00:00 Deadline=N/A",
        ),
        (
            {"expected_start": NINE + HOUR},
            "StartTime=2026-02-02T10:00:00 EndTime=Unknown Deadline=N/A",
        ),
        (
            {"begin_time": NINE + 2 * HOUR, "time_limit": 60},
            "StartTime=2026-02-02T11:00:00 EndTime=2026-02-02T11:01:00 Deadline=N/A",
        ),
        (
            {"deadline": NINE + HOUR},
            "StartTime=Unknown EndTime=Unknown Deadline=2026-02-02T10:00:00",
        ),
        # 没有启动就取消了的，起止都是取消的时刻
        (
            {"state": "CANCELLED", "end_time": NINE + 5},
            "StartTime=2026-02-02T09:00:05 EndTime=2026-02-02T09:00:05 Deadline=N/A",
        ),
        (
            {"state": "RUNNING", "start_time": NINE},
            "StartTime=2026-02-02T09:00:00 EndTime=Unknown Deadline=N/A",
        ),
    ],
)
def test_start_and_end(changes, expected):
    assert line(PLAIN | changes, "StartTime=") == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"eligible_time": NINE + 1}, "2026-02-02T09:00:01"),
        ({"begin_time": NINE + 2}, "2026-02-02T09:00:02"),
        ({"begin_time": NINE + 2, "hold": "user"}, "Unknown"),
        ({"begin_time": NINE + 2, "dependency": "afterok:1(unfulfilled)"}, "Unknown"),
    ],
)
def test_eligible_time(changes, expected):
    assert line(PLAIN | changes, "SubmitTime=").endswith(f" EligibleTime={expected}")


def test_suspended_job_says_how_long_it_ran_before():
    job = RUNNING | {
        "state": "SUSPENDED",
        "suspend_time": NINE + 160,
        "suspended_seconds": 30,
    }
    assert line(job, "SuspendTime=").startswith(
        "SuspendTime=2026-02-02T09:02:40 SecsPreSuspend=70 "
    )


@pytest.mark.parametrize(
    ("changes", "start", "expected"),
    [
        (
            {"reason": "job requeued in held state"},
            "JobState=",
            "Reason=job_requeued_in_held_state",
        ),
        ({"dependency": "afterok:9(failed)"}, "JobState=", "Dependency=afterok:9(failed)"),
        ({"requeue": False, "restarts": 3}, "Requeue=", "Requeue=0 Restarts=3"),
        ({"exit_code": 3}, "Requeue=", "ExitCode=3:0"),
        ({"exit_code": 0, "exit_signal": 9}, "Requeue=", "ExitCode=0:9"),
        (
            {"time_limit": 90061, "time_min": 300},
            "RunTime=",
            "TimeLimit=1-01:01:01 TimeMin=00:05:00",
        ),
        ({"submit_host": None}, "Partition=", "AllocNode:Sid=unknown:0"),
        ({"required_nodes": "n1", "exclude": "n[2-3]"}, "ReqNodeList=", "=n1 ExcNodeList=n[2-3]"),
        ({"nodes_min": 2, "nodes_max": 4}, "NumNodes=", "NumNodes=2-4 "),
        (
            {"cpus": 8, "tasks": 4, "cpus_per_task": 2},
            "NumNodes=",
            "NumCPUs=8 NumTasks=4 CPUs/Task=2",
        ),
        ({"cores_per_socket": 4, "threads_per_core": 1}, "NumNodes=", "ReqB:S:C:T=0:0:4:1"),
        (
            {"sockets_per_node": 2, "tasks_per_node": 3},
            "Socks/Node=",
            "=2 NtasksPerN:B:S:C=3:0:*:*",
        ),
        ({"tasks_per_socket": 2, "tasks_per_core": 1}, "Socks/Node=", "NtasksPerN:B:S:C=0:0:2:1"),
        ({"core_spec": 2}, "Socks/Node=", "CoreSpec=2"),
        ({"thread_spec": 3}, "Socks/Node=", "ThreadSpec=3"),
        ({"cpus_per_task": 2, "tasks_per_node": 3}, "MinCPUsNode=", "MinCPUsNode=6 "),
        ({"mincpus": 5}, "MinCPUsNode=", "MinCPUsNode=5 "),
        ({"memory_per_cpu": 2048}, "MinCPUsNode=", "MinMemoryCPU=2G "),
        ({"memory_per_cpu": None}, "MinCPUsNode=", "MinMemoryNode=0 "),
        ({"memory_per_cpu": None, "memory_per_node": 300}, "MinCPUsNode=", "MinMemoryNode=300M "),
        ({"tmp": "1024"}, "MinCPUsNode=", "MinTmpDiskNode=1G"),
        ({"features": "a&b", "delay_boot": "90"}, "Features=", "=a&b DelayBoot=00:01:30"),
        ({"exclusive": "node"}, "OverSubscribe=", "OverSubscribe=NO "),
        ({"exclusive": "user"}, "OverSubscribe=", "OverSubscribe=USER "),
        ({"exclusive": "mcs"}, "OverSubscribe=", "OverSubscribe=MCS "),
        ({"oversubscribe": "true"}, "OverSubscribe=", "OverSubscribe=YES "),
        ({"contiguous": "true", "licenses": "m:2"}, "OverSubscribe=", "Contiguous=1 Licenses=m:2"),
        ({"network": "ib"}, "OverSubscribe=", "Network=ib"),
        ({"arguments": "a b"}, "Command=", "Command=/w/job.sh a b"),
    ],
)
def test_asked_things_show(changes, start, expected):
    assert expected in line(PLAIN | changes, start)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"switches": "1@5:00"}, "Switches=1@5:00"),
        ({"burst_buffer": "x"}, "BurstBuffer=x"),
        ({"kill_on_invalid_dep": True}, "KillOInInvalidDependent=Yes"),
        ({"kill_on_invalid_dep": False}, "KillOInInvalidDependent=No"),
        ({"option_gres": "gpu:2,fpga:1"}, "TresPerNode=gres:gpu:2,gres:fpga:1"),
        ({"option_gres": "fpga:1", "gpus_per_node": "2"}, "TresPerNode=gres:fpga:1,gres:gpu:2"),
        ({"gpus": "a100:2"}, "TresPerJob=gres:gpu:a100:2"),
        ({"gpus_per_socket": "1"}, "TresPerSocket=gres:gpu:1"),
        ({"gpus_per_task": "1"}, "TresPerTask=gres:gpu:1"),
        ({"cpus_per_gpu": "4"}, "CpusPerTres=gres:gpu:4"),
        ({"memory_per_gpu": "1G"}, "MemPerTres=gres:gpu:1G"),
        ({"tasks_per_gpu": "2"}, "NtasksPerTRES=2"),
        ({"mail_user": "a@b", "mail_type": "END,FAIL"}, "MailUser=a@b MailType=END,FAIL"),
        ({"comment": "c d"}, "Comment=c d "),
        ({"prefer": "fast"}, "Prefer=fast"),
        ({"reservation": "r1"}, "Reservation=r1"),
    ],
)
def test_lines_that_are_there_only_when_asked_for(changes, expected):
    assert expected not in lines_of(PLAIN)
    assert lines_of(PLAIN | changes).count(expected) == 1


def test_mail_user_alone_is_not_shown():
    assert "MailUser" not in format_job(PLAIN | {"mail_user": "a@b"})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cpus": 4}, "cpu=4,mem=256M,node=1,billing=4"),
        ({"memory_per_cpu": None}, "cpu=1,node=1,billing=1"),
        (
            {"memory_per_cpu": None, "memory_per_node": 512, "nodes_min": 2},
            "cpu=1,mem=1G,node=2,billing=1",
        ),
        ({"memory_per_cpu": 0, "largest_memory": 16000}, "cpu=1,mem=16000M,node=1,billing=1"),
        (
            {"memory_per_cpu": None, "memory_per_node": 0, "largest_memory": 1024, "nodes_min": 2},
            "cpu=1,mem=2G,node=2,billing=1",
        ),
        (
            {"gres": "gpu:2,fpga:1", "nodes_min": 2},
            "cpu=1,mem=64M,node=2,billing=1,gres/gpu=4,gres/fpga=2",
        ),
    ],
)
def test_trackable_resources_asked_for(changes, expected):
    assert line(PLAIN | changes, "TRES=") == f"TRES={expected}"


def test_details_name_the_processors_of_each_node():
    allocations = [
        ("n1", "0-1", 128, "gpu:1"),
        ("n2", "0-1", 128, "gpu:1"),
        ("n3", "4", 64, ""),
    ]
    lines = lines_of(RUNNING | {"derived_code": 2}, allocations, details=True)
    assert "DerivedExitCode=2:0" in lines
    first = lines.index("JOB_GRES=gpu:1")
    assert lines[first + 1 : first + 3] == [
        "  Nodes=n[1-2] CPU_IDs=0-1 Mem=128 GRES=gpu:1",
        "  Nodes=n3 CPU_IDs=4 Mem=64 GRES=",
    ]
    assert lines[first + 3].startswith("MinCPUsNode=")


def test_details_without_generic_resources():
    lines = lines_of(RUNNING, [("n1", "0", 64, "")], details=True)
    assert "JOB_GRES=(null)" in lines
    assert not [text for text in lines_of(PLAIN, details=True) if text.startswith("JOB_GRES")]
