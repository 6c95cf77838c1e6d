"""scontrol show、hold、release 与会话；来源是 golden/scontrol.toml 与 messages.md。"""

from __future__ import annotations

import re

import pytest

from tests.integration.answering import Shell, answering, end, start, submit

pytestmark = pytest.mark.usefixtures("site")

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


@pytest.fixture
def shell(database, monkeypatch):
    return Shell(database, monkeypatch)


def fits(template: str, text: str) -> bool:
    """`{time}`、`{elapsed}`、`{word}` 之外逐字相同。"""
    pattern = re.escape(template)
    for name, expression in (
        ("time", TIME),
        ("elapsed", r"(?:\d+-)?\d\d:\d\d:\d\d"),
        ("word", r"\S+"),
        ("int", r"\d+"),
    ):
        pattern = pattern.replace(re.escape("{" + name + "}"), expression)
    return re.fullmatch(pattern, text) is not None


HELD = """\
JobId={J} JobName=job.sh
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   Priority=0 Nice=0 Account=root QOS=normal
   JobState=PENDING Reason=JobHeldUser Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   RunTime={elapsed} TimeLimit=UNLIMITED TimeMin=N/A
   SubmitTime={time} EligibleTime=Unknown
   AccrueTime={word}
   StartTime=Unknown EndTime=Unknown Deadline=N/A
   SuspendTime=None SecsPreSuspend=0 LastSchedEval={word} Scheduler={word}
   Partition=main AllocNode:Sid={word}
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList=
   NumNodes=1 NumCPUs=1 NumTasks=1 CPUs/Task=1 ReqB:S:C:T=0:0:*:*
   TRES=cpu=1,mem=64M,node=1,billing=1
   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*
   MinCPUsNode=1 MinMemoryCPU=64M MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00
   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)
   Command=/tmp/job.sh
   WorkDir=/tmp
   StdErr=/tmp/slurm-{J}.out
   StdIn=/dev/null
   StdOut=/tmp/slurm-{J}.out
   Power=
   

"""

RUNNING = """\
JobId={J} JobName=job.sh
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   Priority={int} Nice=0 Account=root QOS=normal
   JobState=RUNNING Reason=None Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   RunTime=01:00:{int} TimeLimit=02:00:00 TimeMin=N/A
   SubmitTime={time} EligibleTime={time}
   AccrueTime={word}
   StartTime={time} EndTime={time} Deadline=N/A
   SuspendTime=None SecsPreSuspend=0 LastSchedEval={word} Scheduler={word}
   Partition=main AllocNode:Sid={word}
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList=n1
   BatchHost=n1
   NumNodes=1 NumCPUs=2 NumTasks=2 CPUs/Task=1 ReqB:S:C:T=0:0:*:*
   TRES=cpu=2,mem=128M,node=1,billing=2
   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*
   MinCPUsNode=1 MinMemoryCPU=64M MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00
   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)
   Command=/tmp/job.sh
   WorkDir=/tmp
   StdErr=/tmp/slurm-{J}.out
   StdIn=/dev/null
   StdOut=/tmp/slurm-{J}.out
   Power=
   

"""


def field(text: str, key: str) -> str:
    """`scontrol show` 输出里一个键的值。"""
    match = re.search(rf"(?:^|\s){re.escape(key)}=(\S*)", text)
    assert match is not None, key
    return match[1]


def test_held_job_shows_every_field_in_order(database, shell):
    job = submit(database, hold=True)
    outcome = shell("scontrol", "show", "job", str(job))
    assert fits(HELD.replace("{J}", str(job)), outcome.out), outcome.out
    assert (outcome.code, outcome.err) == (0, "")


def test_running_job_shows_every_field_in_order(database, cursor, shell):
    job = submit(database, tasks=2, time_limit=7200)
    start(cursor, job, cpus=2, memory=128)
    cursor.execute("UPDATE scns.job SET limit_time = start_time + interval '2 hours'")
    text = shell("scontrol", "show", "job", str(job)).out
    assert fits(RUNNING.replace("{J}", str(job)), text), text


def test_one_line_has_the_same_words(database, shell):
    job = submit(database, hold=True)
    many = shell("scontrol", "show", "job", str(job)).out
    one = shell("scontrol", "-o", "show", "job", str(job)).out
    assert one.count("\n") == 1
    assert one.split() == many.split()
    assert shell("scontrol", "show", "job", "-o", str(job)).out == one


