"""请求 scnsd 做事：一次、分批、部分结果、没有人答、迟迟不答；由 scancel 与 scontrol 共用。"""

from __future__ import annotations

import pytest

from scns.cli import control
from scns.errors import Unavailable, UsageError
from tests.integration.answering import Shell, answering, end, start, submit

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def shell(database, monkeypatch):
    return Shell(database, monkeypatch)


@pytest.fixture
def connection(database):
    found = database.connect("u:root")
    yield found
    found.close()


def reply(*sentences):
    """依次答复；None 是做到了。"""
    return lambda _: [None if said is None else {"error": said} for said in sentences]


def test_each_target_has_its_answer(database, connection):
    targets = [{"job": 1}, {"job": 2}, {"job": 3}]
    with answering(database, reply(None, "Invalid job id specified", None)) as daemon:
        assert control.ask(connection, "hold", targets) == [None, "Invalid job id specified", None]
    assert (daemon.last.target, daemon.last.argument) == (targets, {})
    assert (daemon.last.uid, daemon.last.operator) == (0, True)


def test_request_without_targets_has_one_answer(database, connection):
    with answering(database):
        assert control.ask(connection, "reconfigure", []) == [None]
    with answering(database, reply("Access/permission denied")):
        assert control.ask(connection, "reconfigure", []) == ["Access/permission denied"]
    with answering(database, lambda _: []):
        assert control.ask(connection, "reconfigure", []) == [None]
    with answering(database, lambda _: {"error": "Unspecified error"}):
        assert control.ask(connection, "reconfigure", []) == ["Unspecified error"]


def test_many_targets_are_asked_in_batches(database, connection, monkeypatch):
    monkeypatch.setattr(control, "BATCH", 3)
    targets = [{"job": number} for number in range(1, 9)]

    def odd_ones(asked):
        return [{"error": "no"} if item["job"] % 2 else None for item in asked.target]

    with answering(database, odd_ones) as daemon:
        results = control.ask(connection, "hold", targets)
    assert results == ["no", None] * 4
    assert [len(asked.target) for asked in daemon.asked] == [3, 3, 2]


def test_missing_answers_mean_done(database, connection):
    with answering(database, reply("no")):
        assert control.ask(connection, "hold", [{"job": 1}, {"job": 2}]) == ["no", None]


def test_names_of_any_kind_arrive_unharmed(database, connection):
    odd = 'a"b\\c\n\t\x01 é 汉 \U0001f600'
    with answering(database) as daemon:
        control.ask(connection, "update", [{"job": 1}], {"changes": {"name": odd, "nice": -5}})
    assert daemon.last.argument == {"changes": {"name": odd, "nice": -5}}


def test_daemon_that_is_down_gets_the_request_later(cursor, connection, capsys):
    assert control.ask(connection, "hold", [{"job": 1}, {"job": 2}], command="scontrol") == [
        None,
        None,
    ]
    assert capsys.readouterr().err == (
        "scontrol: warning: scnsd is not running;"
        " the request is stored and will be applied when it starts\n"
    )
    cursor.execute("SELECT verb, done_time FROM scns.request")
    assert cursor.fetchall() == [("hold", None)]


def test_daemon_that_does_not_answer_is_given_up(cursor, connection, monkeypatch):
    monkeypatch.setattr(control, "_PATIENCE", 100)
    cursor.execute(
        "INSERT INTO scns.lease (name, owner, epoch, until)"
        " VALUES ('scheduler', 'n1', 1, now() + interval '1 hour')"
    )
    with pytest.raises(Unavailable, match=r"^scnsd did not answer request \d+ in 0 s$"):
        control.ask(connection, "hold", [{"job": 1}])


def test_only_this_cluster_is_known(connection):
    for text in ("scns", "all", "scns,all", ""):
        control.check_clusters(connection, text)
    with pytest.raises(UsageError, match="No cluster 'other' known by database"):
        control.check_clusters(connection, "scns,other")


# scontrol 的其余实体与会话


