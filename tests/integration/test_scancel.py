"""scancel：点名、筛选、信号、确认、消息与退出码；来源是 golden/scancel.toml 与 messages.md。"""

from __future__ import annotations

import pytest

from tests.integration.answering import Shell, answering, start, submit

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def shell(database, monkeypatch):
    return Shell(database, monkeypatch)


def refuse(*sentences):
    """依次给各目标这些句子；None 是做到了。"""
    return lambda _: [None if sentence is None else {"error": sentence} for sentence in sentences]


def test_success_is_silent_and_asks_for_the_whole_job(database, shell):
    with answering(database) as daemon:
        outcome = shell("scancel", "42")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert daemon.last.verb == "cancel"
    assert daemon.last.target == [{"job": 42}]
    assert daemon.last.argument == {"signal": None, "scope": "all", "states": []}


def test_several_ids_and_array_parts_are_one_request(database, shell):
    with answering(database) as daemon:
        assert shell("scancel", "42", "43_7", "44_[1-3,9]", "45_*,46").code == 0
    assert len(daemon.asked) == 1
    assert daemon.last.target == [
        {"job": 42},
        {"job": 43, "tasks": "{[7,8)}"},
        {"job": 44, "tasks": "{[1,4),[9,10)}"},
        {"job": 45},
        {"job": 46},
    ]


@pytest.mark.parametrize(
    "sentence", ["Invalid job id specified", "Job/step already completing or completed"]
)
def test_job_that_is_gone_is_an_error_only_with_verbose(database, shell, sentence):
    with answering(database, refuse(sentence)):
        quiet = shell("scancel", "99")
        verbose = shell("scancel", "-v", "99")
    assert (quiet.code, quiet.err) == (0, "")
    assert (verbose.code, verbose.err) == (
        0,
        f"scancel: Terminating job 99\nscancel: error: Kill job error on job id 99: {sentence}\n",
    )


def test_refused_job_does_not_stop_the_others_and_sets_the_exit_code(database, shell):
    with answering(database, refuse(None, "Access/permission denied", None)):
        outcome = shell("scancel", "42", "43", "44")
    assert outcome.code == 210
    assert outcome.err == "scancel: error: Kill job error on job id 43: Access/permission denied\n"


def test_signal_and_scope_go_into_the_argument(database, cursor, shell):
    job = submit(database)
    start(cursor, job)
    cases = [
        (["-s", "USR1"], {"signal": 10, "scope": "steps", "states": []}),
        (["-s", "sigusr1", "-b"], {"signal": 10, "scope": "batch", "states": []}),
        (["-f", "--signal=12"], {"signal": 12, "scope": "all", "states": []}),
        (["-s", "KILL"], {"signal": None, "scope": "all", "states": []}),
        (["-b"], {"signal": None, "scope": "batch", "states": []}),
        (["-t", "r"], {"signal": None, "scope": "all", "states": ["RUNNING"]}),
    ]
    with answering(database) as daemon:
        for words, argument in cases:
            assert shell("scancel", str(job), *words).code == 0
            assert daemon.last.argument == argument, words


def test_verbose_says_what_is_done(database, cursor, shell):
    job = submit(database)
    start(cursor, job)
    cases = [
        (["-v"], "Terminating job {}"),
        (["-v", "-s", "TERM"], "Signal 15 to job {}"),
        (["-v", "-b", "-s", "USR1"], "Signal 10 to batch job {}"),
        (["-v", "-f"], "Terminating full job {}"),
        (["-v", "-s", "KILL"], "Signal 9 to job {}"),
    ]
    with answering(database):
        for words, line in cases:
            outcome = shell("scancel", *words, str(job))
            assert outcome.err == f"scancel: {line.format(job)}\n"


def test_signal_to_a_pending_job_is_reported(database, shell):
    job = submit(database)
    with answering(database, refuse("Job is pending execution")):
        outcome = shell("scancel", "-s", "USR1", str(job))
    assert outcome.code == 2024 % 256
    assert "Job is pending execution" in outcome.err


def test_filters_choose_among_active_jobs(database, cursor, shell):
    mine = submit(database, name="a", partition="main")
    submit(database, name="b", partition="main")
    submit(database, name="a", partition="short")
    running = submit(database, user="u:alice", name="a")
    start(cursor, running)
    cases = {
        ("-n", "a"): 3,
        ("-n", "a", "-p", "main"): 2,
        ("-n", "a", "-u", "60001"): 1,
        ("-t", "PD"): 3,
        ("-t", "running"): 1,
        ("-w", "n[1-3]"): 1,
        ("-A", "alice"): 1,
        ("-n", "a", str(mine)): 1,
    }
    for words, count in cases.items():
        with answering(database) as daemon:
            assert shell("scancel", *words).code == 0
        assert len(daemon.last.target) == count, words