def test_fractions_of_a_second_are_dropped(database, cursor, shell, monkeypatch):
    """时刻与时长都舍去小数，与 Slurm 的 time_t 一样；各命令说的相同。"""
    job = submit(database)
    start(cursor, job)
    cursor.execute(
        "UPDATE scns.job SET submit_time = to_timestamp(1770022800.9), eligible_time ="
        " to_timestamp(1770022800.9), start_time = to_timestamp(1770022860.75) WHERE id = %s",
        (job,),
    )
    end(cursor, job)
    # 还在 MinJobAge 之内才看得见
    cursor.execute(
        "UPDATE scns.setting SET value = '999999999 sec' WHERE name = 'MinJobAge';"
        "UPDATE scns.job SET end_time = to_timestamp(1770022870.5)"
    )
    monkeypatch.setenv("SLURM_TIME_FORMAT", "%s")
    shown = shell("scontrol", "-o", "show", "job", str(job)).out.split()
    for word in (
        "SubmitTime=1770022800",
        "StartTime=1770022860",
        "EndTime=1770022870",
        "RunTime=00:00:10",
    ):
        assert word in shown
    fields = "Submit,Eligible,Start,End,ElapsedRaw"
    assert shell("sacct", "-nPX", "-j", str(job), "-o", fields).out == (
        "1770022800|1770022800|1770022860|1770022870|10\n"
    )
    words = ["-h", "-t", "all", "-o", "%V|%S|%e"]
    assert shell("squeue", *words).out == "1770022800|1770022860|1770022870\n"


def test_details_add_the_derived_code_and_the_allocation(database, cursor, shell):
    job = submit(database, tasks=2)
    start(cursor, job, cpus=2, memory=128)
    text = shell("scontrol", "-d", "show", "job", str(job)).out
    assert "ExitCode=0:0\n   DerivedExitCode=0:0\n   RunTime" in text
    assert "CoreSpec=*\n   JOB_GRES=(null)\n     Nodes=n1 CPU_IDs=0-1 Mem=128 GRES=\n   Min" in text


def test_options_of_the_submission_are_shown(database, shell):
    job = submit(
        database,
        hold=True,
        nice=3,
        tasks=2,
        cpus_per_task=2,
        memory_per_node=200,
        time_limit=93780,
        time_min=300,
        comment="a b",
        requeue=False,
        exclusive="node",
        node_list="n1",
        command="job.sh",
        arguments=["a", "b"],
        standard_output="o-%j",
        standard_error="e-%j-%x-%N",
        deadline="2099-01-01",
        edges=[{"kind": "singleton"}],
        options={"mail_user": "a@b", "mail_type": ["END"], "contiguous": True},
    )
    text = shell("scontrol", "show", "job", str(job)).out
    for key, value in {
        "Nice": "3",
        "TimeLimit": "1-02:03:00",
        "TimeMin": "00:05:00",
        "Requeue": "0",
        "ReqNodeList": "n1",
        "NumCPUs": "4",
        "TRES": "cpu=4,mem=200M,node=1,billing=4",
        "MinCPUsNode": "2",
        "MinMemoryNode": "200M",
        "OverSubscribe": "NO",
        "Contiguous": "1",
        "StdOut": f"/tmp/o-{job}",
        "StdErr": f"/tmp/e-{job}-job.sh-%N",
        "Dependency": "singleton(unfulfilled)",
    }.items():
        assert field(text, key) == value
    assert "\n   Command=job.sh a b\n" in text
    assert "\n   WorkDir=/tmp\n   Comment=a b \n   StdErr=" in text
    assert text.endswith("\n   Power=\n   MailUser=a@b MailType=END\n   \n\n")


def test_arguments_of_others_are_not_shown(database, shell):
    job = submit(database, command="job.sh", arguments=["secret"])
    assert "Command=job.sh secret\n" in shell("scontrol", "show", "job", str(job)).out
    assert "secret" not in shell("scontrol", "show", "job", str(job), user="u:alice").out


def test_begin_time_is_the_expected_start(database, shell):
    job = submit(database, begin_time="2099-01-02T03:04:00Z", time_limit=300)
    text = shell("scontrol", "show", "job", str(job)).out
    assert field(text, "Reason") == "BeginTime"
    assert field(text, "EligibleTime") == field(text, "StartTime")
    assert field(text, "EndTime")[:17] != field(text, "StartTime")[:17]
    assert field(text, "EndTime") > field(text, "StartTime")


