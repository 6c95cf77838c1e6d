"""`scns why`：一个作业为什么还在等，何时启动，怎样改会早些。

scnsd 用规划器回答事实，这里说成句子。
"""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from scns import arrays
from scns.cli import control
from scns.cli.own.sentences import sentences
from scns.db import connect
from scns.errors import RequestRefused, Unavailable

_ASK = "SELECT scns.request('why', %s::jsonb, '{}')"

_ANSWER = """
SELECT r.done_time IS NOT NULL,
       coalesce((SELECT bool_or(c.alive) FROM scns.controller c), false), r.result::text
  FROM scns.my_request r WHERE r.id = %s
"""

#: scnsd 不在时只有它最后写下的原因。
_LAST = """
SELECT q.owner, q.name, q.state, q.reason FROM scns.queue q
 WHERE (q.id = %s OR q.array_job_id = %s) ORDER BY q.state <> 'PENDING', q.id LIMIT 1
"""

#: scnsd 一时回答不过来时的话：再问一遍。
_LATER = "Too many questions at once, ask again"

#: 最多等多少秒；看不到有人排计划以后还等多少秒：闲着的 scnsd 可能正在续租。
_PATIENCE, _GRACE = 10.0, 0.1


def why(
    jobs: Annotated[list[str], typer.Argument(metavar="JOB", help="Job ids: 42 or 42_7.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> int:
    """说明各作业为什么还在等。"""
    refs = [arrays.parse_job_ref(word) for word in jobs]
    targets = [target_of(ref) for ref in refs]
    connection = connect.connect()
    answers = ask(connection, targets)
    if answers is None:
        return _without_scnsd(connection, refs)
    if as_json:
        print(json.dumps(answers, indent=2))
        return 1 if any("error" in facts for facts in answers) else 0
    console = Console(highlight=False, soft_wrap=True)
    for at, facts in enumerate(answers):
        if "error" in facts:
            raise RequestRefused(f"{facts['error']} {jobs[at]}")
        if at:
            console.print()
        first, *rest = sentences(facts)
        console.print(Text(first, style="bold"))
        for sentence in rest:
            console.print(Text(sentence))
    return 0


def target_of(ref: arrays.JobRef) -> dict[str, Any]:
    """请求里的一个目标。"""
    target: dict[str, Any] = {"job": ref.job_id}
    if ref.ranges is not None:
        target["tasks"] = arrays.to_multirange(ref.ranges)
    return target


def ask(connection: Any, targets: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """问 scnsd，返回各目标的事实；它不在时为 None。

    异常：
        Unavailable：scnsd 在，却迟迟不答
    """
    deadline = time.monotonic() + _PATIENCE
    answers: list[dict[str, Any]] = []
    while len(answers) < len(targets):
        fresh = _ask_once(connection, targets[len(answers) :], deadline)
        if fresh is None:
            return None
        ready = [facts for facts in fresh if facts.get("error") != _LATER]
        answers += ready
        if not ready:
            time.sleep(_GRACE)
    return answers


def _ask_once(
    connection: Any, targets: list[dict[str, Any]], deadline: float
) -> list[dict[str, Any]] | None:
    [(request_id,)] = connect.call(connection, _ASK, (control.encode(targets),))
    asked = time.monotonic()
    pause = 0.002
    while time.monotonic() < deadline:
        time.sleep(pause)
        [(done, alive, result)] = connect.call(connection, _ANSWER, (request_id,))
        if done:
            return list(json.loads(result))
        if not alive and time.monotonic() > asked + _GRACE:
            return None
        pause = min(pause * 2, 0.05)
    raise Unavailable(f"scnsd did not answer in {_PATIENCE:.0f} s")


def _without_scnsd(connection: Any, refs: list[arrays.JobRef]) -> int:
    """没有人排计划：这就是原因，再说它最后写下的。"""
    for ref in refs:
        rows = connect.call(connection, _LAST, (ref.job_id, ref.job_id))
        if not rows:
            raise RequestRefused(f"Invalid job id specified {ref.job_id}")
        [(owner, name, state, reason)] = rows
        print(f"Job {ref.job_id} ({name}, {owner}) is {state}.")
        if state == "PENDING":
            print("scnsd is not running, and nothing starts until it does ('scns up').")
            print(f"The last reason it gave: {reason}.")
    return 0