def test_entities_of_a_single_cluster(shell):
    cases = [
        (["show", "daemons"], 0, "slurmctld slurmd\n"),
        (["show", "topology"], 0, "No topology information available\n"),
        (["show", "federation"], 0, "No federations found\n"),
        (["show", "reservations"], 0, "No reservations in the system\n"),
        (["show", "reservation", "r1"], 1, "Reservation r1 not found\n"),
        (["-Q", "show", "reservation", "r1"], 1, ""),
        (["show", "aliases", "n1"], 0, "n1\n"),
        (["show", "aliases", "nosuch"], 0, ""),
        (["show", "steps"], 0, "No job steps in the system\n"),
        (["show", "step", "bogus"], 1, "Job step bogus not found\n"),
        (["-Q", "show", "step", "1.0"], 1, ""),
        (["show", "license", "nosuch"], 0, "No licenses configured in Slurm.\n"),
        (["show", "jobs"], 0, "No jobs in the system\n"),
        (["-Q", "show", "jobs"], 0, ""),
        (["show", "node", "n1,n77"], 1, None),
        (["show", "partition", "nosuch"], 1, "Partition nosuch not found\n"),
        (["-Q", "show", "partition", "nosuch"], 1, ""),
    ]
    for words, code, text in cases:
        outcome = shell("scontrol", *words)
        assert (outcome.code, outcome.err) == (code, ""), words
        if text is not None:
            assert outcome.out == text, words


def test_empty_site(cursor, shell):
    cursor.execute("DELETE FROM scns.partition; DELETE FROM scns.node")
    assert shell("scontrol", "show", "nodes").out == "No nodes in the system\n"
    assert shell("scontrol", "show", "partitions").out == "No partitions in the system\n"
    assert shell("scontrol", "-Q", "show", "nodes").out == ""


def test_unknown_license_beside_known_ones(cursor, shell):
    cursor.execute("INSERT INTO scns.setting VALUES ('Licenses', 'matlab:4')")
    outcome = shell("scontrol", "show", "license", "nosuch")
    assert (outcome.code, outcome.out) == (1, "License name nosuch not found\n")


def test_host_lists_from_bad_files(tmp_path, monkeypatch, shell):
    outcome = shell("scontrol", "show", "hostlist", "/nosuch/file")
    assert (outcome.code, outcome.err) == (1, "Can not open /nosuch/file\n")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    assert shell("scontrol", "show", "hostlist", str(binary)).err == f"Can not open {binary}\n"
    monkeypatch.setattr("scns.cli.scontrol.hosts._MAX_FILE", 10)
    large = tmp_path / "large"
    large.write_text("n1\nn2\nn3\nn4\n")
    assert shell("scontrol", "show", "hostlist", str(large)).err == f"File {large} is too large\n"
    assert shell("scontrol", "show", "hostlist").err == "invalid encode argument\n"


def test_settings_of_a_session_change_what_follows(database, cursor, shell):
    job = submit(database)
    start(cursor, job)
    session = (
        f"details\nshow job {job}\nhide\nshow job {job}\noneliner\nshow job {job}\n"
        "quiet\nshow partition nosuch\nverbose\nshow job\nquit\n"
    )
    outcome = shell("scontrol", stdin=session)
    shown = outcome.out.split("scontrol: ")
    assert "DerivedExitCode=0:0" in shown[2]
    assert "CPU_IDs=0 Mem=64" in shown[2]
    assert "DerivedExitCode" not in shown[4]
    assert shown[6].count("\n") == 2
    assert shown[8] == "show partition nosuch\n"
    assert shown[10].startswith("show job\nlast_update_time=2")
    assert ", records=1\n" in shown[10]
    assert (outcome.code, outcome.err) == (1, "")


def test_session_goes_on_after_errors(database, shell):
    with answering(database, reply("Invalid job id specified")):
        outcome = shell(
            "scontrol", stdin="hold 99\nshow hostlist\ncluster other\ncluster scns\nversion\n"
        )
    assert outcome.err == (
        "Invalid job id specified for job 99\n"
        "slurm_suspend error: Invalid job id specified\n"
        "invalid encode argument\n"
        "scontrol: error: No cluster 'other' known by database.\n"
        "scontrol: error: 'other' can't be reached now, or it is an invalid entry for --cluster."
        "  Use 'sacctmgr list clusters' to see available clusters.\n"
    )
    assert "\nslurm 22.05" in outcome.out