def test_ended_job_keeps_its_outcome_until_it_is_forgotten(database, cursor, shell):
    job = submit(database)
    start(cursor, job)
    end(cursor, job, "FAILED", exit_code=3, reason="NonZeroExitCode")
    text = shell("scontrol", "show", "job", str(job)).out
    assert (field(text, "JobState"), field(text, "ExitCode")) == ("FAILED", "3:0")
    cursor.execute("UPDATE scns.job SET end_time = end_time - interval '1 hour'")
    outcome = shell("scontrol", "show", "job", str(job))
    assert (outcome.code, outcome.out, outcome.err) == (
        1,
        "",
        "slurm_load_jobs error: Invalid job id specified\n",
    )


def test_array_is_one_record_until_an_element_starts(database, cursor, shell):
    job = submit(database, array_indices="{[1,6)}", array_limit=2)
    text = shell("scontrol", "show", "job", str(job)).out
    assert text.startswith(
        f"JobId={job} ArrayJobId={job} ArrayTaskId=1-5%2 ArrayTaskThrottle=2 JobName=job.sh\n"
    )
    assert field(text, "StdOut") == f"/tmp/slurm-{job}_4294967294.out"
    cursor.execute("SELECT id FROM scns.split_array(%s, '{3}')", (job,))
    (element,) = cursor.fetchone()
    start(cursor, element)
    both = shell("scontrol", "show", "job", str(job)).out
    assert re.findall(r"ArrayTaskId=\S+", both) == ["ArrayTaskId=1-2,4-5%2", "ArrayTaskId=3"]
    one = shell("scontrol", "show", "job", f"{job}_3").out
    assert one.startswith(f"JobId={element} ArrayJobId={job} ArrayTaskId=3 ")
    waiting = shell("scontrol", "show", "job", f"{job}_4").out
    assert waiting.startswith(f"JobId={job} ArrayJobId={job} ArrayTaskId=4 ")
    missing = shell("scontrol", "show", "job", f"{job}_9")
    assert (missing.code, missing.out, missing.err) == (1, f"Job {job}_9 not found\n", "")


def test_all_jobs_are_shown_in_order_of_their_ids(database, shell):
    assert shell("scontrol", "show", "job").out == "No jobs in the system\n"
    jobs = [submit(database, name=f"j{number}") for number in range(3)]
    text = shell("scontrol", "show", "jobs").out
    assert re.findall(r"^JobId=(\d+)", text, re.M) == [str(job) for job in jobs]


def test_suspended_job_says_since_when(database, cursor, shell):
    job = submit(database)
    start(cursor, job)
    cursor.execute(
        "UPDATE scns.job SET state = 'SUSPENDED', suspend_time = start_time + interval '60 s'"
    )
    text = shell("scontrol", "show", "job", str(job)).out
    assert re.fullmatch(TIME, field(text, "SuspendTime"))
    assert (field(text, "SecsPreSuspend"), field(text, "RunTime")) == ("60", "00:01:00")


def test_refusals_say_what_slurm_says(shell):
    cases = [
        (["show", "job", "99"], "", "slurm_load_jobs error: Invalid job id specified\n"),
        (["show", "job", "abc"], "", "scontrol_print_job error: Invalid job id specified\n"),
        (["show", "job", "9" * 14], "", "slurm_load_jobs error: Invalid job id specified\n"),
        (["show", "node", "nosuch"], "Node nosuch not found\n", ""),
        (["show", "partition", "nosuch"], "Partition nosuch not found\n", ""),
    ]
    for words, out, err in cases:
        outcome = shell("scontrol", *words)
        assert (outcome.code, outcome.out, outcome.err) == (1, out, err)


def test_keywords_and_entities_can_be_cut(database, shell):
    job = submit(database)
    assert shell("scontrol", "sho", "jo", str(job)).out.startswith(f"JobId={job} ")
    assert shell("scontrol", "SHOW", "JobId", str(job)).out.startswith(f"JobId={job} ")
    assert shell("scontrol", "show", f"job={job}").out.startswith(f"JobId={job} ")
    assert shell("scontrol", "sh", "job").err == "invalid keyword: sh\n"


