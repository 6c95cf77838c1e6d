"""scontrol 的命令行：值的换算、缩写、拒绝，以及用不着数据库的关键词。"""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.cli.control import encode
from scns.cli.scontrol import update_node, update_partition
from scns.cli.scontrol.session import matches
from scns.cli.scontrol.shell import split
from scns.cli.scontrol.update_job import Draft
from scns.errors import InvalidInput
from tests.conftest import wait_until
from tests.integration.answering import Shell


@pytest.fixture
def shell(monkeypatch):
    return Shell(None, monkeypatch)


@pytest.fixture
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        ("TimeLimit=1:00:00", {"time_limit": 3600}),
        ("timelimit=90", {"time_limit": 5400}),
        ("TimeLimit=UNLIMITED", {"time_limit": -1}),
        ("timelimit=0:30", {"time_limit": 60}),
        ("TimeMin=5", {"time_min": 300}),
        ("name=a b", {"name": "a b"}),
        ("comment=c=d", {"comment": "c=d"}),
        ("comment=", {"comment": None}),
        ("partition=short", {"partition": "short"}),
        ("nice=7", {"nice": 7}),
        ("nice=-5", {"nice": -5}),
        ("nice", {"nice": 100}),
        ("priority=4294900000", {"priority": 4294900000}),
        ("numcpus=3", {"cpus": 3}),
        ("numcpus=2-4", {"cpus": 2, "cpus_max": 4}),
        ("numtasks=3", {"tasks": 3}),
        ("numnodes=1-2", {"nodes_min": 1, "nodes_max": 2}),
        ("cpuspertask=2", {"cpus_per_task": 2}),
        ("minmemorynode=300", {"memory_per_node": 300}),
        ("minmemorycpu=1G", {"memory_per_cpu": 1024}),
        ("requeue=0", {"requeue": False}),
        ("oversubscribe=yes", {"oversubscribe": True, "exclusive": None}),
        ("shared=no", {"oversubscribe": False, "exclusive": "node"}),
        ("contiguous=1", {"contiguous": True}),
        ("arraytaskthrottle=3", {"array_limit": 3}),
        ("arraytaskthrottle=0", {"array_limit": None}),
        ("excnodelist=n[1-2]", {"exclude": "n[1-2]", "exclude_names": ["n1", "n2"]}),
        ("nodelist=", {"node_list": None, "node_names": []}),
        ("features=a&b", {"constraint": "a&b"}),
        ("licenses=a:2;b", {"licenses": "a:2,b"}),
        ("gres=gpu:2", {"gres": "gpu:2"}),
        ("workdir=/tmp", {"directory": "/tmp"}),
        ("stdout=/tmp/x", {"standard_output": "/tmp/x"}),
        ("account=x", {"account": "x"}),
        ("qos=high", {"qos": "high"}),
        ("reservation=r", {"reservation": "r"}),
        ("mailtype=END,FAIL", {"mail_type": ["END", "FAIL"]}),
        ("corespec=*", {"core_spec": None}),
        ("userid=0", {}),
        ("reboot=yes", {}),
        (
            "dependency=afterok:7_2+5,singleton",
            {
                "dependency": "afterok:7_2+5,singleton",
                "dependency_any": False,
                "edges": [
                    {"kind": "afterok", "job": 7, "task": 2, "delay": 5},
                    {"kind": "singleton", "job": None, "task": None, "delay": 0},
                ],
            },
        ),
        ("dependency=", {"dependency": None, "dependency_any": False, "edges": []}),
        ("starttime=2030-01-02T03:04:05", {"begin_time": "2030-01-02T03:04:05Z"}),
        ("deadline=", {"deadline": None}),
        ("admincomment=a", {"admin_comment": "a"}),
        ("wckey=w", {"wckey": "w"}),
        ("burstbuffer=", {"burst_buffer": None}),
        ("switches=1@5", {"switches": "1@5"}),
        ("stdin=/in", {"standard_input": "/in"}),
        ("stderr=", {"standard_error": None}),
        ("mailuser=a@b", {"mail_user": "a@b"}),
        ("mailtype=NONE", {"mail_type": []}),
        ("reqsockets=2", {"sockets_per_node": 2}),
        ("reqcores=4", {"cores_per_socket": 4}),
        ("reqthreads=1", {"threads_per_core": 1}),
        ("tasksper=3", {"tasks_per_node": 3}),
        ("mincpusnode=5", {"mincpus": 5}),
        ("mintmp=1G", {"tmp": 1024}),
        ("threadspec=2", {"thread_spec": 2}),
        ("corespec=-1", {"core_spec": None}),
        ("reqnodelist=n2,n1", {"node_list": "n[2,1]", "node_names": ["n2", "n1"]}),
        ("excnodelist=", {"exclude": None, "exclude_names": []}),
        ("gres=", {"gres": None}),
        ("endtime=2030-01-02T03:04:05", {"end_time": "2030-01-02T03:04:05Z"}),
        ("eligibletime=2030-01-02", {"begin_time": "2030-01-02T00:00:00Z"}),
        (
            "dependency=afterany:7?afterok:8",
            {
                "dependency": "afterany:7?afterok:8",
                "dependency_any": True,
                "edges": [
                    {"kind": "afterany", "job": 7, "task": None, "delay": 0},
                    {"kind": "afterok", "job": 8, "task": None, "delay": 0},
                ],
            },
        ),
        ("delayboot=5", {}),
        ("clusterfeatures=x", {}),
        ("jobname=x", {"name": "x"}),
        ("na=x", {"name": "x"}),
        ("ti=5", None),
        ("timel=5", {"time_limit": 300}),
        ("pa=short", {"partition": "short"}),
        ("pr=3", {"priority": 3}),
        ("os=yes", None),
        ("ov=yes", {"oversubscribe": True, "exclusive": None}),
        ("f=a", {"constraint": "a"}),
        ("a=x", {"account": "x"}),
    ],
)
def test_update_of_a_job_has_checked_values(utc, word, changes):
    if changes is None:
        with pytest.raises(InvalidInput, match="not supported"):
            Draft(["jobid=42", word])
        return
    draft = Draft(["jobid=42", word])
    assert (draft.job, draft.changes) == ("42", changes)


