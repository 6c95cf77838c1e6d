"""srun 守着一步：怎样对待信号、先后结束的任务与时限；stepd 是假的。"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from scns.cli.launch.channel import Closed
from scns.cli.launch.step import Manners, Watch
from scns.cli.launch.streams import Wiring

Message = dict[str, Any]


class Stepd:
    """照剧本说话的 stepd：每读一次给下一批消息；没有了就断开。"""

    def __init__(self, *batches: list[Message] | int) -> None:
        self.batches = list(batches)
        self.sent: list[Message] = []
        self.signals: list[int] = []
        self._readable, outer = os.pipe()
        os.write(outer, b"x")
        self._ends = (self._readable, outer)

    pending = False

    def fileno(self) -> int:
        return self._readable

    def receive(self) -> list[Message]:
        """下一批；数字是此时来的信号。"""
        while self.batches:
            batch = self.batches.pop(0)
            if isinstance(batch, list):
                return batch
            self.signals.append(batch)
            return []
        raise Closed

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def close(self) -> None:
        for descriptor in self._ends:
            os.close(descriptor)


class Wake:
    """来过的信号就是 stepd 的剧本里的。"""

    def __init__(self, stepd: Stepd) -> None:
        self._stepd = stepd
        self._inner, outer = os.pipe()
        os.write(outer, b"x")
        self._ends = (self._inner, outer)

    def fileno(self) -> int:
        return self._inner

    def take(self) -> list[int]:
        taken, self._stepd.signals = self._stepd.signals, []
        return taken

    def close(self) -> None:
        for descriptor in self._ends:
            os.close(descriptor)


@pytest.fixture
def watch() -> Iterator[Any]:
    """守一步；返回退出码、最坏的状态与发给 stepd 的。"""
    made: list[Any] = []

    def run(*batches: list[Message] | int, tasks: int = 1, manners: Manners | None = None) -> Any:
        stepd = Stepd(*batches)
        wake = Wake(stepd)
        made.extend((stepd, wake))
        parts: Any = (stepd, Wiring(tasks), wake)
        watching = Watch(*parts, manners or Manners(), "42.0", "n1")
        code = watching.until_over()
        sent = [(one["op"], one.get("signal", one.get("grace"))) for one in stepd.sent]
        return code, watching.worst, sent

    yield run
    for each in made:
        each.close()


def exited(task: int, status: int | None) -> Message:
    return {"op": "exited", "task": task, "status": status}


FINISHED: Message = {"op": "finished"}


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([0], 0),
        ([0, 3 << 8, 1 << 8], 3),
        ([9, 3 << 8], 137),
        ([None, 0], 0),
        ([None], 0),
        ([2 << 8, None], 2),
    ],
)
def test_exit_code_is_that_of_the_worst_task(watch: Any, statuses: list[int | None], code: int):
    ends = [exited(task, status) for task, status in enumerate(statuses)]
    assert watch([*ends, FINISHED], tasks=len(ends))[0] == code


def test_tasks_with_the_same_end_are_told_in_one_line(watch: Any, capsys: Any):
    ends = [exited(task, 7 << 8) for task in (0, 1, 3)]
    watch([*ends, exited(2, 9), FINISHED], tasks=4)
    assert capsys.readouterr().err.splitlines() == [
        "srun: error: n1: tasks 0-1,3: Exited with exit code 7",
        "srun: error: n1: task 2: Killed",
        "srun: Force Terminated StepId=42.0",
    ]


def test_one_interrupt_tells_and_the_second_is_passed_on(watch: Any, capsys: Any):
    code, _, sent = watch(signal.SIGINT, signal.SIGINT, [exited(0, 2), FINISHED])
    assert (code, sent) == (130, [("forward", 2)])
    assert capsys.readouterr().err.splitlines()[:3] == [
        "srun: interrupt (one more within 1 sec to abort)",
        "srun: StepId=42.0 task 0: running",
        "srun: sending Ctrl-C to StepId=42.0",
    ]


def test_third_interrupt_ends_the_step_at_once(watch: Any, capsys: Any):
    interrupts = [signal.SIGINT] * 3
    _, _, sent = watch(*interrupts, [exited(0, 9), FINISHED])
    assert sent == [("forward", 2), ("finish", 0.0)]
    assert "srun: forcing job termination" in capsys.readouterr().err


def test_first_interrupt_is_enough_when_asked(watch: Any):
    _, _, sent = watch(
        signal.SIGINT, [exited(0, 2), FINISHED], manners=Manners(interrupt_ends=True)
    )
    assert sent == [("forward", 2)]


@pytest.mark.parametrize(
    ("number", "grace"),
    [(signal.SIGTERM, None), (signal.SIGHUP, None), (signal.SIGQUIT, 0.0)],
)
def test_signals_that_end_srun_end_the_step(watch: Any, number: int, grace: float | None):
    code, _, sent = watch(number, [exited(0, 15), FINISHED])
    assert (code, sent) == (143, [("finish", grace)])


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT])
def test_other_signals_go_to_the_tasks(watch: Any, number: int):
    assert watch(number, [exited(0, 0), FINISHED])[2] == [("forward", number)]


@pytest.mark.parametrize("number", [signal.SIGCHLD, signal.SIGPIPE, signal.SIGWINCH])
def test_signals_that_mean_nothing_to_tasks_stay_here(watch: Any, number: int):
    assert watch(number, [exited(0, 0), FINISHED])[2] == []


def test_failed_task_ends_the_others_when_asked(watch: Any, capsys: Any):
    manners = Manners(kill_on_bad_exit=True)
    ends = [exited(1, 9), exited(2, 9), FINISHED]
    code, _, sent = watch([exited(0, 1 << 8)], ends, tasks=3, manners=manners)
    assert (code, sent) == (137, [("forward", 9), ("forward", 9)])
    assert "srun: Terminating StepId=42.0" in capsys.readouterr().err


def test_failed_task_leaves_the_others_alone_otherwise(watch: Any):
    ends = [exited(1, 0), FINISHED]
    assert watch([exited(0, 1 << 8)], ends, tasks=2)[::2] == (1, [])


def test_end_of_the_job_is_told_with_its_line(watch: Any, capsys: Any):
    line = "slurmstepd: error: *** STEP 42.0 ON n1 CANCELLED ***"
    ending = {"op": "ending", "line": line, "step": 0}
    assert watch([ending], [exited(0, 15), FINISHED])[0] == 143
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == [
        line,
        "srun: Job step aborted: Waiting up to 32 seconds for job step to finish.",
    ]
    assert not any("Force Terminated" in each for each in said)


def test_step_that_was_ended_before_any_task_is_an_error(watch: Any):
    assert watch([{"op": "ending", "line": None, "step": 0}, FINISHED])[0] == 1


def test_stepd_that_goes_is_told(watch: Any):
    with pytest.raises(Closed):
        watch([exited(0, 0)])