def test_node_shows_every_field_in_order(cursor, shell):
    cursor.execute(
        "UPDATE scns.node SET cpu_load = 123, free_memory = 4000, version = '0.1', cpus_alloc = 2,"
        " memory_alloc = 128, gres = '{\"gpu\": 2}', features = '{a,b}', boot_time = now(),"
        " daemon_start = now(), last_busy = now(), architecture = 'x86_64',"
        " operating_system = 'Linux', drain = true, reason = 'for test', reason_time = now(),"
        " reason_uid = 0"
    )
    text = shell("scontrol", "show", "node", "n1").out
    expected = """\
NodeName=n1 Arch=x86_64 CoresPerSocket=8 
   CPUAlloc=2 CPUEfctv=8 CPUTot=8 CPULoad=1.23
   AvailableFeatures=a,b
   ActiveFeatures=a,b
   Gres=gpu:2
   NodeAddr=n1 NodeHostName=n1 Version=0.1
   OS=Linux 
   RealMemory=8000 AllocMem=128 FreeMem=4000 Sockets=1 Boards=1
   State=MIXED+DRAIN ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
   Partitions=main,short,closed 
   BootTime={time} SlurmdStartTime={time}
   LastBusyTime={time}
   CfgTRES=cpu=8,mem=8000M,billing=8,gres/gpu=2
   AllocTRES=cpu=2,mem=128M
   CapWatts=n/a
   CurrentWatts=0 AveWatts=0
   ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s
   Reason=for test [root@{time}]

"""
    assert fits(expected, text), text
    assert shell("scontrol", "-o", "show", "node").out.split() == text.split()


def test_node_list_shows_each_node(cursor, shell):
    cursor.execute("INSERT INTO scns.node (name, position, cpus, memory) VALUES ('n2', 1, 4, 4000)")
    outcome = shell("scontrol", "show", "node", "n[1-3]")
    assert re.findall(r"NodeName=(\S+)", outcome.out) == ["n1", "n2"]
    assert outcome.out.endswith("Node n3 not found\n")
    assert outcome.code == 1
    assert field(outcome.out.split("NodeName=n2")[1], "State") == "IDLE+NOT_RESPONDING"


def test_partition_shows_every_field_in_order(shell):
    text = shell("scontrol", "show", "partition", "short").out
    assert (
        text
        == """\
PartitionName=short
   AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL
   AllocNodes=ALL Default=NO QoS=N/A
   DefaultTime=00:05:00 DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO
   MaxNodes=UNLIMITED MaxTime=00:10:00 MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED
   Nodes=n1
   PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe=NO
   OverTimeLimit=NONE PreemptMode=OFF
   State=UP TotalCPUs=8 TotalNodes=1 SelectTypeParameters=NONE
   JobDefaults=(null)
   DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED
   TRES=cpu=8,mem=8000M,node=1,billing=8

"""
    )
    everything = shell("scontrol", "-o", "show", "part").out
    assert re.findall(r"PartitionName=(\S+)", everything) == ["main", "short", "closed"]
    assert everything.count("\n") == 3


def test_hold_and_release_name_the_job_and_the_command(database, shell):
    def reply(_):
        return [{"error": "Invalid job id specified"}]

    with answering(database, reply) as daemon:
        for verb in ("hold", "uhold", "release"):
            outcome = shell("scontrol", verb, "99999999")
            quiet = shell("scontrol", "-Q", verb, "99999999")
            assert (outcome.code, outcome.out) == (1, "")
            assert outcome.err == (
                "Invalid job id specified for job 99999999\n"
                "slurm_suspend error: Invalid job id specified\n"
            )
            assert (quiet.code, quiet.err) == (1, "")
            assert (daemon.last.verb, daemon.last.target) == (verb, [{"job": 99999999}])


def test_hold_takes_lists_elements_and_names(database, shell):
    jobs = [submit(database, name="x") for _ in range(2)]
    array = submit(database, name="y", array_indices="{[1,4)}")
    with answering(database) as daemon:
        shell("scontrol", "hold", "1,2", "jobid=3")
        shell("scontrol", "holdu", f"{array}_2")
        shell("scontrol", "hold", "jobname=x")
        shell("scontrol", "rel", "name=y")
        assert shell("scontrol", "hold", "name=nosuch").code == 0
    targets = [asked.target for asked in daemon.asked]
    assert targets == [
        [{"job": 1}, {"job": 2}],
        [{"job": 3}],
        [{"job": array, "tasks": "{[2,3)}"}],
        [{"job": job} for job in jobs],
        [{"job": array}],
    ]
    assert [asked.verb for asked in daemon.asked] == ["hold", "hold", "uhold", "hold", "release"]


def test_commands_from_a_pipe_are_echoed_behind_the_prompt(shell):
    outcome = shell("scontrol", stdin="show job 99999999\n")
    assert outcome.out == "scontrol: show job 99999999\nscontrol: \n"
    assert outcome.err == "slurm_load_jobs error: Invalid job id specified\n"
    assert outcome.code == 1
