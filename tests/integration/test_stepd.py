"""stepd 的日常：启动、输出、客户端、规矩；真的进程，有 cgroup 与没有 cgroup 两种。"""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scns.stepd import protocol
from tests.integration.stepd_pair import Pair, is_alive, wait_for

AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="needs root")
NOBODY = 65534


@pytest.fixture
def one(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """与怎样找进程无关的，一遍就够。"""
    made = Pair()
    yield made
    made.close()


@pytest.fixture
def shared() -> Iterator[Pair]:
    """共享实例：root 启动，跑别人的作业。"""
    made = Pair(shared=True)
    yield made
    made.close()


def as_nobody(**changes: object) -> dict[str, object]:
    """以 nobody 的身份启动要换的字段。"""
    return {"uid": NOBODY, "gid": NOBODY, "user": "nobody", **changes}


# ---- 启动 ----


def test_script_runs_with_its_environment_arguments_and_name(one: Pair):
    script = (
        "#!/bin/sh\n"
        'echo "$0"; echo "$*"; echo "$KEPT-$GONE-$ADDED-$SLURM_JOB_ID"\n'
        'echo $SLURM_TASK_PID $$; pwd; umask; printf "%s" "$BYTES" | od -An -tx1; exit 3\n'
    )
    ended = one.run(
        7,
        script,
        arguments=["a b", "c"],
        variables={"SLURM_JOB_ID": "7", "GONE": None, "ADDED": "x\ny", "BYTES": "\udcff"},
        umask=0o027,
    )
    name, words, *variables, pids, directory, mask, data = one.output(7).splitlines()
    assert name.endswith("/job00007/slurm_script")
    assert words == "a b c"
    assert variables == ["yes--x", "y-7"]
    assert len(set(pids.split())) == 1
    assert directory == str(one.work)
    assert mask == "0027"
    assert data.split() == ["ff"]
    assert (one.work / "out7").stat().st_mode & 0o777 == 0o640
    assert ended["status"] == 3 << 8
    assert ended["cause"] is None
    assert ended["leftover"] == 0
    assert ended["started"] <= ended["ended"] <= time.time()
    assert ended["max_rss"] > 0


def test_script_inherits_three_descriptors_and_default_signals(one: Pair):
    one.run(1, "#!/bin/sh\nexec ls /proc/self/fd\n")
    assert one.output(1).split() == ["0", "1", "2", "3"]  # 3 是 ls 打开的目录
    one.run(
        2,
        "#!/bin/sh\nreadlink /proc/$$/fd/0; ps -o pid=,pgid=,sid= -p $$\n"
        "exec grep -E 'Sig(Blk|Ign)' /proc/self/status\n",
    )
    null, leader, *masks = one.output(2).splitlines()
    assert null == "/dev/null"
    assert len(set(leader.split())) == 1
    assert [int(mask.split()[1], 16) for mask in masks] == [0, 0]


def test_limits_are_soft_and_bounded_by_the_hard_ones(one: Pair):
    script = "#!/bin/sh\nulimit -Sn; ulimit -Hn; ulimit -Sc; nice\n"
    one.run(1, script, limits={"NOFILE": [77], "CORE": [2**64 - 1], "NOSUCH": [1]}, nice=5)
    soft, hard, core, nice = one.output(1).split()
    assert soft == "77"
    assert hard != "77"
    assert core == "unlimited"
    assert nice == "5"


def test_cpus_that_do_not_exist_are_ignored(one: Pair):
    script = "#!/bin/sh\ngrep Cpus_allowed_list /proc/self/status\n"
    first = min(os.sched_getaffinity(0))
    one.run(1, script, cpus=[first, 9999])
    one.run(2, script, cpus=[9999])
    assert one.output(1).split()[-1] == str(first)
    assert one.output(2).split()[-1] != str(first) or len(os.sched_getaffinity(0)) == 1


def test_output_is_truncated_or_appended_to(one: Pair):
    script = "#!/bin/sh\necho new\n"
    for job, append in ((1, False), (2, True)):
        (one.work / f"out{job}").write_text("old\n")
        one.run(job, script, append=append)
    assert one.output(1) == "new\n"
    assert one.output(2) == "old\nnew\n"


def test_streams_can_be_three_files_with_relative_names(one: Pair):
    (one.work / "in").write_text("from the file\n")
    one.run(1, "#!/bin/sh\ncat; echo bad >&2\n", stdin="in", stdout="o", stderr="e")
    assert (one.work / "o").read_text() == "from the file\n"
    assert (one.work / "e").read_text() == "bad\n"


def test_status_tells_signal_and_core_apart_from_exit_code(one: Pair):
    assert one.run(1, "#!/bin/sh\nkill -USR1 $$\n")["status"] == signal.SIGUSR1
    assert one.run(2, "#!/bin/sh\nexit 137\n")["status"] == 137 << 8


def test_two_hundred_jobs_at_once_all_end(pair: Pair):
    script = "#!/bin/sh\nread line; exit $((SLURM_JOB_ID % 100))\n"
    fifo = pair.work / "gate"
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)
    starts = [pair.spec(job, script, stdin=str(fifo)) for job in range(1, 201)]
    pair.client.send([*pair.bodies(script), *starts])
    for job in range(1, 201):
        pair.expect(lambda m, job=job: m["op"] == "started" and m["job"] == job)
    pids = {job["pid"] for job in pair.hello()["jobs"]}
    # 都换成了脚本，标准输入已经打开
    wait_for(lambda: all(os.readlink(f"/proc/{pid}/fd/0") == str(fifo) for pid in pids))
    assert len(pids) == 200
    os.close(writer)
    codes = {job: pair.ended(job, seconds=30)["status"] >> 8 for job in range(1, 201)}
    assert codes == {job: job % 100 for job in range(1, 201)}


