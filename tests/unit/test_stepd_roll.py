"""步的名册、作业的登记簿、旁听的名单与用量：纯的那部分。"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scns.stepd.job import Job
from scns.stepd.peer import MAX_TASKS, Audience, Peer, Refused, Wish
from scns.stepd.register import Register
from scns.stepd.roll import Roll
from scns.stepd.spec import Around, Field, Owner
from scns.stepd.step import Step, shell_code, worst
from scns.stepd.tree import Census, Script, Tree
from scns.stepd.usage import Usage

OWNER = {
    "label": "7", "uid": 1000, "gid": 1000, "user": "a", "groups": None, "directory": "/w",
    "stdout": "/w/out", "stderr": None, "grace": 1.0,
}  # fmt: skip


class Ear(Peer):
    """记下听到的。"""

    def __init__(self, uid: int = 1000) -> None:
        super().__init__(uid)
        self.heard_messages: list[Any] = []

    def send(self, message: Any) -> None:
        self.heard_messages.append(message)


def job(number: int = 7, attempt: int = 1) -> Job:
    census = Census(())
    script = Script(1, 1, 1000)
    return Job((number, attempt), f"m{number}", Owner(OWNER), script, Tree(census, "m"), 0.0)


def step(of: Job, number: int = 0, held: int = 1, count: int = 1) -> Step:
    return Step(of, number, "s", count, held, held, 1.5)


# ---- 步的名册 ----


def test_numbers_count_up_whatever_ends():
    roll, own = Roll(), job()
    for expected in range(3):
        assert roll.next_number(own) == expected
        roll.add(step(own, expected))
    roll.strike(roll.of(own)[2])
    assert roll.next_number(own) == 3


def test_only_running_steps_hold_processors():
    roll, own = Roll(), job()
    for number, held in enumerate((1, 2, 4)):
        roll.add(step(own, number, held))
    roll.of(own)[1].final = {"op": "step_ended"}
    assert roll.held(own) == 5
    assert roll.held(job(8)) == 0


def test_forgotten_job_takes_its_steps_along():
    roll, own, other = Roll(), job(), job(8)
    roll.add(step(own))
    roll.add(step(other))
    assert [each.job for each in roll.forget(own)] == [own]
    assert [each.job for each in roll] == [other]
    assert roll.find(own, 0) is None
    assert roll.forget(own) == []


def recover(*records: dict[str, Any]) -> tuple[Roll, Job]:
    roll, own = Roll(), job()
    roll.recover(own, SimpleNamespace(steps=list(records)))  # type: ignore[arg-type]
    return roll, own


STARTED = {"event": "step", "step": 4, "name": "s", "tasks": 2, "cpus": 2, "held": 2, "started": 1}


def test_steps_come_back_from_the_journal():
    roll, own = recover(
        STARTED,
        {"event": "tasks", "step": 4, "pids": [[10, 100], [11, 101]]},
        {"event": "task", "step": 4, "task": 1, "status": 256},
    )
    [found] = roll.of(own)
    assert [(task.pid, task.ended, task.status) for task in found.tasks] == [
        (10, False, None),
        (11, True, 256),
    ]
    assert roll.next_number(own) == 5
    assert roll.reports()[0]["op"] == "step_started"


def test_ended_step_is_reported_with_its_end():
    message = {"op": "step_ended", "step": 4}
    roll, _ = recover(STARTED, {"event": "step_ended", "step": 4, "message": message})
    assert roll.reports() == [message]


def test_numbers_that_were_used_are_not_used_again():
    roll, own = recover({"event": "next_step", "next": 9})
    assert roll.next_number(own) == 9
    roll, own = recover({"event": "task", "step": 3, "task": 0, "status": 0})
    assert (roll.next_number(own), roll.of(own)) == (4, [])


@pytest.mark.parametrize(
    "record", [{**STARTED, "tasks": "x"}, {**STARTED, "name": 1}, {**STARTED, "step": -1}]
)
def test_record_that_cannot_be_read_is_an_error(record: dict[str, Any]):
    with pytest.raises(ValueError, match=r"is not|out of range"):
        recover(record)


# ---- 登记簿 ----


def test_latest_attempt_is_the_one_that_is_meant():
    register = Register()
    first, second = job(7, 1), job(7, 2)
    for each in (second, first):
        register.add(each)
    assert register.latest(7) is second
    register.strike(first)
    assert register.latest(7) is second
    register.strike(second)
    assert register.latest(7) is None
    assert list(register) == []


def test_job_that_is_over_is_known_but_not_running():
    register, own = Register(), job()
    register.add(own)
    assert register.running(own.key) is own
    own.final = {"op": "ended"}
    assert register.get(own.key) is own
    assert register.alive() == []
    with pytest.raises(Refused):
        register.running(own.key)


@pytest.mark.parametrize(
    ("uid", "change", "sentence"),
    [
        (1000, {}, None),
        (0, {}, None),
        (1001, {}, "Access/permission denied"),
        (1000, {"final": {}}, "Invalid job id specified"),
        (1000, {"ended": 1.0}, "Invalid job id specified"),
        (1000, {"until": 1.0}, "Job/step already completing or completed"),
        # 先看是不是他的：别人的作业正不正在结束与他无关
        (1001, {"until": 1.0}, "Access/permission denied"),
    ],
)
def test_only_the_owner_and_root_reach_a_job(uid: int, change: Any, sentence: str | None):
    register, own = Register(), job()
    register.add(own)
    vars(own).update(change)
    field = Field({"job": 7})
    if sentence is None:
        assert register.owned(Ear(uid), field) is own
        return
    with pytest.raises(Refused, match=sentence):
        register.owned(Ear(uid), field)


def test_nobody_reaches_a_job_of_a_closing_stepd():
    register, own = Register(), job()
    register.add(own)
    register.closing = True
    with pytest.raises(Refused, match="completing"):
        register.owned(Ear(), Field({"job": 7}))


# ---- 旁听 ----


def test_those_who_listen_hear_and_those_who_left_do_not():
    audience, own = Audience(), step(job())
    near, gone, other = Ear(), Ear(), Ear()
    audience.join(near, own)
    audience.join(gone, own)
    audience.join(other, step(job(8)))
    audience.leave(gone)
    audience.leave(gone)
    audience.tell(own, {"op": "exited"})
    audience.dismiss(own)
    assert [message["op"] for message in near.heard_messages] == ["exited", "finished"]
    assert gone.heard_messages == other.heard_messages == []
    assert near.heard is None
    audience.join(near, own)  # 结束了的可以再听别的


@pytest.mark.parametrize("busy", ["step", "wish", "heard"])
def test_connection_that_is_busy_listens_to_nothing_more(busy: str):
    ear = Ear()
    setattr(ear, busy, step(job()))
    with pytest.raises(ValueError, match="one step"):
        Audience().join(ear, step(job()))


# ---- 要求、用量与结局 ----

WISH = {"name": "s", "tasks": 2, "cpus": 2, "held": 1, "immediate": False}


@pytest.mark.parametrize(
    ("change", "held"), [({}, 1), ({"held": 0}, 0), ({"hold": "all", "held": None}, None)]
)
def test_wish_says_what_it_holds(change: Any, held: int | None):
    assert Wish(Field(WISH | change), job()).held == held


@pytest.mark.parametrize(
    "change",
    [{"tasks": 0}, {"tasks": MAX_TASKS + 1}, {"cpus": 0}, {"held": -1}, {"held": None},
     {"name": None}, {"immediate": 1}],
)  # fmt: skip
def test_wish_that_makes_no_sense_is_refused(change: Any):
    with pytest.raises(ValueError, match=r"is not|out of range"):
        Wish(Field(WISH | change), job())


def test_name_of_a_step_is_cut():
    assert len(Wish(Field(WISH | {"name": "x" * 5000}), job()).name) == 1024


def test_usage_adds_time_and_keeps_the_largest_memory():
    usage = Usage()
    for user, rss in ((0.5, 100), (0.25, 50)):
        reaped = SimpleNamespace(ru_utime=user, ru_stime=0.1, ru_maxrss=rss)
        usage.add(reaped)  # type: ignore[arg-type]
    usage.raise_to(0.1, 3.0, 80)
    assert usage.report() == {"user": 0.75, "system": 3.0, "max_rss": 100}


def test_layout_names_each_file_once():
    own = step(job(), count=3)
    own.outputs = [("/a", "/a"), ("/b", None), (False, "/a")]
    assert own.layout() == (["/a", "/b"], [[0, 0], [1, None], [False, 0]])


@pytest.mark.parametrize(
    ("statuses", "found"),
    [([], None), ([None], None), ([0, 256], 256), ([9, 256], 9), ([137 << 8, 9], 137 << 8)],
)
def test_worst_is_the_highest_exit_code_of_a_shell(statuses: list[Any], found: int | None):
    assert worst(statuses) == found


def test_exit_code_of_a_signal_is_128_and_its_number():
    assert (shell_code(3 << 8), shell_code(15)) == (3, 143)


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ({}, {}),
        ({"task_prolog": "/a"}, {"task_prolog": "/a"}),
        ({"task_prolog": None, "task_epilog": "/b"}, {"task_epilog": "/b"}),
    ],
)
def test_programs_around_a_task_are_kept_where_they_are_named(message: Any, kept: Any):
    assert Around(Field(message)).kept() == kept
