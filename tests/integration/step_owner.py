"""测试里 srun 那样的一方：一条连接，带一个作业步。"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from scns.stepd import protocol
from tests.integration.stepd_pair import Message, Pair

#: 一直占着作业的脚本。
SLEEPER = "#!/bin/sh\nexec sleep 100\n"


class Owner:
    """一条 srun 那样的连接。"""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.client = protocol.connect(str(pair.run_dir))
        self.messages: list[Message] = []

    def send(self, operation: str, descriptors: tuple[int, ...] = (), /, **fields: Any) -> None:
        self.client.pass_on({"op": operation, **fields}, descriptors)

    def expect(self, *operations: str) -> Message:
        while True:
            for message in self.messages:
                if message["op"] in operations:
                    self.messages.remove(message)
                    return message
            got = self.client.receive(10)
            assert got, f"no {operations}; got {self.messages}"
            self.messages += got

    def step(self, job: int, tasks: int = 1, held: int | None = 1, **changes: Any) -> Message:
        """要一步，返回头一个回答；`held` 为 None 是占下作业的全部。"""
        wish = {"name": "stp", "tasks": tasks, "cpus": tasks, "immediate": False, "held": held}
        self.send("step", job=job, hold="all" if held is None else None, **(wish | changes))
        return self.expect("created", "waiting", "refused")

    def launch(self, tasks: int, script: str, /, **changes: Any) -> Path:
        """每个任务运行一段 shell，输出都到一个文件，返回它。"""
        path = self.pair.work / f"step{id(self)}"
        output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        message = {
            "programs": [["/bin/sh", "-c", script]],
            "tasks": [[0, None, 1, 1]] * tasks,
            "environment": "PATH=/usr/local/bin:/usr/bin:/bin",
            "directory": str(self.pair.work),
            "umask": 0o022,
            "append": False,
            "limits": {},
        }
        self.send("launch", (2, output), **(message | changes))
        os.close(output)
        return path

    def run(self, tasks: int, script: str, /, **changes: Any) -> tuple[list[int], str]:
        """运行到底，返回各任务的等待状态与输出。"""
        path = self.launch(tasks, script, **changes)
        statuses = {}
        for _ in range(tasks):
            message = self.expect("exited")
            statuses[message["task"]] = message["status"]
        self.expect("finished")
        return [statuses[task] for task in range(tasks)], path.read_text()

    def close(self) -> None:
        self.client.close()


def step_ended(pair: Pair, step: int) -> Message:
    return pair.expect(lambda m: m["op"] == "step_ended" and m["step"] == step)