# ---- 启动不了的 ----


def test_missing_bodies_are_asked_for_and_the_start_can_be_repeated(one: Pair):
    script = "#!/bin/sh\nexit 4\n"
    one.client.send([one.spec(5, script)])
    answer = one.expect(lambda m: m["op"] == "missing")
    assert answer == {"op": "missing", "job": 5, "attempt": 1, "what": ["script", "environment"]}
    assert one.hello()["jobs"] == []
    assert one.run(5, script)["status"] == 4 << 8


def test_output_that_cannot_be_opened_ends_the_job_with_53(one: Pair):
    ended = one.run(1, "#!/bin/sh\ntouch ran\n", stdout=str(one.work / "no" / "such"))
    assert ended["status"] == protocol.LAUNCH_FAILED
    assert os.WTERMSIG(ended["status"]) == 53
    assert ended["cause"] == "launch"
    assert ended["error"] == (
        f"Could not open stdout file {one.work}/no/such: No such file or directory"
    )
    assert not (one.work / "ran").exists()


def test_missing_directory_is_replaced_by_tmp_with_two_lines(one: Pair):
    one.run(1, "#!/bin/sh\npwd\n", directory="/no such/dir")
    line = (
        "slurmstepd-n1: error: couldn't chdir to `/no such/dir': "
        "No such file or directory: going to /tmp instead"
    )
    assert one.output(1).splitlines() == [line, line, "/tmp"]


@pytest.mark.parametrize(
    ("script", "complaint", "code"),
    [
        (
            "#!/nosuch/interpreter -x\n",
            "bad interpreter(/nosuch/interpreter -x): No such file or directory",
            errno.ENOENT,
        ),
        ("#!/etc/passwd\n", "slurm_script: Permission denied", errno.EACCES),
        ("no interpreter line\n", "slurm_script: Exec format error", errno.ENOEXEC),
    ],
)
def test_script_that_cannot_be_executed_says_so_in_the_output(
    one: Pair, script: str, complaint: str, code: int
):
    ended = one.run(1, script)
    assert ended["status"] == code << 8
    assert ended["cause"] is None
    assert one.output(1).startswith("slurmstepd-n1: error: execve(): ")
    assert one.output(1).endswith(f"{complaint}\n")


def test_fifo_without_a_reader_holds_up_its_own_job_only(pair: Pair):
    fifo = pair.work / "fifo"
    os.mkfifo(fifo)
    pair.submit(1, "#!/bin/sh\necho hi\n", stdout=str(fifo))
    assert pair.run(2, "#!/bin/sh\nexit 9\n")["status"] == 9 << 8
    pair.order("kill", 1, grace=5, message="a line for nobody")
    ended = pair.ended(1)
    assert ended["status"] == signal.SIGTERM
    assert ended["cause"] == "killed"


def test_duplicate_start_is_answered_and_not_executed(one: Pair):
    script = "#!/bin/sh\necho x >>count; read line <gate; exit 5\n"
    os.mkfifo(one.work / "gate")
    first = one.submit(1, script)
    again = one.submit(1, script)
    assert again == first
    (one.work / "gate").write_text("go\n")
    ended = one.ended(1)
    assert one.submit(1, script) == ended
    assert (one.work / "count").read_text() == "x\n"


