"""没有 cgroup 时，进程归哪个作业：纯函数的判断，以及名册。"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scns.stepd import tree
from scns.stepd.processes import Process
from scns.stepd.tree import Census, Script, Tree, attribute

STEPD, GUARDIAN = 10, 9
OURS = {STEPD, GUARDIAN}
ANN, BOB = 1001, 1002

#: 两个用户，三个作业。
ROSTER = {"a": Script(100, 5, ANN), "b": Script(200, 5, ANN), "c": Script(300, 5, BOB)}


def process(
    pid: int,
    parent: int,
    session: int | None = None,
    uid: int = ANN,
    mark: str | None = None,
    ticks: int = 5,
) -> Process:
    """一个进程；不说会话的自成会话。"""
    return Process(pid, parent, session or pid, ticks, uid, mark)


def owners(
    *processes: Process,
    roster: dict[str, Script] = ROSTER,
    known: dict[int, tuple[int, str]] | None = None,
    helpers: Iterable[int] = (),
) -> dict[int, str]:
    """进程号到记号。"""
    table = {each.pid: each for each in processes}
    found = attribute(table, roster, OURS, known or {}, set(helpers))
    return {pid: mark for pid, (_, mark) in found.items()}


def test_descendants_belong_to_their_script():
    found = owners(process(100, STEPD), process(101, 100), process(102, 101), process(200, STEPD))
    assert found == {100: "a", 101: "a", 102: "a", 200: "b"}


def test_what_hangs_below_a_helper_belongs_to_no_job():
    script = process(300, STEPD, uid=BOB)
    helper, child = process(150, STEPD, uid=BOB), process(151, 150, uid=BOB)
    assert owners(script, helper, child, helpers=[150]) == {300: "c"}
    assert owners(script, helper, child) == {300: "c", 150: "c", 151: "c"}


def test_orphan_is_known_by_its_session():
    assert owners(process(150, STEPD, session=100)) == {150: "a"}


def test_orphan_is_known_by_the_mark_in_its_environment():
    assert owners(process(150, GUARDIAN, mark="b"), process(151, 150)) == {150: "b", 151: "b"}


def test_mark_of_another_user_counts_for_nothing():
    assert owners(process(150, 1, uid=BOB, mark="a")) == {}


def test_mark_of_another_instance_counts_for_nothing():
    assert owners(process(150, 1, mark="elsewhere.1.1")) == {}


def test_orphan_is_known_from_before():
    assert owners(process(150, STEPD), known={150: (5, "b")}) == {150: "b"}


def test_reused_pid_is_not_taken_for_the_one_known_before():
    assert owners(process(150, 1, ticks=6), known={150: (5, "b")}) == {}


def test_reused_session_is_not_taken_for_the_one_of_the_script():
    impostor = process(100, 1, ticks=6)
    assert owners(impostor, process(101, 100, session=100)) == {}


def test_scrubbed_orphan_belongs_to_the_only_job_of_its_user():
    assert owners(process(350, STEPD, uid=BOB), process(351, 350, uid=BOB)) == {350: "c", 351: "c"}


def test_scrubbed_orphan_with_several_candidates_belongs_to_nobody():
    assert owners(process(150, STEPD), process(151, 150)) == {}


def test_processes_of_others_are_left_alone():
    assert owners(process(1, 0, uid=0), process(50, 1), process(51, 50)) == {}


def test_stepd_and_the_guardian_are_nobodys_even_with_a_mark():
    # stepd 自己可以是在另一个作业里启动的
    assert owners(process(GUARDIAN, 1, mark="a"), process(STEPD, GUARDIAN, session=100)) == {}


def test_circle_of_parents_does_not_hang():
    assert owners(process(50, 51), process(51, 50)) == {}


@st.composite
def forests(draw: st.DrawFn) -> list[Process]:
    """一片随便长的进程，父亲的号码总是小些，根都挂在我们或 init 名下。"""
    count = draw(st.integers(1, 12))
    grown: list[Process] = []
    for pid in range(400, 400 + count):
        parents = [1, STEPD, GUARDIAN, 100, 200, 300, *range(400, pid)]
        grown.append(
            process(
                pid,
                draw(st.sampled_from(parents)),
                uid=draw(st.sampled_from([ANN, BOB])),
                mark=draw(st.sampled_from([None, None, "a", "b", "c", "x"])),
            )
        )
    return grown


@given(forest=forests())
@settings(max_examples=200, deadline=None)
def test_child_without_a_claim_of_its_own_follows_its_parent(forest: list[Process]):
    scripts = [process(script.pid, STEPD, uid=script.uid) for script in ROSTER.values()]
    found = owners(*scripts, *forest)
    for each in forest:
        claimed = each.mark in ROSTER and ROSTER[each.mark].uid == each.uid
        if claimed:
            assert found[each.pid] == each.mark
        elif each.parent not in (1, STEPD, GUARDIAN):
            assert found.get(each.pid) == found.get(each.parent)
        elif each.parent == 1:
            assert each.pid not in found
    assert not OURS & set(found)


@pytest.fixture
def census(monkeypatch: pytest.MonkeyPatch) -> Iterable[Census]:
    """以测试自己为 stepd 的名册；测试进程原有的孩子（例如数据库）与作业无关。"""
    made = Census([os.getpid()])
    made.helpers.update(tree.children(os.getpid()) or ())
    yield made


def test_census_looks_no_further_than_the_list_of_children(
    census: Census, monkeypatch: pytest.MonkeyPatch
):
    child = subprocess.Popen(["sleep", "60"])
    try:
        census.enrol("a", Script(child.pid, 0, os.geteuid()))
        monkeypatch.setattr(tree, "scan", lambda uids: pytest.fail("scanned"))
        assert not census.suspects("a")
        assert Tree(census, "a").empty()
        monkeypatch.setattr(tree, "children", lambda pid: None)  # 内核没有名单
        assert census.suspects("a")
    finally:
        child.kill()
        child.wait()


def test_census_suspects_a_stranger_until_it_is_known(census: Census):
    own = subprocess.Popen(["sleep", "60"], start_new_session=True)
    helper = subprocess.Popen(["sleep", "60"])
    try:
        census.helpers.add(helper.pid)
        assert census.suspects("a")
        census.enrol("a", Script(own.pid, 0, os.geteuid()))
        assert not census.suspects("a")
        census.forget(own.pid)  # 已收尸
        assert census.suspects("a")
        census.strike("a")
        census.forget(helper.pid)
        assert census.suspects("b")
    finally:
        for child in (own, helper):
            child.kill()
            child.wait()


def test_tree_lists_and_kills_what_hangs_below_the_script(census: Census):
    script = subprocess.Popen(
        ["sh", "-c", "setsid sleep 60 & sleep 60 & echo ready; wait"],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert script.stdout is not None
    script.stdout.readline()
    now = tree.stat(script.pid)
    assert now is not None
    census.enrol("a", Script(script.pid, now.ticks, os.geteuid()))
    found = Tree(census, "a", detached=True)
    pids = found.pids()
    assert script.pid in pids
    assert len(pids) == 3
    assert all(map(found.holds, pids))
    assert not found.holds(os.getpid())
    found.kill()
    script.stdout.close()
    assert script.wait() == -signal.SIGKILL
    census.expire()
    assert not found.pids() or not [pid for pid in found.pids() if pid == script.pid]