def test_update_of_nodes_has_checked_values():
    words = ["node=n[1-2]", "state=drai", 'reason="a b"', "weight=3", "feat=a,b", "gres=gpu:2"]
    assert update_node.parse(words) == (
        "n[1-2]",
        {
            "state": "DRAIN",
            "reason": "a b",
            "weight": 3,
            "features": ["a", "b"],
            "gres": {"gpu": 2},
        },
    )


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        ("state=up", {"state": "UP"}),
        ("state=inact", {"state": "INACTIVE"}),
        ("maxtime=10", {"max_time": 600}),
        ("maxtime=unlimited", {"max_time": -1}),
        ("defaulttime=none", {"default_time": None}),
        ("maxnodes=unlimited", {"max_nodes": None}),
        ("default=y", {"is_default": True}),
        ("hidden=no", {"hidden": False}),
        ("priority=5", {"priority_tier": 5, "priority_job_factor": 5}),
        ("prioritytier=6", {"priority_tier": 6}),
        ("oversubscribe=force:2", {"oversubscribe": "FORCE:2"}),
        ("shared=excl", {"oversubscribe": "EXCLUSIVE"}),
        ("nodes=ALL", {"nodes": "ALL"}),
        ("nodes-=n[1-2]", {"nodes-": ["n1", "n2"]}),
        ("allowgroups=ALL", {"allow_groups": None}),
        ("defmempercpu=64", {"default_memory_per_cpu": 64}),
    ],
)
def test_update_of_a_partition_has_checked_values(word, changes):
    assert update_partition.parse(["partitionname=p", word]) == ("p", changes)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["jobid=42"], "No changes specified"),
        (["jobid=42", "userid=root"], "No changes specified"),
        (
            ["jobid=42", "minnodes=2"],
            "Update of this parameter is not supported: minnodes=2\nRequest aborted",
        ),
        (["jobid=42", "timelimit=abc"], "scontrol: error: Invalid TimeLimit value"),
        (["jobid=42", "numtasks=x"], "scontrol: error: Invalid NumTasks value: x"),
        (["jobid=42", "timelimit"], "Invalid input: timelimit\nRequest aborted"),
        (["jobid=42", "userid=nosuch", "name=x"], "Invalid UserID: nosuch\nRequest aborted"),
        (["jobid=abc", "timelimit=5"], "Invalid job id specified for job abc"),
        (["jobid=42", "dependency=bogus:1"], "Job dependency problem for job 42"),
        (["jobid=42", "excnodelist=n[1-"], "Invalid node name specified for job 42"),
        (["jobid=42", "starttime=never"], "Invalid time specification (pos=0): never"),
        (
            ["bogus=1"],
            "No valid entity in update command\n"
            'Input line must include "NodeName", "PartitionName", "Reservation", "JobId", or'
            ' "SlurmctldDebug"',
        ),
        (
            ["nodename=n1", "state=drain"],
            "You must specify a reason when DOWNING or DRAINING a node. Request denied",
        ),
        (["nodename=n1"], "No changes specified"),
        (["nodename=n1", "bogus=1"], "Update of this parameter is not supported: bogus=1"),
        (["nodename=n1", "state=bogus"], "Invalid input: state=bogus\nRequest aborted"),
        (
            ["partitionname=short", "state=bogus"],
            "scontrol: error: Invalid input: state=bogus\n"
            "scontrol: error: Acceptable State values are UP, DOWN, DRAIN and INACTIVE\n"
            "slurm_update error: No error\n",
        ),
        (["partitionname=", "state=up"], "scontrol: error: PartitionName must be given.\n"),
        (["partitionname=short"], "scontrol: error: No changes specified"),
        (["reservationname=x", "nodes=n1"], "scontrol: error: reservations are not supported"),
    ],
)
def test_bad_update_needs_no_database(shell, words, sentence):
    outcome = shell("scontrol", "update", *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["create", "bogus"], "scontrol: error: Invalid creation entity: bogus"),
        (
            ["create", "partitionname=default"],
            'scontrol: error: PartitionName cannot be "DEFAULT".',
        ),
        (["create", "nodename=n9"], "scontrol: error: nodes are defined in the configuration"),
        (["delete", "bogus=1"], "Invalid deletion entity: bogus=1"),
        (["delete", "partitionname"], "scontrol: error: Proper format is 'delete <ENTITY>=<ID>'"),
        (["shutdown", "bogus"], "invalid shutdown argument:bogus"),
        (["write", "bogus", "1"], "invalid write argument:bogus"),
        (["write", "batch_script"], "too few arguments for keyword:write"),
        (["wait_job", "abc"], "Invalid job_id abc"),
        (["listpids", "abc"], '"abc" does not look like a jobid'),
        (["hold"], "too few arguments for keyword:hold"),
        (["hold", "x=y"], "Invalid job id specified for job x=y\nslurm_suspend error: Invalid"),
        (["show"], "too few arguments for keyword:show"),
        (["show", "job", "1", "2"], "too many arguments for keyword:show"),
        (["show", "bogus"], "invalid entity:bogus for keyword:show \n"),
        (["show", "assoc_mgr"], "scontrol: error: this entity is not supported"),
        (["bogus"], "invalid keyword: bogus\n"),
        (["sh", "job"], "invalid keyword: sh\n"),
        (
            ["--nosuch"],
            "scontrol: unrecognized option '--nosuch'\n"
            'Try "scontrol --help" for more information\n',
        ),
        (["takeover"], "scontrol: error: takeover is not supported"),
        (["top", "1", "2"], "too many arguments for keyword:top"),
    ],
)
def test_other_bad_commands(shell, words, sentence):
    outcome = shell("scontrol", *words)
    assert outcome.code == 1
    assert outcome.err.startswith(sentence)