def test_other_attempts_are_refused_while_one_is_known(one: Pair):
    script = "#!/bin/sh\nsleep 60\n"
    one.submit(1, script, attempt=2)
    older = one.submit(1, script, attempt=1)
    assert (older["op"], older["error"]) == ("refused", "attempt 2 is known, 1 is out of date")
    newer = one.submit(1, script, attempt=3)
    assert (newer["op"], newer["error"]) == ("refused", "attempt 2 is still running")
    one.order("kill", 1, attempt=2, grace=5, message=None)
    one.ended(1, attempt=2)
    # 上一次结束了，虽然还没有确认，下一次可以启动
    assert one.submit(1, script, attempt=3)["op"] == "started"


def test_malformed_start_is_refused_and_the_connection_lives(one: Pair):
    refused = one.submit(1, "#!/bin/sh\n", grace="long")
    assert refused == {
        "op": "refused",
        "job": 1,
        "attempt": 1,
        "error": "grace is not a number",
    }
    one.client.send([{"op": "nonsense"}, {"no": "op"}])
    assert one.submit(2, "#!/bin/sh\n", script="../../x")["error"] == (
        "script is not a hexadecimal key"
    )
    assert one.run(3, "#!/bin/sh\n")["status"] == 0


# ---- 客户端与规矩 ----


def test_end_is_repeated_until_acknowledged(one: Pair):
    script = "#!/bin/sh\nread line <gate; exit 6\n"
    os.mkfifo(one.work / "gate")
    started = one.submit(1, script)
    one.client.close()
    (one.work / "gate").write_text("go\n")
    wait_for(lambda: not is_alive(started["pid"]))
    for _ in range(2):
        one.connect()
        (job,) = wait_for(lambda: [j for j in one.hello()["jobs"] if j.get("op") == "ended"])
        assert (job["job"], job["status"]) == (1, 6 << 8)
    one.order("ack", 1)
    assert one.hello()["jobs"] == []


def test_every_client_hears_of_every_end(one: Pair):
    with protocol.connect(str(one.run_dir)) as other:
        other.send([{"op": "hello"}])
        wait_for(lambda: other.receive(1))
        one.run(1, "#!/bin/sh\n")
        heard: list[protocol.Message] = []
        wait_for(lambda: heard.extend(other.receive(1)) or len(heard) >= 2)
        assert [message["op"] for message in heard] == ["started", "ended"]


def test_socket_works_in_a_directory_with_a_long_name():
    pair = Pair(run_dir="/".join(["d" * 60] * 3))
    try:
        assert pair.run(1, "#!/bin/sh\nexit 2\n")["status"] == 2 << 8
    finally:
        pair.close()


def test_garbage_drops_the_connection_and_nothing_else(one: Pair):
    with socket.socket(socket.AF_UNIX) as peer, protocol.address(str(one.run_dir)) as path:
        peer.connect(path)
        peer.sendall(b"\xff\xff\xff\xffgarbage")
        assert peer.recv(10) == b""
    assert one.run(1, "#!/bin/sh\n")["status"] == 0


def test_second_pair_says_that_one_is_running(one: Pair):
    result = one.launch()
    assert result.returncode == 1
    assert f"stepd is already running in {one.run_dir}" in result.stderr


def test_stepd_sleeps_when_there_is_nothing_to_do(pair: Pair):
    pair.submit(1, "#!/bin/sh\nexec sleep 300\n")
    pids = [pair.pid("stepd"), pair.pid("guardian")]

    def switches() -> list[str]:
        lines = [Path(f"/proc/{pid}/status").read_text().splitlines() for pid in pids]
        return [line for each in lines for line in each if "ctxt_switches" in line]

    def settled() -> list[str]:
        before = switches()
        time.sleep(0.05)
        return before if switches() == before else []

    before = wait_for(settled)
    time.sleep(1.0)  # 什么也不发生，正是要验证的
    assert switches() == before


def test_term_ends_all_jobs_and_their_ends_are_kept(pair: Pair):
    pair.submit(1, "#!/bin/sh\necho $$; sleep 300\n")
    pids = [*pair.pids_in(1), pair.pid("stepd"), pair.pid("guardian")]
    os.kill(pids[-1], signal.SIGTERM)
    wait_for(lambda: not any(map(is_alive, pids)))
    assert [path.name for path in pair.run_dir.iterdir()] == ["stepd.lock"]
    pair.start()
    (job,) = pair.hello()["jobs"]
    assert (job["cause"], job["status"]) == ("killed", signal.SIGTERM)


