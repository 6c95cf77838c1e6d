"""本节点作业步的名册：哪个作业有哪些步，占着几个 CPU、哪几块 GPU，下一步几号；也从日记里读回来。"""

from __future__ import annotations

from scns.stepd.spec import Field
from scns.stepd.step import Step, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from scns.stepd.job import Job
    from scns.stepd.journal import Past
    from scns.stepd.protocol import Message


class Roll:
    """作业步的名册；结束了而没有确认的也在上面。"""

    def __init__(self) -> None:
        self._of: dict[Job, dict[int, Step]] = {}
        self._next: dict[Job, int] = {}

    def __iter__(self) -> Iterator[Step]:
        return (step for steps in list(self._of.values()) for step in list(steps.values()))

    def of(self, job: Job) -> list[Step]:
        """作业的步，照步号。"""
        return list(self._of.get(job, {}).values())

    def find(self, job: Job, number: int) -> Step | None:
        """作业的一步；没有这个步号，或已经确认过，为 None。"""
        return self._of.get(job, {}).get(number)

    def next_number(self, job: Job) -> int:
        """作业的下一步的步号。"""
        return self._next.get(job, 0)

    def held(self, job: Job) -> int:
        """还没结束的步占着的 CPU 数。"""
        return sum(step.held for step in self.of(job) if step.final is None)

    def held_gpus(self, job: Job) -> set[int]:
        """还没结束的步占着的 GPU。"""
        return {one for step in self.of(job) if step.final is None for one in step.gpus}

    def add(self, step: Step) -> None:
        """登记一步。"""
        self._next[step.job] = max(self.next_number(step.job), step.number + 1)
        self._of.setdefault(step.job, {})[step.number] = step

    def strike(self, step: Step) -> None:
        """一步的结局已经记好。"""
        del self._of[step.job][step.number]

    def forget(self, job: Job) -> list[Step]:
        """作业的结局已经记好，连同它的步一起忘掉；返回忘掉的步。"""
        self._next.pop(job, None)
        return list(self._of.pop(job, {}).values())

    def reports(self) -> list[Message]:
        """`welcome` 里的 `steps`：在跑的与没有确认的。"""
        return [step.final or {"op": "step_started", **step.facts()} for step in self]

    def recover(self, job: Job, past: Past) -> None:
        """接手日记里的步。

        异常：
            ValueError：记录的字段不对
        """
        for record in past.steps:
            self._replay(job, Field(record), record)

    def _replay(self, job: Job, field: Field, record: Message) -> None:
        if record["event"] == "next_step":
            self._next[job] = max(self.next_number(job), field.integer("next"))
            return
        number = field.integer("step")
        step = self.find(job, number)
        if record["event"] == "step":
            sizes = (field.integer("tasks"), field.integer("cpus"), field.integer("held"))
            step = Step(job, number, field.text("name"), *sizes, field.moment("started"))
            step.gpus = field.optional_integers("gpus") or []
            self.add(step)
        elif step is None:
            self._next[job] = max(self.next_number(job), number + 1)
        elif record["event"] == "tasks":
            pairs = [pair.optional_integers("pids") or [0, 0] for pair in field.items("pids")]
            step.tasks = [Task(at, *pair) for at, pair in enumerate(pairs)]
        elif record["event"] == "task":
            task = step.tasks[field.integer("task")]
            task.ended = True
            task.status = None if record.get("status") is None else field.integer("status")
        else:
            step.final = field.table("message")