def test_line_of_too_many_words_ends_the_session(shell):
    outcome = shell("scontrol", stdin="show " + "x " * 200 + "\nversion\n")
    assert outcome.code == 1
    assert outcome.err == "scontrol: can not process over 127 words\n"
    assert "slurm 22" not in outcome.out


def test_step_of_an_array_element_is_found_by_either_name(database, cursor, shell):
    job = submit(database, array_indices="{[1,4)}")
    cursor.execute("SELECT id FROM scns.split_array(%s, '{2}')", (job,))
    [(element,)] = cursor.fetchall()
    start(cursor, element)
    expected = f"StepId={job}_2.batch "
    for name in (f"{job}_2", f"{job}_2.batch", f"{element}.batch", str(element)):
        assert shell("scontrol", "show", "step", name).out.startswith(expected), name
    assert shell("scontrol", "show", "steps").out.count("StepId=") == 1


def test_zero_or_rubbish_for_a_job_number(database, shell):
    job = submit(database)
    assert shell("scontrol", "show", "job", "0").out.startswith(f"JobId={job} ")
    for text in ("abc", "-1", "1.0", ""):
        outcome = shell("scontrol", "show", f"job={text}")
        assert outcome.code == 1, text
        assert outcome.err == "scontrol_print_job error: Invalid job id specified\n"
    huge = shell("scontrol", "show", "job", "9" * 40)
    assert huge.err == "slurm_load_jobs error: Invalid job id specified\n"


def test_limits_that_cannot_be_moved(database, cursor, shell):
    job = submit(database, time_limit=600)
    outcome = shell("scontrol", "update", "jobid=99", "timelimit=+5")
    assert outcome.err == (
        "scontrol: error: Could not load state information for job 99: Invalid job id specified\n"
    )
    outcome = shell("scontrol", "update", f"jobid={job},{job}", "timelimit=+5")
    assert outcome.err == (
        "scontrol: error: TimeLimit increment/decrement not supported for job arrays\n"
    )
    outcome = shell("scontrol", "update", f"jobid={job}", "timelimit=+x")
    assert outcome.err == "scontrol: error: Invalid TimeLimit value\n"
    start(cursor, job)
    end(cursor, job)


def test_update_by_name_names_elements(database, cursor, shell):
    job = submit(database, name="arr", array_indices="{[1,4)}")
    cursor.execute("SELECT id FROM scns.split_array(%s, '{2}')", (job,))
    with answering(database) as daemon:
        shell("scontrol", "update", "jobname=arr", "nice=5")
    assert daemon.last.target == [{"job": job}, {"job": job, "tasks": "{[2,3)}"}]
    outcome = shell("scontrol", "update", "jobname=arr", "userid=60001", "nice=5")
    assert outcome.err == ("scontrol: error: No jobs with user ID 60001 and name 'arr'\n")
    assert shell("scontrol", "update", "nice=5", "userid=0").code == 1


def test_names_the_database_cannot_hold_match_nothing(database, shell):
    job = submit(database, name="\ufffd")
    odd = "a\udcff\0"
    cases = [
        ("scontrol", ["show", "node", odd], 1),
        ("scontrol", ["-Q", "show", "partition", odd], 1),
        ("scontrol", ["show", "aliases", odd], 0),
        ("scontrol", ["hold", f"name={odd}"], 0),
        ("scontrol", ["update", f"jobname={odd}", "nice=1"], 1),
        ("scontrol", ["update", "jobname=x", f"userid={odd}", "nice=1"], 1),
        ("sacct", ["-n", "-A", odd], 0),
        ("sacct", ["-n", f"--name={odd}"], 0),
        ("sacct", ["-n", "-N", odd], 0),
        ("sacct", ["-u", odd], 1),
        ("scancel", ["-n", odd], 0),
        ("scancel", ["-w", odd], 0),
        ("scancel", ["-u", odd], 1),
        ("squeue", ["-h", "-n", odd], 0),
        ("squeue", ["-h", "-w", odd], 1),
        ("sinfo", ["-h", "-p", odd], 0),
    ]
    for command, words, code in cases:
        outcome = shell(command, *words)
        assert outcome.code == code, (command, words, outcome)
        assert str(job) not in outcome.out