def test_shutdown_can_leave_jobs_running_for_the_next_pair(pair: Pair):
    script = "#!/bin/sh\necho $$; read line <gate; exit 8\n"
    os.mkfifo(pair.work / "gate")
    pair.submit(1, script)
    (pid,) = pair.pids_in(1)
    pids = [pair.pid("stepd"), pair.pid("guardian")]
    pair.client.send([{"op": "shutdown", "kill": False}])
    wait_for(lambda: not any(map(is_alive, pids)))
    assert is_alive(pid)
    pair.start()
    (job,) = pair.hello()["jobs"]
    assert (job["state"], job["pid"]) == ("running", pid)
    (pair.work / "gate").write_text("go\n")
    ended = pair.ended(1)
    # 父进程已是 init：6.15 起的内核才问得到状态，不然如实说不知道
    assert (ended["status"], ended["cause"]) in [(8 << 8, None), (None, "lost")]


@needs_root
def test_job_runs_as_its_user_with_his_groups(shared: Pair):
    ended = shared.run(1, "#!/bin/sh\nid -u; id -ru; id -G; echo $HOME\n", **as_nobody())
    assert shared.output(1).split() == ["65534", "65534", "65534", "/"]
    assert (shared.work / "out1").stat().st_uid == NOBODY
    assert ended["status"] == 0


@needs_root
def test_stored_script_belongs_to_the_user_and_cannot_be_listed_by_others(shared: Pair):
    shared.run(1, "#!/bin/sh\nstat -L -c '%u %a' $0; ls ${0%/*} ${0%/*/*} 2>&1\n", **as_nobody())
    first, *rest = shared.output(1).splitlines()
    assert first == "65534 500"
    assert all("Permission denied" in line for line in rest)
    assert stat.S_IMODE((shared.home / "spool" / "journal").stat().st_mode) == 0o600


@needs_root
def test_output_through_a_link_to_a_file_of_root_is_refused(shared: Pair):
    secret = shared.home / "secret"
    secret.write_text("root's\n")
    secret.chmod(0o600)
    (shared.work / "link").symlink_to(secret)
    ended = shared.run(1, "#!/bin/sh\necho x\n", **as_nobody(stdout=str(shared.work / "link")))
    assert ended["status"] == protocol.LAUNCH_FAILED
    assert ended["error"].endswith("Permission denied")
    assert secret.read_text() == "root's\n"


@needs_root
def test_line_of_a_kill_is_written_with_the_rights_of_the_user(shared: Pair):
    secret = shared.home / "secret"
    secret.write_text("root's\n")
    secret.chmod(0o600)
    script = "#!/bin/sh\nrm out1; ln -s ../secret out1; echo $$ >ready; sleep 300\n"
    shared.submit(1, script, **as_nobody())
    wait_for(lambda: (shared.work / "ready").exists())
    shared.order("kill", 1, grace=5, message="a line")
    shared.ended(1)
    assert secret.read_text() == "root's\n"


@needs_root
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"uid": 0, "gid": 0, "user": "root"}, "jobs of root are not allowed"),
        ({"uid": 2, "gid": 2, "user": "bin"}, "jobs of system users (uid below 1000)"),
    ],
)
def test_shared_stepd_refuses_privileged_users(
    shared: Pair, changes: dict[str, object], error: str
):
    refused = shared.submit(1, "#!/bin/sh\n", **changes)
    assert refused["op"] == "refused"
    assert error in str(refused["error"]) or "script" in str(refused)


@needs_root
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"user": "root"}, "user root has uid 0 now, not 65534"),
        ({"user": "nosuch"}, "user nosuch does not exist"),
        ({"gid": 0}, "user nobody is not in group 0"),
        ({"groups": [0]}, "user nobody is not in group 0"),
    ],
)
def test_identity_that_does_not_match_the_account_is_not_assumed(
    shared: Pair, changes: dict[str, object], error: str
):
    ended = shared.run(1, "#!/bin/sh\n", **as_nobody(**changes))
    assert (ended["status"], ended["cause"]) == (protocol.LAUNCH_FAILED, "launch")
    assert ended["error"] == error


@needs_root
def test_only_the_named_client_and_root_may_command(one: Pair):
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(NOBODY, NOBODY, NOBODY)
            for _ in range(3):
                try:
                    with protocol.connect(str(one.run_dir)) as client:
                        client.send([{"op": "hello"}])
                        client.receive(5)
                    os._exit(1)
                except ConnectionError:
                    continue
            os._exit(0)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert one.log.read_text().count("refused a connection from uid 65534") == 1


@needs_root
def test_personal_stepd_runs_jobs_of_its_user_only(one: Pair):
    refused = one.submit(1, "#!/bin/sh\n", **as_nobody())
    assert refused["error"] == "only jobs of uid 0 run here"
