"""stepd 怎样发信号、结束作业、清除遗留的进程；有 cgroup 与没有 cgroup 两种。"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.integration.stepd_pair import Pair, is_alive, wait_for


def test_kill_gives_grace_then_kills_and_leaves_a_line(pair: Pair):
    script = "#!/bin/bash\ntrap 'echo term' TERM\necho ready\nwhile :; do sleep .05; done\n"
    pair.submit(1, script)
    wait_for(lambda: "ready" in pair.output(1))
    asked = time.time()
    pair.order("kill", 1, grace=1, message="slurmstepd-n1: error: *** JOB 1 CANCELLED ***")
    ended = pair.ended(1)
    assert ended["status"] == signal.SIGKILL
    assert ended["cause"] == "killed"
    assert ended["ended"] - asked >= 0.9
    lines = pair.output(1).splitlines()
    assert "term" in lines
    assert "slurmstepd-n1: error: *** JOB 1 CANCELLED ***" in lines


def test_kill_can_be_hurried(pair: Pair):
    pair.submit(1, "#!/bin/bash\ntrap '' TERM\necho $$\nwhile :; do sleep 60; done\n")
    pair.pids_in(1)
    pair.order("kill", 1, grace=600, message=None)
    pair.order("kill", 1, grace=0, message=None)
    assert pair.ended(1)["status"] == signal.SIGKILL


def test_signal_reaches_the_batch_script_or_everything(pair: Pair):
    script = (
        "#!/bin/bash\ntrap 'echo batch' USR1\n"
        "bash -c \"trap 'echo child' USR1; echo 1; while :; do sleep .02; done\" &\n"
        "setsid bash -c \"trap 'echo step' USR1; echo 2; while :; do sleep .02; done\" &\n"
        "echo 3\nwhile :; do sleep .02; done\n"
    )

    def words() -> list[str]:
        found = (word for word in pair.output(1).split() if word in ("batch", "child", "step"))
        return sorted(found)

    pair.submit(1, script)
    pair.pids_in(1, 3)
    pair.order("signal", 1, signal=int(signal.SIGUSR1), scope="batch")
    wait_for(lambda: words() == ["batch"])
    pair.order("signal", 1, signal=int(signal.SIGUSR1), scope="steps")
    wait_for(lambda: "step" in words())
    pair.order("signal", 1, signal=int(signal.SIGUSR2), scope="steps")
    pair.order("signal", 1, signal=int(signal.SIGUSR1), scope="nonsense")
    assert words() == ["batch", "step"]
    pair.order("signal", 1, signal=int(signal.SIGUSR1), scope="all")
    wait_for(lambda: words() == ["batch", "batch", "child", "step"])
    pair.order("kill", 1, grace=5, message=None)
    pair.ended(1)


def test_suspend_stops_the_whole_tree_and_resume_continues_it(pair: Pair):
    script = "#!/bin/bash\nsetsid bash -c 'echo $$; exec sleep 60' &\necho $$\nsleep 60 & wait\n"
    pair.submit(1, script)
    pids = pair.pids_in(1, 2)

    def states() -> set[str]:
        return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids}

    pair.order("suspend", 1)
    wait_for(lambda: states() == {"T"})
    pair.order("resume", 1)
    wait_for(lambda: states() == {"S"})
    pair.order("suspend", 1)
    wait_for(lambda: states() == {"T"})
    pair.order("kill", 1, grace=10, message=None)
    asked = time.time()
    assert pair.ended(1)["ended"] - asked < 5


LEFTOVERS = {
    "background": "sleep 300 & echo $!",
    "own session": "setsid sleep 300 & echo $!",
    "double fork": "(setsid sh -c 'echo $$; exec sleep 300' &)",
    "scrubbed": "(env -i /usr/bin/setsid /bin/sh -c 'echo $$; exec sleep 300' &)",
    "immune": "(setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' &)",
}


@pytest.mark.parametrize("kind", LEFTOVERS)
def test_nothing_of_a_job_outlives_it(pair: Pair, kind: str):
    script = f"#!/bin/sh\n{LEFTOVERS[kind]}\nwhile [ ! -s out1 ]; do sleep .01; done\n"
    pair.submit(1, script)
    ended = pair.ended(1)
    assert ended["status"] == 0
    assert ended["cause"] is None
    assert ended["leftover"] >= 1
    assert not any(map(is_alive, pair.pids_in(1)))


@pytest.mark.parametrize("kind", LEFTOVERS)
def test_nothing_of_a_job_outlives_its_kill(pair: Pair, kind: str):
    pair.submit(1, f"#!/bin/sh\n{LEFTOVERS[kind]}\nsleep 300\n")
    pids = pair.pids_in(1)
    pair.order("kill", 1, grace=0.5, message=None)
    pair.ended(1)
    assert not any(map(is_alive, pids))


def test_leftovers_of_one_job_do_not_take_another_down(pair: Pair):
    pair.submit(1, "#!/bin/sh\n(setsid sh -c 'echo $$; exec sleep 300' &)\nsleep 300\n")
    other = pair.pids_in(1)
    pair.run(2, f"#!/bin/sh\n{LEFTOVERS['double fork']}\nsleep .2\n")
    assert not any(map(is_alive, pair.pids_in(2)))
    assert all(map(is_alive, other))
    pair.order("pids", 1)
    listed = pair.expect(lambda m: m["op"] == "pids")["pids"]
    assert set(other) < set(listed)


def test_scrubbed_orphan_goes_with_the_last_job_of_its_user(pair: Pair):
    # 没有 cgroup 时分不清它是哪个作业的，留到只剩一个候选；有 cgroup 时当场就清除
    pair.submit(1, "#!/bin/sh\necho $$; sleep 300\n")
    pair.pids_in(1)
    pair.run(2, f"#!/bin/sh\n{LEFTOVERS['scrubbed']}\nsleep .2\n")
    orphans = pair.pids_in(2)
    pair.order("kill", 1, grace=5, message=None)
    pair.ended(1)
    assert not any(map(is_alive, orphans))