def test_filter_that_matches_nothing_asks_nothing(database, shell):
    job = submit(database)
    with answering(database) as daemon:
        for words in (["-p", "nosuch"], ["-t", "RUNNING", str(job)], ["-p", "short", str(job)]):
            outcome = shell("scancel", *words)
            assert (outcome.code, outcome.err) == (0, "")
        verbose = shell("scancel", "-v", "-n", "nosuch")
    assert not daemon.asked
    assert verbose.err == (
        "scancel: error: No active jobs match ALL job filters, including: job_name=nosuch \n"
    )


def test_filters_come_from_the_environment_too(database, monkeypatch, shell):
    submit(database, name="a")
    submit(database, name="b")
    monkeypatch.setenv("SCANCEL_NAME", "b")
    with answering(database) as daemon:
        shell("scancel")
    assert len(daemon.last.target) == 1


def test_pending_jobs_are_cancelled_before_running_ones(database, cursor, shell):
    first = submit(database, name="x")
    start(cursor, first)
    second = submit(database, name="x")
    with answering(database) as daemon:
        shell("scancel", "-n", "x")
    assert daemon.last.target == [{"job": second}, {"job": first}]


def test_unknown_id_beside_a_filter_is_reported(database, shell):
    job = submit(database, name="x")
    with answering(database) as daemon:
        outcome = shell("scancel", "-n", "x", "999", str(job))
        quiet = shell("scancel", "-Q", "-n", "x", "999")
    assert (outcome.code, outcome.err) == (
        1,
        "scancel: error: Kill job error on job id 999: Invalid job id specified\n",
    )
    assert (quiet.code, quiet.err) == (1, "")
    assert daemon.last.target == [{"job": job}]


def test_filtered_array_names_the_elements_that_wait(database, cursor, shell):
    job = submit(database, name="x", array_indices="{[1,6)}", array_limit=2)
    cursor.execute("SELECT id FROM scns.split_array(%s, '{1}')", (job,))
    (element,) = cursor.fetchone()
    start(cursor, element)
    with answering(database, refuse("Access/permission denied", None)) as daemon:
        outcome = shell("scancel", "-n", "x")
    assert daemon.last.target == [
        {"job": job, "tasks": "{[2,6)}"},
        {"job": job, "tasks": "{[1,2)}"},
    ]
    assert f"job id {job}_[2-5%2]: Access/permission denied" in outcome.err


def test_named_elements_are_cut_to_what_is_there(database, shell):
    job = submit(database, name="x", array_indices="{[1,6)}")
    with answering(database) as daemon:
        shell("scancel", "-n", "x", f"{job}_[4-9]")
    assert daemon.last.target == [{"job": job, "tasks": "{[4,6)}"}]


def test_step_is_named_in_the_target(database, cursor, shell):
    job = submit(database)
    start(cursor, job)
    with answering(database, refuse("Invalid job id specified")) as daemon:
        outcome = shell("scancel", f"{job}.7")
    assert daemon.last.target == [{"job": job, "step": 7}]
    assert outcome.code == 225
    assert outcome.err == (
        f"scancel: error: Kill job error on job step id {job}: Invalid job id specified\n"
    )


def test_step_of_a_pending_job_asks_nothing(database, shell):
    job = submit(database)
    with answering(database) as daemon:
        assert shell("scancel", f"{job}.0").code == 0
    assert not daemon.asked


def test_interactive_asks_until_yes_or_no(database, shell):
    job = submit(database, name="ask")
    question = f"Cancel job_id={job} name=ask partition=main [y/n]? "
    cases = [("y\n", 1, 1), ("Yes\n", 1, 1), ("n\n", 0, 1), ("", 0, 1), ("what\ny\n", 1, 2)]
    for stdin, asked, prompts in cases:
        with answering(database) as daemon:
            outcome = shell("scancel", "-i", str(job), stdin=stdin)
        assert (outcome.code, outcome.out) == (0, question * prompts)
        assert len(daemon.asked) == asked


def test_other_cluster_is_refused(database, shell):
    with answering(database):
        assert shell("scancel", "-M", "scns", "42").code == 0
        outcome = shell("scancel", "-M", "nosuch", "42")
    assert outcome.code == 1
    assert outcome.err.startswith(
        "scancel: error: No cluster 'nosuch' known by database.\n"
        "scancel: error: 'nosuch' can't be reached now"
    )


def test_request_is_kept_while_the_daemon_is_down(cursor, shell):
    outcome = shell("scancel", "42")
    assert outcome.code == 0
    assert outcome.err == (
        "scancel: warning: scnsd is not running; the request is stored and will be applied"
        " when it starts\n"
    )
    cursor.execute("SELECT verb, done_time FROM scns.request")
    assert cursor.fetchall() == [("cancel", None)]