def test_host_lists_need_no_database(monkeypatch, tmp_path, shell):
    assert shell("scontrol", "show", "hostnames", "n[1-3],x").out == "n1\nn2\nn3\nx\n"
    assert shell("scontrol", "show", "hostlist", "n1,n2,n3,m07,m08").out == "n[1-3],m[07-08]\n"
    assert shell("scontrol", "show", "hostlistsorted", "n3,n1,n2").out == "n[1-3]\n"
    names = tmp_path / "names"
    names.write_text("n1\nn2\n\nn3\n")
    assert shell("scontrol", "show", "hostlist", str(names)).out == "n[1-3]\n"
    assert shell("scontrol", "show", "hostlist", "-", stdin="a1\na2\n").out == "a[1-2]\n"
    monkeypatch.setenv("SLURM_JOB_NODELIST", "k[8-9]")
    assert shell("scontrol", "show", "hostnames").out == "k8\nk9\n"
    monkeypatch.delenv("SLURM_JOB_NODELIST")
    empty = shell("scontrol", "show", "hostnames")
    assert (empty.code, empty.err) == (0, "scontrol: error: host list is empty\n")
    assert shell("scontrol", "show", "hostnames", "n[1-").code == 1


def test_processes_of_a_job_are_listed(shell):
    environment = os.environ | {"SLURM_JOB_ID": "424242"}
    command = "sleep 60 & echo ready; wait"
    with subprocess.Popen(
        ["/bin/sh", "-c", command], env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            process.stdout.readline()
            outcome = wait_until(lambda: _with_rows(shell, 3), what="both processes")
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    header, first, second = outcome.out.splitlines()
    assert header.split() == ["PID", "JOBID", "STEPID", "LOCALID", "GLOBALID"]
    assert first.split() == [str(process.pid), "424242", "batch", "0", "0"]
    assert second.split()[1:] == ["424242", "batch", "-", "-"]
    none = shell("scontrol", "listpids", "424243")
    assert none.code == 1
    assert none.err.startswith("There are no steps for job 424243 on node ")


def _with_rows(shell, count):
    outcome = shell("scontrol", "listpids", "424242")
    return outcome if len(outcome.out.splitlines()) == count else None


def test_session_ends_quietly_at_the_end_of_input(shell):
    outcome = shell("scontrol", stdin='version\nshow hostlist "a1 a2"\n')
    assert outcome.code == 0
    assert "\na[1-2]\n" in outcome.out
    assert outcome.out.endswith("scontrol: \n")


def test_help_lists_options_and_commands(shell):
    text = shell("scontrol", "help").out
    assert "--oneliner" in text
    assert "Valid <COMMAND> values are:" in text
    assert "update KEY=VALUE.." in text


@pytest.mark.parametrize(
    ("word", "minimum", "fits"),
    [("show", 3, True), ("SHO", 3, True), ("sh", 3, False), ("shows", 3, False), ("", 1, False)],
)
def test_words_may_be_cut_to_a_minimum(word, minimum, fits):
    assert matches(word, "show", minimum) is fits


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\"'\n\r"), min_size=1), max_size=6))
def test_quoted_words_read_back(words):
    assert split(" ".join(f'"{word}"' for word in words)) == words


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_requests_are_json(value):
    import json

    text = json.loads(encode(value))
    assert json.dumps(text) == json.dumps(_scrubbed(value))


def _scrubbed(value):
    """NUL 与孤立的代理码位换成 U+FFFD；别的不变。"""
    if isinstance(value, str):
        whole = value.replace("\0", "\ufffd")
        return whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    return value


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        "timelimit numcpus nice nodelist dependency starttime gres state mailtype".split()
    ),
    st.text(max_size=20),
)
def test_any_value_is_taken_or_refused_with_a_sentence(key, text):
    for parse in (Draft, update_node.parse, update_partition.parse):
        try:
            parse([f"{key}={text}"])
        except InvalidInput as error:
            assert error.message
